"""What is asked and said of instances besides their power: true, or refused."""

import base64
from typing import Any

from mallee.cloud.hosts.placing import placement
from mallee.cloud.state import records
from mallee.model.hosts import hosts
from tests.cloud.ec2.asking import described, launch, launch_one, refusal, refused
from tests.cloud.ec2.world import IMAGE_ID, KERNEL_ID, ROOT_ID, FakeHost, World


def stop(client: Any, host: FakeHost, instance_id: str) -> None:
    client.stop_instances(InstanceIds=[instance_id])
    host.settle()


def test_a_stopped_instance_gets_fewer_cores_and_holds_less(
    bob: Any, host: FakeHost, world: World
) -> None:
    id = launch_one(bob, InstanceType="m5.xlarge")["InstanceId"]
    host.settle()
    ask = bob.modify_instance_cpu_options
    two = {"InstanceId": id, "CoreCount": 2, "ThreadsPerCore": 1}
    assert refusal(ask, **two) == "IncorrectInstanceState"
    stop(bob, host, id)
    assert ask(**two)["CoreCount"] == 2
    bob.start_instances(InstanceIds=[id])
    host.settle()
    assert described(bob, id)["CpuOptions"]["CoreCount"] == 2
    assert placement.used(world.store.view, host.id).vcpus == 2
    stop(bob, host, id)
    for bad in ({"CoreCount": 5}, {"CoreCount": 0}, {"ThreadsPerCore": 2}):
        assert refusal(ask, **{**two, **bad}) == "InvalidParameterValue"
    assert ask(**{**two, "CoreCount": 4})["CoreCount"] == 4
    assert refusal(ask, InstanceId=id, CoreCount=1) == "MissingParameter"


def test_burstable_instances_are_unlimited(alice: Any, bob: Any, host: FakeHost) -> None:
    burst = launch_one(bob, InstanceType="t3.nano")["InstanceId"]
    steady = launch_one(bob)["InstanceId"]
    foreign = launch_one(alice, InstanceType="t3.nano")["InstanceId"]
    shown = bob.describe_instance_credit_specifications()["InstanceCreditSpecifications"]
    assert shown == [{"InstanceId": burst, "CpuCredits": "unlimited"}]
    ask = bob.describe_instance_credit_specifications
    assert refusal(ask, InstanceIds=[steady]) == "UnsupportedOperation"
    assert refusal(ask, InstanceIds=[foreign]) == "InvalidInstanceID.NotFound"
    wanted = [
        {"InstanceId": burst, "CpuCredits": "unlimited"},
        {"InstanceId": steady, "CpuCredits": "unlimited"},
        {"InstanceId": foreign, "CpuCredits": "unlimited"},
    ]
    answer = bob.modify_instance_credit_specification(InstanceCreditSpecifications=wanted)
    well = answer["SuccessfulInstanceCreditSpecifications"]
    assert [it["InstanceId"] for it in well] == [burst]
    badly = answer["UnsuccessfulInstanceCreditSpecifications"]
    assert {it["InstanceId"]: it["Error"]["Code"] for it in badly} == {
        steady: "InstanceCreditSpecification.NotSupported",
        foreign: "InvalidInstanceID.NotFound",
    }
    standard = [{"InstanceId": burst, "CpuCredits": "standard"}]
    answer = bob.modify_instance_credit_specification(InstanceCreditSpecifications=standard)
    assert answer["SuccessfulInstanceCreditSpecifications"] == []
    family = bob.get_default_credit_specification(InstanceFamily="t3")
    assert family["InstanceFamilyCreditSpecification"]["CpuCredits"] == "unlimited"
    change = bob.modify_default_credit_specification
    assert refusal(change, InstanceFamily="t3", CpuCredits="standard") == "UnsupportedOperation"
    assert refusal(change, InstanceFamily="t3", CpuCredits="some") == "InvalidParameterValue"
    assert change(InstanceFamily="t3", CpuCredits="unlimited")
    assert refusal(bob.get_default_credit_specification, InstanceFamily="t4g") == (
        "InvalidParameterValue"
    )


def test_every_id_is_long(alice: Any, bob: Any, world: World) -> None:
    shown = bob.describe_id_format()["Statuses"]
    assert len(shown) > 20
    assert all(it["UseLongIds"] for it in shown)
    assert len(bob.describe_id_format(Resource="vpc")["Statuses"]) == 1
    assert refusal(bob.describe_id_format, Resource="moon") == "InvalidParameterValue"
    assert bob.describe_aggregate_id_format()["UseLongIdsAggregated"] is True
    assert bob.describe_principal_id_format()["Principals"] == []
    bob.modify_id_format(Resource="instance", UseLongIds=True)
    bob.modify_id_format(Resource="all-current", UseLongIds=True)
    short = {"Resource": "instance", "UseLongIds": False}
    assert refusal(bob.modify_id_format, **short) == "UnsupportedOperation"
    root = f"arn:aws:iam::{world.accounts['bob']}:root"
    assert bob.describe_identity_id_format(PrincipalArn=root, Resource="vpc")["Statuses"]
    bob.modify_identity_id_format(PrincipalArn="all", Resource="vpc", UseLongIds=True)
    foreign = f"arn:aws:iam::{world.accounts['alice']}:root"
    for ask, more in (
        (bob.describe_identity_id_format, {}),
        (bob.modify_identity_id_format, {"UseLongIds": True}),
    ):
        code = refusal(ask, PrincipalArn=foreign, Resource="vpc", **more)
        assert code == "InvalidParameterValue"


