"""Hosts in the administrator's own network: each with a card on one wire that all share, and a
bridge or an Open vSwitch of its own over it.

A test says which guests there are and where; every host is told of its part as the cloud tells it.
The zone's addresses are 10.20.0.0/16 in blocks of 32; block `n` has VLAN `n + 2` in `managed`.
"""

import contextlib
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from dataclasses import replace as changed
from ipaddress import IPv4Network
from pathlib import Path

from msgspec.structs import replace

from mallee.kit import process
from mallee.model.hosts.hosts import HostWanted, InterfaceWanted, SubnetWanted, VpcWanted
from mallee.model.layout import Layout
from mallee.model.network.carried import AddressWanted
from mallee.model.network.modes import BlockWanted, Kind, ModeWanted, Switch
from mallee.model.network.networks import Rule
from mallee.node.do.network import namespaces
from tests.node import lab, manyhosts, shapes
from tests.node.lab import Guest
from tests.node.manyhosts import Machine

SUBNET = "10.20.0.0/16"
WIDTH = 27
BRIDGE = "br0"
CARD = "lan0"
_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
_STARTS_WITHIN_S = 120.0
_ALL, _PACKET, _AUXDATA = 3, 263, 8
"""ETH_P_ALL, SOL_PACKET, PACKET_AUXDATA."""
_VLAN_VALID = 1 << 4
_TAGGED, _IPV4 = 0x8100, 0x0800


def block(number: int) -> IPv4Network:
    """The addresses of block `number`."""
    return list(IPv4Network(SUBNET).subnets(new_prefix=WIDTH))[number]


def interface(vpc: int, number: int, *groups: str, public: str | None = None) -> InterfaceWanted:
    """The interface of VPC `vpc` at the address of this number: 32 numbers are a block."""
    ip = str(IPv4Network(SUBNET)[number])
    return InterfaceWanted(
        id=f"eni-{vpc:06x}{number:06x}00000",
        instance_id=f"i-{vpc:06x}{number:06x}00000",
        vpc_id=shapes.vpc_id(vpc),
        subnet_id=f"subnet-{vpc:017x}",
        device_index=0,
        mac=f"02:00:00:{vpc:02x}:{number >> 8:02x}:{number & 255:02x}",
        private_ip=ip,
        public_ip=public,
        group_ids=groups,
        hostname=f"ip-{ip.replace('.', '-')}",
    )


def vpc(
    number: int, interfaces: tuple[InterfaceWanted, ...], rules: Mapping[str, tuple[Rule, ...]]
) -> VpcWanted:
    """The default VPC of account `number`: all of them have the whole zone as their range."""
    made = shapes.vpc(number, (), interfaces, dict(rules))
    subnet = SubnetWanted(f"subnet-{number:017x}", SUBNET)
    return replace(made, cidr=SUBNET, subnets=(subnet,), ipv6_cidrs=())


@dataclass(frozen=True, slots=True)
class Told:
    """All that there is, and where it is."""

    vpcs: tuple[VpcWanted, ...]
    places: Mapping[str, int]
    """By id of an interface: the number of its host."""
    kind: Kind = "managed-novlan"
    switch: Switch = "linux"
    device: str = BRIDGE
    gateway: int = 0
    uplink: str = ""
    egress: bool = False

    def of(self, number: int) -> HostWanted:
        """Return what a host is told."""
        is_gateway = number == self.gateway
        here = tuple(one for one in (self._vpc(vpc, number) for vpc in self.vpcs) if one.interfaces)
        blocks = sorted(
            {
                self._block(one)
                for vpc in self.vpcs
                for one in vpc.interfaces
                if is_gateway or self.places[one.id] == number
            },
            key=lambda one: (one.cidr, one.vpc_id),
        )
        mode = ModeWanted(
            kind=self.kind,
            switch=self.switch,
            device=self.device,
            uplink=self.uplink,
            subnet=SUBNET,
            blocks=tuple(blocks),
            is_gateway=is_gateway,
            publics=tuple(self._publics()) if is_gateway else (),
        )
        return replace(lab.make_wanted(*here, egress=self.egress), mode=mode)

    def _vpc(self, vpc: VpcWanted, number: int) -> VpcWanted:
        here = tuple(one for one in vpc.interfaces if self.places[one.id] == number)
        return replace(vpc, interfaces=here)

    def _block(self, one: InterfaceWanted) -> BlockWanted:
        net = IPv4Network(f"{one.private_ip}/{WIDTH}", strict=False)
        number = int(net.network_address) - int(IPv4Network(SUBNET).network_address)
        return BlockWanted(
            cidr=str(net),
            gateway=str(net[1]),
            vlan=number // 32 + 2 if self.kind == "managed" else 0,
            vpc_id=one.vpc_id,
        )

    def _publics(self) -> Iterator[AddressWanted]:
        for vpc in self.vpcs:
            for one in vpc.interfaces:
                if one.public_ip:
                    yield AddressWanted(private_ip=one.private_ip, public_ip=one.public_ip)


