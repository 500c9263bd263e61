"""Managed policies by ARN: those of accounts, and those that AWS gives to everybody.

The latter (`arn:aws:iam::aws:policy/…`) are there in every account under AWS's names, with AWS's
meaning over what this cloud has; they cannot be changed. Called by `rights` and by IAM.
"""

import json
from collections.abc import Mapping, Sequence

from mallee.cloud.state import records, store
from mallee.model.identity.identities import Policy, PolicyVersion

AWS = "arn:aws:iam::aws:policy/"
"""What the ARNs of the given ones begin with."""


def find(view: store.View, arn: str) -> Policy | None:
    """Return the policy of an ARN, given or of any account."""
    given = GIVEN.get(arn)
    if given is not None:
        return given
    return next((record.doc for record in view.by(records.POLICY, "arn", arn)), None)


def document_of(view: store.View, arn: str) -> str | None:
    """Return the text that is in force under an ARN."""
    found = find(view, arn)
    return found.document if found else None


def _allow(*actions: str) -> Mapping[str, object]:
    return {"Effect": "Allow", "Action": actions, "Resource": "*"}


def _given(
    name: str, description: str, statements: Sequence[Mapping[str, object]], path: str = "/"
) -> Policy:
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return Policy(
        id=f"ANPA{_id_of(name)}",
        arn=f"{AWS}{path[1:]}{name}",
        name=name,
        path=path,
        description=description,
        created_at=0.0,
        updated_at=0.0,
        versions=(PolicyVersion(id="v1", document=document, created_at=0.0),),
    )


def _id_of(name: str) -> str:
    """Return seventeen letters: names that begin alike end otherwise."""
    letters = name.upper()
    return f"{letters:A<17}" if len(letters) <= 17 else letters[:12] + letters[-5:]


ROLE_PATH = "/service-role/"
"""Where the policies of roles are that accounts hand to services."""
SERVICE_PATH = "/aws-service-role/"
"""Where the policies of services' own roles are: they are attached to nothing else."""

_POWER = {
    "Effect": "Allow",
    # The administration is here what organizations and account are in AWS.
    "NotAction": ["iam:*", "organizations:*", "account:*", "mallee:*"],
    "Resource": "*",
}
_POWER_LOOKS = (
    "account:GetAccountInformation",
    "account:ListRegions",
    "iam:CreateServiceLinkedRole",
    "iam:DeleteServiceLinkedRole",
    "iam:ListRoles",
    "mallee:DescribeQuotas",
    "organizations:DescribeOrganization",
)
_IAM_LOOKS = (
    "iam:GenerateCredentialReport",
    "iam:GenerateServiceLastAccessedDetails",
    "iam:Get*",
    "iam:List*",
    "iam:SimulateCustomPolicy",
    "iam:SimulatePrincipalPolicy",
)
_OF_KEYS = (
    *("kms:CreateAlias", "kms:CreateKey", "kms:DeleteAlias", "kms:Describe*"),
    *("kms:GenerateRandom", "kms:Get*", "kms:List*", "kms:TagResource", "kms:UntagResource"),
    *("iam:ListGroups", "iam:ListRoles", "iam:ListUsers"),
)
_OF_SNAPSHOTS = (
    *("ec2:CopySnapshot", "ec2:CreateSnapshot", "ec2:CreateSnapshots", "ec2:DeleteSnapshot"),
    *("ec2:DescribeInstances", "ec2:DescribeSnapshots", "ec2:DescribeVolumes"),
)
_OF_IMAGES = (
    *("ec2:CreateImage", "ec2:DeregisterImage", "ec2:DeleteSnapshot", "ec2:DescribeImages"),
    *("ec2:DescribeInstances", "ec2:DescribeSnapshots", "ec2:EnableImageDeprecation"),
)
_TAGS_OF_SNAPSHOTS: Mapping[str, object] = {
    "Effect": "Allow",
    "Action": ["ec2:CreateTags"],
    "Resource": ["arn:aws:ec2:*::snapshot/*"],
}
_TAGS_OF_IMAGES: Mapping[str, object] = {
    "Effect": "Allow",
    "Action": ["ec2:CreateTags"],
    "Resource": ["arn:aws:ec2:*::snapshot/*", "arn:aws:ec2:*::image/*"],
}
_LOOKS = (
    "cloudtrail:Describe*",
    "cloudtrail:Get*",
    "cloudtrail:List*",
    "cloudtrail:LookupEvents",
    "dlm:Get*",
    "dlm:List*",
    "ec2:Describe*",
    "ec2:Get*",
    "ec2:List*",
    "kms:Describe*",
    "kms:Get*",
    "kms:List*",
    "rbin:Get*",
    "rbin:List*",
    "sts:GetAccessKeyInfo",
    "sts:GetCallerIdentity",
    "sts:GetSessionToken",
)

GIVEN: Mapping[str, Policy] = {
    made.arn: made
    for made in (
        _given(
            "AdministratorAccess",
            "Provides full access to AWS services and resources.",
            [_allow("*")],
        ),
        _given(
            "PowerUserAccess",
            "Provides full access to AWS services and resources, but does not allow management "
            "of Users and groups.",
            [_POWER, _allow(*_POWER_LOOKS)],
        ),
        _given(
            "AmazonEC2FullAccess",
            "Provides full access to Amazon EC2 via the AWS Management Console.",
            [_allow("ec2:*", "elasticloadbalancing:*", "cloudwatch:*", "autoscaling:*")],
        ),
        _given(
            "AmazonEC2ReadOnlyAccess",
            "Provides read only access to Amazon EC2 via the AWS Management Console.",
            [_allow("ec2:Describe*", "ec2:GetConsole*", "ec2:GetPassword*")],
        ),
        _given(
            "ReadOnlyAccess",
            "Provides read-only access to AWS services and resources.",
            [_allow(*_LOOKS, *_IAM_LOOKS)],
        ),
        _given(
            "AutoScalingServiceRolePolicy",
            "Default policy for the AWSServiceRoleForAutoScaling service-linked role.",
            [_allow("ec2:*Instances", "ec2:Describe*", "ec2:CreateTags", "elasticloadbalancing:*")],
            SERVICE_PATH,
        ),
        _given(
            "AWSElasticLoadBalancingServiceRolePolicy",
            "Service Linked Role Policy for AWS Elastic Load Balancing Control Plane.",
            [_allow("ec2:Describe*", "ec2:*NetworkInterface*", "ec2:*Address*")],
            SERVICE_PATH,
        ),
        _given(
            "AWSKeyManagementServicePowerUser",
            "Provides access to AWS Key Management Service (KMS).",
            [_allow(*_OF_KEYS)],
        ),
        _given(
            "AWSDataLifecycleManagerServiceRole",
            "Provides appropriate permissions to AWS Data Lifecycle Manager to take actions on "
            "AWS resources",
            [_allow(*_OF_SNAPSHOTS), _TAGS_OF_SNAPSHOTS],
            ROLE_PATH,
        ),
        _given(
            "AWSDataLifecycleManagerServiceRoleForAMIManagement",
            "Provides appropriate permissions to AWS Data Lifecycle Manager to manage AMIs",
            [_allow(*_OF_IMAGES), _TAGS_OF_IMAGES],
            ROLE_PATH,
        ),
        _given("IAMFullAccess", "Provides full access to IAM.", [_allow("iam:*")]),
        _given("IAMReadOnlyAccess", "Provides read only access to IAM.", [_allow(*_IAM_LOOKS)]),
    )
}
"""By ARN."""
