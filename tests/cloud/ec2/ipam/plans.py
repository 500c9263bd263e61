"""An IPAM with pools, made by its owner's client: what most tests of address management need."""

from dataclasses import dataclass
from typing import Any

REGION = "us-east-1"


@dataclass(frozen=True)
class Plan:
    """An IPAM, its scopes, and a pool of private addresses at the top of the private one."""

    ipam: str
    private: str
    public: str
    pool: str


def make(client: Any, cidr: str = "10.0.0.0/8", **rules: Any) -> Plan:
    """Make one; its pool gives to resources."""
    ipam = client.create_ipam(OperatingRegions=[{"RegionName": REGION}])["Ipam"]
    made = Plan(
        ipam["IpamId"],
        ipam["PrivateDefaultScopeId"],
        ipam["PublicDefaultScopeId"],
        pool(client, ipam["PrivateDefaultScopeId"], **rules),
    )
    client.provision_ipam_pool_cidr(IpamPoolId=made.pool, Cidr=cidr)
    return made


def pool(client: Any, scope: str, **more: Any) -> str:
    """Make a pool of IPv4, without a range yet."""
    asked = {"AddressFamily": "ipv4", "Locale": REGION, **more}
    return client.create_ipam_pool(IpamScopeId=scope, **asked)["IpamPool"]["IpamPoolId"]


def held(client: Any, pool_id: str) -> dict[str, str]:
    """What is given out of a pool: by range, the id of what has it, or its type."""
    shown = client.get_ipam_pool_allocations(IpamPoolId=pool_id)["IpamPoolAllocations"]
    return {it["Cidr"]: it.get("ResourceId", it["ResourceType"]) for it in shown}


def ranges(client: Any, pool_id: str) -> list[str]:
    """The ranges of a pool."""
    return [it["Cidr"] for it in client.get_ipam_pool_cidrs(IpamPoolId=pool_id)["IpamPoolCidrs"]]


def target(client: Any) -> dict[str, Any]:
    """What makes a list follow a resolver: both are there."""
    ipam = client.create_ipam()["Ipam"]["IpamId"]
    resolver = client.create_ipam_prefix_list_resolver(IpamId=ipam, AddressFamily="ipv4")
    listed = client.create_managed_prefix_list(
        PrefixListName="followed", AddressFamily="IPv4", MaxEntries=10
    )
    return {
        "IpamPrefixListResolverId": resolver["IpamPrefixListResolver"]["IpamPrefixListResolverId"],
        "PrefixListId": listed["PrefixList"]["PrefixListId"],
        "PrefixListRegion": REGION,
        "TrackLatestVersion": True,
    }


def everything(ec2: Any) -> dict[str, str]:
    """Make an IPAM with what belongs to it, and a pool of public addresses."""
    plan = make(ec2)
    discovery = ec2.create_ipam_resource_discovery()["IpamResourceDiscovery"]
    discovery_id = discovery["IpamResourceDiscoveryId"]
    association = ec2.associate_ipam_resource_discovery(
        IpamId=plan.ipam, IpamResourceDiscoveryId=discovery_id
    )["IpamResourceDiscoveryAssociation"]
    allocation = ec2.allocate_ipam_pool_cidr(IpamPoolId=plan.pool, NetmaskLength=24)
    followed_by = target(ec2)
    followed = ec2.create_ipam_prefix_list_resolver_target(**followed_by)
    return {
        "ipam": plan.ipam,
        "ipam-allocation": allocation["IpamPoolAllocation"]["IpamPoolAllocationId"],
        "ipam-association": association["IpamResourceDiscoveryAssociationId"],
        "ipam-discovery": discovery_id,
        "ipam-policy": ec2.create_ipam_policy(IpamId=plan.ipam)["IpamPolicy"]["IpamPolicyId"],
        "ipam-pool": plan.pool,
        "ipam-scope": plan.private,
        "resolver": followed_by["IpamPrefixListResolverId"],
        "resolver-target": followed["IpamPrefixListResolverTarget"][
            "IpamPrefixListResolverTargetId"
        ],
        "public-pool": ec2.create_public_ipv4_pool()["PoolId"],
    }


def comparing(scope: str) -> dict[str, Any]:
    """A rule with a condition that compares nothing yet."""
    rule = {"RuleType": "ipam-resource-cidr", "IpamScopeId": scope}
    return {"Rules": [{**rule, "Conditions": [{"Operation": "equals"}]}]}
