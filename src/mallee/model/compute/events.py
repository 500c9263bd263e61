"""Scheduled events: what will be done to an instance, when, and when its owner would have it done.

An event is the administration's; its owner may move it, as far as it says. A window says in which
hours of the week events that stop or reboot may fall. A report is what an owner says of the health
of instances; nobody acts on it by himself.
"""

from enum import Enum

import msgspec


class Code(Enum):
    """EC2's `EventCode`."""

    INSTANCE_REBOOT = "instance-reboot"
    """The guest is rebooted at its time."""
    INSTANCE_STOP = "instance-stop"
    """The instance is stopped at its time."""
    INSTANCE_RETIREMENT = "instance-retirement"
    """Its host goes away: the instance is stopped at its time."""
    SYSTEM_REBOOT = "system-reboot"
    """Its host is rebooted by its administrators; the cloud does nothing."""
    SYSTEM_MAINTENANCE = "system-maintenance"
    """Something of its host or network is worked on by administrators; the cloud does nothing."""


OF_INSTANCE = frozenset({Code.INSTANCE_REBOOT, Code.INSTANCE_STOP, Code.INSTANCE_RETIREMENT})
"""What the cloud carries out, and windows bound."""


class Outcome(Enum):
    """What became of an event; the words are what AWS puts before its description."""

    OPEN = ""
    """Its time has not come."""
    COMPLETED = "Completed"
    """It was carried out, or its time has passed."""
    CANCELED = "Canceled"
    """The administration took it back."""


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that is to happen to an instance."""

    id: str
    instance_id: str
    code: Code
    description: str
    not_before: float
    """Seconds since the epoch: when it is carried out."""
    not_after: float | None = None
    """When it is over at the latest."""
    deadline: float | None = None
    """Until when its owner may move it (`NotBeforeDeadline`); None: he may not."""
    outcome: Outcome = Outcome.OPEN
    ended_at: float = 0.0


class TimeRange(msgspec.Struct, frozen=True, gc=False):
    """Hours of every week, in UTC; the end is not in it."""

    start_day: str
    """`monday`"""
    start_hour: int
    end_day: str
    end_hour: int


class EventWindow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Hours in which events may fall on the instances that are associated with it."""

    id: str
    name: str = ""
    ranges: tuple[TimeRange, ...] = ()
    cron: str = ""
    """In place of ranges."""
    instance_ids: tuple[str, ...] = ()
    instance_tags: tuple[tuple[str, str], ...] = ()
    """In place of ids: instances that have one of these."""
    made_at: float
    tags: dict[str, str] = {}


class StatusReport(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an owner says of instances (ReportInstanceStatus)."""

    id: str
    instance_ids: tuple[str, ...]
    status: str
    """`ok` or `impaired`."""
    reasons: tuple[str, ...]
    description: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    made_at: float
    made_by: str
    """The caller's ARN."""
