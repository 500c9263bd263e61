"""Rules of the recycle bin: their life, their locks, their tags, and who may touch them."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.state import records
from tests.cloud.ec2.asking import refusal, refused
from tests.cloud.ec2.limiting import with_key
from tests.cloud.ec2.world import Front, World

SNAPSHOTS = "EBS_SNAPSHOT"
LOCK = {"UnlockDelay": {"UnlockDelayValue": 7, "UnlockDelayUnit": "DAYS"}}


def period(days: int) -> dict[str, Any]:
    return {"RetentionPeriodValue": days, "RetentionPeriodUnit": "DAYS"}


def make(rbin: Any, **more: Any) -> dict[str, Any]:
    asked = {"ResourceType": SNAPSHOTS, "RetentionPeriod": period(3), **more}
    return rbin.create_rule(**asked)


def user(front: Front, iam: Any, *statements: dict[str, Any]) -> Any:
    """The rules, for a user of Bob's with these statements."""
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.create_user(UserName="carol")
    iam.put_user_policy(UserName="carol", PolicyName="p", PolicyDocument=document)
    return with_key(front, "rbin", iam.create_access_key(UserName="carol")["AccessKey"])


def listed(rbin: Any, **asked: Any) -> list[str]:
    found = rbin.list_rules(**{"ResourceType": SNAPSHOTS, **asked})["Rules"]
    return [rule["Identifier"] for rule in found]


def test_the_life_of_a_rule(rbin: Any, world: World) -> None:
    tags = [{"ResourceTagKey": "keep", "ResourceTagValue": "yes"}]
    made = make(rbin, Description="ours", ResourceTags=tags, Tags=[{"Key": "a", "Value": "b"}])
    id = made["Identifier"]
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["RuleArn"] == f"arn:aws:rbin:us-east-1:{world.accounts['alice']}:rule/{id}"
    assert (made["Status"], made["Tags"]) == ("available", [{"Key": "a", "Value": "b"}])
    shown = rbin.get_rule(Identifier=id)
    assert (shown["Description"], shown["ResourceTags"]) == ("ours", tags)
    assert "LockState" not in shown
    changed = rbin.update_rule(Identifier=id, RetentionPeriod=period(9), Description="")
    assert changed["RetentionPeriod"] == period(9)
    assert rbin.get_rule(Identifier=id)["Description"] == ""
    assert listed(rbin) == [id]
    assert listed(rbin, ResourceType="EC2_IMAGE") == []
    rbin.delete_rule(Identifier=id)
    assert refusal(rbin.get_rule, Identifier=id) == "ResourceNotFoundException"


def test_a_list_has_pages(rbin: Any) -> None:
    made = sorted(make(rbin)["Identifier"] for _ in range(3))
    pages = rbin.get_paginator("list_rules").paginate(
        ResourceType=SNAPSHOTS, PaginationConfig={"PageSize": 1}
    )
    assert [rule["Identifier"] for page in pages for rule in page["Rules"]] == made
    asked = {"ResourceType": SNAPSHOTS, "NextToken": "AAAA"}
    assert refusal(rbin.list_rules, **asked) == "ValidationException"


def test_a_list_is_narrowed_by_tags_and_locks(rbin: Any) -> None:
    tag = [{"ResourceTagKey": "k", "ResourceTagValue": "v"}]
    tagged = make(rbin, ResourceTags=tag)["Identifier"]
    sparing = make(rbin, ExcludeResourceTags=tag)["Identifier"]
    locked = make(rbin, LockConfiguration=LOCK)["Identifier"]
    assert listed(rbin, ResourceTags=tag) == [tagged]
    assert listed(rbin, ResourceTags=[{"ResourceTagKey": "k"}]) == [tagged]
    assert listed(rbin, ExcludeResourceTags=tag) == [sparing]
    assert listed(rbin, LockState="locked") == [locked]
    assert sorted(listed(rbin, LockState="unlocked")) == sorted([tagged, sparing])


def test_a_locked_rule_changes_only_days_after_it_was_unlocked(rbin: Any, world: World) -> None:
    made = make(rbin, LockConfiguration=LOCK)
    id = made["Identifier"]
    assert (made["LockState"], made["LockConfiguration"]) == ("locked", LOCK)
    assert refusal(rbin.update_rule, Identifier=id, Description="x") == "ConflictException"
    assert refusal(rbin.delete_rule, Identifier=id) == "ConflictException"
    locking = {"Identifier": id, "LockConfiguration": LOCK}
    assert refusal(rbin.lock_rule, **locking) == "ConflictException"
    told = rbin.unlock_rule(Identifier=id)
    assert told["LockState"] == "pending_unlock"
    assert rbin.get_rule(Identifier=id)["LockEndTime"] == told["LockEndTime"]
    assert refusal(rbin.delete_rule, Identifier=id) == "ConflictException"
    assert refusal(rbin.unlock_rule, Identifier=id) == "ConflictException"
    assert rbin.lock_rule(**locking)["LockState"] == "locked"
    rbin.unlock_rule(Identifier=id)

    def wait(tx: Any) -> None:
        record = tx.get(records.RECYCLE_RULE, id)
        tx.write(record, replace(record.doc, unlocked_at=tx.now))

    world.store.transact(wait)
    assert rbin.get_rule(Identifier=id)["LockState"] == "unlocked"
    rbin.delete_rule(Identifier=id)


