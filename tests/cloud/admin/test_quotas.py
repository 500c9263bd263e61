"""Quotas are shown with what is used and who set them, and set by those alone who may."""

import json
import re
from typing import Any

import pytest

from mallee.model.identity import quotas as keys
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Answer, Sender


@pytest.fixture(scope="module")
def tenant(cloud: RunningCloud) -> dict[str, str]:
    """An account's id, name and key."""
    made = Sender(cloud.port, cloud.admin).ask("mallee", "CreateAccount", AccountName="tenant")
    return {
        "id": made.element("AccountId"),
        "access_key_id": made.element("AccessKeyId"),
        "secret_access_key": made.element("SecretAccessKey"),
    }


@pytest.fixture
def theirs(cloud: RunningCloud, tenant: dict[str, str]) -> Sender:
    return Sender(cloud.port, tenant)


@pytest.fixture
def iam(cloud: RunningCloud, tenant: dict[str, str]) -> Any:
    return cloud.client("iam", tenant)


def rows(answer: Answer) -> dict[tuple[str, str], dict[str, str]]:
    """The quotas of an answer by key and zone, each with its members."""
    assert answer.status == 200, answer.text
    found: dict[tuple[str, str], dict[str, str]] = {}
    for text in answer.text.partition("</Quotas>")[0].split("<member>")[1:]:
        members = dict(re.findall(r"<(\w+)>([^<]*)</\1>", text))
        found[members["Key"], members.get("Zone", "")] = members
    return found


def put(sender: Sender, key: str, most: int, **more: str) -> Answer:
    return sender.ask("mallee", "PutQuota", Key=key, Limit=str(most), **more)


def test_every_key_is_shown_with_its_usage_or_as_not_counted_yet(theirs: Sender) -> None:
    shown = rows(theirs.ask("mallee", "DescribeQuotas"))
    assert {key for key, _ in shown} == set(keys.KEYS)
    assert shown[keys.VPCS, ""]["Usage"] == "1"
    assert "Limit" not in shown[keys.IMAGES, ""]
    assert shown[keys.VPCS, ""]["Limit"] == "5"
    users = shown[keys.USERS, ""]
    assert (users["Usage"], users["Limit"], users["Kind"]) == ("1", "5000", "AWS's own quota")
    stacks = shown["cloudformation:quota-stacknumber", ""]
    assert stacks["IsCounted"] == "false"
    assert "Usage" not in stacks


def test_a_limit_is_set_shown_with_its_source_and_taken_away(
    sender: Sender, theirs: Sender, tenant: dict[str, str]
) -> None:
    assert put(sender, "EC2:Quota-AddressNumber", 7, AccountName="tenant").status == 200
    assert put(sender, keys.INSTANCES, 9, AccountName=tenant["id"]).status == 200
    assert put(sender, keys.INSTANCES, 2, AccountName="tenant", Zone="us-east-1a").status == 200
    shown = rows(theirs.ask("mallee", "DescribeQuotas", AccountName="tenant"))
    address = shown[keys.ADDRESSES, ""]
    assert (address["Limit"], address["Kind"]) == ("7", "account policy")
    assert address["PolicyName"] == "quotas"
    assert shown[keys.INSTANCES, ""]["Limit"] == "9"
    assert shown[keys.INSTANCES, "us-east-1a"]["Limit"] == "2"
    assert rows(sender.ask("mallee", "DescribeQuotas", AccountName="tenant")) == shown

    for more in ({"Zone": "us-east-1a"}, {}):
        asked = {"AccountName": "tenant", "Key": keys.INSTANCES, **more}
        assert sender.ask("mallee", "DeleteQuota", **asked).status == 200
        assert sender.ask("mallee", "DeleteQuota", **asked).code == "NoSuchEntity"
    gone = {"AccountName": "tenant", "Key": keys.ADDRESSES}
    assert sender.ask("mallee", "DeleteQuota", **gone).status == 200
    listed = sender.ask("mallee", "ListAccountPolicies", AccountName="tenant")
    assert "quotas" not in listed.text


def test_a_limit_of_a_service_to_come_is_kept(sender: Sender, theirs: Sender) -> None:
    assert put(sender, "sqs:quota-queuenumber", 4, AccountName="tenant").status == 200
    shown = rows(theirs.ask("mallee", "DescribeQuotas"))["sqs:quota-queuenumber", ""]
    assert (shown["Limit"], shown["IsCounted"]) == ("4", "false")


@pytest.mark.parametrize(
    ("key", "more"),
    [
        ("ec2:quota-nonsense", {"AccountName": "tenant"}),
        (keys.ADDRESSES, {"AccountName": "tenant", "Zone": "us-east-1a"}),
        (keys.INSTANCES, {"AccountName": "tenant", "Zone": "nowhere-1a"}),
        (keys.INSTANCES, {}),
        (keys.INSTANCES, {"AccountName": "admin"}),
        (keys.INSTANCES, {"AccountName": "tenant", "UserName": "u"}),
        (keys.USERS, {"UserName": "u"}),
    ],
)
def test_what_would_limit_nothing_is_refused(
    sender: Sender, key: str, more: dict[str, str]
) -> None:
    assert put(sender, key, 1, **more).code == "InvalidInput"


