"""A user may do what his policies allow, nothing else: asked of every row of the action table."""

import json
from typing import Any

import botocore.exceptions
import pytest
from msgspec.structs import replace

from mallee.cloud import actions
from mallee.cloud.action import Action
from mallee.cloud.admin.people import invitations
from mallee.cloud.state import records, store
from mallee.model.identity.identities import Policy, PolicyVersion
from tests.cloud.alice import DENIALS, GROUP, USER, Alice, allow, deny, text

ROWS = [row for row in actions.TABLE.values() if not (row.is_everyones or row.is_unsigned)]
MORE = {
    "dlm:CreateLifecyclePolicy": ("iam:PassRole",),
    "ec2:AssociateIamInstanceProfile": ("iam:PassRole",),
    "ec2:CreateRestoreImageTask": ("s3:GetObject",),
    "ec2:CreateStoreImageTask": ("s3:PutObject",),
    "ec2:ExportImage": ("s3:PutObject",),
    "ec2:ModifyEbsDefaultKmsKeyId": ("kms:DescribeKey",),
    "ec2:ReplaceIamInstanceProfileAssociation": ("iam:PassRole",),
    "iam:AddRoleToInstanceProfile": ("iam:PassRole",),
    "mallee:CreateCredentials": ("iam:CreateAccessKey",),
    "mallee:DisableUser": ("iam:UpdateUser",),
    "mallee:EnableUser": ("iam:UpdateUser",),
    "mallee:InviteUser": invitations.WORTH,
    "mallee:PutOpenIDConnectProviderKeys": ("iam:UpdateOpenIDConnectProviderThumbprint",),
    "mallee:UpdateUserInfo": ("iam:UpdateUser",),
}
"""Permissions that a row needs besides its own."""
INSTEAD = {"kms:ReEncrypt": ("kms:ReEncryptFrom", "kms:ReEncryptTo")}
"""Permissions that a row needs instead of its own."""


def own(row: Action) -> tuple[str, ...]:
    """The permissions that are the row's own."""
    return INSTEAD.get(row.permission, (row.permission,))


@pytest.mark.parametrize("row", ROWS, ids=[row.permission for row in ROWS])
def test_who_has_no_policy_may_do_nothing(alice: Alice, row: Action) -> None:
    alice.may()
    assert alice.asks(row) in DENIALS


@pytest.mark.parametrize("row", ROWS, ids=[row.permission for row in ROWS])
def test_the_one_permission_is_what_is_needed(alice: Alice, row: Action) -> None:
    alice.may(allow(*own(row), *MORE.get(row.permission, ())))
    assert alice.asks(row) not in DENIALS


@pytest.mark.parametrize("row", ROWS, ids=[row.permission for row in ROWS])
def test_every_other_permission_is_of_no_use(alice: Alice, row: Action) -> None:
    alice.may({"Effect": "Allow", "NotAction": own(row), "Resource": "*"})
    assert alice.asks(row) in DENIALS


@pytest.mark.parametrize("row", ROWS, ids=[row.permission for row in ROWS])
def test_a_denial_beats_every_allowance(alice: Alice, row: Action) -> None:
    alice.may(allow("*"), deny(*own(row)))
    assert alice.asks(row) in DENIALS


def test_to_name_nothing_is_not_free(alice: Alice) -> None:
    alice.may()
    row = actions.TABLE["mallee", "DescribeUsers"]
    assert row.resources is not None
    assert alice.error(row, {"UserNames": ""})["Code"] in DENIALS


def test_everybody_may_ask_who_he_is(alice: Alice) -> None:
    alice.may(deny("*"))
    identity = alice.cloud.client("sts", alice.key).get_caller_identity()
    assert identity["Arn"].endswith(":user/staff/alice")
    assert identity["UserId"] == USER


def test_group_and_attached_policies_count(alice: Alice) -> None:
    alice.may(group_ids=(GROUP,))
    assert alice.asks("DescribeInstances") == ""
    assert alice.asks("AllocateAddress") in DENIALS
    alice.may(attached=("arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess",))
    assert alice.asks("DescribeInstances") == ""
    assert alice.asks("AllocateAddress") in DENIALS


