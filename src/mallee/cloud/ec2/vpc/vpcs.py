"""VPCs: each account has a default one, and makes others of whatever ranges it likes.

Called through the action table, and by whoever makes an account (`create_default`), lets a host of
a new zone join (`extend_to_zone`) or opens the store (`complete`). With a VPC come its main route
table, its default group and ACL. How hosts carry a VPC is not its business.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Presumes, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.ec2 import resources, tagset, zones
from mallee.cloud.ec2.ipam import given
from mallee.cloud.ec2.vpc import dhcpoptions, pooledranges, ranges, subnets, vpccidrs
from mallee.cloud.ec2.vpc.groups import (
    networkacls,
    publicaccess,
    securitygroupassociations,
    securitygroups,
)
from mallee.cloud.ec2.vpc.routing import (
    internetgateways,
    natgateways,
    peerings,
    routes,
    routetableassociations,
)
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Kind, Record
from mallee.model import ids
from mallee.model.configuration.settings import Settings
from mallee.model.network import sharedranges
from mallee.model.network.ipam import IPV4
from mallee.model.network.networks import SecurityGroup, Vpc
from mallee.model.network.routing import InternetGateway, RouteTable

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

LINKS = "vpc-link-index"
"""Claim space of the numbers of links between VPCs and the edge."""

_MADE_WITH_IT: tuple[Kind[Any, Any], ...] = (
    records.SECURITY_GROUP,
    records.NETWORK_ACL,
    records.ROUTE_TABLE,
)
_WITHIN: tuple[Kind[Any, Any], ...] = (
    records.SUBNET,
    records.INTERFACE,
    records.INTERNET_GATEWAY,
    records.EGRESS_ONLY_GATEWAY,
    records.ENDPOINT,
)
"""What a VPC must be empty of before it goes."""

Entropy = Callable[[int], bytes]
VpcRecord = Record[Vpc, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """A VPC that is to be made."""

    account: str
    cidr: str
    region: str
    is_default: bool = False
    tags: dict[str, str] = field(default_factory=dict[str, str])


def make(tx: store.Tx, new: New, entropy: Entropy) -> VpcRecord:
    """Make a VPC with its main route table, its default group and its default ACL."""
    id = ids.make("vpc", entropy(ids.ID_BYTES))
    table_id = ids.make("rtb", entropy(ids.ID_BYTES))
    vpc = tx.insert(
        records.VPC,
        new.account,
        id,
        Vpc(
            id=id,
            cidr=new.cidr,
            is_default=new.is_default,
            link_index=_take_link(tx, id),
            main_table_id=table_id,
            main_association_id=_association(entropy),
            dhcp_options_id=dhcpoptions.ensure_default(tx, new.account, new.region, entropy).id,
            tags=new.tags,
        ),
    )
    table = RouteTable(id=table_id, vpc_id=id)
    tx.insert(records.ROUTE_TABLE, new.account, table_id, table)
    networkacls.create_default(tx, vpc, entropy)
    securitygroups.create_default(tx, vpc, entropy)
    return vpc


def create_default(tx: store.Tx, account: str, settings: Settings, entropy: Entropy) -> VpcRecord:
    """Give the account its default VPC with its default subnets, and the way to the world."""
    new = New(account=account, cidr=_range(settings), region=settings.region, is_default=True)
    vpc = make(tx, new, entropy)
    _lead_out(tx, vpc, entropy)
    _fill(tx, vpc, settings, entropy)
    return vpc


def _range(settings: Settings) -> str:
    """Return the range of default VPCs: in the classic network modes all have the same."""
    network = settings.network
    return network.private_range if network.mode == "vpc" else network.classic.subnet


def _fill(tx: store.Tx, vpc: VpcRecord, settings: Settings, entropy: Entropy) -> None:
    """Give a default VPC a default subnet per zone: of the settings, and of all hosts' that have
    joined; in a classic network mode the one subnet that there is."""
    shared = sharedranges.of(settings.network)
    if shared is not None:
        subnets.create_shared(tx, vpc, (settings.zone, shared), entropy)
        return
    for zone in zones.names(tx, settings):
        # Its range may be smaller than one for all zones.
        with contextlib.suppress(errors.InvalidSubnetConflict):
            subnets.create_default(tx, vpc, zone, entropy)


def refill(tx: store.Tx, vpc: VpcRecord, settings: Settings, entropy: Entropy) -> None:
    """Give a default VPC, in which nothing is, the range and subnets of the network mode."""
    for subnet in tx.by(records.SUBNET, "vpc", vpc.id):
        subnets.remove(tx, subnet)
    vpc = tx.write(vpc, replace(vpc.doc, cidr=_range(settings)))
    if not tx.by(records.INTERNET_GATEWAY, "vpc", vpc.id):
        _lead_out(tx, vpc, entropy)
    _fill(tx, vpc, settings, entropy)


def _lead_out(tx: store.Tx, vpc: VpcRecord, entropy: Entropy) -> None:
    """Attach an internet gateway, and let the main table lead to it."""
    gateway = InternetGateway(id=ids.make("igw", entropy(ids.ID_BYTES)), vpc_id=vpc.id)
    internetgateways.insert(tx, vpc.account, gateway)
    table = tx.get(records.ROUTE_TABLE, vpc.doc.main_table_id)
    assert table is not None, "every VPC is made with its main route table"
    tx.write(table, replace(table.doc, routes=routes.to_internet(gateway.id)))


def complete(tx: store.Tx, settings: Settings, entropy: Entropy) -> None:
    """Give VPCs from a time without route tables and ACLs what they behaved like."""
    for vpc in tx.list(records.VPC):
        if vpc.doc.main_table_id:
            continue
        table = RouteTable(id=ids.make("rtb", entropy(ids.ID_BYTES)), vpc_id=vpc.id)
        tx.insert(records.ROUTE_TABLE, vpc.account, table.id, table)
        options = dhcpoptions.ensure_default(tx, vpc.account, settings.region, entropy)
        doc = replace(
            vpc.doc,
            main_table_id=table.id,
            main_association_id=_association(entropy),
            dhcp_options_id=options.id,
        )
        completed = tx.write(vpc, doc)
        _lead_out(tx, completed, entropy)
        acl = networkacls.create_default(tx, completed, entropy)
        for subnet in tx.by(records.SUBNET, "vpc", vpc.id):
            tx.write(subnet, subnets.with_acl(subnet.doc, acl.id, entropy))


def _association(entropy: Entropy) -> str:
    return ids.make(routetableassociations.PREFIX, entropy(ids.ID_BYTES))


def extend_to_zone(tx: store.Tx, zone: str, entropy: Entropy) -> None:
    """Give every default VPC a default subnet in that zone; doing it twice is doing it once.

    A VPC that its owner filled with subnets of his own gets none, nor does one of a classic network
    mode, in which there is one zone.
    """
    for vpc in tx.list(records.VPC):
        is_whole = any(one.doc.shared for one in tx.by(records.SUBNET, "vpc", vpc.id))
        if vpc.doc.is_default and not is_whole:
            with contextlib.suppress(errors.InvalidSubnetConflict):
                subnets.create_default(tx, vpc, zone, entropy)


def create_vpc(call: WriteCall, request: shapes.CreateVpcRequest) -> shapes.CreateVpcResult:
    """Make a VPC; its range may be another one's too, of this account or any other."""
    if request.get("InstanceTenancy", "default") != "default":
        raise errors.UnsupportedOperation("InstanceTenancy has only the value 'default'.")
    tags = tagset.of_new(request, records.VPC.name)
    chosen = pooledranges.for_vpc(call, request, IPV4, tags)
    cidr = ranges.of_vpc(chosen.cidr, call.settings.network.public_range)
    new = New(account=call.account, cidr=str(cidr), region=call.settings.region, tags=tags)
    vpc = make(call.tx, new, call.entropy)
    pooledranges.note_vpc(call, vpc, chosen)
    if vpccidrs.wants_ipv6(request):
        vpc, _ = vpccidrs.add_ipv6(call, vpc, request)
    return {"Vpc": _render(call, vpc)}


