"""Starts a stopped instance on another host, where its own has no room for it, or takes none.

Its volumes go along: they are copied, and the guest begins when they are there (`hosts.moving`).
That is for instances whose root is a volume, and that are bound to no host by what their user chose
(a Dedicated Host, a placement group, a capacity reservation). Called by `power`.
"""

import dataclasses

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.call import WriteCall
from mallee.cloud.hosts.moves import moving
from mallee.cloud.hosts.moves.moving import VolumeRecord
from mallee.cloud.hosts.placing import placement, tenancy
from mallee.cloud.hosts.placing.reserved import ReservationRecord
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.compute.instances import Instance, InstanceSeen

InstanceRecord = Record[Instance, InstanceSeen]


def resume(
    call: WriteCall, record: InstanceRecord, within: ReservationRecord | None
) -> InstanceRecord:
    """Claim what a stopped instance needs to run, on its own host or another one; return it.

    Raises `errors.InsufficientInstanceCapacity`, naming what is short.
    """
    try:
        placement.resume(call.tx, record, within)
    except errors.InsufficientInstanceCapacity as short:
        if within is not None:
            raise
        return _go(call, record, short)
    return record


def _go(call: WriteCall, record: InstanceRecord, short: errors.AwsError) -> InstanceRecord:
    tx, doc = call.tx, record.doc
    is_bound = doc.tenancy == tenancy.HOST or bool(doc.placement_group_id)
    if not doc.root_device or is_bound:
        raise short
    volumes = sorted(tx.by(records.VOLUME, "instance", record.id), key=lambda one: one.id)
    wanted = placement.Reservation(
        zone=doc.zone,
        instance_ids=(record.id,),
        vcpus=doc.vcpus,
        memory_mib=doc.memory_mib,
        disk_gib=0,
        volumes_gib=sum(moving.needed_gib(tx, one) for one in volumes),
        has_volumes=True,
        tenant=placement.tenant_of(record),
    )
    try:
        (host_id,) = placement.find_room(tx, wanted)
    except errors.InsufficientInstanceCapacity as error:
        raise errors.InsufficientInstanceCapacity(f"{short.message} {error.message}") from error
    for volume in volumes:
        why = _why_not(call, volume, host_id)
        if why:
            raise errors.InsufficientInstanceCapacity(
                f"{short.message} Its volume {volume.id} cannot go to another host: {why}."
            )
    placement.release(tx, doc.host_id, record.id)
    placement.reserve(tx, dataclasses.replace(wanted, host_id=host_id))
    for volume in volumes:
        if volume.doc.host_id != host_id:
            moving.begin(tx, volume, host_id, call.entropy)
        else:
            moving.take_back(tx, volume)
    return tx.write(record, replace(doc, host_id=host_id))


def _why_not(call: WriteCall, volume: VolumeRecord, host_id: str) -> str:
    doc = volume.doc
    if len(doc.attachments) > 1:
        return "other instances have it too"
    if doc.host_id == host_id:
        return ""
    if doc.move is not None:
        return "it is on its way already; try again when it is there"
    return moving.why_not(call.tx, volume, host_id)
