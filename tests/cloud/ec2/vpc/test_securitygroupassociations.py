"""Security groups worn in VPCs that are not their home."""

from typing import Any

import pytest

from mallee.cloud.hosts.slices import slices
from tests.cloud.ec2.asking import launch_one, refusal
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.vpc.nets import Net
from tests.cloud.ec2.world import FakeHost, World


@pytest.fixture
def home(alice: Any) -> Net:
    return nets.make(alice)


@pytest.fixture
def other(alice: Any) -> Net:
    # The very same range: addresses alone do not tell who is meant.
    return nets.make(alice)


@pytest.fixture
def group(alice: Any, home: Net) -> str:
    made = alice.create_security_group(GroupName="web", Description="d", VpcId=home.vpc)["GroupId"]
    pair = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": made}]}
    alice.authorize_security_group_ingress(GroupId=made, IpPermissions=[pair])
    return made


def associations(client: Any) -> list[tuple[str, str, str]]:
    found = client.describe_security_group_vpc_associations()["SecurityGroupVpcAssociations"]
    return [(one["GroupId"], one["VpcId"], one["State"]) for one in found]


def test_it_is_worn_where_it_is_associated(alice: Any, group: str, other: Net) -> None:
    asked = {"SubnetId": other.subnet, "Groups": [group]}
    assert refusal(alice.create_network_interface, **asked) == "InvalidParameterValue"
    for _ in range(2):
        found = alice.associate_security_group_vpc(GroupId=group, VpcId=other.vpc)
        assert found["State"] == "associating"
    assert associations(alice) == [(group, other.vpc, "associated")]
    seen = alice.get_security_groups_for_vpc(VpcId=other.vpc)["SecurityGroupForVpcs"]
    assert group in [one["GroupId"] for one in seen]
    id = alice.create_network_interface(**asked)["NetworkInterface"]["NetworkInterfaceId"]
    code = refusal(alice.disassociate_security_group_vpc, GroupId=group, VpcId=other.vpc)
    assert code == "DependencyViolation"
    alice.delete_network_interface(NetworkInterfaceId=id)
    found = alice.disassociate_security_group_vpc(GroupId=group, VpcId=other.vpc)
    assert (found["State"], associations(alice)) == ("disassociating", [])
    assert refusal(alice.create_network_interface, **asked) == "InvalidParameterValue"


def test_its_members_are_those_of_the_packets_vpc(
    alice: Any, group: str, home: Net, other: Net, world: World, host: FakeHost
) -> None:
    alice.associate_security_group_vpc(GroupId=group, VpcId=other.vpc)
    for net, ip in ((home, "10.0.1.10"), (other, "10.0.1.20")):
        launch_one(alice, SubnetId=net.subnet, SecurityGroupIds=[group], PrivateIpAddress=ip)
    wanted = slices.host_wanted(world.store.view, host.id, world.settings)
    told = {vpc.id: vpc for vpc in wanted.vpcs}
    for net, ip in ((home, "10.0.1.10"), (other, "10.0.1.20")):
        (one,) = told[net.vpc].groups
        assert (one.id, one.member_ips) == (group, (ip,))


def test_a_group_that_another_vpc_may_wear_stays(alice: Any, group: str, other: Net) -> None:
    alice.associate_security_group_vpc(GroupId=group, VpcId=other.vpc)
    assert refusal(alice.delete_security_group, GroupId=group) == "DependencyViolation"
    alice.disassociate_security_group_vpc(GroupId=group, VpcId=other.vpc)
    alice.delete_security_group(GroupId=group)


def test_only_own_things_are_associated(alice: Any, bob: Any, group: str, other: Net) -> None:
    code = refusal(bob.associate_security_group_vpc, GroupId=group, VpcId=other.vpc)
    assert code == "InvalidGroup.NotFound"
    strange = nets.make(bob).vpc
    code = refusal(alice.associate_security_group_vpc, GroupId=group, VpcId=strange)
    assert code == "InvalidVpcID.NotFound"
    assert associations(bob) == []


def test_home_and_default_groups_are_refused(alice: Any, group: str, home: Net, other: Net) -> None:
    ask = alice.associate_security_group_vpc
    assert refusal(ask, GroupId=group, VpcId=home.vpc) == "InvalidParameterValue"
    wanted = nets.where("vpc-id", home.vpc)
    (default,) = [
        one["GroupId"]
        for one in alice.describe_security_groups(Filters=wanted)["SecurityGroups"]
        if one["GroupName"] == "default"
    ]
    assert refusal(ask, GroupId=default, VpcId=other.vpc) == "InvalidParameterValue"
    code = refusal(alice.disassociate_security_group_vpc, GroupId=group, VpcId=other.vpc)
    assert code == "InvalidParameterValue"


def test_an_association_goes_with_its_vpc(alice: Any, group: str, other: Net) -> None:
    alice.associate_security_group_vpc(GroupId=group, VpcId=other.vpc)
    alice.detach_internet_gateway(InternetGatewayId=other.gateway, VpcId=other.vpc)
    alice.delete_subnet(SubnetId=other.subnet)
    alice.delete_vpc(VpcId=other.vpc)
    assert associations(alice) == []
