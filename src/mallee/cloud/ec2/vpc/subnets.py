"""Subnets: a part of a VPC's range in one zone, from which interfaces get private addresses.

Called through the action table, by `vpcs` for default subnets and by the launch. Addresses are
`privateips`' business, IPv6 ranges `subnetcidrs`', reserved ranges `subnetreservations`'.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Presumes, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.ec2 import arns, resources, tagset, zones
from mallee.cloud.ec2.ipam import given
from mallee.cloud.ec2.vpc import pooledranges, ranges, subnetcidrs
from mallee.cloud.ec2.vpc.groups import networkacls, publicaccess
from mallee.cloud.ec2.vpc.interfaces import privateips, privatenames
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.compute.instancetypes import InstanceType
from mallee.model.network.ipam import IPV4, IPV6
from mallee.model.network.networks import Subnet, Vpc
from mallee.model.network.sharedranges import SharedRange

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

DEFAULT_PREFIX = 20
MAX_PER_VPC = 200

SubnetRecord = Record[Subnet, None]
Entropy = Callable[[int], bytes]


def create_default(
    tx: store.Tx, vpc: Record[Vpc, None], zone: str, entropy: Entropy
) -> SubnetRecord:
    """Give the VPC its default subnet in that zone; return the one that is there already.

    Raises `InvalidSubnetConflict` when the VPC's range has no room for one more.
    """
    mine = tx.by(records.SUBNET, "vpc", vpc.id)
    for subnet in mine:
        if subnet.doc.is_default and subnet.doc.zone == zone:
            return subnet
    taken = [IPv4Network(subnet.doc.cidr) for subnet in mine]
    for part in IPv4Network(vpc.doc.cidr).subnets(new_prefix=DEFAULT_PREFIX):
        if not any(part.overlaps(other) for other in taken):
            id = ids.make("subnet", entropy(ids.ID_BYTES))
            subnet = Subnet(id=id, vpc_id=vpc.id, cidr=str(part), zone=zone, is_default=True)
            return _insert(tx, vpc.account, subnet, entropy)
    raise errors.InvalidSubnetConflict(
        f"The range {vpc.doc.cidr} of {vpc.id} has no room for a /{DEFAULT_PREFIX} in {zone}."
    )


def create_shared(
    tx: store.Tx, vpc: Record[Vpc, None], whole: tuple[str, SharedRange], entropy: Entropy
) -> SubnetRecord:
    """Give a VPC of a classic network mode its only subnet, in that zone: all of its range."""
    zone, shared = whole
    subnet = Subnet(
        id=ids.make("subnet", entropy(ids.ID_BYTES)),
        vpc_id=vpc.id,
        cidr=vpc.doc.cidr,
        zone=zone,
        is_default=True,
        # Of a LAN an address is what the world knows it by: no other is lent.
        map_public_ip_on_launch=shared.is_managed,
        shared=shared,
    )
    return _insert(tx, vpc.account, subnet, entropy)


def _insert(tx: store.Tx, account: str, subnet: Subnet, entropy: Entropy) -> SubnetRecord:
    acl = networkacls.default_of(tx, subnet.vpc_id)
    taken = {other.doc.number for other in tx.by(records.SUBNET, "vpc", subnet.vpc_id)}
    number = next(number for number in itertools.count(1) if number not in taken)
    made = with_acl(replace(subnet, number=number), acl.id, entropy)
    return tx.insert(records.SUBNET, account, subnet.id, made)


def with_acl(subnet: Subnet, acl_id: str, entropy: Entropy) -> Subnet:
    """Return the subnet with that ACL at its border."""
    association = ids.make(networkacls.ASSOCIATION_PREFIX, entropy(ids.ID_BYTES))
    return replace(subnet, acl_id=acl_id, acl_association_id=association)


def default_for(call: Call, zone: str | None, kind: InstanceType) -> SubnetRecord:
    """Return the caller's default subnet in that zone; None: in the one with most room for `kind`.

    Raises `MissingInput` when there is none.
    """
    view = resources.reader(call)
    found = [
        subnet
        for subnet in sorted(view.list(records.SUBNET, call.account), key=lambda it: it.doc.zone)
        if subnet.doc.is_default and zone in (None, subnet.doc.zone)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        return max(found, key=lambda subnet: zones.free_for(view, subnet.doc.zone, kind))
    where = f"in availability zone '{zone}'" if zone else "in this account"
    raise errors.MissingInput(f"No default subnet exists {where}. Specify a subnet.")


def create_subnet(
    call: WriteCall, request: shapes.CreateSubnetRequest
) -> shapes.CreateSubnetResult:
    """Make a subnet of a part of its VPC's range that no other subnet has."""
    vpc = resources.one(call, records.VPC, request["VpcId"])
    zone = _parse_zone(call, request)
    new = Subnet(
        id=ids.make("subnet", call.entropy(ids.ID_BYTES)),
        vpc_id=vpc.id,
        cidr="",
        zone=zone,
        map_public_ip_on_launch=False,
        tags=tagset.of_new(request, records.SUBNET.name),
    )
    chosen = pooledranges.for_subnet(call, request, IPV4, new)
    network = ranges.parse4(chosen.cidr, "cidrBlock")
    is_own = ranges.is_within(network, vpc.doc.cidrs)
    if not is_own or not ranges.LARGEST <= network.prefixlen <= ranges.SMALLEST:
        raise errors.InvalidSubnetRange(chosen.cidr)
    others = call.tx.by(records.SUBNET, "vpc", vpc.id)
    if ranges.overlapping(network, (other.doc.cidr for other in others)):
        raise errors.SubnetConflict(str(network))
    if len(others) >= MAX_PER_VPC:
        raise errors.SubnetLimitExceeded(MAX_PER_VPC)
    record = _insert(call.tx, call.account, replace(new, cidr=str(network)), call.entropy)
    pooledranges.note_subnet(call, record, chosen)
    if "Ipv6CidrBlock" in request or pooledranges.wants(request, IPV6):
        record, _ = subnetcidrs.add(call, record, request)
    return {"Subnet": _render(call, record)}


