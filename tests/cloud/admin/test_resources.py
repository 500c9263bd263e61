"""Everything about a thing can be told, but no secret."""

from typing import Any

from mallee import VERSION
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender


def test_thing_is_explained_with_its_past(sender: Sender, ec2: Any) -> None:
    group = ec2.create_security_group(GroupName="explained", Description="x")["GroupId"]
    ec2.create_tags(Resources=[group], Tags=[{"Key": "colour", "Value": "blue"}])
    answer = sender.ask("mallee", "ExplainResource", ResourceId=group)
    assert answer.element("Kind") == "security-group"
    assert "explained" in answer.element("Wanted")
    summaries = answer.text.split("<Summary>")[1:]
    assert summaries[0].startswith("insert<")
    assert summaries[1].startswith("write tags: ")
    assert "blue" in summaries[1]


def test_what_is_not_there_is_said(sender: Sender) -> None:
    answer = sender.ask("mallee", "ExplainResource", ResourceId="i-00000000000000000")
    assert (answer.status, answer.code) == (404, "NoSuchResource")


def test_secrets_are_not_explained(cloud: RunningCloud, sender: Sender) -> None:
    asked = cloud.admin["access_key_id"]
    assert sender.ask("mallee", "ExplainResource", ResourceId=asked).code == "NoSuchResource"


def test_cloud_describes_itself(sender: Sender) -> None:
    answer = sender.ask("mallee", "DescribeCloud")
    assert answer.element("Version") == VERSION
    assert answer.element("Region") == "us-east-1"
    assert answer.element("PublicAddressesTotal") == "253"
