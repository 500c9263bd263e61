"""Taking a role on: AssumeRole, from the same account or another one.

Whether the caller may is decided before (`authorize`): by his own policies and by the role's trust
policy, which is the resource's here. A role that is not there trusts nobody, so nobody learns which
roles another account has. Credentials of a role that was taken on by a role (*chaining*) live an
hour at most; source identity and transitive tags stay through a chain.
"""

from typing import Any

from mallee.aws import errors, policy
from mallee.cloud import accounts, things
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import mfa
from mallee.cloud.identity import authenticate, trust
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.cloud.sts import grants
from mallee.model.identity import identities
from mallee.model.identity.identities import Role
from mallee.model.identity.sessions import CallerKind, Session

LIFE_S = 3600
"""How long a role's credentials live when nothing else is asked."""
CHAINED_LIFE_S_MAX = 3600

_NOBODY = policy.compiled(
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"000000000000"},'
    '"Action":"sts:AssumeRole"}}',
    policy.Kind.TRUST,
)
"""The trust policy of a role that is not there: no account has that id."""

RoleRecord = Record[Role, None]


def assume_role(call: WriteCall, request: Request) -> Result:
    """Give out credentials of a role."""
    role = find(call.view, request["RoleArn"])
    assert role is not None, "a role that is not there trusts nobody"
    caller = call.principal
    is_chained = caller.kind is CallerKind.ROLE
    life_s: int = request.get("DurationSeconds", LIFE_S)
    check_life(role.doc, life_s)
    if is_chained and life_s > CHAINED_LIFE_S_MAX:
        raise errors.ValidationError(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining"
        )
    texts, arns = grants.parse_policies(call, request, role.account)
    tags, transitive_keys = _tags(call, request)
    session = Session(
        kind=CallerKind.ROLE,
        account=role.account,
        issuer_id=role.id,
        name=request["RoleSessionName"],
        issued_at=call.now,
        expires_at=call.now + life_s,
        tags=tags,
        transitive_keys=transitive_keys,
        source_identity=_source_identity(call, request),
        mfa_at=_mfa_at(call, request),
        policies=texts,
        policy_arns=arns,
        is_chained=is_chained,
    )
    return answer(call, request, role, session)


def find(view: store.View, arn: str) -> RoleRecord | None:
    """Return the role of an ARN, of whatever account that is not closed."""
    parts = arn.split(":", 5)
    kind, _, rest = parts[-1].partition("/")
    if len(parts) != 6 or kind != "role" or not rest:
        return None
    account, name = parts[4], rest.rpartition("/")[2]
    owner = view.get(records.ACCOUNT, account)
    id = view.owner_of(accounts.names_of(records.ROLE, account), name.lower())
    role = view.get(records.ROLE, id) if id else None
    if role is None or owner is None or not owner.doc.is_active:
        return None
    return role if identities.arn(account, "role", role.doc.path, role.doc.name) == arn else None


def trust_of(call: Call, arn: str) -> policy.Attached:
    """Return the trust policy of the role of an ARN."""
    role = find(call.view, arn)
    return policy.Attached(arn, _NOBODY) if role is None else trust.of_role(role.doc, arn)


def asked_role(_call: Call, asked: Request) -> tuple[str, ...]:
    """Return the ARN that a request for a role's credentials is about."""
    return (asked["RoleArn"],)


def account_of_role(call: Call, asked: Request) -> str:
    """Return the account of the role that a request is about, empty when there is none."""
    account = things.account_of(asked["RoleArn"]) or ""
    return account if call.view.get(records.ACCOUNT, account) else ""


def check_life(role: Role, life_s: int) -> None:
    """Raise `ValidationError` when the role's sessions may not live so long."""
    if life_s > role.max_session_s:
        raise errors.ValidationError(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )


def answer(call: WriteCall, request: Request, role: RoleRecord, session: Session) -> dict[str, Any]:
    """Give out the credentials of a role session; raise `PackedPolicyTooLarge`."""
    return {
        **grants.render(request, grants.issue(call, request, session)),
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role.id}:{session.name}",
            "Arn": authenticate.role_session_arn(role.account, role.doc, session.name),
        },
        "SourceIdentity": session.source_identity,
    }


def _tags(call: WriteCall, request: Request) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the session's tags, those inherited included, and which of them go on from it."""
    tags = grants.parse_tags(request.get("Tags"))
    asked: list[str] = request.get("TransitiveTagKeys") or []
    folded = {key.lower() for key in tags}
    if not folded.issuperset(key.lower() for key in asked):
        raise errors.ValidationError("TransitiveTagKeys must name keys of Tags.")
    before = call.principal.session
    inherited = {key: before.tags[key] for key in before.transitive_keys} if before else {}
    for key in inherited:
        if key.lower() in folded:
            raise errors.ValidationError(
                f"The tag {key} was inherited from the calling session and cannot be changed."
            )
    wanted = {key.lower() for key in asked}
    own = tuple(key for key in tags if key.lower() in wanted)
    return {**inherited, **tags}, (*inherited, *own)


def _source_identity(call: WriteCall, request: Request) -> str | None:
    """Return who was at the beginning; raise `AccessDenied` when another one is named."""
    asked: str | None = request.get("SourceIdentity")
    before = call.principal.session.source_identity if call.principal.session else None
    if asked is not None and asked.lower().startswith(grants.RESERVED):
        raise errors.ValidationError(f"SourceIdentity may not begin with {grants.RESERVED}")
    if before is not None and asked not in (None, before):
        raise errors.AccessDenied(call.principal.arn, "sts:SetSourceIdentity", request["RoleArn"])
    return asked or before


def _mfa_at(call: WriteCall, request: Request) -> float | None:
    """Return now when the caller showed a code of his device; raise `AccessDenied`."""
    if "TokenCode" not in request and "SerialNumber" not in request:
        return None
    user = call.view.get(records.USER, call.principal.user_id)
    if user is None:
        raise errors.MfaFailed("only users have MFA devices.")
    check_code(call, request, user)
    return call.now


def check_code(call: WriteCall, request: Request, user: Record[identities.User, None]) -> None:
    """Raise `AccessDenied` unless the request has a device of the user and its code of now."""
    serial, code = request.get("SerialNumber"), request.get("TokenCode")
    if not serial or not code:
        raise errors.ValidationError("SerialNumber and TokenCode must be given together.")
    mfa.check(call, user, serial, code)


def further(call: Call, asked: Request) -> list[str]:
    """Return what else it takes on the role to pass tags and the source identity on."""
    session = call.principal.session
    further: list[str] = []
    # What a provider's token says is asked for as much as what stands in the request.
    is_vouched = call.principal.kind is CallerKind.VOUCHED
    passed_on = session and (session.transitive_keys or (is_vouched and session.tags))
    if asked.get("Tags") or passed_on:
        further.append("sts:TagSession")
    if asked.get("SourceIdentity") or (session and session.source_identity):
        further.append("sts:SetSourceIdentity")
    return further


ACTIONS: tuple[Action, ...] = (
    Action(
        service="sts",
        name="AssumeRole",
        # Nothing is written but the use of a code; only writers are given the box.
        does=Write(handle=assume_role),
        honours=frozenset(
            {
                "RoleArn",
                "RoleSessionName",
                "PolicyArns",
                "Policy",
                "DurationSeconds",
                "Tags",
                "TransitiveTagKeys",
                "ExternalId",
                "SerialNumber",
                "TokenCode",
                "SourceIdentity",
                "MinimumSessionTokenSize",
            }
        ),
        resources=asked_role,
        resource_policy=trust_of,
        about=account_of_role,
        also=further,
    ),
)
