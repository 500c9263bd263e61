"""Whether instances of a type could be launched now, and everything that stands against it.

Called through the action table: `ExplainLaunch`, behind `mallee why-not launch`. What is looked at
is `explain.launching`'s business.
"""

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.ec2 import arns, resources, zones
from mallee.cloud.ec2.capacity import instancetypes
from mallee.cloud.ec2.vpc import subnets
from mallee.cloud.ec2.vpc.interfaces.privateips import SubnetRecord
from mallee.cloud.explain import launching
from mallee.cloud.state import records
from mallee.model.compute.instancetypes import InstanceType


def explain_launch(call: WriteCall, request: Request) -> Result:
    """Tell whether it is possible, and what is short; it is asked where quotas are exact."""
    kind = instancetypes.by_name(call.tx, request["InstanceType"])
    subnet = _subnet(call, request, kind)
    wanted = launching.Wanted(kind, subnet, request.get("Count", 1))
    found = list(launching.obstacles(call, wanted))
    return {
        "IsPossible": not found,
        "InstanceType": kind.name,
        "AvailabilityZone": subnet.doc.zone,
        "SubnetId": subnet.id,
        "Count": wanted.count,
        "Obstacles": [{"Code": it.code, "Cause": it.cause, "Cure": it.cure} for it in found],
    }


def _subnet(call: WriteCall, request: Request, kind: InstanceType) -> SubnetRecord:
    zone: str | None = request.get("AvailabilityZone")
    if zone is not None and zone not in zones.names(call.tx, call.settings):
        raise errors.InvalidInput(f"There is no zone {zone}.")
    if "SubnetId" not in request:
        return subnets.default_for(call, zone, kind)
    subnet = resources.one(call, records.SUBNET, request["SubnetId"])
    if zone not in (None, subnet.doc.zone):
        raise errors.InvalidInput(f"The subnet {subnet.id} is in the zone {subnet.doc.zone}.")
    return subnet


def _resources(call: Call, request: Request) -> tuple[str, ...]:
    """Return the ARN of the subnet, where one is named; else it is about the whole account."""
    if "SubnetId" in request:
        return (arns.of(call, records.SUBNET, request["SubnetId"]),)
    return arns.EVERYTHING


ACTIONS: tuple[Action, ...] = (
    Action(
        service="mallee",
        name="ExplainLaunch",
        does=Write(handle=explain_launch),
        honours=frozenset({"InstanceType", "AvailabilityZone", "SubnetId", "Count"}),
        resources=_resources,
    ),
)
