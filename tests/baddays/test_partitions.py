"""A host that is cut off keeps its guests and their rules; back again, it is reconciled, and
nothing is started twice. Two hosts of a lab carry guests, the front end's carries none."""

import signal
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import botocore.exceptions
import pytest

from mallee.box import client as api
from mallee.box import status
from mallee.lab import rooms
from tests import labs, wholecloud
from tests.labs import Lab
from tests.storms import looks
from tests.wholecloud import Cloud

TEXT = """
[hosts.front]
role = "front"
[hosts.n1]
[hosts.n2]
"""
FELT_S = 240.0
HEARS = """#!/bin/sh
(n=0; while sleep 1; do
  n=$((n+1))
  if ping -c 1 -W 1 {} >/dev/null 2>&1; then echo heard-$n; else echo deaf-$n; fi
done >/dev/console) &
"""
"""Has a guest say each second whether another one answers it."""


@dataclass(frozen=True, slots=True)
class Parted:
    """A cloud of which any host may be cut off."""

    lab: Lab
    cloud: Cloud

    def ask(self, action: str, **asked: object) -> dict[str, Any]:
        """What the administration answers."""
        return api.call(self.cloud.access, "mallee", action, asked)

    def open_only(self, *names: str) -> None:
        """Let no other host take anything new."""
        for host in self.cloud.hosts():
            standing = "enabled" if host["Name"] in names else "disabled"
            self.ask("ModifyHost", HostId=host["HostId"], Standing=standing)

    def state(self, name: str) -> str:
        """How a host's state is shown."""
        found = {one["HostId"]: one["State"] for one in self.cloud.hosts()}
        return found[self.lab.host_id(name)]

    def wait_host(self, name: str, *states: str) -> None:
        """Wait until a host is in one of these states."""
        wholecloud.wait_until(lambda: self.state(name) in states, FELT_S, f"{name} {states}")

    def guests(self, instance: str) -> list[looks.Guest]:
        """The QEMUs of an instance, on all hosts."""
        return [one for one in looks.fetch_guests(self.lab) if one.id == instance]

    def pid(self, instance: str) -> int:
        """The process of an instance that has one."""
        [found] = self.guests(instance)
        return found.pid

    def kill(self, host: str, daemon: str) -> None:
        """Kill a daemon, and wait until another one runs."""
        pid = status.pid_file(self.lab.layout(host), daemon)
        before = pid.read_text()
        number = str(signal.SIGKILL.value)
        rooms.run(self.lab.place, host, ("kill", f"-{number}", before.split()[0]))
        wholecloud.wait_until(
            lambda: pid.exists() and pid.read_text() not in (before, ""), FELT_S, f"a new {daemon}"
        )

    def count_said(self, host: str, instance: str, word: str) -> int:
        """In how many whole lines of its console a guest has said a word."""
        log = self.lab.layout(host).instances / instance / "console.log"
        lines = log.read_text(errors="replace").splitlines(keepends=True)
        return sum(word in line for line in lines if line.endswith("\n"))

    def wait_said(self, host: str, instance: str, word: str) -> None:
        """Wait until a guest says a word three times more."""
        wanted = self.count_said(host, instance, word) + 3
        wholecloud.wait_until(
            lambda: self.count_said(host, instance, word) >= wanted,
            FELT_S,
            f"{word} of {instance}",
        )


@pytest.fixture(scope="module")
def parted() -> Generator[Parted]:
    with labs.up(TEXT) as lab:
        yield Parted(lab, lab.cloud)


