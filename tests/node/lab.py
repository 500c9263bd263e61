"""A host's network under test: the real kernel, with network namespaces in the guests' place.

A guest is a namespace with one end of a veth; the other end is named as the interface's tap and is
plugged by the network under test like a tap. Sockets are opened inside the guests' namespaces by
this process itself, so nothing else needs to run in them.
"""

import itertools
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TypeVar

from mallee.kit import process
from mallee.model.compute.instances import MetadataOptions, Power
from mallee.model.hosts.hosts import (
    GroupWanted,
    HostWanted,
    InstanceWanted,
    InterfaceWanted,
    SubnetWanted,
    VpcWanted,
)
from mallee.model.images.images import Blob
from mallee.model.layout import Layout
from mallee.model.network.networks import Direction, Rule
from mallee.node.do.network import namespaces, network
from mallee.node.plan.network import network as plan

T = TypeVar("T")

REFUSED_AFTER_S = 0.25
"""How long a connection that the firewall must stop is given to succeed."""
ARRIVES_WITHIN_S = 30.0
"""So long TCP may take to send again what was lost while it was not let through."""
_echoes = itertools.cycle(range(1, 65536))
"""Each echo is a conversation of its own: one that is known passes whatever the rules say now."""
WORLD_ADDRESS = "198.51.100.1"
WORLD_ADDRESS6 = "2001:db8::1"

ALLOW_OUT = Rule(id="out", direction=Direction.EGRESS, protocol="-1", cidr="0.0.0.0/0")


def allow(protocol: str, *ports: int, cidr: str | None = None, group: str | None = None) -> Rule:
    """An ingress rule; one port or a range."""
    first, last = (ports[0], ports[-1]) if ports else (-1, -1)
    return Rule(
        id="in",
        direction=Direction.INGRESS,
        protocol=protocol,
        from_port=first,
        to_port=last,
        cidr=cidr if cidr or group else "0.0.0.0/0",
        group_id=group,
    )


def make_interface(
    number: int, *groups: str, public: bool = False, vpc: int = 0
) -> InterfaceWanted:
    """The interface of guest `number`, 172.31.0.(10 + number), perhaps 203.0.113.(10 + number)."""
    ip = f"172.31.0.{10 + number}"
    return InterfaceWanted(
        id=f"eni-{vpc:06x}{number:06x}00000",
        instance_id=f"i-{vpc:06x}{number:06x}00000",
        vpc_id=f"vpc-{vpc:017x}",
        subnet_id=f"subnet-{vpc:017x}",
        device_index=0,
        mac=f"02:00:00:00:{vpc:02x}:{number:02x}",
        private_ip=ip,
        public_ip=f"203.0.113.{10 + number}" if public else None,
        group_ids=groups,
        hostname=f"ip-{ip.replace('.', '-')}",
    )


def make_vpc(
    interfaces: tuple[InterfaceWanted, ...],
    rules: dict[str, tuple[Rule, ...]],
    vpc: int = 0,
) -> VpcWanted:
    """A VPC with these interfaces; groups by id with their rules, members follow."""
    return VpcWanted(
        id=f"vpc-{vpc:017x}",
        cidr="172.31.0.0/16",
        link_index=vpc,
        subnets=(SubnetWanted(f"subnet-{vpc:017x}", "172.31.0.0/20"),),
        groups=tuple(
            GroupWanted(
                id=group,
                rules=held,
                member_ips=tuple(
                    sorted(one.private_ip for one in interfaces if group in one.group_ids)
                ),
            )
            for group, held in rules.items()
        ),
        interfaces=interfaces,
    )


def make_instance(interface: InterfaceWanted) -> InstanceWanted:
    """The instance of an interface, as far as the network looks at it."""
    return InstanceWanted(
        id=interface.instance_id,
        account_id="000000000001",
        power=Power.RUNNING,
        launch=1,
        reboots=0,
        force_stop=False,
        vcpus=1,
        memory_mib=64,
        disk=Blob("0" * 64, 0, "raw"),
        disk_gib=1,
        boot=None,
        interface_ids=(interface.id,),
        metadata_options=MetadataOptions(),
        metadata={"meta-data/instance-id": interface.instance_id},
        user_data=b"",
    )


def make_wanted(*vpcs: VpcWanted, egress: bool = False) -> HostWanted:
    """A host with these VPCs."""
    return HostWanted(
        generation=1,
        region="us-east-1",
        zone="us-east-1a",
        public_range="203.0.113.0/24",
        private_range="172.31.0.0/16",
        egress=egress,
        vpcs=vpcs,
        instances=tuple(make_instance(one) for vpc in vpcs for one in vpc.interfaces),
    )


