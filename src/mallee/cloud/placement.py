"""Reserving room on a host in a transaction, by claims that cannot be overrun.

Of host H an instance I holds `host/H/vcpus`, `host/H/memory_mib` and `host/H/disk_gib` under the
key I, with I as owner. RunInstances reserves; the reconciler releases when the instance is gone.
Which host is chosen is `place.py`'s business.
"""

from dataclasses import dataclass

from mallee.cloud import place
from mallee.cloud.state.store import Tx, View
from mallee.model.hosts import Capacity

RESOURCES = ("vcpus", "memory_mib", "disk_gib")


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


def reserve(tx: Tx, wanted: Reservation) -> dict[str, str]:
    """Claim room; return host id by instance id, in the order of `instance_ids`.

    Raises `errors.InsufficientInstanceCapacity`, naming what was short on which host.
    """
    raise NotImplementedError


def release(tx: Tx, host_id: str, instance_id: str) -> None:
    """Give back what the instance holds of the host; doing it twice is doing it once."""
    raise NotImplementedError


def used(view: View | Tx, host_id: str) -> Capacity:
    """Return what is held of a host."""
    raise NotImplementedError
