"""Attributes of instances: what is shown, what changes when, and the console's log."""

import base64
from typing import Any

import pytest

from mallee.cloud.reconcile import instances
from mallee.cloud.state import records
from mallee.model.hosts import hosts
from mallee.node.do.guests import console
from tests.cloud.ec2.asking import described, launch_one, refusal, state
from tests.cloud.ec2.world import FakeHost, Front, World


@pytest.fixture
def stopped(alice: Any, host: FakeHost) -> str:
    id = launch_one(alice, UserData="first")["InstanceId"]
    host.settle()
    alice.stop_instances(InstanceIds=[id])
    host.settle()
    return id


def attribute(client: Any, id: str, name: str) -> Any:
    """What DescribeInstanceAttribute answers, without the id and the envelope."""
    answer = client.describe_instance_attribute(InstanceId=id, Attribute=name)
    answer.pop("ResponseMetadata")
    assert answer.pop("InstanceId") == id
    (value,) = answer.values()
    return value


def test_every_attribute_is_shown(alice: Any, stopped: str) -> None:
    assert attribute(alice, stopped, "instanceType") == {"Value": "m1.small"}
    assert attribute(alice, stopped, "disableApiTermination") == {"Value": False}
    assert attribute(alice, stopped, "disableApiStop") == {"Value": False}
    shutdown = attribute(alice, stopped, "instanceInitiatedShutdownBehavior")
    assert shutdown == {"Value": "stop"}
    assert attribute(alice, stopped, "rootDeviceName") == {"Value": "/dev/vda"}
    assert attribute(alice, stopped, "sourceDestCheck") == {"Value": True}
    assert attribute(alice, stopped, "ebsOptimized") == {"Value": False}
    assert attribute(alice, stopped, "groupSet")[0]["GroupName"] == "default"
    encoded = base64.b64encode(b"first").decode()
    assert attribute(alice, stopped, "userData") == {"Value": encoded}
    (root,) = attribute(alice, stopped, "blockDeviceMapping")
    assert root["DeviceName"] == "/dev/vda"
    assert attribute(alice, stopped, "productCodes") == []


def test_the_type_changes_while_stopped(alice: Any, host: FakeHost, stopped: str) -> None:
    alice.modify_instance_attribute(InstanceId=stopped, InstanceType={"Value": "m1.large"})
    assert described(alice, stopped)["InstanceType"] == "m1.large"
    alice.start_instances(InstanceIds=[stopped])
    host.settle()
    assert state(alice, stopped) == "running"
    ask = alice.modify_instance_attribute
    code = refusal(ask, InstanceId=stopped, InstanceType={"Value": "m1.small"})
    assert code == "IncorrectInstanceState"


def test_a_larger_type_needs_room_at_the_next_start(alice: Any, world: World) -> None:
    host = FakeHost(world, "hut", hosts.Capacity(2, 600, 100), "us-east-1a")
    id = launch_one(alice)["InstanceId"]
    host.settle()
    alice.stop_instances(InstanceIds=[id])
    host.settle()
    alice.modify_instance_attribute(InstanceId=id, InstanceType={"Value": "m1.xlarge"})
    code = refusal(alice.start_instances, InstanceIds=[id])
    assert code == "InsufficientInstanceCapacity"
    alice.modify_instance_attribute(InstanceId=id, InstanceType={"Value": "m1.large"})
    alice.start_instances(InstanceIds=[id])
    assert world.store.view.total(f"host/{host.id}/vcpus") == 2


def test_user_data_changes_while_stopped(alice: Any, stopped: str, world: World) -> None:
    alice.modify_instance_attribute(InstanceId=stopped, UserData={"Value": b"second"})
    record = world.store.view.get(records.INSTANCE, stopped)
    assert record is not None
    assert record.doc.user_data == b"second"
    ask = alice.modify_instance_attribute
    code = refusal(ask, InstanceId=stopped, UserData={"Value": b"x" * 16385})
    assert code == "InvalidParameterValue"
    alice.start_instances(InstanceIds=[stopped])
    code = refusal(ask, InstanceId=stopped, UserData={"Value": b"third"})
    assert code == "IncorrectInstanceState"


