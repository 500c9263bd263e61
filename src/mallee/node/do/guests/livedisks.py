"""Devices of a running domain, by libvirt: volumes put in, enlarged, limited; all let go.

Called by `libvirt` alone, with a domain of its connection; its errors are libvirt's own.
"""
# libvirt's Python module is generated and carries no types.
# pyright: reportUnknownMemberType=false, reportMissingImports=false, reportMissingTypeStubs=false
# pyright: reportAttributeAccessIssue=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import libvirt

from mallee.kit import logs
from mallee.model.storage.datakeys import OpenedKey
from mallee.model.storage.volumes import Limits
from mallee.node.do.guests import patience, secrets, tearing
from mallee.node.do.guests.hypervisor import Merge
from mallee.node.do.storage import livefilling
from mallee.node.plan.guests import disks
from mallee.node.plan.guests import domain as domains
from mallee.node.plan.guests.disks import Disk

STILL_S = 2
"""A guest's agent has so long for each thing that it is asked."""

log = logs.get(__name__)


def attach(domain: Any, disk: Disk, limits: Limits, key: OpenedKey | None) -> None:
    """Put a volume in; one that is there already: nothing."""
    if disk not in disks.decode(domain.XMLDesc()):
        tearing.forget(domain, disk.target)
        with secrets.told(domain, {} if key is None else {disk.volume_id: key}):
            domain.attachDeviceFlags(disks.encode(disk, limits), libvirt.VIR_DOMAIN_AFFECT_LIVE)
    patience.have(domain)


def detach(domain: Any, disk: Disk) -> None:
    """Ask the guest to let a volume go; there is none such: nothing."""
    xml = domain.XMLDesc()
    had = disks.decode(xml)
    if disk in had or disk in disks.decode_torn(xml):
        _rest(domain, disk.target)
        unplug(domain, disks.encode(disk, had.get(disk, Limits())))


def unplug(domain: Any, xml: str) -> None:
    """Ask the guest to let a device go; QEMU that waits for it to obey already: nothing."""
    try:
        domain.detachDeviceFlags(xml, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    except libvirt.libvirtError as error:
        if "already in the process of unplug" not in str(error):
            raise


def resize(domain: Any, target: str, size_bytes: int) -> None:
    """Enlarge a volume; the guest sees it at once."""
    _rest(domain, target)
    domain.blockResize(target, size_bytes, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)


def limit(domain: Any, target: str, limits: Limits) -> None:
    """Have other limits apply."""
    # What was set before and is not named stays: a burst has to be taken back by name.
    tuned = {"total_iops_sec_max": 0, "total_iops_sec_max_length": 0} | disks.tune(limits)
    domain.setBlockIoTune(target, tuned, libvirt.VIR_DOMAIN_AFFECT_LIVE)


def cut(domain: Any, cuts: Mapping[Disk, Path], keys: Mapping[str, OpenedKey]) -> None:
    """Have volumes written into other layers from one instant on; where they are already: nothing.

    libvirt remembers nothing of it: which layer is written is in the domain's own definition.
    """
    now = {disk.target: disk.path for disk in disks.decode(domain.XMLDesc())}
    if all(now.get(disk.target) == path for disk, path in cuts.items()):
        return
    flags = (
        libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
        | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT
        | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA
        | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC
    )
    xml = domain.XMLDesc()
    order = disks.encode_cut(xml, cuts)
    for disk in cuts:
        _rest(domain, disk.target)
    with secrets.told(domain, keys):
        if not (domains.has_agent(xml) and _cut_still(domain, order, flags)):
            domain.snapshotCreateXML(order, flags)


def _cut_still(domain: Any, order: str, flags: int) -> bool:
    """Cut while the guest's agent holds its file systems still; tell whether that went.

    libvirt has them go on, whatever happens to us. A guest is not trusted to have an agent that
    obeys: where it does not, the cut is what a power cut would leave.
    """
    try:
        domain.agentSetResponseTimeout(STILL_S, 0)
        domain.snapshotCreateXML(order, flags | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE)
    except libvirt.libvirtError as error:
        log.info("cut without the guest's help", domain=domain.name(), error=str(error))
        return False
    return True


def merge(domain: Any, disk: Disk, wanted: Merge) -> bool:
    """Begin to take a layer into the one below it; tell whether that goes on.

    Asked again when it is done, when the guest has the layer no more: nothing.
    """
    if domain.blockJobInfo(disk.target):
        return True
    if wanted.top not in disks.decode_layers(domain.XMLDesc(), disk.target):
        return False
    flags = (
        libvirt.VIR_DOMAIN_BLOCK_COMMIT_RELATIVE | libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES
    )
    speed = wanted.mib_per_s << 20
    domain.blockCommit(disk.target, str(wanted.base), str(wanted.top), speed, flags)
    return True


def _rest(domain: Any, target: str) -> None:
    """End what QEMU does with a disk beside its guest, and refuses all else for; it is begun anew
    later, where it was."""
    livefilling.end(domain, target)
    if domain.blockJobInfo(target):
        domain.blockJobAbort(target, 0)
