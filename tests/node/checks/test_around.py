"""Who speaks on a wire is heard, by real daemons and the kernel's own; what it means is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.kit import process
from mallee.model.hosts.ailments import Code
from mallee.model.hosts.hosts import HostWanted
from mallee.model.network.modes import BlockWanted, ModeWanted
from mallee.node.checks import around, company, host, interfaces, voice, voices
from mallee.node.checks.sayings import Machine, Router, Tree, Virtual
from mallee.node.checks.voices import Told
from tests import wholecloud
from tests.node import lab, shapes
from tests.node.checks import rooms
from tests.node.checks.rooms import CARD, WIRE, Room

pytestmark = pytest.mark.host
OURS6 = "2001:db8::/56"
NOBODY = company.Own(device=WIRE)


@pytest.fixture
def two() -> Iterator[tuple[Room, ...]]:
    """Two neighbours."""
    with rooms.on_one_wire(2) as made:
        yield made


def radvd(directory: Path, number: int, prefix: str) -> tuple[str, ...]:
    """The words that start a router's daemon which offers that network."""
    text = f"interface {CARD} {{ AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; "
    text += f"prefix {prefix} {{ }}; }};"
    conf = directory / f"radvd{number}.conf"
    conf.write_text(text)
    pid = directory / f"radvd{number}.pid"
    return ("radvd", "-n", "-C", str(conf), "-p", str(pid), "-m", "stderr")


@rooms.needs("radvd")
def test_routers_of_ipv6_that_contradict_each_other_are_named(
    two: tuple[Room, ...], root_dir: Path
) -> None:
    first, second = two
    for room in two:
        room.run("sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=1")
    with first.daemon(*radvd(root_dir, 1, "2001:db8:1::/64")):
        with second.daemon(*radvd(root_dir, 2, "2001:db8:2::/64")):
            heard = rooms.heard_until(NOBODY, Code.ROUTER_TWICE.value)
        assert {one.prefixes for one in heard if isinstance(one, Router)} == {
            ("2001:db8:1::/64",),
            ("2001:db8:2::/64",),
        }
        # One alone contradicts nobody, unless another is the host's own, or the range is a cloud's.
        heard = frozenset(
            one for one in heard if isinstance(one, Router) and "2001:db8:1::/64" in one.prefixes
        )
        assert rooms.codes(NOBODY, heard) == set()
        settled = company.Own(device=WIRE, routers6=frozenset({"fe80::1"}))
        assert rooms.codes(settled, heard) == {Code.ROUTER_FOREIGN.value}
        ours = company.Own(device=WIRE, has=((voices.PUBLIC, "2001:db8::/32"),))
        assert rooms.codes(ours, heard) == {Code.RANGE_ANNOUNCED.value}


def keepalived(directory: Path, number: int) -> tuple[str, ...]:
    """The words that start one of two virtual routers."""
    conf = directory / f"vrrp{number}.conf"
    conf.write_text(
        f"global_defs {{ router_id r{number} }}\n"
        f"vrrp_instance one {{\n state MASTER\n interface {CARD}\n virtual_router_id 7\n"
        f" priority 10{number}\n advert_int 1\n virtual_ipaddress {{ 203.0.113.9/32 }}\n}}\n"
    )
    pids = (f"--pid={directory}/k{number}.pid", f"--vrrp_pid={directory}/v{number}.pid")
    return ("keepalived", "--dont-fork", "--vrrp", f"--use-file={conf}", *pids)


@rooms.needs("keepalived")
def test_two_that_both_have_the_turn_of_a_virtual_router_are_named(
    two: tuple[Room, ...], root_dir: Path
) -> None:
    first, second = two
    for room in two:
        # They do not hear each other: what a split switch does, or a firewall.
        room.run("nft", "add table ip f { chain i { type filter hook input priority 0; }; }")
        room.run("nft", "add rule ip f i ip protocol vrrp drop")
    with (
        first.daemon(*keepalived(root_dir, 1)),
        second.daemon(*keepalived(root_dir, 2)),
    ):
        heard = rooms.heard_until(NOBODY, Code.ROUTER_SPLIT.value)
    assert {one.address for one in heard if isinstance(one, Virtual)} == {"192.0.2.2", "192.0.2.3"}
    ours = company.Own(device=WIRE, has=((voices.PUBLIC, "203.0.113.0/24"),))
    assert Code.RANGE_ANNOUNCED.value in rooms.codes(ours, heard)


def bridge(room: Room) -> None:
    """Make a neighbour a switch of its own, with a spanning tree."""
    quick = ("type", "bridge", "stp_state", "1", "forward_delay", "200", "hello_time", "100")
    room.ip("link", "add", "sw0", *quick)
    room.ip("link", "set", CARD, "master", "sw0")
    room.ip("link", "set", "sw0", "up")


def test_a_spanning_tree_with_two_roots_is_named(two: tuple[Room, ...]) -> None:
    for room in two:
        # What one says comes to the wire, and not to the other.
        process.run(("bridge", "link", "set", "dev", room.port, "isolated", "on"))
        bridge(room)
    heard = rooms.heard_until(NOBODY, Code.TREE_UNSETTLED.value)
    assert len({one.root for one in heard if isinstance(one, Tree)}) == 2


def test_a_spanning_tree_that_changes_is_named(two: tuple[Room, ...]) -> None:
    bridge(two[0])
    heard = rooms.heard_until(NOBODY, Code.TREE_UNSETTLED.value)
    assert {one.is_changing for one in heard if isinstance(one, Tree)} >= {True}


