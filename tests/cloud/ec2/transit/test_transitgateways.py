"""Transit gateways: made, changed, deleted; VPCs attached to them; states as time passes."""

from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.hosts.slices import slices
from mallee.cloud.reconcile import networks
from mallee.cloud.state import records
from mallee.model.hosts.hosts import HostWanted
from mallee.model.network import transit
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.transit import hubs
from tests.cloud.ec2.transit.hubs import Hub
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.world import FakeHost, World

ENDING = ("deleting", "deleted")


@pytest.fixture
def hub(alice: Any) -> Hub:
    return hubs.make(alice)


def age(world: World, id: str, seconds: float) -> None:
    """Let something of transit gateways have been made, and ended, so much earlier."""

    def change(tx: Any) -> None:
        for kind in (
            records.TRANSIT_GATEWAY,
            records.TRANSIT_ATTACHMENT,
            records.TRANSIT_TABLE,
        ):
            record = tx.get(kind, id)
            if record is None:
                continue
            times = {
                name: value - seconds
                for name in ("created_at", "changed_at", "deleted_at", "since")
                if (value := getattr(record.doc, name, None)) is not None
            }
            tx.write(record, replace(record.doc, **times))

    world.store.transact(change)


def state(client: Any, id: str) -> str:
    asked = client.describe_transit_gateways(TransitGatewayIds=[id])
    return asked["TransitGateways"][0]["State"]


def told_to(world: World, host: FakeHost) -> HostWanted:
    return slices.host_wanted(world.store.view, host.id, world.settings)


def attachment(client: Any, id: str) -> dict[str, Any]:
    shown = client.describe_transit_gateway_attachments(TransitGatewayAttachmentIds=[id])
    return shown["TransitGatewayAttachments"][0]


def test_a_gateway_has_aws_defaults_and_passes_aws_states(alice: Any, world: World) -> None:
    made = alice.create_transit_gateway(Description="hub")["TransitGateway"]
    assert made["State"] == "pending"
    assert made["Options"]["AmazonSideAsn"] == 64512
    assert made["Options"]["DefaultRouteTableAssociation"] == "enable"
    table = made["Options"]["AssociationDefaultRouteTableId"]
    assert table == made["Options"]["PropagationDefaultRouteTableId"]
    id = made["TransitGatewayId"]
    age(world, id, transit.SETTLES_S)
    assert state(alice, id) == "available"
    changed = alice.modify_transit_gateway(TransitGatewayId=id, Description="other")
    assert changed["TransitGateway"]["State"] == "modifying"
    age(world, id, transit.SETTLES_S)
    assert state(alice, id) == "available"
    assert alice.delete_transit_gateway(TransitGatewayId=id)["TransitGateway"]["State"] == (
        "deleting"
    )
    age(world, id, transit.SETTLES_S)
    assert state(alice, id) == "deleted"
    gone = refusal(alice.delete_transit_gateway, TransitGatewayId=id)
    assert gone == "InvalidTransitGatewayID.NotFound"
    age(world, id, transit.SHOWN_S)
    age(world, table, transit.SHOWN_S + transit.SETTLES_S)
    asked = alice.describe_transit_gateways
    assert refusal(asked, TransitGatewayIds=[id]) == "InvalidTransitGatewayID.NotFound"
    assert world.store.transact(networks.sweep) == 2
    assert world.store.view.get(records.TRANSIT_GATEWAY, id) is None


@pytest.mark.parametrize(
    "option",
    ["AutoAcceptSharedAttachments", "MulticastSupport", "SecurityGroupReferencingSupport"],
)
def test_what_nothing_would_enforce_is_refused(alice: Any, option: str) -> None:
    asked = alice.create_transit_gateway
    assert refusal(asked, Options={option: "enable"}) == "UnsupportedOperation"
    assert refusal(asked, Options={"TransitGatewayCidrBlocks": ["10.0.0.0/24"]}) == (
        "UnsupportedOperation"
    )


def test_an_asn_is_private(alice: Any) -> None:
    ask = alice.create_transit_gateway
    assert refusal(ask, Options={"AmazonSideAsn": 7224}) == "InvalidParameterValue"
    assert hubs.gateway(alice, AmazonSideAsn=4200000001)["Options"]["AmazonSideAsn"] == 4200000001


