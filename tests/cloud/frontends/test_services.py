"""What a front end says of services while the one that has the objects is away, and after."""

import time
import urllib.request

import pytest

from tests.cloud.frontends import standing
from tests.cloud.frontends.standing import FrontEnd

pytestmark = pytest.mark.postgres

NOTICED_S = standing.SETTLED_S


def test_s3_is_not_said_to_be_there_while_who_has_the_objects_is_away(two: list[FrontEnd]) -> None:
    first, second = two
    second.start_s3()
    second.wait_s3()
    wait_enabled(second, True)
    first.kill()
    wait_enabled(second, False)
    said = second.sender().ask("mallee", "DescribeServices").text
    assert "which has the objects, is away: S3 answers 503" in said
    first.start()
    first.wait_ready()
    wait_enabled(second, True)
    assert "is away" not in second.sender().ask("mallee", "DescribeServices").text


def wait_enabled(one: FrontEnd, is_enabled: bool) -> None:
    """Wait until its heartbeat says so of the object store."""
    deadline = time.monotonic() + NOTICED_S
    while serves(one) is not is_enabled:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def serves(one: FrontEnd) -> bool:
    with urllib.request.urlopen(f"{one.url}/services/Heartbeat", timeout=120) as answer:
        lines = {line.split()[0]: line.split()[1] for line in answer.read().decode().splitlines()}
    return lines["name=objectstorage"] == "enabled=true"
