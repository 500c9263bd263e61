"""Whoever dies while a guest goes from host to host: one guest goes on, and no write is lost.

One lab, one guest that writes all the while and goes to and fro. Its root is encrypted; a volume
that is not, and a network card, came to it while it ran. Each day waits until it has come
so far, kills somebody for real, and then the guest has to be somewhere, once, with all that it has
written, and to go when it is asked again: the next day begins with that.
"""

import contextlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import pytest

from mallee.box import client as api
from mallee.box import status
from mallee.kit import process
from mallee.node.migrating import book
from tests import labs, wholecloud
from tests.labs import Lab
from tests.wholecloud import Cloud

TEXT = """
[hosts.front]
role = "front"

[hosts.n1]

[cloud]
listen = "0.0.0.0"

[cloud.network]
public_range = "198.19.11.0/24"
egress = true
"""
HOSTS = ("front", "n1")
ROOT = {"DeviceName": "/dev/vda", "Ebs": {"Encrypted": True}}
FINDS = "disk=/dev/$(grep -l {serial} /sys/block/*/serial | cut -d/ -f4)"
"""A guest's own names of its disks may be others each time it begins."""
PUTS = "echo $n | dd of=$disk bs=4096 seek=$n conv=notrunc,fsync,sync 2>/dev/null"
RESTS = "usleep 100000"
"""Between numbers, or a guest that only counts has a processor for itself."""
COUNTS = (
    "n=$(cat /root/n | wc -l); "
    f"while :; do n=$((n+1)); {PUTS}; echo $n >>/root/n; sync; {RESTS}; done"
)
WRITES = f"{FINDS}; touch /root/n; ({COUNTS}) </dev/null >/dev/null 2>&1 &"
"""Each number is on both disks before the next one follows."""
HOLDS = "mkdir -p /dev/shm; dd if=/dev/urandom of=/dev/shm/held bs=1M count=16 2>/dev/null"
LIVES = "cat /proc/sys/kernel/random/boot_id"
SAME = "seq 1 $n >/tmp/w; cmp -s /tmp/n /tmp/w"
READS = "echo 3 >/proc/sys/vm/drop_caches; dd if=$disk bs=4096 skip=1 count=$n 2>/dev/null"
WHOLE = (
    f"{FINDS}; sync; cp /root/n /tmp/n; n=$(wc -l </tmp/n); {SAME} && "
    f"{READS} | tr -d '\\0' | cmp -s - /tmp/w && echo $n"
)
LEASES = "ip link set eth1 up; udhcpc -i eth1 -f -q -n -s /bin/true 2>&1; true"
"""What a guest says of the card that came to it while it ran, when it asks by it."""
FELT_S = 300.0
MIRRORED, SENT, STANDS = "its disks are mirrored", "its memory is sent", "it stands"


