"""Which instance has which instance profile: given at launch, or while the instance lives.

An *association* ties one instance to one profile and is part of the instance's document; it holds
from the next answer on, so nothing is ever seen under way. A launch and these actions take the
permission to pass the profile's role to EC2. Called through the action table, and by
`launchrequest`. Not its business: profiles (`iam.instanceprofiles`), their credentials
(`rolecredentials`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Pass, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.instances import power
from mallee.cloud.ec2.instances.power import InstanceRecord
from mallee.cloud.iam import entities
from mallee.cloud.iam import instanceprofiles as profiles
from mallee.cloud.iam.instanceprofiles import ProfileRecord
from mallee.cloud.identity import trust
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.compute.instances import ProfileAssociation, State
from mallee.model.identity import identities

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

ID_PREFIX = "iip-assoc"
_LIVING = frozenset({State.PENDING, State.RUNNING, State.STOPPING, State.STOPPED})


def given(call: Call, specification: Mapping[str, Any]) -> ProfileRecord:
    """Return the profile that a request names, when instances can have it.

    Raises `InvalidParameterValue` for one that is not there, or has no role.
    """
    found = profiles.find_given(call, specification)
    if found is None:
        member = "arn" if specification.get("Arn") else "name"
        value = specification.get("Arn") or specification.get("Name") or ""
        words = {"arn": "ARN", "name": "name"}[member]
        raise errors.InvalidParameterValue(
            f"Value ({value}) for parameter iamInstanceProfile.{member} is invalid. Invalid IAM "
            f"Instance Profile {words}"
        )
    if found.doc.role_id is None:
        arn = entities.arn(found)
        raise errors.InvalidParameterValue(
            f'IAM Instance Profile "{arn}" has no associated IAM Roles'
        )
    return found


def association(call: WriteCall, profile: ProfileRecord) -> ProfileAssociation:
    """Return a new association with a profile, for an instance's document."""
    return ProfileAssociation(
        id=ids.make(ID_PREFIX, call.entropy(ids.ID_BYTES)),
        profile_id=profile.id,
        profile_arn=entities.arn(profile),
        since=call.tx.now,
    )


def passed(call: Call, request: Request) -> Iterable[Pass]:
    """Yield the role that a request hands to instances."""
    specification: Mapping[str, Any] | None = request.get("IamInstanceProfile")
    if not specification:
        return
    found = profiles.find_given(call, specification)
    role = call.view.get(records.ROLE, found.doc.role_id or "") if found else None
    # A profile may get a role before the request is done: it could be any.
    arn = entities.arn(role) if role else identities.arn(call.account, "role", "/", "*")
    instance: str = request.get("InstanceId") or "*"
    prefix = f"arn:aws:ec2:{call.settings.region}:{call.account}:instance"
    yield Pass(arn, trust.EC2, (f"{prefix}/{instance}",))


def associate(
    call: WriteCall, request: shapes.AssociateIamInstanceProfileRequest
) -> shapes.AssociateIamInstanceProfileResult:
    """Give a profile to an instance that has none."""
    record = resources.one(call, records.INSTANCE, request["InstanceId"])
    if power.state_of(record) not in _LIVING:
        raise errors.IncorrectInstanceState(record.id, "associated with an instance profile")
    if record.doc.profile is not None:
        raise errors.IncorrectState(f"There is an existing association for instance {record.id}")
    made = association(call, given(call, request["IamInstanceProfile"]))
    record = call.tx.write(record, replace(record.doc, profile=made))
    return {"IamInstanceProfileAssociation": _shown(record, "associating")}


def disassociate(
    call: WriteCall, request: shapes.DisassociateIamInstanceProfileRequest
) -> shapes.DisassociateIamInstanceProfileResult:
    """Take its profile from an instance; credentials that it has fetched live out their time."""
    record = _of(call, request["AssociationId"])
    shown = _shown(record, "disassociating")
    call.tx.write(record, replace(record.doc, profile=None))
    return {"IamInstanceProfileAssociation": shown}


def replace_association(
    call: WriteCall, request: shapes.ReplaceIamInstanceProfileAssociationRequest
) -> shapes.ReplaceIamInstanceProfileAssociationResult:
    """Give another profile to an instance that has one, in one step."""
    record = _of(call, request["AssociationId"])
    made = association(call, given(call, request["IamInstanceProfile"]))
    record = call.tx.write(record, replace(record.doc, profile=made))
    return {"IamInstanceProfileAssociation": _shown(record, "associating")}


def shown_profile(doc_profile: ProfileAssociation | None) -> shapes.IamInstanceProfile | None:
    """Return a profile as an instance shows it."""
    if doc_profile is None:
        return None
    return {"Arn": doc_profile.profile_arn, "Id": doc_profile.profile_id}


def _of(call: Call, association_id: str) -> InstanceRecord:
    for record in call.view.by(records.INSTANCE, "profile-association", association_id):
        if record.account == call.account and power.state_of(record) in _LIVING:
            return record
    raise errors.InvalidAssociationIDNotFound(association_id)


def _find(
    call: Call, request: shapes.DescribeIamInstanceProfileAssociationsRequest
) -> list[InstanceRecord]:
    asked = request.get("AssociationIds")
    if asked:
        return [_of(call, id) for id in dict.fromkeys(asked)]
    return [
        record
        for record in call.view.list(records.INSTANCE, call.account)
        if record.doc.profile is not None and power.state_of(record) in _LIVING
    ]


def _id_of(record: InstanceRecord) -> str:
    return record.doc.profile.id if record.doc.profile else ""


def _shown(record: InstanceRecord, state: str) -> shapes.IamInstanceProfileAssociation:
    held = record.doc.profile
    assert held is not None, "only instances with a profile are shown here"
    return {
        "AssociationId": held.id,
        "InstanceId": record.id,
        "IamInstanceProfile": shown_profile(held),
        "State": state,
        "Timestamp": held.since,
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="AssociateIamInstanceProfile",
        does=Write(handle=associate),
        honours=frozenset({"IamInstanceProfile.Arn", "IamInstanceProfile.Name", "InstanceId"}),
        passes=passed,
    ),
    Action(
        service="ec2",
        name="DisassociateIamInstanceProfile",
        does=Write(handle=disassociate),
        honours=frozenset({"AssociationId"}),
    ),
    Action(
        service="ec2",
        name="ReplaceIamInstanceProfileAssociation",
        does=Write(handle=replace_association),
        honours=frozenset({"IamInstanceProfile.Arn", "IamInstanceProfile.Name", "AssociationId"}),
        passes=passed,
    ),
    Action(
        service="ec2",
        name="DescribeIamInstanceProfileAssociations",
        does=Listing(
            find=_find,
            render=lambda _, record: _shown(record, "associated"),
            member="IamInstanceProfileAssociations",
            filters={
                "instance-id": lambda _, record: (record.id,),
                "state": lambda _, record: ("associated",),
            },
            key=_id_of,
        ),
        honours=frozenset({"AssociationIds"}),
    ),
)
