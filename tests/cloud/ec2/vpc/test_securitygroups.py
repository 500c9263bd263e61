"""Security groups: the default one, names, what holds a group, and how they are found."""

from typing import Any

import pytest

from tests.cloud.ec2.asking import launch_one, refusal, refused
from tests.cloud.ec2.world import FakeHost

NOBODY = "sg-0123456789abcdef0"


def group_of(client: Any, id: str) -> dict[str, Any]:
    return client.describe_security_groups(GroupIds=[id])["SecurityGroups"][0]


def make(client: Any, name: str) -> str:
    return client.create_security_group(GroupName=name, Description=f"the {name}")["GroupId"]


def test_the_default_group_admits_its_members_and_everything_outwards(alice: Any) -> None:
    (group,) = alice.describe_security_groups()["SecurityGroups"]
    assert (group["GroupName"], group["Description"]) == ("default", "default VPC security group")
    (inwards,) = group["IpPermissions"]
    assert inwards["IpProtocol"] == "-1"
    assert inwards["UserIdGroupPairs"] == [
        {"GroupId": group["GroupId"], "UserId": group["OwnerId"]}
    ]
    (outwards,) = group["IpPermissionsEgress"]
    assert outwards["IpRanges"] == [{"CidrIp": "0.0.0.0/0"}]


def test_a_new_group_admits_nothing_inwards(alice: Any) -> None:
    made = alice.create_security_group(
        GroupName="web",
        Description="for the web",
        TagSpecifications=[
            {"ResourceType": "security-group", "Tags": [{"Key": "Name", "Value": "web"}]}
        ],
    )
    group = group_of(alice, made["GroupId"])
    assert group["IpPermissions"] == []
    assert group["IpPermissionsEgress"][0]["IpProtocol"] == "-1"
    assert group["Tags"] == made["Tags"] == [{"Key": "Name", "Value": "web"}]
    assert group["SecurityGroupArn"].endswith(f":security-group/{made['GroupId']}")


def test_a_name_is_given_once_per_vpc(alice: Any, bob: Any) -> None:
    make(alice, "web")
    code, message = refused(alice.create_security_group, GroupName="web", Description="d")
    assert code == "InvalidGroup.Duplicate"
    assert "'web'" in message
    make(bob, "web")


@pytest.mark.parametrize("name", ["default", "sg-mine", "", "no\tthing", "x" * 256])
def test_names_that_cannot_be(alice: Any, name: str) -> None:
    code = refusal(alice.create_security_group, GroupName=name, Description="d")
    assert code == "InvalidParameterValue"


def test_a_deleted_name_is_free_again(alice: Any) -> None:
    alice.delete_security_group(GroupId=make(alice, "web"))
    alice.delete_security_group(GroupName=group_of(alice, make(alice, "web"))["GroupName"])
    assert len(alice.describe_security_groups()["SecurityGroups"]) == 1


def test_the_default_group_cannot_be_deleted(alice: Any) -> None:
    assert refusal(alice.delete_security_group, GroupName="default") == "CannotDelete"


def test_a_worn_group_cannot_be_deleted_until_its_instance_is_gone(
    alice: Any, host: FakeHost
) -> None:
    id = make(alice, "web")
    made = launch_one(alice, SecurityGroupIds=[id])["InstanceId"]
    host.settle()
    assert refusal(alice.delete_security_group, GroupId=id) == "DependencyViolation"
    alice.terminate_instances(InstanceIds=[made])
    assert refusal(alice.delete_security_group, GroupId=id) == "DependencyViolation"
    host.settle()
    alice.delete_security_group(GroupId=id)


def test_a_group_that_another_names_cannot_be_deleted(alice: Any) -> None:
    web, db = make(alice, "web"), make(alice, "db")
    rule = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": web}]}
    alice.authorize_security_group_ingress(GroupId=db, IpPermissions=[rule])
    assert refusal(alice.delete_security_group, GroupId=web) == "DependencyViolation"
    alice.delete_security_group(GroupId=db)
    alice.delete_security_group(GroupId=web)


def test_a_group_may_name_itself_and_go(alice: Any) -> None:
    web = make(alice, "web")
    rule = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": web}]}
    alice.authorize_security_group_ingress(GroupId=web, IpPermissions=[rule])
    alice.delete_security_group(GroupId=web)


def test_groups_of_others_are_not_there(alice: Any, bob: Any) -> None:
    id = make(alice, "web")
    for ask in (bob.delete_security_group, bob.authorize_security_group_ingress):
        assert refusal(ask, GroupId=id) == "InvalidGroup.NotFound"
    assert refusal(bob.describe_security_groups, GroupIds=[id]) == "InvalidGroup.NotFound"
    assert refusal(bob.describe_security_groups, GroupNames=["web"]) == "InvalidGroup.NotFound"
    names = [it["GroupName"] for it in bob.describe_security_groups()["SecurityGroups"]]
    assert names == ["default"]


def test_wrong_ids(alice: Any) -> None:
    for id, code in ((NOBODY, "InvalidGroup.NotFound"), ("web", "InvalidGroupId.Malformed")):
        assert refusal(alice.describe_security_groups, GroupIds=[id]) == code
        assert refusal(alice.delete_security_group, GroupId=id) == code
    assert refusal(alice.delete_security_group) == "MissingParameter"


def test_filters_find_groups_by_their_rules(alice: Any) -> None:
    web = make(alice, "web")
    make(alice, "wiki")
    alice.authorize_security_group_ingress(
        GroupId=web, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="10.0.0.0/8"
    )

    def found(**filters: str) -> list[str]:
        wanted = [{"Name": k.replace("_", "-"), "Values": [v]} for k, v in filters.items()]
        groups = alice.describe_security_groups(Filters=wanted)["SecurityGroups"]
        return sorted(it["GroupName"] for it in groups)

    assert found(group_name="w*") == ["web", "wiki"]
    assert found(group_name="w?b") == ["web"]
    assert found(**{"ip-permission.cidr": "10.0.0.0/8"}) == ["web"]
    assert found(**{"ip-permission.from-port": "80", "group-name": "w*"}) == ["web"]
    assert found(**{"ip-permission.group-name": "default"}) == ["default"]
    assert found(**{"egress.ip-permission.protocol": "-1"}) == ["default", "web", "wiki"]
    assert refusal(found, nonsense="x") == "InvalidParameterValue"
