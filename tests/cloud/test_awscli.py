"""The unmodified AWS CLI works with an endpoint, a key and a region in its environment."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.running import RunningCloud

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
