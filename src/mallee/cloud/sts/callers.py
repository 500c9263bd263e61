"""Who calls: the two questions of STS that need no role, `GetCallerIdentity`, `GetAccessKeyInfo`.

Every caller with a valid signature may ask them, whatever its policies say. Tokens of roles and
federated users are not here.
"""

from mallee.aws import errors
from mallee.cloud.action import Action, Read
from mallee.cloud.call import Call, Request, Result
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


ACTIONS: tuple[Action, ...] = (
    Action(
        service="sts",
        name="GetCallerIdentity",
        does=Read(handle=get_caller_identity),
        honours=frozenset(),
    ),
    Action(
        service="sts",
        name="GetAccessKeyInfo",
        does=Read(handle=get_access_key_info),
        honours=frozenset({"AccessKeyId"}),
    ),
)
