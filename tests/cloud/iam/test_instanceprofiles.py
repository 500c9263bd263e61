"""Instance profiles: one role each, and nobody hands on a role that he may not pass."""

from typing import Any

import pytest

from tests.cloud.iam.test_roles import allow, make, refused, user_with
from tests.cloud.running import RunningCloud


@pytest.fixture
def iam(cloud: RunningCloud) -> Any:
    return cloud.client("iam")


def test_a_profile_lives_from_nothing_to_nothing(iam: Any) -> None:
    made = iam.create_instance_profile(InstanceProfileName="p1", Path="/x/")["InstanceProfile"]
    assert made["Arn"].endswith(":instance-profile/x/p1")
    assert made["Roles"] == []
    role = make(iam, "r1")
    other = make(iam, "r2")
    iam.add_role_to_instance_profile(InstanceProfileName="p1", RoleName="r1")
    shown = iam.get_instance_profile(InstanceProfileName="p1")["InstanceProfile"]
    assert [one["Arn"] for one in shown["Roles"]] == [role["Arn"]]
    listed = iam.list_instance_profiles_for_role(RoleName="r1")["InstanceProfiles"]
    assert [one["InstanceProfileName"] for one in listed] == ["p1"]
    full = refused(
        iam.add_role_to_instance_profile, InstanceProfileName="p1", RoleName=other["RoleName"]
    )
    assert full == "LimitExceeded"
    assert refused(iam.delete_role, RoleName="r1") == "DeleteConflict"
    assert refused(iam.delete_instance_profile, InstanceProfileName="p1") == "DeleteConflict"
    remove = iam.remove_role_from_instance_profile
    assert refused(remove, InstanceProfileName="p1", RoleName="r2") == "NoSuchEntity"
    remove(InstanceProfileName="p1", RoleName="r1")
    iam.delete_instance_profile(InstanceProfileName="p1")
    assert refused(iam.get_instance_profile, InstanceProfileName="p1") == "NoSuchEntity"


def test_a_role_is_put_into_a_profile_by_who_may_pass_it(cloud: RunningCloud, iam: Any) -> None:
    make(iam, "weak")
    make(iam, "mighty")
    iam.create_instance_profile(InstanceProfileName="passed")
    change = user_with(cloud, iam, "changer", allow("iam:*InstanceProfile"))
    add = change.add_role_to_instance_profile
    assert refused(add, InstanceProfileName="passed", RoleName="weak") == "AccessDenied"
    weak = iam.get_role(RoleName="weak")["Role"]["Arn"]
    to_ec2 = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    iam.put_user_policy(
        UserName="changer",
        PolicyName="pass",
        PolicyDocument=allow("iam:PassRole", weak, Condition=to_ec2),
    )
    assert refused(add, InstanceProfileName="passed", RoleName="mighty") == "AccessDenied"
    add(InstanceProfileName="passed", RoleName="weak")
    change.remove_role_from_instance_profile(InstanceProfileName="passed", RoleName="weak")
    elsewhere = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    iam.put_user_policy(
        UserName="changer",
        PolicyName="pass",
        PolicyDocument=allow("iam:PassRole", weak, Condition=elsewhere),
    )
    assert refused(add, InstanceProfileName="passed", RoleName="weak") == "AccessDenied"
