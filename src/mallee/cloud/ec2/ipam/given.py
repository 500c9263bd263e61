"""Giving parts of pools out, and taking them back: the one place that makes and ends allocations.

Called by the rows of this folder, and in the same transaction by whatever is made from a pool
(VPCs, subnets, addresses) and ends. Invariants: 1. no two allocations of a pool meet; 2. each lies
in one of its pool's ranges; 3. a thing that is gone has none.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mallee.aws import errors
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.ipam import spaces
from mallee.cloud.ec2.vpc import ranges
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.ipam import IPV4, IPV6, Allocation, Pool

CUSTOM, POOL, VPC, SUBNET = "custom", "ipam-pool", "vpc", "subnet"
ADDRESS, PUBLIC_POOL = "eip", "ec2-public-ipv4-pool"
"""Types of what has an allocation, in AWS's words."""

PREFIX = "ipam-pool-alloc"
MAX_PER_POOL = 4000
"""Allocations of one pool: to find a free part is to look at all that are taken, while everybody
else's changes wait."""
LONGEST = {IPV4: 32, IPV6: 128}
"""Of each family: the greatest netmask length."""

PoolRecord = Record[Pool, None]
AllocationRecord = Record[Allocation, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which part of a pool is wanted: that one, or any of a length."""

    cidr: str | None = None
    length: int | None = None
    allowed: tuple[str, ...] = ()
    """Only parts of these, where any are given."""
    disallowed: tuple[str, ...] = ()
    is_ruled: bool = True
    """Whether the pool's rules about lengths are for it: not for pools below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What gets the part."""

    type: str
    id: str = ""
    owner: str
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict[str, str])
    """Of the allocation itself."""


def usable(call: Call, id: str) -> PoolRecord:
    """Return a pool of the caller's, or one that its owner lets him use."""
    text = resources.check_form(records.IPAM_POOL, id)
    pool = resources.reader(call).get(records.IPAM_POOL, text)
    if pool is None or not may_use(pool, call.account):
        raise resources.not_found(records.IPAM_POOL, [text])
    return pool


def may_use(pool: PoolRecord, account: str) -> bool:
    """Tell whether an account may use a pool."""
    return pool.account == account or pool.doc.serves(account)


def of_pool(view: store.View | store.Tx, pool_id: str) -> list[AllocationRecord]:
    """Return what is given out of a pool."""
    return view.by(records.IPAM_ALLOCATION, "pool", pool_id)


def of_resource(view: store.View | store.Tx, id: str, cidr: str = "") -> list[AllocationRecord]:
    """Return the parts that a thing has, or that one part of them."""
    found = view.by(records.IPAM_ALLOCATION, "resource", id)
    return [it for it in found if cidr in ("", it.doc.cidr)]


def choose(call: WriteCall, pool: PoolRecord, wish: Wish) -> str:
    """Return the free part that would be given; raise when none fits."""
    taken = [it.doc.cidr for it in of_pool(call.tx, pool.id)]
    within = [it.cidr for it in pool.doc.cidrs]
    if wish.cidr is not None:
        network = ranges.any_family(wish.cidr, "Cidr")
        if wish.is_ruled:
            check_length(pool, network.prefixlen)
        return _check_one(pool, network, taken)
    length = wish.length if wish.length is not None else pool.doc.default_length
    if length is None:
        raise errors.MissingParameter("NetmaskLength")
    if wish.is_ruled or not 0 <= length <= LONGEST[pool.doc.family]:
        check_length(pool, length)
    if wish.allowed:
        within = list(_narrowed(within, wish.allowed))
    found = spaces.first_free(within, (*taken, *wish.disallowed), length)
    if found is None:
        if not any(ranges.parsed(cidr).prefixlen <= length for cidr in within):
            raise errors.AllocationTooBig
        raise errors.PoolUsedUp(length, pool.id)
    return str(found)


def _narrowed(within: Iterable[str], allowed: Iterable[str]) -> Iterable[str]:
    """Yield what the pool's ranges and the allowed ones have in common."""
    for one in within:
        for other in allowed:
            if ranges.is_within(ranges.parsed(one), (other,)):
                yield one
            elif ranges.is_within(ranges.parsed(other), (one,)):
                yield other


def check_length(pool: PoolRecord, length: int) -> None:
    """Raise when the pool's rules forbid parts of that length."""
    doc = pool.doc
    if not 0 <= length <= LONGEST[doc.family]:
        raise errors.InvalidParameterValue(
            f"Value ({length}) for parameter NetmaskLength is invalid. It ranges from 0 to "
            f"{LONGEST[doc.family]}."
        )
    if doc.min_length is not None and length < doc.min_length:
        raise errors.AllocationTooBig
    if doc.max_length is not None and length > doc.max_length:
        raise errors.AllocationTooSmall


def _check_one(pool: PoolRecord, network: ranges.Network, taken: Iterable[str]) -> str:
    if not ranges.is_within(network, [it.cidr for it in pool.doc.cidrs]):
        raise errors.InvalidParameterValue(
            f"The CIDR {network} is in none of the ranges of the IPAM pool {pool.id}."
        )
    other = ranges.overlapping(network, taken)
    if other is not None:
        raise errors.InvalidParameterValue(
            f"The CIDR {network} overlaps the allocation {other} of the IPAM pool {pool.id}."
        )
    return str(network)


def take(call: WriteCall, pool: PoolRecord, wish: Wish, holder: Holder) -> AllocationRecord:
    """Give a part of the pool to something; raise when the pool has none or its rules forbid it."""
    return note(call, pool, choose(call, pool, wish), holder)


def check_tags(pool: PoolRecord, tags: dict[str, str]) -> None:
    """Raise when the pool gives to things with other tags only."""
    for key, value in pool.doc.required_tags.items():
        if tags.get(key) != value:
            raise errors.InvalidParameterValue(
                f"The IPAM pool {pool.id} gives to resources with the tag {key}={value} only."
            )


def note(call: WriteCall, pool: PoolRecord, cidr: str, holder: Holder) -> AllocationRecord:
    """Write down that something has a part that is free."""
    if len(of_pool(call.tx, pool.id)) >= MAX_PER_POOL:
        raise errors.IpamLimitExceeded("allocations of a pool", MAX_PER_POOL)
    made = Allocation(
        id=ids.make(PREFIX, call.entropy(ids.ID_BYTES)),
        pool_id=pool.id,
        cidr=cidr,
        resource_type=holder.type,
        resource_id=holder.id,
        owner=holder.owner,
        description=holder.description,
        tags=holder.tags,
    )
    return call.tx.insert(records.IPAM_ALLOCATION, pool.account, made.id, made)


def give_back(tx: store.Tx, resource_id: str, cidr: str = "") -> None:
    """End what a thing has of any pool, or that one part; doing it twice is doing it once."""
    for allocation in of_resource(tx, resource_id, cidr):
        tx.delete(allocation)


def forget_account(tx: store.Tx, account: str) -> None:
    """End what an account has noted by hand in pools of others."""
    for allocation in tx.by(records.IPAM_ALLOCATION, "owner", account):
        tx.delete(allocation)


def forget(tx: store.Tx, record: Record[Any, Any]) -> None:
    """End what a record has that goes with its account, by whatever pools' owners."""
    if record.kind.name in (records.VPC.name, records.SUBNET.name, records.ADDRESS.name):
        give_back(tx, record.id)
