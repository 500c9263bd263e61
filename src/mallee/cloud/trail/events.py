"""One line of the trail: a call as it will be remembered.

An *event* says when, who, from where, what was asked (without secrets), whether it was allowed and
by which statements, and what came of it. Made by the pipeline at the end of every call; read by
`search`. What was not found out about a call is left out. Not its business: files (`journal`).
"""

import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from mallee.cloud.action import Action, Write
from mallee.cloud.call import Principal
from mallee.cloud.identity import authorize
from mallee.cloud.trail import hiding
from mallee.kit import logs
from mallee.model.identity.sessions import CallerKind, Session

JUDGEMENTS_MAX = 16
"""How many decisions of one call are written; a launch has eight, a flood of ids thousands."""
MADE_MAX = 100
MESSAGE_LENGTH_MAX = 600
AGENT_LENGTH_MAX = 256
INTERNAL = "AWS Internal"
"""Where a call comes from that a service makes for its caller: CloudTrail's own words."""
MADE_LENGTH_MAX = 1 << 18
"""How far an answer is searched for ids: a launch of hundreds fits."""

_log = logs.get(__name__)

_READS = re.compile(
    r"(Get|List|Describe|Lookup|Decode|Simulate|Explain|Generate|AssumeRole)(?=[A-Z]|$)"
    r"|(Encrypt|Decrypt|ReEncrypt|Sign|Verify|VerifyMac|DeriveSharedSecret)$"
)
_ID = re.compile(r"""[>"]([a-z]{1,16}-[0-9a-f]{17})[<"]""")
_SEALED = re.compile(r" Encoded authorization failure message: \S+")


class Judgement(msgspec.Struct, frozen=True, array_like=True):
    """A permission that was asked for, and the statement that decided."""

    permission: str
    resource: str
    verdict: str
    """As IAM's simulator says it: `allowed`, `explicitDeny`, `implicitDeny`."""
    kind: str = ""
    """Of the policy; empty where no statement decided."""
    policy: str = ""
    """Its ARN, or its name where it is inline."""
    sid: str = ""
    position: int = -1
    """Of the statement in the policy, from zero."""
    missing: tuple[str, ...] = ()
    """The kinds of policies in which an allowance was missing."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is told of a call."""

    at: datetime
    """When it was answered."""
    request_id: str
    peer: str
    endpoint: str = ""
    """The VPC endpoint that it came by; empty: none."""
    agent: str = ""
    """What the client says that it is."""
    service: str = ""
    action: str = ""
    is_read: bool = False
    account: str = ""
    """The caller's; nobody's where empty."""
    recipient: str = ""
    """The account that it was about, where that is another than the caller's."""
    user: str = ""
    """The caller's ARN."""
    user_id: str = ""
    kind: str = ""
    """What sort of caller: empty for a user, `role`, `federated`, `service`."""
    issuer: str = ""
    """ARN of the role or user behind a session."""
    source_identity: str = ""
    mfa: bool = False
    access_key: str = ""
    status: int
    error: str = ""
    """The error's code."""
    message: str = ""
    ms: float
    """From its last byte in to its answer made."""
    refused: bool = False
    """Whether it was refused because the caller may not."""
    waiver: str = ""
    """Why no policy was asked: `administrator`, `everyones`, `unsigned`."""
    judged: tuple[Judgement, ...] = ()
    judged_more: int = 0
    """How many decisions are left out."""
    asked: Any = None
    """Parameters of the request, secrets hidden."""
    made: tuple[str, ...] = ()
    """Ids in the answer of a call that changed something; keys that a service was given."""
    more: int = 0
    """Of a stranger: how many of his refused calls are told by this one line."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the pipeline knows of a call when it is over."""

    at: datetime
    request_id: str
    peer: str
    endpoint: str = ""
    agent: str
    service: str
    action: str
    principal: Principal | None
    outcome: authorize.Outcome | None
    asked: dict[str, Any] | None
    about: str
    """The account that the call was about; empty: his own, or none."""
    made: str
    """The result as it was encoded, of a call that changed something."""
    status: int
    error: str
    message: str
    ms: float


