"""Default VPCs and their subnets, and the interfaces in them."""

from typing import Any

import pytest

from mallee.cloud.ec2.vpc import vpcs
from mallee.cloud.state import records
from tests.cloud.ec2.asking import described, launch_one, refusal
from tests.cloud.ec2.world import FakeHost, World


def test_each_account_has_its_own_default_vpc(alice: Any, bob: Any, world: World) -> None:
    (mine,) = alice.describe_vpcs()["Vpcs"]
    (theirs,) = bob.describe_vpcs()["Vpcs"]
    assert mine["IsDefault"]
    assert mine["CidrBlock"] == theirs["CidrBlock"] == "172.31.0.0/16"
    assert mine["VpcId"] != theirs["VpcId"]
    assert refusal(bob.describe_vpcs, VpcIds=[mine["VpcId"]]) == "InvalidVpcID.NotFound"
    assert refusal(bob.describe_vpcs, VpcIds=["vpc"]) == "InvalidVpcId.Malformed"
    links = [vpc.doc.link_index for vpc in world.store.view.list(records.VPC)]
    assert len(set(links)) == 2


def test_attributes_of_a_vpc_are_told(alice: Any, bob: Any) -> None:
    vpc = alice.describe_vpcs()["Vpcs"][0]["VpcId"]
    ask = alice.describe_vpc_attribute
    shown = ask(VpcId=vpc, Attribute="enableDnsSupport")
    assert shown["EnableDnsSupport"] == {"Value": True}
    shown = ask(VpcId=vpc, Attribute="enableDnsHostnames")
    assert shown["EnableDnsHostnames"] == {"Value": False}
    code = refusal(bob.describe_vpc_attribute, VpcId=vpc, Attribute="enableDnsSupport")
    assert code == "InvalidVpcID.NotFound"


def test_the_default_subnet_is_the_zones(alice: Any, bob: Any) -> None:
    (subnet,) = alice.describe_subnets()["Subnets"]
    assert subnet["CidrBlock"] == "172.31.0.0/20"
    assert subnet["AvailableIpAddressCount"] == 4091
    assert subnet["DefaultForAz"]
    assert subnet["MapPublicIpOnLaunch"]
    code = refusal(bob.describe_subnets, SubnetIds=[subnet["SubnetId"]])
    assert code == "InvalidSubnetID.NotFound"


def test_a_new_zone_gets_its_subnet_in_every_vpc_once(alice: Any, bob: Any, world: World) -> None:
    for _ in range(2):
        world.store.transact(lambda tx: vpcs.extend_to_zone(tx, "us-east-1b", world.means.entropy))
    for client in (alice, bob):
        shown = client.describe_subnets(
            Filters=[{"Name": "availability-zone", "Values": ["us-east-1b"]}]
        )["Subnets"]
        assert [it["CidrBlock"] for it in shown] == ["172.31.16.0/20"]


def test_what_exists_is_not_made_again(alice: Any) -> None:
    assert refusal(alice.create_default_vpc) == "DefaultVpcAlreadyExists"
    code = refusal(alice.create_default_subnet, AvailabilityZone="us-east-1a")
    assert code == "DefaultSubnetAlreadyExistsInAvailabilityZone"
    code = refusal(alice.create_default_subnet, AvailabilityZone="us-east-1z")
    assert code == "InvalidParameterValue"


def test_instances_take_and_return_addresses_of_their_subnet(alice: Any, host: FakeHost) -> None:
    def free() -> int:
        return alice.describe_subnets()["Subnets"][0]["AvailableIpAddressCount"]

    made = launch_one(alice)["InstanceId"]
    assert free() == 4090
    alice.terminate_instances(InstanceIds=[made])
    host.settle()
    assert free() == 4091