@dataclass(slots=True)
class Going:
    """A lab of two hosts, with the guest that goes between them."""

    lab: Lab
    cloud: Cloud
    guest: str
    volume: str = ""
    """What came to it while it ran."""
    address: str = ""
    """Of the interface that did."""

    @property
    def source(self) -> str:
        """The name of the host that the instance is on, as the cloud says."""
        found = [one["HostId"] for one in self.cloud.hosts() if self.guest in one["InstanceIds"]]
        return next(name for name in HOSTS if self.lab.host_id(name) in found)

    def ask(self, action: str, **asked: object) -> dict[str, object] | None:
        """What the administration answers; None while nobody does."""
        try:
            return api.call(
                self.cloud.access, "mallee", action, {"InstanceId": self.guest, **asked}
            )
        except api.Unreachable:
            return None
        except api.Refused as refused:
            if action == "DescribeMigration" or "again" in str(refused) or "heard" in str(refused):
                return None
            raise

    def begin(self) -> None:
        """Have the guest go, as soon as it can."""
        wholecloud.wait_until(
            lambda: self.ask("MigrateInstance") is not None, FELT_S, "the guest to be on its way"
        )

    def wait_step(self, step: str) -> None:
        """Wait until the guest has come so far on its way, or is there before anybody looked."""

        def is_there() -> bool:
            told = self.ask("DescribeMigration") or {}
            return told.get("State") == "none" or str(told.get("Step", "")).startswith(step)

        wholecloud.wait_until(is_there, FELT_S, f"the guest to come so far: {step}")

    def ended(self) -> str:
        """Wait until the guest is on its way no more; return why it did not go."""
        told: list[dict[str, object]] = []

        def is_over() -> bool:
            told.append(self.ask("DescribeMigration") or {})
            return told[-1].get("State") == "none"

        wholecloud.wait_until(is_over, FELT_S, "the guest to be somewhere")
        return str(told[-1].get("Failure", ""))

    def machines(self) -> dict[str, list[str]]:
        """The process ids of the guest's machines, by host."""
        found: dict[str, list[str]] = {}
        for name in HOSTS:
            with contextlib.suppress(process.Failed):
                found[name] = self.lab.run(name, "pgrep", "-f", f"guest={self.guest},").split()
        return found

    def wait_one(self) -> None:
        """Wait until the guest has one machine among all hosts, there where the cloud says."""

        def is_one() -> bool:
            found = [name for name, pids in self.machines().items() for _ in pids]
            return found == [self.source]

        wholecloud.wait_until(is_one, FELT_S, "the guest to have one machine")

    def is_given(self, host: str, to: str) -> bool:
        """Whether a host has written down that the guest is another's; it forgets that when nothing
        of the guest is left there, and then the other one knows."""
        old, new = (book.read(self.lab.layout(name), self.guest) for name in (host, to))
        if new is not None and new.is_coming and new.is_given:
            return True
        return old is not None and old.is_given and not old.is_coming

    def daemon(self, host: str, name: str) -> str:
        """The process id of a daemon, as its host sees it."""
        return status.pid_file(self.lab.layout(host), name).read_text().split()[0]

    def kill(self, host: str, pid: str) -> None:
        """Kill a process of a host; it has ended just now: nothing."""
        with contextlib.suppress(process.Failed):
            self.lab.run(host, "kill", "-9", pid)

    def shown(self) -> list[str]:
        """What its owner is told of the instance's state."""
        told = self.cloud.instance(self.guest)
        found: Any = self.cloud.ec2.describe_instance_status(InstanceIds=[self.guest])
        checked = found["InstanceStatuses"][0]
        return [
            told["State"]["Name"],
            *(one["Ebs"]["Status"] for one in told["BlockDeviceMappings"]),
            *(one["Attachment"]["Status"] for one in told["NetworkInterfaces"]),
            told.get("StateReason", {}).get("Message", ""),
            checked["SystemStatus"]["Status"],
            checked["InstanceStatus"]["Status"],
        ]

    def count(self) -> int:
        """How far the guest has counted, each number on its disk in its place."""
        return int(self.cloud.ssh(self.guest, self.of_volume(WHOLE)))

    def wait_counting(self, before: int) -> None:
        """Wait until the guest has counted farther; a busy machine's disk may take its time."""
        wholecloud.wait_until(lambda: self.count() > before, FELT_S, "the guest to count on")

    def of_volume(self, words: str) -> str:
        """Words for the guest in which it knows the volume by its serial number."""
        return words.replace("{serial}", self.volume.replace("-", ""))

    def write(self) -> None:
        """Have the guest begin to write."""
        self.cloud.ssh(self.guest, self.of_volume(WRITES))

    def give(self) -> None:
        """Give the running guest a volume and a network card."""
        ec2: Any = self.cloud.ec2
        there = self.cloud.instance(self.guest)
        zone, subnet = there["Placement"]["AvailabilityZone"], there["SubnetId"]
        self.volume = ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
        ec2.get_waiter("volume_available").wait(VolumeIds=[self.volume], WaiterConfig={"Delay": 1})
        ec2.attach_volume(VolumeId=self.volume, InstanceId=self.guest, Device="/dev/sdf")
        made = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
        self.address = made["PrivateIpAddress"]
        card = made["NetworkInterfaceId"]
        ec2.attach_network_interface(NetworkInterfaceId=card, InstanceId=self.guest, DeviceIndex=1)
        found = self.of_volume("ls -d /sys/class/net/eth1; grep -l {serial} /sys/block/*/serial")
        wholecloud.wait_until(
            lambda: len(self.cloud.ssh(self.guest, f"{found}; true").split()) == 2,
            FELT_S,
            "both to be in the guest",
        )

    def life(self) -> str:
        """What a guest has anew each time it begins."""
        return self.cloud.ssh(self.guest, LIVES).strip()


