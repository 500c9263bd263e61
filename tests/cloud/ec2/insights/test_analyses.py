"""A path's analysis finds the way that is there, and names what stops the one that is not."""

from typing import Any

import pytest

from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.vpc.nets import Net

SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"}


def ask(client: Any, source: str, destination: str = "", **more: Any) -> dict[str, Any]:
    """Make a path and analyse it at once."""
    wanted = {"Source": source, "Protocol": "tcp", **more}
    ends = {**wanted, "Destination": destination} if destination else wanted
    filters = {k: ends.pop(k) for k in ("FilterInArns", "FilterOutArns") if k in ends}
    path = client.create_network_insights_path(**ends)["NetworkInsightsPath"]
    begun = client.start_network_insights_analysis(
        NetworkInsightsPathId=path["NetworkInsightsPathId"], **filters
    )["NetworkInsightsAnalysis"]
    shown = client.describe_network_insights_analyses(
        NetworkInsightsAnalysisIds=[begun["NetworkInsightsAnalysisId"]]
    )["NetworkInsightsAnalyses"]
    assert shown == [begun]
    return begun


def ids(found: dict[str, Any], member: str = "ForwardPathComponents") -> list[str]:
    return [one["Component"]["Id"] for one in found[member] if "Component" in one]


def codes(found: dict[str, Any]) -> list[str]:
    assert not found["NetworkPathFound"]
    return [one["ExplanationCode"] for one in found["Explanations"]]


def interface(client: Any, subnet: str, group: str) -> str:
    made = client.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]
    return made["NetworkInterfaceId"]


def make_group(client: Any, vpc: str, name: str) -> str:
    return client.create_security_group(GroupName=name, Description="x", VpcId=vpc)["GroupId"]


@pytest.fixture
def net(alice: Any) -> Net:
    return nets.make(alice)


@pytest.fixture
def group(alice: Any, net: Net) -> str:
    return make_group(alice, net.vpc, "front")


def test_a_way_is_found_when_a_rule_opens_it(alice: Any, net: Net, group: str) -> None:
    other = make_group(alice, net.vpc, "other")
    one, two = interface(alice, net.subnet, other), interface(alice, net.subnet, group)
    shut = ask(alice, one, two, DestinationPort=22)
    assert codes(shut) == ["ENI_SG_RULES_MISMATCH"]
    told = shut["Explanations"][0]
    assert told["Direction"] == "ingress"
    assert told["NetworkInterface"]["Id"] == two
    assert [it["Id"] for it in told["SecurityGroups"]] == [group]
    alice.authorize_security_group_ingress(GroupId=group, IpPermissions=[_permission()])
    found = ask(alice, one, two, DestinationPort=22)
    assert found["NetworkPathFound"]
    assert ids(found) == [one, other, group, two]
    assert ids(found, "ReturnPathComponents") == [two, one]
    rules = [
        it["SecurityGroupRule"]
        for it in found["ForwardPathComponents"]
        if "SecurityGroupRule" in it
    ]
    assert [rule["Direction"] for rule in rules] == ["egress", "ingress"]
    assert rules[1]["PortRange"] == {"From": 22, "To": 22}
    assert codes(ask(alice, one, two, DestinationPort=23)) == ["ENI_SG_RULES_MISMATCH"]


def _permission(low: int = 22, high: int = 22, cidr: str = "0.0.0.0/0") -> dict[str, Any]:
    return {
        "IpProtocol": "tcp",
        "FromPort": low,
        "ToPort": high,
        "IpRanges": [{"CidrIp": cidr}],
    }


def test_a_port_that_is_open_is_found_unasked(alice: Any, net: Net, group: str) -> None:
    one, two = interface(alice, net.subnet, group), interface(alice, net.subnet, group)
    alice.authorize_security_group_ingress(GroupId=group, IpPermissions=[_permission(8000, 8010)])
    found = ask(alice, one, two)
    assert found["NetworkPathFound"]
    ports = found["ForwardPathComponents"][-1]["InboundHeader"]["DestinationPortRanges"]
    assert 8000 <= ports[0]["From"] <= 8010


def test_from_the_internet_gateway_to_an_interface(alice: Any, net: Net, group: str) -> None:
    two = interface(alice, net.subnet, group)
    alice.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[_permission(cidr="9.9.9.0/24")]
    )
    shut = ask(alice, net.gateway, two, DestinationPort=22)
    assert codes(shut) == ["IGW_PUBLIC_IP_ASSOCIATION_FOR_INGRESS"]
    address = alice.allocate_address()
    alice.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=two)
    # The answer has no way out yet.
    assert codes(ask(alice, net.gateway, two, DestinationPort=22)) == ["NO_ROUTE_TO_DESTINATION"]
    alice.create_route(
        RouteTableId=net.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=net.gateway
    )
    found = ask(alice, net.gateway, two, DestinationPort=22)
    assert found["NetworkPathFound"]
    acl = _acl(alice, net)
    assert ids(found) == [net.gateway, acl, group, two]
    assert ids(found, "ReturnPathComponents") == [two, net.table, acl, net.gateway]
    header = found["ForwardPathComponents"][0]
    assert header["InboundHeader"]["DestinationAddresses"] == [f"{address['PublicIp']}/32"]
    assert header["InboundHeader"]["SourceAddresses"][0].startswith("9.9.9.")
    nobody = {"FilterAtSource": {"SourceAddress": "8.8.8.8"}}
    assert codes(ask(alice, net.gateway, two, **nobody)) == ["ENI_SG_RULES_MISMATCH"]


