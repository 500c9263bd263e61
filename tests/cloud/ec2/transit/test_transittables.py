"""Route tables of transit gateways: associations, propagations, static routes, lists, searches."""

from typing import Any

import pytest

from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.transit import hubs
from tests.cloud.ec2.transit.hubs import Hub

NEAR, FAR = "10.10.0.0/16", "10.11.0.0/16"


@pytest.fixture
def hub(alice: Any) -> Hub:
    return hubs.make(alice)


def own_table(client: Any, hub: Hub) -> str:
    made = client.create_transit_gateway_route_table(TransitGatewayId=hub.id)
    return made["TransitGatewayRouteTable"]["TransitGatewayRouteTableId"]


def test_an_attachment_uses_one_table_at_a_time(alice: Any, hub: Hub) -> None:
    table, id = own_table(alice, hub), hub.attachments[0]
    named = {"TransitGatewayRouteTableId": table, "TransitGatewayAttachmentId": id}
    associate = alice.associate_transit_gateway_route_table
    assert refusal(associate, **named) == "Resource.AlreadyAssociated"
    release = alice.disassociate_transit_gateway_route_table
    assert refusal(release, **named) == "InvalidAssociation.NotFound"
    release(TransitGatewayRouteTableId=hub.table, TransitGatewayAttachmentId=id)
    made = associate(**named)["Association"]
    assert (made["State"], made["ResourceId"]) == ("associating", hub.vpcs[0].vpc)
    shown = alice.get_transit_gateway_route_table_associations(TransitGatewayRouteTableId=table)
    assert [it["TransitGatewayAttachmentId"] for it in shown["Associations"]] == [id]
    doomed = alice.delete_transit_gateway_route_table
    assert refusal(doomed, TransitGatewayRouteTableId=table) == "IncorrectState"
    assert refusal(doomed, TransitGatewayRouteTableId=hub.table) == "IncorrectState"


def test_what_is_propagated_follows_the_vpc(alice: Any, hub: Hub) -> None:
    assert hubs.found(alice, hub.table) == {
        NEAR: (hub.attachments[0], "propagated", "active"),
        FAR: (hub.attachments[1], "propagated", "active"),
    }
    alice.associate_vpc_cidr_block(VpcId=hub.vpcs[0].vpc, CidrBlock="10.110.0.0/16")
    assert "10.110.0.0/16" in hubs.found(alice, hub.table)
    named = {
        "TransitGatewayRouteTableId": hub.table,
        "TransitGatewayAttachmentId": hub.attachments[0],
    }
    enable = alice.enable_transit_gateway_route_table_propagation
    assert refusal(enable, **named) == "TransitGatewayRouteTablePropagation.Duplicate"
    disable = alice.disable_transit_gateway_route_table_propagation
    assert disable(**named)["Propagation"]["State"] == "disabled"
    assert set(hubs.found(alice, hub.table)) == {FAR}
    assert refusal(disable, **named) == "TransitGatewayRouteTablePropagation.NotFound"
    shown = alice.get_transit_gateway_route_table_propagations(
        TransitGatewayRouteTableId=hub.table
    )["TransitGatewayRouteTablePropagations"]
    assert [it["ResourceId"] for it in shown] == [hub.vpcs[1].vpc]
    of = alice.get_transit_gateway_attachment_propagations(
        TransitGatewayAttachmentId=hub.attachments[1]
    )["TransitGatewayAttachmentPropagations"]
    assert of == [{"TransitGatewayRouteTableId": hub.table, "State": "enabled"}]


def test_without_defaults_nothing_is_led_anywhere(alice: Any) -> None:
    made = hubs.gateway(
        alice, DefaultRouteTableAssociation="disable", DefaultRouteTablePropagation="disable"
    )
    assert "AssociationDefaultRouteTableId" not in made["Options"]
    net = hubs.nets.make(alice)
    id = hubs.attach(alice, made["TransitGatewayId"], net)
    seen = alice.describe_transit_gateway_attachments(TransitGatewayAttachmentIds=[id])
    assert "Association" not in seen["TransitGatewayAttachments"][0]
    ask = alice.modify_transit_gateway
    options = {"DefaultRouteTableAssociation": "enable"}
    named = {"TransitGatewayId": made["TransitGatewayId"]}
    assert refusal(ask, **named, Options=options) == "MissingParameter"
    table = alice.create_transit_gateway_route_table(**named)["TransitGatewayRouteTable"]
    options["AssociationDefaultRouteTableId"] = table["TransitGatewayRouteTableId"]
    changed = ask(**named, Options=options)["TransitGateway"]["Options"]
    assert changed["AssociationDefaultRouteTableId"] == table["TransitGatewayRouteTableId"]


def test_a_static_route_wins_and_is_replaced_and_removed(alice: Any, hub: Hub) -> None:
    named = {"TransitGatewayRouteTableId": hub.table, "DestinationCidrBlock": FAR}
    made = alice.create_transit_gateway_route(**named, Blackhole=True)["Route"]
    assert (made["Type"], made["State"]) == ("static", "blackhole")
    assert hubs.found(alice, hub.table)[FAR] == ("", "static", "blackhole")
    assert refusal(alice.create_transit_gateway_route, **named, Blackhole=True) == (
        "RouteAlreadyExists"
    )
    replaced = alice.replace_transit_gateway_route(
        **named, TransitGatewayAttachmentId=hub.attachments[0]
    )["Route"]
    assert replaced["TransitGatewayAttachments"][0]["ResourceId"] == hub.vpcs[0].vpc
    assert hubs.found(alice, hub.table)[FAR] == (hub.attachments[0], "static", "active")
    assert alice.delete_transit_gateway_route(**named)["Route"]["State"] == "deleted"
    assert hubs.found(alice, hub.table)[FAR] == (hub.attachments[1], "propagated", "active")
    assert refusal(alice.delete_transit_gateway_route, **named) == "InvalidRoute.NotFound"


