"""What becomes of a packet in VPCs, said without a kernel: the reference that hosts are held to.

`trace` follows the first packet of a conversation from an interface of a VPC to where it ends, and
says what it met on its way, or what stopped it. It judges what is wanted (`hosts.VpcWanted`), like
a host does, rule by rule and in plain words instead of sets and tables; a property test sends the
same packets through both. Who asks whether one end reaches another asks here too. Connections that
stand, limits of speed and what guests do with packets that they forward are not its business. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from mallee.model import hosts
from mallee.model.acls import AclEntry
from mallee.model.carried import RouteWanted, Way
from mallee.model.hosts import GroupWanted, InterfaceWanted, SubnetWanted, VpcWanted
from mallee.model.networks import Direction, Rule

Address = IPv4Address | IPv6Address

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
_NUMBERS = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMP6}
_HOPS_MAX = 8
"""Nothing that is set up in earnest passes so many gateways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """The first packet of a conversation."""

    source: Address
    destination: Address
    protocol: int
    destination_port: int = 0
    """For TCP and UDP."""
    icmp_type: int = 0
    icmp_code: int = 0


class End(Enum):
    """How a packet's way ended."""

    ARRIVED = "arrived"
    """An interface received it."""
    SERVICE = "service"
    """It reached a service of the cloud's by a gateway endpoint."""
    WORLD = "world"
    """It left the cloud."""
    SENDER = "sender"
    """It is not from its sender's own addresses."""
    EGRESS = "egress"
    """No egress rule of the sender's groups lets it out."""
    INGRESS = "ingress"
    """No ingress rule of the receiver's groups lets it in."""
    ACL_OUT = "acl-out"
    """The ACL of the subnet that it leaves stops it."""
    ACL_IN = "acl-in"
    """The ACL of the subnet that it comes to stops it."""
    NO_ROUTE = "no-route"
    """The subnet's table leads it nowhere."""
    NOBODY = "nobody"
    """Nobody has the address."""
    NO_PUBLIC_ADDRESS = "no-public-address"
    """It may leave by an internet gateway only from a public address."""
    CHECKED = "checked"
    """It was led to an interface that takes only what is for itself."""
    CLOSED = "closed"
    """The world may begin no conversation there: no internet gateway leads out of the subnet."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a packet's way ended, and what it met: ids, in order."""

    end: End
    at: str
    """Id of what received it, or of what stopped it."""
    met: tuple[str, ...] = ()
    packet: Packet | None = None
    """As it was at the end: addresses are translated on the way."""


@dataclass(frozen=True, slots=True)
class _Journey:
    """A packet on its way."""

    vpcs: Mapping[str, VpcWanted]
    packet: Packet
    met: tuple[str, ...] = ()

    def past(self, id: str) -> "_Journey":
        """The journey after it met something."""
        return replace(self, met=(*self.met, id))

    def ends(self, end: End, at: str) -> Trace:
        """The trace of a journey that ends here."""
        return Trace(end, at, self.met, self.packet)

    def is_lost(self, speaker: "_Speaker") -> Trace:
        """The trace of a journey that its subnet's table leads nowhere."""
        return self.ends(End.NO_ROUTE, speaker.subnet.route_table_id)


@dataclass(frozen=True, slots=True)
class _Speaker:
    """What stands in a subnet: an interface, or a NAT gateway."""

    id: str
    vpc: VpcWanted
    subnet: SubnetWanted
    ips: tuple[str, ...]
    interface: InterfaceWanted | None = None

    def has(self, address: Address) -> bool:
        """Whether the address is one of its own, or of a range that is led to it."""
        return any(address in ip_network(ip) for ip in self.ips)


def trace(vpcs: Mapping[str, VpcWanted], interface_id: str, packet: Packet) -> Trace:
    """Follow a packet that an interface's guest sends; `vpcs` are all of the cloud, by id."""
    everybody = (one for vpc in vpcs.values() for one in _speakers(vpc))
    speaker = next(one for one in everybody if one.id == interface_id)
    interface, journey = speaker.interface, _Journey(vpcs, packet)
    assert interface is not None
    if interface.source_dest_check and not speaker.has(packet.source):
        return journey.ends(End.SENDER, speaker.id)
    if not _lets(interface, speaker.vpc, packet, Direction.EGRESS):
        return journey.ends(End.EGRESS, speaker.id)
    return _leave(journey, speaker)


