"""ModifyPrivateDnsNameOptions: what an instance is called inside its VPC.

Called through the action table. What the options mean is `vpc.privatenames`' business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.instances import power
from mallee.cloud.ec2.vpc.interfaces import privatenames
from mallee.cloud.state import records
from mallee.model.compute.instances import State

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def modify_options(
    call: WriteCall, request: shapes.ModifyPrivateDnsNameOptionsRequest
) -> shapes.ModifyPrivateDnsNameOptionsResult:
    """Change what an instance is called; its guest's own name only while it is stopped."""
    record = resources.one(call, records.INSTANCE, request["InstanceId"])
    names = privatenames.given(request, record.doc.private_names)
    state = power.state_of(record)
    is_renamed = names.hostname_type != record.doc.private_names.hostname_type
    if state in (State.TERMINATED, State.SHUTTING_DOWN) or (
        is_renamed and state is not State.STOPPED
    ):
        raise errors.IncorrectInstanceState(record.id, "given another hostname type")
    call.tx.write(record, replace(record.doc, private_names=names))
    return {"Return": True}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="ModifyPrivateDnsNameOptions",
        does=Write(handle=modify_options),
        honours=frozenset({"InstanceId", "PrivateDnsHostnameType", *privatenames.MEMBERS}),
    ),
)
