"""Interfaces that users make: their addresses, and instances that have several of them."""

from typing import Any

import pytest

from mallee.cloud.hosts.slices import slices
from mallee.cloud.state import records
from tests.cloud.ec2.asking import described, launch_one, refusal
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.vpc.nets import Net
from tests.cloud.ec2.world import FakeHost, World

SPARE = ("10.0.1.77", "10.0.1.78", "10.0.1.79")
"""An interface has one or two of its subnet, whichever was drawn: not all of these."""


@pytest.fixture
def net(alice: Any, host: FakeHost) -> Net:
    return nets.make(alice)


def shown(client: Any, id: str) -> dict[str, Any]:
    return client.describe_network_interfaces(NetworkInterfaceIds=[id])["NetworkInterfaces"][0]


def make(client: Any, net: Net, **more: Any) -> dict[str, Any]:
    return client.create_network_interface(SubnetId=net.subnet, **more)["NetworkInterface"]


def test_secondary_addresses_come_and_go(alice: Any, net: Net) -> None:
    nic = make(alice, net, SecondaryPrivateIpAddressCount=1)
    id = nic["NetworkInterfaceId"]
    assert [it["Primary"] for it in nic["PrivateIpAddresses"]] == [True, False]
    has = {it["PrivateIpAddress"] for it in nic["PrivateIpAddresses"]}
    spare = next(ip for ip in SPARE if ip not in has)
    added = alice.assign_private_ip_addresses(NetworkInterfaceId=id, PrivateIpAddresses=[spare])
    assert added["AssignedPrivateIpAddresses"] == [{"PrivateIpAddress": spare}]
    ask = alice.assign_private_ip_addresses
    code = refusal(ask, NetworkInterfaceId=id, PrivateIpAddresses=[spare])
    assert code == "InvalidIPAddress.InUse"
    other = make(alice, net)["NetworkInterfaceId"]
    wanted = {"NetworkInterfaceId": other, "PrivateIpAddresses": [spare]}
    assert refusal(ask, **wanted) == "InvalidIPAddress.InUse"
    ask(**wanted, AllowReassignment=True)
    assert len(shown(alice, id)["PrivateIpAddresses"]) == 2
    alice.unassign_private_ip_addresses(**wanted)
    code = refusal(alice.unassign_private_ip_addresses, **wanted)
    assert code == "InvalidParameterValue"
    primary = shown(alice, id)["PrivateIpAddress"]
    code = refusal(
        alice.unassign_private_ip_addresses, NetworkInterfaceId=id, PrivateIpAddresses=[primary]
    )
    assert code == "InvalidParameterValue"


def test_a_prefix_is_sixteen_addresses_that_nobody_else_gets(alice: Any, net: Net) -> None:
    nic = make(alice, net, Ipv4PrefixCount=1)
    (prefix,) = nic["Ipv4Prefixes"]
    inside = prefix["Ipv4Prefix"].replace(".0/28", ".5").replace("/28", "")
    code = refusal(alice.create_network_interface, SubnetId=net.subnet, PrivateIpAddress=inside)
    assert code in ("InvalidIPAddress.InUse", "InvalidParameterValue")
    free = alice.describe_subnets(SubnetIds=[net.subnet])["Subnets"][0]
    assert free["AvailableIpAddressCount"] == 251 - 17
    alice.delete_network_interface(NetworkInterfaceId=nic["NetworkInterfaceId"])
    free = alice.describe_subnets(SubnetIds=[net.subnet])["Subnets"][0]
    assert free["AvailableIpAddressCount"] == 251


def test_an_elastic_address_stands_for_one_private_address(alice: Any, net: Net) -> None:
    nic = make(alice, net, SecondaryPrivateIpAddressCount=1)
    id = nic["NetworkInterfaceId"]
    second = nic["PrivateIpAddresses"][1]["PrivateIpAddress"]
    made = [alice.allocate_address() for _ in range(2)]
    ask = alice.associate_address
    ask(AllocationId=made[0]["AllocationId"], NetworkInterfaceId=id)
    ask(AllocationId=made[1]["AllocationId"], NetworkInterfaceId=id, PrivateIpAddress=second)
    by_ip = {
        it["PrivateIpAddress"]: it["Association"]["PublicIp"]
        for it in shown(alice, id)["PrivateIpAddresses"]
    }
    assert by_ip == {nic["PrivateIpAddress"]: made[0]["PublicIp"], second: made[1]["PublicIp"]}
    code = refusal(
        ask,
        AllocationId=made[0]["AllocationId"],
        NetworkInterfaceId=id,
        PrivateIpAddress=next(ip for ip in SPARE if ip not in by_ip),
    )
    assert code == "InvalidParameterValue"
    alice.unassign_private_ip_addresses(NetworkInterfaceId=id, PrivateIpAddresses=[second])
    left = alice.describe_addresses(AllocationIds=[made[1]["AllocationId"]])["Addresses"][0]
    assert "AssociationId" not in left


