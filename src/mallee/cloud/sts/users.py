"""Temporary credentials that users ask for themselves: GetSessionToken and GetFederationToken.

The first gives a user his own rights once more, after a second factor if he shows one; the second
gives part of them to somebody whom the user vouches for. Both end with the user and with the key
that asked. Who has temporary credentials already gets no such ones.
"""

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.identity import authenticate
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.cloud.sts import grants, roles
from mallee.model.identity.identities import User
from mallee.model.identity.sessions import CallerKind, Session

LIFE_S = 43_200
"""How long the credentials live when nothing else is asked."""


def get_session_token(call: WriteCall, request: Request) -> Result:
    """Give the caller temporary credentials with his own rights."""
    user = _caller(call)
    mfa_at = None
    if "SerialNumber" in request or "TokenCode" in request:
        roles.check_code(call, request, user)
        mfa_at = call.now
    session = Session(
        kind=CallerKind.USER,
        account=user.account,
        issuer_id=user.id,
        issued_at=call.now,
        expires_at=call.now + request.get("DurationSeconds", LIFE_S),
        key_id=call.principal.access_key_id,
        mfa_at=mfa_at,
    )
    shown = grants.render(request, grants.issue(call, request, session))
    del shown["PackedPolicySize"]
    return shown


def get_federation_token(call: WriteCall, request: Request) -> Result:
    """Give credentials to somebody whom the caller knows, with part of the caller's rights."""
    user = _caller(call)
    texts, arns = grants.parse_policies(call, request, user.account)
    session = Session(
        kind=CallerKind.FEDERATED,
        account=user.account,
        issuer_id=user.id,
        name=request["Name"],
        issued_at=call.now,
        expires_at=call.now + request.get("DurationSeconds", LIFE_S),
        key_id=call.principal.access_key_id,
        tags=grants.parse_tags(request.get("Tags")),
        policies=texts,
        policy_arns=arns,
    )
    return {
        **grants.render(request, grants.issue(call, request, session)),
        "FederatedUser": {
            "FederatedUserId": f"{user.account}:{session.name}",
            "Arn": authenticate.federated_arn(user.account, session.name),
        },
    }


def _caller(call: WriteCall) -> Record[User, None]:
    """Return the user whose own key signed; raise `AccessDenied` for temporary credentials."""
    user = call.view.get(records.USER, call.principal.user_id)
    if call.principal.session is not None or user is None:
        raise errors.PolicyDenied(f"Cannot call {call.action} with session credentials")
    return user


def _federated(call: Call, asked: Request) -> tuple[str, ...]:
    return (authenticate.federated_arn(call.account, asked["Name"]),)


def _tagging(_call: Call, asked: Request) -> tuple[str, ...]:
    return ("sts:TagSession",) if asked.get("Tags") else ()


ACTIONS: tuple[Action, ...] = (
    Action(
        service="sts",
        name="GetSessionToken",
        does=Write(handle=get_session_token),
        honours=frozenset(
            {"DurationSeconds", "SerialNumber", "TokenCode", "MinimumSessionTokenSize"}
        ),
        is_everyones=True,
    ),
    Action(
        service="sts",
        name="GetFederationToken",
        does=Write(handle=get_federation_token),
        honours=frozenset(
            {
                "Name",
                "Policy",
                "PolicyArns",
                "DurationSeconds",
                "Tags",
                "MinimumSessionTokenSize",
            }
        ),
        resources=_federated,
        also=_tagging,
    ),
)
