"""What hosts and administrators are told of a managed mode, and how a mode becomes another."""

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from mallee.cloud.hosts import refusals
from mallee.cloud.hosts.doors import joining
from mallee.cloud.modes import settling
from mallee.cloud.state import records, store
from mallee.kit import pki
from mallee.kit.authorities import Authorities
from mallee.model.configuration.settings import InvalidSettings, Network, Settings
from mallee.model.hosts import standing
from mallee.model.network.classic import Classic
from mallee.model.network.modes import ModeWanted
from mallee.model.packets.traces import HostTrace
from tests.cloud.ec2.asking import launch, launch_one
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import BIG, FakeHost, Front, World

CLASSIC = Classic(
    device="eth1", uplink="eth0", subnet="10.10.0.0/16", name_servers=("10.9.9.9",), vlans="2-2049"
)
MANAGED = Settings(network=Network("192.168.3.0/24", mode="managed", classic=CLASSIC))
VPC = Settings(network=Network("192.168.3.0/24"))


@pytest.fixture
def settings() -> Settings:
    return MANAGED


def mode_of(world: World, host: FakeHost) -> ModeWanted:
    found = world.told[host.id].mode
    assert found is not None
    return found


def run_on(world: World, client: Any, host: FakeHost, **more: Any) -> dict[str, Any]:
    """An instance on that host: the others take none meanwhile."""

    def mark(tx: store.Tx, *, aside: bool) -> None:
        for record in tx.list(records.HOST):
            if record.id != host.id:
                now = standing.Standing.DISABLED if aside else standing.Standing.ENABLED
                tx.write(record, replace(record.doc, standing=now))

    world.store.transact(lambda tx: mark(tx, aside=True))
    made = launch_one(client, **more)
    world.store.transact(lambda tx: mark(tx, aside=False))
    client.describe_instances()
    world.check_slices("the hosts are back")
    return made


def test_a_host_is_told_its_own_blocks_and_the_gateway_all(
    alice: Any, bob: Any, world: World, host: FakeHost
) -> None:
    other = FakeHost(world, "shed", BIG, world.settings.zone)
    one = run_on(world, alice, host)
    two = run_on(world, bob, other)
    told, far = mode_of(world, host), mode_of(world, other)
    assert (told.is_gateway, far.is_gateway) == (True, False)
    assert [(it.cidr, it.gateway, it.vlan, it.vpc_id) for it in told.blocks] == [
        ("10.10.0.0/27", "10.10.0.1", 2, one["VpcId"]),
        ("10.10.0.32/27", "10.10.0.33", 3, two["VpcId"]),
    ]
    assert [it.cidr for it in far.blocks] == ["10.10.0.32/27"]
    assert {it.private_ip for it in told.publics} == {"10.10.0.4", "10.10.0.36"}
    assert far.publics == ()
    assert (told.kind, told.device, told.uplink) == ("managed", "eth1", "eth0")
    # The gateway has no namespace of a VPC whose guests are elsewhere.
    assert [vpc.id for vpc in world.told[host.id].vpcs] == [one["VpcId"]]
    (vpc,) = world.told[host.id].vpcs
    assert (vpc.overlay_id, vpc.gateway_host_id, vpc.route_tables, vpc.acls) == (0, "", (), ())
    assert vpc.dhcp.name_servers == ("10.9.9.9",)


def test_members_elsewhere_are_known(alice: Any, world: World, host: FakeHost) -> None:
    other = FakeHost(world, "shed", BIG, world.settings.zone)
    run_on(world, alice, host)
    run_on(world, alice, other)
    for each, elsewhere in ((host, other), (other, host)):
        (vpc,) = world.told[each.id].vpcs
        (far,) = vpc.far
        assert far.host_id == elsewhere.id
        assert [it.cidr for it in mode_of(world, each).blocks] == ["10.10.0.0/27"]
        (group,) = vpc.groups
        assert group.member_ips == ("10.10.0.4", "10.10.0.5")


def test_an_address_that_comes_and_goes_is_news_to_the_gateway(
    alice: Any, world: World, host: FakeHost
) -> None:
    other = FakeHost(world, "shed", BIG, world.settings.zone)
    made = run_on(world, alice, other)
    lent = mode_of(world, host).publics
    address = alice.allocate_address()
    alice.associate_address(
        AllocationId=address["AllocationId"], InstanceId=made["InstanceId"], AllowReassociation=True
    )
    publics = mode_of(world, host).publics
    assert [it.public_ip for it in publics] == [address["PublicIp"]]
    assert publics != lent
    alice.terminate_instances(InstanceIds=[made["InstanceId"]])
    other.settle()
    world.check_slices("it is gone")
    assert mode_of(world, host).publics == mode_of(world, host).blocks == ()


def test_administrators_see_whose_blocks_there_are(
    alice: Any, bob: Any, administration: Administration, host: FakeHost
) -> None:
    launch(alice, 2)
    launch_one(bob)
    shown = administration.sender.ask("mallee", "ListAddressBlocks").text
    for part in ("<NetworkMode>managed<", "<Total>2048<", "<Cidr>10.10.0.32/27<", "<Vlan>3<"):
        assert part in shown
    assert "<Used>2</Used><Usable>27<" in shown
    cloud = administration.sender.ask("mallee", "DescribeCloud").text
    assert "<NetworkMode>managed<" in cloud
    assert "instances: i-" in cloud


