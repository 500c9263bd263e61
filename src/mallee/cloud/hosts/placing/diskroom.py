"""Room for volumes on hosts' disks, by the claims by which instances' disks hold theirs.

Called where a volume is made, enlarged and gone. A new one comes to that host of its zone, of those
that are heard, which has the most room; to one that is broken when no other has enough.
"""

from dataclasses import dataclass

from mallee.aws import errors
from mallee.cloud.hosts import standings
from mallee.cloud.hosts.placing import reserved, tenancy
from mallee.cloud.state import records
from mallee.cloud.state.store import Tx
from mallee.model.hosts.standing import Role
from mallee.model.storage.volumes import ROOT_SLOT

_DISK = "disk_gib"


@dataclass(frozen=True, slots=True)
class Where:
    """Where a new volume may be, and whose it is: hosts may be one account's alone."""

    zone: str
    account: str


def reserve(tx: Tx, where: Where, volume_id: str, size_gib: int) -> str:
    """Claim room for a volume; return the host. Raises `InsufficientVolumeCapacity`."""
    able = [
        host
        for host in tx.by(records.HOST, "zone", where.zone)
        if standings.takes(host, Role.STORAGE)
        if not tenancy.closed_to_disk(tx, host.id, where.account)
    ]
    free = {host.id: left_gib(tx, host.id) for host in able}
    if not free:
        raise errors.InsufficientVolumeCapacity(
            f"No host of the Availability Zone {where.zone} that takes the account's volumes is "
            "heard now."
        )
    well = {host.id for host in able if not standings.is_ailing(host)}
    enough = {id for id in free if free[id] >= size_gib}
    host_id = max(sorted(enough & well or enough or free), key=lambda id: free[id])
    if free[host_id] < size_gib:
        raise errors.InsufficientVolumeCapacity(
            f"There is not enough room in the Availability Zone {where.zone} for a volume of "
            f"{size_gib} GiB: the host with the most has {max(0, free[host_id])} GiB left."
        )
    tx.claim(reserved.space(host_id, _DISK), volume_id, volume_id, size_gib)
    return host_id


def claim(tx: Tx, host_id: str, volume_id: str, size_gib: int) -> None:
    """Claim room for a volume on one host. Raises `InsufficientVolumeCapacity`."""
    host, left = tx.get(records.HOST, host_id), left_gib(tx, host_id)
    if host is not None and Role.STORAGE not in host.doc.roles:
        raise errors.InsufficientVolumeCapacity(
            "The host on which the volume must be keeps none: it has not the role storage."
        )
    if left < size_gib:
        raise errors.InsufficientVolumeCapacity(
            f"The host on which the volume must be has {max(0, left)} GiB left, and {size_gib} GiB "
            "are asked for."
        )
    tx.claim(reserved.space(host_id, _DISK), volume_id, volume_id, size_gib)


def take_over(tx: Tx, host_id: str, whose: tuple[str, str], size_gib: int) -> None:
    """Let a root volume hold what its instance held for it; `whose` are the ids of both.

    What the instance holds besides, as its share of a capacity reservation, stays its own.
    """
    instance_id, volume_id = whose
    space = reserved.space(host_id, _DISK)
    rest = tx.amount(space, instance_id) - size_gib
    tx.release(space, instance_id)
    tx.claim(space, volume_id, volume_id, size_gib)
    if rest > 0:
        tx.claim(space, instance_id, instance_id, rest)


def of_instance(tx: Tx, instance_id: str, host_id: str) -> int:
    """Return how much disk an instance holds, its root volume with it."""
    space = reserved.space(host_id, _DISK)
    roots = [
        volume.id
        for volume in tx.by(records.VOLUME, "instance", instance_id)
        for one in volume.doc.attachments
        if one.instance_id == instance_id and one.slot == ROOT_SLOT
    ]
    return sum(tx.amount(space, id) for id in (instance_id, *roots))


def left_gib(tx: Tx, host_id: str) -> int:
    """Return how much of a host's disk nobody has claimed."""
    host = tx.get(records.HOST, host_id)
    capacity = host.seen.facts.capacity.disk_gib if host and host.seen else 0
    return capacity - tx.total(reserved.space(host_id, _DISK))


def enlarge(tx: Tx, host_id: str, volume_id: str, size_gib: int) -> None:
    """Claim what a volume needs more on its host. Raises `InsufficientVolumeCapacity`."""
    space = reserved.space(host_id, _DISK)
    had, left = tx.amount(space, volume_id), left_gib(tx, host_id)
    if size_gib - had > max(0, left):
        raise errors.InsufficientVolumeCapacity(
            f"The host that keeps {volume_id} has {max(0, left)} GiB left, and {size_gib - had} "
            "more are needed."
        )
    release(tx, host_id, volume_id)
    tx.claim(space, volume_id, volume_id, size_gib)


def claim_snapshot(tx: Tx, host_id: str, volume_id: str, new: tuple[str, int]) -> None:
    """Claim room for what a volume had written when a new snapshot of it was made (its id, and
    how many bytes), as far as its other snapshots have none: the volume itself may be written
    anew. Raises `InsufficientVolumeCapacity`."""
    id, written_bytes = new
    space = reserved.space(host_id, _DISK)
    others = tx.by(records.SNAPSHOT, "volume", volume_id)
    held = sum(tx.amount(space, other.id) for other in others if other.id != id)
    wanted, left = -(-written_bytes >> 30) - held, left_gib(tx, host_id)
    if wanted > max(0, left):
        raise errors.InsufficientVolumeCapacity(
            f"The host that keeps {volume_id} has {max(0, left)} GiB left, and a snapshot would "
            f"keep {wanted} GiB."
        )
    if wanted > 0:
        tx.claim(space, id, id, wanted)


def release(tx: Tx, host_id: str, volume_id: str) -> None:
    """Give back what a volume, or a snapshot, holds; twice is once."""
    tx.release(reserved.space(host_id, _DISK), volume_id)
