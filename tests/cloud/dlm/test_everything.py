"""Default policies: whatever has nothing recent is done, save what is left out."""

from typing import Any

import pytest

from mallee.cloud.reconcile.storage import lifecycles
from tests.cloud.dlm.conftest import Days
from tests.cloud.dlm.test_carrying_out import age, snapshots, tags
from tests.cloud.dlm.wishes import DAY_S, details, make, shown
from tests.cloud.ec2.asking import launch_one, refusal, refused
from tests.cloud.ec2.storage.test_volumes import make as volume
from tests.cloud.ec2.world import FakeHost, World

INVALID = "InvalidRequestException"
ALL = [{"ResourceType": "volume", "Tags": [{"Key": "no", "Value": "backup"}]}]


def default(dlm: Any, role: str, kind: str = "VOLUME", **more: Any) -> str:
    asked = {"ExecutionRoleArn": role, "Description": "all", "State": "ENABLED", **more}
    return dlm.create_lifecycle_policy(DefaultPolicy=kind, **asked)["PolicyId"]


def test_what_it_says_is_shown_and_changed(dlm: Any, role: str) -> None:
    out = {"ExcludeBootVolumes": True, "ExcludeVolumeTypes": ["sc1"]}
    id = default(dlm, role, CreateInterval=2, RetainInterval=5, Exclusions=out)
    policy = shown(dlm, id)
    said = policy["PolicyDetails"]
    assert (policy["DefaultPolicy"], said["PolicyLanguage"]) == (True, "SIMPLIFIED")
    assert (said["ResourceType"], said["CreateInterval"], said["RetainInterval"]) == (
        *("VOLUME", 2),
        5,
    )
    assert said["Exclusions"] == {**out, "ExcludeTags": []}
    dlm.update_lifecycle_policy(PolicyId=id, RetainInterval=9, CopyTags=True)
    said = shown(dlm, id)["PolicyDetails"]
    assert (said["CreateInterval"], said["RetainInterval"], said["CopyTags"]) == (2, 9, True)
    images = default(dlm, role, "INSTANCE")
    own = make(dlm, role)

    def listed(kind: str) -> set[str]:
        found = dlm.get_lifecycle_policies(DefaultPolicyType=kind)["Policies"]
        return {one["PolicyId"] for one in found}

    assert (listed("VOLUME"), listed("INSTANCE")) == ({id}, {images})
    assert listed("ALL") == {id, images}
    assert shown(dlm, own)["DefaultPolicy"] is False
    assert refusal(default, dlm=dlm, role=role) == "LimitExceededException"


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("VOLUME", {"CreateInterval": 8}),
        ("VOLUME", {"RetainInterval": 15}),
        ("VOLUME", {"CreateInterval": 5, "RetainInterval": 5}),
        ("VOLUME", {"PolicyDetails": details()}),
        ("VOLUME", {"PolicyDetails": {"ResourceType": "INSTANCE"}}),
        ("VOLUME", {"CopyTags": True, "PolicyDetails": {"CopyTags": False}}),
        ("INSTANCE", {"Exclusions": {"ExcludeBootVolumes": True}}),
    ],
)
def test_what_it_cannot_say_is_refused(
    dlm: Any, role: str, kind: str, more: dict[str, Any]
) -> None:
    assert refusal(default, dlm=dlm, role=role, kind=kind, **more) == INVALID
    assert (
        refusal(default, dlm=dlm, role=role, ExtendDeletion=True) == "UnsupportedOperationException"
    )
    elsewhere = [{"TargetRegion": "eu-west-1"}]
    code, words = refused(default, dlm=dlm, role=role, CrossRegionCopyTargets=elsewhere)
    assert (code, "CrossRegionCopyTargets" in words) == ("UnsupportedOperationException", True)
    assert dlm.get_lifecycle_policies()["Policies"] == []


def test_a_volume_without_anything_recent_is_cut_and_others_are_not(
    bob: Any, dlm: Any, role: str, host: FakeHost, days: Days, world: World
) -> None:
    wanted = volume(bob, host)
    volume(bob, host, TagSpecifications=ALL)
    volume(bob, host, VolumeType="st1", Size=125)
    out = {"ExcludeVolumeTypes": ["st1"], "ExcludeTags": [{"Key": "no", "Value": "backup"}]}
    policy = default(dlm, role, Exclusions=out)
    days.settle(policy)
    assert snapshots(bob) == []
    days.settle(policy, 120)
    (made,) = snapshots(bob)
    assert made["VolumeId"] == wanted
    assert tags(made)["aws:dlm:lifecycle-policy-id"] == policy
    # A day later it is due again, though a run may be some seconds earlier than the last.
    age(world, made["SnapshotId"], DAY_S - 60)
    days.settle(policy, DAY_S)
    assert len(snapshots(bob)) == 2
    # Somebody's own snapshot does as well.
    for one in snapshots(bob):
        age(world, one["SnapshotId"], DAY_S)
    own = days.cutting.snapshot(bob, wanted)
    age(world, own, -2 * DAY_S)
    days.settle(policy, DAY_S)
    assert len(snapshots(bob)) == 3
    assert shown(dlm, policy)["State"] == "ENABLED"


def test_boot_volumes_can_be_left_out(
    bob: Any, dlm: Any, role: str, host: FakeHost, days: Days
) -> None:
    launch_one(bob)
    host.settle()
    data = volume(bob, host)
    policy = default(dlm, role, Exclusions={"ExcludeBootVolumes": True})
    days.settle(policy, 120)
    assert [one["VolumeId"] for one in snapshots(bob)] == [data]


def test_what_is_old_goes(
    bob: Any, dlm: Any, role: str, host: FakeHost, days: Days, world: World
) -> None:
    volume(bob, host)
    policy = default(dlm, role, RetainInterval=2)
    days.settle(policy, 120)
    (made,) = snapshots(bob)
    age(world, made["SnapshotId"], 2 * DAY_S)
    days.settle(policy, lifecycles.SWEPT_EVERY_S + 1)
    assert made["SnapshotId"] not in [one["SnapshotId"] for one in snapshots(bob)]


def test_instances_get_images(
    bob: Any, dlm: Any, role: str, host: FakeHost, days: Days, iam: Any
) -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRoleForAMIManagement"
    iam.attach_role_policy(RoleName="lifecycle", PolicyArn=arn)
    instance = launch_one(bob)["InstanceId"]
    host.settle()
    policy = default(dlm, role, "INSTANCE")
    for _ in range(2):
        days.settle(policy, 120)
    images = bob.describe_images(Owners=["self"])["Images"]
    assert [one["SourceInstanceId"] for one in images] == [instance]
