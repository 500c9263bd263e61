"""SendDiagnosticInterrupt: an interrupt that a guest's kernel cannot mask, sent by its host.

What the kernel does then is the guest's own setting: it tells of it, dumps itself, or panics.
Called through the action table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mallee.aws import errors
from mallee.cloud.action import Action, AskHost
from mallee.cloud.call import Call, Request, Result
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.instances import power
from mallee.cloud.state import records
from mallee.model.compute.instances import State
from mallee.model.hosts import hosts

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def prepare(call: Call, request: shapes.SendDiagnosticInterruptRequest) -> tuple[str, str, str]:
    """Return which host shall interrupt which instance."""
    record = resources.one(call, records.INSTANCE, request["InstanceId"])
    if power.state_of(record) is not State.RUNNING:
        raise errors.IncorrectInstanceState(record.id, "interrupted")
    return record.doc.host_id, hosts.ASK_INTERRUPT, record.id


def finish(call: Call, request: Request, _: bytes) -> Result:
    """Say nothing, as AWS does."""
    return {}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="SendDiagnosticInterrupt",
        does=AskHost(prepare=prepare, finish=finish),
        honours=frozenset({"InstanceId"}),
    ),
)
