"""What becomes of a packet is told to the account whose networks it crosses, and no further."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.reconcile import gateways
from mallee.cloud.state import records, store
from tests.cloud.ec2.asking import launch_one
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.transit import hubs
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.world import FakeHost, World
from tests.cloud.signing import Answer, Sender


def told(sender: Sender, source: str, destination: str, **more: str) -> Answer:
    asked = {"SourceId": source, "Destination": destination, **(more or {"Port": "22"})}
    answer = sender.ask("mallee", "ExplainPacket", **asked)
    assert answer.status == 200, answer.text
    return answer


def notes(answer: Answer) -> str:
    """What is told besides."""
    return "; ".join(re.findall("<member>(.*?)</member>", answer.element("Notes")))


def verdict(answer: Answer) -> tuple[str, str, str]:
    return answer.element("Passes"), answer.element("End"), answer.element("At")


@dataclass
class Pair:
    """Two instances of Bob's in one VPC, each with a group of its own."""

    one: dict[str, Any]
    two: dict[str, Any]
    group: str

    @property
    def ids(self) -> tuple[str, str]:
        return self.one["InstanceId"], self.two["InstanceId"]

    @property
    def interfaces(self) -> tuple[str, str]:
        one, two = self.one["NetworkInterfaces"], self.two["NetworkInterfaces"]
        return one[0]["NetworkInterfaceId"], two[0]["NetworkInterfaceId"]


@pytest.fixture
def bobs(administration: Administration) -> Sender:
    return administration.bob


@pytest.fixture
def pair(bob: Any, host: FakeHost) -> Pair:
    one = launch_one(bob)
    group = bob.create_security_group(GroupName="two", Description="x", VpcId=one["VpcId"])[
        "GroupId"
    ]
    two = launch_one(bob, SecurityGroupIds=[group])
    host.settle()
    return Pair(one, two, group)


