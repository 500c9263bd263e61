"""Anybody may ask whether the cloud's services are there, and learns nothing else."""

import urllib.request

import pytest

from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender


def beat(cloud: RunningCloud, path: str = "/services/Heartbeat", method: str = "GET") -> str:
    asked = urllib.request.Request(cloud.url + path, method=method)
    with urllib.request.urlopen(asked, timeout=120) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain")
        return answer.read().decode()


@pytest.mark.parametrize("path", ["/services/Heartbeat", "/services/heartbeat/"])
def test_the_heartbeat_needs_no_credentials(cloud: RunningCloud, path: str) -> None:
    lines = {line.split()[0]: line.split()[1:] for line in beat(cloud, path).splitlines()}
    assert lines["name=compute"] == ["enabled=true", "local=true", "initialized=true"]
    # This cloud of the tests has no process of S3.
    assert lines["name=objectstorage"][0] == "enabled=false"


def test_the_heartbeat_tells_nothing_of_the_cloud(cloud: RunningCloud, sender: Sender) -> None:
    told = beat(cloud)
    assert cloud.admin["account_id"] not in told
    assert str(cloud.agents_port) not in told
    assert beat(cloud, method="HEAD") == ""


def test_services_are_shown_with_their_causes(sender: Sender) -> None:
    answer = sender.ask("mallee", "DescribeServices")
    assert answer.status == 200
    assert "No process of the object store takes connections" in answer.text
    assert "<Type>cloud</Type>" in answer.text
