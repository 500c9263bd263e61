"""VPCs that users make: their ranges, what comes with them, and when they can go."""

from typing import Any

import pytest

from mallee.cloud.ec2.vpc import vpcs
from mallee.cloud.hosts.slices import slices
from mallee.cloud.state import records
from tests.cloud.ec2.asking import described, launch_one, refusal
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.vpc.nets import where
from tests.cloud.ec2.world import FakeHost, World


def test_a_vpc_comes_with_table_acl_group_and_options(alice: Any) -> None:
    vpc = alice.create_vpc(CidrBlock="10.1.2.3/16")["Vpc"]
    id = vpc["VpcId"]
    assert vpc["CidrBlock"] == "10.1.0.0/16"
    assert not vpc["IsDefault"]
    (table,) = nets.tables(alice, id)
    assert [route["GatewayId"] for route in table["Routes"]] == ["local"]
    assert [it["Main"] for it in table["Associations"]] == [True]
    (acl,) = alice.describe_network_acls(Filters=where("vpc-id", id))["NetworkAcls"]
    assert acl["IsDefault"]
    assert [(it["RuleNumber"], it["RuleAction"]) for it in acl["Entries"]] == [
        (100, "allow"),
        (32767, "deny"),
    ] * 2
    (group,) = alice.describe_security_groups(Filters=where("vpc-id", id))["SecurityGroups"]
    assert group["GroupName"] == "default"
    assert vpc["DhcpOptionsId"].startswith("dopt-")


def test_vpcs_of_one_range_stand_side_by_side(alice: Any, bob: Any, world: World) -> None:
    for client in (alice, alice, bob):
        client.create_vpc(CidrBlock="10.0.0.0/16")
    links = [vpc.doc.link_index for vpc in world.store.view.list(records.VPC)]
    assert len(set(links)) == len(links) == 5


@pytest.mark.parametrize(
    ("cidr", "code"),
    [
        ("10.0.0.0/15", "InvalidVpc.Range"),
        ("10.0.0.0/29", "InvalidVpc.Range"),
        ("169.254.0.0/16", "InvalidVpc.Range"),
        ("127.0.0.0/16", "InvalidVpc.Range"),
        ("224.0.0.0/16", "InvalidVpc.Range"),
        ("203.0.113.0/24", "InvalidVpc.Range"),
        ("nonsense", "InvalidParameterValue"),
        ("10.0.0.0", "InvalidParameterValue"),
        ("fd00::/56", "InvalidParameterValue"),
    ],
)
def test_a_range_that_no_vpc_can_have_is_refused(alice: Any, cidr: str, code: str) -> None:
    assert refusal(alice.create_vpc, CidrBlock=cidr) == code


def test_a_vpc_goes_only_when_nothing_is_in_it(alice: Any) -> None:
    net = nets.make(alice)
    ask = alice.delete_vpc
    assert refusal(ask, VpcId=net.vpc) == "DependencyViolation"
    alice.delete_subnet(SubnetId=net.subnet)
    assert refusal(ask, VpcId=net.vpc) == "DependencyViolation"
    alice.detach_internet_gateway(InternetGatewayId=net.gateway, VpcId=net.vpc)
    table = alice.create_route_table(VpcId=net.vpc)["RouteTable"]["RouteTableId"]
    assert refusal(ask, VpcId=net.vpc) == "DependencyViolation"
    alice.delete_route_table(RouteTableId=table)
    group = alice.create_security_group(GroupName="g", Description="g", VpcId=net.vpc)["GroupId"]
    assert refusal(ask, VpcId=net.vpc) == "DependencyViolation"
    alice.delete_security_group(GroupId=group)
    alice.delete_vpc(VpcId=net.vpc)
    assert nets.tables(alice, net.vpc) == []
    left = alice.describe_security_groups(Filters=where("vpc-id", net.vpc))["SecurityGroups"]
    assert left == []
    assert refusal(alice.describe_vpcs, VpcIds=[net.vpc]) == "InvalidVpcID.NotFound"