def create_default_vpc(
    call: WriteCall, request: shapes.CreateDefaultVpcRequest
) -> shapes.CreateDefaultVpcResult:
    """Give the account a default VPC again after it lost its own."""
    if any(vpc.doc.is_default for vpc in call.tx.list(records.VPC, call.account)):
        raise errors.DefaultVpcAlreadyExists
    vpc = create_default(call.tx, call.account, call.settings, call.entropy)
    return {"Vpc": _render(call, vpc)}


def delete_vpc(call: WriteCall, request: shapes.DeleteVpcRequest) -> Result:
    """Delete a VPC in which there is nothing but what came with it."""
    vpc = resources.one(call, records.VPC, request["VpcId"])
    pooledranges.check_unplanned(call, vpc.id)
    if _depends(call, vpc):
        raise errors.DependencyViolation(
            f"The vpc '{vpc.id}' has dependencies and cannot be deleted."
        )
    for kind in _MADE_WITH_IT:
        for record in call.tx.by(kind, "vpc", vpc.id):
            call.tx.release_owner(record.id)
            call.tx.delete(record)
    call.tx.release_owner(vpc.id)
    publicaccess.forget(call.tx, vpc_id=vpc.id)
    securitygroupassociations.forget_vpc(call.tx, vpc.id)
    given.give_back(call.tx, vpc.id)
    call.tx.delete(vpc)
    return {}


