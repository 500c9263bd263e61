"""Subnets: a part of a VPC's range in one zone, from which interfaces get private addresses.

Called through the action table, by `vpcs` for default subnets and by `interfaces` for addresses.
As in AWS the first four addresses of a subnet and its last are nobody's: the network's own, the
gateway, the name server, one kept for the future, broadcast.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.ec2 import arns, resources, tagset, zones
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.instancetypes import InstanceType
from mallee.model.networks import Subnet, Vpc

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

DEFAULT_PREFIX = 20
KEPT_AT_START = 4
KEPT_AT_END = 1
TRIES = 16


def create_default(
    tx: store.Tx, vpc: Record[Vpc, None], zone: str, entropy: Callable[[int], bytes]
) -> Record[Subnet, None]:
    """Give the VPC its default subnet in that zone; return the one that is there already.

    Raises `InvalidSubnetConflict` when the VPC's range has no room for one more.
    """
    mine = tx.by(records.SUBNET, "vpc", vpc.id)
    for subnet in mine:
        if subnet.doc.is_default and subnet.doc.zone == zone:
            return subnet
    taken = [ipaddress.IPv4Network(subnet.doc.cidr) for subnet in mine]
    for part in ipaddress.IPv4Network(vpc.doc.cidr).subnets(new_prefix=DEFAULT_PREFIX):
        if not any(part.overlaps(other) for other in taken):
            id = ids.make("subnet", entropy(ids.ID_BYTES))
            subnet = Subnet(id=id, vpc_id=vpc.id, cidr=str(part), zone=zone, is_default=True)
            return tx.insert(records.SUBNET, vpc.account, id, subnet)
    raise errors.InvalidSubnetConflict(
        f"The range {vpc.doc.cidr} of {vpc.id} has no room for a /{DEFAULT_PREFIX} in {zone}."
    )


def default_for(call: Call, zone: str | None, kind: InstanceType) -> Record[Subnet, None]:
    """Return the caller's default subnet in that zone; None: in the one with most room for `kind`.

    Raises `MissingInput` when there is none.
    """
    view = resources.reader(call)
    found = [
        subnet
        for subnet in sorted(view.list(records.SUBNET, call.account), key=lambda it: it.doc.zone)
        if subnet.doc.is_default and zone in (None, subnet.doc.zone)
    ]
    if found:
        return max(found, key=lambda subnet: zones.free_for(view, subnet.doc.zone, kind))
    where = f"in availability zone '{zone}'" if zone else "in this account"
    raise errors.MissingInput(f"No default subnet exists {where}. Specify a subnet.")


def addresses(view: store.View | store.Tx, subnet: Record[Subnet, None]) -> int:
    """Return how many private addresses of the subnet are free."""
    return _assignable(subnet)[1] - view.total(claim_space(subnet.id))


def claim_space(subnet_id: str) -> str:
    """Return the claim space of a subnet's private addresses."""
    return f"private-ip/{subnet_id}"


def take_any_address(call: WriteCall, subnet: Record[Subnet, None], owner: str) -> str:
    """Claim a free private address; raise `InsufficientFreeAddressesInSubnet`."""
    first, count = _assignable(subnet)
    space = claim_space(subnet.id)
    # Random first, so that an address just given back is not at once another guest's.
    offsets = [int.from_bytes(call.entropy(4), "big") % count for _ in range(TRIES)]
    for offset in (*offsets, *range(count)):
        address = str(ipaddress.IPv4Address(first + offset))
        if call.tx.owner_of(space, address) is None:
            call.tx.claim(space, address, owner)
            return address
    raise errors.InsufficientFreeAddressesInSubnet(subnet.id)


def take_address(call: WriteCall, subnet: Record[Subnet, None], owner: str, text: str) -> str:
    """Claim that private address; raise when it is not the subnet's, kept, or in use."""
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError as error:
        raise errors.InvalidParameterValue(
            f"Value ({text}) for parameter address is invalid. The address is not valid."
        ) from error
    if address not in ipaddress.IPv4Network(subnet.doc.cidr):
        raise errors.InvalidParameterValue(
            f"Address {text} does not fall within the subnet's address range"
        )
    first, count = _assignable(subnet)
    if not first <= int(address) < first + count:
        raise errors.InvalidParameterValue(f"Address {text} is in subnet's reserved address range")
    space = claim_space(subnet.id)
    if call.tx.owner_of(space, str(address)) is not None:
        raise errors.InvalidIPAddressInUse(address)
    call.tx.claim(space, str(address), owner)
    return str(address)


def _assignable(subnet: Record[Subnet, None]) -> tuple[int, int]:
    """Return the first assignable address as a number, and how many follow with it."""
    network = ipaddress.IPv4Network(subnet.doc.cidr)
    return (
        int(network.network_address) + KEPT_AT_START,
        network.num_addresses - KEPT_AT_START - KEPT_AT_END,
    )


