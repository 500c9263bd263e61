"""UnmonitorInstances: no instance is watched in detail, so what is asked for is so.

Called through the action table. MonitorInstances is refused like any operation that is not there:
nothing is measured by the minute yet, and a switch without effect would promise that it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mallee.cloud.action import Action, Write
from mallee.cloud.call import WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.state import records

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def unmonitor(
    call: WriteCall, request: shapes.UnmonitorInstancesRequest
) -> shapes.UnmonitorInstancesResult:
    """Tell of each instance that nothing watches it in detail."""
    found = resources.several(call, records.INSTANCE, request["InstanceIds"])
    return {
        "InstanceMonitorings": [
            {"InstanceId": record.id, "Monitoring": {"State": "disabled"}} for record in found
        ]
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="UnmonitorInstances",
        does=Write(handle=unmonitor),
        honours=frozenset({"InstanceIds"}),
    ),
)
