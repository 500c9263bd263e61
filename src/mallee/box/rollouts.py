"""What this machine does for rollouts: begins one, takes its turn in another's, takes what holds.

A rollout is a change of what all front ends have the same of their settings
(`model.configuration.rollouts`). The cloud says whose turn it is and what holds; only root may
change settings, so this is a program of root's. `mallee config apply` starts it where the change is
asked for; on the others the supervisor does, when the cloud rings (`bell`). It does one thing and
ends: whatever is left to do after any kill is found in the store, and the bell rings again.
Of what the cloud tells nothing is taken but what is no machine's own, checked here once more.
"""

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mallee.box import client, owners, settingshistory, settingstrial, steps
from mallee.box.settingstrial import Silence, Trial
from mallee.model.configuration import rollouts, settings, settingschanges, sharing
from mallee.model.configuration.rollouts import Duty, Word
from mallee.model.configuration.settingschanges import CloudStanding
from mallee.model.layout import Layout

LOOK_S = 0.5
TELL_S = 60.0
"""So long a front end tries to say what came of a rollout; the bell rings for it again."""
TRIALS_MAX = 3
"""So often what holds is tried while the cloud goes away meanwhile, and comes back when undone."""
_WHY_LENGTH_MAX = 300
_FAILURES = (client.Unreachable, client.Refused)


@dataclass(frozen=True, slots=True)
class Begun:
    """A rollout that was begun here."""

    id: str
    turns: int
    """How many front ends try it, this one too."""


def begin(layout: Layout, text: str, what: str, confirm_s: float) -> Begun:
    """Begin to bring a document to all front ends; raise `steps.Failed` where that cannot be."""
    asked = {
        "Document": sharing.document(settings.parse(text)),
        "What": what[:_WHY_LENGTH_MAX],
        "By": settingshistory.who(),
        "ConfirmSeconds": min(max(1, round(confirm_s)), rollouts.CONFIRM_S_MAX),
    }
    try:
        made = _call(layout, "CreateRollout", asked)["Rollout"]
    except _FAILURES as error:
        said = error.message if isinstance(error, client.Refused) else str(error)
        raise steps.Failed(said, "mallee config history; then mallee config plan") from error
    return Begun(made["RolloutId"], len(made["AwaitedIds"]))


def late(layout: Layout, id: str) -> tuple[str, ...]:
    """Return the names of the front ends that do not have what holds, as far as it is known."""
    try:
        return tuple(_of(_call(layout, "DescribeRollouts"), id).get("LateNames", ()))
    except _FAILURES as error:
        return (f"those that cannot be asked for now ({error})",)


def try_out(layout: Layout, trial: Trial, rollout: str) -> None:
    """Try settings that were asked for here; `rollout`: which others try as well; empty: none."""
    turn = _Turn(layout, rollout, trial.confirm_s)
    try:
        standing = settingstrial.look(layout)
    except steps.Failed as failure:
        outcome = f"{settingshistory.UNDONE}: {failure.cause}"
        settingshistory.conclude(layout, trial.number, outcome)
        if rollout:
            turn.tell(Word.REFUSED, outcome)
        return
    if rollout:
        _take_turn(trial, standing, turn)
    else:
        settingstrial.try_out(layout, trial, standing, _confirm_alone)


def follow(layout: Layout) -> None:
    """Do what this front end's duty is, if anything."""
    settingstrial.settle_in_turn(layout)
    if settingshistory.read_trying(layout) is not None:
        return
    try:
        told = _call(layout, "DescribeRollouts")
    except _FAILURES:
        return
    if "Duty" not in told:
        return
    duty, about = Duty(told["Duty"]), _of(told, told["DutyRolloutId"])
    turn = _Turn(layout, about["RolloutId"], about["ConfirmSeconds"])
    if duty is Duty.UNDO:
        turn.tell(Word.UNDONE)
    else:
        _take(layout, about, replace(turn, is_decided=duty is Duty.FOLLOW))


def _take(layout: Layout, about: dict[str, Any], turn: "_Turn") -> None:
    """Take what a rollout says, as a document of this machine's."""
    before = owners.read_settings(layout)
    try:
        after = sharing.adopt(before, about["Document"])
    except settings.InvalidSettings as error:
        turn.tell(Word.REFUSED, str(error))
        return
    try:
        standing = settingstrial.look(layout)
    except steps.Failed:
        # That the cloud does not answer says nothing of the settings: the bell rings again.
        return
    planned = settingschanges.plan(before, after, standing)
    own = [one for one in planned.obstacles if sharing.is_own(one.partition(":")[0])]
    if own and planned.restarts:
        # Whether the cloud may be changed was seen where it was asked for.
        turn.tell(Word.REFUSED, "; ".join(own))
        return
    if not planned.changes:
        turn.tell(Word.HOLDS if turn.is_decided else Word.CONFIRMED)
        return
    former = settingshistory.note_current(layout)
    asked = settingshistory.Asked(f"{about['What']}, at {about['FrontEndName']}", about["By"])
    entry = settingshistory.add(layout, settings.encode(after), asked, settingshistory.TRIED)
    _take_turn(Trial(entry.number, former.number, about["ConfirmSeconds"]), standing, turn)


