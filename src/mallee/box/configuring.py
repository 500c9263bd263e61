"""Changes a cloud's settings so that a change which cuts somebody off undoes itself.

A document is checked whole and its plan looked at; then a process of its own tries it
(`settingstrial`): it holds when the cloud answers and every host that was heard before is heard
again. What several front ends have the same is tried by all, one after the other (`rollouts`).
That process outlives the terminal (`python -m mallee.box.rollouts`); when it is killed, `mallee up`
and the next change put the former document back (`settingshistory`).
"""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from mallee.box import owners, rollouts, settingshistory, settingstrial, status, steps, up
from mallee.box.rollouts import Begun
from mallee.model.configuration import rollouts as rolling
from mallee.model.configuration import settings, settingschanges
from mallee.model.configuration.settings import Settings
from mallee.model.configuration.settingschanges import Plan
from mallee.model.layout import Layout

CONFIRM_S = 60.0
"""A change that the cloud and its hosts have not confirmed by then is undone, unless another time
is asked for."""


_SAID_S = 5.0


@dataclass(frozen=True, slots=True)
class Wish:
    """A change that is asked for."""

    text: str
    """The whole document."""
    what: str
    """In words, for the history."""
    called: str = "mallee.toml"
    """As which the document is known to who asks."""
    confirm_s: float = CONFIRM_S

    def over_s(self, turns: int) -> float:
        """Return how long it takes at most until it holds or is undone, in seconds."""
        restarts_s = len(status.DAEMONS) * settingstrial.RESTART_S_MAX
        others_s = (turns - 1) * (self.confirm_s + rolling.START_S)
        return 2 * (self.confirm_s + restarts_s) + others_s


def parse(text: str, called: str) -> Settings:
    """Return a document, `called` so, that makes sense by itself; raise `steps.Failed`."""
    try:
        return settings.parse(text, called)
    except settings.InvalidSettings as error:
        raise steps.Failed(str(error), "put it right in the document") from error


def look(layout: Layout, text: str, called: str) -> Plan:
    """Return what a document would do to this machine's cloud; raise `steps.Failed`."""
    return settingschanges.plan(
        owners.read_settings(layout), parse(text, called), settingstrial.look(layout)
    )


def apply_steps(layout: Layout, wish: Wish) -> tuple[steps.Step, ...]:
    """Return the steps that put a document in force."""
    return (
        steps.Step("See what it changes", lambda say: _check(layout, wish)),
        steps.Step("Try it", lambda say: _try(layout, wish, say)),
    )


def _check(layout: Layout, wish: Wish) -> str:
    settled = settingstrial.settle(layout)
    if settingshistory.read_trying(layout) is not None:
        raise steps.Failed(
            "another change is being tried", "wait for its end: mallee config history"
        )
    found = look(layout, wish.text, wish.called)
    if found.obstacles:
        raise steps.Failed("; ".join(found.obstacles), "see `mallee config plan` of the document")
    if not found.changes and not found.is_for_all:
        raise steps.Failed("the document says what holds already", "")
    changed = (
        f"{len(found.changes)} settings; new start of {', '.join(found.restarts) or 'nothing'}"
    )
    return f"{settled}; {changed}" if settled else changed


def _try(layout: Layout, wish: Wish, say: Callable[[str], None]) -> str:
    found = look(layout, wish.text, wish.called)
    for name, becomes in found.front_ends:
        say(f"{name}: {becomes}")
    former = settingshistory.note_current(layout)
    asked = settingshistory.Asked(wish.what)
    entry = settingshistory.add(layout, wish.text, asked, settingshistory.TRIED)
    begun = _begin(layout, wish, entry) if found.front_ends and found.is_for_all else Begun("", 1)
    numbers = ("--number", str(entry.number), "--former", str(former.number))
    numbers += ("--confirm-s", str(wish.confirm_s), "--rollout", begun.id)
    log = layout.log / "settings.log"
    with log.open("ab") as said:
        child = subprocess.Popen(
            [sys.executable, "-m", rollouts.__name__, "--root", str(layout.root), *numbers],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
            cwd="/",
            env=up.environment(),
        )
    unknown = steps.Failed(f"nothing is heard of settings {entry.number}", f"read {log}")
    steps.wait_until(
        lambda: child.poll() is not None or not _is_tried(layout, entry.number),
        wish.over_s(begun.turns),
        unknown,
    )
    return _result(layout, entry, former.number) + _late(layout, begun)


def _begin(layout: Layout, wish: Wish, entry: settingshistory.Entry) -> Begun:
    """Have the other front ends try it as well; raise `steps.Failed`."""
    try:
        return rollouts.begin(layout, wish.text, wish.what, wish.confirm_s)
    except steps.Failed as failure:
        outcome = f"{settingshistory.UNDONE}: {failure.cause}"
        settingshistory.conclude(layout, entry.number, outcome)
        raise


def _late(layout: Layout, begun: Begun) -> str:
    """Say which front ends are still to get it; those that are there have a moment to say so."""
    if not begun.id:
        return ""
    deadline = time.monotonic() + _SAID_S
    while (missing := rollouts.late(layout, begun.id)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return f"; not yet at {', '.join(missing)}" if missing else "; at all front ends"


def _result(layout: Layout, entry: settingshistory.Entry, former: int) -> str:
    """Return what came of a change; raise `steps.Failed` when it does not hold."""
    log = layout.log / "settings.log"
    if _is_tried(layout, entry.number):
        settled = settingstrial.settle(layout)
        trying = settingshistory.read_trying(layout)
        if not settled and trying is not None and trying.number != entry.number:
            settingshistory.conclude(
                layout, entry.number, f"{settingshistory.UNDONE}: another change is being tried"
            )
            raise steps.Failed("another change is being tried", "mallee config history")
        cause = f"settings {entry.number} are undone: what tried them died"
        raise steps.Failed(cause, f"read {log}")
    outcome = _outcome(layout, entry.number)
    if outcome != settingshistory.HOLDS:
        raise steps.Failed(f"settings {entry.number}: {outcome}", f"read {log}; mallee hosts list")
    return f"settings {entry.number} hold; back: mallee config rollback {former}"


def _is_tried(layout: Layout, number: int) -> bool:
    return _outcome(layout, number) == settingshistory.TRIED


def _outcome(layout: Layout, number: int) -> str:
    return next(it.outcome for it in settingshistory.entries(layout) if it.number == number)
