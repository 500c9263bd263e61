"""Requests in which everything but one parameter is right, for any row of the action table.

What a row needs besides, so that nothing but that parameter can be refused, is written here.
Called by `test_isolation`.
"""

from collections.abc import Mapping
from typing import Any

from mallee.aws import model
from mallee.cloud.action import Action
from tests.cloud import belongings, samples
from tests.cloud.ec2.ipam import plans
from tests.cloud.thingnames import named

NAMED = {"PolicyName": "p"}
ALWAYS: dict[str, dict[str, Any]] = {
    "ModifyInstanceCapacityReservationAttributes": {
        "CapacityReservationSpecification": {"CapacityReservationPreference": "open"}
    },
    "CreateNetworkInsightsPath": {"DestinationIp": "10.9.1.9", "Protocol": "tcp"},
    "CreateTransitGatewayRoute": {"DestinationCidrBlock": "10.9.77.0/24"},
    "ReplaceTransitGatewayRoute": {"DestinationCidrBlock": "10.9.77.0/24"},
    "CreateRole": {"AssumeRolePolicyDocument": belongings.TRUST},
    "ExportImage": {"DiskImageFormat": "RAW", "S3ExportLocation": {"S3Bucket": "disks"}},
    "CreateInstanceExportTask": {
        "TargetEnvironment": "vmware",
        "ExportToS3Task": {"S3Bucket": "disks"},
    },
    "ImportImage": {"DiskContainers": [{"UserBucket": belongings.FILE}]},
    "ImportInstance": {"Platform": "Linux", "DiskImages": [belongings.IN_PARTS]},
    "ImportVolume": {"AvailabilityZone": "us-east-1a", **belongings.IN_PARTS},
    "ImportSnapshot": {"DiskContainer": {"UserBucket": belongings.FILE}},
    "Decrypt": {"CiphertextBlob": b"some"},
    "ReEncrypt": {"CiphertextBlob": b"some"},
    "RetireGrant": {"GrantId": "0" * 64},
    "GetSessionToken": {"TokenCode": "123456"},
    "CreateSecurityGroup": {"GroupName": "new", "Description": "new"},
    "CreatePolicyVersion": {"PolicyDocument": belongings.POLICY},
    "DeletePolicyVersion": {"VersionId": "v1"},
    "GetPolicyVersion": {"VersionId": "v1"},
    "SetDefaultPolicyVersion": {"VersionId": "v1"},
    "DeleteGroupPolicy": NAMED,
    "DeleteUserPolicy": NAMED,
    "GetGroupPolicy": NAMED,
    "GetUserPolicy": NAMED,
    "CreatePolicy": {**NAMED, "PolicyDocument": belongings.POLICY},
    "PutGroupPolicy": {**NAMED, "PolicyDocument": belongings.POLICY},
    "PutUserPolicy": {**NAMED, "PolicyDocument": belongings.POLICY},
    "TagUser": {"Tags": [{"Key": "a", "Value": "b"}]},
    "UntagUser": {"TagKeys": ["a"]},
    "CreateTags": {"Tags": [{"Key": "a", "Value": "b"}]},
    "DescribeInstanceAttribute": {"Attribute": "instanceType"},
    "DescribeNetworkInterfaceAttribute": {"Attribute": "description"},
    "DescribeVpcAttribute": {"Attribute": "enableDnsSupport"},
    "AssociateSubnetCidrBlock": {"Ipv6CidrBlock": "fd6d:616c:6c00::/64"},
    "AssociateVpcCidrBlock": {"CidrBlock": "10.8.0.0/16"},
    "AssignIpv6Addresses": {"Ipv6AddressCount": 1},
    "AssignPrivateIpAddresses": {"SecondaryPrivateIpAddressCount": 1},
    "AssignPrivateNatGatewayAddress": {"PrivateIpAddressCount": 1},
    "CreateNetworkAclEntry": {"RuleNumber": 7, "Protocol": "-1", "CidrBlock": "10.0.0.0/8"},
    "CreateSubnet": {"CidrBlock": "172.31.240.0/24"},
    "CreateVolume": {"AvailabilityZone": "us-east-1a"},
    "CreateVpc": {"CidrBlock": "10.7.0.0/16"},
    "CreateVpcEndpoint": {"ServiceName": belongings.S3},
    "DeleteNetworkAclEntry": {"RuleNumber": 100},
    "ReplaceNetworkAclEntry": {"RuleNumber": 7, "Protocol": "-1", "CidrBlock": "10.0.0.0/8"},
    "ModifyVpcAttribute": {"EnableDnsSupport": {"Value": True}},
    "ResetNetworkInterfaceAttribute": {"SourceDestCheck": "true"},
    "UnassignIpv6Addresses": {"Ipv6Addresses": ["fd6d::9"]},
    "UnassignPrivateIpAddresses": {"PrivateIpAddresses": ["10.9.1.9"]},
    "UnassignPrivateNatGatewayAddress": {"PrivateIpAddresses": ["10.9.1.9"]},
    "ModifyVpcPeeringConnectionOptions": {
        "RequesterPeeringConnectionOptions": {"AllowDnsResolutionFromRemoteVpc": True}
    },
    "CreateSubnetCidrReservation": {"Cidr": "10.9.1.128/28", "ReservationType": "explicit"},
    "CreateLifecyclePolicy": {"PolicyDetails": belongings.DETAILS},
    "CopyImage": {"SourceRegion": "us-east-1", "Name": "a copy"},
    "CopySnapshot": {"SourceRegion": "us-east-1"},
    "ModifyImageAttribute": {"Description": {"Value": "taken"}},
    "ModifySnapshotAttribute": {"Attribute": "createVolumePermission", "OperationType": "add"},
    "ImportKeyPair": {"PublicKeyMaterial": b"nonsense"},
    "ModifyInstanceMetadataOptions": {"HttpTokens": "optional"},
    "ModifySubnetAttribute": {"MapPublicIpOnLaunch": {"Value": False}},
    "UpdateAccessKey": {"Status": "Inactive"},
}
"""What an action needs besides, whatever is tried and whose the things are."""


