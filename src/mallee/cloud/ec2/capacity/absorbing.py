"""Running instances that a new open capacity reservation takes in: they fit, and are in none.

Called by `capacityreservations` when one is made. An instance keeps the room that it holds, which
counts as its part of the reservation from then on.
"""

from msgspec.structs import replace

from mallee.cloud.ec2.capacity import drawing
from mallee.cloud.ec2.instances.power import InstanceRecord
from mallee.cloud.hosts.placing import diskroom, placement, reserved
from mallee.cloud.hosts.placing.reserved import ReservationRecord
from mallee.cloud.state import records, store
from mallee.model.compute.capacityreservations import CapacityReservation, Hold
from mallee.model.compute.instances import Power


def absorb(tx: store.Tx, record: ReservationRecord, most: int) -> ReservationRecord:
    """Let up to so many instances that run and fit run in the reservation."""
    holds: dict[str, Hold] = {}
    for instance in fitting(tx, record.account, record.doc)[:most]:
        doc = instance.doc
        hold = holds.get(doc.host_id, Hold(doc.host_id, 0))
        holds[doc.host_id] = Hold(doc.host_id, hold.total + 1, hold.used + 1)
        tx.write(instance, replace(doc, capacity_reservation_id=record.id))
    return reserved.settle(tx, record, holds.values())


def fitting(tx: store.Tx, account: str, doc: CapacityReservation) -> list[InstanceRecord]:
    """Return the account's running instances that would run in the reservation, by id."""
    own = tx.list(records.INSTANCE, account)
    return sorted((it for it in own if _fits(tx, doc, it)), key=lambda it: it.id)


def _fits(tx: store.Tx, doc: CapacityReservation, instance: InstanceRecord) -> bool:
    it = instance.doc
    shape = drawing.of_instance(instance.account, it)
    vcpus, memory, _ = reserved.RESOURCES
    holds = (
        *(tx.amount(reserved.space(it.host_id, name), instance.id) for name in (vcpus, memory)),
        diskroom.of_instance(tx, instance.id, it.host_id),
    )
    needed = (doc.vcpus, doc.memory_mib, doc.disk_gib)
    return (
        it.power is Power.RUNNING
        and it.reservation_preference == drawing.OPEN
        and not it.reservation_target
        and not it.capacity_reservation_id
        and drawing.suits(doc, shape)
        and placement.holds_room(tx, it.host_id, instance.id)
        # What it holds less would be missing when it is gone.
        and all(has >= need for has, need in zip(holds, needed, strict=True))
    )
