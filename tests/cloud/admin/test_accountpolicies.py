"""An account policy bounds everyone in the account, its administrator too, and gives nothing."""

import json
from typing import Any
from urllib.parse import unquote

import boto3
import botocore.exceptions
import pytest

from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


NO_VPCS = _policy({"Effect": "Deny", "Action": "ec2:DescribeVpcs", "Resource": "*"})
ALL = _policy({"Effect": "Allow", "Action": "*", "Resource": "*"})


@pytest.fixture(scope="module")
def tenant(cloud: RunningCloud) -> dict[str, str]:
    made = Sender(cloud.port, cloud.admin).ask("mallee", "CreateAccount", AccountName="bounded")
    return {
        "access_key_id": made.element("AccessKeyId"),
        "secret_access_key": made.element("SecretAccessKey"),
    }


def _put(sender: Sender, name: str, document: str) -> str:
    answer = sender.ask(
        "mallee",
        "PutAccountPolicy",
        AccountName="bounded",
        PolicyName=name,
        PolicyDocument=document,
    )
    return answer.code


def _delete(sender: Sender, name: str) -> str:
    return sender.ask("mallee", "DeleteAccountPolicy", AccountName="bounded", PolicyName=name).code


def test_denial_holds_for_the_administrator_and_for_users(
    cloud: RunningCloud, sender: Sender, tenant: dict[str, str]
) -> None:
    ec2, iam = cloud.client("ec2", tenant), cloud.client("iam", tenant)
    iam.create_user(UserName="u")
    iam.put_user_policy(UserName="u", PolicyName="all", PolicyDocument=ALL)
    key = iam.create_access_key(UserName="u")["AccessKey"]
    user = cloud.client(
        "ec2",
        {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]},
    )
    assert len(ec2.describe_vpcs()["Vpcs"]) == len(user.describe_vpcs()["Vpcs"]) == 1
    assert _put(sender, "no-vpcs", NO_VPCS) == ""
    for client in (ec2, user):
        with pytest.raises(botocore.exceptions.ClientError, match="UnauthorizedOperation"):
            client.describe_vpcs()
        client.describe_subnets()
    assert _delete(sender, "no-vpcs") == ""
    assert len(ec2.describe_vpcs()["Vpcs"]) == len(user.describe_vpcs()["Vpcs"]) == 1


def test_allowance_gives_nothing(
    cloud: RunningCloud, sender: Sender, tenant: dict[str, str]
) -> None:
    iam = cloud.client("iam", tenant)
    iam.create_user(UserName="poor")
    key = iam.create_access_key(UserName="poor")["AccessKey"]
    poor = {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}
    assert _put(sender, "all", ALL) in ("", "MalformedPolicyDocument")
    with pytest.raises(botocore.exceptions.ClientError, match="UnauthorizedOperation"):
        cloud.client("ec2", poor).describe_vpcs()
    _delete(sender, "all")


def test_policy_is_shown_as_it_was_written(sender: Sender, tenant: dict[str, str]) -> None:
    limit = _policy(
        {
            "Effect": "Limit",
            "Action": "ec2:RunInstances",
            "Resource": "*",
            "Condition": {"NumericLessThanEquals": {"ec2:quota-vminstancenumber": "4"}},
        }
    )
    assert _put(sender, "quota", limit) == ""
    shown = sender.ask("mallee", "GetAccountPolicy", AccountName="bounded", PolicyName="quota")
    assert json.loads(unquote(shown.element("PolicyDocument"))) == json.loads(limit)
    listed = sender.ask("mallee", "ListAccountPolicies", AccountName="bounded")
    assert "<member>quota</member>" in listed.text
    assert _delete(sender, "quota") == ""
    assert _delete(sender, "quota") == "NoSuchEntity"


def test_what_is_no_policy_is_refused(sender: Sender, tenant: dict[str, str]) -> None:
    assert _put(sender, "bad", "{}") == "MalformedPolicyDocument"
    assert _put(sender, "big", ALL + " " * 10 + NO_VPCS) == "MalformedPolicyDocument"
    long = _policy({"Effect": "Deny", "Action": [f"ec2:A{n}" for n in range(900)], "Resource": "*"})
    assert _put(sender, "long", long) == "LimitExceeded"
    for number in range(10):
        assert _put(sender, f"p{number}", NO_VPCS) == ""
    assert _put(sender, "p10", NO_VPCS) == "LimitExceeded"
    for number in range(10):
        assert _delete(sender, f"p{number}") == ""


def test_the_clouds_own_account_cannot_be_bounded(sender: Sender) -> None:
    answer = sender.ask(
        "mallee",
        "PutAccountPolicy",
        AccountName="admin",
        PolicyName="n",
        PolicyDocument=NO_VPCS,
    )
    assert answer.code == "InvalidInput"


def test_only_the_administration_sets_one(cloud: RunningCloud, tenant: dict[str, str]) -> None:
    assert _put(Sender(cloud.port, tenant), "x", NO_VPCS) == "AccessDenied"
    assert _delete(Sender(cloud.port, tenant), "x") == "AccessDenied"


def test_denial_holds_for_every_kind_of_session(
    cloud: RunningCloud, sender: Sender, tenant: dict[str, str]
) -> None:
    iam, sts = cloud.client("iam", tenant), cloud.client("sts", tenant)
    account = sts.get_caller_identity()["Account"]
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="r", PolicyName="all", PolicyDocument=ALL)
    held = [
        sts.get_session_token()["Credentials"],
        sts.get_federation_token(Name="fed", Policy=ALL)["Credentials"],
        sts.assume_role(RoleArn=role, RoleSessionName="app")["Credentials"],
    ]
    clients = [
        boto3.client(
            "ec2",
            region_name="us-east-1",
            endpoint_url=cloud.url,
            aws_access_key_id=one["AccessKeyId"],
            aws_secret_access_key=one["SecretAccessKey"],
            aws_session_token=one["SessionToken"],
        )
        for one in held
    ]
    assert [len(one.describe_vpcs()["Vpcs"]) for one in clients] == [1, 1, 1]
    assert _put(sender, "no-vpcs", NO_VPCS) == ""
    for client in clients:
        with pytest.raises(botocore.exceptions.ClientError, match="UnauthorizedOperation"):
            client.describe_vpcs()
        client.describe_subnets()
    assert _delete(sender, "no-vpcs") == ""
