"""Peering connections: asked for by one, accepted by another, between ranges that do not meet."""

from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.state import records
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.vpc.nets import Net
from tests.cloud.ec2.world import World


@pytest.fixture
def near(alice: Any) -> Net:
    return nets.make(alice)


@pytest.fixture
def far(bob: Any) -> Net:
    return nets.make(bob, "10.9.0.0/16", "10.9.1.0/24")


@pytest.fixture
def asked(alice: Any, near: Net, far: Net, world: World) -> str:
    made = alice.create_vpc_peering_connection(
        VpcId=near.vpc, PeerVpcId=far.vpc, PeerOwnerId=world.accounts["bob"]
    )
    return made["VpcPeeringConnection"]["VpcPeeringConnectionId"]


def status(client: Any, id: str) -> str:
    shown = client.describe_vpc_peering_connections(VpcPeeringConnectionIds=[id])
    return shown["VpcPeeringConnections"][0]["Status"]["Code"]


def test_who_is_asked_accepts_and_both_see_it(alice: Any, bob: Any, asked: str) -> None:
    assert status(alice, asked) == status(bob, asked) == "pending-acceptance"
    ask = alice.accept_vpc_peering_connection
    assert refusal(ask, VpcPeeringConnectionId=asked) == "OperationNotPermitted"
    bob.accept_vpc_peering_connection(VpcPeeringConnectionId=asked)
    assert status(alice, asked) == status(bob, asked) == "active"
    code = refusal(bob.accept_vpc_peering_connection, VpcPeeringConnectionId=asked)
    assert code == "InvalidStateTransition"
    alice.get_waiter("vpc_peering_connection_exists").wait(VpcPeeringConnectionIds=[asked])


def test_a_route_through_it_is_open_while_it_is_active(
    alice: Any, bob: Any, near: Net, asked: str
) -> None:
    alice.create_route(
        RouteTableId=near.table, DestinationCidrBlock="10.9.0.0/16", VpcPeeringConnectionId=asked
    )
    assert nets.routes(alice, near.table)["10.9.0.0/16"] == (asked, "blackhole")
    bob.accept_vpc_peering_connection(VpcPeeringConnectionId=asked)
    assert nets.routes(alice, near.table)["10.9.0.0/16"] == (asked, "active")
    bob.delete_vpc_peering_connection(VpcPeeringConnectionId=asked)
    assert nets.routes(alice, near.table)["10.9.0.0/16"] == (asked, "blackhole")
    assert status(alice, asked) == "deleted"


def test_who_is_asked_may_refuse(alice: Any, bob: Any, asked: str) -> None:
    bob.reject_vpc_peering_connection(VpcPeeringConnectionId=asked)
    assert status(alice, asked) == "rejected"
    code = refusal(alice.delete_vpc_peering_connection, VpcPeeringConnectionId=asked)
    assert code == "InvalidStateTransition"


def test_what_nobody_answers_expires(
    alice: Any, bob: Any, near: Net, world: World, asked: str
) -> None:
    def age(tx: Any) -> None:
        record = tx.get(records.PEERING, asked)
        tx.write(record, replace(record.doc, expires_at=tx.now))

    world.store.transact(age)
    assert status(bob, asked) == "expired"
    code = refusal(bob.accept_vpc_peering_connection, VpcPeeringConnectionId=asked)
    assert code == "InvalidStateTransition"


def test_ranges_that_overlap_are_not_peered(alice: Any, near: Net) -> None:
    other = alice.create_vpc(CidrBlock="10.0.128.0/17")["Vpc"]["VpcId"]
    made = alice.create_vpc_peering_connection(VpcId=near.vpc, PeerVpcId=other)
    assert made["VpcPeeringConnection"]["Status"]["Code"] == "failed"
    ask = alice.create_vpc_peering_connection
    assert refusal(ask, VpcId=near.vpc, PeerVpcId=near.vpc) == "InvalidParameterValue"


def test_a_vpc_of_nobody_fails_and_tells_nothing(alice: Any, near: Net, world: World) -> None:
    made = alice.create_vpc_peering_connection(
        VpcId=near.vpc, PeerVpcId="vpc-0123456789abcdef0", PeerOwnerId=world.accounts["bob"]
    )["VpcPeeringConnection"]
    assert made["Status"]["Code"] == "failed"
    assert "CidrBlock" not in made["AccepterVpcInfo"]


def test_the_same_pair_is_not_peered_twice(
    alice: Any, near: Net, far: Net, world: World, asked: str
) -> None:
    code = refusal(
        alice.create_vpc_peering_connection,
        VpcId=near.vpc,
        PeerVpcId=far.vpc,
        PeerOwnerId=world.accounts["bob"],
    )
    assert code == "VpcPeeringConnectionAlreadyExists"
    assert refusal(alice.delete_vpc, VpcId=near.vpc) == "DependencyViolation"


