"""What security groups let through between guests, and when a change of them is felt."""

import select
import socket
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests import wholecloud
from tests.machines import guests
from tests.machines.guests import Guest, Pair
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

FELT_S = 240.0
"""How long a change may take until a guest feels it, on a busy machine."""


@pytest.fixture(scope="module")
def served(cloud: Cloud, pair: Pair) -> Iterator[Pair]:
    """The pair, each with a web server on port 7000 that says who it is."""
    for guest in (pair.one, pair.other):
        cloud.ssh(
            guest.id, f"mkdir -p /www; echo {guest.id} >/www/index.html; httpd -p 7000 -h /www"
        )
    yield pair
    for guest in (pair.one, pair.other):
        cloud.ssh(guest.id, "killall httpd")


@pytest.fixture(autouse=True)
def _groups_stay(cloud: Cloud, pair: Pair) -> Iterator[None]:
    """Whatever a law did to rules and groups is undone, or it would change the next one's world."""
    yield
    for guest in (pair.one, pair.other):
        cloud.ec2.modify_instance_attribute(InstanceId=guest.id, Groups=[guest.group_id])


def web(**source: Any) -> list[dict[str, Any]]:
    """The permission to reach the web server."""
    return [{"IpProtocol": "tcp", "FromPort": 7000, "ToPort": 7000, **source}]


def from_group(group: str) -> list[dict[str, Any]]:
    """The permission for the members of a group to reach the web server."""
    return web(UserIdGroupPairs=[{"GroupId": group}])


@contextmanager
def allowed(cloud: Cloud, group: str, permissions: list[dict[str, Any]]) -> Generator[None]:
    """Let something in for a while."""
    cloud.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=permissions)
    try:
        yield
    finally:
        cloud.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=permissions)


@contextmanager
def refused(cloud: Cloud, group: str, permissions: list[dict[str, Any]]) -> Generator[None]:
    """Let something in no more for a while."""
    cloud.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=permissions)
    try:
        yield
    finally:
        cloud.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=permissions)


def reaches(cloud: Cloud, source: Guest, target: Guest) -> bool:
    """Whether a guest gets an answer of another's web server at its private address."""
    url = f"http://{target.private_ip}:7000/"
    return cloud.ssh(source.id, f"timeout 2 wget -q -O - {url} || true").strip() == target.id


def wait_reach(cloud: Cloud, source: Guest, target: Guest, is_reached: bool) -> None:
    """Wait until a change is felt."""
    what = f"{source.id} {'to reach' if is_reached else 'to be kept from'} {target.id}"
    wholecloud.wait_until(lambda: reaches(cloud, source, target) is is_reached, FELT_S, what)


def test_members_of_different_groups_meet_only_by_a_rule(cloud: Cloud, served: Pair) -> None:
    one, other = served.one, served.other
    assert not reaches(cloud, one, other)
    with allowed(cloud, other.group_id, from_group(one.group_id)):
        wait_reach(cloud, one, other, is_reached=True)
        assert not reaches(cloud, other, one)
    wait_reach(cloud, one, other, is_reached=False)


def test_a_rule_by_address_lets_in_that_address_alone(cloud: Cloud, served: Pair) -> None:
    one, other = served.one, served.other
    with allowed(cloud, other.group_id, web(IpRanges=[{"CidrIp": f"{one.private_ip}/32"}])):
        wait_reach(cloud, one, other, is_reached=True)
    with allowed(cloud, other.group_id, web(IpRanges=[{"CidrIp": "192.0.2.0/24"}])):
        wait_reach(cloud, one, other, is_reached=False)


def test_a_rule_for_one_port_opens_no_other(cloud: Cloud, served: Pair) -> None:
    one, other = served.one, served.other
    [permission] = from_group(one.group_id)
    with allowed(cloud, other.group_id, [{**permission, "FromPort": 7001, "ToPort": 7009}]):
        assert not reaches(cloud, one, other)
    with allowed(cloud, other.group_id, [{**permission, "FromPort": 6990, "ToPort": 7001}]):
        wait_reach(cloud, one, other, is_reached=True)


def test_members_of_the_default_group_meet_freely(cloud: Cloud, served: Pair) -> None:
    one, other = served.one, served.other
    found = cloud.ec2.describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["default"]}]
    )
    default = found["SecurityGroups"][0]["GroupId"]
    for guest in (one, other):
        cloud.ec2.modify_instance_attribute(InstanceId=guest.id, Groups=[guest.group_id, default])
    wait_reach(cloud, one, other, is_reached=True)
    wait_reach(cloud, other, one, is_reached=True)
    assert "0% packet loss" in cloud.ssh(one.id, f"ping -c 1 -W 60 {other.private_ip}")
    cloud.ec2.modify_instance_attribute(InstanceId=other.id, Groups=[other.group_id])
    wait_reach(cloud, one, other, is_reached=False)


