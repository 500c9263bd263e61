"""What IPAMs see: the ranges and public addresses that are in use, with how full they are.

A discovery sees its owner's account; one of the cloud's own account sees all accounts, as an
organization's IPAM does in AWS. Pure over a view. Called by the rows that show it (`resourcecidrs`,
`discovered`), by imports and by resolvers of prefix lists.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mallee.cloud.ec2.ipam import spaces
from mallee.cloud.ec2.vpc import ranges
from mallee.cloud.ec2.vpc.interfaces import privateips
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.identity.accounts import Account
from mallee.model.network.ipam import Ipam, Said
from mallee.model.network.networks import Subnet, Vpc

VPC, SUBNET, ADDRESS, PUBLIC_POOL = "vpc", "subnet", "eip", "public-ipv4-pool"

_KEPT_IN_SUBNET = 5

Reader = store.View | store.Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One range of one thing."""

    id: str
    type: str
    cidr: str
    owner: str
    tags: Mapping[str, str]
    vpc_id: str = ""
    zone: str = ""

    @property
    def name(self) -> str:
        """What its owner calls it."""
        return self.tags.get("Name", "")

    @property
    def is_public(self) -> bool:
        """Whether it is of the public scope: the cloud's own range of IPv6 is public too."""
        return ":" in self.cidr or self.type in (ADDRESS, PUBLIC_POOL)


def accounts_of_discovery(view: Reader, discovery_id: str) -> frozenset[str]:
    """Return the accounts that a discovery sees."""
    discovery = view.get(records.IPAM_DISCOVERY, discovery_id)
    return _seen_from(view, discovery.account) if discovery is not None else frozenset()


def _seen_from(view: Reader, account: str) -> frozenset[str]:
    own: Record[Account, None] | None = view.get(records.ACCOUNT, account)
    if own is not None and own.doc.is_cloud_admin:
        return frozenset(one.id for one in view.list(records.ACCOUNT))
    return frozenset({account})


def accounts(view: Reader, ipam_id: str) -> frozenset[str]:
    """Return the accounts that an IPAM sees by all its discoveries."""
    found = view.by(records.IPAM_DISCOVERY_ASSOCIATION, "ipam", ipam_id)
    return frozenset(
        account for it in found for account in accounts_of_discovery(view, it.doc.discovery_id)
    )


def resources(view: Reader, seen: Iterable[str]) -> Iterator[Resource]:
    """Yield everything of those accounts that has a range or a public address."""
    for account in sorted(seen):
        for vpc in view.list(records.VPC, account):
            yield from of_vpc(vpc)
        for subnet in view.list(records.SUBNET, account):
            yield from of_subnet(subnet)
        for address in view.list(records.ADDRESS, account):
            yield Resource(
                id=address.id,
                type=ADDRESS,
                cidr=f"{address.doc.public_ip}/32",
                owner=account,
                tags=address.doc.tags,
            )
        for pool in view.list(records.PUBLIC_POOL, account):
            for cidr in pool.doc.cidrs:
                yield Resource(
                    id=pool.id, type=PUBLIC_POOL, cidr=cidr, owner=account, tags=pool.doc.tags
                )


def of_vpc(vpc: Record[Vpc, None]) -> Iterator[Resource]:
    """Yield the ranges of a VPC."""
    for cidr in (*vpc.doc.cidrs, *(block.cidr for block in vpc.doc.ipv6_cidrs)):
        yield Resource(
            id=vpc.id, type=VPC, cidr=cidr, owner=vpc.account, tags=vpc.doc.tags, vpc_id=vpc.id
        )


def of_subnet(subnet: Record[Subnet, None]) -> Iterator[Resource]:
    """Yield the ranges of a subnet."""
    for cidr in (subnet.doc.cidr, *(block.cidr for block in subnet.doc.ipv6_cidrs)):
        yield Resource(
            id=subnet.id,
            type=SUBNET,
            cidr=cidr,
            owner=subnet.account,
            tags=subnet.doc.tags,
            vpc_id=subnet.doc.vpc_id,
            zone=subnet.doc.zone,
        )


def said_of(ipam: Ipam, resource: Resource) -> Said | None:
    """Return what somebody said of the resource in this IPAM."""
    for said in ipam.said:
        if (said.resource_id, said.cidr) == (resource.id, resource.cidr):
            return said
    return None


def scope_of(ipam: Ipam, resource: Resource) -> str:
    """Return the scope in which the IPAM sees it."""
    if resource.is_public:
        return ipam.public_scope_id
    said = said_of(ipam, resource)
    return said.scope_id if said is not None else ipam.private_scope_id


def usage(view: Reader, resource: Resource) -> float:
    """Return which part of it is in use: of a VPC what subnets have, of a subnet its addresses."""
    whole = spaces.size((resource.cidr,))
    if resource.type == VPC:
        parts = [
            cidr
            for subnet in view.by(records.SUBNET, "vpc", resource.id)
            for cidr in (subnet.doc.cidr, *(block.cidr for block in subnet.doc.ipv6_cidrs))
            if ranges.is_within(ranges.parsed(cidr), (resource.cidr,))
        ]
        return spaces.covered(resource.cidr, parts) / whole
    record: Any
    if resource.type == SUBNET:
        record = view.get(records.SUBNET, resource.id)
        if ":" in resource.cidr:
            return view.total(privateips.claim_space6(resource.id)) / whole
        assignable = whole - _KEPT_IN_SUBNET
        return (assignable - privateips.free(view, record)) / assignable if record else 0.0
    if resource.type == ADDRESS:
        record = view.get(records.ADDRESS, resource.id)
        return 1.0 if record is not None and record.doc.interface_id else 0.0
    return spaces.covered(resource.cidr, taken_of_public(view, resource.id)) / whole


def taken_of_public(view: Reader, pool_id: str) -> list[str]:
    """Return the addresses that are allocated of a pool of public ones."""
    found = view.by(records.ADDRESS, "pool", pool_id)
    return [f"{address.doc.public_ip}/32" for address in found]
