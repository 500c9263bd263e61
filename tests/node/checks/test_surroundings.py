"""What other programs do to a host's network and clock is named."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.kit import process
from mallee.model.hosts.ailments import Code
from mallee.model.layout import Layout
from mallee.model.network.modes import ModeWanted
from mallee.node.checks import surroundings
from mallee.node.checks.surroundings import Place
from mallee.node.checks.troubles import Trouble
from mallee.node.do.network import links
from tests import wholecloud
from tests.node import lab
from tests.node.checks import rooms

SOON_S = 60.0


@pytest.fixture
def place(root_dir: Path) -> Place:
    """A host that leads guests to the world; its files are a test's own."""
    top = root_dir / "top"
    top.mkdir()
    return Place(Layout(root_dir / "root"), lab.make_wanted(egress=True), top)


def write(place: Place, name: str, text: str) -> None:
    path = place.top / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def code(check: Callable[[Place], str], place: Place) -> Code:
    with pytest.raises(Trouble) as trouble:
        check(place)
    (one,) = trouble.value.ailments
    assert one.cause
    assert one.cure
    return one.code


@pytest.fixture
def two_cards() -> Iterator[None]:
    """Two cards with a default route each; the first one's is better."""
    for number in (1, 2):
        near, far = f"su{number}", f"sv{number}"
        process.run(("ip", "link", "add", near, "type", "veth", "peer", "name", far))
        for name in (near, far):
            process.run(("ip", "link", "set", name, "up"))
        process.run(("ip", "address", "add", f"192.0.2.{16 * number}/28", "dev", near))
        way = ("default", "via", f"192.0.2.{16 * number + 1}", "dev", near)
        process.run(("ip", "route", "add", *way, "metric", f"{number}"))
    yield
    for number in (1, 2):
        process.run(("ip", "link", "delete", f"su{number}"))


@pytest.mark.host
@pytest.mark.usefixtures("two_cards")
def test_forwarding_that_somebody_switched_off_is_named(place: Place) -> None:
    links.apply_switches({"net/ipv4/conf/su1/forwarding": "1"})
    assert "su1" in surroundings.find_forwarding(place)
    process.run(("sysctl", "-q", "-w", "net.ipv4.ip_forward=0"))
    links.apply_switches({"net/ipv4/conf/su1/forwarding": "0"})
    assert code(surroundings.find_forwarding, place) is Code.FORWARDING_OFF
    closed = Place(place.layout, lab.make_wanted(egress=False), place.top)
    assert "no way" in surroundings.find_forwarding(closed)


@pytest.mark.host
@pytest.mark.usefixtures("two_cards")
def test_a_card_whose_packets_the_kernel_drops_is_named(place: Place) -> None:
    switches = {"net/ipv4/conf/su1/forwarding": "1", "net/ipv4/conf/all/rp_filter": "0"}
    links.apply_switches({**switches, "net/ipv4/conf/su2/rp_filter": "1"})
    assert code(surroundings.find_forwarding, place) is Code.PATH_CHECKED
    links.apply_switches({"net/ipv4/conf/su2/rp_filter": "2"})
    assert "su2" in surroundings.find_forwarding(place)


@pytest.mark.host
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("run/systemd/netif/links/{}", "ADMIN_STATE=configured\nNETWORK_FILE=/etc/all.network\n"),
        ("run/NetworkManager/devices/{}", "[device]\nmanaged=true\n"),
    ],
)
def test_who_takes_our_links_for_his_own_is_named(place: Place, name: str, text: str) -> None:
    process.run(("ip", "link", "add", "ml-box", "type", "bridge"))
    try:
        index = socket.if_nametoindex("ml-box")
        assert "no other" in surroundings.find_managers(place)
        write(place, name.format(index), text)
        assert code(surroundings.find_managers, place) is Code.LINKS_MANAGED
        write(place, name.format(index), text.split("\n", maxsplit=1)[0])
        assert "no other" in surroundings.find_managers(place)
    finally:
        process.run(("ip", "link", "delete", "ml-box"))


