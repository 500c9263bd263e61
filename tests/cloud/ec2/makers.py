"""One well-formed request for each action of EC2 that makes something with tags.

A new row that may tag what it makes needs an entry in `MAKERS`: then the laws of making are tried
on it (`test_conformance`).
"""

import itertools
from collections.abc import Callable
from typing import Any

from tests.cloud.ec2.ipam import plans
from tests.cloud.ec2.world import IMAGE_ID, LOG_BUCKET

_count = itertools.count()


def vpc(ec2: Any) -> str:
    """A VPC of its own."""
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


def subnet(ec2: Any, vpc_id: str | None = None) -> str:
    """A subnet of a VPC of its own."""
    made = ec2.create_subnet(VpcId=vpc_id or vpc(ec2), CidrBlock="10.0.1.0/24")
    return made["Subnet"]["SubnetId"]


def _public(ec2: Any) -> dict[str, Any]:
    """What a public NAT gateway takes."""
    own = vpc(ec2)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=own)
    allocation = ec2.allocate_address()["AllocationId"]
    return {"SubnetId": subnet(ec2, own), "AllocationId": allocation}


def _path(ec2: Any) -> dict[str, Any]:
    made = ec2.create_network_interface(SubnetId=subnet(ec2))["NetworkInterface"]
    return {
        "Source": made["NetworkInterfaceId"],
        "DestinationIp": "10.0.1.9",
        "Protocol": "tcp",
    }


def _scope() -> dict[str, Any]:
    gateways = {"ResourceStatement": {"ResourceTypes": ["AWS::EC2::InternetGateway"]}}
    return {"MatchPaths": [{"Source": gateways}]}


def _group(ec2: Any) -> str:
    return ec2.create_security_group(GroupName=f"g{next(_count)}", Description="g")["GroupId"]


def _interface(ec2: Any, subnet_id: str) -> str:
    made = ec2.create_network_interface(SubnetId=subnet_id)
    return made["NetworkInterface"]["NetworkInterfaceId"]


def _mirror_filter(ec2: Any) -> str:
    return ec2.create_traffic_mirror_filter()["TrafficMirrorFilter"]["TrafficMirrorFilterId"]


def _mirror_session(ec2: Any) -> dict[str, Any]:
    """What a session between two interfaces of a subnet takes."""
    inside = subnet(ec2)
    target = ec2.create_traffic_mirror_target(NetworkInterfaceId=_interface(ec2, inside))
    return {
        "NetworkInterfaceId": _interface(ec2, inside),
        "TrafficMirrorTargetId": target["TrafficMirrorTarget"]["TrafficMirrorTargetId"],
        "TrafficMirrorFilterId": _mirror_filter(ec2),
        "SessionNumber": 1,
    }


def transit_gateway(ec2: Any) -> str:
    """A transit gateway."""
    return ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]


def _account(ec2: Any) -> str:
    return ec2.describe_vpcs()["Vpcs"][0]["OwnerId"]


def _attached(ec2: Any) -> dict[str, Any]:
    """What an attachment of a VPC takes."""
    own = vpc(ec2)
    return {
        "TransitGatewayId": transit_gateway(ec2),
        "VpcId": own,
        "SubnetIds": [subnet(ec2, own)],
    }


def _default_vpc(ec2: Any) -> str:
    wanted = [{"Name": "is-default", "Values": ["true"]}]
    return ec2.describe_vpcs(Filters=wanted)["Vpcs"][0]["VpcId"]


_TCP = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
_KEY = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl someone"

_ROOM = {
    "AvailabilityZone": "us-east-1a",
    "InstanceCount": 1,
    "InstanceMatchCriteria": "targeted",
    "InstancePlatform": "Linux/UNIX",
    "InstanceType": "m1.small",
}

MAKERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "AllocateAddress": lambda ec2: {},
    "AuthorizeSecurityGroupEgress": lambda ec2: {
        "GroupId": _group(ec2),
        "IpPermissions": [{**_TCP, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}],
    },
    "AuthorizeSecurityGroupIngress": lambda ec2: {
        "GroupId": _group(ec2),
        "IpPermissions": [{**_TCP, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}],
    },
    "CreateInstanceConnectEndpoint": lambda ec2: {"SubnetId": subnet(ec2)},
    "AllocateHosts": lambda ec2: {
        "AvailabilityZone": "us-east-1a",
        "InstanceFamily": "m1",
    },
    "CreateCapacityReservation": lambda ec2: _ROOM,
    "CreateCapacityReservationBySplitting": lambda ec2: {
        "SourceCapacityReservationId": ec2.create_capacity_reservation(
            **{**_ROOM, "InstanceCount": 3}
        )["CapacityReservation"]["CapacityReservationId"],
        "InstanceCount": 1,
    },
    "CreateCapacityReservationFleet": lambda ec2: {
        "AvailabilityZone": "us-east-1a",
        "InstanceTypeSpecifications": [
            {"InstanceType": "m1.small", "InstancePlatform": "Linux/UNIX"}
        ],
        "TotalTargetCapacity": 1,
    },
    "CreateInstanceEventWindow": lambda ec2: {"CronExpression": "* 0-4 * * 1,5"},
    "CreateDhcpOptions": lambda ec2: {
        "DhcpConfigurations": [{"Key": "domain-name", "Values": ["example.org"]}]
    },
    "ExportImage": lambda ec2: {
        "ImageId": IMAGE_ID,
        "DiskImageFormat": "VMDK",
        "S3ExportLocation": {"S3Bucket": LOG_BUCKET},
    },
    "CreateRestoreImageTask": lambda ec2: {
        "Bucket": LOG_BUCKET,
        "ObjectKey": f"stored {next(_count)}.bin",
    },
    "ImportImage": lambda ec2: {
        "DiskContainers": [{"UserBucket": {"S3Bucket": LOG_BUCKET, "S3Key": "disk.vmdk"}}],
    },
    "ImportSnapshot": lambda ec2: {
        "DiskContainer": {"UserBucket": {"S3Bucket": LOG_BUCKET, "S3Key": "disk.vmdk"}},
    },
    "CreateFlowLogs": lambda ec2: {
        "ResourceIds": [vpc(ec2)],
        "ResourceType": "VPC",
        "TrafficType": "ALL",
        "LogDestinationType": "s3",
        "LogDestination": f"arn:aws:s3:::{LOG_BUCKET}",
    },
    "CopyImage": lambda ec2: {
        "Name": f"copy {next(_count)}",
        "SourceImageId": IMAGE_ID,
        "SourceRegion": "us-east-1",
    },
    "CreateImageUsageReport": lambda ec2: {
        "ImageId": IMAGE_ID,
        "ResourceTypes": [{"ResourceType": "ec2:Instance"}],
    },
    "CreateVolume": lambda ec2: {"AvailabilityZone": "us-east-1a", "Size": 1},
    "CreateEgressOnlyInternetGateway": lambda ec2: {"VpcId": vpc(ec2)},
    "AllocateIpamPoolCidr": lambda ec2: {
        "IpamPoolId": plans.make(ec2).pool,
        "NetmaskLength": 24,
    },
    "AssociateIpamResourceDiscovery": lambda ec2: {
        "IpamId": ec2.create_ipam()["Ipam"]["IpamId"],
        "IpamResourceDiscoveryId": ec2.create_ipam_resource_discovery()["IpamResourceDiscovery"][
            "IpamResourceDiscoveryId"
        ],
    },
    "CreateIpam": lambda ec2: {},
    "CreateIpamPolicy": lambda ec2: {"IpamId": ec2.create_ipam()["Ipam"]["IpamId"]},
    "CreateIpamPool": lambda ec2: {
        "IpamScopeId": ec2.create_ipam()["Ipam"]["PrivateDefaultScopeId"],
        "AddressFamily": "ipv4",
    },
    "CreateIpamPrefixListResolver": lambda ec2: {
        "IpamId": ec2.create_ipam()["Ipam"]["IpamId"],
        "AddressFamily": "ipv4",
    },
    "CreateIpamPrefixListResolverTarget": lambda ec2: plans.target(ec2),
    "CreateIpamResourceDiscovery": lambda ec2: {},
    "CreateIpamScope": lambda ec2: {"IpamId": ec2.create_ipam()["Ipam"]["IpamId"]},
    "CreatePublicIpv4Pool": lambda ec2: {},
    "CreateInternetGateway": lambda ec2: {},
    "CreateKeyPair": lambda ec2: {"KeyName": f"k{next(_count)}", "KeyType": "ed25519"},
    "CreateLaunchTemplate": lambda ec2: {
        "LaunchTemplateName": f"template{next(_count)}",
        "LaunchTemplateData": {"InstanceType": "t3.micro"},
    },
    "CreateManagedPrefixList": lambda ec2: {
        "PrefixListName": "offices",
        "AddressFamily": "IPv4",
        "MaxEntries": 5,
    },
    "CreateNatGateway": _public,
    "CreateNetworkAcl": lambda ec2: {"VpcId": vpc(ec2)},
    "CreateNetworkInsightsAccessScope": lambda ec2: _scope(),
    "CreateNetworkInsightsPath": _path,
    "CreateNetworkInterface": lambda ec2: {"SubnetId": subnet(ec2)},
    "CreatePlacementGroup": lambda ec2: {"GroupName": f"p{next(_count)}", "Strategy": "spread"},
    "CreateRouteTable": lambda ec2: {"VpcId": vpc(ec2)},
    "CreateSecurityGroup": lambda ec2: {"GroupName": f"g{next(_count)}", "Description": "g"},
    "CreateSubnet": lambda ec2: {"VpcId": vpc(ec2), "CidrBlock": "10.0.2.0/24"},
    "CreateSubnetCidrReservation": lambda ec2: {
        "SubnetId": subnet(ec2),
        "Cidr": "10.0.1.16/28",
        "ReservationType": "explicit",
    },
    "CreateTrafficMirrorFilter": lambda ec2: {},
    "CreateTrafficMirrorFilterRule": lambda ec2: {
        "TrafficMirrorFilterId": _mirror_filter(ec2),
        "TrafficDirection": "ingress",
        "RuleNumber": 1,
        "RuleAction": "accept",
        "SourceCidrBlock": "0.0.0.0/0",
        "DestinationCidrBlock": "0.0.0.0/0",
    },
    "CreateTrafficMirrorSession": lambda ec2: _mirror_session(ec2),
    "CreateTrafficMirrorTarget": lambda ec2: {"NetworkInterfaceId": _interface(ec2, subnet(ec2))},
    "CreateVpc": lambda ec2: {"CidrBlock": "10.0.0.0/16"},
    "CreateVpcBlockPublicAccessExclusion": lambda ec2: {
        "VpcId": vpc(ec2),
        "InternetGatewayExclusionMode": "allow-egress",
    },
    "CreateVpcEndpoint": lambda ec2: {
        "VpcId": vpc(ec2),
        "ServiceName": "com.amazonaws.us-east-1.s3",
    },
    "CreateTransitGateway": lambda ec2: {},
    "CreateTransitGatewayPeeringAttachment": lambda ec2: {
        "TransitGatewayId": transit_gateway(ec2),
        "PeerTransitGatewayId": transit_gateway(ec2),
        "PeerAccountId": _account(ec2),
        "PeerRegion": "us-east-1",
    },
    "CreateTransitGatewayRouteTable": lambda ec2: {"TransitGatewayId": transit_gateway(ec2)},
    "CreateTransitGatewayVpcAttachment": _attached,
    "CreateVpcPeeringConnection": lambda ec2: {
        "VpcId": vpc(ec2),
        "PeerVpcId": _default_vpc(ec2),
    },
    "ImportKeyPair": lambda ec2: {"KeyName": f"k{next(_count)}", "PublicKeyMaterial": _KEY},
    "StartNetworkInsightsAccessScopeAnalysis": lambda ec2: {
        "NetworkInsightsAccessScopeId": ec2.create_network_insights_access_scope(**_scope())[
            "NetworkInsightsAccessScope"
        ]["NetworkInsightsAccessScopeId"]
    },
    "StartNetworkInsightsAnalysis": lambda ec2: {
        "NetworkInsightsPathId": ec2.create_network_insights_path(**_path(ec2))[
            "NetworkInsightsPath"
        ]["NetworkInsightsPathId"]
    },
    "RunInstances": lambda ec2: {"ImageId": IMAGE_ID, "MinCount": 1, "MaxCount": 1},
}
"""By action; each is given a client and returns the request."""
