"""The ranges of a VPC besides its first one: added and taken away, IPv4 and IPv6.

Called through the action table, and by `vpcs` to show them. IPv6 ranges are parts of the cloud's
own range, each of which one VPC has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.vpc import networkacls, peerings, ranges
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.networks import Block, Vpc
from mallee.model.settings import IPV6_OF_A_VPC

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

PREFIX = "vpc-cidr-assoc"
MAX_IPV4, MAX_IPV6 = 5, 5
IPV6_RANGES = "vpc-ipv6"
"""Claim space of the IPv6 ranges that VPCs have."""

VpcRecord = Record[Vpc, None]


def blocks(vpc: Vpc) -> tuple[Block, ...]:
    """Return all IPv4 ranges with their associations' ids, the first one first."""
    return (Block(PREFIX + "-" + vpc.id.removeprefix("vpc-"), vpc.cidr), *vpc.more_cidrs)


def associate_vpc_cidr_block(
    call: WriteCall, request: shapes.AssociateVpcCidrBlockRequest
) -> shapes.AssociateVpcCidrBlockResult:
    """Give a VPC one more range: the one asked for, or an IPv6 range of the cloud's."""
    vpc = resources.one(call, records.VPC, request["VpcId"])
    cidr, wants_ipv6 = request.get("CidrBlock"), request.get("AmazonProvidedIpv6CidrBlock")
    if bool(wants_ipv6) == (cidr is not None):
        raise errors.InvalidParameterCombination(
            "Exactly one of cidrBlock and amazonProvidedIpv6CidrBlock must be given."
        )
    if cidr is None:
        _, block = add_ipv6(call, vpc)
        return {"VpcId": vpc.id, "Ipv6CidrBlockAssociation": shown6(call, block)}
    block = _add_ipv4(call, vpc, cidr)
    return {"VpcId": vpc.id, "CidrBlockAssociation": shown(call, block)}


def _add_ipv4(call: WriteCall, vpc: VpcRecord, text: str) -> Block:
    network = ranges.of_vpc(text, call.settings.network.public_range)
    if not ranges.goes_with(network, IPv4Network(vpc.doc.cidr)):
        raise errors.InvalidVpcRange(text)
    if ranges.overlapping(network, (*vpc.doc.cidrs, *_of_peers(call, vpc))):
        raise errors.CidrConflict(str(network))
    if len(vpc.doc.cidrs) >= MAX_IPV4:
        raise errors.CidrLimitExceeded(f"network '{vpc.id}'", MAX_IPV4)
    block = Block(ids.make(PREFIX, call.entropy(ids.ID_BYTES)), str(network))
    call.tx.write(vpc, replace(vpc.doc, more_cidrs=(*vpc.doc.more_cidrs, block)))
    return block


def _of_peers(call: WriteCall, vpc: VpcRecord) -> Iterable[str]:
    """Yield the ranges of VPCs that are peered with this one: none may be in both."""
    for peering in peerings.open_of(call.tx, vpc.id, call.now):
        for end in (peering.doc.requester, peering.doc.accepter):
            peer = call.tx.get(records.VPC, end.vpc_id)
            if peer is not None and peer.id != vpc.id:
                yield from peer.doc.cidrs


def add_ipv6(call: WriteCall, vpc: VpcRecord) -> tuple[VpcRecord, Block]:
    """Give the VPC a part of the cloud's IPv6 range that nobody has."""
    text = call.settings.network.ipv6_range
    if not text:
        raise errors.UnsupportedOperation(
            "This cloud has no IPv6 range to give: network.ipv6_range is empty."
        )
    if len(vpc.doc.ipv6_cidrs) >= MAX_IPV6:
        raise errors.CidrLimitExceeded(f"network '{vpc.id}'", MAX_IPV6)
    whole = IPv6Network(text)
    count = 1 << (IPV6_OF_A_VPC - whole.prefixlen)
    for index in range(min(count, call.tx.total(IPV6_RANGES) + 1)):
        first = int(whole.network_address) + (index << (128 - IPV6_OF_A_VPC))
        cidr = str(IPv6Network((first, IPV6_OF_A_VPC)))
        if call.tx.owner_of(IPV6_RANGES, cidr) is None:
            call.tx.claim(IPV6_RANGES, cidr, vpc.id)
            block = Block(ids.make(PREFIX, call.entropy(ids.ID_BYTES)), cidr)
            doc = replace(vpc.doc, ipv6_cidrs=(*vpc.doc.ipv6_cidrs, block))
            networkacls.admit_ipv6(call.tx, vpc.id)
            return call.tx.write(vpc, doc), block
    raise errors.InsufficientAddressCapacity(f"The cloud's IPv6 range {text} is used up.")


