"""Fills a volume of a running guest with all that it lies on, so that no kill loses any of it.

Called by `livedisks` alone, with a domain of its connection; its errors are libvirt's own. QEMU's
own copying ends with a face that says of itself that it lies on nothing, while what it copied is
known to its memory alone until the guest next syncs its disk: a QEMU that is killed before takes
all of that with it. So all is copied once without that end, and made durable; then libvirt is asked
to do the same again, which finds nothing left to copy. Begun again, either goes on where it was.
"""
# libvirt's Python module is generated and carries no types.
# pyright: reportUnknownMemberType=false, reportMissingImports=false, reportMissingTypeStubs=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false

import time
from typing import Any

import libvirt
import libvirt_qemu

from mallee.node.do.guests import monitor
from mallee.node.plan.guests import disks
from mallee.node.plan.guests.disks import Disk

ENDS_S = 10.0
"""Work that is ended waits for what it reads at most; a store that is away takes longer."""
_LOOK_S = 0.02
_PENDING = "pending"
_HMP = 1
"""libvirt's number of the monitor's language for people."""


def fill(domain: Any, disk: Disk, mib_per_s: int, *, may_begin: bool) -> bool:
    """Begin or go on; tell whether this, or other work on the disk, went on already."""
    if domain.blockJobInfo(disk.target):
        return True
    node = disks.decode_nodes(domain.XMLDesc(), disk.target)[0]
    status = _status(domain, disk.target)
    if status is None:
        if may_begin:
            wanted = {"device": node, "speed": mib_per_s << 20}
            # Whether QEMU ends it in its way is asked for by these.
            held = {"job-id": _job(disk.target), "auto-finalize": False}
            monitor.ask(domain, "block-stream", **wanted, **held)
        return False
    if status == _PENDING:
        libvirt_qemu.qemuMonitorCommand(domain, f'qemu-io {node} "flush"', _HMP)
        end(domain, disk.target)
        domain.blockPull(disk.target, 0, libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES)
    return True


def end(domain: Any, target: str) -> None:
    """End the copying, as far as it is; none goes on: nothing. Raises `monitor.QemuRefused`."""
    ends_at = time.monotonic() + ENDS_S
    if _status(domain, target) is not None:
        monitor.ask(domain, "job-cancel", id=_job(target))
    while _status(domain, target) is not None:
        if time.monotonic() > ends_at:
            raise monitor.QemuRefused(f"QEMU does not end what it copies for {target} yet")
        time.sleep(_LOOK_S)


def _job(target: str) -> str:
    return f"fill-{target}"


def _status(domain: Any, target: str) -> str | None:
    return monitor.jobs(domain).get(_job(target))
