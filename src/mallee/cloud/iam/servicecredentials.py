"""Service-specific credentials: there is no service here that takes any, and that is the answer.

AWS gives such names and passwords for services of its own (code repositories, message stores).
Called through the action table.
"""

from mallee.aws import errors
from mallee.cloud.action import Action, Pages, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import users


def create(call: WriteCall, request: Request) -> Result:
    """Refuse: raise `ServiceNotSupported`, or `NoSuchEntity` for a user who is not there."""
    users.named(call, request["UserName"])
    raise errors.ServiceNotSupported(request["ServiceName"])


def _refuse(call: WriteCall, request: Request) -> Result:
    users.named(call, request.get("UserName"))
    id: str = request["ServiceSpecificCredentialId"]
    raise errors.NoSuchServiceCredential(id)


def _find(call: Call, request: Request) -> list[str]:
    if not request.get("AllUsers"):
        users.named(call, request.get("UserName"))
    if "ServiceName" in request:
        raise errors.ServiceNotSupported(request["ServiceName"])
    return []


def _row(name: str, does: Write | Pages, *honours: str) -> Action:
    return Action(service="iam", name=name, does=does, honours=frozenset(honours))


_ID = "ServiceSpecificCredentialId"

ACTIONS: tuple[Action, ...] = (
    _row(
        "CreateServiceSpecificCredential",
        Write(handle=create),
        *("UserName", "ServiceName", "CredentialAgeDays"),
    ),
    _row(
        "ListServiceSpecificCredentials",
        Pages(
            find=_find,
            render=lambda _, one: one,
            member="ServiceSpecificCredentials",
            key=lambda one: one,
        ),
        *("UserName", "ServiceName", "AllUsers"),
    ),
    _row("UpdateServiceSpecificCredential", Write(handle=_refuse), "UserName", _ID, "Status"),
    _row("ResetServiceSpecificCredential", Write(handle=_refuse), "UserName", _ID),
    _row("DeleteServiceSpecificCredential", Write(handle=_refuse), "UserName", _ID),
)
