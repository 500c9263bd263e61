"""Reserving room on a host in a transaction, by claims that cannot be overrun.

Of host H an instance I holds `host/H/vcpus`, `host/H/memory_mib` and `host/H/disk_gib` under the
key I, with I as owner. RunInstances reserves; the reconciler releases when the instance is gone.
Which host is chosen is `place.py`'s business, whose a host is `tenancy`'s, and what capacity
reservations hold, and get back from instances that ran in them, `reserved`'s.
"""

import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from mallee.aws import errors
from mallee.cloud.hosts import standings
from mallee.cloud.hosts.placing import place, reserved, tenancy
from mallee.cloud.hosts.placing.reserved import ReservationRecord
from mallee.cloud.hosts.placing.tenancy import Tenant
from mallee.cloud.state import records
from mallee.cloud.state.records import HostSeen, Record
from mallee.cloud.state.store import Tx, View
from mallee.model.compute.instances import Instance
from mallee.model.hosts.hosts import Capacity, Host
from mallee.model.hosts.standing import Role

VCPUS, MEMORY, DISK = reserved.RESOURCES
WHILE_ON = (VCPUS, MEMORY)
"""What an instance holds only while it shall run; its disk is kept until it is gone."""

EMULATED = "tcg"
"""A host without virtualisation of its own: `HostFacts.acceleration`."""
LOOKED_AT_FIRST = 64
"""So many hosts of a large zone are looked at before all of them are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Room for instances of one size in one zone: one per id, at least `count_min` of them.

    `instance_ids` are ids in the order in which they are served; those without room are left out.
    """

    zone: str
    instance_ids: tuple[str, ...]
    vcpus: int
    memory_mib: int
    disk_gib: int
    volumes_gib: int = 0
    """Room that its host must have left for volumes that come with each, which claim it."""
    has_volumes: bool = False
    """Whether volumes come with each, its root among them: their host must keep some."""
    count_min: int = 1
    policy: place.Policy = place.Policy.SPREAD
    grouping: place.Grouping = place.ANYWHERE
    tenant: Tenant = tenancy.ANYBODY
    host_id: str = ""
    """The only host that can carry their volumes; empty: any may."""
    not_on: frozenset[str] = frozenset()
    """Hosts that are not chosen: the one that they shall leave, and those that cannot carry them
    at all."""
    within: ReservationRecord | None = None
    """The capacity reservation whose room is meant; None: what no reservation holds."""


def reserve(tx: Tx, wanted: Reservation) -> dict[str, str]:
    """Claim room; return host id by instance id, in the order of `instance_ids`.

    Raises `errors.InsufficientInstanceCapacity`, naming what was short on which host.
    """
    each = _needed(wanted)
    # Fewer hosts than ids: the last ids find no room, and the caller asked for that.
    placed = dict(zip(wanted.instance_ids, find_room(tx, wanted), strict=False))
    for instance_id, host_id in placed.items():
        _claim(tx, host_id, instance_id, each)
        if wanted.tenant.tenancy == tenancy.DEDICATED:
            tx.claim(tenancy.space(host_id), instance_id, instance_id)
    _use(tx, wanted.within, placed.values())
    return placed


def find_room(tx: View | Tx, wanted: Reservation) -> tuple[str, ...]:
    """Return the hosts that would be chosen now; nothing is claimed of them.

    Raises `errors.InsufficientInstanceCapacity`, naming what is short on which host.
    """
    if not wanted.instance_ids:
        return ()
    each = _needed(wanted)
    request = place.Request(
        each=msgspec.structs.replace(each, disk_gib=each.disk_gib + wanted.volumes_gib),
        count_min=wanted.count_min,
        count_max=len(wanted.instance_ids),
        policy=wanted.policy,
        grouping=wanted.grouping,
    )
    hosts = _hosts(tx, wanted)
    some = _some(hosts, wanted)
    if some:
        found = place.choose(_offers(tx, some, wanted), request)
        if isinstance(found, place.Placed) and len(found.host_ids) == request.count_max:
            return found.host_ids
    match place.choose(_offers(tx, hosts, wanted), request):
        case place.Short() as short:
            raise _too_short(tx, short, wanted)
        case place.Placed(host_ids):
            return host_ids


def _hosts(tx: View | Tx, wanted: Reservation) -> list[Record[Host, HostSeen]]:
    """Return the hosts that come into question: of a capacity reservation, those that hold it."""
    if wanted.within is None:
        found = tx.by(records.HOST, "zone", wanted.zone)
    else:
        holding = (tx.get(records.HOST, hold.host_id) for hold in wanted.within.doc.holds)
        found = [host for host in holding if host is not None]
    return [
        host for host in found if wanted.host_id in ("", host.id) and host.id not in wanted.not_on
    ]


