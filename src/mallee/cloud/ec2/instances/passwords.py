"""GetPasswordData: the password that a Windows guest makes for its administrator.

Called through the action table. A guest would write it, encrypted for its key pair, to its console
through an agent that Windows images of AWS have; no guest of this cloud does, so the answer is
AWS's for an instance that has none, and for one that has not made it yet: it is empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mallee.cloud.action import Action, Read
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources
from mallee.cloud.state import records

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def get_password(
    call: Call, request: shapes.GetPasswordDataRequest
) -> shapes.GetPasswordDataResult:
    """Tell that there is no password."""
    record = resources.one(call, records.INSTANCE, request["InstanceId"])
    return {"InstanceId": record.id, "Timestamp": call.now, "PasswordData": ""}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="GetPasswordData",
        does=Read(handle=get_password),
        honours=frozenset({"InstanceId"}),
    ),
)
