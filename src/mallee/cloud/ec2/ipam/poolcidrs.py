"""The ranges of pools: provisioned, taken away again, shown.

Called through the action table. At the top of a private scope a range is whatever its owner plans,
once per scope; of a public one it is set aside from the cloud's own (`publicblocks`) or brought
along (`byoip`). Below a pool it is a part of that pool; of a pool for subnets, of its VPC.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Network
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.ipam import given, imports, publicblocks
from mallee.cloud.ec2.vpc import ranges
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.ipam import IPV4, PUBLIC, Pool, PoolCidr

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_POOL = 50
_ULA = IPv6Network("fc00::/7")

PoolRecord = Record[Pool, None]


def provision(
    call: WriteCall, request: shapes.ProvisionIpamPoolCidrRequest
) -> shapes.ProvisionIpamPoolCidrResult:
    """Give a pool one more range."""
    pool = resources.one(call, records.IPAM_POOL, request["IpamPoolId"])
    if len(pool.doc.cidrs) >= MAX_PER_POOL:
        raise errors.IpamLimitExceeded("ranges of a pool", MAX_PER_POOL)
    cidr, length = request.get("Cidr"), request.get("NetmaskLength")
    if (cidr is None) == (length is None):
        raise errors.InvalidParameterCombination(
            "Exactly one of Cidr and NetmaskLength must be given."
        )
    if cidr is not None:
        cidr = str(_of_family(pool, ranges.any_family(cidr, "Cidr")))
    return {"IpamPoolCidr": shown(add(call, pool, _found(call, pool, cidr, request)))}


def _found(call: WriteCall, pool: PoolRecord, cidr: str | None, request: Request) -> str:
    """Return the range, claimed wherever it comes from."""
    length: int | None = request.get("NetmaskLength")
    if pool.doc.vpc_id:
        return _of_vpc(call, pool, cidr)
    if pool.doc.source_id:
        source = resources.one(call, records.IPAM_POOL, pool.doc.source_id)
        wish = given.Wish(cidr=cidr, length=length, is_ruled=False)
        holder = given.Holder(type=given.POOL, id=pool.id, owner=pool.account)
        return given.take(call, source, wish, holder).doc.cidr
    if pool.doc.scope_type != PUBLIC:
        return _planned(call, pool, cidr)
    if length is None:
        raise errors.UnsupportedOperation(
            "At the top of a public scope a pool is given ranges of the cloud's own, by "
            "NetmaskLength."
        )
    return publicblocks.set_aside(call, pool, length)


def _of_family(pool: PoolRecord, network: ranges.Network) -> ranges.Network:
    if (network.version == 4) is not (pool.doc.family == IPV4):
        raise errors.InvalidParameterValue(
            f"The CIDR {network} is not of the address family of the pool, {pool.doc.family}."
        )
    return network


def _planned(call: WriteCall, pool: PoolRecord, cidr: str | None) -> str:
    """Check a range at the top of a private scope."""
    if cidr is None:
        raise errors.MissingParameter("Cidr")
    network = ranges.parsed(cidr)
    if isinstance(network, IPv6Network) and not network.subnet_of(_ULA):
        raise errors.InvalidParameterValue(
            f"The CIDR {cidr} is not private: a private scope plans IPv6 ranges of {_ULA}."
        )
    for other in call.tx.by(records.IPAM_POOL, "scope", pool.doc.scope_id):
        # What lies below a pool is a part of it; so those at the top are all that can be met.
        if not other.doc.source_id:
            _check_apart(network, other)
    return cidr


def _check_apart(network: ranges.Network, other: PoolRecord) -> None:
    met = ranges.overlapping(network, [it.cidr for it in other.doc.cidrs])
    if met is not None:
        raise errors.InvalidParameterValue(
            f"The CIDR {network} overlaps {met} of the IPAM pool {other.id} in the same scope."
        )


def _of_vpc(call: WriteCall, pool: PoolRecord, cidr: str | None) -> str:
    """Check a range of the VPC whose subnets the pool gives to."""
    if cidr is None:
        raise errors.MissingParameter("Cidr")
    held = [
        it.doc.cidr
        for it in given.of_resource(call.tx, pool.doc.vpc_id)
        if it.doc.pool_id == pool.doc.source_id
    ]
    network = ranges.parsed(cidr)
    if not ranges.is_within(network, held):
        raise errors.InvalidParameterValue(
            f"The CIDR {cidr} is in no range of {pool.doc.vpc_id} that is of the source pool."
        )
    for other in call.tx.by(records.IPAM_POOL, "vpc", pool.doc.vpc_id):
        _check_apart(network, other)
    return cidr


def add(call: WriteCall, pool: PoolRecord, cidr: str) -> PoolCidr:
    """Write a range down that is the pool's now, with what it has of things that are there."""
    made = PoolCidr(id=ids.make("ipam-pool-cidr", call.entropy(ids.ID_BYTES)), cidr=cidr)
    pool = call.tx.write(pool, replace(pool.doc, cidrs=(*pool.doc.cidrs, made)))
    imports.take_in(call, pool)
    return made


