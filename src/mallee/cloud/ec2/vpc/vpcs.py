"""VPCs: each account has a default one, with a default subnet per zone and a default group.

Called through the action table, and by whoever makes an account (`create_default`) or lets a host
of a new zone join (`extend_to_zone`). How hosts carry a VPC is not its business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Read, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset, zones
from mallee.cloud.ec2.vpc import securitygroups, subnets
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.networks import Vpc
from mallee.model.settings import Settings

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

LINKS = "vpc-link-index"
"""Claim space of the numbers of links between VPCs and the edge."""

Entropy = Callable[[int], bytes]


def create_default(
    tx: store.Tx, account: str, settings: Settings, entropy: Entropy
) -> Record[Vpc, None]:
    """Give the account its default VPC, a default subnet per zone, and a default group.

    The zones are those of the settings and of all hosts that have joined.
    """
    id = ids.make("vpc", entropy(ids.ID_BYTES))
    vpc = tx.insert(
        records.VPC,
        account,
        id,
        Vpc(
            id=id,
            cidr=settings.network.private_range,
            is_default=True,
            link_index=_take_link(tx, id),
        ),
    )
    for zone in zones.names(tx, settings):
        subnets.create_default(tx, vpc, zone, entropy)
    securitygroups.create_default(tx, vpc, entropy)
    return vpc


def extend_to_zone(tx: store.Tx, zone: str, entropy: Entropy) -> None:
    """Give every default VPC a default subnet in that zone; doing it twice is doing it once."""
    for vpc in tx.list(records.VPC):
        if vpc.doc.is_default:
            subnets.create_default(tx, vpc, zone, entropy)


def create_default_vpc(
    call: WriteCall, request: shapes.CreateDefaultVpcRequest
) -> shapes.CreateDefaultVpcResult:
    """Give the account a default VPC again after it lost its own."""
    if any(vpc.doc.is_default for vpc in call.tx.list(records.VPC, call.account)):
        raise errors.DefaultVpcAlreadyExists
    vpc = create_default(call.tx, call.account, call.settings, call.entropy)
    return {"Vpc": _render(call, vpc)}


def describe_attribute(
    call: Call, request: shapes.DescribeVpcAttributeRequest
) -> shapes.DescribeVpcAttributeResult:
    """Show one attribute: private names are served in every VPC, public ones nowhere."""
    vpc = resources.one(call, records.VPC, request["VpcId"])
    match request["Attribute"]:
        case "enableDnsSupport":
            return {"VpcId": vpc.id, "EnableDnsSupport": {"Value": True}}
        case "enableDnsHostnames":
            return {"VpcId": vpc.id, "EnableDnsHostnames": {"Value": False}}
        case "enableNetworkAddressUsageMetrics":
            return {"VpcId": vpc.id, "EnableNetworkAddressUsageMetrics": {"Value": False}}
        case other:
            raise errors.InvalidParameterValue(f"Invalid attribute '{other}'.")


def _take_link(tx: store.Tx, vpc_id: str) -> int:
    index = 1
    while tx.owner_of(LINKS, str(index)) is not None:
        index += 1
    tx.claim(LINKS, str(index), vpc_id)
    return index


def _find(call: Call, request: shapes.DescribeVpcsRequest) -> Iterable[Record[Vpc, None]]:
    asked: list[str] = request.get("VpcIds") or []
    if asked:
        return resources.several(call, records.VPC, asked)
    return sorted(call.view.list(records.VPC, call.account), key=lambda vpc: vpc.id)


def _render(call: Call, vpc: Record[Vpc, None]) -> shapes.Vpc:
    return {
        "VpcId": vpc.id,
        "OwnerId": vpc.account,
        "State": "available",
        "CidrBlock": vpc.doc.cidr,
        "CidrBlockAssociationSet": [
            {
                "AssociationId": _association_id(vpc),
                "CidrBlock": vpc.doc.cidr,
                "CidrBlockState": {"State": "associated"},
            }
        ],
        "DhcpOptionsId": "default",
        "InstanceTenancy": "default",
        "IsDefault": vpc.doc.is_default,
        "Tags": tagset.shown(vpc.doc.tags),
    }


def _association_id(vpc: Record[Vpc, None]) -> str:
    return "vpc-cidr-assoc-" + vpc.id.removeprefix("vpc-")


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateDefaultVpc",
        does=Write(handle=create_default_vpc),
        honours=frozenset(),
    ),
    Action(
        service="ec2",
        name="DescribeVpcAttribute",
        does=Read(handle=describe_attribute),
        honours=frozenset({"VpcId", "Attribute"}),
    ),
    Action(
        service="ec2",
        name="DescribeVpcs",
        does=Listing(
            find=_find,
            render=_render,
            member="Vpcs",
            filters={
                "vpc-id": lambda call, vpc: (vpc.id,),
                "cidr": lambda call, vpc: (vpc.doc.cidr,),
                "cidr-block-association.cidr-block": lambda call, vpc: (vpc.doc.cidr,),
                "cidr-block-association.association-id": lambda call, vpc: (_association_id(vpc),),
                "cidr-block-association.state": lambda call, vpc: ("associated",),
                "dhcp-options-id": lambda call, vpc: ("default",),
                "is-default": lambda call, vpc: (resources.boolean(vpc.doc.is_default),),
                "isDefault": lambda call, vpc: (resources.boolean(vpc.doc.is_default),),
                "owner-id": lambda call, vpc: (vpc.account,),
                "state": lambda call, vpc: ("available",),
            },
            tags=lambda vpc: vpc.doc.tags,
        ),
        honours=frozenset({"VpcIds"}),
    ),
)
