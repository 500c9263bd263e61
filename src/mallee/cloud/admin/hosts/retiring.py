"""Taking a host out of the cloud for good: what it still carried, and what becomes of that.

`mallee hosts retire`. From the moment of the transaction its certificate is refused everywhere
(`hosts.callers`, `identity.authenticate`); its record stays as history. What it carried is lost to
the cloud, and marked so with the cause: nobody is told to delete anything, for nobody is there.
Called by `hosts`, in whose transaction all of it happens.
"""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from mallee.cloud.ec2 import zones
from mallee.cloud.ec2.instances import power
from mallee.cloud.ec2.instances.power import InstanceRecord
from mallee.cloud.hosts import standings
from mallee.cloud.hosts.moves import moving
from mallee.cloud.hosts.moves.moving import VolumeRecord
from mallee.cloud.hosts.placing import diskroom, placement, reserved, tenancy
from mallee.cloud.hosts.standings import HostRecord
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.cloud.state.store import Tx
from mallee.model.compute.capacityreservations import ReservationState
from mallee.model.compute.instances import Reason
from mallee.model.hosts.standing import Standing
from mallee.model.storage import volumes
from mallee.model.storage.snapshots import SnapshotSeen
from mallee.model.storage.volumes import VolumeSeen

CODE = "Server.InternalError"
BY_ADMINISTRATOR = "Server initiated"


def carried(tx: Tx, host_id: str) -> tuple[str, ...]:
    """Return the ids of what would be lost with the host."""
    return tuple(sorted(record.id for record in _carried(tx, host_id)))


def coming(tx: Tx, host_id: str) -> tuple[str, ...]:
    """Return the ids of what is on its way to the host: it is nowhere else for sure, or not yet."""
    guests = tx.by(records.INSTANCE, "migrating", "yes")
    found = [it.id for it in guests if it.doc.migration and it.doc.migration.to_host_id == host_id]
    volumes = tx.by(records.VOLUME, "host", host_id)
    found += [it.id for it in volumes if it.doc.move and it.doc.move.to_host_id == host_id]
    return tuple(sorted(found))


def retire(tx: Tx, host: HostRecord) -> None:
    """Make a host history, and mark what it carried; twice is once."""
    if host.doc.standing is Standing.RETIRED:
        return
    words = f"Host {host.doc.name} was retired by the cloud's administrator: what it kept is lost."
    reason = Reason(CODE, words)
    zones.ensure(tx, host.doc.zone)
    tx.write(host, replace(host.doc, standing=Standing.RETIRED, former_serial=""))
    standings.note(tx, host.id)
    for record in _carried(tx, host.id):
        if record.kind is records.INSTANCE:
            record = _stay(tx, record)
            power.want_terminated(tx, record, power.Why(reason, BY_ADMINISTRATOR))
        elif record.kind is records.VOLUME:
            _lose_volume(tx, record, reason)
        elif record.kind is records.SNAPSHOT:
            seen = SnapshotSeen(attempt=record.doc.attempt, is_failed=True, cause=reason)
            tx.observe(record, seen)
    for volume in tx.by(records.VOLUME, "host", host.id):
        if volume.doc.former_host_id == host.id:
            diskroom.release(tx, host.id, volume.id)
            tx.write(volume, replace(volume.doc, former_host_id=""))
    _give_up_reservations(tx, host.id)
    _release_dedicated(tx, host.id)


def _carried(tx: Tx, host_id: str) -> Iterator[Record[Any, Any]]:
    for instance in tx.by(records.INSTANCE, "host", host_id):
        if instance.doc.gone_at is None:
            yield instance
    for volume in tx.by(records.VOLUME, "host", host_id):
        if volume.doc.host_id == host_id:
            yield volume
    for snapshot in tx.list(records.SNAPSHOT):
        if snapshot.doc.host_id == host_id and snapshot.doc.content is None:
            yield snapshot


def _stay(tx: Tx, record: InstanceRecord) -> InstanceRecord:
    """Have a guest that is on its way go nowhere, and give back what waits for it there."""
    if record.doc.migration is None:
        return record
    placement.release(tx, record.doc.migration.to_host_id, record.id)
    return tx.write(record, replace(record.doc, migration=None))


def _lose_volume(tx: Tx, record: VolumeRecord, reason: Reason) -> None:
    record = moving.take_back(tx, record)
    record = tx.observe(record, VolumeSeen(phase=volumes.Phase.FAILED, cause=reason))
    tx.write(record, replace(record.doc, is_made=False, is_fresh=False, moved_at=0.0))


def _give_up_reservations(tx: Tx, host_id: str) -> None:
    """Make capacity reservations smaller by what the host held for them."""
    for record in tx.by(records.CAPACITY_RESERVATION, "host", host_id):
        kept = tuple(hold for hold in record.doc.holds if hold.host_id != host_id)
        lost = sum(hold.total for hold in record.doc.holds) - sum(hold.total for hold in kept)
        if not kept:
            reserved.end(tx, record, ReservationState.CANCELLED)
            continue
        smaller = tx.write(record, replace(record.doc, count=record.doc.count - lost))
        reserved.settle(tx, smaller, kept)


def _release_dedicated(tx: Tx, host_id: str) -> None:
    allocated = tenancy.allocated_as(tx, host_id)
    if allocated is not None:
        tx.release(tenancy.ALLOCATED, host_id)
        tx.write(allocated, replace(allocated.doc, released_at=tx.now))