def test_a_policy_that_changes_changes_rights_at_once(alice: Alice) -> None:
    account, opened = alice.cloud.admin["account_id"], alice.cloud.store
    arn = f"arn:aws:iam::{account}:policy/p"
    version = PolicyVersion(id="v1", document=text(allow("ec2:*")), created_at=0.0)
    made = Policy(
        id="ANPA1", arn=arn, name="p", created_at=0.0, updated_at=0.0, versions=(version,)
    )
    record = opened.transact(lambda tx: tx.insert(records.POLICY, account, "ANPA1", made))
    alice.may(attached=(arn,))
    assert alice.asks("DescribeInstances") == ""
    less = replace(version, document=text(allow("ec2:Run*")))
    changed = opened.transact(lambda tx: tx.write(record, replace(made, versions=(less,))))
    assert alice.asks("DescribeInstances") in DENIALS
    opened.transact(lambda tx: tx.delete(changed))
    assert alice.asks("RunInstances") in DENIALS


def test_a_boundary_is_the_most_there_is(alice: Alice) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"
    alice.may(allow("*"), boundary=arn)
    assert alice.asks("DescribeInstances") == ""
    assert alice.asks("AllocateAddress") in DENIALS
    alice.may(allow("*"), boundary="arn:aws:iam::aws:policy/Gone")
    assert alice.asks("DescribeInstances") in DENIALS


def test_a_dry_run_tells_whether_one_may(alice: Alice) -> None:
    alice.may(allow("ec2:AllocateAddress"))
    assert alice.asks("AllocateAddress", {"DryRun": True}) == "DryRunOperation"
    alice.may()
    assert alice.asks("AllocateAddress", {"DryRun": True}) == "UnauthorizedOperation"


def test_a_thing_is_forbidden_by_whatever_name(alice: Alice) -> None:
    admin = alice.cloud.client("ec2")
    made = admin.allocate_address()
    pair = admin.create_key_pair(KeyName="prod", KeyType="ed25519")
    alice.may(
        allow("*"),
        deny("*", resource=f"arn:aws:ec2:*:*:elastic-ip/{made['AllocationId']}"),
        deny("*", resource="arn:aws:ec2:*:*:key-pair/prod"),
        deny("*", resource="arn:aws:ec2:*:*:subnet/*"),
        deny("*", resource="arn:aws:ec2:*:*:security-group/*"),
    )
    for name, asked in (
        ("ReleaseAddress", {"AllocationId": made["AllocationId"]}),
        ("ReleaseAddress", {"PublicIp": made["PublicIp"]}),
        ("DeleteKeyPair", {"KeyPairId": pair["KeyPairId"]}),
        ("DeleteKeyPair", {"KeyName": "prod"}),
        ("DeleteSecurityGroup", {"GroupName": "default"}),
        ("RunInstances", {"ImageId": "ami-1", "MinCount": 1, "MaxCount": 1}),
    ):
        assert alice.asks(name, asked) == "UnauthorizedOperation", (name, asked)
    there = [one["AllocationId"] for one in admin.describe_addresses()["Addresses"]]
    assert made["AllocationId"] in there


