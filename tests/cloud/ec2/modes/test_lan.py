"""The modes in which instances have addresses of the LAN: from a list, or as its DHCP says."""

from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.modes import lanleases
from mallee.cloud.state import records, store
from mallee.model.compute.instances import InstanceSeen, Phase
from mallee.model.configuration.settings import Network, Settings
from mallee.model.network.classic import Classic
from mallee.model.network.gateways import WORLD, Charge
from mallee.model.network.modes import LeaseSeen
from tests.cloud.ec2.asking import described, launch, refusal, refused, state
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import FakeHost, World

LAN = "192.168.3.0/24"
STATIC = Classic(
    device="br0",
    subnet=LAN,
    router="192.168.3.1",
    name_servers=("192.168.3.2",),
    addresses=("192.168.3.65-192.168.3.66", "192.168.3.80"),
    macs=("d0:0d:00:00:00:01=192.168.3.66",),
)
SYSTEM = Classic(device="br0", subnet=LAN)


def of(mode: Any, classic: Classic) -> Settings:
    return Settings(network=Network("203.0.113.0/24", mode=mode, classic=classic))


static = pytest.mark.parametrize("settings", [of("static", STATIC)])
system = pytest.mark.parametrize("settings", [of("system", SYSTEM)])
both = pytest.mark.parametrize("settings", [of("static", STATIC), of("system", SYSTEM)])


def lease(world: World, instance_id: str, **by_interface: str) -> None:
    """Hear of an instance what the LAN's server gave its interfaces."""

    def hear(tx: store.Tx) -> None:
        record = tx.get(records.INSTANCE, instance_id)
        assert record is not None
        leases = tuple(LeaseSeen(interface_id=id, private_ip=ip) for id, ip in by_interface.items())
        seen = record.seen or InstanceSeen(launch=record.doc.launch, phase=Phase.PREPARING)
        told = replace(seen, leases=leases)
        lanleases.note(tx, tx.observe(record, told), told)

    world.store.transact(hear)


def nic_of(instance: dict[str, Any]) -> str:
    return instance["NetworkInterfaces"][0]["NetworkInterfaceId"]


@static
@pytest.mark.usefixtures("host")
def test_addresses_of_the_list_are_lent_in_order_with_their_hardware_addresses(
    alice: Any, bob: Any
) -> None:
    (one,), (two, three) = launch(alice), launch(bob, 2)
    found = [it["PrivateIpAddress"] for it in (one, two, three)]
    assert found == ["192.168.3.65", "192.168.3.66", "192.168.3.80"]
    assert two["NetworkInterfaces"][0]["MacAddress"] == "d0:0d:00:00:00:01"
    assert refusal(launch, client=alice) == "InsufficientFreeAddressesInSubnet"
    assert described(alice, one["InstanceId"])["PublicIpAddress"] == "192.168.3.65"


@static
@pytest.mark.usefixtures("host")
def test_an_address_is_asked_for_by_name_and_given_once(alice: Any, bob: Any) -> None:
    launch(alice, PrivateIpAddress="192.168.3.80")
    for client, ip, code in (
        (bob, "192.168.3.80", "InvalidIPAddress.InUse"),
        (bob, "192.168.3.81", "InvalidParameterValue"),
        (alice, "10.0.0.9", "InvalidParameterValue"),
    ):
        assert refusal(launch, client=client, PrivateIpAddress=ip) == code


@static
def test_no_guest_gets_a_hosts_address(alice: Any, world: World, host: FakeHost) -> None:
    def move(tx: store.Tx) -> None:
        record = tx.get(records.HOST, host.id)
        assert record is not None
        tx.write(record, replace(record.doc, address="192.168.3.65"))

    world.store.transact(move)
    assert (
        refusal(launch, client=alice, PrivateIpAddress="192.168.3.65") == "InvalidIPAddress.InUse"
    )
    (one,) = launch(alice)
    assert one["PrivateIpAddress"] == "192.168.3.66"


@both
def test_no_host_is_shown_as_leading_to_the_world(
    world: World, host: FakeHost, administration: Administration
) -> None:
    def lead(tx: store.Tx) -> None:
        charge = Charge(host_id=host.id, term=1, since=0.0, why="x", known_standby_id="")
        tx.insert(records.GATEWAY, "", WORLD, charge)

    world.store.transact(lead)
    shown = administration.sender.ask("mallee", "DescribeHosts").text
    assert host.id in shown
    assert "Gateway>" not in shown


