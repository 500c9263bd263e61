"""What tests do with guests again and again: launch for a while, stop, start, ask inside."""

import shlex
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.wholecloud import Cloud

USER_DATA = "#!/bin/sh\necho ran with $# arguments\necho run >>/root/runs\n"

SSH = {
    "IpProtocol": "tcp",
    "FromPort": 22,
    "ToPort": 22,
    "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
}
"""The permission that lets SSH in from everywhere."""

ANSWERS_S = 60
"""So long a guest waits for an answer of the metadata service: it is one of a busy machine."""
SILENT_S = 3
"""And so long for one that shall not come."""


def when_alone(words: str) -> str:
    """The command with which a guest does what nobody could see the end of by SSH: when who asked
    for it has been answered and is gone."""
    waits = "while kill -0 $asked 2>/dev/null; do usleep 50000; done"
    return f"asked=$PPID; ({waits}; {words}) </dev/null >/dev/null 2>&1 &"


@dataclass(frozen=True, slots=True)
class Guest:
    """A running guest, with what does not change as long as it lives."""

    id: str
    private_ip: str
    mac: str
    interface_id: str
    group_id: str
    """The one group that it wears: SSH from everywhere, out to everywhere."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two guests of one VPC."""

    one: Guest
    other: Guest


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service answered to a guest; status 0: nothing at all."""

    status: int
    headers: Mapping[str, str]
    body: str


@contextmanager
def launched(cloud: Cloud, **parameters: Any) -> Generator[str]:
    """An instance that is gone afterwards whatever happens."""
    instance = cloud.run(**parameters)
    try:
        yield instance
    finally:
        cloud.terminate(instance)


@contextmanager
def launched_pair(cloud: Cloud) -> Generator[Pair]:
    """Two guests, each in a group of its own."""
    with (
        ssh_group(cloud, "one") as first,
        ssh_group(cloud, "other") as second,
        launched(cloud, SecurityGroupIds=[first], UserData=USER_DATA) as one,
        launched(cloud, SecurityGroupIds=[second]) as other,
    ):
        for instance in (one, other):
            cloud.wait_state(instance, "running")
        yield Pair(described(cloud, one), described(cloud, other))


@contextmanager
def ssh_group(cloud: Cloud, name: str) -> Generator[str]:
    """The id of a group that lets SSH in and everything out, for a while."""
    group = cloud.ec2.create_security_group(GroupName=name, Description=name)["GroupId"]
    try:
        cloud.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH])
        yield group
    finally:
        cloud.ec2.delete_security_group(GroupId=group)


def described(cloud: Cloud, instance: str) -> Guest:
    """A guest by its instance's id."""
    shown = cloud.instance(instance)
    interface = shown["NetworkInterfaces"][0]
    return Guest(
        id=instance,
        private_ip=shown["PrivateIpAddress"],
        mac=interface["MacAddress"],
        interface_id=interface["NetworkInterfaceId"],
        group_id=shown["SecurityGroups"][0]["GroupId"],
    )


def stop(cloud: Cloud, instance: str, **parameters: Any) -> None:
    """Stop an instance and wait until it is off."""
    cloud.ec2.stop_instances(InstanceIds=[instance], **parameters)
    cloud.wait_state(instance, "stopped")


def start(cloud: Cloud, instance: str) -> None:
    """Start an instance and wait until it runs."""
    cloud.ec2.start_instances(InstanceIds=[instance])
    cloud.wait_state(instance, "running")


def asking(method: str, path: str, **headers: str) -> str:
    """The shell command that asks the metadata service one thing, as raw as it can be.

    Words of a header's name are joined by `_` in the keyword.
    """
    return _asking(ANSWERS_S, method, path, headers)


def asking_in_vain(method: str, path: str, **headers: str) -> str:
    """The same of what nobody shall answer."""
    return _asking(SILENT_S, method, path, headers)


def _asking(within_s: int, method: str, path: str, headers: Mapping[str, str]) -> str:
    lines = [f"{method} {path} HTTP/1.0", "Host: 169.254.169.254", "Content-Length: 0"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    text = "".join(f"{line}\\r\\n" for line in [*lines, ""])
    return f"printf {shlex.quote(text)} | nc -w {within_s} 169.254.169.254 80"


def ask(cloud: Cloud, guest: Guest, method: str, path: str, **headers: str) -> Reply:
    """Ask the metadata service from inside a guest."""
    said = cloud.ssh(guest.id, f"{asking(method, path, **headers)}; true")
    if not said:
        return Reply(0, {}, "")
    # Reading text has made every line's end a plain one.
    head, _, body = said.partition("\n\n")
    first, *lines = head.split("\n")
    pairs = (line.partition(": ") for line in lines)
    return Reply(int(first.split()[1]), {name: value for name, _, value in pairs}, body)


def token(cloud: Cloud, guest: Guest) -> str:
    """A session token of the metadata service."""
    given = ask(cloud, guest, "PUT", "/latest/api/token", X_aws_ec2_metadata_token_ttl_seconds="60")
    assert given.status == 200
    return given.body


def read(cloud: Cloud, guest: Guest, *paths: str) -> list[str]:
    """What the metadata service has under each path; `absent` where it has nothing."""
    script = "".join(
        f"/etc/mallee/imds {shlex.quote(path)} || printf absent; printf '\\0'; " for path in paths
    )
    return cloud.ssh(guest.id, script).removesuffix("\0").split("\0")


def code_of(raised: pytest.ExceptionInfo[ClientError]) -> str:
    """The code of an error that the API answered."""
    answer: Any = raised.value.response
    return answer["Error"]["Code"]