def test_limits_are_whole_numbers_of_no_less_than_nothing(sender: Sender) -> None:
    for most in ("-1", "x", "1.5", "9" * 40):
        asked = {"AccountName": "tenant", "Key": keys.INSTANCES, "Limit": most}
        assert sender.ask("mallee", "PutQuota", **asked).status == 400


def test_nobody_sets_or_sees_another_account_s_quotas(sender: Sender, theirs: Sender) -> None:
    for name in ("tenant", "admin", "no-such-account"):
        answer = put(theirs, keys.INSTANCES, 1_000_000, AccountName=name)
        assert (answer.status, answer.code) == (403, "AccessDenied")
        removal = theirs.ask("mallee", "DeleteQuota", AccountName=name, Key=keys.INSTANCES)
        assert removal.code == "AccessDenied"
    for name in ("admin", "no-such-account"):
        assert theirs.ask("mallee", "DescribeQuotas", AccountName=name).code == "AccessDenied"
    missing = sender.ask("mallee", "DescribeQuotas", AccountName="no-such-account")
    assert missing.code == "NoSuchEntity"


def test_an_account_limits_its_own_users(
    cloud: RunningCloud, theirs: Sender, sender: Sender, iam: Any
) -> None:
    iam.create_user(UserName="erin")
    assert put(theirs, keys.ADDRESSES, 2, UserName="erin").status == 200
    shown = rows(theirs.ask("mallee", "DescribeQuotas", UserName="erin"))
    address = shown[keys.ADDRESSES, ""]
    assert (address["Limit"], address["Usage"], address["Kind"]) == (
        "2",
        "0",
        "identity-based policy",
    )
    assert (keys.USERS, "") not in shown
    assert iam.list_user_policies(UserName="erin")["PolicyNames"] == ["quotas"]
    # Another account's user is nobody's.
    assert sender.ask("mallee", "DescribeQuotas", UserName="erin").code == "NoSuchEntity"
    assert put(sender, keys.ADDRESSES, 2, UserName="erin").code == "NoSuchEntity"
    assert put(theirs, keys.ADDRESSES, 2, UserName="admin").code == "InvalidInput"
    gone = theirs.ask("mallee", "DeleteQuota", UserName="erin", Key=keys.ADDRESSES)
    assert gone.status == 200
    assert iam.list_user_policies(UserName="erin")["PolicyNames"] == []


def test_a_user_needs_permission_for_quotas(cloud: RunningCloud, iam: Any) -> None:
    iam.create_user(UserName="frank")
    made = iam.create_access_key(UserName="frank")["AccessKey"]
    key = {
        "access_key_id": made["AccessKeyId"],
        "secret_access_key": made["SecretAccessKey"],
    }
    frank = Sender(cloud.port, key)
    assert frank.ask("mallee", "DescribeQuotas").code == "AccessDenied"
    assert put(frank, keys.ADDRESSES, 99, UserName="frank").code == "AccessDenied"
    statement = {"Effect": "Allow", "Action": "mallee:DescribeQuotas", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName="frank", PolicyName="p", PolicyDocument=document)
    assert frank.ask("mallee", "DescribeQuotas").status == 200
    assert put(frank, keys.ADDRESSES, 99, UserName="frank").code == "AccessDenied"


def test_a_policy_of_that_name_that_somebody_wrote_is_left_alone(theirs: Sender, iam: Any) -> None:
    iam.create_user(UserName="gina")
    statement = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName="gina", PolicyName="quotas", PolicyDocument=document)
    assert put(theirs, keys.ADDRESSES, 2, UserName="gina").code == "InvalidInput"
    kept = iam.get_user_policy(UserName="gina", PolicyName="quotas")
    assert kept["PolicyDocument"]["Statement"] == statement


def test_people_are_not_imported_beyond_their_account_s_quota(
    cloud: RunningCloud, sender: Sender
) -> None:
    made = sender.ask("mallee", "CreateAccount", AccountName="crowd")
    key = {
        "access_key_id": made.element("AccessKeyId"),
        "secret_access_key": made.element("SecretAccessKey"),
    }
    assert put(sender, keys.USERS, 3, AccountName="crowd").status == 200
    people = [{"user_name": name, "groups": []} for name in ("ann", "bob", "cat")]
    asked = {"Source": "ldap", "Apply": "true"}
    for who, more in ((sender, {"AccountName": "crowd"}), (Sender(cloud.port, key), {})):
        document = json.dumps({"people": people})
        answer = who.ask("mallee", "ImportUsers", Document=document, **asked, **more)
        assert answer.code == "LimitExceeded"
        assert "3 (iam:quota-usernumber of the account: 1 in use, 3 more" in answer.message
    users = cloud.client("iam", key).list_users()["Users"]
    assert [user["UserName"] for user in users] == ["admin"]
    document = json.dumps({"people": people[:2]})
    asked["AccountName"] = "crowd"
    assert sender.ask("mallee", "ImportUsers", Document=document, **asked).status == 200
