"""Who speaks to a guest goes on when it goes elsewhere, byte for byte, also without the cloud.

One lab of three hosts: two guests go from the second to the third. One writes its memory all the
while, and is spoken to from the world, by its public address through the first host, and by a
guest of each of the two hosts; the other one has called the world by a NAT gateway. The cloud is
stopped before they are given away, and goes on when all have spoken on.
"""

import contextlib
import socket
import subprocess
import tempfile
import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mallee.box import client as api
from mallee.box import status
from mallee.node.migrating import book
from tests import labs, wholecloud
from tests.labs import Lab
from tests.wholecloud import Cloud

TEXT = """
[hosts.front]
role = "front"

[hosts.n1]

[hosts.n2]

[cloud]
listen = "0.0.0.0"

[cloud.network]
public_range = "198.19.13.0/24"
egress = true
"""
PORT = 7001
FELT_S = 300.0
HELD = "mkdir -p /dev/shm; dd if=/dev/urandom of=/dev/shm/held bs=1M count=24 2>/dev/null"
WRITES = (
    "dd if=/dev/urandom of=/dev/shm/held bs=64k count=16 conv=notrunc 2>/dev/null; usleep 20000"
)
DIRTIES = f"{HELD}; (while :; do {WRITES}; done) </dev/null >/dev/null 2>&1 &"
ECHOES = f"nc -ll -p {PORT} -e /bin/cat </dev/null >/dev/null 2>&1 &"
CALLS = "#!/bin/sh\nuntil nc {world} {port} -e /bin/cat; do usleep 200000; done\n"
COUNTS = "i=0; while [ ! -e /tmp/stop ]; do i=$((i+1)); echo $i; usleep 10000; done"
SPEAKS = "({counts}) | tee /tmp/sent | nc {there} {port} >/tmp/back; touch /tmp/ended"
ENDED = "touch /tmp/stop; until [ -e /tmp/ended ]; do usleep 50000; done"
SAME = "cmp /tmp/sent /tmp/back && wc -c </tmp/back"