def create_default_subnet(
    call: WriteCall, request: shapes.CreateDefaultSubnetRequest
) -> shapes.CreateDefaultSubnetResult:
    """Give the account's default VPC a default subnet in a zone that lacks one."""
    zone: str | None = request.get("AvailabilityZone")
    if zone is None:
        raise errors.MissingParameter("AvailabilityZone")
    if zone not in zones.names(call.tx, call.settings):
        raise errors.InvalidZoneNotFound(zone)
    for vpc in call.tx.list(records.VPC, call.account):
        if vpc.doc.is_default:
            break
    else:
        raise errors.DefaultVpcDoesNotExist
    for subnet in call.tx.by(records.SUBNET, "vpc", vpc.id):
        if subnet.doc.is_default and subnet.doc.zone == zone:
            raise errors.DefaultSubnetAlreadyExistsInAvailabilityZone(subnet.id, zone)
    return {"Subnet": _render(call, create_default(call.tx, vpc, zone, call.entropy))}


def modify_subnet_attribute(
    call: WriteCall, request: shapes.ModifySubnetAttributeRequest
) -> Result:
    """Set whether instances launched into the subnet are lent a public address."""
    subnet = resources.one(call, records.SUBNET, request["SubnetId"])
    wanted = request.get("MapPublicIpOnLaunch", {}).get("Value")
    if wanted is None:
        raise errors.MissingParameter("MapPublicIpOnLaunch")
    doc = msgspec.structs.replace(subnet.doc, map_public_ip_on_launch=wanted)
    call.tx.write(subnet, doc)
    return {}


def _find(call: Call, request: shapes.DescribeSubnetsRequest) -> Iterable[Record[Subnet, None]]:
    asked: list[str] = request.get("SubnetIds") or []
    if asked:
        return resources.several(call, records.SUBNET, asked)
    return sorted(call.view.list(records.SUBNET, call.account), key=lambda subnet: subnet.id)


def _render(call: Call, subnet: Record[Subnet, None]) -> shapes.Subnet:
    doc = subnet.doc
    return {
        "SubnetId": subnet.id,
        "SubnetArn": arns.of(call, records.SUBNET, subnet.id),
        "VpcId": doc.vpc_id,
        "OwnerId": subnet.account,
        "State": "available",
        "CidrBlock": doc.cidr,
        "AvailableIpAddressCount": addresses(resources.reader(call), subnet),
        "AvailabilityZone": doc.zone,
        "AvailabilityZoneId": zones.id_of(doc.zone, call.settings.region),
        "DefaultForAz": doc.is_default,
        "MapPublicIpOnLaunch": doc.map_public_ip_on_launch,
        "MapCustomerOwnedIpOnLaunch": False,
        "AssignIpv6AddressOnCreation": False,
        "Ipv6CidrBlockAssociationSet": [],
        "Ipv6Native": False,
        "EnableDns64": False,
        "Tags": tagset.shown(doc.tags),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateDefaultSubnet",
        does=Write(handle=create_default_subnet),
        honours=frozenset({"AvailabilityZone"}),
    ),
    Action(
        service="ec2",
        name="ModifySubnetAttribute",
        does=Write(handle=modify_subnet_attribute),
        honours=frozenset({"SubnetId", "MapPublicIpOnLaunch"}),
    ),
    Action(
        service="ec2",
        name="DescribeSubnets",
        does=Listing(
            find=_find,
            render=_render,
            member="Subnets",
            filters={
                "subnet-id": lambda call, it: (it.id,),
                "subnet-arn": lambda call, it: (arns.of(call, records.SUBNET, it.id),),
                "vpc-id": lambda call, it: (it.doc.vpc_id,),
                "cidr": lambda call, it: (it.doc.cidr,),
                "cidrBlock": lambda call, it: (it.doc.cidr,),
                "cidr-block": lambda call, it: (it.doc.cidr,),
                "availability-zone": lambda call, it: (it.doc.zone,),
                "availabilityZone": lambda call, it: (it.doc.zone,),
                "availability-zone-id": lambda call, it: (
                    zones.id_of(it.doc.zone, call.settings.region),
                ),
                "available-ip-address-count": lambda call, it: (str(addresses(call.view, it)),),
                "default-for-az": lambda call, it: (resources.boolean(it.doc.is_default),),
                "defaultForAz": lambda call, it: (resources.boolean(it.doc.is_default),),
                "map-public-ip-on-launch": lambda call, it: (
                    resources.boolean(it.doc.map_public_ip_on_launch),
                ),
                "owner-id": lambda call, it: (it.account,),
                "state": lambda call, it: ("available",),
            },
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"SubnetIds"}),
    ),
)