def test_a_route_leads_to_an_attachment_or_nowhere(alice: Any, hub: Hub) -> None:
    ask = alice.create_transit_gateway_route
    named = {"TransitGatewayRouteTableId": hub.table, "DestinationCidrBlock": "192.0.2.0/24"}
    assert refusal(ask, **named) == "MissingParameter"
    both = {"Blackhole": True, "TransitGatewayAttachmentId": hub.attachments[0]}
    assert refusal(ask, **named, **both) == "InvalidParameterCombination"
    assert refusal(ask, **{**named, "DestinationCidrBlock": "nowhere"}, Blackhole=True) == (
        "InvalidParameterValue"
    )
    other = hubs.make(alice, 0)
    foreign = {"TransitGatewayRouteTableId": other.table, "DestinationCidrBlock": "192.0.2.0/24"}
    code = refusal(ask, **foreign, TransitGatewayAttachmentId=hub.attachments[0])
    assert code == "InvalidTransitGatewayAttachmentID.NotFound"


def test_routes_are_searched_by_range_state_and_target(alice: Any, hub: Hub) -> None:
    for cidr in ("0.0.0.0/0", "10.0.0.0/8", "10.11.5.0/24"):
        alice.create_transit_gateway_route(
            TransitGatewayRouteTableId=hub.table, DestinationCidrBlock=cidr, Blackhole=True
        )

    def search(name: str, value: str) -> set[str]:
        return set(hubs.found(alice, hub.table, (name, value)))

    assert search("route-search.exact-match", "10.0.0.0/8") == {"10.0.0.0/8"}
    assert search("route-search.longest-prefix-match", "10.11.5.9") == {"10.11.5.0/24"}
    assert search("route-search.longest-prefix-match", "10.12.0.0/16") == {"10.0.0.0/8"}
    assert search("route-search.subnet-of-match", FAR) == {FAR, "10.11.5.0/24"}
    assert search("route-search.supernet-of-match", FAR) == {FAR, "10.0.0.0/8", "0.0.0.0/0"}
    assert search("state", "active") == search("type", "propagated") == {NEAR, FAR}
    assert search("attachment.resource-id", hub.vpcs[0].vpc) == {NEAR}
    code = refusal(
        alice.search_transit_gateway_routes,
        TransitGatewayRouteTableId=hub.table,
        Filters=[{"Name": "route-search.exact-match", "Values": ["nonsense"]}],
    )
    assert code == "InvalidParameterValue"


def test_a_table_follows_the_lists_that_it_refers_to(alice: Any, hub: Hub) -> None:
    made = alice.create_managed_prefix_list(
        PrefixListName="offices", AddressFamily="IPv4", MaxEntries=5,
        Entries=[{"Cidr": "192.0.2.0/24"}, {"Cidr": NEAR}],
    )["PrefixList"]  # fmt: skip
    id = made["PrefixListId"]
    named = {"TransitGatewayRouteTableId": hub.table, "PrefixListId": id}
    reference = alice.create_transit_gateway_prefix_list_reference(
        **named, TransitGatewayAttachmentId=hub.attachments[1]
    )["TransitGatewayPrefixListReference"]
    assert reference["TransitGatewayAttachment"]["ResourceId"] == hub.vpcs[1].vpc
    assert hubs.found(alice, hub.table)[NEAR] == (hub.attachments[1], "static", "active")
    assert set(hubs.found(alice, hub.table, ("prefix-list-id", id))) == {"192.0.2.0/24", NEAR}
    assert refusal(alice.delete_managed_prefix_list, PrefixListId=id) == "DependencyViolation"
    alice.modify_managed_prefix_list(
        PrefixListId=id, CurrentVersion=1, AddEntries=[{"Cidr": "198.51.100.0/24"}]
    )
    assert "198.51.100.0/24" in hubs.found(alice, hub.table)
    changed = alice.modify_transit_gateway_prefix_list_reference(**named, Blackhole=True)
    assert changed["TransitGatewayPrefixListReference"]["Blackhole"] is True
    assert hubs.found(alice, hub.table)[NEAR] == ("", "static", "blackhole")
    shown = alice.get_transit_gateway_prefix_list_references(TransitGatewayRouteTableId=hub.table)
    assert [it["PrefixListId"] for it in shown["TransitGatewayPrefixListReferences"]] == [id]
    alice.delete_transit_gateway_prefix_list_reference(**named)
    assert set(hubs.found(alice, hub.table)) == {NEAR, FAR}
    ask = alice.delete_transit_gateway_prefix_list_reference
    assert refusal(ask, **named) == "InvalidPrefixListId.NotFound"
    alice.delete_managed_prefix_list(PrefixListId=id)


def test_a_table_of_another_account_is_not_there(alice: Any, bob: Any, hub: Hub) -> None:
    code = refusal(
        bob.search_transit_gateway_routes,
        TransitGatewayRouteTableId=hub.table,
        Filters=[{"Name": "state", "Values": ["active"]}],
    )
    assert code == "InvalidRouteTableID.NotFound"
    assert bob.describe_transit_gateway_attachments()["TransitGatewayAttachments"] == []
