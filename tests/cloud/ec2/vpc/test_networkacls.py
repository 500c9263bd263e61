"""Network ACLs: ordered entries by number and direction, lent to subnets."""

from typing import Any

import pytest

from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.vpc.nets import Net, where

WEB: dict[str, Any] = {
    "RuleNumber": 200,
    "Protocol": "6",
    "RuleAction": "allow",
    "Egress": False,
    "CidrBlock": "10.0.0.0/8",
    "PortRange": {"From": 80, "To": 443},
}


@pytest.fixture
def net(alice: Any) -> Net:
    return nets.make(alice)


@pytest.fixture
def acl(alice: Any, net: Net) -> str:
    return alice.create_network_acl(VpcId=net.vpc)["NetworkAcl"]["NetworkAclId"]


def entries(client: Any, acl: str) -> list[dict[str, Any]]:
    return client.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"][0]["Entries"]


def test_a_new_acl_lets_nothing_pass(alice: Any, acl: str) -> None:
    shown = [(it["RuleNumber"], it["Egress"], it["RuleAction"]) for it in entries(alice, acl)]
    assert shown == [(32767, False, "deny"), (32767, True, "deny")]


def test_entries_are_added_exchanged_and_removed(alice: Any, acl: str) -> None:
    ask = alice.create_network_acl_entry
    ask(NetworkAclId=acl, **WEB)
    assert refusal(ask, NetworkAclId=acl, **WEB) == "NetworkAclEntryAlreadyExists"
    ask(NetworkAclId=acl, **{**WEB, "Egress": True})
    ping = {"Protocol": "icmp", "IcmpTypeCode": {"Type": 8, "Code": -1}, "RuleNumber": 100}
    ask(NetworkAclId=acl, **{**WEB, **ping})
    inwards = [it for it in entries(alice, acl) if not it["Egress"]]
    assert [it["RuleNumber"] for it in inwards] == [100, 200, 32767]
    assert inwards[0]["IcmpTypeCode"] == {"Type": 8, "Code": -1}
    assert inwards[1]["PortRange"] == {"From": 80, "To": 443}
    denied = {**WEB, "RuleAction": "deny"}
    alice.replace_network_acl_entry(NetworkAclId=acl, **denied)
    assert [it["RuleAction"] for it in entries(alice, acl)[:2]] == ["allow", "deny"]
    gone = {"NetworkAclId": acl, "RuleNumber": 200, "Egress": False}
    alice.delete_network_acl_entry(**gone)
    assert refusal(alice.delete_network_acl_entry, **gone) == "InvalidNetworkAclEntry.NotFound"
    code = refusal(alice.replace_network_acl_entry, NetworkAclId=acl, **WEB)
    assert code == "InvalidNetworkAclEntry.NotFound"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"RuleNumber": 0}, "InvalidParameterValue"),
        ({"RuleNumber": 32767}, "InvalidParameterValue"),
        ({"Protocol": "nonsense"}, "InvalidParameterValue"),
        ({"Protocol": "256"}, "InvalidParameterValue"),
        ({"PortRange": {"From": 9, "To": 8}}, "InvalidParameterValue"),
        ({"PortRange": {"From": 9}}, "MissingParameter"),
        ({"Protocol": "1"}, "MissingParameter"),
        ({"CidrBlock": "10.0.0.0/33"}, "InvalidParameterValue"),
        ({"Ipv6CidrBlock": "::/0"}, "InvalidParameterCombination"),
        ({"RuleAction": "perhaps"}, "InvalidParameterValue"),
    ],
)
def test_what_makes_no_sense_is_refused(
    alice: Any, acl: str, change: dict[str, Any], code: str
) -> None:
    ask = alice.create_network_acl_entry
    assert refusal(ask, NetworkAclId=acl, **{**WEB, **change}) == code
    assert len(entries(alice, acl)) == 2


def test_there_are_so_many_entries_each_way(alice: Any, acl: str) -> None:
    for number in range(1, 21):
        alice.create_network_acl_entry(NetworkAclId=acl, **{**WEB, "RuleNumber": number})
    code = refusal(alice.create_network_acl_entry, NetworkAclId=acl, **WEB)
    assert code == "NetworkAclEntryLimitExceeded"


def test_a_subnet_has_one_acl_at_a_time(alice: Any, net: Net, acl: str) -> None:
    (default,) = alice.describe_network_acls(Filters=where("association.subnet-id", net.subnet))[
        "NetworkAcls"
    ]
    code = refusal(alice.delete_network_acl, NetworkAclId=default["NetworkAclId"])
    assert code == "InvalidParameterValue"
    id = default["Associations"][0]["NetworkAclAssociationId"]
    new = alice.replace_network_acl_association(AssociationId=id, NetworkAclId=acl)
    assert refusal(alice.delete_network_acl, NetworkAclId=acl) == "DependencyViolation"
    ask = alice.replace_network_acl_association
    code = refusal(ask, AssociationId=id, NetworkAclId=acl)
    assert code == "InvalidAssociationID.NotFound"
    ask(AssociationId=new["NewAssociationId"], NetworkAclId=default["NetworkAclId"])
    alice.delete_network_acl(NetworkAclId=acl)
