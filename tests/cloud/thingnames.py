"""Which parameters of which actions name things of an account: for the tests of isolation."""

import re

NAMES = {
    "AccessKeyId": "access-key",
    "AccountAlias": "alias",
    "AliasName": "key-alias",
    "Address": "address",
    "AllocationId": "elastic-ip",
    "AllocationIds": "elastic-ip",
    "AssociationId": "association",
    "AttachmentId": "attachment",
    "CapacityReservationFleetId": "reservation-fleet",
    "CapacityReservationFleetIds": "reservation-fleet",
    "CapacityReservationId": "capacity-reservation",
    "CapacityReservationIds": "capacity-reservation",
    "DestinationCapacityReservationId": "capacity-reservation",
    "DhcpOptionsId": "dhcp-options",
    "DhcpOptionsIds": "dhcp-options",
    "EgressOnlyInternetGatewayId": "eigw",
    "EgressOnlyInternetGatewayIds": "eigw",
    "GatewayId": "internet-gateway",
    "InternetGatewayId": "internet-gateway",
    "InternetGatewayIds": "internet-gateway",
    "NatGatewayId": "natgateway",
    "NatGatewayIds": "natgateway",
    "NetworkAclId": "network-acl",
    "NetworkAclIds": "network-acl",
    "RouteTableId": "route-table",
    "ExcludeDataVolumeIds": "volume",
    "SnapshotId": "snapshot",
    "SnapshotIds": "snapshot",
    "ReplaceRootVolumeTaskIds": "replace-root-volume-task",
    "ReportId": "image-usage-report",
    "ReportIds": "image-usage-report",
    "SourceImageId": "image",
    "SourceSnapshotId": "snapshot",
    "SourceSnapshotIds": "snapshot",
    "SourceVolumeId": "volume",
    "VolumeId": "volume",
    "VolumeIds": "volume",
    "AddRouteTableIds": "route-table",
    "RemoveRouteTableIds": "route-table",
    "AddSubnetIds": "subnet",
    "RemoveSubnetIds": "subnet",
    "AddSecurityGroupIds": "security-group",
    "RemoveSecurityGroupIds": "security-group",
    "ExclusionId": "exclusion",
    "ExclusionIds": "exclusion",
    "VpcEndpointId": "endpoint",
    "VpcEndpointIds": "endpoint",
    "RouteTableIds": "route-table",
    "SecondaryAllocationIds": "elastic-ip",
    "SubnetCidrReservationId": "reservation",
    "VpcPeeringConnectionId": "peering",
    "VpcPeeringConnectionIds": "peering",
    "FlowLogIds": "flow-log",
    "ResourceIds": "vpc",
    "TrafficMirrorFilterId": "mirror-filter",
    "TrafficMirrorFilterIds": "mirror-filter",
    "TrafficMirrorFilterRuleId": "mirror-rule",
    "TrafficMirrorFilterRuleIds": "mirror-rule",
    "TrafficMirrorSessionId": "mirror-session",
    "TrafficMirrorSessionIds": "mirror-session",
    "TrafficMirrorTargetId": "mirror-target",
    "TrafficMirrorTargetIds": "mirror-target",
    "GroupId": "security-group",
    "GroupIds": "security-group",
    "GroupName": "group-name",
    "GroupNames": "group-name",
    "Groups": "security-group",
    "ExecutionRoleArn": "role-arn",
    "Identifier": "recycle-rule",
    "BundleId": "bundle-task",
    "BundleIds": "bundle-task",
    "ConversionTaskId": "conversion-task",
    "ConversionTaskIds": "conversion-task",
    "ExportImageTaskIds": "export-image-task",
    "ExportTaskId": "export-image-task",
    "ExportTaskIds": "export-instance-task",
    "ImportTaskId": "import-snapshot-task",
    "ImportTaskIds": "import-snapshot-task",
    "HostId": "dedicated-host",
    "HostIds": "dedicated-host",
    "ImageId": "image",
    "ImageIds": "image",
    "CertificateId": "signing-certificate",
    "InstanceConnectEndpointId": "connect-endpoint",
    "InstanceConnectEndpointIds": "connect-endpoint",
    "InstanceEventWindowId": "event-window",
    "InstanceEventWindowIds": "event-window",
    "InstanceId": "instance",
    "PrincipalArn": "user-arn",
    "InstanceIds": "instance",
    "InstanceProfileName": "instance-profile",
    "DestinationKeyId": "key",
    "CurrentIpamScopeId": "ipam-scope",
    "DestinationIpamScopeId": "ipam-scope",
    "IpamId": "ipam",
    "IpamIds": "ipam",
    "IpamPolicyId": "ipam-policy",
    "IpamPolicyIds": "ipam-policy",
    "IpamPoolAllocationId": "ipam-allocation",
    "IpamPoolAllocationIds": "ipam-allocation",
    "IpamPoolId": "ipam-pool",
    "IpamPoolIds": "ipam-pool",
    "IpamPrefixListResolverId": "resolver",
    "IpamPrefixListResolverIds": "resolver",
    "IpamPrefixListResolverTargetId": "resolver-target",
    "IpamPrefixListResolverTargetIds": "resolver-target",
    "IpamResourceDiscoveryAssociationId": "ipam-association",
    "IpamResourceDiscoveryAssociationIds": "ipam-association",
    "IpamResourceDiscoveryId": "ipam-discovery",
    "IpamResourceDiscoveryIds": "ipam-discovery",
    "IpamScopeId": "ipam-scope",
    "IpamScopeIds": "ipam-scope",
    "Ipv4IpamPoolId": "ipam-pool",
    "Ipv6IpamPoolId": "ipam-pool",
    "PoolId": "public-pool",
    "PoolIds": "public-pool",
    "PublicIpv4Pool": "public-pool",
    "SourceIpamPoolId": "ipam-pool",
    "KernelId": "image",
    "LaunchTemplateId": "launch-template",
    "LaunchTemplateIds": "launch-template",
    "LaunchTemplateName": "template-name",
    "LaunchTemplateNames": "template-name",
    "PeerVpcId": "vpc",
    "DestinationPrefixListId": "prefix-list",
    "PrefixListId": "prefix-list",
    "PrefixListIds": "prefix-list",
    "KeyId": "key",
    "KeyName": "key-name",
    "KeyNames": "key-name",
    "KeyPairId": "key-pair",
    "KeyPairIds": "key-pair",
    "NetworkInsightsAccessScopeAnalysisId": "scope-analysis",
    "NetworkInsightsAccessScopeAnalysisIds": "scope-analysis",
    "NetworkInsightsAccessScopeId": "access-scope",
    "NetworkInsightsAccessScopeIds": "access-scope",
    "NetworkInsightsAnalysisId": "insights-analysis",
    "NetworkInsightsAnalysisIds": "insights-analysis",
    "NetworkInsightsPathId": "insights-path",
    "NetworkInsightsPathIds": "insights-path",
    "NetworkInterfaceId": "network-interface",
    "NetworkInterfaceIds": "network-interface",
    "NetworkInterfacePermissionId": "interface-permission",
    "NetworkInterfacePermissionIds": "interface-permission",
    "OpenIDConnectProviderArn": "oidc-provider",
    "PermissionsBoundary": "policy",
    "PolicyArn": "policy",
    "PolicySourceArn": "user-arn",
    "PublicIp": "address",
    "PublicIps": "address",
    "RamdiskId": "image",
    "ReferencedGroupId": "security-group",
    "Resources": "instance",
    "ResourceId": "vpc",
    "RoleArn": "role-arn",
    "RoleName": "role",
    "SAMLProviderArn": "saml-provider",
    "SSHPublicKeyId": "ssh-public-key",
    "SecurityGroupIds": "security-group",
    "SecurityGroupRuleId": "rule",
    "SecurityGroupRuleIds": "rule",
    "SecurityGroups": "group-name",
    "SerialNumber": "mfa",
    "ServerCertificateName": "server-certificate",
    "SourceCapacityReservationId": "capacity-reservation",
    "SourceKeyId": "key",
    "SourceSecurityGroupName": "group-name",
    "SubnetId": "subnet",
    "SubnetIds": "subnet",
    "TargetKeyId": "key",
    "TransitGatewayAttachmentId": "transit-attachment",
    "TransitGatewayAttachmentIds": "transit-attachment",
    "TransitGatewayId": "transit-gateway",
    "TransitGatewayIds": "transit-gateway",
    "TransitGatewayRouteTableId": "transit-table",
    "TransitGatewayRouteTableIds": "transit-table",
    "AssociationDefaultRouteTableId": "transit-table",
    "PropagationDefaultRouteTableId": "transit-table",
    "PeerTransitGatewayId": "transit-gateway",
    "UserName": "user",
    "VpcId": "vpc",
    "VpcIds": "vpc",
}
"""By the last part of a parameter's name: the kind of thing that it names."""