def test_a_network_that_is_written_anew_is_named(place: Place) -> None:
    mode = ModeWanted(kind="system", device="br0", subnet="192.0.2.0/24")
    place = Place(place.layout, replace(place.wanted, mode=mode), place.top)
    write(place, "etc/cloud/cloud.cfg", "users: []\n")
    assert "no other" in surroundings.find_managers(place)
    write(place, "etc/netplan/50-cloud-init.yaml", "network: {}\n")
    assert code(surroundings.find_managers, place) is Code.NETWORK_REWRITTEN
    write(place, "etc/cloud/cloud.cfg.d/99-network.cfg", "network: {config: disabled}\n")
    assert "no other" in surroundings.find_managers(place)


def test_programs_that_apparmor_confines_are_named(place: Place) -> None:
    name = "sys/kernel/security/apparmor/profiles"
    write(place, name, "/usr/sbin/dnsmasq (complain)\n/usr/bin/man (enforce)\n")
    assert "not confined" in surroundings.find_confinement(place)
    write(place, name, "/usr/sbin/dnsmasq (enforce)\n")
    assert code(surroundings.find_confinement, place) is Code.PROGRAMS_CONFINED
    write(place, "etc/apparmor.d/local/usr.sbin.dnsmasq", f"{place.layout.root}/** rwk,\n")
    assert "not confined" in surroundings.find_confinement(place)


def test_a_directory_that_selinux_keeps_from_qemu_is_named(place: Place) -> None:
    write(place, "sys/fs/selinux/enforce", "0")
    assert "not confined" in surroundings.find_confinement(place)
    write(place, "sys/fs/selinux/enforce", "1")
    assert code(surroundings.find_confinement, place) is Code.PROGRAMS_CONFINED


@pytest.mark.parametrize(
    ("source", "is_well"), [("tsc", True), ("kvm-clock", True), ("hpet", False)]
)
def test_a_slow_clock_is_named(place: Place, source: str, is_well: bool) -> None:
    known = "sys/devices/system/clocksource/clocksource0"
    write(place, f"{known}/current_clocksource", source)
    write(place, f"{known}/available_clocksource", "hpet acpi_pm\n")
    if is_well:
        assert source in surroundings.find_clock(place)
    else:
        assert code(surroundings.find_clock, place) is Code.CLOCK_COARSE


@pytest.mark.parametrize(("bits", "is_well"), [("256", True), ("12", False)])
def test_want_of_randomness_is_named(place: Place, bits: str, is_well: bool) -> None:
    write(place, "proc/sys/kernel/random/entropy_avail", bits)
    if is_well:
        assert bits in surroundings.find_entropy(place)
    else:
        assert code(surroundings.find_entropy, place) is Code.ENTROPY_SHORT


@pytest.mark.host
@rooms.needs("bird")
def test_a_routing_daemon_without_neighbours_is_named(place: Place, root_dir: Path) -> None:
    own = Place(place.layout, place.wanted)
    assert "no BGP" in surroundings.find_routing(own)
    with rooms.on_one_wire(2) as two:
        for number, room in enumerate(two):
            # Each waits for the other, and only the first ones are let through.
            room.run("nft", "add table ip f { chain i { type filter hook input priority 0; }; }")
            room.run("nft", "add rule ip f i tcp dport 179 drop")
            (root_dir / f"bird{number}").write_text(
                f"router id 192.0.2.{number + 2};\nprotocol device {{}}\nprotocol bgp {{\n"
                f" local 192.0.2.{number + 2} as 65001;\n neighbor 192.0.2.{3 - number} as 65001;\n"
                " connect delay time 1; connect retry time 1;\n"
                " ipv4 { import none; export none; };\n}\n"
            )
        words = [
            ("bird", "-f", "-c", f"{root_dir}/bird{at}", "-s", f"{root_dir}/bird{at}.s")
            for at in range(2)
        ]
        with two[0].daemon(*words[0]), two[1].daemon(*words[1]):
            wholecloud.wait_until(lambda: is_alone(two[0]), SOON_S, "bird to wait alone")
            for room in two:
                room.run("nft", "flush", "ruleset")
            wholecloud.wait_until(lambda: not is_alone(two[0]), SOON_S, "both to speak")


def is_alone(room: rooms.Room) -> bool:
    """Whether the check finds, in a room, a daemon with which nobody speaks."""
    tables = [room.run("cat", "/proc/net/tcp"), room.run("cat", "/proc/net/tcp6")]
    try:
        said = surroundings.judge_bgp(tables)
    except Trouble as trouble:
        return trouble.ailments[0].code is Code.BGP_ALONE
    return "is spoken with" not in said
