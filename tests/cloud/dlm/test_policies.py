"""Lifecycle policies: their life, what they may say, their tags, and who may touch them."""

import json
from typing import Any

import pytest

from tests.cloud.dlm.wishes import AT, details, make, schedule, shown
from tests.cloud.ec2.asking import refusal, refused
from tests.cloud.ec2.limiting import with_key
from tests.cloud.ec2.world import Front, World

INVALID, GONE = "InvalidRequestException", "ResourceNotFoundException"


def listed(dlm: Any, **asked: Any) -> list[str]:
    return [one["PolicyId"] for one in dlm.get_lifecycle_policies(**asked)["Policies"]]


def test_the_life_of_a_policy(dlm: Any, role: str, world: World) -> None:
    id = make(dlm, role, Tags={"a": "b"})
    policy = shown(dlm, id)
    account = world.accounts["bob"]
    assert policy["PolicyArn"] == f"arn:aws:dlm:us-east-1:{account}:policy/{id}"
    assert (policy["State"], policy["StatusMessage"]) == ("ENABLED", "")
    assert (policy["ExecutionRoleArn"], policy["Tags"]) == (role, {"a": "b"})
    said = policy["PolicyDetails"]
    assert (said["PolicyType"], said["ResourceTypes"]) == ("EBS_SNAPSHOT_MANAGEMENT", ["VOLUME"])
    assert said["Schedules"][0]["CreateRule"]["Times"] == [AT]
    dlm.update_lifecycle_policy(PolicyId=id, State="DISABLED", Description="not now")
    changed = shown(dlm, id)
    assert (changed["State"], changed["Description"]) == ("DISABLED", "not now")
    assert changed["PolicyDetails"] == said
    assert changed["DateModified"] >= changed["DateCreated"]
    weekly = schedule(Name="weekly", CreateRule={"CronExpression": "cron(0 9 ? * SUN *)"})
    dlm.update_lifecycle_policy(PolicyId=id, PolicyDetails={"Schedules": [weekly]})
    said = shown(dlm, id)["PolicyDetails"]
    assert [one["Name"] for one in said["Schedules"]] == ["weekly"]
    assert said["TargetTags"] == [{"Key": "backup", "Value": "yes"}]
    assert listed(dlm) == [id]
    dlm.delete_lifecycle_policy(PolicyId=id)
    assert refusal(dlm.get_lifecycle_policy, PolicyId=id) == GONE
    assert listed(dlm) == []


def test_its_role_must_be_there(dlm: Any, role: str) -> None:
    for none in (f"{role}-not", role.replace(":role/", ":role/another/")):
        code, words = refused(make, dlm=dlm, role=none)
        assert (code, "no role" in words) == (INVALID, True)
        id = make(dlm, role)
        asked = {"PolicyId": id, "ExecutionRoleArn": none}
        assert refusal(dlm.update_lifecycle_policy, **asked) == INVALID


def test_a_list_is_narrowed(dlm: Any, role: str) -> None:
    tags = [{"Key": "made", "Value": "by-me"}]
    first = make(dlm, role, details(schedule(TagsToAdd=tags)))
    second = make(dlm, role, details(ResourceTypes=["INSTANCE"]), State="DISABLED")
    assert sorted(listed(dlm)) == sorted([first, second])
    assert listed(dlm, State="DISABLED") == [second]
    assert listed(dlm, ResourceTypes=["VOLUME"]) == [first]
    assert listed(dlm, TagsToAdd=["made=by-me"]) == [first]
    assert listed(dlm, TargetTags=["backup=no"]) == []
    assert listed(dlm, PolicyIds=[second]) == [second]
    assert refusal(dlm.get_lifecycle_policies, PolicyIds=["policy-0"]) == GONE


