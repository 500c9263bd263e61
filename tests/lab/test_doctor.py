"""The doctor finds and names every fault that a lab can make, on the cables and in the hosts.

Faults of several hosts stand side by side in one round: what is found of one is not taken for
another's.
"""

import shutil
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from mallee.box import rounds
from mallee.lab import document, openvswitch
from mallee.lab.document import Cable
from mallee.model.checks import Finding
from tests import labs, wholecloud
from tests.labs import Lab

pytestmark = pytest.mark.skipif(
    not shutil.which(openvswitch.PROGRAMS[1]), reason="needs Open vSwitch"
)

TEXT = """
image = false
[switches.lan]
kind = "openvswitch"
[hosts.front]
role = "front"
[hosts.n1]
[hosts.n2]
[hosts.x]
role = "bare"
"""
VLANS = (10, 11, 12, 20)


@pytest.fixture(scope="module")
def whole() -> Generator[Lab]:
    with labs.up(TEXT) as lab:
        yield lab


@pytest.fixture
def lab(whole: Lab) -> Generator[Lab]:
    yield whole
    whole.mend()


def troubles(lab: Lab, vlans: tuple[int, ...] = ()) -> dict[str, Finding]:
    """What the doctor finds of all hosts that is not well."""
    cloud = lab.cloud
    found = rounds.examine(cloud.access, lab.document.cloud.network, rounds.Wish(vlans=vlans))
    return {one.subject: one for one in found if not one.ok}


def doctor(lab: Lab, host: str, *words: str) -> str:
    """What `mallee doctor` says in a host, well or not."""
    line = (*labs.MALLEE, "doctor", *words, "--root", str(lab.layout(host).root))
    return lab.run(host, "sh", "-c", '"$@" || true', "sh", *line)


def test_a_lab_without_faults_is_well(lab: Lab) -> None:
    said = doctor(lab, "front", *(word for vlan in VLANS for word in ("--vlan", f"{vlan}")))
    assert all(line.startswith("ok") for line in said.splitlines()), said
    assert "VLAN 10-12, 20 pass" in said
    assert "n2: interfaces: eth0" in said
    assert "between 3 hosts nothing is lost" in said
    assert "wrong" not in doctor(lab, "n1")


def test_what_is_wrong_with_cables_hosts_and_neighbours_is_named(lab: Lab) -> None:
    lab.cut("n1.eth0", Cable(mtu=1400, drop_vlans=(20,)))
    lab.cut("n2.eth0", Cable(delay_ms=30))
    with a_stranger(lab), foreign_rules(lab), a_loose_end(lab, "n2"):
        found = troubles(lab, VLANS)
    assert found.keys() >= {"VLANs between n1 and all others"}, found
    size = found["way between n1 and all others"]
    assert "packets larger than 1400 bytes vanish" in size.cause
    assert "frames of VLAN 20 do not pass" in found["VLANs between n1 and all others"].cause
    time = found["way between n2 and all others"]
    assert "ms there and back" in time.cause
    assert "on the network of" in found["address 198.19.0.77"].cause
    assert "2 servers offer addresses" in found["front: DHCP"].cause
    assert "chain inet fw f drop packets at forward" in found["n2: firewall"].cause
    assert "chain ip filter F drops at forward" in found["front: firewall"].cause
    assert "spare has no carrier" in found["n2: interfaces"].cause
    assert all(one.cause and one.cure for one in found.values())


def test_who_is_cut_off_and_what_is_lost_is_named_and_the_others_are_asked(lab: Lab) -> None:
    lab.cut("n1.eth0")
    lab.cut("n2.eth0", Cable(loss_percent=10))
    world = document.host_of(lab.document, "world")
    assert world is not None
    lab.run(world, "sh", "-c", "kill $(cat /run/lab-names.pid)")
    wholecloud.wait_until(lambda: is_silent(lab, "n1"), 60.0, "n1 to be missed")
    found = troubles(lab)
    assert "not heard" in found["n1"].cause
    assert "nothing answers at" in found["way between n1 and all others"].cause
    assert "% of packets are lost" in found["way between front and n2"].cause
    assert "name server" in found["n2: names"].cause


def is_silent(lab: Lab, host: str) -> bool:
    """Whether the cloud has not heard a host lately."""
    return any(one["Name"] == host and one["State"] == "NOTREADY" for one in lab.cloud.hosts())


SERVER = (
    *("dnsmasq", "--conf-file=/dev/null", "--port=0", "--user=root", "--bind-interfaces"),
    *("--no-ping", "--dhcp-range=198.18.0.210,198.18.0.240", "--leasefile-ro"),
    "--except-interface=lo",
)


@contextmanager
def a_stranger(lab: Lab) -> Generator[None]:
    """Somebody who has one of the cloud's addresses, and gives others away, twice."""
    run = lab.run
    run("x", "ip", "address", "add", "198.19.0.77/32", "dev", "eth0")
    run("x", "ip", "link", "add", "other", "link", "eth0", "type", "macvlan", "mode", "bridge")
    run("x", "ip", "address", "add", "198.18.0.201/24", "dev", "other")
    run("x", "ip", "link", "set", "other", "up")
    for device in ("eth0", "other"):
        run("x", *SERVER, f"--interface={device}", f"--pid-file=/run/{device}.pid")
    yield
    run("x", "sh", "-c", "kill $(cat /run/eth0.pid /run/other.pid)")
    run("x", "ip", "link", "del", "other")
    run("x", "ip", "address", "del", "198.19.0.77/32", "dev", "eth0")


@contextmanager
def foreign_rules(lab: Lab) -> Generator[None]:
    """Somebody else's firewall on two hosts."""
    hook = "type filter hook forward priority 0;"
    lab.run("n2", "nft", f"add table inet fw {{ chain f {{ {hook} }}; }}")
    lab.run("n2", "nft", "add rule inet fw f tcp dport 25 drop")
    lab.run("front", "nft", f"add table ip filter {{ chain F {{ {hook} policy drop; }}; }}")
    yield
    lab.run("n2", "nft", "delete", "table", "inet", "fw")
    lab.run("front", "nft", "delete", "table", "ip", "filter")


@contextmanager
def a_loose_end(lab: Lab, host: str) -> Generator[None]:
    """A card with an address and no cable."""
    lab.run(host, "ip", "link", "add", "spare", "type", "veth", "peer", "name", "loose")
    lab.run(host, "ip", "address", "add", "192.0.2.1/30", "dev", "spare")
    lab.run(host, "ip", "link", "set", "spare", "up")
    yield
    lab.run(host, "ip", "link", "del", "spare")
