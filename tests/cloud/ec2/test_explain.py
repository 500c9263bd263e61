"""Why a thing is as it is: told to its own account, and to administrators of the cloud."""

import json
import re
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from msgspec.structs import replace

from mallee.cloud.explain import relations, states
from mallee.cloud.state import indexes, records
from mallee.model.compute.instances import Halt, Halted, Phase, Reason
from mallee.model.hosts.plans import HostPlan, InstancePlan, PlannedStep
from tests.cloud.ec2.asking import launch_one
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import FakeHost, Front, World
from tests.cloud.signing import Answer, Sender


def told(sender: Sender, id: str, action: str = "ExplainResource") -> Answer:
    answer = sender.ask("mallee", action, ResourceId=id)
    assert answer.status == 200, answer.text
    return answer


def items(answer: Answer, part: str) -> list[dict[str, str]]:
    """The members of a list of the answer, each with what it says."""
    tree = ElementTree.fromstring(re.sub(r' xmlns="[^"]*"', "", answer.text))
    return [
        {member.tag: member.text or "" for member in item}
        for item in tree.findall(f".//{part}/member")
    ]


def related(answer: Answer, part: str) -> set[tuple[str, str]]:
    return {(one["Kind"], one["ResourceId"]) for one in items(answer, part)}


@pytest.fixture
def bobs(administration: Administration) -> Sender:
    return administration.bob


@pytest.fixture
def instance(bob: Any, host: FakeHost) -> dict[str, Any]:
    return launch_one(bob)


def test_an_instance_says_which_state_follows_from_what(
    bobs: Sender, host: FakeHost, instance: dict[str, Any]
) -> None:
    id = instance["InstanceId"]
    before = told(bobs, id)
    assert before.element("State") == "pending"
    assert "reported nothing of this launch yet" in before.element("Why")
    host.settle()
    after = told(bobs, id)
    assert after.element("State") == "running"
    assert "wanted running (launch 1): it shall run; seen running: its guest runs" in after.text
    assert after.element("Arn").endswith(f":instance/{id}")
    assert items(after, "Troubles") == []


def test_what_an_instance_hangs_on_and_what_hangs_on_it(
    bob: Any, bobs: Sender, instance: dict[str, Any]
) -> None:
    id, interface = instance["InstanceId"], instance["NetworkInterfaces"][0]
    address = bob.allocate_address()["AllocationId"]
    bob.associate_address(AllocationId=address, InstanceId=id)
    answer = told(bobs, id)
    needs = related(answer, "DependsOn")
    assert ("vpc", instance["VpcId"]) in needs
    assert ("subnet", instance["SubnetId"]) in needs
    assert ("image", instance["ImageId"]) in needs
    assert "host" not in {kind for kind, _ in needs}
    assert related(answer, "NamedBy") == {
        ("network-interface", interface["NetworkInterfaceId"]),
        ("elastic-ip", address),
        ("volume", bob.describe_volumes()["Volumes"][0]["VolumeId"]),
    }
    group = told(bobs, instance["SecurityGroups"][0]["GroupId"])
    assert ("network-interface", interface["NetworkInterfaceId"]) in related(group, "NamedBy")


def test_a_tenant_is_told_nothing_of_hosts(
    administration: Administration, host: FakeHost, instance: dict[str, Any]
) -> None:
    id = instance["InstanceId"]
    assert host.id not in told(administration.bob, id).text
    assert host.id in told(administration.sender, id).text
    assert administration.bob.ask("mallee", "ExplainResource", ResourceId=host.id).code == (
        "NoSuchResource"
    )
    answer = told(administration.sender, host.id)
    assert (answer.element("Kind"), answer.element("State")) == ("host", "ENABLED")
    assert ("instance", id) in related(answer, "NamedBy")


@pytest.mark.parametrize("action", ["ExplainResource", "ExplainPlan"])
def test_what_is_anothers_is_not_there(
    alice: Any, bobs: Sender, host: FakeHost, action: str
) -> None:
    theirs = launch_one(alice)
    for id in (
        theirs["InstanceId"],
        theirs["VpcId"],
        theirs["NetworkInterfaces"][0]["NetworkInterfaceId"],
        theirs["SecurityGroups"][0]["GroupId"],
        "i-00000000000000000",
        "arn:aws:s3:::nobodys",
        "nonsense",
    ):
        answer = bobs.ask("mallee", action, ResourceId=id)
        assert (answer.status, answer.code) == (404, "NoSuchResource")
    answer = told(bobs, theirs["InstanceId"], "ExplainCalls")
    assert items(answer, "Calls") == []


