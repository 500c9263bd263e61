"""Interface endpoints: interfaces in subnets, groups, names, and what hosts are told of them."""

import json
from functools import partial
from typing import Any

import pytest

from mallee.cloud.hosts.slices import slices
from mallee.model.network.carried import EndpointWanted
from tests.cloud.ec2.asking import launch_one, refusal
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.vpc.nets import Net
from tests.cloud.ec2.world import FakeHost, World

EC2, IAM, S3 = "com.amazonaws.us-east-1.ec2", "com.amazonaws.iam", "com.amazonaws.us-east-1.s3"
NAME = "ec2.us-east-1.amazonaws.com"


@pytest.fixture
def net(alice: Any) -> Net:
    made = nets.make(alice)
    alice.modify_vpc_attribute(VpcId=made.vpc, EnableDnsHostnames={"Value": True})
    return made


def make(client: Any, net: Net, **more: Any) -> dict[str, Any]:
    asked = {
        "VpcId": net.vpc,
        "ServiceName": EC2,
        "VpcEndpointType": "Interface",
        "SubnetIds": [net.subnet],
        **more,
    }
    return client.create_vpc_endpoint(**asked)["VpcEndpoint"]


def shown(client: Any, id: str) -> dict[str, Any]:
    return client.describe_vpc_endpoints(VpcEndpointIds=[id])["VpcEndpoints"][0]


def group(client: Any, net: Net, name: str = "web") -> str:
    return client.create_security_group(GroupName=name, Description="d", VpcId=net.vpc)["GroupId"]


def test_it_stands_in_its_subnet_with_an_interface_of_the_clouds(alice: Any, net: Net) -> None:
    worn = group(alice, net)
    made = make(alice, net, SecurityGroupIds=[worn])
    id = made["VpcEndpointId"]
    assert (made["State"], shown(alice, id)["State"]) == ("pending", "available")
    (eni,) = alice.describe_network_interfaces(NetworkInterfaceIds=made["NetworkInterfaceIds"])[
        "NetworkInterfaces"
    ]
    assert (eni["InterfaceType"], eni["RequesterManaged"]) == ("vpc_endpoint", True)
    assert (eni["SubnetId"], eni["Status"]) == (net.subnet, "in-use")
    assert eni["Description"] == f"VPC Endpoint Interface {id}"
    assert [one["GroupId"] for one in eni["Groups"]] == [worn]
    eni_id = eni["NetworkInterfaceId"]
    code = refusal(alice.delete_network_interface, NetworkInterfaceId=eni_id)
    assert code == "InvalidParameterValue"
    code = refusal(
        alice.modify_network_interface_attribute, NetworkInterfaceId=eni_id, Groups=[worn]
    )
    assert code == "OperationNotPermitted"
    assert refusal(alice.delete_security_group, GroupId=worn) == "DependencyViolation"
    assert refusal(alice.delete_subnet, SubnetId=net.subnet) == "DependencyViolation"
    alice.delete_vpc_endpoints(VpcEndpointIds=[id])
    assert refusal(
        alice.describe_network_interfaces, NetworkInterfaceIds=[eni_id]
    ) == "InvalidNetworkInterfaceID.NotFound"  # fmt: skip
    alice.delete_security_group(GroupId=worn)
    alice.delete_subnet(SubnetId=net.subnet)


def test_its_names_are_told_as_on_aws(alice: Any, net: Net) -> None:
    made = make(alice, net)
    id = made["VpcEndpointId"]
    names = [one["DnsName"] for one in made["DnsEntries"]]
    assert names[0].startswith(f"{id}-")
    assert names[0].endswith(".ec2.us-east-1.vpce.mallee.internal")
    assert "-us-east-1a.ec2." in names[1]
    assert NAME in names
    alice.modify_vpc_endpoint(VpcEndpointId=id, PrivateDnsEnabled=False)
    assert NAME not in [one["DnsName"] for one in shown(alice, id)["DnsEntries"]]