def disassociate_vpc_cidr_block(
    call: WriteCall, request: shapes.DisassociateVpcCidrBlockRequest
) -> shapes.DisassociateVpcCidrBlockResult:
    """Take a range from a VPC in which no subnet has a part of it."""
    id = request["AssociationId"]
    vpc, block = _find(call, id)
    if block == blocks(vpc.doc)[0]:
        raise errors.OperationNotPermitted(
            f"The vpc CIDR block with association ID {id} may not be disassociated. It is the "
            "primary IPv4 CIDR block of the VPC"
        )
    taken = [
        cidr
        for subnet in call.tx.by(records.SUBNET, "vpc", vpc.id)
        for cidr in (subnet.doc.cidr, *(it.cidr for it in subnet.doc.ipv6_cidrs))
    ]
    if any(ranges.is_within(ranges.parsed(cidr), (block.cidr,)) for cidr in taken):
        raise errors.DependencyViolation(
            f"The vpc CIDR block '{block.cidr}' has dependencies and cannot be disassociated."
        )
    gone = "disassociating"
    if ":" not in block.cidr:
        left = tuple(it for it in vpc.doc.more_cidrs if it != block)
        call.tx.write(vpc, replace(vpc.doc, more_cidrs=left))
        return {"VpcId": vpc.id, "CidrBlockAssociation": shown(call, block, gone)}
    left = tuple(it for it in vpc.doc.ipv6_cidrs if it != block)
    call.tx.write(vpc, replace(vpc.doc, ipv6_cidrs=left))
    call.tx.release(IPV6_RANGES, block.cidr)
    return {"VpcId": vpc.id, "Ipv6CidrBlockAssociation": shown6(call, block, gone)}


def _find(call: WriteCall, id: str) -> tuple[VpcRecord, Block]:
    for vpc in call.tx.by(records.VPC, "association", id):
        if vpc.account == call.account:
            for block in (*blocks(vpc.doc), *vpc.doc.ipv6_cidrs):
                if block.id == id:
                    return vpc, block
    raise errors.InvalidVpcCidrBlockAssociationIDNotFound(id)


def shown(call: Call, block: Block, state: str = "associated") -> shapes.VpcCidrBlockAssociation:
    """Return an IPv4 range as the API shows it."""
    return {
        "AssociationId": block.id,
        "CidrBlock": block.cidr,
        "CidrBlockState": {"State": state},
    }


def shown6(
    call: Call, block: Block, state: str = "associated"
) -> shapes.VpcIpv6CidrBlockAssociation:
    """Return an IPv6 range as the API shows it."""
    return {
        "AssociationId": block.id,
        "Ipv6CidrBlock": block.cidr,
        "Ipv6CidrBlockState": {"State": state},
        "Ipv6Pool": "Amazon",
        "NetworkBorderGroup": call.settings.region,
        "IpSource": "amazon",
        "Ipv6AddressAttribute": "public",
    }


def _of4(value: Callable[[Block], str]) -> Callable[[Call, VpcRecord], Iterable[str]]:
    return lambda call, vpc: [value(block) for block in blocks(vpc.doc)]


def _of6(value: Callable[[Block], str]) -> Callable[[Call, VpcRecord], Iterable[str]]:
    return lambda call, vpc: [value(block) for block in vpc.doc.ipv6_cidrs]


FILTERS: Mapping[str, Callable[[Call, VpcRecord], Iterable[str]]] = {
    "cidr-block-association.cidr-block": _of4(lambda block: block.cidr),
    "cidr-block-association.association-id": _of4(lambda block: block.id),
    "cidr-block-association.state": _of4(lambda block: "associated"),
    "ipv6-cidr-block-association.ipv6-cidr-block": _of6(lambda block: block.cidr),
    "ipv6-cidr-block-association.ipv6-pool": _of6(lambda block: "Amazon"),
    "ipv6-cidr-block-association.association-id": _of6(lambda block: block.id),
    "ipv6-cidr-block-association.state": _of6(lambda block: "associated"),
}
"""DescribeVpcs' filters by ranges."""

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="AssociateVpcCidrBlock",
        does=Write(handle=associate_vpc_cidr_block),
        honours=frozenset({"VpcId", "CidrBlock", "AmazonProvidedIpv6CidrBlock"}),
    ),
    Action(
        service="ec2",
        name="DisassociateVpcCidrBlock",
        does=Write(handle=disassociate_vpc_cidr_block),
        honours=frozenset({"AssociationId"}),
    ),
)
