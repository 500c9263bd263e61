"""`managed` over Open vSwitch, with guests on two hosts: groups, the gateway, and the world."""

import re
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

import botocore.exceptions
import pytest

from mallee.box import client, status
from tests import labs, wholecloud
from tests.labs import Lab
from tests.machines import guests, talking
from tests.wholecloud import Cloud

TEXT = """
[switches.lan]
[switches.trunk]
kind = "openvswitch"

[hosts.front]
role = "front"
nics = [{ switch = "lan" }, { switch = "trunk", bridge = "br0", bridge_kind = "openvswitch" }]

[hosts.n1]
nics = [{ switch = "lan" }, { switch = "trunk", bridge = "br0", bridge_kind = "openvswitch" }]

[hosts.world]
role = "world"
nics = [{ switch = "lan" }]

[cloud]
listen = "0.0.0.0"

[cloud.network]
mode = "managed"
public_range = "198.19.0.0/24"
egress = true

[cloud.network.classic]
switch = "openvswitch"
device = "br0"
subnet = "10.20.0.0/16"
"""
HEARD_S = 240.0


@dataclass(frozen=True, slots=True)
class Zone:
    """A cloud of two hosts on one trunk, with a guest on each in one group, and one in
    another on the second host."""

    lab: Lab
    cloud: Cloud
    group: str
    members: tuple[str, ...]
    stranger: str

    def private(self, id: str) -> str:
        """A guest's private address."""
        return self.cloud.instance(id)["PrivateIpAddress"]

    def pings(self, id: str, address: str) -> bool:
        """Whether an address answers a guest."""
        return talking.pings(self.cloud, id, address)

    def hears(self, id: str, address: str) -> bool:
        """Whether an address does that has to answer."""
        return talking.hears(self.cloud, id, address)


@pytest.fixture(scope="module")
def zone() -> Generator[Zone]:
    with labs.up(TEXT) as lab:
        cloud = lab.cloud
        groups = [made_group(cloud, name) for name in ("members", "others")]
        options = {"HttpTokens": "optional"}
        made = [
            cloud.run(InstanceType="t3.nano", MetadataOptions=options, SecurityGroupIds=[group])
            for group in (groups[0], groups[0], groups[1])
        ]
        for id in made:
            cloud.wait_state(id, "running")
        yield Zone(lab, cloud, groups[0], tuple(made[:2]), made[2])


def made_group(cloud: Cloud, name: str) -> str:
    """A group that lets SSH in and everything out; it ends with its lab."""
    ec2: Any = cloud.ec2
    group = ec2.create_security_group(GroupName=name, Description=name)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[guests.SSH])
    return group


def test_members_meet_across_hosts_as_the_rules_say(zone: Zone) -> None:
    one, other = zone.members
    held = [host["InstanceIds"] for host in zone.cloud.hosts()]
    assert all(len(set(ids) & set(zone.members)) == 1 for ids in held)
    assert not zone.pings(one, zone.private(other))
    ec2: Any = zone.cloud.ec2
    rule = {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1}
    ec2.authorize_security_group_ingress(
        GroupId=zone.group, IpPermissions=[{**rule, "UserIdGroupPairs": [{"GroupId": zone.group}]}]
    )
    # Each host hears of the rule for itself.
    for asking, asked in (zone.members, zone.members[::-1]):
        answers = partial(zone.pings, asking, zone.private(asked))
        wholecloud.wait_until(answers, HEARD_S, f"{asked} to let {asking} in")
    for member in zone.members:
        assert not zone.pings(zone.stranger, zone.private(member))


def test_each_group_has_its_block_and_guests_their_services(zone: Zone) -> None:
    for id in (*zone.members, zone.stranger):
        shown = zone.cloud.ssh(id, "ip -4 -o address show dev eth0; ip route show default")
        assert f"{zone.private(id)}/27" in shown
        path = "http://169.254.169.254/latest/meta-data/instance-id"
        assert zone.cloud.ssh(id, f"wget -q -O - {path}").strip() == id
    name = zone.cloud.instance(zone.members[0])["PrivateDnsName"]
    assert zone.private(zone.members[0]) in zone.cloud.ssh(zone.members[1], f"nslookup {name}")


def traced(zone: Zone, source: str, destination: str) -> str:
    """What `mallee trace` tells of a ping, sent as the guest would."""
    line = (*labs.MALLEE, "trace", source, destination, "--protocol", "icmp", "--probe")
    root = str(zone.lab.layout("front").root)
    return zone.lab.run("front", "sh", "-c", '"$@" || true', "sh", *line, "--root", root)


def test_the_way_of_a_packet_is_told_by_the_trunk_and_to_the_world(zone: Zone) -> None:
    one, other = zone.members
    said = traced(zone, one, other)
    assert "the packet is on the host" in said
    assert re.search(r"leg\d+", said)
    assert "probe: left" in said or "probe: arrived" in said
    assert "answer: an echo" in said, said
    said = traced(zone, one, zone.stranger)
    # On one host it is seen where it dies, otherwise that nothing comes back.
    assert "probe: dropped" in said or "no answer came back" in said, said
    for id in (one, other):
        said = traced(zone, id, "internet")
        assert "not judged by the cloud" in said
        assert "its way there ends so: world" in said, said


def test_a_guest_that_forges_an_address_is_not_heard(zone: Zone) -> None:
    one, other = zone.members
    forged = "ip address add 10.20.0.30/32 dev eth0; ping -c 1 -W 2 -I 10.20.0.30 {} || true"
    taken = zone.cloud.ssh(one, forged.format(zone.private(other)))
    assert "100% packet loss" in taken
    zone.cloud.ssh(one, "ip address del 10.20.0.30/32 dev eth0")
    assert zone.hears(one, zone.private(other))


def test_conversations_outlive_the_cloud_and_its_agents(zone: Zone) -> None:
    with talking.talking(zone.cloud, zone.members[1]) as kept:
        talking.answer(kept, "before")
        for host in ("front", "n1"):
            for name in ("cloud", "node"):
                kill(zone.lab, host, name)
        talking.answer(kept, "meanwhile")
        wholecloud.wait_until(lambda: is_back(zone.cloud), HEARD_S, "the cloud to come back")
        talking.answer(kept, "after")
    one, other = zone.members
    assert zone.hears(one, zone.private(other))


def kill(lab: Lab, host: str, name: str) -> None:
    """Kill a daemon of a host, if it has it."""
    path = status.pid_file(lab.layout(host), name)
    if path.exists():
        lab.run(host, "kill", "-9", path.read_text().split()[0])


def is_back(cloud: Cloud) -> bool:
    """Whether the cloud answers, and all of its hosts do their work."""
    try:
        return all(host["State"] == "ENABLED" for host in cloud.hosts())
    except (OSError, botocore.exceptions.BotoCoreError, client.Unreachable, client.Refused):
        return False
