"""Who calls, and why he may not: the questions of STS that need no role.

Whoever has a valid signature may ask who he is, whatever his policies say. Tokens of roles and
federated users are not here.
"""

from mallee.aws import errors
from mallee.cloud import denials
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.state import records


def get_caller_identity(call: Call, request: Request) -> Result:
    """Say which user of which account signed the request."""
    principal = call.principal
    return {"UserId": principal.user_id, "Account": principal.account, "Arn": principal.arn}


def get_access_key_info(call: Call, request: Request) -> Result:
    """Say which account an access key belongs to; AWS answers this for any account's key."""
    key = call.view.get(records.ACCESS_KEY, request["AccessKeyId"])
    if key is None:
        raise errors.ValidationError(f"Invalid AccessKeyId: {request['AccessKeyId']}")
    return {"Account": key.account}


def decode_authorization_message(call: WriteCall, request: Request) -> Result:
    """Open the sealed reason of a refusal that a caller of this account got."""
    message = denials.decode(call.box, call.account, request["EncodedMessage"])
    return {"DecodedMessage": message}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="sts",
        name="GetCallerIdentity",
        does=Read(handle=get_caller_identity),
        honours=frozenset(),
        is_everyones=True,
    ),
    Action(
        service="sts",
        name="GetAccessKeyInfo",
        does=Read(handle=get_access_key_info),
        honours=frozenset({"AccessKeyId"}),
    ),
    Action(
        service="sts",
        name="DecodeAuthorizationMessage",
        # Nothing is written: only writers are given the box that opens what is sealed.
        does=Write(handle=decode_authorization_message),
        honours=frozenset({"EncodedMessage"}),
    ),
)