def test_a_gateway_with_attachments_or_tables_stays(alice: Any, hub: Hub) -> None:
    ask = alice.delete_transit_gateway
    assert refusal(ask, TransitGatewayId=hub.id) == "IncorrectState"
    for id in hub.attachments:
        alice.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=id)
    own = alice.create_transit_gateway_route_table(TransitGatewayId=hub.id)
    table = own["TransitGatewayRouteTable"]["TransitGatewayRouteTableId"]
    assert refusal(ask, TransitGatewayId=hub.id) == "IncorrectState"
    alice.delete_transit_gateway_route_table(TransitGatewayRouteTableId=table)
    ask(TransitGatewayId=hub.id)
    shown = alice.describe_transit_gateway_route_tables(TransitGatewayRouteTableIds=[hub.table])
    assert shown["TransitGatewayRouteTables"][0]["State"] in ENDING


def test_an_attachment_stands_in_its_subnet_until_it_ends(
    alice: Any, world: World, hub: Hub
) -> None:
    id, net = hub.attachments[0], hub.vpcs[0]
    seen = attachment(alice, id)
    assert (seen["ResourceType"], seen["ResourceId"]) == ("vpc", net.vpc)
    assert seen["Association"]["TransitGatewayRouteTableId"] == hub.table
    age(world, id, transit.SETTLES_S)
    assert attachment(alice, id)["State"] == "available"
    held = alice.describe_network_interfaces(Filters=nets.where("subnet-id", net.subnet))
    (interface,) = held["NetworkInterfaces"]
    assert interface["InterfaceType"] == "transit_gateway"
    assert refusal(alice.delete_subnet, SubnetId=net.subnet) == "DependencyViolation"
    code = refusal(
        alice.delete_network_interface, NetworkInterfaceId=interface["NetworkInterfaceId"]
    )
    assert code == "InvalidParameterValue"
    alice.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=id)
    assert attachment(alice, id)["State"] in ENDING
    alice.delete_subnet(SubnetId=net.subnet)
    again = refusal(alice.delete_transit_gateway_vpc_attachment, TransitGatewayAttachmentId=id)
    assert again == "IncorrectState"


def test_a_vpc_is_attached_once_and_stands_once_in_a_zone(alice: Any, hub: Hub) -> None:
    net = hub.vpcs[0]
    ask = alice.create_transit_gateway_vpc_attachment
    named = {"TransitGatewayId": hub.id, "VpcId": net.vpc}
    assert refusal(ask, **named, SubnetIds=[net.subnet]) == "DuplicateTransitGatewayAttachment"
    other = hubs.gateway(alice)["TransitGatewayId"]
    more = alice.create_subnet(VpcId=net.vpc, CidrBlock="10.10.2.0/24")["Subnet"]["SubnetId"]
    named = {"TransitGatewayId": other, "VpcId": net.vpc}
    code = refusal(ask, **named, SubnetIds=[net.subnet, more])
    assert code == "DuplicateSubnetsInSameZone"
    code = refusal(ask, **named, SubnetIds=[hub.vpcs[1].subnet])
    assert code == "InvalidParameterValue"
    ask(**named, SubnetIds=[net.subnet])


def test_an_attachment_moves_to_another_subnet(alice: Any, world: World, hub: Hub) -> None:
    id, net = hub.attachments[0], hub.vpcs[0]
    age(world, id, transit.SETTLES_S)
    more = alice.create_subnet(VpcId=net.vpc, CidrBlock="10.10.2.0/24")["Subnet"]["SubnetId"]
    change = alice.modify_transit_gateway_vpc_attachment
    code = refusal(change, TransitGatewayAttachmentId=id, AddSubnetIds=[more])
    assert code == "DuplicateSubnetsInSameZone"
    code = refusal(change, TransitGatewayAttachmentId=id, RemoveSubnetIds=[net.subnet])
    assert code == "InvalidParameterValue"
    changed = change(
        TransitGatewayAttachmentId=id,
        AddSubnetIds=[more],
        RemoveSubnetIds=[net.subnet],
        Options={"ApplianceModeSupport": "enable"},
    )["TransitGatewayVpcAttachment"]
    assert (changed["State"], changed["SubnetIds"]) == ("modifying", [more])
    assert changed["Options"]["ApplianceModeSupport"] == "enable"
    alice.delete_subnet(SubnetId=net.subnet)


def test_ipv6_needs_a_subnet_that_has_it(alice: Any, hub: Hub) -> None:
    change = alice.modify_transit_gateway_vpc_attachment
    code = refusal(
        change,
        TransitGatewayAttachmentId=hub.attachments[0],
        Options={"Ipv6Support": "enable"},
    )
    assert code == "InvalidParameterValue"


