"""Devices of a running domain, by libvirt: volumes put in, enlarged, limited; all let go.

Called by `libvirt` alone, with a domain of its connection; its errors are libvirt's own.
"""
# libvirt's Python module is generated and carries no types.
# pyright: reportUnknownMemberType=false, reportMissingImports=false, reportMissingTypeStubs=false
# pyright: reportAttributeAccessIssue=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from typing import Any

import libvirt

from mallee.model.volumes import Limits
from mallee.node.plan import disks
from mallee.node.plan.disks import Disk


def attach(domain: Any, disk: Disk, limits: Limits) -> None:
    """Put a volume in; one that is there already: nothing."""
    if disk not in disks.decode(domain.XMLDesc()):
        domain.attachDeviceFlags(disks.encode(disk, limits), libvirt.VIR_DOMAIN_AFFECT_LIVE)


def detach(domain: Any, disk: Disk) -> None:
    """Ask the guest to let a volume go; there is none such: nothing."""
    had = disks.decode(domain.XMLDesc())
    if disk in had:
        unplug(domain, disks.encode(disk, had[disk]))


def unplug(domain: Any, xml: str) -> None:
    """Ask the guest to let a device go; QEMU that waits for it to obey already: nothing."""
    try:
        domain.detachDeviceFlags(xml, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    except libvirt.libvirtError as error:
        if "already in the process of unplug" not in str(error):
            raise


def resize(domain: Any, target: str, size_bytes: int) -> None:
    """Enlarge a volume; the guest sees it at once."""
    domain.blockResize(target, size_bytes, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)


def limit(domain: Any, target: str, limits: Limits) -> None:
    """Have other limits apply."""
    # What was set before and is not named stays: a burst has to be taken back by name.
    tuned = {"total_iops_sec_max": 0, "total_iops_sec_max_length": 0} | disks.tune(limits)
    domain.setBlockIoTune(target, tuned, libvirt.VIR_DOMAIN_AFFECT_LIVE)