def test_explaining_is_permitted_on_the_thing(
    world: World, bob: Any, iam: Any, bobs: Sender, instance: dict[str, Any]
) -> None:
    other = bob.create_security_group(GroupName="other", Description="x")["GroupId"]
    ann = user_who_may(iam, bobs, f"arn:aws:ec2:*:*:instance/{instance['InstanceId']}")
    assert told(ann, instance["InstanceId"]).element("Kind") == "instance"
    assert items(told(ann, instance["InstanceId"], "ExplainCalls"), "Calls") != []
    for id in (other, "i-00000000000000000", "a-bucket"):
        for action in ("ExplainResource", "ExplainPlan", "ExplainCalls"):
            answer = ann.ask("mallee", action, ResourceId=id)
            assert (answer.status, answer.code) == (403, "AccessDenied"), action
    nobody = user_who_may(iam, bobs, "arn:aws:ec2:*:*:vpc/none")
    answer = nobody.ask("mallee", "ExplainResource", ResourceId=instance["InstanceId"])
    assert (answer.status, answer.code) == (403, "AccessDenied")


def user_who_may(iam: Any, bobs: Sender, resource: str) -> Sender:
    """A user who may explain one thing and nothing else."""
    name = f"user-{abs(hash(resource))}"
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": "mallee:Explain*", "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="one", PolicyDocument=document)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    key = {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}
    return Sender(bobs.port, key)


def test_a_failed_launch_says_cause_and_cure(
    bobs: Sender, host: FakeHost, instance: dict[str, Any]
) -> None:
    cause = Reason("Server.InternalError", "Host hut: cloning the disk failed.")
    host.report(instance["InstanceId"], Phase.PREPARING, cause)
    (trouble,) = items(told(bobs, instance["InstanceId"]), "Troubles")
    assert trouble["Cause"] == "Server.InternalError: Host hut: cloning the disk failed."
    assert "launch or start it again" in trouble["Cure"]


def test_a_silent_host_is_a_trouble_of_what_it_carries(
    bobs: Sender, host: FakeHost, instance: dict[str, Any]
) -> None:
    host.fall_silent()
    (trouble,) = items(told(bobs, instance["InstanceId"]), "Troubles")
    assert "nothing is heard of its host" in trouble["Cause"]
    answer = bobs.ask("mallee", "ExplainPlan", ResourceId=instance["InstanceId"])
    assert (answer.status, answer.code) == (503, "Unavailable")


@pytest.mark.parametrize(
    ("by", "words", "cure"),
    [
        (Halt.NO_ROOM, "finds no room on its host's disk", "goes on by itself when there is room"),
        (Halt.QEMU_SILENT, "its QEMU does not answer its host", "stop it by force"),
    ],
)
def test_what_keeps_a_guest_from_going_on_is_a_trouble(
    world: World,
    bobs: Sender,
    host: FakeHost,
    instance: dict[str, Any],
    by: Halt,
    words: str,
    cure: str,
) -> None:
    host.settle()

    def look(tx: Any) -> None:
        record = tx.get(records.INSTANCE, instance["InstanceId"])
        tx.observe(record, replace(record.seen, halted=Halted(by, 1_700_000_000.0)))

    world.store.transact(look)
    answer = told(bobs, instance["InstanceId"])
    assert f"seen running: its guest runs, and {states.HALTS[by]}" in answer.text
    (trouble,) = items(answer, "Troubles")
    assert words in trouble["Cause"]
    assert "since 2023-11-14T22:13:20" in trouble["Cause"]
    assert cure in trouble["Cure"]


def test_a_public_address_without_a_way_out_is_a_trouble(
    bob: Any, bobs: Sender, host: FakeHost, instance: dict[str, Any]
) -> None:
    host.settle()
    interface = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
    subnet = instance["SubnetId"]
    assert items(told(bobs, interface), "Troubles") == []
    table = bob.create_route_table(VpcId=instance["VpcId"])["RouteTable"]["RouteTableId"]
    bob.associate_route_table(RouteTableId=table, SubnetId=subnet)
    for id in (instance["InstanceId"], interface):
        (trouble,) = items(told(bobs, id), "Troubles")
        assert f"no route of {subnet} leads out" in trouble["Cause"]
        assert "CreateRoute" in trouble["Cure"]