def _some(hosts: list[Record[Host, HostSeen]], wanted: Reservation) -> list[Record[Host, HostSeen]]:
    """Return the hosts that are looked at first, others each time: the freest of some dozens is
    nearly the freest of a thousand. None where all must be known to choose well."""
    asks_for_all = (
        wanted.policy is not place.Policy.SPREAD
        or wanted.grouping != place.ANYWHERE
        or wanted.tenant.dedicated_host_id != ""
        or len(wanted.instance_ids) > LOOKED_AT_FIRST
    )
    if asks_for_all or len(hosts) <= 2 * LOOKED_AT_FIRST:
        return []
    well = [host for host in hosts if not standings.is_ailing(host)] or hosts
    better = [host for host in well if not _is_emulated(host)] or well
    begin = zlib.crc32(wanted.instance_ids[0].encode()) % len(better)
    return [*better[begin:], *better[:begin]][:LOOKED_AT_FIRST]


def _is_emulated(host: Record[Host, HostSeen]) -> bool:
    return host.seen is not None and host.seen.facts.acceleration == EMULATED


def _offers(
    tx: View | Tx, hosts: Iterable[Record[Host, HostSeen]], wanted: Reservation
) -> tuple[place.Offer, ...]:
    roles = (Role.COMPUTE, Role.STORAGE) if wanted.has_volumes else (Role.COMPUTE,)
    return tuple(
        _offer(tx, host, wanted.within, _closed(tx, host, roles, wanted.tenant)) for host in hosts
    )


def _closed(
    tx: View | Tx, host: Record[Host, HostSeen], roles: tuple[Role, ...], tenant: Tenant
) -> str:
    return standings.closed(host, *roles) or tenancy.closed(tx, host.id, tenant)


def _needed(wanted: Reservation) -> Capacity:
    each = Capacity(wanted.vcpus, wanted.memory_mib, wanted.disk_gib)
    return _at_least(each, wanted.within)


def resume(
    tx: Tx, instance: Record[Instance, Any], within: ReservationRecord | None = None
) -> None:
    """Claim again, on its own host, what a stopped instance gave back; twice is once.

    With `within` it is the room of that capacity reservation.

    Raises `errors.InsufficientInstanceCapacity`, naming what is short.
    """
    doc = instance.doc
    host = tx.get(records.HOST, doc.host_id)
    if host is None:
        raise errors.InsufficientInstanceCapacity(
            f"The host {doc.host_id} that keeps the disk of {instance.id} is no longer part of "
            "this cloud."
        )
    if holds_room(tx, host.id, instance.id):
        return
    closed = standings.closed_to_starts(host) or tenancy.closed(tx, host.id, tenant_of(instance))
    offer = _offer(tx, host, within, closed)
    # Its disk is its own already.
    size = _at_least(Capacity(doc.vcpus, doc.memory_mib, 0), within)
    needed = Capacity(size.vcpus, size.memory_mib, 0)
    short = place.choose((offer,), place.Request(each=needed))
    if isinstance(short, place.Short):
        raise errors.InsufficientInstanceCapacity(
            f"{instance.id} cannot start on the host that keeps its disk. "
            + _in_words(tx, short.lacks[0], instance.account)
        )
    # A root volume holds its room itself.
    own_gib = 0 if doc.root_device else doc.disk_gib
    disk_gib = tx.amount(_space(host.id, DISK), instance.id) or own_gib
    _claim(tx, host.id, instance.id, Capacity(needed.vcpus, needed.memory_mib, disk_gib))
    _use(tx, within, (host.id,))


def pause(tx: Tx, host_id: str, instance_id: str) -> None:
    """Give back what only a running instance needs; its disk stays claimed. Twice is once."""
    held = holds_room(tx, host_id, instance_id)
    for resource in WHILE_ON:
        tx.release(_space(host_id, resource), instance_id)
    instance = tx.get(records.INSTANCE, instance_id)
    if held and instance is not None:
        reserved.use(tx, instance.doc.capacity_reservation_id, {host_id: -1})


def release(tx: Tx, host_id: str, instance_id: str) -> None:
    """Give back what the instance holds of the host; doing it twice is doing it once."""
    pause(tx, host_id, instance_id)
    tx.release(_space(host_id, DISK), instance_id)
    instance = tx.get(records.INSTANCE, instance_id)
    if instance is not None:
        # What its disk took of the reservation's is the reservation's again.
        reserved.use(tx, instance.doc.capacity_reservation_id, {})


