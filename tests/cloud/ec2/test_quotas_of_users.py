"""Quotas of users and roles count what these made, by whatever credentials, and widen nothing."""

import json
import re
from concurrent import futures
from typing import Any

import botocore.exceptions
import pytest

from mallee.aws.signature import replay
from mallee.cloud import quotas
from mallee.model.identity import quotas as keys
from tests.cloud.ec2.asking import launch, launch_one, refusal, refused
from tests.cloud.ec2.limiting import AT_ONCE, ROOM, Administration, allow_all, with_key
from tests.cloud.ec2.world import IMAGE_ID, FakeHost, Front, World


@pytest.fixture
def carol(front: Front, world: World, iam: Any) -> Any:
    """A client of a user of Bob's who may do everything."""
    return a_user(front, iam, "carol")


def a_user(front: Front, iam: Any, name: str) -> Any:
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=allow_all())
    return with_key(front, "ec2", iam.create_access_key(UserName=name)["AccessKey"])


def test_a_user_s_limit_counts_what_he_made_and_nobody_else_s(
    administration: Administration, host: FakeHost, bob: Any, carol: Any, front: Front, iam: Any
) -> None:
    launch(bob, 2)
    assert administration.limit_user("carol", keys.INSTANCES, 2).status == 200
    launch_one(carol)
    launch_one(a_user(front, iam, "dave"))
    mine = launch_one(carol)["InstanceId"]
    code, words = refused(carol.run_instances, ImageId=IMAGE_ID, MinCount=1, MaxCount=1)
    assert code == "InstanceLimitExceeded"
    assert "of the user: 2 in use" in words
    launch_one(bob)
    # Who ends it does not matter: it was hers.
    bob.terminate_instances(InstanceIds=[mine])
    host.settle()
    launch_one(carol)


def test_it_is_shown_who_used_most(
    administration: Administration, bob: Any, carol: Any, iam: Any
) -> None:
    for client in (bob, carol, carol):
        client.allocate_address()
    asked = {"AccountName": administration.account}
    shown = administration.sender.ask("mallee", "DescribeQuotas", **asked).element("Quotas")
    address = shown.partition(f"<Key>{keys.ADDRESSES}</Key>")[2].partition("</UsedBy>")[0]
    names = re.findall(r"<Name>(.*?)</Name><Usage>(\d+)</Usage>", re.sub(r"\s+", "", address))
    assert names == [("user/carol", "2"), ("user/admin", "1")]


def test_a_user_s_limit_is_not_overrun_by_calls_at_once(
    administration: Administration, carol: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Equal requests of one second are taken for copies where they come late.
    monkeypatch.setattr(replay, "SAME_SECOND_S", 60.0)
    administration.limit_user("carol", keys.ADDRESSES, ROOM)

    def race(_: int) -> str:
        try:
            carol.allocate_address()
        except botocore.exceptions.ClientError as error:
            return error.response["Error"]["Code"]
        return ""

    with futures.ThreadPoolExecutor(AT_ONCE) as pool:
        codes = sorted(pool.map(race, range(AT_ONCE)))
    assert codes == [""] * ROOM + ["AddressLimitExceeded"] * (AT_ONCE - ROOM)


def test_a_group_s_limit_is_every_member_s_own(
    administration: Administration, bob: Any, carol: Any, iam: Any
) -> None:
    iam.create_group(GroupName="staff")
    iam.add_user_to_group(GroupName="staff", UserName="carol")
    limit = {
        "Effect": "Limit",
        "Action": "*",
        "Resource": "*",
        "Condition": {"NumericLessThanEquals": {keys.ADDRESSES: 1}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": limit})
    iam.put_group_policy(GroupName="staff", PolicyName="limit", PolicyDocument=document)
    bob.allocate_address()
    carol.allocate_address()
    assert refusal(carol.allocate_address) == "AddressLimitExceeded"


def test_a_user_s_limit_never_widens_the_account_s(
    administration: Administration, bob: Any, carol: Any
) -> None:
    administration.limit(keys.ADDRESSES, 1)
    administration.limit_user("carol", keys.ADDRESSES, 10)
    bob.allocate_address()
    assert refusal(carol.allocate_address) == "AddressLimitExceeded"


def test_a_session_s_things_are_the_user_s(
    administration: Administration, front: Front, iam: Any, carol: Any
) -> None:
    administration.limit_user("carol", keys.ADDRESSES, 2)
    sts = with_key(front, "sts", iam.create_access_key(UserName="carol")["AccessKey"])
    session = with_key(front, "ec2", sts.get_session_token()["Credentials"])
    carol.allocate_address()
    session.allocate_address()
    assert refusal(session.allocate_address) == "AddressLimitExceeded"
    assert refusal(carol.allocate_address) == "AddressLimitExceeded"


def test_all_sessions_of_a_role_share_its_limit_within_the_account_s(
    administration: Administration, front: Front, iam: Any, carol: Any
) -> None:
    root = f"arn:aws:iam::{administration.account}:root"
    trusting = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": root}}
    limit = {
        "Effect": "Limit",
        "Action": "*",
        "Resource": "*",
        "Condition": {"NumericLessThanEquals": {keys.ADDRESSES: 2}},
    }
    role = iam.create_role(
        RoleName="worker",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trusting}),
    )["Role"]["Arn"]
    documents = (allow_all(), json.dumps({"Version": "2012-10-17", "Statement": limit}))
    for number, document in enumerate(documents):
        iam.put_role_policy(RoleName="worker", PolicyName=f"p{number}", PolicyDocument=document)
    sts = with_key(front, "sts", iam.create_access_key(UserName="carol")["AccessKey"])
    workers = [
        with_key(
            front,
            "ec2",
            sts.assume_role(RoleArn=role, RoleSessionName=name)["Credentials"],
        )
        for name in ("one", "other")
    ]
    for worker in workers:
        worker.allocate_address()
    for worker in workers:
        assert refusal(worker.allocate_address) == "AddressLimitExceeded"
    carol.allocate_address()
    administration.limit(keys.ADDRESSES, 3)
    assert refusal(carol.allocate_address) == "AddressLimitExceeded"


@pytest.mark.parametrize(
    ("key", "resource"),
    [
        ("ec2:quota-nonsense", "*"),
        (keys.USERS, "*"),
        (keys.INSTANCES, "arn:aws:ec2:::instance/*"),
        (keys.ADDRESSES, quotas.ZONE_ARN.format("us-east-1a")),
    ],
)
def test_a_limit_that_would_limit_nothing_is_refused_where_it_is_written(
    key: str, resource: str, carol: Any, iam: Any
) -> None:
    limit = {
        "Effect": "Limit",
        "Action": "*",
        "Resource": resource,
        "Condition": {"NumericLessThanEquals": {key: "1"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": limit})
    asked = {"UserName": "carol", "PolicyName": "p", "PolicyDocument": document}
    assert refusal(iam.put_user_policy, **asked) == "MalformedPolicyDocument"
