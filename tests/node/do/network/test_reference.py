"""The kernel and the reference agree: random VPCs and rules, random packets, the same verdicts.

Each example is a cloud of two peered VPCs. Its packets are sent one by one, raw, by the guests'
namespaces; each bears a tag of its own, by which it is found again where it comes out.
"""

import random
import select
import socket
import struct
from contextlib import ExitStack
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mallee.model.hosts.hosts import InterfaceWanted, SubnetWanted, VpcWanted
from mallee.model.network.acls import AclEntry
from mallee.model.network.carried import (
    AclWanted,
    AddressWanted,
    EndpointWanted,
    PublicAccess,
    RouteTableWanted,
    RouteWanted,
    TransitGatewayWanted,
    TransitTableWanted,
    Way,
)
from mallee.model.network.networks import Direction, Rule
from mallee.model.packets import packets
from mallee.model.packets.hops import End, Packet, Trace
from mallee.node.do.network import namespaces
from tests.node import lab, shapes
from tests.node.lab import Lab

pytestmark = pytest.mark.host

PACKETS = 60
MARK = b"mlee"
"""What our packets end with, before their number."""
SETTLES_S = 0.1
"""Packets that must not arrive are given so long after the last one that did."""
GROUPS = [[f"sg-{vpc:08x}{number:09x}" for number in range(3)] for vpc in (1, 2)]
TABLES = [[f"rtb-{vpc:08x}{number:09x}" for number in range(2)] for vpc in (1, 2)]
LED = [[f"tgw-rtb-{gateway:08x}{number:09x}" for number in range(2)] for gateway in (1, 2)]
ACLS = [[f"acl-{vpc:08x}{number:09x}" for number in range(2)] for vpc in (1, 2)]
PORTS = (22, 80, 1000, 4500)
PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58}


