"""Everything that stands against a launch is told at once, and nothing is taken by asking."""

import re
from typing import Any

import pytest

from mallee.cloud.ec2.vpc.addresses import publicpool
from mallee.model.hosts.hosts import Capacity
from tests.cloud.ec2.asking import launch, launch_one, refused
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import FakeHost, World
from tests.cloud.signing import Answer, Sender


def told(sender: Sender, **request: str) -> Answer:
    request.setdefault("InstanceType", "t3.micro")
    answer = sender.ask("mallee", "ExplainLaunch", **request)
    assert answer.status == 200, answer.text
    return answer


def codes(answer: Answer) -> list[str]:
    return re.findall("<Code>(.*?)</Code>", answer.text)


@pytest.fixture
def bobs(administration: Administration) -> Sender:
    return administration.bob


def test_nothing_stands_against_what_is_possible(
    bob: Any, bobs: Sender, host: FakeHost, world: World
) -> None:
    rev = world.store.view.rev
    answer = told(bobs, Count="3")
    assert (answer.element("IsPossible"), answer.element("Count")) == ("true", "3")
    assert codes(answer) == []
    assert world.store.view.rev == rev
    default = bob.describe_subnets()["Subnets"][0]
    assert answer.element("SubnetId") == default["SubnetId"]
    assert answer.element("AvailabilityZone") == default["AvailabilityZone"]


def test_everything_that_is_short_is_told_with_its_cure(
    administration: Administration, world: World
) -> None:
    small = Capacity(vcpus=1, memory_mib=512, disk_gib=1)
    FakeHost(world, "small", small, world.settings.zone)
    administration.limit("ec2:quota-vminstancenumber", 1)
    administration.limit("ec2:quota-cputotalsize", 2)
    answer = told(administration.bob, Count="2")
    assert answer.element("IsPossible") == "false"
    assert sorted(codes(answer)) == [
        "InstanceLimitExceeded",
        "InsufficientInstanceCapacity",
        "VcpuLimitExceeded",
    ]
    assert "Host small is short of vcpus (needs 2, 1 of 1 free), memory" in answer.text
    assert "have the quota raised" in answer.text
    assert "have another host join" in answer.text


def test_the_first_thing_told_is_what_a_launch_is_refused_with(
    bob: Any, administration: Administration, host: FakeHost
) -> None:
    administration.limit("ec2:quota-vminstancenumber", 1)
    (code,) = codes(told(administration.bob, Count="2"))
    assert refused(launch, client=bob, count=2, InstanceType="t3.micro")[0] == code
    assert launch_one(bob, InstanceType="t3.micro")["State"]["Name"] == "pending"


def test_a_subnet_without_addresses_and_an_empty_pool_are_told(
    bob: Any, bobs: Sender, host: FakeHost, world: World
) -> None:
    vpc = bob.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = bob.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/28")["Subnet"]["SubnetId"]
    assert codes(told(bobs, SubnetId=subnet, Count="11")) == []
    assert codes(told(bobs, SubnetId=subnet, Count="12")) == ["InsufficientFreeAddressesInSubnet"]
    bob.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})

    def take_all(tx: Any) -> None:
        for number in range(publicpool.size(world.settings)):
            tx.claim(publicpool.SPACE, f"taken-{number}", "somebody")

    world.store.transact(take_all)
    assert codes(told(bobs, SubnetId=subnet)) == ["InsufficientAddressCapacity"]


def test_a_zone_without_hosts_and_a_silent_host_are_told(
    bobs: Sender, host: FakeHost, world: World
) -> None:
    host.fall_silent()
    answer = told(bobs)
    assert codes(answer) == ["InsufficientInstanceCapacity"]
    assert "Host hut is silent" in answer.text


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"InstanceType": "t9.none"}, "InvalidParameterValue"),
        ({"AvailabilityZone": "us-east-1z"}, "InvalidInput"),
        ({"SubnetId": "subnet-00000000000000000"}, "InvalidSubnetID.NotFound"),
        ({"SubnetId": "nonsense"}, "InvalidSubnetId.Malformed"),
        ({"Count": "0"}, "ValidationError"),
        ({"Count": "1001"}, "ValidationError"),
        ({"ImageId": "ami-00000000000000001"}, "InvalidQueryParameter"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    bobs: Sender, host: FakeHost, request_: dict[str, str], code: str
) -> None:
    asked = {"InstanceType": "t3.micro", **request_}
    assert bobs.ask("mallee", "ExplainLaunch", **asked).code == code


def test_anothers_subnet_is_not_there(alice: Any, bobs: Sender, host: FakeHost) -> None:
    theirs = alice.describe_subnets()["Subnets"][0]["SubnetId"]
    answer = bobs.ask("mallee", "ExplainLaunch", InstanceType="t3.micro", SubnetId=theirs)
    assert answer.code == "InvalidSubnetID.NotFound"


def test_who_is_allowed_nothing_is_told_nothing(iam: Any, bobs: Sender, host: FakeHost) -> None:
    iam.create_user(UserName="nobody")
    made = iam.create_access_key(UserName="nobody")["AccessKey"]
    key = {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}
    answer = Sender(bobs.port, key).ask("mallee", "ExplainLaunch", InstanceType="t3.micro")
    assert (answer.status, answer.code) == (403, "AccessDenied")
