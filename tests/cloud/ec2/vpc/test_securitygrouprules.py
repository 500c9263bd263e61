"""Rules: what may be said, that it is said once, that it comes back as it was said, and goes."""

from typing import Any

import pytest

from tests.cloud.ec2.asking import refusal, refused

SSH: dict[str, Any] = {
    "IpProtocol": "tcp",
    "FromPort": 22,
    "ToPort": 22,
    "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "everybody"}],
}


@pytest.fixture
def group(alice: Any) -> str:
    return alice.create_security_group(GroupName="web", Description="w")["GroupId"]


def permissions(client: Any, group: str, member: str = "IpPermissions") -> list[dict[str, Any]]:
    return client.describe_security_groups(GroupIds=[group])["SecurityGroups"][0][member]


def rules(client: Any, group: str) -> list[dict[str, Any]]:
    wanted = [{"Name": "group-id", "Values": [group]}]
    return client.describe_security_group_rules(Filters=wanted)["SecurityGroupRules"]


def test_what_was_authorized_is_described(alice: Any, group: str) -> None:
    answer = alice.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH])
    assert answer["Return"]
    (rule,) = answer["SecurityGroupRules"]
    assert rule["CidrIpv4"] == "0.0.0.0/0"
    assert (rule["FromPort"], rule["ToPort"], rule["IsEgress"]) == (22, 22, False)
    (shown,) = permissions(alice, group)
    assert {name: shown[name] for name in SSH} == SSH
    assert rule in rules(alice, group)


def test_the_flat_parameters_of_old_mean_the_same(alice: Any, group: str) -> None:
    alice.authorize_security_group_ingress(
        GroupName="web", IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    code = refusal(alice.authorize_security_group_ingress, GroupId=group, IpPermissions=[SSH])
    assert code == "InvalidPermission.Duplicate"
    alice.authorize_security_group_ingress(GroupId=group, SourceSecurityGroupName="default")
    assert [it["IpProtocol"] for it in permissions(alice, group)] == ["tcp", "-1"]
    code = refusal(
        alice.authorize_security_group_ingress,
        GroupId=group,
        IpPermissions=[SSH],
        CidrIp="0.0.0.0/0",
    )
    assert code == "InvalidParameterCombination"


def test_a_rule_is_said_once(alice: Any, group: str) -> None:
    alice.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH])
    code, message = refused(
        alice.authorize_security_group_ingress, GroupId=group, IpPermissions=[SSH]
    )
    assert code == "InvalidPermission.Duplicate"
    assert message == (
        'the specified rule "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW" '
        "already exists"
    )
    twice = {"GroupId": group, "IpPermissions": [{**SSH, "FromPort": 1}] * 2}
    assert refusal(alice.authorize_security_group_ingress, **twice) == "InvalidParameterValue"
    assert len(permissions(alice, group)) == 1


