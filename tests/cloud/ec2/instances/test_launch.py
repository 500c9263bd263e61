"""RunInstances: what it makes, what it refuses, and that a refusal leaves nothing behind."""

from typing import Any

import pytest

from mallee.cloud.ec2.vpc import vpcs
from mallee.cloud.state import records
from mallee.model.configuration.settings import Network, Settings
from mallee.model.hosts import hosts
from tests.cloud.ec2.asking import described, launch, launch_one, refusal, refused
from tests.cloud.ec2.world import IMAGE_ID, KERNEL_ID, RAMDISK_ID, ROOT_ID, FakeHost, World


def left_behind(world: World) -> list[str]:
    """What a refused launch would leave: instances, interfaces, and claims on things."""
    view = world.store.view
    kinds = (records.INSTANCE, records.INTERFACE)
    found = [record.id for kind in kinds for record in view.list(kind)]
    return [*found, *view.held("mac"), *view.held("public-ip")]


def test_an_instance_is_pending_until_its_host_says_otherwise(alice: Any, host: FakeHost) -> None:
    made = launch_one(alice)
    assert made["State"] == {"Code": 0, "Name": "pending"}
    host.settle()
    assert described(alice, made["InstanceId"])["State"] == {"Code": 16, "Name": "running"}


def test_the_answer_is_what_describe_shows(alice: Any, host: FakeHost) -> None:
    made = launch_one(alice)
    assert described(alice, made["InstanceId"]) == made


def test_a_plain_launch_gets_the_defaults(alice: Any, host: FakeHost, world: World) -> None:
    made = launch_one(alice)
    assert made["InstanceType"] == "m1.small"
    assert made["ImageId"] == IMAGE_ID
    assert made["Placement"]["AvailabilityZone"] == "us-east-1a"
    assert [group["GroupName"] for group in made["SecurityGroups"]] == ["default"]
    assert made["PrivateIpAddress"].startswith("172.31.")
    assert made["PublicIpAddress"].startswith("203.0.113.")
    assert made["MetadataOptions"]["HttpTokens"] == "required"
    assert made["NetworkInterfaces"][0]["MacAddress"].startswith("02:")
    subnet = world.store.view.get(records.SUBNET, made["SubnetId"])
    assert subnet is not None
    assert subnet.doc.is_default


def test_several_instances_share_a_reservation_and_count_up(alice: Any, host: FakeHost) -> None:
    made = launch(alice, 3)
    assert [instance["AmiLaunchIndex"] for instance in made] == [0, 1, 2]
    for member in ("InstanceId", "PrivateIpAddress", "PublicIpAddress"):
        assert len({instance[member] for instance in made}) == 3
    reservations = alice.describe_instances()["Reservations"]
    assert [len(reservation["Instances"]) for reservation in reservations] == [3]


def test_as_many_are_launched_as_have_room(alice: Any, world: World) -> None:
    FakeHost(world, "hut", hosts.Capacity(2, 4096, 100), "us-east-1a")
    made = alice.run_instances(ImageId=IMAGE_ID, MinCount=1, MaxCount=5)
    assert len(made["Instances"]) == 2


def test_short_capacity_is_named_and_leaves_nothing(alice: Any, world: World) -> None:
    FakeHost(world, "hut", hosts.Capacity(8, 300, 100), "us-east-1a")
    code, message = refused(alice.run_instances, ImageId=IMAGE_ID, MinCount=2, MaxCount=2)
    assert code == "InsufficientInstanceCapacity"
    assert "hut" in message
    assert "memory" in message
    assert left_behind(world) == []


def test_without_a_host_the_zone_is_named(alice: Any, world: World) -> None:
    code, message = refused(alice.run_instances, ImageId=IMAGE_ID, MinCount=1, MaxCount=1)
    assert code == "InsufficientInstanceCapacity"
    assert "us-east-1a" in message


