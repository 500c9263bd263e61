"""Everything about a thing can be told, but no secret."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mallee import VERSION
from mallee.cloud.state import database
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender

WITHIN_S = 60.0


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


def test_nobody_who_writes_waits_for_a_long_past(
    cloud: RunningCloud, sender: Sender, ec2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = ec2.create_security_group(GroupName="old", Description="x")["GroupId"]
    reading, over = threading.Event(), threading.Event()
    read = database.Database.history

    def read_long(*asked: Any) -> Any:
        reading.set()
        over.wait(WITHIN_S)
        return read(*asked)

    monkeypatch.setattr(database.Database, "history", read_long)
    with ThreadPoolExecutor(2) as threads:
        told = threads.submit(sender.ask, "mallee", "ExplainResource", ResourceId=group)
        assert reading.wait(WITHIN_S)
        made = threads.submit(ec2.create_security_group, GroupName="new", Description="x")
        try:
            assert made.result(WITHIN_S)["GroupId"]
            assert not told.done()
        finally:
            over.set()
        assert "<Summary>insert<" in told.result(WITHIN_S).text


def test_what_is_gone_is_told_of(sender: Sender, ec2: Any) -> None:
    group = ec2.create_security_group(GroupName="gone", Description="x")["GroupId"]
    ec2.delete_security_group(GroupId=group)
    answer = sender.ask("mallee", "ExplainResource", ResourceId=group)
    assert answer.element("State") == "gone"
    assert "<Summary>delete<" in answer.text


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
