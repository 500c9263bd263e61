"""Deputies: a service of the cloud that acts by a role which an account gave it.

What a deputy asks goes through the same stages as anybody's request: the role's policies must allow
it, quotas hold, hosts are asked, the trail tells it. The role must let the service in, by its trust
policy, each time anew. Called by reconcilers. Not its business: who may hand a role to a service
(`iam:PassRole`, at the row that does).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mallee.aws import errors
from mallee.cloud import http, pipeline, services, things
from mallee.cloud.call import Principal, Result, WriteCall
from mallee.cloud.identity import authenticate, sessions, trust
from mallee.cloud.state import store
from mallee.cloud.trail import events
from mallee.model.identity import identities
from mallee.model.identity.identities import Role
from mallee.model.identity.sessions import CallerKind, Session

LIFE_S = 3600.0

Within = Callable[[WriteCall, Result], None]


class NotLetIn(Exception):
    """The role cannot be taken on; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """By which role a service acts, and for what."""

    service: str
    """`dlm.amazonaws.com`."""
    account: str
    role_arn: str
    source_arn: str
    """What the account wants done (`aws:SourceArn`)."""
    session: str
    """The session's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something to be done."""

    operation: str
    """Of EC2."""
    asked: dict[str, Any] = field(default_factory=dict[str, Any])
    within: Within | None = None
    """What is done besides, in the same transaction; it may be run more than once."""


def take_on(cloud: pipeline.Cloud, errand: Errand) -> Principal:
    """Return whom the service is when it acts by the role; raise `NotLetIn`."""
    view, now = cloud.store.view, cloud.clock.now()
    role = _role(view, errand)
    asked = {"aws:sourceaccount": errand.account, "aws:sourcearn": errand.source_arn}
    if not trust.trusts_service(role, errand.role_arn, errand.service, asked):
        raise NotLetIn(
            f"{errand.service} cannot assume the role {errand.role_arn}. Does the role's trust "
            "policy allow it?"
        )
    session = Session(
        kind=CallerKind.ROLE,
        account=errand.account,
        issuer_id=role.id,
        name=errand.session,
        issued_at=now,
        expires_at=now + LIFE_S,
    )
    issued = sessions.issue(cloud.box, os.urandom, session)
    who = authenticate.principal_of_session(view, session, issued.access_key_id)
    if who is None:
        raise NotLetIn(f"The account {errand.account} is not active.")
    told = events.of_service(errand.service, errand.role_arn, session, issued.access_key_id)
    cloud.trail.add(told, at_once=False)
    return who


def _role(view: store.View, errand: Errand) -> Role:
    found = things.find(view, errand.account, errand.role_arn)
    is_role = isinstance(found, Role)
    if not is_role or identities.arn(errand.account, "role", found.path, found.name) != (
        errand.role_arn
    ):
        raise NotLetIn(f"There is no role {errand.role_arn}.")
    return found


async def do(cloud: pipeline.Cloud, who: Principal, service: str, deed: Deed) -> None:
    """Do something of EC2 as a service that has taken a role on; raise what it is refused with."""
    request = http.Request(
        method="POST",
        path="/",
        query="",
        headers={"user-agent": service},
        body=b"",
        peer=service,
    )
    exchange = pipeline.begin(cloud, request)
    exchange.service, exchange.operation = services.SERVICES["ec2"], deed.operation
    exchange.principal, exchange.asked, exchange.within = who, deed.asked, deed.within
    try:
        exchange.row = services.find_action(cloud.table, exchange.service, deed.operation)
        await pipeline.perform(cloud, exchange, cloud.clock.now())
    except errors.AwsError as error:
        pipeline.end_refused(cloud, exchange, error)
        raise
    pipeline.end(cloud, exchange, b"")
