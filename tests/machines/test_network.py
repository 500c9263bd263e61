"""What a guest is given of the network, what it cannot pretend there, and where packets end."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests import wholecloud
from tests.machines import guests, talking, wires
from tests.machines.guests import Guest, Pair
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

EVERYTHING = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
UNUSED = "172.31.15.250"
"""An address of the subnet that nobody has."""


@contextmanager
def open_to_all(cloud: Cloud, group: str) -> Iterator[None]:
    """Let everything in for a while."""
    cloud.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=EVERYTHING)
    try:
        yield
    finally:
        cloud.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=EVERYTHING)


def namespace_of(cloud: Cloud, guest: Guest) -> str:
    """The name of the network namespace of a guest's VPC."""
    return cloud.layout.vpc_namespace(cloud.instance(guest.id)["VpcId"])


def test_a_lease_says_all_that_a_guest_needs(cloud: Cloud, pair: Pair) -> None:
    subnet = cloud.ec2.describe_subnets()["Subnets"][0]
    told = cloud.ssh(
        pair.one.id,
        "printf '#!/bin/sh\\n[ $1 = deconfig ] || env\\n' >/tmp/tell; chmod 700 /tmp/tell; "
        "udhcpc -f -q -n -t 20 -i eth0 -s /tmp/tell 2>/dev/null",
    )
    lease = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
    assert lease["ip"] == pair.one.private_ip
    assert lease["mask"] == subnet["CidrBlock"].partition("/")[2]
    assert lease["router"] == "172.31.0.1"
    assert lease["dns"] == "172.31.0.2"
    assert lease["domain"] == "ec2.internal"
    assert lease["hostname"] == "ip-" + pair.one.private_ip.replace(".", "-")


def test_guests_find_each_other_by_name(cloud: Cloud, pair: Pair) -> None:
    name = cloud.instance(pair.other.id)["PrivateDnsName"]
    assert name == f"ip-{pair.other.private_ip.replace('.', '-')}.ec2.internal"
    assert pair.other.private_ip in cloud.ssh(pair.one.id, f"nslookup {name}")
    assert name in cloud.ssh(pair.one.id, f"nslookup {pair.other.private_ip}")
    said = cloud.ssh(pair.one.id, "nslookup ip-172-31-15-250.ec2.internal 2>&1; true")
    assert "NXDOMAIN" in said


def test_a_forged_sender_is_not_heard(cloud: Cloud, pair: Pair) -> None:
    one, other = pair.one, pair.other
    vpc = namespace_of(cloud, one)
    with open_to_all(cloud, other.group_id):
        wholecloud.wait_until(
            lambda: talking.pings(cloud, one.id, other.private_ip),
            wholecloud.GUEST_S,
            "the rule to be felt",
        )
        with (
            wires.Capture(cloud.layout.tap(one.interface_id), vpc) as sent,
            wires.Capture(cloud.layout.tap(other.interface_id), vpc) as heard,
        ):
            said = cloud.ssh(
                one.id,
                f"ip addr add {UNUSED}/32 dev eth0; "
                f"ping -c 1 -W 1 -I {UNUSED} {other.private_ip}; "
                f"ip addr del {UNUSED}/32 dev eth0; "
                f"ping -c 1 -W 60 {other.private_ip}",
            )
            assert said.count("bytes from") == 1
            assert UNUSED in {packet.source for packet in sent.seen()}
            sources = {packet.source for packet in heard.seen()}
        assert one.private_ip in sources
        assert UNUSED not in sources


