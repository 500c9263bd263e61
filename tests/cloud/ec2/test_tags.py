"""Tags: on everything, within limits, replaced by key, and gone as precisely as asked."""

from typing import Any

import pytest

from tests.cloud.ec2.asking import launch_one, refusal
from tests.cloud.ec2.world import IMAGE_ID, FakeHost


def tag(key: str, value: str = "") -> dict[str, str]:
    return {"Key": key, "Value": value}


def tags_of(client: Any, id: str) -> dict[str, str]:
    wanted = [{"Name": "resource-id", "Values": [id]}]
    return {it["Key"]: it["Value"] for it in client.describe_tags(Filters=wanted)["Tags"]}


@pytest.fixture
def vpc(alice: Any) -> str:
    return alice.describe_vpcs()["Vpcs"][0]["VpcId"]


def everything(alice: Any) -> dict[str, str]:
    """One thing of each kind, by its type."""
    instance = launch_one(alice)
    return {
        "instance": instance["InstanceId"],
        "network-interface": instance["NetworkInterfaces"][0]["NetworkInterfaceId"],
        "vpc": instance["VpcId"],
        "subnet": instance["SubnetId"],
        "security-group": instance["SecurityGroups"][0]["GroupId"],
        "image": IMAGE_ID,
        "elastic-ip": alice.allocate_address()["AllocationId"],
        "key-pair": alice.create_key_pair(KeyName="k", KeyType="ed25519")["KeyPairId"],
        "security-group-rule": alice.describe_security_group_rules()["SecurityGroupRules"][0][
            "SecurityGroupRuleId"
        ],
    }


def test_every_kind_of_thing_takes_tags(alice: Any, host: FakeHost) -> None:
    things = everything(alice)
    alice.create_tags(Resources=list(things.values()), Tags=[tag("a", "1"), tag("b")])
    shown = alice.describe_tags()["Tags"]
    assert {(it["ResourceType"], it["ResourceId"]) for it in shown} == set(things.items())
    assert {(it["Key"], it["Value"]) for it in shown} == {("a", "1"), ("b", "")}
    found = alice.describe_tags(Filters=[{"Name": "resource-type", "Values": ["vpc"]}])["Tags"]
    assert {it["ResourceId"] for it in found} == {things["vpc"]}


def test_things_of_others_are_not_tagged(alice: Any, bob: Any, host: FakeHost) -> None:
    for id in everything(alice).values():
        code = refusal(bob.create_tags, Resources=[id], Tags=[tag("a")])
        assert code.endswith(".NotFound")
        assert refusal(bob.delete_tags, Resources=[id]).endswith(".NotFound")
    assert bob.describe_tags()["Tags"] == []


def test_one_wrong_thing_saves_all(alice: Any, vpc: str) -> None:
    for stranger, code in (
        ("i-0123456789abcdef0", "InvalidInstanceID.NotFound"),
        ("zz-0123456789abcdef0", "InvalidID"),
        ("nonsense", "InvalidID"),
        ("vpc-x", "InvalidVpcId.Malformed"),
    ):
        assert refusal(alice.create_tags, Resources=[vpc, stranger], Tags=[tag("a")]) == code
    assert tags_of(alice, vpc) == {}


def test_a_tag_is_replaced_by_its_key(alice: Any, vpc: str) -> None:
    alice.create_tags(Resources=[vpc], Tags=[tag("a", "1"), tag("b", "2")])
    alice.create_tags(Resources=[vpc], Tags=[tag("a", "3")])
    assert tags_of(alice, vpc) == {"a": "3", "b": "2"}


def test_tags_go_by_key_by_value_or_all(alice: Any, vpc: str) -> None:
    mine = [tag("a", "1"), tag("b", "2"), tag("c", ""), tag("d", "4")]
    alice.create_tags(Resources=[vpc], Tags=mine)
    alice.delete_tags(Resources=[vpc], Tags=[{"Key": "a"}, tag("b", "other"), tag("d", "")])
    assert tags_of(alice, vpc) == {"b": "2", "c": "", "d": "4"}
    alice.delete_tags(Resources=[vpc], Tags=[tag("b", "2"), tag("c", ""), {"Key": "nothing"}])
    assert tags_of(alice, vpc) == {"d": "4"}
    alice.delete_tags(Resources=[vpc])
    assert tags_of(alice, vpc) == {}


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ([tag("aws:mine")], "InvalidParameterValue"),
        ([tag("")], "InvalidParameterValue"),
        ([tag("k" * 129)], "InvalidParameterValue"),
        ([tag("k", "v" * 257)], "InvalidParameterValue"),
        ([tag("k"), tag("k")], "InvalidParameterValue"),
        ([tag(f"k{i}") for i in range(51)], "TagLimitExceeded"),
    ],
)
def test_what_no_tag_may_be(alice: Any, vpc: str, tags: list[dict[str, str]], code: str) -> None:
    assert refusal(alice.create_tags, Resources=[vpc], Tags=tags) == code
    assert tags_of(alice, vpc) == {}


def test_a_thing_has_fifty_tags_at_most(alice: Any, vpc: str) -> None:
    alice.create_tags(Resources=[vpc], Tags=[tag(f"k{i}", "v" * 256) for i in range(50)])
    assert refusal(alice.create_tags, Resources=[vpc], Tags=[tag("x")]) == "TagLimitExceeded"
    alice.create_tags(Resources=[vpc], Tags=[tag("k7", "new")])
    assert tags_of(alice, vpc)["k7"] == "new"


def test_letter_case_and_wildcards_count(alice: Any, vpc: str) -> None:
    alice.create_tags(Resources=[vpc], Tags=[tag("Name", "a*b")])

    def found(value: str) -> int:
        return len(alice.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": [value]}])["Vpcs"])

    assert [found(it) for it in ("a*b", "a\\*b", "A*b", "a?b", "a\\?b")] == [1, 1, 0, 1, 0]


def test_paging_shows_every_tag_once(alice: Any, vpc: str) -> None:
    alice.create_tags(Resources=[vpc], Tags=[tag(f"k{i:02}") for i in range(17)])
    pages = list(alice.get_paginator("describe_tags").paginate(PaginationConfig={"PageSize": 5}))
    shown = [it["Key"] for page in pages for it in page["Tags"]]
    assert shown == [f"k{i:02}" for i in range(17)]
    assert len(pages) == 4
