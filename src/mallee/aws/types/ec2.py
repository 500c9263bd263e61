"""Requests and results of ec2's actions, by shape.

Written by `tools/generate_types.py` from the action table and the service model; edit neither this
file nor the members' names, run the tool.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NotRequired, TypedDict

from mallee.aws.codec.fragment import Fragment


class AcceleratorCount(TypedDict):
    Min: NotRequired[int | None]
    Max: NotRequired[int | None]


class AcceleratorCountRequest(TypedDict):
    Min: NotRequired[int]
    Max: NotRequired[int]


class AcceleratorTotalMemoryMiB(TypedDict):
    Min: NotRequired[int | None]
    Max: NotRequired[int | None]


class AcceleratorTotalMemoryMiBRequest(TypedDict):
    Min: NotRequired[int]
    Max: NotRequired[int]


class AcceptAddressTransferRequest(TypedDict):
    Address: str
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]


class AcceptAddressTransferResult(TypedDict):
    AddressTransfer: NotRequired[AddressTransfer | Fragment | None]


class AcceptTransitGatewayPeeringAttachmentRequest(TypedDict):
    TransitGatewayAttachmentId: str
    DryRun: NotRequired[bool]


class AcceptTransitGatewayPeeringAttachmentResult(TypedDict):
    TransitGatewayPeeringAttachment: NotRequired[TransitGatewayPeeringAttachment | Fragment | None]


class AcceptTransitGatewayVpcAttachmentRequest(TypedDict):
    TransitGatewayAttachmentId: str
    DryRun: NotRequired[bool]


class AcceptTransitGatewayVpcAttachmentResult(TypedDict):
    TransitGatewayVpcAttachment: NotRequired[TransitGatewayVpcAttachment | Fragment | None]


class AcceptVpcPeeringConnectionRequest(TypedDict):
    DryRun: NotRequired[bool]
    VpcPeeringConnectionId: str


class AcceptVpcPeeringConnectionResult(TypedDict):
    VpcPeeringConnection: NotRequired[VpcPeeringConnection | Fragment | None]


class AccessScopeAnalysisFinding(TypedDict):
    NetworkInsightsAccessScopeAnalysisId: NotRequired[str | None]
    NetworkInsightsAccessScopeId: NotRequired[str | None]
    FindingId: NotRequired[str | None]
    FindingComponents: NotRequired[Sequence[PathComponent | Fragment] | Fragment | None]


class AccessScopePath(TypedDict):
    Source: NotRequired[PathStatement | Fragment | None]
    Destination: NotRequired[PathStatement | Fragment | None]
    ThroughResources: NotRequired[Sequence[ThroughResourcesStatement | Fragment] | Fragment | None]


class AccessScopePathRequest(TypedDict):
    Source: NotRequired[PathStatementRequest]
    Destination: NotRequired[PathStatementRequest]
    ThroughResources: NotRequired[list[ThroughResourcesStatementRequest]]


class AccountAttribute(TypedDict):
    AttributeName: NotRequired[str | None]
    AttributeValues: NotRequired[Sequence[AccountAttributeValue | Fragment] | Fragment | None]


class AccountAttributeValue(TypedDict):
    AttributeValue: NotRequired[str | None]


class AddIpamOperatingRegion(TypedDict):
    RegionName: NotRequired[str]


class AddIpamOrganizationalUnitExclusion(TypedDict):
    OrganizationsEntityPath: NotRequired[str]


class AddPrefixListEntry(TypedDict):
    Cidr: str
    Description: NotRequired[str]


class AdditionalDetail(TypedDict):
    AdditionalDetailType: NotRequired[str | None]
    Component: NotRequired[AnalysisComponent | Fragment | None]
    VpcEndpointService: NotRequired[AnalysisComponent | Fragment | None]
    RuleOptions: NotRequired[Sequence[RuleOption | Fragment] | Fragment | None]
    RuleGroupTypePairs: NotRequired[Sequence[RuleGroupTypePair | Fragment] | Fragment | None]
    RuleGroupRuleOptionsPairs: NotRequired[
        Sequence[RuleGroupRuleOptionsPair | Fragment] | Fragment | None
    ]
    ServiceName: NotRequired[str | None]
    LoadBalancers: NotRequired[Sequence[AnalysisComponent | Fragment] | Fragment | None]


class Address(TypedDict):
    AllocationId: NotRequired[str | None]
    AssociationId: NotRequired[str | None]
    Domain: NotRequired[str | None]
    NetworkInterfaceId: NotRequired[str | None]
    NetworkInterfaceOwnerId: NotRequired[str | None]
    PrivateIpAddress: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    PublicIpv4Pool: NotRequired[str | None]
    NetworkBorderGroup: NotRequired[str | None]
    CustomerOwnedIp: NotRequired[str | None]
    CustomerOwnedIpv4Pool: NotRequired[str | None]
    CarrierIp: NotRequired[str | None]
    SubnetId: NotRequired[str | None]
    ServiceManaged: NotRequired[str | None]
    InstanceId: NotRequired[str | None]
    PublicIp: NotRequired[str | None]


class AddressAttribute(TypedDict):
    PublicIp: NotRequired[str | None]
    AllocationId: NotRequired[str | None]
    PtrRecord: NotRequired[str | None]
    PtrRecordUpdate: NotRequired[PtrUpdateStatus | Fragment | None]


class AddressTransfer(TypedDict):
    PublicIp: NotRequired[str | None]
    AllocationId: NotRequired[str | None]
    TransferAccountId: NotRequired[str | None]
    TransferOfferExpirationTimestamp: NotRequired[datetime | float | None]
    TransferOfferAcceptedTimestamp: NotRequired[datetime | float | None]
    AddressTransferStatus: NotRequired[str | None]


class AllocateAddressRequest(TypedDict):
    Domain: NotRequired[str]
    Address: NotRequired[str]
    PublicIpv4Pool: NotRequired[str]
    NetworkBorderGroup: NotRequired[str]
    CustomerOwnedIpv4Pool: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]
    IpamPoolId: NotRequired[str]
    DryRun: NotRequired[bool]


class AllocateAddressResult(TypedDict):
    AllocationId: NotRequired[str | None]
    PublicIpv4Pool: NotRequired[str | None]
    NetworkBorderGroup: NotRequired[str | None]
    Domain: NotRequired[str | None]
    CustomerOwnedIp: NotRequired[str | None]
    CustomerOwnedIpv4Pool: NotRequired[str | None]
    CarrierIp: NotRequired[str | None]
    PublicIp: NotRequired[str | None]


class AllocateHostsRequest(TypedDict):
    InstanceFamily: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]
    HostRecovery: NotRequired[str]
    OutpostArn: NotRequired[str]
    HostMaintenance: NotRequired[str]
    AssetIds: NotRequired[list[str]]
    AvailabilityZoneId: NotRequired[str]
    CpuOptions: NotRequired[HostCpuOptionsRequest]
    AutoPlacement: NotRequired[str]
    ClientToken: NotRequired[str]
    InstanceType: NotRequired[str]
    Quantity: NotRequired[int]
    AvailabilityZone: NotRequired[str]


class AllocateHostsResult(TypedDict):
    HostIds: NotRequired[Sequence[str] | Fragment | None]


class AllocateIpamPoolCidrRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPoolId: str
    Cidr: NotRequired[str]
    NetmaskLength: NotRequired[int]
    ClientToken: NotRequired[str]
    Description: NotRequired[str]
    PreviewNextCidr: NotRequired[bool]
    AllowedCidrs: NotRequired[list[str]]
    DisallowedCidrs: NotRequired[list[str]]
    TagSpecifications: NotRequired[list[TagSpecification]]


class AllocateIpamPoolCidrResult(TypedDict):
    IpamPoolAllocation: NotRequired[IpamPoolAllocation | Fragment | None]


class AlternatePathHint(TypedDict):
    ComponentId: NotRequired[str | None]
    ComponentArn: NotRequired[str | None]


class AnalysisAclRule(TypedDict):
    Cidr: NotRequired[str | None]
    Egress: NotRequired[bool | None]
    PortRange: NotRequired[PortRange | Fragment | None]
    Protocol: NotRequired[str | None]
    RuleAction: NotRequired[str | None]
    RuleNumber: NotRequired[int | None]


class AnalysisComponent(TypedDict):
    Id: NotRequired[str | None]
    Arn: NotRequired[str | None]
    Name: NotRequired[str | None]


class AnalysisLoadBalancerListener(TypedDict):
    LoadBalancerPort: NotRequired[int | None]
    InstancePort: NotRequired[int | None]


class AnalysisLoadBalancerTarget(TypedDict):
    Address: NotRequired[str | None]
    AvailabilityZone: NotRequired[str | None]
    AvailabilityZoneId: NotRequired[str | None]
    Instance: NotRequired[AnalysisComponent | Fragment | None]
    Port: NotRequired[int | None]


class AnalysisPacketHeader(TypedDict):
    DestinationAddresses: NotRequired[Sequence[str] | Fragment | None]
    DestinationPortRanges: NotRequired[Sequence[PortRange | Fragment] | Fragment | None]
    Protocol: NotRequired[str | None]
    SourceAddresses: NotRequired[Sequence[str] | Fragment | None]
    SourcePortRanges: NotRequired[Sequence[PortRange | Fragment] | Fragment | None]


class AnalysisRouteTableRoute(TypedDict):
    DestinationCidr: NotRequired[str | None]
    DestinationPrefixListId: NotRequired[str | None]
    EgressOnlyInternetGatewayId: NotRequired[str | None]
    GatewayId: NotRequired[str | None]
    InstanceId: NotRequired[str | None]
    NatGatewayId: NotRequired[str | None]
    NetworkInterfaceId: NotRequired[str | None]
    Origin: NotRequired[str | None]
    TransitGatewayId: NotRequired[str | None]
    VpcPeeringConnectionId: NotRequired[str | None]
    State: NotRequired[str | None]
    CarrierGatewayId: NotRequired[str | None]
    CoreNetworkArn: NotRequired[str | None]
    LocalGatewayId: NotRequired[str | None]


class AnalysisSecurityGroupRule(TypedDict):
    Cidr: NotRequired[str | None]
    Direction: NotRequired[str | None]
    SecurityGroupId: NotRequired[str | None]
    PortRange: NotRequired[PortRange | Fragment | None]
    PrefixListId: NotRequired[str | None]
    Protocol: NotRequired[str | None]


class AnalysisTransitGatewayPolicyTableEntry(TypedDict):
    RuleNumber: NotRequired[int | None]
    Protocol: NotRequired[str | None]
    SourceCidr: NotRequired[str | None]
    DestinationCidr: NotRequired[str | None]
    SourcePortRange: NotRequired[PortRange | Fragment | None]
    DestinationPortRange: NotRequired[PortRange | Fragment | None]
    TargetRouteTableId: NotRequired[str | None]


class ApplicationStatusSummary(TypedDict):
    Status: NotRequired[str | None]
    ImpairedSince: NotRequired[datetime | float | None]


class AssignIpv6AddressesRequest(TypedDict):
    Ipv6PrefixCount: NotRequired[int]
    Ipv6Prefixes: NotRequired[list[str]]
    NetworkInterfaceId: str
    Ipv6Addresses: NotRequired[list[str]]
    Ipv6AddressCount: NotRequired[int]


class AssignIpv6AddressesResult(TypedDict):
    AssignedIpv6Addresses: NotRequired[Sequence[str] | Fragment | None]
    AssignedIpv6Prefixes: NotRequired[Sequence[str] | Fragment | None]
    NetworkInterfaceId: NotRequired[str | None]


class AssignPrivateIpAddressesRequest(TypedDict):
    Ipv4Prefixes: NotRequired[list[str]]
    Ipv4PrefixCount: NotRequired[int]
    NetworkInterfaceId: str
    PrivateIpAddresses: NotRequired[list[str]]
    SecondaryPrivateIpAddressCount: NotRequired[int]
    AllowReassignment: NotRequired[bool]


class AssignPrivateIpAddressesResult(TypedDict):
    NetworkInterfaceId: NotRequired[str | None]
    AssignedPrivateIpAddresses: NotRequired[
        Sequence[AssignedPrivateIpAddress | Fragment] | Fragment | None
    ]
    AssignedIpv4Prefixes: NotRequired[
        Sequence[Ipv4PrefixSpecification | Fragment] | Fragment | None
    ]


class AssignPrivateNatGatewayAddressRequest(TypedDict):
    NatGatewayId: str
    PrivateIpAddresses: NotRequired[list[str]]
    PrivateIpAddressCount: NotRequired[int]
    DryRun: NotRequired[bool]


class AssignPrivateNatGatewayAddressResult(TypedDict):
    NatGatewayId: NotRequired[str | None]
    NatGatewayAddresses: NotRequired[Sequence[NatGatewayAddress | Fragment] | Fragment | None]


class AssignedPrivateIpAddress(TypedDict):
    PrivateIpAddress: NotRequired[str | None]


class AssociateAddressRequest(TypedDict):
    AllocationId: NotRequired[str]
    InstanceId: NotRequired[str]
    PublicIp: NotRequired[str]
    DryRun: NotRequired[bool]
    NetworkInterfaceId: NotRequired[str]
    PrivateIpAddress: NotRequired[str]
    AllowReassociation: NotRequired[bool]


class AssociateAddressResult(TypedDict):
    AssociationId: NotRequired[str | None]


class AssociateDhcpOptionsRequest(TypedDict):
    DhcpOptionsId: str
    VpcId: str
    DryRun: NotRequired[bool]


class AssociateIamInstanceProfileRequest(TypedDict):
    IamInstanceProfile: IamInstanceProfileSpecification
    InstanceId: str


class AssociateIamInstanceProfileResult(TypedDict):
    IamInstanceProfileAssociation: NotRequired[IamInstanceProfileAssociation | Fragment | None]


class AssociateInstanceEventWindowRequest(TypedDict):
    DryRun: NotRequired[bool]
    InstanceEventWindowId: str
    AssociationTarget: InstanceEventWindowAssociationRequest


class AssociateInstanceEventWindowResult(TypedDict):
    InstanceEventWindow: NotRequired[InstanceEventWindow | Fragment | None]


class AssociateIpamResourceDiscoveryRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamId: str
    IpamResourceDiscoveryId: str
    TagSpecifications: NotRequired[list[TagSpecification]]
    ClientToken: NotRequired[str]


class AssociateIpamResourceDiscoveryResult(TypedDict):
    IpamResourceDiscoveryAssociation: NotRequired[
        IpamResourceDiscoveryAssociation | Fragment | None
    ]


class AssociateNatGatewayAddressRequest(TypedDict):
    NatGatewayId: str
    AllocationIds: list[str]
    PrivateIpAddresses: NotRequired[list[str]]
    DryRun: NotRequired[bool]
    AvailabilityZone: NotRequired[str]
    AvailabilityZoneId: NotRequired[str]


class AssociateNatGatewayAddressResult(TypedDict):
    NatGatewayId: NotRequired[str | None]
    NatGatewayAddresses: NotRequired[Sequence[NatGatewayAddress | Fragment] | Fragment | None]


class AssociateRouteTableRequest(TypedDict):
    GatewayId: NotRequired[str]
    PublicIpv4Pool: NotRequired[str]
    DryRun: NotRequired[bool]
    SubnetId: NotRequired[str]
    RouteTableId: str


class AssociateRouteTableResult(TypedDict):
    AssociationId: NotRequired[str | None]
    AssociationState: NotRequired[RouteTableAssociationState | Fragment | None]


class AssociateSecurityGroupVpcRequest(TypedDict):
    GroupId: str
    VpcId: str
    DryRun: NotRequired[bool]


class AssociateSecurityGroupVpcResult(TypedDict):
    State: NotRequired[str | None]


class AssociateSubnetCidrBlockRequest(TypedDict):
    Ipv6IpamPoolId: NotRequired[str]
    Ipv6NetmaskLength: NotRequired[int]
    SubnetId: str
    Ipv6CidrBlock: NotRequired[str]


class AssociateSubnetCidrBlockResult(TypedDict):
    Ipv6CidrBlockAssociation: NotRequired[SubnetIpv6CidrBlockAssociation | Fragment | None]
    SubnetId: NotRequired[str | None]


class AssociateTransitGatewayRouteTableRequest(TypedDict):
    TransitGatewayRouteTableId: str
    TransitGatewayAttachmentId: str
    DryRun: NotRequired[bool]


class AssociateTransitGatewayRouteTableResult(TypedDict):
    Association: NotRequired[TransitGatewayAssociation | Fragment | None]


class AssociateVpcCidrBlockRequest(TypedDict):
    CidrBlock: NotRequired[str]
    Ipv6CidrBlockNetworkBorderGroup: NotRequired[str]
    Ipv6Pool: NotRequired[str]
    Ipv6CidrBlock: NotRequired[str]
    Ipv4IpamPoolId: NotRequired[str]
    Ipv4NetmaskLength: NotRequired[int]
    Ipv6IpamPoolId: NotRequired[str]
    Ipv6NetmaskLength: NotRequired[int]
    VpcId: str
    AmazonProvidedIpv6CidrBlock: NotRequired[bool]


class AssociateVpcCidrBlockResult(TypedDict):
    Ipv6CidrBlockAssociation: NotRequired[VpcIpv6CidrBlockAssociation | Fragment | None]
    CidrBlockAssociation: NotRequired[VpcCidrBlockAssociation | Fragment | None]
    VpcId: NotRequired[str | None]


class AssociatedKmsKey(TypedDict):
    KmsKeyId: NotRequired[str | None]


class AttachInternetGatewayRequest(TypedDict):
    DryRun: NotRequired[bool]
    InternetGatewayId: str
    VpcId: str


class AttachNetworkInterfaceRequest(TypedDict):
    NetworkCardIndex: NotRequired[int]
    EnaSrdSpecification: NotRequired[EnaSrdSpecification]
    EnaQueueCount: NotRequired[int]
    DryRun: NotRequired[bool]
    NetworkInterfaceId: str
    InstanceId: str
    DeviceIndex: int


class AttachNetworkInterfaceResult(TypedDict):
    AttachmentId: NotRequired[str | None]
    NetworkCardIndex: NotRequired[int | None]


class AttachVolumeRequest(TypedDict):
    Device: str
    InstanceId: str
    VolumeId: str
    EbsCardIndex: NotRequired[int]
    DryRun: NotRequired[bool]


class AttachmentEnaSrdSpecification(TypedDict):
    EnaSrdEnabled: NotRequired[bool | None]
    EnaSrdUdpSpecification: NotRequired[AttachmentEnaSrdUdpSpecification | Fragment | None]


class AttachmentEnaSrdUdpSpecification(TypedDict):
    EnaSrdUdpEnabled: NotRequired[bool | None]


class AttributeBooleanValue(TypedDict):
    Value: NotRequired[bool]


class AttributeValue(TypedDict):
    Value: NotRequired[str]


class AuthorizeSecurityGroupEgressRequest(TypedDict):
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]
    GroupId: str
    SourceSecurityGroupName: NotRequired[str]
    SourceSecurityGroupOwnerId: NotRequired[str]
    IpProtocol: NotRequired[str]
    FromPort: NotRequired[int]
    ToPort: NotRequired[int]
    CidrIp: NotRequired[str]
    IpPermissions: NotRequired[list[IpPermission]]


class AuthorizeSecurityGroupEgressResult(TypedDict):
    Return: NotRequired[bool | None]
    SecurityGroupRules: NotRequired[Sequence[SecurityGroupRule | Fragment] | Fragment | None]


class AuthorizeSecurityGroupIngressRequest(TypedDict):
    CidrIp: NotRequired[str]
    FromPort: NotRequired[int]
    GroupId: NotRequired[str]
    GroupName: NotRequired[str]
    IpPermissions: NotRequired[list[IpPermission]]
    IpProtocol: NotRequired[str]
    SourceSecurityGroupName: NotRequired[str]
    SourceSecurityGroupOwnerId: NotRequired[str]
    ToPort: NotRequired[int]
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]


class AuthorizeSecurityGroupIngressResult(TypedDict):
    Return: NotRequired[bool | None]
    SecurityGroupRules: NotRequired[Sequence[SecurityGroupRule | Fragment] | Fragment | None]


class AvailabilityZone(TypedDict):
    OptInStatus: NotRequired[str | None]
    Messages: NotRequired[Sequence[AvailabilityZoneMessage | Fragment] | Fragment | None]
    RegionName: NotRequired[str | None]
    ZoneName: NotRequired[str | None]
    ZoneId: NotRequired[str | None]
    GroupName: NotRequired[str | None]
    NetworkBorderGroup: NotRequired[str | None]
    ZoneType: NotRequired[str | None]
    ParentZoneName: NotRequired[str | None]
    ParentZoneId: NotRequired[str | None]
    GroupLongName: NotRequired[str | None]
    Geography: NotRequired[Sequence[AvailabilityZoneGeography | Fragment] | Fragment | None]
    SubGeography: NotRequired[Sequence[AvailabilityZoneSubGeography | Fragment] | Fragment | None]
    State: NotRequired[str | None]


class AvailabilityZoneAddress(TypedDict):
    AvailabilityZone: NotRequired[str]
    AvailabilityZoneId: NotRequired[str]
    AllocationIds: NotRequired[list[str]]


class AvailabilityZoneGeography(TypedDict):
    Name: NotRequired[str | None]


class AvailabilityZoneMessage(TypedDict):
    Message: NotRequired[str | None]


class AvailabilityZoneSubGeography(TypedDict):
    Name: NotRequired[str | None]


class AvailableCapacity(TypedDict):
    AvailableInstanceCapacity: NotRequired[Sequence[InstanceCapacity | Fragment] | Fragment | None]
    AvailableVCpus: NotRequired[int | None]


class BaselineEbsBandwidthMbps(TypedDict):
    Min: NotRequired[int | None]
    Max: NotRequired[int | None]


class BaselineEbsBandwidthMbpsRequest(TypedDict):
    Min: NotRequired[int]
    Max: NotRequired[int]


class BaselinePerformanceFactors(TypedDict):
    Cpu: NotRequired[CpuPerformanceFactor | Fragment | None]


class BaselinePerformanceFactorsRequest(TypedDict):
    Cpu: NotRequired[CpuPerformanceFactorRequest]


class BlockDeviceMapping(TypedDict):
    Ebs: NotRequired[EbsBlockDevice]
    NoDevice: NotRequired[str]
    DeviceName: NotRequired[str]
    VirtualName: NotRequired[str]


class BlockPublicAccessStates(TypedDict):
    InternetGatewayBlockMode: NotRequired[str | None]


class BundleInstanceRequest(TypedDict):
    InstanceId: str
    Storage: Storage
    DryRun: NotRequired[bool]


class BundleInstanceResult(TypedDict):
    BundleTask: NotRequired[BundleTask | Fragment | None]


class BundleTask(TypedDict):
    InstanceId: NotRequired[str | None]
    BundleId: NotRequired[str | None]
    State: NotRequired[str | None]
    StartTime: NotRequired[datetime | float | None]
    UpdateTime: NotRequired[datetime | float | None]
    Storage: NotRequired[Storage | Fragment | None]
    Progress: NotRequired[str | None]
    BundleTaskError: NotRequired[BundleTaskError | Fragment | None]


class BundleTaskError(TypedDict):
    Code: NotRequired[str | None]
    Message: NotRequired[str | None]


class CancelBundleTaskRequest(TypedDict):
    BundleId: str
    DryRun: NotRequired[bool]


class CancelBundleTaskResult(TypedDict):
    BundleTask: NotRequired[BundleTask | Fragment | None]


class CancelCapacityReservationFleetError(TypedDict):
    Code: NotRequired[str | None]
    Message: NotRequired[str | None]


class CancelCapacityReservationFleetsRequest(TypedDict):
    DryRun: NotRequired[bool]
    CapacityReservationFleetIds: list[str]


class CancelCapacityReservationFleetsResult(TypedDict):
    SuccessfulFleetCancellations: NotRequired[
        Sequence[CapacityReservationFleetCancellationState | Fragment] | Fragment | None
    ]
    FailedFleetCancellations: NotRequired[
        Sequence[FailedCapacityReservationFleetCancellationResult | Fragment] | Fragment | None
    ]


class CancelCapacityReservationRequest(TypedDict):
    CapacityReservationId: str
    DryRun: NotRequired[bool]
    ApplyCancellationCharges: NotRequired[str]
    QuoteId: NotRequired[str]


class CancelCapacityReservationResult(TypedDict):
    Return: NotRequired[bool | None]


class CancelConversionRequest(TypedDict):
    DryRun: NotRequired[bool]
    ConversionTaskId: str
    ReasonMessage: NotRequired[str]


class CancelExportTaskRequest(TypedDict):
    ExportTaskId: str


class CancelImageLaunchPermissionRequest(TypedDict):
    ImageId: str
    DryRun: NotRequired[bool]


class CancelImageLaunchPermissionResult(TypedDict):
    Return: NotRequired[bool | None]


class CancelImportTaskRequest(TypedDict):
    CancelReason: NotRequired[str]
    DryRun: NotRequired[bool]
    ImportTaskId: NotRequired[str]


class CancelImportTaskResult(TypedDict):
    ImportTaskId: NotRequired[str | None]
    PreviousState: NotRequired[str | None]
    State: NotRequired[str | None]


class CapacityAllocation(TypedDict):
    AllocationType: NotRequired[str | None]
    Count: NotRequired[int | None]
    AllocationMetadata: NotRequired[
        Sequence[CapacityAllocationMetadataEntry | Fragment] | Fragment | None
    ]


class CapacityAllocationMetadataEntry(TypedDict):
    Key: NotRequired[str | None]
    Value: NotRequired[str | None]


class CapacityReservation(TypedDict):
    CapacityReservationId: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    CapacityReservationArn: NotRequired[str | None]
    AvailabilityZoneId: NotRequired[str | None]
    InstanceType: NotRequired[str | None]
    InstancePlatform: NotRequired[str | None]
    AvailabilityZone: NotRequired[str | None]
    Tenancy: NotRequired[str | None]
    TotalInstanceCount: NotRequired[int | None]
    AvailableInstanceCount: NotRequired[int | None]
    EbsOptimized: NotRequired[bool | None]
    EphemeralStorage: NotRequired[bool | None]
    State: NotRequired[str | None]
    StartDate: NotRequired[datetime | float | None]
    EndDate: NotRequired[datetime | float | None]
    EndDateType: NotRequired[str | None]
    InstanceMatchCriteria: NotRequired[str | None]
    CreateDate: NotRequired[datetime | float | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    OutpostArn: NotRequired[str | None]
    CapacityReservationFleetId: NotRequired[str | None]
    PlacementGroupArn: NotRequired[str | None]
    CapacityAllocations: NotRequired[Sequence[CapacityAllocation | Fragment] | Fragment | None]
    ReservationType: NotRequired[str | None]
    UnusedReservationBillingOwnerId: NotRequired[str | None]
    CommitmentInfo: NotRequired[CapacityReservationCommitmentInfo | Fragment | None]
    DeliveryPreference: NotRequired[str | None]
    CapacityBlockId: NotRequired[str | None]
    Interruptible: NotRequired[bool | None]
    InterruptibleCapacityAllocation: NotRequired[InterruptibleCapacityAllocation | Fragment | None]
    InterruptionInfo: NotRequired[InterruptionInfo | Fragment | None]
    AdjustmentStatus: NotRequired[str | None]
    AdjustmentDetails: NotRequired[CapacityReservationAdjustmentDetails | Fragment | None]
    OriginalStartDate: NotRequired[datetime | float | None]
    ZeroSizePreference: NotRequired[str | None]
    LaunchStatus: NotRequired[str | None]


class CapacityReservationAdjustmentDetails(TypedDict):
    StartDate: NotRequired[datetime | float | None]
    EndDate: NotRequired[datetime | float | None]
    CommitmentEndDate: NotRequired[datetime | float | None]
    EndDateType: NotRequired[str | None]
    CommitmentDuration: NotRequired[int | None]


class CapacityReservationCommitmentInfo(TypedDict):
    CommittedInstanceCount: NotRequired[int | None]
    CommitmentEndDate: NotRequired[datetime | float | None]
    CommitmentDuration: NotRequired[int | None]


class CapacityReservationFleet(TypedDict):
    CapacityReservationFleetId: NotRequired[str | None]
    CapacityReservationFleetArn: NotRequired[str | None]
    State: NotRequired[str | None]
    TotalTargetCapacity: NotRequired[int | None]
    TotalFulfilledCapacity: NotRequired[float | None]
    Tenancy: NotRequired[str | None]
    EndDate: NotRequired[datetime | float | None]
    CreateTime: NotRequired[datetime | float | None]
    InstanceMatchCriteria: NotRequired[str | None]
    AllocationStrategy: NotRequired[str | None]
    InstanceTypeSpecifications: NotRequired[
        Sequence[FleetCapacityReservation | Fragment] | Fragment | None
    ]
    InstanceRequirements: NotRequired[InstanceRequirementsRequest | Fragment | None]
    AvailabilityZone: NotRequired[str | None]
    AvailabilityZoneId: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class CapacityReservationFleetCancellationState(TypedDict):
    CurrentFleetState: NotRequired[str | None]
    PreviousFleetState: NotRequired[str | None]
    CapacityReservationFleetId: NotRequired[str | None]


class CapacityReservationGroup(TypedDict):
    GroupArn: NotRequired[str | None]
    OwnerId: NotRequired[str | None]


class CapacityReservationSpecification(TypedDict):
    CapacityReservationPreference: NotRequired[str]
    CapacityReservationTarget: NotRequired[CapacityReservationTarget]


class CapacityReservationSpecificationResponse(TypedDict):
    CapacityReservationPreference: NotRequired[str | None]
    CapacityReservationTarget: NotRequired[CapacityReservationTargetResponse | Fragment | None]


class CapacityReservationTarget(TypedDict):
    CapacityReservationId: NotRequired[str]
    CapacityReservationResourceGroupArn: NotRequired[str]


class CapacityReservationTargetResponse(TypedDict):
    CapacityReservationId: NotRequired[str | None]
    CapacityReservationResourceGroupArn: NotRequired[str | None]


class CapacityReservationTopology(TypedDict):
    CapacityReservationId: NotRequired[str | None]
    CapacityBlockId: NotRequired[str | None]
    State: NotRequired[str | None]
    InstanceType: NotRequired[str | None]
    GroupName: NotRequired[str | None]
    NetworkNodes: NotRequired[Sequence[str] | Fragment | None]
    AvailabilityZoneId: NotRequired[str | None]
    AvailabilityZone: NotRequired[str | None]


class CidrBlock(TypedDict):
    CidrBlock: NotRequired[str | None]


class ClassicLinkDnsSupport(TypedDict):
    ClassicLinkDnsSupported: NotRequired[bool | None]
    VpcId: NotRequired[str | None]


class ClientData(TypedDict):
    Comment: NotRequired[str]
    UploadEnd: NotRequired[datetime]
    UploadSize: NotRequired[float]
    UploadStart: NotRequired[datetime]


class ConnectionTrackingConfiguration(TypedDict):
    TcpEstablishedTimeout: NotRequired[int | None]
    UdpStreamTimeout: NotRequired[int | None]
    UdpTimeout: NotRequired[int | None]


class ConnectionTrackingSpecification(TypedDict):
    TcpEstablishedTimeout: NotRequired[int | None]
    UdpTimeout: NotRequired[int | None]
    UdpStreamTimeout: NotRequired[int | None]


class ConnectionTrackingSpecificationRequest(TypedDict):
    TcpEstablishedTimeout: NotRequired[int]
    UdpStreamTimeout: NotRequired[int]
    UdpTimeout: NotRequired[int]


class ConnectionTrackingSpecificationResponse(TypedDict):
    TcpEstablishedTimeout: NotRequired[int | None]
    UdpStreamTimeout: NotRequired[int | None]
    UdpTimeout: NotRequired[int | None]


class ConversionTask(TypedDict):
    ConversionTaskId: NotRequired[str | None]
    ExpirationTime: NotRequired[str | None]
    ImportInstance: NotRequired[ImportInstanceTaskDetails | Fragment | None]
    ImportVolume: NotRequired[ImportVolumeTaskDetails | Fragment | None]
    State: NotRequired[str | None]
    StatusMessage: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class CopyImageRequest(TypedDict):
    ClientToken: NotRequired[str]
    Description: NotRequired[str]
    Encrypted: NotRequired[bool]
    KmsKeyId: NotRequired[str]
    Name: str
    SourceImageId: str
    SourceRegion: str
    DestinationOutpostArn: NotRequired[str]
    CopyImageTags: NotRequired[bool]
    TagSpecifications: NotRequired[list[TagSpecification]]
    SnapshotCopyCompletionDurationMinutes: NotRequired[int]
    DestinationAvailabilityZone: NotRequired[str]
    DestinationAvailabilityZoneId: NotRequired[str]
    DryRun: NotRequired[bool]


class CopyImageResult(TypedDict):
    ImageId: NotRequired[str | None]


class CopySnapshotRequest(TypedDict):
    Description: NotRequired[str]
    DestinationOutpostArn: NotRequired[str]
    DestinationRegion: NotRequired[str]
    Encrypted: NotRequired[bool]
    KmsKeyId: NotRequired[str]
    PresignedUrl: NotRequired[str]
    SourceRegion: str
    SourceSnapshotId: str
    TagSpecifications: NotRequired[list[TagSpecification]]
    CompletionDurationMinutes: NotRequired[int]
    DestinationAvailabilityZone: NotRequired[str]
    DryRun: NotRequired[bool]


class CopySnapshotResult(TypedDict):
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    SnapshotId: NotRequired[str | None]


class CopyVolumesRequest(TypedDict):
    SourceVolumeId: str
    Iops: NotRequired[int]
    Size: NotRequired[int]
    VolumeType: NotRequired[str]
    DryRun: NotRequired[bool]
    TagSpecifications: NotRequired[list[TagSpecification]]
    MultiAttachEnabled: NotRequired[bool]
    Throughput: NotRequired[int]
    ClientToken: NotRequired[str]
    Encrypted: NotRequired[bool]
    KmsKeyId: NotRequired[str]


class CopyVolumesResult(TypedDict):
    Volumes: NotRequired[Sequence[Volume | Fragment] | Fragment | None]


class CpuOptions(TypedDict):
    CoreCount: NotRequired[int | None]
    ThreadsPerCore: NotRequired[int | None]
    AmdSevSnp: NotRequired[str | None]
    NestedVirtualization: NotRequired[str | None]


class CpuOptionsRequest(TypedDict):
    CoreCount: NotRequired[int]
    ThreadsPerCore: NotRequired[int]
    AmdSevSnp: NotRequired[str]
    NestedVirtualization: NotRequired[str]


class CpuPerformanceFactor(TypedDict):
    References: NotRequired[Sequence[PerformanceFactorReference | Fragment] | Fragment | None]


class CpuPerformanceFactorRequest(TypedDict):
    References: NotRequired[list[PerformanceFactorReferenceRequest]]


class CreateCapacityReservationBySplittingRequest(TypedDict):
    DryRun: NotRequired[bool]
    ClientToken: NotRequired[str]
    SourceCapacityReservationId: str
    InstanceCount: int
    TagSpecifications: NotRequired[list[TagSpecification]]


class CreateCapacityReservationBySplittingResult(TypedDict):
    SourceCapacityReservation: NotRequired[CapacityReservation | Fragment | None]
    DestinationCapacityReservation: NotRequired[CapacityReservation | Fragment | None]
    InstanceCount: NotRequired[int | None]


class CreateCapacityReservationFleetRequest(TypedDict):
    AllocationStrategy: NotRequired[str]
    ClientToken: NotRequired[str]
    InstanceTypeSpecifications: NotRequired[list[ReservationFleetInstanceSpecification]]
    InstanceRequirements: NotRequired[InstanceRequirementsRequest]
    AvailabilityZone: NotRequired[str]
    AvailabilityZoneId: NotRequired[str]
    Tenancy: NotRequired[str]
    TotalTargetCapacity: int
    EndDate: NotRequired[datetime]
    InstanceMatchCriteria: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]


class CreateCapacityReservationFleetResult(TypedDict):
    CapacityReservationFleetId: NotRequired[str | None]
    State: NotRequired[str | None]
    TotalTargetCapacity: NotRequired[int | None]
    TotalFulfilledCapacity: NotRequired[float | None]
    InstanceMatchCriteria: NotRequired[str | None]
    AllocationStrategy: NotRequired[str | None]
    CreateTime: NotRequired[datetime | float | None]
    EndDate: NotRequired[datetime | float | None]
    Tenancy: NotRequired[str | None]
    FleetCapacityReservations: NotRequired[
        Sequence[FleetCapacityReservation | Fragment] | Fragment | None
    ]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class CreateCapacityReservationRequest(TypedDict):
    ClientToken: NotRequired[str]
    InstanceType: str
    InstancePlatform: str
    AvailabilityZone: NotRequired[str]
    AvailabilityZoneId: NotRequired[str]
    Tenancy: NotRequired[str]
    InstanceCount: int
    EbsOptimized: NotRequired[bool]
    EphemeralStorage: NotRequired[bool]
    EndDate: NotRequired[datetime]
    EndDateType: NotRequired[str]
    InstanceMatchCriteria: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]
    OutpostArn: NotRequired[str]
    PlacementGroupArn: NotRequired[str]
    StartDate: NotRequired[datetime]
    CommitmentDuration: NotRequired[int]
    DeliveryPreference: NotRequired[str]


class CreateCapacityReservationResult(TypedDict):
    CapacityReservation: NotRequired[CapacityReservation | Fragment | None]


class CreateDefaultSubnetRequest(TypedDict):
    AvailabilityZone: NotRequired[str]
    DryRun: NotRequired[bool]
    Ipv6Native: NotRequired[bool]
    AvailabilityZoneId: NotRequired[str]


class CreateDefaultSubnetResult(TypedDict):
    Subnet: NotRequired[Subnet | Fragment | None]


class CreateDefaultVpcRequest(TypedDict):
    DryRun: NotRequired[bool]


class CreateDefaultVpcResult(TypedDict):
    Vpc: NotRequired[Vpc | Fragment | None]


class CreateDhcpOptionsRequest(TypedDict):
    DhcpConfigurations: list[NewDhcpConfiguration]
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]


class CreateDhcpOptionsResult(TypedDict):
    DhcpOptions: NotRequired[DhcpOptions | Fragment | None]


class CreateEgressOnlyInternetGatewayRequest(TypedDict):
    ClientToken: NotRequired[str]
    DryRun: NotRequired[bool]
    VpcId: str
    TagSpecifications: NotRequired[list[TagSpecification]]


class CreateEgressOnlyInternetGatewayResult(TypedDict):
    ClientToken: NotRequired[str | None]
    EgressOnlyInternetGateway: NotRequired[EgressOnlyInternetGateway | Fragment | None]


class CreateFlowLogsRequest(TypedDict):
    DryRun: NotRequired[bool]
    ClientToken: NotRequired[str]
    DeliverLogsPermissionArn: NotRequired[str]
    DeliverCrossAccountRole: NotRequired[str]
    LogGroupName: NotRequired[str]
    ResourceIds: list[str]
    ResourceType: str
    TrafficType: NotRequired[str]
    LogDestinationType: NotRequired[str]
    LogDestination: NotRequired[str]
    LogFormat: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]
    MaxAggregationInterval: NotRequired[int]
    DestinationOptions: NotRequired[DestinationOptionsRequest]
    TagFieldSpecifications: NotRequired[list[TagFieldSpecificationRequest]]


class CreateFlowLogsResult(TypedDict):
    ClientToken: NotRequired[str | None]
    FlowLogIds: NotRequired[Sequence[str] | Fragment | None]
    Unsuccessful: NotRequired[Sequence[UnsuccessfulItem | Fragment] | Fragment | None]


class CreateImageRequest(TypedDict):
    TagSpecifications: NotRequired[list[TagSpecification]]
    SnapshotLocation: NotRequired[str]
    BootModeOverride: NotRequired[str]
    DryRun: NotRequired[bool]
    InstanceId: str
    Name: str
    Description: NotRequired[str]
    NoReboot: NotRequired[bool]
    BlockDeviceMappings: NotRequired[list[BlockDeviceMapping]]


class CreateImageResult(TypedDict):
    ImageId: NotRequired[str | None]


class CreateImageUsageReportRequest(TypedDict):
    ImageId: str
    DryRun: NotRequired[bool]
    ResourceTypes: list[ImageUsageResourceTypeRequest]
    AccountIds: NotRequired[list[str]]
    ClientToken: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]


class CreateImageUsageReportResult(TypedDict):
    ReportId: NotRequired[str | None]


class CreateInstanceConnectEndpointRequest(TypedDict):
    DryRun: NotRequired[bool]
    SubnetId: str
    SecurityGroupIds: NotRequired[list[str]]
    PreserveClientIp: NotRequired[bool]
    ClientToken: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]
    IpAddressType: NotRequired[str]


class CreateInstanceConnectEndpointResult(TypedDict):
    InstanceConnectEndpoint: NotRequired[Ec2InstanceConnectEndpoint | Fragment | None]
    ClientToken: NotRequired[str | None]


class CreateInstanceEventWindowRequest(TypedDict):
    DryRun: NotRequired[bool]
    Name: NotRequired[str]
    TimeRanges: NotRequired[list[InstanceEventWindowTimeRangeRequest]]
    CronExpression: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]


class CreateInstanceEventWindowResult(TypedDict):
    InstanceEventWindow: NotRequired[InstanceEventWindow | Fragment | None]


class CreateInstanceExportTaskRequest(TypedDict):
    TagSpecifications: NotRequired[list[TagSpecification]]
    Description: NotRequired[str]
    InstanceId: str
    TargetEnvironment: str
    ExportToS3Task: ExportToS3TaskSpecification


class CreateInstanceExportTaskResult(TypedDict):
    ExportTask: NotRequired[ExportTask | Fragment | None]


class CreateInternetGatewayRequest(TypedDict):
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]


class CreateInternetGatewayResult(TypedDict):
    InternetGateway: NotRequired[InternetGateway | Fragment | None]


class CreateIpamPolicyRequest(TypedDict):
    DryRun: NotRequired[bool]
    TagSpecifications: NotRequired[list[TagSpecification]]
    ClientToken: NotRequired[str]
    IpamId: str


class CreateIpamPolicyResult(TypedDict):
    IpamPolicy: NotRequired[IpamPolicy | Fragment | None]


class CreateIpamPoolRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamScopeId: str
    Locale: NotRequired[str]
    SourceIpamPoolId: NotRequired[str]
    Description: NotRequired[str]
    AddressFamily: str
    AutoImport: NotRequired[bool]
    PubliclyAdvertisable: NotRequired[bool]
    AllocationMinNetmaskLength: NotRequired[int]
    AllocationMaxNetmaskLength: NotRequired[int]
    AllocationDefaultNetmaskLength: NotRequired[int]
    AllocationResourceTags: NotRequired[list[RequestIpamResourceTag]]
    TagSpecifications: NotRequired[list[TagSpecification]]
    ClientToken: NotRequired[str]
    AwsService: NotRequired[str]
    PublicIpSource: NotRequired[str]
    SourceResource: NotRequired[IpamPoolSourceResourceRequest]


class CreateIpamPoolResult(TypedDict):
    IpamPool: NotRequired[IpamPool | Fragment | None]


class CreateIpamPrefixListResolverRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamId: str
    Description: NotRequired[str]
    AddressFamily: str
    Rules: NotRequired[list[IpamPrefixListResolverRuleRequest]]
    TagSpecifications: NotRequired[list[TagSpecification]]
    ClientToken: NotRequired[str]


class CreateIpamPrefixListResolverResult(TypedDict):
    IpamPrefixListResolver: NotRequired[IpamPrefixListResolver | Fragment | None]


class CreateIpamPrefixListResolverTargetRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPrefixListResolverId: str
    PrefixListId: str
    PrefixListRegion: str
    DesiredVersion: NotRequired[int]
    TrackLatestVersion: bool
    TagSpecifications: NotRequired[list[TagSpecification]]
    ClientToken: NotRequired[str]


class CreateIpamPrefixListResolverTargetResult(TypedDict):
    IpamPrefixListResolverTarget: NotRequired[IpamPrefixListResolverTarget | Fragment | None]


class CreateIpamRequest(TypedDict):
    DryRun: NotRequired[bool]
    Description: NotRequired[str]
    OperatingRegions: NotRequired[list[AddIpamOperatingRegion]]
    TagSpecifications: NotRequired[list[TagSpecification]]
    ClientToken: NotRequired[str]
    Tier: NotRequired[str]
    EnablePrivateGua: NotRequired[bool]
    MeteredAccount: NotRequired[str]


class CreateIpamResourceDiscoveryRequest(TypedDict):
    DryRun: NotRequired[bool]
    Description: NotRequired[str]
    OperatingRegions: NotRequired[list[AddIpamOperatingRegion]]
    TagSpecifications: NotRequired[list[TagSpecification]]
    ClientToken: NotRequired[str]


class CreateIpamResourceDiscoveryResult(TypedDict):
    IpamResourceDiscovery: NotRequired[IpamResourceDiscovery | Fragment | None]


class CreateIpamResult(TypedDict):
    Ipam: NotRequired[Ipam | Fragment | None]


class CreateIpamScopeRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamId: str
    Description: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]
    ClientToken: NotRequired[str]
    ExternalAuthorityConfiguration: NotRequired[ExternalAuthorityConfiguration]


class CreateIpamScopeResult(TypedDict):
    IpamScope: NotRequired[IpamScope | Fragment | None]


class CreateKeyPairRequest(TypedDict):
    KeyName: str
    KeyType: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]
    KeyFormat: NotRequired[str]
    DryRun: NotRequired[bool]


class CreateLaunchTemplateRequest(TypedDict):
    DryRun: NotRequired[bool]
    ClientToken: NotRequired[str]
    LaunchTemplateName: str
    VersionDescription: NotRequired[str]
    LaunchTemplateData: RequestLaunchTemplateData
    Operator: NotRequired[OperatorRequest]
    TagSpecifications: NotRequired[list[TagSpecification]]


class CreateLaunchTemplateResult(TypedDict):
    LaunchTemplate: NotRequired[LaunchTemplate | Fragment | None]
    Warning: NotRequired[ValidationWarning | Fragment | None]


class CreateLaunchTemplateVersionRequest(TypedDict):
    DryRun: NotRequired[bool]
    ClientToken: NotRequired[str]
    LaunchTemplateId: NotRequired[str]
    LaunchTemplateName: NotRequired[str]
    SourceVersion: NotRequired[str]
    VersionDescription: NotRequired[str]
    LaunchTemplateData: RequestLaunchTemplateData
    ResolveAlias: NotRequired[bool]


class CreateLaunchTemplateVersionResult(TypedDict):
    LaunchTemplateVersion: NotRequired[LaunchTemplateVersion | Fragment | None]
    Warning: NotRequired[ValidationWarning | Fragment | None]


class CreateManagedPrefixListRequest(TypedDict):
    DryRun: NotRequired[bool]
    PrefixListName: str
    Entries: NotRequired[list[AddPrefixListEntry]]
    MaxEntries: int
    TagSpecifications: NotRequired[list[TagSpecification]]
    AddressFamily: str
    ClientToken: NotRequired[str]


class CreateManagedPrefixListResult(TypedDict):
    PrefixList: NotRequired[ManagedPrefixList | Fragment | None]


class CreateNatGatewayRequest(TypedDict):
    AvailabilityMode: NotRequired[str]
    AllocationId: NotRequired[str]
    ClientToken: NotRequired[str]
    DryRun: NotRequired[bool]
    SubnetId: NotRequired[str]
    VpcId: NotRequired[str]
    AvailabilityZoneAddresses: NotRequired[list[AvailabilityZoneAddress]]
    TagSpecifications: NotRequired[list[TagSpecification]]
    ConnectivityType: NotRequired[str]
    PrivateIpAddress: NotRequired[str]
    SecondaryAllocationIds: NotRequired[list[str]]
    SecondaryPrivateIpAddresses: NotRequired[list[str]]
    SecondaryPrivateIpAddressCount: NotRequired[int]


class CreateNatGatewayResult(TypedDict):
    ClientToken: NotRequired[str | None]
    NatGateway: NotRequired[NatGateway | Fragment | None]


class CreateNetworkAclEntryRequest(TypedDict):
    DryRun: NotRequired[bool]
    NetworkAclId: str
    RuleNumber: int
    Protocol: str
    RuleAction: str
    Egress: bool
    CidrBlock: NotRequired[str]
    Ipv6CidrBlock: NotRequired[str]
    IcmpTypeCode: NotRequired[IcmpTypeCode]
    PortRange: NotRequired[PortRange]


class CreateNetworkAclRequest(TypedDict):
    TagSpecifications: NotRequired[list[TagSpecification]]
    ClientToken: NotRequired[str]
    DryRun: NotRequired[bool]
    VpcId: str


class CreateNetworkAclResult(TypedDict):
    NetworkAcl: NotRequired[NetworkAcl | Fragment | None]
    ClientToken: NotRequired[str | None]


class CreateNetworkInsightsAccessScopeRequest(TypedDict):
    MatchPaths: NotRequired[list[AccessScopePathRequest]]
    ExcludePaths: NotRequired[list[AccessScopePathRequest]]
    ClientToken: str
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]


class CreateNetworkInsightsAccessScopeResult(TypedDict):
    NetworkInsightsAccessScope: NotRequired[NetworkInsightsAccessScope | Fragment | None]
    NetworkInsightsAccessScopeContent: NotRequired[
        NetworkInsightsAccessScopeContent | Fragment | None
    ]


class CreateNetworkInsightsPathRequest(TypedDict):
    SourceIp: NotRequired[str]
    DestinationIp: NotRequired[str]
    Source: str
    Destination: NotRequired[str]
    Protocol: str
    DestinationPort: NotRequired[int]
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]
    ClientToken: str
    FilterAtSource: NotRequired[PathRequestFilter]
    FilterAtDestination: NotRequired[PathRequestFilter]


class CreateNetworkInsightsPathResult(TypedDict):
    NetworkInsightsPath: NotRequired[NetworkInsightsPath | Fragment | None]


class CreateNetworkInterfacePermissionRequest(TypedDict):
    NetworkInterfaceId: str
    AwsAccountId: NotRequired[str]
    AwsService: NotRequired[str]
    Permission: str
    DryRun: NotRequired[bool]


class CreateNetworkInterfacePermissionResult(TypedDict):
    InterfacePermission: NotRequired[NetworkInterfacePermission | Fragment | None]


class CreateNetworkInterfaceRequest(TypedDict):
    Ipv4Prefixes: NotRequired[list[Ipv4PrefixSpecificationRequest]]
    Ipv4PrefixCount: NotRequired[int]
    Ipv6Prefixes: NotRequired[list[Ipv6PrefixSpecificationRequest]]
    Ipv6PrefixCount: NotRequired[int]
    InterfaceType: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]
    ClientToken: NotRequired[str]
    EnablePrimaryIpv6: NotRequired[bool]
    ConnectionTrackingSpecification: NotRequired[ConnectionTrackingSpecificationRequest]
    Operator: NotRequired[OperatorRequest]
    SubnetId: str
    Description: NotRequired[str]
    PrivateIpAddress: NotRequired[str]
    Groups: NotRequired[list[str]]
    PrivateIpAddresses: NotRequired[list[PrivateIpAddressSpecification]]
    SecondaryPrivateIpAddressCount: NotRequired[int]
    Ipv6Addresses: NotRequired[list[InstanceIpv6Address]]
    Ipv6AddressCount: NotRequired[int]
    DryRun: NotRequired[bool]


class CreateNetworkInterfaceResult(TypedDict):
    NetworkInterface: NotRequired[NetworkInterface | Fragment | None]
    ClientToken: NotRequired[str | None]


class CreatePeeringConnectionOptionsRequest(TypedDict):
    AllowMultipathResilience: NotRequired[bool]
    MultipathResilienceMode: NotRequired[str]


class CreatePlacementGroupRequest(TypedDict):
    PartitionCount: NotRequired[int]
    TagSpecifications: NotRequired[list[TagSpecification]]
    SpreadLevel: NotRequired[str]
    LinkedGroupId: NotRequired[str]
    Operator: NotRequired[OperatorRequest]
    ParentGroupId: NotRequired[str]
    DryRun: NotRequired[bool]
    GroupName: NotRequired[str]
    Strategy: NotRequired[str]


class CreatePlacementGroupResult(TypedDict):
    PlacementGroup: NotRequired[PlacementGroup | Fragment | None]


class CreatePublicIpv4PoolRequest(TypedDict):
    DryRun: NotRequired[bool]
    TagSpecifications: NotRequired[list[TagSpecification]]
    NetworkBorderGroup: NotRequired[str]


class CreatePublicIpv4PoolResult(TypedDict):
    PoolId: NotRequired[str | None]


class CreateReplaceRootVolumeTaskRequest(TypedDict):
    InstanceId: str
    SnapshotId: NotRequired[str]
    ClientToken: NotRequired[str]
    DryRun: NotRequired[bool]
    TagSpecifications: NotRequired[list[TagSpecification]]
    ImageId: NotRequired[str]
    DeleteReplacedRootVolume: NotRequired[bool]
    VolumeInitializationRate: NotRequired[int]
    VolumeId: NotRequired[str]


class CreateReplaceRootVolumeTaskResult(TypedDict):
    ReplaceRootVolumeTask: NotRequired[ReplaceRootVolumeTask | Fragment | None]


class CreateRestoreImageTaskRequest(TypedDict):
    Bucket: str
    ObjectKey: str
    Name: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]


class CreateRestoreImageTaskResult(TypedDict):
    ImageId: NotRequired[str | None]


class CreateRouteRequest(TypedDict):
    DestinationPrefixListId: NotRequired[str]
    VpcEndpointId: NotRequired[str]
    TransitGatewayId: NotRequired[str]
    LocalGatewayId: NotRequired[str]
    CarrierGatewayId: NotRequired[str]
    CoreNetworkArn: NotRequired[str]
    OdbNetworkArn: NotRequired[str]
    DryRun: NotRequired[bool]
    RouteTableId: str
    DestinationCidrBlock: NotRequired[str]
    GatewayId: NotRequired[str]
    DestinationIpv6CidrBlock: NotRequired[str]
    EgressOnlyInternetGatewayId: NotRequired[str]
    InstanceId: NotRequired[str]
    NetworkInterfaceId: NotRequired[str]
    VpcPeeringConnectionId: NotRequired[str]
    NatGatewayId: NotRequired[str]


class CreateRouteResult(TypedDict):
    Return: NotRequired[bool | None]


class CreateRouteTableRequest(TypedDict):
    TagSpecifications: NotRequired[list[TagSpecification]]
    ClientToken: NotRequired[str]
    DryRun: NotRequired[bool]
    VpcId: str


class CreateRouteTableResult(TypedDict):
    RouteTable: NotRequired[RouteTable | Fragment | None]
    ClientToken: NotRequired[str | None]


class CreateSecurityGroupRequest(TypedDict):
    Description: str
    GroupName: str
    VpcId: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]


class CreateSecurityGroupResult(TypedDict):
    GroupId: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    SecurityGroupArn: NotRequired[str | None]


class CreateSnapshotRequest(TypedDict):
    Description: NotRequired[str]
    OutpostArn: NotRequired[str]
    VolumeId: str
    TagSpecifications: NotRequired[list[TagSpecification]]
    Location: NotRequired[str]
    DryRun: NotRequired[bool]


class CreateSnapshotsRequest(TypedDict):
    Description: NotRequired[str]
    InstanceSpecification: InstanceSpecification
    OutpostArn: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]
    CopyTagsFromSource: NotRequired[str]
    Location: NotRequired[str]


class CreateSnapshotsResult(TypedDict):
    Snapshots: NotRequired[Sequence[SnapshotInfo | Fragment] | Fragment | None]


class CreateStoreImageTaskRequest(TypedDict):
    ImageId: str
    Bucket: str
    S3ObjectTags: NotRequired[list[S3ObjectTag]]
    DryRun: NotRequired[bool]


class CreateStoreImageTaskResult(TypedDict):
    ObjectKey: NotRequired[str | None]


class CreateSubnetCidrReservationRequest(TypedDict):
    SubnetId: str
    Cidr: str
    ReservationType: str
    Description: NotRequired[str]
    DryRun: NotRequired[bool]
    TagSpecifications: NotRequired[list[TagSpecification]]


class CreateSubnetCidrReservationResult(TypedDict):
    SubnetCidrReservation: NotRequired[SubnetCidrReservation | Fragment | None]


class CreateSubnetRequest(TypedDict):
    TagSpecifications: NotRequired[list[TagSpecification]]
    AvailabilityZone: NotRequired[str]
    AvailabilityZoneId: NotRequired[str]
    CidrBlock: NotRequired[str]
    Ipv6CidrBlock: NotRequired[str]
    OutpostArn: NotRequired[str]
    VpcId: str
    Ipv6Native: NotRequired[bool]
    Ipv4IpamPoolId: NotRequired[str]
    Ipv4NetmaskLength: NotRequired[int]
    Ipv6IpamPoolId: NotRequired[str]
    Ipv6NetmaskLength: NotRequired[int]
    DryRun: NotRequired[bool]


class CreateSubnetResult(TypedDict):
    Subnet: NotRequired[Subnet | Fragment | None]


class CreateTagsRequest(TypedDict):
    DryRun: NotRequired[bool]
    Resources: list[str]
    Tags: list[Tag]


class CreateTrafficMirrorFilterRequest(TypedDict):
    Description: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]
    ClientToken: NotRequired[str]


class CreateTrafficMirrorFilterResult(TypedDict):
    TrafficMirrorFilter: NotRequired[TrafficMirrorFilter | Fragment | None]
    ClientToken: NotRequired[str | None]


class CreateTrafficMirrorFilterRuleRequest(TypedDict):
    TrafficMirrorFilterId: str
    TrafficDirection: str
    RuleNumber: int
    RuleAction: str
    DestinationPortRange: NotRequired[TrafficMirrorPortRangeRequest]
    SourcePortRange: NotRequired[TrafficMirrorPortRangeRequest]
    Protocol: NotRequired[int]
    DestinationCidrBlock: str
    SourceCidrBlock: str
    Description: NotRequired[str]
    DryRun: NotRequired[bool]
    ClientToken: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]


class CreateTrafficMirrorFilterRuleResult(TypedDict):
    TrafficMirrorFilterRule: NotRequired[TrafficMirrorFilterRule | Fragment | None]
    ClientToken: NotRequired[str | None]


class CreateTrafficMirrorSessionRequest(TypedDict):
    NetworkInterfaceId: str
    TrafficMirrorTargetId: str
    TrafficMirrorFilterId: str
    PacketLength: NotRequired[int]
    SessionNumber: int
    VirtualNetworkId: NotRequired[int]
    Description: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]
    ClientToken: NotRequired[str]


class CreateTrafficMirrorSessionResult(TypedDict):
    TrafficMirrorSession: NotRequired[TrafficMirrorSession | Fragment | None]
    ClientToken: NotRequired[str | None]


class CreateTrafficMirrorTargetRequest(TypedDict):
    NetworkInterfaceId: NotRequired[str]
    NetworkLoadBalancerArn: NotRequired[str]
    Description: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]
    ClientToken: NotRequired[str]
    GatewayLoadBalancerEndpointId: NotRequired[str]


class CreateTrafficMirrorTargetResult(TypedDict):
    TrafficMirrorTarget: NotRequired[TrafficMirrorTarget | Fragment | None]
    ClientToken: NotRequired[str | None]


class CreateTransitGatewayPeeringAttachmentRequest(TypedDict):
    TransitGatewayId: str
    PeerTransitGatewayId: str
    PeerAccountId: str
    PeerRegion: str
    Options: NotRequired[CreateTransitGatewayPeeringAttachmentRequestOptions]
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]


class CreateTransitGatewayPeeringAttachmentRequestOptions(TypedDict):
    DynamicRouting: NotRequired[str]
    AllowMultipathResilience: NotRequired[bool]
    MultipathResilienceMode: NotRequired[str]


class CreateTransitGatewayPeeringAttachmentResult(TypedDict):
    TransitGatewayPeeringAttachment: NotRequired[TransitGatewayPeeringAttachment | Fragment | None]


class CreateTransitGatewayPrefixListReferenceRequest(TypedDict):
    TransitGatewayRouteTableId: str
    PrefixListId: str
    TransitGatewayAttachmentId: NotRequired[str]
    Blackhole: NotRequired[bool]
    DryRun: NotRequired[bool]


class CreateTransitGatewayPrefixListReferenceResult(TypedDict):
    TransitGatewayPrefixListReference: NotRequired[
        TransitGatewayPrefixListReference | Fragment | None
    ]


class CreateTransitGatewayRequest(TypedDict):
    Description: NotRequired[str]
    Options: NotRequired[TransitGatewayRequestOptions]
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]


class CreateTransitGatewayResult(TypedDict):
    TransitGateway: NotRequired[TransitGateway | Fragment | None]


class CreateTransitGatewayRouteRequest(TypedDict):
    DestinationCidrBlock: str
    TransitGatewayRouteTableId: str
    TransitGatewayAttachmentId: NotRequired[str]
    Blackhole: NotRequired[bool]
    DryRun: NotRequired[bool]


class CreateTransitGatewayRouteResult(TypedDict):
    Route: NotRequired[TransitGatewayRoute | Fragment | None]


class CreateTransitGatewayRouteTableRequest(TypedDict):
    TransitGatewayId: str
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]


class CreateTransitGatewayRouteTableResult(TypedDict):
    TransitGatewayRouteTable: NotRequired[TransitGatewayRouteTable | Fragment | None]


class CreateTransitGatewayVpcAttachmentRequest(TypedDict):
    TransitGatewayId: str
    VpcId: str
    SubnetIds: list[str]
    Options: NotRequired[CreateTransitGatewayVpcAttachmentRequestOptions]
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]


class CreateTransitGatewayVpcAttachmentRequestOptions(TypedDict):
    DnsSupport: NotRequired[str]
    SecurityGroupReferencingSupport: NotRequired[str]
    Ipv6Support: NotRequired[str]
    ApplianceModeSupport: NotRequired[str]


class CreateTransitGatewayVpcAttachmentResult(TypedDict):
    TransitGatewayVpcAttachment: NotRequired[TransitGatewayVpcAttachment | Fragment | None]


class CreateVolumePermission(TypedDict):
    UserId: NotRequired[str]
    Group: NotRequired[str]


class CreateVolumePermissionModifications(TypedDict):
    Add: NotRequired[list[CreateVolumePermission]]
    Remove: NotRequired[list[CreateVolumePermission]]


class CreateVolumeRequest(TypedDict):
    AvailabilityZone: NotRequired[str]
    AvailabilityZoneId: NotRequired[str]
    Encrypted: NotRequired[bool]
    Iops: NotRequired[int]
    KmsKeyId: NotRequired[str]
    OutpostArn: NotRequired[str]
    Size: NotRequired[int]
    SnapshotId: NotRequired[str]
    VolumeType: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]
    MultiAttachEnabled: NotRequired[bool]
    Throughput: NotRequired[int]
    ClientToken: NotRequired[str]
    VolumeInitializationRate: NotRequired[int]
    Operator: NotRequired[OperatorRequest]
    DryRun: NotRequired[bool]


class CreateVpcBlockPublicAccessExclusionRequest(TypedDict):
    DryRun: NotRequired[bool]
    SubnetId: NotRequired[str]
    VpcId: NotRequired[str]
    InternetGatewayExclusionMode: str
    TagSpecifications: NotRequired[list[TagSpecification]]


class CreateVpcBlockPublicAccessExclusionResult(TypedDict):
    VpcBlockPublicAccessExclusion: NotRequired[VpcBlockPublicAccessExclusion | Fragment | None]


class CreateVpcEndpointRequest(TypedDict):
    DryRun: NotRequired[bool]
    VpcEndpointType: NotRequired[str]
    VpcId: str
    ServiceName: NotRequired[str]
    PolicyDocument: NotRequired[str]
    RouteTableIds: NotRequired[list[str]]
    SubnetIds: NotRequired[list[str]]
    SecurityGroupIds: NotRequired[list[str]]
    IpAddressType: NotRequired[str]
    DnsOptions: NotRequired[DnsOptionsSpecification]
    ClientToken: NotRequired[str]
    PrivateDnsEnabled: NotRequired[bool]
    TagSpecifications: NotRequired[list[TagSpecification]]
    SubnetConfigurations: NotRequired[list[SubnetConfiguration]]
    ServiceNetworkArn: NotRequired[str]
    ResourceConfigurationArn: NotRequired[str]
    ServiceRegion: NotRequired[str]


class CreateVpcEndpointResult(TypedDict):
    VpcEndpoint: NotRequired[VpcEndpoint | Fragment | None]
    ClientToken: NotRequired[str | None]


class CreateVpcPeeringConnectionRequest(TypedDict):
    PeerRegion: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]
    RequesterPeeringConnectionOptions: NotRequired[CreatePeeringConnectionOptionsRequest]
    DryRun: NotRequired[bool]
    VpcId: str
    PeerVpcId: NotRequired[str]
    PeerOwnerId: NotRequired[str]


class CreateVpcPeeringConnectionResult(TypedDict):
    VpcPeeringConnection: NotRequired[VpcPeeringConnection | Fragment | None]


class CreateVpcRequest(TypedDict):
    CidrBlock: NotRequired[str]
    Ipv6Pool: NotRequired[str]
    Ipv6CidrBlock: NotRequired[str]
    Ipv4IpamPoolId: NotRequired[str]
    Ipv4NetmaskLength: NotRequired[int]
    Ipv6IpamPoolId: NotRequired[str]
    Ipv6NetmaskLength: NotRequired[int]
    Ipv6CidrBlockNetworkBorderGroup: NotRequired[str]
    VpcEncryptionControl: NotRequired[VpcEncryptionControlConfiguration]
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]
    InstanceTenancy: NotRequired[str]
    AmazonProvidedIpv6CidrBlock: NotRequired[bool]


class CreateVpcResult(TypedDict):
    Vpc: NotRequired[Vpc | Fragment | None]


class CreationDateCondition(TypedDict):
    MaximumDaysSinceCreated: NotRequired[int | None]


class CreationDateConditionRequest(TypedDict):
    MaximumDaysSinceCreated: NotRequired[int]


class CreditSpecification(TypedDict):
    CpuCredits: NotRequired[str | None]


class CreditSpecificationRequest(TypedDict):
    CpuCredits: str


class DefaultConnectionTrackingConfiguration(TypedDict):
    DefaultTcpEstablishedTimeout: NotRequired[int | None]
    DefaultUdpTimeout: NotRequired[int | None]
    DefaultUdpStreamTimeout: NotRequired[int | None]


class DeleteDhcpOptionsRequest(TypedDict):
    DhcpOptionsId: str
    DryRun: NotRequired[bool]


class DeleteEgressOnlyInternetGatewayRequest(TypedDict):
    DryRun: NotRequired[bool]
    EgressOnlyInternetGatewayId: str


class DeleteEgressOnlyInternetGatewayResult(TypedDict):
    ReturnCode: NotRequired[bool | None]


class DeleteFlowLogsRequest(TypedDict):
    DryRun: NotRequired[bool]
    FlowLogIds: list[str]


class DeleteFlowLogsResult(TypedDict):
    Unsuccessful: NotRequired[Sequence[UnsuccessfulItem | Fragment] | Fragment | None]


class DeleteImageUsageReportRequest(TypedDict):
    ReportId: str
    DryRun: NotRequired[bool]


class DeleteImageUsageReportResult(TypedDict):
    Return: NotRequired[bool | None]


class DeleteInstanceConnectEndpointRequest(TypedDict):
    DryRun: NotRequired[bool]
    InstanceConnectEndpointId: str


class DeleteInstanceConnectEndpointResult(TypedDict):
    InstanceConnectEndpoint: NotRequired[Ec2InstanceConnectEndpoint | Fragment | None]


class DeleteInstanceEventWindowRequest(TypedDict):
    DryRun: NotRequired[bool]
    ForceDelete: NotRequired[bool]
    InstanceEventWindowId: str


class DeleteInstanceEventWindowResult(TypedDict):
    InstanceEventWindowState: NotRequired[InstanceEventWindowStateChange | Fragment | None]


class DeleteInternetGatewayRequest(TypedDict):
    DryRun: NotRequired[bool]
    InternetGatewayId: str


class DeleteIpamPolicyRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPolicyId: str


class DeleteIpamPolicyResult(TypedDict):
    IpamPolicy: NotRequired[IpamPolicy | Fragment | None]


class DeleteIpamPoolRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPoolId: str
    Cascade: NotRequired[bool]


class DeleteIpamPoolResult(TypedDict):
    IpamPool: NotRequired[IpamPool | Fragment | None]


class DeleteIpamPrefixListResolverRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPrefixListResolverId: str


class DeleteIpamPrefixListResolverResult(TypedDict):
    IpamPrefixListResolver: NotRequired[IpamPrefixListResolver | Fragment | None]


class DeleteIpamPrefixListResolverTargetRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPrefixListResolverTargetId: str


class DeleteIpamPrefixListResolverTargetResult(TypedDict):
    IpamPrefixListResolverTarget: NotRequired[IpamPrefixListResolverTarget | Fragment | None]


class DeleteIpamRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamId: str
    Cascade: NotRequired[bool]


class DeleteIpamResourceDiscoveryRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamResourceDiscoveryId: str


class DeleteIpamResourceDiscoveryResult(TypedDict):
    IpamResourceDiscovery: NotRequired[IpamResourceDiscovery | Fragment | None]


class DeleteIpamResult(TypedDict):
    Ipam: NotRequired[Ipam | Fragment | None]


class DeleteIpamScopeRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamScopeId: str


class DeleteIpamScopeResult(TypedDict):
    IpamScope: NotRequired[IpamScope | Fragment | None]


class DeleteKeyPairRequest(TypedDict):
    KeyName: NotRequired[str]
    KeyPairId: NotRequired[str]
    DryRun: NotRequired[bool]


class DeleteKeyPairResult(TypedDict):
    Return: NotRequired[bool | None]
    KeyPairId: NotRequired[str | None]


class DeleteLaunchTemplateRequest(TypedDict):
    DryRun: NotRequired[bool]
    LaunchTemplateId: NotRequired[str]
    LaunchTemplateName: NotRequired[str]


class DeleteLaunchTemplateResult(TypedDict):
    LaunchTemplate: NotRequired[LaunchTemplate | Fragment | None]


class DeleteLaunchTemplateVersionsRequest(TypedDict):
    DryRun: NotRequired[bool]
    LaunchTemplateId: NotRequired[str]
    LaunchTemplateName: NotRequired[str]
    Versions: list[str]


class DeleteLaunchTemplateVersionsResponseErrorItem(TypedDict):
    LaunchTemplateId: NotRequired[str | None]
    LaunchTemplateName: NotRequired[str | None]
    VersionNumber: NotRequired[int | None]
    ResponseError: NotRequired[ResponseError | Fragment | None]


class DeleteLaunchTemplateVersionsResponseSuccessItem(TypedDict):
    LaunchTemplateId: NotRequired[str | None]
    LaunchTemplateName: NotRequired[str | None]
    VersionNumber: NotRequired[int | None]


class DeleteLaunchTemplateVersionsResult(TypedDict):
    SuccessfullyDeletedLaunchTemplateVersions: NotRequired[
        Sequence[DeleteLaunchTemplateVersionsResponseSuccessItem | Fragment] | Fragment | None
    ]
    UnsuccessfullyDeletedLaunchTemplateVersions: NotRequired[
        Sequence[DeleteLaunchTemplateVersionsResponseErrorItem | Fragment] | Fragment | None
    ]


class DeleteManagedPrefixListRequest(TypedDict):
    DryRun: NotRequired[bool]
    PrefixListId: str


class DeleteManagedPrefixListResult(TypedDict):
    PrefixList: NotRequired[ManagedPrefixList | Fragment | None]


class DeleteNatGatewayRequest(TypedDict):
    DryRun: NotRequired[bool]
    NatGatewayId: str


class DeleteNatGatewayResult(TypedDict):
    NatGatewayId: NotRequired[str | None]


class DeleteNetworkAclEntryRequest(TypedDict):
    DryRun: NotRequired[bool]
    NetworkAclId: str
    RuleNumber: int
    Egress: bool


class DeleteNetworkAclRequest(TypedDict):
    DryRun: NotRequired[bool]
    NetworkAclId: str


class DeleteNetworkInsightsAccessScopeAnalysisRequest(TypedDict):
    NetworkInsightsAccessScopeAnalysisId: str
    DryRun: NotRequired[bool]


class DeleteNetworkInsightsAccessScopeAnalysisResult(TypedDict):
    NetworkInsightsAccessScopeAnalysisId: NotRequired[str | None]


class DeleteNetworkInsightsAccessScopeRequest(TypedDict):
    DryRun: NotRequired[bool]
    NetworkInsightsAccessScopeId: str


class DeleteNetworkInsightsAccessScopeResult(TypedDict):
    NetworkInsightsAccessScopeId: NotRequired[str | None]


class DeleteNetworkInsightsAnalysisRequest(TypedDict):
    DryRun: NotRequired[bool]
    NetworkInsightsAnalysisId: str


class DeleteNetworkInsightsAnalysisResult(TypedDict):
    NetworkInsightsAnalysisId: NotRequired[str | None]


class DeleteNetworkInsightsPathRequest(TypedDict):
    DryRun: NotRequired[bool]
    NetworkInsightsPathId: str


class DeleteNetworkInsightsPathResult(TypedDict):
    NetworkInsightsPathId: NotRequired[str | None]


class DeleteNetworkInterfacePermissionRequest(TypedDict):
    NetworkInterfacePermissionId: str
    Force: NotRequired[bool]
    DryRun: NotRequired[bool]


class DeleteNetworkInterfacePermissionResult(TypedDict):
    Return: NotRequired[bool | None]


class DeleteNetworkInterfaceRequest(TypedDict):
    DryRun: NotRequired[bool]
    NetworkInterfaceId: str


class DeletePlacementGroupRequest(TypedDict):
    DryRun: NotRequired[bool]
    GroupName: str


class DeletePublicIpv4PoolRequest(TypedDict):
    DryRun: NotRequired[bool]
    PoolId: str
    NetworkBorderGroup: NotRequired[str]


class DeletePublicIpv4PoolResult(TypedDict):
    ReturnValue: NotRequired[bool | None]


class DeleteRouteRequest(TypedDict):
    DestinationPrefixListId: NotRequired[str]
    DryRun: NotRequired[bool]
    RouteTableId: str
    DestinationCidrBlock: NotRequired[str]
    DestinationIpv6CidrBlock: NotRequired[str]


class DeleteRouteTableRequest(TypedDict):
    DryRun: NotRequired[bool]
    RouteTableId: str


class DeleteSecurityGroupRequest(TypedDict):
    GroupId: NotRequired[str]
    GroupName: NotRequired[str]
    DryRun: NotRequired[bool]


class DeleteSecurityGroupResult(TypedDict):
    Return: NotRequired[bool | None]
    GroupId: NotRequired[str | None]


class DeleteSnapshotRequest(TypedDict):
    SnapshotId: str
    DryRun: NotRequired[bool]


class DeleteSnapshotReturnCode(TypedDict):
    SnapshotId: NotRequired[str | None]
    ReturnCode: NotRequired[str | None]


class DeleteSubnetCidrReservationRequest(TypedDict):
    SubnetCidrReservationId: str
    DryRun: NotRequired[bool]


class DeleteSubnetCidrReservationResult(TypedDict):
    DeletedSubnetCidrReservation: NotRequired[SubnetCidrReservation | Fragment | None]


class DeleteSubnetRequest(TypedDict):
    SubnetId: str
    DryRun: NotRequired[bool]


class DeleteTagsRequest(TypedDict):
    DryRun: NotRequired[bool]
    Resources: list[str]
    Tags: NotRequired[list[Tag]]


class DeleteTrafficMirrorFilterRequest(TypedDict):
    TrafficMirrorFilterId: str
    DryRun: NotRequired[bool]


class DeleteTrafficMirrorFilterResult(TypedDict):
    TrafficMirrorFilterId: NotRequired[str | None]


class DeleteTrafficMirrorFilterRuleRequest(TypedDict):
    TrafficMirrorFilterRuleId: str
    DryRun: NotRequired[bool]


class DeleteTrafficMirrorFilterRuleResult(TypedDict):
    TrafficMirrorFilterRuleId: NotRequired[str | None]


class DeleteTrafficMirrorSessionRequest(TypedDict):
    TrafficMirrorSessionId: str
    DryRun: NotRequired[bool]


class DeleteTrafficMirrorSessionResult(TypedDict):
    TrafficMirrorSessionId: NotRequired[str | None]


class DeleteTrafficMirrorTargetRequest(TypedDict):
    TrafficMirrorTargetId: str
    DryRun: NotRequired[bool]


class DeleteTrafficMirrorTargetResult(TypedDict):
    TrafficMirrorTargetId: NotRequired[str | None]


class DeleteTransitGatewayPeeringAttachmentRequest(TypedDict):
    TransitGatewayAttachmentId: str
    DryRun: NotRequired[bool]


class DeleteTransitGatewayPeeringAttachmentResult(TypedDict):
    TransitGatewayPeeringAttachment: NotRequired[TransitGatewayPeeringAttachment | Fragment | None]


class DeleteTransitGatewayPrefixListReferenceRequest(TypedDict):
    TransitGatewayRouteTableId: str
    PrefixListId: str
    DryRun: NotRequired[bool]


class DeleteTransitGatewayPrefixListReferenceResult(TypedDict):
    TransitGatewayPrefixListReference: NotRequired[
        TransitGatewayPrefixListReference | Fragment | None
    ]


class DeleteTransitGatewayRequest(TypedDict):
    TransitGatewayId: str
    DryRun: NotRequired[bool]


class DeleteTransitGatewayResult(TypedDict):
    TransitGateway: NotRequired[TransitGateway | Fragment | None]


class DeleteTransitGatewayRouteRequest(TypedDict):
    TransitGatewayRouteTableId: str
    DestinationCidrBlock: str
    DryRun: NotRequired[bool]


class DeleteTransitGatewayRouteResult(TypedDict):
    Route: NotRequired[TransitGatewayRoute | Fragment | None]


class DeleteTransitGatewayRouteTableRequest(TypedDict):
    TransitGatewayRouteTableId: str
    DryRun: NotRequired[bool]


class DeleteTransitGatewayRouteTableResult(TypedDict):
    TransitGatewayRouteTable: NotRequired[TransitGatewayRouteTable | Fragment | None]


class DeleteTransitGatewayVpcAttachmentRequest(TypedDict):
    TransitGatewayAttachmentId: str
    DryRun: NotRequired[bool]


class DeleteTransitGatewayVpcAttachmentResult(TypedDict):
    TransitGatewayVpcAttachment: NotRequired[TransitGatewayVpcAttachment | Fragment | None]


class DeleteVolumeRequest(TypedDict):
    VolumeId: str
    DryRun: NotRequired[bool]


class DeleteVpcBlockPublicAccessExclusionRequest(TypedDict):
    DryRun: NotRequired[bool]
    ExclusionId: str


class DeleteVpcBlockPublicAccessExclusionResult(TypedDict):
    VpcBlockPublicAccessExclusion: NotRequired[VpcBlockPublicAccessExclusion | Fragment | None]


class DeleteVpcEndpointsRequest(TypedDict):
    DryRun: NotRequired[bool]
    VpcEndpointIds: list[str]


class DeleteVpcEndpointsResult(TypedDict):
    Unsuccessful: NotRequired[Sequence[UnsuccessfulItem | Fragment] | Fragment | None]


class DeleteVpcPeeringConnectionRequest(TypedDict):
    DryRun: NotRequired[bool]
    VpcPeeringConnectionId: str


class DeleteVpcPeeringConnectionResult(TypedDict):
    Return: NotRequired[bool | None]


class DeleteVpcRequest(TypedDict):
    VpcId: str
    DryRun: NotRequired[bool]


class DeprecationTimeCondition(TypedDict):
    MaximumDaysSinceDeprecated: NotRequired[int | None]


class DeprecationTimeConditionRequest(TypedDict):
    MaximumDaysSinceDeprecated: NotRequired[int]


class DeprovisionIpamPoolCidrRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPoolId: str
    Cidr: NotRequired[str]


class DeprovisionIpamPoolCidrResult(TypedDict):
    IpamPoolCidr: NotRequired[IpamPoolCidr | Fragment | None]


class DeprovisionPublicIpv4PoolCidrRequest(TypedDict):
    DryRun: NotRequired[bool]
    PoolId: str
    Cidr: str


class DeprovisionPublicIpv4PoolCidrResult(TypedDict):
    PoolId: NotRequired[str | None]
    DeprovisionedAddresses: NotRequired[Sequence[str] | Fragment | None]


class DeregisterImageRequest(TypedDict):
    ImageId: str
    DeleteAssociatedSnapshots: NotRequired[bool]
    DryRun: NotRequired[bool]


class DeregisterImageResult(TypedDict):
    Return: NotRequired[bool | None]
    DeleteSnapshotResults: NotRequired[
        Sequence[DeleteSnapshotReturnCode | Fragment] | Fragment | None
    ]


class DeregisterInstanceEventNotificationAttributesRequest(TypedDict):
    DryRun: NotRequired[bool]
    InstanceTagAttribute: DeregisterInstanceTagAttributeRequest


class DeregisterInstanceEventNotificationAttributesResult(TypedDict):
    InstanceTagAttribute: NotRequired[InstanceTagNotificationAttribute | Fragment | None]


class DeregisterInstanceTagAttributeRequest(TypedDict):
    IncludeAllTagsOfInstance: NotRequired[bool]
    InstanceTagKeys: NotRequired[list[str]]


class DescribeAccountAttributesRequest(TypedDict):
    DryRun: NotRequired[bool]
    AttributeNames: NotRequired[list[str]]


class DescribeAccountAttributesResult(TypedDict):
    AccountAttributes: NotRequired[Sequence[AccountAttribute | Fragment] | Fragment | None]


class DescribeAddressTransfersRequest(TypedDict):
    AllocationIds: NotRequired[list[str]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    DryRun: NotRequired[bool]


class DescribeAddressTransfersResult(TypedDict):
    AddressTransfers: NotRequired[Sequence[AddressTransfer | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeAddressesAttributeRequest(TypedDict):
    AllocationIds: NotRequired[list[str]]
    Attribute: NotRequired[str]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    DryRun: NotRequired[bool]


class DescribeAddressesAttributeResult(TypedDict):
    Addresses: NotRequired[Sequence[AddressAttribute | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeAddressesRequest(TypedDict):
    PublicIps: NotRequired[list[str]]
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    AllocationIds: NotRequired[list[str]]


class DescribeAddressesResult(TypedDict):
    Addresses: NotRequired[Sequence[Address | Fragment] | Fragment | None]


class DescribeAggregateIdFormatRequest(TypedDict):
    DryRun: NotRequired[bool]


class DescribeAggregateIdFormatResult(TypedDict):
    UseLongIdsAggregated: NotRequired[bool | None]
    Statuses: NotRequired[Sequence[IdFormat | Fragment] | Fragment | None]


class DescribeAvailabilityZonesRequest(TypedDict):
    ZoneNames: NotRequired[list[str]]
    ZoneIds: NotRequired[list[str]]
    AllAvailabilityZones: NotRequired[bool]
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]


class DescribeAvailabilityZonesResult(TypedDict):
    AvailabilityZones: NotRequired[Sequence[AvailabilityZone | Fragment] | Fragment | None]


class DescribeBundleTasksRequest(TypedDict):
    BundleIds: NotRequired[list[str]]
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]


class DescribeBundleTasksResult(TypedDict):
    BundleTasks: NotRequired[Sequence[BundleTask | Fragment] | Fragment | None]


class DescribeCapacityReservationFleetsRequest(TypedDict):
    CapacityReservationFleetIds: NotRequired[list[str]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    Filters: NotRequired[list[Filter]]
    DryRun: NotRequired[bool]


class DescribeCapacityReservationFleetsResult(TypedDict):
    CapacityReservationFleets: NotRequired[
        Sequence[CapacityReservationFleet | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeCapacityReservationTopologyRequest(TypedDict):
    DryRun: NotRequired[bool]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    CapacityReservationIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]


class DescribeCapacityReservationTopologyResult(TypedDict):
    NextToken: NotRequired[str | None]
    CapacityReservations: NotRequired[
        Sequence[CapacityReservationTopology | Fragment] | Fragment | None
    ]


class DescribeCapacityReservationsRequest(TypedDict):
    CapacityReservationIds: NotRequired[list[str]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    Filters: NotRequired[list[Filter]]
    DryRun: NotRequired[bool]


class DescribeCapacityReservationsResult(TypedDict):
    NextToken: NotRequired[str | None]
    CapacityReservations: NotRequired[Sequence[CapacityReservation | Fragment] | Fragment | None]


class DescribeConversionTasksRequest(TypedDict):
    DryRun: NotRequired[bool]
    ConversionTaskIds: NotRequired[list[str]]


class DescribeConversionTasksResult(TypedDict):
    ConversionTasks: NotRequired[Sequence[ConversionTask | Fragment] | Fragment | None]


class DescribeDhcpOptionsRequest(TypedDict):
    DhcpOptionsIds: NotRequired[list[str]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]


class DescribeDhcpOptionsResult(TypedDict):
    NextToken: NotRequired[str | None]
    DhcpOptions: NotRequired[Sequence[DhcpOptions | Fragment] | Fragment | None]


class DescribeEgressOnlyInternetGatewaysRequest(TypedDict):
    DryRun: NotRequired[bool]
    EgressOnlyInternetGatewayIds: NotRequired[list[str]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    Filters: NotRequired[list[Filter]]


class DescribeEgressOnlyInternetGatewaysResult(TypedDict):
    EgressOnlyInternetGateways: NotRequired[
        Sequence[EgressOnlyInternetGateway | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeExportImageTasksRequest(TypedDict):
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    ExportImageTaskIds: NotRequired[list[str]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class DescribeExportImageTasksResult(TypedDict):
    ExportImageTasks: NotRequired[Sequence[ExportImageTask | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeExportTasksRequest(TypedDict):
    Filters: NotRequired[list[Filter]]
    ExportTaskIds: NotRequired[list[str]]


class DescribeExportTasksResult(TypedDict):
    ExportTasks: NotRequired[Sequence[ExportTask | Fragment] | Fragment | None]


class DescribeFastSnapshotRestoreSuccessItem(TypedDict):
    SnapshotId: NotRequired[str | None]
    AvailabilityZone: NotRequired[str | None]
    AvailabilityZoneId: NotRequired[str | None]
    State: NotRequired[str | None]
    StateTransitionReason: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    OwnerAlias: NotRequired[str | None]
    EnablingTime: NotRequired[datetime | float | None]
    OptimizingTime: NotRequired[datetime | float | None]
    EnabledTime: NotRequired[datetime | float | None]
    DisablingTime: NotRequired[datetime | float | None]
    DisabledTime: NotRequired[datetime | float | None]


class DescribeFastSnapshotRestoresRequest(TypedDict):
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    DryRun: NotRequired[bool]


class DescribeFastSnapshotRestoresResult(TypedDict):
    FastSnapshotRestores: NotRequired[
        Sequence[DescribeFastSnapshotRestoreSuccessItem | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeFlowLogsRequest(TypedDict):
    DryRun: NotRequired[bool]
    Filter: NotRequired[list[Filter]]
    FlowLogIds: NotRequired[list[str]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class DescribeFlowLogsResult(TypedDict):
    FlowLogs: NotRequired[Sequence[FlowLog | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeHostsRequest(TypedDict):
    HostIds: NotRequired[list[str]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    Filter: NotRequired[list[Filter]]


class DescribeHostsResult(TypedDict):
    Hosts: NotRequired[Sequence[Host | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeIamInstanceProfileAssociationsRequest(TypedDict):
    AssociationIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class DescribeIamInstanceProfileAssociationsResult(TypedDict):
    IamInstanceProfileAssociations: NotRequired[
        Sequence[IamInstanceProfileAssociation | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeIdFormatRequest(TypedDict):
    Resource: NotRequired[str]


class DescribeIdFormatResult(TypedDict):
    Statuses: NotRequired[Sequence[IdFormat | Fragment] | Fragment | None]


class DescribeIdentityIdFormatRequest(TypedDict):
    Resource: NotRequired[str]
    PrincipalArn: str


class DescribeIdentityIdFormatResult(TypedDict):
    Statuses: NotRequired[Sequence[IdFormat | Fragment] | Fragment | None]


class DescribeImageAttributeRequest(TypedDict):
    Attribute: str
    ImageId: str
    DryRun: NotRequired[bool]


class DescribeImageUsageReportEntriesRequest(TypedDict):
    ImageIds: NotRequired[list[str]]
    ReportIds: NotRequired[list[str]]
    NextToken: NotRequired[str]
    Filters: NotRequired[list[Filter]]
    DryRun: NotRequired[bool]
    MaxResults: NotRequired[int]


class DescribeImageUsageReportEntriesResult(TypedDict):
    NextToken: NotRequired[str | None]
    ImageUsageReportEntries: NotRequired[
        Sequence[ImageUsageReportEntry | Fragment] | Fragment | None
    ]


class DescribeImageUsageReportsRequest(TypedDict):
    ImageIds: NotRequired[list[str]]
    ReportIds: NotRequired[list[str]]
    NextToken: NotRequired[str]
    Filters: NotRequired[list[Filter]]
    DryRun: NotRequired[bool]
    MaxResults: NotRequired[int]


class DescribeImageUsageReportsResult(TypedDict):
    NextToken: NotRequired[str | None]
    ImageUsageReports: NotRequired[Sequence[ImageUsageReport | Fragment] | Fragment | None]


class DescribeImagesRequest(TypedDict):
    ExecutableUsers: NotRequired[list[str]]
    ImageIds: NotRequired[list[str]]
    Owners: NotRequired[list[str]]
    IncludeDeprecated: NotRequired[bool]
    IncludeDisabled: NotRequired[bool]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]


class DescribeImagesResult(TypedDict):
    NextToken: NotRequired[str | None]
    Images: NotRequired[Sequence[Image | Fragment] | Fragment | None]


class DescribeImportImageTasksRequest(TypedDict):
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    ImportTaskIds: NotRequired[list[str]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class DescribeImportImageTasksResult(TypedDict):
    ImportImageTasks: NotRequired[Sequence[ImportImageTask | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeImportSnapshotTasksRequest(TypedDict):
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    ImportTaskIds: NotRequired[list[str]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class DescribeImportSnapshotTasksResult(TypedDict):
    ImportSnapshotTasks: NotRequired[Sequence[ImportSnapshotTask | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeInstanceAttributeRequest(TypedDict):
    DryRun: NotRequired[bool]
    InstanceId: str
    Attribute: str


class DescribeInstanceConnectEndpointsRequest(TypedDict):
    DryRun: NotRequired[bool]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    Filters: NotRequired[list[Filter]]
    InstanceConnectEndpointIds: NotRequired[list[str]]


class DescribeInstanceConnectEndpointsResult(TypedDict):
    InstanceConnectEndpoints: NotRequired[
        Sequence[Ec2InstanceConnectEndpoint | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeInstanceCreditSpecificationsRequest(TypedDict):
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    InstanceIds: NotRequired[list[str]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class DescribeInstanceCreditSpecificationsResult(TypedDict):
    InstanceCreditSpecifications: NotRequired[
        Sequence[InstanceCreditSpecification | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeInstanceEventNotificationAttributesRequest(TypedDict):
    DryRun: NotRequired[bool]


class DescribeInstanceEventNotificationAttributesResult(TypedDict):
    InstanceTagAttribute: NotRequired[InstanceTagNotificationAttribute | Fragment | None]


class DescribeInstanceEventWindowsRequest(TypedDict):
    DryRun: NotRequired[bool]
    InstanceEventWindowIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class DescribeInstanceEventWindowsResult(TypedDict):
    InstanceEventWindows: NotRequired[Sequence[InstanceEventWindow | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeInstanceImageMetadataRequest(TypedDict):
    Filters: NotRequired[list[Filter]]
    InstanceIds: NotRequired[list[str]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    DryRun: NotRequired[bool]


class DescribeInstanceImageMetadataResult(TypedDict):
    InstanceImageMetadata: NotRequired[Sequence[InstanceImageMetadata | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeInstanceStatusRequest(TypedDict):
    InstanceIds: NotRequired[list[str]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    IncludeManagedResources: NotRequired[bool]
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    IncludeAllInstances: NotRequired[bool]


class DescribeInstanceStatusResult(TypedDict):
    InstanceStatuses: NotRequired[Sequence[InstanceStatus | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeInstanceTopologyRequest(TypedDict):
    DryRun: NotRequired[bool]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    InstanceIds: NotRequired[list[str]]
    GroupNames: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]


class DescribeInstanceTopologyResult(TypedDict):
    Instances: NotRequired[Sequence[InstanceTopology | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeInstanceTypeOfferingsRequest(TypedDict):
    DryRun: NotRequired[bool]
    LocationType: NotRequired[str]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class DescribeInstanceTypeOfferingsResult(TypedDict):
    InstanceTypeOfferings: NotRequired[Sequence[InstanceTypeOffering | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeInstanceTypesRequest(TypedDict):
    DryRun: NotRequired[bool]
    InstanceTypes: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    IncludeUnsupportedInRegion: NotRequired[bool]


class DescribeInstanceTypesResult(TypedDict):
    InstanceTypes: NotRequired[Sequence[InstanceTypeInfo | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeInstancesRequest(TypedDict):
    InstanceIds: NotRequired[list[str]]
    IncludeManagedResources: NotRequired[bool]
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]


class DescribeInstancesResult(TypedDict):
    NextToken: NotRequired[str | None]
    Reservations: NotRequired[Sequence[Reservation | Fragment] | Fragment | None]


class DescribeInternetGatewaysRequest(TypedDict):
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    DryRun: NotRequired[bool]
    InternetGatewayIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]


class DescribeInternetGatewaysResult(TypedDict):
    InternetGateways: NotRequired[Sequence[InternetGateway | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeIpamPoliciesRequest(TypedDict):
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    IpamPolicyIds: NotRequired[list[str]]


class DescribeIpamPoliciesResult(TypedDict):
    NextToken: NotRequired[str | None]
    IpamPolicies: NotRequired[Sequence[IpamPolicy | Fragment] | Fragment | None]


class DescribeIpamPoolAllocationsRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPoolAllocationIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class DescribeIpamPoolAllocationsResult(TypedDict):
    IpamPoolAllocations: NotRequired[Sequence[IpamPoolAllocation | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeIpamPoolsRequest(TypedDict):
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    IpamPoolIds: NotRequired[list[str]]


class DescribeIpamPoolsResult(TypedDict):
    NextToken: NotRequired[str | None]
    IpamPools: NotRequired[Sequence[IpamPool | Fragment] | Fragment | None]


class DescribeIpamPrefixListResolverTargetsRequest(TypedDict):
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    IpamPrefixListResolverTargetIds: NotRequired[list[str]]
    IpamPrefixListResolverId: NotRequired[str]


class DescribeIpamPrefixListResolverTargetsResult(TypedDict):
    NextToken: NotRequired[str | None]
    IpamPrefixListResolverTargets: NotRequired[
        Sequence[IpamPrefixListResolverTarget | Fragment] | Fragment | None
    ]


class DescribeIpamPrefixListResolversRequest(TypedDict):
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    IpamPrefixListResolverIds: NotRequired[list[str]]


class DescribeIpamPrefixListResolversResult(TypedDict):
    NextToken: NotRequired[str | None]
    IpamPrefixListResolvers: NotRequired[
        Sequence[IpamPrefixListResolver | Fragment] | Fragment | None
    ]


class DescribeIpamResourceDiscoveriesRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamResourceDiscoveryIds: NotRequired[list[str]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    Filters: NotRequired[list[Filter]]


class DescribeIpamResourceDiscoveriesResult(TypedDict):
    IpamResourceDiscoveries: NotRequired[
        Sequence[IpamResourceDiscovery | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeIpamResourceDiscoveryAssociationsRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamResourceDiscoveryAssociationIds: NotRequired[list[str]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    Filters: NotRequired[list[Filter]]


class DescribeIpamResourceDiscoveryAssociationsResult(TypedDict):
    IpamResourceDiscoveryAssociations: NotRequired[
        Sequence[IpamResourceDiscoveryAssociation | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeIpamScopesRequest(TypedDict):
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    IpamScopeIds: NotRequired[list[str]]


class DescribeIpamScopesResult(TypedDict):
    NextToken: NotRequired[str | None]
    IpamScopes: NotRequired[Sequence[IpamScope | Fragment] | Fragment | None]


class DescribeIpamsRequest(TypedDict):
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    IpamIds: NotRequired[list[str]]


class DescribeIpamsResult(TypedDict):
    NextToken: NotRequired[str | None]
    Ipams: NotRequired[Sequence[Ipam | Fragment] | Fragment | None]


class DescribeKeyPairsRequest(TypedDict):
    KeyNames: NotRequired[list[str]]
    KeyPairIds: NotRequired[list[str]]
    IncludePublicKey: NotRequired[bool]
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]


class DescribeKeyPairsResult(TypedDict):
    KeyPairs: NotRequired[Sequence[KeyPairInfo | Fragment] | Fragment | None]


class DescribeLaunchTemplateVersionsRequest(TypedDict):
    DryRun: NotRequired[bool]
    LaunchTemplateId: NotRequired[str]
    LaunchTemplateName: NotRequired[str]
    Versions: NotRequired[list[str]]
    MinVersion: NotRequired[str]
    MaxVersion: NotRequired[str]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    Filters: NotRequired[list[Filter]]
    ResolveAlias: NotRequired[bool]
    IncludeManagedResources: NotRequired[bool]


class DescribeLaunchTemplateVersionsResult(TypedDict):
    LaunchTemplateVersions: NotRequired[
        Sequence[LaunchTemplateVersion | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeLaunchTemplatesRequest(TypedDict):
    DryRun: NotRequired[bool]
    LaunchTemplateIds: NotRequired[list[str]]
    LaunchTemplateNames: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    IncludeManagedResources: NotRequired[bool]


class DescribeLaunchTemplatesResult(TypedDict):
    LaunchTemplates: NotRequired[Sequence[LaunchTemplate | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeLockedSnapshotsRequest(TypedDict):
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    SnapshotIds: NotRequired[list[str]]
    DryRun: NotRequired[bool]


class DescribeLockedSnapshotsResult(TypedDict):
    Snapshots: NotRequired[Sequence[LockedSnapshotsInfo | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeManagedPrefixListsRequest(TypedDict):
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    PrefixListIds: NotRequired[list[str]]


class DescribeManagedPrefixListsResult(TypedDict):
    NextToken: NotRequired[str | None]
    PrefixLists: NotRequired[Sequence[ManagedPrefixList | Fragment] | Fragment | None]


class DescribeMovingAddressesRequest(TypedDict):
    DryRun: NotRequired[bool]
    PublicIps: NotRequired[list[str]]
    NextToken: NotRequired[str]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]


class DescribeMovingAddressesResult(TypedDict):
    MovingAddressStatuses: NotRequired[Sequence[MovingAddressStatus | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeNatGatewaysRequest(TypedDict):
    DryRun: NotRequired[bool]
    Filter: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NatGatewayIds: NotRequired[list[str]]
    NextToken: NotRequired[str]


class DescribeNatGatewaysResult(TypedDict):
    NatGateways: NotRequired[Sequence[NatGateway | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeNetworkAclsRequest(TypedDict):
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    DryRun: NotRequired[bool]
    NetworkAclIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]


class DescribeNetworkAclsResult(TypedDict):
    NetworkAcls: NotRequired[Sequence[NetworkAcl | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeNetworkInsightsAccessScopeAnalysesRequest(TypedDict):
    NetworkInsightsAccessScopeAnalysisIds: NotRequired[list[str]]
    NetworkInsightsAccessScopeId: NotRequired[str]
    AnalysisStartTimeBegin: NotRequired[datetime]
    AnalysisStartTimeEnd: NotRequired[datetime]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    DryRun: NotRequired[bool]
    NextToken: NotRequired[str]


class DescribeNetworkInsightsAccessScopeAnalysesResult(TypedDict):
    NetworkInsightsAccessScopeAnalyses: NotRequired[
        Sequence[NetworkInsightsAccessScopeAnalysis | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeNetworkInsightsAccessScopesRequest(TypedDict):
    NetworkInsightsAccessScopeIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    DryRun: NotRequired[bool]
    NextToken: NotRequired[str]


class DescribeNetworkInsightsAccessScopesResult(TypedDict):
    NetworkInsightsAccessScopes: NotRequired[
        Sequence[NetworkInsightsAccessScope | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeNetworkInsightsAnalysesRequest(TypedDict):
    NetworkInsightsAnalysisIds: NotRequired[list[str]]
    NetworkInsightsPathId: NotRequired[str]
    AnalysisStartTime: NotRequired[datetime]
    AnalysisEndTime: NotRequired[datetime]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    DryRun: NotRequired[bool]
    NextToken: NotRequired[str]


class DescribeNetworkInsightsAnalysesResult(TypedDict):
    NetworkInsightsAnalyses: NotRequired[
        Sequence[NetworkInsightsAnalysis | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeNetworkInsightsPathsRequest(TypedDict):
    NetworkInsightsPathIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    DryRun: NotRequired[bool]
    NextToken: NotRequired[str]


class DescribeNetworkInsightsPathsResult(TypedDict):
    NetworkInsightsPaths: NotRequired[Sequence[NetworkInsightsPath | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeNetworkInterfaceAttributeRequest(TypedDict):
    DryRun: NotRequired[bool]
    NetworkInterfaceId: str
    Attribute: NotRequired[str]


class DescribeNetworkInterfaceAttributeResult(TypedDict):
    Attachment: NotRequired[NetworkInterfaceAttachment | Fragment | None]
    Description: NotRequired[AttributeValue | Fragment | None]
    Groups: NotRequired[Sequence[GroupIdentifier | Fragment] | Fragment | None]
    NetworkInterfaceId: NotRequired[str | None]
    SourceDestCheck: NotRequired[AttributeBooleanValue | Fragment | None]
    AssociatePublicIpAddress: NotRequired[bool | None]


class DescribeNetworkInterfacePermissionsRequest(TypedDict):
    NetworkInterfacePermissionIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]


class DescribeNetworkInterfacePermissionsResult(TypedDict):
    NetworkInterfacePermissions: NotRequired[
        Sequence[NetworkInterfacePermission | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeNetworkInterfacesRequest(TypedDict):
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    IncludeManagedResources: NotRequired[bool]
    DryRun: NotRequired[bool]
    NetworkInterfaceIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]


class DescribeNetworkInterfacesResult(TypedDict):
    NetworkInterfaces: NotRequired[Sequence[NetworkInterface | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribePlacementGroupsRequest(TypedDict):
    GroupIds: NotRequired[list[str]]
    DryRun: NotRequired[bool]
    GroupNames: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]


class DescribePlacementGroupsResult(TypedDict):
    PlacementGroups: NotRequired[Sequence[PlacementGroup | Fragment] | Fragment | None]


class DescribePrefixListsRequest(TypedDict):
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    PrefixListIds: NotRequired[list[str]]


class DescribePrefixListsResult(TypedDict):
    NextToken: NotRequired[str | None]
    PrefixLists: NotRequired[Sequence[PrefixList | Fragment] | Fragment | None]


class DescribePrincipalIdFormatRequest(TypedDict):
    DryRun: NotRequired[bool]
    Resources: NotRequired[list[str]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class DescribePrincipalIdFormatResult(TypedDict):
    Principals: NotRequired[Sequence[PrincipalIdFormat | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribePublicIpv4PoolsRequest(TypedDict):
    PoolIds: NotRequired[list[str]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    Filters: NotRequired[list[Filter]]


class DescribePublicIpv4PoolsResult(TypedDict):
    PublicIpv4Pools: NotRequired[Sequence[PublicIpv4Pool | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeRegionsRequest(TypedDict):
    RegionNames: NotRequired[list[str]]
    AllRegions: NotRequired[bool]
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]


class DescribeRegionsResult(TypedDict):
    Regions: NotRequired[Sequence[Region | Fragment] | Fragment | None]


class DescribeReplaceRootVolumeTasksRequest(TypedDict):
    ReplaceRootVolumeTaskIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    DryRun: NotRequired[bool]


class DescribeReplaceRootVolumeTasksResult(TypedDict):
    ReplaceRootVolumeTasks: NotRequired[
        Sequence[ReplaceRootVolumeTask | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeRouteTablesRequest(TypedDict):
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    DryRun: NotRequired[bool]
    RouteTableIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]


class DescribeRouteTablesResult(TypedDict):
    RouteTables: NotRequired[Sequence[RouteTable | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeSecurityGroupReferencesRequest(TypedDict):
    DryRun: NotRequired[bool]
    GroupId: list[str]


class DescribeSecurityGroupReferencesResult(TypedDict):
    SecurityGroupReferenceSet: NotRequired[
        Sequence[SecurityGroupReference | Fragment] | Fragment | None
    ]


class DescribeSecurityGroupRulesRequest(TypedDict):
    Filters: NotRequired[list[Filter]]
    SecurityGroupRuleIds: NotRequired[list[str]]
    DryRun: NotRequired[bool]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]


class DescribeSecurityGroupRulesResult(TypedDict):
    SecurityGroupRules: NotRequired[Sequence[SecurityGroupRule | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeSecurityGroupVpcAssociationsRequest(TypedDict):
    Filters: NotRequired[list[Filter]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    DryRun: NotRequired[bool]


class DescribeSecurityGroupVpcAssociationsResult(TypedDict):
    SecurityGroupVpcAssociations: NotRequired[
        Sequence[SecurityGroupVpcAssociation | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeSecurityGroupsRequest(TypedDict):
    GroupIds: NotRequired[list[str]]
    GroupNames: NotRequired[list[str]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]


class DescribeSecurityGroupsResult(TypedDict):
    NextToken: NotRequired[str | None]
    SecurityGroups: NotRequired[Sequence[SecurityGroup | Fragment] | Fragment | None]


class DescribeSnapshotAttributeRequest(TypedDict):
    Attribute: str
    SnapshotId: str
    DryRun: NotRequired[bool]


class DescribeSnapshotAttributeResult(TypedDict):
    ProductCodes: NotRequired[Sequence[ProductCode | Fragment] | Fragment | None]
    SnapshotId: NotRequired[str | None]
    CreateVolumePermissions: NotRequired[
        Sequence[CreateVolumePermission | Fragment] | Fragment | None
    ]


class DescribeSnapshotsRequest(TypedDict):
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    OwnerIds: NotRequired[list[str]]
    RestorableByUserIds: NotRequired[list[str]]
    SnapshotIds: NotRequired[list[str]]
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]


class DescribeSnapshotsResult(TypedDict):
    NextToken: NotRequired[str | None]
    Snapshots: NotRequired[Sequence[Snapshot | Fragment] | Fragment | None]


class DescribeStaleSecurityGroupsRequest(TypedDict):
    DryRun: NotRequired[bool]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    VpcId: str


class DescribeStaleSecurityGroupsResult(TypedDict):
    NextToken: NotRequired[str | None]
    StaleSecurityGroupSet: NotRequired[Sequence[StaleSecurityGroup | Fragment] | Fragment | None]


class DescribeStoreImageTasksRequest(TypedDict):
    ImageIds: NotRequired[list[str]]
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]


class DescribeStoreImageTasksResult(TypedDict):
    StoreImageTaskResults: NotRequired[Sequence[StoreImageTaskResult | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeSubnetsRequest(TypedDict):
    Filters: NotRequired[list[Filter]]
    SubnetIds: NotRequired[list[str]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    DryRun: NotRequired[bool]


class DescribeSubnetsResult(TypedDict):
    NextToken: NotRequired[str | None]
    Subnets: NotRequired[Sequence[Subnet | Fragment] | Fragment | None]


class DescribeTagsRequest(TypedDict):
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class DescribeTagsResult(TypedDict):
    NextToken: NotRequired[str | None]
    Tags: NotRequired[Sequence[TagDescription | Fragment] | Fragment | None]


class DescribeTrafficMirrorFilterRulesRequest(TypedDict):
    TrafficMirrorFilterRuleIds: NotRequired[list[str]]
    TrafficMirrorFilterId: NotRequired[str]
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class DescribeTrafficMirrorFilterRulesResult(TypedDict):
    TrafficMirrorFilterRules: NotRequired[
        Sequence[TrafficMirrorFilterRule | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeTrafficMirrorFiltersRequest(TypedDict):
    TrafficMirrorFilterIds: NotRequired[list[str]]
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class DescribeTrafficMirrorFiltersResult(TypedDict):
    TrafficMirrorFilters: NotRequired[Sequence[TrafficMirrorFilter | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeTrafficMirrorSessionsRequest(TypedDict):
    TrafficMirrorSessionIds: NotRequired[list[str]]
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class DescribeTrafficMirrorSessionsResult(TypedDict):
    TrafficMirrorSessions: NotRequired[Sequence[TrafficMirrorSession | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeTrafficMirrorTargetsRequest(TypedDict):
    TrafficMirrorTargetIds: NotRequired[list[str]]
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class DescribeTrafficMirrorTargetsResult(TypedDict):
    TrafficMirrorTargets: NotRequired[Sequence[TrafficMirrorTarget | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeTransitGatewayAttachmentsRequest(TypedDict):
    TransitGatewayAttachmentIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    DryRun: NotRequired[bool]


class DescribeTransitGatewayAttachmentsResult(TypedDict):
    TransitGatewayAttachments: NotRequired[
        Sequence[TransitGatewayAttachment | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeTransitGatewayPeeringAttachmentsRequest(TypedDict):
    TransitGatewayAttachmentIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    DryRun: NotRequired[bool]


class DescribeTransitGatewayPeeringAttachmentsResult(TypedDict):
    TransitGatewayPeeringAttachments: NotRequired[
        Sequence[TransitGatewayPeeringAttachment | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeTransitGatewayRouteTablesRequest(TypedDict):
    TransitGatewayRouteTableIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    DryRun: NotRequired[bool]


class DescribeTransitGatewayRouteTablesResult(TypedDict):
    TransitGatewayRouteTables: NotRequired[
        Sequence[TransitGatewayRouteTable | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeTransitGatewayVpcAttachmentsRequest(TypedDict):
    TransitGatewayAttachmentIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    DryRun: NotRequired[bool]


class DescribeTransitGatewayVpcAttachmentsResult(TypedDict):
    TransitGatewayVpcAttachments: NotRequired[
        Sequence[TransitGatewayVpcAttachment | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeTransitGatewaysRequest(TypedDict):
    TransitGatewayIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    DryRun: NotRequired[bool]


class DescribeTransitGatewaysResult(TypedDict):
    TransitGateways: NotRequired[Sequence[TransitGateway | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeVolumeAttributeRequest(TypedDict):
    Attribute: str
    VolumeId: str
    DryRun: NotRequired[bool]


class DescribeVolumeAttributeResult(TypedDict):
    AutoEnableIO: NotRequired[AttributeBooleanValue | Fragment | None]
    ProductCodes: NotRequired[Sequence[ProductCode | Fragment] | Fragment | None]
    VolumeId: NotRequired[str | None]


class DescribeVolumeStatusRequest(TypedDict):
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    VolumeIds: NotRequired[list[str]]
    IncludeManagedResources: NotRequired[bool]
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]


class DescribeVolumeStatusResult(TypedDict):
    NextToken: NotRequired[str | None]
    VolumeStatuses: NotRequired[Sequence[VolumeStatusItem | Fragment] | Fragment | None]


class DescribeVolumesModificationsRequest(TypedDict):
    DryRun: NotRequired[bool]
    VolumeIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    IncludeManagedResources: NotRequired[bool]


class DescribeVolumesModificationsResult(TypedDict):
    NextToken: NotRequired[str | None]
    VolumesModifications: NotRequired[Sequence[VolumeModification | Fragment] | Fragment | None]


class DescribeVolumesRequest(TypedDict):
    VolumeIds: NotRequired[list[str]]
    IncludeManagedResources: NotRequired[bool]
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]


class DescribeVolumesResult(TypedDict):
    NextToken: NotRequired[str | None]
    Volumes: NotRequired[Sequence[Volume | Fragment] | Fragment | None]


class DescribeVpcAttributeRequest(TypedDict):
    Attribute: str
    VpcId: str
    DryRun: NotRequired[bool]


class DescribeVpcAttributeResult(TypedDict):
    EnableDnsHostnames: NotRequired[AttributeBooleanValue | Fragment | None]
    EnableDnsSupport: NotRequired[AttributeBooleanValue | Fragment | None]
    EnableNetworkAddressUsageMetrics: NotRequired[AttributeBooleanValue | Fragment | None]
    VpcId: NotRequired[str | None]


class DescribeVpcBlockPublicAccessExclusionsRequest(TypedDict):
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    ExclusionIds: NotRequired[list[str]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]


class DescribeVpcBlockPublicAccessExclusionsResult(TypedDict):
    VpcBlockPublicAccessExclusions: NotRequired[
        Sequence[VpcBlockPublicAccessExclusion | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class DescribeVpcBlockPublicAccessOptionsRequest(TypedDict):
    DryRun: NotRequired[bool]


class DescribeVpcBlockPublicAccessOptionsResult(TypedDict):
    VpcBlockPublicAccessOptions: NotRequired[VpcBlockPublicAccessOptions | Fragment | None]


class DescribeVpcClassicLinkDnsSupportRequest(TypedDict):
    VpcIds: NotRequired[list[str]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class DescribeVpcClassicLinkDnsSupportResult(TypedDict):
    NextToken: NotRequired[str | None]
    Vpcs: NotRequired[Sequence[ClassicLinkDnsSupport | Fragment] | Fragment | None]


class DescribeVpcClassicLinkRequest(TypedDict):
    DryRun: NotRequired[bool]
    VpcIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]


class DescribeVpcClassicLinkResult(TypedDict):
    Vpcs: NotRequired[Sequence[VpcClassicLink | Fragment] | Fragment | None]


class DescribeVpcEndpointServicesRequest(TypedDict):
    DryRun: NotRequired[bool]
    ServiceNames: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    ServiceRegions: NotRequired[list[str]]


class DescribeVpcEndpointServicesResult(TypedDict):
    ServiceNames: NotRequired[Sequence[str] | Fragment | None]
    ServiceDetails: NotRequired[Sequence[ServiceDetail | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeVpcEndpointsRequest(TypedDict):
    DryRun: NotRequired[bool]
    VpcEndpointIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class DescribeVpcEndpointsResult(TypedDict):
    VpcEndpoints: NotRequired[Sequence[VpcEndpoint | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeVpcPeeringConnectionsRequest(TypedDict):
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    DryRun: NotRequired[bool]
    VpcPeeringConnectionIds: NotRequired[list[str]]
    Filters: NotRequired[list[Filter]]


class DescribeVpcPeeringConnectionsResult(TypedDict):
    VpcPeeringConnections: NotRequired[Sequence[VpcPeeringConnection | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class DescribeVpcsRequest(TypedDict):
    Filters: NotRequired[list[Filter]]
    VpcIds: NotRequired[list[str]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    DryRun: NotRequired[bool]


class DescribeVpcsResult(TypedDict):
    NextToken: NotRequired[str | None]
    Vpcs: NotRequired[Sequence[Vpc | Fragment] | Fragment | None]


class DestinationOptionsRequest(TypedDict):
    FileFormat: NotRequired[str]
    HiveCompatiblePartitions: NotRequired[bool]
    PerHourPartition: NotRequired[bool]


class DestinationOptionsResponse(TypedDict):
    FileFormat: NotRequired[str | None]
    HiveCompatiblePartitions: NotRequired[bool | None]
    PerHourPartition: NotRequired[bool | None]


class DetachInternetGatewayRequest(TypedDict):
    DryRun: NotRequired[bool]
    InternetGatewayId: str
    VpcId: str


class DetachNetworkInterfaceRequest(TypedDict):
    DryRun: NotRequired[bool]
    AttachmentId: str
    Force: NotRequired[bool]


class DetachVolumeRequest(TypedDict):
    Device: NotRequired[str]
    Force: NotRequired[bool]
    InstanceId: NotRequired[str]
    VolumeId: str
    DryRun: NotRequired[bool]


class DhcpConfiguration(TypedDict):
    Key: NotRequired[str | None]
    Values: NotRequired[Sequence[AttributeValue | Fragment] | Fragment | None]


class DhcpOptions(TypedDict):
    OwnerId: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    DhcpOptionsId: NotRequired[str | None]
    DhcpConfigurations: NotRequired[Sequence[DhcpConfiguration | Fragment] | Fragment | None]


class DisableAddressTransferRequest(TypedDict):
    AllocationId: str
    DryRun: NotRequired[bool]


class DisableAddressTransferResult(TypedDict):
    AddressTransfer: NotRequired[AddressTransfer | Fragment | None]


class DisableAllowedImagesSettingsRequest(TypedDict):
    DryRun: NotRequired[bool]


class DisableAllowedImagesSettingsResult(TypedDict):
    AllowedImagesSettingsState: NotRequired[str | None]


class DisableEbsEncryptionByDefaultRequest(TypedDict):
    DryRun: NotRequired[bool]


class DisableEbsEncryptionByDefaultResult(TypedDict):
    EbsEncryptionByDefault: NotRequired[bool | None]


class DisableFastSnapshotRestoreErrorItem(TypedDict):
    SnapshotId: NotRequired[str | None]
    FastSnapshotRestoreStateErrors: NotRequired[
        Sequence[DisableFastSnapshotRestoreStateErrorItem | Fragment] | Fragment | None
    ]


class DisableFastSnapshotRestoreStateError(TypedDict):
    Code: NotRequired[str | None]
    Message: NotRequired[str | None]


class DisableFastSnapshotRestoreStateErrorItem(TypedDict):
    AvailabilityZone: NotRequired[str | None]
    AvailabilityZoneId: NotRequired[str | None]
    Error: NotRequired[DisableFastSnapshotRestoreStateError | Fragment | None]


class DisableFastSnapshotRestoreSuccessItem(TypedDict):
    SnapshotId: NotRequired[str | None]
    AvailabilityZone: NotRequired[str | None]
    AvailabilityZoneId: NotRequired[str | None]
    State: NotRequired[str | None]
    StateTransitionReason: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    OwnerAlias: NotRequired[str | None]
    EnablingTime: NotRequired[datetime | float | None]
    OptimizingTime: NotRequired[datetime | float | None]
    EnabledTime: NotRequired[datetime | float | None]
    DisablingTime: NotRequired[datetime | float | None]
    DisabledTime: NotRequired[datetime | float | None]


class DisableFastSnapshotRestoresRequest(TypedDict):
    AvailabilityZones: NotRequired[list[str]]
    AvailabilityZoneIds: NotRequired[list[str]]
    SourceSnapshotIds: list[str]
    DryRun: NotRequired[bool]


class DisableFastSnapshotRestoresResult(TypedDict):
    Successful: NotRequired[
        Sequence[DisableFastSnapshotRestoreSuccessItem | Fragment] | Fragment | None
    ]
    Unsuccessful: NotRequired[
        Sequence[DisableFastSnapshotRestoreErrorItem | Fragment] | Fragment | None
    ]


class DisableImageBlockPublicAccessRequest(TypedDict):
    DryRun: NotRequired[bool]


class DisableImageBlockPublicAccessResult(TypedDict):
    ImageBlockPublicAccessState: NotRequired[str | None]


class DisableImageDeprecationRequest(TypedDict):
    ImageId: str
    DryRun: NotRequired[bool]


class DisableImageDeprecationResult(TypedDict):
    Return: NotRequired[bool | None]


class DisableImageDeregistrationProtectionRequest(TypedDict):
    ImageId: str
    DryRun: NotRequired[bool]


class DisableImageDeregistrationProtectionResult(TypedDict):
    Return: NotRequired[str | None]


class DisableImageRequest(TypedDict):
    ImageId: str
    DryRun: NotRequired[bool]


class DisableImageResult(TypedDict):
    Return: NotRequired[bool | None]


class DisableIpamPolicyRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPolicyId: str
    OrganizationTargetId: NotRequired[str]


class DisableIpamPolicyResult(TypedDict):
    Return: NotRequired[bool | None]


class DisableSerialConsoleAccessRequest(TypedDict):
    DryRun: NotRequired[bool]


class DisableSerialConsoleAccessResult(TypedDict):
    SerialConsoleAccessEnabled: NotRequired[bool | None]


class DisableSnapshotBlockPublicAccessRequest(TypedDict):
    DryRun: NotRequired[bool]


class DisableSnapshotBlockPublicAccessResult(TypedDict):
    State: NotRequired[str | None]


class DisableTransitGatewayRouteTablePropagationRequest(TypedDict):
    TransitGatewayRouteTableId: str
    TransitGatewayAttachmentId: NotRequired[str]
    DryRun: NotRequired[bool]
    TransitGatewayRouteTableAnnouncementId: NotRequired[str]


class DisableTransitGatewayRouteTablePropagationResult(TypedDict):
    Propagation: NotRequired[TransitGatewayPropagation | Fragment | None]


class DisassociateAddressRequest(TypedDict):
    AssociationId: NotRequired[str]
    PublicIp: NotRequired[str]
    DryRun: NotRequired[bool]


class DisassociateIamInstanceProfileRequest(TypedDict):
    AssociationId: str


class DisassociateIamInstanceProfileResult(TypedDict):
    IamInstanceProfileAssociation: NotRequired[IamInstanceProfileAssociation | Fragment | None]


class DisassociateInstanceEventWindowRequest(TypedDict):
    DryRun: NotRequired[bool]
    InstanceEventWindowId: str
    AssociationTarget: InstanceEventWindowDisassociationRequest


class DisassociateInstanceEventWindowResult(TypedDict):
    InstanceEventWindow: NotRequired[InstanceEventWindow | Fragment | None]


class DisassociateIpamResourceDiscoveryRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamResourceDiscoveryAssociationId: str


class DisassociateIpamResourceDiscoveryResult(TypedDict):
    IpamResourceDiscoveryAssociation: NotRequired[
        IpamResourceDiscoveryAssociation | Fragment | None
    ]


class DisassociateNatGatewayAddressRequest(TypedDict):
    NatGatewayId: str
    AssociationIds: list[str]
    MaxDrainDurationSeconds: NotRequired[int]
    DryRun: NotRequired[bool]


class DisassociateNatGatewayAddressResult(TypedDict):
    NatGatewayId: NotRequired[str | None]
    NatGatewayAddresses: NotRequired[Sequence[NatGatewayAddress | Fragment] | Fragment | None]


class DisassociateRouteTableRequest(TypedDict):
    DryRun: NotRequired[bool]
    AssociationId: str


class DisassociateSecurityGroupVpcRequest(TypedDict):
    GroupId: str
    VpcId: str
    DryRun: NotRequired[bool]


class DisassociateSecurityGroupVpcResult(TypedDict):
    State: NotRequired[str | None]


class DisassociateSubnetCidrBlockRequest(TypedDict):
    AssociationId: str


class DisassociateSubnetCidrBlockResult(TypedDict):
    Ipv6CidrBlockAssociation: NotRequired[SubnetIpv6CidrBlockAssociation | Fragment | None]
    SubnetId: NotRequired[str | None]


class DisassociateTransitGatewayRouteTableRequest(TypedDict):
    TransitGatewayRouteTableId: str
    TransitGatewayAttachmentId: str
    DryRun: NotRequired[bool]


class DisassociateTransitGatewayRouteTableResult(TypedDict):
    Association: NotRequired[TransitGatewayAssociation | Fragment | None]


class DisassociateVpcCidrBlockRequest(TypedDict):
    AssociationId: str


class DisassociateVpcCidrBlockResult(TypedDict):
    Ipv6CidrBlockAssociation: NotRequired[VpcIpv6CidrBlockAssociation | Fragment | None]
    CidrBlockAssociation: NotRequired[VpcCidrBlockAssociation | Fragment | None]
    VpcId: NotRequired[str | None]


class DiskImage(TypedDict):
    Description: NotRequired[str]
    Image: NotRequired[DiskImageDetail]
    Volume: NotRequired[VolumeDetail]


class DiskImageDescription(TypedDict):
    Checksum: NotRequired[str | None]
    Format: NotRequired[str | None]
    ImportManifestUrl: NotRequired[str | None]
    Size: NotRequired[int | None]


class DiskImageDetail(TypedDict):
    Format: str
    Bytes: int
    ImportManifestUrl: str


class DiskImageVolumeDescription(TypedDict):
    Id: NotRequired[str | None]
    Size: NotRequired[int | None]


class DiskInfo(TypedDict):
    SizeInGB: NotRequired[int | None]
    Count: NotRequired[int | None]
    Type: NotRequired[str | None]


class DnsEntry(TypedDict):
    DnsName: NotRequired[str | None]
    HostedZoneId: NotRequired[str | None]


class DnsOptions(TypedDict):
    DnsRecordIpType: NotRequired[str | None]
    PrivateDnsOnlyForInboundResolverEndpoint: NotRequired[bool | None]
    PrivateDnsPreference: NotRequired[str | None]
    PrivateDnsSpecifiedDomains: NotRequired[Sequence[str] | Fragment | None]


class DnsOptionsSpecification(TypedDict):
    DnsRecordIpType: NotRequired[str]
    PrivateDnsOnlyForInboundResolverEndpoint: NotRequired[bool]
    PrivateDnsPreference: NotRequired[str]
    PrivateDnsSpecifiedDomains: NotRequired[list[str]]


class EbsBlockDevice(TypedDict):
    DeleteOnTermination: NotRequired[bool]
    Iops: NotRequired[int]
    SnapshotId: NotRequired[str]
    VolumeSize: NotRequired[int]
    VolumeType: NotRequired[str]
    KmsKeyId: NotRequired[str]
    Throughput: NotRequired[int]
    OutpostArn: NotRequired[str]
    AvailabilityZone: NotRequired[str]
    Encrypted: NotRequired[bool]
    VolumeInitializationRate: NotRequired[int]
    AvailabilityZoneId: NotRequired[str]
    EbsCardIndex: NotRequired[int]


class EbsCardInfo(TypedDict):
    EbsCardIndex: NotRequired[int | None]
    BaselineBandwidthInMbps: NotRequired[int | None]
    BaselineThroughputInMBps: NotRequired[float | None]
    BaselineIops: NotRequired[int | None]
    MaximumBandwidthInMbps: NotRequired[int | None]
    MaximumThroughputInMBps: NotRequired[float | None]
    MaximumIops: NotRequired[int | None]


class EbsInfo(TypedDict):
    EbsOptimizedSupport: NotRequired[str | None]
    EncryptionSupport: NotRequired[str | None]
    EbsOptimizedInfo: NotRequired[EbsOptimizedInfo | Fragment | None]
    NvmeSupport: NotRequired[str | None]
    MaximumEbsAttachments: NotRequired[int | None]
    AttachmentLimitType: NotRequired[str | None]
    MaximumEbsCards: NotRequired[int | None]
    EbsCards: NotRequired[Sequence[EbsCardInfo | Fragment] | Fragment | None]


class EbsInstanceBlockDevice(TypedDict):
    AttachTime: NotRequired[datetime | float | None]
    DeleteOnTermination: NotRequired[bool | None]
    Status: NotRequired[str | None]
    VolumeId: NotRequired[str | None]
    AssociatedResource: NotRequired[str | None]
    VolumeOwnerId: NotRequired[str | None]
    Operator: NotRequired[OperatorResponse | Fragment | None]
    EbsCardIndex: NotRequired[int | None]


class EbsInstanceBlockDeviceSpecification(TypedDict):
    VolumeId: NotRequired[str]
    DeleteOnTermination: NotRequired[bool]


class EbsOptimizedInfo(TypedDict):
    BaselineBandwidthInMbps: NotRequired[int | None]
    BaselineThroughputInMBps: NotRequired[float | None]
    BaselineIops: NotRequired[int | None]
    MaximumBandwidthInMbps: NotRequired[int | None]
    MaximumThroughputInMBps: NotRequired[float | None]
    MaximumIops: NotRequired[int | None]


class EbsStatusDetails(TypedDict):
    ImpairedSince: NotRequired[datetime | float | None]
    Name: NotRequired[str | None]
    Status: NotRequired[str | None]


class EbsStatusSummary(TypedDict):
    Details: NotRequired[Sequence[EbsStatusDetails | Fragment] | Fragment | None]
    Status: NotRequired[str | None]


class Ec2InstanceConnectEndpoint(TypedDict):
    OwnerId: NotRequired[str | None]
    InstanceConnectEndpointId: NotRequired[str | None]
    InstanceConnectEndpointArn: NotRequired[str | None]
    State: NotRequired[str | None]
    StateMessage: NotRequired[str | None]
    DnsName: NotRequired[str | None]
    FipsDnsName: NotRequired[str | None]
    NetworkInterfaceIds: NotRequired[Sequence[str] | Fragment | None]
    VpcId: NotRequired[str | None]
    AvailabilityZone: NotRequired[str | None]
    CreatedAt: NotRequired[datetime | float | None]
    SubnetId: NotRequired[str | None]
    PreserveClientIp: NotRequired[bool | None]
    SecurityGroupIds: NotRequired[Sequence[str] | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    IpAddressType: NotRequired[str | None]
    PublicDnsNames: NotRequired[InstanceConnectEndpointPublicDnsNames | Fragment | None]
    AvailabilityZoneId: NotRequired[str | None]


class EfaInfo(TypedDict):
    MaximumEfaInterfaces: NotRequired[int | None]


class EgressOnlyInternetGateway(TypedDict):
    Attachments: NotRequired[Sequence[InternetGatewayAttachment | Fragment] | Fragment | None]
    EgressOnlyInternetGatewayId: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class ElasticGpuAssociation(TypedDict):
    ElasticGpuId: NotRequired[str | None]
    ElasticGpuAssociationId: NotRequired[str | None]
    ElasticGpuAssociationState: NotRequired[str | None]
    ElasticGpuAssociationTime: NotRequired[str | None]


class ElasticGpuSpecification(TypedDict):
    Type: str


class ElasticGpuSpecificationResponse(TypedDict):
    Type: NotRequired[str | None]


class ElasticInferenceAccelerator(TypedDict):
    Type: str
    Count: NotRequired[int]


class ElasticInferenceAcceleratorAssociation(TypedDict):
    ElasticInferenceAcceleratorArn: NotRequired[str | None]
    ElasticInferenceAcceleratorAssociationId: NotRequired[str | None]
    ElasticInferenceAcceleratorAssociationState: NotRequired[str | None]
    ElasticInferenceAcceleratorAssociationTime: NotRequired[datetime | float | None]


class EnaSrdSpecification(TypedDict):
    EnaSrdEnabled: NotRequired[bool]
    EnaSrdUdpSpecification: NotRequired[EnaSrdUdpSpecification]


class EnaSrdSpecificationRequest(TypedDict):
    EnaSrdEnabled: NotRequired[bool]
    EnaSrdUdpSpecification: NotRequired[EnaSrdUdpSpecificationRequest]


class EnaSrdUdpSpecification(TypedDict):
    EnaSrdUdpEnabled: NotRequired[bool]


class EnaSrdUdpSpecificationRequest(TypedDict):
    EnaSrdUdpEnabled: NotRequired[bool]


class EnableAddressTransferRequest(TypedDict):
    AllocationId: str
    TransferAccountId: str
    DryRun: NotRequired[bool]


class EnableAddressTransferResult(TypedDict):
    AddressTransfer: NotRequired[AddressTransfer | Fragment | None]


class EnableAllowedImagesSettingsRequest(TypedDict):
    AllowedImagesSettingsState: str
    DryRun: NotRequired[bool]


class EnableAllowedImagesSettingsResult(TypedDict):
    AllowedImagesSettingsState: NotRequired[str | None]


class EnableEbsEncryptionByDefaultRequest(TypedDict):
    DryRun: NotRequired[bool]


class EnableEbsEncryptionByDefaultResult(TypedDict):
    EbsEncryptionByDefault: NotRequired[bool | None]


class EnableFastSnapshotRestoreErrorItem(TypedDict):
    SnapshotId: NotRequired[str | None]
    FastSnapshotRestoreStateErrors: NotRequired[
        Sequence[EnableFastSnapshotRestoreStateErrorItem | Fragment] | Fragment | None
    ]


class EnableFastSnapshotRestoreStateError(TypedDict):
    Code: NotRequired[str | None]
    Message: NotRequired[str | None]


class EnableFastSnapshotRestoreStateErrorItem(TypedDict):
    AvailabilityZone: NotRequired[str | None]
    AvailabilityZoneId: NotRequired[str | None]
    Error: NotRequired[EnableFastSnapshotRestoreStateError | Fragment | None]


class EnableFastSnapshotRestoreSuccessItem(TypedDict):
    SnapshotId: NotRequired[str | None]
    AvailabilityZone: NotRequired[str | None]
    AvailabilityZoneId: NotRequired[str | None]
    State: NotRequired[str | None]
    StateTransitionReason: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    OwnerAlias: NotRequired[str | None]
    EnablingTime: NotRequired[datetime | float | None]
    OptimizingTime: NotRequired[datetime | float | None]
    EnabledTime: NotRequired[datetime | float | None]
    DisablingTime: NotRequired[datetime | float | None]
    DisabledTime: NotRequired[datetime | float | None]


class EnableFastSnapshotRestoresRequest(TypedDict):
    AvailabilityZones: NotRequired[list[str]]
    AvailabilityZoneIds: NotRequired[list[str]]
    SourceSnapshotIds: list[str]
    DryRun: NotRequired[bool]


class EnableFastSnapshotRestoresResult(TypedDict):
    Successful: NotRequired[
        Sequence[EnableFastSnapshotRestoreSuccessItem | Fragment] | Fragment | None
    ]
    Unsuccessful: NotRequired[
        Sequence[EnableFastSnapshotRestoreErrorItem | Fragment] | Fragment | None
    ]


class EnableImageBlockPublicAccessRequest(TypedDict):
    ImageBlockPublicAccessState: str
    DryRun: NotRequired[bool]


class EnableImageBlockPublicAccessResult(TypedDict):
    ImageBlockPublicAccessState: NotRequired[str | None]


class EnableImageDeprecationRequest(TypedDict):
    ImageId: str
    DeprecateAt: datetime
    DryRun: NotRequired[bool]


class EnableImageDeprecationResult(TypedDict):
    Return: NotRequired[bool | None]


class EnableImageDeregistrationProtectionRequest(TypedDict):
    ImageId: str
    WithCooldown: NotRequired[bool]
    DryRun: NotRequired[bool]


class EnableImageDeregistrationProtectionResult(TypedDict):
    Return: NotRequired[str | None]


class EnableImageRequest(TypedDict):
    ImageId: str
    DryRun: NotRequired[bool]


class EnableImageResult(TypedDict):
    Return: NotRequired[bool | None]


class EnableIpamPolicyRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPolicyId: str
    OrganizationTargetId: NotRequired[str]


class EnableIpamPolicyResult(TypedDict):
    IpamPolicyId: NotRequired[str | None]


class EnableSerialConsoleAccessRequest(TypedDict):
    DryRun: NotRequired[bool]


class EnableSerialConsoleAccessResult(TypedDict):
    SerialConsoleAccessEnabled: NotRequired[bool | None]


class EnableSnapshotBlockPublicAccessRequest(TypedDict):
    State: str
    DryRun: NotRequired[bool]


class EnableSnapshotBlockPublicAccessResult(TypedDict):
    State: NotRequired[str | None]


class EnableTransitGatewayRouteTablePropagationRequest(TypedDict):
    TransitGatewayRouteTableId: str
    TransitGatewayAttachmentId: NotRequired[str]
    DryRun: NotRequired[bool]
    TransitGatewayRouteTableAnnouncementId: NotRequired[str]


class EnableTransitGatewayRouteTablePropagationResult(TypedDict):
    Propagation: NotRequired[TransitGatewayPropagation | Fragment | None]


class EnableVolumeIORequest(TypedDict):
    DryRun: NotRequired[bool]
    VolumeId: str


class EnclaveOptions(TypedDict):
    Enabled: NotRequired[bool | None]


class EnclaveOptionsRequest(TypedDict):
    Enabled: NotRequired[bool]


class EncryptionSupport(TypedDict):
    EncryptionState: NotRequired[str | None]
    StateMessage: NotRequired[str | None]


class Explanation(TypedDict):
    Acl: NotRequired[AnalysisComponent | Fragment | None]
    AclRule: NotRequired[AnalysisAclRule | Fragment | None]
    Address: NotRequired[str | None]
    Addresses: NotRequired[Sequence[str] | Fragment | None]
    AttachedTo: NotRequired[AnalysisComponent | Fragment | None]
    AvailabilityZones: NotRequired[Sequence[str] | Fragment | None]
    AvailabilityZoneIds: NotRequired[Sequence[str] | Fragment | None]
    Cidrs: NotRequired[Sequence[str] | Fragment | None]
    Component: NotRequired[AnalysisComponent | Fragment | None]
    CustomerGateway: NotRequired[AnalysisComponent | Fragment | None]
    Destination: NotRequired[AnalysisComponent | Fragment | None]
    DestinationVpc: NotRequired[AnalysisComponent | Fragment | None]
    Direction: NotRequired[str | None]
    ExplanationCode: NotRequired[str | None]
    IngressRouteTable: NotRequired[AnalysisComponent | Fragment | None]
    InternetGateway: NotRequired[AnalysisComponent | Fragment | None]
    LoadBalancerArn: NotRequired[str | None]
    ClassicLoadBalancerListener: NotRequired[AnalysisLoadBalancerListener | Fragment | None]
    LoadBalancerListenerPort: NotRequired[int | None]
    LoadBalancerTarget: NotRequired[AnalysisLoadBalancerTarget | Fragment | None]
    LoadBalancerTargetGroup: NotRequired[AnalysisComponent | Fragment | None]
    LoadBalancerTargetGroups: NotRequired[Sequence[AnalysisComponent | Fragment] | Fragment | None]
    LoadBalancerTargetPort: NotRequired[int | None]
    ElasticLoadBalancerListener: NotRequired[AnalysisComponent | Fragment | None]
    MissingComponent: NotRequired[str | None]
    NatGateway: NotRequired[AnalysisComponent | Fragment | None]
    NetworkInterface: NotRequired[AnalysisComponent | Fragment | None]
    PacketField: NotRequired[str | None]
    VpcPeeringConnection: NotRequired[AnalysisComponent | Fragment | None]
    Port: NotRequired[int | None]
    PortRanges: NotRequired[Sequence[PortRange | Fragment] | Fragment | None]
    PrefixList: NotRequired[AnalysisComponent | Fragment | None]
    Protocols: NotRequired[Sequence[str] | Fragment | None]
    RouteTableRoute: NotRequired[AnalysisRouteTableRoute | Fragment | None]
    RouteTable: NotRequired[AnalysisComponent | Fragment | None]
    SecurityGroup: NotRequired[AnalysisComponent | Fragment | None]
    SecurityGroupRule: NotRequired[AnalysisSecurityGroupRule | Fragment | None]
    SecurityGroups: NotRequired[Sequence[AnalysisComponent | Fragment] | Fragment | None]
    SourceVpc: NotRequired[AnalysisComponent | Fragment | None]
    State: NotRequired[str | None]
    Subnet: NotRequired[AnalysisComponent | Fragment | None]
    SubnetRouteTable: NotRequired[AnalysisComponent | Fragment | None]
    Vpc: NotRequired[AnalysisComponent | Fragment | None]
    VpcEndpoint: NotRequired[AnalysisComponent | Fragment | None]
    VpnConnection: NotRequired[AnalysisComponent | Fragment | None]
    VpnGateway: NotRequired[AnalysisComponent | Fragment | None]
    TransitGateway: NotRequired[AnalysisComponent | Fragment | None]
    TransitGatewayRouteTable: NotRequired[AnalysisComponent | Fragment | None]
    TransitGatewayRouteTableRoute: NotRequired[TransitGatewayRouteTableRoute | Fragment | None]
    TransitGatewayPolicyTable: NotRequired[AnalysisComponent | Fragment | None]
    TransitGatewayPolicyTableEntry: NotRequired[
        AnalysisTransitGatewayPolicyTableEntry | Fragment | None
    ]
    TransitGatewayAttachment: NotRequired[AnalysisComponent | Fragment | None]
    ComponentAccount: NotRequired[str | None]
    ComponentRegion: NotRequired[str | None]
    FirewallStatelessRule: NotRequired[FirewallStatelessRule | Fragment | None]
    FirewallStatefulRule: NotRequired[FirewallStatefulRule | Fragment | None]


class ExportImageRequest(TypedDict):
    ClientToken: NotRequired[str]
    Description: NotRequired[str]
    DiskImageFormat: str
    DryRun: NotRequired[bool]
    ImageId: str
    S3ExportLocation: ExportTaskS3LocationRequest
    RoleName: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]


class ExportImageResult(TypedDict):
    Description: NotRequired[str | None]
    DiskImageFormat: NotRequired[str | None]
    ExportImageTaskId: NotRequired[str | None]
    ImageId: NotRequired[str | None]
    RoleName: NotRequired[str | None]
    Progress: NotRequired[str | None]
    S3ExportLocation: NotRequired[ExportTaskS3Location | Fragment | None]
    Status: NotRequired[str | None]
    StatusMessage: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class ExportImageTask(TypedDict):
    Description: NotRequired[str | None]
    ExportImageTaskId: NotRequired[str | None]
    ImageId: NotRequired[str | None]
    Progress: NotRequired[str | None]
    S3ExportLocation: NotRequired[ExportTaskS3Location | Fragment | None]
    Status: NotRequired[str | None]
    StatusMessage: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class ExportTask(TypedDict):
    Description: NotRequired[str | None]
    ExportTaskId: NotRequired[str | None]
    ExportToS3Task: NotRequired[ExportToS3Task | Fragment | None]
    InstanceExportDetails: NotRequired[InstanceExportDetails | Fragment | None]
    State: NotRequired[str | None]
    StatusMessage: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class ExportTaskS3Location(TypedDict):
    S3Bucket: NotRequired[str | None]
    S3Prefix: NotRequired[str | None]


class ExportTaskS3LocationRequest(TypedDict):
    S3Bucket: str
    S3Prefix: NotRequired[str]


class ExportToS3Task(TypedDict):
    ContainerFormat: NotRequired[str | None]
    DiskImageFormat: NotRequired[str | None]
    S3Bucket: NotRequired[str | None]
    S3Key: NotRequired[str | None]


class ExportToS3TaskSpecification(TypedDict):
    DiskImageFormat: NotRequired[str]
    ContainerFormat: NotRequired[str]
    S3Bucket: NotRequired[str]
    S3Prefix: NotRequired[str]


class ExportTransitGatewayRoutesRequest(TypedDict):
    TransitGatewayRouteTableId: str
    Filters: NotRequired[list[Filter]]
    S3Bucket: str
    DryRun: NotRequired[bool]


class ExportTransitGatewayRoutesResult(TypedDict):
    S3Location: NotRequired[str | None]


class ExternalAuthorityConfiguration(TypedDict):
    Type: NotRequired[str]
    ExternalResourceIdentifier: NotRequired[str]


class FailedCapacityReservationFleetCancellationResult(TypedDict):
    CapacityReservationFleetId: NotRequired[str | None]
    CancelCapacityReservationFleetError: NotRequired[
        CancelCapacityReservationFleetError | Fragment | None
    ]


class Filter(TypedDict):
    Name: NotRequired[str]
    Values: NotRequired[list[str]]


class FilterPortRange(TypedDict):
    FromPort: NotRequired[int | None]
    ToPort: NotRequired[int | None]


class FirewallStatefulRule(TypedDict):
    RuleGroupArn: NotRequired[str | None]
    Sources: NotRequired[Sequence[str] | Fragment | None]
    Destinations: NotRequired[Sequence[str] | Fragment | None]
    SourcePorts: NotRequired[Sequence[PortRange | Fragment] | Fragment | None]
    DestinationPorts: NotRequired[Sequence[PortRange | Fragment] | Fragment | None]
    Protocol: NotRequired[str | None]
    RuleAction: NotRequired[str | None]
    Direction: NotRequired[str | None]


class FirewallStatelessRule(TypedDict):
    RuleGroupArn: NotRequired[str | None]
    Sources: NotRequired[Sequence[str] | Fragment | None]
    Destinations: NotRequired[Sequence[str] | Fragment | None]
    SourcePorts: NotRequired[Sequence[PortRange | Fragment] | Fragment | None]
    DestinationPorts: NotRequired[Sequence[PortRange | Fragment] | Fragment | None]
    Protocols: NotRequired[Sequence[int] | Fragment | None]
    RuleAction: NotRequired[str | None]
    Priority: NotRequired[int | None]


class FleetCapacityReservation(TypedDict):
    CapacityReservationId: NotRequired[str | None]
    AvailabilityZoneId: NotRequired[str | None]
    InstanceType: NotRequired[str | None]
    InstancePlatform: NotRequired[str | None]
    AvailabilityZone: NotRequired[str | None]
    TotalInstanceCount: NotRequired[int | None]
    FulfilledCapacity: NotRequired[float | None]
    EbsOptimized: NotRequired[bool | None]
    CreateDate: NotRequired[datetime | float | None]
    Weight: NotRequired[float | None]
    Priority: NotRequired[int | None]


class FlowLog(TypedDict):
    CreationTime: NotRequired[datetime | float | None]
    DeliverLogsErrorMessage: NotRequired[str | None]
    DeliverLogsPermissionArn: NotRequired[str | None]
    DeliverCrossAccountRole: NotRequired[str | None]
    DeliverLogsStatus: NotRequired[str | None]
    FlowLogId: NotRequired[str | None]
    FlowLogStatus: NotRequired[str | None]
    LogGroupName: NotRequired[str | None]
    ResourceId: NotRequired[str | None]
    TrafficType: NotRequired[str | None]
    LogDestinationType: NotRequired[str | None]
    LogDestination: NotRequired[str | None]
    LogFormat: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    MaxAggregationInterval: NotRequired[int | None]
    DestinationOptions: NotRequired[DestinationOptionsResponse | Fragment | None]
    TagFieldSpecifications: NotRequired[
        Sequence[TagFieldSpecificationResponse | Fragment] | Fragment | None
    ]


class FpgaDeviceInfo(TypedDict):
    Name: NotRequired[str | None]
    Manufacturer: NotRequired[str | None]
    Count: NotRequired[int | None]
    MemoryInfo: NotRequired[FpgaDeviceMemoryInfo | Fragment | None]


class FpgaDeviceMemoryInfo(TypedDict):
    SizeInMiB: NotRequired[int | None]


class FpgaInfo(TypedDict):
    Fpgas: NotRequired[Sequence[FpgaDeviceInfo | Fragment] | Fragment | None]
    TotalFpgaMemoryInMiB: NotRequired[int | None]


class GetAllowedImagesSettingsRequest(TypedDict):
    DryRun: NotRequired[bool]


class GetAllowedImagesSettingsResult(TypedDict):
    State: NotRequired[str | None]
    ImageCriteria: NotRequired[Sequence[ImageCriterion | Fragment] | Fragment | None]
    ManagedBy: NotRequired[str | None]


class GetCapacityReservationUsageRequest(TypedDict):
    CapacityReservationId: str
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    DryRun: NotRequired[bool]


class GetCapacityReservationUsageResult(TypedDict):
    NextToken: NotRequired[str | None]
    CapacityReservationId: NotRequired[str | None]
    InstanceType: NotRequired[str | None]
    TotalInstanceCount: NotRequired[int | None]
    AvailableInstanceCount: NotRequired[int | None]
    State: NotRequired[str | None]
    InstanceUsages: NotRequired[Sequence[InstanceUsage | Fragment] | Fragment | None]
    Interruptible: NotRequired[bool | None]
    InterruptibleCapacityAllocation: NotRequired[InterruptibleCapacityAllocation | Fragment | None]
    InterruptionInfo: NotRequired[InterruptionInfo | Fragment | None]


class GetConsoleOutputRequest(TypedDict):
    InstanceId: str
    Latest: NotRequired[bool]
    DryRun: NotRequired[bool]


class GetConsoleOutputResult(TypedDict):
    InstanceId: NotRequired[str | None]
    Timestamp: NotRequired[datetime | float | None]
    Output: NotRequired[str | None]


class GetConsoleScreenshotRequest(TypedDict):
    DryRun: NotRequired[bool]
    InstanceId: str
    WakeUp: NotRequired[bool]


class GetConsoleScreenshotResult(TypedDict):
    ImageData: NotRequired[str | None]
    InstanceId: NotRequired[str | None]


class GetDefaultCreditSpecificationRequest(TypedDict):
    DryRun: NotRequired[bool]
    InstanceFamily: str


class GetDefaultCreditSpecificationResult(TypedDict):
    InstanceFamilyCreditSpecification: NotRequired[
        InstanceFamilyCreditSpecification | Fragment | None
    ]


class GetEbsDefaultKmsKeyIdRequest(TypedDict):
    DryRun: NotRequired[bool]


class GetEbsDefaultKmsKeyIdResult(TypedDict):
    KmsKeyId: NotRequired[str | None]


class GetEbsEncryptionByDefaultRequest(TypedDict):
    DryRun: NotRequired[bool]


class GetEbsEncryptionByDefaultResult(TypedDict):
    EbsEncryptionByDefault: NotRequired[bool | None]
    SseType: NotRequired[str | None]


class GetEnabledIpamPolicyRequest(TypedDict):
    DryRun: NotRequired[bool]


class GetEnabledIpamPolicyResult(TypedDict):
    IpamPolicyEnabled: NotRequired[bool | None]
    IpamPolicyId: NotRequired[str | None]
    ManagedBy: NotRequired[str | None]


class GetGroupsForCapacityReservationRequest(TypedDict):
    CapacityReservationId: str
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    DryRun: NotRequired[bool]


class GetGroupsForCapacityReservationResult(TypedDict):
    NextToken: NotRequired[str | None]
    CapacityReservationGroups: NotRequired[
        Sequence[CapacityReservationGroup | Fragment] | Fragment | None
    ]


class GetImageBlockPublicAccessStateRequest(TypedDict):
    DryRun: NotRequired[bool]


class GetImageBlockPublicAccessStateResult(TypedDict):
    ImageBlockPublicAccessState: NotRequired[str | None]
    ManagedBy: NotRequired[str | None]


class GetInstanceMetadataDefaultsRequest(TypedDict):
    DryRun: NotRequired[bool]


class GetInstanceMetadataDefaultsResult(TypedDict):
    AccountLevel: NotRequired[InstanceMetadataDefaultsResponse | Fragment | None]


class GetInstanceTypesFromInstanceRequirementsRequest(TypedDict):
    DryRun: NotRequired[bool]
    ArchitectureTypes: list[str]
    VirtualizationTypes: list[str]
    InstanceRequirements: InstanceRequirementsRequest
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    Context: NotRequired[str]


class GetInstanceTypesFromInstanceRequirementsResult(TypedDict):
    InstanceTypes: NotRequired[
        Sequence[InstanceTypeInfoFromInstanceRequirements | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class GetIpamDiscoveredAccountsRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamResourceDiscoveryId: str
    DiscoveryRegion: str
    Filters: NotRequired[list[Filter]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]


class GetIpamDiscoveredAccountsResult(TypedDict):
    IpamDiscoveredAccounts: NotRequired[
        Sequence[IpamDiscoveredAccount | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class GetIpamDiscoveredPublicAddressesRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamResourceDiscoveryId: str
    AddressRegion: str
    Filters: NotRequired[list[Filter]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]


class GetIpamDiscoveredPublicAddressesResult(TypedDict):
    IpamDiscoveredPublicAddresses: NotRequired[
        Sequence[IpamDiscoveredPublicAddress | Fragment] | Fragment | None
    ]
    OldestSampleTime: NotRequired[datetime | float | None]
    NextToken: NotRequired[str | None]


class GetIpamDiscoveredResourceCidrsRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamResourceDiscoveryId: str
    ResourceRegion: str
    Filters: NotRequired[list[Filter]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]


class GetIpamDiscoveredResourceCidrsResult(TypedDict):
    IpamDiscoveredResourceCidrs: NotRequired[
        Sequence[IpamDiscoveredResourceCidr | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class GetIpamPolicyAllocationRulesRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPolicyId: str
    Filters: NotRequired[list[Filter]]
    Locale: NotRequired[str]
    ResourceType: NotRequired[str]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class GetIpamPolicyAllocationRulesResult(TypedDict):
    IpamPolicyDocuments: NotRequired[Sequence[IpamPolicyDocument | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class GetIpamPolicyOrganizationTargetsRequest(TypedDict):
    DryRun: NotRequired[bool]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    IpamPolicyId: str
    Filters: NotRequired[list[Filter]]


class GetIpamPolicyOrganizationTargetsResult(TypedDict):
    OrganizationTargets: NotRequired[
        Sequence[IpamPolicyOrganizationTarget | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class GetIpamPoolAllocationsRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPoolId: str
    IpamPoolAllocationId: NotRequired[str]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class GetIpamPoolAllocationsResult(TypedDict):
    IpamPoolAllocations: NotRequired[Sequence[IpamPoolAllocation | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class GetIpamPoolCidrsRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPoolId: str
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class GetIpamPoolCidrsResult(TypedDict):
    IpamPoolCidrs: NotRequired[Sequence[IpamPoolCidr | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class GetIpamPrefixListResolverRulesRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPrefixListResolverId: str
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class GetIpamPrefixListResolverRulesResult(TypedDict):
    Rules: NotRequired[Sequence[IpamPrefixListResolverRule | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class GetIpamPrefixListResolverVersionEntriesRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPrefixListResolverId: str
    IpamPrefixListResolverVersion: int
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class GetIpamPrefixListResolverVersionEntriesResult(TypedDict):
    Entries: NotRequired[Sequence[IpamPrefixListResolverVersionEntry | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class GetIpamPrefixListResolverVersionsRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPrefixListResolverId: str
    IpamPrefixListResolverVersions: NotRequired[list[int]]
    MaxResults: NotRequired[int]
    Filters: NotRequired[list[Filter]]
    NextToken: NotRequired[str]


class GetIpamPrefixListResolverVersionsResult(TypedDict):
    IpamPrefixListResolverVersions: NotRequired[
        Sequence[IpamPrefixListResolverVersion | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class GetIpamResourceCidrsRequest(TypedDict):
    DryRun: NotRequired[bool]
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    IpamScopeId: str
    IpamPoolId: NotRequired[str]
    ResourceId: NotRequired[str]
    ResourceType: NotRequired[str]
    ResourceTag: NotRequired[RequestIpamResourceTag]
    ResourceOwner: NotRequired[str]


class GetIpamResourceCidrsResult(TypedDict):
    NextToken: NotRequired[str | None]
    IpamResourceCidrs: NotRequired[Sequence[IpamResourceCidr | Fragment] | Fragment | None]


class GetLaunchTemplateDataRequest(TypedDict):
    DryRun: NotRequired[bool]
    InstanceId: str


class GetLaunchTemplateDataResult(TypedDict):
    LaunchTemplateData: NotRequired[ResponseLaunchTemplateData | Fragment | None]


class GetManagedPrefixListAssociationsRequest(TypedDict):
    DryRun: NotRequired[bool]
    PrefixListId: str
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class GetManagedPrefixListAssociationsResult(TypedDict):
    PrefixListAssociations: NotRequired[
        Sequence[PrefixListAssociation | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class GetManagedPrefixListEntriesRequest(TypedDict):
    DryRun: NotRequired[bool]
    PrefixListId: str
    TargetVersion: NotRequired[int]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class GetManagedPrefixListEntriesResult(TypedDict):
    Entries: NotRequired[Sequence[PrefixListEntry | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class GetNetworkInsightsAccessScopeAnalysisFindingsRequest(TypedDict):
    NetworkInsightsAccessScopeAnalysisId: str
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    DryRun: NotRequired[bool]


class GetNetworkInsightsAccessScopeAnalysisFindingsResult(TypedDict):
    NetworkInsightsAccessScopeAnalysisId: NotRequired[str | None]
    AnalysisStatus: NotRequired[str | None]
    AnalysisFindings: NotRequired[Sequence[AccessScopeAnalysisFinding | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class GetNetworkInsightsAccessScopeContentRequest(TypedDict):
    NetworkInsightsAccessScopeId: str
    DryRun: NotRequired[bool]


class GetNetworkInsightsAccessScopeContentResult(TypedDict):
    NetworkInsightsAccessScopeContent: NotRequired[
        NetworkInsightsAccessScopeContent | Fragment | None
    ]


class GetPasswordDataRequest(TypedDict):
    InstanceId: str
    DryRun: NotRequired[bool]


class GetPasswordDataResult(TypedDict):
    InstanceId: NotRequired[str | None]
    Timestamp: NotRequired[datetime | float | None]
    PasswordData: NotRequired[str | None]


class GetSecurityGroupsForVpcRequest(TypedDict):
    VpcId: str
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    Filters: NotRequired[list[Filter]]
    DryRun: NotRequired[bool]


class GetSecurityGroupsForVpcResult(TypedDict):
    NextToken: NotRequired[str | None]
    SecurityGroupForVpcs: NotRequired[Sequence[SecurityGroupForVpc | Fragment] | Fragment | None]


class GetSerialConsoleAccessStatusRequest(TypedDict):
    DryRun: NotRequired[bool]


class GetSerialConsoleAccessStatusResult(TypedDict):
    SerialConsoleAccessEnabled: NotRequired[bool | None]
    ManagedBy: NotRequired[str | None]


class GetSnapshotBlockPublicAccessStateRequest(TypedDict):
    DryRun: NotRequired[bool]


class GetSnapshotBlockPublicAccessStateResult(TypedDict):
    State: NotRequired[str | None]
    ManagedBy: NotRequired[str | None]


class GetSubnetCidrReservationsRequest(TypedDict):
    Filters: NotRequired[list[Filter]]
    SubnetId: str
    DryRun: NotRequired[bool]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]


class GetSubnetCidrReservationsResult(TypedDict):
    SubnetIpv4CidrReservations: NotRequired[
        Sequence[SubnetCidrReservation | Fragment] | Fragment | None
    ]
    SubnetIpv6CidrReservations: NotRequired[
        Sequence[SubnetCidrReservation | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class GetTransitGatewayAttachmentPropagationsRequest(TypedDict):
    TransitGatewayAttachmentId: str
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    DryRun: NotRequired[bool]


class GetTransitGatewayAttachmentPropagationsResult(TypedDict):
    TransitGatewayAttachmentPropagations: NotRequired[
        Sequence[TransitGatewayAttachmentPropagation | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class GetTransitGatewayPrefixListReferencesRequest(TypedDict):
    TransitGatewayRouteTableId: str
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    DryRun: NotRequired[bool]


class GetTransitGatewayPrefixListReferencesResult(TypedDict):
    TransitGatewayPrefixListReferences: NotRequired[
        Sequence[TransitGatewayPrefixListReference | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class GetTransitGatewayRouteTableAssociationsRequest(TypedDict):
    TransitGatewayRouteTableId: str
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    DryRun: NotRequired[bool]


class GetTransitGatewayRouteTableAssociationsResult(TypedDict):
    Associations: NotRequired[
        Sequence[TransitGatewayRouteTableAssociation | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class GetTransitGatewayRouteTablePropagationsRequest(TypedDict):
    TransitGatewayRouteTableId: str
    Filters: NotRequired[list[Filter]]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    DryRun: NotRequired[bool]


class GetTransitGatewayRouteTablePropagationsResult(TypedDict):
    TransitGatewayRouteTablePropagations: NotRequired[
        Sequence[TransitGatewayRouteTablePropagation | Fragment] | Fragment | None
    ]
    NextToken: NotRequired[str | None]


class GpuDeviceInfo(TypedDict):
    Name: NotRequired[str | None]
    Manufacturer: NotRequired[str | None]
    Count: NotRequired[int | None]
    LogicalGpuCount: NotRequired[int | None]
    GpuPartitionSize: NotRequired[float | None]
    Workloads: NotRequired[Sequence[str] | Fragment | None]
    MemoryInfo: NotRequired[GpuDeviceMemoryInfo | Fragment | None]


class GpuDeviceMemoryInfo(TypedDict):
    SizeInMiB: NotRequired[int | None]


class GpuInfo(TypedDict):
    Gpus: NotRequired[Sequence[GpuDeviceInfo | Fragment] | Fragment | None]
    TotalGpuMemoryInMiB: NotRequired[int | None]


class GroupIdentifier(TypedDict):
    GroupId: NotRequired[str | None]
    GroupName: NotRequired[str | None]


class HibernationOptions(TypedDict):
    Configured: NotRequired[bool | None]


class HibernationOptionsRequest(TypedDict):
    Configured: NotRequired[bool]


class Host(TypedDict):
    AutoPlacement: NotRequired[str | None]
    AvailabilityZone: NotRequired[str | None]
    AvailableCapacity: NotRequired[AvailableCapacity | Fragment | None]
    ClientToken: NotRequired[str | None]
    HostId: NotRequired[str | None]
    HostProperties: NotRequired[HostProperties | Fragment | None]
    HostReservationId: NotRequired[str | None]
    Instances: NotRequired[Sequence[HostInstance | Fragment] | Fragment | None]
    State: NotRequired[str | None]
    AllocationTime: NotRequired[datetime | float | None]
    ReleaseTime: NotRequired[datetime | float | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    HostRecovery: NotRequired[str | None]
    AllowsMultipleInstanceTypes: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    AvailabilityZoneId: NotRequired[str | None]
    MemberOfServiceLinkedResourceGroup: NotRequired[bool | None]
    OutpostArn: NotRequired[str | None]
    HostMaintenance: NotRequired[str | None]
    AssetId: NotRequired[str | None]
    CpuOptions: NotRequired[HostCpuOptions | Fragment | None]


class HostCpuOptions(TypedDict):
    AmdSevSnp: NotRequired[str | None]


class HostCpuOptionsRequest(TypedDict):
    AmdSevSnp: NotRequired[str]


class HostInstance(TypedDict):
    InstanceId: NotRequired[str | None]
    InstanceType: NotRequired[str | None]
    OwnerId: NotRequired[str | None]


class HostProperties(TypedDict):
    Cores: NotRequired[int | None]
    InstanceType: NotRequired[str | None]
    InstanceFamily: NotRequired[str | None]
    Sockets: NotRequired[int | None]
    TotalVCpus: NotRequired[int | None]


class IamInstanceProfile(TypedDict):
    Arn: NotRequired[str | None]
    Id: NotRequired[str | None]


class IamInstanceProfileAssociation(TypedDict):
    AssociationId: NotRequired[str | None]
    InstanceId: NotRequired[str | None]
    IamInstanceProfile: NotRequired[IamInstanceProfile | Fragment | None]
    State: NotRequired[str | None]
    Timestamp: NotRequired[datetime | float | None]


class IamInstanceProfileSpecification(TypedDict):
    Arn: NotRequired[str]
    Name: NotRequired[str]


class IcmpTypeCode(TypedDict):
    Code: NotRequired[int]
    Type: NotRequired[int]


class IdFormat(TypedDict):
    Deadline: NotRequired[datetime | float | None]
    Resource: NotRequired[str | None]
    UseLongIds: NotRequired[bool | None]


class Image(TypedDict):
    PlatformDetails: NotRequired[str | None]
    UsageOperation: NotRequired[str | None]
    BlockDeviceMappings: NotRequired[Sequence[BlockDeviceMapping | Fragment] | Fragment | None]
    Description: NotRequired[str | None]
    EnaSupport: NotRequired[bool | None]
    Hypervisor: NotRequired[str | None]
    ImageOwnerAlias: NotRequired[str | None]
    Name: NotRequired[str | None]
    RootDeviceName: NotRequired[str | None]
    RootDeviceType: NotRequired[str | None]
    SriovNetSupport: NotRequired[str | None]
    StateReason: NotRequired[StateReason | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    VirtualizationType: NotRequired[str | None]
    BootMode: NotRequired[str | None]
    TpmSupport: NotRequired[str | None]
    DeprecationTime: NotRequired[str | None]
    ImdsSupport: NotRequired[str | None]
    SourceInstanceId: NotRequired[str | None]
    DeregistrationProtection: NotRequired[str | None]
    LastLaunchedTime: NotRequired[str | None]
    ImageAllowed: NotRequired[bool | None]
    SourceImageId: NotRequired[str | None]
    SourceImageRegion: NotRequired[str | None]
    FreeTierEligible: NotRequired[bool | None]
    PublicSsmParameterName: NotRequired[str | None]
    ImageWatermarks: NotRequired[Sequence[ImageWatermark | Fragment] | Fragment | None]
    ScanResults: NotRequired[ScanResults | Fragment | None]
    InstanceTypeSpecification: NotRequired[InstanceTypeSpecification | Fragment | None]
    ImageId: NotRequired[str | None]
    ImageLocation: NotRequired[str | None]
    State: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    CreationDate: NotRequired[str | None]
    Public: NotRequired[bool | None]
    ProductCodes: NotRequired[Sequence[ProductCode | Fragment] | Fragment | None]
    Architecture: NotRequired[str | None]
    ImageType: NotRequired[str | None]
    KernelId: NotRequired[str | None]
    RamdiskId: NotRequired[str | None]
    Platform: NotRequired[str | None]


class ImageAttribute(TypedDict):
    Description: NotRequired[AttributeValue | Fragment | None]
    KernelId: NotRequired[AttributeValue | Fragment | None]
    RamdiskId: NotRequired[AttributeValue | Fragment | None]
    SriovNetSupport: NotRequired[AttributeValue | Fragment | None]
    BootMode: NotRequired[AttributeValue | Fragment | None]
    TpmSupport: NotRequired[AttributeValue | Fragment | None]
    UefiData: NotRequired[AttributeValue | Fragment | None]
    LastLaunchedTime: NotRequired[AttributeValue | Fragment | None]
    ImdsSupport: NotRequired[AttributeValue | Fragment | None]
    DeregistrationProtection: NotRequired[AttributeValue | Fragment | None]
    ImageId: NotRequired[str | None]
    LaunchPermissions: NotRequired[Sequence[LaunchPermission | Fragment] | Fragment | None]
    ProductCodes: NotRequired[Sequence[ProductCode | Fragment] | Fragment | None]
    BlockDeviceMappings: NotRequired[Sequence[BlockDeviceMapping | Fragment] | Fragment | None]


class ImageCriterion(TypedDict):
    ImageProviders: NotRequired[Sequence[str] | Fragment | None]
    MarketplaceProductCodes: NotRequired[Sequence[str] | Fragment | None]
    ImageNames: NotRequired[Sequence[str] | Fragment | None]
    DeprecationTimeCondition: NotRequired[DeprecationTimeCondition | Fragment | None]
    CreationDateCondition: NotRequired[CreationDateCondition | Fragment | None]
    ImageWatermarks: NotRequired[
        Sequence[ImageWatermarkFilterResponse | Fragment] | Fragment | None
    ]
    ScanResultCondition: NotRequired[ScanResultCondition | Fragment | None]


class ImageCriterionRequest(TypedDict):
    ImageProviders: NotRequired[list[str]]
    MarketplaceProductCodes: NotRequired[list[str]]
    ImageNames: NotRequired[list[str]]
    DeprecationTimeCondition: NotRequired[DeprecationTimeConditionRequest]
    CreationDateCondition: NotRequired[CreationDateConditionRequest]
    ImageWatermarks: NotRequired[list[ImageWatermarkFilterRequest]]
    ScanResultCondition: NotRequired[ScanResultConditionRequest]


class ImageDiskContainer(TypedDict):
    Description: NotRequired[str]
    DeviceName: NotRequired[str]
    Format: NotRequired[str]
    SnapshotId: NotRequired[str]
    Url: NotRequired[str]
    UserBucket: NotRequired[UserBucket]


class ImageMetadata(TypedDict):
    ImageId: NotRequired[str | None]
    Name: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    State: NotRequired[str | None]
    ImageOwnerAlias: NotRequired[str | None]
    CreationDate: NotRequired[str | None]
    DeprecationTime: NotRequired[str | None]
    ImageAllowed: NotRequired[bool | None]
    IsPublic: NotRequired[bool | None]
    ImageWatermarks: NotRequired[Sequence[ImageWatermark | Fragment] | Fragment | None]


class ImageRecycleBinInfo(TypedDict):
    ImageId: NotRequired[str | None]
    Name: NotRequired[str | None]
    Description: NotRequired[str | None]
    RecycleBinEnterTime: NotRequired[datetime | float | None]
    RecycleBinExitTime: NotRequired[datetime | float | None]


class ImageUsageReport(TypedDict):
    ImageId: NotRequired[str | None]
    ReportId: NotRequired[str | None]
    ResourceTypes: NotRequired[Sequence[ImageUsageResourceType | Fragment] | Fragment | None]
    AccountIds: NotRequired[Sequence[str] | Fragment | None]
    State: NotRequired[str | None]
    StateReason: NotRequired[str | None]
    CreationTime: NotRequired[datetime | float | None]
    ExpirationTime: NotRequired[datetime | float | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class ImageUsageReportEntry(TypedDict):
    ResourceType: NotRequired[str | None]
    ReportId: NotRequired[str | None]
    UsageCount: NotRequired[int | None]
    AccountId: NotRequired[str | None]
    ImageId: NotRequired[str | None]
    ReportCreationTime: NotRequired[datetime | float | None]


class ImageUsageResourceType(TypedDict):
    ResourceType: NotRequired[str | None]
    ResourceTypeOptions: NotRequired[
        Sequence[ImageUsageResourceTypeOption | Fragment] | Fragment | None
    ]


class ImageUsageResourceTypeOption(TypedDict):
    OptionName: NotRequired[str | None]
    OptionValues: NotRequired[Sequence[str] | Fragment | None]


class ImageUsageResourceTypeOptionRequest(TypedDict):
    OptionName: NotRequired[str]
    OptionValues: NotRequired[list[str]]


class ImageUsageResourceTypeRequest(TypedDict):
    ResourceType: NotRequired[str]
    ResourceTypeOptions: NotRequired[list[ImageUsageResourceTypeOptionRequest]]


class ImageWatermark(TypedDict):
    WatermarkKey: NotRequired[str | None]
    SourceImageRegion: NotRequired[str | None]
    SourceImageId: NotRequired[str | None]
    SourceImageCreationTime: NotRequired[datetime | float | None]
    WatermarkCreationTime: NotRequired[datetime | float | None]


class ImageWatermarkFilterRequest(TypedDict):
    WatermarkKey: NotRequired[str]
    SourceImageRegion: NotRequired[str]
    MaximumDaysSinceSourceImageCreated: NotRequired[int]
    MaximumDaysSinceWatermarkCreated: NotRequired[int]


class ImageWatermarkFilterResponse(TypedDict):
    WatermarkKey: NotRequired[str | None]
    SourceImageRegion: NotRequired[str | None]
    MaximumDaysSinceSourceImageCreated: NotRequired[int | None]
    MaximumDaysSinceWatermarkCreated: NotRequired[int | None]


class ImportImageLicenseConfigurationRequest(TypedDict):
    LicenseConfigurationArn: NotRequired[str]


class ImportImageLicenseConfigurationResponse(TypedDict):
    LicenseConfigurationArn: NotRequired[str | None]


class ImportImageRequest(TypedDict):
    Architecture: NotRequired[str]
    ClientData: NotRequired[ClientData]
    ClientToken: NotRequired[str]
    Description: NotRequired[str]
    DiskContainers: NotRequired[list[ImageDiskContainer]]
    DryRun: NotRequired[bool]
    Encrypted: NotRequired[bool]
    Hypervisor: NotRequired[str]
    KmsKeyId: NotRequired[str]
    LicenseType: NotRequired[str]
    Platform: NotRequired[str]
    RoleName: NotRequired[str]
    LicenseSpecifications: NotRequired[list[ImportImageLicenseConfigurationRequest]]
    TagSpecifications: NotRequired[list[TagSpecification]]
    UsageOperation: NotRequired[str]
    BootMode: NotRequired[str]


class ImportImageResult(TypedDict):
    Architecture: NotRequired[str | None]
    Description: NotRequired[str | None]
    Encrypted: NotRequired[bool | None]
    Hypervisor: NotRequired[str | None]
    ImageId: NotRequired[str | None]
    ImportTaskId: NotRequired[str | None]
    KmsKeyId: NotRequired[str | None]
    LicenseType: NotRequired[str | None]
    Platform: NotRequired[str | None]
    Progress: NotRequired[str | None]
    SnapshotDetails: NotRequired[Sequence[SnapshotDetail | Fragment] | Fragment | None]
    Status: NotRequired[str | None]
    StatusMessage: NotRequired[str | None]
    LicenseSpecifications: NotRequired[
        Sequence[ImportImageLicenseConfigurationResponse | Fragment] | Fragment | None
    ]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    UsageOperation: NotRequired[str | None]


class ImportImageTask(TypedDict):
    Architecture: NotRequired[str | None]
    Description: NotRequired[str | None]
    Encrypted: NotRequired[bool | None]
    Hypervisor: NotRequired[str | None]
    ImageId: NotRequired[str | None]
    ImportTaskId: NotRequired[str | None]
    KmsKeyId: NotRequired[str | None]
    LicenseType: NotRequired[str | None]
    Platform: NotRequired[str | None]
    Progress: NotRequired[str | None]
    SnapshotDetails: NotRequired[Sequence[SnapshotDetail | Fragment] | Fragment | None]
    Status: NotRequired[str | None]
    StatusMessage: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    LicenseSpecifications: NotRequired[
        Sequence[ImportImageLicenseConfigurationResponse | Fragment] | Fragment | None
    ]
    UsageOperation: NotRequired[str | None]
    BootMode: NotRequired[str | None]


class ImportInstanceLaunchSpecification(TypedDict):
    Architecture: NotRequired[str]
    GroupNames: NotRequired[list[str]]
    GroupIds: NotRequired[list[str]]
    AdditionalInfo: NotRequired[str]
    UserData: NotRequired[UserData]
    InstanceType: NotRequired[str]
    Placement: NotRequired[Placement]
    Monitoring: NotRequired[bool]
    SubnetId: NotRequired[str]
    InstanceInitiatedShutdownBehavior: NotRequired[str]
    PrivateIpAddress: NotRequired[str]


class ImportInstanceRequest(TypedDict):
    DryRun: NotRequired[bool]
    Description: NotRequired[str]
    LaunchSpecification: NotRequired[ImportInstanceLaunchSpecification]
    DiskImages: NotRequired[list[DiskImage]]
    Platform: str


class ImportInstanceResult(TypedDict):
    ConversionTask: NotRequired[ConversionTask | Fragment | None]


class ImportInstanceTaskDetails(TypedDict):
    Description: NotRequired[str | None]
    InstanceId: NotRequired[str | None]
    Platform: NotRequired[str | None]
    Volumes: NotRequired[Sequence[ImportInstanceVolumeDetailItem | Fragment] | Fragment | None]


class ImportInstanceVolumeDetailItem(TypedDict):
    AvailabilityZone: NotRequired[str | None]
    AvailabilityZoneId: NotRequired[str | None]
    BytesConverted: NotRequired[int | None]
    Description: NotRequired[str | None]
    Image: NotRequired[DiskImageDescription | Fragment | None]
    Status: NotRequired[str | None]
    StatusMessage: NotRequired[str | None]
    Volume: NotRequired[DiskImageVolumeDescription | Fragment | None]


class ImportKeyPairRequest(TypedDict):
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]
    KeyName: str
    PublicKeyMaterial: bytes


class ImportKeyPairResult(TypedDict):
    KeyFingerprint: NotRequired[str | None]
    KeyName: NotRequired[str | None]
    KeyPairId: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class ImportSnapshotRequest(TypedDict):
    ClientData: NotRequired[ClientData]
    ClientToken: NotRequired[str]
    Description: NotRequired[str]
    DiskContainer: NotRequired[SnapshotDiskContainer]
    DryRun: NotRequired[bool]
    Encrypted: NotRequired[bool]
    KmsKeyId: NotRequired[str]
    RoleName: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]


class ImportSnapshotResult(TypedDict):
    Description: NotRequired[str | None]
    ImportTaskId: NotRequired[str | None]
    SnapshotTaskDetail: NotRequired[SnapshotTaskDetail | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class ImportSnapshotTask(TypedDict):
    Description: NotRequired[str | None]
    ImportTaskId: NotRequired[str | None]
    SnapshotTaskDetail: NotRequired[SnapshotTaskDetail | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class ImportVolumeRequest(TypedDict):
    AvailabilityZoneId: NotRequired[str]
    DryRun: NotRequired[bool]
    AvailabilityZone: NotRequired[str]
    Image: DiskImageDetail
    Description: NotRequired[str]
    Volume: VolumeDetail


class ImportVolumeResult(TypedDict):
    ConversionTask: NotRequired[ConversionTask | Fragment | None]


class ImportVolumeTaskDetails(TypedDict):
    AvailabilityZone: NotRequired[str | None]
    AvailabilityZoneId: NotRequired[str | None]
    BytesConverted: NotRequired[int | None]
    Description: NotRequired[str | None]
    Image: NotRequired[DiskImageDescription | Fragment | None]
    Volume: NotRequired[DiskImageVolumeDescription | Fragment | None]


class InferenceAcceleratorInfo(TypedDict):
    Accelerators: NotRequired[Sequence[InferenceDeviceInfo | Fragment] | Fragment | None]
    TotalInferenceMemoryInMiB: NotRequired[int | None]


class InferenceDeviceInfo(TypedDict):
    Count: NotRequired[int | None]
    Name: NotRequired[str | None]
    Manufacturer: NotRequired[str | None]
    MemoryInfo: NotRequired[InferenceDeviceMemoryInfo | Fragment | None]


class InferenceDeviceMemoryInfo(TypedDict):
    SizeInMiB: NotRequired[int | None]


class InitializationStatusDetails(TypedDict):
    InitializationType: NotRequired[str | None]
    Progress: NotRequired[int | None]
    EstimatedTimeToCompleteInSeconds: NotRequired[int | None]


class Instance(TypedDict):
    Architecture: NotRequired[str | None]
    BlockDeviceMappings: NotRequired[
        Sequence[InstanceBlockDeviceMapping | Fragment] | Fragment | None
    ]
    ClientToken: NotRequired[str | None]
    EbsOptimized: NotRequired[bool | None]
    EnaSupport: NotRequired[bool | None]
    Hypervisor: NotRequired[str | None]
    IamInstanceProfile: NotRequired[IamInstanceProfile | Fragment | None]
    InstanceLifecycle: NotRequired[str | None]
    ElasticGpuAssociations: NotRequired[
        Sequence[ElasticGpuAssociation | Fragment] | Fragment | None
    ]
    ElasticInferenceAcceleratorAssociations: NotRequired[
        Sequence[ElasticInferenceAcceleratorAssociation | Fragment] | Fragment | None
    ]
    NetworkInterfaces: NotRequired[Sequence[InstanceNetworkInterface | Fragment] | Fragment | None]
    OutpostArn: NotRequired[str | None]
    RootDeviceName: NotRequired[str | None]
    RootDeviceType: NotRequired[str | None]
    SecurityGroups: NotRequired[Sequence[GroupIdentifier | Fragment] | Fragment | None]
    SourceDestCheck: NotRequired[bool | None]
    SpotInstanceRequestId: NotRequired[str | None]
    SriovNetSupport: NotRequired[str | None]
    StateReason: NotRequired[StateReason | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    VirtualizationType: NotRequired[str | None]
    CpuOptions: NotRequired[CpuOptions | Fragment | None]
    CapacityBlockId: NotRequired[str | None]
    CapacityReservationId: NotRequired[str | None]
    CapacityReservationSpecification: NotRequired[
        CapacityReservationSpecificationResponse | Fragment | None
    ]
    HibernationOptions: NotRequired[HibernationOptions | Fragment | None]
    Licenses: NotRequired[Sequence[LicenseConfiguration | Fragment] | Fragment | None]
    MetadataOptions: NotRequired[InstanceMetadataOptionsResponse | Fragment | None]
    EnclaveOptions: NotRequired[EnclaveOptions | Fragment | None]
    BootMode: NotRequired[str | None]
    PlatformDetails: NotRequired[str | None]
    UsageOperation: NotRequired[str | None]
    UsageOperationUpdateTime: NotRequired[datetime | float | None]
    PrivateDnsNameOptions: NotRequired[PrivateDnsNameOptionsResponse | Fragment | None]
    Ipv6Address: NotRequired[str | None]
    TpmSupport: NotRequired[str | None]
    MaintenanceOptions: NotRequired[InstanceMaintenanceOptions | Fragment | None]
    CurrentInstanceBootMode: NotRequired[str | None]
    NetworkPerformanceOptions: NotRequired[InstanceNetworkPerformanceOptions | Fragment | None]
    Operator: NotRequired[OperatorResponse | Fragment | None]
    SecondaryInterfaces: NotRequired[
        Sequence[InstanceSecondaryInterface | Fragment] | Fragment | None
    ]
    InstanceId: NotRequired[str | None]
    ImageId: NotRequired[str | None]
    State: NotRequired[InstanceState | Fragment | None]
    PrivateDnsName: NotRequired[str | None]
    PublicDnsName: NotRequired[str | None]
    StateTransitionReason: NotRequired[str | None]
    KeyName: NotRequired[str | None]
    AmiLaunchIndex: NotRequired[int | None]
    ProductCodes: NotRequired[Sequence[ProductCode | Fragment] | Fragment | None]
    InstanceType: NotRequired[str | None]
    LaunchTime: NotRequired[datetime | float | None]
    Placement: NotRequired[Placement | Fragment | None]
    KernelId: NotRequired[str | None]
    RamdiskId: NotRequired[str | None]
    Platform: NotRequired[str | None]
    Monitoring: NotRequired[Monitoring | Fragment | None]
    SubnetId: NotRequired[str | None]
    VpcId: NotRequired[str | None]
    PrivateIpAddress: NotRequired[str | None]
    PublicIpAddress: NotRequired[str | None]


class InstanceAttachmentEnaSrdSpecification(TypedDict):
    EnaSrdEnabled: NotRequired[bool | None]
    EnaSrdUdpSpecification: NotRequired[InstanceAttachmentEnaSrdUdpSpecification | Fragment | None]


class InstanceAttachmentEnaSrdUdpSpecification(TypedDict):
    EnaSrdUdpEnabled: NotRequired[bool | None]


class InstanceAttribute(TypedDict):
    BlockDeviceMappings: NotRequired[
        Sequence[InstanceBlockDeviceMapping | Fragment] | Fragment | None
    ]
    DisableApiTermination: NotRequired[AttributeBooleanValue | Fragment | None]
    EnaSupport: NotRequired[AttributeBooleanValue | Fragment | None]
    EnclaveOptions: NotRequired[EnclaveOptions | Fragment | None]
    EbsOptimized: NotRequired[AttributeBooleanValue | Fragment | None]
    InstanceId: NotRequired[str | None]
    InstanceInitiatedShutdownBehavior: NotRequired[AttributeValue | Fragment | None]
    InstanceType: NotRequired[AttributeValue | Fragment | None]
    KernelId: NotRequired[AttributeValue | Fragment | None]
    ProductCodes: NotRequired[Sequence[ProductCode | Fragment] | Fragment | None]
    RamdiskId: NotRequired[AttributeValue | Fragment | None]
    RootDeviceName: NotRequired[AttributeValue | Fragment | None]
    SourceDestCheck: NotRequired[AttributeBooleanValue | Fragment | None]
    SriovNetSupport: NotRequired[AttributeValue | Fragment | None]
    UserData: NotRequired[AttributeValue | Fragment | None]
    DisableApiStop: NotRequired[AttributeBooleanValue | Fragment | None]
    Groups: NotRequired[Sequence[GroupIdentifier | Fragment] | Fragment | None]


class InstanceBlockDeviceMapping(TypedDict):
    DeviceName: NotRequired[str | None]
    Ebs: NotRequired[EbsInstanceBlockDevice | Fragment | None]


class InstanceBlockDeviceMappingSpecification(TypedDict):
    DeviceName: NotRequired[str]
    Ebs: NotRequired[EbsInstanceBlockDeviceSpecification]
    VirtualName: NotRequired[str]
    NoDevice: NotRequired[str]


class InstanceCapacity(TypedDict):
    AvailableCapacity: NotRequired[int | None]
    InstanceType: NotRequired[str | None]
    TotalCapacity: NotRequired[int | None]


class InstanceConnectEndpointDnsNames(TypedDict):
    DnsName: NotRequired[str | None]
    FipsDnsName: NotRequired[str | None]


class InstanceConnectEndpointPublicDnsNames(TypedDict):
    Ipv4: NotRequired[InstanceConnectEndpointDnsNames | Fragment | None]
    Dualstack: NotRequired[InstanceConnectEndpointDnsNames | Fragment | None]


class InstanceCreditSpecification(TypedDict):
    InstanceId: NotRequired[str | None]
    CpuCredits: NotRequired[str | None]


class InstanceCreditSpecificationRequest(TypedDict):
    InstanceId: str
    CpuCredits: NotRequired[str]


class InstanceEventWindow(TypedDict):
    InstanceEventWindowId: NotRequired[str | None]
    TimeRanges: NotRequired[Sequence[InstanceEventWindowTimeRange | Fragment] | Fragment | None]
    Name: NotRequired[str | None]
    CronExpression: NotRequired[str | None]
    AssociationTarget: NotRequired[InstanceEventWindowAssociationTarget | Fragment | None]
    State: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class InstanceEventWindowAssociationRequest(TypedDict):
    InstanceIds: NotRequired[list[str]]
    InstanceTags: NotRequired[list[Tag]]
    DedicatedHostIds: NotRequired[list[str]]


class InstanceEventWindowAssociationTarget(TypedDict):
    InstanceIds: NotRequired[Sequence[str] | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    DedicatedHostIds: NotRequired[Sequence[str] | Fragment | None]


class InstanceEventWindowDisassociationRequest(TypedDict):
    InstanceIds: NotRequired[list[str]]
    InstanceTags: NotRequired[list[Tag]]
    DedicatedHostIds: NotRequired[list[str]]


class InstanceEventWindowStateChange(TypedDict):
    InstanceEventWindowId: NotRequired[str | None]
    State: NotRequired[str | None]


class InstanceEventWindowTimeRange(TypedDict):
    StartWeekDay: NotRequired[str | None]
    StartHour: NotRequired[int | None]
    EndWeekDay: NotRequired[str | None]
    EndHour: NotRequired[int | None]


class InstanceEventWindowTimeRangeRequest(TypedDict):
    StartWeekDay: NotRequired[str]
    StartHour: NotRequired[int]
    EndWeekDay: NotRequired[str]
    EndHour: NotRequired[int]


class InstanceExportDetails(TypedDict):
    InstanceId: NotRequired[str | None]
    TargetEnvironment: NotRequired[str | None]


class InstanceFamilyCreditSpecification(TypedDict):
    InstanceFamily: NotRequired[str | None]
    CpuCredits: NotRequired[str | None]


class InstanceImageMetadata(TypedDict):
    InstanceId: NotRequired[str | None]
    InstanceType: NotRequired[str | None]
    LaunchTime: NotRequired[datetime | float | None]
    AvailabilityZone: NotRequired[str | None]
    ZoneId: NotRequired[str | None]
    State: NotRequired[InstanceState | Fragment | None]
    OwnerId: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    ImageMetadata: NotRequired[ImageMetadata | Fragment | None]
    Operator: NotRequired[OperatorResponse | Fragment | None]


class InstanceIpv4Prefix(TypedDict):
    Ipv4Prefix: NotRequired[str | None]


class InstanceIpv6Address(TypedDict):
    Ipv6Address: NotRequired[str]
    IsPrimaryIpv6: NotRequired[bool]


class InstanceIpv6AddressRequest(TypedDict):
    Ipv6Address: NotRequired[str]


class InstanceIpv6Prefix(TypedDict):
    Ipv6Prefix: NotRequired[str | None]


class InstanceMaintenanceOptions(TypedDict):
    AutoRecovery: NotRequired[str | None]
    RebootMigration: NotRequired[str | None]


class InstanceMaintenanceOptionsRequest(TypedDict):
    AutoRecovery: NotRequired[str]


class InstanceMarketOptionsRequest(TypedDict):
    MarketType: NotRequired[str]
    SpotOptions: NotRequired[SpotMarketOptions]


class InstanceMetadataDefaultsResponse(TypedDict):
    HttpTokens: NotRequired[str | None]
    HttpPutResponseHopLimit: NotRequired[int | None]
    HttpEndpoint: NotRequired[str | None]
    InstanceMetadataTags: NotRequired[str | None]
    ManagedBy: NotRequired[str | None]
    ManagedExceptionMessage: NotRequired[str | None]
    HttpTokensEnforced: NotRequired[str | None]


class InstanceMetadataOptionsRequest(TypedDict):
    HttpTokens: NotRequired[str]
    HttpPutResponseHopLimit: NotRequired[int]
    HttpEndpoint: NotRequired[str]
    HttpProtocolIpv6: NotRequired[str]
    InstanceMetadataTags: NotRequired[str]


class InstanceMetadataOptionsResponse(TypedDict):
    State: NotRequired[str | None]
    HttpTokens: NotRequired[str | None]
    HttpPutResponseHopLimit: NotRequired[int | None]
    HttpEndpoint: NotRequired[str | None]
    HttpProtocolIpv6: NotRequired[str | None]
    InstanceMetadataTags: NotRequired[str | None]


class InstanceMonitoring(TypedDict):
    InstanceId: NotRequired[str | None]
    Monitoring: NotRequired[Monitoring | Fragment | None]


class InstanceNetworkInterface(TypedDict):
    Association: NotRequired[InstanceNetworkInterfaceAssociation | Fragment | None]
    Attachment: NotRequired[InstanceNetworkInterfaceAttachment | Fragment | None]
    Description: NotRequired[str | None]
    Groups: NotRequired[Sequence[GroupIdentifier | Fragment] | Fragment | None]
    Ipv6Addresses: NotRequired[Sequence[InstanceIpv6Address | Fragment] | Fragment | None]
    MacAddress: NotRequired[str | None]
    NetworkInterfaceId: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    PrivateDnsName: NotRequired[str | None]
    PrivateIpAddress: NotRequired[str | None]
    PrivateIpAddresses: NotRequired[Sequence[InstancePrivateIpAddress | Fragment] | Fragment | None]
    SourceDestCheck: NotRequired[bool | None]
    Status: NotRequired[str | None]
    SubnetId: NotRequired[str | None]
    VpcId: NotRequired[str | None]
    InterfaceType: NotRequired[str | None]
    Ipv4Prefixes: NotRequired[Sequence[InstanceIpv4Prefix | Fragment] | Fragment | None]
    Ipv6Prefixes: NotRequired[Sequence[InstanceIpv6Prefix | Fragment] | Fragment | None]
    ConnectionTrackingConfiguration: NotRequired[
        ConnectionTrackingSpecificationResponse | Fragment | None
    ]
    Operator: NotRequired[OperatorResponse | Fragment | None]


class InstanceNetworkInterfaceAssociation(TypedDict):
    CarrierIp: NotRequired[str | None]
    CustomerOwnedIp: NotRequired[str | None]
    IpOwnerId: NotRequired[str | None]
    PublicDnsName: NotRequired[str | None]
    PublicIp: NotRequired[str | None]


class InstanceNetworkInterfaceAttachment(TypedDict):
    AttachTime: NotRequired[datetime | float | None]
    AttachmentId: NotRequired[str | None]
    DeleteOnTermination: NotRequired[bool | None]
    DeviceIndex: NotRequired[int | None]
    Status: NotRequired[str | None]
    NetworkCardIndex: NotRequired[int | None]
    EnaSrdSpecification: NotRequired[InstanceAttachmentEnaSrdSpecification | Fragment | None]
    EnaQueueCount: NotRequired[int | None]


class InstanceNetworkInterfaceSpecification(TypedDict):
    AssociatePublicIpAddress: NotRequired[bool]
    DeleteOnTermination: NotRequired[bool]
    Description: NotRequired[str]
    DeviceIndex: NotRequired[int]
    Groups: NotRequired[list[str]]
    Ipv6AddressCount: NotRequired[int]
    Ipv6Addresses: NotRequired[list[InstanceIpv6Address]]
    NetworkInterfaceId: NotRequired[str]
    PrivateIpAddress: NotRequired[str]
    PrivateIpAddresses: NotRequired[list[PrivateIpAddressSpecification]]
    SecondaryPrivateIpAddressCount: NotRequired[int]
    SubnetId: NotRequired[str]
    AssociateCarrierIpAddress: NotRequired[bool]
    InterfaceType: NotRequired[str]
    NetworkCardIndex: NotRequired[int]
    Ipv4Prefixes: NotRequired[list[Ipv4PrefixSpecificationRequest]]
    Ipv4PrefixCount: NotRequired[int]
    Ipv6Prefixes: NotRequired[list[Ipv6PrefixSpecificationRequest]]
    Ipv6PrefixCount: NotRequired[int]
    PrimaryIpv6: NotRequired[bool]
    EnaSrdSpecification: NotRequired[EnaSrdSpecificationRequest]
    ConnectionTrackingSpecification: NotRequired[ConnectionTrackingSpecificationRequest]
    EnaQueueCount: NotRequired[int]


class InstanceNetworkPerformanceOptions(TypedDict):
    BandwidthWeighting: NotRequired[str | None]


class InstanceNetworkPerformanceOptionsRequest(TypedDict):
    BandwidthWeighting: NotRequired[str]


class InstancePrivateIpAddress(TypedDict):
    Association: NotRequired[InstanceNetworkInterfaceAssociation | Fragment | None]
    Primary: NotRequired[bool | None]
    PrivateDnsName: NotRequired[str | None]
    PrivateIpAddress: NotRequired[str | None]


class InstanceRequirements(TypedDict):
    VCpuCount: NotRequired[VCpuCountRange | Fragment | None]
    MemoryMiB: NotRequired[MemoryMiB | Fragment | None]
    CpuManufacturers: NotRequired[Sequence[str] | Fragment | None]
    MemoryGiBPerVCpu: NotRequired[MemoryGiBPerVCpu | Fragment | None]
    ExcludedInstanceTypes: NotRequired[Sequence[str] | Fragment | None]
    InstanceGenerations: NotRequired[Sequence[str] | Fragment | None]
    SpotMaxPricePercentageOverLowestPrice: NotRequired[int | None]
    OnDemandMaxPricePercentageOverLowestPrice: NotRequired[int | None]
    BareMetal: NotRequired[str | None]
    BurstablePerformance: NotRequired[str | None]
    RequireHibernateSupport: NotRequired[bool | None]
    NetworkInterfaceCount: NotRequired[NetworkInterfaceCount | Fragment | None]
    LocalStorage: NotRequired[str | None]
    LocalStorageTypes: NotRequired[Sequence[str] | Fragment | None]
    TotalLocalStorageGB: NotRequired[TotalLocalStorageGB | Fragment | None]
    BaselineEbsBandwidthMbps: NotRequired[BaselineEbsBandwidthMbps | Fragment | None]
    AcceleratorTypes: NotRequired[Sequence[str] | Fragment | None]
    AcceleratorCount: NotRequired[AcceleratorCount | Fragment | None]
    AcceleratorManufacturers: NotRequired[Sequence[str] | Fragment | None]
    AcceleratorNames: NotRequired[Sequence[str] | Fragment | None]
    AcceleratorTotalMemoryMiB: NotRequired[AcceleratorTotalMemoryMiB | Fragment | None]
    NetworkBandwidthGbps: NotRequired[NetworkBandwidthGbps | Fragment | None]
    AllowedInstanceTypes: NotRequired[Sequence[str] | Fragment | None]
    MaxSpotPriceAsPercentageOfOptimalOnDemandPrice: NotRequired[int | None]
    BaselinePerformanceFactors: NotRequired[BaselinePerformanceFactors | Fragment | None]
    RequireEncryptionInTransit: NotRequired[bool | None]


class InstanceRequirementsRequest(TypedDict):
    VCpuCount: VCpuCountRangeRequest
    MemoryMiB: MemoryMiBRequest
    CpuManufacturers: NotRequired[list[str]]
    MemoryGiBPerVCpu: NotRequired[MemoryGiBPerVCpuRequest]
    ExcludedInstanceTypes: NotRequired[list[str]]
    InstanceGenerations: NotRequired[list[str]]
    SpotMaxPricePercentageOverLowestPrice: NotRequired[int]
    OnDemandMaxPricePercentageOverLowestPrice: NotRequired[int]
    BareMetal: NotRequired[str]
    BurstablePerformance: NotRequired[str]
    RequireHibernateSupport: NotRequired[bool]
    NetworkInterfaceCount: NotRequired[NetworkInterfaceCountRequest]
    LocalStorage: NotRequired[str]
    LocalStorageTypes: NotRequired[list[str]]
    TotalLocalStorageGB: NotRequired[TotalLocalStorageGBRequest]
    BaselineEbsBandwidthMbps: NotRequired[BaselineEbsBandwidthMbpsRequest]
    AcceleratorTypes: NotRequired[list[str]]
    AcceleratorCount: NotRequired[AcceleratorCountRequest]
    AcceleratorManufacturers: NotRequired[list[str]]
    AcceleratorNames: NotRequired[list[str]]
    AcceleratorTotalMemoryMiB: NotRequired[AcceleratorTotalMemoryMiBRequest]
    NetworkBandwidthGbps: NotRequired[NetworkBandwidthGbpsRequest]
    AllowedInstanceTypes: NotRequired[list[str]]
    MaxSpotPriceAsPercentageOfOptimalOnDemandPrice: NotRequired[int]
    BaselinePerformanceFactors: NotRequired[BaselinePerformanceFactorsRequest]
    RequireEncryptionInTransit: NotRequired[bool]


class InstanceSecondaryInterface(TypedDict):
    Attachment: NotRequired[InstanceSecondaryInterfaceAttachment | Fragment | None]
    MacAddress: NotRequired[str | None]
    SecondaryInterfaceId: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    PrivateIpAddresses: NotRequired[
        Sequence[InstanceSecondaryInterfacePrivateIpAddress | Fragment] | Fragment | None
    ]
    SourceDestCheck: NotRequired[bool | None]
    Status: NotRequired[str | None]
    SecondarySubnetId: NotRequired[str | None]
    SecondaryNetworkId: NotRequired[str | None]
    InterfaceType: NotRequired[str | None]


class InstanceSecondaryInterfaceAttachment(TypedDict):
    AttachTime: NotRequired[datetime | float | None]
    AttachmentId: NotRequired[str | None]
    DeleteOnTermination: NotRequired[bool | None]
    DeviceIndex: NotRequired[int | None]
    Status: NotRequired[str | None]
    NetworkCardIndex: NotRequired[int | None]


class InstanceSecondaryInterfacePrivateIpAddress(TypedDict):
    PrivateIpAddress: NotRequired[str | None]


class InstanceSecondaryInterfacePrivateIpAddressRequest(TypedDict):
    PrivateIpAddress: str


class InstanceSecondaryInterfaceSpecificationRequest(TypedDict):
    DeleteOnTermination: NotRequired[bool]
    DeviceIndex: NotRequired[int]
    PrivateIpAddresses: NotRequired[list[InstanceSecondaryInterfacePrivateIpAddressRequest]]
    PrivateIpAddressCount: NotRequired[int]
    SecondarySubnetId: NotRequired[str]
    InterfaceType: NotRequired[str]
    NetworkCardIndex: NotRequired[int]


class InstanceSpecification(TypedDict):
    InstanceId: str
    ExcludeBootVolume: NotRequired[bool]
    ExcludeDataVolumeIds: NotRequired[list[str]]


class InstanceState(TypedDict):
    Code: NotRequired[int | None]
    Name: NotRequired[str | None]


class InstanceStateChange(TypedDict):
    InstanceId: NotRequired[str | None]
    CurrentState: NotRequired[InstanceState | Fragment | None]
    PreviousState: NotRequired[InstanceState | Fragment | None]


class InstanceStatus(TypedDict):
    AvailabilityZone: NotRequired[str | None]
    AvailabilityZoneId: NotRequired[str | None]
    OutpostArn: NotRequired[str | None]
    Operator: NotRequired[OperatorResponse | Fragment | None]
    Events: NotRequired[Sequence[InstanceStatusEvent | Fragment] | Fragment | None]
    InstanceId: NotRequired[str | None]
    InstanceState: NotRequired[InstanceState | Fragment | None]
    InstanceStatus: NotRequired[InstanceStatusSummary | Fragment | None]
    SystemStatus: NotRequired[InstanceStatusSummary | Fragment | None]
    AttachedEbsStatus: NotRequired[EbsStatusSummary | Fragment | None]
    ApplicationStatus: NotRequired[ApplicationStatusSummary | Fragment | None]
    PerformanceStatus: NotRequired[PerformanceStatusSummary | Fragment | None]


class InstanceStatusDetails(TypedDict):
    ImpairedSince: NotRequired[datetime | float | None]
    Name: NotRequired[str | None]
    Status: NotRequired[str | None]


class InstanceStatusEvent(TypedDict):
    InstanceEventId: NotRequired[str | None]
    Code: NotRequired[str | None]
    Description: NotRequired[str | None]
    NotAfter: NotRequired[datetime | float | None]
    NotBefore: NotRequired[datetime | float | None]
    NotBeforeDeadline: NotRequired[datetime | float | None]


class InstanceStatusSummary(TypedDict):
    Details: NotRequired[Sequence[InstanceStatusDetails | Fragment] | Fragment | None]
    Status: NotRequired[str | None]


class InstanceStorageInfo(TypedDict):
    TotalSizeInGB: NotRequired[int | None]
    Disks: NotRequired[Sequence[DiskInfo | Fragment] | Fragment | None]
    NvmeSupport: NotRequired[str | None]
    EncryptionSupport: NotRequired[str | None]


class InstanceTagNotificationAttribute(TypedDict):
    InstanceTagKeys: NotRequired[Sequence[str] | Fragment | None]
    IncludeAllTagsOfInstance: NotRequired[bool | None]


class InstanceTopology(TypedDict):
    InstanceId: NotRequired[str | None]
    InstanceType: NotRequired[str | None]
    GroupName: NotRequired[str | None]
    NetworkNodes: NotRequired[Sequence[str] | Fragment | None]
    AvailabilityZone: NotRequired[str | None]
    ZoneId: NotRequired[str | None]
    CapacityBlockId: NotRequired[str | None]


class InstanceTypeInfo(TypedDict):
    InstanceType: NotRequired[str | None]
    CurrentGeneration: NotRequired[bool | None]
    FreeTierEligible: NotRequired[bool | None]
    SupportedUsageClasses: NotRequired[Sequence[str] | Fragment | None]
    SupportedRootDeviceTypes: NotRequired[Sequence[str] | Fragment | None]
    SupportedVirtualizationTypes: NotRequired[Sequence[str] | Fragment | None]
    BareMetal: NotRequired[bool | None]
    Hypervisor: NotRequired[str | None]
    ProcessorInfo: NotRequired[ProcessorInfo | Fragment | None]
    VCpuInfo: NotRequired[VCpuInfo | Fragment | None]
    MemoryInfo: NotRequired[MemoryInfo | Fragment | None]
    InstanceStorageSupported: NotRequired[bool | None]
    InstanceStorageInfo: NotRequired[InstanceStorageInfo | Fragment | None]
    EbsInfo: NotRequired[EbsInfo | Fragment | None]
    NetworkInfo: NotRequired[NetworkInfo | Fragment | None]
    GpuInfo: NotRequired[GpuInfo | Fragment | None]
    FpgaInfo: NotRequired[FpgaInfo | Fragment | None]
    PlacementGroupInfo: NotRequired[PlacementGroupInfo | Fragment | None]
    InferenceAcceleratorInfo: NotRequired[InferenceAcceleratorInfo | Fragment | None]
    HibernationSupported: NotRequired[bool | None]
    BurstablePerformanceSupported: NotRequired[bool | None]
    DedicatedHostsSupported: NotRequired[bool | None]
    AutoRecoverySupported: NotRequired[bool | None]
    SupportedBootModes: NotRequired[Sequence[str] | Fragment | None]
    NitroEnclavesSupport: NotRequired[str | None]
    NitroTpmSupport: NotRequired[str | None]
    NitroTpmInfo: NotRequired[NitroTpmInfo | Fragment | None]
    MediaAcceleratorInfo: NotRequired[MediaAcceleratorInfo | Fragment | None]
    NeuronInfo: NotRequired[NeuronInfo | Fragment | None]
    PhcSupport: NotRequired[str | None]
    RebootMigrationSupport: NotRequired[str | None]
    SupportedInRegion: NotRequired[bool | None]


class InstanceTypeInfoFromInstanceRequirements(TypedDict):
    InstanceType: NotRequired[str | None]


class InstanceTypeItem(TypedDict):
    InstanceType: NotRequired[str | None]


class InstanceTypeOffering(TypedDict):
    InstanceType: NotRequired[str | None]
    LocationType: NotRequired[str | None]
    Location: NotRequired[str | None]


class InstanceTypeSpecification(TypedDict):
    SupportedInstanceTypes: NotRequired[Sequence[InstanceTypeItem | Fragment] | Fragment | None]
    UnsupportedInstanceTypes: NotRequired[Sequence[InstanceTypeItem | Fragment] | Fragment | None]


class InstanceUsage(TypedDict):
    AccountId: NotRequired[str | None]
    UsedInstanceCount: NotRequired[int | None]


class InternetGateway(TypedDict):
    Attachments: NotRequired[Sequence[InternetGatewayAttachment | Fragment] | Fragment | None]
    InternetGatewayId: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class InternetGatewayAttachment(TypedDict):
    State: NotRequired[str | None]
    VpcId: NotRequired[str | None]


class InterruptibleCapacityAllocation(TypedDict):
    InstanceCount: NotRequired[int | None]
    TargetInstanceCount: NotRequired[int | None]
    Status: NotRequired[str | None]
    InterruptibleCapacityReservationId: NotRequired[str | None]
    InterruptionType: NotRequired[str | None]
    ZeroSizePreference: NotRequired[str | None]


class InterruptionInfo(TypedDict):
    SourceCapacityReservationId: NotRequired[str | None]
    InterruptionType: NotRequired[str | None]


class IpPermission(TypedDict):
    IpProtocol: NotRequired[str]
    FromPort: NotRequired[int]
    ToPort: NotRequired[int]
    UserIdGroupPairs: NotRequired[list[UserIdGroupPair]]
    IpRanges: NotRequired[list[IpRange]]
    Ipv6Ranges: NotRequired[list[Ipv6Range]]
    PrefixListIds: NotRequired[list[PrefixListId]]


class IpRange(TypedDict):
    Description: NotRequired[str]
    CidrIp: NotRequired[str]


class Ipam(TypedDict):
    OwnerId: NotRequired[str | None]
    IpamId: NotRequired[str | None]
    IpamArn: NotRequired[str | None]
    IpamRegion: NotRequired[str | None]
    PublicDefaultScopeId: NotRequired[str | None]
    PrivateDefaultScopeId: NotRequired[str | None]
    ScopeCount: NotRequired[int | None]
    Description: NotRequired[str | None]
    OperatingRegions: NotRequired[Sequence[IpamOperatingRegion | Fragment] | Fragment | None]
    State: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    DefaultResourceDiscoveryId: NotRequired[str | None]
    DefaultResourceDiscoveryAssociationId: NotRequired[str | None]
    ResourceDiscoveryAssociationCount: NotRequired[int | None]
    StateMessage: NotRequired[str | None]
    Tier: NotRequired[str | None]
    EnablePrivateGua: NotRequired[bool | None]
    MeteredAccount: NotRequired[str | None]


class IpamCidrAuthorizationContext(TypedDict):
    Message: NotRequired[str]
    Signature: NotRequired[str]


class IpamDiscoveredAccount(TypedDict):
    AccountId: NotRequired[str | None]
    DiscoveryRegion: NotRequired[str | None]
    FailureReason: NotRequired[IpamDiscoveryFailureReason | Fragment | None]
    LastAttemptedDiscoveryTime: NotRequired[datetime | float | None]
    LastSuccessfulDiscoveryTime: NotRequired[datetime | float | None]
    OrganizationalUnitId: NotRequired[str | None]


class IpamDiscoveredPublicAddress(TypedDict):
    IpamResourceDiscoveryId: NotRequired[str | None]
    AddressRegion: NotRequired[str | None]
    Address: NotRequired[str | None]
    AddressOwnerId: NotRequired[str | None]
    AddressAllocationId: NotRequired[str | None]
    AssociationStatus: NotRequired[str | None]
    AddressType: NotRequired[str | None]
    Service: NotRequired[str | None]
    ServiceResource: NotRequired[str | None]
    VpcId: NotRequired[str | None]
    SubnetId: NotRequired[str | None]
    PublicIpv4PoolId: NotRequired[str | None]
    NetworkInterfaceId: NotRequired[str | None]
    NetworkInterfaceDescription: NotRequired[str | None]
    InstanceId: NotRequired[str | None]
    Tags: NotRequired[IpamPublicAddressTags | Fragment | None]
    NetworkBorderGroup: NotRequired[str | None]
    SecurityGroups: NotRequired[
        Sequence[IpamPublicAddressSecurityGroup | Fragment] | Fragment | None
    ]
    SampleTime: NotRequired[datetime | float | None]


class IpamDiscoveredResourceCidr(TypedDict):
    IpamResourceDiscoveryId: NotRequired[str | None]
    ResourceRegion: NotRequired[str | None]
    ResourceId: NotRequired[str | None]
    ResourceOwnerId: NotRequired[str | None]
    ResourceCidr: NotRequired[str | None]
    IpSource: NotRequired[str | None]
    ResourceType: NotRequired[str | None]
    ResourceTags: NotRequired[Sequence[IpamResourceTag | Fragment] | Fragment | None]
    IpUsage: NotRequired[float | None]
    VpcId: NotRequired[str | None]
    SubnetId: NotRequired[str | None]
    NetworkInterfaceAttachmentStatus: NotRequired[str | None]
    SampleTime: NotRequired[datetime | float | None]
    AvailabilityZoneId: NotRequired[str | None]


class IpamDiscoveryFailureReason(TypedDict):
    Code: NotRequired[str | None]
    Message: NotRequired[str | None]


class IpamOperatingRegion(TypedDict):
    RegionName: NotRequired[str | None]


class IpamOrganizationalUnitExclusion(TypedDict):
    OrganizationsEntityPath: NotRequired[str | None]


class IpamPolicy(TypedDict):
    OwnerId: NotRequired[str | None]
    IpamPolicyId: NotRequired[str | None]
    IpamPolicyArn: NotRequired[str | None]
    IpamPolicyRegion: NotRequired[str | None]
    State: NotRequired[str | None]
    StateMessage: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    IpamId: NotRequired[str | None]


class IpamPolicyAllocationRule(TypedDict):
    SourceIpamPoolId: NotRequired[str | None]


class IpamPolicyAllocationRuleRequest(TypedDict):
    SourceIpamPoolId: NotRequired[str]


class IpamPolicyDocument(TypedDict):
    IpamPolicyId: NotRequired[str | None]
    Locale: NotRequired[str | None]
    ResourceType: NotRequired[str | None]
    AllocationRules: NotRequired[Sequence[IpamPolicyAllocationRule | Fragment] | Fragment | None]


class IpamPolicyOrganizationTarget(TypedDict):
    OrganizationTargetId: NotRequired[str | None]


class IpamPool(TypedDict):
    OwnerId: NotRequired[str | None]
    IpamPoolId: NotRequired[str | None]
    SourceIpamPoolId: NotRequired[str | None]
    IpamPoolArn: NotRequired[str | None]
    IpamScopeArn: NotRequired[str | None]
    IpamScopeType: NotRequired[str | None]
    IpamArn: NotRequired[str | None]
    IpamRegion: NotRequired[str | None]
    Locale: NotRequired[str | None]
    PoolDepth: NotRequired[int | None]
    State: NotRequired[str | None]
    StateMessage: NotRequired[str | None]
    Description: NotRequired[str | None]
    AutoImport: NotRequired[bool | None]
    PubliclyAdvertisable: NotRequired[bool | None]
    AddressFamily: NotRequired[str | None]
    AllocationMinNetmaskLength: NotRequired[int | None]
    AllocationMaxNetmaskLength: NotRequired[int | None]
    AllocationDefaultNetmaskLength: NotRequired[int | None]
    AllocationResourceTags: NotRequired[Sequence[IpamResourceTag | Fragment] | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    AwsService: NotRequired[str | None]
    PublicIpSource: NotRequired[str | None]
    SourceResource: NotRequired[IpamPoolSourceResource | Fragment | None]


class IpamPoolAllocation(TypedDict):
    Cidr: NotRequired[str | None]
    IpamPoolAllocationId: NotRequired[str | None]
    Description: NotRequired[str | None]
    ResourceId: NotRequired[str | None]
    ResourceType: NotRequired[str | None]
    ResourceRegion: NotRequired[str | None]
    ResourceOwner: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class IpamPoolCidr(TypedDict):
    Cidr: NotRequired[str | None]
    State: NotRequired[str | None]
    FailureReason: NotRequired[IpamPoolCidrFailureReason | Fragment | None]
    IpamPoolCidrId: NotRequired[str | None]
    NetmaskLength: NotRequired[int | None]


class IpamPoolCidrFailureReason(TypedDict):
    Code: NotRequired[str | None]
    Message: NotRequired[str | None]


class IpamPoolSourceResource(TypedDict):
    ResourceId: NotRequired[str | None]
    ResourceType: NotRequired[str | None]
    ResourceRegion: NotRequired[str | None]
    ResourceOwner: NotRequired[str | None]


class IpamPoolSourceResourceRequest(TypedDict):
    ResourceId: NotRequired[str]
    ResourceType: NotRequired[str]
    ResourceRegion: NotRequired[str]
    ResourceOwner: NotRequired[str]


class IpamPrefixListResolver(TypedDict):
    OwnerId: NotRequired[str | None]
    IpamPrefixListResolverId: NotRequired[str | None]
    IpamPrefixListResolverArn: NotRequired[str | None]
    IpamArn: NotRequired[str | None]
    IpamRegion: NotRequired[str | None]
    Description: NotRequired[str | None]
    AddressFamily: NotRequired[str | None]
    State: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    LastVersionCreationStatus: NotRequired[str | None]
    LastVersionCreationStatusMessage: NotRequired[str | None]


class IpamPrefixListResolverRule(TypedDict):
    RuleType: NotRequired[str | None]
    StaticCidr: NotRequired[str | None]
    IpamScopeId: NotRequired[str | None]
    ResourceType: NotRequired[str | None]
    Conditions: NotRequired[
        Sequence[IpamPrefixListResolverRuleCondition | Fragment] | Fragment | None
    ]


class IpamPrefixListResolverRuleCondition(TypedDict):
    Operation: NotRequired[str | None]
    IpamPoolId: NotRequired[str | None]
    ResourceId: NotRequired[str | None]
    ResourceOwner: NotRequired[str | None]
    ResourceRegion: NotRequired[str | None]
    ResourceTag: NotRequired[IpamResourceTag | Fragment | None]
    Cidr: NotRequired[str | None]


class IpamPrefixListResolverRuleConditionRequest(TypedDict):
    Operation: str
    IpamPoolId: NotRequired[str]
    ResourceId: NotRequired[str]
    ResourceOwner: NotRequired[str]
    ResourceRegion: NotRequired[str]
    ResourceTag: NotRequired[RequestIpamResourceTag]
    Cidr: NotRequired[str]


class IpamPrefixListResolverRuleRequest(TypedDict):
    RuleType: str
    StaticCidr: NotRequired[str]
    IpamScopeId: NotRequired[str]
    ResourceType: NotRequired[str]
    Conditions: NotRequired[list[IpamPrefixListResolverRuleConditionRequest]]


class IpamPrefixListResolverTarget(TypedDict):
    IpamPrefixListResolverTargetId: NotRequired[str | None]
    IpamPrefixListResolverTargetArn: NotRequired[str | None]
    IpamPrefixListResolverId: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    PrefixListId: NotRequired[str | None]
    PrefixListRegion: NotRequired[str | None]
    DesiredVersion: NotRequired[int | None]
    LastSyncedVersion: NotRequired[int | None]
    TrackLatestVersion: NotRequired[bool | None]
    StateMessage: NotRequired[str | None]
    State: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class IpamPrefixListResolverVersion(TypedDict):
    Version: NotRequired[int | None]


class IpamPrefixListResolverVersionEntry(TypedDict):
    Cidr: NotRequired[str | None]


class IpamPublicAddressSecurityGroup(TypedDict):
    GroupName: NotRequired[str | None]
    GroupId: NotRequired[str | None]


class IpamPublicAddressTag(TypedDict):
    Key: NotRequired[str | None]
    Value: NotRequired[str | None]


class IpamPublicAddressTags(TypedDict):
    EipTags: NotRequired[Sequence[IpamPublicAddressTag | Fragment] | Fragment | None]


class IpamResourceCidr(TypedDict):
    IpamId: NotRequired[str | None]
    IpamScopeId: NotRequired[str | None]
    IpamPoolId: NotRequired[str | None]
    ResourceRegion: NotRequired[str | None]
    ResourceOwnerId: NotRequired[str | None]
    ResourceId: NotRequired[str | None]
    ResourceName: NotRequired[str | None]
    ResourceCidr: NotRequired[str | None]
    ResourceType: NotRequired[str | None]
    ResourceTags: NotRequired[Sequence[IpamResourceTag | Fragment] | Fragment | None]
    IpUsage: NotRequired[float | None]
    ComplianceStatus: NotRequired[str | None]
    ManagementState: NotRequired[str | None]
    OverlapStatus: NotRequired[str | None]
    VpcId: NotRequired[str | None]
    AvailabilityZoneId: NotRequired[str | None]


class IpamResourceDiscovery(TypedDict):
    OwnerId: NotRequired[str | None]
    IpamResourceDiscoveryId: NotRequired[str | None]
    IpamResourceDiscoveryArn: NotRequired[str | None]
    IpamResourceDiscoveryRegion: NotRequired[str | None]
    Description: NotRequired[str | None]
    OperatingRegions: NotRequired[Sequence[IpamOperatingRegion | Fragment] | Fragment | None]
    IsDefault: NotRequired[bool | None]
    State: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    OrganizationalUnitExclusions: NotRequired[
        Sequence[IpamOrganizationalUnitExclusion | Fragment] | Fragment | None
    ]


class IpamResourceDiscoveryAssociation(TypedDict):
    OwnerId: NotRequired[str | None]
    IpamResourceDiscoveryAssociationId: NotRequired[str | None]
    IpamResourceDiscoveryAssociationArn: NotRequired[str | None]
    IpamResourceDiscoveryId: NotRequired[str | None]
    IpamId: NotRequired[str | None]
    IpamArn: NotRequired[str | None]
    IpamRegion: NotRequired[str | None]
    IsDefault: NotRequired[bool | None]
    ResourceDiscoveryStatus: NotRequired[str | None]
    State: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class IpamResourceTag(TypedDict):
    Key: NotRequired[str | None]
    Value: NotRequired[str | None]


class IpamScope(TypedDict):
    OwnerId: NotRequired[str | None]
    IpamScopeId: NotRequired[str | None]
    IpamScopeArn: NotRequired[str | None]
    IpamArn: NotRequired[str | None]
    IpamRegion: NotRequired[str | None]
    IpamScopeType: NotRequired[str | None]
    IsDefault: NotRequired[bool | None]
    Description: NotRequired[str | None]
    PoolCount: NotRequired[int | None]
    State: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    ExternalAuthorityConfiguration: NotRequired[
        IpamScopeExternalAuthorityConfiguration | Fragment | None
    ]


class IpamScopeExternalAuthorityConfiguration(TypedDict):
    Type: NotRequired[str | None]
    ExternalResourceIdentifier: NotRequired[str | None]


class Ipv4PrefixSpecification(TypedDict):
    Ipv4Prefix: NotRequired[str | None]


class Ipv4PrefixSpecificationRequest(TypedDict):
    Ipv4Prefix: NotRequired[str]


class Ipv4PrefixSpecificationResponse(TypedDict):
    Ipv4Prefix: NotRequired[str | None]


class Ipv6CidrBlock(TypedDict):
    Ipv6CidrBlock: NotRequired[str | None]


class Ipv6PrefixSpecification(TypedDict):
    Ipv6Prefix: NotRequired[str | None]


class Ipv6PrefixSpecificationRequest(TypedDict):
    Ipv6Prefix: NotRequired[str]


class Ipv6PrefixSpecificationResponse(TypedDict):
    Ipv6Prefix: NotRequired[str | None]


class Ipv6Range(TypedDict):
    Description: NotRequired[str]
    CidrIpv6: NotRequired[str]


class KeyPair(TypedDict):
    KeyPairId: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    KeyName: NotRequired[str | None]
    KeyFingerprint: NotRequired[str | None]
    KeyMaterial: NotRequired[str | None]


class KeyPairInfo(TypedDict):
    KeyPairId: NotRequired[str | None]
    KeyType: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    PublicKey: NotRequired[str | None]
    CreateTime: NotRequired[datetime | float | None]
    KeyName: NotRequired[str | None]
    KeyFingerprint: NotRequired[str | None]


class LastError(TypedDict):
    Message: NotRequired[str | None]
    Code: NotRequired[str | None]


class LaunchPermission(TypedDict):
    OrganizationArn: NotRequired[str]
    OrganizationalUnitArn: NotRequired[str]
    UserId: NotRequired[str]
    Group: NotRequired[str]


class LaunchPermissionModifications(TypedDict):
    Add: NotRequired[list[LaunchPermission]]
    Remove: NotRequired[list[LaunchPermission]]


class LaunchTemplate(TypedDict):
    LaunchTemplateId: NotRequired[str | None]
    LaunchTemplateName: NotRequired[str | None]
    CreateTime: NotRequired[datetime | float | None]
    CreatedBy: NotRequired[str | None]
    DefaultVersionNumber: NotRequired[int | None]
    LatestVersionNumber: NotRequired[int | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    Operator: NotRequired[OperatorResponse | Fragment | None]


class LaunchTemplateBlockDeviceMapping(TypedDict):
    DeviceName: NotRequired[str | None]
    VirtualName: NotRequired[str | None]
    Ebs: NotRequired[LaunchTemplateEbsBlockDevice | Fragment | None]
    NoDevice: NotRequired[str | None]


class LaunchTemplateBlockDeviceMappingRequest(TypedDict):
    DeviceName: NotRequired[str]
    VirtualName: NotRequired[str]
    Ebs: NotRequired[LaunchTemplateEbsBlockDeviceRequest]
    NoDevice: NotRequired[str]


class LaunchTemplateCapacityReservationSpecificationRequest(TypedDict):
    CapacityReservationPreference: NotRequired[str]
    CapacityReservationTarget: NotRequired[CapacityReservationTarget]


class LaunchTemplateCapacityReservationSpecificationResponse(TypedDict):
    CapacityReservationPreference: NotRequired[str | None]
    CapacityReservationTarget: NotRequired[CapacityReservationTargetResponse | Fragment | None]


class LaunchTemplateCpuOptions(TypedDict):
    CoreCount: NotRequired[int | None]
    ThreadsPerCore: NotRequired[int | None]
    AmdSevSnp: NotRequired[str | None]
    NestedVirtualization: NotRequired[str | None]


class LaunchTemplateCpuOptionsRequest(TypedDict):
    CoreCount: NotRequired[int]
    ThreadsPerCore: NotRequired[int]
    AmdSevSnp: NotRequired[str]
    NestedVirtualization: NotRequired[str]


class LaunchTemplateEbsBlockDevice(TypedDict):
    Encrypted: NotRequired[bool | None]
    DeleteOnTermination: NotRequired[bool | None]
    Iops: NotRequired[int | None]
    KmsKeyId: NotRequired[str | None]
    SnapshotId: NotRequired[str | None]
    VolumeSize: NotRequired[int | None]
    VolumeType: NotRequired[str | None]
    Throughput: NotRequired[int | None]
    VolumeInitializationRate: NotRequired[int | None]
    EbsCardIndex: NotRequired[int | None]


class LaunchTemplateEbsBlockDeviceRequest(TypedDict):
    Encrypted: NotRequired[bool]
    DeleteOnTermination: NotRequired[bool]
    Iops: NotRequired[int]
    KmsKeyId: NotRequired[str]
    SnapshotId: NotRequired[str]
    VolumeSize: NotRequired[int]
    VolumeType: NotRequired[str]
    Throughput: NotRequired[int]
    VolumeInitializationRate: NotRequired[int]
    EbsCardIndex: NotRequired[int]


class LaunchTemplateElasticInferenceAccelerator(TypedDict):
    Type: str
    Count: NotRequired[int]


class LaunchTemplateElasticInferenceAcceleratorResponse(TypedDict):
    Type: NotRequired[str | None]
    Count: NotRequired[int | None]


class LaunchTemplateEnaSrdSpecification(TypedDict):
    EnaSrdEnabled: NotRequired[bool | None]
    EnaSrdUdpSpecification: NotRequired[LaunchTemplateEnaSrdUdpSpecification | Fragment | None]


class LaunchTemplateEnaSrdUdpSpecification(TypedDict):
    EnaSrdUdpEnabled: NotRequired[bool | None]


class LaunchTemplateEnclaveOptions(TypedDict):
    Enabled: NotRequired[bool | None]


class LaunchTemplateEnclaveOptionsRequest(TypedDict):
    Enabled: NotRequired[bool]


class LaunchTemplateHibernationOptions(TypedDict):
    Configured: NotRequired[bool | None]


class LaunchTemplateHibernationOptionsRequest(TypedDict):
    Configured: NotRequired[bool]


class LaunchTemplateIamInstanceProfileSpecification(TypedDict):
    Arn: NotRequired[str | None]
    Name: NotRequired[str | None]


class LaunchTemplateIamInstanceProfileSpecificationRequest(TypedDict):
    Arn: NotRequired[str]
    Name: NotRequired[str]


class LaunchTemplateInstanceMaintenanceOptions(TypedDict):
    AutoRecovery: NotRequired[str | None]


class LaunchTemplateInstanceMaintenanceOptionsRequest(TypedDict):
    AutoRecovery: NotRequired[str]


class LaunchTemplateInstanceMarketOptions(TypedDict):
    MarketType: NotRequired[str | None]
    SpotOptions: NotRequired[LaunchTemplateSpotMarketOptions | Fragment | None]


class LaunchTemplateInstanceMarketOptionsRequest(TypedDict):
    MarketType: NotRequired[str]
    SpotOptions: NotRequired[LaunchTemplateSpotMarketOptionsRequest]


class LaunchTemplateInstanceMetadataOptions(TypedDict):
    State: NotRequired[str | None]
    HttpTokens: NotRequired[str | None]
    HttpPutResponseHopLimit: NotRequired[int | None]
    HttpEndpoint: NotRequired[str | None]
    HttpProtocolIpv6: NotRequired[str | None]
    InstanceMetadataTags: NotRequired[str | None]


class LaunchTemplateInstanceMetadataOptionsRequest(TypedDict):
    HttpTokens: NotRequired[str]
    HttpPutResponseHopLimit: NotRequired[int]
    HttpEndpoint: NotRequired[str]
    HttpProtocolIpv6: NotRequired[str]
    InstanceMetadataTags: NotRequired[str]


class LaunchTemplateInstanceNetworkInterfaceSpecification(TypedDict):
    AssociateCarrierIpAddress: NotRequired[bool | None]
    AssociatePublicIpAddress: NotRequired[bool | None]
    DeleteOnTermination: NotRequired[bool | None]
    Description: NotRequired[str | None]
    DeviceIndex: NotRequired[int | None]
    Groups: NotRequired[Sequence[str] | Fragment | None]
    InterfaceType: NotRequired[str | None]
    Ipv6AddressCount: NotRequired[int | None]
    Ipv6Addresses: NotRequired[Sequence[InstanceIpv6Address | Fragment] | Fragment | None]
    NetworkInterfaceId: NotRequired[str | None]
    PrivateIpAddress: NotRequired[str | None]
    PrivateIpAddresses: NotRequired[
        Sequence[PrivateIpAddressSpecification | Fragment] | Fragment | None
    ]
    SecondaryPrivateIpAddressCount: NotRequired[int | None]
    SubnetId: NotRequired[str | None]
    NetworkCardIndex: NotRequired[int | None]
    Ipv4Prefixes: NotRequired[
        Sequence[Ipv4PrefixSpecificationResponse | Fragment] | Fragment | None
    ]
    Ipv4PrefixCount: NotRequired[int | None]
    Ipv6Prefixes: NotRequired[
        Sequence[Ipv6PrefixSpecificationResponse | Fragment] | Fragment | None
    ]
    Ipv6PrefixCount: NotRequired[int | None]
    PrimaryIpv6: NotRequired[bool | None]
    EnaSrdSpecification: NotRequired[LaunchTemplateEnaSrdSpecification | Fragment | None]
    ConnectionTrackingSpecification: NotRequired[ConnectionTrackingSpecification | Fragment | None]
    EnaQueueCount: NotRequired[int | None]


class LaunchTemplateInstanceNetworkInterfaceSpecificationRequest(TypedDict):
    AssociateCarrierIpAddress: NotRequired[bool]
    AssociatePublicIpAddress: NotRequired[bool]
    DeleteOnTermination: NotRequired[bool]
    Description: NotRequired[str]
    DeviceIndex: NotRequired[int]
    Groups: NotRequired[list[str]]
    InterfaceType: NotRequired[str]
    Ipv6AddressCount: NotRequired[int]
    Ipv6Addresses: NotRequired[list[InstanceIpv6AddressRequest]]
    NetworkInterfaceId: NotRequired[str]
    PrivateIpAddress: NotRequired[str]
    PrivateIpAddresses: NotRequired[list[PrivateIpAddressSpecification]]
    SecondaryPrivateIpAddressCount: NotRequired[int]
    SubnetId: NotRequired[str]
    NetworkCardIndex: NotRequired[int]
    Ipv4Prefixes: NotRequired[list[Ipv4PrefixSpecificationRequest]]
    Ipv4PrefixCount: NotRequired[int]
    Ipv6Prefixes: NotRequired[list[Ipv6PrefixSpecificationRequest]]
    Ipv6PrefixCount: NotRequired[int]
    PrimaryIpv6: NotRequired[bool]
    EnaSrdSpecification: NotRequired[EnaSrdSpecificationRequest]
    ConnectionTrackingSpecification: NotRequired[ConnectionTrackingSpecificationRequest]
    EnaQueueCount: NotRequired[int]


class LaunchTemplateInstanceSecondaryInterfaceSpecification(TypedDict):
    DeleteOnTermination: NotRequired[bool | None]
    DeviceIndex: NotRequired[int | None]
    PrivateIpAddresses: NotRequired[
        Sequence[SecondaryInterfacePrivateIpAddressSpecification | Fragment] | Fragment | None
    ]
    PrivateIpAddressCount: NotRequired[int | None]
    SecondarySubnetId: NotRequired[str | None]
    InterfaceType: NotRequired[str | None]
    NetworkCardIndex: NotRequired[int | None]


class LaunchTemplateInstanceSecondaryInterfaceSpecificationRequest(TypedDict):
    DeleteOnTermination: NotRequired[bool]
    DeviceIndex: NotRequired[int]
    PrivateIpAddresses: NotRequired[list[SecondaryInterfacePrivateIpAddressSpecificationRequest]]
    PrivateIpAddressCount: NotRequired[int]
    SecondarySubnetId: NotRequired[str]
    InterfaceType: NotRequired[str]
    NetworkCardIndex: NotRequired[int]


class LaunchTemplateLicenseConfiguration(TypedDict):
    LicenseConfigurationArn: NotRequired[str | None]


class LaunchTemplateLicenseConfigurationRequest(TypedDict):
    LicenseConfigurationArn: NotRequired[str]


class LaunchTemplateNetworkPerformanceOptions(TypedDict):
    BandwidthWeighting: NotRequired[str | None]


class LaunchTemplateNetworkPerformanceOptionsRequest(TypedDict):
    BandwidthWeighting: NotRequired[str]


class LaunchTemplatePlacement(TypedDict):
    AvailabilityZone: NotRequired[str | None]
    AvailabilityZoneId: NotRequired[str | None]
    Affinity: NotRequired[str | None]
    GroupName: NotRequired[str | None]
    HostId: NotRequired[str | None]
    Tenancy: NotRequired[str | None]
    SpreadDomain: NotRequired[str | None]
    HostResourceGroupArn: NotRequired[str | None]
    PartitionNumber: NotRequired[int | None]
    GroupId: NotRequired[str | None]


class LaunchTemplatePlacementRequest(TypedDict):
    AvailabilityZone: NotRequired[str]
    AvailabilityZoneId: NotRequired[str]
    Affinity: NotRequired[str]
    GroupName: NotRequired[str]
    HostId: NotRequired[str]
    Tenancy: NotRequired[str]
    SpreadDomain: NotRequired[str]
    HostResourceGroupArn: NotRequired[str]
    PartitionNumber: NotRequired[int]
    GroupId: NotRequired[str]


class LaunchTemplatePrivateDnsNameOptions(TypedDict):
    HostnameType: NotRequired[str | None]
    EnableResourceNameDnsARecord: NotRequired[bool | None]
    EnableResourceNameDnsAAAARecord: NotRequired[bool | None]


class LaunchTemplatePrivateDnsNameOptionsRequest(TypedDict):
    HostnameType: NotRequired[str]
    EnableResourceNameDnsARecord: NotRequired[bool]
    EnableResourceNameDnsAAAARecord: NotRequired[bool]


class LaunchTemplateSpecification(TypedDict):
    LaunchTemplateId: NotRequired[str]
    LaunchTemplateName: NotRequired[str]
    Version: NotRequired[str]


class LaunchTemplateSpotMarketOptions(TypedDict):
    MaxPrice: NotRequired[str | None]
    SpotInstanceType: NotRequired[str | None]
    BlockDurationMinutes: NotRequired[int | None]
    ValidUntil: NotRequired[datetime | float | None]
    InstanceInterruptionBehavior: NotRequired[str | None]


class LaunchTemplateSpotMarketOptionsRequest(TypedDict):
    MaxPrice: NotRequired[str]
    SpotInstanceType: NotRequired[str]
    BlockDurationMinutes: NotRequired[int]
    ValidUntil: NotRequired[datetime]
    InstanceInterruptionBehavior: NotRequired[str]


class LaunchTemplateTagSpecification(TypedDict):
    ResourceType: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class LaunchTemplateTagSpecificationRequest(TypedDict):
    ResourceType: NotRequired[str]
    Tags: NotRequired[list[Tag]]


class LaunchTemplateVersion(TypedDict):
    LaunchTemplateId: NotRequired[str | None]
    LaunchTemplateName: NotRequired[str | None]
    VersionNumber: NotRequired[int | None]
    VersionDescription: NotRequired[str | None]
    CreateTime: NotRequired[datetime | float | None]
    CreatedBy: NotRequired[str | None]
    DefaultVersion: NotRequired[bool | None]
    LaunchTemplateData: NotRequired[ResponseLaunchTemplateData | Fragment | None]
    Operator: NotRequired[OperatorResponse | Fragment | None]


class LaunchTemplatesMonitoring(TypedDict):
    Enabled: NotRequired[bool | None]
    MetricCategoryIds: NotRequired[Sequence[str] | Fragment | None]


class LaunchTemplatesMonitoringRequest(TypedDict):
    Enabled: NotRequired[bool]
    MetricCategoryIds: NotRequired[list[str]]


class LicenseConfiguration(TypedDict):
    LicenseConfigurationArn: NotRequired[str | None]


class LicenseConfigurationRequest(TypedDict):
    LicenseConfigurationArn: NotRequired[str]


class ListImagesInRecycleBinRequest(TypedDict):
    ImageIds: NotRequired[list[str]]
    NextToken: NotRequired[str]
    MaxResults: NotRequired[int]
    DryRun: NotRequired[bool]


class ListImagesInRecycleBinResult(TypedDict):
    Images: NotRequired[Sequence[ImageRecycleBinInfo | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class ListSnapshotsInRecycleBinRequest(TypedDict):
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]
    SnapshotIds: NotRequired[list[str]]
    DryRun: NotRequired[bool]


class ListSnapshotsInRecycleBinResult(TypedDict):
    Snapshots: NotRequired[Sequence[SnapshotRecycleBinInfo | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class ListVolumesInRecycleBinRequest(TypedDict):
    VolumeIds: NotRequired[list[str]]
    DryRun: NotRequired[bool]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class ListVolumesInRecycleBinResult(TypedDict):
    Volumes: NotRequired[Sequence[VolumeRecycleBinInfo | Fragment] | Fragment | None]
    NextToken: NotRequired[str | None]


class LockSnapshotRequest(TypedDict):
    SnapshotId: str
    DryRun: NotRequired[bool]
    LockMode: str
    CoolOffPeriod: NotRequired[int]
    LockDuration: NotRequired[int]
    ExpirationDate: NotRequired[datetime]


class LockSnapshotResult(TypedDict):
    SnapshotId: NotRequired[str | None]
    LockState: NotRequired[str | None]
    LockDuration: NotRequired[int | None]
    CoolOffPeriod: NotRequired[int | None]
    CoolOffPeriodExpiresOn: NotRequired[datetime | float | None]
    LockCreatedOn: NotRequired[datetime | float | None]
    LockExpiresOn: NotRequired[datetime | float | None]
    LockDurationStartTime: NotRequired[datetime | float | None]


class LockedSnapshotsInfo(TypedDict):
    OwnerId: NotRequired[str | None]
    SnapshotId: NotRequired[str | None]
    LockState: NotRequired[str | None]
    LockDuration: NotRequired[int | None]
    CoolOffPeriod: NotRequired[int | None]
    CoolOffPeriodExpiresOn: NotRequired[datetime | float | None]
    LockCreatedOn: NotRequired[datetime | float | None]
    LockDurationStartTime: NotRequired[datetime | float | None]
    LockExpiresOn: NotRequired[datetime | float | None]


class ManagedPrefixList(TypedDict):
    PrefixListId: NotRequired[str | None]
    AddressFamily: NotRequired[str | None]
    State: NotRequired[str | None]
    StateMessage: NotRequired[str | None]
    PrefixListArn: NotRequired[str | None]
    PrefixListName: NotRequired[str | None]
    MaxEntries: NotRequired[int | None]
    Version: NotRequired[int | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    OwnerId: NotRequired[str | None]
    IpamPrefixListResolverTargetId: NotRequired[str | None]
    IpamPrefixListResolverSyncEnabled: NotRequired[bool | None]


class MediaAcceleratorInfo(TypedDict):
    Accelerators: NotRequired[Sequence[MediaDeviceInfo | Fragment] | Fragment | None]
    TotalMediaMemoryInMiB: NotRequired[int | None]


class MediaDeviceInfo(TypedDict):
    Count: NotRequired[int | None]
    Name: NotRequired[str | None]
    Manufacturer: NotRequired[str | None]
    MemoryInfo: NotRequired[MediaDeviceMemoryInfo | Fragment | None]


class MediaDeviceMemoryInfo(TypedDict):
    SizeInMiB: NotRequired[int | None]


class MemoryGiBPerVCpu(TypedDict):
    Min: NotRequired[float | None]
    Max: NotRequired[float | None]


class MemoryGiBPerVCpuRequest(TypedDict):
    Min: NotRequired[float]
    Max: NotRequired[float]


class MemoryInfo(TypedDict):
    SizeInMiB: NotRequired[int | None]


class MemoryMiB(TypedDict):
    Min: NotRequired[int | None]
    Max: NotRequired[int | None]


class MemoryMiBRequest(TypedDict):
    Min: int
    Max: NotRequired[int]


class ModifyCapacityReservationFleetRequest(TypedDict):
    CapacityReservationFleetId: str
    TotalTargetCapacity: NotRequired[int]
    EndDate: NotRequired[datetime]
    DryRun: NotRequired[bool]
    RemoveEndDate: NotRequired[bool]


class ModifyCapacityReservationFleetResult(TypedDict):
    Return: NotRequired[bool | None]


class ModifyCapacityReservationRequest(TypedDict):
    CapacityReservationId: str
    InstanceCount: NotRequired[int]
    EndDate: NotRequired[datetime]
    EndDateType: NotRequired[str]
    Accept: NotRequired[bool]
    DryRun: NotRequired[bool]
    AdditionalInfo: NotRequired[str]
    InstanceMatchCriteria: NotRequired[str]
    AcceptModificationTerms: NotRequired[bool]
    StartDate: NotRequired[datetime]
    QuoteId: NotRequired[str]


class ModifyCapacityReservationResult(TypedDict):
    Return: NotRequired[bool | None]
    AdjustmentStatus: NotRequired[str | None]
    AdjustmentDetails: NotRequired[CapacityReservationAdjustmentDetails | Fragment | None]


class ModifyDefaultCreditSpecificationRequest(TypedDict):
    DryRun: NotRequired[bool]
    InstanceFamily: str
    CpuCredits: str


class ModifyDefaultCreditSpecificationResult(TypedDict):
    InstanceFamilyCreditSpecification: NotRequired[
        InstanceFamilyCreditSpecification | Fragment | None
    ]


class ModifyEbsDefaultKmsKeyIdRequest(TypedDict):
    KmsKeyId: str
    DryRun: NotRequired[bool]


class ModifyEbsDefaultKmsKeyIdResult(TypedDict):
    KmsKeyId: NotRequired[str | None]


class ModifyHostsRequest(TypedDict):
    HostRecovery: NotRequired[str]
    InstanceType: NotRequired[str]
    InstanceFamily: NotRequired[str]
    HostMaintenance: NotRequired[str]
    HostIds: list[str]
    AutoPlacement: NotRequired[str]


class ModifyHostsResult(TypedDict):
    Successful: NotRequired[Sequence[str] | Fragment | None]
    Unsuccessful: NotRequired[Sequence[UnsuccessfulItem | Fragment] | Fragment | None]


class ModifyIdFormatRequest(TypedDict):
    Resource: str
    UseLongIds: bool


class ModifyIdentityIdFormatRequest(TypedDict):
    Resource: str
    UseLongIds: bool
    PrincipalArn: str


class ModifyImageAttributeRequest(TypedDict):
    Attribute: NotRequired[str]
    Description: NotRequired[AttributeValue]
    ImageId: str
    LaunchPermission: NotRequired[LaunchPermissionModifications]
    OperationType: NotRequired[str]
    ProductCodes: NotRequired[list[str]]
    UserGroups: NotRequired[list[str]]
    UserIds: NotRequired[list[str]]
    Value: NotRequired[str]
    OrganizationArns: NotRequired[list[str]]
    OrganizationalUnitArns: NotRequired[list[str]]
    ImdsSupport: NotRequired[AttributeValue]
    DryRun: NotRequired[bool]


class ModifyInstanceAttributeRequest(TypedDict):
    SourceDestCheck: NotRequired[AttributeBooleanValue]
    EnclaveOptions: NotRequired[EnclaveOptionsRequest]
    DisableApiStop: NotRequired[AttributeBooleanValue]
    DryRun: NotRequired[bool]
    InstanceId: str
    Attribute: NotRequired[str]
    Value: NotRequired[str]
    BlockDeviceMappings: NotRequired[list[InstanceBlockDeviceMappingSpecification]]
    DisableApiTermination: NotRequired[AttributeBooleanValue]
    InstanceType: NotRequired[AttributeValue]
    Kernel: NotRequired[AttributeValue]
    Ramdisk: NotRequired[AttributeValue]
    UserData: NotRequired[SecureBlobAttributeValue]
    InstanceInitiatedShutdownBehavior: NotRequired[AttributeValue]
    Groups: NotRequired[list[str]]
    EbsOptimized: NotRequired[AttributeBooleanValue]
    SriovNetSupport: NotRequired[AttributeValue]
    EnaSupport: NotRequired[AttributeBooleanValue]


class ModifyInstanceCapacityReservationAttributesRequest(TypedDict):
    InstanceId: str
    CapacityReservationSpecification: CapacityReservationSpecification
    DryRun: NotRequired[bool]


class ModifyInstanceCapacityReservationAttributesResult(TypedDict):
    Return: NotRequired[bool | None]


class ModifyInstanceConnectEndpointRequest(TypedDict):
    DryRun: NotRequired[bool]
    InstanceConnectEndpointId: str
    IpAddressType: NotRequired[str]
    SecurityGroupIds: NotRequired[list[str]]
    PreserveClientIp: NotRequired[bool]


class ModifyInstanceConnectEndpointResult(TypedDict):
    Return: NotRequired[bool | None]


class ModifyInstanceCpuOptionsRequest(TypedDict):
    InstanceId: str
    CoreCount: NotRequired[int]
    ThreadsPerCore: NotRequired[int]
    NestedVirtualization: NotRequired[str]
    DryRun: NotRequired[bool]


class ModifyInstanceCpuOptionsResult(TypedDict):
    InstanceId: NotRequired[str | None]
    CoreCount: NotRequired[int | None]
    ThreadsPerCore: NotRequired[int | None]
    NestedVirtualization: NotRequired[str | None]


class ModifyInstanceCreditSpecificationRequest(TypedDict):
    DryRun: NotRequired[bool]
    ClientToken: NotRequired[str]
    InstanceCreditSpecifications: list[InstanceCreditSpecificationRequest]


class ModifyInstanceCreditSpecificationResult(TypedDict):
    SuccessfulInstanceCreditSpecifications: NotRequired[
        Sequence[SuccessfulInstanceCreditSpecificationItem | Fragment] | Fragment | None
    ]
    UnsuccessfulInstanceCreditSpecifications: NotRequired[
        Sequence[UnsuccessfulInstanceCreditSpecificationItem | Fragment] | Fragment | None
    ]


class ModifyInstanceEventStartTimeRequest(TypedDict):
    DryRun: NotRequired[bool]
    InstanceId: str
    InstanceEventId: str
    NotBefore: datetime


class ModifyInstanceEventStartTimeResult(TypedDict):
    Event: NotRequired[InstanceStatusEvent | Fragment | None]


class ModifyInstanceEventWindowRequest(TypedDict):
    DryRun: NotRequired[bool]
    Name: NotRequired[str]
    InstanceEventWindowId: str
    TimeRanges: NotRequired[list[InstanceEventWindowTimeRangeRequest]]
    CronExpression: NotRequired[str]


class ModifyInstanceEventWindowResult(TypedDict):
    InstanceEventWindow: NotRequired[InstanceEventWindow | Fragment | None]


class ModifyInstanceMaintenanceOptionsRequest(TypedDict):
    InstanceId: str
    AutoRecovery: NotRequired[str]
    RebootMigration: NotRequired[str]
    DryRun: NotRequired[bool]


class ModifyInstanceMaintenanceOptionsResult(TypedDict):
    InstanceId: NotRequired[str | None]
    AutoRecovery: NotRequired[str | None]
    RebootMigration: NotRequired[str | None]


class ModifyInstanceMetadataDefaultsRequest(TypedDict):
    HttpTokens: NotRequired[str]
    HttpPutResponseHopLimit: NotRequired[int]
    HttpEndpoint: NotRequired[str]
    InstanceMetadataTags: NotRequired[str]
    DryRun: NotRequired[bool]
    HttpTokensEnforced: NotRequired[str]


class ModifyInstanceMetadataDefaultsResult(TypedDict):
    Return: NotRequired[bool | None]


class ModifyInstanceMetadataOptionsRequest(TypedDict):
    InstanceId: str
    HttpTokens: NotRequired[str]
    HttpPutResponseHopLimit: NotRequired[int]
    HttpEndpoint: NotRequired[str]
    DryRun: NotRequired[bool]
    HttpProtocolIpv6: NotRequired[str]
    InstanceMetadataTags: NotRequired[str]


class ModifyInstanceMetadataOptionsResult(TypedDict):
    InstanceId: NotRequired[str | None]
    InstanceMetadataOptions: NotRequired[InstanceMetadataOptionsResponse | Fragment | None]


class ModifyInstancePlacementRequest(TypedDict):
    GroupName: NotRequired[str]
    PartitionNumber: NotRequired[int]
    HostResourceGroupArn: NotRequired[str]
    GroupId: NotRequired[str]
    InstanceId: str
    Tenancy: NotRequired[str]
    Affinity: NotRequired[str]
    HostId: NotRequired[str]


class ModifyInstancePlacementResult(TypedDict):
    Return: NotRequired[bool | None]


class ModifyIpamPolicyAllocationRulesRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPolicyId: str
    Locale: str
    ResourceType: str
    AllocationRules: NotRequired[list[IpamPolicyAllocationRuleRequest]]


class ModifyIpamPolicyAllocationRulesResult(TypedDict):
    IpamPolicyDocument: NotRequired[IpamPolicyDocument | Fragment | None]


class ModifyIpamPoolAllocationRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPoolAllocationId: str
    Description: NotRequired[str]


class ModifyIpamPoolAllocationResult(TypedDict):
    IpamPoolAllocation: NotRequired[IpamPoolAllocation | Fragment | None]


class ModifyIpamPoolRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPoolId: str
    Description: NotRequired[str]
    AutoImport: NotRequired[bool]
    AllocationMinNetmaskLength: NotRequired[int]
    AllocationMaxNetmaskLength: NotRequired[int]
    AllocationDefaultNetmaskLength: NotRequired[int]
    ClearAllocationDefaultNetmaskLength: NotRequired[bool]
    AddAllocationResourceTags: NotRequired[list[RequestIpamResourceTag]]
    RemoveAllocationResourceTags: NotRequired[list[RequestIpamResourceTag]]


class ModifyIpamPoolResult(TypedDict):
    IpamPool: NotRequired[IpamPool | Fragment | None]


class ModifyIpamPrefixListResolverRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPrefixListResolverId: str
    Description: NotRequired[str]
    Rules: NotRequired[list[IpamPrefixListResolverRuleRequest]]


class ModifyIpamPrefixListResolverResult(TypedDict):
    IpamPrefixListResolver: NotRequired[IpamPrefixListResolver | Fragment | None]


class ModifyIpamPrefixListResolverTargetRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPrefixListResolverTargetId: str
    DesiredVersion: NotRequired[int]
    TrackLatestVersion: NotRequired[bool]
    ClientToken: NotRequired[str]


class ModifyIpamPrefixListResolverTargetResult(TypedDict):
    IpamPrefixListResolverTarget: NotRequired[IpamPrefixListResolverTarget | Fragment | None]


class ModifyIpamRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamId: str
    Description: NotRequired[str]
    AddOperatingRegions: NotRequired[list[AddIpamOperatingRegion]]
    RemoveOperatingRegions: NotRequired[list[RemoveIpamOperatingRegion]]
    Tier: NotRequired[str]
    EnablePrivateGua: NotRequired[bool]
    MeteredAccount: NotRequired[str]


class ModifyIpamResourceCidrRequest(TypedDict):
    DryRun: NotRequired[bool]
    ResourceId: str
    ResourceCidr: str
    ResourceRegion: str
    CurrentIpamScopeId: str
    DestinationIpamScopeId: NotRequired[str]
    Monitored: bool


class ModifyIpamResourceCidrResult(TypedDict):
    IpamResourceCidr: NotRequired[IpamResourceCidr | Fragment | None]


class ModifyIpamResourceDiscoveryRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamResourceDiscoveryId: str
    Description: NotRequired[str]
    AddOperatingRegions: NotRequired[list[AddIpamOperatingRegion]]
    RemoveOperatingRegions: NotRequired[list[RemoveIpamOperatingRegion]]
    AddOrganizationalUnitExclusions: NotRequired[list[AddIpamOrganizationalUnitExclusion]]
    RemoveOrganizationalUnitExclusions: NotRequired[list[RemoveIpamOrganizationalUnitExclusion]]


class ModifyIpamResourceDiscoveryResult(TypedDict):
    IpamResourceDiscovery: NotRequired[IpamResourceDiscovery | Fragment | None]


class ModifyIpamResult(TypedDict):
    Ipam: NotRequired[Ipam | Fragment | None]


class ModifyIpamScopeRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamScopeId: str
    Description: NotRequired[str]
    ExternalAuthorityConfiguration: NotRequired[ExternalAuthorityConfiguration]
    RemoveExternalAuthorityConfiguration: NotRequired[bool]


class ModifyIpamScopeResult(TypedDict):
    IpamScope: NotRequired[IpamScope | Fragment | None]


class ModifyLaunchTemplateRequest(TypedDict):
    DryRun: NotRequired[bool]
    ClientToken: NotRequired[str]
    LaunchTemplateId: NotRequired[str]
    LaunchTemplateName: NotRequired[str]
    DefaultVersion: NotRequired[str]


class ModifyLaunchTemplateResult(TypedDict):
    LaunchTemplate: NotRequired[LaunchTemplate | Fragment | None]


class ModifyManagedPrefixListRequest(TypedDict):
    DryRun: NotRequired[bool]
    PrefixListId: str
    CurrentVersion: NotRequired[int]
    PrefixListName: NotRequired[str]
    AddEntries: NotRequired[list[AddPrefixListEntry]]
    RemoveEntries: NotRequired[list[RemovePrefixListEntry]]
    MaxEntries: NotRequired[int]
    IpamPrefixListResolverSyncEnabled: NotRequired[bool]


class ModifyManagedPrefixListResult(TypedDict):
    PrefixList: NotRequired[ManagedPrefixList | Fragment | None]


class ModifyNetworkInterfaceAttributeRequest(TypedDict):
    EnaSrdSpecification: NotRequired[EnaSrdSpecification]
    EnablePrimaryIpv6: NotRequired[bool]
    ConnectionTrackingSpecification: NotRequired[ConnectionTrackingSpecificationRequest]
    AssociatePublicIpAddress: NotRequired[bool]
    AssociatedSubnetIds: NotRequired[list[str]]
    DryRun: NotRequired[bool]
    NetworkInterfaceId: str
    Description: NotRequired[AttributeValue]
    SourceDestCheck: NotRequired[AttributeBooleanValue]
    Groups: NotRequired[list[str]]
    Attachment: NotRequired[NetworkInterfaceAttachmentChanges]


class ModifyPrivateDnsNameOptionsRequest(TypedDict):
    DryRun: NotRequired[bool]
    InstanceId: str
    PrivateDnsHostnameType: NotRequired[str]
    EnableResourceNameDnsARecord: NotRequired[bool]
    EnableResourceNameDnsAAAARecord: NotRequired[bool]


class ModifyPrivateDnsNameOptionsResult(TypedDict):
    Return: NotRequired[bool | None]


class ModifySecurityGroupRulesRequest(TypedDict):
    GroupId: str
    SecurityGroupRules: list[SecurityGroupRuleUpdate]
    DryRun: NotRequired[bool]


class ModifySecurityGroupRulesResult(TypedDict):
    Return: NotRequired[bool | None]


class ModifySnapshotAttributeRequest(TypedDict):
    Attribute: NotRequired[str]
    CreateVolumePermission: NotRequired[CreateVolumePermissionModifications]
    GroupNames: NotRequired[list[str]]
    OperationType: NotRequired[str]
    SnapshotId: str
    UserIds: NotRequired[list[str]]
    DryRun: NotRequired[bool]


class ModifySubnetAttributeRequest(TypedDict):
    AssignIpv6AddressOnCreation: NotRequired[AttributeBooleanValue]
    MapPublicIpOnLaunch: NotRequired[AttributeBooleanValue]
    SubnetId: str
    MapCustomerOwnedIpOnLaunch: NotRequired[AttributeBooleanValue]
    CustomerOwnedIpv4Pool: NotRequired[str]
    EnableDns64: NotRequired[AttributeBooleanValue]
    PrivateDnsHostnameTypeOnLaunch: NotRequired[str]
    EnableResourceNameDnsARecordOnLaunch: NotRequired[AttributeBooleanValue]
    EnableResourceNameDnsAAAARecordOnLaunch: NotRequired[AttributeBooleanValue]
    EnableLniAtDeviceIndex: NotRequired[int]
    DisableLniAtDeviceIndex: NotRequired[AttributeBooleanValue]


class ModifyTrafficMirrorFilterNetworkServicesRequest(TypedDict):
    TrafficMirrorFilterId: str
    AddNetworkServices: NotRequired[list[str]]
    RemoveNetworkServices: NotRequired[list[str]]
    DryRun: NotRequired[bool]


class ModifyTrafficMirrorFilterNetworkServicesResult(TypedDict):
    TrafficMirrorFilter: NotRequired[TrafficMirrorFilter | Fragment | None]


class ModifyTrafficMirrorFilterRuleRequest(TypedDict):
    TrafficMirrorFilterRuleId: str
    TrafficDirection: NotRequired[str]
    RuleNumber: NotRequired[int]
    RuleAction: NotRequired[str]
    DestinationPortRange: NotRequired[TrafficMirrorPortRangeRequest]
    SourcePortRange: NotRequired[TrafficMirrorPortRangeRequest]
    Protocol: NotRequired[int]
    DestinationCidrBlock: NotRequired[str]
    SourceCidrBlock: NotRequired[str]
    Description: NotRequired[str]
    RemoveFields: NotRequired[list[str]]
    DryRun: NotRequired[bool]


class ModifyTrafficMirrorFilterRuleResult(TypedDict):
    TrafficMirrorFilterRule: NotRequired[TrafficMirrorFilterRule | Fragment | None]


class ModifyTrafficMirrorSessionRequest(TypedDict):
    TrafficMirrorSessionId: str
    TrafficMirrorTargetId: NotRequired[str]
    TrafficMirrorFilterId: NotRequired[str]
    PacketLength: NotRequired[int]
    SessionNumber: NotRequired[int]
    VirtualNetworkId: NotRequired[int]
    Description: NotRequired[str]
    RemoveFields: NotRequired[list[str]]
    DryRun: NotRequired[bool]


class ModifyTrafficMirrorSessionResult(TypedDict):
    TrafficMirrorSession: NotRequired[TrafficMirrorSession | Fragment | None]


class ModifyTransitGatewayOptions(TypedDict):
    AddTransitGatewayCidrBlocks: NotRequired[list[str]]
    RemoveTransitGatewayCidrBlocks: NotRequired[list[str]]
    VpnEcmpSupport: NotRequired[str]
    DnsSupport: NotRequired[str]
    SecurityGroupReferencingSupport: NotRequired[str]
    AutoAcceptSharedAttachments: NotRequired[str]
    DefaultRouteTableAssociation: NotRequired[str]
    AssociationDefaultRouteTableId: NotRequired[str]
    DefaultRouteTablePropagation: NotRequired[str]
    PropagationDefaultRouteTableId: NotRequired[str]
    AmazonSideAsn: NotRequired[int]
    EncryptionSupport: NotRequired[str]


class ModifyTransitGatewayPrefixListReferenceRequest(TypedDict):
    TransitGatewayRouteTableId: str
    PrefixListId: str
    TransitGatewayAttachmentId: NotRequired[str]
    Blackhole: NotRequired[bool]
    DryRun: NotRequired[bool]


class ModifyTransitGatewayPrefixListReferenceResult(TypedDict):
    TransitGatewayPrefixListReference: NotRequired[
        TransitGatewayPrefixListReference | Fragment | None
    ]


class ModifyTransitGatewayRequest(TypedDict):
    TransitGatewayId: str
    Description: NotRequired[str]
    Options: NotRequired[ModifyTransitGatewayOptions]
    DryRun: NotRequired[bool]


class ModifyTransitGatewayResult(TypedDict):
    TransitGateway: NotRequired[TransitGateway | Fragment | None]


class ModifyTransitGatewayVpcAttachmentRequest(TypedDict):
    TransitGatewayAttachmentId: str
    AddSubnetIds: NotRequired[list[str]]
    RemoveSubnetIds: NotRequired[list[str]]
    Options: NotRequired[ModifyTransitGatewayVpcAttachmentRequestOptions]
    DryRun: NotRequired[bool]


class ModifyTransitGatewayVpcAttachmentRequestOptions(TypedDict):
    DnsSupport: NotRequired[str]
    SecurityGroupReferencingSupport: NotRequired[str]
    Ipv6Support: NotRequired[str]
    ApplianceModeSupport: NotRequired[str]


class ModifyTransitGatewayVpcAttachmentResult(TypedDict):
    TransitGatewayVpcAttachment: NotRequired[TransitGatewayVpcAttachment | Fragment | None]


class ModifyVolumeAttributeRequest(TypedDict):
    AutoEnableIO: NotRequired[AttributeBooleanValue]
    VolumeId: str
    DryRun: NotRequired[bool]


class ModifyVolumeRequest(TypedDict):
    DryRun: NotRequired[bool]
    VolumeId: str
    Size: NotRequired[int]
    VolumeType: NotRequired[str]
    Iops: NotRequired[int]
    Throughput: NotRequired[int]
    MultiAttachEnabled: NotRequired[bool]


class ModifyVolumeResult(TypedDict):
    VolumeModification: NotRequired[VolumeModification | Fragment | None]


class ModifyVpcAttributeRequest(TypedDict):
    EnableDnsHostnames: NotRequired[AttributeBooleanValue]
    EnableDnsSupport: NotRequired[AttributeBooleanValue]
    VpcId: str
    EnableNetworkAddressUsageMetrics: NotRequired[AttributeBooleanValue]


class ModifyVpcBlockPublicAccessExclusionRequest(TypedDict):
    DryRun: NotRequired[bool]
    ExclusionId: str
    InternetGatewayExclusionMode: str


class ModifyVpcBlockPublicAccessExclusionResult(TypedDict):
    VpcBlockPublicAccessExclusion: NotRequired[VpcBlockPublicAccessExclusion | Fragment | None]


class ModifyVpcBlockPublicAccessOptionsRequest(TypedDict):
    DryRun: NotRequired[bool]
    InternetGatewayBlockMode: str


class ModifyVpcBlockPublicAccessOptionsResult(TypedDict):
    VpcBlockPublicAccessOptions: NotRequired[VpcBlockPublicAccessOptions | Fragment | None]


class ModifyVpcEndpointRequest(TypedDict):
    DryRun: NotRequired[bool]
    VpcEndpointId: str
    ResetPolicy: NotRequired[bool]
    PolicyDocument: NotRequired[str]
    AddRouteTableIds: NotRequired[list[str]]
    RemoveRouteTableIds: NotRequired[list[str]]
    AddSubnetIds: NotRequired[list[str]]
    RemoveSubnetIds: NotRequired[list[str]]
    AddSecurityGroupIds: NotRequired[list[str]]
    RemoveSecurityGroupIds: NotRequired[list[str]]
    IpAddressType: NotRequired[str]
    DnsOptions: NotRequired[DnsOptionsSpecification]
    PrivateDnsEnabled: NotRequired[bool]
    SubnetConfigurations: NotRequired[list[SubnetConfiguration]]


class ModifyVpcEndpointResult(TypedDict):
    Return: NotRequired[bool | None]


class ModifyVpcPeeringConnectionOptionsRequest(TypedDict):
    AccepterPeeringConnectionOptions: NotRequired[PeeringConnectionOptionsRequest]
    DryRun: NotRequired[bool]
    RequesterPeeringConnectionOptions: NotRequired[PeeringConnectionOptionsRequest]
    VpcPeeringConnectionId: str


class ModifyVpcPeeringConnectionOptionsResult(TypedDict):
    AccepterPeeringConnectionOptions: NotRequired[PeeringConnectionOptions | Fragment | None]
    RequesterPeeringConnectionOptions: NotRequired[PeeringConnectionOptions | Fragment | None]


class ModifyVpcTenancyRequest(TypedDict):
    VpcId: str
    InstanceTenancy: str
    DryRun: NotRequired[bool]


class ModifyVpcTenancyResult(TypedDict):
    ReturnValue: NotRequired[bool | None]


class Monitoring(TypedDict):
    MetricCategoryIds: NotRequired[Sequence[str] | Fragment | None]
    State: NotRequired[str | None]


class MoveCapacityReservationInstancesRequest(TypedDict):
    DryRun: NotRequired[bool]
    ClientToken: NotRequired[str]
    SourceCapacityReservationId: str
    DestinationCapacityReservationId: str
    InstanceCount: int


class MoveCapacityReservationInstancesResult(TypedDict):
    SourceCapacityReservation: NotRequired[CapacityReservation | Fragment | None]
    DestinationCapacityReservation: NotRequired[CapacityReservation | Fragment | None]
    InstanceCount: NotRequired[int | None]


class MovingAddressStatus(TypedDict):
    MoveStatus: NotRequired[str | None]
    PublicIp: NotRequired[str | None]


class NatGateway(TypedDict):
    CreateTime: NotRequired[datetime | float | None]
    DeleteTime: NotRequired[datetime | float | None]
    FailureCode: NotRequired[str | None]
    FailureMessage: NotRequired[str | None]
    NatGatewayAddresses: NotRequired[Sequence[NatGatewayAddress | Fragment] | Fragment | None]
    NatGatewayId: NotRequired[str | None]
    ProvisionedBandwidth: NotRequired[ProvisionedBandwidth | Fragment | None]
    State: NotRequired[str | None]
    SubnetId: NotRequired[str | None]
    VpcId: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    ConnectivityType: NotRequired[str | None]
    AvailabilityMode: NotRequired[str | None]
    AutoScalingIps: NotRequired[str | None]
    AutoProvisionZones: NotRequired[str | None]
    AttachedAppliances: NotRequired[
        Sequence[NatGatewayAttachedAppliance | Fragment] | Fragment | None
    ]
    RouteTableId: NotRequired[str | None]


class NatGatewayAddress(TypedDict):
    AllocationId: NotRequired[str | None]
    NetworkInterfaceId: NotRequired[str | None]
    PrivateIp: NotRequired[str | None]
    PublicIp: NotRequired[str | None]
    AssociationId: NotRequired[str | None]
    IsPrimary: NotRequired[bool | None]
    FailureMessage: NotRequired[str | None]
    Status: NotRequired[str | None]
    AvailabilityZone: NotRequired[str | None]
    AvailabilityZoneId: NotRequired[str | None]


class NatGatewayAttachedAppliance(TypedDict):
    Type: NotRequired[str | None]
    ApplianceArn: NotRequired[str | None]
    VpcEndpointId: NotRequired[str | None]
    AttachmentState: NotRequired[str | None]
    ModificationState: NotRequired[str | None]
    FailureCode: NotRequired[str | None]
    FailureMessage: NotRequired[str | None]


class NetworkAcl(TypedDict):
    Associations: NotRequired[Sequence[NetworkAclAssociation | Fragment] | Fragment | None]
    Entries: NotRequired[Sequence[NetworkAclEntry | Fragment] | Fragment | None]
    IsDefault: NotRequired[bool | None]
    NetworkAclId: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    VpcId: NotRequired[str | None]
    OwnerId: NotRequired[str | None]


class NetworkAclAssociation(TypedDict):
    NetworkAclAssociationId: NotRequired[str | None]
    NetworkAclId: NotRequired[str | None]
    SubnetId: NotRequired[str | None]


class NetworkAclEntry(TypedDict):
    CidrBlock: NotRequired[str | None]
    Egress: NotRequired[bool | None]
    IcmpTypeCode: NotRequired[IcmpTypeCode | Fragment | None]
    Ipv6CidrBlock: NotRequired[str | None]
    PortRange: NotRequired[PortRange | Fragment | None]
    Protocol: NotRequired[str | None]
    RuleAction: NotRequired[str | None]
    RuleNumber: NotRequired[int | None]


class NetworkBandwidthGbps(TypedDict):
    Min: NotRequired[float | None]
    Max: NotRequired[float | None]


class NetworkBandwidthGbpsRequest(TypedDict):
    Min: NotRequired[float]
    Max: NotRequired[float]


class NetworkCardInfo(TypedDict):
    NetworkCardIndex: NotRequired[int | None]
    NetworkPerformance: NotRequired[str | None]
    MaximumNetworkInterfaces: NotRequired[int | None]
    AdditionalFlexibleNetworkInterfaces: NotRequired[int | None]
    BaselineBandwidthInGbps: NotRequired[float | None]
    PeakBandwidthInGbps: NotRequired[float | None]
    DefaultEnaQueueCountPerInterface: NotRequired[int | None]
    MaximumEnaQueueCount: NotRequired[int | None]
    MaximumEnaQueueCountPerInterface: NotRequired[int | None]
    InterfaceTypes: NotRequired[Sequence[str] | Fragment | None]


class NetworkInfo(TypedDict):
    NetworkPerformance: NotRequired[str | None]
    MaximumNetworkInterfaces: NotRequired[int | None]
    MaximumNetworkCards: NotRequired[int | None]
    DefaultNetworkCardIndex: NotRequired[int | None]
    NetworkCards: NotRequired[Sequence[NetworkCardInfo | Fragment] | Fragment | None]
    Ipv4AddressesPerInterface: NotRequired[int | None]
    Ipv6AddressesPerInterface: NotRequired[int | None]
    Ipv6Supported: NotRequired[bool | None]
    EnaSupport: NotRequired[str | None]
    EfaSupported: NotRequired[bool | None]
    EfaInfo: NotRequired[EfaInfo | Fragment | None]
    EncryptionInTransitSupported: NotRequired[bool | None]
    EnaSrdSupported: NotRequired[bool | None]
    BandwidthWeightings: NotRequired[Sequence[str] | Fragment | None]
    FlexibleEnaQueuesSupport: NotRequired[str | None]
    ConnectionTrackingConfiguration: NotRequired[
        DefaultConnectionTrackingConfiguration | Fragment | None
    ]
    SecondaryNetworkSupported: NotRequired[bool | None]
    MaximumSecondaryNetworkInterfaces: NotRequired[int | None]
    Ipv4AddressesPerSecondaryInterface: NotRequired[int | None]


class NetworkInsightsAccessScope(TypedDict):
    NetworkInsightsAccessScopeId: NotRequired[str | None]
    NetworkInsightsAccessScopeArn: NotRequired[str | None]
    CreatedDate: NotRequired[datetime | float | None]
    UpdatedDate: NotRequired[datetime | float | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class NetworkInsightsAccessScopeAnalysis(TypedDict):
    NetworkInsightsAccessScopeAnalysisId: NotRequired[str | None]
    NetworkInsightsAccessScopeAnalysisArn: NotRequired[str | None]
    NetworkInsightsAccessScopeId: NotRequired[str | None]
    Status: NotRequired[str | None]
    StatusMessage: NotRequired[str | None]
    WarningMessage: NotRequired[str | None]
    StartDate: NotRequired[datetime | float | None]
    EndDate: NotRequired[datetime | float | None]
    FindingsFound: NotRequired[str | None]
    AnalyzedEniCount: NotRequired[int | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class NetworkInsightsAccessScopeContent(TypedDict):
    NetworkInsightsAccessScopeId: NotRequired[str | None]
    MatchPaths: NotRequired[Sequence[AccessScopePath | Fragment] | Fragment | None]
    ExcludePaths: NotRequired[Sequence[AccessScopePath | Fragment] | Fragment | None]


class NetworkInsightsAnalysis(TypedDict):
    NetworkInsightsAnalysisId: NotRequired[str | None]
    NetworkInsightsAnalysisArn: NotRequired[str | None]
    NetworkInsightsPathId: NotRequired[str | None]
    AdditionalAccounts: NotRequired[Sequence[str] | Fragment | None]
    FilterInArns: NotRequired[Sequence[str] | Fragment | None]
    FilterOutArns: NotRequired[Sequence[str] | Fragment | None]
    StartDate: NotRequired[datetime | float | None]
    Status: NotRequired[str | None]
    StatusMessage: NotRequired[str | None]
    WarningMessage: NotRequired[str | None]
    NetworkPathFound: NotRequired[bool | None]
    ForwardPathComponents: NotRequired[Sequence[PathComponent | Fragment] | Fragment | None]
    ReturnPathComponents: NotRequired[Sequence[PathComponent | Fragment] | Fragment | None]
    Explanations: NotRequired[Sequence[Explanation | Fragment] | Fragment | None]
    AlternatePathHints: NotRequired[Sequence[AlternatePathHint | Fragment] | Fragment | None]
    SuggestedAccounts: NotRequired[Sequence[str] | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class NetworkInsightsPath(TypedDict):
    NetworkInsightsPathId: NotRequired[str | None]
    NetworkInsightsPathArn: NotRequired[str | None]
    CreatedDate: NotRequired[datetime | float | None]
    Source: NotRequired[str | None]
    Destination: NotRequired[str | None]
    SourceArn: NotRequired[str | None]
    DestinationArn: NotRequired[str | None]
    SourceIp: NotRequired[str | None]
    DestinationIp: NotRequired[str | None]
    Protocol: NotRequired[str | None]
    DestinationPort: NotRequired[int | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    FilterAtSource: NotRequired[PathFilter | Fragment | None]
    FilterAtDestination: NotRequired[PathFilter | Fragment | None]


class NetworkInterface(TypedDict):
    Association: NotRequired[NetworkInterfaceAssociation | Fragment | None]
    Attachment: NotRequired[NetworkInterfaceAttachment | Fragment | None]
    AvailabilityZone: NotRequired[str | None]
    ConnectionTrackingConfiguration: NotRequired[ConnectionTrackingConfiguration | Fragment | None]
    Description: NotRequired[str | None]
    Groups: NotRequired[Sequence[GroupIdentifier | Fragment] | Fragment | None]
    InterfaceType: NotRequired[str | None]
    Ipv6Addresses: NotRequired[Sequence[NetworkInterfaceIpv6Address | Fragment] | Fragment | None]
    MacAddress: NotRequired[str | None]
    NetworkInterfaceId: NotRequired[str | None]
    OutpostArn: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    PrivateDnsName: NotRequired[str | None]
    PublicDnsName: NotRequired[str | None]
    PublicIpDnsNameOptions: NotRequired[PublicIpDnsNameOptions | Fragment | None]
    PrivateIpAddress: NotRequired[str | None]
    PrivateIpAddresses: NotRequired[
        Sequence[NetworkInterfacePrivateIpAddress | Fragment] | Fragment | None
    ]
    Ipv4Prefixes: NotRequired[Sequence[Ipv4PrefixSpecification | Fragment] | Fragment | None]
    Ipv6Prefixes: NotRequired[Sequence[Ipv6PrefixSpecification | Fragment] | Fragment | None]
    RequesterId: NotRequired[str | None]
    RequesterManaged: NotRequired[bool | None]
    SourceDestCheck: NotRequired[bool | None]
    Status: NotRequired[str | None]
    SubnetId: NotRequired[str | None]
    TagSet: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    VpcId: NotRequired[str | None]
    DenyAllIgwTraffic: NotRequired[bool | None]
    Ipv6Native: NotRequired[bool | None]
    Ipv6Address: NotRequired[str | None]
    Operator: NotRequired[OperatorResponse | Fragment | None]
    AssociatedSubnets: NotRequired[Sequence[str] | Fragment | None]
    AvailabilityZoneId: NotRequired[str | None]


class NetworkInterfaceAssociation(TypedDict):
    AllocationId: NotRequired[str | None]
    AssociationId: NotRequired[str | None]
    IpOwnerId: NotRequired[str | None]
    PublicDnsName: NotRequired[str | None]
    PublicIp: NotRequired[str | None]
    CustomerOwnedIp: NotRequired[str | None]
    CarrierIp: NotRequired[str | None]


class NetworkInterfaceAttachment(TypedDict):
    AttachTime: NotRequired[datetime | float | None]
    AttachmentId: NotRequired[str | None]
    DeleteOnTermination: NotRequired[bool | None]
    DeviceIndex: NotRequired[int | None]
    NetworkCardIndex: NotRequired[int | None]
    InstanceId: NotRequired[str | None]
    InstanceOwnerId: NotRequired[str | None]
    Status: NotRequired[str | None]
    EnaSrdSpecification: NotRequired[AttachmentEnaSrdSpecification | Fragment | None]
    EnaQueueCount: NotRequired[int | None]


class NetworkInterfaceAttachmentChanges(TypedDict):
    DefaultEnaQueueCount: NotRequired[bool]
    EnaQueueCount: NotRequired[int]
    AttachmentId: NotRequired[str]
    DeleteOnTermination: NotRequired[bool]


class NetworkInterfaceCount(TypedDict):
    Min: NotRequired[int | None]
    Max: NotRequired[int | None]


class NetworkInterfaceCountRequest(TypedDict):
    Min: NotRequired[int]
    Max: NotRequired[int]


class NetworkInterfaceIpv6Address(TypedDict):
    Ipv6Address: NotRequired[str | None]
    PublicIpv6DnsName: NotRequired[str | None]
    IsPrimaryIpv6: NotRequired[bool | None]


class NetworkInterfacePermission(TypedDict):
    NetworkInterfacePermissionId: NotRequired[str | None]
    NetworkInterfaceId: NotRequired[str | None]
    AwsAccountId: NotRequired[str | None]
    AwsService: NotRequired[str | None]
    Permission: NotRequired[str | None]
    PermissionState: NotRequired[NetworkInterfacePermissionState | Fragment | None]


class NetworkInterfacePermissionState(TypedDict):
    State: NotRequired[str | None]
    StatusMessage: NotRequired[str | None]


class NetworkInterfacePrivateIpAddress(TypedDict):
    Association: NotRequired[NetworkInterfaceAssociation | Fragment | None]
    Primary: NotRequired[bool | None]
    PrivateDnsName: NotRequired[str | None]
    PrivateIpAddress: NotRequired[str | None]


class NeuronDeviceCoreInfo(TypedDict):
    Count: NotRequired[int | None]
    Version: NotRequired[int | None]


class NeuronDeviceInfo(TypedDict):
    Count: NotRequired[int | None]
    Name: NotRequired[str | None]
    CoreInfo: NotRequired[NeuronDeviceCoreInfo | Fragment | None]
    MemoryInfo: NotRequired[NeuronDeviceMemoryInfo | Fragment | None]


class NeuronDeviceMemoryInfo(TypedDict):
    SizeInMiB: NotRequired[int | None]


class NeuronInfo(TypedDict):
    NeuronDevices: NotRequired[Sequence[NeuronDeviceInfo | Fragment] | Fragment | None]
    TotalNeuronDeviceMemoryInMiB: NotRequired[int | None]


class NewDhcpConfiguration(TypedDict):
    Key: NotRequired[str]
    Values: NotRequired[list[str]]


class NitroTpmInfo(TypedDict):
    SupportedVersions: NotRequired[Sequence[str] | Fragment | None]


class OperatorRequest(TypedDict):
    Principal: NotRequired[str]


class OperatorResponse(TypedDict):
    Managed: NotRequired[bool | None]
    Principal: NotRequired[str | None]
    HiddenByDefault: NotRequired[bool | None]


class PacketHeaderStatement(TypedDict):
    SourceAddresses: NotRequired[Sequence[str] | Fragment | None]
    DestinationAddresses: NotRequired[Sequence[str] | Fragment | None]
    SourcePorts: NotRequired[Sequence[str] | Fragment | None]
    DestinationPorts: NotRequired[Sequence[str] | Fragment | None]
    SourcePrefixLists: NotRequired[Sequence[str] | Fragment | None]
    DestinationPrefixLists: NotRequired[Sequence[str] | Fragment | None]
    Protocols: NotRequired[Sequence[str] | Fragment | None]


class PacketHeaderStatementRequest(TypedDict):
    SourceAddresses: NotRequired[list[str]]
    DestinationAddresses: NotRequired[list[str]]
    SourcePorts: NotRequired[list[str]]
    DestinationPorts: NotRequired[list[str]]
    SourcePrefixLists: NotRequired[list[str]]
    DestinationPrefixLists: NotRequired[list[str]]
    Protocols: NotRequired[list[str]]


class PathComponent(TypedDict):
    SequenceNumber: NotRequired[int | None]
    AclRule: NotRequired[AnalysisAclRule | Fragment | None]
    AttachedTo: NotRequired[AnalysisComponent | Fragment | None]
    Component: NotRequired[AnalysisComponent | Fragment | None]
    DestinationVpc: NotRequired[AnalysisComponent | Fragment | None]
    OutboundHeader: NotRequired[AnalysisPacketHeader | Fragment | None]
    InboundHeader: NotRequired[AnalysisPacketHeader | Fragment | None]
    RouteTableRoute: NotRequired[AnalysisRouteTableRoute | Fragment | None]
    SecurityGroupRule: NotRequired[AnalysisSecurityGroupRule | Fragment | None]
    SourceVpc: NotRequired[AnalysisComponent | Fragment | None]
    Subnet: NotRequired[AnalysisComponent | Fragment | None]
    Vpc: NotRequired[AnalysisComponent | Fragment | None]
    AdditionalDetails: NotRequired[Sequence[AdditionalDetail | Fragment] | Fragment | None]
    TransitGateway: NotRequired[AnalysisComponent | Fragment | None]
    TransitGatewayRouteTableRoute: NotRequired[TransitGatewayRouteTableRoute | Fragment | None]
    TransitGatewayPolicyTableEntry: NotRequired[
        AnalysisTransitGatewayPolicyTableEntry | Fragment | None
    ]
    Explanations: NotRequired[Sequence[Explanation | Fragment] | Fragment | None]
    ElasticLoadBalancerListener: NotRequired[AnalysisComponent | Fragment | None]
    FirewallStatelessRule: NotRequired[FirewallStatelessRule | Fragment | None]
    FirewallStatefulRule: NotRequired[FirewallStatefulRule | Fragment | None]
    ServiceName: NotRequired[str | None]


class PathFilter(TypedDict):
    SourceAddress: NotRequired[str | None]
    SourcePortRange: NotRequired[FilterPortRange | Fragment | None]
    DestinationAddress: NotRequired[str | None]
    DestinationPortRange: NotRequired[FilterPortRange | Fragment | None]


class PathRequestFilter(TypedDict):
    SourceAddress: NotRequired[str]
    SourcePortRange: NotRequired[RequestFilterPortRange]
    DestinationAddress: NotRequired[str]
    DestinationPortRange: NotRequired[RequestFilterPortRange]


class PathStatement(TypedDict):
    PacketHeaderStatement: NotRequired[PacketHeaderStatement | Fragment | None]
    ResourceStatement: NotRequired[ResourceStatement | Fragment | None]


class PathStatementRequest(TypedDict):
    PacketHeaderStatement: NotRequired[PacketHeaderStatementRequest]
    ResourceStatement: NotRequired[ResourceStatementRequest]


class PayerResponsibilityEntry(TypedDict):
    Scope: NotRequired[str | None]
    PayerResponsibilityType: NotRequired[str | None]


class PeeringAttachmentStatus(TypedDict):
    Code: NotRequired[str | None]
    Message: NotRequired[str | None]


class PeeringConnectionOptions(TypedDict):
    AllowDnsResolutionFromRemoteVpc: NotRequired[bool | None]
    AllowEgressFromLocalClassicLinkToRemoteVpc: NotRequired[bool | None]
    AllowEgressFromLocalVpcToRemoteClassicLink: NotRequired[bool | None]
    AllowMultipathResilience: NotRequired[bool | None]
    MultipathResilienceMode: NotRequired[str | None]


class PeeringConnectionOptionsRequest(TypedDict):
    AllowDnsResolutionFromRemoteVpc: NotRequired[bool]
    AllowEgressFromLocalClassicLinkToRemoteVpc: NotRequired[bool]
    AllowEgressFromLocalVpcToRemoteClassicLink: NotRequired[bool]
    AllowMultipathResilience: NotRequired[bool]
    MultipathResilienceMode: NotRequired[str]


class PeeringTgwInfo(TypedDict):
    TransitGatewayId: NotRequired[str | None]
    CoreNetworkId: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    Region: NotRequired[str | None]


class PerformanceFactorReference(TypedDict):
    InstanceFamily: NotRequired[str | None]


class PerformanceFactorReferenceRequest(TypedDict):
    InstanceFamily: NotRequired[str]


class PerformanceStatusSummary(TypedDict):
    Status: NotRequired[str | None]
    ImpairedSince: NotRequired[datetime | float | None]
    Remediation: NotRequired[str | None]


class Placement(TypedDict):
    AvailabilityZoneId: NotRequired[str]
    Affinity: NotRequired[str]
    GroupName: NotRequired[str]
    PartitionNumber: NotRequired[int]
    HostId: NotRequired[str]
    Tenancy: NotRequired[str]
    SpreadDomain: NotRequired[str]
    HostResourceGroupArn: NotRequired[str]
    GroupId: NotRequired[str]
    AvailabilityZone: NotRequired[str]


class PlacementGroup(TypedDict):
    GroupName: NotRequired[str | None]
    State: NotRequired[str | None]
    Strategy: NotRequired[str | None]
    PartitionCount: NotRequired[int | None]
    GroupId: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    GroupArn: NotRequired[str | None]
    SpreadLevel: NotRequired[str | None]
    LinkedGroupId: NotRequired[str | None]
    Operator: NotRequired[OperatorResponse | Fragment | None]
    ParentGroupId: NotRequired[str | None]


class PlacementGroupInfo(TypedDict):
    SupportedStrategies: NotRequired[Sequence[str] | Fragment | None]


class PortRange(TypedDict):
    From: NotRequired[int]
    To: NotRequired[int]


class PrefixList(TypedDict):
    Cidrs: NotRequired[Sequence[str] | Fragment | None]
    PrefixListId: NotRequired[str | None]
    PrefixListName: NotRequired[str | None]


class PrefixListAssociation(TypedDict):
    ResourceId: NotRequired[str | None]
    ResourceOwner: NotRequired[str | None]


class PrefixListEntry(TypedDict):
    Cidr: NotRequired[str | None]
    Description: NotRequired[str | None]


class PrefixListId(TypedDict):
    Description: NotRequired[str]
    PrefixListId: NotRequired[str]


class PrincipalIdFormat(TypedDict):
    Arn: NotRequired[str | None]
    Statuses: NotRequired[Sequence[IdFormat | Fragment] | Fragment | None]


class PrivateDnsDetails(TypedDict):
    PrivateDnsName: NotRequired[str | None]


class PrivateDnsNameOptionsOnLaunch(TypedDict):
    HostnameType: NotRequired[str | None]
    EnableResourceNameDnsARecord: NotRequired[bool | None]
    EnableResourceNameDnsAAAARecord: NotRequired[bool | None]


class PrivateDnsNameOptionsRequest(TypedDict):
    HostnameType: NotRequired[str]
    EnableResourceNameDnsARecord: NotRequired[bool]
    EnableResourceNameDnsAAAARecord: NotRequired[bool]


class PrivateDnsNameOptionsResponse(TypedDict):
    HostnameType: NotRequired[str | None]
    EnableResourceNameDnsARecord: NotRequired[bool | None]
    EnableResourceNameDnsAAAARecord: NotRequired[bool | None]


class PrivateIpAddressSpecification(TypedDict):
    Primary: NotRequired[bool]
    PrivateIpAddress: NotRequired[str]


class ProcessorInfo(TypedDict):
    SupportedArchitectures: NotRequired[Sequence[str] | Fragment | None]
    SustainedClockSpeedInGhz: NotRequired[float | None]
    SupportedFeatures: NotRequired[Sequence[str] | Fragment | None]
    Manufacturer: NotRequired[str | None]


class ProductCode(TypedDict):
    ProductCodeId: NotRequired[str | None]
    ProductCodeType: NotRequired[str | None]


class PropagatingVgw(TypedDict):
    GatewayId: NotRequired[str | None]


class ProvisionIpamPoolCidrRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPoolId: str
    Cidr: NotRequired[str]
    CidrAuthorizationContext: NotRequired[IpamCidrAuthorizationContext]
    NetmaskLength: NotRequired[int]
    ClientToken: NotRequired[str]
    VerificationMethod: NotRequired[str]
    IpamExternalResourceVerificationTokenId: NotRequired[str]


class ProvisionIpamPoolCidrResult(TypedDict):
    IpamPoolCidr: NotRequired[IpamPoolCidr | Fragment | None]


class ProvisionPublicIpv4PoolCidrRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPoolId: str
    PoolId: str
    NetmaskLength: int
    NetworkBorderGroup: NotRequired[str]


class ProvisionPublicIpv4PoolCidrResult(TypedDict):
    PoolId: NotRequired[str | None]
    PoolAddressRange: NotRequired[PublicIpv4PoolRange | Fragment | None]


class ProvisionedBandwidth(TypedDict):
    ProvisionTime: NotRequired[datetime | float | None]
    Provisioned: NotRequired[str | None]
    RequestTime: NotRequired[datetime | float | None]
    Requested: NotRequired[str | None]
    Status: NotRequired[str | None]


class PtrUpdateStatus(TypedDict):
    Value: NotRequired[str | None]
    Status: NotRequired[str | None]
    Reason: NotRequired[str | None]


class PublicIpDnsNameOptions(TypedDict):
    DnsHostnameType: NotRequired[str | None]
    PublicIpv4DnsName: NotRequired[str | None]
    PublicIpv6DnsName: NotRequired[str | None]
    PublicDualStackDnsName: NotRequired[str | None]


class PublicIpv4Pool(TypedDict):
    PoolId: NotRequired[str | None]
    Description: NotRequired[str | None]
    PoolAddressRanges: NotRequired[Sequence[PublicIpv4PoolRange | Fragment] | Fragment | None]
    TotalAddressCount: NotRequired[int | None]
    TotalAvailableAddressCount: NotRequired[int | None]
    NetworkBorderGroup: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class PublicIpv4PoolRange(TypedDict):
    FirstAddress: NotRequired[str | None]
    LastAddress: NotRequired[str | None]
    AddressCount: NotRequired[int | None]
    AvailableAddressCount: NotRequired[int | None]


class RebootInstancesRequest(TypedDict):
    InstanceIds: list[str]
    DryRun: NotRequired[bool]


class ReferencedSecurityGroup(TypedDict):
    GroupId: NotRequired[str | None]
    PeeringStatus: NotRequired[str | None]
    UserId: NotRequired[str | None]
    VpcId: NotRequired[str | None]
    VpcPeeringConnectionId: NotRequired[str | None]


class Region(TypedDict):
    OptInStatus: NotRequired[str | None]
    Geography: NotRequired[Sequence[RegionGeography | Fragment] | Fragment | None]
    RegionName: NotRequired[str | None]
    Endpoint: NotRequired[str | None]


class RegionGeography(TypedDict):
    Name: NotRequired[str | None]


class RegisterImageRequest(TypedDict):
    ImageLocation: NotRequired[str]
    BillingProducts: NotRequired[list[str]]
    BootMode: NotRequired[str]
    TpmSupport: NotRequired[str]
    UefiData: NotRequired[str]
    ImdsSupport: NotRequired[str]
    TagSpecifications: NotRequired[list[TagSpecification]]
    DryRun: NotRequired[bool]
    Name: str
    Description: NotRequired[str]
    Architecture: NotRequired[str]
    KernelId: NotRequired[str]
    RamdiskId: NotRequired[str]
    RootDeviceName: NotRequired[str]
    BlockDeviceMappings: NotRequired[list[BlockDeviceMapping]]
    VirtualizationType: NotRequired[str]
    SriovNetSupport: NotRequired[str]
    EnaSupport: NotRequired[bool]


class RegisterImageResult(TypedDict):
    ImageId: NotRequired[str | None]


class RegisterInstanceEventNotificationAttributesRequest(TypedDict):
    DryRun: NotRequired[bool]
    InstanceTagAttribute: RegisterInstanceTagAttributeRequest


class RegisterInstanceEventNotificationAttributesResult(TypedDict):
    InstanceTagAttribute: NotRequired[InstanceTagNotificationAttribute | Fragment | None]


class RegisterInstanceTagAttributeRequest(TypedDict):
    IncludeAllTagsOfInstance: NotRequired[bool]
    InstanceTagKeys: NotRequired[list[str]]


class RejectTransitGatewayPeeringAttachmentRequest(TypedDict):
    TransitGatewayAttachmentId: str
    DryRun: NotRequired[bool]


class RejectTransitGatewayPeeringAttachmentResult(TypedDict):
    TransitGatewayPeeringAttachment: NotRequired[TransitGatewayPeeringAttachment | Fragment | None]


class RejectTransitGatewayVpcAttachmentRequest(TypedDict):
    TransitGatewayAttachmentId: str
    DryRun: NotRequired[bool]


class RejectTransitGatewayVpcAttachmentResult(TypedDict):
    TransitGatewayVpcAttachment: NotRequired[TransitGatewayVpcAttachment | Fragment | None]


class RejectVpcPeeringConnectionRequest(TypedDict):
    DryRun: NotRequired[bool]
    VpcPeeringConnectionId: str


class RejectVpcPeeringConnectionResult(TypedDict):
    Return: NotRequired[bool | None]


class ReleaseAddressRequest(TypedDict):
    AllocationId: NotRequired[str]
    PublicIp: NotRequired[str]
    NetworkBorderGroup: NotRequired[str]
    DryRun: NotRequired[bool]


class ReleaseHostsRequest(TypedDict):
    HostIds: list[str]


class ReleaseHostsResult(TypedDict):
    Successful: NotRequired[Sequence[str] | Fragment | None]
    Unsuccessful: NotRequired[Sequence[UnsuccessfulItem | Fragment] | Fragment | None]


class ReleaseIpamPoolAllocationRequest(TypedDict):
    DryRun: NotRequired[bool]
    IpamPoolId: str
    Cidr: str
    IpamPoolAllocationId: str


class ReleaseIpamPoolAllocationResult(TypedDict):
    Success: NotRequired[bool | None]


class RemoveIpamOperatingRegion(TypedDict):
    RegionName: NotRequired[str]


class RemoveIpamOrganizationalUnitExclusion(TypedDict):
    OrganizationsEntityPath: NotRequired[str]


class RemovePrefixListEntry(TypedDict):
    Cidr: str


class ReplaceIamInstanceProfileAssociationRequest(TypedDict):
    IamInstanceProfile: IamInstanceProfileSpecification
    AssociationId: str


class ReplaceIamInstanceProfileAssociationResult(TypedDict):
    IamInstanceProfileAssociation: NotRequired[IamInstanceProfileAssociation | Fragment | None]


class ReplaceImageCriteriaInAllowedImagesSettingsRequest(TypedDict):
    ImageCriteria: NotRequired[list[ImageCriterionRequest]]
    DryRun: NotRequired[bool]


class ReplaceImageCriteriaInAllowedImagesSettingsResult(TypedDict):
    ReturnValue: NotRequired[bool | None]


class ReplaceNetworkAclAssociationRequest(TypedDict):
    DryRun: NotRequired[bool]
    AssociationId: str
    NetworkAclId: str


class ReplaceNetworkAclAssociationResult(TypedDict):
    NewAssociationId: NotRequired[str | None]


class ReplaceNetworkAclEntryRequest(TypedDict):
    DryRun: NotRequired[bool]
    NetworkAclId: str
    RuleNumber: int
    Protocol: str
    RuleAction: str
    Egress: bool
    CidrBlock: NotRequired[str]
    Ipv6CidrBlock: NotRequired[str]
    IcmpTypeCode: NotRequired[IcmpTypeCode]
    PortRange: NotRequired[PortRange]


class ReplaceRootVolumeTask(TypedDict):
    ReplaceRootVolumeTaskId: NotRequired[str | None]
    InstanceId: NotRequired[str | None]
    TaskState: NotRequired[str | None]
    StartTime: NotRequired[str | None]
    CompleteTime: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    ImageId: NotRequired[str | None]
    SnapshotId: NotRequired[str | None]
    DeleteReplacedRootVolume: NotRequired[bool | None]


class ReplaceRouteRequest(TypedDict):
    DestinationPrefixListId: NotRequired[str]
    VpcEndpointId: NotRequired[str]
    LocalTarget: NotRequired[bool]
    TransitGatewayId: NotRequired[str]
    LocalGatewayId: NotRequired[str]
    CarrierGatewayId: NotRequired[str]
    CoreNetworkArn: NotRequired[str]
    OdbNetworkArn: NotRequired[str]
    DryRun: NotRequired[bool]
    RouteTableId: str
    DestinationCidrBlock: NotRequired[str]
    GatewayId: NotRequired[str]
    DestinationIpv6CidrBlock: NotRequired[str]
    EgressOnlyInternetGatewayId: NotRequired[str]
    InstanceId: NotRequired[str]
    NetworkInterfaceId: NotRequired[str]
    VpcPeeringConnectionId: NotRequired[str]
    NatGatewayId: NotRequired[str]


class ReplaceRouteTableAssociationRequest(TypedDict):
    DryRun: NotRequired[bool]
    AssociationId: str
    RouteTableId: str


class ReplaceRouteTableAssociationResult(TypedDict):
    NewAssociationId: NotRequired[str | None]
    AssociationState: NotRequired[RouteTableAssociationState | Fragment | None]


class ReplaceTransitGatewayRouteRequest(TypedDict):
    DestinationCidrBlock: str
    TransitGatewayRouteTableId: str
    TransitGatewayAttachmentId: NotRequired[str]
    Blackhole: NotRequired[bool]
    DryRun: NotRequired[bool]


class ReplaceTransitGatewayRouteResult(TypedDict):
    Route: NotRequired[TransitGatewayRoute | Fragment | None]


class ReportInstanceStatusRequest(TypedDict):
    DryRun: NotRequired[bool]
    Instances: list[str]
    Status: str
    StartTime: NotRequired[datetime]
    EndTime: NotRequired[datetime]
    ReasonCodes: list[str]
    Description: NotRequired[str]


class RequestFilterPortRange(TypedDict):
    FromPort: NotRequired[int]
    ToPort: NotRequired[int]


class RequestIpamResourceTag(TypedDict):
    Key: NotRequired[str]
    Value: NotRequired[str]


class RequestLaunchTemplateData(TypedDict):
    KernelId: NotRequired[str]
    EbsOptimized: NotRequired[bool]
    IamInstanceProfile: NotRequired[LaunchTemplateIamInstanceProfileSpecificationRequest]
    BlockDeviceMappings: NotRequired[list[LaunchTemplateBlockDeviceMappingRequest]]
    NetworkInterfaces: NotRequired[list[LaunchTemplateInstanceNetworkInterfaceSpecificationRequest]]
    ImageId: NotRequired[str]
    InstanceType: NotRequired[str]
    KeyName: NotRequired[str]
    Monitoring: NotRequired[LaunchTemplatesMonitoringRequest]
    Placement: NotRequired[LaunchTemplatePlacementRequest]
    RamDiskId: NotRequired[str]
    DisableApiTermination: NotRequired[bool]
    InstanceInitiatedShutdownBehavior: NotRequired[str]
    UserData: NotRequired[str]
    TagSpecifications: NotRequired[list[LaunchTemplateTagSpecificationRequest]]
    ElasticGpuSpecifications: NotRequired[list[ElasticGpuSpecification]]
    ElasticInferenceAccelerators: NotRequired[list[LaunchTemplateElasticInferenceAccelerator]]
    SecurityGroupIds: NotRequired[list[str]]
    SecurityGroups: NotRequired[list[str]]
    InstanceMarketOptions: NotRequired[LaunchTemplateInstanceMarketOptionsRequest]
    CreditSpecification: NotRequired[CreditSpecificationRequest]
    CpuOptions: NotRequired[LaunchTemplateCpuOptionsRequest]
    CapacityReservationSpecification: NotRequired[
        LaunchTemplateCapacityReservationSpecificationRequest
    ]
    LicenseSpecifications: NotRequired[list[LaunchTemplateLicenseConfigurationRequest]]
    HibernationOptions: NotRequired[LaunchTemplateHibernationOptionsRequest]
    MetadataOptions: NotRequired[LaunchTemplateInstanceMetadataOptionsRequest]
    EnclaveOptions: NotRequired[LaunchTemplateEnclaveOptionsRequest]
    InstanceRequirements: NotRequired[InstanceRequirementsRequest]
    PrivateDnsNameOptions: NotRequired[LaunchTemplatePrivateDnsNameOptionsRequest]
    MaintenanceOptions: NotRequired[LaunchTemplateInstanceMaintenanceOptionsRequest]
    DisableApiStop: NotRequired[bool]
    Operator: NotRequired[OperatorRequest]
    NetworkPerformanceOptions: NotRequired[LaunchTemplateNetworkPerformanceOptionsRequest]
    SecondaryInterfaces: NotRequired[
        list[LaunchTemplateInstanceSecondaryInterfaceSpecificationRequest]
    ]


class Reservation(TypedDict):
    ReservationId: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    RequesterId: NotRequired[str | None]
    Groups: NotRequired[Sequence[GroupIdentifier | Fragment] | Fragment | None]
    Instances: NotRequired[Sequence[Instance | Fragment] | Fragment | None]


class ReservationFleetInstanceSpecification(TypedDict):
    InstanceType: NotRequired[str]
    InstancePlatform: NotRequired[str]
    Weight: NotRequired[float]
    AvailabilityZone: NotRequired[str]
    AvailabilityZoneId: NotRequired[str]
    EbsOptimized: NotRequired[bool]
    Priority: NotRequired[int]


class ResetAddressAttributeRequest(TypedDict):
    AllocationId: str
    Attribute: str
    DryRun: NotRequired[bool]


class ResetAddressAttributeResult(TypedDict):
    Address: NotRequired[AddressAttribute | Fragment | None]


class ResetEbsDefaultKmsKeyIdRequest(TypedDict):
    DryRun: NotRequired[bool]


class ResetEbsDefaultKmsKeyIdResult(TypedDict):
    KmsKeyId: NotRequired[str | None]


class ResetImageAttributeRequest(TypedDict):
    Attribute: str
    ImageId: str
    DryRun: NotRequired[bool]


class ResetInstanceAttributeRequest(TypedDict):
    DryRun: NotRequired[bool]
    InstanceId: str
    Attribute: str


class ResetNetworkInterfaceAttributeRequest(TypedDict):
    DryRun: NotRequired[bool]
    NetworkInterfaceId: str
    SourceDestCheck: NotRequired[str]


class ResetSnapshotAttributeRequest(TypedDict):
    Attribute: str
    SnapshotId: str
    DryRun: NotRequired[bool]


class ResourceStatement(TypedDict):
    Resources: NotRequired[Sequence[str] | Fragment | None]
    ResourceTypes: NotRequired[Sequence[str] | Fragment | None]


class ResourceStatementRequest(TypedDict):
    Resources: NotRequired[list[str]]
    ResourceTypes: NotRequired[list[str]]


class ResponseError(TypedDict):
    Code: NotRequired[str | None]
    Message: NotRequired[str | None]


class ResponseLaunchTemplateData(TypedDict):
    KernelId: NotRequired[str | None]
    EbsOptimized: NotRequired[bool | None]
    IamInstanceProfile: NotRequired[LaunchTemplateIamInstanceProfileSpecification | Fragment | None]
    BlockDeviceMappings: NotRequired[
        Sequence[LaunchTemplateBlockDeviceMapping | Fragment] | Fragment | None
    ]
    NetworkInterfaces: NotRequired[
        Sequence[LaunchTemplateInstanceNetworkInterfaceSpecification | Fragment] | Fragment | None
    ]
    ImageId: NotRequired[str | None]
    InstanceType: NotRequired[str | None]
    KeyName: NotRequired[str | None]
    Monitoring: NotRequired[LaunchTemplatesMonitoring | Fragment | None]
    Placement: NotRequired[LaunchTemplatePlacement | Fragment | None]
    RamDiskId: NotRequired[str | None]
    DisableApiTermination: NotRequired[bool | None]
    InstanceInitiatedShutdownBehavior: NotRequired[str | None]
    UserData: NotRequired[str | None]
    TagSpecifications: NotRequired[
        Sequence[LaunchTemplateTagSpecification | Fragment] | Fragment | None
    ]
    ElasticGpuSpecifications: NotRequired[
        Sequence[ElasticGpuSpecificationResponse | Fragment] | Fragment | None
    ]
    ElasticInferenceAccelerators: NotRequired[
        Sequence[LaunchTemplateElasticInferenceAcceleratorResponse | Fragment] | Fragment | None
    ]
    SecurityGroupIds: NotRequired[Sequence[str] | Fragment | None]
    SecurityGroups: NotRequired[Sequence[str] | Fragment | None]
    InstanceMarketOptions: NotRequired[LaunchTemplateInstanceMarketOptions | Fragment | None]
    CreditSpecification: NotRequired[CreditSpecification | Fragment | None]
    CpuOptions: NotRequired[LaunchTemplateCpuOptions | Fragment | None]
    CapacityReservationSpecification: NotRequired[
        LaunchTemplateCapacityReservationSpecificationResponse | Fragment | None
    ]
    LicenseSpecifications: NotRequired[
        Sequence[LaunchTemplateLicenseConfiguration | Fragment] | Fragment | None
    ]
    HibernationOptions: NotRequired[LaunchTemplateHibernationOptions | Fragment | None]
    MetadataOptions: NotRequired[LaunchTemplateInstanceMetadataOptions | Fragment | None]
    EnclaveOptions: NotRequired[LaunchTemplateEnclaveOptions | Fragment | None]
    InstanceRequirements: NotRequired[InstanceRequirements | Fragment | None]
    PrivateDnsNameOptions: NotRequired[LaunchTemplatePrivateDnsNameOptions | Fragment | None]
    MaintenanceOptions: NotRequired[LaunchTemplateInstanceMaintenanceOptions | Fragment | None]
    DisableApiStop: NotRequired[bool | None]
    Operator: NotRequired[OperatorResponse | Fragment | None]
    NetworkPerformanceOptions: NotRequired[
        LaunchTemplateNetworkPerformanceOptions | Fragment | None
    ]
    SecondaryInterfaces: NotRequired[
        Sequence[LaunchTemplateInstanceSecondaryInterfaceSpecification | Fragment] | Fragment | None
    ]


class RestoreImageFromRecycleBinRequest(TypedDict):
    ImageId: str
    DryRun: NotRequired[bool]


class RestoreImageFromRecycleBinResult(TypedDict):
    Return: NotRequired[bool | None]


class RestoreManagedPrefixListVersionRequest(TypedDict):
    DryRun: NotRequired[bool]
    PrefixListId: str
    PreviousVersion: int
    CurrentVersion: int


class RestoreManagedPrefixListVersionResult(TypedDict):
    PrefixList: NotRequired[ManagedPrefixList | Fragment | None]


class RestoreSnapshotFromRecycleBinRequest(TypedDict):
    SnapshotId: str
    DryRun: NotRequired[bool]


class RestoreSnapshotFromRecycleBinResult(TypedDict):
    SnapshotId: NotRequired[str | None]
    OutpostArn: NotRequired[str | None]
    Description: NotRequired[str | None]
    Encrypted: NotRequired[bool | None]
    OwnerId: NotRequired[str | None]
    Progress: NotRequired[str | None]
    StartTime: NotRequired[datetime | float | None]
    State: NotRequired[str | None]
    VolumeId: NotRequired[str | None]
    VolumeSize: NotRequired[int | None]
    SseType: NotRequired[str | None]


class RestoreVolumeFromRecycleBinRequest(TypedDict):
    VolumeId: str
    DryRun: NotRequired[bool]


class RestoreVolumeFromRecycleBinResult(TypedDict):
    Return: NotRequired[bool | None]


class RevokeSecurityGroupEgressRequest(TypedDict):
    SecurityGroupRuleIds: NotRequired[list[str]]
    DryRun: NotRequired[bool]
    GroupId: str
    SourceSecurityGroupName: NotRequired[str]
    SourceSecurityGroupOwnerId: NotRequired[str]
    IpProtocol: NotRequired[str]
    FromPort: NotRequired[int]
    ToPort: NotRequired[int]
    CidrIp: NotRequired[str]
    IpPermissions: NotRequired[list[IpPermission]]


class RevokeSecurityGroupEgressResult(TypedDict):
    Return: NotRequired[bool | None]
    UnknownIpPermissions: NotRequired[Sequence[IpPermission | Fragment] | Fragment | None]
    RevokedSecurityGroupRules: NotRequired[
        Sequence[RevokedSecurityGroupRule | Fragment] | Fragment | None
    ]


class RevokeSecurityGroupIngressRequest(TypedDict):
    CidrIp: NotRequired[str]
    FromPort: NotRequired[int]
    GroupId: NotRequired[str]
    GroupName: NotRequired[str]
    IpPermissions: NotRequired[list[IpPermission]]
    IpProtocol: NotRequired[str]
    SourceSecurityGroupName: NotRequired[str]
    SourceSecurityGroupOwnerId: NotRequired[str]
    ToPort: NotRequired[int]
    SecurityGroupRuleIds: NotRequired[list[str]]
    DryRun: NotRequired[bool]


class RevokeSecurityGroupIngressResult(TypedDict):
    Return: NotRequired[bool | None]
    UnknownIpPermissions: NotRequired[Sequence[IpPermission | Fragment] | Fragment | None]
    RevokedSecurityGroupRules: NotRequired[
        Sequence[RevokedSecurityGroupRule | Fragment] | Fragment | None
    ]


class RevokedSecurityGroupRule(TypedDict):
    SecurityGroupRuleId: NotRequired[str | None]
    GroupId: NotRequired[str | None]
    IsEgress: NotRequired[bool | None]
    IpProtocol: NotRequired[str | None]
    FromPort: NotRequired[int | None]
    ToPort: NotRequired[int | None]
    CidrIpv4: NotRequired[str | None]
    CidrIpv6: NotRequired[str | None]
    PrefixListId: NotRequired[str | None]
    ReferencedGroupId: NotRequired[str | None]
    Description: NotRequired[str | None]


class Route(TypedDict):
    DestinationCidrBlock: NotRequired[str | None]
    DestinationIpv6CidrBlock: NotRequired[str | None]
    DestinationPrefixListId: NotRequired[str | None]
    EgressOnlyInternetGatewayId: NotRequired[str | None]
    GatewayId: NotRequired[str | None]
    InstanceId: NotRequired[str | None]
    InstanceOwnerId: NotRequired[str | None]
    NatGatewayId: NotRequired[str | None]
    TransitGatewayId: NotRequired[str | None]
    LocalGatewayId: NotRequired[str | None]
    CarrierGatewayId: NotRequired[str | None]
    NetworkInterfaceId: NotRequired[str | None]
    Origin: NotRequired[str | None]
    State: NotRequired[str | None]
    VpcPeeringConnectionId: NotRequired[str | None]
    CoreNetworkArn: NotRequired[str | None]
    OdbNetworkArn: NotRequired[str | None]
    IpAddress: NotRequired[str | None]


class RouteTable(TypedDict):
    Associations: NotRequired[Sequence[RouteTableAssociation | Fragment] | Fragment | None]
    PropagatingVgws: NotRequired[Sequence[PropagatingVgw | Fragment] | Fragment | None]
    RouteTableId: NotRequired[str | None]
    Routes: NotRequired[Sequence[Route | Fragment] | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    VpcId: NotRequired[str | None]
    OwnerId: NotRequired[str | None]


class RouteTableAssociation(TypedDict):
    Main: NotRequired[bool | None]
    RouteTableAssociationId: NotRequired[str | None]
    RouteTableId: NotRequired[str | None]
    SubnetId: NotRequired[str | None]
    GatewayId: NotRequired[str | None]
    PublicIpv4Pool: NotRequired[str | None]
    AssociationState: NotRequired[RouteTableAssociationState | Fragment | None]


class RouteTableAssociationState(TypedDict):
    State: NotRequired[str | None]
    StatusMessage: NotRequired[str | None]


class RuleGroupRuleOptionsPair(TypedDict):
    RuleGroupArn: NotRequired[str | None]
    RuleOptions: NotRequired[Sequence[RuleOption | Fragment] | Fragment | None]


class RuleGroupTypePair(TypedDict):
    RuleGroupArn: NotRequired[str | None]
    RuleGroupType: NotRequired[str | None]


class RuleOption(TypedDict):
    Keyword: NotRequired[str | None]
    Settings: NotRequired[Sequence[str] | Fragment | None]


class RunInstancesMonitoringEnabled(TypedDict):
    MetricCategoryIds: NotRequired[list[str]]
    Enabled: bool


class RunInstancesRequest(TypedDict):
    BlockDeviceMappings: NotRequired[list[BlockDeviceMapping]]
    ImageId: NotRequired[str]
    InstanceType: NotRequired[str]
    Ipv6AddressCount: NotRequired[int]
    Ipv6Addresses: NotRequired[list[InstanceIpv6Address]]
    KernelId: NotRequired[str]
    KeyName: NotRequired[str]
    MaxCount: int
    MinCount: int
    Monitoring: NotRequired[RunInstancesMonitoringEnabled]
    Placement: NotRequired[Placement]
    RamdiskId: NotRequired[str]
    SecurityGroupIds: NotRequired[list[str]]
    SecurityGroups: NotRequired[list[str]]
    SubnetId: NotRequired[str]
    UserData: NotRequired[str]
    ElasticGpuSpecification: NotRequired[list[ElasticGpuSpecification]]
    ElasticInferenceAccelerators: NotRequired[list[ElasticInferenceAccelerator]]
    TagSpecifications: NotRequired[list[TagSpecification]]
    LaunchTemplate: NotRequired[LaunchTemplateSpecification]
    InstanceMarketOptions: NotRequired[InstanceMarketOptionsRequest]
    CreditSpecification: NotRequired[CreditSpecificationRequest]
    CpuOptions: NotRequired[CpuOptionsRequest]
    CapacityReservationSpecification: NotRequired[CapacityReservationSpecification]
    HibernationOptions: NotRequired[HibernationOptionsRequest]
    LicenseSpecifications: NotRequired[list[LicenseConfigurationRequest]]
    MetadataOptions: NotRequired[InstanceMetadataOptionsRequest]
    EnclaveOptions: NotRequired[EnclaveOptionsRequest]
    PrivateDnsNameOptions: NotRequired[PrivateDnsNameOptionsRequest]
    MaintenanceOptions: NotRequired[InstanceMaintenanceOptionsRequest]
    DisableApiStop: NotRequired[bool]
    EnablePrimaryIpv6: NotRequired[bool]
    NetworkPerformanceOptions: NotRequired[InstanceNetworkPerformanceOptionsRequest]
    Operator: NotRequired[OperatorRequest]
    SecondaryInterfaces: NotRequired[list[InstanceSecondaryInterfaceSpecificationRequest]]
    DryRun: NotRequired[bool]
    DisableApiTermination: NotRequired[bool]
    InstanceInitiatedShutdownBehavior: NotRequired[str]
    PrivateIpAddress: NotRequired[str]
    ClientToken: NotRequired[str]
    AdditionalInfo: NotRequired[str]
    NetworkInterfaces: NotRequired[list[InstanceNetworkInterfaceSpecification]]
    IamInstanceProfile: NotRequired[IamInstanceProfileSpecification]
    EbsOptimized: NotRequired[bool]


class S3ObjectTag(TypedDict):
    Key: NotRequired[str]
    Value: NotRequired[str]


class S3Storage(TypedDict):
    AWSAccessKeyId: NotRequired[str]
    Bucket: NotRequired[str]
    Prefix: NotRequired[str]
    UploadPolicy: NotRequired[bytes]
    UploadPolicySignature: NotRequired[str]


class ScanResultCondition(TypedDict):
    MaxDaysSinceLastFindingScan: NotRequired[int | None]
    MaximumSeverityLabel: NotRequired[str | None]
    MaxDaysSinceInformationalFixAvailable: NotRequired[int | None]
    MaxDaysSinceLowFixAvailable: NotRequired[int | None]
    MaxDaysSinceMediumFixAvailable: NotRequired[int | None]
    MaxDaysSinceHighFixAvailable: NotRequired[int | None]
    MaxDaysSinceCriticalFixAvailable: NotRequired[int | None]


class ScanResultConditionRequest(TypedDict):
    MaxDaysSinceLastFindingScan: NotRequired[int]
    MaximumSeverityLabel: NotRequired[str]
    MaxDaysSinceInformationalFixAvailable: NotRequired[int]
    MaxDaysSinceLowFixAvailable: NotRequired[int]
    MaxDaysSinceMediumFixAvailable: NotRequired[int]
    MaxDaysSinceHighFixAvailable: NotRequired[int]
    MaxDaysSinceCriticalFixAvailable: NotRequired[int]


class ScanResults(TypedDict):
    HighestFindingSeverityLabel: NotRequired[str | None]
    FindingScanDate: NotRequired[datetime | float | None]
    InformationalFixAvailableSince: NotRequired[datetime | float | None]
    LowFixAvailableSince: NotRequired[datetime | float | None]
    MediumFixAvailableSince: NotRequired[datetime | float | None]
    HighFixAvailableSince: NotRequired[datetime | float | None]
    CriticalFixAvailableSince: NotRequired[datetime | float | None]


class SearchTransitGatewayRoutesRequest(TypedDict):
    TransitGatewayRouteTableId: str
    Filters: list[Filter]
    MaxResults: NotRequired[int]
    DryRun: NotRequired[bool]
    NextToken: NotRequired[str]


class SearchTransitGatewayRoutesResult(TypedDict):
    Routes: NotRequired[Sequence[TransitGatewayRoute | Fragment] | Fragment | None]
    AdditionalRoutesAvailable: NotRequired[bool | None]
    NextToken: NotRequired[str | None]


class SecondaryInterfacePrivateIpAddressSpecification(TypedDict):
    PrivateIpAddress: NotRequired[str | None]


class SecondaryInterfacePrivateIpAddressSpecificationRequest(TypedDict):
    PrivateIpAddress: NotRequired[str]


class SecureBlobAttributeValue(TypedDict):
    Value: NotRequired[bytes]


class SecurityGroup(TypedDict):
    GroupId: NotRequired[str | None]
    IpPermissionsEgress: NotRequired[Sequence[IpPermission | Fragment] | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    VpcId: NotRequired[str | None]
    SecurityGroupArn: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    GroupName: NotRequired[str | None]
    Description: NotRequired[str | None]
    IpPermissions: NotRequired[Sequence[IpPermission | Fragment] | Fragment | None]


class SecurityGroupForVpc(TypedDict):
    Description: NotRequired[str | None]
    GroupName: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    GroupId: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    PrimaryVpcId: NotRequired[str | None]


class SecurityGroupIdentifier(TypedDict):
    GroupId: NotRequired[str | None]
    GroupName: NotRequired[str | None]


class SecurityGroupReference(TypedDict):
    GroupId: NotRequired[str | None]
    ReferencingVpcId: NotRequired[str | None]
    VpcPeeringConnectionId: NotRequired[str | None]
    TransitGatewayId: NotRequired[str | None]


class SecurityGroupRule(TypedDict):
    SecurityGroupRuleId: NotRequired[str | None]
    GroupId: NotRequired[str | None]
    GroupOwnerId: NotRequired[str | None]
    IsEgress: NotRequired[bool | None]
    IpProtocol: NotRequired[str | None]
    FromPort: NotRequired[int | None]
    ToPort: NotRequired[int | None]
    CidrIpv4: NotRequired[str | None]
    CidrIpv6: NotRequired[str | None]
    PrefixListId: NotRequired[str | None]
    ReferencedGroupInfo: NotRequired[ReferencedSecurityGroup | Fragment | None]
    Description: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    SecurityGroupRuleArn: NotRequired[str | None]


class SecurityGroupRuleDescription(TypedDict):
    SecurityGroupRuleId: NotRequired[str]
    Description: NotRequired[str]


class SecurityGroupRuleRequest(TypedDict):
    IpProtocol: NotRequired[str]
    FromPort: NotRequired[int]
    ToPort: NotRequired[int]
    CidrIpv4: NotRequired[str]
    CidrIpv6: NotRequired[str]
    PrefixListId: NotRequired[str]
    ReferencedGroupId: NotRequired[str]
    Description: NotRequired[str]


class SecurityGroupRuleUpdate(TypedDict):
    SecurityGroupRuleId: str
    SecurityGroupRule: NotRequired[SecurityGroupRuleRequest]


class SecurityGroupVpcAssociation(TypedDict):
    GroupId: NotRequired[str | None]
    VpcId: NotRequired[str | None]
    VpcOwnerId: NotRequired[str | None]
    State: NotRequired[str | None]
    StateReason: NotRequired[str | None]
    GroupOwnerId: NotRequired[str | None]


class SendDiagnosticInterruptRequest(TypedDict):
    InstanceId: str
    DryRun: NotRequired[bool]


class ServiceDetail(TypedDict):
    ServiceName: NotRequired[str | None]
    ServiceId: NotRequired[str | None]
    ServiceType: NotRequired[Sequence[ServiceTypeDetail | Fragment] | Fragment | None]
    ServiceRegion: NotRequired[str | None]
    AvailabilityZoneIds: NotRequired[Sequence[str] | Fragment | None]
    AvailabilityZones: NotRequired[Sequence[str] | Fragment | None]
    Owner: NotRequired[str | None]
    BaseEndpointDnsNames: NotRequired[Sequence[str] | Fragment | None]
    PrivateDnsName: NotRequired[str | None]
    PrivateDnsNames: NotRequired[Sequence[PrivateDnsDetails | Fragment] | Fragment | None]
    VpcEndpointPolicySupported: NotRequired[bool | None]
    AcceptanceRequired: NotRequired[bool | None]
    ManagesVpcEndpoints: NotRequired[bool | None]
    PayerResponsibility: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    PrivateDnsNameVerificationState: NotRequired[str | None]
    SupportedIpAddressTypes: NotRequired[Sequence[str] | Fragment | None]


class ServiceTypeDetail(TypedDict):
    ServiceType: NotRequired[str | None]


class Snapshot(TypedDict):
    OwnerAlias: NotRequired[str | None]
    OutpostArn: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    StorageTier: NotRequired[str | None]
    RestoreExpiryTime: NotRequired[datetime | float | None]
    SseType: NotRequired[str | None]
    AvailabilityZone: NotRequired[str | None]
    TransferType: NotRequired[str | None]
    CompletionDurationMinutes: NotRequired[int | None]
    CompletionTime: NotRequired[datetime | float | None]
    FullSnapshotSizeInBytes: NotRequired[int | None]
    AssociatedKmsKeys: NotRequired[Sequence[AssociatedKmsKey | Fragment] | Fragment | None]
    SnapshotId: NotRequired[str | None]
    VolumeId: NotRequired[str | None]
    State: NotRequired[str | None]
    StateMessage: NotRequired[str | None]
    StartTime: NotRequired[datetime | float | None]
    Progress: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    Description: NotRequired[str | None]
    VolumeSize: NotRequired[int | None]
    Encrypted: NotRequired[bool | None]
    KmsKeyId: NotRequired[str | None]
    DataEncryptionKeyId: NotRequired[str | None]


class SnapshotDetail(TypedDict):
    Description: NotRequired[str | None]
    DeviceName: NotRequired[str | None]
    DiskImageSize: NotRequired[float | None]
    Format: NotRequired[str | None]
    Progress: NotRequired[str | None]
    SnapshotId: NotRequired[str | None]
    Status: NotRequired[str | None]
    StatusMessage: NotRequired[str | None]
    Url: NotRequired[str | None]
    UserBucket: NotRequired[UserBucketDetails | Fragment | None]


class SnapshotDiskContainer(TypedDict):
    Description: NotRequired[str]
    Format: NotRequired[str]
    Url: NotRequired[str]
    UserBucket: NotRequired[UserBucket]


class SnapshotInfo(TypedDict):
    Description: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    Encrypted: NotRequired[bool | None]
    VolumeId: NotRequired[str | None]
    State: NotRequired[str | None]
    VolumeSize: NotRequired[int | None]
    StartTime: NotRequired[datetime | float | None]
    Progress: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    SnapshotId: NotRequired[str | None]
    OutpostArn: NotRequired[str | None]
    SseType: NotRequired[str | None]
    AvailabilityZone: NotRequired[str | None]


class SnapshotRecycleBinInfo(TypedDict):
    SnapshotId: NotRequired[str | None]
    RecycleBinEnterTime: NotRequired[datetime | float | None]
    RecycleBinExitTime: NotRequired[datetime | float | None]
    Description: NotRequired[str | None]
    VolumeId: NotRequired[str | None]


class SnapshotTaskDetail(TypedDict):
    Description: NotRequired[str | None]
    DiskImageSize: NotRequired[float | None]
    Encrypted: NotRequired[bool | None]
    Format: NotRequired[str | None]
    KmsKeyId: NotRequired[str | None]
    Progress: NotRequired[str | None]
    SnapshotId: NotRequired[str | None]
    Status: NotRequired[str | None]
    StatusMessage: NotRequired[str | None]
    Url: NotRequired[str | None]
    UserBucket: NotRequired[UserBucketDetails | Fragment | None]


class SpotMarketOptions(TypedDict):
    MaxPrice: NotRequired[str]
    SpotInstanceType: NotRequired[str]
    BlockDurationMinutes: NotRequired[int]
    ValidUntil: NotRequired[datetime]
    InstanceInterruptionBehavior: NotRequired[str]


class StaleIpPermission(TypedDict):
    FromPort: NotRequired[int | None]
    IpProtocol: NotRequired[str | None]
    IpRanges: NotRequired[Sequence[str] | Fragment | None]
    PrefixListIds: NotRequired[Sequence[str] | Fragment | None]
    ToPort: NotRequired[int | None]
    UserIdGroupPairs: NotRequired[Sequence[UserIdGroupPair | Fragment] | Fragment | None]


class StaleSecurityGroup(TypedDict):
    Description: NotRequired[str | None]
    GroupId: NotRequired[str | None]
    GroupName: NotRequired[str | None]
    StaleIpPermissions: NotRequired[Sequence[StaleIpPermission | Fragment] | Fragment | None]
    StaleIpPermissionsEgress: NotRequired[Sequence[StaleIpPermission | Fragment] | Fragment | None]
    VpcId: NotRequired[str | None]


class StartInstancesRequest(TypedDict):
    InstanceIds: list[str]
    AdditionalInfo: NotRequired[str]
    DryRun: NotRequired[bool]


class StartInstancesResult(TypedDict):
    StartingInstances: NotRequired[Sequence[InstanceStateChange | Fragment] | Fragment | None]


class StartNetworkInsightsAccessScopeAnalysisRequest(TypedDict):
    NetworkInsightsAccessScopeId: str
    DryRun: NotRequired[bool]
    TagSpecifications: NotRequired[list[TagSpecification]]
    ClientToken: str


class StartNetworkInsightsAccessScopeAnalysisResult(TypedDict):
    NetworkInsightsAccessScopeAnalysis: NotRequired[
        NetworkInsightsAccessScopeAnalysis | Fragment | None
    ]


class StartNetworkInsightsAnalysisRequest(TypedDict):
    NetworkInsightsPathId: str
    AdditionalAccounts: NotRequired[list[str]]
    FilterInArns: NotRequired[list[str]]
    FilterOutArns: NotRequired[list[str]]
    DryRun: NotRequired[bool]
    TagSpecifications: NotRequired[list[TagSpecification]]
    ClientToken: str


class StartNetworkInsightsAnalysisResult(TypedDict):
    NetworkInsightsAnalysis: NotRequired[NetworkInsightsAnalysis | Fragment | None]


class StateReason(TypedDict):
    Code: NotRequired[str | None]
    Message: NotRequired[str | None]


class StopInstancesRequest(TypedDict):
    InstanceIds: list[str]
    Hibernate: NotRequired[bool]
    SkipOsShutdown: NotRequired[bool]
    DryRun: NotRequired[bool]
    Force: NotRequired[bool]


class StopInstancesResult(TypedDict):
    StoppingInstances: NotRequired[Sequence[InstanceStateChange | Fragment] | Fragment | None]


class Storage(TypedDict):
    S3: NotRequired[S3Storage]


class StoreImageTaskResult(TypedDict):
    AmiId: NotRequired[str | None]
    TaskStartTime: NotRequired[datetime | float | None]
    Bucket: NotRequired[str | None]
    S3objectKey: NotRequired[str | None]
    ProgressPercentage: NotRequired[int | None]
    StoreTaskState: NotRequired[str | None]
    StoreTaskFailureReason: NotRequired[str | None]


class Subnet(TypedDict):
    AvailabilityZoneId: NotRequired[str | None]
    EnableLniAtDeviceIndex: NotRequired[int | None]
    MapCustomerOwnedIpOnLaunch: NotRequired[bool | None]
    CustomerOwnedIpv4Pool: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    AssignIpv6AddressOnCreation: NotRequired[bool | None]
    Ipv6CidrBlockAssociationSet: NotRequired[
        Sequence[SubnetIpv6CidrBlockAssociation | Fragment] | Fragment | None
    ]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    SubnetArn: NotRequired[str | None]
    OutpostArn: NotRequired[str | None]
    EnableDns64: NotRequired[bool | None]
    Ipv6Native: NotRequired[bool | None]
    PrivateDnsNameOptionsOnLaunch: NotRequired[PrivateDnsNameOptionsOnLaunch | Fragment | None]
    BlockPublicAccessStates: NotRequired[BlockPublicAccessStates | Fragment | None]
    Type: NotRequired[str | None]
    SubnetId: NotRequired[str | None]
    State: NotRequired[str | None]
    VpcId: NotRequired[str | None]
    CidrBlock: NotRequired[str | None]
    AvailableIpAddressCount: NotRequired[int | None]
    AvailabilityZone: NotRequired[str | None]
    DefaultForAz: NotRequired[bool | None]
    MapPublicIpOnLaunch: NotRequired[bool | None]


class SubnetCidrBlockState(TypedDict):
    State: NotRequired[str | None]
    StatusMessage: NotRequired[str | None]


class SubnetCidrReservation(TypedDict):
    SubnetCidrReservationId: NotRequired[str | None]
    SubnetId: NotRequired[str | None]
    Cidr: NotRequired[str | None]
    ReservationType: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    Description: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class SubnetConfiguration(TypedDict):
    SubnetId: NotRequired[str]
    Ipv4: NotRequired[str]
    Ipv6: NotRequired[str]


class SubnetIpPrefixes(TypedDict):
    SubnetId: NotRequired[str | None]
    IpPrefixes: NotRequired[Sequence[str] | Fragment | None]


class SubnetIpv6CidrBlockAssociation(TypedDict):
    AssociationId: NotRequired[str | None]
    Ipv6CidrBlock: NotRequired[str | None]
    Ipv6CidrBlockState: NotRequired[SubnetCidrBlockState | Fragment | None]
    Ipv6AddressAttribute: NotRequired[str | None]
    IpSource: NotRequired[str | None]


class SuccessfulInstanceCreditSpecificationItem(TypedDict):
    InstanceId: NotRequired[str | None]


class Tag(TypedDict):
    Key: NotRequired[str]
    Value: NotRequired[str]


class TagDescription(TypedDict):
    Key: NotRequired[str | None]
    ResourceId: NotRequired[str | None]
    ResourceType: NotRequired[str | None]
    Value: NotRequired[str | None]


class TagFieldSpecificationRequest(TypedDict):
    ResourceType: NotRequired[str]
    TagKeys: NotRequired[list[str]]


class TagFieldSpecificationResponse(TypedDict):
    ResourceType: NotRequired[str | None]
    TagKeys: NotRequired[Sequence[str] | Fragment | None]


class TagSpecification(TypedDict):
    ResourceType: NotRequired[str]
    Tags: NotRequired[list[Tag]]


class TerminateInstancesRequest(TypedDict):
    InstanceIds: list[str]
    Force: NotRequired[bool]
    SkipOsShutdown: NotRequired[bool]
    DryRun: NotRequired[bool]


class TerminateInstancesResult(TypedDict):
    TerminatingInstances: NotRequired[Sequence[InstanceStateChange | Fragment] | Fragment | None]


class ThroughResourcesStatement(TypedDict):
    ResourceStatement: NotRequired[ResourceStatement | Fragment | None]


class ThroughResourcesStatementRequest(TypedDict):
    ResourceStatement: NotRequired[ResourceStatementRequest]


class TotalLocalStorageGB(TypedDict):
    Min: NotRequired[float | None]
    Max: NotRequired[float | None]


class TotalLocalStorageGBRequest(TypedDict):
    Min: NotRequired[float]
    Max: NotRequired[float]


class TrafficMirrorFilter(TypedDict):
    TrafficMirrorFilterId: NotRequired[str | None]
    IngressFilterRules: NotRequired[Sequence[TrafficMirrorFilterRule | Fragment] | Fragment | None]
    EgressFilterRules: NotRequired[Sequence[TrafficMirrorFilterRule | Fragment] | Fragment | None]
    NetworkServices: NotRequired[Sequence[str] | Fragment | None]
    Description: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class TrafficMirrorFilterRule(TypedDict):
    TrafficMirrorFilterRuleId: NotRequired[str | None]
    TrafficMirrorFilterId: NotRequired[str | None]
    TrafficDirection: NotRequired[str | None]
    RuleNumber: NotRequired[int | None]
    RuleAction: NotRequired[str | None]
    Protocol: NotRequired[int | None]
    DestinationPortRange: NotRequired[TrafficMirrorPortRange | Fragment | None]
    SourcePortRange: NotRequired[TrafficMirrorPortRange | Fragment | None]
    DestinationCidrBlock: NotRequired[str | None]
    SourceCidrBlock: NotRequired[str | None]
    Description: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class TrafficMirrorPortRange(TypedDict):
    FromPort: NotRequired[int | None]
    ToPort: NotRequired[int | None]


class TrafficMirrorPortRangeRequest(TypedDict):
    FromPort: NotRequired[int]
    ToPort: NotRequired[int]


class TrafficMirrorSession(TypedDict):
    TrafficMirrorSessionId: NotRequired[str | None]
    TrafficMirrorTargetId: NotRequired[str | None]
    TrafficMirrorFilterId: NotRequired[str | None]
    NetworkInterfaceId: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    PacketLength: NotRequired[int | None]
    SessionNumber: NotRequired[int | None]
    VirtualNetworkId: NotRequired[int | None]
    Description: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class TrafficMirrorTarget(TypedDict):
    TrafficMirrorTargetId: NotRequired[str | None]
    NetworkInterfaceId: NotRequired[str | None]
    NetworkLoadBalancerArn: NotRequired[str | None]
    Type: NotRequired[str | None]
    Description: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    GatewayLoadBalancerEndpointId: NotRequired[str | None]


class TransitGateway(TypedDict):
    TransitGatewayId: NotRequired[str | None]
    TransitGatewayArn: NotRequired[str | None]
    State: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    Description: NotRequired[str | None]
    CreationTime: NotRequired[datetime | float | None]
    Options: NotRequired[TransitGatewayOptions | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class TransitGatewayAssociation(TypedDict):
    TransitGatewayRouteTableId: NotRequired[str | None]
    TransitGatewayAttachmentId: NotRequired[str | None]
    ResourceId: NotRequired[str | None]
    ResourceType: NotRequired[str | None]
    State: NotRequired[str | None]


class TransitGatewayAttachment(TypedDict):
    TransitGatewayAttachmentId: NotRequired[str | None]
    TransitGatewayId: NotRequired[str | None]
    TransitGatewayOwnerId: NotRequired[str | None]
    ResourceOwnerId: NotRequired[str | None]
    ResourceType: NotRequired[str | None]
    ResourceId: NotRequired[str | None]
    State: NotRequired[str | None]
    Association: NotRequired[TransitGatewayAttachmentAssociation | Fragment | None]
    CreationTime: NotRequired[datetime | float | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    NatGatewaySupport: NotRequired[str | None]


class TransitGatewayAttachmentAssociation(TypedDict):
    TransitGatewayRouteTableId: NotRequired[str | None]
    TransitGatewayPolicyTableId: NotRequired[str | None]
    State: NotRequired[str | None]


class TransitGatewayAttachmentPropagation(TypedDict):
    TransitGatewayRouteTableId: NotRequired[str | None]
    State: NotRequired[str | None]


class TransitGatewayOptions(TypedDict):
    AmazonSideAsn: NotRequired[int | None]
    TransitGatewayCidrBlocks: NotRequired[Sequence[str] | Fragment | None]
    AutoAcceptSharedAttachments: NotRequired[str | None]
    DefaultRouteTableAssociation: NotRequired[str | None]
    AssociationDefaultRouteTableId: NotRequired[str | None]
    DefaultRouteTablePropagation: NotRequired[str | None]
    PropagationDefaultRouteTableId: NotRequired[str | None]
    VpnEcmpSupport: NotRequired[str | None]
    DnsSupport: NotRequired[str | None]
    SecurityGroupReferencingSupport: NotRequired[str | None]
    MulticastSupport: NotRequired[str | None]
    EncryptionSupport: NotRequired[EncryptionSupport | Fragment | None]


class TransitGatewayPeeringAttachment(TypedDict):
    TransitGatewayAttachmentId: NotRequired[str | None]
    AccepterTransitGatewayAttachmentId: NotRequired[str | None]
    RequesterTgwInfo: NotRequired[PeeringTgwInfo | Fragment | None]
    AccepterTgwInfo: NotRequired[PeeringTgwInfo | Fragment | None]
    Options: NotRequired[TransitGatewayPeeringAttachmentOptions | Fragment | None]
    Status: NotRequired[PeeringAttachmentStatus | Fragment | None]
    State: NotRequired[str | None]
    CreationTime: NotRequired[datetime | float | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class TransitGatewayPeeringAttachmentOptions(TypedDict):
    DynamicRouting: NotRequired[str | None]
    RequesterAllowMultipathResilience: NotRequired[bool | None]
    RequesterMultipathResilienceMode: NotRequired[str | None]
    AccepterAllowMultipathResilience: NotRequired[bool | None]
    AccepterMultipathResilienceMode: NotRequired[str | None]
    MultipathResilienceStatus: NotRequired[str | None]


class TransitGatewayPrefixListAttachment(TypedDict):
    TransitGatewayAttachmentId: NotRequired[str | None]
    ResourceType: NotRequired[str | None]
    ResourceId: NotRequired[str | None]


class TransitGatewayPrefixListReference(TypedDict):
    TransitGatewayRouteTableId: NotRequired[str | None]
    PrefixListId: NotRequired[str | None]
    PrefixListOwnerId: NotRequired[str | None]
    State: NotRequired[str | None]
    Blackhole: NotRequired[bool | None]
    TransitGatewayAttachment: NotRequired[TransitGatewayPrefixListAttachment | Fragment | None]


class TransitGatewayPropagation(TypedDict):
    TransitGatewayAttachmentId: NotRequired[str | None]
    ResourceId: NotRequired[str | None]
    ResourceType: NotRequired[str | None]
    TransitGatewayRouteTableId: NotRequired[str | None]
    State: NotRequired[str | None]
    TransitGatewayRouteTableAnnouncementId: NotRequired[str | None]


class TransitGatewayRequestOptions(TypedDict):
    AmazonSideAsn: NotRequired[int]
    AutoAcceptSharedAttachments: NotRequired[str]
    DefaultRouteTableAssociation: NotRequired[str]
    DefaultRouteTablePropagation: NotRequired[str]
    VpnEcmpSupport: NotRequired[str]
    DnsSupport: NotRequired[str]
    SecurityGroupReferencingSupport: NotRequired[str]
    MulticastSupport: NotRequired[str]
    TransitGatewayCidrBlocks: NotRequired[list[str]]


class TransitGatewayRoute(TypedDict):
    DestinationCidrBlock: NotRequired[str | None]
    PrefixListId: NotRequired[str | None]
    TransitGatewayRouteTableAnnouncementId: NotRequired[str | None]
    TransitGatewayAttachments: NotRequired[
        Sequence[TransitGatewayRouteAttachment | Fragment] | Fragment | None
    ]
    Type: NotRequired[str | None]
    State: NotRequired[str | None]


class TransitGatewayRouteAttachment(TypedDict):
    ResourceId: NotRequired[str | None]
    TransitGatewayAttachmentId: NotRequired[str | None]
    ResourceType: NotRequired[str | None]


class TransitGatewayRouteTable(TypedDict):
    TransitGatewayRouteTableId: NotRequired[str | None]
    TransitGatewayId: NotRequired[str | None]
    State: NotRequired[str | None]
    DefaultAssociationRouteTable: NotRequired[bool | None]
    DefaultPropagationRouteTable: NotRequired[bool | None]
    CreationTime: NotRequired[datetime | float | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class TransitGatewayRouteTableAssociation(TypedDict):
    TransitGatewayAttachmentId: NotRequired[str | None]
    ResourceId: NotRequired[str | None]
    ResourceType: NotRequired[str | None]
    State: NotRequired[str | None]


class TransitGatewayRouteTablePropagation(TypedDict):
    TransitGatewayAttachmentId: NotRequired[str | None]
    ResourceId: NotRequired[str | None]
    ResourceType: NotRequired[str | None]
    State: NotRequired[str | None]
    TransitGatewayRouteTableAnnouncementId: NotRequired[str | None]


class TransitGatewayRouteTableRoute(TypedDict):
    DestinationCidr: NotRequired[str | None]
    State: NotRequired[str | None]
    RouteOrigin: NotRequired[str | None]
    PrefixListId: NotRequired[str | None]
    AttachmentId: NotRequired[str | None]
    ResourceId: NotRequired[str | None]
    ResourceType: NotRequired[str | None]


class TransitGatewayVpcAttachment(TypedDict):
    TransitGatewayAttachmentId: NotRequired[str | None]
    TransitGatewayId: NotRequired[str | None]
    VpcId: NotRequired[str | None]
    VpcOwnerId: NotRequired[str | None]
    State: NotRequired[str | None]
    SubnetIds: NotRequired[Sequence[str] | Fragment | None]
    CreationTime: NotRequired[datetime | float | None]
    Options: NotRequired[TransitGatewayVpcAttachmentOptions | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class TransitGatewayVpcAttachmentOptions(TypedDict):
    DnsSupport: NotRequired[str | None]
    SecurityGroupReferencingSupport: NotRequired[str | None]
    Ipv6Support: NotRequired[str | None]
    ApplianceModeSupport: NotRequired[str | None]


class UnassignIpv6AddressesRequest(TypedDict):
    Ipv6Prefixes: NotRequired[list[str]]
    NetworkInterfaceId: str
    Ipv6Addresses: NotRequired[list[str]]


class UnassignIpv6AddressesResult(TypedDict):
    NetworkInterfaceId: NotRequired[str | None]
    UnassignedIpv6Addresses: NotRequired[Sequence[str] | Fragment | None]
    UnassignedIpv6Prefixes: NotRequired[Sequence[str] | Fragment | None]


class UnassignPrivateIpAddressesRequest(TypedDict):
    Ipv4Prefixes: NotRequired[list[str]]
    NetworkInterfaceId: str
    PrivateIpAddresses: NotRequired[list[str]]


class UnassignPrivateNatGatewayAddressRequest(TypedDict):
    NatGatewayId: str
    PrivateIpAddresses: list[str]
    MaxDrainDurationSeconds: NotRequired[int]
    DryRun: NotRequired[bool]


class UnassignPrivateNatGatewayAddressResult(TypedDict):
    NatGatewayId: NotRequired[str | None]
    NatGatewayAddresses: NotRequired[Sequence[NatGatewayAddress | Fragment] | Fragment | None]


class UnlockSnapshotRequest(TypedDict):
    SnapshotId: str
    DryRun: NotRequired[bool]


class UnlockSnapshotResult(TypedDict):
    SnapshotId: NotRequired[str | None]


class UnmonitorInstancesRequest(TypedDict):
    InstanceIds: list[str]
    MetricCategoryIds: NotRequired[list[str]]
    DryRun: NotRequired[bool]


class UnmonitorInstancesResult(TypedDict):
    InstanceMonitorings: NotRequired[Sequence[InstanceMonitoring | Fragment] | Fragment | None]


class UnsuccessfulInstanceCreditSpecificationItem(TypedDict):
    InstanceId: NotRequired[str | None]
    Error: NotRequired[UnsuccessfulInstanceCreditSpecificationItemError | Fragment | None]


class UnsuccessfulInstanceCreditSpecificationItemError(TypedDict):
    Code: NotRequired[str | None]
    Message: NotRequired[str | None]


class UnsuccessfulItem(TypedDict):
    Error: NotRequired[UnsuccessfulItemError | Fragment | None]
    ResourceId: NotRequired[str | None]


class UnsuccessfulItemError(TypedDict):
    Code: NotRequired[str | None]
    Message: NotRequired[str | None]


class UpdateSecurityGroupRuleDescriptionsEgressRequest(TypedDict):
    DryRun: NotRequired[bool]
    GroupId: NotRequired[str]
    GroupName: NotRequired[str]
    IpPermissions: NotRequired[list[IpPermission]]
    SecurityGroupRuleDescriptions: NotRequired[list[SecurityGroupRuleDescription]]


class UpdateSecurityGroupRuleDescriptionsEgressResult(TypedDict):
    Return: NotRequired[bool | None]


class UpdateSecurityGroupRuleDescriptionsIngressRequest(TypedDict):
    DryRun: NotRequired[bool]
    GroupId: NotRequired[str]
    GroupName: NotRequired[str]
    IpPermissions: NotRequired[list[IpPermission]]
    SecurityGroupRuleDescriptions: NotRequired[list[SecurityGroupRuleDescription]]


class UpdateSecurityGroupRuleDescriptionsIngressResult(TypedDict):
    Return: NotRequired[bool | None]


class UserBucket(TypedDict):
    S3Bucket: NotRequired[str]
    S3Key: NotRequired[str]


class UserBucketDetails(TypedDict):
    S3Bucket: NotRequired[str | None]
    S3Key: NotRequired[str | None]


class UserData(TypedDict):
    Data: NotRequired[str]


class UserIdGroupPair(TypedDict):
    Description: NotRequired[str]
    UserId: NotRequired[str]
    GroupName: NotRequired[str]
    GroupId: NotRequired[str]
    VpcId: NotRequired[str]
    VpcPeeringConnectionId: NotRequired[str]
    PeeringStatus: NotRequired[str]


class VCpuCountRange(TypedDict):
    Min: NotRequired[int | None]
    Max: NotRequired[int | None]


class VCpuCountRangeRequest(TypedDict):
    Min: int
    Max: NotRequired[int]


class VCpuInfo(TypedDict):
    DefaultVCpus: NotRequired[int | None]
    DefaultCores: NotRequired[int | None]
    DefaultThreadsPerCore: NotRequired[int | None]
    ValidCores: NotRequired[Sequence[int] | Fragment | None]
    ValidThreadsPerCore: NotRequired[Sequence[int] | Fragment | None]


class ValidationError(TypedDict):
    Code: NotRequired[str | None]
    Message: NotRequired[str | None]


class ValidationWarning(TypedDict):
    Errors: NotRequired[Sequence[ValidationError | Fragment] | Fragment | None]


class Volume(TypedDict):
    AvailabilityZoneId: NotRequired[str | None]
    OutpostArn: NotRequired[str | None]
    SourceVolumeId: NotRequired[str | None]
    Iops: NotRequired[int | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    VolumeType: NotRequired[str | None]
    FastRestored: NotRequired[bool | None]
    MultiAttachEnabled: NotRequired[bool | None]
    Throughput: NotRequired[int | None]
    SseType: NotRequired[str | None]
    Operator: NotRequired[OperatorResponse | Fragment | None]
    VolumeInitializationRate: NotRequired[int | None]
    VolumeArn: NotRequired[str | None]
    OwnerId: NotRequired[str | None]
    VolumeId: NotRequired[str | None]
    Size: NotRequired[int | None]
    SnapshotId: NotRequired[str | None]
    AvailabilityZone: NotRequired[str | None]
    State: NotRequired[str | None]
    CreateTime: NotRequired[datetime | float | None]
    Attachments: NotRequired[Sequence[VolumeAttachment | Fragment] | Fragment | None]
    Encrypted: NotRequired[bool | None]
    KmsKeyId: NotRequired[str | None]


class VolumeAttachment(TypedDict):
    DeleteOnTermination: NotRequired[bool | None]
    AssociatedResource: NotRequired[str | None]
    InstanceOwningService: NotRequired[str | None]
    EbsCardIndex: NotRequired[int | None]
    VolumeId: NotRequired[str | None]
    InstanceId: NotRequired[str | None]
    Device: NotRequired[str | None]
    State: NotRequired[str | None]
    AttachTime: NotRequired[datetime | float | None]


class VolumeDetail(TypedDict):
    Size: int


class VolumeModification(TypedDict):
    VolumeId: NotRequired[str | None]
    ModificationState: NotRequired[str | None]
    StatusMessage: NotRequired[str | None]
    TargetSize: NotRequired[int | None]
    TargetIops: NotRequired[int | None]
    TargetVolumeType: NotRequired[str | None]
    TargetThroughput: NotRequired[int | None]
    TargetMultiAttachEnabled: NotRequired[bool | None]
    OriginalSize: NotRequired[int | None]
    OriginalIops: NotRequired[int | None]
    OriginalVolumeType: NotRequired[str | None]
    OriginalThroughput: NotRequired[int | None]
    OriginalMultiAttachEnabled: NotRequired[bool | None]
    Progress: NotRequired[int | None]
    StartTime: NotRequired[datetime | float | None]
    EndTime: NotRequired[datetime | float | None]
    Operator: NotRequired[OperatorResponse | Fragment | None]


class VolumeRecycleBinInfo(TypedDict):
    VolumeId: NotRequired[str | None]
    VolumeType: NotRequired[str | None]
    State: NotRequired[str | None]
    Size: NotRequired[int | None]
    Iops: NotRequired[int | None]
    Throughput: NotRequired[int | None]
    OutpostArn: NotRequired[str | None]
    AvailabilityZone: NotRequired[str | None]
    AvailabilityZoneId: NotRequired[str | None]
    SourceVolumeId: NotRequired[str | None]
    SnapshotId: NotRequired[str | None]
    Operator: NotRequired[OperatorResponse | Fragment | None]
    CreateTime: NotRequired[datetime | float | None]
    RecycleBinEnterTime: NotRequired[datetime | float | None]
    RecycleBinExitTime: NotRequired[datetime | float | None]


class VolumeStatusAction(TypedDict):
    Code: NotRequired[str | None]
    Description: NotRequired[str | None]
    EventId: NotRequired[str | None]
    EventType: NotRequired[str | None]


class VolumeStatusAttachmentStatus(TypedDict):
    IoPerformance: NotRequired[str | None]
    InstanceId: NotRequired[str | None]


class VolumeStatusDetails(TypedDict):
    Name: NotRequired[str | None]
    Status: NotRequired[str | None]


class VolumeStatusEvent(TypedDict):
    Description: NotRequired[str | None]
    EventId: NotRequired[str | None]
    EventType: NotRequired[str | None]
    NotAfter: NotRequired[datetime | float | None]
    NotBefore: NotRequired[datetime | float | None]
    InstanceId: NotRequired[str | None]


class VolumeStatusInfo(TypedDict):
    Details: NotRequired[Sequence[VolumeStatusDetails | Fragment] | Fragment | None]
    Status: NotRequired[str | None]


class VolumeStatusItem(TypedDict):
    Actions: NotRequired[Sequence[VolumeStatusAction | Fragment] | Fragment | None]
    AvailabilityZone: NotRequired[str | None]
    OutpostArn: NotRequired[str | None]
    Events: NotRequired[Sequence[VolumeStatusEvent | Fragment] | Fragment | None]
    VolumeId: NotRequired[str | None]
    VolumeStatus: NotRequired[VolumeStatusInfo | Fragment | None]
    AttachmentStatuses: NotRequired[
        Sequence[VolumeStatusAttachmentStatus | Fragment] | Fragment | None
    ]
    InitializationStatusDetails: NotRequired[InitializationStatusDetails | Fragment | None]
    AvailabilityZoneId: NotRequired[str | None]
    Operator: NotRequired[OperatorResponse | Fragment | None]


class Vpc(TypedDict):
    OwnerId: NotRequired[str | None]
    InstanceTenancy: NotRequired[str | None]
    Ipv6CidrBlockAssociationSet: NotRequired[
        Sequence[VpcIpv6CidrBlockAssociation | Fragment] | Fragment | None
    ]
    CidrBlockAssociationSet: NotRequired[
        Sequence[VpcCidrBlockAssociation | Fragment] | Fragment | None
    ]
    IsDefault: NotRequired[bool | None]
    EncryptionControl: NotRequired[VpcEncryptionControl | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    BlockPublicAccessStates: NotRequired[BlockPublicAccessStates | Fragment | None]
    VpcId: NotRequired[str | None]
    State: NotRequired[str | None]
    CidrBlock: NotRequired[str | None]
    DhcpOptionsId: NotRequired[str | None]


class VpcBlockPublicAccessExclusion(TypedDict):
    ExclusionId: NotRequired[str | None]
    InternetGatewayExclusionMode: NotRequired[str | None]
    ResourceArn: NotRequired[str | None]
    State: NotRequired[str | None]
    Reason: NotRequired[str | None]
    CreationTimestamp: NotRequired[datetime | float | None]
    LastUpdateTimestamp: NotRequired[datetime | float | None]
    DeletionTimestamp: NotRequired[datetime | float | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class VpcBlockPublicAccessOptions(TypedDict):
    AwsAccountId: NotRequired[str | None]
    AwsRegion: NotRequired[str | None]
    State: NotRequired[str | None]
    InternetGatewayBlockMode: NotRequired[str | None]
    Reason: NotRequired[str | None]
    LastUpdateTimestamp: NotRequired[datetime | float | None]
    ManagedBy: NotRequired[str | None]
    ExclusionsAllowed: NotRequired[str | None]


class VpcCidrBlockAssociation(TypedDict):
    AssociationId: NotRequired[str | None]
    CidrBlock: NotRequired[str | None]
    CidrBlockState: NotRequired[VpcCidrBlockState | Fragment | None]


class VpcCidrBlockState(TypedDict):
    State: NotRequired[str | None]
    StatusMessage: NotRequired[str | None]


class VpcClassicLink(TypedDict):
    ClassicLinkEnabled: NotRequired[bool | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    VpcId: NotRequired[str | None]


class VpcEncryptionControl(TypedDict):
    VpcId: NotRequired[str | None]
    VpcEncryptionControlId: NotRequired[str | None]
    Mode: NotRequired[str | None]
    State: NotRequired[str | None]
    StateMessage: NotRequired[str | None]
    ResourceExclusions: NotRequired[VpcEncryptionControlExclusions | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class VpcEncryptionControlConfiguration(TypedDict):
    Mode: str
    InternetGatewayExclusion: NotRequired[str]
    EgressOnlyInternetGatewayExclusion: NotRequired[str]
    NatGatewayExclusion: NotRequired[str]
    VirtualPrivateGatewayExclusion: NotRequired[str]
    VpcPeeringExclusion: NotRequired[str]
    LambdaExclusion: NotRequired[str]
    VpcLatticeExclusion: NotRequired[str]
    ElasticFileSystemExclusion: NotRequired[str]
    GlobalAcceleratorExclusion: NotRequired[str]
    ApiGatewayV2Exclusion: NotRequired[str]


class VpcEncryptionControlExclusion(TypedDict):
    State: NotRequired[str | None]
    StateMessage: NotRequired[str | None]


class VpcEncryptionControlExclusions(TypedDict):
    InternetGateway: NotRequired[VpcEncryptionControlExclusion | Fragment | None]
    EgressOnlyInternetGateway: NotRequired[VpcEncryptionControlExclusion | Fragment | None]
    NatGateway: NotRequired[VpcEncryptionControlExclusion | Fragment | None]
    VirtualPrivateGateway: NotRequired[VpcEncryptionControlExclusion | Fragment | None]
    VpcPeering: NotRequired[VpcEncryptionControlExclusion | Fragment | None]
    Lambda: NotRequired[VpcEncryptionControlExclusion | Fragment | None]
    VpcLattice: NotRequired[VpcEncryptionControlExclusion | Fragment | None]
    ElasticFileSystem: NotRequired[VpcEncryptionControlExclusion | Fragment | None]
    GlobalAccelerator: NotRequired[VpcEncryptionControlExclusion | Fragment | None]
    ApiGatewayV2: NotRequired[VpcEncryptionControlExclusion | Fragment | None]


class VpcEndpoint(TypedDict):
    VpcEndpointId: NotRequired[str | None]
    VpcEndpointType: NotRequired[str | None]
    VpcId: NotRequired[str | None]
    ServiceName: NotRequired[str | None]
    State: NotRequired[str | None]
    PolicyDocument: NotRequired[str | None]
    RouteTableIds: NotRequired[Sequence[str] | Fragment | None]
    SubnetIds: NotRequired[Sequence[str] | Fragment | None]
    Groups: NotRequired[Sequence[SecurityGroupIdentifier | Fragment] | Fragment | None]
    IpAddressType: NotRequired[str | None]
    DnsOptions: NotRequired[DnsOptions | Fragment | None]
    PrivateDnsEnabled: NotRequired[bool | None]
    RequesterManaged: NotRequired[bool | None]
    NetworkInterfaceIds: NotRequired[Sequence[str] | Fragment | None]
    DnsEntries: NotRequired[Sequence[DnsEntry | Fragment] | Fragment | None]
    CreationTimestamp: NotRequired[datetime | float | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    OwnerId: NotRequired[str | None]
    LastError: NotRequired[LastError | Fragment | None]
    Ipv4Prefixes: NotRequired[Sequence[SubnetIpPrefixes | Fragment] | Fragment | None]
    Ipv6Prefixes: NotRequired[Sequence[SubnetIpPrefixes | Fragment] | Fragment | None]
    FailureReason: NotRequired[str | None]
    ServiceNetworkArn: NotRequired[str | None]
    ResourceConfigurationArn: NotRequired[str | None]
    ServiceRegion: NotRequired[str | None]
    PayerResponsibilities: NotRequired[
        Sequence[PayerResponsibilityEntry | Fragment] | Fragment | None
    ]


class VpcIpv6CidrBlockAssociation(TypedDict):
    AssociationId: NotRequired[str | None]
    Ipv6CidrBlock: NotRequired[str | None]
    Ipv6CidrBlockState: NotRequired[VpcCidrBlockState | Fragment | None]
    NetworkBorderGroup: NotRequired[str | None]
    Ipv6Pool: NotRequired[str | None]
    Ipv6AddressAttribute: NotRequired[str | None]
    IpSource: NotRequired[str | None]


class VpcPeeringConnection(TypedDict):
    AccepterVpcInfo: NotRequired[VpcPeeringConnectionVpcInfo | Fragment | None]
    ExpirationTime: NotRequired[datetime | float | None]
    RequesterVpcInfo: NotRequired[VpcPeeringConnectionVpcInfo | Fragment | None]
    Status: NotRequired[VpcPeeringConnectionStateReason | Fragment | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    VpcPeeringConnectionId: NotRequired[str | None]
    MultipathResilienceStatus: NotRequired[str | None]


class VpcPeeringConnectionOptionsDescription(TypedDict):
    AllowDnsResolutionFromRemoteVpc: NotRequired[bool | None]
    AllowEgressFromLocalClassicLinkToRemoteVpc: NotRequired[bool | None]
    AllowEgressFromLocalVpcToRemoteClassicLink: NotRequired[bool | None]
    AllowMultipathResilience: NotRequired[bool | None]
    MultipathResilienceMode: NotRequired[str | None]


class VpcPeeringConnectionStateReason(TypedDict):
    Code: NotRequired[str | None]
    Message: NotRequired[str | None]


class VpcPeeringConnectionVpcInfo(TypedDict):
    CidrBlock: NotRequired[str | None]
    Ipv6CidrBlockSet: NotRequired[Sequence[Ipv6CidrBlock | Fragment] | Fragment | None]
    CidrBlockSet: NotRequired[Sequence[CidrBlock | Fragment] | Fragment | None]
    OwnerId: NotRequired[str | None]
    PeeringOptions: NotRequired[VpcPeeringConnectionOptionsDescription | Fragment | None]
    VpcId: NotRequired[str | None]
    Region: NotRequired[str | None]