def test_a_dead_route_is_a_trouble(bob: Any, bobs: Sender) -> None:
    vpc = bob.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    gateway = bob.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    bob.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = bob.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    bob.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    assert "1 routes beside the local ones, 0 of them dead" in told(bobs, table).text
    assert ("route-table", table) in related(told(bobs, gateway), "NamedBy")
    bob.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    (trouble,) = items(told(bobs, table), "Troubles")
    assert f"the route to 0.0.0.0/0 leads nowhere: {gateway}" in trouble["Cause"]


def test_the_past_of_what_is_gone_is_told_to_its_account_alone(
    alice: Any, bob: Any, bobs: Sender
) -> None:
    group = bob.create_security_group(GroupName="gone", Description="x")["GroupId"]
    bob.delete_security_group(GroupId=group)
    answer = told(bobs, group)
    assert answer.element("State") == "gone"
    assert [one["Summary"] for one in items(answer, "Changes")] == ["insert", "delete"]
    theirs = alice.create_security_group(GroupName="gone", Description="x")["GroupId"]
    alice.delete_security_group(GroupId=theirs)
    assert bobs.ask("mallee", "ExplainResource", ResourceId=theirs).code == "NoSuchResource"


def test_an_address_keeps_its_former_owners_changes_to_itself(
    alice: Any, bob: Any, world: World, administration: Administration
) -> None:
    made = alice.allocate_address(
        TagSpecifications=[
            {"ResourceType": "elastic-ip", "Tags": [{"Key": "plan", "Value": "hers-alone"}]}
        ]
    )
    alice.enable_address_transfer(
        AllocationId=made["AllocationId"], TransferAccountId=world.accounts["bob"]
    )
    bob.accept_address_transfer(Address=made["PublicIp"])
    (mine,) = bob.describe_addresses()["Addresses"]
    answer = told(administration.bob, mine["AllocationId"])
    assert "hers-alone" not in answer.text
    assert world.accounts["alice"] not in answer.text