def _acl(client: Any, net: Net) -> str:
    found = client.describe_network_acls(Filters=nets.where("vpc-id", net.vpc))["NetworkAcls"]
    return found[0]["NetworkAclId"]


def test_an_answer_that_an_acl_stops_is_no_way(alice: Any, net: Net, group: str) -> None:
    more = alice.create_subnet(VpcId=net.vpc, CidrBlock="10.0.2.0/24")["Subnet"]["SubnetId"]
    one, two = interface(alice, net.subnet, group), interface(alice, more, group)
    alice.authorize_security_group_ingress(GroupId=group, IpPermissions=[_permission()])
    assert ask(alice, one, two)["NetworkPathFound"]
    alice.create_network_acl_entry(
        NetworkAclId=_acl(alice, net), RuleNumber=50, Protocol="6", RuleAction="deny",
        Egress=True, CidrBlock="10.0.1.0/24", PortRange={"From": 1024, "To": 65535},
    )  # fmt: skip
    wide = {"FilterAtSource": {"SourcePortRange": {"FromPort": 1024, "ToPort": 65535}}}
    shut = ask(alice, one, two, **wide)
    assert codes(shut) == ["SUBNET_ACL_RESTRICTION"]
    assert shut["Explanations"][0]["AclRule"]["RuleNumber"] == 50
    # A packet from a port below gets there and back.
    assert ask(alice, one, two)["NetworkPathFound"]
    udp = {**wide, "Protocol": "udp"}
    assert codes(ask(alice, one, two, **udp)) == ["ENI_SG_RULES_MISMATCH"]


def test_filters_must_and_must_not_be_passed(alice: Any, net: Net, group: str) -> None:
    alice.create_route(
        RouteTableId=net.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=net.gateway
    )
    one = interface(alice, net.subnet, group)
    address = alice.allocate_address()["AllocationId"]
    alice.associate_address(AllocationId=address, NetworkInterfaceId=one)
    arn = f"arn:aws:ec2:us-east-1:{_account(alice)}:internet-gateway/{net.gateway}"
    assert ask(alice, one, net.gateway, FilterInArns=[arn])["NetworkPathFound"]
    shut = ask(alice, one, net.gateway, FilterOutArns=[arn])
    assert codes(shut) == ["COMPONENT_FILTER_RESTRICTION"]
    assert shut["AlternatePathHints"] == [{"ComponentId": net.gateway, "ComponentArn": arn}]


def _account(client: Any) -> str:
    return client.describe_vpcs()["Vpcs"][0]["OwnerId"]


def test_a_peering_and_what_is_on_its_other_side(alice: Any, net: Net, group: str) -> None:
    far = nets.make(alice, "10.1.0.0/16", "10.1.1.0/24")
    there = make_group(alice, far.vpc, "there")
    alice.authorize_security_group_ingress(
        GroupId=there, IpPermissions=[_permission(cidr="10.0.0.0/16")]
    )
    made = alice.create_vpc_peering_connection(VpcId=net.vpc, PeerVpcId=far.vpc)
    peering = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    alice.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    one, two = interface(alice, net.subnet, group), interface(alice, far.subnet, there)
    assert codes(ask(alice, one, two)) == ["NO_ROUTE_TO_DESTINATION"]
    alice.create_route(
        RouteTableId=net.table,
        DestinationCidrBlock="10.1.0.0/16",
        VpcPeeringConnectionId=peering,
    )
    # There, but not back.
    assert codes(ask(alice, one, two)) == ["NO_ROUTE_TO_DESTINATION"]
    assert ids(ask(alice, one, peering))[-1] == peering
    alice.create_route(
        RouteTableId=far.table,
        DestinationCidrBlock="10.0.0.0/16",
        VpcPeeringConnectionId=peering,
    )
    found = ask(alice, one, two)
    assert found["NetworkPathFound"]
    assert peering in ids(found)
    assert peering in ids(found, "ReturnPathComponents")
    assert ask(alice, peering, two)["NetworkPathFound"]
    assert codes(ask(alice, two, one)) == ["ENI_SG_RULES_MISMATCH"]


