"""ModifyInstanceMaintenanceOptions: whether a guest that ended unasked is started again.

Called through the action table. With recovery disabled an instance whose machine or QEMU failed is
stopped, with the reason, until its owner starts it. Instances never migrate here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.instances import launchoptions, power
from mallee.cloud.state import records
from mallee.model.compute.instances import Instance, State

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def modify_options(
    call: WriteCall, request: shapes.ModifyInstanceMaintenanceOptionsRequest
) -> shapes.ModifyInstanceMaintenanceOptionsResult:
    """Set what becomes of the guest's next unasked end."""
    record = resources.one(call, records.INSTANCE, request["InstanceId"])
    if "AutoRecovery" not in request:
        raise errors.MissingParameter("AutoRecovery")
    recovers = launchoptions.auto_recovers(request["AutoRecovery"])
    if power.state_of(record) in (State.TERMINATED, State.SHUTTING_DOWN):
        raise errors.IncorrectInstanceState(record.id, "modified")
    record = call.tx.write(record, replace(record.doc, auto_recovers=recovers))
    return {"InstanceId": record.id, "AutoRecovery": shown(record.doc)}


def shown(doc: Instance) -> str:
    """Return the option as the API shows it."""
    return "default" if doc.auto_recovers else "disabled"


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="ModifyInstanceMaintenanceOptions",
        does=Write(handle=modify_options),
        honours=frozenset({"InstanceId", "AutoRecovery"}),
    ),
)
