"""What instances are called inside their VPC: said at launch, by the subnet, or later."""

from typing import Any

import pytest

from mallee.cloud.hosts.slices import slices
from mallee.model.hosts.hosts import InstanceWanted, InterfaceWanted
from tests.cloud.ec2.asking import launch_one, refusal
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.vpc.nets import Net
from tests.cloud.ec2.world import FakeHost, World

BY_ID = {
    "HostnameType": "resource-name",
    "EnableResourceNameDnsARecord": True,
    "EnableResourceNameDnsAAAARecord": False,
}


@pytest.fixture
def net(alice: Any) -> Net:
    return nets.make(alice)


def told(world: World, host: FakeHost) -> tuple[InstanceWanted, InterfaceWanted]:
    wanted = slices.host_wanted(world.store.view, host.id, world.settings)
    return wanted.instances[0], wanted.vpcs[0].interfaces[0]


def shown(client: Any, id: str) -> dict[str, Any]:
    return client.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]


def test_a_launch_says_what_its_instances_are_called(
    alice: Any, net: Net, world: World, host: FakeHost
) -> None:
    made = launch_one(alice, SubnetId=net.subnet, PrivateDnsNameOptions=BY_ID)
    id = made["InstanceId"]
    assert shown(alice, id)["PrivateDnsNameOptions"] == BY_ID
    assert shown(alice, id)["PrivateDnsName"] == f"{id}.ec2.internal"
    (nic,) = shown(alice, id)["NetworkInterfaces"]
    assert nic["PrivateDnsName"] == f"{id}.ec2.internal"
    instance, interface = told(world, host)
    assert instance.metadata["meta-data/local-hostname"] == f"{id}.ec2.internal"
    assert (interface.hostname, interface.resource_ips) == (id, (interface.private_ip,))


def test_by_itself_an_instance_is_called_by_its_address(
    alice: Any, net: Net, world: World, host: FakeHost
) -> None:
    launch_one(alice, SubnetId=net.subnet)
    _, interface = told(world, host)
    by_address = f"ip-{interface.private_ip.replace('.', '-')}"
    assert (interface.hostname, interface.resource_ips) == (by_address, ())


def test_a_subnet_says_it_for_launches_that_do_not(alice: Any, net: Net, host: FakeHost) -> None:
    assert host.id
    change = alice.modify_subnet_attribute
    change(SubnetId=net.subnet, PrivateDnsHostnameTypeOnLaunch="resource-name")
    change(SubnetId=net.subnet, EnableResourceNameDnsARecordOnLaunch={"Value": True})
    (subnet,) = alice.describe_subnets(SubnetIds=[net.subnet])["Subnets"]
    assert subnet["PrivateDnsNameOptionsOnLaunch"] == BY_ID
    filters = nets.where("private-dns-name-options-on-launch.hostname-type", "resource-name")
    assert [one["SubnetId"] for one in alice.describe_subnets(Filters=filters)["Subnets"]] == [
        net.subnet
    ]
    first = launch_one(alice, SubnetId=net.subnet)["InstanceId"]
    assert shown(alice, first)["PrivateDnsNameOptions"] == BY_ID
    own = {"HostnameType": "ip-name", "EnableResourceNameDnsARecord": False}
    second = launch_one(alice, SubnetId=net.subnet, PrivateDnsNameOptions=own)["InstanceId"]
    assert shown(alice, second)["PrivateDnsNameOptions"] == {
        **own,
        "EnableResourceNameDnsAAAARecord": False,
    }
    code = refusal(change, SubnetId=net.subnet, PrivateDnsHostnameTypeOnLaunch="x")
    assert code == "InvalidParameterValue"


def test_it_is_changed_later_the_guests_own_name_while_it_is_off(
    alice: Any, net: Net, world: World, host: FakeHost
) -> None:
    id = launch_one(alice, SubnetId=net.subnet)["InstanceId"]
    change = alice.modify_private_dns_name_options
    change(InstanceId=id, EnableResourceNameDnsARecord=True)
    assert told(world, host)[1].resource_ips == (told(world, host)[1].private_ip,)
    asked = {"InstanceId": id, "PrivateDnsHostnameType": "resource-name"}
    assert refusal(change, **asked) == "IncorrectInstanceState"
    assert refusal(change, InstanceId=id, PrivateDnsHostnameType="x") == "InvalidParameterValue"


def test_metadata_may_be_asked_over_ipv6(
    alice: Any, net: Net, world: World, host: FakeHost
) -> None:
    options = {"HttpProtocolIpv6": "enabled"}
    id = launch_one(alice, SubnetId=net.subnet, MetadataOptions=options)["InstanceId"]
    assert shown(alice, id)["MetadataOptions"]["HttpProtocolIpv6"] == "enabled"
    assert told(world, host)[0].metadata_options.http_protocol_ipv6 == "enabled"
    found = alice.modify_instance_metadata_options(InstanceId=id, HttpProtocolIpv6="disabled")
    assert found["InstanceMetadataOptions"]["HttpProtocolIpv6"] == "disabled"
    assert told(world, host)[0].metadata_options.http_protocol_ipv6 == "disabled"