def describe(told: Told) -> Event:
    """Return what the trail says of a call."""
    who, outcome = told.principal, told.outcome
    session = who.session if who else None
    judged = outcome.judged if outcome else ()
    is_user = who is None or who.kind in (CallerKind.USER, CallerKind.NOBODY)
    return Event(
        at=told.at,
        request_id=told.request_id,
        peer=told.peer,
        endpoint=told.endpoint,
        agent=_clean(told.agent[:AGENT_LENGTH_MAX]),
        service=told.service,
        action=told.action,
        is_read=is_read(told.action),
        account=who.account if who else "",
        recipient=_recipient(told),
        user=who.arn if who else "",
        user_id=who.user_id if who else "",
        kind="" if is_user or who is None else who.kind.value,
        issuer=who.issuer_arn if who else "",
        source_identity=(session.source_identity or "") if session else "",
        mfa=session is not None and session.mfa_at is not None,
        access_key=who.access_key_id if who else "",
        status=told.status,
        error=told.error,
        message=_clean(_SEALED.sub("", told.message)[:MESSAGE_LENGTH_MAX]),
        ms=told.ms,
        refused=outcome is not None and outcome.refusal is not None,
        waiver=outcome.waiver.name.lower() if outcome and outcome.waiver else "",
        judged=_judgements(judged) if judged else (),
        judged_more=max(0, len(judged) - JUDGEMENTS_MAX),
        asked=_asked(told) if told.asked else None,
        made=_made(told.made) if told.made else (),
    )


def _recipient(told: Told) -> str:
    """Return whom else the call is shown to: of a caller who is known, only what was done."""
    account = told.principal.account if told.principal else ""
    if told.about == account or (account and told.error):
        return ""
    return told.about


def of_service(service: str, role_arn: str, session: Session, access_key_id: str) -> Event:
    """Return what is told of a role that a service assumed for what it runs."""
    return Event(
        at=datetime.fromtimestamp(session.issued_at, UTC),
        request_id=str(uuid.uuid4()),
        peer=service,
        service="sts",
        action="AssumeRole",
        is_read=True,
        account=session.account,
        user=service,
        kind="service",
        status=200,
        ms=0.0,
        asked={"RoleArn": role_arn, "RoleSessionName": session.name},
        made=(access_key_id,),
    )


def of_object(action: str, who: tuple[str, str, str], at: float, thing: dict[str, Any]) -> Event:
    """Return what is told of a change of an object, by account, caller and address, where its
    bucket wants that told."""
    account, user_id, peer = who
    return Event(
        at=datetime.fromtimestamp(at, UTC),
        request_id=str(uuid.uuid4()),
        peer=peer,
        service="s3",
        action=action,
        account=account,
        user_id=user_id,
        kind="service" if user_id == peer else "",
        status=200,
        ms=0.0,
        asked=thing,
    )


def _asked(told: Told) -> Any:
    try:
        return hiding.shown(told.service, told.action, told.asked or {})
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        # What was done is done: that it cannot be told whole must not be the answer to it.
        _log.error("parameters not told", request_id=told.request_id, problem=repr(error)[:200])
        return {"omitted": "cannot be told"}


def _clean(text: str) -> str:
    """Return the text without what was no UTF-8 in a header, which nothing may encode again."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _made(encoded: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_ID.findall(encoded[:MADE_LENGTH_MAX])))[:MADE_MAX]


def is_read(action: str) -> bool:
    """Tell whether an action only looks, as CloudTrail counts it: by its name."""
    return _READS.match(action) is not None


def is_change(row: Action | None) -> bool:
    """Tell whether a row changes what is kept."""
    return row is not None and isinstance(row.does, Write) and not is_read(row.name)


def _judgements(judged: Sequence[authorize.Judged]) -> tuple[Judgement, ...]:
    """Return the first decisions, and the last, which is the reason where he may not."""
    if len(judged) > JUDGEMENTS_MAX:
        judged = [*judged[: JUDGEMENTS_MAX - 1], judged[-1]]
    return tuple([judgement(one) for one in judged])


def judgement(judged: authorize.Judged) -> Judgement:
    """Return a decision as it is written down."""
    decision = judged.decision
    decided = decision.decided_by
    verdict, missing = decision.verdict.value, tuple(kind.value for kind in decision.missing)
    if decided is None:
        return Judgement(judged.permission, judged.resource, verdict, missing=missing)
    return Judgement(
        judged.permission,
        judged.resource,
        verdict,
        decided.kind.value,
        decided.policy,
        decided.sid or "",
        decided.position,
        missing,
    )
