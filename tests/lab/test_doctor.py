"""The doctor finds and names every fault that a lab can make, on the cables and in the hosts.

Faults of several hosts stand side by side in one round: what is found of one is not taken for
another's.
"""

import re
import shutil
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from functools import partial

import pytest

from mallee.box import rounds
from mallee.lab import document, openvswitch
from mallee.lab.document import Cable
from mallee.model.hosts.ailments import Code
from mallee.model.hosts.checks import Finding
from tests import labs, wholecloud
from tests.labs import Lab
from tests.standby import programs

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
    whole.power_on()


def troubles(lab: Lab, vlans: tuple[int, ...] = ()) -> list[Finding]:
    """What the doctor finds of all hosts that is not well."""
    cloud = lab.cloud
    found = rounds.examine(cloud.access, lab.document.cloud.network, rounds.Wish(vlans=vlans))
    return [one for one in found if not one.ok]


def doctor(lab: Lab, host: str, *words: str) -> str:
    """What `mallee doctor` says in a host, well or not."""
    line = (str(programs.mallee()), "doctor", *words, "--root", str(lab.layout(host).root))
    return lab.run(host, "sh", "-c", '"$@" || true', "sh", *line)


def test_a_lab_without_faults_is_well(lab: Lab) -> None:
    said = doctor(lab, "front", *(word for vlan in VLANS for word in ("--vlan", f"{vlan}")))
    assert all(line.startswith("ok") for line in said.splitlines()), said
    assert "VLAN 10-12, 20 pass" in said
    assert "UDP 4789 passes between hosts" in said
    assert "n2: interfaces: eth0" in said
    assert "between 3 hosts nothing is lost" in said
    assert "198.19.0.1-198.19.0.254 lead to the gateway host and back" in said
    assert "wrong" not in doctor(lab, "n1")


def test_hosts_that_take_nothing_by_other_ways_than_theirs_see_public_addresses_too(
    lab: Lab,
) -> None:
    strict, before = "/proc/sys/net/ipv4/conf/all/rp_filter", {}
    for host in ("n1", "n2"):
        before[host] = lab.run(host, "cat", strict).strip()
        lab.run(host, "sh", "-c", f"echo 1 > {strict}")
    try:
        said = doctor(lab, "front")
    finally:
        for host, former in before.items():
            lab.run(host, "sh", "-c", f"echo {former} > {strict}")
    assert "198.19.0.1-198.19.0.254 lead to the gateway host and back" in said


NAMED = {
    "cut": ("n1", Code.WAY_SILENT),
    "loss_percent": ("n2", Code.WAY_LOSSY),
    "delay_ms": ("n2", Code.WAY_SLOW),
    "mtu": ("n1", Code.WAY_NARROW),
    "drop_vlans": ("n1", Code.VLAN_LOST),
    "drop_udp": ("n1", Code.TUNNEL_BLOCKED),
    "power": ("n2", Code.HOST_SILENT),
}
"""By fault of a lab: with which host it is made here, and what the doctor calls it."""


def test_every_fault_of_a_lab_is_among_those_that_are_named() -> None:
    assert NAMED.keys() == set(document.FAULTS)


def is_named(found: Iterable[Finding], fault: str) -> bool:
    """Whether the doctor has named a fault and its host."""
    host, code = NAMED[fault]
    return any(one.code == code.value and host in one.subject for one in found)