def test_routes_of_a_vpc_lead_to_a_gateway_it_is_attached_to(alice: Any, hub: Hub) -> None:
    table, far = hub.vpcs[0].table, "10.11.0.0/16"
    stranger = hubs.gateway(alice)["TransitGatewayId"]
    ask = alice.create_route
    named = {"RouteTableId": table, "DestinationCidrBlock": far}
    assert refusal(ask, **named, TransitGatewayId=stranger) == "InvalidTransitGatewayID.NotFound"
    ask(**named, TransitGatewayId=hub.id)
    assert nets.routes(alice, table)[far] == (hub.id, "active")
    named_by = nets.where("route.transit-gateway-id", hub.id)
    assert alice.describe_route_tables(Filters=named_by)["RouteTables"][0]["RouteTableId"] == table
    alice.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=hub.attachments[0])
    assert nets.routes(alice, table)[far] == (hub.id, "blackhole")


def test_another_accounts_vpc_is_let_in_or_not(alice: Any, bob: Any, hub: Hub) -> None:
    his = nets.make(bob, "10.30.0.0/16", "10.30.1.0/24")
    id = hubs.attach(bob, hub.id, his)
    assert attachment(bob, id)["State"] in ("initiatingRequest", "pendingAcceptance")
    assert (
        attachment(alice, id)["ResourceOwnerId"] != attachment(alice, id)["TransitGatewayOwnerId"]
    )
    assert refusal(bob.describe_transit_gateways, TransitGatewayIds=[hub.id]) == (
        "InvalidTransitGatewayID.NotFound"
    )
    route = {"RouteTableId": his.table, "DestinationCidrBlock": "10.10.0.0/16"}
    assert refusal(bob.create_route, **route, TransitGatewayId=hub.id) == (
        "InvalidTransitGatewayID.NotFound"
    )
    code = refusal(bob.accept_transit_gateway_vpc_attachment, TransitGatewayAttachmentId=id)
    assert code == "OperationNotPermitted"
    assert "10.30.0.0/16" not in hubs.found(alice, hub.table)
    alice.accept_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=id)
    assert hubs.found(alice, hub.table)["10.30.0.0/16"] == (id, "propagated", "active")
    bob.create_route(**route, TransitGatewayId=hub.id)
    assert state(bob, hub.id) in ("pending", "available")
    table = {"TransitGatewayRouteTableId": hub.table, "TransitGatewayAttachmentId": id}
    assert refusal(bob.disassociate_transit_gateway_route_table, **table) == (
        "InvalidRouteTableID.NotFound"
    )
    assert refusal(
        bob.get_transit_gateway_attachment_propagations, TransitGatewayAttachmentId=id
    ) == ("InvalidTransitGatewayAttachmentID.NotFound")
    code = refusal(alice.modify_transit_gateway_vpc_attachment, TransitGatewayAttachmentId=id,
                   Options={"DnsSupport": "disable"})  # fmt: skip
    assert code == "InvalidTransitGatewayAttachmentID.NotFound"
    again = refusal(alice.reject_transit_gateway_vpc_attachment, TransitGatewayAttachmentId=id)
    assert again == "IncorrectState"
    alice.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=id)
    assert "10.30.0.0/16" not in hubs.found(alice, hub.table)
    bob.delete_subnet(SubnetId=his.subnet)


def test_each_account_has_its_own_tags_of_an_attachment(alice: Any, bob: Any, hub: Hub) -> None:
    his = nets.make(bob, "10.30.0.0/16", "10.30.1.0/24")
    id = hubs.attach(bob, hub.id, his)
    bob.create_tags(Resources=[id], Tags=[{"Key": "Name", "Value": "his"}])
    alice.create_tags(Resources=[id], Tags=[{"Key": "Name", "Value": "hers"}])
    assert attachment(bob, id)["Tags"] == [{"Key": "Name", "Value": "his"}]
    assert attachment(alice, id)["Tags"] == [{"Key": "Name", "Value": "hers"}]
    asked = alice.describe_transit_gateway_vpc_attachments(Filters=nets.where("tag:Name", "his"))
    assert asked["TransitGatewayVpcAttachments"] == []
    alice.reject_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=id)
    assert attachment(bob, id)["State"] in ("rejecting", "rejected")


