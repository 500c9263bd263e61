"""ModifyInstanceCpuOptions: a stopped instance gets fewer processors than its type gives.

Called through the action table. Threads of a core are not told apart here: one per core. What it
holds of its host follows at the next start; a change of its type gives it the type's number again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import instancetypes, quotas
from mallee.cloud.action import Action, Write
from mallee.cloud.call import WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.instances import launchoptions, power
from mallee.cloud.hosts.placing import placement
from mallee.cloud.state import records
from mallee.model.compute import instancetypes as presets
from mallee.model.compute.instances import State
from mallee.model.identity import quotas as usage
from mallee.model.identity.quotas import Use

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def modify_options(
    call: WriteCall, request: shapes.ModifyInstanceCpuOptionsRequest
) -> shapes.ModifyInstanceCpuOptionsResult:
    """Set how many cores the instance has from its next start on."""
    record = resources.one(call, records.INSTANCE, request["InstanceId"])
    for member in ("CoreCount", "ThreadsPerCore"):
        if member not in request:
            raise errors.MissingParameter(member)
    if power.state_of(record) is not State.STOPPED:
        raise errors.IncorrectInstanceStateNotStopped(record.id)
    name = record.doc.type_name
    kind = instancetypes.find(call.tx, name) or presets.BY_NAME.get(name)
    # A type may have been removed, or have fewer processors than when this was launched.
    most = max(kind.vcpus if kind else 0, record.doc.vcpus)
    cores = launchoptions.cores(request, name, most)
    if cores > record.doc.vcpus:
        # It uses none while it is stopped; a number with which it could not start is refused now.
        use = Use(record.doc.zone, record.doc.made_by, ((usage.VCPUS, cores),))
        quotas.affordable(call, use, (1, 1))
    # What it holds of its host was measured by the old number; a start takes the new measure.
    placement.pause(call.tx, record.doc.host_id, record.id)
    call.tx.write(record, replace(record.doc, vcpus=cores))
    return {"InstanceId": record.id, "CoreCount": cores, "ThreadsPerCore": 1}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="ModifyInstanceCpuOptions",
        does=Write(handle=modify_options),
        honours=frozenset({"InstanceId", "CoreCount", "ThreadsPerCore"}),
    ),
)
