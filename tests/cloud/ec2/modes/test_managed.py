"""The managed modes: blocks of addresses that security groups claim and give back."""

from typing import Any

import pytest

from mallee.model.configuration.settings import Network, Settings
from mallee.model.identity import quotas
from mallee.model.network.classic import Classic
from tests.cloud.ec2 import asking
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import IMAGE_ID, FakeHost

CLASSIC = Classic(device="eth1", subnet="10.10.0.0/25", vlans="2-5")
"""Four networks of 32: as few as can be used up."""


@pytest.fixture
def settings() -> Settings:
    network = Network("192.168.3.0/24", mode="managed", classic=CLASSIC)
    return Settings(network=network)


def group_of(client: Any, name: str) -> str:
    return client.create_security_group(GroupName=name, Description="x")["GroupId"]


def launch(client: Any, groups: list[str], count: int = 1, **more: Any) -> list[dict[str, Any]]:
    return asking.launch(client, count, SecurityGroupIds=groups, **more)


def ips(instances: list[dict[str, Any]]) -> list[str]:
    return [it["PrivateIpAddress"] for it in instances]


def end(client: Any, host: FakeHost, instances: list[dict[str, Any]]) -> None:
    client.terminate_instances(InstanceIds=[it["InstanceId"] for it in instances])
    host.settle()


def free(client: Any) -> int:
    return client.describe_subnets()["Subnets"][0]["AvailableIpAddressCount"]


@pytest.mark.usefixtures("host")
def test_groups_claim_the_lowest_free_blocks_whosever_they_are(alice: Any, bob: Any) -> None:
    web, db = group_of(alice, "web"), group_of(alice, "db")
    assert ips(launch(alice, [web], 2)) == ["10.10.0.4", "10.10.0.5"]
    assert ips(launch(bob, [group_of(bob, "web")])) == ["10.10.0.36"]
    assert ips(launch(alice, [db, web])) == ["10.10.0.68"]
    assert ips(launch(alice, [web, db])) == ["10.10.0.6"]
    # What is left: 24 in web's block, 26 in db's, and one block that nobody has.
    assert free(alice) == 24 + 26 + 27
    assert free(bob) == 26 + 27


def test_who_goes_last_gives_the_block_back(alice: Any, bob: Any, host: FakeHost) -> None:
    first, second = launch(alice, [group_of(alice, "a")], 2), launch(bob, [group_of(bob, "b")])
    end(alice, host, first[:1])
    assert ips(launch(bob, [group_of(bob, "c")])) == ["10.10.0.68"]
    end(alice, host, first[1:])
    assert ips(launch(bob, [group_of(bob, "d")])) == ["10.10.0.4"]
    assert ips(second) == ["10.10.0.36"]


@pytest.mark.usefixtures("host")
def test_twenty_seven_of_a_block_are_lent_and_then_a_further_block_is(alice: Any) -> None:
    one = group_of(alice, "one")
    found = ips(launch(alice, [one], 28))
    assert found == [f"10.10.0.{n}" for n in (*range(4, 31), 36)]


@pytest.mark.usefixtures("host")
def test_when_blocks_are_used_up_nothing_is_half_made(alice: Any, bob: Any) -> None:
    for name in "abcd":
        launch(alice, [group_of(alice, name)])
    assert free(bob) == 0
    code = refusal(launch, client=bob, groups=[group_of(bob, "late")])
    assert code == "InsufficientAddressCapacity"
    code = refusal(launch, client=alice, groups=[group_of(alice, "late")])
    assert code == "InsufficientAddressCapacity"
    wanted = {"ImageId": IMAGE_ID, "MinCount": 1, "MaxCount": 60, "SecurityGroups": ["a"]}
    assert len(alice.run_instances(**wanted)["Instances"]) == 26


@pytest.mark.usefixtures("host")
def test_an_account_has_no_more_blocks_than_its_quota(
    alice: Any, bob: Any, administration: Administration
) -> None:
    administration.limit(quotas.ADDRESS_BLOCKS, 1)
    assert free(bob) == 27
    first, second = group_of(bob, "first"), group_of(bob, "second")
    launch(bob, [first], 20)
    for asked in ({}, {"PrivateIpAddress": "10.10.0.36"}):
        code = refusal(launch, client=bob, groups=[second], **asked)
        assert code == "NetworkInterfaceLimitExceeded"
    # What its one block has is his, and not more.
    wanted = {"ImageId": IMAGE_ID, "MinCount": 1, "MaxCount": 60, "SecurityGroups": ["first"]}
    assert len(bob.run_instances(**wanted)["Instances"]) == 7
    asked = {"AccountName": administration.account}
    shown = administration.sender.ask("mallee", "DescribeQuotas", **asked).text
    row = shown[shown.index(f"<Key>{quotas.ADDRESS_BLOCKS}</Key>") :].split("</member>")[0]
    assert "<Limit>1</Limit>" in row
    assert "<Usage>1</Usage>" in row
    # It is nobody else's.
    launch(alice, [group_of(alice, "a")])
    launch(alice, [group_of(alice, "b")])


