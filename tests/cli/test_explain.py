"""`mallee explain`: one page about a thing, and the same as JSON."""

import json
from typing import Any

import msgspec
import pytest

from mallee.cloud.state import records
from tests.cli.conftest import Run
from tests.cloud.agent import FACTS, Agent
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender


@pytest.fixture(scope="module")
def group(cloud: RunningCloud) -> str:
    ec2 = cloud.client("ec2")
    made = ec2.create_security_group(GroupName="explained", Description="x")["GroupId"]
    ec2.create_tags(Resources=[made], Tags=[{"Key": "colour", "Value": "blue"}])
    return made


def test_a_page_tells_state_relations_changes_and_who_made_them(run: Run, group: str) -> None:
    said = run("explain", group)
    assert said.status == 0, said.err
    lines = said.out.splitlines()
    assert lines[0].startswith(f"security-group {group} of ")
    assert lines[1].startswith("state:    available, because 0 interfaces wear it")
    assert any(line.startswith("needs:    vpc vpc-") for line in lines)
    history = "\n".join(lines[-4:])
    assert "ec2:CreateSecurityGroup by arn:aws:iam::" in history
    assert "ec2:CreateTags by arn:aws:iam::" in history
    assert ": insert" in history
    assert '"blue"' in history
    assert "plan:" not in said.out


def test_the_same_is_told_as_json(run: Run, group: str) -> None:
    said = run("explain", group, "--as-json")
    told = json.loads(said.out)
    assert (told["ResourceId"], told["State"]) == (group, "available")
    assert json.loads(told["Wanted"])["name"] == "explained"
    assert [call["ActionName"] for call in told["Calls"]] == ["CreateTags", "CreateSecurityGroup"]


def test_a_host_that_does_not_answer_is_said_and_the_rest_is_told(
    cloud: RunningCloud, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mallee.cloud.hosts.doors.asks.DEADLINE_S", 0.05)
    said = run("explain", host_of(cloud), "--as-json").out
    told: Any = json.loads(said)
    assert told["State"] == "ENABLED"
    assert "did not answer within" in told["PlanUnknown"]
    said = run("explain", host_of(cloud))
    assert "plan:     not known: " in said.out


def test_why_not_tells_all_that_is_short_and_ends_with_one(cloud: RunningCloud, run: Run) -> None:
    host_of(cloud)
    said = run("why-not", "launch", "t3.micro")
    assert (said.status, said.err) == (0, "")
    assert "nothing stands against launching 1 of t3.micro in subnet-" in said.out
    said = run("why-not", "launch", "t3.micro", "--count", "100")
    assert said.status == 1
    assert "InsufficientInstanceCapacity: " in said.out
    assert "  cure: " in said.out


def test_why_not_tells_what_stops_a_packet(cloud: RunningCloud, run: Run) -> None:
    ec2 = cloud.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    made = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    id = made["NetworkInterfaceId"]
    said = run("why-not", "packet", id, "198.51.100.9", "--port", "443")
    assert (said.status, said.err) == (1, "")
    assert (
        f"{made['PrivateIpAddress']} to 198.51.100.9 does not pass: {id} has no public" in said.out
    )
    assert "cure: associate an elastic address" in said.out
    assert f"but: {id} is attached to nothing" in said.out
    for words in ([], ["--protocol", "icmp"]):
        said = run("why-not", "packet", id, id, *words)
        assert (said.status, said.err) == (0, "")
        assert f"passes: {id} receives it" in said.out


def host_of(cloud: RunningCloud) -> str:
    """The id of a host that has joined and been heard."""
    hosts = cloud.store.view.list(records.HOST)
    if hosts:
        return hosts[0].id
    token = Sender(cloud.port, cloud.admin).ask("mallee", "CreateJoinToken")
    agent = Agent(cloud.agents_port, token.element("CaCertificate"))
    assert agent.join(token.element("Token"))[0] == 200
    agent.sync(facts=msgspec.to_builtins(FACTS))
    return agent.host_id


def test_trace_tells_the_way_and_that_no_host_is_known(cloud: RunningCloud, run: Run) -> None:
    ec2 = cloud.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    made = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    id, group = made["NetworkInterfaceId"], made["Groups"][0]["GroupId"]
    said = run("trace", id, id)
    assert (said.status, said.err) == (0, "")
    assert f"→ {id} sends it, from {made['PrivateIpAddress']}" in said.out
    assert f"of {group} lets all to 0.0.0.0/0 pass" in said.out
    assert f"host: InvalidInput: {id} is attached to no instance" in said.out
    said = run("trace", id, "internet", "--port", "443", "--json")
    told = json.loads(said.out)
    assert (said.status, told["End"]) == (1, "no-public-address")
    assert [hop["Kind"] for hop in told["Hops"]][-1] == "internet-gateway"
    assert told["Hops"][-1]["Stops"] is True
    said = run("trace", "internet", id, "--port", "22", "--probe")
    assert said.status == 1
    assert "has no public address for the internet" in said.err