def test_conditions_see_tags_and_the_caller(alice: Alice) -> None:
    admin = alice.cloud.client("ec2")
    ids: list[str] = []
    for team in ("red", "blue"):
        tags = [{"ResourceType": "elastic-ip", "Tags": [{"Key": "team", "Value": team}]}]
        ids.append(admin.allocate_address(TagSpecifications=tags)["AllocationId"])
    own = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    alice.may(allow("ec2:ReleaseAddress", Condition=own))
    assert alice.asks("ReleaseAddress", {"AllocationId": ids[1]}) == "UnauthorizedOperation"
    assert alice.asks("ReleaseAddress", {"AllocationId": ids[0]}) == ""
    for condition, code in (
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, ""),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, "UnauthorizedOperation"),
        ({"StringEquals": {"aws:username": "alice", "aws:userid": USER}}, ""),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/staff/*"}}, ""),
        ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, "UnauthorizedOperation"),
        ({"NumericGreaterThan": {"aws:EpochTime": "1500000000"}}, ""),
        ({"Bool": {"aws:SecureTransport": "true"}}, "UnauthorizedOperation"),
        ({"StringLike": {"aws:UserAgent": "Boto3/*"}}, ""),
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, ""),
        ({"Null": {"aws:MultiFactorAuthPresent": "false"}}, "UnauthorizedOperation"),
    ):
        alice.may(allow("ec2:DescribeRegions", Condition=condition))
        assert alice.asks("DescribeRegions") == code, condition


def test_tagging_what_is_made_is_a_permission_of_its_own(alice: Alice) -> None:
    tagged = [{"ResourceType": "elastic-ip", "Tags": [{"Key": "team", "Value": "red"}]}]
    asked = {"TagSpecifications": tagged, "DryRun": True}
    alice.may(allow("ec2:AllocateAddress"))
    assert alice.asks("AllocateAddress", asked) == "UnauthorizedOperation"
    making = {"StringEquals": {"ec2:CreateAction": "AllocateAddress"}}
    alice.may(allow("ec2:AllocateAddress"), allow("ec2:CreateTags", Condition=making))
    assert alice.asks("AllocateAddress", asked) == "DryRunOperation"
    red = {"StringEquals": {"aws:RequestTag/team": "red"}}
    only = {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    alice.may(allow("ec2:*", Condition={**red, **only}))
    assert alice.asks("AllocateAddress", asked) == "DryRunOperation"
    tagged[0]["Tags"] = [{"Key": "team", "Value": "blue"}]
    assert alice.asks("AllocateAddress", asked) == "UnauthorizedOperation"
    assert alice.asks("AllocateAddress", {"DryRun": True}) == "UnauthorizedOperation"


def test_a_refusal_of_ec2_can_be_decoded_by_who_may(alice: Alice) -> None:
    alice.may(allow("*"), deny("ec2:AllocateAddress", Sid="Never"))
    message = alice.error("AllocateAddress")["Message"]
    assert "is not authorized to perform: ec2:AllocateAddress on resource: arn:aws:ec2:" in message
    assert "with an explicit deny in an identity-based policy" in message
    assert "Never" not in message
    encoded = message.rpartition("message: ")[2]
    sts = alice.cloud.client("sts", alice.key)
    told = json.loads(sts.decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])
    assert (told["allowed"], told["explicitDeny"]) == (False, True)
    assert told["matchedStatements"]["items"][0]["statementId"] == "Never"
    assert told["context"]["action"] == "ec2:AllocateAddress"
    with pytest.raises(botocore.exceptions.ClientError) as error:
        sts.decode_authorization_message(EncodedMessage=encoded[:-4] + "AAAA")
    assert error.value.response["Error"]["Code"] == "InvalidAuthorizationMessageException"
    other = alice.cloud.client("ec2").describe_regions()
    assert other["Regions"]


def test_a_refusal_of_iam_says_why(alice: Alice) -> None:
    alice.may()
    error = alice.error(actions.TABLE["iam", "ListUsers"])
    account = alice.cloud.admin["account_id"]
    assert error["Message"] == (
        f"User: arn:aws:iam::{account}:user/staff/alice is not authorized to perform: "
        f"iam:ListUsers on resource: arn:aws:iam::{account}:user/ because no identity-based "
        "policy allows the iam:ListUsers action"
    )


def test_a_user_who_is_gone_has_no_key(alice: Alice) -> None:
    alice.may(allow("*"))
    assert alice.asks("DescribeRegions") == ""

    def remove(tx: store.Tx) -> Any:
        record = tx.get(records.USER, USER)
        assert record is not None
        tx.delete(record)
        return record

    gone = alice.cloud.store.transact(remove)
    try:
        assert alice.asks("DescribeRegions") == "AuthFailure"
    finally:
        alice.cloud.store.transact(lambda tx: tx.insert(records.USER, gone.account, USER, gone.doc))