@pytest.mark.usefixtures("host")
def test_an_address_asked_for_is_of_the_groups_own_block(alice: Any) -> None:
    web, db = group_of(alice, "web"), group_of(alice, "db")
    assert ips(launch(alice, [web], PrivateIpAddress="10.10.0.9")) == ["10.10.0.9"]
    for ip, code in (
        ("10.10.0.9", "InvalidIPAddress.InUse"),
        ("10.10.0.40", "InvalidParameterValue"),
        ("10.10.0.2", "InvalidParameterValue"),
        ("10.10.0.1", "InvalidParameterValue"),
        ("172.31.0.9", "InvalidParameterValue"),
    ):
        assert refusal(launch, client=alice, groups=[web], PrivateIpAddress=ip) == code
    assert ips(launch(alice, [db], PrivateIpAddress="10.10.0.40")) == ["10.10.0.40"]


@pytest.mark.usefixtures("host")
def test_the_first_group_stays_others_come_and_go(alice: Any) -> None:
    web, db = group_of(alice, "web"), group_of(alice, "db")
    nic = launch(alice, [web])[0]["NetworkInterfaces"][0]["NetworkInterfaceId"]
    change = alice.modify_network_interface_attribute
    change(NetworkInterfaceId=nic, Groups=[db, web])
    code = refusal(change, NetworkInterfaceId=nic, Groups=[db])
    assert code == "UnsupportedOperation"
    assert refusal(alice.delete_security_group, GroupId=web) == "DependencyViolation"


@pytest.mark.usefixtures("host")
def test_accounts_show_the_whole_subnet_and_public_addresses(alice: Any, bob: Any) -> None:
    for client in (alice, bob):
        assert [it["CidrBlock"] for it in client.describe_vpcs()["Vpcs"]] == ["10.10.0.0/25"]
        assert [it["CidrBlock"] for it in client.describe_subnets()["Subnets"]] == ["10.10.0.0/25"]
    made = launch(alice, [group_of(alice, "web")])[0]
    found = alice.describe_instances(InstanceIds=[made["InstanceId"]])["Reservations"][0]
    assert found["Instances"][0]["PublicIpAddress"].startswith("192.168.3.")
    assert alice.allocate_address()["PublicIp"].startswith("192.168.3.")


@pytest.mark.usefixtures("host")
def test_networks_of_ones_own_are_refused_with_the_mode(alice: Any) -> None:
    vpc = alice.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnet = alice.describe_subnets()["Subnets"][0]["SubnetId"]
    for ask, wanted in (
        (alice.create_vpc, {"CidrBlock": "10.0.0.0/16"}),
        (alice.delete_vpc, {"VpcId": vpc}),
        (alice.create_subnet, {"VpcId": vpc, "CidrBlock": "10.10.0.0/28"}),
        (alice.create_vpc_peering_connection, {"VpcId": vpc, "PeerVpcId": vpc}),
        (alice.create_route_table, {"VpcId": vpc}),
        (alice.create_nat_gateway, {"SubnetId": subnet}),
        (alice.create_transit_gateway, {}),
        (alice.create_internet_gateway, {}),
        (alice.create_vpc_endpoint, {"VpcId": vpc, "ServiceName": "s3"}),
        (alice.create_network_acl, {"VpcId": vpc}),
        (alice.create_ipam, {}),
        (alice.associate_vpc_cidr_block, {"VpcId": vpc, "CidrBlock": "10.1.0.0/16"}),
    ):
        with pytest.raises(alice.exceptions.ClientError) as refused:
            ask(**wanted)
        error = refused.value.response["Error"]
        assert error["Code"] == "UnsupportedOperation"
        assert "managed" in error["Message"]
    assert alice.describe_nat_gateways()["NatGateways"] == []
    assert alice.describe_transit_gateways()["TransitGateways"] == []


@pytest.mark.usefixtures("host")
def test_secondary_addresses_are_of_the_group_too_and_prefixes_are_not(alice: Any) -> None:
    nic = launch(alice, [group_of(alice, "web")])[0]["NetworkInterfaces"][0]["NetworkInterfaceId"]
    assign = alice.assign_private_ip_addresses
    added = assign(NetworkInterfaceId=nic, SecondaryPrivateIpAddressCount=1)
    assert added["AssignedPrivateIpAddresses"] == [{"PrivateIpAddress": "10.10.0.5"}]
    assert refusal(assign, NetworkInterfaceId=nic, Ipv4PrefixCount=1) == "UnsupportedOperation"
    alice.unassign_private_ip_addresses(NetworkInterfaceId=nic, PrivateIpAddresses=["10.10.0.5"])
    assert assign(NetworkInterfaceId=nic, PrivateIpAddresses=["10.10.0.5"])
