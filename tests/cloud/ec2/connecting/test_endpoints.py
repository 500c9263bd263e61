"""Instance connect endpoints: what they hold, what they refuse, what hosts are told of them."""

from typing import Any

import pytest

from mallee.cloud.ec2.connecting import endpoints
from mallee.cloud.hosts.slices import slices
from tests.cloud.ec2.asking import launch_one, refusal
from tests.cloud.ec2.makers import subnet
from tests.cloud.ec2.world import FakeHost, World


@pytest.fixture
def place(alice: Any) -> str:
    return subnet(alice)


def made(client: Any, subnet_id: str, **more: Any) -> dict[str, Any]:
    answer = client.create_instance_connect_endpoint(SubnetId=subnet_id, **more)
    return answer["InstanceConnectEndpoint"]


def vpc_of(client: Any, subnet_id: str) -> str:
    return client.describe_subnets(SubnetIds=[subnet_id])["Subnets"][0]["VpcId"]


def test_it_stands_in_its_subnet_with_an_interface(alice: Any, place: str) -> None:
    endpoint = made(alice, place)
    id = endpoint["InstanceConnectEndpointId"]
    assert endpoint["InstanceConnectEndpointArn"].endswith(f":instance-connect-endpoint/{id}")
    assert endpoint["State"] == "create-complete"
    assert endpoint["DnsName"].startswith(f"{id}.ec2-instance-connect-endpoint.us-east-1.")
    [card] = alice.describe_network_interfaces(NetworkInterfaceIds=endpoint["NetworkInterfaceIds"])[
        "NetworkInterfaces"
    ]
    assert (card["SubnetId"], card["RequesterManaged"]) == (place, True)
    assert [one["GroupId"] for one in card["Groups"]] == endpoint["SecurityGroupIds"]
    kept = {"NetworkInterfaceId": card["NetworkInterfaceId"]}
    assert refusal(alice.delete_network_interface, **kept) == "InvalidParameterValue"
    shown = alice.describe_instance_connect_endpoints(
        Filters=[{"Name": "vpc-id", "Values": [endpoint["VpcId"]]}]
    )["InstanceConnectEndpoints"]
    assert [one["InstanceConnectEndpointId"] for one in shown] == [id]


def test_its_groups_change_and_it_goes_with_all_it_had(alice: Any, place: str) -> None:
    endpoint = made(alice, place)
    id, own = endpoint["InstanceConnectEndpointId"], endpoint["VpcId"]
    group = alice.create_security_group(GroupName="g", Description="g", VpcId=own)["GroupId"]
    alice.modify_instance_connect_endpoint(InstanceConnectEndpointId=id, SecurityGroupIds=[group])
    named = {"InstanceConnectEndpointIds": [id]}
    [shown] = alice.describe_instance_connect_endpoints(**named)["InstanceConnectEndpoints"]
    assert shown["SecurityGroupIds"] == [group]
    assert refusal(alice.delete_security_group, GroupId=group) == "DependencyViolation"
    assert refusal(alice.delete_subnet, SubnetId=place) == "DependencyViolation"
    gone = alice.delete_instance_connect_endpoint(InstanceConnectEndpointId=id)
    assert gone["InstanceConnectEndpoint"]["State"] == "delete-complete"
    not_found = "InvalidInstanceConnectEndpointId.NotFound"
    assert refusal(alice.describe_instance_connect_endpoints, **named) == not_found
    alice.delete_security_group(GroupId=group)
    alice.delete_subnet(SubnetId=place)
    alice.delete_vpc(VpcId=own)


@pytest.mark.parametrize("wish", [{"PreserveClientIp": True}, {"IpAddressType": "dualstack"}])
def test_what_no_host_would_do_is_refused(alice: Any, place: str, wish: dict[str, Any]) -> None:
    ask = alice.create_instance_connect_endpoint
    assert refusal(ask, SubnetId=place, **wish) == "UnsupportedOperation"
    id = made(alice, place, PreserveClientIp=False)["InstanceConnectEndpointId"]
    change = alice.modify_instance_connect_endpoint
    assert refusal(change, InstanceConnectEndpointId=id, **wish) == "UnsupportedOperation"


def test_there_is_one_in_a_vpc_and_so_many_in_an_account(
    alice: Any, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(alice, place)
    beside = alice.create_subnet(VpcId=vpc_of(alice, place), CidrBlock="10.0.9.0/24")
    ask, limit = alice.create_instance_connect_endpoint, "InstanceConnectEndpointLimitExceeded"
    assert refusal(ask, SubnetId=beside["Subnet"]["SubnetId"]) == limit
    monkeypatch.setattr(endpoints, "MAX_PER_ACCOUNT", 2)
    made(alice, subnet(alice))
    assert refusal(ask, SubnetId=subnet(alice)) == limit


def test_groups_of_another_vpc_or_account_are_not_worn(alice: Any, bob: Any, place: str) -> None:
    foreign = bob.create_security_group(GroupName="g", Description="g")["GroupId"]
    other = alice.create_security_group(GroupName="g", Description="g")["GroupId"]
    ask = alice.create_instance_connect_endpoint
    assert refusal(ask, SubnetId=place, SecurityGroupIds=[foreign]) == "InvalidGroup.NotFound"
    assert refusal(ask, SubnetId=place, SecurityGroupIds=[other]) == "InvalidParameterValue"
    assert refusal(bob.create_instance_connect_endpoint, SubnetId=place) == (
        "InvalidSubnetID.NotFound"
    )


def test_hosts_that_carry_the_vpc_are_told_of_it(
    alice: Any, host: FakeHost, world: World, place: str
) -> None:
    launch_one(alice, SubnetId=place)
    endpoint = made(alice, place)
    wanted = slices.host_wanted(world.store.view, host.id, world.settings)
    [told] = [one for one in wanted.vpcs if one.id == endpoint["VpcId"]]
    [one] = told.endpoints
    assert (one.id, one.serves) == (endpoint["InstanceConnectEndpointId"], False)
    assert one.names == ()
    assert set(one.group_ids) <= {group.id for group in told.groups}
    assert [one.private_ip] == [
        ip for group in told.groups for ip in group.member_ips if ip == one.private_ip
    ]
