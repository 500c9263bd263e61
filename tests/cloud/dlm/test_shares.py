"""Event based policies: what is shared is copied once, by a role's rights, and kept a while."""

from typing import Any

import pytest

from mallee.cloud.reconcile.storage import lifecycles
from tests.cloud.dlm.conftest import Days
from tests.cloud.dlm.test_carrying_out import age, snapshots, tags
from tests.cloud.dlm.wishes import DAY_S, make, shown
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.storage.conftest import add as add
from tests.cloud.ec2.storage.contents import Add
from tests.cloud.ec2.world import World

INVALID, UNSUPPORTED = "InvalidRequestException", "UnsupportedOperationException"
COPY: dict[str, Any] = {
    "Target": "us-east-1",
    "EncryptionConfiguration": {"Encrypted": False},
    "RetainRule": {"Interval": 2, "IntervalUnit": "DAYS"},
}


def event(owner: str, description: str = ".*nightly.*", **more: Any) -> dict[str, Any]:
    parameters = {
        "EventType": "shareSnapshot",
        "SnapshotOwner": [owner],
        "DescriptionRegex": description,
    }
    return {
        "PolicyType": "EVENT_BASED_POLICY",
        "EventSource": {"Type": "MANAGED_CWE", "Parameters": parameters},
        "Actions": [{"Name": "keep", "CrossRegionCopy": [{**COPY, **more}]}],
    }


@pytest.fixture
def owner(world: World) -> str:
    return world.accounts["alice"]


def share(alice: Any, id: str, world: World, how: str = "add") -> None:
    alice.modify_snapshot_attribute(
        SnapshotId=id,
        Attribute="createVolumePermission",
        OperationType=how,
        UserIds=[world.accounts["bob"]],
    )


def test_what_is_shared_is_copied_once(
    alice: Any, bob: Any, dlm: Any, role: str, add: Add, days: Days, world: World, owner: str
) -> None:
    before = add(description="nightly, long ago")
    share(alice, before, world)
    policy = make(dlm, role, event(owner))
    days.settle(policy)
    assert snapshots(bob) == []
    wanted, other = add(description="the nightly one"), add(description="another")
    for id in (wanted, other):
        share(alice, id, world)
    for _ in range(2):
        days.settle(policy)
    (made,) = snapshots(bob)
    assert wanted in made["Description"]
    assert tags(made)["aws:dlm:lifecycle-policy-id"] == policy
    assert tags(made)["aws:dlm:lifecycle-schedule-name"] == "keep"
    assert shown(dlm, policy)["State"] == "ENABLED"
    # Shared anew, it is another event.
    share(alice, wanted, world, "remove")
    days.settle(policy)
    share(alice, wanted, world)
    days.settle(policy)
    assert len(snapshots(bob)) == 2
    # And the copies are kept for as long as was said.
    age(world, made["SnapshotId"], 2 * DAY_S)
    days.settle(policy, lifecycles.SWEPT_EVERY_S + 1)
    assert made["SnapshotId"] not in [one["SnapshotId"] for one in snapshots(bob)]


def test_copies_are_encrypted_where_that_is_said(
    alice: Any, bob: Any, dlm: Any, role: str, add: Add, days: Days, world: World, owner: str
) -> None:
    encryption = {"EncryptionConfiguration": {"Encrypted": True}}
    policy = make(dlm, role, event(owner, **encryption))
    share(alice, add(description="nightly"), world)
    days.settle(policy)
    (made,) = snapshots(bob)
    assert (made["Encrypted"], made["State"]) == (True, "pending")


def test_what_the_role_may_not_is_told_and_tried_again(
    alice: Any,
    bob: Any,
    dlm: Any,
    role: str,
    iam: Any,
    add: Add,
    days: Days,
    world: World,
    owner: str,
) -> None:
    policy = make(dlm, role, event(owner))
    arn = "arn:aws:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole"
    iam.detach_role_policy(RoleName="lifecycle", PolicyArn=arn)
    share(alice, add(description="nightly"), world)
    days.settle(policy)
    told = shown(dlm, policy)
    assert (told["State"], "not authorized" in told["StatusMessage"]) == ("ERROR", True)
    iam.attach_role_policy(RoleName="lifecycle", PolicyArn=arn)
    days.settle(policy, lifecycles.TRIED_EVERY_S + 1)
    assert len(snapshots(bob)) == 1
    assert shown(dlm, policy)["State"] == "ENABLED"


def test_what_it_says_is_shown_and_changed(dlm: Any, role: str, owner: str) -> None:
    wanted = event(owner, EncryptionConfiguration={"Encrypted": True})
    id = make(dlm, role, wanted)
    assert shown(dlm, id)["PolicyDetails"] == wanted
    changed = {name: event(owner, "other")[name] for name in ("EventSource",)}
    dlm.update_lifecycle_policy(PolicyId=id, PolicyDetails=changed)
    assert shown(dlm, id)["PolicyDetails"] == {**wanted, **changed}
    (summary,) = dlm.get_lifecycle_policies()["Policies"]
    assert summary["PolicyType"] == "EVENT_BASED_POLICY"
    assert dlm.get_lifecycle_policies(ResourceTypes=["VOLUME"])["Policies"] == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"description": "["}, UNSUPPORTED),
        ({"description": "(a+)+b"}, UNSUPPORTED),
        ({"description": ".*.*.*.*x"}, UNSUPPORTED),
        ({"description": "a?" * 40 + "a" * 40}, UNSUPPORTED),
        ({"description": "[z-a]"}, INVALID),
        ({"Target": "eu-west-1"}, UNSUPPORTED),
        ({"RetainRule": {"Interval": 101, "IntervalUnit": "YEARS"}}, INVALID),
        ({"RetainRule": {}}, INVALID),
    ],
)
def test_what_it_cannot_say_is_refused(
    dlm: Any, role: str, owner: str, said: dict[str, Any], code: str
) -> None:
    assert refusal(make, dlm=dlm, role=role, wanted=event(owner, **said)) == code
    mixed = {**event(owner), "Schedules": []}
    assert refusal(make, dlm=dlm, role=role, wanted=mixed) == INVALID