def test_peers_of_one_traffic_stand_together(alice: Any, group: str) -> None:
    peers = {
        "IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "192.0.2.1/32"}],
        "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}],
        "UserIdGroupPairs": [{"GroupId": group, "Description": "us"}],
    }
    wanted = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, **peers}
    alice.authorize_security_group_ingress(GroupId=group, IpPermissions=[wanted])
    (shown,) = permissions(alice, group)
    assert shown["IpRanges"] == peers["IpRanges"]
    assert shown["Ipv6Ranges"] == peers["Ipv6Ranges"]
    (pair,) = shown["UserIdGroupPairs"]
    assert (pair["GroupId"], pair["Description"]) == (group, "us")
    assert len([rule for rule in rules(alice, group) if not rule["IsEgress"]]) == 4


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"IpProtocol": "6", "FromPort": 1, "ToPort": 2}, ("tcp", 1, 2)),
        ({"IpProtocol": "TCP", "FromPort": 0, "ToPort": 65535}, ("tcp", 0, 65535)),
        ({"IpProtocol": "17", "FromPort": -1, "ToPort": -1}, ("udp", 0, 65535)),
        ({"IpProtocol": "icmp", "FromPort": 8, "ToPort": 0}, ("icmp", 8, 0)),
        ({"IpProtocol": "1", "FromPort": -1, "ToPort": -1}, ("icmp", -1, -1)),
        ({"IpProtocol": "-1"}, ("-1", None, None)),
        ({"IpProtocol": "all", "FromPort": 5, "ToPort": 9}, ("-1", None, None)),
        ({"IpProtocol": "50"}, ("50", None, None)),
    ],
)
def test_protocols_and_ports_are_understood(
    alice: Any, group: str, given: dict[str, Any], shown: tuple[str, int | None, int | None]
) -> None:
    wanted = {**given, "IpRanges": [{"CidrIp": "10.1.2.3/8"}]}
    alice.authorize_security_group_ingress(GroupId=group, IpPermissions=[wanted])
    (permission,) = permissions(alice, group)
    found = (permission["IpProtocol"], permission.get("FromPort"), permission.get("ToPort"))
    assert found == shown
    assert permission["IpRanges"] == [{"CidrIp": "10.0.0.0/8"}]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"IpProtocol": "nonsense"}, "InvalidParameterValue"),
        ({"IpProtocol": "256"}, "InvalidParameterValue"),
        ({"FromPort": 23}, "InvalidParameterValue"),
        ({"ToPort": 65536}, "InvalidParameterValue"),
        ({"FromPort": -2}, "InvalidParameterValue"),
        ({"IpProtocol": "icmp", "FromPort": 300}, "InvalidParameterValue"),
        ({"IpProtocol": "icmp", "FromPort": -1, "ToPort": 3}, "InvalidParameterValue"),
        ({"IpRanges": [{"CidrIp": "10.0.0.0"}]}, "InvalidParameterValue"),
        ({"IpRanges": [{"CidrIp": "10.0.0.0/33"}]}, "InvalidParameterValue"),
        ({"IpRanges": [{"CidrIp": "::/0"}]}, "InvalidParameterValue"),
        ({"Ipv6Ranges": [{"CidrIpv6": "fe80::%0 } accept/64"}]}, "InvalidParameterValue"),
        ({"IpRanges": []}, "MissingParameter"),
        ({"IpRanges": [{"Description": "no peer"}]}, "InvalidParameterValue"),
        ({"Ipv6Ranges": [{"Description": "no peer"}]}, "InvalidParameterValue"),
        ({"UserIdGroupPairs": [{"Description": "no peer"}]}, "MissingParameter"),
        ({"IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "ä"}]}, "InvalidParameterValue"),
        ({"UserIdGroupPairs": [{"GroupId": "sg-0123456789abcdef0"}]}, "InvalidGroup.NotFound"),
        ({"UserIdGroupPairs": [{"GroupName": "nobody's"}]}, "InvalidGroup.NotFound"),
        ({"PrefixListIds": [{"PrefixListId": "pl-1"}]}, "InvalidPrefixListId.Malformed"),
    ],
)
def test_what_makes_no_sense_is_refused(
    alice: Any, group: str, change: dict[str, Any], code: str
) -> None:
    wanted = {"GroupId": group, "IpPermissions": [{**SSH, **change}]}
    assert refusal(alice.authorize_security_group_ingress, **wanted) == code
    assert permissions(alice, group) == []


def test_ports_go_with_tcp_and_udp(alice: Any, group: str) -> None:
    wanted = {"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    ask = alice.authorize_security_group_ingress
    assert refusal(ask, GroupId=group, IpPermissions=[wanted]) == "InvalidParameterValue"
    assert refusal(ask, GroupId=group) == "MissingParameter"


def test_a_source_of_another_account_is_not_there(alice: Any, bob: Any, group: str) -> None:
    theirs = bob.describe_security_groups()["SecurityGroups"][0]
    for pair in (
        {"GroupId": theirs["GroupId"]},
        {"GroupId": theirs["GroupId"], "UserId": theirs["OwnerId"]},
    ):
        wanted = {"IpProtocol": "-1", "UserIdGroupPairs": [pair]}
        ask = alice.authorize_security_group_ingress
        assert refusal(ask, GroupId=group, IpPermissions=[wanted]) == "InvalidGroup.NotFound"


def test_revoked_rules_go_by_what_they_say_and_by_id(alice: Any, group: str) -> None:
    answer = alice.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[SSH, {**SSH, "FromPort": 80, "ToPort": 80}]
    )
    ids = [rule["SecurityGroupRuleId"] for rule in answer["SecurityGroupRules"]]
    revoked = alice.revoke_security_group_ingress(GroupId=group, IpPermissions=[SSH])
    assert [it["SecurityGroupRuleId"] for it in revoked["RevokedSecurityGroupRules"]] == ids[:1]
    ask = alice.revoke_security_group_ingress
    both = {"GroupId": group, "SecurityGroupRuleIds": ids[1:], "IpPermissions": [SSH]}
    assert refusal(ask, **both) == "InvalidParameterCombination"
    revoked = ask(GroupId=group, SecurityGroupRuleIds=[*ids[1:], *ids[1:]])
    assert [it["SecurityGroupRuleId"] for it in revoked["RevokedSecurityGroupRules"]] == ids[1:]
    assert permissions(alice, group) == []