def test_the_other_sides_tags_of_a_peering_are_not_told(
    alice: Any, bob: Any, world: World, administration: Administration
) -> None:
    hers = alice.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    his = bob.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
    made = bob.create_vpc_peering_connection(
        VpcId=his, PeerVpcId=hers, PeerOwnerId=world.accounts["alice"]
    )["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    alice.accept_vpc_peering_connection(VpcPeeringConnectionId=made)
    alice.create_tags(Resources=[made], Tags=[{"Key": "plan", "Value": "hers-alone"}])
    bob.create_tags(Resources=[made], Tags=[{"Key": "plan", "Value": "his-own"}])
    answer = told(administration.bob, made)
    assert answer.element("State") == "active"
    assert "his-own" in answer.text
    assert "hers-alone" not in answer.text
    assert hers not in {id for _, id in related(answer, "DependsOn")}


def test_user_data_is_not_told(bob: Any, bobs: Sender, host: FakeHost) -> None:
    instance = launch_one(bob, UserData="c2VjcmV0LXdvcmQ=")
    text = told(bobs, instance["InstanceId"]).text
    assert "c2VjcmV0" not in text
    assert "secret-word" not in text


def test_the_host_is_asked_what_it_would_do(
    front: Front, administration: Administration, host: FakeHost, instance: dict[str, Any]
) -> None:
    id = instance["InstanceId"]
    step = PlannedStep("CloneDisk", "cloning the disk\x1b[2J", id)
    cause = Reason("Server.InternalError", "the disk is broken")
    mine = InstancePlan(
        instance_id=id, stage="new", steps=(step,), looks_again_at=5.0, tries=2, last_failure=cause
    )
    other = InstancePlan(instance_id="i-11111111111111111", stage="new", steps=(step,))
    plan = HostPlan(
        generation=7,
        network_generation=6,
        network_problems=("nft is gone",),
        instances=(mine, other),
    )
    for sender, sees in ((administration.bob, False), (administration.sender, True)):
        answering = front.answer_next_ask(host.id, msgspec.json.encode(plan))
        answer = told(sender, id, "ExplainPlan")
        asked = answering.result(60)
        assert (asked.kind, asked.instance_id) == ("plan", id)
        (found,) = items(answer, "Plans")
        assert (found["InstanceId"], found["Stage"], found["Tries"]) == (id, "new", "2")
        assert found["LastFailure"] == "Server.InternalError: the disk is broken"
        assert (answer.element("Generation"), answer.element("IsNetworkSet")) == ("7", "false")
        assert "cloning the disk" in answer.element("Words")
        assert answer.element("Words").isprintable()
        assert ("nft is gone" in answer.text) is sees
        assert (host.id in answer.text) is sees


def test_an_interface_and_an_address_have_the_plan_of_their_instance(
    front: Front, bob: Any, bobs: Sender, host: FakeHost, instance: dict[str, Any]
) -> None:
    address = bob.allocate_address()["AllocationId"]
    bob.associate_address(AllocationId=address, InstanceId=instance["InstanceId"])
    plan = msgspec.json.encode(HostPlan(generation=1, network_generation=1))
    for id in (instance["NetworkInterfaces"][0]["NetworkInterfaceId"], address):
        assert told(bobs, id).element("HasPlan") == "true"
        answering = front.answer_next_ask(host.id, plan)
        assert told(bobs, id, "ExplainPlan").element("IsNetworkSet") == "true"
        assert answering.result(60).instance_id == instance["InstanceId"]


def test_what_no_host_has_a_plan_for_is_said(bobs: Sender, instance: dict[str, Any]) -> None:
    for id in (instance["VpcId"], instance["SubnetId"]):
        assert told(bobs, id).element("HasPlan") == "false"
        answer = bobs.ask("mallee", "ExplainPlan", ResourceId=id)
        assert answer.code == "InvalidInput"
        assert "Ask about one of these" in answer.message


@pytest.mark.parametrize("answer", [b"", b"{}", b"\xff", b'{"generation":"x"}'])
def test_a_host_that_answers_nonsense_is_said(
    front: Front, bobs: Sender, host: FakeHost, instance: dict[str, Any], answer: bytes
) -> None:
    front.answer_next_ask(host.id, answer)
    refused = bobs.ask("mallee", "ExplainPlan", ResourceId=instance["InstanceId"])
    assert (refused.status, refused.code) == (503, "Unavailable")


def test_who_changed_what_is_told(bob: Any, bobs: Sender, instance: dict[str, Any]) -> None:
    id = instance["InstanceId"]
    bob.create_tags(Resources=[id], Tags=[{"Key": "a", "Value": "b"}])
    bob.describe_instances(InstanceIds=[id])
    bob.create_tags(Resources=[instance["VpcId"]], Tags=[{"Key": "mentions", "Value": f"x{id}"}])
    answer = told(bobs, id, "ExplainCalls")
    assert re.findall("<ActionName>(.*?)</ActionName>", answer.text) == [
        "CreateTags",
        "RunInstances",
    ]


def test_a_bucket_is_explained_without_its_key(
    world: World, bobs: Sender, administration: Administration
) -> None:
    world.store.transact(
        lambda tx: tx.insert(
            records.BUCKET,
            world.accounts["bob"],
            "bobs-bucket",
            records.BUCKET.doc(
                name="bobs-bucket", number=1, created_at=0.0, sealed_key=b"sealed-thing"
            ),
        )
    )
    for name in ("bobs-bucket", "arn:aws:s3:::bobs-bucket"):
        answer = told(bobs, name)
        assert (answer.element("Kind"), answer.element("Arn")) == (
            "bucket",
            "arn:aws:s3:::bobs-bucket",
        )
        assert "versioning: Never" in answer.element("Why")
    for sender in (bobs, administration.sender):
        text = told(sender, "bobs-bucket").text
        assert "sealed" not in text
        assert "c2VhbGVkLXRoaW5n" not in text


def test_whatever_names_a_thing_is_found_by_an_index_that_is_there() -> None:
    for name, found in relations.NAMED_BY.items():
        assert name in records.KINDS
        for kind, index in found:
            assert index in indexes.INDEXES[kind.name], (kind.name, index)