def test_what_is_wrong_with_cables_hosts_and_neighbours_is_named(lab: Lab) -> None:
    lab.cut("n1.eth0", Cable(mtu=1400, drop_vlans=(20,), drop_udp=(4789,)))
    lab.cut("n2.eth0", Cable(delay_ms=30, loss_percent=10))
    with a_stranger(lab), foreign_rules(lab), a_loose_end(lab, "n2"):
        found = troubles(lab, VLANS)
    for fault in ("mtu", "drop_vlans", "drop_udp", "delay_ms", "loss_percent"):
        assert is_named(found, fault), (fault, found)
    causes = {one.subject: one.cause for one in found}
    size = "packets larger than 1400 bytes vanish"
    assert any(size in cause for cause in causes.values())
    assert "frames of VLAN 20 do not pass" in causes["VLANs between n1 and all others"]
    assert "UDP 4789 does not pass" in causes["tunnels between n1 and all others"]
    assert "on the network of" in causes["address 198.19.0.77"]
    assert "2 servers offer addresses" in causes["front: DHCP"]
    assert "198.19.0.128/25" in " ".join(causes)
    codes = {(one.subject, one.code) for one in found}
    assert codes >= {
        ("n2: firewall", Code.FIREWALL_DROPS.value),
        ("front: firewall", Code.FIREWALL_DOCKER.value),
        ("n2: interfaces", Code.LINK_UNPLUGGED.value),
        ("range 198.19.0.128/25", Code.RANGE_ANNOUNCED.value),
        ("address 198.19.0.77", Code.ADDRESS_TAKEN.value),
        ("front: DHCP", Code.DHCP_TWICE.value),
    }
    assert all(one.cause and one.cure for one in found)


def outside(lab: Lab) -> list[Finding]:
    """What the doctor finds in the lab's world."""
    return [one for one in rounds.examine_from_outside(lab.cloud.access, "") if not one.ok]


def test_public_addresses_are_tried_from_outside(lab: Lab) -> None:
    assert outside(lab) == []
    world = document.host_of(lab.document, "world")
    assert world is not None
    astray = "198.19.0.64/26"
    lab.run(world, "ip", "route", "add", "blackhole", astray)
    lab.run(
        "front", "nft", "add table ip fw { chain o { type filter hook postrouting priority 0; }; }"
    )
    lab.run("front", "nft", "add rule ip fw o ip saddr 198.19.0.1 drop")
    try:
        found = {one.code: one.subject for one in outside(lab)}
    finally:
        lab.run(world, "ip", "route", "del", "blackhole", astray)
        lab.run("front", "nft", "delete", "table", "ip", "fw")
    assert found == {
        Code.ADDRESS_UNREACHED.value: "public addresses 198.19.0.64-198.19.0.127",
        Code.ADDRESS_UNANSWERED.value: "public addresses 198.19.0.1",
    }


def test_another_host_puts_right_what_is_safe_and_says_what_it_left(lab: Lab) -> None:
    pki = lab.layout("n1").node_pki
    pki.chmod(0o755)
    hook = "type filter hook forward priority 0; policy drop;"
    lab.run("n1", "nft", f"add table ip fw {{ chain f {{ {hook} }}; }}")
    lab.run("n1", "ip", "link", "add", "spare", "type", "veth", "peer", "name", "loose")
    lab.run("n1", "ip", "address", "add", "192.0.2.1/30", "dev", "spare")
    try:
        said = doctor(lab, "front", "--fix")
        # Whoever set these rules, and switched that card off, may have had a reason.
        assert "policy drop" in lab.run("n1", "nft", "list", "chain", "ip", "fw", "f")
        assert "DOWN" in lab.run("n1", "ip", "-br", "link", "show", "spare")
    finally:
        lab.run("n1", "nft", "delete", "table", "ip", "fw")
        lab.run("n1", "ip", "link", "del", "spare")
    assert pki.stat().st_mode & 0o777 == 0o700
    wrong = re.findall(r"^wrong  (.+):", said, re.M)
    # What drops guests' packets on their way to the world, the host says of itself too.
    assert set(wrong) == {"host", "n1: firewall", "n1: interfaces"}, said


STATE = "ip address; ip route show table all; ip rule; nft list ruleset; ip -br link"


def state(lab: Lab) -> dict[str, str]:
    """What could be left behind in hosts, without what counts on or ages."""
    said = {host: lab.run(host, "sh", "-c", STATE) for host in ("front", "n1", "n2")}
    changing = re.compile(r"(packets|bytes|sec|expires) ?\d+\S*")
    return {host: changing.sub("", it) for host, it in said.items()}


