"""Roles: who may take them on, what they may do, and that nobody inherits a name."""

import json
from collections.abc import Callable
from typing import Any

import botocore.exceptions
import pytest

from tests.cloud.running import RunningCloud

EC2 = {"Service": "ec2.amazonaws.com"}


@pytest.fixture
def iam(cloud: RunningCloud) -> Any:
    return cloud.client("iam")


def refused(call: Callable[..., Any], **asked: Any) -> str:
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call(**asked)
    return error.value.response["Error"]["Code"]


def trusting(principal: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(action: str, resource: str = "*", **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def make(iam: Any, name: str, principal: Any = EC2, **more: Any) -> dict[str, Any]:
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusting(principal), **more)
    return made["Role"]


def trust_of(iam: Any, name: str) -> Any:
    document = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    return document["Statement"][0]["Principal"]


def user_with(cloud: RunningCloud, iam: Any, name: str, document: str) -> Any:
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    key = {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}
    return cloud.client("iam", key)


def test_a_role_lives_from_nothing_to_nothing(iam: Any) -> None:
    role = make(iam, "r1", Path="/apps/", Description="d", MaxSessionDuration=7200)
    assert role["Arn"].endswith(":role/apps/r1")
    assert role["RoleId"].startswith("AROA")
    assert refused(make, iam=iam, name="R1") == "EntityAlreadyExists"
    iam.update_role(RoleName="r1", Description="e")
    shown = iam.get_role(RoleName="r1")["Role"]
    assert (shown["Description"], shown["MaxSessionDuration"]) == ("e", 7200)
    assert shown["AssumeRolePolicyDocument"] == json.loads(trusting(EC2))
    iam.update_assume_role_policy(
        RoleName="r1", PolicyDocument=trusting({"Service": "autoscaling.amazonaws.com"})
    )
    assert trust_of(iam, "r1") == {"Service": "autoscaling.amazonaws.com"}
    iam.put_role_policy(RoleName="r1", PolicyName="p", PolicyDocument=allow("ec2:*"))
    assert refused(iam.delete_role, RoleName="r1") == "DeleteConflict"
    iam.delete_role_policy(RoleName="r1", PolicyName="p")
    arn = "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"
    iam.attach_role_policy(RoleName="r1", PolicyArn=arn)
    assert iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"][0]["RoleName"] == "r1"
    assert refused(iam.delete_role, RoleName="r1") == "DeleteConflict"
    iam.detach_role_policy(RoleName="r1", PolicyArn=arn)
    iam.delete_role(RoleName="r1")
    assert refused(iam.get_role, RoleName="r1") == "NoSuchEntity"


def test_roles_are_listed_by_path_in_pages(iam: Any) -> None:
    for number in range(3):
        make(iam, f"listed-{number}", Path="/listed/")
    pages = iam.get_paginator("list_roles").paginate(PathPrefix="/listed/", MaxItems=2)
    assert [[role["RoleName"] for role in page["Roles"]] for page in pages] == [
        ["listed-0", "listed-1"],
        ["listed-2"],
    ]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        allow("sts:AssumeRole"),
        trusting({"AWS": "999999999999"}),
        trusting({"AWS": "arn:aws:iam::999999999999:root"}),
        trusting({"AWS": "AIDAAAAAAAAAAAAAAAAAA"}),
    ],
)
def test_a_trust_policy_must_mean_somebody(cloud: RunningCloud, iam: Any, text: str) -> None:
    code = refused(iam.create_role, RoleName="untrusted", AssumeRolePolicyDocument=text)
    assert code == "MalformedPolicyDocument"
    nobody = trusting({"AWS": f"arn:aws:iam::{cloud.admin['account_id']}:user/nobody"})
    code = refused(iam.create_role, RoleName="untrusted", AssumeRolePolicyDocument=nobody)
    assert code == "MalformedPolicyDocument"


def test_a_trust_policy_is_short(iam: Any) -> None:
    long = trusting({"Service": [f"s{number}.amazonaws.com" for number in range(150)]})
    assert (
        refused(iam.create_role, RoleName="long", AssumeRolePolicyDocument=long) == "LimitExceeded"
    )


def test_who_gets_a_name_does_not_get_its_trust(iam: Any) -> None:
    arn = iam.create_user(UserName="anne")["User"]["Arn"]
    id = iam.get_user(UserName="anne")["User"]["UserId"]
    make(iam, "for-anne", {"AWS": [arn]})
    assert trust_of(iam, "for-anne") == {"AWS": [arn]}
    iam.update_user(UserName="anne", NewUserName="anna")
    assert trust_of(iam, "for-anne") == {"AWS": [arn.replace("anne", "anna")]}
    iam.delete_user(UserName="anna")
    iam.create_user(UserName="anne")
    assert trust_of(iam, "for-anne") == {"AWS": [id]}


