"""What stands in a VPC's subnets and can be spoken to, and what its subnet's table says to it.

Part of the reference evaluator: `packets` follows a packet from one to another. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from mallee.model.hosts.hosts import InterfaceWanted, SubnetWanted, VpcWanted
from mallee.model.network.carried import (
    BEFORE_LOCAL,
    AttachmentWanted,
    EndpointWanted,
    PublicAccess,
    RouteWanted,
    Way,
)
from mallee.model.packets.hops import Address, Hop, HopKind, LocalRoute, Packet


@dataclass(frozen=True, slots=True)
class Speaker:
    """What stands in a subnet: an interface, one of an endpoint, a NAT gateway, an attachment."""

    id: str
    vpc: VpcWanted
    subnet: SubnetWanted
    ips: tuple[str, ...]
    interface: InterfaceWanted | None = None
    endpoint: EndpointWanted | None = None
    attachment: AttachmentWanted | None = None
    """To a transit gateway: what goes there never stays inside its subnet."""
    host_id: str = ""
    """Which other host carries it: there is judged what lets it send, or lets packets come to it;
    empty: this one does."""
    takes_others: bool = False
    """Of one that another host carries: whether it takes packets that are not for itself."""

    @property
    def is_router(self) -> bool:
        """Whether it is an interface that takes packets that are not for itself."""
        return self.takes_others or (
            self.interface is not None and not self.interface.source_dest_check
        )

    def has(self, address: Address) -> bool:
        """Whether the address is one of its own, or of a range that is led to it."""
        return any(address in ip_network(ip) for ip in self.ips)

    def hop(self, kind: HopKind, id: str, packet: Packet) -> Hop:
        """Something that a packet meets on this one's side."""
        own = self.id if self.interface or self.endpoint else ""
        return Hop(
            kind=kind,
            id=id,
            vpc_id=self.vpc.id,
            subnet_id=self.subnet.id,
            interface_id=own,
            packet=packet,
        )


def find(vpcs: Mapping[str, VpcWanted], id: str) -> Speaker:
    """Return who has that interface, or is that NAT gateway."""
    everybody = (one for vpc in vpcs.values() for one in of_vpc(vpc))
    return next(one for one in everybody if one.id == id)


def of_vpc(vpc: VpcWanted) -> Iterator[Speaker]:
    """Yield everybody in a VPC."""
    subnets = {subnet.id: subnet for subnet in vpc.subnets}
    for one in vpc.interfaces:
        more = (address.private_ip for address in one.secondary)
        ips = (one.private_ip, *more, *one.ipv6s, *one.prefixes)
        yield Speaker(one.id, vpc, subnets[one.subnet_id], ips, one)
    for one in vpc.nat_gateways:
        ips = tuple(address.private_ip for address in one.addresses)
        yield Speaker(one.id, vpc, subnets[one.subnet_id], ips)
    for one in vpc.endpoints:
        ips = (one.private_ip, *one.ipv6s)
        yield Speaker(one.interface_id, vpc, subnets[one.subnet_id], ips, endpoint=one)
    yield from _of_other_hosts(vpc)


def _of_other_hosts(vpc: VpcWanted) -> Iterator[Speaker]:
    for far in vpc.far:
        for one in far.interfaces:
            first = ip_address(one.ips[0])
            homes = (subnet for subnet in vpc.subnets if first in ip_network(subnet.cidr))
            home = next(homes, None)
            if home is not None:
                ips, routes = (*one.ips, *one.ip6s), not one.source_dest_check
                yield Speaker(one.id, vpc, home, ips, host_id=far.host_id, takes_others=routes)


def of_afar(vpc: VpcWanted, subnet_id: str) -> Speaker | None:
    """Return who sends from a subnet on another host, whoever it is; None: nobody of the VPC."""
    home = next((one for one in vpc.subnets if one.id == subnet_id), None)
    return Speaker("", vpc, home, (), host_id="another") if home is not None else None