def test_revoking_what_is_not_there_is_told(alice: Any, group: str) -> None:
    answer = alice.revoke_security_group_ingress(GroupId=group, IpPermissions=[SSH])
    assert [it["IpProtocol"] for it in answer["UnknownIpPermissions"]] == ["tcp"]
    ask = alice.revoke_security_group_ingress
    unknown = "sgr-0123456789abcdef0"
    code = refusal(ask, GroupId=group, SecurityGroupRuleIds=[unknown])
    assert code == "InvalidSecurityGroupRuleId.NotFound"
    code = refusal(ask, GroupId=group, SecurityGroupRuleIds=["rule"])
    assert code == "InvalidSecurityGroupRuleId.Malformed"
    assert refusal(ask, GroupId=group) == "MissingParameter"


def test_everything_outwards_can_be_revoked(alice: Any, group: str) -> None:
    everything = permissions(alice, group, "IpPermissionsEgress")
    alice.revoke_security_group_egress(GroupId=group, IpPermissions=everything)
    assert permissions(alice, group, "IpPermissionsEgress") == []
    alice.authorize_security_group_egress(GroupId=group, IpPermissions=[SSH])
    assert permissions(alice, group, "IpPermissionsEgress")[0]["FromPort"] == 22
    assert permissions(alice, group) == []


def test_a_modified_rule_keeps_its_id(alice: Any, group: str) -> None:
    answer = alice.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH])
    id = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    changed = {
        "IpProtocol": "udp",
        "FromPort": 1,
        "ToPort": 9,
        "CidrIpv4": "10.0.0.0/8",
        "Description": "d",
    }
    alice.modify_security_group_rules(
        GroupId=group,
        SecurityGroupRules=[{"SecurityGroupRuleId": id, "SecurityGroupRule": changed}],
    )
    shown = alice.describe_security_group_rules(SecurityGroupRuleIds=[id])["SecurityGroupRules"][0]
    assert {name: shown[name] for name in changed} == changed
    both = {**changed, "CidrIpv6": "::/0"}
    code = refusal(
        alice.modify_security_group_rules,
        GroupId=group,
        SecurityGroupRules=[{"SecurityGroupRuleId": id, "SecurityGroupRule": both}],
    )
    assert code == "InvalidParameterCombination"


def test_descriptions_change_without_the_rule(alice: Any, group: str) -> None:
    answer = alice.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH])
    id = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    new = [{"CidrIp": "0.0.0.0/0", "Description": "the world"}]
    alice.update_security_group_rule_descriptions_ingress(
        GroupId=group, IpPermissions=[{**SSH, "IpRanges": new}]
    )
    assert permissions(alice, group)[0]["IpRanges"] == new
    alice.update_security_group_rule_descriptions_ingress(
        GroupId=group,
        SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": id, "Description": "again"}],
    )
    assert permissions(alice, group)[0]["IpRanges"][0]["Description"] == "again"
    code = refusal(
        alice.update_security_group_rule_descriptions_egress, GroupId=group, IpPermissions=[SSH]
    )
    assert code == "InvalidPermission.NotFound"


def test_rules_are_tagged_at_creation_and_later(alice: Any, group: str) -> None:
    answer = alice.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[SSH],
        TagSpecifications=[
            {"ResourceType": "security-group-rule", "Tags": [{"Key": "a", "Value": "1"}]}
        ],
    )
    (rule,) = answer["SecurityGroupRules"]
    assert rule["Tags"] == [{"Key": "a", "Value": "1"}]
    alice.create_tags(Resources=[rule["SecurityGroupRuleId"]], Tags=[{"Key": "b", "Value": "2"}])
    found = alice.describe_security_group_rules(Filters=[{"Name": "tag:b", "Values": ["2"]}])
    assert [it["Tags"] for it in found["SecurityGroupRules"]] == [
        [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    ]


def test_rules_of_others_are_not_there(alice: Any, bob: Any, group: str) -> None:
    id = rules(alice, group)[0]["SecurityGroupRuleId"]
    code = refusal(bob.describe_security_group_rules, SecurityGroupRuleIds=[id])
    assert code == "InvalidSecurityGroupRuleId.NotFound"
    code = refusal(bob.create_tags, Resources=[id], Tags=[{"Key": "a", "Value": "b"}])
    assert code == "InvalidSecurityGroupRuleId.NotFound"
    shown = {it["GroupId"] for it in bob.describe_security_group_rules()["SecurityGroupRules"]}
    assert group not in shown
