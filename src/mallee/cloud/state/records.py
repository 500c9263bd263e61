"""What the store keeps: records of kinds, changes, and claims.

A *record* is one object of one kind: its wanted document, what is seen of it, and the revision at
which it last changed. Kinds and their document types are one table, `KINDS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from mallee.model.compute import (
    capacityreservations,
    dedicatedhosts,
    events,
    instances,
    instancetypes,
    keypairs,
    launchtemplates,
    placementgroups,
)
from mallee.model.configuration import rollouts
from mallee.model.hosts import frontends, hosts, standing, zones
from mallee.model.identity import (
    accounts,
    accountsettings,
    authorities,
    credentials,
    identities,
    invitations,
    kmskeys,
    mails,
    masterkeys,
    providers,
    quotas,
    uses,
)
from mallee.model.images import imagereports, images
from mallee.model.network import (
    acls,
    connectendpoints,
    dhcp,
    endpoints,
    flowlogs,
    gateways,
    insights,
    ipam,
    mirroring,
    networks,
    peerings,
    prefixlists,
    publicaccess,
    routing,
    transit,
)
from mallee.model.storage import (
    buckets,
    fastrestores,
    lifecycles,
    passes,
    recycling,
    rootreplacements,
    scrubs,
    snapshots,
    transfers,
    volumes,
    webhooks,
)

D = TypeVar("D")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Kind(Generic[D, S]):
    """A kind of record: `doc` is what is wanted, `seen` what was observed (or None)."""

    name: str
    doc: type[D]
    seen: type[S] | None = None


class Record(msgspec.Struct, Generic[D, S], frozen=True, gc=False):
    """One object as it stands at revision `rev`."""

    kind: Kind[D, S]
    account: str
    """The account id that owns it; empty for things of the cloud itself (hosts)."""
    id: str
    rev: int
    doc: D
    seen: S | None


class IdempotencyRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer given to a ClientToken: its parameters' hash, and the result as it was encoded."""

    parameters_hash: str
    result: str
    created_at: float


class HostSeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was last heard of a host."""

    facts: hosts.HostFacts
    leftovers: tuple[str, ...] = ()
    heard_at: float = 0.0
    """Seconds since the epoch, and coarse: the cloud process knows the time to the second in
    memory, and writes it here when a host falls silent, is heard again, or says something new."""
    is_silent: bool = False
    """Whether nothing was heard for longer than `hosts.AGENT_SILENT_AFTER_S`."""
    front_end: str = ""
    """The id of the front end to which its agent reports; empty: there is one alone."""
    report: int = 0
    """The number of the newest report that was written down (`hosts.SyncRequest.number`)."""


class Claim(msgspec.Struct, frozen=True, gc=False):
    """That `owner` holds `key` of `space`; `amount` counts where a space is a capacity."""

    space: str
    key: str
    owner: str
    amount: int = 1


ACCOUNT: Kind[accounts.Account, None] = Kind("account", accounts.Account)
ACCESS_KEY: Kind[accounts.AccessKey, None] = Kind("access-key", accounts.AccessKey)
USER: Kind[identities.User, None] = Kind("user", identities.User)
GROUP: Kind[identities.Group, None] = Kind("group", identities.Group)
ROLE: Kind[identities.Role, None] = Kind("role", identities.Role)
POLICY: Kind[identities.Policy, None] = Kind("policy", identities.Policy)
INSTANCE_PROFILE: Kind[identities.InstanceProfile, None] = Kind(
    "instance-profile", identities.InstanceProfile
)
LOGIN_PROFILE: Kind[credentials.LoginProfile, None] = Kind(
    "login-profile", credentials.LoginProfile
)
PASSWORD_POLICY: Kind[credentials.PasswordPolicy, None] = Kind(
    "password-policy", credentials.PasswordPolicy
)
MFA_DEVICE: Kind[credentials.MfaDevice, None] = Kind("mfa", credentials.MfaDevice)
SIGNING_CERTIFICATE: Kind[credentials.SigningCertificate, None] = Kind(
    "signing-certificate", credentials.SigningCertificate
)
SERVER_CERTIFICATE: Kind[credentials.ServerCertificate, None] = Kind(
    "server-certificate", credentials.ServerCertificate
)
SSH_PUBLIC_KEY: Kind[credentials.SshPublicKey, None] = Kind(
    "ssh-public-key", credentials.SshPublicKey
)
USES: Kind[uses.Uses, None] = Kind("uses", uses.Uses)
CREDENTIAL_REPORT: Kind[uses.CredentialReport, None] = Kind(
    "credential-report", uses.CredentialReport
)
ACCESS_REPORT: Kind[uses.AccessReport, None] = Kind("access-report", uses.AccessReport)
EC2_SETTINGS: Kind[accountsettings.Ec2Settings, None] = Kind(
    "ec2-settings", accountsettings.Ec2Settings
)
REGISTRATION: Kind[invitations.Registration, None] = Kind("registration", invitations.Registration)
MAIL: Kind[mails.Mail, None] = Kind("mail", mails.Mail)
OIDC_PROVIDER: Kind[providers.OidcProvider, None] = Kind("oidc-provider", providers.OidcProvider)
SAML_PROVIDER: Kind[providers.SamlProvider, None] = Kind("saml-provider", providers.SamlProvider)
HOST = Kind("host", hosts.Host, HostSeen)
ZONE: Kind[zones.Zone, None] = Kind("zone", zones.Zone)
HOST_EVENT: Kind[standing.HostEvent, None] = Kind("host-event", standing.HostEvent)
GATEWAY: Kind[gateways.Charge, None] = Kind("gateway", gateways.Charge)
JOIN_TOKEN: Kind[hosts.JoinToken, None] = Kind("join-token", hosts.JoinToken)
FRONT_END = Kind("front-end", frontends.FrontEnd, frontends.FrontEndSeen)
FRONT_END_TOKEN: Kind[hosts.JoinToken, None] = Kind("front-end-token", hosts.JoinToken)
KEY_ROTATION = Kind("key-rotation", masterkeys.Rotation, masterkeys.RotationSeen)
AUTHORITY = Kind("authority", authorities.Replacement, authorities.ReplacementSeen)
ROLLOUT = Kind("rollout", rollouts.Rollout, rollouts.RolloutSeen)
IMAGE: Kind[images.Image, None] = Kind("image", images.Image)
INSTANCE = Kind("instance", instances.Instance, instances.InstanceSeen)
INSTANCE_TYPE: Kind[instancetypes.DefinedType, None] = Kind(
    "instance-type", instancetypes.DefinedType
)
EVENT: Kind[events.Event, None] = Kind("instance-event", events.Event)
EVENT_WINDOW: Kind[events.EventWindow, None] = Kind("instance-event-window", events.EventWindow)
STATUS_REPORT: Kind[events.StatusReport, None] = Kind("status-report", events.StatusReport)
KEY_PAIR: Kind[keypairs.KeyPair, None] = Kind("key-pair", keypairs.KeyPair)
LAUNCH_TEMPLATE: Kind[launchtemplates.LaunchTemplate, None] = Kind(
    "launch-template", launchtemplates.LaunchTemplate
)
TEMPLATE_VERSION: Kind[launchtemplates.TemplateVersion, None] = Kind(
    "launch-template-version", launchtemplates.TemplateVersion
)
PLACEMENT_GROUP: Kind[placementgroups.PlacementGroup, None] = Kind(
    "placement-group", placementgroups.PlacementGroup
)
CAPACITY_RESERVATION: Kind[capacityreservations.CapacityReservation, None] = Kind(
    "capacity-reservation", capacityreservations.CapacityReservation
)
RESERVATION_FLEET: Kind[capacityreservations.ReservationFleet, None] = Kind(
    "capacity-reservation-fleet", capacityreservations.ReservationFleet
)
DEDICATED_HOST: Kind[dedicatedhosts.DedicatedHost, None] = Kind(
    "dedicated-host", dedicatedhosts.DedicatedHost
)
VPC: Kind[networks.Vpc, None] = Kind("vpc", networks.Vpc)
SUBNET: Kind[networks.Subnet, None] = Kind("subnet", networks.Subnet)
INTERFACE: Kind[networks.Interface, None] = Kind("network-interface", networks.Interface)
ADDRESS: Kind[networks.Address, None] = Kind("elastic-ip", networks.Address)
HANDOVER: Kind[networks.Handover, None] = Kind("address-handover", networks.Handover)
SECURITY_GROUP: Kind[networks.SecurityGroup, None] = Kind("security-group", networks.SecurityGroup)
ROUTE_TABLE: Kind[routing.RouteTable, None] = Kind("route-table", routing.RouteTable)
INTERNET_GATEWAY: Kind[routing.InternetGateway, None] = Kind(
    "internet-gateway", routing.InternetGateway
)
EGRESS_ONLY_GATEWAY: Kind[routing.EgressOnlyGateway, None] = Kind(
    "egress-only-internet-gateway", routing.EgressOnlyGateway
)
NAT_GATEWAY: Kind[routing.NatGateway, None] = Kind("natgateway", routing.NatGateway)
NETWORK_ACL: Kind[acls.NetworkAcl, None] = Kind("network-acl", acls.NetworkAcl)
PREFIX_LIST: Kind[prefixlists.PrefixList, None] = Kind("prefix-list", prefixlists.PrefixList)
DHCP_OPTIONS: Kind[dhcp.DhcpOptions, None] = Kind("dhcp-options", dhcp.DhcpOptions)
TRANSIT_GATEWAY: Kind[transit.TransitGateway, None] = Kind(
    "transit-gateway", transit.TransitGateway
)
TRANSIT_ATTACHMENT: Kind[transit.Attachment, None] = Kind(
    "transit-gateway-attachment", transit.Attachment
)
ROUTE_EXPORT: Kind[transit.RouteExport, None] = Kind(
    "transit-gateway-route-export", transit.RouteExport
)
TRANSIT_TABLE: Kind[transit.TransitTable, None] = Kind(
    "transit-gateway-route-table", transit.TransitTable
)
PEERING: Kind[peerings.Peering, None] = Kind("vpc-peering-connection", peerings.Peering)
PUBLIC_ACCESS_EXCLUSION: Kind[publicaccess.Exclusion, None] = Kind(
    "vpc-block-public-access-exclusion", publicaccess.Exclusion
)
ENDPOINT: Kind[endpoints.Endpoint, None] = Kind("vpc-endpoint", endpoints.Endpoint)
CONNECT_ENDPOINT: Kind[connectendpoints.ConnectEndpoint, None] = Kind(
    "instance-connect-endpoint", connectendpoints.ConnectEndpoint
)
IPAM: Kind[ipam.Ipam, None] = Kind("ipam", ipam.Ipam)
IPAM_SCOPE: Kind[ipam.Scope, None] = Kind("ipam-scope", ipam.Scope)
IPAM_POOL: Kind[ipam.Pool, None] = Kind("ipam-pool", ipam.Pool)
IPAM_ALLOCATION: Kind[ipam.Allocation, None] = Kind("ipam-pool-allocation", ipam.Allocation)
IPAM_DISCOVERY: Kind[ipam.Discovery, None] = Kind("ipam-resource-discovery", ipam.Discovery)
IPAM_DISCOVERY_ASSOCIATION: Kind[ipam.DiscoveryAssociation, None] = Kind(
    "ipam-resource-discovery-association", ipam.DiscoveryAssociation
)
PUBLIC_POOL: Kind[ipam.PublicPool, None] = Kind("ipv4pool-ec2", ipam.PublicPool)
IPAM_POLICY: Kind[ipam.Policy, None] = Kind("ipam-policy", ipam.Policy)
RESOLVER: Kind[ipam.Resolver, None] = Kind("ipam-prefix-list-resolver", ipam.Resolver)
RESOLVER_TARGET: Kind[ipam.ResolverTarget, None] = Kind(
    "ipam-prefix-list-resolver-target", ipam.ResolverTarget
)
INSIGHTS_PATH: Kind[insights.InsightsPath, None] = Kind(
    "network-insights-path", insights.InsightsPath
)
INSIGHTS_ANALYSIS: Kind[insights.InsightsAnalysis, None] = Kind(
    "network-insights-analysis", insights.InsightsAnalysis
)
ACCESS_SCOPE: Kind[insights.AccessScope, None] = Kind(
    "network-insights-access-scope", insights.AccessScope
)
SCOPE_ANALYSIS: Kind[insights.ScopeAnalysis, None] = Kind(
    "network-insights-access-scope-analysis", insights.ScopeAnalysis
)
FLOW_LOG = Kind("vpc-flow-log", flowlogs.FlowLog, flowlogs.FlowLogSeen)
MIRROR_FILTER: Kind[mirroring.MirrorFilter, None] = Kind(
    "traffic-mirror-filter", mirroring.MirrorFilter
)
MIRROR_RULE: Kind[mirroring.MirrorRule, None] = Kind(
    "traffic-mirror-filter-rule", mirroring.MirrorRule
)
MIRROR_TARGET: Kind[mirroring.MirrorTarget, None] = Kind(
    "traffic-mirror-target", mirroring.MirrorTarget
)
MIRROR_SESSION: Kind[mirroring.MirrorSession, None] = Kind(
    "traffic-mirror-session", mirroring.MirrorSession
)
SNAPSHOT = Kind("snapshot", snapshots.Snapshot, snapshots.SnapshotSeen)
FAST_RESTORE = Kind("fast-restore", fastrestores.FastRestore, fastrestores.FastRestoreSeen)
BLOCK_SPACE: Kind[passes.BlockSpace, None] = Kind("block-space", passes.BlockSpace)
VOLUME = Kind("volume", volumes.Volume, volumes.VolumeSeen)
IMPORT_SNAPSHOT_TASK = Kind("import-snapshot-task", transfers.Task, transfers.TransferSeen)
IMPORT_IMAGE_TASK = Kind("import-image-task", transfers.Task, transfers.TransferSeen)
CONVERSION_TASK = Kind("conversion-task", transfers.Task, transfers.TransferSeen)
STORE_TASK = Kind("store-image-task", transfers.Task, transfers.TransferSeen)
RESTORE_TASK = Kind("restore-image-task", transfers.Task, transfers.TransferSeen)
BUNDLE_TASK = Kind("bundle-task", transfers.Task, transfers.TransferSeen)
REGISTRATION_TASK = Kind("image-registration-task", transfers.Task, transfers.TransferSeen)
EXPORT_IMAGE_TASK = Kind("export-image-task", transfers.Task, transfers.TransferSeen)
EXPORT_INSTANCE_TASK = Kind("export-instance-task", transfers.Task, transfers.TransferSeen)
ROOT_REPLACEMENT: Kind[rootreplacements.RootReplacement, None] = Kind(
    "replace-root-volume-task", rootreplacements.RootReplacement
)
IMAGE_REPORT: Kind[imagereports.ImageReport, None] = Kind(
    "image-usage-report", imagereports.ImageReport
)
LIFECYCLE_POLICY = Kind("lifecycle-policy", lifecycles.Policy, lifecycles.PolicySeen)
RECYCLE_RULE: Kind[recycling.Rule, None] = Kind("recycle-bin-rule", recycling.Rule)
BUCKET: Kind[buckets.Bucket, None] = Kind("bucket", buckets.Bucket)
KEY: Kind[kmskeys.Key, None] = Kind("key", kmskeys.Key)
KEY_ALIAS: Kind[kmskeys.Alias, None] = Kind("alias", kmskeys.Alias)
GRANT: Kind[kmskeys.Grant, None] = Kind("grant", kmskeys.Grant)
SCRUB = Kind("scrub", scrubs.Scrub, scrubs.ScrubSeen)
WEBHOOK = Kind("webhook", webhooks.Webhook, webhooks.WebhookSeen)
CLIENT_TOKEN: Kind[IdempotencyRecord, None] = Kind("client-token", IdempotencyRecord)

KINDS: dict[str, Kind[Any, Any]] = {
    kind.name: kind
    for kind in (
        ACCOUNT,
        ACCESS_KEY,
        USER,
        GROUP,
        ROLE,
        POLICY,
        INSTANCE_PROFILE,
        LOGIN_PROFILE,
        PASSWORD_POLICY,
        MFA_DEVICE,
        SIGNING_CERTIFICATE,
        SERVER_CERTIFICATE,
        SSH_PUBLIC_KEY,
        USES,
        ACCESS_REPORT,
        CREDENTIAL_REPORT,
        EC2_SETTINGS,
        REGISTRATION,
        MAIL,
        OIDC_PROVIDER,
        SAML_PROVIDER,
        HOST,
        HOST_EVENT,
        GATEWAY,
        ZONE,
        JOIN_TOKEN,
        FRONT_END,
        FRONT_END_TOKEN,
        KEY_ROTATION,
        AUTHORITY,
        ROLLOUT,
        IMAGE,
        INSTANCE,
        INSTANCE_TYPE,
        EVENT,
        EVENT_WINDOW,
        STATUS_REPORT,
        KEY_PAIR,
        LAUNCH_TEMPLATE,
        TEMPLATE_VERSION,
        PLACEMENT_GROUP,
        CAPACITY_RESERVATION,
        RESERVATION_FLEET,
        DEDICATED_HOST,
        VPC,
        SUBNET,
        INTERFACE,
        ADDRESS,
        HANDOVER,
        SECURITY_GROUP,
        ROUTE_TABLE,
        INTERNET_GATEWAY,
        EGRESS_ONLY_GATEWAY,
        NAT_GATEWAY,
        NETWORK_ACL,
        PREFIX_LIST,
        DHCP_OPTIONS,
        TRANSIT_GATEWAY,
        TRANSIT_ATTACHMENT,
        TRANSIT_TABLE,
        ROUTE_EXPORT,
        PEERING,
        PUBLIC_ACCESS_EXCLUSION,
        ENDPOINT,
        CONNECT_ENDPOINT,
        IPAM,
        IPAM_SCOPE,
        IPAM_POOL,
        IPAM_ALLOCATION,
        IPAM_DISCOVERY,
        IPAM_DISCOVERY_ASSOCIATION,
        PUBLIC_POOL,
        IPAM_POLICY,
        RESOLVER,
        RESOLVER_TARGET,
        INSIGHTS_PATH,
        INSIGHTS_ANALYSIS,
        ACCESS_SCOPE,
        SCOPE_ANALYSIS,
        FLOW_LOG,
        MIRROR_FILTER,
        MIRROR_RULE,
        MIRROR_TARGET,
        MIRROR_SESSION,
        VOLUME,
        SNAPSHOT,
        FAST_RESTORE,
        IMPORT_SNAPSHOT_TASK,
        IMPORT_IMAGE_TASK,
        CONVERSION_TASK,
        REGISTRATION_TASK,
        BUNDLE_TASK,
        STORE_TASK,
        RESTORE_TASK,
        EXPORT_IMAGE_TASK,
        EXPORT_INSTANCE_TASK,
        BLOCK_SPACE,
        ROOT_REPLACEMENT,
        IMAGE_REPORT,
        LIFECYCLE_POLICY,
        RECYCLE_RULE,
        BUCKET,
        KEY,
        KEY_ALIAS,
        GRANT,
        SCRUB,
        WEBHOOK,
        CLIENT_TOKEN,
    )
}

Measure = Callable[[Any, Any], quotas.Use]
"""Gives what a document, with what is seen of it, uses of what can be limited."""

MEASURES: Mapping[str, Measure] = {
    "instance": quotas.of_instance,
    "capacity-reservation": quotas.of_reservation,
    "image": quotas.of_image,
    "volume": quotas.of_volume,
    "snapshot": quotas.one_made(quotas.SNAPSHOTS),
    "import-snapshot-task": quotas.of_import,
    "import-image-task": quotas.of_import,
    "conversion-task": quotas.of_conversion,
    "restore-image-task": quotas.of_import,
    "elastic-ip": quotas.one_made(quotas.ADDRESSES),
    "security-group": quotas.one_made(quotas.SECURITY_GROUPS),
    "key-pair": quotas.one_made(quotas.KEY_PAIRS),
    "network-interface": quotas.one(quotas.INTERFACES),
    "vpc": quotas.one(quotas.VPCS),
    "internet-gateway": quotas.one_made(quotas.INTERNET_GATEWAYS),
    "bucket": quotas.one_made(quotas.BUCKETS),
    "user": quotas.one(quotas.USERS),
    "group": quotas.one(quotas.GROUPS),
    "role": quotas.one(quotas.ROLES),
    "policy": quotas.one(quotas.POLICIES),
    "instance-profile": quotas.one(quotas.INSTANCE_PROFILES),
    "server-certificate": quotas.one(quotas.SERVER_CERTIFICATES),
    "oidc-provider": quotas.one(quotas.OIDC_PROVIDERS),
    "key": quotas.one(quotas.STORED_KEYS),
}
"""What a record of a kind uses; `View.usage` gives the sums."""
