"""Traffic mirroring as its users see it: filters, rules, targets and sessions."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from mallee.cloud.hosts.slices import slices
from mallee.cloud.reconcile import watching
from mallee.cloud.state import records
from mallee.model.network.watching import MirrorRuleWanted
from tests.cloud.ec2 import makers
from tests.cloud.ec2.world import IMAGE_ID, FakeHost, World

ANY = {"SourceCidrBlock": "0.0.0.0/0", "DestinationCidrBlock": "0.0.0.0/0"}


def code(ec2: Any, action: str, **request: Any) -> str:
    """The error that a request is refused with."""
    with pytest.raises(ClientError) as refused:
        ec2._make_api_call(action, request)
    error: Any = refused.value
    return str(error.response["Error"]["Code"])


def make_filter(ec2: Any) -> str:
    made = ec2.create_traffic_mirror_filter(Description="all")["TrafficMirrorFilter"]
    return str(made["TrafficMirrorFilterId"])


def add_rule(ec2: Any, id: str, **more: Any) -> dict[str, Any]:
    asked = {"TrafficDirection": "ingress", "RuleNumber": 10, "RuleAction": "accept", **ANY, **more}
    made = ec2.create_traffic_mirror_filter_rule(TrafficMirrorFilterId=id, **asked)
    return dict(made["TrafficMirrorFilterRule"])


def interface(ec2: Any, subnet: str) -> str:
    made = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    return str(made["NetworkInterfaceId"])


def target(ec2: Any, of: str) -> str:
    made = ec2.create_traffic_mirror_target(NetworkInterfaceId=of)["TrafficMirrorTarget"]
    return str(made["TrafficMirrorTargetId"])


def test_rules_are_shown_in_order_and_changed(alice: Any) -> None:
    id = make_filter(alice)
    udp = add_rule(
        alice, id, RuleNumber=20, Protocol=17, DestinationPortRange={"FromPort": 53, "ToPort": 54}
    )
    add_rule(alice, id, RuleAction="reject", Description="no")
    add_rule(alice, id, TrafficDirection="egress")
    (shown,) = alice.describe_traffic_mirror_filters()["TrafficMirrorFilters"]
    assert [one["RuleNumber"] for one in shown["IngressFilterRules"]] == [10, 20]
    assert len(shown["EgressFilterRules"]) == 1
    rule = udp["TrafficMirrorFilterRuleId"]
    assert (
        code(alice, "ModifyTrafficMirrorFilterRule", TrafficMirrorFilterRuleId=rule, RuleNumber=10)
        == "TrafficMirrorFilterRuleAlreadyExists"
    )
    changed = alice.modify_traffic_mirror_filter_rule(
        TrafficMirrorFilterRuleId=rule,
        RemoveFields=["destination-port-range", "protocol"],
        SourceCidrBlock="10.0.0.0/8",
    )["TrafficMirrorFilterRule"]
    assert "DestinationPortRange" not in changed
    assert "Protocol" not in changed
    assert changed["SourceCidrBlock"] == "10.0.0.0/8"
    alice.delete_traffic_mirror_filter_rule(TrafficMirrorFilterRuleId=rule)
    assert len(alice.describe_traffic_mirror_filter_rules()["TrafficMirrorFilterRules"]) == 2
    alice.delete_traffic_mirror_filter(TrafficMirrorFilterId=id)
    assert alice.describe_traffic_mirror_filter_rules()["TrafficMirrorFilterRules"] == []


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"RuleNumber": 0}, "InvalidParameterValue"),
        ({"RuleNumber": 32767}, "InvalidParameterValue"),
        ({"SourceCidrBlock": "10.0.0.1/8"}, "InvalidParameterValue"),
        ({"SourceCidrBlock": "::/0"}, "InvalidParameterCombination"),
        (
            {"SourceCidrBlock": "::%0 } accept\n/64", "DestinationCidrBlock": "::/0"},
            "InvalidParameterValue",
        ),
        ({"Protocol": 256}, "InvalidParameterValue"),
        ({"SourcePortRange": {"FromPort": 1, "ToPort": 2}}, "InvalidParameterCombination"),
        (
            {"Protocol": 6, "SourcePortRange": {"FromPort": 2, "ToPort": 1}},
            "InvalidParameterValue",
        ),
        ({"Description": "x" * 256}, "InvalidParameterValue"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(alice: Any, more: dict[str, Any], error: str) -> None:
    asked = {"TrafficDirection": "ingress", "RuleNumber": 10, "RuleAction": "accept", **ANY, **more}
    made = make_filter(alice)
    assert (
        code(alice, "CreateTrafficMirrorFilterRule", TrafficMirrorFilterId=made, **asked) == error
    )


def test_services_are_put_in_and_taken_out(alice: Any) -> None:
    id = make_filter(alice)
    both = {"TrafficMirrorFilterId": id, "AddNetworkServices": ["amazon-dns"]}
    shown = alice.modify_traffic_mirror_filter_network_services(**both)["TrafficMirrorFilter"]
    assert shown["NetworkServices"] == ["amazon-dns"]
    assert (
        code(
            alice,
            "ModifyTrafficMirrorFilterNetworkServices",
            **both,
            RemoveNetworkServices=["amazon-dns"],
        )
        == "InvalidParameterCombination"
    )
    shown = alice.modify_traffic_mirror_filter_network_services(
        TrafficMirrorFilterId=id, RemoveNetworkServices=["amazon-dns"]
    )["TrafficMirrorFilter"]
    assert shown.get("NetworkServices", []) == []


def test_only_interfaces_are_targets_and_each_once(alice: Any) -> None:
    end = interface(alice, makers.subnet(alice))
    id = target(alice, end)
    action = "CreateTrafficMirrorTarget"
    assert code(alice, action, NetworkInterfaceId=end) == "TrafficMirrorTargetAlreadyExists"
    assert code(alice, action) == "MissingParameter"
    balancer = "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/net/a/b"
    assert code(alice, action, NetworkLoadBalancerArn=balancer) == "UnsupportedOperation"
    gateway = "vpce-0123456789abcdef0"
    assert code(alice, action, GatewayLoadBalancerEndpointId=gateway) == "UnsupportedOperation"
    alice.delete_traffic_mirror_target(TrafficMirrorTargetId=id)
    assert alice.describe_traffic_mirror_targets()["TrafficMirrorTargets"] == []


def test_a_session_is_made_changed_and_ended(alice: Any) -> None:
    request = makers.MAKERS["CreateTrafficMirrorSession"](alice)
    made = alice.create_traffic_mirror_session(**request, VirtualNetworkId=7)
    session = made["TrafficMirrorSession"]
    id = session["TrafficMirrorSessionId"]
    assert session["VirtualNetworkId"] == 7
    used = {"TrafficMirrorFilterId": request["TrafficMirrorFilterId"]}
    assert code(alice, "DeleteTrafficMirrorFilter", **used) == "TrafficMirrorFilterInUse"
    end = {"TrafficMirrorTargetId": request["TrafficMirrorTargetId"]}
    assert code(alice, "DeleteTrafficMirrorTarget", **end) == "TrafficMirrorTargetInUse"
    again = "CreateTrafficMirrorSession"
    assert code(alice, again, **request) == "TrafficMirrorSessionNumberAlreadyInUse"
    modify = "ModifyTrafficMirrorSession"
    named = {"TrafficMirrorSessionId": id}
    assert code(alice, modify, **named, SessionNumber=32767) == "InvalidParameterValue"
    assert code(alice, modify, **named, VirtualNetworkId=1 << 24) == "InvalidParameterValue"
    assert code(alice, modify, **named, PacketLength=100) == "UnsupportedOperation"
    changed = alice.modify_traffic_mirror_session(
        **named, SessionNumber=5, Description="five", VirtualNetworkId=9
    )["TrafficMirrorSession"]
    assert (changed["SessionNumber"], changed["VirtualNetworkId"]) == (5, 9)
    alice.delete_traffic_mirror_session(**named)
    assert alice.describe_traffic_mirror_sessions()["TrafficMirrorSessions"] == []


def test_a_session_stays_within_its_vpc_and_leads_to_another(alice: Any) -> None:
    request = makers.MAKERS["CreateTrafficMirrorSession"](alice)
    elsewhere = {**request, "NetworkInterfaceId": interface(alice, makers.subnet(alice))}
    action = "CreateTrafficMirrorSession"
    assert code(alice, action, **elsewhere) == "UnsupportedOperation"
    itself = target(alice, request["NetworkInterfaceId"])
    same = {**request, "TrafficMirrorTargetId": itself}
    assert code(alice, action, **same) == "InvalidParameterCombination"


def test_a_host_is_told_of_sessions_both_of_whose_ends_it_carries(
    alice: Any, world: World, host: FakeHost
) -> None:
    made = alice.run_instances(ImageId=IMAGE_ID, MinCount=2, MaxCount=2)["Instances"]
    source, end = (one["NetworkInterfaces"][0]["NetworkInterfaceId"] for one in made)
    found = make_filter(alice)
    add_rule(alice, found, RuleNumber=20, TrafficDirection="egress")
    add_rule(
        alice,
        found,
        TrafficDirection="egress",
        RuleAction="reject",
        Protocol=6,
        SourcePortRange={"FromPort": 1, "ToPort": 2},
    )
    alice.create_traffic_mirror_session(
        NetworkInterfaceId=source,
        TrafficMirrorTargetId=target(alice, end),
        TrafficMirrorFilterId=found,
        SessionNumber=3,
        VirtualNetworkId=77,
    )
    (vpc,) = slices.host_wanted(world.store.view, host.id, world.settings).vpcs
    (told,) = vpc.mirrors
    assert (told.interface_id, told.target_interface_id) == (source, end)
    assert (told.number, told.vni, told.copies_dns) == (3, 77, False)
    assert told.ingress == ()
    everything = MirrorRuleWanted(is_accepted=True, source="0.0.0.0/0", destination="0.0.0.0/0")
    but = replace(everything, is_accepted=False, protocol=6, source_ports=(1, 2))
    assert told.egress == (but, everything)


def test_what_watches_ends_with_what_it_watches(alice: Any, world: World) -> None:
    request = makers.MAKERS["CreateTrafficMirrorSession"](alice)
    alice.create_traffic_mirror_session(**request)
    log = makers.MAKERS["CreateFlowLogs"](alice)
    alice.create_flow_logs(**log)
    (end,) = alice.describe_traffic_mirror_targets()["TrafficMirrorTargets"]
    alice.delete_network_interface(NetworkInterfaceId=end["NetworkInterfaceId"])
    alice.delete_vpc(VpcId=log["ResourceIds"][0])
    left = watching.reconciler(world.store).keys()
    for id in left:
        world.store.transact(lambda tx, id=id: watching.settle_one(tx, id))
    assert alice.describe_flow_logs()["FlowLogs"] == []
    assert alice.describe_traffic_mirror_sessions()["TrafficMirrorSessions"] == []
    assert alice.describe_traffic_mirror_targets()["TrafficMirrorTargets"] == []
    assert len(world.store.view.list(records.MIRROR_FILTER)) == 1
