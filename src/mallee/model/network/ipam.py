"""The nouns of address management (IPAM): who plans which ranges, and what was given out of them.

An IPAM has scopes, in each of which no range is planned twice; a scope has pools, trees of ranges;
an allocation is a part of a pool that something has: another pool, a VPC, a subnet, an address, or
whatever somebody noted by hand. Pure values; the rules are `cloud.ec2.ipam`'s.
"""

import msgspec

PRIVATE, PUBLIC = "private", "public"
"""The two types of scopes."""

IPV4, IPV6 = "ipv4", "ipv6"
"""The address families of pools."""

AMAZON, BYOIP = "amazon", "byoip"
"""Whose the public ranges of a pool are: the cloud's own, or brought along."""

EVERYBODY = "*"
"""Among the accounts that may use a pool: all of them."""


class Said(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What somebody said of the range of one resource: not watched, or of another scope."""

    resource_id: str
    cidr: str
    scope_id: str
    is_monitored: bool


class Ipam(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A place to plan ranges."""

    id: str
    description: str = ""
    tier: str = "advanced"
    regions: tuple[str, ...]
    private_scope_id: str
    public_scope_id: str
    discovery_id: str
    association_id: str
    said: tuple[Said, ...] = ()
    is_modified: bool = False
    tags: dict[str, str] = {}


class Scope(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A space of addresses in which each is meant once."""

    id: str
    ipam_id: str
    type: str
    is_default: bool = False
    description: str = ""
    is_modified: bool = False
    tags: dict[str, str] = {}


class PoolCidr(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A range that a pool may give from."""

    id: str
    cidr: str


class Pool(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Ranges that are given out by rules."""

    id: str
    ipam_id: str
    scope_id: str
    scope_type: str
    family: str
    source_id: str = ""
    """The pool whose parts its ranges are; empty: it is at the top."""
    vpc_id: str = ""
    """The VPC whose ranges it gives to subnets; empty: it gives to VPCs and others."""
    depth: int = 1
    locale: str = "None"
    description: str = ""
    auto_import: bool = False
    min_length: int | None = None
    max_length: int | None = None
    default_length: int | None = None
    required_tags: dict[str, str] = {}
    service: str = ""
    public_source: str = ""
    """`amazon` or `byoip`, of a pool of public addresses."""
    cidrs: tuple[PoolCidr, ...] = ()
    accounts: tuple[str, ...] = ()
    """The accounts that may use it besides its owner's; `*`: all of the cloud."""
    is_modified: bool = False
    tags: dict[str, str] = {}

    def serves(self, account: str) -> bool:
        """Tell whether the account may use it, though it is another's."""
        return account in self.accounts or EVERYBODY in self.accounts


class Allocation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A part of a pool that something has."""

    id: str
    pool_id: str
    cidr: str
    resource_type: str
    resource_id: str = ""
    """Empty: it was noted by hand."""
    owner: str
    """The account that has it."""
    description: str = ""
    tags: dict[str, str] = {}


class Discovery(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an IPAM sees by: the ranges in use in its owner's account; of the cloud's own account
    in all accounts."""

    id: str
    description: str = ""
    regions: tuple[str, ...]
    is_default: bool = False
    is_modified: bool = False
    tags: dict[str, str] = {}


class DiscoveryAssociation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That an IPAM sees by a discovery."""

    id: str
    ipam_id: str
    discovery_id: str
    is_default: bool = False
    tags: dict[str, str] = {}


class PublicPool(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A pool of public addresses from which elastic ones are allocated (`ipv4pool-ec2-…`)."""

    id: str
    description: str = ""
    cidrs: tuple[str, ...] = ()
    tags: dict[str, str] = {}


class Condition(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a rule asks of a thing: one member of it, compared with a value."""

    operation: str
    """`equals`, `not-equals` or `subnet-of`."""
    member: str
    """`pool`, `resource`, `owner`, `region`, `tag` or `cidr`."""
    value: str
    key: str = ""
    """Of a tag: which."""


class ResolverRule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which ranges a resolver takes: one that is named, those in use, or those of pools."""

    type: str
    cidr: str = ""
    scope_id: str = ""
    resource_type: str = ""
    conditions: tuple[Condition, ...] = ()


class ResolverVersion(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a resolver found at one of its versions."""

    version: int
    cidrs: tuple[str, ...]


class Resolver(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Finds ranges by rules, again and again, for prefix lists that follow."""

    id: str
    ipam_id: str
    family: str
    description: str = ""
    rules: tuple[ResolverRule, ...] = ()
    versions: tuple[ResolverVersion, ...] = ()
    """Oldest first; only the newest are kept."""
    problem: str = ""
    """Why what was found last became no version; empty: it did."""
    is_modified: bool = False
    tags: dict[str, str] = {}


class ResolverTarget(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That a prefix list follows a resolver."""

    id: str
    resolver_id: str
    list_id: str
    desired_version: int | None = None
    tracks_latest: bool = True
    synced_version: int | None = None
    problem: str = ""
    """Why the list has not what it should; empty: it has."""
    tags: dict[str, str] = {}


class PolicyRule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """From which pools things of a type get their public addresses, the first one first."""

    locale: str
    resource_type: str
    pool_ids: tuple[str, ...]


class Policy(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """From where public addresses come that nobody asks a pool for."""

    id: str
    ipam_id: str
    rules: tuple[PolicyRule, ...] = ()
    targets: tuple[str, ...] = ()
    """The accounts for which it is enabled."""
    is_modified: bool = False
    tags: dict[str, str] = {}