def test_a_group_that_lets_nobody_in_is_named_with_its_cure(
    bob: Any, bobs: Sender, pair: Pair
) -> None:
    answer = told(bobs, *pair.ids)
    assert verdict(answer) == ("false", "ingress", pair.interfaces[1])
    assert answer.element("Cure") == "AuthorizeSecurityGroupIngress"
    bob.authorize_security_group_ingress(
        GroupId=pair.group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    assert verdict(told(bobs, *pair.ids)) == ("true", "arrived", pair.interfaces[1])
    assert verdict(told(bobs, *pair.interfaces)) == ("true", "arrived", pair.interfaces[1])
    assert verdict(told(bobs, *pair.ids, Port="23"))[:2] == ("false", "ingress")
    assert verdict(told(bobs, *pair.ids, Protocol="icmp"))[:2] == ("false", "ingress")
    assert verdict(told(bobs, *pair.ids, Protocol="udp", Port="22"))[:2] == ("false", "ingress")


def test_an_instance_that_does_not_run_is_noted(bob: Any, bobs: Sender, pair: Pair) -> None:
    bob.stop_instances(InstanceIds=[pair.ids[1]])
    answer = told(bobs, *pair.ids)
    assert f"{pair.ids[1]}, which has {pair.interfaces[1]}, shall not run" in answer.text


def test_the_way_to_the_world_and_back_in(bob: Any, bobs: Sender, pair: Pair) -> None:
    answer = told(bobs, pair.ids[0], "198.51.100.9", Port="443")
    assert verdict(answer) == ("true", "world", "")
    assert re.search(r"<Met><member>igw-", answer.text)
    address = bob.allocate_address()
    bob.associate_address(AllocationId=address["AllocationId"], InstanceId=pair.ids[1])
    answer = told(bobs, pair.ids[0], address["PublicIp"])
    assert verdict(answer) == ("false", "ingress", pair.interfaces[1])


def test_a_way_to_the_world_that_nobody_leads_is_noted_and_the_host_named_to_few(
    bobs: Sender, administration: Administration, pair: Pair, world: World
) -> None:
    asked = (pair.ids[0], "198.51.100.9")
    world.store.transact(gateways.decide)
    charge = world.store.view.list(records.GATEWAY)[0]
    heard = replace(charge.doc, known_standby_id="")
    world.store.transact(lambda tx: tx.write(charge, heard))
    assert notes(told(bobs, *asked)) == ""

    def silence(tx: store.Tx) -> None:
        found = tx.get(records.HOST, heard.host_id)
        assert found is not None
        assert found.seen is not None
        tx.observe(found, replace(found.seen, is_silent=True))

    world.store.transact(silence)
    answer = told(bobs, *asked)
    assert verdict(answer) == ("true", "world", "")
    assert "is not heard" in notes(answer)
    assert "hut" not in notes(answer)
    assert "is not heard, and may lead nobody: hut;" in notes(told(administration.sender, *asked))
    assert notes(told(bobs, *pair.ids)) == ""


def test_a_table_without_a_way_out_and_an_acl_are_named(bob: Any, bobs: Sender, pair: Pair) -> None:
    vpc, subnet = pair.one["VpcId"], pair.one["SubnetId"]
    acl = bob.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    found = bob.describe_network_acls(
        Filters=[{"Name": "association.subnet-id", "Values": [subnet]}]
    )["NetworkAcls"][0]["Associations"]
    association = next(it for it in found if it["SubnetId"] == subnet)["NetworkAclAssociationId"]
    bob.replace_network_acl_association(AssociationId=association, NetworkAclId=acl)
    assert verdict(told(bobs, pair.ids[0], "198.51.100.9")) == ("false", "acl-out", acl)
    table = bob.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    bob.associate_route_table(RouteTableId=table, SubnetId=subnet)
    answer = told(bobs, pair.ids[0], "198.51.100.9")
    assert verdict(answer) == ("false", "no-route", table)


def test_an_address_that_nobody_has(bobs: Sender, pair: Pair) -> None:
    begin = pair.one["PrivateIpAddress"].rpartition(".")[0]
    held = {pair.one["PrivateIpAddress"], pair.two["PrivateIpAddress"]}
    free = next(ip for ip in (f"{begin}.{end}" for end in (249, 250, 251)) if ip not in held)
    assert verdict(told(bobs, pair.ids[0], free)) == ("false", "nobody", free)


def test_what_becomes_of_it_with_another_account_is_not_told(
    alice: Any, bob: Any, bobs: Sender, world: World, host: FakeHost
) -> None:
    ends: list[tuple[str, str, str]] = []
    for client, block in ((bob, "10.2"), (alice, "10.1")):
        vpc = client.create_vpc(CidrBlock=f"{block}.0.0/16")["Vpc"]["VpcId"]
        subnet = client.create_subnet(VpcId=vpc, CidrBlock=f"{block}.1.0/24")["Subnet"]["SubnetId"]
        made = client.create_network_interface(SubnetId=subnet)["NetworkInterface"]
        ends.append((vpc, made["NetworkInterfaceId"], made["PrivateIpAddress"]))
    peering = bob.create_vpc_peering_connection(
        VpcId=ends[0][0], PeerVpcId=ends[1][0], PeerOwnerId=world.accounts["alice"]
    )["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    alice.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    tables = bob.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [ends[0][0]]}])
    bob.create_route(
        RouteTableId=tables["RouteTables"][0]["RouteTableId"],
        DestinationCidrBlock="10.1.0.0/16",
        VpcPeeringConnectionId=peering,
    )
    for destination in (ends[1][2], "10.1.1.99"):
        answer = told(bobs, ends[0][1], destination)
        assert verdict(answer) == ("false", "beyond", "")
        assert peering in answer.text
        assert ends[1][1] not in answer.text
    assert "is attached to nothing" in answer.text
    refused = bobs.ask(
        "mallee", "ExplainPacket", SourceId=ends[0][1], Destination=ends[1][1], Port="22"
    )
    assert refused.code == "InvalidNetworkInterfaceID.NotFound"
    refused = bobs.ask(
        "mallee", "ExplainPacket", SourceId=ends[1][1], Destination="10.2.1.9", Port="22"
    )
    assert refused.code == "InvalidNetworkInterfaceID.NotFound"


def test_a_packet_through_a_transit_gateway_is_told_of(
    alice: Any, bob: Any, bobs: Sender, host: FakeHost
) -> None:
    """Which of the gateway's tables drops it; in another account's VPC nothing is told."""
    hub = hubs.make(bob)
    ends = [
        bob.create_network_interface(SubnetId=net.subnet)["NetworkInterface"] for net in hub.vpcs
    ]
    for net in hub.vpcs:
        bob.create_route(
            RouteTableId=net.table, DestinationCidrBlock="10.0.0.0/8", TransitGatewayId=hub.id
        )
    sender, far = ends[0]["NetworkInterfaceId"], ends[1]["PrivateIpAddress"]
    group = ends[1]["Groups"][0]["GroupId"]
    assert verdict(told(bobs, sender, far))[:2] == ("false", "ingress")
    bob.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="10.10.0.0/16"
    )
    answer = told(bobs, sender, far)
    assert verdict(answer) == ("true", "arrived", ends[1]["NetworkInterfaceId"])
    assert f"<member>{hub.id}</member>" in answer.text
    assert verdict(told(bobs, sender, "10.77.0.1")) == ("false", "no-transit", hub.table)
    bob.create_transit_gateway_route(
        TransitGatewayRouteTableId=hub.table, DestinationCidrBlock="10.77.0.0/16", Blackhole=True
    )
    assert "by its route to 10.77.0.0/16" in told(bobs, sender, "10.77.0.1").text
    hers = nets.make(alice, "10.30.0.0/16", "10.30.1.0/24")
    let_in = hubs.attach(alice, hub.id, hers)
    bob.accept_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=let_in)
    assert verdict(told(bobs, sender, "10.30.1.9")) == ("false", "beyond", "")
    named = {"TransitGatewayRouteTableId": hub.table}
    bob.disassociate_transit_gateway_route_table(
        **named, TransitGatewayAttachmentId=hub.attachments[0]
    )
    assert verdict(told(bobs, sender, far)) == ("false", "no-transit", hub.id)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"Destination": "nonsense", "Port": "1"}, "InvalidInput"),
        ({"Destination": "10.0.0.0/8", "Port": "1"}, "InvalidInput"),
        ({"Destination": "fd00::1", "Port": "1"}, "InvalidInput"),
        ({"Destination": "10.0.0.1"}, "InvalidInput"),
        ({"Destination": "10.0.0.1", "Protocol": "icmp", "Port": "1"}, "InvalidInput"),
        ({"Destination": "10.0.0.1", "Port": "65536"}, "ValidationError"),
        ({"Destination": "10.0.0.1", "Protocol": "sctp", "Port": "1"}, "ValidationError"),
        ({"Destination": "i-00000000000000000", "Port": "1"}, "InvalidInstanceID.NotFound"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    bobs: Sender, pair: Pair, asked: dict[str, str], code: str
) -> None:
    answer = bobs.ask("mallee", "ExplainPacket", SourceId=pair.ids[0], **asked)
    assert answer.code == code


def test_asking_is_permitted_on_both_ends(iam: Any, bobs: Sender, pair: Pair) -> None:
    iam.create_user(UserName="ann")
    document = (
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"mallee:ExplainPacket",'
        f'"Resource":"arn:aws:ec2:*:*:instance/{pair.ids[0]}"}}}}'
    )
    iam.put_user_policy(UserName="ann", PolicyName="one", PolicyDocument=document)
    made = iam.create_access_key(UserName="ann")["AccessKey"]
    key = {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}
    ann = Sender(bobs.port, key)
    assert verdict(told(ann, pair.ids[0], "198.51.100.9"))[0] == "true"
    answer = ann.ask(
        "mallee", "ExplainPacket", SourceId=pair.ids[0], Destination=pair.ids[1], Port="22"
    )
    assert (answer.status, answer.code) == (403, "AccessDenied")