def test_a_vpc_has_more_ranges_for_more_subnets(alice: Any) -> None:
    net = nets.make(alice)
    ask = alice.associate_vpc_cidr_block
    added = ask(VpcId=net.vpc, CidrBlock="10.1.0.0/16")["CidrBlockAssociation"]
    assert refusal(ask, VpcId=net.vpc, CidrBlock="10.1.128.0/17") == "CidrConflict"
    assert refusal(ask, VpcId=net.vpc, CidrBlock="192.168.0.0/16") == "InvalidVpc.Range"
    alice.create_subnet(VpcId=net.vpc, CidrBlock="10.1.1.0/24")
    assert set(nets.routes(alice, net.table)) == {"10.0.0.0/16", "10.1.0.0/16"}
    (shown,) = alice.describe_vpcs(VpcIds=[net.vpc])["Vpcs"]
    first, second = shown["CidrBlockAssociationSet"]
    assert second["AssociationId"] == added["AssociationId"]
    code = refusal(alice.disassociate_vpc_cidr_block, AssociationId=first["AssociationId"])
    assert code == "OperationNotPermitted"
    code = refusal(alice.disassociate_vpc_cidr_block, AssociationId=second["AssociationId"])
    assert code == "DependencyViolation"
    for part in ("10.2.0.0/16", "10.3.0.0/16", "10.4.0.0/16"):
        ask(VpcId=net.vpc, CidrBlock=part)
    assert refusal(ask, VpcId=net.vpc, CidrBlock="10.5.0.0/16") == "CidrLimitExceeded"


def test_ipv6_ranges_are_each_vpcs_own(alice: Any, bob: Any) -> None:
    made = [
        client.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
        for client in (alice, bob)
    ]
    blocks = [vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"] for vpc in made]
    assert len(set(blocks)) == 2
    part = blocks[0].replace("/56", "/64")
    subnet = alice.create_subnet(
        VpcId=made[0]["VpcId"], CidrBlock="10.0.1.0/24", Ipv6CidrBlock=part
    )["Subnet"]
    assert subnet["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"] == part
    stranger = blocks[1].replace("/56", "/64")
    code = refusal(
        alice.create_subnet,
        VpcId=made[0]["VpcId"],
        CidrBlock="10.0.2.0/24",
        Ipv6CidrBlock=stranger,
    )
    assert code == "InvalidSubnet.Range"
    # A zone may be any text, and no host takes it for an address: it would carry nothing any more.
    zoned = blocks[0].replace("::/56", "::9%eth0")
    ask = alice.create_network_interface
    code = refusal(ask, SubnetId=subnet["SubnetId"], Ipv6Addresses=[{"Ipv6Address": zoned}])
    assert code == "InvalidParameterValue"
    ask, led = alice.create_route, {"DestinationIpv6CidrBlock": "fd12::%0 x/64"}
    table = alice.create_route_table(VpcId=made[0]["VpcId"])["RouteTable"]["RouteTableId"]
    to = alice.create_egress_only_internet_gateway(VpcId=made[0]["VpcId"])
    gateway = to["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
    code = refusal(ask, RouteTableId=table, EgressOnlyInternetGatewayId=gateway, **led)
    assert code == "InvalidParameterValue"
    nic = alice.create_network_interface(SubnetId=subnet["SubnetId"], Ipv6AddressCount=2)
    nic = nic["NetworkInterface"]
    assert len(nic["Ipv6Addresses"]) == 2
    id = subnet["Ipv6CidrBlockAssociationSet"][0]["AssociationId"]
    ask = alice.disassociate_subnet_cidr_block
    assert refusal(ask, AssociationId=id) == "DependencyViolation"
    alice.delete_network_interface(NetworkInterfaceId=nic["NetworkInterfaceId"])
    ask(AssociationId=id)
    (acl,) = alice.describe_network_acls(Filters=where("vpc-id", made[0]["VpcId"]))["NetworkAcls"]
    assert {it.get("Ipv6CidrBlock") for it in acl["Entries"]} == {None, "::/0"}


ALL_IPV4, ALL_IPV6 = {"CidrIp": "0.0.0.0/0"}, {"CidrIpv6": "::/0"}


def outwards(client: Any, vpc: str, name: str = "default") -> list[dict[str, str]]:
    """What a group of a VPC lets out."""
    asked = where("vpc-id", vpc) + where("group-name", name)
    (group,) = client.describe_security_groups(Filters=asked)["SecurityGroups"]
    return [
        it for one in group["IpPermissionsEgress"] for it in (*one["IpRanges"], *one["Ipv6Ranges"])
    ]


def test_groups_let_ipv6_out_where_there_is_any(alice: Any) -> None:
    vpc = alice.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    both = alice.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    for id, expected in ((vpc, [ALL_IPV4]), (both["VpcId"], [ALL_IPV4, ALL_IPV6])):
        alice.create_security_group(GroupName="web", Description="d", VpcId=id)
        assert outwards(alice, id) == outwards(alice, id, "web") == expected
    alice.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)
    assert outwards(alice, vpc) == [ALL_IPV4, ALL_IPV6]
    assert outwards(alice, vpc, "web") == [ALL_IPV4]


def test_what_was_changed_is_not_opened_for_ipv6(alice: Any) -> None:
    vpc = alice.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    asked = where("vpc-id", vpc)
    (group,) = alice.describe_security_groups(Filters=asked)["SecurityGroups"]
    alice.revoke_security_group_egress(
        GroupId=group["GroupId"], IpPermissions=group["IpPermissionsEgress"]
    )
    (acl,) = alice.describe_network_acls(Filters=asked)["NetworkAcls"]
    alice.delete_network_acl_entry(NetworkAclId=acl["NetworkAclId"], RuleNumber=100, Egress=False)
    alice.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)
    assert outwards(alice, vpc) == []
    (acl,) = alice.describe_network_acls(Filters=asked)["NetworkAcls"]
    opened = [it for it in acl["Entries"] if it["RuleAction"] == "allow"]
    assert [(it["Egress"], it["RuleNumber"]) for it in opened] == [(True, 100), (True, 101)]


