"""Flow logs of a real guest, as a user reads them: `aws s3 cp`, and the words of a line."""

import gzip
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.node.do.network import flowcounts
from mallee.node.plan.network import flowcounts as plan
from tests.machines.guests import Pair
from tests.wholecloud import GUEST_S, Cloud, wait_until

pytestmark = pytest.mark.machine

FORMAT = "${interface-id} ${pkt-srcaddr} ${dstaddr} ${dstport} ${protocol} ${packets} ${action}"
BUCKET = "flows-of-a-guest"
REFUSED_PORT = "81"


@pytest.fixture
def log(cloud: Cloud, pair: Pair) -> Iterator[str]:
    """A log of the interface of the pair's other guest, in a bucket that goes with it."""
    cloud.aws("s3", "mb", f"s3://{BUCKET}")
    id = cloud.aws(
        *("ec2", "create-flow-logs", "--resource-type", "NetworkInterface"),
        *("--resource-ids", pair.other.interface_id, "--traffic-type", "ALL"),
        *("--log-destination-type", "s3", "--log-destination", f"arn:aws:s3:::{BUCKET}"),
        *("--log-format", FORMAT, "--query", "FlowLogIds[0]"),
    )
    yield id
    cloud.aws("ec2", "delete-flow-logs", "--flow-log-ids", id)
    cloud.aws("s3", "rb", "--force", f"s3://{BUCKET}")


def counted(cloud: Cloud, pair: Pair) -> set[bool]:
    """Whether flows of the pair's VPC are counted that were refused, and that passed."""
    vpc = cloud.instance(pair.other.id)["VpcId"]
    keys = flowcounts.fetch(cloud.layout.vpc_namespace(vpc))[plan.PORTS4]
    return {bool(int.from_bytes(key[:4], sys.byteorder) & plan.REJECT) for key in keys}


def test_what_a_guest_was_let_have_and_what_not_is_read_by_the_cli(
    cloud: Cloud, pair: Pair, log: str, tmp_path: Path
) -> None:
    one, other = pair.one.private_ip, pair.other.private_ip
    tries = "; ".join(f"nc -w 2 {other} {port} </dev/null" for port in (REFUSED_PORT, 22))

    def are_counted() -> bool:
        # The log counts from the moment on at which the host has heard of it.
        cloud.ssh(pair.one.id, f"({tries}) >/dev/null 2>&1; true")
        return counted(cloud, pair) == {True, False}

    wait_until(are_counted, GUEST_S, "flows to be counted")
    # An agent that ends in order writes what it has, and the next one brings it.
    os.kill(cloud.daemon("node").pid, signal.SIGTERM)
    copied = tmp_path / "copied"

    def lines() -> list[list[str]]:
        cloud.aws("s3", "cp", "--recursive", f"s3://{BUCKET}", str(copied))
        text = b"".join(gzip.decompress(one.read_bytes()) for one in copied.rglob("*.gz"))
        return [line.split(" ") for line in text.decode().splitlines()]

    def told() -> set[tuple[str, str]]:
        own = [pair.other.interface_id, one, other]
        return {(words[3], words[-1]) for words in lines() if words[:3] == own}

    # What was counted in two windows comes in two objects.
    wanted = {("22", "ACCEPT"), (REFUSED_PORT, "REJECT")}
    wait_until(lambda: told() >= wanted, 2 * GUEST_S, f"lines of {log}")
    assert told() == wanted
    status = ("--query", "FlowLogs[0].DeliverLogsStatus")
    assert cloud.aws("ec2", "describe-flow-logs", "--flow-log-ids", log, *status) == "SUCCESS"
