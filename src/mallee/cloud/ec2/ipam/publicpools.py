"""Pools of public addresses (`ipv4pool-ec2-…`), with parts of the public pools of an IPAM.

Called through the action table; an address is allocated from one by AllocateAddress. An account
whose administrator lets it use a public pool of his IPAM provisions from that what it needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.ipam import given, spaces, watched
from mallee.cloud.ec2.vpc import ranges
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.ipam import IPV4, PUBLIC, PublicPool

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_ACCOUNT = 50
PREFIX = "ipv4pool-ec2"

PublicPoolRecord = Record[PublicPool, None]


def create_pool(
    call: WriteCall, request: shapes.CreatePublicIpv4PoolRequest
) -> shapes.CreatePublicIpv4PoolResult:
    """Make a pool without addresses yet."""
    check_group(call, request.get("NetworkBorderGroup"))
    if len(call.tx.list(records.PUBLIC_POOL, call.account)) >= MAX_PER_ACCOUNT:
        raise errors.IpamLimitExceeded("pools of public addresses", MAX_PER_ACCOUNT)
    made = PublicPool(
        id=ids.make(PREFIX, call.entropy(ids.ID_BYTES)),
        tags=tagset.of_new(request, records.PUBLIC_POOL.name),
    )
    call.tx.insert(records.PUBLIC_POOL, call.account, made.id, made)
    return {"PoolId": made.id}


def check_group(call: Call, group: str | None) -> None:
    """Raise when a network border group is none of this cloud's: there is the region's only."""
    if group not in (None, call.settings.region):
        raise errors.InvalidParameterValue(
            f"Value ({group}) for parameter NetworkBorderGroup is invalid. It is "
            f"{call.settings.region}."
        )


def provision(
    call: WriteCall, request: shapes.ProvisionPublicIpv4PoolCidrRequest
) -> shapes.ProvisionPublicIpv4PoolCidrResult:
    """Give a pool a part of a public pool of an IPAM."""
    check_group(call, request.get("NetworkBorderGroup"))
    pool = resources.one(call, records.PUBLIC_POOL, request["PoolId"])
    source = given.usable(call, request["IpamPoolId"])
    check_source(call, source)
    wish = given.Wish(length=request["NetmaskLength"])
    holder = given.Holder(type=given.PUBLIC_POOL, id=pool.id, owner=call.account)
    cidr = given.take(call, source, wish, holder).doc.cidr
    pool = call.tx.write(pool, replace(pool.doc, cidrs=(*pool.doc.cidrs, cidr)))
    return {"PoolId": pool.id, "PoolAddressRange": _range(call, pool, cidr)}


def check_source(call: Call, pool: given.PoolRecord) -> None:
    """Raise unless elastic addresses may come from the pool of an IPAM."""
    doc = pool.doc
    if (doc.scope_type, doc.family) != (PUBLIC, IPV4) or doc.locale != call.settings.region:
        raise errors.InvalidParameterValue(
            f"The IPAM pool {pool.id} gives no addresses: that does a pool of a public scope, of "
            f"IPv4, with the locale {call.settings.region}."
        )


def deprovision(
    call: WriteCall, request: shapes.DeprovisionPublicIpv4PoolCidrRequest
) -> shapes.DeprovisionPublicIpv4PoolCidrResult:
    """Give a range back to the pool of the IPAM, of which no address is allocated."""
    pool = resources.one(call, records.PUBLIC_POOL, request["PoolId"])
    cidr = str(ranges.parse4(request["Cidr"], "Cidr"))
    if cidr not in pool.doc.cidrs:
        raise errors.InvalidParameterValue(f"The pool {pool.id} has no range {cidr}.")
    taken = spaces.covered(cidr, watched.taken_of_public(call.tx, pool.id))
    if taken:
        raise errors.DependencyViolation(f"{taken} addresses of {cidr} are allocated.")
    given.give_back(call.tx, pool.id, cidr)
    left = tuple(it for it in pool.doc.cidrs if it != cidr)
    call.tx.write(pool, replace(pool.doc, cidrs=left))
    return {"PoolId": pool.id, "DeprovisionedAddresses": [str(ip) for ip in ip_network(cidr)]}


def delete_pool(
    call: WriteCall, request: shapes.DeletePublicIpv4PoolRequest
) -> shapes.DeletePublicIpv4PoolResult:
    """Delete a pool without ranges."""
    check_group(call, request.get("NetworkBorderGroup"))
    pool = resources.one(call, records.PUBLIC_POOL, request["PoolId"])
    if pool.doc.cidrs:
        raise errors.DependencyViolation(f"The pool '{pool.id}' has ranges: deprovision them.")
    call.tx.delete(pool)
    return {"ReturnValue": True}


def _find(call: Call, request: shapes.DescribePublicIpv4PoolsRequest) -> Iterable[PublicPoolRecord]:
    asked: list[str] = request.get("PoolIds") or []
    if asked:
        return resources.several(call, records.PUBLIC_POOL, asked)
    return sorted(call.view.list(records.PUBLIC_POOL, call.account), key=lambda it: it.id)


def _range(call: Call, pool: PublicPoolRecord, cidr: str) -> shapes.PublicIpv4PoolRange:
    network = ip_network(cidr)
    taken = watched.taken_of_public(resources.reader(call), pool.id)
    return {
        "FirstAddress": str(network[0]),
        "LastAddress": str(network[-1]),
        "AddressCount": network.num_addresses,
        "AvailableAddressCount": network.num_addresses - spaces.covered(cidr, taken),
    }


def _render(call: Call, pool: PublicPoolRecord) -> shapes.PublicIpv4Pool:
    found = [_range(call, pool, cidr) for cidr in pool.doc.cidrs]
    return {
        "PoolId": pool.id,
        "Description": pool.doc.description,
        "PoolAddressRanges": found,
        "TotalAddressCount": spaces.size(pool.doc.cidrs),
        "TotalAvailableAddressCount": spaces.size(pool.doc.cidrs)
        - len(watched.taken_of_public(resources.reader(call), pool.id)),
        "NetworkBorderGroup": call.settings.region,
        "Tags": tagset.shown(pool.doc.tags),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreatePublicIpv4Pool",
        does=Write(handle=create_pool),
        honours=frozenset({"NetworkBorderGroup"}),
        creates=(records.PUBLIC_POOL.name,),
    ),
    Action(
        service="ec2",
        name="ProvisionPublicIpv4PoolCidr",
        does=Write(handle=provision),
        honours=frozenset({"IpamPoolId", "PoolId", "NetmaskLength", "NetworkBorderGroup"}),
    ),
    Action(
        service="ec2",
        name="DeprovisionPublicIpv4PoolCidr",
        does=Write(handle=deprovision),
        honours=frozenset({"PoolId", "Cidr"}),
    ),
    Action(
        service="ec2",
        name="DeletePublicIpv4Pool",
        does=Write(handle=delete_pool),
        honours=frozenset({"PoolId", "NetworkBorderGroup"}),
    ),
    Action(
        service="ec2",
        name="DescribePublicIpv4Pools",
        does=Listing(
            find=_find,
            render=_render,
            member="PublicIpv4Pools",
            filters={},
            tags=lambda it: it.doc.tags,
            max_results=(1, 10),
        ),
        honours=frozenset({"PoolIds"}),
    ),
)
