"""What a machine says of a rollout, and what not, when the cloud goes away meanwhile."""

from pathlib import Path
from typing import Any

import pytest

from mallee.box import client, rollouts, settingshistory, settingstrial
from mallee.model.configuration import sharing
from mallee.model.configuration.rollouts import Duty
from mallee.model.configuration.settings import Deadlines, Settings, encode, parse
from mallee.model.layout import Layout

ID = "rollout-1"
BEFORE = Settings()
AFTER = Settings(deadlines=Deadlines(stop_s=61.0))


class Cloud:
    """A cloud that has a duty for this machine, and goes away for a moment when it has said so."""

    def __init__(self, duty: Duty) -> None:
        self._duty = duty
        self._goes_away = True
        self._is_away = False
        self.told: list[str] = []

    def call(
        self, access: object, service: str, operation: str, asked: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Answer what the machine asks."""
        if self._is_away:
            self._is_away = False
            raise client.Unreachable("it ended meanwhile")
        if operation == "ReportRollout":
            assert asked is not None
            self.told.append(asked["Word"])
            return {}
        if operation == "DescribeHosts":
            return {"Hosts": []}
        if operation == "DescribeCloud":
            return {"PublicAddressesUsed": 0, "NetworkHindrances": []}
        assert operation == "DescribeRollouts"
        self._is_away, self._goes_away = self._goes_away, False
        duty = {"Duty": self._duty.value, "DutyRolloutId": ID}
        return {**duty, "Rollouts": [ROLLOUT], "FrontEnds": []}


ROLLOUT = {
    "RolloutId": ID,
    "What": "apply cloud.toml",
    "By": "root",
    "FrontEndName": "other",
    "ConfirmSeconds": 1,
    "Outcome": "holds",
    "Document": sharing.document(AFTER),
}


@pytest.fixture
def layout(root_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """The directories of a machine without daemons."""

    def nothing(*_: object) -> None:
        pass

    monkeypatch.setattr(settingstrial, "restart", nothing)
    monkeypatch.setattr(client, "read_access", nothing)
    made = Layout(root_dir)
    made.settings.write_text(encode(BEFORE))
    return made


@pytest.mark.parametrize(("duty", "words"), [(Duty.FOLLOW, ["holds"]), (Duty.TRY, ["confirmed"])])
def test_a_cloud_that_goes_away_meanwhile_is_no_reason_to_refuse(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, duty: Duty, words: list[str]
) -> None:
    cloud = Cloud(duty)
    monkeypatch.setattr(client, "call", cloud.call)
    rollouts.follow(layout)
    assert cloud.told == []
    assert parse(layout.settings.read_text()) == BEFORE

    rollouts.follow(layout)
    assert cloud.told[:1] == words
    assert parse(layout.settings.read_text()) == AFTER
    assert settingshistory.entries(layout)[-1].outcome == "holds"