OF_SERVICES = {
    ("dlm", "PolicyId"): "lifecycle-policy",
    ("dlm", "PolicyIds"): "lifecycle-policy",
    ("dlm", "ResourceArn"): "lifecycle-policy-arn",
    ("rbin", "ResourceArn"): "recycle-rule-arn",
}
"""By service and parameter, where its name alone says too little."""

PATHS = {
    "Instances": "instance",
    "Arn": "user-arn",
    "IamInstanceProfile.Arn": "instance-profile-arn",
    "IamInstanceProfile.Name": "instance-profile",
    "Source": "network-interface",
    "Placement.GroupId": "placement-group",
    "Placement.GroupName": "placement-group-name",
}
"""By a parameter's whole name, where its last part says too little."""


def named(service: str, path: str) -> str:
    """The kind of thing that a parameter names; empty when it names nothing.

    What a launch template says is looked at when somebody launches with it.
    """
    if path.startswith("LaunchTemplateData."):
        return ""
    name = path.rpartition(".")[2]
    return OF_SERVICES.get((service, name)) or PATHS.get(path) or NAMES.get(name, "")


NAMES_NOTHING = re.compile(
    r"(Configured|OrganizationTargetId|DiscoveryRegion|AddressRegion|Locale|RuleType|IpamPrefixListResolver(Version|Sync)|DesiredVersion|Operation|PrefixListRegion|TrackLatest|StaticCidr|ResourceRegion|ResourceCidr|ResourceType|ResourceTag|Add(Entries|ressFamily)|ResetPolicy|VpcEndpointType|Current|Entries|PrefixListName|PreviousVersion|RemoveEntries|TargetVersion|TransferAccount|Allow|Amazon|Assign|Attribute|Availability|Connectivity|Default|Destination|Dhcp|Egress|Icmp|Instance(Tenancy)"
    r"|NetworkCard|Partition|Peer(Owner|Region)|Port|Primary|Protocol|RamDisk|Reservation|Rule(Action|Number)"
    r"|Secondary(Private)|SourceVersion|Spread|Strategy|Attribute|Availability|All|Cidr|Description|Device|Disable|Ebs|Executable|Force|From"
    r"|Http|Include|InstanceInit|InstanceMeta|InstanceType|Ip|Key(Type|Format)|Latest|Location"
    r"|Map|Max|Min|Monitor|Owner|PrivateIp|PublicKey|Region|SkipOs|SourceDest|Tag|Tenancy|To"
    r"|UserData|InstanceOSUser|InstanceTagKeys|SSHPublicKey|PreserveClientIp|Value|Volume|Zone|Domain|Delete|Associate|PathPrefix|Status|NetworkBorder"
    r"|SourceSecurityGroupOwnerId|UserId|MetadataOptions|Enable|EncodedMessage"
    r"|Lookup|TargetEnvironment|StartTime|EndTime|trailNameList|includeShadowTrails|TrailName"
    r"|ActionNames|Assignment|Association(Ids)|Assume|Authentication|AWSService|Caller|Certificate"
    r"|ClientID|Context|Credential|Custom|DeletionTask|Duration|Encoding|ExternalId|Filter"
    r"|Granularity|Hard|JobId|Name|NextToken|Old|Password|Permissions.*List|Policy(ArnsInputList)?"
    r"|PrivateKey|Require|SAMLMetadata|Resource(Arns|Owner|Policy|HandlingOption)|RoleSession|SSHPublicKeyBody|Service"
    r"|SourceIdentity|Thumbprint|Transitive|Url|VirtualMFA|WebIdentity"
    r"|Import|Encrypted|Valid|Expiration|Wrapping|Ciphertext|Constraints|Customer|Decrypt|EncryptionA|EncryptionC|Grant|Key(Agreement|Pair|Spec|Usage)|Limit"
    r"|AutoPlacement|EphemeralStorage|EndDate|Host(Maintenance|Recovery)|Instance(Count|MatchCriteria|Platform)|Quantity|RemoveEndDate|TotalTarget|AutoRecovery|Affinity|CapacityReservationPreference|PlacementGroupArn|Priority|Weight|Mac|Marker|Message|MultiRegion|Number|Operations|Origin|Pending|Plaintext|Retiring|Rotation"
    r"|CoreCount|CpuCredits|InstanceFamily|Resources?$|ThreadsPerCore|UseLongIds|Cron|Key$|(Start|End)(Hour|WeekDay)|InstanceEventId|Not(Before|After)|ReasonCodes|Accelerator|Architecture|BareMetal|Burstable|Excluded|InstanceGenerations|LocalStorage"
    r"|PrivateDns|InternetGateway(Block|Exclusion)|AwsAccountId|DnsRecord|Permission$"
    r"|Memory|NetworkInterfaceCount|TotalLocalStorage|VCpu|Virtualization"
    r"|(Appliance|Auto|Default|Dns|Ipv6|Multicast|SecurityGroup|VpnEcmp)[A-Za-z]*(Support|Attachments|Association|Propagation)$"
    r"|AmazonSideAsn|LocalTarget|Blackhole|PeerAccountId|PeerRegion"
    r"|Signature|SigningA|SourceE|DestinationE|Bypass|WakeUp"
    r"|AddAllocation|AddOperating|AutoImport|AwsService|Cascade|ClearAllocation|Disallowed|Monitored|Netmask|Operating|PreviewNext|PubliclyAdv|PublicIpSource|RemoveAllocation|RemoveOperating|Tier"
    r"|Traffic(Type|Direction)|LogDestination|LogFormat|ResourceType|(Add|Remove)NetworkServices|RemoveFields"
    r"|SessionNumber|VirtualNetworkId|Source(PortRange|CidrBlock)"
    r"|DeleteReplacedRootVolume"
    r"|EnaSupport|NoReboot|RootDeviceName|SriovNetSupport"
    r"|AutoEnableIO|Interval|Parameters|PolicyDetails|Policy(Language|Type)|ResourceLocation|RetainRule|Target(Tags)|Times|Variable|CopyImage|CreationDate|Deprecat|Group$|Image(Block|Names|Providers)|ImdsSupport|UserGroups|WithCooldown|ExcludeResource|LockC|LockState|RetentionP|SourceRegion|BlockDeviceMappings$|CopyTags|ExcludeBootVolume|Iops|KmsKeyId|MultiAttach|NetworkBandwidth"
    r"|CoolOff|Completion|CreateVolumePermission|Lock(Mode|Duration)|State$|Presigned"
    r"|NoDevice|RestorableBy|S3Bucket|Size|Throughput"
    r"|AWSAccessKeyId|BootMode|Bucket|Bytes|CancelReason|ObjectKey|Prefix|ReasonMessage|Data$|UploadPolicy|ImageLocation|Platform|ClientData|Container|DiskImage|Format|Hypervisor|License|S3(Key|Prefix)"
    r"|Analysis(Start|End)Time|(Match|Exclude)Paths|SourceIp"
    r"|AccountIds|CmkArn|CreateInterval|EventType|Exclude(Tags|VolumeTypes)|ExtendDeletion"
    r"|Option(Name|Values)|RetainInterval|SnapshotOwner|Target$|Type$"
    r"|Arn|New|Only|Path|Policy(Name|Document|UsageFilter)|EntityFilter|Scope|SetAsDefault|Version).*"
)
"""Parameters that name no thing of an account."""