@dataclass(slots=True)
class Field:
    """The hosts, and what stands on the wire between them."""

    machines: tuple[Machine, ...]
    wire: str
    """The namespace in which the wire is a bridge."""
    rundirs: tuple[Path, ...] = ()
    """Where each host's Open vSwitch is, if it has one."""
    settled: set[str] = field(default_factory=set[str])

    def apply(self, told: Told) -> list[str]:
        """Apply everything on every host; return what any had to say."""
        return [problem for at in range(len(self.machines)) for problem in self.apply_at(told, at)]

    def apply_at(self, told: Told, number: int) -> tuple[str, ...]:
        """Apply what is wanted of one host."""
        machine = self.machines[number]
        with self.switch_of(number):
            problems = machine.apply(told.of(number))
        for vpc in told.vpcs:
            for one in vpc.interfaces:
                if told.places[one.id] == number and one.id not in self.settled:
                    self.settled.add(one.id)
                    _configure(machine.guest(one))
        return problems

    def guest(self, told: Told, one: InterfaceWanted) -> Guest:
        """The guest on an interface, wherever it is."""
        return self.machines[told.places[one.id]].guest(one)

    @contextmanager
    def switch_of(self, number: int) -> Generator[None]:
        """Have programs find a host's own Open vSwitch, as they find that of a machine."""
        if not self.rundirs:
            yield
            return
        os.environ["OVS_RUNDIR"] = str(self.rundirs[number])
        try:
            yield
        finally:
            del os.environ["OVS_RUNDIR"]

    def vsctl(self, number: int, *words: str) -> str:
        """Ask a host's Open vSwitch."""
        with self.switch_of(number):
            return self.machines[number].run("ovs-vsctl", "--timeout=60", *words)


def _configure(guest: Guest) -> None:
    """Give the guest what its lease says: its block, and the router of that."""
    net = IPv4Network(f"{guest.interface.private_ip}/{WIDTH}", strict=False)
    guest.run("ip", "address", "flush", "dev", "eth0")
    guest.run("ip", "address", "add", f"{guest.interface.private_ip}/{WIDTH}", "dev", "eth0")
    guest.run("ip", "route", "add", "default", "via", str(net[1]))


@contextmanager
def opened(root: Path, count: int, switch: Switch = "linux") -> Generator[Field]:
    """So many hosts, each with a card on the wire and a switch over it."""
    with ExitStack() as stack:
        cluster = stack.enter_context(manyhosts.opened(manyhosts.roots(root, count)))
        wire = f"wire-{Layout(root).tag}"
        namespaces.ensure(wire)
        stack.callback(namespaces.remove, wire)
        process.run(("ip", "-n", wire, "link", "add", "wire", "type", "bridge"))
        process.run(("ip", "-n", wire, "link", "set", "wire", "up"))
        rundirs: list[Path] = []
        for number, machine in enumerate(cluster.machines):
            end = f"port{number}"
            ends = ("link", "add", end, "type", "veth", "peer", "name", CARD)
            process.run(("ip", "-n", wire, *ends, "netns", machine.namespace))
            process.run(("ip", "-n", wire, "link", "set", end, "master", "wire", "up"))
            machine.run("ip", "link", "set", CARD, "up")
            if switch == "linux":
                machine.run("ip", "link", "add", BRIDGE, "type", "bridge")
                machine.run("ip", "link", "set", CARD, "master", BRIDGE)
                machine.run("ip", "link", "set", BRIDGE, "up")
            else:
                rundirs.append(stack.enter_context(_open_vswitch(root / f"ovs{number}", machine)))
        made = Field(cluster.machines, wire, tuple(rundirs))
        # Hosts go away before their switches do, and find these as they did.
        for number, machine in enumerate(cluster.machines):
            stack.callback(_leave, made, number, machine)
        yield made


