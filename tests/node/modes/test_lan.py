"""`static` and `system`: guests in the administrator's LAN, among machines that are not our own.

Two hosts, each with its card in a bridge; on the same wire the LAN's router, and a stranger.
"""

import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import pytest
from msgspec.structs import replace

from mallee.kit import offload, process
from mallee.model.hosts.hosts import HostWanted, InterfaceWanted, SubnetWanted, VpcWanted
from mallee.model.network.carried import DhcpWanted
from mallee.model.network.modes import BlockWanted, ModeWanted, Switch
from mallee.model.network.networks import Rule
from mallee.node.do.network import namespaces
from mallee.node.modes import duplicates, lanframes
from mallee.node.plan.network import dhcp
from tests.node import lab, shapes
from tests.node.lab import Guest
from tests.node.modes import wires
from tests.node.modes.wires import Field

pytestmark = pytest.mark.host

LAN, ROUTER, STRANGER, WORLD = "10.20.0.0/24", "10.20.0.1", "10.20.0.9", "198.51.100.7"
WEB, OPEN = "sg-0000000000000000a", "sg-0000000000000000b"
PORT = 8000
RULES = {
    **shapes.RULES,
    WEB: (*shapes.ALL_OUT, lab.allow("tcp", PORT, group=WEB)),
    OPEN: (*shapes.ALL_OUT, lab.allow("tcp", PORT), lab.allow("icmp")),
}


@dataclass(slots=True)
class Lan:
    """The hosts, and who else is on their wire."""

    field: Field
    router: str
    stranger: str
    switch: Switch

    def apply(self, at: int, *vpcs: VpcWanted) -> tuple[str, ...]:
        """Have a host carry these VPCs."""
        machine = self.field.machines[at]
        known = set(machine.lab.guests)
        with self.field.switch_of(at):
            problems = machine.apply(told(*vpcs, switch=self.switch))
        for vpc in vpcs:
            for one in vpc.interfaces:
                if one.id not in known:
                    self.configure(machine.guest(one))
        return problems

    def guest(self, at: int, one: InterfaceWanted) -> Guest:
        """The guest on an interface of a host."""
        return self.field.machines[at].guest(one)

    def configure(self, guest: Guest) -> None:
        """Give the guest what its lease says."""
        guest.run("ip", "address", "flush", "dev", "eth0")
        guest.run("ip", "address", "add", f"{guest.interface.private_ip}/24", "dev", "eth0")
        guest.run("ip", "route", "add", "default", "via", ROUTER)


def told(*vpcs: VpcWanted, switch: Switch = "linux") -> HostWanted:
    """What a host is told."""
    mode = ModeWanted(
        kind="static",
        switch=switch,
        device=wires.BRIDGE,
        subnet=LAN,
        blocks=tuple(BlockWanted(cidr=LAN, gateway=ROUTER, vpc_id=one.id) for one in vpcs),
    )
    return replace(lab.make_wanted(*vpcs), mode=mode)


def vpc(number: int, *interfaces: InterfaceWanted, **rules: tuple[Rule, ...]) -> VpcWanted:
    """The default VPC of account `number`: its range is the LAN's."""
    made = wires.vpc(number, interfaces, {**RULES, **rules})
    servers = DhcpWanted(name_servers=("AmazonProvidedDNS", "10.20.0.53"))
    subnet = SubnetWanted(f"subnet-{number:017x}", LAN)
    return replace(made, cidr=LAN, subnets=(subnet,), dhcp=servers)


@pytest.fixture
def lan(two: Field) -> Iterator[Lan]:
    """Two hosts with a bridge each, and whoever else is in the LAN."""
    with _peopled(two, "linux") as made:
        yield made


@pytest.fixture
def open_lan(open_two: Field) -> Iterator[Lan]:
    """The same with an Open vSwitch each."""
    with _peopled(open_two, "openvswitch") as made:
        yield made


@contextmanager
def _peopled(two: Field, switch: Switch) -> Generator[Lan]:
    """Two hosts, the router with a piece of world behind it, and a stranger."""
    names = {name: f"{two.wire}-{name}" for name in ("router", "stranger")}
    for name, address in (("router", ROUTER), ("stranger", STRANGER)):
        namespace = names[name]
        namespaces.ensure(namespace)
        ends = ("link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0")
        process.run(("ip", "-n", two.wire, *ends, "netns", namespace))
        process.run(("ip", "-n", two.wire, "link", "set", f"to-{name}", "master", "wire", "up"))
        for words in ("link set lo up", "link set eth0 up", f"address add {address}/24 dev eth0"):
            process.run(("ip", "-n", namespace, *words.split()))
        namespaces.run_inside(namespace, lambda: offload.switch_off("eth0"))
    process.run(("ip", "-n", names["router"], "address", "add", f"{WORLD}/32", "dev", "lo"))
    try:
        yield Lan(two, names["router"], names["stranger"], switch)
    finally:
        for namespace in names.values():
            namespaces.remove(namespace)


