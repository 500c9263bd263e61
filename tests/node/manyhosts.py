"""Several hosts under test: each a network namespace with a network of its own, on one switch.

A test says what VPCs there are in all, and which host carries what; each host is told of its part
as the cloud tells it.
"""

import contextlib
import socket
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from mallee.kit import process
from mallee.model.hosts.hosts import HostWanted, InterfaceWanted, VpcWanted
from mallee.model.layout import Layout
from mallee.model.network.carried import (
    AddressWanted,
    FarInterface,
    FarWanted,
    PeerWanted,
    TransitGatewayWanted,
)
from mallee.node.do.network import namespaces
from tests.node import lab, shapes
from tests.node.lab import Guest, Lab

MTU = 1500


@dataclass(frozen=True, slots=True)
class Machine:
    """A host: its own namespace, with a cable to the switch."""

    lab: Lab
    namespace: str
    peer: PeerWanted

    def apply(self, wanted: HostWanted) -> tuple[str, ...]:
        """Apply what is wanted of it, and plug its guests."""
        return namespaces.run_inside(self.namespace, lambda: self.lab.apply(wanted))

    def guest(self, interface: InterfaceWanted) -> Guest:
        """The guest that stands on the interface."""
        return self.lab.guest(interface)

    def run(self, *argv: str) -> str:
        """Run a program on the host; return what it prints."""
        return namespaces.run_inside(self.namespace, lambda: process.run(argv)).text

    def inside(self, vpc: VpcWanted, *argv: str) -> str:
        """Run a program in a VPC's namespace on the host; return what it prints."""
        namespace = self.lab.layout.vpc_namespace(vpc.id)
        return namespaces.run_inside(namespace, lambda: process.run(argv)).text


@dataclass(frozen=True, slots=True)
class Told:
    """All that there is, and where it is."""

    vpcs: tuple[VpcWanted, ...]
    places: Mapping[str, int]
    """By id of an interface: the number of its host."""
    gateway: int = 0
    egress: bool = False
    transit_gateways: tuple[TransitGatewayWanted, ...] = ()

    def of(self, machines: tuple[Machine, ...], number: int) -> HostWanted:
        """Return what a host is told."""
        carried = tuple(self._vpc(machines, vpc, number) for vpc in self.vpcs)
        wanted = shapes.host(*carried, egress=self.egress)
        others = tuple(one.peer for at, one in enumerate(machines) if at != number)
        return replace(
            wanted,
            peers=others,
            own=machines[number].peer,
            transit_gateways=self.transit_gateways,
        )

    def _vpc(self, machines: tuple[Machine, ...], vpc: VpcWanted, number: int) -> VpcWanted:
        is_gateway = number == self.gateway
        return replace(
            vpc,
            interfaces=tuple(one for one in vpc.interfaces if self.places[one.id] == number),
            nat_gateways=vpc.nat_gateways if is_gateway else (),
            overlay_id=0x4000 + vpc.link_index,
            gateway_host_id="" if is_gateway else machines[self.gateway].peer.id,
            far=tuple(
                sorted(
                    (
                        FarWanted(host_id=one.peer.id, interfaces=self._far(vpc, at))
                        for at, one in enumerate(machines)
                        if at != number
                    ),
                    key=lambda far: far.host_id,
                )
            ),
        )

    def _far(self, vpc: VpcWanted, number: int) -> tuple[FarInterface, ...]:
        there = [one for one in vpc.interfaces if self.places[one.id] == number]
        found = [far_interface(one) for one in there]
        if number == self.gateway:
            for gateway in vpc.nat_gateways:
                ips = tuple(one.private_ip for one in gateway.addresses)
                found.append(FarInterface(gateway.id, "", ips, source_dest_check=False))
        return tuple(found)


