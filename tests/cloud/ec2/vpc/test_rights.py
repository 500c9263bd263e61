"""What policies say of networks holds: by ARN, by the VPC that something is in, by attribute."""

from collections.abc import Callable
from typing import Any

from tests.cloud.ec2.asking import launch_one, refusal
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.world import FakeHost, World

DENIED = "UnauthorizedOperation"

Carol = Callable[..., Any]


def arn(world: World, kind: str, id: str) -> str:
    return f"arn:aws:ec2:us-east-1:{world.accounts['bob']}:{kind}/{id}"


def test_a_vpc_is_forbidden_with_all_that_is_in_it(bob: Any, world: World, carol: Carol) -> None:
    kept, free = nets.make(bob), nets.make(bob, "10.9.0.0/16", "10.9.1.0/24")
    within = {"ArnEquals": {"ec2:Vpc": arn(world, "vpc", kept.vpc)}}
    client = carol({"Action": "ec2:*", "Resource": "*", "Condition": within})
    to = {"DestinationCidrBlock": "0.0.0.0/0"}
    ask = client.create_route
    assert refusal(ask, RouteTableId=kept.table, GatewayId=kept.gateway, **to) == DENIED
    ask(RouteTableId=free.table, GatewayId=free.gateway, **to)
    assert refusal(client.delete_subnet, SubnetId=kept.subnet) == DENIED
    client.delete_subnet(SubnetId=free.subnet)


def test_things_are_forbidden_by_their_arns(bob: Any, world: World, carol: Carol) -> None:
    net = nets.make(bob)
    own = bob.create_route_table(VpcId=net.vpc)["RouteTable"]["RouteTableId"]
    id = bob.associate_route_table(RouteTableId=own, SubnetId=net.subnet)["AssociationId"]
    client = carol(
        {"Action": "ec2:Delete*", "Resource": arn(world, "vpc", net.vpc)},
        {"Action": "ec2:DisassociateRouteTable", "Resource": arn(world, "route-table", own)},
        {"Action": "ec2:DetachInternetGateway", "Resource": arn(world, "internet-gateway", "*")},
    )
    assert refusal(client.delete_vpc, VpcId=net.vpc) == DENIED
    # The request names an association only: what it is of is found.
    assert refusal(client.disassociate_route_table, AssociationId=id) == DENIED
    gone = {"InternetGatewayId": net.gateway, "VpcId": net.vpc}
    assert refusal(client.detach_internet_gateway, **gone) == DENIED


def test_every_interface_of_a_launch_is_asked_about(
    bob: Any, world: World, carol: Carol, host: FakeHost
) -> None:
    net = nets.make(bob)
    closed = bob.create_subnet(VpcId=net.vpc, CidrBlock="10.0.2.0/24")["Subnet"]["SubnetId"]
    client = carol({"Action": "ec2:RunInstances", "Resource": arn(world, "subnet", closed)})
    nics = [{"DeviceIndex": 0, "SubnetId": net.subnet}, {"DeviceIndex": 1, "SubnetId": closed}]
    asked = {"ImageId": "ami-00000000000000001", "MinCount": 1, "MaxCount": 1}
    assert refusal(client.run_instances, NetworkInterfaces=nics, **asked) == DENIED
    launch_one(client, NetworkInterfaces=nics[:1])


def test_who_may_be_peered_with_is_said_by_condition(
    alice: Any, bob: Any, world: World, carol: Carol
) -> None:
    mine, theirs = nets.make(bob), nets.make(alice, "10.9.0.0/16", "10.9.1.0/24")
    stranger = f"arn:aws:ec2:us-east-1:{world.accounts['alice']}:vpc/*"
    client = carol(
        {
            "Action": "ec2:CreateVpcPeeringConnection",
            "Resource": "*",
            "Condition": {"ArnLike": {"ec2:AccepterVpc": stranger}},
        }
    )
    asked = {"VpcId": mine.vpc, "PeerVpcId": theirs.vpc, "PeerOwnerId": world.accounts["alice"]}
    assert refusal(client.create_vpc_peering_connection, **asked) == DENIED
    own = bob.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    client.create_vpc_peering_connection(VpcId=mine.vpc, PeerVpcId=own)


def test_tags_at_creation_need_leave_of_their_own(bob: Any, carol: Carol) -> None:
    client = carol({"Action": "ec2:CreateTags", "Resource": "*"})
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "b"}]}]
    code = refusal(client.create_vpc, CidrBlock="10.0.0.0/16", TagSpecifications=tags)
    assert code == DENIED
    client.create_vpc(CidrBlock="10.0.0.0/16")
