"""The registry of EC2's kinds of things: id prefix, record kind, and the errors for wrong ids.

Called by every noun of this room to find what a caller names. A thing of another account is as
little there as one that never was: both are `…NotFound`, so nothing tells whether it exists.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from mallee.aws import errors
from mallee.cloud.call import Call
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Kind, Record
from mallee.model import ids
from mallee.model.network.networks import Vpc

D = TypeVar("D")
S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A kind of thing that users name by id; its `kind.name` is AWS's resource type."""

    prefix: str
    kind: Kind[Any, Any]
    malformed: type[errors.AwsError]
    not_found: type[errors.AwsError]


REGISTRY: tuple[Resource, ...] = (
    Resource(
        prefix="i",
        kind=records.INSTANCE,
        malformed=errors.InvalidInstanceIDMalformed,
        not_found=errors.InvalidInstanceIDNotFound,
    ),
    Resource(
        prefix="ami",
        kind=records.IMAGE,
        malformed=errors.InvalidAMIIDMalformed,
        not_found=errors.InvalidAMIIDNotFound,
    ),
    Resource(
        prefix="aki",
        kind=records.IMAGE,
        malformed=errors.InvalidAMIIDMalformed,
        not_found=errors.InvalidAMIIDNotFound,
    ),
    Resource(
        prefix="ari",
        kind=records.IMAGE,
        malformed=errors.InvalidAMIIDMalformed,
        not_found=errors.InvalidAMIIDNotFound,
    ),
    Resource(
        prefix="key",
        kind=records.KEY_PAIR,
        malformed=errors.InvalidKeyPairNotFound,
        not_found=errors.InvalidKeyPairNotFound,
    ),
    Resource(
        prefix="lt",
        kind=records.LAUNCH_TEMPLATE,
        malformed=errors.InvalidLaunchTemplateIdMalformed,
        not_found=errors.InvalidLaunchTemplateIdNotFound,
    ),
    Resource(
        prefix="iew",
        kind=records.EVENT_WINDOW,
        malformed=errors.InvalidInstanceEventWindowIdMalformed,
        not_found=errors.InvalidInstanceEventWindowIdNotFound,
    ),
    Resource(
        prefix="pg",
        kind=records.PLACEMENT_GROUP,
        malformed=errors.InvalidPlacementGroupIdMalformed,
        not_found=errors.InvalidPlacementGroupIdNotFound,
    ),
    Resource(
        prefix="cr",
        kind=records.CAPACITY_RESERVATION,
        malformed=errors.InvalidCapacityReservationIdMalformed,
        not_found=errors.InvalidCapacityReservationIdNotFound,
    ),
    Resource(
        prefix="crf",
        kind=records.RESERVATION_FLEET,
        malformed=errors.InvalidCapacityReservationFleetIdMalformed,
        not_found=errors.InvalidCapacityReservationFleetIdNotFound,
    ),
    Resource(
        prefix="h",
        kind=records.DEDICATED_HOST,
        malformed=errors.InvalidHostIDMalformed,
        not_found=errors.InvalidHostIDNotFound,
    ),
    Resource(
        prefix="vpc",
        kind=records.VPC,
        malformed=errors.InvalidVpcIdMalformed,
        not_found=errors.InvalidVpcIDNotFound,
    ),
    Resource(
        prefix="subnet",
        kind=records.SUBNET,
        malformed=errors.InvalidSubnetIdMalformed,
        not_found=errors.InvalidSubnetIDNotFound,
    ),
    Resource(
        prefix="eni",
        kind=records.INTERFACE,
        malformed=errors.InvalidNetworkInterfaceIdMalformed,
        not_found=errors.InvalidNetworkInterfaceIDNotFound,
    ),
    Resource(
        prefix="eipalloc",
        kind=records.ADDRESS,
        malformed=errors.InvalidAllocationIDNotFound,
        not_found=errors.InvalidAllocationIDNotFound,
    ),
    Resource(
        prefix="sg",
        kind=records.SECURITY_GROUP,
        malformed=errors.InvalidGroupIdMalformed,
        not_found=errors.InvalidGroupNotFound,
    ),
    Resource(
        prefix="rtb",
        kind=records.ROUTE_TABLE,
        malformed=errors.InvalidRouteTableIdMalformed,
        not_found=errors.InvalidRouteTableIDNotFound,
    ),
    Resource(
        prefix="igw",
        kind=records.INTERNET_GATEWAY,
        malformed=errors.InvalidInternetGatewayIdMalformed,
        not_found=errors.InvalidInternetGatewayIDNotFound,
    ),
    Resource(
        prefix="eigw",
        kind=records.EGRESS_ONLY_GATEWAY,
        malformed=errors.InvalidEgressOnlyInternetGatewayIdMalformed,
        not_found=errors.InvalidEgressOnlyInternetGatewayIdNotFound,
    ),
    Resource(
        prefix="nat",
        kind=records.NAT_GATEWAY,
        malformed=errors.NatGatewayMalformed,
        not_found=errors.NatGatewayNotFound,
    ),
    Resource(
        prefix="tgw",
        kind=records.TRANSIT_GATEWAY,
        malformed=errors.InvalidTransitGatewayIDMalformed,
        not_found=errors.InvalidTransitGatewayIDNotFound,
    ),
    Resource(
        prefix="tgw-rtb",
        kind=records.TRANSIT_TABLE,
        malformed=errors.InvalidTransitGatewayRouteTableIdMalformed,
        not_found=errors.InvalidTransitGatewayRouteTableIDNotFound,
    ),
    Resource(
        prefix="acl",
        kind=records.NETWORK_ACL,
        malformed=errors.InvalidNetworkAclIdMalformed,
        not_found=errors.InvalidNetworkAclIDNotFound,
    ),
    Resource(
        prefix="pl",
        kind=records.PREFIX_LIST,
        malformed=errors.InvalidPrefixListIdMalformed,
        not_found=errors.InvalidPrefixListIDNotFound,
    ),
    Resource(
        prefix="dopt",
        kind=records.DHCP_OPTIONS,
        malformed=errors.InvalidDhcpOptionsIdMalformed,
        not_found=errors.InvalidDhcpOptionIDNotFound,
    ),
    Resource(
        prefix="eice",
        kind=records.CONNECT_ENDPOINT,
        malformed=errors.connect.InvalidInstanceConnectEndpointIdMalformed,
        not_found=errors.connect.InvalidInstanceConnectEndpointIdNotFound,
    ),
    Resource(
        prefix="vpcbpa-exclude",
        kind=records.PUBLIC_ACCESS_EXCLUSION,
        malformed=errors.InvalidVpcBlockPublicAccessExclusionIdMalformed,
        not_found=errors.InvalidVpcBlockPublicAccessExclusionIdNotFound,
    ),
    Resource(
        prefix="snap",
        kind=records.SNAPSHOT,
        malformed=errors.InvalidSnapshotIDMalformed,
        not_found=errors.InvalidSnapshotNotFound,
    ),
    Resource(
        prefix="vol",
        kind=records.VOLUME,
        malformed=errors.InvalidVolumeIDMalformed,
        not_found=errors.InvalidVolumeNotFound,
    ),
    Resource(
        prefix="fl",
        kind=records.FLOW_LOG,
        malformed=errors.InvalidFlowLogIdNotFound,
        not_found=errors.InvalidFlowLogIdNotFound,
    ),
    Resource(
        prefix="tmf",
        kind=records.MIRROR_FILTER,
        malformed=errors.InvalidTrafficMirrorFilterIdMalformed,
        not_found=errors.InvalidTrafficMirrorFilterIdNotFound,
    ),
    Resource(
        prefix="tmfr",
        kind=records.MIRROR_RULE,
        malformed=errors.InvalidTrafficMirrorFilterRuleIdMalformed,
        not_found=errors.InvalidTrafficMirrorFilterRuleIdNotFound,
    ),
    Resource(
        prefix="tmt",
        kind=records.MIRROR_TARGET,
        malformed=errors.InvalidTrafficMirrorTargetIdMalformed,
        not_found=errors.InvalidTrafficMirrorTargetIdNotFound,
    ),
    Resource(
        prefix="tms",
        kind=records.MIRROR_SESSION,
        malformed=errors.InvalidTrafficMirrorSessionIdMalformed,
        not_found=errors.InvalidTrafficMirrorSessionIdNotFound,
    ),
    Resource(
        prefix="vpce",
        kind=records.ENDPOINT,
        malformed=errors.InvalidVpcEndpointIdMalformed,
        not_found=errors.InvalidVpcEndpointIdNotFound,
    ),
    Resource(
        prefix="nip",
        kind=records.INSIGHTS_PATH,
        malformed=errors.InvalidNetworkInsightsPathIdMalformed,
        not_found=errors.InvalidNetworkInsightsPathIdNotFound,
    ),
    Resource(
        prefix="nia",
        kind=records.INSIGHTS_ANALYSIS,
        malformed=errors.InvalidNetworkInsightsAnalysisIdMalformed,
        not_found=errors.InvalidNetworkInsightsAnalysisIdNotFound,
    ),
    Resource(
        prefix="nis",
        kind=records.ACCESS_SCOPE,
        malformed=errors.InvalidNetworkInsightsAccessScopeIdMalformed,
        not_found=errors.InvalidNetworkInsightsAccessScopeIdNotFound,
    ),
    Resource(
        prefix="nisa",
        kind=records.SCOPE_ANALYSIS,
        malformed=errors.InvalidNetworkInsightsAccessScopeAnalysisIdMalformed,
        not_found=errors.InvalidNetworkInsightsAccessScopeAnalysisIdNotFound,
    ),
    Resource(
        prefix="ipam",
        kind=records.IPAM,
        malformed=errors.InvalidIpamIdMalformed,
        not_found=errors.InvalidIpamIdNotFound,
    ),
    Resource(
        prefix="ipam-scope",
        kind=records.IPAM_SCOPE,
        malformed=errors.InvalidIpamScopeIdMalformed,
        not_found=errors.InvalidIpamScopeIdNotFound,
    ),
    Resource(
        prefix="ipam-pool",
        kind=records.IPAM_POOL,
        malformed=errors.InvalidIpamPoolIdMalformed,
        not_found=errors.InvalidIpamPoolIdNotFound,
    ),
    Resource(
        prefix="ipam-pool-alloc",
        kind=records.IPAM_ALLOCATION,
        malformed=errors.InvalidIpamPoolAllocationIdMalformed,
        not_found=errors.InvalidIpamPoolAllocationIdNotFound,
    ),
    Resource(
        prefix="ipam-res-disco",
        kind=records.IPAM_DISCOVERY,
        malformed=errors.InvalidIpamResourceDiscoveryIdMalformed,
        not_found=errors.InvalidIpamResourceDiscoveryIdNotFound,
    ),
    Resource(
        prefix="ipam-res-disco-assoc",
        kind=records.IPAM_DISCOVERY_ASSOCIATION,
        malformed=errors.InvalidIpamResourceDiscoveryAssociationIdMalformed,
        not_found=errors.InvalidIpamResourceDiscoveryAssociationIdNotFound,
    ),
    Resource(
        prefix="ipam-policy",
        kind=records.IPAM_POLICY,
        malformed=errors.InvalidIpamPolicyIdMalformed,
        not_found=errors.InvalidIpamPolicyIdNotFound,
    ),
    Resource(
        prefix="ipam-plr",
        kind=records.RESOLVER,
        malformed=errors.InvalidIpamPrefixListResolverIdMalformed,
        not_found=errors.InvalidIpamPrefixListResolverIdNotFound,
    ),
    Resource(
        prefix="ipam-plr-target",
        kind=records.RESOLVER_TARGET,
        malformed=errors.InvalidIpamPrefixListResolverTargetIdMalformed,
        not_found=errors.InvalidIpamPrefixListResolverTargetIdNotFound,
    ),
    Resource(
        prefix="ipv4pool-ec2",
        kind=records.PUBLIC_POOL,
        malformed=errors.InvalidPoolIDMalformed,
        not_found=errors.InvalidPoolIDNotFound,
    ),
    Resource(
        prefix="report",
        kind=records.IMAGE_REPORT,
        malformed=errors.InvalidImageUsageReportIdMalformed,
        not_found=errors.InvalidImageUsageReportIdNotFound,
    ),
    Resource(
        prefix="replacevol",
        kind=records.ROOT_REPLACEMENT,
        malformed=errors.InvalidReplaceRootVolumeTaskIdMalformed,
        not_found=errors.InvalidReplaceRootVolumeTaskIdNotFound,
    ),
    Resource(
        prefix="import-snap",
        kind=records.IMPORT_SNAPSHOT_TASK,
        malformed=errors.InvalidConversionTaskIdMalformed,
        not_found=errors.InvalidConversionTaskIdNotFound,
    ),
    Resource(
        prefix="import-ami",
        kind=records.IMPORT_IMAGE_TASK,
        malformed=errors.InvalidConversionTaskIdMalformed,
        not_found=errors.InvalidConversionTaskIdNotFound,
    ),
    Resource(
        prefix="bun",
        kind=records.BUNDLE_TASK,
        malformed=errors.InvalidBundleIDNotFound,
        not_found=errors.InvalidBundleIDNotFound,
    ),
    Resource(
        prefix="import-vol",
        kind=records.CONVERSION_TASK,
        malformed=errors.InvalidConversionTaskIdMalformed,
        not_found=errors.InvalidConversionTaskIdNotFound,
    ),
    Resource(
        prefix="import-i",
        kind=records.CONVERSION_TASK,
        malformed=errors.InvalidConversionTaskIdMalformed,
        not_found=errors.InvalidConversionTaskIdNotFound,
    ),
    Resource(
        prefix="export-ami",
        kind=records.EXPORT_IMAGE_TASK,
        malformed=errors.InvalidExportTaskIDMalformed,
        not_found=errors.InvalidExportTaskIDNotFound,
    ),
    Resource(
        prefix="export-i",
        kind=records.EXPORT_INSTANCE_TASK,
        malformed=errors.InvalidExportTaskIDMalformed,
        not_found=errors.InvalidExportTaskIDNotFound,
    ),
)