def test_a_host_that_is_cut_off_keeps_all_and_is_reconciled_when_it_is_back(parted: Parted) -> None:
    cloud, ec2 = parted.cloud, parted.cloud.ec2
    group = ec2.create_security_group(GroupName="pinged", Description="ping")["GroupId"]
    anybody = [{"CidrIp": "0.0.0.0/0"}]
    pings = [{"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "IpRanges": anybody}]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=pings)
    parted.open_only("n1")
    asked = {"InstanceType": "m1.small", "SecurityGroupIds": [group]}
    answers = cloud.run(**asked)
    address = cloud.instance(answers)["PrivateIpAddress"]
    hears = cloud.run(UserData=HEARS.format(address), **asked)
    ends = cloud.run(**asked)
    for one in (answers, hears, ends):
        cloud.wait_state(one, "running")
    before = {one: parted.pid(one) for one in (answers, hears, ends)}
    parted.wait_said("n1", hears, "heard")
    volume = cloud.instance(answers)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]

    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    parted.lab.cut("n1.eth0")
    launch = {**asked, "ClientToken": "while-it-is-away"}
    late = cloud.run(**launch)
    with pytest.raises(botocore.exceptions.ClientError, match=r"Unavailable.*Try again"):
        ec2.create_snapshot(VolumeId=volume)
    ec2.terminate_instances(InstanceIds=[ends])
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=pings)
    parted.wait_host("n1", "NOTREADY")
    for host, daemon in (("n1", "node"), ("front", "cloud")):
        parted.kill(host, daemon)
    wholecloud.wait_until(lambda: _answers(cloud), FELT_S, "the cloud to be back")
    parted.wait_said("n1", hears, "heard")
    assert {one: parted.pid(one) for one in before} == before
    assert cloud.state(ends) == "shutting-down"
    assert cloud.state(late) == "pending"
    assert parted.guests(late) == []
    # The only host that takes anything is away.
    with pytest.raises(botocore.exceptions.ClientError, match="InsufficientInstanceCapacity"):
        cloud.run(**asked)
    parted.open_only("n1", "n2")
    elsewhere = cloud.run(**asked)
    cloud.wait_state(elsewhere, "running")
    assert [one.host for one in parted.guests(elsewhere)] == ["n2"]

    parted.lab.mend()
    parted.wait_host("n1", "ENABLED")
    parted.wait_said("n1", hears, "deaf")
    cloud.wait_state(ends, "terminated")
    cloud.wait_state(late, "running")
    assert cloud.run(**launch) == late
    wholecloud.wait_until(lambda: _is_complete(ec2, snapshot), FELT_S, f"{snapshot} to be complete")
    assert parted.guests(ends) == []
    assert [one.host for one in parted.guests(late)] == ["n1"]
    assert {one: parted.pid(one) for one in (answers, hears)} == {
        one: before[one] for one in (answers, hears)
    }
    ec2.delete_snapshot(SnapshotId=snapshot)
    cloud.terminate(answers, hears, late, elsewhere)


def test_a_host_that_was_retired_while_it_was_away_is_heard_no_more(parted: Parted) -> None:
    cloud = parted.cloud
    parted.open_only("n2")
    guest = cloud.run(InstanceType="m1.small")
    cloud.wait_state(guest, "running")
    process = parted.pid(guest)
    parted.lab.cut("n2.eth0")
    parted.ask("RetireHost", HostId=parted.lab.host_id("n2"), Force=True)
    cloud.wait_state(guest, "terminated")
    assert "retired" in cloud.instance(guest)["StateReason"]["Message"]
    parted.lab.mend()
    log = parted.lab.layout("n2").log / "node.log"
    wholecloud.wait_until(lambda: "retired" in log.read_text(), FELT_S, "the agent to be refused")
    # Somebody who retired the wrong one can still save what is on it.
    assert parted.pid(guest) == process
    assert parted.lab.host_id("n2") not in {one["HostId"] for one in cloud.hosts()}
    parted.open_only("n1")
    other = cloud.run(InstanceType="m1.small")
    cloud.wait_state(other, "running")
    assert [one.host for one in parted.guests(other)] == ["n1"]
    cloud.terminate(other)


def _is_complete(ec2: Any, snapshot: str) -> bool:
    found = ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]
    return found[0]["State"] == "completed"


def _answers(cloud: Cloud) -> bool:
    try:
        return bool(cloud.hosts())
    except (api.Unreachable, api.Refused):
        return False
