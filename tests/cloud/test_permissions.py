"""Every row has the permission, the things and the context keys that AWS publishes for it.

Compared with AWS's service authorization reference (`published`); skipped where it could not be
fetched. Where we differ, a row below says why.
"""

from typing import Any

import pytest

from mallee.aws import model
from mallee.cloud import actions, things
from mallee.cloud.action import Action
from mallee.cloud.call import Call, Principal
from mallee.cloud.identity import callerkeys, context
from mallee.cloud.state import records
from tests.cloud import published, samples
from tests.cloud.running import RunningCloud

pytestmark = pytest.mark.skipif(
    not published.is_there(), reason="needs what ./test installs by npm"
)

ACCOUNT = "123456789012"
ROWS = [row for row in actions.TABLE.values() if row.service != "mallee"]

NOT_PUBLISHED = {"kms:ReEncrypt": "it needs kms:ReEncryptFrom and kms:ReEncryptTo"}
"""Rows of which AWS publishes nothing, with the reason."""

LISTED_BY_KIND = {
    f"iam:{name}"
    for name in ("ListGroups", "ListInstanceProfiles", "ListPolicies", "ListRoles", "ListUsers")
}
"""Published with no resource, and yet AWS asks for the kind's ARN: `…:user/`."""

NOT_HERE = {
    "ec2:authorizedservice": "no service has interfaces in a VPC",
    "ec2:cpuoptionsamdsevsnp": "no host has it",
    "ec2:outpostarn": "there are no outposts",
    "ec2:sourceoutpostarn": "there are no outposts",
    "ec2:vpcemultiregion": "there is one region",
    "ec2:vpceprivatednspreference": "private names are told or not told",
    "ec2:vpceprivatednsspecifieddomains": "private names are told or not told",
    "ec2:instanceautorecovery": "no instance moves by itself",
    "ec2:instancebandwidthweighting": "no instance type has it",
    "ec2:managedresourceoperator": "no service has things in an account",
    "ec2:productcode": "no image is sold",
    "ec2:authorizeduser": "no interface is lent to another account",
    "ec2:location": "a snapshot is where its volume is",
    "ec2:sourceavailabilityzone": "a snapshot is where its volume is",
    "ec2:volumeinitializationrate": "a volume is filled as fast as its host can",
    "ec2:permission": "no interface is lent to another account",
    "iam:fido-certification": "there are only virtual MFA devices",
    "iam:fido-fips-140-2-certification": "there are only virtual MFA devices",
    "iam:fido-fips-140-3-certification": "there are only virtual MFA devices",
    "iam:registersecuritykey": "there are only virtual MFA devices",
    "iam:roletemplatearn": "there are no role templates",
    "sts:roleauthorizedbyidp": "no token of a provider is asked which roles it is for",
}
"""Context keys that no request has, with the reason. A policy finds them missing."""

FOUND_BY_ID = {
    "DeleteTrafficMirrorFilterRule",
    "ModifyTrafficMirrorFilterRule",
    "DetachNetworkInterface",
    "DisassociateNatGatewayAddress",
    "DisassociateSubnetCidrBlock",
    "ReplaceNetworkAclAssociation",
    "DisassociateIamInstanceProfile",
    "GetAccessKeyLastUsed",
    "GetMFADevice",
    "ReplaceIamInstanceProfileAssociation",
}
"""Of an association, a key or a device that is not there, nobody knows whose it would be."""

ONE_OF = {
    "DeleteAlias",
    "GenerateServiceLastAccessedDetails",
    "GetContextKeysForPrincipalPolicy",
    "ListPoliciesGrantingServiceAccess",
    "SimulatePrincipalPolicy",
}
"""Rows whose request names one thing, of any of the types published; of an alias that is not there
nobody knows which key it would be of."""

GLOBAL = {
    "aws:currenttime",
    "aws:epochtime",
    "aws:principaltag",
    "aws:requestedregion",
    "aws:resourceaccount",
    "aws:tagkeys",
    *(key for key in callerkeys.FINDERS if key.startswith("aws:")),
}
"""Keys of all services, which the reference does not list per action."""