def request(own: Mapping[str, str], row: Action, path: str, value: str) -> dict[str, Any]:
    """Return what the action takes, with the value at the path, and all else one's own."""
    sample = samples.request(row.service, row.name)
    base = _base(own, row, path)
    sample = {name: value for name, value in sample.items() if name not in base}
    asked = {**sample, **base}
    operation = model.load(row.service).operations[row.name]
    for name in operation.input.required if operation.input else ():
        kind = named(row.service, name)
        if name in sample and kind and name != path.partition(".")[0]:
            asked[name] = _wrap(row, name, own[kind])
    if path:
        _put(row, asked, path, value)
    return asked


TCP: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}


def _rules(own: Mapping[str, str], path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A rule as a grant names it, and as a description does, without what the path says."""
    flat = {"GroupId": own["security-group"], **TCP, "CidrIp": "10.0.0.0/8"}
    if path == "SourceSecurityGroupName":
        flat = {"GroupId": own["security-group"]}
    nested: dict[str, Any] = {"GroupId": own["security-group"], "IpPermissions": [{**TCP}]}
    if not path.startswith("IpPermissions"):
        nested["IpPermissions"][0]["IpRanges"] = [{"CidrIp": "10.0.0.0/8"}]
    elif path.endswith("PrefixListId"):
        nested["IpPermissions"][0]["PrefixListIds"] = [{}]
    elif not path.endswith("UserIdGroupPairs.GroupId"):
        pair = {"GroupId": own["security-group"]} if not path.endswith("GroupName") else {}
        nested["IpPermissions"][0]["UserIdGroupPairs"] = [pair]
    grant = nested if path.startswith("IpPermissions") else flat
    if path == "SecurityGroupRuleIds":
        grant = {"GroupId": own["security-group"]}
    if path == "GroupName":
        grant = {name: value for name, value in grant.items() if name != "GroupId"}
    return grant, nested


def _base(own: Mapping[str, str], row: Action, path: str) -> dict[str, Any]:
    """What the action needs besides, all of it one's own."""
    grant, nested = _rules(own, path)
    by_action: dict[str, dict[str, Any]] = {
        **ALWAYS,
        "AssociateIamInstanceProfile": {"InstanceId": own["instance"], "IamInstanceProfile": {}}
        if path != "InstanceId"
        else {"IamInstanceProfile": {"Name": own["instance-profile"]}},
        "AssociateAddress": {}
        if path in ("AllocationId", "PublicIp")
        else {"AllocationId": own["elastic-ip"]},
        "AuthorizeSecurityGroupEgress": grant,
        "AuthorizeSecurityGroupIngress": grant,
        "ModifyInstanceAttribute": {"InstanceId": own["instance"]}
        if path == "Groups"
        else {"DisableApiTermination": {"Value": True}},
        "ModifyNetworkInterfaceAttribute": {"NetworkInterfaceId": own["network-interface"]}
        if path == "Groups"
        else {
            "NetworkInterfaceId": own["network-interface"],
            "Attachment": {"DeleteOnTermination": False},
        }
        if path.startswith("Attachment")
        else {"Description": {"Value": "taken"}},
        "CreateSnapshots": {"InstanceSpecification": {"InstanceId": own["instance"]}},
        "CreateNatGateway": {"SubnetId": own["subnet"], "AllocationId": own["free-elastic-ip"]},
        "DeleteRoute": {"DestinationCidrBlock": "10.99.0.0/16"}
        if path != "DestinationPrefixListId"
        else {},
        "CreateIpamPrefixListResolver": plans.comparing(own["ipam-scope"]),
        "ModifyIpamPrefixListResolver": plans.comparing(own["ipam-scope"]),
        "AssociateVpcCidrBlock": {"Ipv6NetmaskLength": 56}
        if path == "Ipv6IpamPoolId"
        else ALWAYS["AssociateVpcCidrBlock"],
        "CreateRoute": {"DestinationCidrBlock": "10.98.0.0/16"}
        if path != "DestinationPrefixListId"
        else {},
        "ReplaceRoute": {"DestinationCidrBlock": "10.99.0.0/16"}
        if path != "DestinationPrefixListId"
        else {},
        "ModifySecurityGroupRules": {
            "GroupId": own["security-group"],
            "SecurityGroupRules": [
                {"SecurityGroupRuleId": own["rule"], "SecurityGroupRule": {**TCP}}
            ],
        },
        "RevokeSecurityGroupEgress": grant,
        "RevokeSecurityGroupIngress": grant,
        "RunInstances": {"ImageId": own["public-image"], "MinCount": 1, "MaxCount": 1},
        "UpdateSecurityGroupRuleDescriptionsEgress": nested,
        "UpdateSecurityGroupRuleDescriptionsIngress": nested,
    }
    if path.startswith("SecurityGroupRuleDescriptions"):
        return {"GroupId": own["security-group"]}
    if row.name == "RunInstances" and path.startswith("BlockDeviceMappings"):
        return {**by_action[row.name], "BlockDeviceMappings": [{"DeviceName": "/dev/sdf"}]}
    if row.name == "RegisterImage" and path.startswith("BlockDeviceMappings"):
        return {"BlockDeviceMappings": [{"DeviceName": "/dev/vda"}]}
    if row.name == "RunInstances" and path.startswith("NetworkInterfaces"):
        return {**by_action[row.name], "NetworkInterfaces": [{"DeviceIndex": 0}]}
    return by_action.get(row.name, {})


def _wrap(row: Action, name: str, value: str) -> Any:
    service = model.load(row.service)
    shape = service.operations[row.name].input
    assert shape is not None
    return [value] if service.shape(shape.members[name].shape).type == "list" else value


def _put(row: Action, asked: dict[str, Any], path: str, value: str) -> None:
    """Set the parameter at a dotted path, making the lists and structures on the way."""
    service = model.load(row.service)
    shape = service.operations[row.name].input
    here = asked
    names = path.split(".")
    for name in names:
        assert shape is not None
        shape = service.shape(shape.members[name].shape)
        is_list = shape.type == "list"
        if is_list and shape.member is not None:
            shape = service.shape(shape.member.shape)
        if name == names[-1]:
            here[name] = [value] if is_list else value
        elif is_list:
            here = here.setdefault(name, [{}])[0]
        else:
            here = here.setdefault(name, {})
