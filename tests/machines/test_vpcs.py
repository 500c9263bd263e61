"""A VPC with everything in it, between real guests: NAT gateway, ACL, interfaces attached hot."""

import socket
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests import wholecloud
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

FELT_S = 240.0
CIDR, OUTER, INNER = "10.77.0.0/16", "10.77.1.0/24", "10.77.2.0/24"
EVERYTHING = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
CALLER = r"""#!/bin/sh
ask() {{ printf 'GET /from-inside HTTP/1.0\r\n\r\n' | nc -w 2 {address} 7000; }}
while true; do ask >/dev/null 2>&1; sleep 1; done &
"""
"""What the guest in the private subnet does from its first moment on."""


@dataclass(frozen=True, slots=True)
class Net:
    """A VPC with a public and a private subnet, and a NAT gateway between them."""

    vpc: str
    outer: str
    inner: str
    group: str
    table: str
    """The private subnet's."""
    gateway: str
    gateway_ip: str
    """The NAT gateway's elastic address."""
    bastion: str
    """An instance in the public subnet, with a web server that writes down who asks."""


@pytest.fixture(scope="module")
def net(cloud: Cloud) -> Iterator[Net]:
    with ExitStack() as held:
        yield _make(cloud, held)


def _make(cloud: Cloud, held: ExitStack) -> Net:
    ec2: Any = cloud.ec2
    vpc = ec2.create_vpc(CidrBlock=CIDR)["Vpc"]["VpcId"]
    held.callback(ec2.delete_vpc, VpcId=vpc)
    group = ec2.create_security_group(GroupName="vpcs", Description="vpcs", VpcId=vpc)["GroupId"]
    held.callback(ec2.delete_security_group, GroupId=group)
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=EVERYTHING)
    subnets = []
    for cidr in (OUTER, INNER):
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["SubnetId"]
        held.callback(ec2.delete_subnet, SubnetId=subnet)
        subnets.append(subnet)
    internet = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    held.callback(ec2.delete_internet_gateway, InternetGatewayId=internet)
    ec2.attach_internet_gateway(InternetGatewayId=internet, VpcId=vpc)
    held.callback(ec2.detach_internet_gateway, InternetGatewayId=internet, VpcId=vpc)
    tables = [_table(ec2, held, vpc, subnet) for subnet in subnets]
    ec2.create_route(RouteTableId=tables[0], DestinationCidrBlock="0.0.0.0/0", GatewayId=internet)
    address = ec2.allocate_address(Domain="vpc")
    held.callback(ec2.release_address, AllocationId=address["AllocationId"])
    gateway = _nat_gateway(ec2, held, subnets[0], address["AllocationId"])
    ec2.create_route(RouteTableId=tables[1], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)
    bastion = held.enter_context(_launched(cloud, subnets[0], group, public=True))
    cloud.ssh(bastion, "mkdir -p /www; echo hello >/www/from-inside; : >/tmp/asked")
    cloud.ssh(bastion, "httpd -vv -f -p 7000 -h /www >>/tmp/asked 2>&1 & sleep 0.1")
    return Net(
        vpc, *subnets, group, tables[1], gateway, address["PublicIp"], bastion,
    )  # fmt: skip


def _table(ec2: Any, held: ExitStack, vpc: str, subnet: str) -> str:
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    held.callback(ec2.delete_route_table, RouteTableId=table)
    made = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    held.callback(ec2.disassociate_route_table, AssociationId=made)
    return table


def _nat_gateway(ec2: Any, held: ExitStack, subnet: str, allocation: str) -> str:
    gateway = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=allocation)["NatGateway"][
        "NatGatewayId"
    ]
    held.callback(
        lambda: ec2.get_waiter("nat_gateway_deleted").wait(
            NatGatewayIds=[gateway], WaiterConfig={"Delay": 1, "MaxAttempts": 240}
        )
    )
    held.callback(ec2.delete_nat_gateway, NatGatewayId=gateway)
    ec2.get_waiter("nat_gateway_available").wait(
        NatGatewayIds=[gateway], WaiterConfig={"Delay": 1, "MaxAttempts": 240}
    )
    return gateway


@contextmanager
def _launched(
    cloud: Cloud, subnet: str, group: str, *, public: bool, user_data: str = ""
) -> Generator[str]:
    card = {
        "DeviceIndex": 0,
        "SubnetId": subnet,
        "Groups": [group],
        "AssociatePublicIpAddress": public,
    }
    cloud.key_pair("tests")
    made = cloud.ec2.run_instances(
        ImageId=cloud.image(),
        InstanceType="m1.small",
        KeyName="tests",
        NetworkInterfaces=[card],
        UserData=user_data,
        MinCount=1,
        MaxCount=1,
    )["Instances"][0]["InstanceId"]
    try:
        cloud.wait_state(made, "running")
        yield made
    finally:
        cloud.terminate(made)


