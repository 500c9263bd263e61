"""DescribeInstances: who sees what, found by filters, paged to the end, fresh after each change."""

from typing import Any

import pytest

from mallee.cloud.ec2 import kept
from mallee.cloud.ec2.instances import instances
from mallee.cloud.state import records
from mallee.model.compute.instances import Phase
from tests.cloud.ec2.asking import described, launch, launch_one, refusal, refused
from tests.cloud.ec2.world import FakeHost, World

KEPT_BYTES = 4096
"""More than one instance takes."""


def found(client: Any, name: str, *values: str) -> set[str]:
    """Ids of the instances that a filter lets through."""
    answer = client.describe_instances(Filters=[{"Name": name, "Values": list(values)}])
    return {it["InstanceId"] for group in answer["Reservations"] for it in group["Instances"]}


def test_accounts_see_their_own(alice: Any, bob: Any, host: FakeHost) -> None:
    mine, theirs = launch_one(alice)["InstanceId"], launch_one(bob)["InstanceId"]
    assert found(alice, "instance-id", "*") == {mine}
    assert found(bob, "instance-id", "*") == {theirs}
    code = refusal(bob.describe_instances, InstanceIds=[mine])
    assert code == "InvalidInstanceID.NotFound"


def test_ids_that_are_not_there_are_all_named(alice: Any, host: FakeHost) -> None:
    mine = launch_one(alice)["InstanceId"]
    strangers = ["i-0123456789abcdef0", "i-0123456789abcdef1"]
    assert refused(alice.describe_instances, InstanceIds=[mine, *strangers]) == (
        "InvalidInstanceID.NotFound",
        f"The instance IDs '{', '.join(strangers)}' do not exist",
    )
    assert refusal(alice.describe_instances, InstanceIds=["x"]) == "InvalidInstanceID.Malformed"


def test_filters_find_instances(alice: Any, host: FakeHost) -> None:
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web-1"}]}]
    first = launch_one(alice, TagSpecifications=tags)
    second = launch_one(alice, InstanceType="c1.medium")
    a, b = first["InstanceId"], second["InstanceId"]
    host.settle()
    alice.stop_instances(InstanceIds=[b])
    host.settle()
    assert found(alice, "tag:Name", "web-*") == {a}
    assert found(alice, "tag-key", "Name") == {a}
    assert found(alice, "instance-state-name", "running", "pending") == {a}
    assert found(alice, "instance-state-code", "80") == {b}
    assert found(alice, "instance-type", "c1.*") == {b}
    assert found(alice, "private-ip-address", first["PrivateIpAddress"]) == {a}
    assert found(alice, "ip-address", first["PublicIpAddress"]) == {a}
    assert found(alice, "network-interface.mac-address", "02:*") == {a, b}
    assert found(alice, "instance.group-name", "default") == {a, b}
    assert found(alice, "reservation-id", "r-*") == {a, b}
    assert found(alice, "state-reason-code", "Client.*") == {b}
    assert found(alice, "image-id", "ami-nothing") == set()
    assert refusal(found, client=alice, name="nonsense") == "InvalidParameterValue"


def test_filters_add_up(alice: Any, host: FakeHost) -> None:
    launch(alice, 2)
    wanted = [
        {"Name": "launch-index", "Values": ["1"]},
        {"Name": "instance-type", "Values": ["m1.small", "m1.large"]},
    ]
    (group,) = alice.describe_instances(Filters=wanted)["Reservations"]
    assert [it["AmiLaunchIndex"] for it in group["Instances"]] == [1]


def test_paging_shows_every_instance_once(alice: Any, host: FakeHost) -> None:
    made = {it["InstanceId"] for count in (7, 4, 1) for it in launch(alice, count)}
    paginator = alice.get_paginator("describe_instances")
    pages = list(paginator.paginate(PaginationConfig={"PageSize": 5}))
    shown = [
        it["InstanceId"]
        for page in pages
        for group in page["Reservations"]
        for it in group["Instances"]
    ]
    assert len(pages) == 3
    assert len(shown) == 12
    assert set(shown) == made


