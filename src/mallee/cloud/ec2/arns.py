"""ARNs: under which names policies know the things that a request is about.

`table` gives every row that changes something, or looks into one thing, its finder; the
authorization stage asks it. Describing is permitted on the account as a whole (`*`), as in AWS. A
thing that is not there has an ARN too: a policy speaks of names, not of what exists.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from mallee.cloud import things
from mallee.cloud.action import Action, AskHost, Write
from mallee.cloud.call import Call, Request
from mallee.cloud.ec2 import implied, resources
from mallee.cloud.state import records
from mallee.cloud.state.records import Kind
from mallee.model import ids

EVERYTHING = ("*",)

Finder = Callable[[Call, Request], tuple[str, ...]]

NAMING: Mapping[str, Kind[Any, Any]] = {
    "AllocationId": records.ADDRESS,
    "AllocationIds": records.ADDRESS,
    "CapacityReservationFleetId": records.RESERVATION_FLEET,
    "CapacityReservationFleetIds": records.RESERVATION_FLEET,
    "CapacityReservationId": records.CAPACITY_RESERVATION,
    "DestinationCapacityReservationId": records.CAPACITY_RESERVATION,
    "CurrentIpamScopeId": records.IPAM_SCOPE,
    "DestinationIpamScopeId": records.IPAM_SCOPE,
    "DestinationPrefixListId": records.PREFIX_LIST,
    "DhcpOptionsId": records.DHCP_OPTIONS,
    "EgressOnlyInternetGatewayId": records.EGRESS_ONLY_GATEWAY,
    "FlowLogIds": records.FLOW_LOG,
    "GroupId": records.SECURITY_GROUP,
    "Groups": records.SECURITY_GROUP,
    "HostId": records.DEDICATED_HOST,
    "HostIds": records.DEDICATED_HOST,
    "ImageId": records.IMAGE,
    "InstanceConnectEndpointId": records.CONNECT_ENDPOINT,
    "InstanceEventWindowId": records.EVENT_WINDOW,
    "InstanceId": records.INSTANCE,
    "InstanceIds": records.INSTANCE,
    "Instances": records.INSTANCE,
    "InternetGatewayId": records.INTERNET_GATEWAY,
    "IpamId": records.IPAM,
    "IpamPolicyId": records.IPAM_POLICY,
    "IpamPoolAllocationId": records.IPAM_ALLOCATION,
    "IpamPoolId": records.IPAM_POOL,
    "IpamPrefixListResolverId": records.RESOLVER,
    "IpamPrefixListResolverTargetId": records.RESOLVER_TARGET,
    "IpamResourceDiscoveryAssociationId": records.IPAM_DISCOVERY_ASSOCIATION,
    "IpamResourceDiscoveryId": records.IPAM_DISCOVERY,
    "IpamScopeId": records.IPAM_SCOPE,
    "Ipv4IpamPoolId": records.IPAM_POOL,
    "Ipv6IpamPoolId": records.IPAM_POOL,
    "KernelId": records.IMAGE,
    "KeyName": records.KEY_PAIR,
    "LaunchTemplateId": records.LAUNCH_TEMPLATE,
    "NatGatewayId": records.NAT_GATEWAY,
    "NetworkAclId": records.NETWORK_ACL,
    "NetworkInsightsAccessScopeAnalysisId": records.SCOPE_ANALYSIS,
    "NetworkInsightsAccessScopeId": records.ACCESS_SCOPE,
    "NetworkInsightsAnalysisId": records.INSIGHTS_ANALYSIS,
    "NetworkInsightsPathId": records.INSIGHTS_PATH,
    "NetworkInterfaceId": records.INTERFACE,
    "PoolId": records.PUBLIC_POOL,
    "PrefixListId": records.PREFIX_LIST,
    "PublicIpv4Pool": records.PUBLIC_POOL,
    "RamdiskId": records.IMAGE,
    "ReplaceRootVolumeTaskIds": records.ROOT_REPLACEMENT,
    "ReportId": records.IMAGE_REPORT,
    "RouteTableId": records.ROUTE_TABLE,
    "RouteTableIds": records.ROUTE_TABLE,
    "AddRouteTableIds": records.ROUTE_TABLE,
    "RemoveRouteTableIds": records.ROUTE_TABLE,
    "SecondaryAllocationIds": records.ADDRESS,
    "SecurityGroupIds": records.SECURITY_GROUP,
    "SourceIpamPoolId": records.IPAM_POOL,
    "SourceCapacityReservationId": records.CAPACITY_RESERVATION,
    "SnapshotId": records.SNAPSHOT,
    "SourceSnapshotId": records.SNAPSHOT,
    "SourceSnapshotIds": records.SNAPSHOT,
    "SourceVolumeId": records.VOLUME,
    "SubnetId": records.SUBNET,
    "SubnetIds": records.SUBNET,
    "AddSubnetIds": records.SUBNET,
    "RemoveSubnetIds": records.SUBNET,
    "ExclusionId": records.PUBLIC_ACCESS_EXCLUSION,
    "TrafficMirrorFilterId": records.MIRROR_FILTER,
    "TrafficMirrorFilterRuleId": records.MIRROR_RULE,
    "TrafficMirrorSessionId": records.MIRROR_SESSION,
    "TrafficMirrorTargetId": records.MIRROR_TARGET,
    "TransitGatewayAttachmentId": records.TRANSIT_ATTACHMENT,
    "TransitGatewayId": records.TRANSIT_GATEWAY,
    "TransitGatewayRouteTableId": records.TRANSIT_TABLE,
    "VolumeId": records.VOLUME,
    "VpcEndpointId": records.ENDPOINT,
    "VpcEndpointIds": records.ENDPOINT,
    "VpcId": records.VPC,
    "VpcPeeringConnectionId": records.PEERING,
}
"""Members of requests whose value names a thing, with what it names."""

LOOKS_INTO = frozenset(
    {
        "DescribeImageAttribute",
        "DescribeInstanceAttribute",
        "DescribeSnapshotAttribute",
        "DescribeVolumeAttribute",
        "DescribeVpcAttribute",
        "GetCapacityReservationUsage",
        "GetGroupsForCapacityReservation",
        "GetLaunchTemplateData",
        "GetPasswordData",
        "DescribeSecurityGroupReferences",
        "GetManagedPrefixListEntries",
        "GetManagedPrefixListAssociations",
        "GetIpamPolicyAllocationRules",
        "GetIpamPolicyOrganizationTargets",
        "GetIpamPoolAllocations",
        "GetIpamPoolCidrs",
        "GetIpamPrefixListResolverRules",
        "GetIpamPrefixListResolverVersionEntries",
        "GetIpamPrefixListResolverVersions",
        "GetIpamResourceCidrs",
        "GetIpamDiscoveredAccounts",
        "GetIpamDiscoveredPublicAddresses",
        "GetIpamDiscoveredResourceCidrs",
        "GetNetworkInsightsAccessScopeAnalysisFindings",
        "GetNetworkInsightsAccessScopeContent",
        "GetSecurityGroupsForVpc",
        "SearchTransitGatewayRoutes",
    }
)
"""Actions that only look, and yet are permitted on the one thing that they look into."""

OF_NOTHING = frozenset({"BundleInstance", "ExportTransitGatewayRoutes"})
"""Actions that are permitted on everything or not at all, though they name a thing, as on AWS."""

OF_ONE_ALONE = {
    "CreateIpamPrefixListResolverTarget": "IpamPrefixListResolverId",
    "CreateRoute": "RouteTableId",
    "GetIpamPoolAllocations": "IpamPoolId",
    "ReleaseIpamPoolAllocation": "IpamPoolId",
    "ReplaceRoute": "RouteTableId",
}
"""Actions that are permitted on one thing only, whatever else they name."""

_OF_TWO_ACCOUNTS: Mapping[str, Kind[Any, Any]] = {
    "pcx": records.PEERING,
    "tgw-attach": records.TRANSIT_ATTACHMENT,
}
"""By id prefix: what is not in the registry, for two accounts may have a part in it."""

MADE_BESIDES: Mapping[str, frozenset[str]] = {
    "CreateRestoreImageTask": frozenset({records.SNAPSHOT.name})
}
"""What an action makes and nobody is asked about, as on AWS."""

PARTS = frozenset({"subnet-cidr-reservation"})
"""What has tags and no ARN that policies know."""

INSIDE = (
    "BlockDeviceMappings",
    "DiskContainers",
    "Ebs",
    "InstanceCreditSpecifications",
    "InstanceSpecification",
    "LaunchSpecification",
    "LaunchTemplate",
    "NetworkInterfaces",
)
"""Members that are a structure, or a list of them, whose members are looked at too."""


def of(call: Call, kind: Kind[Any, Any], id: str) -> str:
    """Return the ARN of a thing of the caller's."""
    account = call.account
    if kind is records.PLACEMENT_GROUP:
        group = call.view.get(kind, id)
        id = group.doc.name if group and group.account == account else id
    if kind is records.IPAM_POOL:
        account = _lender(call, id)
    return things.of_ec2(call.settings.region, account, kind.name, ids.normalise(id))