class TestPool:
    """A /29 has five addresses to lend."""

    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(network=Network(public_range="203.0.113.0/29"))

    def test_an_empty_pool_is_named_and_leaves_nothing(
        self, alice: Any, host: FakeHost, world: World
    ) -> None:
        launch(alice, 5)
        before = left_behind(world)
        code, message = refused(alice.run_instances, ImageId=IMAGE_ID, MinCount=1, MaxCount=1)
        assert code == "InsufficientAddressCapacity"
        assert "203.0.113.0/29" in message
        assert left_behind(world) == before

    def test_as_many_are_launched_as_get_an_address(self, alice: Any, host: FakeHost) -> None:
        made = alice.run_instances(ImageId=IMAGE_ID, MinCount=2, MaxCount=9)
        assert len(made["Instances"]) == 5

    def test_an_instance_without_a_public_address_needs_no_pool(
        self, alice: Any, host: FakeHost
    ) -> None:
        launch(alice, 5)
        nic = {"DeviceIndex": 0, "AssociatePublicIpAddress": False}
        made = launch_one(alice, NetworkInterfaces=[nic])
        assert "PublicIpAddress" not in made

    def test_a_stopped_instance_gives_its_address_to_others(
        self, alice: Any, host: FakeHost
    ) -> None:
        ids = [instance["InstanceId"] for instance in launch(alice, 5)]
        host.settle()
        alice.stop_instances(InstanceIds=ids[:1])
        launch_one(alice)
        host.settle()
        code = refusal(alice.start_instances, InstanceIds=ids[:1])
        assert code == "InsufficientAddressCapacity"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"ImageId": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound"),
        ({"ImageId": "tiny"}, "InvalidAMIID.Malformed"),
        ({"ImageId": KERNEL_ID}, "InvalidParameterValue"),
        ({"ImageId": ROOT_ID}, "InvalidParameterCombination"),
        ({"KernelId": IMAGE_ID}, "InvalidParameterValue"),
        ({"RamdiskId": RAMDISK_ID}, "InvalidParameterCombination"),
        ({"InstanceType": "z9.huge"}, "InvalidParameterValue"),
        ({"KeyName": "nobody's"}, "InvalidKeyPair.NotFound"),
        ({"MinCount": 0}, "InvalidParameterValue"),
        ({"MinCount": 3, "MaxCount": 2}, "InvalidParameterValue"),
        ({"MinCount": 2000, "MaxCount": 2000}, "InstanceLimitExceeded"),
        ({"SubnetId": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound"),
        ({"SubnetId": "here"}, "InvalidSubnetId.Malformed"),
        ({"SecurityGroupIds": ["sg-0123456789abcdef0"]}, "InvalidGroup.NotFound"),
        ({"SecurityGroups": ["nobody's"]}, "InvalidGroup.NotFound"),
        ({"Placement": {"AvailabilityZone": "us-east-1z"}}, "InvalidParameterValue"),
        ({"Placement": {"GroupName": "g"}}, "InvalidPlacementGroup.Unknown"),
        ({"PrivateIpAddress": "10.0.0.9"}, "InvalidParameterValue"),
        ({"PrivateIpAddress": "172.31.0.1"}, "InvalidParameterValue"),
        ({"PrivateIpAddress": "nonsense"}, "InvalidParameterValue"),
        ({"PrivateIpAddress": "172.31.0.9", "MaxCount": 2}, "InvalidParameterCombination"),
        ({"Monitoring": {"Enabled": True}}, "UnsupportedOperation"),
        ({"HibernationOptions": {"Configured": True}}, "UnsupportedOperation"),
        ({"EnclaveOptions": {"Enabled": True}}, "UnsupportedOperation"),
        ({"EbsOptimized": True}, "UnsupportedOperation"),
        ({"IamInstanceProfile": {"Name": "p"}}, "InvalidParameterValue"),
        ({"InstanceMarketOptions": {"MarketType": "spot"}}, "UnsupportedOperation"),
        ({"MetadataOptions": {"HttpPutResponseHopLimit": 65}}, "InvalidParameterValue"),
        ({"NetworkInterfaces": [{"DeviceIndex": 1}]}, "InvalidParameterValue"),
        ({"NetworkInterfaces": [{"DeviceIndex": 0}, {"DeviceIndex": 0}]}, "InvalidParameterValue"),
        (
            {"NetworkInterfaces": [{"DeviceIndex": n} for n in range(4)]},
            "AttachmentLimitExceeded",
        ),
        (
            {"NetworkInterfaces": [{"DeviceIndex": 0}], "SecurityGroups": ["default"]},
            "InvalidParameterCombination",
        ),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 0}}]},
            "InvalidParameterValue",
        ),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/vda", "Ebs": {"VolumeSize": 0}}]},
            "InvalidBlockDeviceMapping",
        ),
        (
            {"TagSpecifications": [{"ResourceType": "snapshot", "Tags": [{"Key": "a"}]}]},
            "InvalidParameterValue",
        ),
        (
            {"TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "aws:a"}]}]},
            "InvalidParameterValue",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(
    alice: Any, host: FakeHost, world: World, parameters: dict[str, Any], code: str
) -> None:
    wanted = {"ImageId": IMAGE_ID, "MinCount": 1, "MaxCount": 1, **parameters}
    assert refusal(alice.run_instances, **wanted) == code
    assert left_behind(world) == []


def test_user_data_over_sixteen_kibibytes_is_refused(alice: Any, host: FakeHost) -> None:
    launch_one(alice, UserData="x" * 16384)
    code, message = refused(launch_one, client=alice, UserData="x" * 16385)
    assert code == "InvalidParameterValue"
    assert "16384" in message


def test_user_data_that_is_not_base64_is_refused(alice: Any, host: FakeHost) -> None:
    # boto3 encodes user data itself; here it is spoilt on its way.
    def spoil(params: dict[str, Any], **_: Any) -> None:
        params["body"]["UserData"] = "#!/bin/sh"

    event = "before-call.ec2.RunInstances"
    alice.meta.events.register(event, spoil)
    try:
        code = refusal(launch_one, client=alice, UserData="x")
    finally:
        alice.meta.events.unregister(event, spoil)
    assert code == "InvalidUserData.Malformed"


def test_an_old_id_names_the_same_image(alice: Any, host: FakeHost) -> None:
    assert launch_one(alice, ImageId=IMAGE_ID.replace("ami-", "emi-"))["ImageId"] == IMAGE_ID


def test_a_trio_boots_with_the_kernel_asked_for(alice: Any, host: FakeHost) -> None:
    made = launch_one(
        alice,
        ImageId=ROOT_ID,
        KernelId=KERNEL_ID.replace("aki-", "eki-"),
        RamdiskId=RAMDISK_ID,
    )
    assert (made["KernelId"], made["RamdiskId"]) == (KERNEL_ID, RAMDISK_ID)


def test_everything_asked_for_is_wanted(alice: Any, host: FakeHost, world: World) -> None:
    alice.create_key_pair(KeyName="k")
    group = alice.create_security_group(GroupName="web", Description="w")["GroupId"]
    made = launch_one(
        alice,
        InstanceType="c1.medium",
        KeyName="k",
        UserData="#!/bin/sh",
        NetworkInterfaces=[
            {
                "DeviceIndex": 0,
                "Groups": [group],
                "PrivateIpAddress": "172.31.0.77",
                "Description": "front",
                "AssociatePublicIpAddress": True,
            }
        ],
        DisableApiTermination=True,
        DisableApiStop=True,
        InstanceInitiatedShutdownBehavior="terminate",
        MetadataOptions={"HttpTokens": "optional", "HttpPutResponseHopLimit": 3},
        BlockDeviceMappings=[{"DeviceName": "/dev/vda", "Ebs": {"VolumeSize": 33}}],
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]},
            {"ResourceType": "network-interface", "Tags": [{"Key": "of", "Value": "web"}]},
        ],
        Monitoring={"Enabled": False},
        HibernationOptions={"Configured": False},
        EnclaveOptions={"Enabled": False},
    )
    record = world.store.view.get(records.INSTANCE, made["InstanceId"])
    assert record is not None
    doc = record.doc
    assert (doc.vcpus, doc.memory_mib, doc.disk_gib) == (1, 256, 33)
    assert doc.user_data == b"#!/bin/sh"
    assert doc.public_key is not None
    assert doc.public_key.startswith("ssh-rsa ")
    assert doc.shutdown_behavior == "terminate"
    assert doc.api_termination_protected
    assert doc.api_stop_protected
    assert doc.metadata.http_tokens == "optional"
    assert doc.metadata.http_put_response_hop_limit == 3
    assert made["Tags"] == [{"Key": "Name", "Value": "web"}]
    assert made["SecurityGroups"] == [{"GroupId": group, "GroupName": "web"}]
    assert made["PrivateIpAddress"] == "172.31.0.77"
    interface = world.store.view.get(records.INTERFACE, doc.interface_ids[0])
    assert interface is not None
    assert interface.doc.tags == {"of": "web"}
    assert interface.doc.description == "front"


