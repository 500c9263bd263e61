"""Resolving: what a resolver's rules find now, and bringing it to the prefix lists that follow.

Called by the rows of `resolvers` and `resolvertargets` in their transactions, and by the loop that
looks after every change (`reconcile.resolvers`). Doing it twice is doing it once: without a
difference nothing is written.
"""

from collections.abc import Iterable, Iterator
from ipaddress import ip_network

from msgspec.structs import replace

from mallee.cloud.ec2.ipam import given, watched
from mallee.cloud.ec2.vpc import ranges
from mallee.cloud.ec2.vpc.routing import prefixlists
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.network.ipam import (
    IPV4,
    Condition,
    Ipam,
    Resolver,
    ResolverRule,
    ResolverTarget,
    ResolverVersion,
)
from mallee.model.network.prefixlists import PrefixEntry

MAX_CIDRS = 1000
KEPT_VERSIONS = 50

STATIC, IN_USE, OF_POOLS = "static-cidr", "ipam-resource-cidr", "ipam-pool-cidr"
"""Types of rules."""

ResolverRecord = Record[Resolver, None]
TargetRecord = Record[ResolverTarget, None]


def find(view: watched.Reader, resolver: Resolver, region: str) -> tuple[str, ...]:
    """Return the ranges that the rules find, each once, in order."""
    ipam = view.get(records.IPAM, resolver.ipam_id)
    if ipam is None:
        return ()
    # Once for all rules: there may be a hundred, and thousands of things.
    those = tuple(watched.resources(view, watched.accounts(view, ipam.id)))
    found = {cidr for rule in resolver.rules for cidr in _by(view, (ipam.doc, those), rule, region)}
    fitting = (ip_network(cidr) for cidr in found if (":" not in cidr) is (resolver.family == IPV4))
    ordered = sorted(fitting, key=lambda one: (int(one.network_address), one.prefixlen))
    return tuple(map(str, ordered))


def _by(
    view: watched.Reader,
    within: tuple[Ipam, tuple[watched.Resource, ...]],
    rule: ResolverRule,
    region: str,
) -> Iterator[str]:
    ipam, those = within
    if rule.type == STATIC:
        yield rule.cidr
    elif rule.type == OF_POOLS:
        for pool in view.by(records.IPAM_POOL, "scope", rule.scope_id):
            for one in pool.doc.cidrs:
                facts = watched.Resource(
                    id=pool.id, type="pool", cidr=one.cidr, owner=pool.account, tags=pool.doc.tags
                )
                if all(_holds(it, facts, region, {pool.id}) for it in rule.conditions):
                    yield one.cidr
    else:
        for one in those:
            is_asked = rule.resource_type in ("", one.type)
            if is_asked and watched.scope_of(ipam, one) == rule.scope_id:
                pools = {it.doc.pool_id for it in given.of_resource(view, one.id, one.cidr)}
                if all(_holds(it, one, region, pools) for it in rule.conditions):
                    yield one.cidr


def _holds(condition: Condition, one: watched.Resource, region: str, pools: set[str]) -> bool:
    if condition.operation == "subnet-of":
        return ranges.is_within(ranges.parsed(one.cidr), (condition.value,))
    values: dict[str, Iterable[str]] = {
        "pool": pools,
        "resource": (one.id,),
        "owner": (one.owner,),
        "region": (region,),
        "tag": (one.tags.get(condition.key, ""),),
        "cidr": (one.cidr,),
    }
    return (condition.value in values[condition.member]) is (condition.operation == "equals")


def settle(tx: store.Tx, resolver: ResolverRecord, region: str) -> ResolverRecord:
    """Make a new version where something else is found, and let the lists follow."""
    doc = resolver.doc
    found = find(tx, doc, region)
    latest = doc.versions[-1] if doc.versions else None
    if len(found) > MAX_CIDRS:
        problem = f"{len(found)} ranges were found; a version has at most {MAX_CIDRS}."
        doc = replace(doc, problem=problem)
    elif latest is None or latest.cidrs != found:
        version = ResolverVersion(version=latest.version + 1 if latest else 1, cidrs=found)
        doc = replace(doc, versions=(*doc.versions, version)[-KEPT_VERSIONS:], problem="")
    else:
        doc = replace(doc, problem="")
    if doc != resolver.doc:
        resolver = tx.write(resolver, doc)
    for target in tx.by(records.RESOLVER_TARGET, "resolver", resolver.id):
        follow(tx, doc, target)
    return resolver


def follow(tx: store.Tx, resolver: Resolver, target: TargetRecord) -> TargetRecord:
    """Give a prefix list what the version has that it shall have."""
    doc, listed = target.doc, tx.get(records.PREFIX_LIST, target.doc.list_id)
    wanted = _wanted(resolver, doc)
    if listed is None:
        return _told(tx, target, replace(doc, problem=f"The list {doc.list_id} is gone."))
    if not listed.doc.is_synced:
        return _told(tx, target, replace(doc, problem="The list does not follow at the moment."))
    if wanted is None:
        text = f"There is no version {doc.desired_version or ''}".strip()
        return _told(tx, target, replace(doc, problem=f"{text}."))
    if len(wanted.cidrs) > listed.doc.max_entries:
        problem = (
            f"Version {wanted.version} has {len(wanted.cidrs)} ranges, and the list {listed.id} "
            f"has at most {listed.doc.max_entries}."
        )
        return _told(tx, target, replace(doc, problem=problem))
    if {entry.cidr for entry in listed.doc.entries} != set(wanted.cidrs):
        entries = tuple(PrefixEntry(cidr) for cidr in wanted.cidrs)
        tx.write(listed, prefixlists.next_version(listed.doc, entries))
    return _told(tx, target, replace(doc, synced_version=wanted.version, problem=""))


def _wanted(resolver: Resolver, target: ResolverTarget) -> ResolverVersion | None:
    for version in reversed(resolver.versions):
        if target.tracks_latest or version.version == target.desired_version:
            return version
    return None


def _told(tx: store.Tx, target: TargetRecord, doc: ResolverTarget) -> TargetRecord:
    return tx.write(target, doc) if doc != target.doc else target
