"""A second machine joins a cloud by the line that the first one prints, and carries guests."""

from collections.abc import Generator
from typing import Any

import pytest

from mallee.box import steps
from mallee.kit import process
from tests import labs, secondhost, wholecloud
from tests.secondhost import Machine
from tests.wholecloud import Cloud


@pytest.fixture(scope="module")
def wide() -> Generator[Cloud]:
    """A cloud that listens beyond its own machine."""
    with wholecloud.fresh(secondhost.SETTINGS) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def second(wide: Cloud) -> Generator[Machine]:
    with secondhost.joined(wide) as machine:
        yield machine


def test_it_is_a_host_like_the_first(wide: Cloud, second: Machine) -> None:
    hosts = {host["HostId"]: host for host in wide.hosts()}
    assert len(hosts) == 2
    assert hosts[second.host_id]["State"] == "ENABLED"
    assert hosts[second.host_id]["Address"] == second.lab.address(secondhost.HOST)
    (first,) = set(hosts) - {second.host_id}
    assert hosts[first]["Address"] == second.near
    said = second.mallee("status")
    assert f"host {second.host_id}" in said
    assert "s3" not in said


def test_it_carries_guests(wide: Cloud, second: Machine) -> None:
    first = wide.run()
    other = wide.run()
    ran: dict[str, Any] = {}
    for id in (first, other):
        wide.wait_state(id, "running")
    for host in wide.hosts():
        ran.update(dict.fromkeys(host["InstanceIds"], host["HostId"]))
    assert len({ran[first], ran[other]}) == 2
    there = first if ran[first] == second.host_id else other
    assert (second.layout.instances / there).is_dir()
    # Its daemons may go and come; the guest stays.
    second.mallee("down")
    second.mallee("up")
    wholecloud.wait_until(wide.host_is_up, wholecloud.GUEST_S, "the host to be back")
    assert wide.state(there) == "running"
    wide.terminate(first, other)


def test_an_invitation_is_good_once(wide: Cloud, second: Machine) -> None:
    with pytest.raises(steps.Failed, match="is the host"):
        second.mallee("node", "join", f"{'a' * 43}.{'0' * 64}@{second.near}:1")


def test_nobody_poses_as_the_cloud(wide: Cloud, second: Machine) -> None:
    line = (*labs.MALLEE, "node", "invite", "--bare", "--address", second.near)
    invitation = process.run((*line, "--root", str(wide.layout.root))).text.strip()
    token, _, rest = invitation.partition(".")
    wrong = f"{token}.{'0' * 64}@{rest.partition('@')[2]}"
    with secondhost.machine() as stranger:
        address = rest.partition("@")[2].partition(":")[2]
        with pytest.raises(steps.Failed, match="is not the cloud that invited"):
            stranger.mallee("node", "join", wrong.replace(second.near, stranger.near))
        assert address
        assert not stranger.layout.join_token.exists()