def test_tags_and_options_are_each_sides_own(alice: Any, bob: Any, asked: str) -> None:
    bob.accept_vpc_peering_connection(VpcPeeringConnectionId=asked)
    bob.create_tags(Resources=[asked], Tags=[{"Key": "whose", "Value": "bob"}])
    shown = alice.describe_vpc_peering_connections()["VpcPeeringConnections"][0]
    assert shown["Tags"] == []
    ask = alice.modify_vpc_peering_connection_options
    options = {"AllowDnsResolutionFromRemoteVpc": True}
    code = refusal(ask, VpcPeeringConnectionId=asked, AccepterPeeringConnectionOptions=options)
    assert code == "OperationNotPermitted"
    ask(VpcPeeringConnectionId=asked, RequesterPeeringConnectionOptions=options)
    shown = bob.describe_vpc_peering_connections()["VpcPeeringConnections"][0]
    assert shown["RequesterVpcInfo"]["PeeringOptions"]["AllowDnsResolutionFromRemoteVpc"]
    assert shown["Tags"] == [{"Key": "whose", "Value": "bob"}]


def test_a_group_of_the_peer_is_named_while_it_is_active(
    alice: Any, bob: Any, near: Net, far: Net, world: World, asked: str
) -> None:
    theirs = bob.create_security_group(GroupName="g", Description="g", VpcId=far.vpc)["GroupId"]
    mine = alice.create_security_group(GroupName="g", Description="g", VpcId=near.vpc)["GroupId"]
    pair = {"GroupId": theirs, "UserId": world.accounts["bob"]}
    wanted = [{"IpProtocol": "-1", "UserIdGroupPairs": [pair]}]
    ask = alice.authorize_security_group_ingress
    assert refusal(ask, GroupId=mine, IpPermissions=wanted) == "InvalidGroup.NotFound"
    bob.accept_vpc_peering_connection(VpcPeeringConnectionId=asked)
    ask(GroupId=mine, IpPermissions=wanted)
    (reference,) = bob.describe_security_group_references(GroupId=[theirs])[
        "SecurityGroupReferenceSet"
    ]
    assert reference["ReferencingVpcId"] == near.vpc
    look = alice.describe_stale_security_groups
    assert look(VpcId=near.vpc)["StaleSecurityGroupSet"] == []
    bob.delete_security_group(GroupId=theirs)
    (stale,) = look(VpcId=near.vpc)["StaleSecurityGroupSet"]
    assert stale["StaleIpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == theirs


@pytest.mark.parametrize("gone", ["the group", "the peering"])
def test_a_stale_rule_goes_by_what_it_says(
    alice: Any, bob: Any, near: Net, far: Net, world: World, asked: str, gone: str
) -> None:
    theirs = bob.create_security_group(GroupName="g", Description="g", VpcId=far.vpc)["GroupId"]
    mine = alice.create_security_group(GroupName="g", Description="g", VpcId=near.vpc)["GroupId"]
    bob.accept_vpc_peering_connection(VpcPeeringConnectionId=asked)
    pair = {"GroupId": theirs, "UserId": world.accounts["bob"]}
    wanted = [{"IpProtocol": "-1", "UserIdGroupPairs": [pair]}]
    alice.authorize_security_group_ingress(GroupId=mine, IpPermissions=wanted)
    if gone == "the group":
        bob.delete_security_group(GroupId=theirs)
    else:
        bob.delete_vpc_peering_connection(VpcPeeringConnectionId=asked)
    words = [{"IpProtocol": "-1", "UserIdGroupPairs": [pair | {"Description": "old"}]}]
    alice.update_security_group_rule_descriptions_ingress(GroupId=mine, IpPermissions=words)
    (stale,) = alice.describe_stale_security_groups(VpcId=near.vpc)["StaleSecurityGroupSet"]
    said = stale["StaleIpPermissions"]
    assert said[0]["UserIdGroupPairs"][0]["Description"] == "old"
    ask = alice.authorize_security_group_egress
    assert refusal(ask, GroupId=mine, IpPermissions=said) == "InvalidGroup.NotFound"
    ask = alice.revoke_security_group_ingress
    strange = [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": theirs, "UserId": "1" * 12}]}]
    assert refusal(ask, GroupId=mine, IpPermissions=strange) == "InvalidGroup.NotFound"
    ask(GroupId=mine, IpPermissions=said)
    assert alice.describe_stale_security_groups(VpcId=near.vpc)["StaleSecurityGroupSet"] == []


def test_others_do_not_see_it(alice: Any, bob: Any, near: Net, far: Net, asked: str) -> None:
    own = nets.make(alice, "10.77.0.0/16", "10.77.1.0/24")
    made = alice.create_vpc_peering_connection(VpcId=own.vpc, PeerVpcId=near.vpc)
    id = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    code = "InvalidVpcPeeringConnectionID.NotFound"
    ask = bob.describe_vpc_peering_connections
    assert refusal(ask, VpcPeeringConnectionIds=[id]) == code
    assert refusal(bob.delete_vpc_peering_connection, VpcPeeringConnectionId=id) == code