def test_a_gateway_endpoint_takes_http_alone(alice: Any, net: Net, group: str) -> None:
    one = interface(alice, net.subnet, group)
    endpoint = alice.create_vpc_endpoint(
        VpcId=net.vpc, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[net.table]
    )["VpcEndpoint"]["VpcEndpointId"]
    found = ask(alice, one, endpoint)
    assert found["NetworkPathFound"]
    assert ids(found)[-1] == endpoint
    shut = ask(alice, one, endpoint, DestinationPort=443)
    assert codes(shut) == ["VPCE_GATEWAY_PROTOCOL_RESTRICTION"]


def test_what_is_gone_fails_the_analysis(alice: Any, net: Net, group: str) -> None:
    one, two = interface(alice, net.subnet, group), interface(alice, net.subnet, group)
    path = alice.create_network_insights_path(Source=one, Destination=two, Protocol="tcp")
    id = path["NetworkInsightsPath"]["NetworkInsightsPathId"]
    alice.delete_network_interface(NetworkInterfaceId=two)
    found = alice.start_network_insights_analysis(NetworkInsightsPathId=id)
    shown = found["NetworkInsightsAnalysis"]
    assert (shown["Status"], "NetworkPathFound" in shown) == ("failed", False)
    assert two in shown["StatusMessage"]
    code = refusal(alice.delete_network_insights_path, NetworkInsightsPathId=id)
    assert code == "AnalysisExistsForNetworkInsightsPath"
    alice.delete_network_insights_analysis(
        NetworkInsightsAnalysisId=shown["NetworkInsightsAnalysisId"]
    )
    alice.delete_network_insights_path(NetworkInsightsPathId=id)
    assert alice.describe_network_insights_paths()["NetworkInsightsPaths"] == []


def test_what_contradicts_itself_is_refused(alice: Any, net: Net, group: str) -> None:
    one = interface(alice, net.subnet, group)
    tcp = {"Source": one, "Protocol": "tcp"}
    make = alice.create_network_insights_path
    assert refusal(make, **tcp) == "MissingParameter"
    assert refusal(make, **tcp, Destination=one) == "InvalidParameterValue"
    assert refusal(make, **tcp, Destination=group) == "InvalidParameterValue"
    assert refusal(make, **tcp, DestinationIp="300.1.1.1") in (
        "InvalidParameterValue",
        "ValidationError",
    )
    both = {"DestinationPort": 1, "FilterAtSource": {"DestinationAddress": "10.0.1.9"}}
    assert refusal(make, **tcp, **both) == "InvalidParameterCombination"
    assert refusal(
        make, Source="eni-0123456789abcdef0", Protocol="tcp", DestinationIp="1.1.1.1"
    ) == ("InvalidNetworkInterfaceID.NotFound")


def test_paths_are_found_by_their_filters(alice: Any, net: Net, group: str) -> None:
    one, two = interface(alice, net.subnet, group), interface(alice, net.subnet, group)
    ports = {"DestinationPortRange": {"FromPort": 22, "ToPort": 23}}
    alice.create_network_insights_path(
        Source=one, Destination=two, Protocol="udp", FilterAtSource=ports
    )
    alice.create_network_insights_path(Source=two, Destination=one, Protocol="tcp")

    def found(name: str, value: str) -> list[str]:
        shown = alice.describe_network_insights_paths(Filters=nets.where(name, value))
        return [it["Source"] for it in shown["NetworkInsightsPaths"]]

    assert found("source", one) == [one]
    assert found("protocol", "tcp") == [two]
    assert found("filter-at-source.destination-port-range", "22-23") == [one]


def test_another_accounts_network_is_not_told_of(
    alice: Any, bob: Any, net: Net, group: str
) -> None:
    far = nets.make(bob, "10.1.0.0/16", "10.1.1.0/24")
    bobs = bob.create_network_interface(SubnetId=far.subnet)["NetworkInterface"]
    made = alice.create_vpc_peering_connection(
        VpcId=net.vpc, PeerVpcId=far.vpc, PeerOwnerId=_account(bob)
    )
    peering = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    bob.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    alice.create_route(
        RouteTableId=net.table,
        DestinationCidrBlock="10.1.0.0/16",
        VpcPeeringConnectionId=peering,
    )
    one = interface(alice, net.subnet, group)
    refused = refusal(
        alice.create_network_insights_path,
        Source=one, Destination=bobs["NetworkInterfaceId"], Protocol="tcp",
    )  # fmt: skip
    assert refused == "InvalidNetworkInterfaceID.NotFound"
    found = ask(alice, one, DestinationIp=bobs["PrivateIpAddress"])
    assert codes(found) == ["NO_POSSIBLE_DESTINATION"]
    assert "another account" in found["WarningMessage"]
    assert bobs["NetworkInterfaceId"] not in str(found)
    assert far.vpc not in str(found)
