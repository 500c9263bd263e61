"""Who calls, whose a key is, and why somebody may not: the questions of STS that give nothing out.

Whoever has a valid signature may ask who he is, whatever his policies say.
"""

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.identity import denials, sessions
from mallee.cloud.state import records


def get_caller_identity(call: Call, request: Request) -> Result:
    """Say which user or session of which account signed the request."""
    principal = call.principal
    return {"UserId": principal.user_id, "Account": principal.account, "Arn": principal.arn}


def get_access_key_info(call: Call, request: Request) -> Result:
    """Say which account an access key belongs to; AWS answers this for any account's key."""
    id: str = request["AccessKeyId"]
    key = call.view.get(records.ACCESS_KEY, id)
    # The id of a temporary key tells its account by itself: there is no record of it.
    account = key.account if key else sessions.account_of_key(id)
    if account is None or call.view.get(records.ACCOUNT, account) is None:
        raise errors.ValidationError(f"Invalid AccessKeyId: {id}")
    return {"Account": account}


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
