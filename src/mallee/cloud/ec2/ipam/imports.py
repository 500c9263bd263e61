"""Taking in what is there already: pools that import note what lies in their ranges as given out.

Called in the same transaction when such a pool gets a range, and when a VPC or subnet gets one that
is of no pool. As in AWS rules about lengths and tags do not stand against it: what breaks them is
shown as noncompliant. What meets something given out already stays unmanaged.
"""

from collections.abc import Iterable

from mallee.cloud.call import WriteCall
from mallee.cloud.ec2.ipam import given, watched
from mallee.cloud.ec2.vpc import ranges
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.network.ipam import PRIVATE, Pool

PoolRecord = Record[Pool, None]


def take_in(call: WriteCall, pool: PoolRecord) -> None:
    """Note what is there already in the ranges of a pool that imports, the largest first."""
    if pool.doc.auto_import and pool.doc.scope_type == PRIVATE:
        seen = watched.accounts(call.tx, pool.doc.ipam_id)
        _take_in(call, pool, watched.resources(call.tx, seen))


def notice(call: WriteCall, found: Iterable[watched.Resource]) -> None:
    """Let pools that import note new ranges of a thing."""
    new = list(found)
    for pool in sorted(call.tx.list(records.IPAM_POOL), key=lambda it: -it.doc.depth):
        if pool.doc.auto_import and pool.doc.scope_type == PRIVATE:
            seen = watched.accounts(call.tx, pool.doc.ipam_id)
            _take_in(call, pool, [it for it in new if it.owner in seen])


def _take_in(call: WriteCall, pool: PoolRecord, found: Iterable[watched.Resource]) -> None:
    ipam = call.tx.get(records.IPAM, pool.doc.ipam_id)
    within = [it.cidr for it in pool.doc.cidrs]
    if ipam is None:
        return
    fitting = [
        it
        for it in found
        if _is_for(pool.doc, it)
        and watched.scope_of(ipam.doc, it) == pool.doc.scope_id
        and ranges.is_within(ranges.parsed(it.cidr), within)
        and _is_watched(watched.said_of(ipam.doc, it))
    ]
    taken = [it.doc.cidr for it in given.of_pool(call.tx, pool.id)]
    for one in sorted(fitting, key=lambda it: (ranges.parsed(it.cidr).prefixlen, it.id)):
        is_held = given.of_resource(call.tx, one.id, one.cidr)
        if not is_held and not ranges.overlapping(ranges.parsed(one.cidr), taken):
            given.note(
                call, pool, one.cidr, given.Holder(type=one.type, id=one.id, owner=one.owner)
            )
            taken.append(one.cidr)


def _is_for(pool: Pool, resource: watched.Resource) -> bool:
    """Tell whether the pool gives to things like it: subnets of one VPC, or VPCs."""
    if pool.vpc_id:
        return resource.type == watched.SUBNET and resource.vpc_id == pool.vpc_id
    return resource.type == watched.VPC


def _is_watched(said: watched.Said | None) -> bool:
    return said is None or said.is_monitored