def told(world: World, host: FakeHost) -> list[EndpointWanted]:
    (vpc,) = slices.host_wanted(world.store.view, host.id, world.settings).vpcs
    return list(vpc.endpoints)


def test_hosts_are_told_all_of_it(alice: Any, net: Net, world: World, host: FakeHost) -> None:
    worn = group(alice, net)
    config = {"SubnetId": net.subnet, "Ipv4": "10.0.1.77"}
    made = make(alice, net, SecurityGroupIds=[worn], SubnetConfigurations=[config])
    launch_one(alice, SubnetId=net.subnet)
    (one,) = told(world, host)
    assert (one.id, one.subnet_id, one.private_ip) == (
        made["VpcEndpointId"], net.subnet, "10.0.1.77",
    )  # fmt: skip
    assert (one.group_ids, one.named_ips) == ((worn,), ("10.0.1.77",))
    assert {NAME, "ec2.us-east-1.mallee.internal", "ec2.mallee.internal"} <= set(one.names)
    (vpc,) = slices.host_wanted(world.store.view, host.id, world.settings).vpcs
    assert "10.0.1.77" in {ip for it in vpc.groups if it.id == worn for ip in it.member_ips}
    alice.modify_vpc_attribute(VpcId=net.vpc, EnableDnsHostnames={"Value": False})
    assert NAME not in told(world, host)[0].names
    alice.modify_vpc_endpoint(VpcEndpointId=one.id, RemoveSubnetIds=[net.subnet])
    assert told(world, host) == []


def test_it_may_speak_both_families(alice: Any, world: World, host: FakeHost) -> None:
    vpc = alice.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    block = vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
    subnet = alice.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.0.1.0/24", Ipv6CidrBlock=block)
    net = Net(vpc["VpcId"], subnet["Subnet"]["SubnetId"], "", "")
    launch_one(alice, SubnetId=net.subnet)
    id = make(alice, net, PrivateDnsEnabled=False)["VpcEndpointId"]
    assert told(world, host)[0].ipv6s == ()
    alice.modify_vpc_endpoint(VpcEndpointId=id, IpAddressType="dualstack")
    (one,) = told(world, host)
    assert one.named_ips == (one.private_ip, *one.ipv6s)
    alice.modify_vpc_endpoint(VpcEndpointId=id, DnsOptions={"DnsRecordIpType": "ipv4"})
    assert told(world, host)[0].named_ips == (one.private_ip,)
    assert len(one.ipv6s) == 1
    alice.modify_vpc_endpoint(VpcEndpointId=id, DnsOptions={"DnsRecordIpType": "ipv6"})
    assert told(world, host)[0].named_ips == one.ipv6s
    alice.modify_vpc_endpoint(VpcEndpointId=id, IpAddressType="ipv4")
    (one,) = told(world, host)
    assert (one.ipv6s, one.named_ips) == ((), (one.private_ip,))


def test_its_group_stays_though_it_stands_nowhere(alice: Any, net: Net) -> None:
    worn = group(alice, net)
    made = make(alice, net, SecurityGroupIds=[worn], SubnetIds=[])
    assert made["NetworkInterfaceIds"] == []
    assert refusal(alice.delete_security_group, GroupId=worn) == "DependencyViolation"
    alice.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])
    alice.delete_security_group(GroupId=worn)