@dataclass(slots=True)
class Guest:
    """A namespace in a guest's place, configured by hand as its lease would."""

    interface: InterfaceWanted
    namespace: str

    def do(self, work: Callable[[], T]) -> T:
        """Run `work` inside the guest."""
        return namespaces.run_inside(self.namespace, work)

    def run(self, *argv: str) -> str:
        """Run a program inside the guest; return what it prints."""
        return self.do(lambda: process.run(argv)).text

    def listen(self, port: int, kind: int = socket.SOCK_STREAM, address: str = "") -> socket.socket:
        """Open a server's socket inside the guest."""
        return self.do(lambda: listen(port, kind, address))

    def connect(self, address: str, port: int) -> socket.socket:
        """Open a TCP connection from inside the guest."""
        return self.do(lambda: socket.create_connection((address, port), ARRIVES_WITHIN_S))

    def reaches(self, address: str, port: int) -> bool:
        """Tell whether a TCP connection is possible: for those that must be."""
        return reaches(self.namespace, address, port)

    def misses(self, address: str, port: int) -> bool:
        """Tell whether a TCP connection is stopped: for those that must not be possible."""
        return misses(self.namespace, address, port)

    def pings(self, address: str, within_s: float = ARRIVES_WITHIN_S) -> bool:
        """Tell whether an echo comes back."""
        return self.do(lambda: _ping(address, within_s))

    def throws(self, server: socket.socket, address: str, port: int, within_s: float) -> bool:
        """Send a datagram; tell whether the server hears it within the time."""

        def send() -> None:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"datagram", (address, port))

        self.do(send)
        server.settimeout(within_s)
        try:
            return server.recv(100) == b"datagram"
        except TimeoutError:
            return False

    def send_frame(self, frame: bytes) -> None:
        """Put a frame on the guest's wire as it is."""

        def send() -> None:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
                raw.bind(("eth0", 0))
                raw.send(frame)

        self.do(send)


def _ping(address: str, within_s: float) -> bool:
    if ":" in address:
        return _ping6(address, within_s)
    head = struct.pack("!BBHHH", 8, 0, 0, next(_echoes), 1)
    echo = head[:2] + struct.pack("!H", checksum(head)) + head[4:]
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.settimeout(within_s)
        raw.sendto(echo, (address, 0))
        try:
            while True:
                answer, sender = raw.recvfrom(1500)
                if sender[0] == address and answer[20] == 0:
                    return True
        except OSError:
            return False


def _ping6(address: str, within_s: float) -> bool:
    """The same over IPv6, where the kernel writes the checksum and hands over no header."""
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
        raw.settimeout(within_s)
        raw.sendto(struct.pack("!BBHHH", 128, 0, 0, next(_echoes), 1), (address, 0))
        try:
            while True:
                answer, sender = raw.recvfrom(1500)
                if IPv6Address(sender[0]) == IPv6Address(address) and answer[0] == 129:
                    return True
        except OSError:
            return False


def listen(port: int, kind: int, address: str = "") -> socket.socket:
    """Open a server's socket in the namespace that the thread is in."""
    server = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, port))
    if kind == socket.SOCK_STREAM:
        server.listen()
    server.settimeout(ARRIVES_WITHIN_S)
    return server


def reaches(namespace: str, address: str, port: int) -> bool:
    """Tell whether a TCP connection from the namespace is possible."""
    return _connects(namespace, address, port, ARRIVES_WITHIN_S)


def misses(namespace: str, address: str, port: int) -> bool:
    """Tell whether a TCP connection from the namespace is stopped."""
    return not _connects(namespace, address, port, REFUSED_AFTER_S)


def _connects(namespace: str, address: str, port: int, within_s: float) -> bool:
    def connect() -> None:
        socket.create_connection((address, port), within_s).close()

    try:
        namespaces.run_inside(namespace, connect)
    except OSError:
        return False
    return True