@pytest.mark.parametrize(
    "wanted",
    [
        details(TargetTags=[]),
        details(Schedules=[]),
        details(schedule(), schedule()),
        details(schedule(Name="")),
        details(ResourceTypes=[]),
        details(schedule(RetainRule={})),
        details(schedule(RetainRule={"Count": 0})),
        details(schedule(RetainRule={"Count": 1, "Interval": 1, "IntervalUnit": "DAYS"})),
        details(schedule(RetainRule={"Interval": 1})),
        details(schedule(RetainRule={"Interval": 101, "IntervalUnit": "YEARS"})),
        details(schedule(CreateRule={"Interval": 5, "IntervalUnit": "HOURS"})),
        details(schedule(CreateRule={"CronExpression": "cron(* 9 * * ? *)"})),
        details(schedule(CreateRule={"CronExpression": "cron(0 9 * * ? *)", "Times": ["09:00"]})),
        details(schedule(TagsToAdd=[{"Key": "aws:x", "Value": "y"}])),
        details(schedule(TagsToAdd=[{"Key": "x", "Value": "y"}] * 2)),
        details(schedule(VariableTags=[{"Key": "x", "Value": "$(instance-id)"}])),
        details(schedule(DeprecateRule={"Interval": 1, "IntervalUnit": "DAYS"})),
        details(Parameters={"ExcludeBootVolume": True}),
        details(ResourceTypes=["INSTANCE"], Parameters={"NoReboot": True}),
        details(PolicyType="IMAGE_MANAGEMENT"),
        details(PolicyType="EVENT_BASED_POLICY"),
        details(PolicyLanguage="SIMPLIFIED"),
        details(CreateInterval=1),
    ],
)
def test_what_no_policy_can_say_is_refused(dlm: Any, role: str, wanted: dict[str, Any]) -> None:
    assert refusal(make, dlm=dlm, role=role, wanted=wanted) == INVALID
    assert listed(dlm) == []


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        (details(ResourceLocations=["OUTPOST"]), "OUTPOST"),
        (details(schedule(FastRestoreRule={"Count": 1})), "FastRestoreRule"),
        (
            details(schedule(ArchiveRule={"RetainRule": {"RetentionArchiveTier": {"Count": 1}}})),
            "ArchiveRule",
        ),
        (details(schedule(ShareRules=[{"TargetAccounts": ["1" * 12]}])), "ShareRules"),
        (
            details(schedule(CrossRegionCopyRules=[{"Target": "eu-west-1", "Encrypted": False}])),
            "CrossRegionCopyRules",
        ),
        (details(schedule(CreateRule={"Scripts": [{"ExecutionHandler": "abc"}]})), "Scripts"),
    ],
)
def test_what_this_cloud_has_not_is_refused_by_name(
    dlm: Any, role: str, wanted: dict[str, Any], word: str
) -> None:
    code, words = refused(make, dlm=dlm, role=role, wanted=wanted)
    assert code == "UnsupportedOperationException"
    assert word in words


def test_why_a_count_is_none_is_said(dlm: Any, role: str) -> None:
    wanted = details(schedule(RetainRule={"Count": 0}))
    _, words = refused(make, dlm=dlm, role=role, wanted=wanted)
    assert "from 1 to 1000" in words


def test_tags_of_policies(dlm: Any, role: str) -> None:
    arn = shown(dlm, make(dlm, role))["PolicyArn"]
    dlm.tag_resource(ResourceArn=arn, Tags={"a": "1", "b": "2"})
    dlm.untag_resource(ResourceArn=arn, TagKeys=["a", "c"])
    assert dlm.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"b": "2"}
    many = {f"k{number}": "" for number in range(50)}
    assert refusal(dlm.tag_resource, ResourceArn=arn, Tags=many) == INVALID


def test_a_policy_is_its_accounts_alone(dlm: Any, role: str, front: Front) -> None:
    id = make(dlm, role)
    other = front.client("alice", "dlm")
    for ask in (
        other.get_lifecycle_policy,
        other.update_lifecycle_policy,
        other.delete_lifecycle_policy,
    ):
        assert refusal(ask, PolicyId=id) == GONE
    asked = {"ResourceArn": shown(dlm, id)["PolicyArn"]}
    assert refusal(other.list_tags_for_resource, **asked) == GONE
    assert listed(other) == []
    assert refusal(make, dlm=other, role=role) == INVALID


def test_who_hands_a_role_to_the_service_must_be_allowed_that(
    dlm: Any, role: str, front: Front, iam: Any
) -> None:
    def user(name: str, *statements: dict[str, Any]) -> Any:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
        return with_key(front, "dlm", iam.create_access_key(UserName=name)["AccessKey"])

    everything = {"Effect": "Allow", "Action": "dlm:*", "Resource": "*"}
    passing = {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": role,
        "Condition": {"StringEquals": {"iam:PassedToService": "dlm.amazonaws.com"}},
    }
    dave = user("dave", everything)
    code, words = refused(make, dlm=dave, role=role)
    assert (code, "iam:PassRole" in words) == ("AccessDeniedException", True)
    erin = user("erin", everything, passing)
    id = make(erin, role)
    asked = {"PolicyId": id, "ExecutionRoleArn": role}
    assert refusal(dave.update_lifecycle_policy, **asked) == "AccessDeniedException"
    dave.update_lifecycle_policy(PolicyId=id, State="DISABLED")
    tagged = {"StringEquals": {"aws:ResourceTag/team": "a"}}
    frank = user(
        "frank", {"Effect": "Allow", "Action": "dlm:Get*", "Resource": "*", "Condition": tagged}
    )
    assert refusal(frank.get_lifecycle_policy, PolicyId=id) == "AccessDeniedException"
    dlm.tag_resource(ResourceArn=shown(dlm, id)["PolicyArn"], Tags={"team": "a"})
    assert shown(frank, id)["PolicyId"] == id
