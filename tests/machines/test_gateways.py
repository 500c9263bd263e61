"""The host that leads guests to the world falls silent, or the cloud does, or both: who leads then.

Hosts have a wire to the world, and one between them. The world has the public range on its wire, so
that it asks by ARP who has an address; a guest that is not on the host that is cut off is reached
all the while, or soon again.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from mallee.box import status
from mallee.kit import process
from tests import labs, wholecloud
from tests.labs import Lab
from tests.machines import talking
from tests.wholecloud import Cloud

TEXT = """
[switches.lan]
range = "198.18.60.0/24"

[switches.wan]
range = "198.18.61.0/24"

[hosts.front]
role = "front"
nics = [{ switch = "lan" }, { switch = "wan" }]

[hosts.n1]
nics = [{ switch = "lan" }, { switch = "wan" }]

[hosts.n2]
nics = [{ switch = "lan" }, { switch = "wan" }]

[hosts.world]
role = "world"
nics = [{ switch = "lan" }, { switch = "wan", address = "198.18.61.1" }]

[cloud]
listen = "0.0.0.0"

[cloud.network]
public_range = "198.19.7.0/24"
egress = true
landmarks = ["192.0.2.99", "192.0.2.77"]
"""
LANDMARK = "192.0.2.77"
"""Beyond the router; nobody has the other one."""
PUBLIC, ROUTER = "198.19.7.0/24", "198.18.61.1"
SOON_S = 240.0
"""More than a busy machine takes to notice that a host is silent, and to lead elsewhere."""
COUNTS = "i=0; while sleep 1; do i=$((i + 1)); echo $i; done"
"""What a guest does that says one number after the other, and is asked nothing."""
ANSWERS_S = 5
"""So long a guest may take for an answer: its processor is emulated, on a busy machine."""
LONG_S = 18.0
"""Longer than any lease lasts, and than silence takes to be noticed."""


@dataclass(slots=True)
class Leading:
    """A lab two of whose hosts can lead to the world, with a guest on the third."""

    lab: Lab
    cloud: Cloud
    public: str
    guest: str

    @property
    def now(self) -> tuple[str, str]:
        """Who is in charge, and who is the standby."""
        found = gateways(self.cloud)
        return found["in charge"], found["standby"]

    def wait_charged(self, host: str, standby: str) -> None:
        """Wait until one host is in charge and another its standby."""
        wanted = {"in charge": host, "standby": standby}
        wholecloud.wait_until(lambda: gateways(self.cloud) == wanted, SOON_S, f"{wanted}")

    def is_reached(self) -> bool:
        """Whether the guest answers the world, which is where the test is."""
        try:
            process.run(("ping", "-c", "1", "-W", f"{ANSWERS_S}", self.public))
        except process.Failed:
            return False
        return True

    def wait_shut(self, host: str, standby: str) -> None:
        """Wait until a host's fence is shut, and see that the standby's is not open before."""

        def is_shut() -> bool:
            # In this order: the standby may take over in the moment between two looks.
            is_taken = self.is_open(standby)
            is_shut = not self.is_open(host)
            assert is_shut or not is_taken, f"both {host} and {standby} lead to the world"
            return is_shut

        wholecloud.wait_until(is_shut, SOON_S, f"the fence of {host} to be shut")

    def wait_reached(self) -> None:
        """Wait until the guest answers the world."""
        wholecloud.wait_until(self.is_reached, SOON_S, "the guest to answer the world")

    @contextmanager
    def cloud_stopped(self) -> Generator[None]:
        """Let the cloud's process stand still meanwhile: it is there, and answers nobody."""
        # The pid is the one that the host itself sees.
        pid = status.pid_file(self.lab.layout("front"), "cloud").read_text().split()[0]
        self.lab.run("front", "kill", "-STOP", pid)
        try:
            yield
        finally:
            self.lab.run("front", "kill", "-CONT", pid)

    def seconds(self, count: float) -> Iterator[None]:
        """Yield until so much time has passed."""
        ends_at = time.monotonic() + count
        while time.monotonic() < ends_at:
            yield

    def is_open(self, host: str) -> bool:
        """Whether packets of guests pass a host's fence."""
        table = f"mallee-{self.lab.layout(host).tag}-world"
        try:
            return "expires" in self.lab.run(host, "nft", "list", "table", "inet", table)
        except process.Failed as failed:
            # Who needs no lease has no fence; it may lose it at any moment.
            if "No such file" not in str(failed):
                raise
            return True


@pytest.fixture(scope="module")
def leading() -> Generator[Leading]:
    with labs.up(TEXT) as lab:
        cloud = lab.cloud
        # The world is behind the second card of each host.
        for host in ("front", "n1", "n2"):
            lab.run(host, "ip", "route", "replace", "default", "via", ROUTER)
        lab.run("world", "ip", "route", "replace", PUBLIC, "dev", "eth1")
        lab.run("world", "ip", "address", "add", f"{LANDMARK}/32", "dev", "lo")
        wholecloud.wait_until(lambda: gateways(cloud).get("in charge") == "front", SOON_S, "front")
        # The cloud's own machine shall not be among those that are cut off.
        lab.mallee("front", "hosts", "change", "front", "--roles", "compute,storage")
        wholecloud.wait_until(
            lambda: set(gateways(cloud).values()) == {"n1", "n2"}, SOON_S, "another to be in charge"
        )
        for name in ("n1", "n2"):
            lab.mallee("front", "hosts", "disable", name)
        guest = cloud.run(InstanceType="t3.nano")
        cloud.wait_state(guest, "running")
        public = cloud.instance(guest)["PublicIpAddress"]
        made = Leading(lab, cloud, public, guest)
        made.wait_reached()
        yield made


