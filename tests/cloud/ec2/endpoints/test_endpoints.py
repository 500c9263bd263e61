"""Gateway endpoints: routes to S3's prefix list, in the tables that they name."""

import json
from typing import Any

import pytest

from mallee.cloud.hosts.slices import slices
from tests.cloud.ec2.asking import launch_one, refusal
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.vpc.nets import Net
from tests.cloud.ec2.world import FakeHost, World

S3 = "com.amazonaws.us-east-1.s3"


@pytest.fixture
def net(alice: Any) -> Net:
    return nets.make(alice)


def make(client: Any, net: Net, **more: Any) -> str:
    asked = {"VpcId": net.vpc, "ServiceName": S3, "RouteTableIds": [net.table], **more}
    return client.create_vpc_endpoint(**asked)["VpcEndpoint"]["VpcEndpointId"]


def test_an_endpoint_leads_its_tables_to_the_service(
    alice: Any, net: Net, world: World, host: FakeHost
) -> None:
    (there,) = alice.describe_prefix_lists()["PrefixLists"]
    id = make(alice, net)
    assert nets.routes(alice, net.table)[there["PrefixListId"]] == (id, "active")
    launch_one(alice, SubnetId=net.subnet)
    (vpc,) = slices.host_wanted(world.store.view, host.id, world.settings).vpcs
    (route,) = vpc.route_tables[0].routes
    assert ([route.cidr], route.way.value) == (there["Cidrs"], "endpoint")
    code = refusal(
        alice.delete_route,
        RouteTableId=net.table,
        DestinationPrefixListId=there["PrefixListId"],
    )
    assert code in ("InvalidParameterValue", "InvalidPrefixListID.NotFound")
    alice.modify_vpc_endpoint(VpcEndpointId=id, RemoveRouteTableIds=[net.table])
    assert there["PrefixListId"] not in nets.routes(alice, net.table)
    alice.modify_vpc_endpoint(VpcEndpointId=id, AddRouteTableIds=[net.table])
    assert refusal(alice.delete_vpc, VpcId=net.vpc) == "DependencyViolation"
    assert alice.delete_vpc_endpoints(VpcEndpointIds=[id])["Unsuccessful"] == []
    assert there["PrefixListId"] not in nets.routes(alice, net.table)
    (told,) = alice.delete_vpc_endpoints(VpcEndpointIds=[id])["Unsuccessful"]
    assert told["Error"]["Code"] == "InvalidVpcEndpointId.NotFound"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"VpcEndpointType": "GatewayLoadBalancer"}, "UnsupportedOperation"),
        ({"IpAddressType": "dualstack"}, "UnsupportedOperation"),
        ({"PrivateDnsEnabled": True}, "InvalidParameter"),
        ({"ServiceName": "com.amazonaws.us-east-1.dynamodb"}, "InvalidServiceName"),
        ({"PolicyDocument": "x"}, "InvalidPolicyDocument"),
        ({"PolicyDocument": json.dumps({"Statement": [{}]})}, "InvalidPolicyDocument"),
        ({"RouteTableIds": ["rtb-0123456789abcdef0"]}, "InvalidRouteTableID.NotFound"),
    ],
)
def test_what_nothing_would_keep_is_refused(
    alice: Any, net: Net, change: dict[str, Any], code: str
) -> None:
    asked = {"VpcId": net.vpc, "ServiceName": S3, **change}
    assert refusal(alice.create_vpc_endpoint, **asked) == code
    assert alice.describe_vpc_endpoints()["VpcEndpoints"] == []


def test_a_table_leads_to_a_service_once(alice: Any, net: Net) -> None:
    make(alice, net)
    code = refusal(
        alice.create_vpc_endpoint, VpcId=net.vpc, ServiceName=S3, RouteTableIds=[net.table]
    )
    assert code == "RouteAlreadyExists"


def test_a_rule_may_name_the_service(alice: Any) -> None:
    (there,) = alice.describe_prefix_lists()["PrefixLists"]
    group = alice.create_security_group(GroupName="g", Description="g")["GroupId"]
    wanted = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}]
    wanted[0]["PrefixListIds"] = [{"PrefixListId": there["PrefixListId"]}]
    (rule,) = alice.authorize_security_group_egress(GroupId=group, IpPermissions=wanted)[
        "SecurityGroupRules"
    ]
    assert rule["PrefixListId"] == there["PrefixListId"]