@pytest.mark.parametrize(
    "asked",
    [
        {"RetentionPeriod": period(366)},
        {"RetentionPeriod": period(0)},
        {"ResourceType": "EBS_VOLUME", "RetentionPeriod": period(8)},
        {"ResourceType": "EC2_INSTANCE"},
        {
            "ResourceTags": [{"ResourceTagKey": "a"}],
            "ExcludeResourceTags": [{"ResourceTagKey": "b"}],
        },
        {"ExcludeResourceTags": [{"ResourceTagKey": "a"}] * 6},
        {"ResourceTags": [{"ResourceTagKey": "a"}], "LockConfiguration": LOCK},
        {"LockConfiguration": {"UnlockDelay": {"UnlockDelayValue": 6, "UnlockDelayUnit": "DAYS"}}},
        {"Tags": [{"Key": "aws:a", "Value": "b"}]},
        {"Tags": [{"Key": "a", "Value": "b"}] * 2},
    ],
)
def test_what_no_rule_can_be_is_refused(rbin: Any, asked: dict[str, Any]) -> None:
    assert refusal(make, rbin=rbin, **asked) == "ValidationException"
    assert listed(rbin) == []


def test_the_kind_of_a_rule_stays(rbin: Any) -> None:
    asked = {"Identifier": make(rbin)["Identifier"], "ResourceType": "EC2_IMAGE"}
    assert refusal(rbin.update_rule, **asked) == "ValidationException"


def test_tags_of_rules(rbin: Any) -> None:
    arn = make(rbin)["RuleArn"]
    rbin.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    rbin.untag_resource(ResourceArn=arn, TagKeys=["a", "c"])
    assert rbin.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": ""}]
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    asked = {"ResourceArn": arn, "Tags": many}
    assert refusal(rbin.tag_resource, **asked) == "ServiceQuotaExceededException"


def test_a_rule_is_its_accounts_alone(rbin: Any, front: Front) -> None:
    made = make(rbin)
    bobs = front.client("bob", "rbin")
    asked = {"Identifier": made["Identifier"]}
    for ask in (bobs.get_rule, bobs.update_rule, bobs.delete_rule, bobs.unlock_rule):
        assert refusal(ask, **asked) == "ResourceNotFoundException"
    locking = {**asked, "LockConfiguration": LOCK}
    assert refusal(bobs.lock_rule, **locking) == "ResourceNotFoundException"
    arn = {"ResourceArn": made["RuleArn"]}
    assert refusal(bobs.list_tags_for_resource, **arn) == "ResourceNotFoundException"
    assert listed(bobs) == []


def test_policies_know_rules_by_arn_tags_and_kind(front: Front, iam: Any) -> None:
    bobs = front.client("bob", "rbin")
    open_, closed = (
        make(bobs, Tags=[{"Key": "open", "Value": value}])["Identifier"] for value in ("yes", "no")
    )
    carol = user(
        front,
        iam,
        {
            "Effect": "Allow",
            "Action": "rbin:GetRule",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/open": "yes"}},
        },
        {
            "Effect": "Allow",
            "Action": "rbin:CreateRule",
            "Resource": "arn:aws:rbin:*:*:rule/*",
            "Condition": {"StringEquals": {"rbin:Request/ResourceType": SNAPSHOTS}},
        },
        {
            "Effect": "Allow",
            "Action": "rbin:DeleteRule",
            "Resource": "*",
            "Condition": {"StringEquals": {"rbin:Attribute/ResourceType": "EC2_IMAGE"}},
        },
    )
    assert carol.get_rule(Identifier=open_)["Identifier"] == open_
    assert refusal(carol.get_rule, Identifier=closed) == "AccessDeniedException"
    assert refusal(carol.list_rules, ResourceType=SNAPSHOTS) == "AccessDeniedException"
    assert make(carol)["ResourceType"] == SNAPSHOTS
    asked = {"ResourceType": "EC2_IMAGE"}
    assert refusal(make, rbin=carol, **asked) == "AccessDeniedException"
    assert refusal(carol.delete_rule, Identifier=open_) == "AccessDeniedException"
    image = make(bobs, ResourceType="EC2_IMAGE")["Identifier"]
    carol.delete_rule(Identifier=image)
    for more in ({"Tags": [{"Key": "a", "Value": "b"}]}, {"LockConfiguration": LOCK}):
        code, words = refused(make, rbin=carol, **more)
        assert code == "AccessDeniedException"
        assert "rbin:TagResource" in words or "rbin:LockRule" in words