def test_names_of_a_vpc_are_switched(alice: Any) -> None:
    vpc = alice.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ask = alice.modify_vpc_attribute
    ask(VpcId=vpc, EnableDnsHostnames={"Value": True})
    shown = alice.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")
    assert shown["EnableDnsHostnames"] == {"Value": True}
    both = {"EnableDnsHostnames": {"Value": True}, "EnableDnsSupport": {"Value": True}}
    assert refusal(ask, VpcId=vpc, **both) == "InvalidParameterCombination"
    code = refusal(ask, VpcId=vpc, EnableNetworkAddressUsageMetrics={"Value": True})
    assert code == "UnsupportedOperation"


def test_old_vpcs_are_completed_once(alice: Any, world: World) -> None:
    """What was made before there were tables behaves afterwards as it did."""

    def forget(tx: Any) -> None:
        for kind in (records.ROUTE_TABLE, records.NETWORK_ACL, records.INTERNET_GATEWAY):
            for record in tx.list(kind):
                tx.delete(record)
        for vpc in tx.list(records.VPC):
            tx.write(vpc, type(vpc.doc)(id=vpc.id, cidr=vpc.doc.cidr, link_index=1))
        for subnet in tx.list(records.SUBNET):
            bare = type(subnet.doc)(
                id=subnet.id,
                vpc_id=subnet.doc.vpc_id,
                cidr=subnet.doc.cidr,
                zone=subnet.doc.zone,
            )
            tx.write(subnet, bare)

    world.store.transact(forget)
    for _ in range(2):
        world.store.transact(lambda tx: vpcs.complete(tx, world.settings, world.means.entropy))
    vpc = alice.describe_vpcs()["Vpcs"][0]["VpcId"]
    (table,) = nets.tables(alice, vpc)
    assert nets.routes(alice, table["RouteTableId"])["0.0.0.0/0"][1] == "active"
    (acl,) = alice.describe_network_acls(Filters=where("vpc-id", vpc))["NetworkAcls"]
    assert len(acl["Associations"]) == 1


def test_a_full_default_vpc_does_not_hinder_a_new_zone(alice: Any, world: World) -> None:
    wanted = where("is-default", "true")
    vpc = alice.describe_vpcs(Filters=wanted)["Vpcs"][0]["VpcId"]
    for part in ("172.31.16.0/20", "172.31.32.0/19", "172.31.64.0/18", "172.31.128.0/17"):
        alice.create_subnet(VpcId=vpc, CidrBlock=part)
    world.store.transact(lambda tx: vpcs.extend_to_zone(tx, "us-east-1b", world.means.entropy))
    found = alice.describe_subnets(Filters=where("availability-zone", "us-east-1b"))
    assert found["Subnets"] == []


def test_a_guest_is_told_its_public_name_where_the_vpc_has_names(
    alice: Any, world: World, host: FakeHost
) -> None:
    net = nets.make(alice)
    alice.modify_subnet_attribute(SubnetId=net.subnet, MapPublicIpOnLaunch={"Value": True})
    made = launch_one(alice, SubnetId=net.subnet)
    address = made["PublicIpAddress"]

    def told() -> str:
        (wanted,) = slices.host_wanted(world.store.view, host.id, world.settings).instances
        return wanted.metadata["meta-data/public-hostname"]

    assert told() == address
    alice.modify_vpc_attribute(VpcId=net.vpc, EnableDnsHostnames={"Value": True})
    name = f"ec2-{address.replace('.', '-')}.us-east-1.compute.mallee.internal"
    assert told() == name
    assert described(alice, made["InstanceId"])["PublicDnsName"] == name
