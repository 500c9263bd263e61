"""Ranges that VPCs and subnets take from pools of address management instead of naming them.

Called by `vpcs`, `vpccidrs`, `subnets` and `subnetcidrs` within the transaction that makes the
thing: a range is chosen before it (`choose…`) and written down with its id (`note`), or neither.
What may be given from which pool is said here, how a part is found in `ipam.given`.
"""

from dataclasses import dataclass

from mallee.aws import errors
from mallee.cloud.call import Request, WriteCall
from mallee.cloud.ec2.ipam import given, imports, watched
from mallee.cloud.ec2.vpc import ranges
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.network.ipam import IPV4, PRIVATE, PUBLIC, Pool
from mallee.model.network.networks import Subnet, Vpc

HONOURS = frozenset(
    {"Ipv4IpamPoolId", "Ipv4NetmaskLength", "Ipv6IpamPoolId", "Ipv6NetmaskLength", "Ipv6CidrBlock"}
)
"""Members of a request that this module answers for."""

PoolRecord = Record[Pool, None]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A range, and the pool that it is of; None: it is of none."""

    cidr: str
    pool: PoolRecord | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request says of the range of one family."""

    pool_id: str | None
    length: int | None
    cidr: str | None


def _asked(request: Request, family: str) -> _Asked:
    four = family == IPV4
    return _Asked(
        pool_id=request.get("Ipv4IpamPoolId" if four else "Ipv6IpamPoolId"),
        length=request.get("Ipv4NetmaskLength" if four else "Ipv6NetmaskLength"),
        cidr=request.get("CidrBlock" if four else "Ipv6CidrBlock"),
    )


def wants(request: Request, family: str) -> bool:
    """Tell whether a request asks for a range of a pool."""
    asked = _asked(request, family)
    return asked.pool_id is not None or asked.length is not None


def _pool(call: WriteCall, asked: _Asked, family: str) -> PoolRecord | None:
    if asked.pool_id is None:
        if asked.length is not None:
            raise errors.InvalidParameterCombination(
                "A netmask length is given with the IPAM pool to take a range from."
            )
        return None
    if asked.cidr is not None and asked.length is not None:
        raise errors.InvalidParameterCombination(
            "Give a CIDR block of the IPAM pool or a netmask length, not both."
        )
    pool = given.usable(call, asked.pool_id)
    if pool.doc.family != family:
        raise errors.InvalidParameterValue(f"The IPAM pool {pool.id} is not of {family}.")
    if pool.doc.locale != call.settings.region:
        raise errors.InvalidParameterValue(
            f"The IPAM pool {pool.id} has the locale {pool.doc.locale}: resources of "
            f"{call.settings.region} have ranges of pools with that locale."
        )
    return pool


def for_vpc(call: WriteCall, request: Request, family: str, tags: dict[str, str]) -> Chosen:
    """Return the range that a VPC shall have: the one named, or a free one of a pool."""
    asked = _asked(request, family)
    pool = _pool(call, asked, family)
    if pool is None:
        if asked.cidr is None:
            raise errors.MissingParameter("cidrBlock")
        return Chosen(asked.cidr)
    # A private range of IPv6 is carried by no host, a public one of IPv4 has no VPC behind it.
    if pool.doc.vpc_id or pool.doc.scope_type != (PRIVATE if family == IPV4 else PUBLIC):
        raise errors.InvalidParameterValue(
            f"The IPAM pool {pool.id} gives no ranges of {family} to VPCs: that does a pool of a "
            f"{PRIVATE if family == IPV4 else PUBLIC} scope."
        )
    given.check_tags(pool, tags)
    wish = given.Wish(cidr=asked.cidr, length=asked.length)
    return Chosen(given.choose(call, pool, wish), pool)


def for_subnet(call: WriteCall, request: Request, family: str, subnet: Subnet) -> Chosen:
    """Return the range that a subnet of a VPC shall have, which has its id and tags already."""
    asked = _asked(request, family)
    pool = _pool(call, asked, family)
    if pool is None:
        if asked.cidr is None:
            raise errors.MissingParameter("cidrBlock" if family == IPV4 else "ipv6CidrBlock")
        return Chosen(asked.cidr)
    if pool.doc.vpc_id != subnet.vpc_id:
        raise errors.InvalidParameterValue(
            f"The IPAM pool {pool.id} does not give ranges of {subnet.vpc_id} to subnets."
        )
    given.check_tags(pool, subnet.tags)
    others = [
        cidr
        for other in call.tx.by(records.SUBNET, "vpc", subnet.vpc_id)
        for cidr in (other.doc.cidr, *(block.cidr for block in other.doc.ipv6_cidrs))
    ]
    wish = given.Wish(cidr=asked.cidr, length=asked.length, disallowed=tuple(others))
    return Chosen(given.choose(call, pool, wish), pool)


def note_vpc(call: WriteCall, vpc: Record[Vpc, None], chosen: Chosen) -> None:
    """Write down that a VPC has the range, in its pool or in those that import."""
    _note(call, chosen, given.Holder(type=given.VPC, id=vpc.id, owner=vpc.account))
    if chosen.pool is None:
        imports.notice(call, watched.of_vpc(vpc))


def note_subnet(call: WriteCall, subnet: Record[Subnet, None], chosen: Chosen) -> None:
    """Write down that a subnet has the range, in its pool or in those that import."""
    _note(call, chosen, given.Holder(type=given.SUBNET, id=subnet.id, owner=subnet.account))
    if chosen.pool is None:
        imports.notice(call, watched.of_subnet(subnet))


def _note(call: WriteCall, chosen: Chosen, holder: given.Holder) -> None:
    if chosen.pool is not None:
        given.note(call, chosen.pool, str(ranges.parsed(chosen.cidr)), holder)


def check_unplanned(call: WriteCall, vpc_id: str, cidr: str = "") -> None:
    """Raise when a pool for subnets has ranges of the VPC, or parts of that one."""
    for pool in call.tx.by(records.IPAM_POOL, "vpc", vpc_id):
        if not cidr or ranges.overlapping(ranges.parsed(cidr), [it.cidr for it in pool.doc.cidrs]):
            raise errors.DependencyViolation(
                f"The IPAM pool '{pool.id}' gives ranges of '{vpc_id}' to subnets: delete it first."
            )
