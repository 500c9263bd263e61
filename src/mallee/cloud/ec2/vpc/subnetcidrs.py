"""The IPv6 range of a subnet: a /64 of one of its VPC's ranges, given and taken away.

Called through the action table, and by `subnets`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.ipam import given
from mallee.cloud.ec2.vpc import pooledranges, ranges
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.ipam import IPV6
from mallee.model.network.networks import Block, Subnet

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

PREFIX = "subnet-cidr-assoc"
LENGTH = 64

SubnetRecord = Record[Subnet, None]


def add(call: WriteCall, subnet: SubnetRecord, request: Request) -> tuple[SubnetRecord, Block]:
    """Give the subnet its IPv6 range; raise when it is none of its VPC's, or another subnet's."""
    chosen = pooledranges.for_subnet(call, request, IPV6, subnet.doc)
    network = ranges.parse6(chosen.cidr, "ipv6CidrBlock")
    vpc = call.tx.get(records.VPC, subnet.doc.vpc_id)
    whole = [block.cidr for block in vpc.doc.ipv6_cidrs] if vpc else []
    if network.prefixlen != LENGTH or not ranges.is_within(network, whole):
        raise errors.InvalidSubnetRange(chosen.cidr)
    if subnet.doc.ipv6_cidrs:
        raise errors.CidrLimitExceeded(f"subnet '{subnet.id}'", 1)
    taken = [
        block.cidr
        for other in call.tx.by(records.SUBNET, "vpc", subnet.doc.vpc_id)
        for block in other.doc.ipv6_cidrs
    ]
    if ranges.overlapping(network, taken):
        raise errors.SubnetConflict(str(network))
    block = Block(ids.make(PREFIX, call.entropy(ids.ID_BYTES)), str(network))
    subnet = call.tx.write(subnet, replace(subnet.doc, ipv6_cidrs=(block,)))
    pooledranges.note_subnet(call, subnet, chosen)
    return subnet, block


def associate_subnet_cidr_block(
    call: WriteCall, request: shapes.AssociateSubnetCidrBlockRequest
) -> shapes.AssociateSubnetCidrBlockResult:
    """Give a subnet an IPv6 range."""
    subnet = resources.one(call, records.SUBNET, request["SubnetId"])
    _, block = add(call, subnet, request)
    return {"SubnetId": subnet.id, "Ipv6CidrBlockAssociation": shown(block)}


def disassociate_subnet_cidr_block(
    call: WriteCall, request: shapes.DisassociateSubnetCidrBlockRequest
) -> shapes.DisassociateSubnetCidrBlockResult:
    """Take the IPv6 range from a subnet in which no interface has an address of it."""
    id = request["AssociationId"]
    for subnet in call.tx.by(records.SUBNET, "association", id):
        blocks = [block for block in subnet.doc.ipv6_cidrs if block.id == id]
        if subnet.account == call.account and blocks:
            break
    else:
        raise errors.InvalidSubnetCidrBlockAssociationIDNotFound(id)
    for interface in call.tx.by(records.INTERFACE, "subnet", subnet.id):
        if interface.doc.ipv6s or interface.doc.prefixes6:
            raise errors.DependencyViolation(
                f"The IPv6 CIDR block '{blocks[0].cidr}' has dependencies and cannot be "
                "disassociated."
            )
    doc = replace(subnet.doc, ipv6_cidrs=(), assign_ipv6_on_creation=False)
    call.tx.write(subnet, doc)
    given.give_back(call.tx, subnet.id, blocks[0].cidr)
    gone = shown(blocks[0], "disassociating")
    return {"SubnetId": subnet.id, "Ipv6CidrBlockAssociation": gone}


def shown(block: Block, state: str = "associated") -> shapes.SubnetIpv6CidrBlockAssociation:
    """Return an IPv6 range as the API shows it."""
    return {
        "AssociationId": block.id,
        "Ipv6CidrBlock": block.cidr,
        "Ipv6CidrBlockState": {"State": state},
        "IpSource": "amazon",
        "Ipv6AddressAttribute": "public",
    }


def _of(value: Callable[[Block], str]) -> Callable[[Call, SubnetRecord], Iterable[str]]:
    return lambda call, subnet: [value(block) for block in subnet.doc.ipv6_cidrs]


FILTERS: Mapping[str, Callable[[Call, SubnetRecord], Iterable[str]]] = {
    "ipv6-cidr-block-association.ipv6-cidr-block": _of(lambda block: block.cidr),
    "ipv6-cidr-block-association.association-id": _of(lambda block: block.id),
    "ipv6-cidr-block-association.state": _of(lambda block: "associated"),
}
"""DescribeSubnets' filters by IPv6 range."""

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="AssociateSubnetCidrBlock",
        does=Write(handle=associate_subnet_cidr_block),
        honours=frozenset({"SubnetId", "Ipv6CidrBlock", "Ipv6IpamPoolId", "Ipv6NetmaskLength"}),
    ),
    Action(
        service="ec2",
        name="DisassociateSubnetCidrBlock",
        does=Write(handle=disassociate_subnet_cidr_block),
        honours=frozenset({"AssociationId"}),
    ),
)