@dataclass(slots=True)
class Lab:
    """A host under test and the guests on it."""

    layout: Layout
    network: network.Network
    guests: dict[str, Guest] = field(default_factory=dict[str, Guest])
    extra_namespaces: list[str] = field(default_factory=list[str])

    def namespace(self, name: str) -> str:
        """Make a namespace of the lab's own, with loopback up."""
        full = f"lab-{self.layout.tag}-{name}"
        namespaces.ensure(full)
        self.extra_namespaces.append(full)
        namespaces.run_inside(full, lambda: process.run(("ip", "link", "set", "lo", "up")))
        return full

    def apply(self, wanted: HostWanted) -> tuple[str, ...]:
        """Apply, then plug a guest into every interface that has none yet."""
        problems = self.network.apply(wanted)
        for vpc in wanted.vpcs:
            for interface in vpc.interfaces:
                if interface.id not in self.guests:
                    subnet = next(one for one in vpc.subnets if one.id == interface.subnet_id)
                    self.guests[interface.id] = self._add_guest(interface, subnet)
                    self.network.forget(interface)
                    self.network.plug(interface)
        return problems

    def guest(self, interface: InterfaceWanted) -> Guest:
        """The guest that stands on the interface."""
        return self.guests[interface.id]

    def _add_guest(self, interface: InterfaceWanted, subnet: SubnetWanted) -> Guest:
        namespace = self.namespace(interface.id[4:16])
        tap = self.layout.tap(interface.id)
        process.run(
            ("ip", "-n", self.layout.hypervisor_namespace, "link", "add", tap, "type", "veth",
             "peer", "name", "eth0", "netns", namespace)
        )  # fmt: skip
        guest = Guest(interface, namespace)
        # Nobody else has its addresses, so it need not wait until nobody answers for them.
        guest.run("sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0")
        guest.run("ip", "link", "set", "eth0", "address", interface.mac, "up")
        width = subnet.cidr.partition("/")[2]
        guest.run("ip", "address", "add", f"{interface.private_ip}/{width}", "dev", "eth0")
        for more in interface.secondary:
            guest.run("ip", "address", "add", f"{more.private_ip}/32", "dev", "eth0")
        guest.run("ip", "route", "add", "default", "via", str(plan.gateway(subnet)))
        for ip in interface.ipv6s:
            guest.run("ip", "address", "add", f"{ip}/128", "dev", "eth0", "nodad")
        if interface.ipv6s:
            guest.run("ip", "route", "add", "default", "via", plan.ROUTER6, "dev", "eth0")
        return guest

    def add_world(self) -> Guest:
        """Give the host an uplink with a default route; return who is at its other end."""
        namespace = self.namespace("world")
        process.run(
            ("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "eth0",
             "netns", namespace)
        )  # fmt: skip
        world = Guest(make_interface(99), namespace)
        world.run("ip", "link", "set", "eth0", "up")
        world.run("ip", "address", "add", f"{WORLD_ADDRESS}/24", "dev", "eth0")
        process.run(("ip", "address", "add", "198.51.100.2/24", "dev", "uplink"))
        process.run(("ip", "link", "set", "uplink", "up"))
        process.run(("ip", "route", "add", "default", "via", WORLD_ADDRESS))
        return world

    def close(self) -> None:
        """Remove everything; the order is that of a host that goes away."""
        self.network.destroy()
        subprocess.run(("ip", "link", "delete", "uplink"), capture_output=True, check=False)
        for namespace in self.extra_namespaces:
            namespaces.remove(namespace)


@contextmanager
def opened(root: Path) -> Iterator[Lab]:
    """A lab under `root` that is removed afterwards."""
    layout = Layout(root)
    lab = Lab(layout, network.Network(layout))
    try:
        yield lab
    finally:
        lab.close()


def world_of(host: Lab) -> Guest:
    """Give a host a way to the world, which knows the way to public addresses."""
    world = host.add_world()
    world.run("ip", "route", "add", "203.0.113.0/24", "via", "198.51.100.2")
    return world


def world_of_both(host: Lab) -> Guest:
    """The same in both families, to a world that knows the way to the cloud's IPv6 addresses."""
    world = world_of(host)
    world.run("ip", "address", "add", f"{WORLD_ADDRESS6}/64", "dev", "eth0", "nodad")
    world.run("ip", "route", "add", "fd00::/16", "via", "2001:db8::2")
    for words in (
        "address add 2001:db8::2/64 dev uplink nodad",
        f"route add default via {WORLD_ADDRESS6}",
    ):
        process.run(("ip", "-6", *words.split()))
    return world


def caller(server: socket.socket, guest: Guest, address: str) -> str:
    """Connect to a server from the guest, by that address; return whom the server sees."""
    with guest.connect(address, server.getsockname()[1]):
        accepted, sender = server.accept()
        accepted.close()
    return sender[0]


def udp_frame(interface: InterfaceWanted, destination: str, port: int, **forged: str) -> bytes:
    """A UDP datagram from the interface to its gateway's MAC; `mac` and `ip` may be forged."""
    mac = bytes.fromhex(forged.get("mac", interface.mac).replace(":", ""))
    source = IPv4Address(forged.get("ip", interface.private_ip)).packed
    payload = forged.get("payload", "forged").encode()
    udp = struct.pack("!HHHH", 4000, port, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0)
    head += source + IPv4Address(destination).packed
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    to = bytes.fromhex(forged["gateway_mac"].replace(":", ""))
    return to + mac + b"\x08\x00" + head + udp


def checksum(data: bytes) -> int:
    """The internet checksum of data of even length."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