def test_an_interface_is_attached_and_detached(alice: Any, net: Net) -> None:
    instance = launch_one(alice, SubnetId=net.subnet)["InstanceId"]
    nic = make(alice, net)["NetworkInterfaceId"]
    ask = alice.attach_network_interface
    both = {"NetworkInterfaceId": nic, "InstanceId": instance}
    assert refusal(ask, **both, DeviceIndex=0) == "InvalidParameterValue"
    attachment = ask(**both, DeviceIndex=1)["AttachmentId"]
    assert refusal(ask, **both, DeviceIndex=2) == "InvalidNetworkInterface.InUse"
    has = described(alice, instance)["NetworkInterfaces"]
    assert [it["Attachment"]["DeviceIndex"] for it in has] == [0, 1]
    assert shown(alice, nic)["Status"] == "in-use"
    code = refusal(alice.delete_network_interface, NetworkInterfaceId=nic)
    assert code == "InvalidParameterValue"
    first = has[0]["Attachment"]["AttachmentId"]
    take = alice.detach_network_interface
    assert refusal(take, AttachmentId=first) == "OperationNotPermitted"
    take(AttachmentId=attachment)
    assert refusal(take, AttachmentId=attachment) == "InvalidAttachmentID.NotFound"
    assert shown(alice, nic)["Status"] == "available"
    assert len(described(alice, instance)["NetworkInterfaces"]) == 1
    alice.get_waiter("network_interface_available").wait(NetworkInterfaceIds=[nic])


def test_an_instance_has_as_many_as_its_type_may(alice: Any, net: Net) -> None:
    instance = launch_one(alice, SubnetId=net.subnet, InstanceType="t3.micro")["InstanceId"]
    made = [make(alice, net)["NetworkInterfaceId"] for _ in range(2)]
    ask = alice.attach_network_interface
    ask(NetworkInterfaceId=made[0], InstanceId=instance, DeviceIndex=1)
    code = refusal(ask, NetworkInterfaceId=made[1], InstanceId=instance, DeviceIndex=2)
    assert code == "AttachmentLimitExceeded"
    code = refusal(
        alice.assign_private_ip_addresses,
        NetworkInterfaceId=made[0],
        SecondaryPrivateIpAddressCount=2,
    )
    assert code == "PrivateIpAddressLimitExceeded"


def test_an_interface_of_another_vpc_is_not_attached(alice: Any, net: Net) -> None:
    instance = launch_one(alice, SubnetId=net.subnet)["InstanceId"]
    other = nets.make(alice, "10.9.0.0/16", "10.9.1.0/24")
    nic = make(alice, other)["NetworkInterfaceId"]
    code = refusal(
        alice.attach_network_interface, NetworkInterfaceId=nic, InstanceId=instance, DeviceIndex=1
    )
    assert code == "InvalidParameterCombination"


def test_a_launch_brings_several_interfaces(alice: Any, net: Net, host: FakeHost) -> None:
    there = make(alice, net)["NetworkInterfaceId"]
    nics = [
        {"DeviceIndex": 1, "NetworkInterfaceId": there},
        {"DeviceIndex": 0, "SubnetId": net.subnet, "SecondaryPrivateIpAddressCount": 2},
    ]
    made = launch_one(alice, NetworkInterfaces=nics)
    first, second = made["NetworkInterfaces"]
    assert len(first["PrivateIpAddresses"]) == 3
    assert second["NetworkInterfaceId"] == there
    assert "PublicIpAddress" not in made
    alice.terminate_instances(InstanceIds=[made["InstanceId"]])
    host.settle()
    assert shown(alice, there)["Status"] == "available"
    code = refusal(
        alice.describe_network_interfaces, NetworkInterfaceIds=[first["NetworkInterfaceId"]]
    )
    assert code == "InvalidNetworkInterfaceID.NotFound"


