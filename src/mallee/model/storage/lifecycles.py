"""Lifecycle policies: snapshots and images that are made at times, and deleted when they are old.

A *policy* of an account names its targets by tags and has up to four *schedules*. At each time of a
schedule there is one *run*, in which each target is done once. A *default policy* is about all
volumes, or instances, of which nothing recent is there; an *event based* one copies what others
share. What was made bears the policy's tags (`TAG_POLICY` and `TAG_SCHEDULE`), which nobody else
can give, and only that is ever deleted. A policy acts by a role. Times are seconds since the epoch.
"""

from collections.abc import Mapping
from enum import Enum

import msgspec

DAY_S = 86_400.0
TAG_POLICY = "aws:dlm:lifecycle-policy-id"
TAG_SCHEDULE = "aws:dlm:lifecycle-schedule-name"
TAG_EXPIRES = "aws:dlm:expirationTime"
TAG_MANAGED = "dlm:managed"
TRIED_EVERY_S = 120.0
"""How often a run is gone on with that could not do all."""
SWEPT_EVERY_S = 600.0
"""How often is looked for what time alone has made old."""
RUN_TAKES_MAX_S = 3600.0
"""What a run could not do so long after it began, it leaves."""
UNITS_S: Mapping[str, float] = {
    "DAYS": DAY_S,
    "WEEKS": 7 * DAY_S,
    "MONTHS": 30 * DAY_S,
    "YEARS": 365 * DAY_S,
}
"""Every month has thirty days here, and every year 365."""


class Type(Enum):
    """What a policy makes."""

    SNAPSHOTS = "EBS_SNAPSHOT_MANAGEMENT"
    """Snapshots of volumes, or of all that instances have."""
    IMAGES = "IMAGE_MANAGEMENT"
    """Images of instances."""
    EVENTS = "EVENT_BASED_POLICY"
    """Copies of snapshots that others share."""


class Target(Enum):
    """Of what."""

    VOLUME = "VOLUME"
    """Volumes with one of the tags."""
    INSTANCE = "INSTANCE"
    """Instances with one of the tags."""


class Tag(msgspec.Struct, frozen=True, gc=False):
    """A tag."""

    key: str
    value: str


class CreateRule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """When: every so many hours from a time of the day on, or by a cron expression."""

    hours: int = 0
    """0: by `cron`."""
    at: str = "09:00"
    """UTC."""
    cron: str = ""


class Keep(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How many, or for how long; one of the two."""

    count: int = 0
    interval: int = 0
    unit: str = ""

    @property
    def age_s(self) -> float:
        """For how long; 0: by number."""
        return self.interval * UNITS_S[self.unit] if self.interval else 0.0


class Schedule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is made at some times, and how long it is kept."""

    name: str
    create: CreateRule
    keep: Keep
    deprecate: Keep | None = None
    """After which time images are deprecated."""
    copy_tags: bool = False
    """Whether what is made gets the tags of its source."""
    tags: tuple[Tag, ...] = ()
    variable_tags: tuple[Tag, ...] = ()
    """With `$(instance-id)` and `$(timestamp)` in their values."""


class Default(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That a policy is about everything of a kind, save what is left out."""

    days: int
    """What has something so young, whoever made it, is no target."""
    exclude_boot_volumes: bool = False
    exclude_types: tuple[str, ...] = ()
    """Types of volumes."""
    exclude_tags: tuple[Tag, ...] = ()


class OnShared(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That a policy copies what is shared with its account."""

    owners: tuple[str, ...]
    """The accounts that share."""
    description: str
    """A regular expression; the whole description fits it."""
    encrypts: bool = False
    kms_key: str = ""


class Policy(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is wanted."""

    id: str
    description: str
    is_enabled: bool
    role_arn: str
    type: Type
    target: Target
    target_tags: tuple[Tag, ...]
    schedules: tuple[Schedule, ...]
    exclude_boot_volume: bool = False
    exclude_data_tags: tuple[Tag, ...] = ()
    """Volumes of instances, the root aside, that are left out."""
    no_reboot: bool = True
    """Of images: whether guests go on while they are made."""
    parameters_said: bool = False
    """Whether the three above were said."""
    default: Default | None = None
    """None: it is none."""
    on_shared: OnShared | None = None
    """None: it acts at times."""
    created_at: float
    modified_at: float
    enabled_at: float
    """Since when it acts: times before are not made up for."""
    tags: dict[str, str] = {}


class Run(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was done of one time of a schedule."""

    schedule: str
    due: float
    began_at: float
    tried_at: float = 0.0
    done: tuple[str, ...] = ()
    """Ids of targets."""
    is_over: bool = False


class PolicySeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What came of it."""

    runs: tuple[Run, ...] = ()
    """The last of each schedule."""
    shared: tuple[str, ...] = ()
    """Ids of the snapshots that were shared when it began to act, or were copied since, as long as
    they are."""
    swept_at: float = 0.0
    """When it was last looked for what is old."""
    trouble: str = ""
    """What stands against it; empty: nothing."""


def run_of(seen: PolicySeen | None, schedule: str) -> Run | None:
    """Return the last run of a schedule."""
    runs = seen.runs if seen is not None else ()
    return next((run for run in runs if run.schedule == schedule), None)


def with_run(seen: PolicySeen | None, run: Run) -> PolicySeen:
    """Return what is seen with a run in the place of the one before."""
    seen = seen or PolicySeen()
    others = tuple(one for one in seen.runs if one.schedule != run.schedule)
    return msgspec.structs.replace(seen, runs=(*others, run))


def is_target(policy: Policy, tags: Mapping[str, str]) -> bool:
    """Tell whether what has these tags is a target."""
    return has_one(policy.target_tags, tags)


def has_one(wanted: tuple[Tag, ...], tags: Mapping[str, str]) -> bool:
    """Tell whether one of the wanted tags is among these."""
    return any(tags.get(tag.key) == tag.value for tag in wanted)