@pytest.fixture(scope="module")
def going() -> Generator[Going]:
    with labs.up(TEXT) as lab:
        cloud = lab.cloud
        guest = cloud.run(InstanceType="t3.nano", BlockDeviceMappings=[ROOT])
        cloud.wait_state(guest, "running")
        made = Going(lab, cloud, guest)
        made.give()
        cloud.ssh(guest, HOLDS)
        made.write()
        yield made


Day = Callable[[Going, str, str], None]
"""What happens, given the names of the hosts from which and to which the guest is on its way."""


def source_agent(going: Going, source: str, target: str) -> None:
    going.kill(source, going.daemon(source, "node"))


def target_agent(going: Going, source: str, target: str) -> None:
    going.kill(target, going.daemon(target, "node"))


def libvirtds(going: Going, source: str, target: str) -> None:
    for name in (source, target):
        going.kill(name, going.daemon(name, "libvirtd"))


def cloud_daemon(going: Going, source: str, target: str) -> None:
    going.kill("front", going.daemon("front", "cloud"))


def target_machine(going: Going, source: str, target: str) -> None:
    for pid in going.machines().get(target, []):
        going.kill(target, pid)


def cable(going: Going, source: str, target: str) -> None:
    going.lab.cut("n1.eth0")
    wholecloud.wait_until(lambda: not going.cloud.host_is_up(), FELT_S, "a host to be missed")
    going.lab.mend()


DAYS: tuple[tuple[Day, str], ...] = (
    (source_agent, SENT),
    (target_agent, MIRRORED),
    (target_agent, STANDS),
    (libvirtds, SENT),
    (cloud_daemon, MIRRORED),
    (target_machine, SENT),
    (cable, SENT),
)


@pytest.mark.parametrize(("happens", "step"), DAYS)
def test_the_guest_goes_on_in_one_place(going: Going, happens: Day, step: str) -> None:
    life, counted = going.life(), going.count()
    source = going.source
    target = next(name for name in HOSTS if name != source)
    going.begin()
    going.wait_step(step)
    happens(going, source, target)
    why = going.ended()
    going.wait_one()
    # Where it is depends on who was faster; that it says why it stayed does not.
    assert (going.source == source) is bool(why)
    assert going.cloud.state(going.guest) == "running"
    assert going.life() == life
    going.wait_counting(counted)
    assert going.address in going.cloud.ssh(going.guest, LEASES)


def test_a_guest_that_is_killed_on_its_way_begins_anew_and_says_so(going: Going) -> None:
    life, counted = going.life(), going.count()
    # It may be the new host's before anybody has killed it: then it goes once more.
    while going.life() == life:
        source = going.source
        going.begin()
        going.wait_step(MIRRORED)
        for pid in going.machines().get(source, []):
            going.kill(source, pid)
        going.ended()
        going.wait_one()
    assert going.count() >= counted
    assert "QEMU process ended" in going.cloud.instance(going.guest)["StateReason"]["Message"]
    going.write()


def test_the_old_host_loses_its_power_when_it_has_given_the_guest(going: Going) -> None:
    while going.source != "n1":
        going.begin()
        going.ended()
    life, counted = going.life(), going.count()
    going.begin()
    wholecloud.wait_until(lambda: going.is_given("n1", "front"), FELT_S, "the guest to be given")
    going.lab.power_off("n1")
    going.lab.power_on()
    assert going.ended() == ""
    going.wait_one()
    assert going.source == "front"
    assert going.life() == life
    going.wait_counting(counted)


def test_it_still_goes_and_looks_the_same_all_the_while(going: Going) -> None:
    source, life = going.source, going.life()
    wholecloud.wait_until(lambda: going.shown()[-1] == "ok", FELT_S, "the guest to be well")
    before = going.shown()
    others: list[list[str]] = []

    def is_there() -> bool:
        if (shown := going.shown()) != before:
            others.append(shown)
        return going.source != source

    going.begin()
    wholecloud.wait_until(is_there, FELT_S, "the guest to be there")
    assert going.ended() == ""
    assert going.life() == life
    assert going.address in going.cloud.ssh(going.guest, LEASES)
    assert [*others, going.shown()] == [before]
