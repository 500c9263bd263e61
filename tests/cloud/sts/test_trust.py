"""Trust is given to somebody, not to a name: a namesake takes no role on."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud.sts.people import Key, People, policy

MAY_ASK = {"Action": "sts:AssumeRole", "Resource": "*"}


def refused(people: People, arn: str, key: Any) -> str:
    with pytest.raises(ClientError) as error:
        people.assume(arn, key)
    return error.value.response["Error"]["Code"]


def _remove_user(iam: Any, name: str) -> None:
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    for one in iam.list_user_policies(UserName=name)["PolicyNames"]:
        iam.delete_user_policy(UserName=name, PolicyName=one)
    iam.delete_user(UserName=name)


def _make_user(people: People, account: dict[str, str], name: str) -> Key:
    iam = people.client("iam", account)
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(MAY_ASK))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return Key(
        {
            "name": name,
            "account_id": account["account_id"],
            "access_key_id": made["AccessKeyId"],
            "secret_access_key": made["SecretAccessKey"],
        }
    )


def test_a_namesake_in_another_account_takes_no_role_on(people: People) -> None:
    tenant = people.account()
    user = people.user(MAY_ASK, of=tenant)
    role = people.role({"Principal": {"AWS": user.arn}})
    assert people.assume(role, user)
    iam = people.client("iam", tenant)
    _remove_user(iam, user["name"])
    namesake = _make_user(people, tenant, user["name"])
    assert people.arn(namesake) == user.arn
    assert refused(people, role, namesake) == "AccessDenied"
    # Who trusts the new one says so anew.
    people.client("iam").update_assume_role_policy(
        RoleName=role.rpartition("/")[2],
        PolicyDocument=policy({"Action": "sts:AssumeRole", "Principal": {"AWS": user.arn}}),
    )
    assert people.assume(role, namesake)


def test_who_is_renamed_is_still_trusted(people: People) -> None:
    tenant = people.account()
    user = people.user(MAY_ASK, of=tenant)
    role = people.role({"Principal": {"AWS": user.arn}})
    people.client("iam", tenant).update_user(UserName=user["name"], NewUserName="another")
    assert people.assume(role, user)


def test_a_namesake_of_a_trusted_role_takes_no_role_on(people: People) -> None:
    tenant = people.account()
    admin = {"Principal": {"AWS": f"arn:aws:iam::{tenant['account_id']}:root"}}
    first = people.role(admin, MAY_ASK, of=tenant)
    role = people.role({"Principal": {"AWS": first}})
    assert people.assume(role, people.assume(first, tenant))
    iam, name = people.client("iam", tenant), first.rpartition("/")[2]
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    iam.delete_role_policy(RoleName=name, PolicyName="p0")
    iam.delete_role(RoleName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(MAY_ASK))
    assert refused(people, role, people.assume(first, tenant)) == "AccessDenied"