def test_instances_of_one_host_share_its_node(alice: Any, bob: Any, world: World) -> None:
    hut = FakeHost(world, "hut", hosts.Capacity(2, 4096, 1000), "us-east-1a")
    shed = FakeHost(world, "shed", hosts.Capacity(1, 4096, 1000), "us-east-1a")
    made = [it["InstanceId"] for it in launch(bob, 3)]
    assert bob.describe_instance_topology()["Instances"] == [], "none of them runs yet"
    for host in (hut, shed):
        host.settle()
    shown = bob.describe_instance_topology()["Instances"]
    assert {it["InstanceId"] for it in shown} == set(made)
    nodes = {it["InstanceId"]: it["NetworkNodes"] for it in shown}
    carried = {it.id: it.doc.host_id for it in world.store.view.list(records.INSTANCE)}
    for one in made:
        for other in made:
            assert (nodes[one][2] == nodes[other][2]) == (carried[one] == carried[other])
            assert nodes[one][:2] == nodes[other][:2]
    assert not any(host.id in node for host in (hut, shed) for node in nodes[made[0]])
    assert alice.describe_instance_topology()["Instances"] == []
    ask = alice.describe_instance_topology
    assert refusal(ask, InstanceIds=[made[0]]) == "InvalidInstanceID.NotFound"
    assert refusal(ask, GroupNames=["none"]) == "InvalidPlacementGroup.Unknown"


def test_the_image_of_an_instance_is_told(alice: Any, bob: Any, host: FakeHost) -> None:
    id = launch_one(bob)["InstanceId"]
    (shown,) = bob.describe_instance_image_metadata()["InstanceImageMetadata"]
    assert shown["InstanceId"] == id
    assert shown["ImageMetadata"]["ImageId"] == IMAGE_ID
    assert shown["ImageMetadata"]["Name"] == "tiny"
    assert shown["ImageMetadata"]["IsPublic"] is True
    assert alice.describe_instance_image_metadata()["InstanceImageMetadata"] == []


def test_kernel_and_source_check_are_reset(bob: Any, host: FakeHost, world: World) -> None:
    id = launch_one(bob, KernelId=KERNEL_ID)["InstanceId"]
    rootless = launch_one(bob, ImageId=ROOT_ID, KernelId=KERNEL_ID)["InstanceId"]
    host.settle()
    bob.modify_instance_attribute(InstanceId=id, SourceDestCheck={"Value": False})
    ask = bob.reset_instance_attribute
    ask(InstanceId=id, Attribute="sourceDestCheck")
    shown = bob.describe_instance_attribute(InstanceId=id, Attribute="sourceDestCheck")
    assert shown["SourceDestCheck"]["Value"] is True
    assert refusal(ask, InstanceId=id, Attribute="kernel") == "IncorrectInstanceState"
    stop(bob, host, id)
    ask(InstanceId=id, Attribute="kernel")
    record = world.store.view.get(records.INSTANCE, id)
    assert record is not None
    assert record.doc.kernel_id is None
    stop(bob, host, rootless)
    bare = {"InstanceId": rootless, "Attribute": "kernel"}
    assert refusal(ask, **bare) == "InvalidParameterCombination"
    assert refusal(ask, InstanceId=id, Attribute="userData") == "InvalidParameterValue"


def test_nobody_has_a_password_and_nothing_is_watched(alice: Any, bob: Any, host: FakeHost) -> None:
    id = launch_one(bob)["InstanceId"]
    assert base64.b64decode(bob.get_password_data(InstanceId=id)["PasswordData"]) == b""
    (one,) = bob.unmonitor_instances(InstanceIds=[id])["InstanceMonitorings"]
    assert one["Monitoring"]["State"] == "disabled"
    code, message = refused(bob.monitor_instances, InstanceIds=[id])
    assert "MonitorInstances" in message or code == "UnsupportedOperation"
    for ask, asked in (
        (alice.get_password_data, {"InstanceId": id}),
        (alice.unmonitor_instances, {"InstanceIds": [id]}),
    ):
        assert refusal(ask, **asked) == "InvalidInstanceID.NotFound"
