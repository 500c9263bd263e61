"""The credentials that instances get for the role of their instance profile.

Hosts ask for them by instance and hand them to guests by the metadata service; each is a session
of the role, named after the instance, as if EC2 had assumed the role: the role's trust policy must
let `ec2.amazonaws.com` in. Nothing is written: a session is in its token. Called by `hosts`, which
knows that the host carries the instance. Not its business: when hosts ask (`node.credentials`).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

from mallee.cloud.identity import sessions, trust
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.cloud.trail import events
from mallee.kit import secretbox
from mallee.model.compute.instances import Instance, InstanceSeen, Power
from mallee.model.hosts.hosts import ProfileWanted, RoleCredentials
from mallee.model.identity import identities
from mallee.model.identity.sessions import CallerKind, Session

LIFE_S = 6 * 3600.0
"""As on AWS, whatever the role's longest session is."""

NO_TRUST = "AssumeRoleUnauthorizedAccess"
NOT_FOUND = "InstanceProfileNotFound"

InstanceRecord = Record[Instance, InstanceSeen]


def profile_wanted(view: store.View, instance: InstanceRecord) -> ProfileWanted | None:
    """Return what an instance's host is told of its profile; None when it has none."""
    held = instance.doc.profile
    if held is None:
        return None
    profile = view.get(records.INSTANCE_PROFILE, held.profile_id)
    role = view.get(records.ROLE, profile.doc.role_id or "") if profile else None
    return ProfileWanted(
        id=held.profile_id,
        arn=held.profile_arn,
        is_there=profile is not None,
        role_id=role.id if role else "",
        role_name=role.doc.name if role else "",
    )


Tell = Callable[[events.Event], None]


@dataclass(frozen=True, slots=True)
class Means:
    """What giving credentials takes."""

    view: store.View
    box: secretbox.SecretBox
    tell: Tell
    """Writes into the trail."""


def issue(means: Means, instance: InstanceRecord, now: float) -> RoleCredentials | None:
    """Return fresh credentials for an instance, or why it gets none, which its guest is told.

    None: there is nothing to have, because it has no role or is going away, or its account is no
    longer good for anything.
    """
    view = means.view
    wanted = profile_wanted(view, instance)
    role = view.get(records.ROLE, wanted.role_id) if wanted else None
    account = view.get(records.ACCOUNT, instance.account)
    if wanted is None or role is None or account is None or not account.doc.is_active:
        return None
    if instance.doc.power is Power.TERMINATED:
        return None
    arn = identities.arn(role.account, "role", role.doc.path, role.doc.name)
    asked = {"aws:sourceaccount": instance.account}
    if role.account != instance.account or not trust.trusts_service(
        role.doc, arn, trust.EC2, asked
    ):
        return RoleCredentials(
            role_id=role.id,
            issued_at=now,
            expires_at=now,
            code=NO_TRUST,
            message=f"EC2 cannot assume the role {role.doc.name}. Does the role's trust policy "
            f"allow it to {trust.EC2}?",
        )
    session = Session(
        kind=CallerKind.ROLE,
        account=role.account,
        issuer_id=role.id,
        name=instance.id,
        issued_at=now,
        expires_at=now + LIFE_S,
        instance_id=instance.id,
    )
    made = sessions.issue(means.box, os.urandom, session)
    means.tell(events.of_service(trust.EC2, arn, session, made.access_key_id))
    return RoleCredentials(
        role_id=role.id,
        access_key_id=made.access_key_id,
        secret_access_key=made.secret,
        token=made.token,
        issued_at=now,
        expires_at=made.expires_at,
    )
