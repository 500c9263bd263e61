"""Bad requests and floods of them over the sockets of a whole cloud, with real guests behind it.

What single requests are answered is held by the tests of the cloud's stages; here it is that
everything together stays standing.
"""

import asyncio
import datetime
import re
import subprocess
from pathlib import Path
from typing import Any, cast

import aiohttp
import botocore.awsrequest
import botocore.exceptions
import pytest

from mallee.box import client as api
from mallee.cloud import server
from tests import wholecloud
from tests.baddays import traces
from tests.cloud import signing
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine


LAUNCHED = re.compile(r"<instanceId>(i-[0-9a-f]{17})</instanceId>")


def refusal(call: Any, **parameters: Any) -> dict[str, str]:
    """The error that a call is answered with."""
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        call(**parameters)
    return cast(Any, raised.value).response["Error"]


def test_a_launch_that_cannot_be_says_what_is_wrong_and_leaves_nothing(cloud: Cloud) -> None:
    before = _instances(cloud)
    launch, image = cloud.ec2.run_instances, cloud.image()
    once = {"MinCount": 1, "MaxCount": 1}

    unknown = refusal(launch, ImageId="ami-0123456789abcdef0", **once)
    assert unknown["Code"] == "InvalidAMIID.NotFound"
    assert "ami-0123456789abcdef0" in unknown["Message"]
    assert refusal(launch, ImageId="ami-!", **once)["Code"] == "InvalidAMIID.Malformed"

    crowd = refusal(launch, ImageId=image, InstanceType="m5.4xlarge", MinCount=9, MaxCount=9)
    assert crowd["Code"] == "InsufficientInstanceCapacity"
    host = api.call(cloud.access, "mallee", "DescribeHosts")["Hosts"][0]["Name"]
    assert f"Host {host} is short of" in crowd["Message"]
    assert "vcpus" in crowd["Message"]
    assert "there is room for" in crowd["Message"]

    words = refusal(launch, ImageId=image, UserData="x" * 16385, **once)
    assert words["Code"] == "InvalidParameterValue"
    # One that has ended is shown for a while only.
    assert _instances(cloud) <= before


def _instances(cloud: Cloud) -> set[str]:
    found = cloud.ec2.describe_instances()["Reservations"]
    return {one["InstanceId"] for some in found for one in some["Instances"]}


def test_nothing_that_is_sent_to_its_socket_hurts_the_cloud(cloud: Cloud, tmp_path: Path) -> None:
    pid = cloud.daemon("cloud").pid
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(100 << 20)
    sent = (
        ("-X", "POST", "--data-binary", f"@{huge}"),
        ("-X", "POST", "-H", "Expect:", "-T", str(huge)),
        ("-X", "POST", "-H", "Transfer-Encoding: chunked", "--data-binary", f"@{huge}"),
        ("--data-binary", "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'b'>]><a>&b;&b;</a"),
        ("--data-binary", "Action=%ff%00&Version[]=&&&=;Action.1.2.3=\x01"),
        ("-X", "BREW", "-H", "Host: \x7f"),
    )
    for words in sent:
        argv = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-m", "240", *words]
        done = subprocess.run(
            [*argv, cloud.access.endpoint], capture_output=True, text=True, check=False
        )
        assert done.stdout.startswith("4"), f"{words}: {done.stdout} {done.stderr}"
    assert cloud.daemon("cloud").pid == pid
    resident_kib = int(
        subprocess.run(
            ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True
        ).stdout
    )
    assert resident_kib < 300 << 10


async def test_two_thousand_parallel_requests_with_launches_among_them_are_all_answered(
    cloud: Cloud,
) -> None:
    pid = cloud.daemon("cloud").pid
    key = {
        "access_key_id": cloud.access.access_key_id,
        "secret_access_key": cloud.access.secret_access_key,
    }
    sender = signing.Sender(int(cloud.access.endpoint.rpartition(":")[2]), key)
    image, group = cloud.image(), cloud.open_group()
    reads = sender.signed("ec2", {"Action": "DescribeInstances"})
    now = datetime.datetime.now(datetime.UTC)
    launches = [
        sender.signed(
            "ec2",
            {
                "Action": "RunInstances",
                "ImageId": image,
                "SecurityGroupId.1": group,
                "InstanceType": "t2.nano",
                "MinCount": "1",
                "MaxCount": "1",
                "ClientToken": f"flood-{number % 2}",
            },
            # Each of another second: a launch whose signature is used again later is a copied one.
            at=now - datetime.timedelta(seconds=number),
        )
        for number in range(100)
    ]
    try:
        answers = await _flood([reads if i % 20 else launches[i // 20] for i in range(2000)])
        refused = [text for status, text in answers if status != 200]
        assert not refused, f"{len(refused)} refused, the first: {refused[0]}"
        reservations = [text for _, text in answers if "<RunInstancesResponse" in text]
        assert len(reservations) == 100
        launched = {match for text in reservations for match in LAUNCHED.findall(text)}
        assert len(launched) == 2
        for instance in launched:
            cloud.wait_state(instance, "running")
    finally:
        tokens = [{"Name": "client-token", "Values": ["flood-0", "flood-1"]}]
        found = cloud.ec2.describe_instances(Filters=tokens)["Reservations"]
        cloud.terminate(*(one["InstanceId"] for some in found for one in some["Instances"]))
    assert cloud.daemon("cloud").pid == pid
    # Its host may not have been heard in all that.
    wholecloud.wait_until(lambda: traces.is_whole(cloud), wholecloud.GUEST_S, "the host")


async def _flood(requests: list[botocore.awsrequest.AWSRequest]) -> list[tuple[int, str]]:
    """Send all at once; return status and text of every answer."""
    server.allow_connections()

    async def one(session: aiohttp.ClientSession, request: Any) -> tuple[int, str]:
        headers = {name: str(value) for name, value in request.headers.items()}
        async with session.post(request.url, data=request.body, headers=headers) as response:
            return response.status, await response.text()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        return await asyncio.gather(*(one(session, request.prepare()) for request in requests))