def gateways(cloud: Cloud) -> dict[str, str]:
    """Return who is in charge, and who is the standby."""
    return {it["Gateway"]: it["Name"] for it in cloud.hosts() if "Gateway" in it}


def test_administrators_see_who_is_in_charge_and_why(leading: Leading) -> None:
    told = {it["Name"]: it.get("GatewayReason", "") for it in leading.cloud.hosts()}
    first, second = leading.now
    assert "takes the place of front, by its administrator's wish" in told[first]
    assert "takes over" in told[second]
    assert not told["front"]


def test_absence_of_the_cloud_takes_the_world_from_nobody(leading: Leading) -> None:
    first, second = leading.now
    with leading.cloud_stopped():
        missed = sum(not leading.is_reached() for _ in leading.seconds(LONG_S))
        assert leading.is_open(first)
        assert not leading.is_open(second)
        # Whoever lost the world by then has no way to get it again.
        assert leading.is_reached()
    assert missed <= 1
    leading.wait_charged(first, second)


def test_host_that_is_heard_and_whose_wire_to_the_world_is_dead_is_relieved(
    leading: Leading,
) -> None:
    first, second = leading.now
    leading.lab.cut(f"{first}.eth1")
    leading.wait_charged(second, first)
    leading.wait_reached()
    assert not leading.is_open(first)
    told = {it["Name"]: it for it in leading.cloud.hosts()}
    assert told[first]["State"] == "BROKEN"
    assert any("eth1, its way to the world, has no carrier" in it for it in told[first]["Causes"])
    assert "whose way to the world was dead" in told[second]["GatewayReason"]
    leading.lab.mend()
    leading.wait_charged(second, first)


def wan_address(lab: Lab, host: str) -> str:
    """A host's address on the wire to the world."""
    return lab.document.hosts[host].nics[1].address


def lose(lab: Lab, *sources: str) -> None:
    """Have the router lead nothing of these hosts beyond itself, though it answers to ARP."""
    hook = "type filter hook input priority 0;"
    rules = "; ".join(f"ip saddr {one} ip daddr {LANDMARK} drop" for one in sources)
    # All at once: whoever was lost before is not heard in between.
    anew = "add table ip far; delete table ip far"
    lab.run("world", "nft", f"{anew}; add table ip far {{ chain i {{ {hook} {rules}; }}; }}")


def test_host_whose_router_leads_nowhere_is_relieved_and_not_when_all_routers_do(
    leading: Leading,
) -> None:
    first, second = leading.now
    lab = leading.lab
    wholecloud.wait_until(
        lambda: all((lab.layout(one).node / "landmarks.json").exists() for one in (first, second)),
        SOON_S,
        "both to have heard the landmark",
    )
    # Who came to be in charge a moment ago stays for a minute, and a standby has to be open.
    lose(lab, wan_address(lab, first))
    leading.wait_charged(second, first)
    leading.wait_reached()
    told = {it["Name"]: it for it in leading.cloud.hosts()}
    assert any(f"nobody answers any more ({LANDMARK})" in it for it in told[first]["Causes"])
    lose(lab, wan_address(lab, first), wan_address(lab, second))
    wholecloud.wait_until(lambda: has_dead_way(leading.cloud, second), SOON_S, "a dead way")
    assert leading.now == (second, first)
    assert leading.is_reached()
    lab.run("world", "nft", "delete", "table", "ip", "far")
    wholecloud.wait_until(lambda: not has_dead_way(leading.cloud, second), SOON_S, "an open way")
    assert leading.now == (second, first)


def has_dead_way(cloud: Cloud, host: str) -> bool:
    """Whether the cloud knows that nobody beyond a host's router answers."""
    (told,) = [it for it in cloud.hosts() if it["Name"] == host]
    return any("nobody answers any more" in it for it in told.get("Causes", ()))


def test_standby_takes_over_from_a_host_that_is_cut_off_and_keeps_it(leading: Leading) -> None:
    first, second = leading.now
    leading.lab.cut(f"{first}.eth0")
    leading.wait_shut(first, second)
    leading.wait_reached()
    assert gateways(leading.cloud)["in charge"] == second
    leading.lab.mend()
    leading.wait_charged(second, first)
    assert leading.is_reached()


def test_host_that_is_cut_off_while_the_cloud_is_away_ends_and_goes_on(leading: Leading) -> None:
    first, second = leading.now
    with leading.cloud_stopped():
        leading.lab.cut(f"{first}.eth0")
        wholecloud.wait_until(lambda: not leading.is_open(first), SOON_S, "the fence to be shut")
        assert not leading.is_open(second)
        leading.lab.mend()
        leading.wait_reached()
    leading.wait_charged(first, second)


def test_who_called_a_guest_hears_it_on_when_the_host_in_charge_is_lost(leading: Leading) -> None:
    """The guest alone speaks: nothing of the world's tells the other host of the conversation.
    The last test of the lab, whose host stays off."""
    first, second = leading.now
    with talking.talking(leading.cloud, leading.guest, COUNTS) as said:
        number = 1
        assert talking.heard(said) == f"{number}"
        leading.lab.power_off(first)
        wholecloud.wait_until(lambda: leading.is_open(second), SOON_S, "the standby to lead")
        for _ in leading.seconds(LONG_S):
            number += 1
            assert talking.heard(said) == f"{number}"
