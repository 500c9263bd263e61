"""Looks at what is on the host: the `fetch` of the reconciler. All calls block."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mallee.model.hosts.hosts import InstanceWanted
from mallee.node.do.storage import disks
from mallee.node.host import Host
from mallee.node.plan.guests import domain
from mallee.node.plan.guests.instances import blobs_of
from mallee.node.plan.guests.seen import SeenInstance


@dataclass(slots=True)
class Taps:
    """The names of all taps of this cloud, and of those that are not in their VPC."""

    names: set[str] = field(default_factory=set[str])
    unplugged: set[str] = field(default_factory=set[str])
    _moving: set[str] = field(default_factory=set[str])
    """Those that are being made, plugged or removed."""
    _moved: set[str] = field(default_factory=set[str])
    """Those that were since a look at all of them began: what it says of these may be old."""

    @contextmanager
    def moving(self, name: str) -> Generator[None]:
        """Know that a tap is being made, plugged or removed meanwhile."""
        self._moving.add(name)
        self._moved.add(name)
        try:
            yield
        finally:
            self._moving.discard(name)

    def begin_look(self) -> None:
        """Know that a look at all taps begins."""
        self._moved = set(self._moving)

    def take(self, found: "Taps") -> None:
        """Take what a look has found, but not of taps that came or went meanwhile."""
        moved = self._moved
        # Other threads may be reading: they have the one set or the other.
        self.names = (self.names & moved) | (found.names - moved)
        self.unplugged = (self.unplugged & moved) | (found.unplugged - moved)


def fetch_instance(
    host: Host, instance_id: str, wanted: InstanceWanted | None, taps: Taps
) -> SeenInstance:
    """Return what is on the host of an instance.

    `taps` are all taps of this cloud: asking for them is dear, so the caller keeps them. Raises
    `HypervisorFailed`.
    """
    directory = domain.directory_of(host.layout, instance_id)
    interface_ids = () if wanted is None else wanted.interface_ids
    blobs = () if wanted is None else blobs_of(wanted)
    images = host.layout.node_images
    found = host.hypervisor.read(domain.uuid_of(instance_id))
    carried = {nic.tap for nic in found.nics} if found else set[str]()
    return SeenInstance(
        domain=found,
        has_directory=directory.is_dir(),
        has_disk=(directory / domain.DISK_FILE).exists(),
        cached=frozenset(blob.sha256 for blob in blobs if (images / blob.sha256).exists()),
        taps=frozenset(i for i in interface_ids if host.layout.tap(i) in taps.names),
        cards=frozenset(i for i in interface_ids if host.layout.tap(i) in carried),
        unplugged=frozenset(i for i in interface_ids if host.layout.tap(i) in taps.unplugged),
    )


def fetch_instance_ids(host: Host) -> frozenset[str]:
    """Return the ids of all instances that have left anything on this host but taps."""
    instances = host.layout.instances
    named = (path.name for path in instances.iterdir()) if instances.is_dir() else ()
    return frozenset(named) | {seen.instance_id for seen in host.hypervisor.list()}


def fetch_taps(host: Host) -> Taps:
    """Return all taps of this cloud."""
    found = host.network.taps()
    born = host.layout.hypervisor_namespace
    return Taps({tap.name for tap in found}, {tap.name for tap in found if tap.namespace == born})


def fetch_leftovers(host: Host) -> tuple[str, ...]:
    """Return in words what was put aside because no one claims it."""
    return tuple(
        f"{path.name} was found on host {host.name} without an owner; its disk is kept in {path}."
        for path in disks.lost(host.layout)
    )