def test_a_token_is_good_for_its_caller_and_request_only(
    alice: Any, bob: Any, host: FakeHost
) -> None:
    launch(alice, 6)
    token = alice.describe_instances(MaxResults=5)["NextToken"]
    for ask, more in (
        (bob.describe_instances, {}),
        (alice.describe_tags, {}),
        (alice.describe_instances, {"Filters": [{"Name": "image-id", "Values": ["*"]}]}),
    ):
        assert refusal(ask, MaxResults=5, NextToken=token, **more) == "InvalidNextToken"


def test_every_change_is_shown_at_once(alice: Any, host: FakeHost) -> None:
    made = launch_one(alice)
    id = made["InstanceId"]

    def now(*members: str) -> list[Any]:
        shown = described(alice, id)
        return [shown.get(member) for member in members]

    host.settle()
    assert now("State") == [{"Code": 16, "Name": "running"}]
    alice.create_tags(Resources=[id], Tags=[{"Key": "a", "Value": "b"}])
    assert now("Tags") == [[{"Key": "a", "Value": "b"}]]
    group = alice.create_security_group(GroupName="web", Description="w")["GroupId"]
    alice.modify_instance_attribute(InstanceId=id, Groups=[group])
    assert now("SecurityGroups") == [[{"GroupId": group, "GroupName": "web"}]]
    address = alice.allocate_address()
    alice.associate_address(AllocationId=address["AllocationId"], InstanceId=id)
    assert now("PublicIpAddress") == [address["PublicIp"]]
    alice.disassociate_address(PublicIp=address["PublicIp"])
    assert now("PublicIpAddress") != [address["PublicIp"]]
    alice.terminate_instances(InstanceIds=[id])
    assert now("State") == [{"Code": 32, "Name": "shutting-down"}]
    host.settle()
    assert now("State", "PrivateIpAddress") == [{"Code": 48, "Name": "terminated"}, None]


def test_what_is_kept_for_speed_is_bounded(
    alice: Any, host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances, "_kept", kept.Kept("Instance", most_bytes=4 * KEPT_BYTES))
    made = {it["InstanceId"] for it in launch(alice, 9)}
    for _ in range(2):
        assert found(alice, "instance-id", "*") == made
    assert 0 < len(instances._kept) < 9


def test_an_old_form_of_the_account_filter_still_shows_terminated_instances(
    alice: Any, host: FakeHost
) -> None:
    id = launch_one(alice)["InstanceId"]
    alice.terminate_instances(InstanceIds=[id])
    host.settle()
    assert found(alice, "instance-state-name", "terminated") == {id}


def statuses(client: Any, **parameters: Any) -> dict[str, tuple[str, str]]:
    answer = client.describe_instance_status(**parameters)["InstanceStatuses"]
    return {
        it["InstanceId"]: (it["SystemStatus"]["Status"], it["InstanceStatus"]["Status"])
        for it in answer
    }


def test_the_status_is_what_hosts_see(alice: Any, host: FakeHost, world: World) -> None:
    a, b = (it["InstanceId"] for it in launch(alice, 2))
    assert statuses(alice) == {}
    assert statuses(alice, IncludeAllInstances=True) == {
        a: ("not-applicable", "not-applicable"),
        b: ("not-applicable", "not-applicable"),
    }
    host.settle()
    host.report(b, Phase.RECOVERING)
    assert statuses(alice) == {a: ("ok", "ok"), b: ("ok", "impaired")}
    host.fall_silent()
    assert statuses(alice, InstanceIds=[a]) == {a: ("impaired", "insufficient-data")}
    wanted = [{"Name": "system-status.status", "Values": ["ok"]}]
    assert statuses(alice, Filters=wanted) == {}


def test_statuses_of_others_are_not_there(alice: Any, bob: Any, host: FakeHost) -> None:
    id = launch_one(alice)["InstanceId"]
    host.settle()
    assert statuses(bob) == {}
    code = refusal(bob.describe_instance_status, InstanceIds=[id])
    assert code == "InvalidInstanceID.NotFound"


def test_an_instance_of_a_vanished_interface_is_still_shown(
    alice: Any, host: FakeHost, world: World
) -> None:
    made = launch_one(alice)

    def vanish(tx: Any) -> None:
        id = made["NetworkInterfaces"][0]["NetworkInterfaceId"]
        tx.delete(tx.get(records.INTERFACE, id))

    world.store.transact(vanish)
    assert described(alice, made["InstanceId"])["NetworkInterfaces"] == []