def test_a_subnet_decides_whether_addresses_are_lent(alice: Any, host: FakeHost) -> None:
    subnet = alice.describe_subnets()["Subnets"][0]["SubnetId"]
    alice.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": False})
    assert "PublicIpAddress" not in launch_one(alice)
    nic = {"DeviceIndex": 0, "AssociatePublicIpAddress": True}
    assert "PublicIpAddress" in launch_one(alice, NetworkInterfaces=[nic])


@pytest.fixture
def nic(alice: Any, host: FakeHost) -> dict[str, Any]:
    made = launch_one(alice)
    id = made["NetworkInterfaces"][0]["NetworkInterfaceId"]
    shown = alice.describe_network_interfaces(NetworkInterfaceIds=[id])
    return {**shown["NetworkInterfaces"][0], "instance": made}


def test_an_interface_is_shown_as_its_instance_shows_it(nic: dict[str, Any]) -> None:
    instance = nic["instance"]
    (inside,) = instance["NetworkInterfaces"]
    for member in ("MacAddress", "PrivateIpAddress", "SubnetId", "VpcId", "Status", "Groups"):
        assert nic[member] == inside[member]
    assert nic["Attachment"]["InstanceId"] == instance["InstanceId"]
    assert nic["Association"]["PublicIp"] == instance["PublicIpAddress"]
    assert nic["PrivateIpAddresses"][0]["Primary"]


def test_interfaces_are_found_by_filters(alice: Any, nic: dict[str, Any]) -> None:
    launch_one(alice)

    def found(name: str, value: str) -> int:
        wanted = [{"Name": name, "Values": [value]}]
        return len(alice.describe_network_interfaces(Filters=wanted)["NetworkInterfaces"])

    assert found("attachment.instance-id", nic["instance"]["InstanceId"]) == 1
    assert found("private-ip-address", nic["PrivateIpAddress"]) == 1
    assert found("association.public-ip", nic["Association"]["PublicIp"]) == 1
    assert found("mac-address", nic["MacAddress"]) == 1
    assert found("group-name", "default") == 2
    assert found("status", "available") == 0
    assert found("vpc-id", nic["VpcId"]) == 2


def test_groups_of_a_running_instance_change_on_its_interface(
    alice: Any, nic: dict[str, Any]
) -> None:
    web = alice.create_security_group(GroupName="web", Description="w")["GroupId"]
    id = nic["NetworkInterfaceId"]
    alice.modify_network_interface_attribute(NetworkInterfaceId=id, Groups=[web])
    instance = nic["instance"]["InstanceId"]
    worn = [{"GroupId": web, "GroupName": "web"}]
    assert described(alice, instance)["SecurityGroups"] == worn
    shown = alice.describe_network_interface_attribute(NetworkInterfaceId=id, Attribute="groupSet")
    assert shown["Groups"] == worn
    alice.modify_network_interface_attribute(NetworkInterfaceId=id, Description={"Value": "d"})
    shown = alice.describe_network_interface_attribute(
        NetworkInterfaceId=id, Attribute="description"
    )
    assert shown["Description"] == {"Value": "d"}
    ask = alice.modify_network_interface_attribute
    assert refusal(ask, NetworkInterfaceId=id) == "InvalidParameterCombination"
    stranger = ["sg-0123456789abcdef0"]
    assert refusal(ask, NetworkInterfaceId=id, Groups=stranger) == "InvalidGroup.NotFound"


def test_interfaces_of_others_are_not_there(bob: Any, nic: dict[str, Any]) -> None:
    id = nic["NetworkInterfaceId"]
    code = "InvalidNetworkInterfaceID.NotFound"
    assert refusal(bob.describe_network_interfaces, NetworkInterfaceIds=[id]) == code
    ask = bob.modify_network_interface_attribute
    assert refusal(ask, NetworkInterfaceId=id, Description={"Value": "d"}) == code
    assert bob.describe_network_interfaces()["NetworkInterfaces"] == []
    address = bob.allocate_address()["AllocationId"]
    assert refusal(bob.associate_address, AllocationId=address, NetworkInterfaceId=id) == code
