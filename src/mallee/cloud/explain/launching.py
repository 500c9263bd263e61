"""Why instances of a type cannot be launched now: everything that stands against it, not the first.

RunInstances stops at the first thing that is short; here each is asked for itself, by the same
functions, and nothing is taken. What an image or a request of its own adds (a larger disk, more
interfaces, a placement group, a tenancy) is not looked at. Called by the row `ExplainLaunch`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mallee.aws import errors
from mallee.cloud import quotas
from mallee.cloud.call import WriteCall
from mallee.cloud.ec2.capacity import drawing
from mallee.cloud.ec2.capacity.drawing import Shape
from mallee.cloud.ec2.vpc.addresses import publicpool
from mallee.cloud.ec2.vpc.groups import securitygroups
from mallee.cloud.ec2.vpc.interfaces import privateips
from mallee.cloud.ec2.vpc.interfaces.privateips import SubnetRecord
from mallee.cloud.hosts.placing import placement, tenancy
from mallee.cloud.hosts.placing.tenancy import Tenant
from mallee.model.compute.instancetypes import InstanceType
from mallee.model.identity import quotas as usage
from mallee.model.identity.quotas import Size

CURES: Mapping[type[errors.AwsError], str] = {
    errors.InsufficientInstanceCapacity: (
        "terminate what is not needed, take a smaller type or another zone, have another host "
        "join (`mallee hosts`), or give up capacity reservations and Dedicated Hosts"
    ),
    errors.InsufficientFreeAddressesInSubnet: (
        "take another subnet, or delete interfaces that nobody needs"
    ),
    errors.InsufficientAddressCapacity: (
        "do as it says, or launch where no public address is given"
    ),
}
QUOTA_CURE = (
    "terminate or release what is not needed, or have the quota raised (`mallee quota show`)"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A launch that somebody thinks of."""

    type: InstanceType
    subnet: SubnetRecord
    count: int


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something that stands against it: the code and words of RunInstances, and what to do."""

    code: str
    cause: str
    cure: str


def obstacles(call: WriteCall, wanted: Wanted) -> Iterator[Obstacle]:
    """Yield everything that stands against launching that many now."""
    for error in _errors(call, wanted):
        yield Obstacle(error.code, error.message, CURES.get(type(error), QUOTA_CURE))


def _errors(call: WriteCall, wanted: Wanted) -> Iterator[errors.AwsError]:
    kind, subnet, count = wanted.type, wanted.subnet, wanted.count
    size = Size(kind.vcpus, kind.memory_mib, kind.disk_gib)
    each = usage.of_new_instance(subnet.doc.zone, call.principal.issuer_id, size)
    yield from quotas.exceeded_by(call, each, count)
    group = securitygroups.by_name(call, securitygroups.DEFAULT_NAME, subnet.doc.vpc_id)
    if privateips.affordable(call.tx, subnet, {group.id: 1}, count) < count:
        yield privateips.short(call.tx, subnet)
    if subnet.doc.map_public_ip_on_launch and publicpool.free(call) < count:
        yield publicpool.used_up(call)
    yield from _room(call, wanted)


def _room(call: WriteCall, wanted: Wanted) -> Iterator[errors.AwsError]:
    """Yield what hosts are short of, beside what open capacity reservations have."""
    kind, zone = wanted.type, wanted.subnet.doc.zone
    shape = Shape(account=call.account, zone=zone, type_name=kind.name, tenancy=tenancy.DEFAULT)
    open_to_it = drawing.sources(call, drawing.Preference(), shape)
    count = max(wanted.count - sum(it.doc.available for it in open_to_it), 0)
    try:
        placement.find_room(
            call.tx,
            placement.Reservation(
                zone=zone,
                # Who would get the room does not matter: it is not taken.
                instance_ids=("",) * count,
                vcpus=kind.vcpus,
                memory_mib=kind.memory_mib,
                disk_gib=kind.disk_gib,
                count_min=count,
                tenant=Tenant(account=call.account, type_name=kind.name),
            ),
        )
    except errors.InsufficientInstanceCapacity as error:
        yield error