def _parse_zone(call: WriteCall, request: Request) -> str:
    """Return the zone of a new subnet: the one asked for, else the cloud's first."""
    known = zones.names(call.tx, call.settings)
    zone, zone_id = request.get("AvailabilityZone"), request.get("AvailabilityZoneId")
    if zone is not None and zone_id is not None:
        raise errors.InvalidParameterCombination(
            "Give availabilityZone or availabilityZoneId, not both."
        )
    if zone_id is not None:
        for name in known:
            if zones.id_of(name, call.settings.region) == zone_id:
                return name
        zone = zone_id
    if zone is None:
        return call.settings.zone
    if zone not in known:
        raise errors.InvalidParameterValue(
            f"Value ({zone}) for parameter availabilityZone is invalid. Subnets can currently only "
            f"be created in the following availability zones: {', '.join(known)}."
        )
    return zone


def create_default_subnet(
    call: WriteCall, request: shapes.CreateDefaultSubnetRequest
) -> shapes.CreateDefaultSubnetResult:
    """Give the account's default VPC a default subnet in a zone that lacks one."""
    if "AvailabilityZone" not in request and "AvailabilityZoneId" not in request:
        raise errors.MissingParameter("AvailabilityZone")
    zone = _parse_zone(call, request)
    for vpc in call.tx.list(records.VPC, call.account):
        if vpc.doc.is_default:
            break
    else:
        raise errors.DefaultVpcDoesNotExist
    for subnet in call.tx.by(records.SUBNET, "vpc", vpc.id):
        if subnet.doc.is_default and subnet.doc.zone == zone:
            raise errors.DefaultSubnetAlreadyExistsInAvailabilityZone(subnet.id, zone)
    return {"Subnet": _render(call, create_default(call.tx, vpc, zone, call.entropy))}


