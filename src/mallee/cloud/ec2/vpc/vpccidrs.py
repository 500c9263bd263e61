"""The ranges of a VPC besides its first one: added and taken away, IPv4 and IPv6.

Called through the action table, and by `vpcs` to show them. IPv6 ranges are parts of the cloud's
own range, each of which one VPC has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.ipam import given
from mallee.cloud.ec2.vpc import pooledranges, ranges, vpcipv6
from mallee.cloud.ec2.vpc.groups import networkacls, securitygroups
from mallee.cloud.ec2.vpc.routing import peerings
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.ipam import IPV4, IPV6
from mallee.model.network.networks import Block, Vpc

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

PREFIX = "vpc-cidr-assoc"
MAX_IPV4, MAX_IPV6 = 5, 5
LENGTHS6 = range(44, 61, 4)
"""Netmask lengths of IPv6 ranges of VPCs, as in AWS."""

VpcRecord = Record[Vpc, None]


def blocks(vpc: Vpc) -> tuple[Block, ...]:
    """Return all IPv4 ranges with their associations' ids, the first one first."""
    return (Block(PREFIX + "-" + vpc.id.removeprefix("vpc-"), vpc.cidr), *vpc.more_cidrs)


def associate_vpc_cidr_block(
    call: WriteCall, request: shapes.AssociateVpcCidrBlockRequest
) -> shapes.AssociateVpcCidrBlockResult:
    """Give a VPC one more range: the one asked for, one of a pool, or of the cloud's IPv6."""
    vpc = resources.one(call, records.VPC, request["VpcId"])
    is_ipv4 = "CidrBlock" in request or pooledranges.wants(request, IPV4)
    if wants_ipv6(request) == is_ipv4:
        raise errors.InvalidParameterCombination(
            "Exactly one range may be asked for: of IPv4 by cidrBlock or from an IPAM pool, of "
            "IPv6 by amazonProvidedIpv6CidrBlock or from an IPAM pool."
        )
    if not is_ipv4:
        _, block = add_ipv6(call, vpc, request)
        return {"VpcId": vpc.id, "Ipv6CidrBlockAssociation": shown6(call, vpc.id, block)}
    block = _add_ipv4(call, vpc, pooledranges.for_vpc(call, request, IPV4, vpc.doc.tags))
    return {"VpcId": vpc.id, "CidrBlockAssociation": shown(call, block)}


def _add_ipv4(call: WriteCall, vpc: VpcRecord, chosen: pooledranges.Chosen) -> Block:
    network = ranges.of_vpc(chosen.cidr, call.settings.network.public_range)
    if not ranges.goes_with(network, IPv4Network(vpc.doc.cidr)):
        raise errors.InvalidVpcRange(chosen.cidr)
    if ranges.overlapping(network, (*vpc.doc.cidrs, *_of_peers(call, vpc))):
        raise errors.CidrConflict(str(network))
    if len(vpc.doc.cidrs) >= MAX_IPV4:
        raise errors.CidrLimitExceeded(f"network '{vpc.id}'", MAX_IPV4)
    block = Block(ids.make(PREFIX, call.entropy(ids.ID_BYTES)), str(network))
    vpc = call.tx.write(vpc, replace(vpc.doc, more_cidrs=(*vpc.doc.more_cidrs, block)))
    pooledranges.note_vpc(call, vpc, chosen)
    return block


def _of_peers(call: WriteCall, vpc: VpcRecord) -> Iterable[str]:
    """Yield the ranges of VPCs that are peered with this one: none may be in both."""
    for peering in peerings.open_of(call.tx, vpc.id, call.now):
        for end in (peering.doc.requester, peering.doc.accepter):
            peer = call.tx.get(records.VPC, end.vpc_id)
            if peer is not None and peer.id != vpc.id:
                yield from peer.doc.cidrs


def wants_ipv6(request: Request) -> bool:
    """Tell whether a request asks for an IPv6 range of the cloud's, or of a pool."""
    of_pool = pooledranges.wants(request, IPV6)
    if request.get("AmazonProvidedIpv6CidrBlock"):
        if of_pool or "Ipv6CidrBlock" in request:
            raise errors.InvalidParameterCombination(
                "amazonProvidedIpv6CidrBlock goes with no other parameter about IPv6."
            )
        return True
    if "Ipv6CidrBlock" in request and not of_pool:
        raise errors.InvalidParameterCombination("ipv6CidrBlock is given with ipv6IpamPoolId.")
    return of_pool