def test_a_boundary_of_a_role_is_put_and_taken(iam: Any) -> None:
    make(iam, "bounded")
    arn = "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"
    assert refused(iam.delete_role_permissions_boundary, RoleName="bounded") == "NoSuchEntity"
    iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=arn)
    shown = iam.get_role(RoleName="bounded")["Role"]["PermissionsBoundary"]
    assert shown["PermissionsBoundaryArn"] == arn
    iam.delete_role_permissions_boundary(RoleName="bounded")
    assert "PermissionsBoundary" not in iam.get_role(RoleName="bounded")["Role"]


def test_tags_are_the_same_for_every_noun(iam: Any) -> None:
    make(iam, "tagged", Tags=[{"Key": "a", "Value": "1"}])
    iam.create_instance_profile(InstanceProfileName="tagged", Tags=[{"Key": "a", "Value": "1"}])
    policy = iam.create_policy(
        PolicyName="tagged", PolicyDocument=allow("ec2:*"), Tags=[{"Key": "a", "Value": "1"}]
    )["Policy"]["Arn"]
    iam.create_user(UserName="tagged", Tags=[{"Key": "a", "Value": "1"}])
    for noun, name in (
        ("role", {"RoleName": "tagged"}),
        ("user", {"UserName": "tagged"}),
        ("policy", {"PolicyArn": policy}),
        ("instance_profile", {"InstanceProfileName": "tagged"}),
    ):
        getattr(iam, f"tag_{noun}")(**name, Tags=[{"Key": "A", "Value": "2"}])
        getattr(iam, f"tag_{noun}")(**name, Tags=[{"Key": "b", "Value": ""}])
        getattr(iam, f"untag_{noun}")(**name, TagKeys=["a", "never"])
        listed = getattr(iam, f"list_{noun}_tags")(**name)["Tags"]
        assert listed == [{"Key": "b", "Value": ""}], noun


def test_a_role_that_waits_is_found_by_the_waiter(iam: Any) -> None:
    make(iam, "awaited")
    iam.get_waiter("role_exists").wait(RoleName="awaited")
    iam.create_instance_profile(InstanceProfileName="awaited")
    iam.get_waiter("instance_profile_exists").wait(InstanceProfileName="awaited")


def test_making_a_role_takes_a_permission_for_that_role(cloud: RunningCloud, iam: Any) -> None:
    arn = f"arn:aws:iam::{cloud.admin['account_id']}:role/team/*"
    maker = user_with(cloud, iam, "maker", allow("iam:*", arn))
    make(maker, "mine", Path="/team/")
    assert refused(make, iam=maker, name="other") == "AccessDenied"
    assert refused(maker.get_role, RoleName="tagged") == "AccessDenied"
    maker.delete_role(RoleName="mine")


def test_a_services_role_is_changed_by_nobody(iam: Any) -> None:
    service = "autoscaling.amazonaws.com"
    role = iam.create_service_linked_role(AWSServiceName=service)["Role"]
    name = role["RoleName"]
    assert role["Path"] == f"/aws-service-role/{service}/"
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert refused(iam.delete_role, RoleName=name) == "UnmodifiableEntity"
    for call, asked in (
        (iam.put_role_policy, {"PolicyName": "p", "PolicyDocument": allow("*")}),
        (iam.update_assume_role_policy, {"PolicyDocument": trusting(EC2)}),
        (iam.tag_role, {"Tags": [{"Key": "a", "Value": "b"}]}),
        (
            iam.attach_role_policy,
            {"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
        ),
    ):
        assert refused(call, RoleName=name, **asked) == "UnmodifiableEntity"
    assert refused(iam.create_service_linked_role, AWSServiceName=service) == "InvalidInput"
    other = iam.create_service_linked_role(AWSServiceName=service, CustomSuffix="x")["Role"]
    assert other["RoleName"] == f"{name}_x"
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    status = iam.get_service_linked_role_deletion_status
    assert status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    assert refused(status, DeletionTaskId=task + "0") == "NoSuchEntity"
    assert refused(iam.get_role, RoleName=name) == "NoSuchEntity"


def test_a_service_that_is_not_there_has_no_role(iam: Any) -> None:
    code = refused(iam.create_service_linked_role, AWSServiceName="braket.amazonaws.com")
    assert code == "InvalidInput"


def test_a_services_policy_is_attached_to_nothing_else(iam: Any) -> None:
    make(iam, "customer")
    arn = "arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy"
    code = refused(iam.attach_role_policy, RoleName="customer", PolicyArn=arn)
    assert code == "PolicyNotAttachable"


def test_a_path_of_services_is_not_for_others(iam: Any) -> None:
    assert refused(make, iam=iam, name="sly", Path="/aws-service-role/x/") == "InvalidInput"
