"""VPCs under test with everything in them: several subnets, tables, gateways, both families.

VPC `n` is 10.n.0.0/16 and fd00:n::/56; its subnet `m` is 10.n.m.0/24 and fd00:n:0:m::/64. What a
test does not say is as AWS has it by default, but groups: they let nothing pass.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from mallee.model.hosts.hosts import (
    GroupWanted,
    HostWanted,
    InterfaceWanted,
    SubnetWanted,
    VpcWanted,
)
from mallee.model.network.acls import AclEntry
from mallee.model.network.carried import (
    AclWanted,
    AddressWanted,
    AttachmentWanted,
    EndpointWanted,
    NatGatewayWanted,
    PeeringWanted,
    RouteTableWanted,
    RouteWanted,
    TransitGatewayWanted,
    TransitPortWanted,
    TransitRouteWanted,
    TransitTableWanted,
    Way,
)
from mallee.model.network.networks import Direction, Rule
from tests.node import lab

OPEN = "sg-00000000000000001"
"""A group that lets everything pass, both ways."""
OUT = "sg-00000000000000002"
"""A group that lets everything out, and in what is asked for."""

ALL_OUT = (
    Rule(id="out", direction=Direction.EGRESS, protocol="-1", cidr="0.0.0.0/0"),
    Rule(id="out6", direction=Direction.EGRESS, protocol="-1", cidr6="::/0"),
)
ALL_IN = (
    Rule(id="in", direction=Direction.INGRESS, protocol="-1", cidr="0.0.0.0/0"),
    Rule(id="in6", direction=Direction.INGRESS, protocol="-1", cidr6="::/0"),
)
RULES = {OPEN: (*ALL_OUT, *ALL_IN), OUT: ALL_OUT}


def subnet(number: int, vpc: int = 0, *, table: str = "", acl: str = "") -> SubnetWanted:
    """Subnet `number` of VPC `vpc`, with both families."""
    return SubnetWanted(
        id=f"subnet-{vpc:08x}{number:09x}",
        cidr=f"10.{vpc}.{number}.0/24",
        ipv6_cidr=f"fd00:{vpc}:0:{number}::/64",
        route_table_id=table,
        acl_id=acl,
    )


def interface(
    number: int, *groups: str, inside: SubnetWanted, **changes: object
) -> InterfaceWanted:
    """Interface `number` of a subnet, at the address that ends in the number."""
    vpc, subnet_number = (int(part) for part in inside.cidr.split(".")[1:3])
    ip = f"10.{vpc}.{subnet_number}.{number}"
    made = InterfaceWanted(
        id=f"eni-{vpc:04x}{subnet_number:04x}{number:04x}00000",
        instance_id=f"i-{vpc:04x}{subnet_number:04x}{number:04x}00000",
        vpc_id=vpc_id(vpc),
        subnet_id=inside.id,
        device_index=0,
        mac=f"02:00:00:{vpc:02x}:{subnet_number:02x}:{number:02x}",
        private_ip=ip,
        public_ip=None,
        group_ids=groups,
        hostname=f"ip-{ip.replace('.', '-')}",
        ipv6s=(f"fd00:{vpc}:0:{subnet_number}::{number}",),
    )
    return replace(made, **changes)


def vpc_id(number: int) -> str:
    """The id of VPC `number`."""
    return f"vpc-{number:017x}"


def vpc(
    number: int,
    subnets: Iterable[SubnetWanted],
    interfaces: Iterable[InterfaceWanted],
    rules: dict[str, tuple[Rule, ...]] | None = None,
    **changes: object,
) -> VpcWanted:
    """VPC `number`; members of groups follow from the interfaces."""
    held = tuple(interfaces)
    made = VpcWanted(
        id=vpc_id(number),
        cidr=f"10.{number}.0.0/16",
        link_index=number,
        subnets=tuple(subnets),
        groups=tuple(
            GroupWanted(
                id=id,
                rules=meant,
                member_ips=members(id, held),
                member_ip6s=tuple(ip for one in held if id in one.group_ids for ip in one.ipv6s),
            )
            for id, meant in (RULES if rules is None else rules).items()
        ),
        interfaces=held,
        ipv6_cidrs=(f"fd00:{number}::/56",),
    )
    return replace(made, **changes)


def members(group: str, interfaces: Iterable[InterfaceWanted]) -> tuple[str, ...]:
    """The IPv4 addresses of those that wear the group."""
    worn = [one for one in interfaces if group in one.group_ids]
    more = [address.private_ip for one in worn for address in one.secondary]
    return tuple(sorted([one.private_ip for one in worn] + more))


def host(*vpcs: VpcWanted, egress: bool = False) -> HostWanted:
    """A host with these VPCs."""
    wanted = lab.make_wanted(*vpcs, egress=egress)
    return replace(wanted, private_range="10.0.0.0/8", ipv6_range="fd00::/16")


def table(id: str, *routes: tuple[str, Way, str]) -> RouteTableWanted:
    """A route table: destination, way, id of the target."""
    return RouteTableWanted(id, tuple(RouteWanted(*route) for route in routes))


def nat_gateway(number: int, inside: SubnetWanted, public: str | None) -> NatGatewayWanted:
    """A NAT gateway at the address that ends in the number."""
    vpc_number, subnet_number = (int(part) for part in inside.cidr.split(".")[1:3])
    ip = f"10.{vpc_number}.{subnet_number}.{number}"
    return NatGatewayWanted(
        id=f"nat-{vpc_number:08x}{number:09x}",
        interface_id=f"eni-{vpc_number:04x}{subnet_number:04x}{number:04x}0000a",
        subnet_id=inside.id,
        mac=f"02:00:01:{vpc_number:02x}:{subnet_number:02x}:{number:02x}",
        addresses=(AddressWanted(private_ip=ip, public_ip=public),),
    )


def endpoint(number: int, inside: SubnetWanted, *groups: str) -> EndpointWanted:
    """An interface endpoint at the addresses that end in the number; no name means it."""
    vpc_number, subnet_number = (int(part) for part in inside.cidr.split(".")[1:3])
    return EndpointWanted(
        id=f"vpce-{vpc_number:08x}{number:09x}",
        interface_id=f"eni-{vpc_number:04x}{subnet_number:04x}{number:04x}0000e",
        subnet_id=inside.id,
        mac=f"02:00:02:{vpc_number:02x}:{subnet_number:02x}:{number:02x}",
        private_ip=f"10.{vpc_number}.{subnet_number}.{number}",
        ipv6s=(f"fd00:{vpc_number}:0:{subnet_number}::{number}",),
        group_ids=groups,
    )


def peering(one: int, other: int, *, seen_from: int) -> PeeringWanted:
    """The peering of two VPCs, as one of them has it."""
    peer = other if seen_from == one else one
    return PeeringWanted(
        id=f"pcx-{one:08x}{other:09x}",
        peer_vpc_id=vpc_id(peer),
        peer_link_index=peer,
        peer_cidrs=(f"10.{peer}.0.0/16", f"fd00:{peer}::/56"),
    )


def attachment_id(gateway: int, vpc: int) -> str:
    """The id of the attachment of a VPC to a transit gateway."""
    return f"tgw-attach-{gateway:06x}{vpc:06x}00000"


def transit_id(gateway: int) -> str:
    """The id of a transit gateway."""
    return f"tgw-{gateway:017x}"


def attachment(gateway: int, inside: SubnetWanted) -> AttachmentWanted:
    """The attachment of a subnet's VPC to a transit gateway, as the VPC has it."""
    vpc_number = int(inside.cidr.split(".")[1])
    return AttachmentWanted(
        id=attachment_id(gateway, vpc_number),
        gateway_id=transit_id(gateway),
        subnet_id=inside.id,
    )


