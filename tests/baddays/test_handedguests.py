"""Whoever dies while a guest goes between hosts of one share: one guest goes on, no write is lost,
and its volume is the same file all the while.

As `test_migrations`, with a volume whose files are handed over beside a root that is mirrored (what
the root lies on is called otherwise on each host of a lab). The guest counts on the volume.
"""

import tempfile
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import labs, wholecloud
from tests.baddays import test_migrations as days
from tests.baddays.test_migrations import FELT_S, HOSTS, SENT, STANDS, Going
from tests.labs import Lab

TEXT = """
[hosts.front]
role = "front"

[hosts.n1]

[cloud]
listen = "0.0.0.0"

[cloud.volumes]
directory = "{share}"
mount = false
capacity_gib = 64

[cloud.network]
public_range = "198.19.17.0/24"
egress = true
"""
NODE = """
[volumes]
directory = "{share}"
mount = false
capacity_gib = 64
"""
MOUNTS = (
    "until grep -q {serial} /sys/block/vd?/serial; do usleep 200000; done; "
    "disk=/dev/$(grep -l {serial} /sys/block/vd?/serial | cut -d/ -f4); "
    "mke2fs -q $disk && mkdir -p /mnt && mount -t ext4 $disk /mnt"
)
COUNTS = f"n=0; while :; do n=$((n+1)); echo $n >>/mnt/n; sync; {days.RESTS}; done"
WRITES = f"({COUNTS}) </dev/null >/dev/null 2>&1 &"
WHOLE = "sync; cp /mnt/n /tmp/n; n=$(wc -l </tmp/n); seq 1 $n | cmp -s - /tmp/n && echo $n"


@dataclass(slots=True)
class Shared:
    """A guest with a volume, on a lab whose hosts keep their volumes in one directory."""

    going: Going
    share: Path
    volume: str

    def file(self) -> int:
        """Which file the volume's is on the host that has the guest."""
        host_id = self.going.lab.host_id(self.going.source)
        return (self.share / host_id / "volumes" / self.volume / "1.qcow2").stat().st_ino

    def count(self) -> int:
        """How far the guest has counted on the volume, each number in its place."""
        return int(self.going.cloud.ssh(self.going.guest, WHOLE))

    def wait_counting(self, before: int) -> None:
        """Wait until the guest has counted farther; a busy machine's disk may take its time."""
        wholecloud.wait_until(lambda: self.count() > before, FELT_S, "the guest to count on")


def ground_of(share: Path) -> Callable[[Lab], AbstractContextManager[None]]:
    @contextmanager
    def ground(lab: Lab) -> Generator[None]:
        settings = lab.layout("n1").host_settings
        settings.parent.mkdir(parents=True)
        settings.write_text(NODE.format(share=share))
        yield

    return ground


@pytest.fixture(scope="module")
def shared() -> Generator[Shared]:
    with tempfile.TemporaryDirectory(prefix="s-", dir="/tmp") as directory:
        share = Path(directory)
        share.chmod(0o755)
        with labs.up(TEXT.format(share=share), ground_of(share)) as lab:
            cloud = lab.cloud
            guest = cloud.run(InstanceType="t3.nano")
            cloud.wait_state(guest, "running")
            zone = cloud.instance(guest)["Placement"]["AvailabilityZone"]
            made = cloud.ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
            cloud.ec2.get_waiter("volume_available").wait(VolumeIds=[made])
            cloud.ec2.attach_volume(VolumeId=made, InstanceId=guest, Device="/dev/sdf")
            cloud.ssh(guest, MOUNTS.format(serial=made.replace("-", "")))
            cloud.ssh(guest, f"{days.HOLDS}; {WRITES}")
            yield Shared(Going(lab, cloud, guest), share, made)


DAYS: tuple[tuple[days.Day, str], ...] = (
    (days.source_agent, SENT),
    (days.target_agent, SENT),
    (days.target_agent, STANDS),
    (days.libvirtds, SENT),
    (days.target_machine, SENT),
    (days.cable, SENT),
)


def check_handed_over(shared: Shared) -> None:
    """Have the guest go to the other host, and see that it goes on there with the same file."""
    going, file, counted = shared.going, shared.file(), shared.count()
    source, life = going.source, going.life()
    going.begin()
    assert going.ended() == ""
    going.wait_one()
    assert going.source != source
    assert shared.file() == file
    assert going.life() == life
    shared.wait_counting(counted)


def test_a_volume_is_handed_over(shared: Shared) -> None:
    check_handed_over(shared)


@pytest.mark.parametrize(("happens", "step"), DAYS)
def test_the_guest_goes_on_in_one_place(shared: Shared, happens: days.Day, step: str) -> None:
    going = shared.going
    life, counted, file = going.life(), shared.count(), shared.file()
    source = going.source
    target = next(name for name in HOSTS if name != source)
    going.begin()
    going.wait_step(step)
    happens(going, source, target)
    why = going.ended()
    going.wait_one()
    assert (going.source == source) is bool(why)
    assert going.cloud.state(going.guest) == "running"
    assert going.life() == life
    shared.wait_counting(counted)
    assert shared.file() == file


def test_the_old_host_loses_its_power_when_it_has_given_the_guest(shared: Shared) -> None:
    going = shared.going
    while going.source != "n1":
        going.begin()
        going.ended()
    life, counted, file = going.life(), shared.count(), shared.file()
    going.begin()
    wholecloud.wait_until(lambda: going.is_given("n1", "front"), FELT_S, "the guest to be given")
    going.lab.power_off("n1")
    going.lab.power_on()
    assert going.ended() == ""
    going.wait_one()
    assert (going.source, going.life()) == ("front", life)
    shared.wait_counting(counted)
    assert shared.file() == file
