"""What is told of endpoints and exclusions to who asks why they are as they are."""

from typing import Any

import pytest

from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.test_explain import related, told
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.vpc.nets import Net
from tests.cloud.signing import Sender


@pytest.fixture
def bobs(administration: Administration) -> Sender:
    return administration.bob


@pytest.fixture
def net(bob: Any) -> Net:
    made = nets.make(bob)
    bob.modify_vpc_attribute(VpcId=made.vpc, EnableDnsHostnames={"Value": True})
    return made


def test_an_endpoint_says_where_it_stands_and_what_its_names_lack(
    bob: Any, bobs: Sender, net: Net
) -> None:
    made = bob.create_vpc_endpoint(
        VpcId=net.vpc,
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.us-east-1.ec2",
        SubnetIds=[net.subnet],
    )["VpcEndpoint"]
    id = made["VpcEndpointId"]
    answer = told(bobs, id)
    assert "it leads to com.amazonaws.us-east-1.ec2 from 10.0.1." in answer.element("Why")
    assert ("subnet", net.subnet) in related(answer, "DependsOn")
    assert ("vpc-endpoint", id) in related(told(bobs, net.subnet), "NamedBy")
    (group,) = (one["GroupId"] for one in made["Groups"])
    assert ("vpc-endpoint", id) in related(told(bobs, group), "NamedBy")
    bob.modify_vpc_attribute(VpcId=net.vpc, EnableDnsHostnames={"Value": False})
    assert "its private names mean nothing" in told(bobs, id).text
    bob.modify_vpc_endpoint(VpcEndpointId=id, RemoveSubnetIds=[net.subnet])
    assert "it stands in no subnet" in told(bobs, id).text


def test_an_exclusion_says_what_it_frees_and_of_what(bob: Any, bobs: Sender, net: Net) -> None:
    id = bob.create_vpc_block_public_access_exclusion(
        SubnetId=net.subnet, InternetGatewayExclusionMode="allow-egress"
    )["VpcBlockPublicAccessExclusion"]["ExclusionId"]
    why = told(bobs, id).element("Why")
    assert why == f"allow-egress for {net.subnet}; the account's mode is off"
    kind = "vpc-block-public-access-exclusion"
    assert (kind, id) in related(told(bobs, net.subnet), "NamedBy")