def test_groups_and_policy_are_changed(alice: Any, net: Net) -> None:
    first, second = group(alice, net, "one"), group(alice, net, "two")
    id = make(alice, net, SecurityGroupIds=[first])["VpcEndpointId"]
    alice.modify_vpc_endpoint(
        VpcEndpointId=id, AddSecurityGroupIds=[second], RemoveSecurityGroupIds=[first]
    )
    assert [one["GroupId"] for one in shown(alice, id)["Groups"]] == [second]
    code = refusal(alice.modify_vpc_endpoint, VpcEndpointId=id, RemoveSecurityGroupIds=[second])
    assert code == "InvalidParameter"
    statement = {"Effect": "Allow", "Principal": "*", "Action": "ec2:Describe*", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    alice.modify_vpc_endpoint(VpcEndpointId=id, PolicyDocument=text)
    assert json.loads(shown(alice, id)["PolicyDocument"]) == json.loads(text)
    code = refusal(
        alice.modify_vpc_endpoint, VpcEndpointId=id, PolicyDocument=text, ResetPolicy=True
    )
    assert code == "InvalidParameterCombination"
    alice.modify_vpc_endpoint(VpcEndpointId=id, ResetPolicy=True)
    assert '"Action": "*"' in shown(alice, id)["PolicyDocument"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ServiceName": "com.amazonaws.us-east-1.sqs"}, "InvalidServiceName"),
        ({"ServiceRegion": "eu-west-1"}, "InvalidServiceName"),
        ({"IpAddressType": "ipv6"}, "UnsupportedOperation"),
        ({"IpAddressType": "dualstack"}, "InvalidParameterValue"),
        ({"DnsOptions": {"DnsRecordIpType": "ipv6"}}, "InvalidParameter"),
        ({"SubnetIds": ["subnet-0123456789abcdef0"]}, "InvalidSubnetID.NotFound"),
        ({"SecurityGroupIds": ["sg-0123456789abcdef0"]}, "InvalidGroup.NotFound"),
        (
            {"DnsOptions": {"PrivateDnsOnlyForInboundResolverEndpoint": True}},
            "UnsupportedOperation",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    alice: Any, net: Net, change: dict[str, Any], code: str
) -> None:
    assert refusal(partial(make, alice, net), **change) == code
    assert alice.describe_vpc_endpoints()["VpcEndpoints"] == []


def test_it_stands_in_a_zone_once(alice: Any, net: Net) -> None:
    second = alice.create_subnet(VpcId=net.vpc, CidrBlock="10.0.2.0/24")["Subnet"]["SubnetId"]
    code = refusal(partial(make, alice, net), SubnetIds=[net.subnet, second])
    assert code == "DuplicateSubnetsInSameZone"


def test_private_names_need_a_vpc_that_tells_names_and_are_one_endpoints(alice: Any) -> None:
    plain = nets.make(alice)
    assert refusal(partial(make, alice, plain)) == "InvalidParameter"
    alice.modify_vpc_attribute(VpcId=plain.vpc, EnableDnsHostnames={"Value": True})
    make(alice, plain)
    assert refusal(partial(make, alice, plain)) == "InvalidParameter"
    make(alice, plain, PrivateDnsEnabled=False)
    make(alice, plain, ServiceName=IAM)


def test_the_services_are_listed_by_kind(alice: Any) -> None:
    found = alice.describe_vpc_endpoint_services()
    kinds = {
        (it["ServiceName"], it["ServiceType"][0]["ServiceType"]) for it in found["ServiceDetails"]
    }
    assert {(S3, "Gateway"), (S3, "Interface"), (EC2, "Interface"), (IAM, "Interface")} <= kinds
    assert found["ServiceNames"].count(S3) == 1
    (one,) = alice.describe_vpc_endpoint_services(ServiceNames=[EC2])["ServiceDetails"]
    assert one["PrivateDnsName"] == NAME
    assert one["VpcEndpointPolicySupported"]
    wanted = nets.where("service-type", "Gateway")
    (one,) = alice.describe_vpc_endpoint_services(Filters=wanted)["ServiceDetails"]
    assert one["ServiceName"] == S3


def test_an_endpoint_is_its_accounts_own(alice: Any, bob: Any, net: Net) -> None:
    id = make(alice, net)["VpcEndpointId"]
    code = refusal(bob.modify_vpc_endpoint, VpcEndpointId=id, PrivateDnsEnabled=False)
    assert code == "InvalidVpcEndpointId.NotFound"
    (failed,) = bob.delete_vpc_endpoints(VpcEndpointIds=[id])["Unsuccessful"]
    assert failed["Error"]["Code"] == "InvalidVpcEndpointId.NotFound"
    assert shown(alice, id)["SubnetIds"] == [net.subnet]
