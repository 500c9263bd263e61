"""ImportUsers: shows what it would do, does that, and only in the account that it may."""

import json
import re
from typing import Any

import pytest

from mallee.cloud.state import records
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender

PEOPLE = [
    {"user_name": "ann", "full_name": "Ann O.", "email": "ann@example.org", "groups": ["dev"]},
    {"user_name": "bob", "groups": ["dev", "ops"]},
]


@pytest.fixture
def tenant(cloud: RunningCloud, request: pytest.FixtureRequest) -> dict[str, str]:
    name = re.sub(r"[^a-z0-9]", "-", request.node.name.lower())[:50]
    made = Sender(cloud.port, cloud.admin).ask("mallee", "CreateAccount", AccountName=name)
    return {
        "name": name,
        "account_id": made.element("AccountId"),
        "access_key_id": made.element("AccessKeyId"),
        "secret_access_key": made.element("SecretAccessKey"),
    }


def _import(sender: Sender, people: list[dict[str, Any]], **more: str) -> Any:
    document = json.dumps({"people": people})
    return sender.ask("mallee", "ImportUsers", Source="ldap", Document=document, **more)


def _users(cloud: RunningCloud, key: dict[str, str]) -> set[str]:
    return {user["UserName"] for user in cloud.client("iam", key).list_users()["Users"]}


def test_it_tells_first_and_does_then_and_nothing_twice(
    cloud: RunningCloud, tenant: dict[str, str]
) -> None:
    sender = Sender(cloud.port, tenant)
    shown = _import(sender, PEOPLE)
    assert shown.status == 200, shown.text
    assert shown.text.count("<Change>create</Change>") == 4
    assert _users(cloud, tenant) == {"admin"}
    done = _import(sender, PEOPLE, Apply="true")
    assert done.element("Differences") == shown.element("Differences")
    assert _users(cloud, tenant) == {"admin", "ann", "bob"}
    iam = cloud.client("iam", tenant)
    members = iam.get_group(GroupName="dev")["Users"]
    assert {user["UserName"] for user in members} == {"ann", "bob"}
    before = cloud.store.view.rev
    again = _import(sender, PEOPLE, Apply="true")
    assert "<Change>" not in again.text
    assert cloud.store.view.rev == before


def test_who_left_can_do_nothing(cloud: RunningCloud, tenant: dict[str, str]) -> None:
    sender = Sender(cloud.port, tenant)
    _import(sender, PEOPLE, Apply="true")
    key = cloud.client("iam", tenant).create_access_key(UserName="bob")["AccessKey"]
    bob = {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}
    sts = cloud.client("sts", bob)
    assert sts.get_caller_identity()["Arn"].endswith(":user/bob")
    _import(sender, PEOPLE[:1], Apply="true", DisableMissing="true")
    with pytest.raises(Exception, match="InvalidClientTokenId"):
        sts.get_caller_identity()
    _import(sender, PEOPLE, Apply="true", DisableMissing="true")
    assert sts.get_caller_identity()["Arn"].endswith(":user/bob")


def test_only_the_administration_names_another_account(
    cloud: RunningCloud, tenant: dict[str, str]
) -> None:
    admin = Sender(cloud.port, cloud.admin)
    intruder = Sender(cloud.port, tenant)
    refused = _import(intruder, PEOPLE, AccountName="admin", Apply="true")
    assert refused.code == "NoSuchEntity"
    assert "ann" not in _users(cloud, cloud.admin)
    assert _import(admin, PEOPLE, AccountName=tenant["name"], Apply="true").status == 200
    assert _users(cloud, tenant) == {"admin", "ann", "bob"}
    assert "ann" not in _users(cloud, cloud.admin)


