"""What a machine says of a rollout, and what not, when the cloud goes away meanwhile."""

from collections.abc import Callable
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


class Trying:
    """A cloud with one host, to which something happens while settings are tried."""

    def __init__(self, layout: Layout, trials: int, happens: Callable[[Settings], str]) -> None:
        self._layout = layout
        self._trials = trials
        self._happens = happens
        self.told: list[str] = []

    def call(
        self, access: object, service: str, operation: str, asked: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Answer what the machine asks."""
        if operation == "DescribeHosts":
            return {"Hosts": [{**HOST, "State": self._state()}]}
        if operation == "DescribeCloud":
            return {"PublicAddressesUsed": 0, "NetworkHindrances": []}
        if operation == "DescribeRollouts":
            duty = {} if self.told else {"Duty": "follow", "DutyRolloutId": ID}
            return {**duty, "Rollouts": [ROLLOUT | {"ConfirmSeconds": 0}], "FrontEnds": []}
        assert asked is not None
        self.told.append(asked["Word"])
        return {}

    def _state(self) -> str:
        trying = settingshistory.read_trying(self._layout)
        is_struck = len(settingshistory.entries(self._layout)) <= self._trials + 1
        happens = self._happens(parse(self._layout.settings.read_text()))
        if trying is None or not is_struck or not happens:
            return "ENABLED"
        if happens == AWAY:
            raise client.Unreachable("nobody answers")
        return happens


AWAY, UNHEARD = "away", "NOTREADY"
HOST = {"HostId": "host-1", "Name": "h", "InstanceIds": (), "SecondsSinceHeard": 0.0}


@pytest.mark.parametrize(
    ("happens", "trials", "words"),
    [
        ({AFTER: UNHEARD}, 1, "refused"),
        ({AFTER: AWAY}, rollouts.TRIALS_MAX - 1, "holds"),
        ({AFTER: AWAY}, rollouts.TRIALS_MAX, "refused"),
        ({AFTER: AWAY, BEFORE: AWAY}, rollouts.TRIALS_MAX + 2, "holds"),
        ({AFTER: UNHEARD, BEFORE: AWAY}, 1, "refused"),
    ],
    ids=[
        "a host that is heard no more",
        "a cloud that is away by them at times",
        "a cloud that is always away by them",
        "a cloud that is away whatever the settings",
        "a cloud that is away when they are undone",
    ],
)
def test_what_holds_is_refused_for_what_it_does_alone(
    layout: Layout,
    monkeypatch: pytest.MonkeyPatch,
    happens: dict[Settings, str],
    trials: int,
    words: str,
) -> None:
    cloud = Trying(layout, trials, lambda held: happens.get(held, ""))
    monkeypatch.setattr(client, "call", cloud.call)
    for _ in range(trials + (words == "holds")):
        assert cloud.told == []
        rollouts.follow(layout)
    assert cloud.told == [words]
    held = AFTER if words == "holds" else BEFORE
    assert parse(layout.settings.read_text()) == held
    assert settingshistory.read_trying(layout) is None