def _speakers(vpc: VpcWanted) -> Iterator[_Speaker]:
    subnets = {subnet.id: subnet for subnet in vpc.subnets}
    for one in vpc.interfaces:
        more = (address.private_ip for address in one.secondary)
        ips = (one.private_ip, *more, *one.ipv6s, *one.prefixes)
        yield _Speaker(one.id, vpc, subnets[one.subnet_id], ips, one)
    for one in vpc.nat_gateways:
        ips = tuple(address.private_ip for address in one.addresses)
        yield _Speaker(one.id, vpc, subnets[one.subnet_id], ips)


def _leave(journey: _Journey, speaker: _Speaker) -> Trace:
    """Follow a packet that leaves its sender."""
    route = _route(speaker, journey.packet.destination)
    if len(journey.met) >= _HOPS_MAX:
        return journey.is_lost(speaker)
    if route is None:
        return _deliver(journey, speaker, speaker.vpc)
    match route.way:
        case Way.INTERNET | Way.EGRESS_ONLY:
            return _leave_vpc(journey, speaker, route)
        case Way.NAT:
            return _by_gateway(journey, speaker, route)
        case Way.INTERFACE:
            return _to_router(journey, speaker, route)
        case Way.PEERING:
            return _by_peering(journey, speaker, route)
        case Way.ENDPOINT:
            return _to_services(journey, speaker, route)
        case Way.BLACKHOLE:
            return journey.is_lost(speaker)


def _route(speaker: _Speaker, destination: Address) -> RouteWanted | None:
    """The route that a packet takes; None: it stays inside the VPC."""
    subnet, vpc = speaker.subnet, speaker.vpc
    own = [cidr for cidr in (subnet.cidr, subnet.ipv6_cidr) if cidr]
    if any(destination in ip_network(cidr) for cidr in own):
        return None
    local = [ip_network(one) for one in (vpc.cidr, *vpc.more_cidrs, *vpc.ipv6_cidrs)]
    widths = [one.prefixlen for one in local if destination in one]
    fitting = [one for one in _routes(speaker) if destination in ip_network(one.cidr)]
    best = max(fitting, key=lambda one: ip_network(one.cidr).prefixlen, default=None)
    if widths and (best is None or ip_network(best.cidr).prefixlen <= max(widths)):
        return None
    return best or RouteWanted("", Way.BLACKHOLE)


def _routes(speaker: _Speaker) -> tuple[RouteWanted, ...]:
    id = speaker.subnet.route_table_id
    if not id:
        return (RouteWanted("0.0.0.0/0", Way.INTERNET), RouteWanted("::/0", Way.INTERNET))
    return next((table.routes for table in speaker.vpc.route_tables if table.id == id), ())


def _deliver(journey: _Journey, sender: _Speaker | None, vpc: VpcWanted) -> Trace:
    """Bring a packet to who has its destination in a VPC; no sender: it comes from beyond."""
    destination = journey.packet.destination
    receiver = next((one for one in _speakers(vpc) if one.has(destination)), None)
    if receiver is None:
        return journey.ends(End.NOBODY, str(destination))
    stopped = _cross(journey, sender, receiver)
    return stopped or _receive(journey, receiver, is_from_world=False)


def _cross(journey: _Journey, sender: _Speaker | None, receiver: _Speaker | None) -> Trace | None:
    """Judge the borders between two subnets, one of which may be beyond the VPC."""
    if sender and receiver and sender.subnet.id == receiver.subnet.id:
        return None
    if sender and not _acl_lets(sender, journey.packet, is_egress=True):
        return journey.ends(End.ACL_OUT, sender.subnet.acl_id)
    if receiver and not _acl_lets(receiver, journey.packet, is_egress=False):
        return journey.ends(End.ACL_IN, receiver.subnet.acl_id)
    return None


