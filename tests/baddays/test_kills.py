"""Days on which processes are killed: guests go on, and everything works again in seconds."""

import os
import random
import re
import signal
import threading
from typing import Any

import botocore.exceptions
import pytest

from mallee.box import client as api
from mallee.box import status, steps, up
from tests import wholecloud
from tests.baddays import traces
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

DAEMONS = (
    ("cloud",),
    ("node",),
    ("libvirtd",),
    (status.SUPERVISOR,),
    (status.SUPERVISOR, *status.DAEMONS),
)


@pytest.mark.parametrize("names", DAEMONS, ids="+".join)
def test_guests_and_their_connections_outlive_killed_daemons(
    cloud: Cloud, guest: str, names: tuple[str, ...]
) -> None:
    before, shown = traces.life_of(cloud, guest), cloud.instance(guest)
    with traces.open_shell(cloud, guest) as shell:
        for name in names:
            traces.kill(cloud, name)
        assert shell.echo("while they are away") == "while they are away"
        if status.SUPERVISOR in names:
            steps.run(up.plan(cloud.layout), wholecloud.Silent())
        traces.wait_works(cloud, guest)
        assert shell.echo("when they are back") == "when they are back"
    assert traces.life_of(cloud, guest) == before
    assert cloud.instance(guest) == shown


def test_what_is_wanted_after_a_kill_reaches_the_host(cloud: Cloud, guest: str) -> None:
    for name in status.DAEMONS:
        traces.kill(cloud, name)
    traces.wait_works(cloud, guest)
    taken = cloud.ec2.allocate_address(Domain="vpc")
    try:
        cloud.ec2.associate_address(InstanceId=guest, AllocationId=taken["AllocationId"])
        assert cloud.ssh_to(taken["PublicIp"], "echo here") == "here\n"
    finally:
        found = cloud.ec2.describe_addresses(AllocationIds=[taken["AllocationId"]])
        held = found["Addresses"][0].get("AssociationId")
        if held:
            cloud.ec2.disassociate_address(AssociationId=held)
        cloud.ec2.release_address(AllocationId=taken["AllocationId"])


def test_a_killed_guest_comes_back_with_its_disk_and_addresses_and_says_why(
    cloud: Cloud, guest: str
) -> None:
    cloud.ssh(guest, "echo written >/root/kept; sync")
    before, shown = traces.life_of(cloud, guest), cloud.instance(guest)
    assert before.process is not None
    os.kill(before.process, signal.SIGKILL)

    def is_another() -> bool:
        return cloud.guest_process(guest) not in (None, before.process)

    wholecloud.wait_until(is_another, wholecloud.GUEST_S, "the guest to be started again")
    assert cloud.ssh(guest, "cat /root/kept") == "written\n"
    again = cloud.instance(guest)
    assert again["State"]["Name"] == "running"
    for same in ("PrivateIpAddress", "PublicIpAddress"):
        assert again[same] == shown[same]
    assert "QEMU process ended unexpectedly" in again["StateReason"]["Message"]
    seen = api.call(cloud.access, "mallee", "ExplainResource", {"ResourceId": guest})
    assert re.search(r'"restarts": ?[1-9]', str(seen))


def test_no_acknowledged_launch_is_lost_or_doubled_by_kills_of_the_cloud(cloud: Cloud) -> None:
    kills = [f"kills-{number}" for number in range(4)]
    image, group = cloud.image(), cloud.open_group()
    wanted: dict[str, Any] = {
        "ImageId": image,
        "SecurityGroupIds": [group],
        "InstanceType": "t2.nano",
        # Such instances have 8 GiB each unless told otherwise: more than many a disk has free.
        "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 1}}],
    }
    launched: dict[str, str] = {}

    def launch(token: str) -> None:
        while token not in launched:
            instance = _try_launch(cloud, ClientToken=token, MinCount=1, MaxCount=1, **wanted)
            if instance is not None:
                launched[token] = instance

    chance = random.Random(7)
    # A new supervisor begins with short pauses, whatever happened before.
    traces.kill(cloud, status.SUPERVISOR)
    steps.run(up.plan(cloud.layout), wholecloud.Silent())
    try:
        for token in kills:
            client = threading.Thread(target=launch, args=(token,))
            client.start()
            # A kill at any moment of a launch, from its first byte to after its answer.
            client.join(chance.uniform(0.0, 0.15))
            traces.kill(cloud, "cloud")
            client.join(wholecloud.GUEST_S)
        wholecloud.wait_until(lambda: traces.is_whole(cloud), wholecloud.GUEST_S, "all")
        assert _by_token(cloud, kills) == {token: [launched[token]] for token in kills}
        for token in kills:
            again = _try_launch(cloud, ClientToken=token, MinCount=1, MaxCount=1, **wanted)
            assert again == launched[token]
        for token in kills:
            cloud.wait_state(launched[token], "running")
        assert len(set(traces.domains(cloud)) & set(launched.values())) == len(kills)
    finally:
        cloud.terminate(*(one for some in _by_token(cloud, kills).values() for one in some))


def _try_launch(cloud: Cloud, **wanted: Any) -> str | None:
    """Launch, or return None when the cloud dies meanwhile."""
    try:
        return cloud.ec2.run_instances(**wanted)["Instances"][0]["InstanceId"]
    except botocore.exceptions.BotoCoreError:
        return None
    except botocore.exceptions.ClientError as error:
        # A dying server may say that it cannot answer now; anything else is a fault.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 503:
            raise
        return None


def _by_token(cloud: Cloud, tokens: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    wanted = [{"Name": "client-token", "Values": tokens}]
    for reservation in cloud.ec2.describe_instances(Filters=wanted)["Reservations"]:
        for instance in reservation["Instances"]:
            found.setdefault(instance["ClientToken"], []).append(instance["InstanceId"])
    return found
