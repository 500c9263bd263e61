"""Takes a volume out of a running guest that does not let it go: its device stays, and fails.

Called by `libvirt` alone, with a domain of its connection; its errors are libvirt's own. QEMU has
no device of a bus leave without its guest, so the volume is taken from behind it: by QEMU's own
protocol the device is mirrored, with nothing copied, to a disk on which all reads and writes fail,
and then the volume's files are closed. libvirt does not notice: what was torn out is written into
the domain's metadata, by `plan.disks`. Killed at any moment, it is finished by doing it again.
"""
# libvirt's Python module is generated and carries no types.
# pyright: reportUnknownMemberType=false, reportMissingImports=false, reportMissingTypeStubs=false
# pyright: reportAttributeAccessIssue=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import time
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

import libvirt
import msgspec

from mallee.node.do.guests import monitor
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.plan.guests import disks
from mallee.node.plan.guests.disks import Disk

READY_S = 10.0
"""QEMU has so long to end what it is writing."""
_LOOK_S = 0.02
_FAILS: Mapping[str, object] = {"event": "none", "errno": 5, "once": False}
"""How `blkdebug` is told to answer everything with EIO."""


class StillBusy(HypervisorFailed):
    """QEMU has not ended what it was reading or writing; the message says of which volume."""


class _Image(msgspec.Struct, frozen=True):
    size_bytes: int = msgspec.field(name="virtual-size")


class _Inserted(msgspec.Struct, frozen=True):
    node: str = msgspec.field(name="node-name")
    image: _Image


class _Device(msgspec.Struct, frozen=True):
    qdev: str = ""
    inserted: _Inserted | None = None


def tear_out(domain: Any, disk: Disk) -> None:
    """Close a volume that a domain has; it has none such, or not any more: nothing.

    Raises `StillBusy` and `monitor.QemuRefused`.
    """
    xml = domain.XMLDesc()
    if disk not in disks.decode(xml):
        return
    if domain.blockJobInfo(disk.target):
        domain.blockJobAbort(disk.target, 0)
    backend = f"/machine/peripheral/{_alias(xml, disk.target)}/virtio-backend"
    dead, job = f"torn-{disk.volume_id}", f"tear-{disk.volume_id}"
    node, size_bytes = _inserted(domain, backend)
    if node != dead:
        _put_behind(domain, (node, dead, job), size_bytes)
    there = monitor.nodes(domain)
    for name in disks.decode_nodes(xml, disk.target):
        if name in there:
            monitor.ask(domain, "blockdev-del", **{"node-name": name})
    _mark(domain, disks.decode_torn(xml) | {disk})


def forget(domain: Any, target: str) -> None:
    """Have a device of this name be what it says again: it is about to be put in anew."""
    xml = domain.XMLDesc()
    if target in disks.decode_torn_targets(xml):
        left = (disk for disk in disks.decode_torn(xml) if disk.target != target)
        _mark(domain, frozenset(left))


def _put_behind(domain: Any, names: tuple[str, str, str], size_bytes: int) -> None:
    node, dead, job = names
    if dead not in monitor.nodes(domain):
        image = {"driver": "null-co", "size": size_bytes}
        wanted = {"driver": "blkdebug", "node-name": dead, "inject-error": [_FAILS]}
        monitor.ask(domain, "blockdev-add", image=image, **wanted)
    if job not in monitor.jobs(domain):
        wanted = {"job-id": job, "device": node, "target": dead, "sync": "none"}
        # What the guest writes meanwhile fails on the dead disk, and on that alone.
        monitor.ask(domain, "blockdev-mirror", **wanted, **{"on-target-error": "ignore"})
    deadline = time.monotonic() + READY_S
    while (status := monitor.jobs(domain).get(job)) is not None:
        if status == "ready":
            monitor.ask(domain, "job-complete", id=job)
        if time.monotonic() > deadline:
            raise StillBusy(f"QEMU has not ended what it reads and writes: {node}")
        time.sleep(_LOOK_S)


def _inserted(domain: Any, backend: str) -> tuple[str, int]:
    """Return which node a device reads and writes, and how large it is."""
    for found in monitor.ask_for(list[_Device], domain, "query-block"):
        if found.qdev == backend and found.inserted is not None:
            return found.inserted.node, found.inserted.image.size_bytes
    raise StillBusy(f"QEMU does not know {backend} any more")


def _alias(xml: str, target: str) -> str:
    for element in ElementTree.fromstring(xml).iterfind("devices/disk"):
        named, alias = element.find("target"), element.find("alias")
        if named is not None and alias is not None and named.get("dev") == target:
            return alias.get("name", "")
    raise StillBusy(f"the domain has no {target} any more")


def _mark(domain: Any, torn: frozenset[Disk]) -> None:
    domain.setMetadata(
        libvirt.VIR_DOMAIN_METADATA_ELEMENT,
        disks.encode_torn(torn) if torn else None,
        disks.TORN_PREFIX,
        disks.TORN_NAMESPACE,
        libvirt.VIR_DOMAIN_AFFECT_LIVE,
    )