def far_interface(one: InterfaceWanted) -> FarInterface:
    """An interface as other hosts are told of it."""
    first = AddressWanted(
        private_ip=one.private_ip, public_ip=one.public_ip, public_name=one.public_name
    )
    held = (first, *one.secondary)
    return FarInterface(
        id=one.id,
        instance_id=one.instance_id,
        ips=(
            *(address.private_ip for address in held),
            *(prefix for prefix in one.prefixes if ":" not in prefix),
        ),
        ip6s=(*one.ipv6s, *(prefix for prefix in one.prefixes if ":" in prefix)),
        resource_ips=one.resource_ips,
        published=tuple(address for address in held if address.public_ip is not None),
        source_dest_check=one.source_dest_check,
    )


@dataclass(frozen=True, slots=True)
class Cluster:
    """The hosts of a test."""

    machines: tuple[Machine, ...]

    def apply(self, told: Told) -> list[str]:
        """Apply everything on every host; return what any had to say."""
        return [
            problem
            for number, machine in enumerate(self.machines)
            for problem in machine.apply(told.of(self.machines, number))
        ]


def roots(root: Path, count: int) -> tuple[Path, ...]:
    """Make a root directory for each of so many hosts."""
    found = tuple(root / str(number) for number in range(count))
    for one in found:
        one.mkdir(mode=0o755)
    return found


def world_of(machine: Machine) -> Guest:
    """Give a host a way to the world, which knows the way to public addresses."""
    return namespaces.run_inside(machine.namespace, lambda: lab.world_of(machine.lab))


def longest(address: str, port: int = 8000) -> int:
    """Send what is too long, unbroken, until the kernel knows better; return what it knows."""
    level, discover, known = (
        (socket.IPPROTO_IPV6, 23, 24) if ":" in address else (socket.IPPROTO_IP, 10, 14)
    )
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(level, discover, 2)
        sender.connect((address, port))
        deadline = time.monotonic() + lab.ARRIVES_WITHIN_S
        while sender.getsockopt(level, known) == MTU and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                sender.send(b"x" * 1440)
        return sender.getsockopt(level, known)


@contextmanager
def opened(roots: tuple[Path, ...]) -> Generator[Cluster]:
    """Hosts, one for each root, that reach each other at 192.0.2.(1, 2, …)."""
    with ExitStack() as stack:
        mark = Layout(roots[0]).tag
        switch = _namespace(stack, f"many-{mark}-switch")
        process.run(("ip", "-n", switch, "link", "add", "switch", "type", "bridge"))
        process.run(("ip", "-n", switch, "link", "set", "switch", "up"))
        machines: list[Machine] = []
        for number, root in enumerate(roots):
            namespace = _namespace(stack, f"many-{mark}-{number}")
            address = f"192.0.2.{number + 1}"
            _plug(switch, namespace, number, address)
            host = stack.enter_context(_lab(namespace, root))
            peer = PeerWanted(f"host-{number + 1:017x}", f"host{number}", address)
            machines.append(Machine(host, namespace, peer))
        yield Cluster(tuple(machines))


def _namespace(stack: ExitStack, name: str) -> str:
    namespaces.ensure(name)
    stack.callback(namespaces.remove, name)
    process.run(("ip", "-n", name, "link", "set", "lo", "up"))
    return name


def _plug(switch: str, namespace: str, number: int, address: str) -> None:
    peer = ("peer", "name", "cable", "netns", namespace)
    port = f"port{number}"
    process.run(("ip", "-n", switch, "link", "add", port, "type", "veth", *peer))
    process.run(("ip", "-n", switch, "link", "set", port, "master", "switch", "up"))
    inside = ("ip", "-n", namespace)
    process.run((*inside, "address", "add", f"{address}/24", "dev", "cable"))
    process.run((*inside, "link", "set", "cable", "up", "mtu", str(MTU)))


@contextmanager
def _lab(namespace: str, root: Path) -> Generator[Lab]:
    with ExitStack() as stack:
        yield namespaces.run_inside(namespace, lambda: stack.enter_context(lab.opened(root)))
        namespaces.run_inside(namespace, stack.close)