def of_other(call: Call, kind: Kind[Any, Any], account: str, id: str) -> str:
    """Return the ARN of a thing of that account's."""
    return things.of_ec2(call.settings.region, account, kind.name, id)


def _lender(call: Call, id: str) -> str:
    """Return the account whose pool it is: the caller's, or one that lets him use it."""
    pool = call.view.get(records.IPAM_POOL, id)
    may_use = pool is not None and pool.doc.serves(call.account)
    return pool.account if pool is not None and may_use else call.account


def finder(row: Action) -> Finder | None:
    """Return what finds the ARNs of the row's requests; None where it is the whole account."""
    if not isinstance(row.does, Write | AskHost) and row.name not in LOOKS_INTO:
        return None
    if row.name in OF_NOTHING:
        return None

    kinds = [it for it in row.creates if it not in PARTS | MADE_BESIDES.get(row.name, PARTS)]
    is_of_placement = row.name in implied.OF_PLACEMENT

    def find(call: Call, request: Request) -> tuple[str, ...]:
        region = call.settings.region
        made = (things.of_ec2(region, call.account, it, "*") for it in kinds)
        meant = (of(call, kind, id) for kind, id in implied.things(row.name, call, request))
        said = {k: v for k, v in request.items() if not (is_of_placement and k == "GroupId")}
        if row.name in OF_ONE_ALONE:
            said = {k: v for k, v in said.items() if k == OF_ONE_ALONE[row.name]}
        return tuple(dict.fromkeys((*made, *_named(call, said), *meant))) or EVERYTHING

    return find


def _named(call: Call, request: Mapping[str, Any]) -> Iterator[str]:
    for member, value in request.items():
        kind = NAMING.get(member)
        if kind is not None:
            for id in _texts(value):
                yield of(call, kind, id)
        elif member in ("Resources", "ResourceIds"):
            yield from _tagged(call, value)
        elif member in INSIDE:
            several = isinstance(value, list)
            for item in cast(list[Mapping[str, Any]], value if several else [value]):
                yield from _named(call, item)


def _texts(value: str | Sequence[str]) -> Sequence[str]:
    return (value,) if isinstance(value, str) else value


def _tagged(call: Call, resource_ids: Sequence[str]) -> Iterator[str]:
    for id in resource_ids:
        prefix = ids.prefix_of(id)
        known = resources.BY_PREFIX.get(prefix)
        if known is not None:
            yield of(call, known.kind, id)
        elif prefix in _OF_TWO_ACCOUNTS:
            yield of(call, _OF_TWO_ACCOUNTS[prefix], id)
