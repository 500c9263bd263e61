"""Reserving room on a host in a transaction, by claims that cannot be overrun.

Of host H an instance I holds `host/H/vcpus`, `host/H/memory_mib` and `host/H/disk_gib` under the
key I, with I as owner. RunInstances reserves; the reconciler releases when the instance is gone.
Which host is chosen is `place.py`'s business.
"""

from dataclasses import dataclass
from typing import Any

from mallee.aws import errors
from mallee.cloud.hosts import place
from mallee.cloud.state import records
from mallee.cloud.state.records import HostSeen, Record
from mallee.cloud.state.store import Tx, View
from mallee.model.hosts import Capacity, Host
from mallee.model.instances import Instance

VCPUS, MEMORY, DISK = "vcpus", "memory_mib", "disk_gib"
WHILE_ON = (VCPUS, MEMORY)
"""What an instance holds only while it shall run; its disk is kept until it is gone."""


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
    count_min: int = 1
    policy: place.Policy = place.Policy.SPREAD
    grouping: place.Grouping = place.ANYWHERE


def reserve(tx: Tx, wanted: Reservation) -> dict[str, str]:
    """Claim room; return host id by instance id, in the order of `instance_ids`.

    Raises `errors.InsufficientInstanceCapacity`, naming what was short on which host.
    """
    each = Capacity(wanted.vcpus, wanted.memory_mib, wanted.disk_gib)
    # Fewer hosts than ids: the last ids find no room, and the caller asked for that.
    placed = dict(zip(wanted.instance_ids, find_room(tx, wanted), strict=False))
    for instance_id, host_id in placed.items():
        _claim(tx, host_id, instance_id, each)
    return placed


def find_room(tx: Tx, wanted: Reservation) -> tuple[str, ...]:
    """Return the hosts that would be chosen now; nothing is claimed of them.

    Raises `errors.InsufficientInstanceCapacity`, naming what is short on which host.
    """
    request = place.Request(
        each=Capacity(wanted.vcpus, wanted.memory_mib, wanted.disk_gib),
        count_min=wanted.count_min,
        count_max=len(wanted.instance_ids),
        policy=wanted.policy,
        grouping=wanted.grouping,
    )
    offers = tuple(_offer(tx, host) for host in tx.by(records.HOST, "zone", wanted.zone))
    match place.choose(offers, request):
        case place.Short() as short:
            raise errors.InsufficientInstanceCapacity(_explain(short, wanted))
        case place.Placed(host_ids):
            return host_ids


def resume(tx: Tx, instance: Record[Instance, Any]) -> None:
    """Claim again, on its own host, what a stopped instance gave back; twice is once.

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
    needed = Capacity(doc.vcpus, doc.memory_mib, 0)
    short = place.choose((_offer(tx, host),), place.Request(each=needed))
    if isinstance(short, place.Short):
        raise errors.InsufficientInstanceCapacity(
            f"{instance.id} cannot start on the host that keeps its disk. "
            + _in_words(short.lacks[0])
        )
    _claim(tx, host.id, instance.id, Capacity(doc.vcpus, doc.memory_mib, doc.disk_gib))


def pause(tx: Tx, host_id: str, instance_id: str) -> None:
    """Give back what only a running instance needs; its disk stays claimed. Twice is once."""
    for resource in WHILE_ON:
        tx.release(_space(host_id, resource), instance_id)


def release(tx: Tx, host_id: str, instance_id: str) -> None:
    """Give back what the instance holds of the host; doing it twice is doing it once."""
    pause(tx, host_id, instance_id)
    tx.release(_space(host_id, DISK), instance_id)


def holds_room(view: View | Tx, host_id: str, instance_id: str) -> bool:
    """Tell whether the instance holds what only a running one needs."""
    return any(
        view.owner_of(_space(host_id, resource), instance_id) is not None for resource in WHILE_ON
    )


def used(view: View | Tx, host_id: str) -> Capacity:
    """Return what is held of a host."""
    return Capacity(
        vcpus=view.total(_space(host_id, VCPUS)),
        memory_mib=view.total(_space(host_id, MEMORY)),
        disk_gib=view.total(_space(host_id, DISK)),
    )


def _claim(tx: Tx, host_id: str, instance_id: str, each: Capacity) -> None:
    tx.claim(_space(host_id, VCPUS), instance_id, instance_id, each.vcpus)
    tx.claim(_space(host_id, MEMORY), instance_id, instance_id, each.memory_mib)
    tx.claim(_space(host_id, DISK), instance_id, instance_id, each.disk_gib)


def _space(host_id: str, resource: str) -> str:
    return f"host/{host_id}/{resource}"


def _offer(tx: Tx, host: Record[Host, HostSeen]) -> place.Offer:
    seen = host.seen
    return place.Offer(
        host_id=host.id,
        name=host.doc.name,
        capacity=seen.facts.capacity if seen else Capacity(0, 0, 0),
        held=used(tx, host.id),
        silent=seen is None or seen.is_silent,
    )


def _explain(short: place.Short, wanted: Reservation) -> str:
    size = f"{wanted.vcpus} vcpus, {wanted.memory_mib} MiB memory, {wanted.disk_gib} GiB disk"
    if not short.lacks:
        return (
            f"The Availability Zone {wanted.zone} has no hosts yet. Let one join: `mallee doctor` "
            "says what is missing."
        )
    hosts = " ".join(_in_words(lack) for lack in short.lacks)
    return (
        f"We currently do not have sufficient capacity in the Availability Zone {wanted.zone} for "
        f"{wanted.count_min} instances of {size}; there is room for {short.room_for}. {hosts}"
    )


def _in_words(lack: place.Lack) -> str:
    if not lack.resources:
        return f"Host {lack.host} is silent: see whether its agent runs."
    return f"Host {lack.host} is short of {', '.join(lack.resources)}."
