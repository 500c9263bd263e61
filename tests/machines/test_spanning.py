"""A VPC with guests on two hosts of a lab: what holds on one host holds between them."""

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from mallee.box import client as api
from tests import labs, wholecloud
from tests.labs import Lab
from tests.machines import talking
from tests.wholecloud import Cloud

TEXT = """
[hosts.front]
role = "front"

[hosts.n1]

[cloud]
listen = "0.0.0.0"

[cloud.network]
public_range = "198.19.0.0/24"
egress = true
"""
HOSTS = 2
ALL = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
HEARD_S = 240.0
MOVED_S = 240.0


@dataclass(frozen=True, slots=True)
class Spanning:
    """A cloud of several hosts, with a guest of the default VPC on each."""

    lab: Lab
    cloud: Cloud
    guests: tuple[str, ...]
    """The front end's first."""

    def private(self, number: int) -> str:
        """A guest's private address."""
        return self.cloud.instance(self.guests[number])["PrivateIpAddress"]

    def interface(self, number: int) -> str:
        """The id of a guest's interface."""
        found = self.cloud.instance(self.guests[number])["NetworkInterfaces"][0]
        return found["NetworkInterfaceId"]

    def ssh(self, number: int, command: str) -> str:
        """Run a command in a guest, from outside."""
        return self.cloud.ssh(self.guests[number], command)

    def pings(self, number: int, address: str) -> bool:
        """Whether an address answers a guest."""
        return talking.pings(self.cloud, self.guests[number], address)


@pytest.fixture(scope="module")
def spanning() -> Generator[Spanning]:
    with labs.up(TEXT) as lab:
        cloud = lab.cloud
        options = {"HttpTokens": "optional"}
        made = [cloud.run(InstanceType="t3.nano", MetadataOptions=options) for _ in range(HOSTS)]
        for one in made:
            cloud.wait_state(one, "running")
        where = {host["HostId"]: host["InstanceIds"] for host in cloud.hosts()}
        by_host = [where[lab.host_id(name)] for name in ("front", "n1")]
        assert [len(one) for one in by_host] == [1, 1]
        yield Spanning(lab, cloud, tuple(one[0] for one in by_host))


def test_every_guest_answers_the_world_and_every_other(spanning: Spanning) -> None:
    for number in range(HOSTS):
        for address in [spanning.private(other) for other in range(HOSTS) if other != number]:
            # A host hears of guests on others a moment after they run.
            answers = partial(spanning.pings, number, address)
            wholecloud.wait_until(answers, HEARD_S, f"{address} to answer guest {number}")


def test_long_packets_arrive(spanning: Spanning) -> None:
    sent = spanning.ssh(1, f"ping -c 1 -W 60 -s 4000 {spanning.private(0)} | grep -c 'seq='")
    assert sent.strip() == "1"


def test_names_and_metadata_are_there_on_each_host(spanning: Spanning) -> None:
    name = spanning.cloud.instance(spanning.guests[0])["PrivateDnsName"]
    assert talking.hears(spanning.cloud, spanning.guests[1], name)
    for number in range(HOSTS):
        path = "http://169.254.169.254/latest/meta-data/instance-id"
        assert spanning.ssh(number, f"wget -q -O - {path}").strip() == spanning.guests[number]


def test_a_group_lets_its_members_in_on_other_hosts(spanning: Spanning) -> None:
    ec2: Any = spanning.cloud.ec2
    vpc = spanning.cloud.instance(spanning.guests[0])["VpcId"]
    group = ec2.create_security_group(GroupName="members", Description="x", VpcId=vpc)["GroupId"]
    rule = {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1}
    ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{**rule, "UserIdGroupPairs": [{"GroupId": group}]}]
    )
    opened = spanning.cloud.open_group()
    ec2.modify_network_interface_attribute(NetworkInterfaceId=spanning.interface(0), Groups=[group])
    wholecloud.wait_until(
        lambda: not spanning.pings(1, spanning.private(0)), HEARD_S, "strangers to be refused"
    )
    ec2.modify_network_interface_attribute(
        NetworkInterfaceId=spanning.interface(1), Groups=[group, opened]
    )
    wholecloud.wait_until(
        lambda: spanning.pings(1, spanning.private(0)), HEARD_S, "members to be let in"
    )
    for number in range(HOSTS):
        ec2.modify_network_interface_attribute(
            NetworkInterfaceId=spanning.interface(number), Groups=[opened]
        )


def test_an_address_that_is_taken_over_is_found_on_its_new_host(spanning: Spanning) -> None:
    ec2: Any = spanning.cloud.ec2
    taken = ec2.assign_private_ip_addresses(
        NetworkInterfaceId=spanning.interface(1), SecondaryPrivateIpAddressCount=1
    )["AssignedPrivateIpAddresses"][0]["PrivateIpAddress"]
    for number in (0, 1):
        ec2.assign_private_ip_addresses(
            NetworkInterfaceId=spanning.interface(number),
            PrivateIpAddresses=[taken],
            AllowReassignment=True,
        )
        spanning.ssh(number, f"ip address add {taken}/32 dev eth0")
        asking = 1 - number
        wholecloud.wait_until(
            lambda asking=asking: spanning.pings(asking, taken), HEARD_S, f"{taken} to answer"
        )
        spanning.ssh(number, f"ip address del {taken}/32 dev eth0")


def test_who_speaks_to_a_guest_goes_on_though_it_goes_and_comes_back(spanning: Spanning) -> None:
    cloud = spanning.cloud
    guest = cloud.run()
    cloud.wait_state(guest, "running")
    with talking.talking(cloud, guest) as said:
        talking.answer(said, "before")
        for number in range(2):
            move(cloud, guest)
            talking.answer(said, f"at-{number}")
    cloud.terminate(guest)


def move(cloud: Cloud, guest: str) -> None:
    """Have a guest go to the other host."""

    def has_begun() -> bool:
        try:
            told = api.call(cloud.access, "mallee", "MigrateInstance", {"InstanceId": guest})
        except api.Refused as refused:
            if "try again" not in str(refused):
                raise
            return False
        return bool(told["MigrationId"])

    def is_over() -> bool:
        told = api.call(cloud.access, "mallee", "DescribeMigration", {"InstanceId": guest})
        assert "Failure" not in told
        return told["State"] == "none"

    wholecloud.wait_until(has_begun, MOVED_S, f"{guest} to be on its way")
    wholecloud.wait_until(is_over, MOVED_S, f"{guest} to be where it goes")
