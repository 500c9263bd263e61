"""What policies do: each target once at each time, as the role may, and what is old goes."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.dlm import making
from mallee.cloud.state import records
from tests.cloud.dlm.conftest import MANAGED, TRUST, Days
from tests.cloud.dlm.wishes import DAY_S, details, make, schedule, shown
from tests.cloud.ec2.asking import launch_one, refusal
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.storage.test_volumes import make as volume
from tests.cloud.ec2.world import FakeHost, Front, World

TAGGED = [{"ResourceType": "volume", "Tags": [{"Key": "backup", "Value": "yes"}]}]
Snapshots = list[dict[str, Any]]


def tagged(bob: Any, host: FakeHost, **more: Any) -> str:
    return volume(bob, host, TagSpecifications=TAGGED, **more)


def snapshots(bob: Any) -> Snapshots:
    found = bob.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    return sorted(found, key=lambda one: (one["StartTime"], one["SnapshotId"]))


def tags(thing: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in thing.get("Tags", ())}


def age(world: World, id: str, by_s: float) -> None:
    """Have a snapshot made as much earlier."""

    def write(tx: Any) -> None:
        record = tx.get(records.SNAPSHOT, id)
        tx.write(record, replace(record.doc, started_at=record.doc.started_at - by_s))

    world.store.transact(write)


def test_each_target_is_done_once_at_each_time(
    bob: Any, dlm: Any, role: str, host: FakeHost, days: Days
) -> None:
    wanted, other = tagged(bob, host), volume(bob, host)
    policy = make(dlm, role)
    days.settle(policy)
    assert snapshots(bob) == []
    days.settle(policy, DAY_S)
    (made,) = snapshots(bob)
    assert (made["VolumeId"], made["VolumeId"] != other) == (wanted, True)
    assert made["Description"] == f"Created for policy: {policy} schedule: daily"
    assert tags(made) == {
        "aws:dlm:lifecycle-policy-id": policy,
        "aws:dlm:lifecycle-schedule-name": "daily",
        "dlm:managed": "true",
    }
    days.settle(policy, 600)
    days.settle(policy, 600)
    assert len(snapshots(bob)) == 1
    days.settle(policy, DAY_S)
    assert len(snapshots(bob)) == 2
    assert shown(dlm, policy)["State"] == "ENABLED"


def test_of_times_that_were_missed_the_last_is_made_up_for(
    bob: Any, dlm: Any, role: str, host: FakeHost, days: Days
) -> None:
    tagged(bob, host)
    policy = make(dlm, role)
    days.settle(policy, 5 * DAY_S)
    assert len(snapshots(bob)) == 1


def test_the_last_ones_are_kept_and_nothing_else_is_deleted(
    bob: Any, dlm: Any, role: str, host: FakeHost, days: Days, world: World
) -> None:
    id = tagged(bob, host)
    own = days.cutting.snapshot(bob, id)
    age(world, own, 99 * DAY_S)
    first, second = make(dlm, role), make(dlm, role)
    for _ in range(4):
        days.settle(first, DAY_S)
    days.settle(second)
    of = [tags(one).get("aws:dlm:lifecycle-policy-id", "") for one in snapshots(bob)]
    assert sorted(of) == sorted(["", first, first, second])
    assert own in {one["SnapshotId"] for one in snapshots(bob)}


def test_what_is_old_goes_by_age_also_between_the_times(
    bob: Any, dlm: Any, role: str, host: FakeHost, days: Days, world: World
) -> None:
    id = tagged(bob, host)
    keep = {"Interval": 1, "IntervalUnit": "WEEKS"}
    policy = make(dlm, role, details(schedule(RetainRule=keep)))
    for _ in range(2):
        days.settle(policy, DAY_S)
    older, newer = snapshots(bob)
    assert "aws:dlm:expirationTime" in tags(older)
    age(world, older["SnapshotId"], 6 * DAY_S)
    days.settle(policy, 700)
    assert snapshots(bob)[0]["SnapshotId"] == newer["SnapshotId"]
    # Of a volume that is gone the last one stays.
    bob.delete_volume(VolumeId=id)
    world.store.transact(lambda tx: tx.delete(tx.get(records.VOLUME, id)))
    age(world, newer["SnapshotId"], 99 * DAY_S)
    days.settle(policy, 700)
    assert [one["SnapshotId"] for one in snapshots(bob)] == [newer["SnapshotId"]]


def test_locked_snapshots_stay(bob: Any, dlm: Any, role: str, host: FakeHost, days: Days) -> None:
    tagged(bob, host)
    policy = make(dlm, role, details(schedule(RetainRule={"Count": 1})))
    days.settle(policy, DAY_S)
    (first,) = snapshots(bob)
    bob.lock_snapshot(SnapshotId=first["SnapshotId"], LockMode="governance", LockDuration=9)
    days.settle(policy, DAY_S)
    assert len(snapshots(bob)) == 2
    assert shown(dlm, policy)["State"] == "ENABLED"


def test_tags_are_added_and_copied(
    bob: Any, dlm: Any, role: str, host: FakeHost, days: Days
) -> None:
    tagged(bob, host)
    added = [{"Key": "backup", "Value": "done"}, {"Key": "by", "Value": "night"}]
    policy = make(dlm, role, details(schedule(CopyTags=True, TagsToAdd=added)))
    days.settle(policy, DAY_S)
    (made,) = snapshots(bob)
    assert {"backup": "done", "by": "night"}.items() <= tags(made).items()


def test_volumes_of_instances_have_one_instant(
    bob: Any, dlm: Any, role: str, host: FakeHost, days: Days
) -> None:
    box = launch_one(bob)["InstanceId"]
    host.settle()
    bob.create_tags(Resources=[box], Tags=[{"Key": "backup", "Value": "yes"}])
    data, scratch = volume(bob, host), volume(bob, host)
    bob.create_tags(Resources=[scratch], Tags=[{"Key": "scratch", "Value": "1"}])
    for device, id in (("/dev/sdf", data), ("/dev/sdg", scratch)):
        bob.attach_volume(VolumeId=id, InstanceId=box, Device=device)
    host.settle()
    named = [
        {"Key": "of", "Value": "$(instance-id)"},
        {"Key": "at", "Value": "t $(timestamp)"},
    ]
    wanted = details(
        schedule(VariableTags=named),
        ResourceTypes=["INSTANCE"],
        Parameters={
            "ExcludeBootVolume": True,
            "ExcludeDataVolumeTags": [{"Key": "scratch", "Value": "1"}],
        },
    )
    policy = make(dlm, role, wanted)
    days.settle(policy, DAY_S)
    (made,) = snapshots(bob)
    assert (made["VolumeId"], tags(made)["of"]) == (data, box)
    assert tags(made)["at"].startswith("t 20")
    bob.terminate_instances(InstanceIds=[box])
    host.settle()
    days.settle(policy, DAY_S)
    assert len(snapshots(bob)) == 1


# --- the role ---


@pytest.mark.parametrize("missing", ["trust", "rights", "role", "tags"])
def test_what_the_role_may_not_is_not_done_and_is_told(
    missing: str, bob: Any, dlm: Any, iam: Any, role: str, host: FakeHost, days: Days
) -> None:
    tagged(bob, host)
    added = [{"Key": "a", "Value": "b"}]
    policy = make(dlm, role, details(schedule(TagsToAdd=added)))
    statement = {"Effect": "Deny", "Action": "ec2:CreateTags", "Resource": "*"}
    deny = json.dumps({"Version": "2012-10-17", "Statement": statement})
    match missing:
        case "trust":
            other = TRUST.replace("dlm.amazonaws.com", "ec2.amazonaws.com")
            iam.update_assume_role_policy(RoleName="lifecycle", PolicyDocument=other)
        case "rights":
            iam.detach_role_policy(RoleName="lifecycle", PolicyArn=MANAGED)
        case "role":
            iam.detach_role_policy(RoleName="lifecycle", PolicyArn=MANAGED)
            iam.delete_role(RoleName="lifecycle")
        case _:
            iam.put_role_policy(RoleName="lifecycle", PolicyName="d", PolicyDocument=deny)
    days.settle(policy, DAY_S)
    assert snapshots(bob) == []
    told = shown(dlm, policy)
    assert (told["State"], bool(told["StatusMessage"])) == ("ERROR", True)
    assert len(dlm.get_lifecycle_policies(State="ERROR")["Policies"]) == 1
    if missing == "tags":
        iam.delete_role_policy(RoleName="lifecycle", PolicyName="d")
        days.settle(policy, 10)
        assert snapshots(bob) == []
        days.settle(policy, 200)
        assert (len(snapshots(bob)), shown(dlm, policy)["State"]) == (1, "ENABLED")
    else:
        days.settle(policy, 2 * 3600)
        days.settle(policy, 600)
        assert snapshots(bob) == []


def test_what_it_does_is_in_the_trail_as_the_roles(
    bob: Any, dlm: Any, role: str, host: FakeHost, days: Days, front: Front
) -> None:
    tagged(bob, host)
    policy = make(dlm, role)
    days.settle(policy, DAY_S)
    (made,) = snapshots(bob)
    trail = front.client("bob", "cloudtrail")
    lookup = [{"AttributeKey": "EventName", "AttributeValue": "CreateSnapshot"}]
    found = trail.lookup_events(LookupAttributes=lookup)["Events"]
    mine = [one for one in found if policy in one["CloudTrailEvent"]]
    assert mine
    assert f"assumed-role/lifecycle/{policy}" in mine[0]["CloudTrailEvent"]
    assert made["SnapshotId"]


# --- bad days ---


class Killed(Exception):
    """The cloud ends here."""


def test_a_crash_between_two_targets_does_none_twice(
    bob: Any,
    dlm: Any,
    role: str,
    host: FakeHost,
    days: Days,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = {tagged(bob, host) for _ in range(3)}
    policy = make(dlm, role)
    whole = making.request

    def die(view: Any, record: Any, schedule: Any, what: Any) -> Any:
        if len(days.cutting.asked) == 1:
            raise Killed
        return whole(view, record, schedule, what)

    monkeypatch.setattr(making, "request", die)
    with pytest.raises(Killed):
        days.settle(policy, DAY_S)
    monkeypatch.undo()
    assert len(snapshots(bob)) == 1
    days.settle(policy, 600)
    assert {one["VolumeId"] for one in snapshots(bob)} == ids
    assert len(snapshots(bob)) == 3
    days.settle(policy, 600)
    assert len(snapshots(bob)) == 3


def test_a_silent_host_is_asked_again_for_an_hour(
    bob: Any,
    dlm: Any,
    role: str,
    host: FakeHost,
    days: Days,
    world: World,
    administration: Administration,
) -> None:
    tagged(bob, host)
    policy = make(dlm, role)
    host.fall_silent()
    days.settle(policy, DAY_S)
    explained = administration.bob.ask("mallee", "ExplainResource", ResourceId=policy)
    assert explained.element("Arn").endswith(f":policy/{policy}")
    assert explained.element("Arn").startswith("arn:aws:dlm:")
    assert (explained.element("State"), "says nothing" in explained.element("Cause")) == (
        "ERROR",
        True,
    )
    told = shown(dlm, policy)
    assert (told["State"], "says nothing" in told["StatusMessage"]) == ("ERROR", True)

    def speak(tx: Any) -> None:
        record = tx.get(records.HOST, host.id)
        tx.observe(record, replace(record.seen, is_silent=False))

    world.store.transact(speak)
    days.settle(policy, 600)
    assert (len(snapshots(bob)), shown(dlm, policy)["State"]) == (1, "ENABLED")


def test_a_policy_that_is_switched_off_does_nothing(
    bob: Any, dlm: Any, role: str, host: FakeHost, days: Days
) -> None:
    tagged(bob, host)
    policy = make(dlm, role, State="DISABLED")
    days.settle(policy, DAY_S)
    assert snapshots(bob) == []
    dlm.delete_lifecycle_policy(PolicyId=policy)
    days.settle(policy, DAY_S)
    assert snapshots(bob) == []


def test_the_tags_of_policies_are_nobody_elses_to_give(
    bob: Any, dlm: Any, role: str, host: FakeHost, days: Days
) -> None:
    id = tagged(bob, host)
    policy = make(dlm, role, details(schedule(RetainRule={"Count": 1})))
    own = days.cutting.snapshot(bob, id)
    forged = [
        {"Key": "aws:dlm:lifecycle-policy-id", "Value": policy},
        {"Key": "aws:dlm:lifecycle-schedule-name", "Value": "daily"},
    ]
    assert refusal(bob.create_tags, Resources=[own], Tags=forged) == "InvalidParameterValue"
    days.settle(policy, DAY_S)
    (made,) = [one for one in snapshots(bob) if one["SnapshotId"] != own]
    named = [{"Key": "aws:dlm:lifecycle-policy-id"}]
    asked = {"Resources": [made["SnapshotId"]], "Tags": named}
    assert refusal(bob.delete_tags, **asked) == "InvalidParameterValue"


# --- images ---


def images(bob: Any) -> list[dict[str, Any]]:
    found = bob.describe_images(Owners=["self"])["Images"]
    return sorted(found, key=lambda one: one["CreationDate"])


def test_images_of_instances_are_made_deprecated_and_deregistered(
    bob: Any, dlm: Any, iam: Any, role: str, host: FakeHost, days: Days
) -> None:
    iam.attach_role_policy(RoleName="lifecycle", PolicyArn=f"{MANAGED}ForAMIManagement")
    box = launch_one(bob)["InstanceId"]
    host.settle()
    bob.create_tags(Resources=[box], Tags=[{"Key": "backup", "Value": "yes"}])
    wanted = details(
        schedule(
            RetainRule={"Count": 1},
            DeprecateRule={"Interval": 1, "IntervalUnit": "WEEKS"},
            TagsToAdd=[{"Key": "by", "Value": "night"}],
        ),
        PolicyType="IMAGE_MANAGEMENT",
        ResourceTypes=["INSTANCE"],
        Parameters={"NoReboot": True},
    )
    policy = make(dlm, role, wanted)
    days.settle(policy, DAY_S)
    (first,) = images(bob)
    assert first["SourceInstanceId"] == box
    assert tags(first)["aws:dlm:lifecycle-policy-id"] == policy
    assert (tags(first)["by"], "DeprecationTime" in first) == ("night", True)
    (snapshot,) = snapshots(bob)
    assert tags(snapshot)["aws:dlm:lifecycle-schedule-name"] == "daily"
    days.settle(policy, 600)
    assert len(images(bob)) == 1
    days.settle(policy, DAY_S)
    (second,) = images(bob)
    assert second["ImageId"] != first["ImageId"]
    assert [one["SnapshotId"] for one in snapshots(bob)] != [snapshot["SnapshotId"]]
    assert len(snapshots(bob)) == 1
    assert shown(dlm, policy)["PolicyDetails"]["Parameters"] == {"NoReboot": True}
