"""The unmodified AWS CLI works with an endpoint, a key and a region in its environment."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.cloud.agent import FACTS, Agent
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender

Aws = Callable[..., Any]


@pytest.fixture
def aws(cloud: RunningCloud, tmp_path: Path) -> Aws:
    """Runs `aws …`; returns its JSON answer, or the error's text."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_ACCESS_KEY_ID": cloud.admin["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": cloud.admin["secret_access_key"],
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PAGER": "",
    }
    program = Path(sys.executable).parent / "aws"

    def run(*words: str) -> Any:
        done = subprocess.run(
            [program, *words, "--output", "json"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            return done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else {}

    return run


def test_caller_is_told_who_he_is(aws: Aws, cloud: RunningCloud) -> None:
    assert aws("sts", "get-caller-identity")["Account"] == cloud.admin["account_id"]


def test_group_is_made_filled_found_and_removed(aws: Aws) -> None:
    made = aws("ec2", "create-security-group", "--group-name", "cli", "--description", "of a test")
    group = made["GroupId"]
    allow = ("ec2", "authorize-security-group-ingress", "--group-id", group)
    aws(*allow, "--protocol", "tcp", "--port", "22", "--cidr", "10.0.0.0/8")
    aws("ec2", "create-tags", "--resources", group, "--tags", "Key=room,Value=12")
    found = aws("ec2", "describe-security-groups", "--filters", "Name=tag:room,Values=1?")
    assert [each["GroupId"] for each in found["SecurityGroups"]] == [group]
    (rule,) = found["SecurityGroups"][0]["IpPermissions"]
    assert (rule["FromPort"], rule["IpRanges"]) == (22, [{"CidrIp": "10.0.0.0/8"}])
    aws("ec2", "delete-security-group", "--group-id", group)
    gone = aws("ec2", "describe-security-groups", "--group-ids", group)
    assert "InvalidGroup.NotFound" in gone


def test_pages_of_the_cli_show_everything(aws: Aws) -> None:
    whole = aws("ec2", "describe-instance-types")["InstanceTypes"]
    paged = aws("ec2", "describe-instance-types", "--page-size", "7")["InstanceTypes"]
    assert len(whole) > 7
    assert {each["InstanceType"] for each in paged} == {each["InstanceType"] for each in whole}


def test_refusals_carry_code_and_sentence(aws: Aws) -> None:
    assert "(UnsupportedOperation)" in aws("ec2", "describe-volumes")
    dry = aws("ec2", "create-key-pair", "--key-name", "dry", "--dry-run")
    assert "(DryRunOperation)" in dry
    assert "(InvalidParameterValue)" in aws("ec2", "describe-vpcs", "--filters", "Name=a,Values=b")


def test_the_trail_is_looked_up(aws: Aws) -> None:
    aws("ec2", "create-key-pair", "--key-name", "looked-up")
    attribute = "AttributeKey=ResourceName,AttributeValue=looked-up"
    found = aws("cloudtrail", "lookup-events", "--lookup-attributes", attribute)["Events"]
    record = json.loads(found[0]["CloudTrailEvent"])
    assert (record["eventName"], record["requestParameters"]["keyName"]) == (
        "CreateKeyPair",
        "looked-up",
    )
    assert "aws-cli" in record["userAgent"]
    assert aws("cloudtrail", "describe-trails") == {"trailList": []}
    assert "TrailNotFoundException" in aws("cloudtrail", "get-trail-status", "--name", "mine")


@pytest.fixture
def host(cloud: RunningCloud) -> Iterator[None]:
    """A host that is heard all the time, however slowly programs start."""
    token = Sender(cloud.port, cloud.admin).ask("mallee", "CreateJoinToken")
    agent = Agent(cloud.agents_port, token.element("CaCertificate"))
    agent.join(token.element("Token"))
    agent.sync(facts=msgspec.to_builtins(FACTS))
    is_over = threading.Event()

    def speak() -> None:
        while not is_over.wait(1.0):
            agent.sync(facts=msgspec.to_builtins(FACTS))

    speaking = threading.Thread(target=speak)
    speaking.start()
    yield
    is_over.set()
    speaking.join()


@pytest.mark.usefixtures("host")
def test_capacity_is_set_apart_and_given_back(aws: Aws) -> None:
    zone = ("--availability-zone", "us-east-1a")
    room = ("--instance-type", "m1.small", "--instance-platform", "Linux/UNIX", *zone)
    made = aws("ec2", "create-capacity-reservation", *room, "--instance-count", "2")
    reserved = made["CapacityReservation"]
    assert (reserved["State"], reserved["AvailableInstanceCount"]) == ("active", 2)
    id = ("--capacity-reservation-id", reserved["CapacityReservationId"])
    aws("ec2", "modify-capacity-reservation", *id, "--instance-count", "1")
    usage = aws("ec2", "get-capacity-reservation-usage", *id)
    assert usage["TotalInstanceCount"] == 1
    host = ("ec2", "allocate-hosts", "--instance-family", "m1", *zone)
    assert "InsufficientHostCapacity" in aws(*host, "--quantity", "1")
    assert aws("ec2", "cancel-capacity-reservation", *id)["Return"] is True
    (host_id,) = aws(*host, "--quantity", "1", "--auto-placement", "on")["HostIds"]
    (found,) = aws("ec2", "describe-hosts", "--host-ids", host_id)["Hosts"]
    assert found["AvailableCapacity"]["AvailableVCpus"] > 0
    assert "InsufficientInstanceCapacity" in aws(
        "ec2", "create-capacity-reservation", *room, "--instance-count", "1"
    )
    assert aws("ec2", "release-hosts", "--host-ids", host_id)["Successful"] == [host_id]