def delete_subnet(call: WriteCall, request: shapes.DeleteSubnetRequest) -> Result:
    """Delete a subnet in which there is no interface."""
    subnet = resources.one(call, records.SUBNET, request["SubnetId"])
    if call.tx.by(records.INTERFACE, "subnet", subnet.id):
        raise errors.DependencyViolation(
            f"The subnet '{subnet.id}' has dependencies and cannot be deleted."
        )
    remove(call.tx, subnet)
    return {}


def remove(tx: store.Tx, subnet: SubnetRecord) -> None:
    """Take a subnet away in which there is no interface, with all that it holds."""
    tx.release_owner(subnet.id)
    publicaccess.forget(tx, subnet_id=subnet.id)
    given.give_back(tx, subnet.id)
    tx.delete(subnet)


def modify_subnet_attribute(
    call: WriteCall, request: shapes.ModifySubnetAttributeRequest
) -> Result:
    """Set what interfaces get that are made in the subnet; one attribute at a time, as AWS."""
    subnet = resources.one(call, records.SUBNET, request["SubnetId"])
    given = [name for name in request if name not in ("SubnetId", "DryRun")]
    if len(given) != 1:
        raise errors.InvalidParameterCombination(
            f"Exactly one of {', '.join(sorted(_CHANGEABLE))} must be given."
        )
    asked: Request = request
    call.tx.write(subnet, _with(subnet, given[0], asked[given[0]]))
    return {}


def _with(subnet: SubnetRecord, name: str, said: Any) -> Subnet:
    """Return the subnet with one attribute changed."""
    if name == _HOSTNAME_TYPE:
        names = privatenames.given({"HostnameType": said}, subnet.doc.private_names)
        return replace(subnet.doc, private_names=names)
    value: bool | None = said.get("Value")
    if value is None:
        raise errors.MissingParameter(name)
    if name in _NAMES:
        names = replace(subnet.doc.private_names, **{_NAMES[name]: value})
        return replace(subnet.doc, private_names=names)
    if name == "AssignIpv6AddressOnCreation" and value:
        privateips.range6(subnet)
    if name == "MapPublicIpOnLaunch" and value:
        privateips.check_lends_public(subnet)
    return replace(subnet.doc, **{_ATTRIBUTES[name]: value})


_HOSTNAME_TYPE = "PrivateDnsHostnameTypeOnLaunch"
_NAMES = {
    "EnableResourceNameDnsARecordOnLaunch": "a_record",
    "EnableResourceNameDnsAAAARecordOnLaunch": "aaaa_record",
}
_ATTRIBUTES = {
    "MapPublicIpOnLaunch": "map_public_ip_on_launch",
    "AssignIpv6AddressOnCreation": "assign_ipv6_on_creation",
}
_CHANGEABLE = (*_ATTRIBUTES, *_NAMES, _HOSTNAME_TYPE)


def _find(call: Call, request: shapes.DescribeSubnetsRequest) -> Iterable[SubnetRecord]:
    asked: list[str] = request.get("SubnetIds") or []
    if asked:
        return resources.several(call, records.SUBNET, asked)
    return sorted(call.view.list(records.SUBNET, call.account), key=lambda subnet: subnet.id)


def _render(call: Call, subnet: SubnetRecord) -> shapes.Subnet:
    doc = subnet.doc
    return {
        "SubnetId": subnet.id,
        "SubnetArn": arns.of(call, records.SUBNET, subnet.id),
        "VpcId": doc.vpc_id,
        "OwnerId": subnet.account,
        "State": "available",
        "CidrBlock": doc.cidr,
        "AvailableIpAddressCount": privateips.free(resources.reader(call), subnet),
        "AvailabilityZone": doc.zone,
        "AvailabilityZoneId": zones.id_of(doc.zone, call.settings.region),
        "DefaultForAz": doc.is_default,
        "MapPublicIpOnLaunch": doc.map_public_ip_on_launch,
        "MapCustomerOwnedIpOnLaunch": False,
        "AssignIpv6AddressOnCreation": doc.assign_ipv6_on_creation,
        "Ipv6CidrBlockAssociationSet": [subnetcidrs.shown(block) for block in doc.ipv6_cidrs],
        "Ipv6Native": False,
        "EnableDns64": False,
        "PrivateDnsNameOptionsOnLaunch": {
            "HostnameType": doc.private_names.hostname_type,
            "EnableResourceNameDnsARecord": doc.private_names.a_record,
            "EnableResourceNameDnsAAAARecord": doc.private_names.aaaa_record,
        },
        "Tags": tagset.shown(doc.tags),
    }


