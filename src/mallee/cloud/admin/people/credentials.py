"""Credentials to take away: a fresh access key of a user, with the files that his tools need.

Called through the action table. It is IAM's CreateAccessKey by another name: whoever may not make a
key there makes none here. What the files are is the business of `aws.clientfiles`.
"""

from typing import Any, cast

from mallee.aws import clientfiles, errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import accesskeys, arns
from mallee.cloud.sts import restrictions

_KEY_ROW = next(row for row in accesskeys.ACTIONS if row.name == "CreateAccessKey")


def create_credentials(call: WriteCall, request: Request) -> Result:
    """Make an access key of a user; the answer alone holds it, and a zip of files with it."""
    restrictions.check(call.principal, _KEY_ROW)
    wanted = {name: request[name] for name in ("UserName",) if name in request}
    key = cast(dict[str, Any], accesskeys.create_access_key(call, wanted)["AccessKey"])
    bearer = clientfiles.Bearer(
        endpoint=request["Endpoint"],
        region=call.settings.region,
        account_id=call.account,
        user_name=key["UserName"],
        access_key_id=key["AccessKeyId"],
        secret_access_key=key["SecretAccessKey"],
    )
    try:
        archive = clientfiles.archive(bearer)
    except clientfiles.BadEndpoint as error:
        raise errors.InvalidInput(str(error)) from error
    return {"AccessKey": key, "Archive": archive}


def _permissions(_call: Call, _request: Request) -> tuple[str, ...]:
    return (_KEY_ROW.permission,)


_ROW = Action(
    service="mallee",
    name="CreateCredentials",
    does=Write(handle=create_credentials),
    honours=frozenset({"UserName", "Endpoint"}),
    resources=arns.finder(_KEY_ROW),
    also=_permissions,
)

ACTIONS: tuple[Action, ...] = (_ROW,)