HALF = [
    {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "128.0.0.0/1"}]}
]
"""SSH from where the host is, but not from the whole world."""


UNSERVED = [
    {"IpProtocol": "tcp", "FromPort": 9, "ToPort": 9, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
]
"""A port at which no guest listens."""


def refuses(address: str, port: int) -> bool:
    """Whether the guest itself says that nobody listens there."""
    try:
        socket.create_connection((address, port), timeout=1.0).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def wait_felt(cloud: Cloud, group: str, address: str) -> None:
    """Wait until all that was changed in a group before is felt by its guest."""
    # Changes are felt in their order: when a later one is, these are.
    with allowed(cloud, group, UNSERVED):
        wholecloud.wait_until(lambda: refuses(address, 9), FELT_S, "changes to be felt")


@contextmanager
def tracked_ssh(cloud: Cloud, guest: Guest) -> Generator[None]:
    """Have SSH be remembered, so that it does not end when other rules make answers less free."""
    address, group = cloud.instance(guest.id)["PublicIpAddress"], guest.group_id
    cloud.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=HALF)
    cloud.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[guests.SSH])
    try:
        wait_felt(cloud, group, address)
        yield
    finally:
        cloud.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[guests.SSH])
        cloud.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=HALF)


def test_without_a_rule_outwards_nothing_begins_outwards(cloud: Cloud, served: Pair) -> None:
    one, other = served.one, served.other
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    with (
        tracked_ssh(cloud, one),
        allowed(cloud, other.group_id, from_group(one.group_id)),
    ):
        wait_reach(cloud, one, other, is_reached=True)
        cloud.ec2.revoke_security_group_egress(GroupId=one.group_id, IpPermissions=everything)
        try:
            # SSH into the guest is an answer to what began outside, and so goes on.
            wait_reach(cloud, one, other, is_reached=False)
            cloud.ec2.authorize_security_group_egress(
                GroupId=one.group_id, IpPermissions=from_group(other.group_id)
            )
            wait_reach(cloud, one, other, is_reached=True)
            cloud.ec2.revoke_security_group_egress(
                GroupId=one.group_id, IpPermissions=from_group(other.group_id)
            )
        finally:
            cloud.ec2.authorize_security_group_egress(
                GroupId=one.group_id, IpPermissions=everything
            )
        wait_reach(cloud, one, other, is_reached=True)


class Session:
    """A shell on a guest, over one SSH connection that stays."""

    def __init__(self, cloud: Cloud, address: str) -> None:
        self._ssh = subprocess.Popen(
            [
                *("ssh", "-i", str(cloud.key_pair("tests")), "-o", "BatchMode=yes"),
                *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
                *("-o", "LogLevel=ERROR", f"root@{address}", "sh"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def echoes(self, word: str, within_s: float = FELT_S) -> bool:
        """Whether the guest says a word after us."""
        assert self._ssh.stdin is not None
        assert self._ssh.stdout is not None
        print(f"echo {word}", file=self._ssh.stdin, flush=True)
        if not select.select([self._ssh.stdout], [], [], within_s)[0]:
            return False
        return self._ssh.stdout.readline() == f"{word}\n"

    def close(self) -> None:
        self._ssh.kill()
        self._ssh.wait()


def test_an_established_connection_outlives_its_rule(cloud: Cloud, pair: Pair) -> None:
    address, group = cloud.instance(pair.one.id)["PublicIpAddress"], pair.one.group_id
    with tracked_ssh(cloud, pair.one):
        session = Session(cloud, address)
        assert session.echoes("before")
        with allowed(cloud, group, from_group(pair.other.group_id)):
            assert session.echoes("unrelated")
        with refused(cloud, group, HALF):
            wait_felt(cloud, group, address)
            assert not knocks(address)
            # As on AWS, what was allowed when it began goes on until it ends.
            assert session.echoes("related")
        session.close()


def test_a_connection_that_needs_no_tracking_ends_with_its_rule(cloud: Cloud, pair: Pair) -> None:
    """As on AWS: the whole world may come in, and everything out, so nothing is remembered."""
    address, group = cloud.instance(pair.one.id)["PublicIpAddress"], pair.one.group_id
    session = Session(cloud, address)
    assert session.echoes("before")
    with refused(cloud, group, [guests.SSH]):
        # Not by its silence: a busy machine's guest may be slow to greet.
        wait_felt(cloud, group, address)
        assert not knocks(address)
        assert not session.echoes("silence", within_s=1.0)
    session.close()
    wholecloud.wait_until(lambda: knocks(address), FELT_S, "SSH to be open")


def knocks(address: str) -> bool:
    """Whether a new connection to SSH is taken."""
    try:
        socket.create_connection((address, 22), timeout=1.0).close()
    except OSError:
        return False
    return True