def _leave(made: Field, number: int, machine: Machine) -> None:
    with made.switch_of(number):
        namespaces.run_inside(machine.namespace, machine.lab.network.destroy)


@contextmanager
def _open_vswitch(home: Path, machine: Machine) -> Generator[Path]:
    """An Open vSwitch of a host's own, with the datapath that needs no kernel."""
    home.mkdir()
    database, told = home / "conf.db", home / "db.sock"
    quiet = ("-vconsole:off", "-vsyslog:off", "--detach", "--no-chdir", f"--log-file={home}/log")
    machine.run("ovsdb-tool", "create", str(database), _SCHEMA)
    machine.run(
        *("ovsdb-server", str(database), f"--remote=punix:{told}"),
        *(f"--pidfile={home}/db.pid", f"--unixctl={home}/db.ctl", *quiet),
    )
    machine.run("ovs-vsctl", f"--db=unix:{told}", "--no-wait", "init")
    machine.run(
        *("env", f"OVS_RUNDIR={home}", "ovs-vswitchd", f"unix:{told}"),
        *(f"--pidfile={home}/sw.pid", f"--unixctl={home}/sw.ctl", *quiet),
    )
    vsctl = ("ovs-vsctl", f"--db=unix:{told}", "--timeout=60")
    kind = ("--", "set", "bridge", BRIDGE, "datapath_type=netdev")
    machine.run(*vsctl, "add-br", BRIDGE, *kind, "--", "add-port", BRIDGE, CARD)
    try:
        yield home
    finally:
        for name in ("sw.pid", "db.pid"):
            pid = int((home / name).read_text())
            os.kill(pid, signal.SIGTERM)
            _wait_until_gone(pid)


def _wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        finally:
            os.close(descriptor)


@contextmanager
def watched(wire: Field, number: int) -> Generator[socket.socket]:
    """A socket that sees every frame by a host's cable."""

    def listen() -> socket.socket:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
        raw.setsockopt(_PACKET, _AUXDATA, 1)
        raw.bind((f"port{number}", _ALL))
        return raw

    with namespaces.run_inside(wire.wire, listen) as raw:
        yield raw


def frames(raw: socket.socket) -> list[bytes]:
    """Return what has been seen on the wire until it is still."""
    raw.settimeout(lab.REFUSED_AFTER_S)
    found: list[bytes] = []
    with contextlib.suppress(TimeoutError):
        while True:
            found.append(_recv(raw))
    return found


def tags(raw: socket.socket) -> set[tuple[int, str, str]]:
    """Return of what has been seen the VLAN, the sender and the receiver."""
    found: set[tuple[int, str, str]] = set()
    for data in frames(raw):
        kind, vlan, at = struct.unpack_from("!H", data, 12)[0], 0, 14
        if kind == _TAGGED:
            tag, kind = struct.unpack_from("!HH", data, 14)
            vlan, at = tag & 0xFFF, 18
        if kind == _IPV4:
            sender, receiver = data[at + 12 : at + 16], data[at + 16 : at + 20]
            found.add((vlan, socket.inet_ntoa(sender), socket.inet_ntoa(receiver)))
    return found


def _recv(raw: socket.socket) -> bytes:
    """Take a frame as it was: the kernel takes the tag out of it, and tells of it beside."""
    data, extra, _, _ = raw.recvmsg(2000, 100)
    for _, _, told in extra:
        status, _, _, _, _, tag = struct.unpack_from("IIIHHH", told)
        if status & _VLAN_VALID:
            return data[:12] + struct.pack("!HH", _TAGGED, tag) + data[12:]
    return data


def with_uplink(told: Told, uplink: str) -> Told:
    """The same with a card to the world on the gateway host that is named."""
    return changed(told, uplink=uplink)


def lent(told: Told, owner: InterfaceWanted, ip: str) -> tuple[InterfaceWanted, ...]:
    """The first VPC's interfaces, one of which has a second address."""
    more = replace(owner, secondary=(AddressWanted(private_ip=ip),))
    return tuple(more if one.id == owner.id else one for one in told.vpcs[0].interfaces)