MAKES_A_NEW_NAME = frozenset(
    {
        ("CreateAlias", "AliasName"),
        ("CreateGroup", "GroupName"),
        ("CreateInstanceProfile", "InstanceProfileName"),
        ("CreateRole", "RoleName"),
        ("UploadServerCertificate", "ServerCertificateName"),
        ("CreateKeyPair", "KeyName"),
        ("ImportKeyPair", "KeyName"),
        ("CreateSecurityGroup", "GroupName"),
        ("CreateUser", "UserName"),
        ("CreateLaunchTemplate", "LaunchTemplateName"),
        ("CreatePlacementGroup", "GroupName"),
    }
)
"""A name is each account's own: the same name in another account is another thing."""

ASKS_ANOTHER = frozenset(
    {
        ("CreateTransitGatewayPeeringAttachment", "PeerTransitGatewayId"),
        ("CreateTransitGatewayVpcAttachment", "TransitGatewayId"),
    }
)
"""What may be asked of another account, by who knows the id: nothing passes before it accepts
(`tests/cloud/ec2/transit`)."""

SAYS_NOTHING = frozenset(
    {
        ("ModifyInstanceCreditSpecification", "InstanceCreditSpecifications.InstanceId"),
        ("GetIpamResourceCidrs", "ResourceId"),
        # A condition compares; it names nothing.
        ("CreateIpamPrefixListResolver", "Rules.Conditions.IpamPoolId"),
        ("CreateIpamPrefixListResolver", "Rules.Conditions.ResourceId"),
        ("ModifyIpamPrefixListResolver", "Rules.Conditions.IpamPoolId"),
        ("ModifyIpamPrefixListResolver", "Rules.Conditions.ResourceId"),
        # Of each host, of each fleet the answer says why nothing was done.
        ("CancelCapacityReservationFleets", "CapacityReservationFleetIds"),
        ("ModifyHosts", "HostIds"),
        ("ReleaseHosts", "HostIds"),
        ("DeleteKeyPair", "KeyName"),
        ("DeleteVpcEndpoints", "VpcEndpointIds"),
        ("DeleteKeyPair", "KeyPairId"),
        ("DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn"),
    }
)
"""AWS answers success for things that are not there, and so do we; nothing may change."""

