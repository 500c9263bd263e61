"""The room of capacity reservations as it grows and shrinks: which hosts have how much of it.

Called by the nouns of reservations, of fleets, and of moves between reservations. That what is
unused is claimed is `cloud.hosts.reserved`'s business, which host has room `placement`'s.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace as replace_dataclass

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.ec2.capacity import absorbing
from mallee.cloud.ec2.instances.power import InstanceRecord
from mallee.cloud.hosts.placing import place, placement, reserved
from mallee.cloud.hosts.placing.reserved import ReservationRecord
from mallee.cloud.hosts.placing.tenancy import Tenant
from mallee.cloud.state import records, store
from mallee.model.compute.capacityreservations import CapacityReservation, Hold, Match


def insert(tx: store.Tx, account: str, doc: CapacityReservation) -> ReservationRecord:
    """Make a reservation that takes in what runs and fits; room for the rest is yet to be held."""
    record = tx.insert(records.CAPACITY_RESERVATION, account, doc.id, doc)
    return absorbing.absorb(tx, record, doc.count) if doc.match is Match.OPEN else record


def grow(tx: store.Tx, record: ReservationRecord, count: int) -> ReservationRecord:
    """Hold room for as many more as are missing; raise `InsufficientInstanceCapacity` for less."""
    missing = max(count - held_by(record.doc), 0)
    return _hold(
        tx, record, placement.find_room(tx, _wanted(tx, record.account, record.doc, missing))
    )


def fill(tx: store.Tx, record: ReservationRecord, count: int) -> ReservationRecord:
    """Hold room for as many more as are missing, as far as there is some."""
    missing = max(count - held_by(record.doc), 0)
    wanted = replace_dataclass(_wanted(tx, record.account, record.doc, missing), count_min=0)
    return _hold(tx, record, placement.find_room(tx, wanted))


def has_room(tx: store.Tx, account: str, doc: CapacityReservation) -> bool:
    """Tell whether a reservation would hold anything: room for one, or one that runs."""
    one = replace_dataclass(_wanted(tx, account, doc, 1), count_min=0)
    return bool(placement.find_room(tx, one)) or bool(absorbing.fitting(tx, account, doc))


def held_by(doc: CapacityReservation) -> int:
    """Return for how many instances it has room, used or not."""
    return sum(hold.total for hold in doc.holds)


def _hold(tx: store.Tx, record: ReservationRecord, host_ids: Iterable[str]) -> ReservationRecord:
    record = reserved.settle(tx, record, joined(record.doc.holds, Counter(host_ids)))
    return tx.write(record, replace(record.doc, count=held_by(record.doc)))


def joined(holds: Iterable[Hold], more: Mapping[str, int]) -> list[Hold]:
    """Return the holds with so many more on hosts; negative: fewer."""
    by_host = {hold.host_id: hold for hold in holds}
    for host_id, number in more.items():
        hold = by_host.get(host_id, Hold(host_id, 0))
        by_host[host_id] = replace(hold, total=hold.total + number)
    return list(by_host.values())


def _wanted(
    tx: store.Tx, account: str, doc: CapacityReservation, count: int
) -> placement.Reservation:
    members: list[InstanceRecord] = []
    if doc.placement_group_id:
        members = tx.by(records.INSTANCE, "placement-group", doc.placement_group_id)
    is_cluster = bool(doc.placement_group_id)
    return placement.Reservation(
        zone=doc.zone,
        # Who will get the room is not known yet.
        instance_ids=("",) * count,
        vcpus=doc.vcpus,
        memory_mib=doc.memory_mib,
        disk_gib=doc.disk_gib,
        count_min=count,
        policy=place.Policy.PACK if is_cluster else place.Policy.SPREAD,
        grouping=place.Grouping(near=frozenset(it.doc.host_id for it in members)),
        tenant=Tenant(account=account, type_name=doc.type_name, tenancy=doc.tenancy),
    )


def shrink(tx: store.Tx, record: ReservationRecord, count: int) -> ReservationRecord:
    """Give up what is unused beyond `count`, where most of it is."""
    doc = record.doc
    surplus = sum(hold.total for hold in doc.holds) - count
    if surplus > doc.available:
        raise errors.InvalidParameterValue(
            f"Value ({count}) for parameter instanceCount is invalid. "
            f"{doc.count - doc.available} instances run in {record.id}."
        )
    record = reserved.settle(tx, record, joined(doc.holds, fewer(doc, surplus)))
    return tx.write(record, replace(record.doc, count=count))


def fewer(doc: CapacityReservation, count: int) -> dict[str, int]:
    """Return how many fewer each host has when so many unused ones go, as negative numbers."""
    free = {hold.host_id: hold.total - hold.used for hold in doc.holds}
    gone: Counter[str] = Counter()
    for _ in range(count):
        most = max(sorted(free), key=lambda id: free[id])
        free[most] -= 1
        gone[most] -= 1
    return dict(gone)
