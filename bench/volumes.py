"""Volumes: as fast as a bare raw file in the same guest, there at once, cut at once.

The rival is a raw file that is put into the same running guest by hand, with the same cache mode:
guest, QEMU, disk and moment are the same, and both take turns. The guest reads and writes past its
own cache, all over the disk by `scatter.c`, for which a C compiler is needed. How long calls take
is everything from sending them to what is named.
"""

# boto3 makes its clients' methods as it runs: they have no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import cloud, report, sealed
from mallee.model.storage.volumes import Limits
from mallee.node.do.storage import disks
from mallee.node.plan.guests import disks as plan

ZONE = "us-east-1a"
SIZE_GIB = 2
ORDERLY_MIB = 256
SMALL_WRITES = 2000
"""Of 4 KiB each, one after the other."""
_SCATTER = Path(__file__).with_name("scatter.c")


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest with a volume of ours and a raw file."""

    running: cloud.Cloud
    id: str
    ours: str
    theirs: str

    def shell(self, command: str) -> str:
        """Run a command in the guest."""
        return self.running.whole.ssh(self.id, command)

    def took_s(self, command: str) -> float:
        """How long the guest takes for a command, by its own clock."""
        told = self.shell(f"read a b </proc/uptime; {command}; read c d </proc/uptime; echo $a $c")
        began, ended = told.split()
        return float(ended) - float(began)


def measure(runs: int) -> list[report.Finding]:
    """Read, write, attach and cut so often."""
    with cloud.running() as running, _guest(running) as guest:
        speeds = {name: _speeds(guest, command, runs) for name, command in _COMMANDS.items()}
        found = [
            report.Finding(
                promise=f"{name} of a volume, against a raw file in the same guest",
                unit="s",
                ours=tuple(ours for ours, _ in taken),
                theirs=tuple(theirs for _, theirs in taken),
                bar_ratio_max=1 / 0.7,
            )
            for name, taken in speeds.items()
        ]
        return [*found, *_calls(guest, runs)]


_COMMANDS = {
    "1 MiB writes in order": f"dd if=/dev/zero of=DISK bs=1M count={ORDERLY_MIB} oflag=direct",
    "1 MiB reads in order": f"dd if=DISK of=/dev/null bs=1M count={ORDERLY_MIB} iflag=direct",
    "4 KiB writes": f"dd if=/dev/zero of=DISK bs=4k count={SMALL_WRITES} oflag=direct",
    "4 KiB reads": f"dd if=DISK of=/dev/null bs=4k count={SMALL_WRITES} iflag=direct",
    "4 KiB writes all over it": f"scatter DISK write {SMALL_WRITES} {ORDERLY_MIB}",
    "4 KiB reads all over it": f"scatter DISK read {SMALL_WRITES} {ORDERLY_MIB}",
}


def _speeds(guest: Guest, command: str, runs: int) -> list[tuple[float, float]]:
    def took(disk: str) -> float:
        return guest.took_s(command.replace("DISK", f"/dev/{disk}") + " >/dev/null 2>&1")

    # The first turn fills both: what was never written is no measure.
    return [(took(guest.ours), took(guest.theirs)) for _ in range(runs + 1)][1:]


def _calls(guest: Guest, runs: int) -> list[report.Finding]:
    ec2 = guest.running.ec2
    times: dict[str, list[float]] = {}
    for _ in range(runs):
        volume = _volume(guest.running)
        serial = volume.replace("-", "")
        began = time.monotonic()
        ec2.attach_volume(VolumeId=volume, InstanceId=guest.id, Device="/dev/sdh")
        cloud.wait_until(partial(_has, guest, serial), "libvirt has it")
        times.setdefault("AttachVolume to libvirt", []).append(time.monotonic() - began)
        look = f"until grep -q {serial} /sys/block/*/serial 2>/dev/null; do :; done"
        guest.shell(look)
        times.setdefault("AttachVolume to the guest", []).append(time.monotonic() - began)
        began = time.monotonic()
        snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        times.setdefault("CreateSnapshot", []).append(time.monotonic() - began)
        began = time.monotonic()
        copy = _volume(guest.running, SnapshotId=snapshot)
        times.setdefault("a volume from a snapshot", []).append(time.monotonic() - began)
        ec2.detach_volume(VolumeId=volume)
        _wait_available(guest.running, volume)
        for id in (copy, volume):
            ec2.delete_volume(VolumeId=id)
        ec2.delete_snapshot(SnapshotId=snapshot)
        times.setdefault("CreateImage of the running guest to available", []).append(_image(guest))
    bars = dict(zip(times, (0.15, 1.0, 0.2, 0.2, 2.0), strict=True))
    return [
        report.Finding(promise=name, unit="s", ours=tuple(taken), bar_max=bars[name])
        for name, taken in times.items()
    ]


def _image(guest: Guest) -> float:
    """How long it takes until an image of the guest, which runs on, may be launched."""
    ec2 = guest.running.ec2
    began = time.monotonic()
    made = ec2.create_image(InstanceId=guest.id, Name="made", NoReboot=True)["ImageId"]

    def is_there() -> bool:
        return ec2.describe_images(ImageIds=[made])["Images"][0]["State"] == "available"

    cloud.wait_until(is_there, f"{made} is available")
    took = time.monotonic() - began
    ec2.deregister_image(ImageId=made, DeleteAssociatedSnapshots=True)
    return took


@contextmanager
def _guest(running: cloud.Cloud) -> Generator[Guest]:
    """A guest with a volume, and with a raw file put in by hand."""
    instance = running.whole.run()
    running.whole.ssh(instance, "true")
    volume = _volume(running)
    running.ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
    serial = volume.replace("-", "")
    look = f"until grep -l {serial} /sys/block/*/serial 2>/dev/null; do :; done"
    ours = running.whole.ssh(instance, look).split("/")[3]
    path = running.layout.node / "bare.raw"
    line = ["gcc", "-static", "-O1", "-s", "-o", str(path), str(_SCATTER)]
    subprocess.run(line, check=True)
    program_bytes = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(SIZE_GIB << 30)
    disks.give_to_qemu(path)
    guest = Guest(running, instance, ours, "")
    xml = running.layout.node / "bare.xml"
    like_ours = plan.encode(plan.Disk("vol-bare", path, 15), Limits())
    xml.write_text(like_ours.replace("<shareable />", "").replace("volbare", "bare"))
    _virsh(guest, "attach-device", instance, str(xml))
    look = "until grep -l bare /sys/block/*/serial 2>/dev/null; do :; done"
    theirs = running.whole.ssh(instance, look).split("/")[3]
    # The program came to the guest as the first bytes of that disk.
    running.whole.ssh(
        instance,
        f"head -c {program_bytes} /dev/{theirs} >/bin/scatter && chmod +x /bin/scatter",
    )
    yield Guest(running, instance, ours, theirs)
    running.end(instance)


def _volume(running: cloud.Cloud, **more: str) -> str:
    wanted = {"AvailabilityZone": ZONE, "Size": SIZE_GIB, "VolumeType": "standard", **more}
    made = running.ec2.create_volume(**wanted)["VolumeId"]
    _wait_available(running, made)
    return made


def _wait_available(running: cloud.Cloud, volume: str) -> None:
    def is_so() -> bool:
        found = running.ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]
        return found["State"] == "available"

    cloud.wait_until(is_so, f"{volume} is available")


def _has(guest: Guest, serial: str) -> bool:
    return serial in _virsh(guest, "dumpxml", guest.id)


def _virsh(guest: Guest, *words: str) -> str:
    line = ["virsh", "-q", "-c", guest.running.layout.libvirt_uri, *words]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