class Cloud:
    """A random cloud, made by a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.vpcs = {vpc.id: vpc for vpc in (self._vpc(0), self._vpc(1))}
        self.transit = {one.id: one for one in self._gateways()}
        self.vpcs = {id: self._with_members(vpc) for id, vpc in self.vpcs.items()}

    def interfaces(self) -> list[InterfaceWanted]:
        return [one for vpc in self.vpcs.values() for one in vpc.interfaces]

    def endpoints(self) -> list[EndpointWanted]:
        return [one for vpc in self.vpcs.values() for one in vpc.endpoints]

    def _vpc(self, number: int) -> VpcWanted:
        pick = self.random
        subnets = [
            replace(
                shapes.subnet(
                    m,
                    number,
                    table=pick.choice(["", *TABLES[number], *TABLES[number]]),
                    acl=pick.choice(["", "", *ACLS[number]]),
                ),
                public_access=pick.choice([PublicAccess.OPEN] * 3 + [*PublicAccess]),
            )
            for m in (1, 2)
        ]
        held = [
            self._interface(number, n, pick.choice(subnets))
            for n in range(10, 10 + pick.randint(2, 3))
        ]
        gateways = [shapes.nat_gateway(5, pick.choice(subnets), f"203.0.113.{100 + number}")]
        peering, worn = shapes.peering(0, 1, seen_from=number), GROUPS[number]
        made = shapes.vpc(
            number,
            subnets,
            held,
            {id: self._rules(number) for id in GROUPS[number]},
            has_internet_gateway=pick.random() < 0.8,
            acls=tuple(self._acl(id) for id in ACLS[number]),
            nat_gateways=tuple(gateways if pick.random() < 0.7 else []),
            endpoints=tuple(
                shapes.endpoint(number + 7, pick.choice(subnets), *sorted(pick.sample(worn, n)))
                for n in [pick.randint(1, 2)]
                if pick.random() < 0.6
            ),
            peerings=(peering,) if pick.random() < 0.8 else (),
            attachments=tuple(
                shapes.attachment(gateway, pick.choice(subnets))
                for gateway in (1, 2)
                if pick.random() < 0.7
            ),
        )
        ways = [
            (Way.INTERNET, "igw-1"), (Way.EGRESS_ONLY, "eigw-1"), (Way.NAT, gateways[0].id),
            (Way.PEERING, peering.id), (Way.BLACKHOLE, ""), (Way.INTERFACE, held[0].id),
            *((Way.TRANSIT, shapes.transit_id(n)) for n in (1, 1, 2)),
        ]  # fmt: skip
        tables = [self._table(id, ways) for id in TABLES[number]]
        tables.append(self._edge_table(number, held))
        is_led = made.has_internet_gateway and pick.random() < 0.5
        return replace(
            made,
            route_tables=tuple(tables),
            gateway_table_id=tables[-1].id if is_led else "",
        )

    def _edge_table(self, vpc: int, held: list[InterfaceWanted]) -> RouteTableWanted:
        """Where what comes in goes: to interfaces, for subnets or for all of the VPC."""
        pick = self.random
        places = (
            f"10.{vpc}.0.0/16", f"10.{vpc}.1.0/24", f"10.{vpc}.2.0/24", f"fd00:{vpc}::/56",
            f"fd00:{vpc}:0:1::/64",
        )  # fmt: skip
        ways = [(Way.INTERFACE, one.id) for one in held] + [(Way.BLACKHOLE, "")]
        chosen = pick.sample(places, pick.randint(0, 3))
        return RouteTableWanted(
            f"rtb-{vpc:08x}{9:09x}",
            tuple(RouteWanted(one, *pick.choice(ways)) for one in chosen),
        )

    def _gateways(self) -> list[TransitGatewayWanted]:
        """Two transit gateways that are peered, each with whatever is attached to it."""
        pick, made = self.random, []
        beyond = shapes.peer_ports(1, 2, (pick.choice(LED[0]), pick.choice(LED[1])))
        for number in (1, 2):
            ports = [
                shapes.port(number, int(vpc.cidr.split(".")[1]), pick.choice(LED[number - 1]))
                for vpc in self.vpcs.values()
                if any(one.gateway_id == shapes.transit_id(number) for one in vpc.attachments)
            ]
            ports += [beyond[number - 1]] if pick.random() < 0.8 else []
            ends = [port.id for port in ports] + [""]
            tables = (self._led(id, ends) for id in LED[number - 1])
            made.append(shapes.transit_gateway(number, ports, *tables))
        return made

    def _led(self, id: str, ends: list[str]) -> TransitTableWanted:
        pick = self.random
        places = (
            "0.0.0.0/0", "::/0", "10.0.0.0/16", "10.1.0.0/16", "10.0.0.0/15", "fd00:1::/56",
            "fd00::/56", "10.0.2.0/24", "10.1.1.10/32",
        )  # fmt: skip
        chosen = pick.sample(places, pick.randint(1, 6))
        return shapes.transit_table(id, *((one, pick.choice(ends)) for one in chosen))

    def _interface(self, vpc: int, number: int, inside: SubnetWanted) -> InterfaceWanted:
        pick = self.random
        worn = tuple(sorted(pick.sample(GROUPS[vpc], pick.randint(1, 2))))
        base = shapes.interface(number, *worn, inside=inside)
        index = vpc * 10 + number
        return replace(
            base,
            public_ip=f"203.0.113.{index}" if pick.random() < 0.6 else None,
            source_dest_check=pick.random() < 0.7,
            secondary=(
                AddressWanted(
                    private_ip=base.private_ip.rpartition(".")[0] + f".{100 + number}",
                    public_ip=f"203.0.113.{50 + index}" if pick.random() < 0.5 else None,
                ),
            )
            if pick.random() < 0.3
            else (),
        )

    def _with_members(self, vpc: VpcWanted) -> VpcWanted:
        """Say who wears the groups, and tell of those of the peer that rules name."""
        known = {group.id: group for one in self.vpcs.values() for group in one.groups}
        own = {group.id for group in vpc.groups}
        named = {rule.group_id for group in vpc.groups for rule in group.rules if rule.group_id}
        return replace(vpc, groups=(*vpc.groups, *(known[id] for id in sorted(named - own))))

    def _table(self, id: str, ways: list[tuple[Way, str]]) -> RouteTableWanted:
        pick = self.random
        places = (
            "0.0.0.0/0", "::/0", "10.0.0.0/16", "10.1.0.0/16", "fd00:1::/56", "fd00::/56",
            "10.0.2.0/24", "10.1.2.0/24", "198.51.100.0/24", "10.1.1.10/32",
        )  # fmt: skip
        chosen = pick.sample(places, pick.randint(1, 5))
        return RouteTableWanted(id, tuple(RouteWanted(one, *pick.choice(ways)) for one in chosen))

    def _peer(self, vpc: int) -> dict[str, str]:
        pick = self.random
        everywhere = ["0.0.0.0/0", "0.0.0.0/0", "10.0.0.0/15", "10.0.1.0/24", "10.1.1.10/32"]
        kind = pick.choice(["cidr", "cidr", "cidr6", "group_id"])
        if kind == "cidr":
            return {kind: pick.choice([*everywhere, "203.0.113.0/24"])}
        if kind == "cidr6":
            return {kind: pick.choice(["::/0", "::/0", "fd00::/24", "fd00:0:0:1::/64"])}
        return {kind: pick.choice([*GROUPS[vpc], *GROUPS[1 - vpc]])}

    def _rules(self, vpc: int) -> tuple[Rule, ...]:
        pick = self.random
        own = [self._rule(vpc, way) for way in Direction for _ in range(pick.randint(1, 5))]
        wide = [*shapes.ALL_OUT] if pick.random() < 0.7 else []
        wide += shapes.ALL_IN if pick.random() < 0.4 else ()
        return (*own, *wide)

    def _rule(self, vpc: int, direction: Direction) -> Rule:
        pick = self.random
        protocol = pick.choice(["-1", "-1", "tcp", "tcp", "udp", "icmp", "icmpv6"])
        low, high = -1, -1
        if protocol in ("tcp", "udp"):
            low = pick.choice((0, *PORTS))
            high = pick.choice([port for port in (*PORTS, 65535) if port >= low])
        elif protocol != "-1":
            low, high = pick.choice([(-1, -1), (8, -1), (128, -1), (8, 0), (3, 4)])
        made = Rule(id="r", direction=direction, protocol=protocol, from_port=low, to_port=high)
        return replace(made, **self._peer(vpc))

    def _acl(self, id: str) -> AclWanted:
        pick = self.random
        entries = [
            AclEntry(number=n, is_egress=out, is_allowed=True, protocol="-1", **where)
            for out in (False, True)
            for n, where in ((900, {"cidr": "0.0.0.0/0"}), (901, {"cidr6": "::/0"}))
            if pick.random() < 0.8
        ]
        for number in range(100, 100 + pick.randint(0, 4)):
            protocol = pick.choice(["-1", "6", "17", "1", "58"])
            low = pick.choice((0, *PORTS))
            where = pick.choice(
                [{"cidr": "10.0.0.0/16"}, {"cidr": "10.1.1.0/24"}, {"cidr6": "fd00:1::/56"}]
            )
            made = AclEntry(
                number=number, is_egress=pick.random() < 0.5, is_allowed=pick.random() < 0.5,
                protocol=protocol, from_port=low, to_port=pick.choice([low, 65535]),
                icmp_type=pick.choice([-1, 8, 128]), icmp_code=-1, **where,
            )  # fmt: skip
            entries.append(made)
        return AclWanted(id, tuple(entries))

    def packet(self, sender: InterfaceWanted) -> Packet:
        """A packet of the sender's, to somewhere that may matter."""
        pick = self.random
        is_ipv6 = pick.random() < 0.4
        others = self.interfaces()
        if is_ipv6:
            places = [ip for one in others for ip in one.ipv6s] + ["fd00:1:0:1::99"]
            places += [one.ipv6s[0] for one in self.endpoints()] * 2
            source = pick.choice([sender.ipv6s[0]] * 9 + ["fd00:0:0:1::77"])
        else:
            places = [one.private_ip for one in others] + ["10.1.1.99", lab.WORLD_ADDRESS]
            places += [one.public_ip for one in others if one.public_ip]
            places += [more.private_ip for one in others for more in one.secondary]
            places += ["203.0.113.100", "10.0.1.5"]
            places += [one.private_ip for one in self.endpoints()] * 2
            own = [sender.private_ip, *(more.private_ip for more in sender.secondary)]
            source = pick.choice([*own * 8, "10.0.1.77"])
        protocol = pick.choice([6, 17, 58 if is_ipv6 else 1])
        return Packet(
            source=ip_address(source),
            destination=ip_address(pick.choice([one for one in places if one != source])),
            protocol=protocol,
            destination_port=pick.choice(PORTS) if protocol in (6, 17) else 0,
            icmp_type={1: 8, 58: 128}.get(protocol, 0),
        )


