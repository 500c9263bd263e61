"""From a launch's request to the guest's first userspace line and to its SSH banner, against QEMU.

Theirs is a QEMU started directly with the same kernel, ramdisk, disk, machine, processor and memory
on a network of its own, from the moment its process is started. Ours is everything from sending
RunInstances. Both kinds take turns, so that whatever else the machine does hits both.
"""

import tempfile
import time
from pathlib import Path

from bench import bare, cloud, report, sealed, wire
from mallee.model.images import catalogue
from mallee.node.plan.guests import domain
from tests import tinyimages


def measure(runs: int) -> list[report.Finding]:
    """Launch both so often."""
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    [port] = wire.ports(1)
    with cloud.running() as running, wire.wire([port], wire.Metadata()):
        for _ in range(runs + 1):
            ours.append(_launch(running))
            theirs.append(_start_bare(port))
    # The first launch fills caches: of images on the host, and of the machine's file system.
    return [
        report.Finding(
            promise="request to the first userspace line, against bare QEMU",
            unit="s",
            ours=tuple(line for line, _ in ours[1:]),
            theirs=tuple(line for line, _ in theirs[1:]),
            bar_ratio_max=1.25,
            bar_more_max=0.7,
        ),
        report.Finding(
            promise="request to the SSH banner on the public address, against bare QEMU",
            unit="s",
            ours=tuple(banner for _, banner in ours[1:]),
            theirs=tuple(banner for _, banner in theirs[1:]),
            bar_ratio_max=1.5,
        ),
    ]


def _launch(running: cloud.Cloud) -> tuple[float, float]:
    began = time.monotonic()
    instance_id = running.launch()
    address = running.address_of(instance_id)
    running.wait_said(instance_id, catalogue.FIRST_LINE)
    line = time.monotonic() - began
    banner = bare.wait_banner(address, began)
    running.end(instance_id)
    return line, banner


def machine(port: wire.Port, disk: Path) -> bare.Machine:
    """The bare twin of an instance."""
    boot = catalogue.proof_boot(tinyimages.document())
    assert boot.ramdisk is not None
    return bare.Machine(
        kernel=tinyimages.file_of(boot.kernel),
        ramdisk=tinyimages.file_of(boot.ramdisk),
        command_line=boot.command_line,
        disks=((disk, "qcow2"),),
        port=port,
        memory_mib=cloud.MEMORY_MIB,
        vcpus=cloud.VCPUS,
        model=domain.MACHINE,
    )


def _start_bare(port: wire.Port) -> tuple[float, float]:
    blob = catalogue.image(tinyimages.document(), catalogue.TINY_DISK).blob
    with tempfile.TemporaryDirectory(prefix="m-") as folder:
        disk = tinyimages.clone(blob, Path(folder) / "disk.qcow2")
        with bare.Guest(machine(port, disk), Path(folder)) as guest:
            line = guest.wait_for(catalogue.FIRST_LINE)
            return line, bare.wait_banner(port.address, guest.started_at)


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