@pytest.mark.parametrize(
    ("nics", "code"),
    [
        ([{"DeviceIndex": 1}], "InvalidParameterValue"),
        ([{"DeviceIndex": 0, "NetworkInterfaceId": "eni-0123456789abcdef0"}], None),
        (
            [{"DeviceIndex": 0, "AssociatePublicIpAddress": True}, {"DeviceIndex": 1}],
            "InvalidParameterCombination",
        ),
        ([{"DeviceIndex": 0, "SecondaryPrivateIpAddressCount": 9}], None),
        (
            [
                {
                    "DeviceIndex": 0,
                    "SecondaryPrivateIpAddressCount": 1,
                    "PrivateIpAddresses": [{"PrivateIpAddress": "172.31.0.9"}],
                }
            ],
            "InvalidParameterCombination",
        ),
    ],
)
def test_interfaces_of_a_launch_must_make_sense(
    alice: Any, host: FakeHost, world: World, nics: list[dict[str, Any]], code: str | None
) -> None:
    """None: the code of what is not there, or too much."""
    found = refusal(
        alice.run_instances,
        ImageId="ami-00000000000000001",
        MinCount=1,
        MaxCount=1,
        NetworkInterfaces=nics,
    )
    assert found == code or found in (
        "InvalidNetworkInterfaceID.NotFound",
        "PrivateIpAddressLimitExceeded",
    )
    assert world.store.view.list(records.INTERFACE) == []


def test_the_check_of_senders_is_switched(alice: Any, net: Net) -> None:
    nic = make(alice, net)["NetworkInterfaceId"]
    alice.modify_network_interface_attribute(
        NetworkInterfaceId=nic, SourceDestCheck={"Value": False}
    )
    ask = alice.describe_network_interface_attribute
    now = ask(NetworkInterfaceId=nic, Attribute="sourceDestCheck")
    assert now["SourceDestCheck"] == {"Value": False}
    alice.reset_network_interface_attribute(NetworkInterfaceId=nic, SourceDestCheck="true")
    now = ask(NetworkInterfaceId=nic, Attribute="sourceDestCheck")
    assert now["SourceDestCheck"] == {"Value": True}


def test_what_a_host_is_told_follows(alice: Any, net: Net, world: World, host: FakeHost) -> None:
    """The slice has addresses, tables and gateways resolved."""
    allocation = alice.allocate_address()["AllocationId"]
    nat = alice.create_nat_gateway(SubnetId=net.subnet, AllocationId=allocation)["NatGateway"]
    alice.create_route(
        RouteTableId=net.table,
        DestinationCidrBlock="0.0.0.0/0",
        NatGatewayId=nat["NatGatewayId"],
    )
    nics = [{"DeviceIndex": 0, "SubnetId": net.subnet, "SecondaryPrivateIpAddressCount": 1}]
    made = launch_one(alice, NetworkInterfaces=nics)
    (vpc,) = slices.host_wanted(world.store.view, host.id, world.settings).vpcs
    (nic,) = vpc.interfaces
    assert [it.private_ip for it in nic.secondary] == [
        made["NetworkInterfaces"][0]["PrivateIpAddresses"][1]["PrivateIpAddress"]
    ]
    (table,) = vpc.route_tables
    assert [(it.cidr, it.way.value, it.target_id) for it in table.routes] == [
        ("0.0.0.0/0", "nat", nat["NatGatewayId"])
    ]
    (gateway,) = vpc.nat_gateways
    assert gateway.addresses[0].public_ip == nat["NatGatewayAddresses"][0]["PublicIp"]
    assert vpc.has_internet_gateway
    assert vpc.dhcp.name_servers == ("AmazonProvidedDNS",)
    alice.delete_nat_gateway(NatGatewayId=nat["NatGatewayId"])
    (vpc,) = slices.host_wanted(world.store.view, host.id, world.settings).vpcs
    assert vpc.route_tables[0].routes[0].way.value == "blackhole"
    assert vpc.nat_gateways == ()