def _receive(journey: _Journey, receiver: _Speaker, *, is_from_world: bool) -> Trace:
    interface = receiver.interface
    if interface is None:
        # A NAT gateway takes nothing that nobody behind it asked for.
        return journey.ends(End.NOBODY, receiver.id)
    if is_from_world and journey.packet.destination.version == 6 and not _is_open6(receiver):
        return journey.ends(End.CLOSED, receiver.id)
    if not _lets(interface, receiver.vpc, journey.packet, Direction.INGRESS):
        return journey.ends(End.INGRESS, receiver.id)
    return journey.ends(End.ARRIVED, receiver.id)


# Gateways


def _leave_vpc(journey: _Journey, speaker: _Speaker, route: RouteWanted) -> Trace:
    is_ipv6, vpc = journey.packet.destination.version == 6, speaker.vpc
    is_there = vpc.has_internet_gateway if route.way is Way.INTERNET else is_ipv6
    if not is_there:
        return journey.is_lost(speaker)
    stopped = _cross(journey, speaker, None)
    if stopped is not None:
        return stopped
    journey = journey.past(route.target_id or "internet")
    source = journey.packet.source
    if not is_ipv6:
        public = _published(vpc).get(source)
        if public is None:
            return journey.ends(End.NO_PUBLIC_ADDRESS, speaker.id)
        journey = replace(journey, packet=replace(journey.packet, source=public))
    elif not any(source in ip_network(cidr) for cidr in vpc.ipv6_cidrs):
        return journey.ends(End.SENDER, speaker.id)
    entered = (_enter(journey, one) for one in journey.vpcs.values())
    return next((one for one in entered if one is not None), journey.ends(End.WORLD, ""))


def _enter(journey: _Journey, vpc: VpcWanted) -> Trace | None:
    """Follow a packet from the world into a VPC; None: it is not for this one."""
    destination = journey.packet.destination
    if destination.version == 6:
        if not any(destination in ip_network(cidr) for cidr in vpc.ipv6_cidrs):
            return None
    else:
        by_public = {public: private for private, public in _published(vpc).items()}
        if destination not in by_public:
            return None
        destination = by_public[destination]
        journey = replace(journey, packet=replace(journey.packet, destination=destination))
    receiver = next((one for one in _speakers(vpc) if one.has(destination)), None)
    if receiver is None:
        return journey.ends(End.NOBODY, str(destination))
    stopped = _cross(journey, None, receiver)
    return stopped or _receive(journey, receiver, is_from_world=True)


def _is_open6(speaker: _Speaker) -> bool:
    leads = any(one.way is Way.INTERNET and ":" in one.cidr for one in _routes(speaker))
    return leads and speaker.vpc.has_internet_gateway


def _published(vpc: VpcWanted) -> dict[Address, Address]:
    """Public addresses by private ones; there are none without an internet gateway."""
    pairs = [(one.private_ip, one.public_ip) for one in vpc.interfaces]
    pairs += [(more.private_ip, more.public_ip) for one in vpc.interfaces for more in one.secondary]
    pairs += [(one.private_ip, one.public_ip) for nat in vpc.nat_gateways for one in nat.addresses]
    held = pairs if vpc.has_internet_gateway else []
    return {ip_address(private): ip_address(public) for private, public in held if public}


def _by_gateway(journey: _Journey, speaker: _Speaker, route: RouteWanted) -> Trace:
    gateway = next((one for one in _speakers(speaker.vpc) if one.id == route.target_id), None)
    if gateway is None or journey.packet.destination.version == 6 or gateway.id == speaker.id:
        return journey.is_lost(speaker)
    stopped = _cross(journey, speaker, gateway)
    if stopped is not None:
        return stopped
    hidden = replace(journey.packet, source=ip_address(gateway.ips[0]))
    return _leave(replace(journey.past(gateway.id), packet=hidden), gateway)


