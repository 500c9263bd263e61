"""An access scope finds every way that it means, and none that it excludes."""

from typing import Any

import pytest

from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.vpc.nets import Net

GATEWAYS = {"ResourceStatement": {"ResourceTypes": ["AWS::EC2::InternetGateway"]}}
INTERFACES = {"ResourceStatement": {"ResourceTypes": ["AWS::EC2::NetworkInterface"]}}


def find(client: Any, *match: dict[str, Any], exclude: Any = ()) -> list[list[str]]:
    """The ways that are found, each as the ids of its components."""
    made = client.create_network_insights_access_scope(
        MatchPaths=list(match), ExcludePaths=list(exclude)
    )["NetworkInsightsAccessScope"]["NetworkInsightsAccessScopeId"]
    begun = client.start_network_insights_access_scope_analysis(NetworkInsightsAccessScopeId=made)
    analysis = begun["NetworkInsightsAccessScopeAnalysis"]
    id = analysis["NetworkInsightsAccessScopeAnalysisId"]
    pages = [client.get_network_insights_access_scope_analysis_findings(
        NetworkInsightsAccessScopeAnalysisId=id, MaxResults=1
    )]  # fmt: skip
    while "NextToken" in pages[-1]:
        pages.append(
            client.get_network_insights_access_scope_analysis_findings(
                NetworkInsightsAccessScopeAnalysisId=id,
                MaxResults=1,
                NextToken=pages[-1]["NextToken"],
            )
        )
    assert all(page["AnalysisStatus"] == "succeeded" for page in pages)
    found = [one for page in pages for one in page["AnalysisFindings"]]
    assert analysis["FindingsFound"] == ("true" if found else "false")
    return [
        [it["Component"]["Id"] for it in one["FindingComponents"] if "Component" in it]
        for one in found
    ]


@pytest.fixture
def net(alice: Any) -> Net:
    made = nets.make(alice)
    alice.create_route(
        RouteTableId=made.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=made.gateway
    )
    return made


def make_open(client: Any, net: Net, port: int) -> str:
    """An interface with a public address, one port of which the world may use."""
    group = client.create_security_group(GroupName=f"port-{port}", Description="x", VpcId=net.vpc)[
        "GroupId"
    ]
    client.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp="0.0.0.0/0"
    )
    made = client.create_network_interface(SubnetId=net.subnet, Groups=[group])
    id = made["NetworkInterface"]["NetworkInterfaceId"]
    address = client.allocate_address()["AllocationId"]
    client.associate_address(AllocationId=address, NetworkInterfaceId=id)
    return id


def test_what_the_world_may_reach_is_found(alice: Any, net: Net) -> None:
    shut = alice.create_network_interface(SubnetId=net.subnet)["NetworkInterface"]
    front, back = make_open(alice, net, 443), make_open(alice, net, 22)
    found = find(alice, {"Source": GATEWAYS, "Destination": INTERFACES})
    assert {(way[0], way[-1]) for way in found} == {(net.gateway, front), (net.gateway, back)}
    assert shut["NetworkInterfaceId"] not in str(found)
    tls = {"Destination": {"PacketHeaderStatement": {"DestinationPorts": ["443"]}}}
    found = find(alice, {"Source": GATEWAYS, "Destination": INTERFACES}, exclude=[tls])
    assert [way[-1] for way in found] == [back]
    udp = {"Source": {**GATEWAYS, "PacketHeaderStatement": {"Protocols": ["udp"]}}}
    assert find(alice, udp) == []


def test_ways_by_a_thing_alone(alice: Any, net: Net) -> None:
    front = make_open(alice, net, 443)
    group = alice.describe_network_interfaces(NetworkInterfaceIds=[front])["NetworkInterfaces"][0][
        "Groups"
    ][0]["GroupId"]
    by = [{"ResourceStatement": {"Resources": [group]}}]
    ways = find(alice, {"Source": GATEWAYS, "ThroughResources": by})
    assert [way[-1] for way in ways] == [front]
    nat = [{"ResourceStatement": {"ResourceTypes": ["AWS::EC2::NatGateway"]}}]
    assert find(alice, {"Source": GATEWAYS, "ThroughResources": nat}) == []
    own = {"ResourceStatement": {"Resources": [front]}}
    assert [way[-1] for way in find(alice, {"Source": own, "Destination": GATEWAYS})] == [
        net.gateway,
        net.gateway,
    ]


def test_a_scope_is_shown_as_it_was_given(alice: Any) -> None:
    header = {
        "SourceAddresses": ["9.9.9.0/24"],
        "DestinationPorts": ["20-30"],
        "Protocols": ["tcp"],
    }
    path = {"Source": {"PacketHeaderStatement": header}, "Destination": INTERFACES}
    made = alice.create_network_insights_access_scope(MatchPaths=[path], ExcludePaths=[path])
    content = made["NetworkInsightsAccessScopeContent"]
    assert content["MatchPaths"] == content["ExcludePaths"] == [path]
    id = content["NetworkInsightsAccessScopeId"]
    again = alice.get_network_insights_access_scope_content(NetworkInsightsAccessScopeId=id)
    assert again["NetworkInsightsAccessScopeContent"] == content


def test_what_means_nothing_is_refused(alice: Any) -> None:
    make = alice.create_network_insights_access_scope
    assert refusal(make) == "MissingParameter"
    for header in (
        {"SourceAddresses": ["nonsense"]},
        {"DestinationPorts": ["9-3"]},
        {"SourcePorts": ["x"]},
    ):
        path = {"Source": {"PacketHeaderStatement": header}}
        assert refusal(make, MatchPaths=[path]) == "InvalidParameterValue", header
    strange = {"Source": {"ResourceStatement": {"ResourceTypes": ["AWS::EC2::Moon"]}}}
    assert refusal(make, MatchPaths=[strange]) == "InvalidParameterValue"
    lists = {"Source": {"PacketHeaderStatement": {"SourcePrefixLists": ["pl-0123456789abcdef0"]}}}
    assert refusal(make, MatchPaths=[lists]) == "InvalidPrefixListID.NotFound"


def test_a_scope_with_analyses_stays(alice: Any) -> None:
    made = alice.create_network_insights_access_scope(MatchPaths=[{"Source": GATEWAYS}])
    id = made["NetworkInsightsAccessScope"]["NetworkInsightsAccessScopeId"]
    begun = alice.start_network_insights_access_scope_analysis(NetworkInsightsAccessScopeId=id)
    analysis = begun["NetworkInsightsAccessScopeAnalysis"]["NetworkInsightsAccessScopeAnalysisId"]
    delete = alice.delete_network_insights_access_scope
    assert refusal(delete, NetworkInsightsAccessScopeId=id) == (
        "AnalysisExistsForNetworkInsightsAccessScope"
    )
    listed = alice.describe_network_insights_access_scope_analyses(NetworkInsightsAccessScopeId=id)
    shown = listed["NetworkInsightsAccessScopeAnalyses"]
    assert [it["NetworkInsightsAccessScopeAnalysisId"] for it in shown] == [analysis]
    alice.delete_network_insights_access_scope_analysis(
        NetworkInsightsAccessScopeAnalysisId=analysis
    )
    delete(NetworkInsightsAccessScopeId=id)
    assert alice.describe_network_insights_access_scopes()["NetworkInsightsAccessScopes"] == []
