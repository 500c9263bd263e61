"""Users, their groups, policies and keys: what IAM says counts from the next request on."""

import json
from collections.abc import Callable
from typing import Any

import botocore.exceptions
import pytest

from tests.cloud.running import RunningCloud

AWS_READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"


@pytest.fixture
def iam(cloud: RunningCloud) -> Any:
    return cloud.client("iam")


def refused(call: Callable[..., Any], **asked: Any) -> str:
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call(**asked)
    return error.value.response["Error"]["Code"]


def allow(action: str, **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def key_of(iam: Any, name: str) -> dict[str, str]:
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return {
        "access_key_id": made["AccessKeyId"],
        "secret_access_key": made["SecretAccessKey"],
    }


def test_a_user_lives_from_nothing_to_nothing(cloud: RunningCloud, iam: Any) -> None:
    user = iam.create_user(UserName="bob", Path="/staff/", Tags=[{"Key": "t", "Value": "1"}])
    assert user["User"]["Arn"].endswith(":user/staff/bob")
    key = key_of(iam, "bob")
    ec2 = cloud.client("ec2", key)
    assert refused(ec2.describe_regions) == "UnauthorizedOperation"
    iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=allow("ec2:*"))
    assert ec2.describe_regions()["Regions"]
    assert refused(iam.delete_user, UserName="bob") == "DeleteConflict"
    iam.update_access_key(UserName="bob", AccessKeyId=key["access_key_id"], Status="Inactive")
    assert refused(ec2.describe_regions) == "AuthFailure"
    iam.update_access_key(UserName="bob", AccessKeyId=key["access_key_id"], Status="Active")
    iam.delete_user_policy(UserName="bob", PolicyName="p")
    assert refused(ec2.describe_regions) == "UnauthorizedOperation"
    iam.delete_access_key(UserName="bob", AccessKeyId=key["access_key_id"])
    assert refused(ec2.describe_regions) == "AuthFailure"
    iam.delete_user(UserName="bob")
    assert refused(iam.get_user, UserName="bob") == "NoSuchEntity"
    iam.create_user(UserName="BOB")
    iam.delete_user(UserName="BOB")


def test_names_are_unique_without_regard_to_case(iam: Any) -> None:
    iam.create_user(UserName="Carol")
    assert refused(iam.create_user, UserName="carol") == "EntityAlreadyExists"
    assert refused(iam.get_user, UserName="carol") == "NoSuchEntity"
    iam.update_user(UserName="Carol", NewUserName="carol", NewPath="/x/")
    assert iam.get_user(UserName="carol")["User"]["Path"] == "/x/"
    iam.update_user(UserName="carol", NewUserName="dora")
    iam.create_user(UserName="carol")
    assert refused(iam.update_user, UserName="carol", NewUserName="Dora") == "EntityAlreadyExists"
    for name in ("carol", "dora"):
        iam.delete_user(UserName=name)


def test_lists_come_in_pages(iam: Any) -> None:
    names = [f"page-{number}" for number in range(5)]
    for name in names:
        iam.create_user(UserName=name, Path="/pages/")
    pages = list(iam.get_paginator("list_users").paginate(PathPrefix="/pages/", MaxItems=2))
    assert [[user["UserName"] for user in page["Users"]] for page in pages] == [
        names[:2],
        names[2:4],
        names[4:],
    ]
    assert refused(iam.list_users, Marker="made-up") == "ValidationError"
    other = pages[0]["Marker"]
    assert refused(iam.list_users, PathPrefix="/other/", Marker=other) == "ValidationError"
    for name in names:
        iam.delete_user(UserName=name)


