"""The unmodified AWS CLI works with an endpoint, a key and a region in its environment."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import wholecloud
from tests.cloud.agent import Agent, speaking
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender
from tests.standby import programs as standby

Aws = Callable[..., Any]


@pytest.fixture
def aws(cloud: RunningCloud, tmp_path: Path) -> Aws:
    """Runs `aws …`, which stands by; returns its JSON answer, or the error's text."""
    return runner(cloud, tmp_path, standby.aws(wholecloud.AWS_1))


@pytest.fixture
def started(cloud: RunningCloud, tmp_path: Path) -> Aws:
    """The same, as its users start it."""
    return runner(cloud, tmp_path, wholecloud.AWS_1)


def runner(cloud: RunningCloud, home: Path, program: Path) -> Aws:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_ACCESS_KEY_ID": cloud.admin["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": cloud.admin["secret_access_key"],
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PAGER": "",
    }

    def run(*words: str) -> Any:
        done = subprocess.run(
            [program, *words, "--output", "json"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        if done.returncode != 0:
            return done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else {}

    return run


def test_caller_is_told_who_he_is(started: Aws, cloud: RunningCloud) -> None:
    assert started("sts", "get-caller-identity")["Account"] == cloud.admin["account_id"]


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


def test_pages_of_the_cli_show_everything(started: Aws) -> None:
    whole = started("ec2", "describe-instance-types")["InstanceTypes"]
    paged = started("ec2", "describe-instance-types", "--page-size", "7")["InstanceTypes"]
    assert len(whole) > 7
    assert {each["InstanceType"] for each in paged} == {each["InstanceType"] for each in whole}


def test_refusals_carry_code_and_sentence(aws: Aws) -> None:
    assert "(UnsupportedOperation)" in aws("ec2", "describe-fpga-images")
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
    with speaking(agent):
        yield


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


def test_whether_a_packet_gets_there_is_asked_and_answered(aws: Aws) -> None:
    """A path, its analysis, and an access scope, as the manual's first steps have them."""
    subnet = aws("ec2", "describe-subnets")["Subnets"][0]["SubnetId"]
    make = ("ec2", "create-network-interface", "--subnet-id", subnet)
    one, two = (aws(*make)["NetworkInterface"]["NetworkInterfaceId"] for _ in "ab")
    path = aws(
        "ec2", "create-network-insights-path", "--source", one, "--destination", two,
        "--protocol", "tcp", "--destination-port", "443",
    )["NetworkInsightsPath"]["NetworkInsightsPathId"]  # fmt: skip
    start = ("ec2", "start-network-insights-analysis", "--network-insights-path-id", path)
    begun = aws(*start)["NetworkInsightsAnalysis"]["NetworkInsightsAnalysisId"]
    (found,) = aws(
        "ec2", "describe-network-insights-analyses", "--network-insights-analysis-ids", begun
    )["NetworkInsightsAnalyses"]
    assert (found["Status"], found["NetworkPathFound"]) == ("succeeded", True)
    assert found["ForwardPathComponents"][0]["Component"]["Id"] == one
    assert found["ForwardPathComponents"][-1]["Component"]["Id"] == two
    ends = "Source={ResourceStatement={ResourceTypes=AWS::EC2::NetworkInterface}}"
    made = aws("ec2", "create-network-insights-access-scope", "--match-paths", ends)
    scope = made["NetworkInsightsAccessScope"]["NetworkInsightsAccessScopeId"]
    start = ("start-network-insights-access-scope-analysis", "--network-insights-access-scope-id")
    analysis = aws("ec2", *start, scope)["NetworkInsightsAccessScopeAnalysis"]
    assert analysis["FindingsFound"] == "true"
    ways = aws(
        "ec2", "get-network-insights-access-scope-analysis-findings",
        "--network-insights-access-scope-analysis-id",
        analysis["NetworkInsightsAccessScopeAnalysisId"],
    )["AnalysisFindings"]  # fmt: skip
    assert {way["FindingComponents"][0]["Component"]["Id"] for way in ways} >= {one, two}