def of_attachment(vpc: VpcWanted, attachment: AttachmentWanted) -> Speaker:
    """Return what stands in a VPC for its attachment to a transit gateway."""
    subnet = next(one for one in vpc.subnets if one.id == attachment.subnet_id)
    return Speaker(attachment.id, vpc, subnet, (), attachment=attachment)


def gateway_route(vpc: VpcWanted, destination: Address) -> RouteWanted | LocalRoute | None:
    """The route that a packet from the world takes; None: nothing has a say but who has it."""
    if not vpc.gateway_table_id:
        return None
    held = (table.routes for table in vpc.route_tables if table.id == vpc.gateway_table_id)
    return _best(vpc, next(held, ()), destination)


def route(speaker: Speaker, destination: Address) -> RouteWanted | LocalRoute | None:
    """The route that a packet takes; None: it stays inside its subnet, and no table is asked."""
    subnet, vpc = speaker.subnet, speaker.vpc
    own = [cidr for cidr in (subnet.cidr, subnet.ipv6_cidr) if cidr]
    if any(destination in ip_network(cidr) for cidr in own):
        return None
    return _best(vpc, _routes(speaker), destination)


def _best(
    vpc: VpcWanted, routes: tuple[RouteWanted, ...], destination: Address
) -> RouteWanted | LocalRoute:
    """The longest prefix; of a local route's very range what may stand in its place."""
    ranges = [ip_network(one) for one in (vpc.cidr, *vpc.more_cidrs, *vpc.ipv6_cidrs)]
    local = max(
        (one for one in ranges if destination in one), key=lambda one: one.prefixlen, default=None
    )
    fitting = [one for one in routes if destination in ip_network(one.cidr)]
    best = max(fitting, key=lambda one: ip_network(one.cidr).prefixlen, default=None)
    if best is None:
        return LocalRoute(str(local)) if local else RouteWanted("", Way.BLACKHOLE)
    length = ip_network(best.cidr).prefixlen
    if local and (
        length < local.prefixlen or (length == local.prefixlen and best.way not in BEFORE_LOCAL)
    ):
        return LocalRoute(str(local))
    return best


def _routes(speaker: Speaker) -> tuple[RouteWanted, ...]:
    id = speaker.subnet.route_table_id
    if not id:
        return (RouteWanted("0.0.0.0/0", Way.INTERNET), RouteWanted("::/0", Way.INTERNET))
    return next((table.routes for table in speaker.vpc.route_tables if table.id == id), ())


def is_open6(speaker: Speaker) -> bool:
    """Tell whether the world may begin conversations with it over IPv6, as far as groups let it."""
    if speaker.endpoint is not None:
        # An endpoint is for who is inside.
        return False
    leads = any(one.way is Way.INTERNET and ":" in one.cidr for one in _routes(speaker))
    return leads and speaker.vpc.has_internet_gateway


def published(vpc: VpcWanted) -> dict[Address, Address]:
    """Public addresses by private ones; there are none without an internet gateway."""
    pairs = [(one.private_ip, one.public_ip) for one in vpc.interfaces]
    pairs += [(more.private_ip, more.public_ip) for one in vpc.interfaces for more in one.secondary]
    pairs += [(one.private_ip, one.public_ip) for nat in vpc.nat_gateways for one in nat.addresses]
    pairs += [
        (pair.private_ip, pair.public_ip)
        for far in vpc.far
        for one in far.interfaces
        for pair in one.published
    ]
    held = pairs if vpc.has_internet_gateway else []
    return {ip_address(private): ip_address(public) for private, public in held if public}


def is_blocked(speaker: Speaker, *, is_ipv6: bool) -> bool:
    """Tell whether not even what it begins itself may pass an internet gateway."""
    match speaker.subnet.public_access:
        case PublicAccess.OPEN | PublicAccess.OUTWARD:
            return False
        case PublicAccess.CLOSED:
            return True
        case PublicAccess.GATEWAYS:
            if not is_ipv6:
                own = (speaker.interface, speaker.endpoint)
                return bool(speaker.host_id) or any(one is not None for one in own)
            led = {one.way for one in _routes(speaker) if ":" in one.cidr}
            return Way.EGRESS_ONLY not in led or Way.INTERNET in led