def encode(packet: Packet, tag: int) -> bytes:
    """The packet's bytes, from its IP header on; no two with one tag are one conversation."""
    body = MARK + tag.to_bytes(4, "big")
    if packet.protocol == 6:
        ports = struct.pack("!HH", 20000 + tag, packet.destination_port)
        inner = ports + struct.pack("!IIBBHHH", 1, 0, 5 << 4, 2, 1024, 0, 0) + body
        at = 16
    elif packet.protocol == 17:
        ports = struct.pack("!HH", 20000 + tag, packet.destination_port)
        inner, at = ports + struct.pack("!HH", 8 + len(body), 0) + body, 6
    else:
        kind = struct.pack("!BBHHH", packet.icmp_type, packet.icmp_code, 0, tag, 1)
        inner, at = kind + body, 2
    source, destination = packet.source, packet.destination
    pseudo = source.packed + destination.packed + struct.pack("!II", len(inner), packet.protocol)
    if packet.protocol == 1:
        pseudo = b""
    total = lab.checksum(pseudo + inner)
    inner = inner[:at] + struct.pack("!H", total) + inner[at + 2 :]
    if source.version == 6:
        head = struct.pack("!IHBB", 6 << 28, len(inner), packet.protocol, 64)
        return head + source.packed + destination.packed + inner
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(inner), tag, 0, 64, packet.protocol, 0)
    head += source.packed + destination.packed
    return head[:10] + struct.pack("!H", lab.checksum(head)) + head[12:] + inner