def test_groups_give_their_policies_to_their_members(cloud: RunningCloud, iam: Any) -> None:
    iam.create_user(UserName="erin")
    ec2 = cloud.client("ec2", key := key_of(iam, "erin"))
    iam.create_group(GroupName="readers")
    iam.attach_group_policy(GroupName="readers", PolicyArn=AWS_READ_ONLY)
    iam.add_user_to_group(GroupName="readers", UserName="erin")
    assert ec2.describe_instances()["Reservations"] == []
    assert refused(ec2.allocate_address) == "UnauthorizedOperation"
    (member,) = iam.get_group(GroupName="readers")["Users"]
    assert member["UserName"] == "erin"
    assert [g["GroupName"] for g in iam.list_groups_for_user(UserName="erin")["Groups"]] == [
        "readers"
    ]
    entities = iam.list_entities_for_policy(PolicyArn=AWS_READ_ONLY)
    assert [group["GroupName"] for group in entities["PolicyGroups"]] == ["readers"]
    assert refused(iam.delete_group, GroupName="readers") == "DeleteConflict"
    iam.remove_user_from_group(GroupName="readers", UserName="erin")
    assert refused(ec2.describe_instances) == "UnauthorizedOperation"
    iam.detach_group_policy(GroupName="readers", PolicyArn=AWS_READ_ONLY)
    iam.delete_group(GroupName="readers")
    iam.delete_access_key(UserName="erin", AccessKeyId=key["access_key_id"])
    iam.delete_user(UserName="erin")


def test_a_managed_policy_is_in_force_in_its_default_version(cloud: RunningCloud, iam: Any) -> None:
    iam.create_user(UserName="finn")
    ec2 = cloud.client("ec2", key := key_of(iam, "finn"))
    made = iam.create_policy(PolicyName="work", PolicyDocument=allow("ec2:Describe*"))["Policy"]
    arn = made["Arn"]
    iam.attach_user_policy(UserName="finn", PolicyArn=arn)
    assert ec2.describe_regions()["Regions"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow("iam:*"), SetAsDefault=True)
    assert refused(ec2.describe_regions) == "UnauthorizedOperation"
    document = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
    assert document == json.loads(allow("ec2:Describe*"))
    assert refused(iam.delete_policy, PolicyArn=arn) == "DeleteConflict"
    assert refused(iam.delete_policy_version, PolicyArn=arn, VersionId="v2") == "DeleteConflict"
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert ec2.describe_regions()["Regions"]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    iam.detach_user_policy(UserName="finn", PolicyArn=arn)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [version["VersionId"] for version in versions] == ["v1"]
    iam.delete_policy(PolicyArn=arn)
    iam.delete_access_key(UserName="finn", AccessKeyId=key["access_key_id"])
    iam.delete_user(UserName="finn")


def test_aws_policies_are_for_looking_and_attaching(iam: Any) -> None:
    listed = iam.list_policies(Scope="AWS")["Policies"]
    assert "AdministratorAccess" in [policy["PolicyName"] for policy in listed]
    assert refused(iam.delete_policy, PolicyArn=AWS_READ_ONLY) == "AccessDenied"


def test_a_policy_that_means_nothing_is_refused(iam: Any) -> None:
    for text in ("{}", "no json", allow("ec2"), allow("ec2:*", Condition={"Odd": {"a": "b"}})):
        code = refused(iam.create_policy, PolicyName="bad", PolicyDocument=text)
        assert code == "MalformedPolicyDocument", text
    large = allow("ec2:*", Sid="A" * 6200)
    assert refused(iam.create_policy, PolicyName="bad", PolicyDocument=large) == "LimitExceeded"


def test_a_boundary_bounds_and_can_be_taken_away(cloud: RunningCloud, iam: Any) -> None:
    made = iam.create_user(UserName="gwen", PermissionsBoundary=AWS_READ_ONLY)["User"]
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"] == AWS_READ_ONLY
    key = key_of(iam, "gwen")
    iam.put_user_policy(UserName="gwen", PolicyName="all", PolicyDocument=allow("*"))
    ec2 = cloud.client("ec2", key)
    assert ec2.describe_regions()["Regions"]
    assert refused(ec2.allocate_address, DryRun=True) == "UnauthorizedOperation"
    iam.delete_user_permissions_boundary(UserName="gwen")
    assert refused(ec2.allocate_address, DryRun=True) == "DryRunOperation"


