"""RunInstances: one transaction that reserves room, takes addresses and writes what is wanted.

Called through the action table. It never waits for a host: the host's agent is woken by the change
and makes it so. What may be asked for is `launchrequest`'s business, which host carries an
instance `placement`'s.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mallee.cloud import quotas
from mallee.cloud.action import Action, Write
from mallee.cloud.call import WriteCall
from mallee.cloud.ec2.capacity import drawing, placementgroups, rooms
from mallee.cloud.ec2.capacity.drawing import Shape
from mallee.cloud.ec2.capacity.rooms import Room
from mallee.cloud.ec2.instances import instanceprofiles, instances, launchnetwork, launchrequest
from mallee.cloud.ec2.instances.instances import InstanceRecord
from mallee.cloud.ec2.instances.launchrequest import Launch
from mallee.cloud.ec2.storage import launchdisks
from mallee.cloud.ec2.templates import templatedata
from mallee.cloud.ec2.vpc.addresses import publicpool
from mallee.cloud.hosts.placing import cpubaselines, placement, tenancy
from mallee.cloud.hosts.placing.tenancy import Tenant
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.compute.instances import Instance
from mallee.model.identity import quotas as usage
from mallee.model.identity.quotas import Size

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


@dataclass(frozen=True, slots=True)
class Place:
    """Which instance of the reservation it is, and where."""

    reservation_id: str
    launch_index: int
    instance_id: str
    room: Room
    partition: int


def run_instances(call: WriteCall, request: shapes.RunInstancesRequest) -> shapes.Reservation:
    """Launch between MinCount and MaxCount instances, as many as there is room for."""
    launch = launchrequest.parse(call, request)
    launch = replace(launch, tags=launch.tags | templatedata.marks(request))
    count = _count(call, launch)
    instance_ids = tuple(ids.make("i", call.entropy(ids.ID_BYTES)) for _ in range(count))
    return instances.reservation(call, make(call, launch, instance_ids))


def make(call: WriteCall, launch: Launch, instance_ids: tuple[str, ...]) -> list[InstanceRecord]:
    """Make the instances of a launch, as many of those ids as there is room for."""
    partitions = placementgroups.partitions(call, launch.spot, len(instance_ids))
    taken = rooms.take(call, _wish(call, launch, instance_ids, partitions))
    reservation_id = ids.make("r", call.entropy(ids.ID_BYTES))
    return [
        _make(call, launch, Place(reservation_id, index, id, room, partitions[index]))
        for index, (id, room) in enumerate(taken.items())
    ]


def _wish(
    call: WriteCall, launch: Launch, instance_ids: tuple[str, ...], partitions: tuple[int, ...]
) -> rooms.Wish:
    zone, kind, where = launch.nics[0].subnet.doc.zone, launch.type, launch.where
    return rooms.Wish(
        room=placement.Reservation(
            zone=zone,
            instance_ids=instance_ids,
            vcpus=launch.vcpus,
            memory_mib=kind.memory_mib,
            disk_gib=launch.disks.root_gib,
            volumes_gib=launch.disks.volumes_gib,
            has_volumes=bool(launch.disks.volumes),
            host_id=launch.disks.host_id,
            count_min=launch.count_min,
            policy=placementgroups.policy(launch.spot),
            grouping=placementgroups.grouping(call, launch.spot, partitions),
            tenant=Tenant(
                account=call.account,
                type_name=kind.name,
                tenancy=where.tenancy,
                dedicated_host_id=where.dedicated_host_id,
            ),
        ),
        preference=launch.preference,
        shape=_shape(call, launch),
    )


def _shape(call: WriteCall, launch: Launch) -> Shape:
    return Shape(
        account=call.account,
        zone=launch.nics[0].subnet.doc.zone,
        type_name=launch.type.name,
        tenancy=launch.where.tenancy,
        placement_group_id=launch.spot.group.id if launch.spot else "",
    )


def _count(call: WriteCall, launch: Launch) -> int:
    """Return how many of the wanted instances quotas and addresses suffice for, or raise."""
    subnet = launch.nics[0].subnet
    size = Size(launch.vcpus, launch.type.memory_mib, launch.disks.root_gib)
    each = usage.of_new_instance(subnet.doc.zone, call.principal.issuer_id, size)
    spared: Counter[str] = Counter()
    for source in drawing.sources(call, launch.preference, _shape(call, launch)):
        spared[source.doc.made_by] += source.doc.available
    count = quotas.affordable(call, each, (launch.count_min, launch.count_max), spared)
    count = launchnetwork.affordable(call, launch.nics, (launch.count_min, count))
    if not any(nic.wants_public_ip for nic in launch.nics):
        return count
    public = publicpool.free(call)
    if public < launch.count_min:
        raise publicpool.used_up(call)
    return min(count, public)


def _make(call: WriteCall, launch: Launch, place: Place) -> InstanceRecord:
    subnet = launch.nics[0].subnet
    key_pair = launch.key_pair.doc if launch.key_pair else None
    interface_ids = launchnetwork.make(call, launch.nics, place.instance_id, launch.interface_tags)
    instance = Instance(
        id=place.instance_id,
        reservation_id=place.reservation_id,
        launch_index=place.launch_index,
        image_id=launch.image.id,
        kernel_id=launch.kernel_id,
        ramdisk_id=launch.ramdisk_id,
        type_name=launch.type.name,
        vcpus=launch.vcpus,
        cpu=cpubaselines.of(call.tx, place.room.host_id),
        memory_mib=launch.type.memory_mib,
        disk_gib=launch.disks.root_gib,
        root_device=launch.disks.root_device,
        network_mbps=launch.type.network_mbps,
        key_name=key_pair.name if key_pair else None,
        public_key=key_pair.public_key if key_pair else None,
        user_data=launch.user_data,
        zone=subnet.doc.zone,
        host_id=place.room.host_id,
        vpc_id=subnet.doc.vpc_id,
        subnet_id=subnet.id,
        interface_ids=interface_ids,
        shutdown_behavior=launch.shutdown_behavior,
        api_termination_protected=launch.api_termination_protected,
        api_stop_protected=launch.api_stop_protected,
        metadata=launch.metadata,
        private_names=launch.private_names,
        profile=(instanceprofiles.association(call, launch.profile) if launch.profile else None),
        placement_group_id=launch.spot.group.id if launch.spot else "",
        partition=place.partition,
        tenancy=launch.where.tenancy,
        affinity=launch.where.affinity,
        dedicated_host_id=_dedicated_host(call, launch, place.room.host_id),
        capacity_reservation_id=place.room.capacity_reservation_id,
        reservation_preference=launch.preference.word,
        reservation_target=launch.preference.target,
        auto_recovers=launch.auto_recovers,
        client_token=launch.client_token,
        made_by=call.principal.issuer_id,
        launched_at=call.now,
        wanted_since=call.now,
        tags=launch.tags,
    )
    made = call.tx.insert(records.INSTANCE, call.account, instance.id, instance)
    launchdisks.make(call, launch.disks, instance, launch.volume_tags)
    return made


def _dedicated_host(call: WriteCall, launch: Launch, host_id: str) -> str:
    if launch.where.tenancy != tenancy.HOST:
        return ""
    allocated = tenancy.allocated_as(call.tx, host_id)
    return allocated.id if allocated else ""


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="RunInstances",
        does=Write(handle=run_instances),
        honours=launchrequest.HONOURS,
        completes=templatedata.complete,
        uses_keys=launchrequest.uses_keys,
        creates=(records.INSTANCE.name, records.INTERFACE.name, records.VOLUME.name),
        passes=instanceprofiles.passed,
    ),
)
