"""Who has confirmed settings: hosts that are heard by them, and nobody else."""

import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from mallee.box import (
    client,
    configuring,
    owners,
    rollouts,
    settingshistory,
    settingstrial,
    status,
    steps,
)
from mallee.model.configuration.settings import Deadlines, Settings, encode
from mallee.model.configuration.settingschanges import CloudStanding
from mallee.model.layout import Layout


@pytest.mark.parametrize(
    ("state", "seconds", "confirms"),
    [("ENABLED", 3.0, True), ("ENABLED", 40.0, False), ("NOTREADY", 29.0, False)],
)
def test_a_host_that_is_told_to_be_silent_confirms_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state: str, seconds: float, confirms: bool
) -> None:
    # When a host is found silent its last time is the beginning of the cloud, which is younger
    # than the change.
    hosts = [{"HostId": "host-1", "State": state, "SecondsSinceHeard": seconds}]

    def call(*_: Any) -> dict[str, Any]:
        return {"Hosts": hosts}

    access = client.Access(
        endpoint="http://127.0.0.1:1",
        region="r",
        account_id="1",
        access_key_id="k",
        secret_access_key="s",
    )

    def read_access(*_: Any) -> client.Access:
        return access

    def read_settings(_: Layout) -> Settings:
        return Settings()

    monkeypatch.setattr(client, "call", call)
    monkeypatch.setattr(client, "read_access", read_access)
    monkeypatch.setattr(owners, "read_settings", read_settings)
    heard = settingstrial.heard_within(Layout(tmp_path), 30.0)
    assert heard == ({"host-1"} if confirms else set())


def test_a_cloud_that_goes_away_before_a_trial_leaves_it_undone_and_not_open(
    monkeypatch: pytest.MonkeyPatch, root_dir: Path
) -> None:
    layout = Layout(root_dir)
    layout.settings.write_text(encode(Settings()))
    former = settingshistory.note_current(layout)
    asked = settingshistory.Asked("apply cloud.toml")
    text = encode(Settings(listen="0.0.0.0"))
    entry = settingshistory.add(layout, text, asked, settingshistory.TRIED)

    def away(_: Layout) -> None:
        raise steps.Failed("nobody answers", "mallee up")

    monkeypatch.setattr(settingstrial, "look", away)
    trial = settingstrial.Trial(entry.number, former.number, 1.0)
    rollouts.try_out(layout, trial, "")
    assert settingshistory.entries(layout)[-1].outcome == "undone: nobody answers"
    assert settingshistory.read_trying(layout) is None
    assert owners.read_settings(layout) == Settings()


def test_settings_by_which_nobody_answers_are_undone_though_no_host_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, root_dir: Path
) -> None:
    layout = Layout(root_dir)
    monkeypatch.setattr(owners, "give_settings", leave)
    layout.settings.write_text(encode(Settings()))
    former = settingshistory.note_current(layout)
    asked = settingshistory.Asked("apply cloud.toml")
    changed = Settings(deadlines=Deadlines(stop_s=61.0))
    entry = settingshistory.add(layout, encode(changed), asked, settingshistory.TRIED)

    def restart(*_: object) -> None:
        assert settingshistory.read_trying(layout) is not None

    def look(_: Layout) -> CloudStanding:
        return CloudStanding(hosts=(), instances=0, public_addresses_used=0)

    # There are neither ports nor credentials: nobody answers.
    monkeypatch.setattr(settingstrial, "restart", restart)
    monkeypatch.setattr(settingstrial, "look", look)
    trial = settingstrial.Trial(entry.number, former.number, 0.0)
    rollouts.try_out(layout, trial, "")
    outcome = settingshistory.entries(layout)[-1].outcome
    assert outcome.startswith("undone: not heard of within 0 s: the cloud")
    assert owners.read_settings(layout) == Settings()


def test_a_trial_that_was_left_is_undone_in_the_daemons_too_whatever_becomes_of_the_next(
    monkeypatch: pytest.MonkeyPatch, root_dir: Path
) -> None:
    layout = Layout(root_dir)
    monkeypatch.setattr(owners, "give_settings", leave)
    number = leave_trial(layout)
    runs: list[Settings] = []

    def restart(layout: Layout, _: tuple[str, ...]) -> None:
        runs.append(owners.read_settings(layout))

    def away(_: Layout) -> None:
        raise steps.Failed("nobody answers", "mallee up")

    monkeypatch.setattr(settingstrial, "restart", restart)
    monkeypatch.setattr(status, "find", find)
    monkeypatch.setattr(settingstrial, "look", away)
    check, _ = configuring.apply_steps(layout, configuring.Wish(encode(Settings()), "apply"))
    with pytest.raises(steps.Failed, match="nobody answers"):
        check.do(print)
    assert runs == [Settings()]
    outcomes = {one.number: one.outcome for one in settingshistory.entries(layout)}
    assert outcomes[number].startswith(settingshistory.UNDONE)


def test_who_ends_while_it_undoes_a_trial_leaves_it_to_be_undone(
    monkeypatch: pytest.MonkeyPatch, root_dir: Path
) -> None:
    layout = Layout(root_dir)
    monkeypatch.setattr(owners, "give_settings", leave)
    leave_trial(layout)
    restarts: list[int] = []

    def restart(*_: object) -> None:
        restarts.append(1)
        if len(restarts) == 1:
            raise InterruptedError

    monkeypatch.setattr(settingstrial, "restart", restart)
    monkeypatch.setattr(status, "find", find)
    with pytest.raises(InterruptedError):
        settingstrial.settle(layout)
    assert settingstrial.settle(layout)
    assert len(restarts) == 2
    assert not settingstrial.settle(layout)


def leave_trial(layout: Layout) -> int:
    """Put other settings in force as one that ends before anybody confirms them; return which."""
    layout.settings.write_text(encode(Settings()))
    settingshistory.note_current(layout)
    other = multiprocessing.get_context("fork").Process(target=_begin_and_end, args=(layout,))
    other.start()
    other.join()
    assert owners.read_settings(layout) == Settings(listen="0.0.0.0")
    return settingshistory.entries(layout)[-1].number


def leave(layout: Layout) -> None:
    """Give nothing to the cloud's user, whom this machine may not have."""


def find(_: Layout, name: str) -> status.Process:
    """Take every daemon for this process."""
    return status.Process(os.getpid(), status.read_birth(os.getpid()) or 0)


def _begin_and_end(layout: Layout) -> None:
    former = settingshistory.note_current(layout)
    asked = settingshistory.Asked("apply cloud.toml")
    text = encode(Settings(listen="0.0.0.0"))
    entry = settingshistory.add(layout, text, asked, settingshistory.TRIED)
    settingshistory.begin_trying(layout, entry.number, former.number)
