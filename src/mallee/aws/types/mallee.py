"""Requests and results of mallee's actions, by shape.

Written by `tools/generate_types.py` from the action table and the service model; edit neither this
file nor the members' names, run the tool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NotRequired, TypedDict

from mallee.aws.codec.fragment import Fragment


class AcceptInvitationRequest(TypedDict):
    Token: str
    Password: NotRequired[str]


class AcceptInvitationResponse(TypedDict):
    AccountId: str
    Region: NotRequired[str | None]
    AccountName: str
    UserName: str
    AccessKey: AccessKey | Fragment


class AccessKey(TypedDict):
    UserName: NotRequired[str | None]
    AccessKeyId: str
    SecretAccessKey: str
    Status: NotRequired[str | None]
    CreateDate: NotRequired[datetime | float | None]


class Account(TypedDict):
    AccountId: str
    AccountName: str
    Arn: NotRequired[str | None]
    CreateDate: NotRequired[datetime | float | None]
    Standing: NotRequired[str | None]
    StandingSince: NotRequired[datetime | float | None]
    Alias: NotRequired[str | None]
    Email: NotRequired[str | None]


class AddressBlock(TypedDict):
    Cidr: str
    Gateway: NotRequired[str | None]
    Vlan: NotRequired[int | None]
    AccountId: NotRequired[str | None]
    GroupId: NotRequired[str | None]
    GroupName: NotRequired[str | None]
    Used: int
    Usable: int


class ApproveRegistrationRequest(TypedDict):
    RegistrationId: str
    AccountName: NotRequired[str]
    ValidHours: NotRequired[int]


class ApproveRegistrationResponse(TypedDict):
    Registration: Registration | Fragment
    Token: str


class AuthorityReplacement(TypedDict):
    ReplacementId: str
    State: str
    RequestedAt: datetime | float
    LeavesBehind: bool
    FormerId: NotRequired[str | None]
    AuthorityId: NotRequired[str | None]
    WaitsFor: NotRequired[Sequence[str] | Fragment | None]
    EndedAt: NotRequired[datetime | float | None]


class BucketDescription(TypedDict):
    BucketName: str
    AccountId: str
    AccountName: str
    CreatedAt: datetime | float
    Versions: int
    Bytes: int
    Versioning: str
    IsEncrypted: bool
    BytesQuota: NotRequired[int | None]
    ObjectsQuota: NotRequired[int | None]
    Parts: NotRequired[int | None]
    PartBytes: NotRequired[int | None]


class Call(TypedDict):
    Time: datetime | float
    RequestId: str
    Peer: str
    UserAgent: NotRequired[str | None]
    Service: NotRequired[str | None]
    ActionName: NotRequired[str | None]
    AccountId: NotRequired[str | None]
    Arn: NotRequired[str | None]
    IssuerArn: NotRequired[str | None]
    AccessKeyId: NotRequired[str | None]
    Status: int
    ErrorCode: NotRequired[str | None]
    ErrorMessage: NotRequired[str | None]
    Milliseconds: NotRequired[float | None]
    Refused: bool
    Waiver: NotRequired[str | None]
    Parameters: NotRequired[str | None]
    Made: NotRequired[Sequence[str] | Fragment | None]
    Count: NotRequired[int | None]
    Decisions: Sequence[Decision | Fragment] | Fragment
    DecisionsLeftOut: NotRequired[int | None]


class CancelEventRequest(TypedDict):
    EventId: str


class CancelEventResponse(TypedDict):
    Events: Sequence[ScheduledEvent | Fragment] | Fragment


class Change(TypedDict):
    Rev: int
    Time: datetime | float
    Summary: str


class CheckAnnouncement(TypedDict):
    Network: str
    By: str
    How: str


class CheckFinding(TypedDict):
    Subject: str
    IsWell: bool
    Text: str
    Code: NotRequired[str | None]
    Cause: NotRequired[str | None]
    Cure: NotRequired[str | None]


class CheckHostRequest(TypedDict):
    HostId: str
    Kind: str
    Addresses: NotRequired[list[str]]
    Vlans: NotRequired[list[str]]
    Place: NotRequired[str]
    Nonce: NotRequired[str]


class CheckHostResponse(TypedDict):
    HostId: str
    Now: float
    CloudNow: float
    Findings: Sequence[CheckFinding | Fragment] | Fragment
    Paths: Sequence[CheckPath | Fragment] | Fragment
    Heard: Sequence[HeardFrame | Fragment] | Fragment
    Neighbours: Sequence[CheckNeighbour | Fragment] | Fragment
    Macs: Sequence[str] | Fragment
    Tunnels: Sequence[str] | Fragment
    Arrived: Sequence[str] | Fragment
    Tried: Sequence[str] | Fragment
    Answered: Sequence[str] | Fragment
    Announced: Sequence[CheckAnnouncement | Fragment] | Fragment
    Device: NotRequired[str | None]
    Own: Sequence[str] | Fragment
    PublicAddresses: Sequence[str] | Fragment


class CheckNeighbour(TypedDict):
    Address: str
    Mac: NotRequired[str | None]
    Vlan: NotRequired[int | None]


class CheckPath(TypedDict):
    Address: str
    Sent: int
    Answered: int
    TookMilliseconds: float
    PacketBytesMax: int
    Mtu: int


class CreateAccountRequest(TypedDict):
    AccountName: str
    Email: NotRequired[str]


class CreateAccountResponse(TypedDict):
    Account: Account | Fragment
    AccessKey: AccessKey | Fragment


class CreateCredentialsRequest(TypedDict):
    UserName: NotRequired[str]
    Endpoint: str


class CreateCredentialsResponse(TypedDict):
    AccessKey: AccessKey | Fragment
    Archive: bytes


class CreateFrontEndTokenRequest(TypedDict):
    pass


class CreateInstanceTypeRequest(TypedDict):
    TypeName: str
    Vcpus: int
    MemoryMib: int
    DiskGib: NotRequired[int]
    NetworkMbps: NotRequired[int]
    IsBurstable: NotRequired[bool]


class CreateInstanceTypeResponse(TypedDict):
    InstanceType: DefinedInstanceType | Fragment


class CreateJoinTokenRequest(TypedDict):
    pass


class CreateJoinTokenResponse(TypedDict):
    Token: str
    CaCertificate: str
    Port: int


class CreateRolloutRequest(TypedDict):
    Document: str
    What: str
    By: str
    ConfirmSeconds: int


class CreateRolloutResponse(TypedDict):
    Rollout: Rollout | Fragment


class CreateWebhookRequest(TypedDict):
    Name: str
    Url: str
    AccountName: NotRequired[str]


class CreateWebhookResponse(TypedDict):
    Webhook: Webhook | Fragment
    Secret: str


class CreateZoneRequest(TypedDict):
    ZoneName: str


class CreateZoneResponse(TypedDict):
    Zone: Zone | Fragment


class Decision(TypedDict):
    Permission: str
    Resource: str
    Verdict: str
    PolicyKind: NotRequired[str | None]
    Policy: NotRequired[str | None]
    Sid: NotRequired[str | None]
    Position: NotRequired[int | None]
    Missing: NotRequired[Sequence[str] | Fragment | None]


class DefinedInstanceType(TypedDict):
    TypeName: str
    Vcpus: int
    MemoryMib: int
    DiskGib: int
    NetworkMbps: int
    IsBurstable: bool
    State: str


class DeleteAccountPolicyRequest(TypedDict):
    AccountName: str
    PolicyName: str


class DeleteAccountPolicyResponse(TypedDict):
    pass


class DeleteAccountRequest(TypedDict):
    AccountName: str
    Recursive: NotRequired[bool]
    DryRun: NotRequired[bool]


class DeleteAccountResponse(TypedDict):
    pass


class DeleteInstanceTypeRequest(TypedDict):
    TypeName: str


class DeleteInstanceTypeResponse(TypedDict):
    pass


class DeleteQuotaRequest(TypedDict):
    AccountName: NotRequired[str]
    UserName: NotRequired[str]
    Key: str
    Zone: NotRequired[str]


class DeleteQuotaResponse(TypedDict):
    pass


class DeleteWebhookRequest(TypedDict):
    Name: str
    AccountName: NotRequired[str]


class DeleteWebhookResponse(TypedDict):
    pass


class DeleteZoneRequest(TypedDict):
    ZoneName: str


class DeleteZoneResponse(TypedDict):
    pass


class DescribeAccountRequest(TypedDict):
    AccountName: str


class DescribeAccountResponse(TypedDict):
    Account: Account | Fragment
    Items: Sequence[InventoryItem | Fragment] | Fragment
    Waits: NotRequired[Sequence[str] | Fragment | None]


class DescribeAuthorityRequest(TypedDict):
    pass


class DescribeAuthorityResponse(TypedDict):
    AuthorityIds: Sequence[str] | Fragment
    Replacements: Sequence[AuthorityReplacement | Fragment] | Fragment


class DescribeBucketsRequest(TypedDict):
    AccountName: NotRequired[str]


class DescribeBucketsResponse(TypedDict):
    Buckets: Sequence[BucketDescription | Fragment] | Fragment


class DescribeCloudRequest(TypedDict):
    pass


class DescribeCloudResponse(TypedDict):
    Version: str
    Region: str
    Zones: Sequence[str] | Fragment
    PublicRange: str
    PrivateRange: str
    PublicAddressesUsed: NotRequired[int | None]
    PublicAddressesTotal: NotRequired[int | None]
    NetworkMode: NotRequired[str | None]
    NetworkHindrances: NotRequired[Sequence[str] | Fragment | None]
    Counts: Mapping[str, int] | Fragment


class DescribeFrontEndsRequest(TypedDict):
    pass


class DescribeFrontEndsResponse(TypedDict):
    FrontEnds: Sequence[FrontEnd | Fragment] | Fragment


class DescribeHostsRequest(TypedDict):
    HostIds: NotRequired[list[str]]
    IncludeRetired: NotRequired[bool]


class DescribeHostsResponse(TypedDict):
    Hosts: Sequence[Host | Fragment] | Fragment


class DescribeMasterKeyRequest(TypedDict):
    pass


class DescribeMasterKeyResponse(TypedDict):
    KeyId: str
    OlderKeyIds: Sequence[str] | Fragment
    RecordsUnderOlderKeys: int
    Rotations: Sequence[KeyRotation | Fragment] | Fragment


class DescribeMigrationRequest(TypedDict):
    InstanceId: str


class DescribeMigrationResponse(TypedDict):
    InstanceId: str
    State: str
    FromHostId: NotRequired[str | None]
    ToHostId: NotRequired[str | None]
    Step: NotRequired[str | None]
    DoneBytes: NotRequired[int | None]
    TotalBytes: NotRequired[int | None]
    Failure: NotRequired[str | None]


class DescribeQuotasRequest(TypedDict):
    AccountName: NotRequired[str]
    UserName: NotRequired[str]


class DescribeQuotasResponse(TypedDict):
    AccountId: str
    Quotas: Sequence[Quota | Fragment] | Fragment


class DescribeRolloutsRequest(TypedDict):
    pass


class DescribeRolloutsResponse(TypedDict):
    Rollouts: Sequence[Rollout | Fragment] | Fragment
    FrontEnds: Sequence[FrontEndSettings | Fragment] | Fragment
    Duty: NotRequired[str | None]
    DutyRolloutId: NotRequired[str | None]


class DescribeScrubsRequest(TypedDict):
    pass


class DescribeScrubsResponse(TypedDict):
    Scrubs: Sequence[Scrub | Fragment] | Fragment


class DescribeServicesRequest(TypedDict):
    pass


class DescribeServicesResponse(TypedDict):
    Services: Sequence[Service | Fragment] | Fragment


class DescribeUsersRequest(TypedDict):
    UserNames: NotRequired[list[str]]


class DescribeUsersResponse(TypedDict):
    Users: Sequence[UserInfo | Fragment] | Fragment


class DescribeWebhooksRequest(TypedDict):
    AccountName: NotRequired[str]


class DescribeWebhooksResponse(TypedDict):
    Webhooks: Sequence[Webhook | Fragment] | Fragment


class Difference(TypedDict):
    Kind: str
    Subject: str
    Change: str
    Detail: NotRequired[str | None]


class DisableUserRequest(TypedDict):
    UserName: str


class DisableUserResponse(TypedDict):
    pass


class EnableUserRequest(TypedDict):
    UserName: str


class EnableUserResponse(TypedDict):
    pass


class ExplainAccessRequest(TypedDict):
    PrincipalArn: str
    ActionName: str
    ResourceArn: NotRequired[str]


class ExplainAccessResponse(TypedDict):
    PrincipalArn: str
    Permission: str
    Resource: str
    Verdict: str
    PolicyKind: NotRequired[str | None]
    Policy: NotRequired[str | None]
    Sid: NotRequired[str | None]
    Position: NotRequired[int | None]
    Missing: NotRequired[Sequence[str] | Fragment | None]
    Statements: Sequence[MatchedStatement | Fragment] | Fragment


class ExplainCallsRequest(TypedDict):
    ResourceId: str
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class ExplainCallsResponse(TypedDict):
    Calls: Sequence[Call | Fragment] | Fragment
    NextToken: NotRequired[str | None]


class ExplainLaunchRequest(TypedDict):
    InstanceType: str
    AvailabilityZone: NotRequired[str]
    SubnetId: NotRequired[str]
    Count: NotRequired[int]


class ExplainLaunchResponse(TypedDict):
    IsPossible: bool
    InstanceType: str
    AvailabilityZone: str
    SubnetId: str
    Count: int
    Obstacles: Sequence[Obstacle | Fragment] | Fragment


class ExplainPacketRequest(TypedDict):
    SourceId: str
    Destination: str
    Protocol: NotRequired[str]
    Port: NotRequired[int]
    IsIpv6: NotRequired[bool]


class ExplainPacketResponse(TypedDict):
    Passes: bool
    End: str
    At: NotRequired[str | None]
    Why: str
    Cure: NotRequired[str | None]
    Met: Sequence[str] | Fragment
    Hops: Sequence[PacketHop | Fragment] | Fragment
    SourceInterfaceId: NotRequired[str | None]
    SourceAddress: str
    DestinationAddress: str
    Notes: Sequence[str] | Fragment


class ExplainPlanRequest(TypedDict):
    ResourceId: str


class ExplainPlanResponse(TypedDict):
    ResourceId: str
    HostId: NotRequired[str | None]
    Generation: int
    NetworkGeneration: int
    NetworkProblems: Sequence[str] | Fragment
    IsNetworkSet: bool
    Plans: Sequence[InstancePlan | Fragment] | Fragment
    PlansLeftOut: NotRequired[int | None]


class ExplainResourceRequest(TypedDict):
    ResourceId: str


class ExplainResourceResponse(TypedDict):
    ResourceId: str
    Kind: str
    AccountId: NotRequired[str | None]
    Arn: str
    State: str
    Why: str
    Wanted: NotRequired[str | None]
    Seen: NotRequired[str | None]
    Troubles: Sequence[Trouble | Fragment] | Fragment
    HasPlan: bool
    DependsOn: Sequence[Relation | Fragment] | Fragment
    NamedBy: Sequence[Relation | Fragment] | Fragment
    NamedByLeftOut: NotRequired[int | None]
    Changes: Sequence[Change | Fragment] | Fragment
    ChangesLeftOut: NotRequired[int | None]


class FixHostRequest(TypedDict):
    HostId: str
    Codes: list[str]


class FixHostResponse(TypedDict):
    HostId: str
    Findings: Sequence[CheckFinding | Fragment] | Fragment


class FrontEnd(TypedDict):
    FrontEndId: str
    Name: str
    AgentsUrl: str
    IsPresent: bool
    ServesObjects: bool
    SettingsDiffer: bool
    JoinDate: datetime | float


class FrontEndSettings(TypedDict):
    FrontEndId: str
    Name: str
    IsOwn: bool
    IsPresent: bool
    Document: str


class GetAccountPolicyRequest(TypedDict):
    AccountName: str
    PolicyName: str


class GetAccountPolicyResponse(TypedDict):
    AccountName: str
    PolicyName: str
    PolicyDocument: str


class HeardFrame(TypedDict):
    Mac: str
    Vlans: Sequence[str] | Fragment


class Host(TypedDict):
    HostId: str
    Name: str
    Zone: str
    State: str
    Causes: NotRequired[Sequence[str] | Fragment | None]
    Standing: NotRequired[str | None]
    Roles: NotRequired[Sequence[str] | Fragment | None]
    Address: NotRequired[str | None]
    SecondsSinceHeard: NotRequired[float | None]
    JoinedAt: NotRequired[datetime | float | None]
    Capacity: NotRequired[Quantity | Fragment | None]
    Used: NotRequired[Quantity | Fragment | None]
    Reserved: NotRequired[Quantity | Fragment | None]
    DedicatedHostId: NotRequired[str | None]
    DedicatedAccountId: NotRequired[str | None]
    Gateway: NotRequired[str | None]
    GatewayReason: NotRequired[str | None]
    Acceleration: NotRequired[str | None]
    AccelerationReason: NotRequired[str | None]
    Hypervisor: NotRequired[str | None]
    AgentVersion: NotRequired[str | None]
    FreeDiskBytes: NotRequired[int | None]
    InstanceIds: NotRequired[Sequence[str] | Fragment | None]
    Problems: NotRequired[Sequence[str] | Fragment | None]
    Leftovers: NotRequired[Sequence[str] | Fragment | None]


class HostEvent(TypedDict):
    HostId: str
    Name: str
    At: datetime | float
    State: str
    Causes: Sequence[str] | Fragment


class ImportUsersRequest(TypedDict):
    AccountName: NotRequired[str]
    Source: str
    Document: str
    Apply: NotRequired[bool]
    Adopt: NotRequired[bool]
    DisableMissing: NotRequired[bool]
    Invite: NotRequired[bool]


class ImportUsersResponse(TypedDict):
    Differences: Sequence[Difference | Fragment] | Fragment
    Applied: bool


class InstancePlan(TypedDict):
    InstanceId: str
    Stage: NotRequired[str | None]
    Steps: Sequence[PlannedStep | Fragment] | Fragment
    LooksAgainAt: NotRequired[datetime | float | None]
    Tries: int
    LastFailure: NotRequired[str | None]
    Problem: NotRequired[str | None]


class InventoryItem(TypedDict):
    Kind: str
    Id: str
    Name: NotRequired[str | None]
    IsOfEveryAccount: NotRequired[bool | None]


class InviteAccountRequest(TypedDict):
    AccountName: str
    Email: str
    FullName: NotRequired[str]
    ValidHours: NotRequired[int]


class InviteAccountResponse(TypedDict):
    Registration: Registration | Fragment
    Token: str


class InviteUserRequest(TypedDict):
    UserName: str
    Email: NotRequired[str]
    ValidHours: NotRequired[int]


class InviteUserResponse(TypedDict):
    Registration: Registration | Fragment
    Token: str


class KeyRotation(TypedDict):
    RotationId: str
    State: str
    RequestedAt: datetime | float
    EndsSessions: bool
    ReplacedKeyId: str
    KeyId: NotRequired[str | None]
    WaitsFor: NotRequired[Sequence[str] | Fragment | None]
    ForgetsAt: NotRequired[datetime | float | None]


class ListAccountPoliciesRequest(TypedDict):
    AccountName: str


class ListAccountPoliciesResponse(TypedDict):
    PolicyNames: Sequence[str] | Fragment


class ListAccountsRequest(TypedDict):
    pass


class ListAccountsResponse(TypedDict):
    Accounts: Sequence[Account | Fragment] | Fragment


class ListAddressBlocksRequest(TypedDict):
    pass


class ListAddressBlocksResponse(TypedDict):
    NetworkMode: str
    AddressBlocks: Sequence[AddressBlock | Fragment] | Fragment
    Total: int


class ListEventsRequest(TypedDict):
    pass


class ListEventsResponse(TypedDict):
    Events: Sequence[ScheduledEvent | Fragment] | Fragment


class ListHostEventsRequest(TypedDict):
    HostId: NotRequired[str]


class ListHostEventsResponse(TypedDict):
    Events: Sequence[HostEvent | Fragment] | Fragment


class ListInstanceTypesRequest(TypedDict):
    pass


class ListInstanceTypesResponse(TypedDict):
    InstanceTypes: Sequence[DefinedInstanceType | Fragment] | Fragment


class ListRegistrationsRequest(TypedDict):
    State: NotRequired[str]


class ListRegistrationsResponse(TypedDict):
    Registrations: Sequence[Registration | Fragment] | Fragment


class ListStatusReportsRequest(TypedDict):
    pass


class ListStatusReportsResponse(TypedDict):
    Reports: Sequence[StatusReport | Fragment] | Fragment


class ListZonesRequest(TypedDict):
    pass


class ListZonesResponse(TypedDict):
    Zones: Sequence[Zone | Fragment] | Fragment
    NetworkMode: NotRequired[str | None]


class LookupCallsRequest(TypedDict):
    AccountId: NotRequired[str]
    UserName: NotRequired[str]
    ActionName: NotRequired[str]
    RequestId: NotRequired[str]
    OnlyRefused: NotRequired[bool]
    OnlyChanges: NotRequired[bool]
    StartTime: NotRequired[datetime]
    EndTime: NotRequired[datetime]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class LookupCallsResponse(TypedDict):
    Calls: Sequence[Call | Fragment] | Fragment
    NextToken: NotRequired[str | None]


class LostObject(TypedDict):
    BucketName: str
    Key: str
    VersionId: str


class MatchedStatement(TypedDict):
    Effect: str
    PolicyKind: str
    Policy: str
    Sid: NotRequired[str | None]
    Position: int
    Text: str
    Decides: bool


class MigrateInstanceRequest(TypedDict):
    InstanceId: str
    HostId: NotRequired[str]
    Cancel: NotRequired[bool]


class MigrateInstanceResponse(TypedDict):
    InstanceId: str
    MigrationId: str
    FromHostId: str
    ToHostId: str


class MigrateInstancesRequest(TypedDict):
    SourceHost: NotRequired[str]
    InstanceId: NotRequired[str]
    DestinationHosts: NotRequired[list[str]]
    AllowHosts: NotRequired[bool]


MigrateInstancesResponse = TypedDict(
    "MigrateInstancesResponse",
    {
        "return": "bool",
        "Migrating": "Sequence[MigrateInstanceResponse | Fragment] | Fragment",
        "Staying": "Sequence[StayingInstance | Fragment] | Fragment",
    },
)


class ModifyHostRequest(TypedDict):
    HostId: str
    Address: NotRequired[str]
    Roles: NotRequired[list[str]]
    Standing: NotRequired[str]
    IsOff: NotRequired[bool]


class ModifyHostResponse(TypedDict):
    Host: Host | Fragment


class ModifyInstanceTypeRequest(TypedDict):
    TypeName: str
    Vcpus: NotRequired[int]
    MemoryMib: NotRequired[int]
    DiskGib: NotRequired[int]
    NetworkMbps: NotRequired[int]
    IsBurstable: NotRequired[bool]


class ModifyInstanceTypeResponse(TypedDict):
    InstanceType: DefinedInstanceType | Fragment


class Obstacle(TypedDict):
    Code: str
    Cause: str
    Cure: str


class OpenConsoleRequest(TypedDict):
    InstanceId: str


class OpenConsoleResponse(TypedDict):
    InstanceId: str
    Path: str
    ValidSeconds: int


class OpenScreenRequest(TypedDict):
    InstanceId: str


class OpenScreenResponse(TypedDict):
    InstanceId: str
    Path: str
    ValidSeconds: int


class PacketHop(TypedDict):
    Kind: str
    ResourceId: NotRequired[str | None]
    VpcId: NotRequired[str | None]
    SubnetId: NotRequired[str | None]
    Words: str
    Stops: bool


class PlannedStep(TypedDict):
    Name: str
    Words: str
    About: NotRequired[str | None]


class ProbeStep(TypedDict):
    Kind: str
    ResourceId: NotRequired[str | None]
    Namespace: NotRequired[str | None]
    Name: NotRequired[str | None]
    Text: NotRequired[str | None]
    Verdict: str
    IsAnswer: bool


class ProbeTold(TypedDict):
    End: str
    At: NotRequired[str | None]
    Why: str
    Cure: NotRequired[str | None]
    IsAnswered: bool
    Answer: NotRequired[str | None]
    Steps: Sequence[ProbeStep | Fragment] | Fragment


class PutAccountPolicyRequest(TypedDict):
    AccountName: str
    PolicyName: str
    PolicyDocument: str


class PutAccountPolicyResponse(TypedDict):
    pass


class PutBucketQuotaRequest(TypedDict):
    BucketName: str
    Bytes: NotRequired[int]
    Objects: NotRequired[int]


class PutBucketQuotaResponse(TypedDict):
    pass


class PutOpenIDConnectProviderKeysRequest(TypedDict):
    OpenIDConnectProviderArn: str
    JsonWebKeySet: str


class PutOpenIDConnectProviderKeysResponse(TypedDict):
    Keys: int


class PutQuotaRequest(TypedDict):
    AccountName: NotRequired[str]
    UserName: NotRequired[str]
    Key: str
    Limit: int
    Zone: NotRequired[str]


class PutQuotaResponse(TypedDict):
    pass


class Quantity(TypedDict):
    Vcpus: int
    MemoryMib: int
    DiskGib: int


class Quota(TypedDict):
    Key: str
    Means: str
    Unit: NotRequired[str | None]
    IsCounted: bool
    Zone: NotRequired[str | None]
    Limit: NotRequired[int | None]
    Usage: NotRequired[int | None]
    SetBy: NotRequired[QuotaSource | Fragment | None]
    UsedBy: NotRequired[Sequence[QuotaMaker | Fragment] | Fragment | None]


class QuotaMaker(TypedDict):
    Id: str
    Name: NotRequired[str | None]
    Usage: int


class QuotaSource(TypedDict):
    Kind: str
    PolicyName: NotRequired[str | None]
    Sid: NotRequired[str | None]


class Registration(TypedDict):
    RegistrationId: str
    State: str
    Email: NotRequired[str | None]
    FullName: NotRequired[str | None]
    Reason: NotRequired[str | None]
    AccountName: NotRequired[str | None]
    AccountId: NotRequired[str | None]
    UserName: NotRequired[str | None]
    CreateDate: NotRequired[datetime | float | None]
    DecisionDate: NotRequired[datetime | float | None]
    ExpirationDate: NotRequired[datetime | float | None]
    Problem: NotRequired[str | None]


class RejectRegistrationRequest(TypedDict):
    RegistrationId: str
    Reason: NotRequired[str]


class RejectRegistrationResponse(TypedDict):
    Registration: Registration | Fragment


class Relation(TypedDict):
    ResourceId: str
    Kind: str
    Role: str


class RemoveFrontEndRequest(TypedDict):
    FrontEndId: str


class RemoveFrontEndResponse(TypedDict):
    pass


class ReportRolloutRequest(TypedDict):
    RolloutId: str
    Word: str
    Why: NotRequired[str]


class ReportRolloutResponse(TypedDict):
    pass


class RequestAccountRequest(TypedDict):
    AccountName: str
    Email: str
    FullName: NotRequired[str]
    Reason: NotRequired[str]


class RequestAccountResponse(TypedDict):
    State: str


class ResetInstanceTypeRequest(TypedDict):
    TypeName: str


class ResetInstanceTypeResponse(TypedDict):
    InstanceType: DefinedInstanceType | Fragment


class ResumeAccountRequest(TypedDict):
    AccountName: str


class ResumeAccountResponse(TypedDict):
    pass


class RetireHostRequest(TypedDict):
    HostId: str
    Force: NotRequired[bool]


class RetireHostResponse(TypedDict):
    Host: Host | Fragment
    Lost: Sequence[str] | Fragment


class Rollout(TypedDict):
    RolloutId: str
    Number: int
    What: str
    By: str
    FrontEndId: str
    FrontEndName: str
    AwaitedIds: Sequence[str] | Fragment
    ConfirmSeconds: float
    RequestedAt: datetime | float
    DecidedAt: NotRequired[datetime | float | None]
    Outcome: str
    Document: str
    LateNames: Sequence[str] | Fragment


class RotateAuthorityRequest(TypedDict):
    LeaveBehind: NotRequired[bool]


class RotateAuthorityResponse(TypedDict):
    Replacement: AuthorityReplacement | Fragment


class RotateMasterKeyRequest(TypedDict):
    EndSessions: NotRequired[bool]


class RotateMasterKeyResponse(TypedDict):
    Rotation: KeyRotation | Fragment


class RotateWebhookSecretRequest(TypedDict):
    Name: str
    AccountName: NotRequired[str]


class RotateWebhookSecretResponse(TypedDict):
    Secret: str


class ScheduleEventRequest(TypedDict):
    EventCode: str
    InstanceIds: NotRequired[list[str]]
    HostId: NotRequired[str]
    NotBefore: datetime
    NotAfter: NotRequired[datetime]
    Deadline: NotRequired[datetime]
    Description: NotRequired[str]


class ScheduleEventResponse(TypedDict):
    Events: Sequence[ScheduledEvent | Fragment] | Fragment


class ScheduledEvent(TypedDict):
    EventId: str
    AccountId: str
    InstanceId: str
    EventCode: str
    Description: str
    NotBefore: datetime | float
    NotAfter: NotRequired[datetime | float | None]
    Deadline: NotRequired[datetime | float | None]
    State: str


class Scrub(TypedDict):
    ScrubId: str
    State: str
    RequestedAt: datetime | float
    EndedAt: NotRequired[datetime | float | None]
    Blobs: NotRequired[int | None]
    Bytes: NotRequired[int | None]
    Damaged: NotRequired[int | None]
    LostObjects: NotRequired[Sequence[LostObject | Fragment] | Fragment | None]


class Service(TypedDict):
    Type: str
    Zone: NotRequired[str | None]
    Name: str
    State: str
    Causes: Sequence[str] | Fragment


class SessionCredentials(TypedDict):
    AccessKeyId: str
    SecretAccessKey: str
    SessionToken: str
    Expiration: datetime | float


class ShareIpamPoolRequest(TypedDict):
    PoolId: str
    AccountNames: NotRequired[list[str]]
    WithAll: NotRequired[bool]


class ShareIpamPoolResponse(TypedDict):
    PoolId: str
    AccountIds: Sequence[str] | Fragment


class SignInRequest(TypedDict):
    AccountName: str
    UserName: str
    Password: str
    NewPassword: NotRequired[str]
    MfaCode: NotRequired[str]
    DurationSeconds: NotRequired[int]


class SignInResponse(TypedDict):
    Credentials: SessionCredentials | Fragment
    Region: str
    AccountId: str
    UserName: str
    Arn: str
    PasswordExpiration: NotRequired[datetime | float | None]


class StartScrubRequest(TypedDict):
    pass


class StartScrubResponse(TypedDict):
    Scrub: Scrub | Fragment


class StatusReport(TypedDict):
    AccountId: str
    InstanceIds: Sequence[str] | Fragment
    Status: str
    ReasonCodes: Sequence[str] | Fragment
    Description: NotRequired[str | None]
    StartTime: NotRequired[datetime | float | None]
    EndTime: NotRequired[datetime | float | None]
    ReportedAt: datetime | float
    ReportedBy: str


class StayingInstance(TypedDict):
    InstanceId: str
    Reason: str


class SuspendAccountRequest(TypedDict):
    AccountName: str


class SuspendAccountResponse(TypedDict):
    pass


class TracePacketRequest(TypedDict):
    SourceId: str
    Destination: str
    Protocol: NotRequired[str]
    Port: NotRequired[int]
    IsIpv6: NotRequired[bool]
    Probe: NotRequired[bool]


class TracePacketResponse(TypedDict):
    HostId: NotRequired[str | None]
    End: str
    At: NotRequired[str | None]
    Steps: Sequence[TraceStep | Fragment] | Fragment
    Probe: NotRequired[ProbeTold | Fragment | None]
    Notes: Sequence[str] | Fragment


class TraceStep(TypedDict):
    Kind: str
    ResourceId: NotRequired[str | None]
    Namespace: NotRequired[str | None]
    Name: NotRequired[str | None]
    Text: NotRequired[str | None]
    Packets: NotRequired[int | None]
    Bytes: NotRequired[int | None]


class Trouble(TypedDict):
    Cause: str
    Cure: str


class UpdateUserInfoRequest(TypedDict):
    UserName: str
    Email: NotRequired[str]
    FullName: NotRequired[str]


class UpdateUserInfoResponse(TypedDict):
    pass


class UserInfo(TypedDict):
    UserName: str
    UserId: str
    IsEnabled: bool
    IsAdministrator: NotRequired[bool | None]
    HasLeft: NotRequired[bool | None]
    Email: NotRequired[str | None]
    FullName: NotRequired[str | None]
    Source: NotRequired[str | None]


class Webhook(TypedDict):
    Arn: str
    Name: str
    Url: str
    CreatedAt: datetime | float
    Waiting: int
    Dropped: int
    DeliveredAt: NotRequired[datetime | float | None]
    Problem: NotRequired[str | None]


class Zone(TypedDict):
    ZoneName: str
    ZoneId: str
    State: str
    Messages: Sequence[str] | Fragment
    HostIds: Sequence[str] | Fragment
    SubnetCount: int
    VolumeCount: int