def _take_turn(trial: Trial, standing: CloudStanding, turn: "_Turn") -> None:
    said = _Said()

    def confirm() -> None:
        if not turn.is_decided:
            turn.tell(Word.CONFIRMED)
            said.has_confirmed = True
            turn.wait_decided()

    ended = settingstrial.try_out(turn.layout, trial, standing, confirm)
    if ended.outcome == settingshistory.HOLDS:
        turn.tell(Word.HOLDS)
    elif said.has_confirmed:
        # When it holds after all, it is not written down, and the bell rings again.
        turn.tell(Word.UNDONE)
    elif not (turn.is_decided and _is_tried_again(turn.layout, trial, ended.silence)):
        turn.tell(Word.REFUSED, ended.outcome)


def _is_tried_again(layout: Layout, trial: Trial, silence: Silence) -> bool:
    """Tell whether a trial of what holds says nothing of it, for the cloud went away meanwhile.

    Nothing is told then, and the bell rings again. Whose cloud answers by all but these settings
    has them for the reason after a few trials.
    """
    if silence is Silence.BY_THESE:
        return settingshistory.undone_in_a_row(layout, trial.number) < TRIALS_MAX
    return silence is Silence.WHATEVER


@dataclass(slots=True)
class _Said:
    has_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class _Turn:
    """This machine's part in a rollout."""

    layout: Layout
    id: str
    confirm_s: float
    is_decided: bool = False
    """Whether it holds already, whatever comes of it here."""

    def tell(self, word: Word, why: str = "") -> None:
        """Say what came of it here; give up after a while."""
        asked = {"RolloutId": self.id, "Word": word.value, "Why": why[:_WHY_LENGTH_MAX]}
        deadline = time.monotonic() + TELL_S
        while time.monotonic() < deadline:
            try:
                _call(self.layout, "ReportRollout", asked)
            except _FAILURES:
                time.sleep(LOOK_S)
            else:
                return

    def wait_decided(self) -> None:
        """Wait until it holds; raise `steps.Failed` when it does not, or nothing is heard of it."""
        heard_at = time.monotonic()
        while time.monotonic() - heard_at < self.confirm_s + rollouts.START_S:
            try:
                outcome = _of(_call(self.layout, "DescribeRollouts"), self.id).get("Outcome", "")
            except _FAILURES:
                time.sleep(LOOK_S)
                continue
            heard_at = time.monotonic()
            if outcome == rollouts.HOLDS:
                return
            if outcome:
                cause = outcome.removeprefix(f"{rollouts.UNDONE}: ")
                raise steps.Failed(cause, "mallee frontends list")
            time.sleep(LOOK_S)
        raise steps.Failed("the cloud did not say what became of it", "mallee config history")


def _confirm_alone() -> None:
    """Who is alone asks nobody."""


def _of(told: dict[str, Any], id: str) -> dict[str, Any]:
    """Return one of the rollouts; one that was forgotten says nothing."""
    found: list[dict[str, Any]] = [one for one in told["Rollouts"] if one["RolloutId"] == id]
    return found[0] if found else {}


def _call(layout: Layout, operation: str, asked: dict[str, Any] | None = None) -> dict[str, Any]:
    access = client.read_access(layout, owners.read_settings(layout))
    return client.call(access, "mallee", operation, asked)


def main() -> None:
    """Try the document of that number, or do what there is to do here."""
    parser = argparse.ArgumentParser(prog="mallee-rollouts", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the cloud's root directory")
    parser.add_argument("--number", type=int, help="of the document to try")
    parser.add_argument("--former", type=int, help="of the one that holds otherwise")
    parser.add_argument("--confirm-s", type=float, help="how long is waited")
    parser.add_argument("--rollout", default="", help="which other front ends try as well")
    asked = parser.parse_args()
    layout = Layout(asked.root.resolve())
    with settingshistory.turn(layout) as is_ours:
        if asked.number is None:
            if is_ours:
                follow(layout)
            return
        trial = Trial(asked.number, asked.former, asked.confirm_s)
        if is_ours:
            try_out(layout, trial, asked.rollout)
        elif asked.rollout:
            turn = _Turn(layout, asked.rollout, trial.confirm_s)
            turn.tell(Word.REFUSED, "another change is being tried there")


if __name__ == "__main__":
    main()
