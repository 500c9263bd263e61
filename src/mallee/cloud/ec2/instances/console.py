"""GetConsoleOutput: what the guest wrote to its serial console, asked of the host that carries it.

Called through the action table; the question travels with the host's next answer. How a host
keeps the console's log is not its business, nor that it outlives the instance there for a while.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from mallee.cloud.action import Action, AskHost
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources
from mallee.cloud.state import records
from mallee.model.hosts import hosts

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_BYTES = 65536
"""As in AWS: the newest 64 KiB."""


def prepare(call: Call, request: shapes.GetConsoleOutputRequest) -> tuple[str, str, str]:
    """Return whom to ask what of which instance."""
    record = resources.one(call, records.INSTANCE, request["InstanceId"])
    return record.doc.host_id, hosts.ASK_CONSOLE, record.id


def finish(
    call: Call, request: shapes.GetConsoleOutputRequest, answer: bytes
) -> shapes.GetConsoleOutputResult:
    """Turn the host's answer into the result: Base64, as AWS has it."""
    return {
        "InstanceId": request["InstanceId"],
        "Timestamp": call.now,
        "Output": base64.b64encode(answer[-MAX_BYTES:]).decode(),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="GetConsoleOutput",
        does=AskHost(prepare=prepare, finish=finish),
        honours=frozenset({"InstanceId", "Latest"}),
    ),
)
