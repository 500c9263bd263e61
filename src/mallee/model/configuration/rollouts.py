"""A rollout: a change of what all front ends have the same of their settings, brought to each.

The front ends that are there when it begins are *awaited*: they try it in turns, the one where it
was asked for first, so that the others answer meanwhile. Each says what came of it. When all have
confirmed it, it holds; when one refuses it, or is not heard in its turn, it is undone everywhere.
Who was away takes what holds when it is back. Pure: the store has the record, `cloud.frontends`
looks at it, and `box.rollouts` does on each machine what its duty is.
"""

from collections.abc import Mapping, Sequence
from enum import Enum

import msgspec

START_S = 60.0
"""What the daemons of one machine may take to start anew, besides the time for confirming."""
CONFIRM_S_MAX = 3600
KEPT = 32
"""So many rollouts are remembered."""
HOLDS = "holds"
UNDONE = "undone"


class Word(Enum):
    """What a front end says of a rollout."""

    CONFIRMED = "confirmed"
    """It has tried it and hears everybody; it waits for what the others say."""
    REFUSED = "refused"
    """It cannot have it, and has what it had before."""
    HOLDS = "holds"
    """It has it for good."""
    UNDONE = "undone"
    """It has what it had before, as all have."""


class Duty(Enum):
    """What a front end has to do about a rollout."""

    TRY = "try"
    """It is its turn: try it, say so, and wait for what is decided."""
    FOLLOW = "follow"
    """It was decided without this one: take what holds."""
    UNDO = "undo"
    """Be sure that what was there before holds, and say so."""


class Report(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The last that a front end said of a rollout."""

    front_end: str
    word: Word
    why: str = ""
    at: float


class Rollout(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That all front ends shall have other settings."""

    id: str
    """`rollout-…`"""
    number: int
    """Greater than that of every rollout before it."""
    document: str
    """What all shall have the same, whole, as TOML; nothing of it is secret."""
    what: str
    """What was asked for, such as `apply cloud.toml`."""
    by: str
    front_end: str
    """Where it was asked for."""
    awaited: tuple[str, ...]
    """The front ends that try it, in their turns, by id."""
    confirm_s: int
    """How long each has to hear everybody."""
    requested_at: float


class RolloutSeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far a rollout is."""

    outcome: str = ""
    """`holds`, or `undone: ` and why; empty: it is not decided."""
    decided_at: float = 0.0
    reports: tuple[Report, ...] = ()


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A rollout and how far it is."""

    rollout: Rollout
    seen: RolloutSeen

    @property
    def is_decided(self) -> bool:
        """Whether it is known what holds."""
        return bool(self.seen.outcome)

    @property
    def holds(self) -> bool:
        """Whether all shall have it."""
        return self.seen.outcome == HOLDS

    def word_of(self, front_end: str) -> Word | None:
        """Return the last that a front end said; None: nothing yet."""
        return next((one.word for one in self.seen.reports if one.front_end == front_end), None)


def turn_s(rollout: Rollout) -> float:
    """Return how long a front end has for its turn."""
    return rollout.confirm_s + START_S


def decide(known: Known, names: Mapping[str, str], now: float) -> str:
    """Return the outcome that a rollout has by now; empty: it is open.

    `names` are those of the front ends that there are: one that was removed is waited for no more.
    """
    awaited = tuple(id for id in known.rollout.awaited if id in names)
    for report in known.seen.reports:
        if report.word is Word.REFUSED and report.front_end in awaited:
            return f"{UNDONE}: {names[report.front_end]}: {report.why}"
    missing = [id for id in awaited if known.word_of(id) is not Word.CONFIRMED]
    if not missing:
        return HOLDS if awaited else f"{UNDONE}: nobody is left who tried it"
    last = max((one.at for one in known.seen.reports), default=known.rollout.requested_at)
    if now > last + turn_s(known.rollout):
        return f"{UNDONE}: {names[missing[0]]} was not heard of in its turn"
    return ""


def with_report(seen: RolloutSeen, report: Report) -> RolloutSeen:
    """Return how far a rollout is when a front end has said that; unchanged when it is too late."""
    former = next((one for one in seen.reports if one.front_end == report.front_end), None)
    if former is not None and (former.word, former.why) == (report.word, report.why):
        return seen
    is_late = report.word is Word.CONFIRMED and seen.outcome
    is_other = (report.word is Word.HOLDS and seen.outcome != HOLDS) or (
        report.word is Word.UNDONE and not seen.outcome.startswith(UNDONE)
    )
    if is_late or is_other:
        return seen
    others = tuple(one for one in seen.reports if one.front_end != report.front_end)
    return msgspec.structs.replace(seen, reports=(*others, report))


def duty_of(all: Sequence[Known], own: str, joined_at: float) -> tuple[Duty, Known] | None:
    """Return what a front end has to do now, and about which rollout; None: nothing.

    `all` is in the order of their numbers. `joined_at`: who joined later began with what held.
    """
    last = all[-1] if all else None
    if last is not None and not last.is_decided:
        return (Duty.TRY, last) if _is_turn(last, own) else None
    for known in reversed(all):
        said = known.word_of(own)
        if known.holds:
            is_theirs = known.rollout.requested_at >= joined_at
            is_done = said in (Word.HOLDS, Word.REFUSED)
            return (Duty.FOLLOW, known) if is_theirs and not is_done else None
        if own in known.rollout.awaited and said not in (Word.REFUSED, Word.UNDONE):
            return Duty.UNDO, known
    return None


def late(known: Known, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the front ends that do not have what holds."""
    if not known.holds:
        return ()
    return tuple(sorted(name for id, name in names.items() if known.word_of(id) is not Word.HOLDS))


def _is_turn(known: Known, own: str) -> bool:
    """Tell whether one that does not begin it shall try it now."""
    awaited = known.rollout.awaited
    if own not in awaited or own == known.rollout.front_end or known.word_of(own) is not None:
        return False
    before = awaited[: awaited.index(own)]
    return all(known.word_of(id) is Word.CONFIRMED for id in before)
