"""Placement groups: who shares a host with whom, who does not, and what stands in the way."""

import json
from collections import defaultdict
from typing import Any

import pytest

from mallee.cloud.state import records
from mallee.model.hosts import hosts
from tests.cloud.ec2.asking import described, launch, launch_one, refusal, refused
from tests.cloud.ec2.test_quotas_of_users import a_user
from tests.cloud.ec2.world import IMAGE_ID, FakeHost, Front, World

ROOM = hosts.Capacity(vcpus=8, memory_mib=65536, disk_gib=1000)


@pytest.fixture
def three(world: World) -> list[FakeHost]:
    """Three hosts with room for eight instances each."""
    return [FakeHost(world, name, ROOM, "us-east-1a") for name in ("ash", "birch", "cedar")]


def hosts_of(world: World, instances: list[dict[str, Any]]) -> list[str]:
    found = [world.store.view.get(records.INSTANCE, it["InstanceId"]) for it in instances]
    return [record.doc.host_id for record in found if record is not None]


def group(client: Any, name: str, strategy: str, **more: Any) -> dict[str, Any]:
    made = client.create_placement_group(GroupName=name, Strategy=strategy, **more)
    return made["PlacementGroup"]


def test_a_group_is_shown_as_it_was_made(alice: Any, three: list[FakeHost]) -> None:
    made = group(alice, "g", "partition", PartitionCount=3)
    assert made["PartitionCount"] == 3
    assert made["GroupArn"].endswith(":placement-group/g")
    assert alice.describe_placement_groups()["PlacementGroups"] == [made]
    (found,) = alice.describe_placement_groups(GroupIds=[made["GroupId"]])["PlacementGroups"]
    assert found["State"] == "available"
    assert group(alice, "s", "spread")["SpreadLevel"] == "host"


def test_a_spread_group_has_one_instance_on_a_host(
    alice: Any, three: list[FakeHost], world: World
) -> None:
    group(alice, "g", "spread")
    made = launch(alice, 3, Placement={"GroupName": "g"})
    assert len(set(hosts_of(world, made))) == 3
    code, message = refused(
        alice.run_instances,
        ImageId=IMAGE_ID,
        MinCount=1,
        MaxCount=1,
        Placement={"GroupName": "g"},
    )
    assert code == "InsufficientInstanceCapacity"
    assert "placement group" in message
    alice.terminate_instances(InstanceIds=[made[0]["InstanceId"]])
    three[hosts_index(world, three, made[0])].settle()
    assert launch_one(alice, Placement={"GroupName": "g"})["Placement"]["GroupName"] == "g"


def hosts_index(world: World, three: list[FakeHost], instance: dict[str, Any]) -> int:
    (host_id,) = hosts_of(world, [instance])
    return [host.id for host in three].index(host_id)


def test_a_cluster_shares_a_host(alice: Any, three: list[FakeHost], world: World) -> None:
    made = group(alice, "g", "cluster")
    launch_one(alice)
    first = launch(alice, 3, Placement={"GroupId": made["GroupId"]})
    second = launch(alice, 2, Placement={"GroupName": "g"})
    assert len(set(hosts_of(world, first + second))) == 1


def test_partitions_share_no_host(alice: Any, three: list[FakeHost], world: World) -> None:
    group(alice, "g", "partition", PartitionCount=3)
    made = launch(alice, 9, Placement={"GroupName": "g"})
    on: dict[str, set[int]] = defaultdict(set)
    for instance, host_id in zip(made, hosts_of(world, made), strict=True):
        on[host_id].add(instance["Placement"]["PartitionNumber"])
    assert sorted(numbers for (numbers,) in map(tuple, on.values())) == [1, 2, 3]
    chosen = launch_one(alice, Placement={"GroupName": "g", "PartitionNumber": 2})
    assert on[hosts_of(world, [chosen])[0]] == {2}
    found = alice.describe_instances(
        Filters=[
            {"Name": "placement-group-name", "Values": ["g"]},
            {"Name": "placement-partition-number", "Values": ["2"]},
        ]
    )["Reservations"]
    assert sum(len(one["Instances"]) for one in found) == 4


def test_a_group_in_use_is_not_deleted(alice: Any, host: FakeHost) -> None:
    group(alice, "g", "cluster")
    made = launch_one(alice, Placement={"GroupName": "g"})
    assert refusal(alice.delete_placement_group, GroupName="g") == "InvalidPlacementGroup.InUse"
    alice.terminate_instances(InstanceIds=[made["InstanceId"]])
    host.settle()
    alice.delete_placement_group(GroupName="g")
    assert alice.describe_placement_groups()["PlacementGroups"] == []
    assert refusal(alice.delete_placement_group, GroupName="g") == "InvalidPlacementGroup.Unknown"
    group(alice, "g", "spread")