def heard(namespace: str) -> socket.socket:
    """A server in a machine of the LAN."""
    return namespaces.run_inside(namespace, lambda: lab.listen(PORT, socket.SOCK_STREAM))


def test_guests_of_a_lan_meet_each_other_its_machines_and_the_world(lan: Lan) -> None:
    one, other = wires.interface(0, 64, OPEN), wires.interface(0, 65, OPEN)
    foreign = wires.interface(1, 66, OPEN)
    here, there = vpc(0, one), vpc(0, other)
    assert lan.apply(0, here, vpc(1, foreign)) == ()
    assert lan.apply(1, there) == ()
    assert lan.apply(0, here, vpc(1, foreign)) == ()
    guest = lan.guest(0, one)
    with lan.guest(1, other).listen(PORT), lan.guest(0, foreign).listen(PORT):
        assert guest.reaches(other.private_ip, PORT)
        assert guest.reaches(foreign.private_ip, PORT)
        assert lab.reaches(lan.stranger, other.private_ip, PORT)
        assert lab.reaches(lan.router, foreign.private_ip, PORT)
    with heard(lan.stranger), heard(lan.router):
        assert guest.reaches(STRANGER, PORT)
        assert guest.reaches(WORLD, PORT)
    assert lan.guest(0, foreign).pings(WORLD)


def test_the_same_holds_over_open_vswitch(open_lan: Lan) -> None:
    one, other = wires.interface(0, 64, OPEN), wires.interface(0, 65, OPEN)
    foreign = wires.interface(1, 66, WEB)
    open_lan.apply(0, vpc(0, one), vpc(1, foreign))
    open_lan.apply(1, vpc(0, other))
    guest = open_lan.guest(0, one)
    with open_lan.guest(1, other).listen(PORT), open_lan.guest(0, foreign).listen(PORT):
        assert guest.reaches(other.private_ip, PORT)
        assert guest.misses(foreign.private_ip, PORT)
        assert lab.reaches(open_lan.stranger, other.private_ip, PORT)
    with heard(open_lan.router):
        assert guest.reaches(WORLD, PORT)


def test_a_host_with_one_card_has_its_own_address_on_the_bridge(lan: Lan) -> None:
    one, other = wires.interface(0, 64, OPEN), wires.interface(0, 65, OPEN)
    for at, address in ((0, "10.20.0.2"), (1, "10.20.0.3")):
        machine = lan.field.machines[at]
        machine.run("ip", "address", "add", f"{address}/24", "dev", wires.BRIDGE)
        machine.run("ip", "route", "add", "default", "via", ROUTER)
    for at, guest in ((0, one), (1, other)):
        wanted = replace(told(vpc(0, guest)), egress=True)
        assert lan.field.machines[at].apply(wanted) == ()
        lan.configure(lan.guest(at, guest))
    with lan.guest(1, other).listen(PORT), heard(lan.field.machines[1].namespace):
        assert lab.reaches(lan.stranger, other.private_ip, PORT)
        assert lan.guest(0, one).reaches(other.private_ip, PORT)
        assert lab.reaches(lan.field.machines[0].namespace, other.private_ip, PORT)
        assert lan.guest(0, one).reaches("10.20.0.3", PORT)


def test_groups_hold_in_a_lan_also_against_its_own_machines(lan: Lan) -> None:
    one, other, alone = (wires.interface(0, 64 + n, WEB) for n in range(3))
    alone = replace(alone, group_ids=(shapes.OUT,))
    members = replace(vpc(0, one, other, alone))
    groups = tuple(
        replace(it, member_ips=(one.private_ip, other.private_ip)) if it.id == WEB else it
        for it in members.groups
    )
    lan.apply(0, replace(members, interfaces=(one, alone), groups=groups))
    lan.apply(1, replace(members, interfaces=(other,), groups=groups))
    with lan.guest(1, other).listen(PORT):
        assert lan.guest(0, one).reaches(other.private_ip, PORT)
        assert lan.guest(0, alone).misses(other.private_ip, PORT)
        assert lab.misses(lan.stranger, other.private_ip, PORT)