def _to_router(journey: _Journey, speaker: _Speaker, route: RouteWanted) -> Trace:
    router = next((one for one in _speakers(speaker.vpc) if one.id == route.target_id), None)
    if router is None or router.interface is None:
        return journey.is_lost(speaker)
    is_spoken = journey.packet.destination.version == 4 or bool(router.interface.ipv6s)
    if router.interface.source_dest_check or not is_spoken:
        return journey.ends(End.CHECKED, router.id)
    stopped = _cross(journey, speaker, router)
    return stopped or _receive(journey, router, is_from_world=False)


def _to_services(journey: _Journey, speaker: _Speaker, route: RouteWanted) -> Trace:
    packet = journey.packet
    is_served = packet.protocol == TCP and packet.destination_port in hosts.SERVICE_PORTS
    if not is_served or packet.destination.version == 6:
        return journey.is_lost(speaker)
    return journey.ends(End.SERVICE, route.target_id)


def _by_peering(journey: _Journey, speaker: _Speaker, route: RouteWanted) -> Trace:
    peering = next((one for one in speaker.vpc.peerings if one.id == route.target_id), None)
    peer = journey.vpcs.get(peering.peer_vpc_id) if peering else None
    if peering is None or peer is None:
        return journey.is_lost(speaker)
    stopped = _cross(journey, speaker, None)
    if stopped is not None:
        return stopped
    journey = journey.past(peering.id)
    known = [cidr for one in peer.peerings if one.id == peering.id for cidr in one.peer_cidrs]
    if not any(journey.packet.source in ip_network(cidr) for cidr in known):
        return journey.ends(End.SENDER, peering.id)
    return _deliver(journey, None, peer)


# Rules


def _lets(interface: InterfaceWanted, vpc: VpcWanted, packet: Packet, direction: Direction) -> bool:
    groups = {group.id: group for group in vpc.groups}
    peer = packet.source if direction is Direction.INGRESS else packet.destination
    return any(
        rule.direction is direction and _fits(rule, packet) and _names(rule, peer, groups)
        for id in interface.group_ids
        if id in groups
        for rule in groups[id].rules
    )


def _names(rule: Rule, peer: Address, groups: Mapping[str, GroupWanted]) -> bool:
    if rule.group_id is not None:
        group = groups.get(rule.group_id)
        members = (*group.member_ips, *group.member_ip6s) if group else ()
        return any(peer in ip_network(member, strict=False) for member in members)
    cidr = rule.cidr or rule.cidr6
    return cidr is not None and peer in ip_network(cidr, strict=False)


def _fits(rule: Rule, packet: Packet) -> bool:
    number = _NUMBERS[rule.protocol] if rule.protocol in _NUMBERS else int(rule.protocol)
    if number < 0:
        return True
    if number != packet.protocol:
        return False
    if number in (TCP, UDP):
        is_whole = rule.from_port <= 0 and rule.to_port in (-1, 65535)
        return is_whole or rule.from_port <= packet.destination_port <= rule.to_port
    if number in (ICMP, ICMP6):
        is_kind = rule.from_port in (-1, packet.icmp_type)
        return is_kind and (rule.from_port < 0 or rule.to_port in (-1, packet.icmp_code))
    return True


def _acl_lets(speaker: _Speaker, packet: Packet, *, is_egress: bool) -> bool:
    acl = next((one for one in speaker.vpc.acls if one.id == speaker.subnet.acl_id), None)
    if acl is None:
        return True
    peer = packet.destination if is_egress else packet.source
    entries = sorted(acl.entries, key=lambda one: one.number)
    for entry in entries:
        if entry.is_egress is is_egress and _entry_fits(entry, packet, peer):
            return entry.is_allowed
    return False


def _entry_fits(entry: AclEntry, packet: Packet, peer: Address) -> bool:
    cidr = entry.cidr or entry.cidr6 or ""
    if not cidr or peer not in ip_network(cidr, strict=False):
        return False
    number = int(entry.protocol)
    if number not in (-1, packet.protocol):
        return False
    if number in (TCP, UDP):
        return entry.from_port <= packet.destination_port <= entry.to_port
    if number in (ICMP, ICMP6):
        is_kind = entry.icmp_type in (-1, packet.icmp_type)
        return is_kind and (entry.icmp_type < 0 or entry.icmp_code in (-1, packet.icmp_code))
    return True
