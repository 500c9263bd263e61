"""Room that capacity reservations hold on hosts: claimed while unused, given to who runs in it.

A reservation R holds `host/H/vcpus`, `host/H/memory_mib` and `host/H/disk_gib` under its own id, so
much as its unused part on H needs; an instance in it holds at least its part. Each function changes
R's document and claims together. Called by `placement` and by the nouns of reservations.
Invariants: 1. `Hold.used` counts the instances of R on H that hold their room. 2. Processors and
memory of R's unused part are claimed to the last. 3. So is its disk, but for what stopped
instances keep: the reconciler claims that again when the host has it.
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from mallee.cloud.hosts.placing import tenancy
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.compute.capacityreservations import CapacityReservation, Hold, ReservationState
from mallee.model.hosts.hosts import Capacity

Reader = store.View | store.Tx
ReservationRecord = Record[CapacityReservation, None]

RESOURCES = ("vcpus", "memory_mib", "disk_gib")


def space(host_id: str, resource: str) -> str:
    """Return the claim space of a host's resource."""
    return f"host/{host_id}/{resource}"


def size_of(doc: CapacityReservation) -> Capacity:
    """Return what each instance has room for."""
    return Capacity(doc.vcpus, doc.memory_mib, doc.disk_gib)


def hold_on(doc: CapacityReservation, host_id: str) -> Hold:
    """Return what a host has of the reservation."""
    found = (hold for hold in doc.holds if hold.host_id == host_id)
    return next(found, Hold(host_id, 0))


def free_on(view: Reader, doc: CapacityReservation, host_id: str) -> Capacity:
    """Return what is claimed of a host for the unused part."""
    return Capacity(*(_claimed(view, doc.id, host_id, resource) for resource in RESOURCES))


def _claimed(view: Reader, id: str, host_id: str, resource: str) -> int:
    return view.amount(space(host_id, resource), id)


def settle(
    tx: store.Tx, record: ReservationRecord, holds: Iterable[Hold] | None = None
) -> ReservationRecord:
    """Let the reservation have these holds, and claim what is unused of them. Twice is once."""
    kept = record.doc.holds if holds is None else holds
    now = {hold.host_id: hold for hold in kept if hold.total}
    doc = replace(record.doc, holds=tuple(now[id] for id in sorted(now)))
    for host_id in sorted({hold.host_id for hold in record.doc.holds} | now.keys()):
        _claim(tx, doc, now.get(host_id, Hold(host_id, 0)))
    return tx.write(record, doc)


def _claim(tx: store.Tx, doc: CapacityReservation, hold: Hold) -> None:
    free = hold.total - hold.used
    disk = min(free * doc.disk_gib, _disk_left(tx, doc.id, hold.host_id))
    wanted = (free * doc.vcpus, free * doc.memory_mib, disk)
    for resource, amount in zip(RESOURCES, wanted, strict=True):
        if amount:
            tx.claim(space(hold.host_id, resource), doc.id, doc.id, amount)
        else:
            tx.release(space(hold.host_id, resource), doc.id)
    if doc.tenancy == tenancy.DEDICATED and hold.total:
        tx.claim(tenancy.space(hold.host_id), doc.id, doc.id)
    else:
        tx.release(tenancy.space(hold.host_id), doc.id)


def _disk_left(view: Reader, id: str, host_id: str) -> int:
    """Return how much disk of a host nobody else holds."""
    host = view.get(records.HOST, host_id)
    whole = host.seen.facts.capacity.disk_gib if host and host.seen else 0
    others = view.total(space(host_id, "disk_gib")) - _claimed(view, id, host_id, "disk_gib")
    return max(whole - others, 0)


def lacks_disk(view: Reader, doc: CapacityReservation) -> bool:
    """Tell whether the unused part has less disk than it needs, and could have more."""
    return any(
        _claimed(view, doc.id, hold.host_id, "disk_gib")
        < min((hold.total - hold.used) * doc.disk_gib, _disk_left(view, doc.id, hold.host_id))
        for hold in doc.holds
    )


def use(tx: store.Tx, id: str, counts: Mapping[str, int]) -> None:
    """Count so many more instances in it, by host id; negative: fewer."""
    record = tx.get(records.CAPACITY_RESERVATION, id)
    if record is None or record.doc.state is not ReservationState.ACTIVE:
        return
    settle(
        tx,
        record,
        (replace(it, used=it.used + counts.get(it.host_id, 0)) for it in record.doc.holds),
    )


def end(tx: store.Tx, record: ReservationRecord, state: ReservationState) -> ReservationRecord:
    """Give its room up; instances in it run on, in no reservation."""
    for instance in tx.by(records.INSTANCE, "capacity-reservation", record.id):
        tx.write(instance, replace(instance.doc, capacity_reservation_id=""))
    record = settle(tx, record, ())
    return tx.write(record, replace(record.doc, state=state, ended_at=tx.now))


def held(view: Reader, host_id: str) -> Capacity:
    """Return what all reservations hold of a host unused."""
    found = view.by(records.CAPACITY_RESERVATION, "host", host_id)
    free = [free_on(view, record.doc, host_id) for record in found]
    return Capacity(
        vcpus=sum(it.vcpus for it in free),
        memory_mib=sum(it.memory_mib for it in free),
        disk_gib=sum(it.disk_gib for it in free),
    )


def in_words(view: Reader, host_id: str, account: str) -> str:
    """Return what reservations hold of a host unused, naming the account's own; empty: nothing."""
    free = held(view, host_id)
    if not free.vcpus and not free.memory_mib:
        return ""
    found = view.by(records.CAPACITY_RESERVATION, "host", host_id)
    own = sorted(record.id for record in found if record.account == account)
    named = [*own, *(("those of other accounts",) if len(own) < len(found) else ())]
    return (
        f"Capacity reservations hold {free.vcpus} vcpus and {free.memory_mib} MiB memory of it: "
        f"{', '.join(named)}."
    )
