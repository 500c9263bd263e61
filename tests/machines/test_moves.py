"""Used volumes go from one machine to another: with what guests wrote, to one guest at a time."""

from collections.abc import Generator
from typing import Any

import pytest

from mallee.box import client as api
from tests import secondhost, wholecloud
from tests.secondhost import Machine
from tests.wholecloud import Cloud

FELT_S = 300.0
READS = """#!/bin/sh
(while sleep 1; do
  for disk in /dev/vd?; do head -c 64 $disk | grep -a -o 'kept-[a-z]*' | head -n 1; done
done >/dev/console) &
"""
"""Has a guest say what disks it has that begin with a word of ours."""
WRITES = """#!/bin/sh
(while sleep 1; do
  for disk in /dev/vd?; do
    [ "$(cat /sys/block/${disk#/dev/}/size)" = 4194304 ] || continue
    echo kept-word | dd of=$disk conv=notrunc 2>/dev/null && sync && echo written >/dev/console
  done
done) &
"""
"""Has a guest write a word of ours on its disk of 2 GiB."""


@pytest.fixture(scope="module")
def wide() -> Generator[Cloud]:
    """A cloud that listens beyond its own machine."""
    with wholecloud.fresh(secondhost.SETTINGS) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def second(wide: Cloud) -> Generator[Machine]:
    with secondhost.joined(wide) as machine:
        yield machine


def host_of(cloud: Cloud, instance: str) -> str:
    return next(one["HostId"] for one in cloud.hosts() if instance in one["InstanceIds"])


def said_by(cloud: Cloud, instance: str) -> str:
    """What a guest has said on its console, on whichever machine it is."""
    return cloud.ec2.get_console_output(InstanceId=instance, Latest=True).get("Output", "")


def wait_said(cloud: Cloud, instance: str, words: str) -> str:
    """The first whole line with these words that a guest says."""
    return wholecloud.wait_line(lambda: said_by(cloud, instance), words, FELT_S, instance)


def ask(cloud: Cloud, action: str, **asked: object) -> dict[str, Any]:
    """What the administration answers."""
    return api.call(cloud.access, "mallee", action, asked)


def begin(cloud: Cloud, instance: str) -> dict[str, Any]:
    """Have a guest go, when what it left where it was before is deleted."""
    begun: list[dict[str, Any]] = []

    def has_begun() -> bool:
        try:
            begun.append(ask(cloud, "MigrateInstance", InstanceId=instance))
        except api.Refused as refused:
            if "try again" not in str(refused):
                raise
            return False
        return True

    wholecloud.wait_until(has_begun, FELT_S, f"{instance} to be on its way")
    return begun[0]


def attach(cloud: Cloud, volume: str, instance: str) -> None:
    ec2: Any = cloud.ec2
    ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")

    def is_attached() -> bool:
        found = ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Attachments"]
        return [one["State"] for one in found] == ["attached"]

    wholecloud.wait_until(is_attached, FELT_S, f"{volume} to be attached")


@pytest.fixture(scope="module")
def guests(wide: Cloud, second: Machine) -> Generator[tuple[str, str]]:
    """A guest on each machine, the second machine's last."""
    assert second.host_id
    there = wide.run(UserData=WRITES)
    elsewhere = wide.run(UserData=READS)
    for one in (there, elsewhere):
        wide.wait_state(one, "running")
    assert host_of(wide, there) != host_of(wide, elsewhere)
    yield there, elsewhere
    wide.terminate(there, elsewhere)


def test_a_used_volume_follows_to_another_machine(wide: Cloud, guests: tuple[str, str]) -> None:
    ec2: Any = wide.ec2
    writer, reader = guests
    zone = wide.instance(writer)["Placement"]["AvailabilityZone"]
    volume = ec2.create_volume(AvailabilityZone=zone, Size=2)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})
    attach(wide, volume, writer)
    wait_said(wide, writer, "written")
    ec2.detach_volume(VolumeId=volume)
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})
    attach(wide, volume, reader)
    wait_said(wide, reader, "kept-word")


def test_an_instance_starts_where_there_is_room(wide: Cloud, guests: tuple[str, str]) -> None:
    writer, _ = guests
    before = host_of(wide, writer)
    # It lies on its root, and is made anew when there is none.
    _, _, key = wait_said(wide, writer, "mallee-tiny: host key").partition("host key ")
    assert len(key.split()) == 2, "its form and the whole key"
    wide.ec2.stop_instances(InstanceIds=[writer])
    wide.wait_state(writer, "stopped")
    ask(wide, "ModifyHost", HostId=before, Standing="draining")
    wide.ec2.start_instances(InstanceIds=[writer])
    wide.wait_state(writer, "running", FELT_S)
    assert host_of(wide, writer) != before
    wait_said(wide, writer, key)
    ask(wide, "ModifyHost", HostId=before, Standing="enabled")


def test_a_running_guest_goes_and_comes_back(wide: Cloud, guests: tuple[str, str]) -> None:
    """It is told by what it says all the while: it never began anew."""
    _, reader = guests
    here = host_of(wide, reader)
    for _ in range(2):
        before = host_of(wide, reader)
        told = begin(wide, reader)
        assert told["FromHostId"] == before

        def is_over() -> bool:
            return ask(wide, "DescribeMigration", InstanceId=reader)["State"] == "none"

        wholecloud.wait_until(is_over, FELT_S, f"{reader} to be where it goes")
        assert "Failure" not in ask(wide, "DescribeMigration", InstanceId=reader)
        assert host_of(wide, reader) == told["ToHostId"] != before
        assert wide.state(reader) == "running"
        wait_said(wide, reader, "kept-word")
    assert host_of(wide, reader) == here


def test_who_is_no_administrator_moves_nothing(wide: Cloud, guests: tuple[str, str]) -> None:
    other = wide.account("somebody")
    for action in ("MigrateInstance", "DescribeMigration"):
        with pytest.raises(api.Refused):
            api.call(other, "mallee", action, {"InstanceId": guests[0]})