def test_no_packet_is_judged_by_ways_that_are_not_there(
    alice: Any, bob: Any, administration: Administration, host: FakeHost
) -> None:
    one = launch_one(alice)
    (foreign,) = launch(bob, 1)
    ends = {"SourceId": one["InstanceId"], "Protocol": "icmp"}
    for destination in ("internet", "10.10.0.9", foreign["InstanceId"]):
        asked = {**ends, "Destination": destination}
        answer = administration.sender.ask("mallee", "ExplainPacket", **asked)
        assert answer.code == "UnsupportedOperation"


def test_hosts_are_asked_for_ways_that_nobody_judges(
    alice: Any, administration: Administration, front: Front, host: FakeHost
) -> None:
    one = launch_one(alice)
    host.settle()
    way = HostTrace(end="world", at="", notes=("what the LAN does with it",))
    asked = front.answer_next_ask(host.id, msgspec.json.encode(way))
    ends = {"SourceId": one["InstanceId"], "Protocol": "icmp", "Destination": "internet"}
    answer = administration.sender.ask("mallee", "TracePacket", **ends)
    assert answer.status == 200, answer.text
    assert asked.result().instance_id == one["InstanceId"]
    for shown in ("<End>world</End>", "what the LAN does with it"):
        assert shown in answer.text


def test_packets_between_an_accounts_instances_are_judged_by_their_groups(
    alice: Any, administration: Administration, host: FakeHost
) -> None:
    one, two = launch(alice, 2)
    other = alice.create_security_group(GroupName="apart", Description="x")["GroupId"]
    (apart,) = launch(alice, 1, SecurityGroupIds=[other])

    def told(destination: str) -> str:
        asked = {"SourceId": one["InstanceId"], "Destination": destination, "Protocol": "icmp"}
        answer = administration.sender.ask("mallee", "ExplainPacket", **asked)
        assert answer.status == 200, answer.text
        return answer.text

    # Members of the default group let each other in, and a new group nobody.
    assert "<Passes>true<" in told(two["InstanceId"])
    refused = told(apart["InstanceId"])
    assert "<Passes>false<" in refused
    assert "<End>ingress<" in refused
    assert "the gateway host leads from one to the other" in refused


def settle(world: World, settings: Settings) -> None:
    world.store.transact(lambda tx: settling.settle(tx, settings, world.means.entropy))


def ranges(client: Any) -> list[tuple[str, str]]:
    vpcs = {it["VpcId"]: it["CidrBlock"] for it in client.describe_vpcs()["Vpcs"]}
    return [(vpcs[it["VpcId"]], it["CidrBlock"]) for it in client.describe_subnets()["Subnets"]]


def test_a_mode_becomes_another_while_nothing_is_there(alice: Any, bob: Any, world: World) -> None:
    before = [it["VpcId"] for it in alice.describe_vpcs()["Vpcs"]]
    settle(world, VPC)
    assert ranges(alice) == ranges(bob) == [("172.31.0.0/16", "172.31.0.0/20")]
    settle(world, VPC)
    settle(world, MANAGED)
    assert ranges(alice) == ranges(bob) == [("10.10.0.0/16", "10.10.0.0/16")]
    static = Classic(subnet="10.9.0.0/24", router="10.9.0.1", addresses=("10.9.0.9",))
    settle(world, Settings(network=Network(mode="static", classic=static)))
    assert ranges(alice) == [("10.9.0.0/24", "10.9.0.0/24")]
    more = replace(static, addresses=("10.9.0.9-10.9.0.10",))
    settle(world, Settings(network=Network(mode="static", classic=more)))
    assert alice.describe_subnets()["Subnets"][0]["AvailableIpAddressCount"] == 2
    assert [it["VpcId"] for it in alice.describe_vpcs()["Vpcs"]] == before
    settle(world, MANAGED)


@pytest.mark.usefixtures("host")
def test_a_mode_in_use_stays_and_names_what_uses_it(alice: Any, world: World) -> None:
    made = launch_one(alice)
    with pytest.raises(InvalidSettings, match=made["InstanceId"]):
        settle(world, VPC)
    # More addresses of the same range are no other network.
    settle(world, Settings(network=replace(MANAGED.network, classic=replace(CLASSIC, uplink=""))))


def test_what_accounts_made_of_networks_is_in_the_way_of_a_mode(
    alice: Any, world: World, settings: Settings
) -> None:
    settle(world, VPC)
    world.cloud = replace_settings(world, VPC)
    vpc = alice.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    with pytest.raises(InvalidSettings, match=vpc):
        settle(world, MANAGED)
    alice.delete_vpc(VpcId=vpc)
    settle(world, MANAGED)
    world.cloud = replace_settings(world, MANAGED)


def replace_settings(world: World, settings: Settings) -> Any:
    return dataclasses.replace(world.cloud, settings=settings)


def test_all_hosts_are_of_one_zone(world: World, administration: Administration) -> None:
    authority = pki.create_authority("test", 0)
    trusted = Authorities(Path("/nowhere"), (authority,))
    registry = joining.registry(trusted, world.settings)

    def join(tx: store.Tx) -> None:
        token = joining.create_token(tx, world.means.entropy)
        csr = pki.make_request("h").csr_pem
        asked = joining.JoinRequest(
            token=token, csr_pem=csr.decode(), name="far", zone="us-east-1b"
        )
        joining.join(tx, registry, asked)

    with pytest.raises(refusals.Refused, match="one zone"):
        world.store.transact(join)
    answer = administration.sender.ask("mallee", "CreateZone", ZoneName="us-east-1b")
    assert "one zone" in answer.text
