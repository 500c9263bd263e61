"""The recycle bin: what is deleted and kept for a while, and the rules that say so.

A *rule* of an account names a kind of thing, and tags: what is deleted and fits it goes into the
bin and stays as long as the rule said then. A thing in the bin is the same record as before, with
`binned`: it keeps all that it needs, and nobody sees it but who looks into the bin. A rule may be
*locked*; who unlocks it waits for days until it can be changed.
"""

from collections.abc import Iterable, Mapping
from enum import Enum

import msgspec

DAY_S = 86_400.0


class Kind(Enum):
    """What rules are about."""

    SNAPSHOT = "EBS_SNAPSHOT"
    """Snapshots of volumes."""
    IMAGE = "EC2_IMAGE"
    """Machine images."""
    VOLUME = "EBS_VOLUME"
    """Volumes."""


DAYS_MAX: Mapping[Kind, int] = {Kind.SNAPSHOT: 365, Kind.IMAGE: 365, Kind.VOLUME: 7}
"""The longest that things of a kind are kept."""


class Lock(Enum):
    """Whether a rule can be changed."""

    LOCKED = "locked"
    """It cannot."""
    PENDING = "pending_unlock"
    """It cannot yet."""
    UNLOCKED = "unlocked"
    """It can."""


class Binned(msgspec.Struct, frozen=True, gc=False):
    """That something is in the bin."""

    since: float
    """Seconds since the epoch."""
    until: float


class Tag(msgspec.Struct, frozen=True, gc=False):
    """A tag that things may have; `value` None: whatever its value."""

    key: str
    value: str | None = None


class Rule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an account wants kept of what it deletes."""

    id: str
    kind: Kind
    days: int
    description: str = ""
    with_tags: tuple[Tag, ...] = ()
    """Things with one of these fit it; none: all do."""
    without_tags: tuple[Tag, ...] = ()
    """Things with one of these do not."""
    unlock_days: int | None = None
    """How long who unlocks it waits; None: it was never locked."""
    is_locked: bool = False
    unlocked_at: float | None = None
    """When the waiting is over, after somebody unlocked it."""
    created_at: float
    tags: dict[str, str] = {}


def lock_of(rule: Rule, now: float) -> Lock | None:
    """Return whether a rule can be changed; None: it was never locked, so it can."""
    if rule.is_locked:
        return Lock.LOCKED
    if rule.unlocked_at is None:
        return None
    return Lock.PENDING if now < rule.unlocked_at else Lock.UNLOCKED


def fits(rule: Rule, tags: Mapping[str, str]) -> bool:
    """Tell whether a rule is about what has these tags."""
    if any(_has(tags, tag) for tag in rule.without_tags):
        return False
    return not rule.with_tags or any(_has(tags, tag) for tag in rule.with_tags)


def days_kept(rules: Iterable[Rule], kind: Kind, tags: Mapping[str, str]) -> int:
    """Return for how many days a thing is kept that is deleted now; 0: it is not. Of several rules
    the longest holds."""
    fitting = (rule.days for rule in rules if rule.kind is kind and fits(rule, tags))
    return max(fitting, default=0)


def _has(tags: Mapping[str, str], tag: Tag) -> bool:
    return tag.key in tags and tag.value in (None, tags[tag.key])