class Wires:
    """An ear and a mouth at every guest, and at the world."""

    def __init__(self, host: Lab, cloud: Cloud, held: ExitStack) -> None:
        self.ears: dict[socket.socket, str] = {}
        self.mouths: dict[str, tuple[socket.socket, bytes]] = {}
        for one in cloud.interfaces():
            raw = host.guest(one).do(_open)
            held.callback(raw.close)
            self.ears[raw] = one.id
            mac = bytes.fromhex(one.mac.replace(":", ""))
            self.mouths[one.id] = raw, _gateway_mac(host, one) + mac
        for one in cloud.endpoints():
            raw = namespaces.run_inside(host.layout.endpoint_namespace(one.interface_id), _open)
            held.callback(raw.close)
            self.ears[raw] = one.id

    def say(self, interface_id: str, packet: bytes) -> None:
        raw, head = self.mouths[interface_id]
        kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
        raw.send(head + kind + packet)

    def heard(self, expected: dict[int, str]) -> dict[int, tuple[str, bytes]]:
        """Who heard which tag: wait for all expected ones, and a while for others."""
        heard: dict[int, tuple[str, bytes]] = {}
        while True:
            within_s = lab.ARRIVES_WITHIN_S if expected.keys() - heard.keys() else SETTLES_S
            ready, _, _ = select.select(list(self.ears), [], [], within_s)
            if not ready:
                return heard
            for raw in ready:
                frame, (_, _, kind, *_) = raw.recvfrom(2000)
                if kind != socket.PACKET_OUTGOING and _is_tagged(frame):
                    heard[int.from_bytes(frame[-4:], "big")] = self.ears[raw], frame