def port(gateway: int, vpc: int, table: str) -> TransitPortWanted:
    """The same as the gateway has it, associated with a table of the gateway's."""
    id = attachment_id(gateway, vpc)
    return TransitPortWanted(id=id, table_id=table, vpc_id=vpc_id(vpc))


def peer_ports(one: int, other: int, tables: tuple[str, str]) -> tuple[TransitPortWanted, ...]:
    """Both ends of the peering of two transit gateways."""
    id = attachment_id(one, 0xF00 + other)
    return tuple(
        TransitPortWanted(id=id, table_id=table, peer_id=transit_id(peer), peer_link_index=peer)
        for table, peer in zip(tables, (other, one), strict=True)
    )


def transit_table(id: str, *routes: tuple[str, str]) -> TransitTableWanted:
    """A route table of a transit gateway: destination, id of the attachment."""
    return TransitTableWanted(id, tuple(TransitRouteWanted(*route) for route in routes))


def transit_gateway(
    number: int, ports: Iterable[TransitPortWanted], *tables: TransitTableWanted
) -> TransitGatewayWanted:
    """A transit gateway."""
    return TransitGatewayWanted(
        id=transit_id(number), link_index=number, ports=tuple(ports), tables=tables
    )


def acl(id: str, *entries: AclEntry) -> AclWanted:
    """A network ACL."""
    return AclWanted(id, entries)


def entry(number: int, allowed: str, protocol: str = "-1", **more: object) -> AclEntry:
    """An entry: `in allow`, `out deny`…; for the whole world of IPv4 unless said otherwise."""
    side, _, verdict = allowed.partition(" ")
    made = AclEntry(
        number=number, is_egress=side == "out", is_allowed=verdict == "allow", protocol=protocol
    )
    where = {} if "cidr6" in more else {"cidr": "0.0.0.0/0"}
    return replace(made, **(where | more))
