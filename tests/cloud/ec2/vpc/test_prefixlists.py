"""Managed prefix lists: versions of entries, and what names them."""

from typing import Any

import pytest

from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.vpc import nets

FAMILY = {"AddressFamily": "IPv4", "PrefixListName": "offices"}


@pytest.fixture
def offices(alice: Any) -> str:
    made = alice.create_managed_prefix_list(
        **FAMILY, MaxEntries=3, Entries=[{"Cidr": "192.0.2.0/24", "Description": "north"}]
    )
    return made["PrefixList"]["PrefixListId"]


def cidrs(client: Any, id: str, **version: int) -> list[str]:
    shown = client.get_managed_prefix_list_entries(PrefixListId=id, **version)["Entries"]
    return [it["Cidr"] for it in shown]


def test_each_change_of_entries_is_a_version(alice: Any, offices: str) -> None:
    ask = alice.modify_managed_prefix_list
    added = ask(PrefixListId=offices, CurrentVersion=1, AddEntries=[{"Cidr": "198.51.100.7/24"}])[
        "PrefixList"
    ]
    assert (added["Version"], added["State"]) == (2, "modify-complete")
    assert cidrs(alice, offices) == ["192.0.2.0/24", "198.51.100.0/24"]
    assert cidrs(alice, offices, TargetVersion=1) == ["192.0.2.0/24"]
    gone = {"PrefixListId": offices, "RemoveEntries": [{"Cidr": "192.0.2.0/24"}]}
    assert refusal(ask, **gone) == "MissingParameter"
    assert refusal(ask, **gone, CurrentVersion=1) == "PrefixListVersionMismatch"
    ask(**gone, CurrentVersion=2)
    assert refusal(ask, **gone, CurrentVersion=3) == "InvalidParameterValue"
    restored = alice.restore_managed_prefix_list_version(
        PrefixListId=offices, PreviousVersion=1, CurrentVersion=3
    )["PrefixList"]
    assert restored["Version"] == 4
    assert cidrs(alice, offices) == ["192.0.2.0/24"]
    code = refusal(
        alice.restore_managed_prefix_list_version,
        PrefixListId=offices,
        PreviousVersion=9,
        CurrentVersion=4,
    )
    assert code == "InvalidPrefixListVersion"


def test_a_list_has_no_more_than_it_may(alice: Any, offices: str) -> None:
    ask = alice.modify_managed_prefix_list
    many = [{"Cidr": f"10.{n}.0.0/16"} for n in range(3)]
    code = refusal(ask, PrefixListId=offices, CurrentVersion=1, AddEntries=many)
    assert code == "PrefixListMaxEntriesExceeded"
    ask(PrefixListId=offices, MaxEntries=4)
    ask(PrefixListId=offices, CurrentVersion=1, AddEntries=many)
    assert refusal(ask, PrefixListId=offices, MaxEntries=3) == "PrefixListMaxEntriesExceeded"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"AddressFamily": "IPv5"}, "InvalidParameterValue"),
        ({"MaxEntries": 0}, "InvalidParameterValue"),
        ({"Entries": [{"Cidr": "::/0"}]}, "InvalidParameterValue"),
        ({"Entries": [{"Cidr": "10.0.0.0/8"}, {"Cidr": "10.1.0.0/8"}]}, "InvalidParameterValue"),
        ({"PrefixListName": "com.amazonaws.s3"}, "InvalidParameterValue"),
    ],
)
def test_what_makes_no_sense_is_refused(alice: Any, change: dict[str, Any], code: str) -> None:
    asked = {**FAMILY, "MaxEntries": 2, **change}
    assert refusal(alice.create_managed_prefix_list, **asked) == code


def test_rules_and_routes_name_a_list_that_stays_then(alice: Any, offices: str) -> None:
    net = nets.make(alice)
    group = alice.create_security_group(GroupName="g", Description="g", VpcId=net.vpc)["GroupId"]
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    permission = {**ssh, "PrefixListIds": [{"PrefixListId": offices, "Description": "offices"}]}
    (rule,) = alice.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])[
        "SecurityGroupRules"
    ]
    assert rule["PrefixListId"] == offices
    (shown,) = alice.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert shown["IpPermissions"][0]["PrefixListIds"] == permission["PrefixListIds"]
    alice.create_route(
        RouteTableId=net.table, DestinationPrefixListId=offices, GatewayId=net.gateway
    )
    assert nets.routes(alice, net.table)[offices] == (net.gateway, "active")
    users = alice.get_managed_prefix_list_associations(PrefixListId=offices)
    found = {it["ResourceId"] for it in users["PrefixListAssociations"]}
    assert found == {group, net.table}
    ask = alice.delete_managed_prefix_list
    assert refusal(ask, PrefixListId=offices) == "DependencyViolation"
    alice.revoke_security_group_ingress(GroupId=group, IpPermissions=[permission])
    alice.delete_route(RouteTableId=net.table, DestinationPrefixListId=offices)
    assert ask(PrefixListId=offices)["PrefixList"]["State"] == "delete-complete"


def test_a_list_counts_for_as_many_rules_as_it_may_have(alice: Any) -> None:
    made = [
        alice.create_managed_prefix_list(**FAMILY, MaxEntries=600)["PrefixList"]["PrefixListId"]
        for _ in range(2)
    ]
    group = alice.create_security_group(GroupName="g", Description="g")["GroupId"]
    wanted = [{"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": id} for id in made]}]
    code = refusal(alice.authorize_security_group_ingress, GroupId=group, IpPermissions=wanted)
    assert code == "RulesPerSecurityGroupLimitExceeded"