def test_users_need_the_permission(cloud: RunningCloud, tenant: dict[str, str]) -> None:
    iam = cloud.client("iam", tenant)
    iam.create_user(UserName="hr")
    key = iam.create_access_key(UserName="hr")["AccessKey"]
    hr = {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}
    assert _import(Sender(cloud.port, hr), PEOPLE, Apply="true").code == "AccessDenied"
    allow = {"Effect": "Allow", "Action": "mallee:ImportUsers"}
    resource = f"arn:aws:iam::{tenant['account_id']}:user/*"
    document: dict[str, Any] = {"Version": "2012-10-17"}
    document["Statement"] = {**allow, "Resource": resource}
    iam.put_user_policy(UserName="hr", PolicyName="p", PolicyDocument=json.dumps(document))
    assert _import(Sender(cloud.port, hr), PEOPLE).status == 200
    # What it does is IAM's, so it takes IAM's permissions, on these groups and no others.
    assert _import(Sender(cloud.port, hr), PEOPLE, Apply="true").code == "AccessDenied"
    users = {"Action": ["mallee:ImportUsers", "iam:CreateUser", "iam:UpdateUser"]}
    groups = {"Action": ["iam:CreateGroup", "iam:AddUserToGroup", "iam:RemoveUserFromGroup"]}
    groups |= {"Resource": f"arn:aws:iam::{tenant['account_id']}:group/dev"}
    document["Statement"] = [
        {**allow, **users, "Resource": resource},
        {"Effect": "Allow", **groups},
    ]
    iam.put_user_policy(UserName="hr", PolicyName="p", PolicyDocument=json.dumps(document))
    assert _import(Sender(cloud.port, hr), PEOPLE[:1], Apply="true").status == 200
    assert _import(Sender(cloud.port, hr), PEOPLE, Apply="true").code == "AccessDenied"


def test_newcomers_are_invited_when_asked(cloud: RunningCloud, tenant: dict[str, str]) -> None:
    sender = Sender(cloud.port, tenant)
    _import(sender, PEOPLE, Apply="true", Invite="true")
    invited = cloud.store.view.list(records.REGISTRATION, tenant["account_id"])
    assert [one.doc.user_name for one in invited] == ["ann"]
    _import(sender, PEOPLE, Apply="true", Invite="true")
    assert len(cloud.store.view.list(records.REGISTRATION, tenant["account_id"])) == 1


def test_too_many_are_refused_whole(cloud: RunningCloud, tenant: dict[str, str]) -> None:
    limit = {
        "Effect": "Limit",
        "Action": "iam:CreateUser",
        "Resource": "*",
        "Condition": {"NumericLessThanEquals": {"iam:quota-usernumber": "2"}},
    }
    admin = Sender(cloud.port, cloud.admin)
    put = admin.ask(
        "mallee",
        "PutAccountPolicy",
        AccountName=tenant["name"],
        PolicyName="few",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": limit}),
    )
    assert put.status == 200, put.text
    for sender, more in (
        (Sender(cloud.port, tenant), {}),
        (admin, {"AccountName": tenant["name"]}),
    ):
        assert _import(sender, PEOPLE, Apply="true", **more).code == "LimitExceeded"
    assert _users(cloud, tenant) == {"admin"}


def test_nonsense_is_refused(cloud: RunningCloud, tenant: dict[str, str]) -> None:
    sender = Sender(cloud.port, tenant)
    refused = _import(sender, [{"user_name": "a b"}])
    assert refused.code == "InvalidInput"
    assert "a b" in refused.message


def test_two_thousand_people_are_one_import(cloud: RunningCloud, tenant: dict[str, str]) -> None:
    people = [{"user_name": f"u{number}", "groups": ["all"]} for number in range(2000)]
    sender = Sender(cloud.port, tenant)
    answer = _import(sender, people, Apply="true")
    assert answer.status == 200, answer.text[:300]
    assert "<Change>" not in _import(sender, people).text


def test_what_is_known_of_users_is_shown_and_set_within_the_account(
    cloud: RunningCloud, tenant: dict[str, str]
) -> None:
    sender = Sender(cloud.port, tenant)
    _import(sender, PEOPLE, Apply="true")
    set_ = sender.ask("mallee", "UpdateUserInfo", UserName="bob", Email="bob@example.org")
    assert set_.status == 200, set_.text
    shown = sender.ask("mallee", "DescribeUsers", **{"UserNames.member.1": "bob"})
    assert shown.element("Email") == "bob@example.org"
    assert shown.element("Source") == "ldap"
    everybody = sender.ask("mallee", "DescribeUsers").text
    assert re.findall(r"<UserName>(.*?)<", everybody) == ["admin", "ann", "bob"]
    admin = Sender(cloud.port, cloud.admin)
    named = {"UserNames.member.1": "bob"}
    assert admin.ask("mallee", "DescribeUsers", **named).code == "NoSuchEntity"
    for action in ("UpdateUserInfo", "EnableUser", "DisableUser"):
        assert admin.ask("mallee", action, UserName="bob").code == "NoSuchEntity"