@both
@pytest.mark.usefixtures("host")
def test_there_is_no_other_public_address(alice: Any, settings: Settings) -> None:
    code, message = refused(alice.allocate_address)
    assert code == "UnsupportedOperation"
    assert settings.network.mode in message
    nic = {"DeviceIndex": 0, "AssociatePublicIpAddress": True}
    assert refusal(launch, client=alice, NetworkInterfaces=[nic]) == "UnsupportedOperation"
    subnet = alice.describe_subnets()["Subnets"][0]
    assert subnet["CidrBlock"] == LAN
    lend = {"SubnetId": subnet["SubnetId"], "MapPublicIpOnLaunch": {"Value": True}}
    assert refusal(alice.modify_subnet_attribute, **lend) == "UnsupportedOperation"
    assert refusal(alice.create_vpc, CidrBlock="10.0.0.0/16") == "UnsupportedOperation"


@system
def test_the_lans_server_says_which_address_it_is(
    alice: Any, bob: Any, world: World, host: FakeHost
) -> None:
    (one,), (two,) = launch(alice), launch(bob)
    assert "PrivateIpAddress" not in described(alice, one["InstanceId"])
    wanted = world.told[host.id]
    assert wanted.vpcs == ()
    assert wanted.mode is not None
    assert sorted(it.mac for it in wanted.mode.leases) == sorted(
        it["NetworkInterfaces"][0]["MacAddress"] for it in (one, two)
    )
    lease(world, one["InstanceId"], **{nic_of(one): "192.168.3.130"})
    shown = described(alice, one["InstanceId"])
    assert shown["PrivateIpAddress"] == shown["PublicIpAddress"] == "192.168.3.130"
    wanted = world.told[host.id]
    assert [it.private_ip for vpc in wanted.vpcs for it in vpc.interfaces] == ["192.168.3.130"]
    assert wanted.mode is not None
    assert [(it.cidr, it.gateway) for it in wanted.mode.blocks] == [(LAN, "")]
    host.settle()
    assert state(alice, one["InstanceId"]) == "running"


@system
@pytest.mark.parametrize("ip", ["192.168.3.130", "10.9.9.9", "192.168.3.255", "nonsense"])
def test_an_address_that_cannot_be_ends_the_launch_with_the_cause(
    alice: Any, bob: Any, world: World, host: FakeHost, ip: str
) -> None:
    (one,), (two,) = launch(alice), launch(bob)
    lease(world, one["InstanceId"], **{nic_of(one): "192.168.3.130"})
    lease(world, two["InstanceId"], **{nic_of(two): ip})
    host.reconcile()
    found = described(bob, two["InstanceId"])
    assert found["State"]["Name"] == "shutting-down"
    assert ip in found["StateReason"]["Message"]
    assert described(alice, one["InstanceId"])["State"]["Name"] == "pending"


@system
def test_another_lease_is_another_address_and_nobody_elses(
    alice: Any, world: World, host: FakeHost
) -> None:
    one, two = launch(alice, 2)
    lease(world, one["InstanceId"], **{nic_of(one): "192.168.3.130"})
    lease(world, one["InstanceId"], **{nic_of(one): "192.168.3.131"})
    # What another's interface got is not this instance's to say.
    lease(world, one["InstanceId"], **{nic_of(two): "192.168.3.132"})
    assert "PrivateIpAddress" not in described(alice, two["InstanceId"])
    lease(world, two["InstanceId"], **{nic_of(two): "192.168.3.130"})
    host.reconcile()
    found = [described(alice, it["InstanceId"])["PrivateIpAddress"] for it in (one, two)]
    assert found == ["192.168.3.131", "192.168.3.130"]


@system
@pytest.mark.usefixtures("host")
def test_in_system_the_cloud_gives_no_addresses(alice: Any) -> None:
    subnet = alice.describe_subnets()["Subnets"][0]["SubnetId"]
    assert refusal(alice.create_network_interface, SubnetId=subnet) == "UnsupportedOperation"
    asked = {"PrivateIpAddress": "192.168.3.9"}
    assert refusal(launch, client=alice, **asked) == "UnsupportedOperation"


@static
@pytest.mark.usefixtures("host")
def test_from_the_world_nothing_is_judged_and_it_is_said_why(
    alice: Any, administration: Administration
) -> None:
    (one,) = launch(alice)
    asked = {"SourceId": "internet", "Destination": one["InstanceId"], "Protocol": "icmp"}
    answer = administration.sender.ask("mallee", "ExplainPacket", **asked)
    assert answer.code == "UnsupportedOperation"
    assert "network mode of this cloud" in answer.text