def test_a_doctor_that_is_killed_leaves_nothing_behind(lab: Lab) -> None:
    assert troubles(lab) == []
    before = state(lab)
    line = (*labs.MALLEE, "doctor", "--root", str(lab.layout("front").root), "--vlan", "7")
    lab.run("front", "sh", "-c", 'timeout -s KILL 6 "$@" >/dev/null 2>&1 || true', "sh", *line)
    wholecloud.wait_until(lambda: state(lab) == before, wholecloud.GUEST_S, "nothing to be left")
    # And the next one is not held up by it.
    assert troubles(lab, VLANS) == []


def test_who_is_cut_off_and_what_is_lost_is_named_and_the_others_are_asked(lab: Lab) -> None:
    lab.cut("n1.eth0")
    lab.power_off("n2")
    world = document.host_of(lab.document, "world")
    assert world is not None
    # Nobody answers for names from here on: this is the last test of the lab.
    lab.run(world, "sh", "-c", "kill $(cat /run/lab-names.pid)")
    for host in ("n1", "n2"):
        wholecloud.wait_until(
            partial(is_silent, lab, host), wholecloud.GUEST_S, f"{host} to be missed"
        )
    found = troubles(lab)
    assert is_named(found, "cut"), found
    assert is_named(found, "power"), found
    causes = {one.subject: one.cause for one in found}
    assert "not heard" in causes["n1"]
    assert "name server" in causes["front: names"]


def is_silent(lab: Lab, host: str) -> bool:
    """Whether the cloud has not heard a host lately."""
    return any(one["Name"] == host and one["State"] == "NOTREADY" for one in lab.cloud.hosts())


SERVER = (
    *("dnsmasq", "--conf-file=/dev/null", "--port=0", "--user=root", "--bind-interfaces"),
    *("--no-ping", "--dhcp-range=198.18.0.210,198.18.0.240", "--leasefile-ro"),
    "--except-interface=lo",
)


ANNOUNCER = """
import socket, struct, sys, time
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
link.bind((sys.argv[1], 520))
link.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[1]))
route = socket.inet_aton("198.19.0.128"), socket.inet_aton("255.255.255.128"), bytes(4)
while True:
    told = bytes((2, 2, 0, 0)) + struct.pack("!HH4s4s4sI", 2, 0, *route, 1)
    link.sendto(told, ("224.0.0.9", 520))
    time.sleep(0.3)
"""


@contextmanager
def a_stranger(lab: Lab) -> Generator[None]:
    """Somebody who has one of the cloud's addresses, says that he leads to more of them, and gives
    others away, twice."""
    run = lab.run
    run("x", "ip", "address", "add", "198.19.0.77/32", "dev", "eth0")
    run("x", "ip", "link", "add", "other", "link", "eth0", "type", "macvlan", "mode", "bridge")
    run("x", "ip", "address", "add", "198.18.0.201/24", "dev", "other")
    run("x", "ip", "link", "set", "other", "up")
    for device in ("eth0", "other"):
        run("x", *SERVER, f"--interface={device}", f"--pid-file=/run/{device}.pid")
    announcing = ("python3", "-c", ANNOUNCER, lab.address("x"))
    run("x", "sh", "-c", '"$@" >/dev/null 2>&1 & echo $! >/run/announcer.pid', "sh", *announcing)
    yield
    run("x", "sh", "-c", "kill $(cat /run/eth0.pid /run/other.pid /run/announcer.pid)")
    run("x", "ip", "link", "del", "other")
    run("x", "ip", "address", "del", "198.19.0.77/32", "dev", "eth0")


@contextmanager
def foreign_rules(lab: Lab) -> Generator[None]:
    """Somebody else's firewall on two hosts."""
    hook = "type filter hook forward priority 0;"
    lab.run("n2", "nft", f"add table inet fw {{ chain f {{ {hook} }}; }}")
    lab.run("n2", "nft", "add rule inet fw f tcp dport 25 drop")
    rules = f"chain F {{ {hook} policy drop; }}; chain DOCKER {{ }};"
    lab.run("front", "nft", f"add table ip filter {{ {rules} }}")
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