def deprovision(
    call: WriteCall, request: shapes.DeprovisionIpamPoolCidrRequest
) -> shapes.DeprovisionIpamPoolCidrResult:
    """Take a range from a pool, of which nothing is given out."""
    pool = resources.one(call, records.IPAM_POOL, request["IpamPoolId"])
    if "Cidr" not in request:
        raise errors.MissingParameter("Cidr")
    cidr = str(ranges.any_family(request["Cidr"], "Cidr"))
    gone = next((it for it in pool.doc.cidrs if it.cidr == cidr), None)
    if gone is None:
        raise errors.InvalidParameterValue(f"The IPAM pool {pool.id} has no range {cidr}.")
    held = [it.doc.cidr for it in given.of_pool(call.tx, pool.id)]
    met = ranges.overlapping(ranges.parsed(cidr), held)
    if met is not None:
        raise errors.DependencyViolation(
            f"The CIDR {cidr} of the IPAM pool {pool.id} has the allocation {met}."
        )
    publicblocks.give_back(call.tx, pool, cidr)
    given.give_back(call.tx, pool.id, cidr)
    left = tuple(it for it in pool.doc.cidrs if it != gone)
    call.tx.write(pool, replace(pool.doc, cidrs=left))
    return {"IpamPoolCidr": {**shown(gone), "State": "deprovisioned"}}


def _find(call: Call, request: shapes.GetIpamPoolCidrsRequest) -> Iterable[PoolCidr]:
    pool = given.usable(call, request["IpamPoolId"])
    return sorted(pool.doc.cidrs, key=lambda it: it.id)


def shown(cidr: PoolCidr) -> shapes.IpamPoolCidr:
    """Return a range as the API shows it."""
    return {
        "Cidr": cidr.cidr,
        "State": "provisioned",
        "IpamPoolCidrId": cidr.id,
        "NetmaskLength": ranges.parsed(cidr.cidr).prefixlen,
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="ProvisionIpamPoolCidr",
        does=Write(handle=provision),
        honours=frozenset({"IpamPoolId", "Cidr", "NetmaskLength"}),
    ),
    Action(
        service="ec2",
        name="DeprovisionIpamPoolCidr",
        does=Write(handle=deprovision),
        honours=frozenset({"IpamPoolId", "Cidr"}),
    ),
    Action(
        service="ec2",
        name="GetIpamPoolCidrs",
        does=Listing(
            find=_find,
            render=lambda call, it: shown(it),
            member="IpamPoolCidrs",
            filters={
                "cidr": lambda call, it: (it.cidr,),
                "ipam-pool-cidr-id": lambda call, it: (it.id,),
                "state": lambda call, it: ("provisioned",),
            },
        ),
        honours=frozenset({"IpamPoolId"}),
    ),
)