def test_gateways_peer_when_the_other_accepts(alice: Any, bob: Any, world: World) -> None:
    hers, his = hubs.gateway(alice), hubs.gateway(bob)
    asked = {
        "TransitGatewayId": hers["TransitGatewayId"],
        "PeerTransitGatewayId": his["TransitGatewayId"],
        "PeerRegion": "us-east-1",
    }
    ask = alice.create_transit_gateway_peering_attachment
    wrong = ask(**asked, PeerAccountId="000000000009")["TransitGatewayPeeringAttachment"]
    assert wrong["State"] == "failing"
    made = ask(**asked, PeerAccountId=world.accounts["bob"])["TransitGatewayPeeringAttachment"]
    id = made["TransitGatewayAttachmentId"]
    code = refusal(ask, **asked, PeerAccountId=world.accounts["bob"])
    assert code == "DuplicateTransitGatewayAttachment"
    named = {"TransitGatewayAttachmentId": id}
    assert refusal(alice.accept_transit_gateway_peering_attachment, **named) == (
        "OperationNotPermitted"
    )
    assert refusal(bob.delete_transit_gateway_peering_attachment, **named) == "IncorrectState"
    bob.accept_transit_gateway_peering_attachment(**named)
    for client, own, far in ((alice, hers, his), (bob, his, hers)):
        seen = attachment(client, id)
        assert seen["TransitGatewayId"] == own["TransitGatewayId"]
        assert (seen["ResourceType"], seen["ResourceId"]) == ("peering", far["TransitGatewayId"])
        table = own["Options"]["AssociationDefaultRouteTableId"]
        assert seen["Association"]["TransitGatewayRouteTableId"] == table
        client.create_transit_gateway_route(
            TransitGatewayRouteTableId=table,
            DestinationCidrBlock="10.99.0.0/16",
            TransitGatewayAttachmentId=id,
        )
        assert hubs.found(client, table)["10.99.0.0/16"] == (id, "static", "active")
        code = refusal(
            client.enable_transit_gateway_route_table_propagation,
            TransitGatewayRouteTableId=table,
            TransitGatewayAttachmentId=id,
        )
        assert code == "UnsupportedOperation"
    bob.delete_transit_gateway_peering_attachment(**named)
    table = hers["Options"]["AssociationDefaultRouteTableId"]
    assert hubs.found(alice, table)["10.99.0.0/16"] == (id, "static", "blackhole")


def test_hosts_are_told_of_what_their_guests_reach(
    alice: Any, world: World, host: FakeHost, hub: Hub
) -> None:
    """Both VPCs with their attachments, the gateway with its table, and nothing of strangers."""
    for net in hub.vpcs:
        alice.create_route(
            RouteTableId=net.table,
            DestinationCidrBlock="10.0.0.0/8",
            TransitGatewayId=hub.id,
        )
        alice.run_instances(
            ImageId="ami-00000000000000001", MinCount=1, MaxCount=1, SubnetId=net.subnet
        )
    told = told_to(world, host)
    assert {vpc.id for vpc in told.vpcs} == {net.vpc for net in hub.vpcs}
    (gateway,) = told.transit_gateways
    assert {port.id for port in gateway.ports} == set(hub.attachments)
    assert {route.cidr: route.attachment_id for route in gateway.tables[0].routes} == {
        "10.10.0.0/16": hub.attachments[0],
        "10.11.0.0/16": hub.attachments[1],
    }
    assert {(it.gateway_id, it.subnet_id) for vpc in told.vpcs for it in vpc.attachments} == {
        (hub.id, net.subnet) for net in hub.vpcs
    }
    alice.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=hub.attachments[1])
    (gateway,) = told_to(world, host).transit_gateways
    assert [port.id for port in gateway.ports] == [hub.attachments[0]]


def test_a_vpc_without_guests_is_carried_for_its_nat_gateway(
    alice: Any, world: World, host: FakeHost, hub: Hub
) -> None:
    alice.run_instances(
        ImageId="ami-00000000000000001", MinCount=1, MaxCount=1, SubnetId=hub.vpcs[0].subnet
    )
    assert {vpc.id for vpc in told_to(world, host).vpcs} == {hub.vpcs[0].vpc}
    allocation = alice.allocate_address()["AllocationId"]
    made = alice.create_nat_gateway(SubnetId=hub.vpcs[1].subnet, AllocationId=allocation)
    assert {vpc.id for vpc in told_to(world, host).vpcs} == {net.vpc for net in hub.vpcs}
    alice.delete_nat_gateway(NatGatewayId=made["NatGateway"]["NatGatewayId"])
    assert {vpc.id for vpc in told_to(world, host).vpcs} == {hub.vpcs[0].vpc}