def test_nobody_of_a_lan_speaks_as_another_by_us(lan: Lan) -> None:
    one, other = wires.interface(0, 64, OPEN), wires.interface(0, 65, OPEN)
    lan.apply(0, vpc(0, one))
    lan.apply(1, vpc(0, other))
    guest, peer = lan.guest(0, one), lan.guest(1, other)
    assert guest.pings(other.private_ip)
    with wires.watched(lan.field, 0) as seen:
        gateway = _router_mac(guest)
        for forged in ({"ip": STRANGER}, {"mac": "52:54:00:12:34:56"}, {"ip": other.private_ip}):
            guest.send_frame(lab.udp_frame(one, STRANGER, PORT, gateway_mac=gateway, **forged))
        guest.send_frame(lanframes.announcement(one.mac, STRANGER))
        for frame in wires.frames(seen):
            assert STRANGER not in _senders(frame)
            assert frame[6:12] != bytes.fromhex("525400123456")
    assert peer.pings(one.private_ip)


def _router_mac(guest: Guest) -> str:
    guest.pings(ROUTER)
    return guest.run("ip", "neighbour", "show", ROUTER).split("lladdr ")[1].split()[0]


def _senders(frame: bytes) -> str:
    if frame[12:14] == b"\x08\x00":
        return socket.inet_ntoa(frame[26:30])
    return socket.inet_ntoa(frame[28:32]) if frame[12:14] == b"\x08\x06" else ""


def test_arp_is_answered_for_own_guests_alone_and_probes_are_too(lan: Lan) -> None:
    one = wires.interface(0, 64, OPEN)
    lan.apply(0, vpc(0, one))

    def who(address: str) -> str:
        return namespaces.run_inside(
            lan.field.machines[1].namespace, lambda: duplicates.find(wires.BRIDGE, address)
        )

    assert "the machine" in who(one.private_ip)
    for nobody in ("10.20.0.2", "10.20.0.200", "169.254.169.254", "169.254.169.253"):
        assert who(nobody) == ""
    asked = namespaces.run_inside(
        lan.stranger, lambda: process.run(("ip", "neighbour", "show")).text
    )
    assert "169.254" not in asked


def test_the_lans_dhcp_says_nothing_to_guests_and_ours_says_what_the_lan_would(lan: Lan) -> None:
    one = wires.interface(0, 64, OPEN)
    lan.apply(0, vpc(0, one))
    with lan.guest(0, one).listen(68, socket.SOCK_DGRAM) as ear:

        def answer() -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                server.bind((ROUTER, 67))
                server.sendto(b"datagram", (one.private_ip, 68))

        namespaces.run_inside(lan.router, answer)
        ear.settimeout(lab.REFUSED_AFTER_S)
        with pytest.raises(TimeoutError):
            ear.recv(100)
    layout = lan.field.machines[0].lab.layout
    said = (layout.node / "dhcp" / one.vpc_id / "dnsmasq.conf").read_text()
    assert f"option:router,{ROUTER}" in said
    assert "dhcp-option=option:dns-server,169.254.169.253,10.20.0.53" in said
    assert "static,255.255.255.0" in said


def test_no_guest_is_a_dhcp_server_to_the_lan(lan: Lan) -> None:
    one = wires.interface(0, 64, OPEN)
    lan.apply(0, vpc(0, one))
    ear = namespaces.run_inside(lan.stranger, lambda: lab.listen(68, socket.SOCK_DGRAM))
    guest = lan.guest(0, one)

    def say(source_port: int) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind((one.private_ip, source_port))
            server.sendto(str(source_port).encode(), (STRANGER, 68))

    with ear:
        for port in (67, 6700):
            guest.do(partial(say, port))
        assert ear.recv(100) == b"6700"


def test_a_guest_whose_address_is_lent_asks_its_host_often(lan: Lan) -> None:
    one = wires.interface(0, 64, OPEN)
    lan.apply(0, vpc(0, one))
    layout = lan.field.machines[0].lab.layout
    path = layout.node / "dhcp" / one.vpc_id / "hosts" / one.id
    assert path.read_text().endswith(f",{dhcp.LEASE_S}\n")
    wanted = told(vpc(0, one))
    assert wanted.mode is not None
    lan.field.machines[0].apply(replace(wanted, mode=replace(wanted.mode, kind="system")))
    assert path.read_text().endswith(f",{dhcp.SHORT_LEASE_S}\n")