def asked_by(cloud: Cloud, net: Net) -> str:
    """What the web server wrote down of who asked, since it was asked this last."""
    return cloud.ssh(net.bastion, "cat /tmp/asked; : >/tmp/asked")


def test_a_guest_without_a_public_address_speaks_behind_the_gateways(
    cloud: Cloud, net: Net
) -> None:
    address = cloud.instance(net.bastion)["PublicIpAddress"]
    caller = CALLER.format(address=address)
    with _launched(cloud, net.inner, net.group, public=False, user_data=caller) as inner:
        own = cloud.instance(inner)["PrivateIpAddress"]
        wholecloud.wait_until(
            lambda: net.gateway_ip in asked_by(cloud, net), FELT_S, "the gateway's address to ask"
        )
        cloud.ec2.delete_route(RouteTableId=net.table, DestinationCidrBlock="0.0.0.0/0")
        wholecloud.wait_until(
            lambda: not cloud.ssh(net.bastion, ": >/tmp/asked; sleep 3; cat /tmp/asked"),
            FELT_S,
            "silence without a route",
        )
        assert "bytes from" in cloud.ssh(net.bastion, f"ping -c 1 -W 60 {own}")
        cloud.ec2.create_route(
            RouteTableId=net.table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=net.gateway
        )
        wholecloud.wait_until(
            lambda: net.gateway_ip in asked_by(cloud, net), FELT_S, "the gateway's address again"
        )


def test_an_interface_is_attached_to_a_running_guest(cloud: Cloud, net: Net) -> None:
    ec2: Any = cloud.ec2
    made = ec2.create_network_interface(SubnetId=net.inner, Groups=[net.group])["NetworkInterface"]
    card, mac = made["NetworkInterfaceId"], made["MacAddress"]
    attached = ec2.attach_network_interface(
        NetworkInterfaceId=card, InstanceId=net.bastion, DeviceIndex=1
    )["AttachmentId"]
    look = "cat /sys/class/net/eth*/address"
    try:
        wholecloud.wait_until(
            lambda: mac in cloud.ssh(net.bastion, look), FELT_S, "the card to be seen"
        )
        told = cloud.ssh(
            net.bastion, "ip link set eth1 up; udhcpc -i eth1 -f -q -n -t 20 2>&1; true"
        )
        assert made["PrivateIpAddress"] in told
    finally:
        ec2.detach_network_interface(AttachmentId=attached)
    wholecloud.wait_until(
        lambda: mac not in cloud.ssh(net.bastion, look), FELT_S, "the card to be gone"
    )

    def is_available() -> bool:
        found = ec2.describe_network_interfaces(NetworkInterfaceIds=[card])["NetworkInterfaces"]
        return found[0]["Status"] == "available"

    wholecloud.wait_until(is_available, FELT_S, "the interface to be free")
    ec2.delete_network_interface(NetworkInterfaceId=card)


def test_an_acl_denies_what_groups_allow(cloud: Cloud, net: Net) -> None:
    ec2: Any = cloud.ec2
    filters = [{"Name": "association.subnet-id", "Values": [net.outer]}]
    acl = ec2.describe_network_acls(Filters=filters)["NetworkAcls"][0]["NetworkAclId"]
    address = cloud.instance(net.bastion)["PublicIpAddress"]
    deny = {
        "NetworkAclId": acl, "RuleNumber": 50, "Protocol": "6", "RuleAction": "deny",
        "Egress": False, "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 22, "To": 22},
    }  # fmt: skip
    ec2.create_network_acl_entry(**deny)
    try:
        wholecloud.wait_until(lambda: not _knocks(address), FELT_S, "SSH to be denied")
    finally:
        ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=50, Egress=False)
    wholecloud.wait_until(lambda: _knocks(address), FELT_S, "SSH to be allowed")


def _knocks(address: str) -> bool:
    try:
        socket.create_connection((address, 22), timeout=1.0).close()
    except OSError:
        return False
    return True


def test_a_guest_asks_the_clouds_services_at_an_endpoint_in_its_vpc(cloud: Cloud, net: Net) -> None:
    ec2: Any = cloud.ec2
    ec2.modify_vpc_attribute(VpcId=net.vpc, EnableDnsHostnames={"Value": True})
    made = ec2.create_vpc_endpoint(
        VpcId=net.vpc,
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.us-east-1.ec2",
        SubnetIds=[net.inner],
        SecurityGroupIds=[net.group],
    )["VpcEndpoint"]
    name = next(
        one["DnsName"] for one in made["DnsEntries"] if one["DnsName"].endswith(".amazonaws.com")
    )
    (nic,) = ec2.describe_network_interfaces(NetworkInterfaceIds=made["NetworkInterfaceIds"])[
        "NetworkInterfaces"
    ]
    try:
        asking = f"for i in $(seq 60); do wget -q -O - http://{name}/ && break; sleep 1; done"
        assert cloud.ssh(net.bastion, asking).strip() == "mallee"
        assert nic["PrivateIpAddress"] in cloud.ssh(net.bastion, f"nslookup {name}")
    finally:
        ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])
