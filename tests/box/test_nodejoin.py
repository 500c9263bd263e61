"""Joining fails at once where the cloud says no, with its cause, and a cure that is one."""

import email.utils
import time
from pathlib import Path

import pytest

from mallee.box import nodejoin, steps
from mallee.kit import files
from mallee.model.layout import Layout
from mallee.node import membership, silence

NOW = 1_700_000_000.0


@pytest.fixture
def layout(root_dir: Path) -> Layout:
    """A host that has been told to join."""
    made = Layout(root_dir)
    made.run.mkdir()
    made.node.mkdir()
    files.write_json(made.join_token, {"url": "https://192.0.2.1:8774"})
    return made


def wait(layout: Layout) -> str:
    """Do the last step of joining."""
    return nodejoin.start_plan(layout)[-1].do(lambda _: None)


def noted(layout: Layout, why: str, status: int) -> None:
    silence.Noted(layout, time.time).failed(why, status)


@pytest.mark.parametrize(
    ("status", "cure"), [(403, "print a new invitation"), (409, "the same invitation")]
)
def test_a_refusal_ends_it_at_once(layout: Layout, status: int, cure: str) -> None:
    noted(layout, "used already, by ash", status)
    began = time.monotonic()
    with pytest.raises(steps.Failed, match="refuses this host: used already, by ash") as failed:
        wait(layout)
    assert time.monotonic() - began < nodejoin.JOINED_S_MAX / 2
    assert cure in failed.value.cure
    assert not layout.join_token.exists()


def test_a_cloud_that_is_away_has_its_time(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodejoin, "JOINED_S_MAX", 0.2)
    noted(layout, "Connection refused", 0)
    with pytest.raises(steps.Failed, match=r"within 0\.2 s; it says: Connection refused"):
        wait(layout)
    assert not layout.join_token.exists()


def test_a_host_that_is_taken_and_told_nothing_is_not_to_be_invited_anew(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodejoin, "JOINED_S_MAX", 0.2)
    join(layout)
    with pytest.raises(steps.Failed, match="is the host host-1") as failed:
        wait(layout)
    assert "invitation" not in str(failed.value)


def test_a_host_that_the_cloud_refuses_is_told_why_and_how_it_joins_anew(layout: Layout) -> None:
    join(layout)
    noted(layout, "host host-1 is retired", 403)
    with pytest.raises(steps.Failed, match="refuses it: host host-1 is retired") as failed:
        nodejoin.check_free(layout)
    assert "--again" in failed.value.cure


def join(layout: Layout) -> None:
    layout.node_pki.mkdir(parents=True)
    member = {"url": "https://192.0.2.1:8774", "host_id": "host-1"}
    files.write_json(layout.node_pki / "membership.json", member)
    assert membership.read(layout) is not None


@pytest.mark.parametrize("ahead_s", [-7200.0, -400.0, 400.0, 86400.0])
def test_clocks_that_differ_are_named_with_both_times(ahead_s: float) -> None:
    told = email.utils.formatdate(NOW + ahead_s, usegmt=True)
    with pytest.raises(
        steps.Failed, match=r"clock says 2023-11-14T22:13:20.*cloud's 2023"
    ) as failed:
        nodejoin.check_clock(told, NOW)
    assert "same invitation" in failed.value.cure


@pytest.mark.parametrize("told", ["", "yesterday", email.utils.formatdate(NOW + 60)])
def test_clocks_that_agree_or_are_not_known_hold_nobody_up(told: str) -> None:
    nodejoin.check_clock(told, NOW)