def test_a_private_address_is_given_once(alice: Any, host: FakeHost) -> None:
    launch_one(alice, PrivateIpAddress="172.31.0.77")
    code = refusal(launch_one, client=alice, PrivateIpAddress="172.31.0.77")
    assert code == "InvalidIPAddress.InUse"


def test_a_subnet_of_another_zone_contradicts(alice: Any, host: FakeHost, world: World) -> None:
    world.store.transact(lambda tx: vpcs.extend_to_zone(tx, "us-east-1b", world.means.entropy))
    FakeHost(world, "shed", hosts.Capacity(8, 4096, 100), "us-east-1b")
    subnets = alice.describe_subnets()["Subnets"]
    ours = next(it for it in subnets if it["AvailabilityZone"] == "us-east-1b")
    placement = {"AvailabilityZone": "us-east-1b"}
    made = launch_one(alice, Placement=placement)
    assert made["SubnetId"] == ours["SubnetId"]
    code = refusal(
        launch_one,
        client=alice,
        Placement={"AvailabilityZone": "us-east-1a"},
        SubnetId=ours["SubnetId"],
    )
    assert code == "InvalidParameterValue"


def test_without_a_zone_the_one_with_most_room_is_taken(alice: Any, world: World) -> None:
    world.store.transact(lambda tx: vpcs.extend_to_zone(tx, "us-east-1b", world.means.entropy))
    FakeHost(world, "hut", hosts.Capacity(2, 4096, 100), "us-east-1a")
    FakeHost(world, "shed", hosts.Capacity(3, 4096, 100), "us-east-1b")
    taken = [launch_one(alice)["Placement"]["AvailabilityZone"][-1] for _ in range(5)]
    assert taken == ["b", "a", "b", "a", "b"]


def test_a_client_token_launches_once(alice: Any, host: FakeHost) -> None:
    first = launch_one(alice, ClientToken="once")
    again = launch_one(alice, ClientToken="once")
    assert again == first
    code = refusal(launch_one, client=alice, ClientToken="once", InstanceType="c1.medium")
    assert code == "IdempotentParameterMismatch"
    assert len(alice.describe_instances()["Reservations"]) == 1


def test_a_dry_run_launches_nothing(alice: Any, host: FakeHost, world: World) -> None:
    assert refusal(launch_one, client=alice, DryRun=True) == "DryRunOperation"
    assert left_behind(world) == []


def test_others_things_are_not_there(alice: Any, bob: Any, host: FakeHost) -> None:
    alice.create_key_pair(KeyName="k")
    subnet = alice.describe_subnets()["Subnets"][0]["SubnetId"]
    group = alice.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    assert refusal(launch_one, client=bob, KeyName="k") == "InvalidKeyPair.NotFound"
    assert refusal(launch_one, client=bob, SubnetId=subnet) == "InvalidSubnetID.NotFound"
    assert refusal(launch_one, client=bob, SecurityGroupIds=[group]) == "InvalidGroup.NotFound"
    assert launch_one(bob)["ImageId"] == IMAGE_ID
