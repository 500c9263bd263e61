"""Looks at what is on the host: the `fetch` of the reconciler. All calls block."""

from mallee.model.hosts import InstanceWanted
from mallee.node.do import disks
from mallee.node.host import Host
from mallee.node.plan import domain
from mallee.node.plan.instances import blobs_of
from mallee.node.plan.seen import SeenInstance


def fetch_instance(
    host: Host, instance_id: str, wanted: InstanceWanted | None, taps: frozenset[str]
) -> SeenInstance:
    """Return what is on the host of an instance.

    `taps` are the names of all taps of this cloud: asking for them is dear, so the caller keeps
    them. Raises `HypervisorFailed`.
    """
    directory = domain.directory_of(host.layout, instance_id)
    interface_ids = () if wanted is None else wanted.interface_ids
    blobs = () if wanted is None else blobs_of(wanted)
    images = host.layout.node_images
    return SeenInstance(
        domain=host.hypervisor.read(domain.uuid_of(instance_id)),
        has_directory=directory.is_dir(),
        has_disk=(directory / domain.DISK_FILE).exists(),
        cached=frozenset(blob.sha256 for blob in blobs if (images / blob.sha256).exists()),
        taps=frozenset(i for i in interface_ids if host.layout.tap(i) in taps),
    )


def fetch_instance_ids(host: Host) -> frozenset[str]:
    """Return the ids of all instances that have left anything on this host but taps."""
    instances = host.layout.instances
    named = (path.name for path in instances.iterdir()) if instances.is_dir() else ()
    return frozenset(named) | {seen.instance_id for seen in host.hypervisor.list()}


def fetch_taps(host: Host) -> frozenset[str]:
    """Return the names of all taps of this cloud."""
    return frozenset(tap.name for tap in host.network.taps())


def fetch_leftovers(host: Host) -> tuple[str, ...]:
    """Return in words what was put aside because no one claims it."""
    return tuple(
        f"{path.name} was found on host {host.name} without an owner; its disk is kept in {path}."
        for path in disks.lost(host.layout)
    )