def test_both_forms_of_a_change_mean_the_same(alice: Any, stopped: str) -> None:
    change = alice.modify_instance_attribute
    change(InstanceId=stopped, Attribute="disableApiTermination", Value="true")
    assert attribute(alice, stopped, "disableApiTermination") == {"Value": True}
    change(InstanceId=stopped, DisableApiTermination={"Value": False})
    assert attribute(alice, stopped, "disableApiTermination") == {"Value": False}
    change(InstanceId=stopped, Attribute="instanceType", Value="c1.medium")
    assert attribute(alice, stopped, "instanceType") == {"Value": "c1.medium"}
    change(InstanceId=stopped, InstanceInitiatedShutdownBehavior={"Value": "terminate"})
    shutdown = attribute(alice, stopped, "instanceInitiatedShutdownBehavior")
    assert shutdown == {"Value": "terminate"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "InvalidParameterCombination"),
        (
            {"DisableApiStop": {"Value": True}, "InstanceType": {"Value": "m1.small"}},
            "InvalidParameterCombination",
        ),
        ({"InstanceType": {"Value": "z9.huge"}}, "InvalidParameterValue"),
        ({"InstanceInitiatedShutdownBehavior": {"Value": "x"}}, "InvalidParameterValue"),
        ({"Attribute": "disableApiStop", "Value": "maybe"}, "InvalidParameterValue"),
        ({"Attribute": "disableApiStop"}, "MissingParameter"),
        ({"Attribute": "kernel", "Value": "aki-1"}, "UnsupportedOperation"),
        ({"EbsOptimized": {"Value": True}}, "UnsupportedOperation"),
        ({"Groups": ["sg-0123456789abcdef0"]}, "InvalidGroup.NotFound"),
    ],
)
def test_what_makes_no_sense_is_refused(
    alice: Any, stopped: str, change: dict[str, Any], code: str
) -> None:
    before = described(alice, stopped)
    assert refusal(alice.modify_instance_attribute, InstanceId=stopped, **change) == code
    assert described(alice, stopped) == before


def test_metadata_options_change_one_by_one(alice: Any, stopped: str) -> None:
    change = alice.modify_instance_metadata_options
    answer = change(InstanceId=stopped, HttpTokens="optional")["InstanceMetadataOptions"]
    assert (answer["HttpTokens"], answer["State"]) == ("optional", "pending")
    change(InstanceId=stopped, HttpPutResponseHopLimit=7)
    shown = described(alice, stopped)["MetadataOptions"]
    assert (shown["HttpTokens"], shown["HttpPutResponseHopLimit"]) == ("optional", 7)
    code = refusal(change, InstanceId=stopped, HttpPutResponseHopLimit=0)
    assert code == "InvalidParameterValue"
    assert refusal(change, InstanceId=stopped, HttpProtocolIpv6="x") == "InvalidParameterValue"


def test_a_terminated_instance_takes_no_changes(alice: Any, stopped: str) -> None:
    alice.terminate_instances(InstanceIds=[stopped])
    ask = alice.modify_instance_attribute
    code = refusal(ask, InstanceId=stopped, DisableApiStop={"Value": True})
    assert code == "IncorrectInstanceState"
    code = refusal(alice.modify_instance_metadata_options, InstanceId=stopped)
    assert code == "IncorrectInstanceState"


def test_instances_of_others_are_not_there(bob: Any, stopped: str) -> None:
    code = "InvalidInstanceID.NotFound"
    ask = bob.describe_instance_attribute
    assert refusal(ask, InstanceId=stopped, Attribute="userData") == code
    ask = bob.modify_instance_attribute
    assert refusal(ask, InstanceId=stopped, DisableApiStop={"Value": True}) == code
    assert refusal(bob.modify_instance_metadata_options, InstanceId=stopped) == code
    assert refusal(bob.get_console_output, InstanceId=stopped) == code


def test_the_console_is_asked_of_the_host(
    front: Front, world: World, host: FakeHost, stopped: str
) -> None:
    log = b"early\n" * 20000 + b"last\n"
    answering = front.answer_next_ask(host.id, log)
    answer = front.client("alice").get_console_output(InstanceId=stopped, Latest=True)
    asked = answering.result(60)
    assert (asked.kind, asked.instance_id) == ("console", stopped)
    # boto3 has decoded the Base64 already.
    assert answer["Output"] == log[-65536:].decode()
    assert answer["InstanceId"] == stopped


def test_the_console_of_a_terminated_instance_is_shown_as_long_as_the_instance_is(
    front: Front, alice: Any, host: FakeHost, stopped: str
) -> None:
    alice.terminate_instances(InstanceIds=[stopped])
    host.settle()
    assert state(alice, stopped) == "terminated"
    answering = front.answer_next_ask(host.id, b"its last words\n")
    assert alice.get_console_output(InstanceId=stopped)["Output"] == "its last words\n"
    assert answering.result(60).instance_id == stopped
    # The instance and what it said go together.
    assert console.KEPT_S == instances.KEPT_TERMINATED_S