def add_ipv6(call: WriteCall, vpc: VpcRecord, request: Request) -> tuple[VpcRecord, Block]:
    """Give the VPC a part of the cloud's IPv6 range that nobody has: any, or one of a pool."""
    if len(vpc.doc.ipv6_cidrs) >= MAX_IPV6:
        raise errors.CidrLimitExceeded(f"network '{vpc.id}'", MAX_IPV6)
    chosen = (
        pooledranges.for_vpc(call, request, IPV6, vpc.doc.tags)
        if pooledranges.wants(request, IPV6)
        else pooledranges.Chosen(vpcipv6.take_any(call, vpc.id))
    )
    _check_length6(chosen.cidr)
    block = Block(ids.make(PREFIX, call.entropy(ids.ID_BYTES)), chosen.cidr)
    networkacls.admit_ipv6(call.tx, vpc.id)
    doc = replace(vpc.doc, ipv6_cidrs=(*vpc.doc.ipv6_cidrs, block))
    is_first = not vpc.doc.ipv6_cidrs
    vpc = call.tx.write(vpc, doc)
    if is_first:
        securitygroups.admit_ipv6(call.tx, vpc, call.entropy)
    pooledranges.note_vpc(call, vpc, chosen)
    return vpc, block


def _check_length6(cidr: str) -> None:
    if ranges.parsed(cidr).prefixlen not in LENGTHS6:
        raise errors.InvalidVpcRange(cidr)


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
    pooledranges.check_unplanned(call, vpc.id, block.cidr)
    gone = "disassociating"
    shown_6 = shown6(call, vpc.id, block, gone)
    given.give_back(call.tx, vpc.id, block.cidr)
    if ":" not in block.cidr:
        left = tuple(it for it in vpc.doc.more_cidrs if it != block)
        call.tx.write(vpc, replace(vpc.doc, more_cidrs=left))
        return {"VpcId": vpc.id, "CidrBlockAssociation": shown(call, block, gone)}
    left = tuple(it for it in vpc.doc.ipv6_cidrs if it != block)
    call.tx.write(vpc, replace(vpc.doc, ipv6_cidrs=left))
    if call.tx.owner_of(vpcipv6.RANGES, block.cidr) == vpc.id:
        call.tx.release(vpcipv6.RANGES, block.cidr)
    return {"VpcId": vpc.id, "Ipv6CidrBlockAssociation": shown_6}


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
    call: Call, vpc_id: str, block: Block, state: str = "associated"
) -> shapes.VpcIpv6CidrBlockAssociation:
    """Return an IPv6 range as the API shows it."""
    return {
        "AssociationId": block.id,
        "Ipv6CidrBlock": block.cidr,
        "Ipv6CidrBlockState": {"State": state},
        "Ipv6Pool": _pool6(call, vpc_id, block),
        "NetworkBorderGroup": call.settings.region,
        "IpSource": "amazon",
        "Ipv6AddressAttribute": "public",
    }


def _pool6(call: Call, vpc_id: str, block: Block) -> str:
    is_pooled = given.of_resource(resources.reader(call), vpc_id, block.cidr)
    return "IPAM Managed" if is_pooled else "Amazon"


def _of4(value: Callable[[Block], str]) -> Callable[[Call, VpcRecord], Iterable[str]]:
    return lambda call, vpc: [value(block) for block in blocks(vpc.doc)]


def _of6(value: Callable[[Block], str]) -> Callable[[Call, VpcRecord], Iterable[str]]:
    return lambda call, vpc: [value(block) for block in vpc.doc.ipv6_cidrs]


FILTERS: Mapping[str, Callable[[Call, VpcRecord], Iterable[str]]] = {
    "cidr-block-association.cidr-block": _of4(lambda block: block.cidr),
    "cidr-block-association.association-id": _of4(lambda block: block.id),
    "cidr-block-association.state": _of4(lambda block: "associated"),
    "ipv6-cidr-block-association.ipv6-cidr-block": _of6(lambda block: block.cidr),
    "ipv6-cidr-block-association.ipv6-pool": lambda call, vpc: [
        _pool6(call, vpc.id, block) for block in vpc.doc.ipv6_cidrs
    ],
    "ipv6-cidr-block-association.association-id": _of6(lambda block: block.id),
    "ipv6-cidr-block-association.state": _of6(lambda block: "associated"),
}
"""DescribeVpcs' filters by ranges."""

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="AssociateVpcCidrBlock",
        does=Write(handle=associate_vpc_cidr_block),
        honours=pooledranges.HONOURS | {"VpcId", "CidrBlock", "AmazonProvidedIpv6CidrBlock"},
    ),
    Action(
        service="ec2",
        name="DisassociateVpcCidrBlock",
        does=Write(handle=disassociate_vpc_cidr_block),
        honours=frozenset({"AssociationId"}),
    ),
)