def _gateway_mac(host: Lab, one: InterfaceWanted) -> bytes:
    said = lab.Guest(one, host.layout.vpc_namespace(one.vpc_id)).run(
        "ip", "-o", "link", "show", host.layout.tap(one.id)
    )
    return bytes.fromhex(said.split("link/ether ")[1].split()[0].replace(":", ""))


def _open() -> socket.socket:
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    raw.bind(("eth0", 3))
    return raw


def _is_tagged(frame: bytes) -> bool:
    """Whether it is one of the packets that were sent, not an answer that quotes one."""
    is_ipv6 = frame[12:14] == b"\x86\xdd"
    protocol, inner = (frame[20], frame[54:]) if is_ipv6 else (frame[23], frame[34:])
    if protocol in (1, 58) and inner[0] not in (8, 128):
        return False
    return frame[-8:-4] == MARK


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 1 << 32))
def test_the_kernel_and_the_reference_agree(root_dir: Path, seed: int) -> None:
    cloud = Cloud(seed)
    with lab.opened(root_dir) as host, ExitStack() as held:
        told = shapes.host(*cloud.vpcs.values(), egress=True)
        told = replace(told, transit_gateways=tuple(cloud.transit.values()))
        assert host.apply(told) == ()
        _introduce(host, cloud)
        wires = Wires(host, cloud, held)
        sent = {}
        for tag in range(1, PACKETS + 1):
            sender = cloud.random.choice(cloud.interfaces())
            packet = cloud.packet(sender)
            sent[tag] = (
                sender,
                packet,
                packets.trace(cloud.vpcs, sender.id, packet, cloud.transit),
            )
            wires.say(sender.id, encode(packet, tag))
        arriving = {tag: _arrives_at(cloud, said) for tag, (_, _, said) in sent.items()}
        expected = {tag: at for tag, at in arriving.items() if at is not None}
        heard = wires.heard(expected)
    for tag, (sender, packet, said) in sent.items():
        at = heard[tag][0] if tag in heard else None
        assert at == expected.get(tag), f"{sender.id} sent {packet}: {said}, but it came to {at}"
        if tag in heard and said.packet is not None:
            assert _source(heard[tag][1]) == said.packet.source


def _arrives_at(cloud: Cloud, said: Trace) -> str | None:
    """Who hears a packet: an endpoint also what is for none of its ports, and answers nothing."""
    is_heard = said.end is End.ARRIVED or said.at in {one.id for one in cloud.endpoints()}
    return said.at if is_heard else None


def _source(frame: bytes) -> IPv4Address | IPv6Address:
    if frame[12:14] == b"\x86\xdd":
        return IPv6Address(frame[22:38])
    return IPv4Address(frame[26:30])


def _introduce(host: Lab, cloud: Cloud) -> None:
    """Let the router know all MACs: packets that wait for one would come late."""
    for one in cloud.interfaces():
        router = lab.Guest(one, host.layout.vpc_namespace(one.vpc_id))
        for ip in (one.private_ip, *(more.private_ip for more in one.secondary), *one.ipv6s):
            router.run(
                "ip", "neigh", "replace", ip, "lladdr", one.mac, "dev", host.layout.tap(one.id)
            )
    for vpc in cloud.vpcs.values():
        for one in vpc.endpoints:
            router = lab.Guest(vpc.interfaces[0], host.layout.vpc_namespace(vpc.id))
            device = host.layout.nat_link(one.interface_id)
            for ip in (one.private_ip, *one.ipv6s):
                router.run("ip", "neigh", "replace", ip, "lladdr", one.mac, "dev", device)