@dataclass(slots=True)
class Talk:
    """A connection on which a guest says again what it is told, and nothing else, in its order."""

    connection: socket.socket
    answered: int = 0
    """So many bytes came back as they went."""
    failure: str = ""
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        """Speak until `end`."""
        self.connection.settimeout(FELT_S)
        self._thread = threading.Thread(target=self._speak)
        self._thread.start()

    def _speak(self) -> None:
        try:
            for number in range(1 << 30):
                if self._over.wait(0.005):
                    return
                said = f"{number:>1000}".encode()
                self.connection.sendall(said)
                back = b""
                while len(back) < len(said) and (more := self.connection.recv(4096)):
                    back += more
                assert back == said, f"{back[:100]!r} after {self.answered} bytes"
                self.answered += len(back)
        except (OSError, AssertionError) as error:
            self.failure = repr(error)

    def end(self) -> None:
        """Speak no more."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        self.connection.close()


@dataclass(frozen=True, slots=True)
class Scene:
    """Guests that go from `n1` to `n2`, and who speaks to them."""

    lab: Lab
    cloud: Cloud
    served: str
    calling: str
    speakers: tuple[str, str]
    """Addresses of a guest of the old host, and of one of the new."""
    told_by: dict[str, Path]
    """What each of them has heard, as it comes."""

    @property
    def going(self) -> tuple[str, str]:
        """Who goes."""
        return self.served, self.calling

    def administer(self, action: str, **asked: object) -> dict[str, Any]:
        """What the administration answers."""
        return api.call(self.cloud.access, "mallee", action, asked)

    def begin(self, guest: str) -> None:
        """Have a guest go, as soon as it can."""

        def has_begun() -> bool:
            try:
                there = self.lab.host_id("n2")
                self.administer("MigrateInstance", InstanceId=guest, HostId=there)
            except api.Refused as refused:
                if "again" not in str(refused):
                    raise
                return False
            return True

        wholecloud.wait_until(has_begun, FELT_S, f"{guest} to be on its way")

    def told(self, guest: str) -> dict[str, Any]:
        """How far a guest is."""
        return self.administer("DescribeMigration", InstanceId=guest)

    def is_given(self, guest: str) -> bool:
        """Whether its old host has given it away; it forgets that when nothing of it is left there,
        and then the new one knows."""
        old, new = (book.read(self.lab.layout(name), guest) for name in ("n1", "n2"))
        if new is not None and new.is_coming and new.is_given:
            return True
        return old is not None and old.is_given and not old.is_coming

    def heard(self, speaker: str) -> int:
        """How many lines a speaker has got back, as it says by a connection that it has had."""
        return self.told_by[speaker].read_bytes().count(b"\n")

    @contextlib.contextmanager
    def without_cloud(self) -> Generator[None]:
        """Have the cloud stand still meanwhile."""
        found = status.pid_file(self.lab.layout("front"), "cloud").read_text().split()[0]
        self.lab.run("front", "kill", "-STOP", found)
        try:
            yield
        finally:
            self.lab.run("front", "kill", "-CONT", found)


def _only(lab: Lab, cloud: Cloud, host: str) -> None:
    """Have what is launched come to one host."""
    for name in ("front", "n1", "n2"):
        standing = "enabled" if name == host else "disabled"
        wish = {"HostId": lab.host_id(name), "Standing": standing}
        api.call(cloud.access, "mallee", "ModifyHost", wish)


def _private_subnet(ec2: Any) -> str:
    """A subnet whose guests reach the world by a NAT gateway."""
    [public] = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])[
        "Subnets"
    ]
    vpc = public["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="172.31.96.0/20")["Subnet"]["SubnetId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=public["SubnetId"], AllocationId=address)
    gateway = made["NatGateway"]["NatGatewayId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)
    return subnet


@pytest.fixture(scope="module")
def scene() -> Generator[tuple[Scene, Talk, Talk]]:
    with labs.up(TEXT) as lab, contextlib.ExitStack() as stack:
        cloud: Cloud = lab.cloud
        listening = stack.enter_context(socket.create_server(("0.0.0.0", 0)))
        listening.settimeout(FELT_S)
        subnet = _private_subnet(cloud.ec2)
        _only(lab, cloud, "n2")
        far = cloud.run(InstanceType="t3.nano")
        _only(lab, cloud, "n1")
        calls = CALLS.format(world=lab.address("world"), port=listening.getsockname()[1])
        near, served = (cloud.run(InstanceType="t3.nano") for _ in range(2))
        calling = cloud.run(InstanceType="t3.nano", SubnetId=subnet, UserData=calls)
        _all(lab, cloud)
        for one in (far, near, served, calling):
            cloud.wait_state(one, "running")
        near, far = (cloud.instance(one)["PublicIpAddress"] for one in (near, far))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        told_by = {one: folder / one for one in (near, far)}
        made = Scene(lab, cloud, served, calling, (near, far), told_by)
        cloud.ssh(served, f"{ECHOES} {DIRTIES}")
        there = cloud.instance(served)
        for one in made.speakers:
            speaks = SPEAKS.format(counts=COUNTS, there=there["PrivateIpAddress"], port=PORT)
            cloud.ssh_to(one, f"({speaks}) </dev/null >/dev/null 2>&1 &")
            stack.enter_context(_following(cloud, one, told_by[one]))
        asked = socket.create_connection((there["PublicIpAddress"], PORT), FELT_S)
        called, _ = listening.accept()
        talks = Talk(asked), Talk(called)
        for talk in talks:
            talk.begin()
            stack.callback(talk.end)
        yield made, *talks


@contextlib.contextmanager
def _following(cloud: Cloud, address: str, into: Path) -> Generator[None]:
    line = (
        *("ssh", "-i", str(cloud.key_pair("tests")), "-o", "BatchMode=yes"),
        *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
        *("-o", "LogLevel=ERROR", f"root@{address}", "tail -n +1 -f /tmp/back"),
    )
    with into.open("wb") as file, subprocess.Popen(line, stdout=file) as following:
        try:
            yield
        finally:
            following.kill()


def _all(lab: Lab, cloud: Cloud) -> None:
    for name in ("front", "n1", "n2"):
        wish = {"HostId": lab.host_id(name), "Standing": "enabled"}
        api.call(cloud.access, "mallee", "ModifyHost", wish)


def test_all_speak_on_while_the_cloud_is_away(scene: tuple[Scene, Talk, Talk]) -> None:
    made, *talks = scene
    wholecloud.wait_until(lambda: all(it.answered for it in talks), FELT_S, "all to speak")
    wholecloud.wait_until(lambda: all(map(made.heard, made.speakers)), FELT_S, "guests to speak")
    for guest in made.going:
        made.begin(guest)
    for guest in made.going:
        wholecloud.wait_until(
            lambda guest=guest: (
                made.told(guest).get("Step", "").startswith("its memory") or made.is_given(guest)
            ),
            FELT_S,
            f"the memory of {guest} to be sent",
        )
    with made.without_cloud():
        for guest in made.going:
            wholecloud.wait_until(
                lambda guest=guest: made.is_given(guest), FELT_S, f"{guest} to be given"
            )
        before = [talk.answered for talk in talks]
        lines = [made.heard(one) for one in made.speakers]
        for talk, at in zip(talks, before, strict=True):
            wholecloud.wait_until(
                lambda talk=talk, at=at: talk.answered > at or bool(talk.failure),
                FELT_S,
                "who speaks to be answered",
            )
            assert talk.failure == ""
        for one, at in zip(made.speakers, lines, strict=True):
            wholecloud.wait_until(
                lambda one=one, at=at: made.heard(one) > at, FELT_S, f"{one} to be answered"
            )
    for guest in made.going:
        wholecloud.wait_until(
            lambda guest=guest: made.told(guest)["State"] == "none", FELT_S, f"{guest} to be there"
        )
        assert "Failure" not in made.told(guest)


def test_not_a_byte_was_lost(scene: tuple[Scene, Talk, Talk]) -> None:
    made, *talks = scene
    hosts = {host["HostId"]: host["InstanceIds"] for host in made.cloud.hosts()}
    assert set(made.going) <= set(hosts[made.lab.host_id("n2")])
    for talk in talks:
        talk.end()
        assert (talk.failure, talk.answered > 0) == ("", True)
    for one in made.speakers:
        made.cloud.ssh_to(one, ENDED)
        assert int(made.cloud.ssh_to(one, SAME)) > 0