def test_nobody_takes_an_address_by_claiming_it(cloud: Cloud, pair: Pair) -> None:
    one, other = pair.one, pair.other
    cloud.ssh(
        one.id,
        f"ip addr add {other.private_ip}/32 dev eth0; "
        f"arping -U -c 2 -I eth0 -s {other.private_ip} {other.private_ip} >/dev/null; "
        f"arping -A -c 2 -I eth0 -s {other.private_ip} 172.31.0.1 >/dev/null; "
        f"ip addr del {other.private_ip}/32 dev eth0",
    )
    known = subprocess.run(
        ["ip", "-n", namespace_of(cloud, other), "neigh", "show", other.private_ip],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert one.mac not in known
    assert cloud.ssh(other.id, "hostname").strip() == "ip-" + other.private_ip.replace(".", "-")


def test_two_tenants_may_have_the_same_address_and_never_meet(cloud: Cloud, pair: Pair) -> None:
    neighbour = cloud.client("ec2", cloud.account("neighbour"))
    group = neighbour.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    neighbour.authorize_security_group_ingress(GroupId=group, IpPermissions=EVERYTHING)
    public = cloud.key_pair("tests").with_suffix(".pub")
    if not public.exists():
        line = subprocess.run(
            ["ssh-keygen", "-y", "-f", cloud.key_pair("tests")], capture_output=True, check=True
        )
        public.write_bytes(line.stdout)
    neighbour.import_key_pair(KeyName="tests", PublicKeyMaterial=public.read_bytes())
    made = neighbour.run_instances(
        ImageId=cloud.image(),
        InstanceType="m1.small",
        KeyName="tests",
        PrivateIpAddress=pair.one.private_ip,
        MinCount=1,
        MaxCount=1,
    )["Instances"][0]
    try:
        found = neighbour.describe_instances()["Reservations"][0]["Instances"][0]
        theirs = cloud.ssh_to(
            found["PublicIpAddress"],
            "/etc/mallee/imds meta-data/instance-id; echo; "
            f"ping -c 1 -W 1 {pair.other.private_ip} | grep -c 'bytes from' || true",
        ).split()
        assert theirs == [made["InstanceId"], "0"]
        assert guests.read(cloud, pair.one, "meta-data/instance-id") == [pair.one.id]
    finally:
        neighbour.terminate_instances(InstanceIds=[made["InstanceId"]])
        neighbour.get_waiter("instance_terminated").wait(
            InstanceIds=[made["InstanceId"]], WaiterConfig={"Delay": 1, "MaxAttempts": 240}
        )


def test_a_packet_for_the_cloud_never_leaves_by_the_hosts_uplink(cloud: Cloud, pair: Pair) -> None:
    address = cloud.instance(pair.one.id)["PublicIpAddress"]
    agent = cloud.daemon("node")
    with _uplink() as uplink, wires.Capture(uplink) as capture:
        _knock("192.0.2.77")
        # The uplink is one: what is for the world leaves there.
        capture.wait(lambda packet: packet.destination == "192.0.2.77")
        subprocess.run(["kill", "-STOP", str(agent.pid)], check=True)
        try:
            subprocess.run(["ip", "link", "delete", cloud.layout.host_link], check=True)
            for target in (address, pair.one.private_ip):
                with pytest.raises(OSError, match=r"No route to host|unreachable"):
                    _knock(target)
        finally:
            subprocess.run(["kill", "-CONT", str(agent.pid)], check=True)
        # The agent puts its link right again, and the guest is there as before.
        assert cloud.ssh(pair.one.id, "echo here") == "here\n"
        leaked = {packet.destination for packet in capture.seen()}
        assert not leaked & {address, pair.one.private_ip}


@contextmanager
def _uplink() -> Iterator[str]:
    """A link of this host to a world where nobody answers, with the default route over it."""
    commands = (
        "ip link add uplink type veth peer name world",
        "ip link set world up",
        "ip link set uplink up",
        "ip address add 192.0.2.2/24 dev uplink",
        "ip neighbour add 192.0.2.77 lladdr 02:00:00:00:00:77 dev uplink",
        "ip neighbour add 192.0.2.1 lladdr 02:00:00:00:00:01 dev uplink",
        "ip route add default via 192.0.2.1",
    )
    try:
        for command in commands:
            subprocess.run(command.split(), check=True)
        yield "uplink"
    finally:
        subprocess.run(["ip", "link", "delete", "uplink"], check=False)


def _knock(address: str) -> None:
    """Send one datagram to an address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"knock", (address, 9999))
