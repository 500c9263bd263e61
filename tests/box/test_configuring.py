"""Who has confirmed settings: hosts that are heard by them, and nobody else."""

from pathlib import Path
from typing import Any

import pytest

from mallee.box import client, owners, rollouts, settingshistory, settingstrial, steps
from mallee.model.configuration.settings import Settings, encode
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