BY_PREFIX: dict[str, Resource] = {resource.prefix: resource for resource in REGISTRY}
_BY_KIND: dict[str, Resource] = {resource.kind.name: resource for resource in reversed(REGISTRY)}


def check_form(kind: Kind[Any, Any], text: str) -> str:
    """Return the id in today's form; raise the kind's `…Malformed` when it cannot be one."""
    text = ids.normalise(text)
    if not any(
        ids.is_well_formed(text, resource.prefix) for resource in REGISTRY if resource.kind is kind
    ):
        raise _BY_KIND[kind.name].malformed(text)
    return text


def one(call: Call, kind: Kind[D, S], text: str) -> Record[D, S]:
    """Return the caller's thing of that id; raise the kind's `…Malformed` or `…NotFound`."""
    return several(call, kind, (text,))[0]


def several(call: Call, kind: Kind[D, S], texts: Iterable[str]) -> list[Record[D, S]]:
    """Return the caller's things of those ids, each once, in the order asked for.

    Raises the kind's `…Malformed` for the first that is no id, `…NotFound` for all that are not
    there or not the caller's.
    """
    asked = list(dict.fromkeys(check_form(kind, text) for text in texts))
    looked_at = reader(call)
    found: list[Record[D, S]] = []
    missing: list[str] = []
    for id in asked:
        record = looked_at.get(kind, id)
        if record is None or record.account != call.account or _is_binned(record):
            missing.append(id)
        else:
            found.append(record)
    if missing:
        raise not_found(kind, missing)
    return found


def _is_binned(record: Record[Any, Any]) -> bool:
    """Tell whether it is in the recycle bin (`binned`), where only who looks into it finds it."""
    return getattr(record.doc, "binned", None) is not None


def not_found(kind: Kind[Any, Any], missing: Sequence[str]) -> errors.AwsError:
    """Return the kind's error for ids that are not the caller's."""
    error = _BY_KIND[kind.name].not_found
    if issubclass(error, errors.IdsNotFound):
        return error(missing)
    return error(", ".join(missing))


def reader(call: Call) -> store.View | store.Tx:
    """Return what a call reads from: a writer reads through its own transaction."""
    return getattr(call, "tx", None) or call.view


def moment(at: float) -> str:
    """Return a time as filters write it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def boolean(value: bool) -> str:
    """Return a truth value as filters write it."""
    return "true" if value else "false"


def default_vpc(call: Call) -> Record[Vpc, None]:
    """Return the caller's default VPC; raise `VPCIdNotSpecified` when there is none."""
    for vpc in reader(call).list(records.VPC, call.account):
        if vpc.doc.is_default:
            return vpc
    raise errors.VPCIdNotSpecified