REFUSES = {
    ("CreateLifecyclePolicy", "ExecutionRoleArn"): "InvalidRequestException",
    ("UpdateLifecyclePolicy", "ExecutionRoleArn"): "InvalidRequestException",
    ("DescribeImportImageTasks", "ImportTaskIds"): "InvalidConversionTaskId.Malformed",
    ("DescribeImportSnapshotTasks", "ImportTaskIds"): "InvalidConversionTaskId",
    ("CancelImportTask", "ImportTaskId"): "InvalidConversionTaskId",
    ("CancelConversionTask", "ConversionTaskId"): "InvalidConversionTaskId",
    ("DescribeConversionTasks", "ConversionTaskIds"): "InvalidConversionTaskId",
    # A disk is named once.
    ("ImportImage", "DiskContainers.SnapshotId"): "InvalidParameter",
    ("ExportImage", "RoleName"): "InvalidParameter",
    ("ImportImage", "RoleName"): "InvalidParameter",
    ("ImportSnapshot", "RoleName"): "InvalidParameter",
    ("CreateSnapshots", "InstanceSpecification.ExcludeDataVolumeIds"): "InvalidParameterValue",
    # A group of users: there is one, `all`.
    ("ModifySnapshotAttribute", "GroupNames"): "InvalidUserID.Malformed",
    ("DescribeInstanceTopology", "GroupNames"): "InvalidPlacementGroup.Unknown",
    ("DescribePrincipalIdFormat", "Resources"): "InvalidParameterValue",
    ("DescribeIdentityIdFormat", "PrincipalArn"): "InvalidParameterValue",
    ("ModifyIdentityIdFormat", "PrincipalArn"): "InvalidParameterValue",
    ("AssociateIamInstanceProfile", "IamInstanceProfile.Arn"): "InvalidParameterValue",
    ("AssociateIamInstanceProfile", "IamInstanceProfile.Name"): "InvalidParameterValue",
    ("ModifyIpamResourceCidr", "ResourceId"): "InvalidParameterValue",
    ("AssumeRole", "RoleArn"): "AccessDenied",
    ("AssumeRole", "SerialNumber"): "AccessDenied",
    ("GetSessionToken", "SerialNumber"): "AccessDenied",
    ("RunInstances", "IamInstanceProfile.Arn"): "InvalidParameterValue",
    ("RunInstances", "IamInstanceProfile.Name"): "InvalidParameterValue",
    ("RunInstances", "Placement.GroupName"): "InvalidPlacementGroup.Unknown",
    ("DeletePlacementGroup", "GroupName"): "InvalidPlacementGroup.Unknown",
    ("DescribePlacementGroups", "GroupIds"): "InvalidPlacementGroupId.Malformed",
    ("DescribePlacementGroups", "GroupNames"): "InvalidPlacementGroup.Unknown",
    # An instance that runs is not moved, to whatever group.
    ("ModifyInstancePlacement", "GroupId"): "IncorrectInstanceState",
    ("ModifyInstancePlacement", "HostId"): "IncorrectInstanceState",
    # It asks for tenancy host too.
    ("RunInstances", "Placement.HostId"): "InvalidParameterCombination",
    # An instance that has not begun to run is made no image of.
    ("CreateImage", "BlockDeviceMappings.Ebs.SnapshotId"): "IncorrectInstanceState",
    ("ModifyInstancePlacement", "GroupName"): "IncorrectInstanceState",
    ("DeleteLaunchTemplate", "LaunchTemplateName"): ("InvalidLaunchTemplateName.NotFoundException"),
    ("ModifyLaunchTemplate", "LaunchTemplateName"): ("InvalidLaunchTemplateName.NotFoundException"),
}
"""What AWS answers where it does not say that something is not there."""