def holds_room(view: View | Tx, host_id: str, instance_id: str) -> bool:
    """Tell whether the instance holds what only a running one needs."""
    return any(
        view.owner_of(_space(host_id, resource), instance_id) is not None for resource in WHILE_ON
    )


def used(view: View | Tx, host_id: str) -> Capacity:
    """Return what is held of a host, by instances and for capacity reservations."""
    return Capacity(
        vcpus=view.total(_space(host_id, VCPUS)),
        memory_mib=view.total(_space(host_id, MEMORY)),
        disk_gib=view.total(_space(host_id, DISK)),
    )


def tenant_of(instance: Record[Instance, Any]) -> Tenant:
    """Return for whom an instance that is there has room: its host is the one that it shall be."""
    return Tenant(
        account=instance.account,
        type_name=instance.doc.type_name,
        tenancy=instance.doc.tenancy,
        dedicated_host_id=instance.doc.dedicated_host_id,
    )


def _use(tx: Tx, within: ReservationRecord | None, host_ids: Iterable[str]) -> None:
    if within is not None:
        reserved.use(tx, within.id, Counter(host_ids))


def _at_least(each: Capacity, within: ReservationRecord | None) -> Capacity:
    """Return what an instance holds: in a reservation the whole of its part, however small it is.

    What it left to others would be missing when it is gone.
    """
    if within is None:
        return each
    part = reserved.size_of(within.doc)
    return Capacity(
        vcpus=max(each.vcpus, part.vcpus),
        memory_mib=max(each.memory_mib, part.memory_mib),
        disk_gib=max(each.disk_gib, part.disk_gib),
    )


def _claim(tx: Tx, host_id: str, instance_id: str, each: Capacity) -> None:
    tx.claim(_space(host_id, VCPUS), instance_id, instance_id, each.vcpus)
    tx.claim(_space(host_id, MEMORY), instance_id, instance_id, each.memory_mib)
    if each.disk_gib:
        tx.claim(_space(host_id, DISK), instance_id, instance_id, each.disk_gib)


def _space(host_id: str, resource: str) -> str:
    return reserved.space(host_id, resource)


def _offer(
    tx: View | Tx, host: Record[Host, HostSeen], within: ReservationRecord | None, closed: str
) -> place.Offer:
    seen, held, slots = host.seen, used(tx, host.id), None
    if within is not None:
        hold = reserved.hold_on(within.doc, host.id)
        closed = closed or ("" if hold.total else f"holds nothing for {within.id}")
        slots = hold.total - hold.used
        held = place.minus(held, reserved.free_on(tx, within.doc, host.id))
    return place.Offer(
        host_id=host.id,
        name=host.doc.name,
        capacity=seen.facts.capacity if seen else Capacity(0, 0, 0),
        held=held,
        silent=seen is None or seen.is_silent,
        closed=closed,
        is_emulated=_is_emulated(host),
        is_ailing=standings.is_ailing(host),
        slots=slots,
    )


def _too_short(tx: View | Tx, short: place.Short, wanted: Reservation) -> errors.AwsError:
    if wanted.within is not None:
        return errors.ReservationCapacityExceeded(wanted.within.id, short.room_for)
    said = _explain(tx, short, wanted)
    if wanted.tenant.tenancy != tenancy.HOST:
        return errors.InsufficientInstanceCapacity(said)
    if all(lack.closed for lack in short.lacks):
        return errors.IncompatibleHostRequirements(said)
    return errors.InsufficientCapacityOnHost(said)


def _explain(tx: View | Tx, short: place.Short, wanted: Reservation) -> str:
    size = f"{wanted.vcpus} vcpus, {wanted.memory_mib} MiB memory, {wanted.disk_gib} GiB disk"
    if not short.lacks:
        return (
            f"The Availability Zone {wanted.zone} has no hosts yet. Let one join: `mallee doctor` "
            "says what is missing."
        )
    account = wanted.tenant.account
    hosts = " ".join(_in_words(tx, lack, account) for lack in short.lacks)
    return (
        f"We currently do not have sufficient capacity in the Availability Zone {wanted.zone} for "
        f"{wanted.count_min} instances of {size}; there is room for {short.room_for}. {hosts}"
    )


def _in_words(tx: View | Tx, lack: place.Lack, account: str) -> str:
    if lack.closed:
        return f"Host {lack.host} {lack.closed}."
    if not lack.resources:
        return f"Host {lack.host} is silent: see whether its agent runs."
    short = f"Host {lack.host} is short of {', '.join(lack.resources)}."
    held = reserved.in_words(tx, lack.host_id, account)
    return f"{short} {held}" if held else short