def _depends(call: WriteCall, vpc: VpcRecord) -> bool:
    """Tell whether anything of the caller's would be left without its VPC."""
    groups = call.tx.by(records.SECURITY_GROUP, "vpc", vpc.id)
    tables = call.tx.by(records.ROUTE_TABLE, "vpc", vpc.id)
    return (
        any(group.doc.name != securitygroups.DEFAULT_NAME for group in groups)
        or any(table.id != vpc.doc.main_table_id for table in tables)
        or any(not acl.doc.is_default for acl in call.tx.by(records.NETWORK_ACL, "vpc", vpc.id))
        or any(call.tx.by(kind, "vpc", vpc.id) for kind in _WITHIN)
        or any(natgateways.is_there(it) for it in call.tx.by(records.NAT_GATEWAY, "vpc", vpc.id))
        or bool(peerings.open_of(call.tx, vpc.id, call.now))
        or _is_referred_to(call, groups)
    )


def _is_referred_to(call: WriteCall, groups: Iterable[Record[SecurityGroup, None]]) -> bool:
    """Tell whether a group of another VPC has a rule about one of these."""
    own = {group.id for group in groups}
    return any(
        other.id not in own
        for id in own
        for other in call.tx.by(records.SECURITY_GROUP, "source-group", id)
    )


def _take_link(tx: store.Tx, vpc_id: str) -> int:
    index = 1
    while tx.owner_of(LINKS, str(index)) is not None:
        index += 1
    tx.claim(LINKS, str(index), vpc_id)
    return index


def _find(call: Call, request: shapes.DescribeVpcsRequest) -> Iterable[VpcRecord]:
    asked: list[str] = request.get("VpcIds") or []
    if asked:
        return resources.several(call, records.VPC, asked)
    return sorted(call.view.list(records.VPC, call.account), key=lambda vpc: vpc.id)


def _render(call: Call, vpc: VpcRecord) -> shapes.Vpc:
    return {
        "VpcId": vpc.id,
        "OwnerId": vpc.account,
        "State": "available",
        "CidrBlock": vpc.doc.cidr,
        "CidrBlockAssociationSet": [
            vpccidrs.shown(call, block) for block in vpccidrs.blocks(vpc.doc)
        ],
        "Ipv6CidrBlockAssociationSet": [
            vpccidrs.shown6(call, vpc.id, block) for block in vpc.doc.ipv6_cidrs
        ],
        "DhcpOptionsId": vpc.doc.dhcp_options_id or dhcpoptions.NONE,
        "InstanceTenancy": "default",
        "IsDefault": vpc.doc.is_default,
        "Tags": tagset.shown(vpc.doc.tags),
    }


def _cidr(call: Call, vpc: VpcRecord) -> Iterable[str]:
    return (vpc.doc.cidr,)


def _is_default(call: Call, vpc: VpcRecord) -> Iterable[str]:
    return (resources.boolean(vpc.doc.is_default),)


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateVpc",
        presumes=Presumes.OWN_NETWORKS,
        does=Write(handle=create_vpc),
        honours=pooledranges.HONOURS
        | {"CidrBlock", "InstanceTenancy", "AmazonProvidedIpv6CidrBlock"},
        creates=(records.VPC.name,),
    ),
    Action(
        service="ec2",
        name="CreateDefaultVpc",
        does=Write(handle=create_default_vpc),
        honours=frozenset(),
    ),
    Action(
        service="ec2",
        name="DeleteVpc",
        presumes=Presumes.OWN_NETWORKS,
        does=Write(handle=delete_vpc),
        honours=frozenset({"VpcId"}),
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
                "cidr": _cidr,
                # AWS knows these names too, and Ansible uses one of them.
                "cidr-block": _cidr,
                "cidrBlock": _cidr,
                "dhcp-options-id": lambda call, vpc: (vpc.doc.dhcp_options_id or dhcpoptions.NONE,),
                "is-default": _is_default,
                "isDefault": _is_default,
                "owner-id": lambda call, vpc: (vpc.account,),
                "state": lambda call, vpc: ("available",),
                **vpccidrs.FILTERS,
            },
            tags=lambda vpc: vpc.doc.tags,
        ),
        honours=frozenset({"VpcIds"}),
    ),
)