IDS = {
    "Arn": f"arn:aws:iam::{ACCOUNT}:user/ann",
    "AliasName": "alias/some-name",
    "AllocationId": "eipalloc-0123456789abcdef0",
    "AllocationIds": ["eipalloc-0123456789abcdef0"],
    "AttachmentId": "eni-attach-0123456789abcdef0",
    "CapacityReservationFleetId": "crf-0123456789abcdef0",
    "CapacityReservationFleetIds": ["crf-0123456789abcdef0"],
    "CapacityReservationId": "cr-0123456789abcdef0",
    "DestinationCapacityReservationId": "cr-0123456789abcdef1",
    "DhcpOptionsId": "dopt-0123456789abcdef0",
    "EgressOnlyInternetGatewayId": "eigw-0123456789abcdef0",
    "DeletionTaskId": "task/aws-service-role/ec2.amazonaws.com/AWSServiceRoleForEC2/1",
    "FlowLogIds": ["fl-0123456789abcdef0"],
    "TrafficMirrorFilterId": "tmf-0123456789abcdef0",
    "TrafficMirrorFilterRuleId": "tmfr-0123456789abcdef0",
    "TrafficMirrorSessionId": "tms-0123456789abcdef0",
    "TrafficMirrorTargetId": "tmt-0123456789abcdef0",
    "ResourceIds": ["vpc-0123456789abcdef0"],
    "GroupId": "sg-0123456789abcdef0",
    "HostIds": ["h-0123456789abcdef0"],
    "ImageId": "ami-0123456789abcdef0",
    "ReportId": "report-0123456789abcdef0",
    "InstanceConnectEndpointId": "eice-0123456789abcdef0",
    "InstanceId": "i-0123456789abcdef0",
    "InstanceIds": ["i-0123456789abcdef0"],
    "InternetGatewayId": "igw-0123456789abcdef0",
    "NatGatewayId": "nat-0123456789abcdef0",
    "NetworkAclId": "acl-0123456789abcdef0",
    "NetworkInsightsAccessScopeAnalysisId": "nisa-0123456789abcdef0",
    "NetworkInsightsAccessScopeId": "nis-0123456789abcdef0",
    "NetworkInsightsAnalysisId": "nia-0123456789abcdef0",
    "NetworkInsightsPathId": "nip-0123456789abcdef0",
    "PrefixListId": "pl-0123456789abcdef0",
    "RouteTableId": "rtb-0123456789abcdef0",
    "SourceCapacityReservationId": "cr-0123456789abcdef0",
    "ExclusionId": "vpcbpa-exclude-0123456789abcdef0",
    "SnapshotId": "snap-0123456789abcdef0",
    "SourceSnapshotIds": ["snap-0123456789abcdef0"],
    "SourceSnapshotId": "snap-0123456789abcdef0",
    "SourceVolumeId": "vol-0123456789abcdef0",
    "VolumeId": "vol-0123456789abcdef0",
    "VpcEndpointId": "vpce-0123456789abcdef0",
    "VpcEndpointIds": ["vpce-0123456789abcdef0"],
    "VpcPeeringConnectionId": "pcx-0123456789abcdef0",
    "CurrentIpamScopeId": "ipam-scope-0123456789abcdef0",
    "IpamId": "ipam-0123456789abcdef0",
    "IpamPolicyId": "ipam-policy-0123456789abcdef0",
    "IpamPoolAllocationId": "ipam-pool-alloc-0123456789abcdef0",
    "IpamPoolId": "ipam-pool-0123456789abcdef0",
    "IpamPrefixListResolverId": "ipam-plr-0123456789abcdef0",
    "IpamPrefixListResolverTargetId": "ipam-plr-target-0123456789abcdef0",
    "IpamResourceDiscoveryAssociationId": "ipam-res-disco-assoc-0123456789abcdef0",
    "IpamResourceDiscoveryId": "ipam-res-disco-0123456789abcdef0",
    "IpamScopeId": "ipam-scope-0123456789abcdef0",
    "Ipv4IpamPoolId": "ipam-pool-0123456789abcdef0",
    "PoolId": "ipv4pool-ec2-0123456789abcdef0",
    "PublicIpv4Pool": "ipv4pool-ec2-0123456789abcdef0",
    "KeyId": "01234567-89ab-4cde-8f01-23456789abcd",
    "KeyName": "prod",
    "LaunchTemplateId": "lt-0123456789abcdef0",
    "NetworkInterfacePermissionId": "eni-perm-0123456789abcdef0",
    "NetworkInterfaceId": "eni-0123456789abcdef0",
    "PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:user/ann",
    "Resources": ["i-0123456789abcdef0"],
    "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/some-name",
    "SecurityGroupIds": ["sg-0123456789abcdef0"],
    "SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/some-name",
    "OpenIDConnectProviderArn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/id.example",
    "SAMLProviderArn": f"arn:aws:iam::{ACCOUNT}:saml-provider/some-name",
    "SubnetId": "subnet-0123456789abcdef0",
    "SubnetIds": ["subnet-0123456789abcdef0"],
    "TransitGatewayAttachmentId": "tgw-attach-0123456789abcdef0",
    "TransitGatewayId": "tgw-0123456789abcdef0",
    "TransitGatewayRouteTableId": "tgw-rtb-0123456789abcdef0",
    "VpcId": "vpc-0123456789abcdef0",
}
"""What a member of a request names."""