def test_a_bridge_whose_tree_lets_nothing_out_is_named(two: tuple[Room, ...]) -> None:
    # The kernel tells of carriers a moment later.
    wholecloud.wait_until(
        lambda: interfaces.troubles(host.fetch_links()) == [], rooms.STARTS_WITHIN_S, "the carriers"
    )
    process.run(("ip", "link", "set", WIRE, "type", "bridge", "stp_state", "1"))
    process.run(("ip", "link", "set", WIRE, "down"))
    process.run(("ip", "link", "set", WIRE, "up"))
    found = {one.code for one in interfaces.troubles(host.fetch_links())}
    assert Code.BRIDGE_BLOCKED in found


def test_machines_of_another_cloud_software_are_heard(two: tuple[Room, ...]) -> None:
    room = two[0]
    room.ip("link", "set", CARD, "address", "fa:16:3e:00:00:01")
    asking = ("python3", "-c", _ASKING, "192.0.2.99")
    machine = Machine("OpenStack", "192.0.2.2")
    with room.daemon(*asking):
        heard = rooms.listened(lambda heard: machine in heard, "the machine")
    assert "OpenStack" in company.judge(NOBODY, heard)[0].text


_ASKING = """
import socket, sys, time
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    link.sendto(b"x", (sys.argv[1], 9))
    time.sleep(0.2)
"""


def test_two_clouds_on_one_wire_find_each_other(two: tuple[Room, ...], root_dir: Path) -> None:
    theirs = rooms.member(root_dir / "theirs", "their cloud")
    ours = rooms.member(root_dir / "ours", "our cloud")
    wanted = lab.make_wanted()
    own = company.Own(
        device=WIRE,
        clouds=frozenset(voice.clouds(ours)),
        has=voices.belongings(wanted, WIRE, ""),
    )
    process.run(("ip", "address", "add", "192.0.2.1/24", "dev", WIRE))
    with rooms.speaking(two[0], theirs, wanted), rooms.speaking(two[1], ours, wanted):
        heard = around.listen(WIRE)
    assert {one.cloud for one in heard if isinstance(one, Told)} == {
        *voice.clouds(theirs),
        *voice.clouds(ours),
    }
    (ailing,) = [one for one in company.judge(own, heard) if not one.ok]
    assert ailing.code == Code.CLOUDS_OVERLAP.value
    assert voice.clouds(theirs)[0][:8] in ailing.cause
    assert "public range 203.0.113.0/24" in ailing.cause
    # Of private ranges of VPCs no wire knows anything.
    assert "172.31" not in ailing.cause
    apart = replace(wanted, public_range="198.51.100.0/24")
    with rooms.speaking(two[0], theirs, apart):
        heard = around.listen(WIRE)
    assert rooms.codes(own, heard) == set()
    assert "198.51.100.0/24" in company.judge(own, heard)[0].text


def managed(device: str) -> HostWanted:
    """A gateway host in the mode `managed`, with three blocks in use."""
    blocks = tuple(
        BlockWanted(cidr=f"10.20.0.{32 * at}/27", gateway="", vlan=at + 2, vpc_id="vpc-1")
        for at in range(3)
    )
    mode = ModeWanted(
        kind="managed", device=device, subnet="10.20.0.0/16", blocks=blocks, is_gateway=True
    )
    return replace(lab.make_wanted(), mode=mode)


def test_two_clouds_on_one_trunk_find_what_both_have_there(
    two: tuple[Room, ...], root_dir: Path
) -> None:
    theirs = rooms.member(root_dir / "theirs", "their cloud")
    own = company.Own(device=WIRE, has=voices.belongings(managed(WIRE), WIRE, WIRE))
    with rooms.speaking(two[0], theirs, managed(CARD)):
        heard = around.listen(WIRE)
    (ailing,) = [one for one in company.judge(own, heard) if not one.ok]
    assert ailing.code == Code.CLOUDS_OVERLAP.value
    assert "VLAN 2-4 is in use by both" in ailing.cause
    assert "its wire range 10.20.0.0/16 overlaps our wire range" in ailing.cause


def test_a_router_of_ipv6_in_a_vlan_of_the_clouds_is_named() -> None:
    offered = Router("fe80::9", "02:00:00:00:00:09", (), is_default=True, vlan=5)
    own = company.Own(device=WIRE, vlans=frozenset(range(2, 10)))
    assert rooms.codes(own, frozenset({offered})) == {Code.ROUTER_FOREIGN.value}
    assert rooms.codes(NOBODY, frozenset({offered})) == set()


def test_vlans_routers_and_tunnels_that_both_clouds_have_are_named() -> None:
    has = voices.belongings(managed("trunk"), "trunk", "trunk")
    said = voices.clashes(has, has)
    assert "VLAN 2-4 is in use by both" in said
    assert any("hardware address" in one for one in said)
    elsewhere = voices.belongings(managed("trunk"), "eth0", "trunk")
    assert {kind for kind, _ in elsewhere} == {voices.PUBLIC, voices.WIRE}
    vpc = replace(shapes.vpc(1, (), (), {}), overlay_id=16385)
    far = voices.belongings(lab.make_wanted(vpc), "eth0", "")
    assert "VXLAN 16385 is in use by both" in voices.clashes(far, far)


def test_who_floods_a_wire_hides_nobody_else() -> None:
    routers = (Router(f"fe80::{at:x}", "02:00:00:00:00:09", (OURS6,), True) for at in range(1000))
    cloud = voices.Told("ab12", "n1", ((voices.PUBLIC, OURS6),))
    own = company.Own(device=WIRE, has=((voices.PUBLIC, OURS6),))
    found = company.judge(own, frozenset({*routers, cloud}))
    assert {one.code for one in found if not one.ok} == {
        Code.RANGE_ANNOUNCED.value,
        Code.CLOUDS_OVERLAP.value,
    }
    assert len(found) < 50
    assert sum(len(one.cause) for one in found) < 10_000