def test_nobody_but_himself_changes_the_administrator(cloud: RunningCloud, iam: Any) -> None:
    iam.create_user(UserName="mallory")
    key = key_of(iam, "mallory")
    iam.put_user_policy(UserName="mallory", PolicyName="all", PolicyDocument=allow("*"))
    thief = cloud.client("iam", key)
    assert refused(thief.create_access_key, UserName="admin") == "AccessDenied"
    assert refused(thief.update_user, UserName="admin", NewUserName="x") == "AccessDenied"
    assert refused(thief.delete_user, UserName="admin") == "AccessDenied"
    assert refused(iam.delete_user, UserName="admin") == "DeleteConflict"
    refusal = refused(iam.attach_user_policy, UserName="admin", PolicyArn=AWS_READ_ONLY)
    assert refusal == "InvalidInput"


def test_who_may_manage_some_users_may_manage_no_others(cloud: RunningCloud, iam: Any) -> None:
    iam.create_user(UserName="hugo")
    key = key_of(iam, "hugo")
    statement = {
        "Effect": "Allow",
        "Action": "iam:*",
        "Resource": "arn:aws:iam::*:user/interns/*",
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName="hugo", PolicyName="some", PolicyDocument=text)
    hugo = cloud.client("iam", key)
    hugo.create_user(UserName="ida", Path="/interns/")
    hugo.put_user_policy(UserName="ida", PolicyName="p", PolicyDocument=allow("ec2:*"))
    assert refused(hugo.create_user, UserName="jon") == "AccessDenied"
    assert refused(hugo.put_user_policy, UserName="hugo", PolicyName="q", PolicyDocument=text) == (
        "AccessDenied"
    )
    assert refused(hugo.update_user, UserName="ida", NewPath="/chiefs/") == "AccessDenied"
    assert refused(hugo.get_user) == "AccessDenied"


@pytest.mark.parametrize("key", ["aws:x", "AWS:x"])
def test_tags_kept_for_aws_are_not_set(iam: Any, key: str) -> None:
    tags = [{"Key": key, "Value": "red"}]
    assert refused(iam.create_user, UserName="sys", Tags=tags) == "InvalidInput"
    iam.create_user(UserName="sys")
    assert refused(iam.tag_user, UserName="sys", Tags=tags) == "InvalidInput"
    iam.delete_user(UserName="sys")


def test_who_makes_a_user_with_tags_must_be_allowed_to_tag(cloud: RunningCloud, iam: Any) -> None:
    iam.create_user(UserName="kate")
    key = key_of(iam, "kate")
    iam.put_user_policy(UserName="kate", PolicyName="p", PolicyDocument=allow("iam:CreateUser"))
    kate = cloud.client("iam", key)
    tags = [{"Key": "team", "Value": "red"}]
    assert refused(kate.create_user, UserName="lou", Tags=tags) == "AccessDenied"
    iam.put_user_policy(UserName="kate", PolicyName="q", PolicyDocument=allow("iam:TagUser"))
    kate.create_user(UserName="lou", Tags=tags)
    assert iam.list_user_tags(UserName="lou")["Tags"] == tags
    iam.untag_user(UserName="lou", TagKeys=["TEAM"])
    assert iam.list_user_tags(UserName="lou")["Tags"] == []


def test_the_summary_counts_what_is_there(iam: Any) -> None:
    before = iam.get_account_summary()["SummaryMap"]
    iam.create_group(GroupName="counted")
    after = iam.get_account_summary()["SummaryMap"]
    assert after == {**before, "Groups": before["Groups"] + 1}
    assert after["Users"] == len(iam.list_users()["Users"])