@pytest.fixture(scope="module")
def call(cloud: RunningCloud) -> Call:
    who = Principal(
        account=ACCOUNT,
        user_id="AIDA1",
        user_name="ann",
        arn=f"arn:aws:iam::{ACCOUNT}:user/ann",
        access_key_id="AKIA1",
        is_cloud_admin=False,
    )
    return Call(
        principal=who,
        action="",
        request_id="",
        now=0.0,
        settings=cloud.settings,
        view=cloud.store.view,
    )


def _request(row: Action) -> dict[str, Any]:
    """A request that names everything that it can name."""
    asked = samples.request(row.service, row.name)
    shape = model.load(row.service).operations[row.name].input
    members = shape.members if shape else {}
    return asked | {name: IDS[name] for name in members if name in IDS and name in row.honours}


def _kinds(found: published.Permission, arns: tuple[str, ...]) -> set[str]:
    """The types of the ARNs; an ARN of none of them stands for itself."""
    fitting = {
        arn: [kind for kind, pattern in found.arns.items() if pattern.fullmatch(arn)]
        for arn in arns
    }
    return {kind for arn, kinds in fitting.items() for kind in (kinds or [arn])}


@pytest.mark.parametrize("row", ROWS, ids=[row.permission for row in ROWS])
def test_a_row_names_things_as_aws_does(call: Call, row: Action) -> None:
    found = published.find(row.service, row.name)
    if found is None:
        assert row.permission in NOT_PUBLISHED
        return
    arns = row.resources(call, _request(row)) if row.resources else ("*",)
    if row.permission in LISTED_BY_KIND:
        assert len(arns) == 1
        assert arns[0].endswith("/")
        return
    kinds = _kinds(found, arns)
    if row.name in FOUND_BY_ID:
        assert kinds <= found.arns.keys() | {"*"}
        return
    required = found.required & records.KINDS.keys()
    if row.name in ONE_OF:
        required = frozenset(kinds)
    assert required <= kinds, f"{row.permission} must be asked about {required - kinds}: {arns}"
    assert kinds <= (found.arns.keys() or {"*"}) | ({"*"} - required), arns


@pytest.mark.parametrize("row", ROWS, ids=[row.permission for row in ROWS])
def test_a_row_has_the_context_keys_that_aws_publishes(row: Action) -> None:
    found = published.find(row.service, row.name)
    if found is None:
        return
    mine = context.KEYS | NOT_HERE.keys()
    for kind, keys in found.keys.items():
        if kind in records.KINDS or not kind:
            assert {key for key in keys if not _is_a_providers(key)} <= mine, kind


def test_there_is_no_key_that_aws_does_not_know() -> None:
    known = GLOBAL | published.keys(
        "ebs", "ec2", "ec2-instance-connect", "iam", "kms", "rbin", "s3", "sts"
    )
    assert known >= context.KEYS
    assert not NOT_HERE.keys() & context.KEYS
    assert known >= NOT_HERE.keys()


def test_the_type_of_an_arn_is_read_as_written() -> None:
    assert things.kind_of(f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/*") == "instance"
    assert things.kind_of("*") == ""


def _is_a_providers(key: str) -> bool:
    """Whether an identity provider says it: found in what he said, whatever his name."""
    return key.partition(":")[0] not in ("aws", "ec2", "iam", "sts")