def _always(value: str) -> Callable[[Call, SubnetRecord], Iterable[str]]:
    return lambda call, it: (value,)


def _zone(call: Call, it: SubnetRecord) -> Iterable[str]:
    return (it.doc.zone,)


def _cidr(call: Call, it: SubnetRecord) -> Iterable[str]:
    return (it.doc.cidr,)


def _is_default(call: Call, it: SubnetRecord) -> Iterable[str]:
    return (resources.boolean(it.doc.is_default),)


def _zone_id(call: Call, it: SubnetRecord) -> Iterable[str]:
    return (zones.id_of(it.doc.zone, call.settings.region),)


_OF_NAMES = "private-dns-name-options-on-launch"

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateSubnet",
        presumes=Presumes.OWN_NETWORKS,
        does=Write(handle=create_subnet),
        honours=pooledranges.HONOURS
        | {"VpcId", "CidrBlock", "AvailabilityZone", "AvailabilityZoneId"},
        creates=(records.SUBNET.name,),
    ),
    Action(
        service="ec2",
        name="CreateDefaultSubnet",
        presumes=Presumes.OWN_NETWORKS,
        does=Write(handle=create_default_subnet),
        honours=frozenset({"AvailabilityZone", "AvailabilityZoneId"}),
    ),
    Action(
        service="ec2",
        name="DeleteSubnet",
        presumes=Presumes.OWN_NETWORKS,
        does=Write(handle=delete_subnet),
        honours=frozenset({"SubnetId"}),
    ),
    Action(
        service="ec2",
        name="ModifySubnetAttribute",
        does=Write(handle=modify_subnet_attribute),
        honours=frozenset({"SubnetId", *_CHANGEABLE}),
    ),
    Action(
        service="ec2",
        name="DescribeSubnets",
        does=Listing(
            find=_find,
            render=_render,
            member="Subnets",
            filters={
                "availability-zone": _zone,
                "availabilityZone": _zone,
                "availability-zone-id": _zone_id,
                "availabilityZoneId": _zone_id,
                "available-ip-address-count": lambda call, it: (
                    str(privateips.free(call.view, it)),
                ),
                "cidr": _cidr,
                "cidr-block": _cidr,
                "cidrBlock": _cidr,
                "customer-owned-ipv4-pool": lambda call, it: (),
                "default-for-az": _is_default,
                "defaultForAz": _is_default,
                "enable-dns64": _always("false"),
                "enable-lni-at-device-index": lambda call, it: (),
                "ipv6-native": _always("false"),
                "map-customer-owned-ip-on-launch": _always("false"),
                "map-public-ip-on-launch": lambda call, it: (
                    resources.boolean(it.doc.map_public_ip_on_launch),
                ),
                "outpost-arn": lambda call, it: (),
                "owner-id": lambda call, it: (it.account,),
                f"{_OF_NAMES}.hostname-type": lambda call, it: (
                    it.doc.private_names.hostname_type,
                ),
                f"{_OF_NAMES}.enable-resource-name-dns-a-record": lambda call, it: (
                    resources.boolean(it.doc.private_names.a_record),
                ),
                f"{_OF_NAMES}.enable-resource-name-dns-aaaa-record": lambda call, it: (
                    resources.boolean(it.doc.private_names.aaaa_record),
                ),
                "state": _always("available"),
                "subnet-arn": lambda call, it: (arns.of(call, records.SUBNET, it.id),),
                "subnet-id": lambda call, it: (it.id,),
                "vpc-id": lambda call, it: (it.doc.vpc_id,),
                **subnetcidrs.FILTERS,
            },
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"SubnetIds"}),
    ),
)