def test_a_stopped_instance_changes_its_group(
    alice: Any, three: list[FakeHost], world: World
) -> None:
    group(alice, "g", "spread")
    launch(alice, 3, Placement={"GroupName": "g"})
    lone = launch_one(alice)["InstanceId"]
    for host in three:
        host.settle()
    change = {"InstanceId": lone, "GroupName": "g"}
    assert refusal(alice.modify_instance_placement, **change) == "IncorrectInstanceState"
    alice.stop_instances(InstanceIds=[lone])
    for host in three:
        host.settle()
    # Whatever host it is on, one of the group's is there already.
    assert refusal(alice.modify_instance_placement, **change) == "InsufficientInstanceCapacity"
    group(alice, "p", "partition", PartitionCount=2)
    alice.modify_instance_placement(InstanceId=lone, GroupName="p", PartitionNumber=2)
    shown = described(alice, lone)["Placement"]
    assert (shown["GroupName"], shown["PartitionNumber"]) == ("p", 2)
    alice.modify_instance_placement(InstanceId=lone, PartitionNumber=1)
    assert described(alice, lone)["Placement"]["PartitionNumber"] == 1
    alice.modify_instance_placement(InstanceId=lone, GroupName="")
    assert described(alice, lone)["Placement"].get("GroupName", "") == ""


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"GroupName": "", "Strategy": "spread"}, "InvalidParameterValue"),
        (
            {"GroupName": "g", "Strategy": "spread", "PartitionCount": 2},
            "InvalidParameterCombination",
        ),
        ({"GroupName": "g", "Strategy": "partition", "PartitionCount": 8}, "InvalidParameterValue"),
        ({"GroupName": "g", "Strategy": "spread", "SpreadLevel": "rack"}, "UnsupportedOperation"),
        (
            {"GroupName": "g", "Strategy": "cluster", "SpreadLevel": "host"},
            "InvalidParameterCombination",
        ),
        ({"GroupName": "g", "Strategy": "precision-time"}, "UnsupportedOperation"),
    ],
)
def test_what_makes_no_group_is_refused(alice: Any, asked: dict[str, Any], code: str) -> None:
    assert refusal(alice.create_placement_group, **asked) == code


@pytest.mark.parametrize(
    ("placement", "code"),
    [
        ({"GroupName": "nobody"}, "InvalidPlacementGroup.Unknown"),
        ({"GroupId": "pg-00000000000000000"}, "InvalidPlacementGroupId.NotFound"),
        ({"GroupName": "p", "PartitionNumber": 3}, "InvalidParameterValue"),
        ({"GroupName": "c", "PartitionNumber": 1}, "InvalidParameterValue"),
        ({"PartitionNumber": 1}, "InvalidParameterCombination"),
    ],
)
def test_a_launch_into_what_is_no_place_is_refused(
    alice: Any, host: FakeHost, placement: dict[str, Any], code: str
) -> None:
    group(alice, "p", "partition")
    group(alice, "c", "cluster")
    wanted = {"ImageId": IMAGE_ID, "MinCount": 1, "MaxCount": 1, "Placement": placement}
    assert refusal(alice.run_instances, **wanted) == code


def test_another_account_s_group_is_unknown(alice: Any, bob: Any, host: FakeHost) -> None:
    made = group(alice, "g", "cluster")
    for placement, code in (
        ({"GroupName": "g"}, "InvalidPlacementGroup.Unknown"),
        ({"GroupId": made["GroupId"]}, "InvalidPlacementGroupId.NotFound"),
    ):
        wanted = {"ImageId": IMAGE_ID, "MinCount": 1, "MaxCount": 1, "Placement": placement}
        assert refusal(bob.run_instances, **wanted) == code
    assert refusal(bob.delete_placement_group, GroupName=made["GroupId"]) == (
        "InvalidPlacementGroup.Unknown"
    )


def test_a_policy_speaks_of_a_group_by_name(front: Front, alice: Any, host: FakeHost) -> None:
    iam = front.client("alice", "iam")
    carol = a_user(front, iam, "carol")
    denied = {
        "Effect": "Deny",
        "Action": ["ec2:RunInstances", "ec2:DeletePlacementGroup"],
        "Resource": "arn:aws:ec2:*:*:placement-group/secret",
    }
    policy = {"Version": "2012-10-17", "Statement": [denied]}
    iam.put_user_policy(UserName="carol", PolicyName="p", PolicyDocument=json.dumps(policy))
    secret = group(alice, "secret", "cluster")
    group(alice, "open", "cluster")
    wanted = {"ImageId": IMAGE_ID, "MinCount": 1, "MaxCount": 1}
    for placement in ({"GroupName": "secret"}, {"GroupId": secret["GroupId"]}):
        code = refusal(carol.run_instances, Placement=placement, **wanted)
        assert code == "UnauthorizedOperation"
    assert carol.run_instances(Placement={"GroupName": "open"}, **wanted)["Instances"]
    assert refusal(carol.delete_placement_group, GroupName="secret") == "UnauthorizedOperation"
