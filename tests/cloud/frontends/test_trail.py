"""One trail: calls are found wherever they were asked, and a trail that is away is said to be."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import postgresql
from tests.cloud.agent import Agent
from tests.cloud.frontends import standing
from tests.cloud.frontends.standing import FrontEnd

pytestmark = pytest.mark.postgres

CALLS = 12
BACK_S = standing.SETTLED_S
TRAIL = "/v1/frontends/trail"


@pytest.fixture(scope="module")
def two(postgresql_socket: Path) -> Iterator[list[FrontEnd]]:
    """Two front ends, each of which was asked for something, in turn."""
    with (
        tempfile.TemporaryDirectory(prefix="m-") as home,
        postgresql.database(postgresql_socket) as url,
        standing.two(Path(home), url) as all,
    ):
        for number in range(CALLS):
            all[number % 2].client().create_key_pair(KeyName=f"made-{number}")
        for one in all:
            whole(one)
        yield all


def names(front_end: FrontEnd, **asked: Any) -> list[str]:
    """The keys that were made as one front end tells it, newest first."""
    trail = front_end.client("cloudtrail")
    made = [{"AttributeKey": "EventName", "AttributeValue": "CreateKeyPair"}]
    found: list[str] = []
    pages: Any = trail.get_paginator("lookup_events")
    for page in pages.paginate(LookupAttributes=made, PaginationConfig=asked):
        for event in page["Events"]:
            found += [
                one["ResourceName"]
                for one in event["Resources"]
                if one["ResourceName"].startswith("made-")
            ]
            found += [event["EventName"]] if event["EventName"] == "TrailAway" else []
    return found


def whole(front_end: FrontEnd) -> list[str]:
    """The keys as one front end tells them once it has seen that the other is there."""
    deadline = time.monotonic() + BACK_S
    # It looks now and then who is there.
    while "TrailAway" in (told := names(front_end)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return told


def expected() -> list[str]:
    return [f"made-{number}" for number in reversed(range(CALLS))]


@pytest.mark.parametrize("page", [1, 5, 50])
def test_every_front_end_tells_what_was_asked_of_all(two: list[FrontEnd], page: int) -> None:
    for one in two:
        assert names(one, PageSize=page) == expected()


def test_a_call_is_found_by_its_id_from_the_other(two: list[FrontEnd]) -> None:
    assert two[0].sender().ask("mallee", "CreateFrontEndToken").status == 200
    called = two[1].sender().ask("mallee", "LookupCalls", ActionName="CreateFrontEndToken")
    told = two[1].sender().ask("mallee", "LookupCalls", RequestId=called.element("RequestId"))
    assert told.element("ActionName") == "CreateFrontEndToken"
    assert "NextToken" not in told.text


def test_trails_are_for_front_ends_alone(two: list[FrontEnd]) -> None:
    ca_pem = two[0].sender().ask("mallee", "CreateJoinToken").element("CaCertificate")
    host = Agent(two[0].configured.ports.agents, ca_pem)
    assert host.post(TRAIL, {})[0] == 401
    token = two[0].sender().ask("mallee", "CreateJoinToken").element("Token")
    assert host.join(token)[0] == 200
    assert host.post(TRAIL, {})[0] == 403


def test_one_that_is_away_is_said_to_be_and_comes_back(two: list[FrontEnd]) -> None:
    two[0].kill()
    told = names(two[1], PageSize=5)
    assert told.count("TrailAway") == 1
    assert [name for name in told if name != "TrailAway"] == expected()[::2]
    two[0].start()
    two[0].wait_ready()
    assert whole(two[1]) == expected()
