"""The times of a schedule: every so many hours, or by a cron expression as AWS writes them.

`cron(minutes hours day-of-month month day-of-week year)`, in UTC; one of the two days is `?`. A
field is `*`, numbers, names, ranges, lists and steps; `L` is the last day of a month. A schedule
has one minute, so that it is due once in an hour at most.
Called by `details` (`parse`) and the reconciler (`latest`). Pure: the time comes in as a value.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from mallee.model.storage.lifecycles import CreateRule

HOURS = (1, 2, 3, 4, 6, 8, 12, 24)
LOOKED_BACK_DAYS_MAX = 400
"""No schedule is due more rarely than once in a year."""

_CRON = re.compile(r"cron\((.+)\)")
_FIELDS = 6
_LAST = "L"
_ANY = "?"
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
_STEP = re.compile(r"(\*|[A-Z0-9]+(?:-[A-Z0-9]+)?)(?:/(\d{1,3}))?")


class Malformed(ValueError):
    """It is no such expression; the message says why."""


@dataclass(frozen=True, slots=True)
class Cron:
    """When something is due."""

    minute: int
    hours: frozenset[int]
    days: frozenset[int]
    is_last_day: bool
    """Whether the last day of a month is one, whatever its number."""
    months: frozenset[int]
    weekdays: frozenset[int]
    """1 is Sunday."""
    years: frozenset[int]

    def is_on(self, day: date) -> bool:
        """Tell whether it is due on a day."""
        if day.year not in self.years or day.month not in self.months:
            return False
        last = calendar.monthrange(day.year, day.month)[1]
        fits = day.day in self.days or (self.is_last_day and day.day == last)
        return fits and day.isoweekday() % 7 + 1 in self.weekdays


def parse(text: str) -> Cron:
    """Return the expression; raise `Malformed`."""
    match = _CRON.fullmatch(text.strip())
    fields = match[1].upper().split() if match else []
    if len(fields) != _FIELDS:
        raise Malformed("it is written cron(minutes hours day month weekday year)")
    minutes, hours, days, months, weekdays, years = fields
    if (days == _ANY) is (weekdays == _ANY):
        raise Malformed("one of day of month and day of week is ?, and only one")
    if not minutes.isdecimal() or int(minutes) > 59:
        raise Malformed("the minute is one number, so that it is due once in an hour at most")
    is_last = days == _LAST
    return Cron(
        minute=int(minutes),
        hours=_set(hours, (0, 23)),
        days=frozenset() if is_last else _set(days, (1, 31)),
        is_last_day=is_last,
        months=_set(months, (1, 12), _MONTHS),
        weekdays=_set(weekdays, (1, 7), _DAYS),
        years=_set(years, (1970, 2199)),
    )


def latest(rule: CreateRule, after: float, now: float) -> float | None:
    """Return the last time that is due after `after` and until `now`; None when there is none."""
    moment = datetime.fromtimestamp(now, UTC)
    day = moment.date()
    for _ in range(LOOKED_BACK_DAYS_MAX):
        for hour, minute in _of_day(rule, day):
            due = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC).timestamp()
            if due <= after:
                return None
            if due <= now:
                return due
        day -= timedelta(days=1)
        if datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + 86_400 <= after:
            return None
    return None


def _of_day(rule: CreateRule, day: date) -> list[tuple[int, int]]:
    """Return hours and minutes at which it is due on a day, the last first."""
    if rule.hours:
        first, minute = (int(part) for part in rule.at.split(":"))
        hours = {(first + step) % 24 for step in range(0, 24, rule.hours)}
        return [(hour, minute) for hour in sorted(hours, reverse=True)]
    cron = parse(rule.cron)
    if not cron.is_on(day):
        return []
    return [(hour, cron.minute) for hour in sorted(cron.hours, reverse=True)]


def _set(text: str, bounds: tuple[int, int], names: dict[str, int] | None = None) -> frozenset[int]:
    least, most = bounds
    if text == _ANY:
        return frozenset(range(least, most + 1))
    found: set[int] = set()
    for part in text.split(","):
        match = _STEP.fullmatch(part)
        if match is None:
            raise Malformed(f"{part[:20]} is no part of a field")
        span, step = match[1], int(match[2] or 1)
        if span == "*":
            first, last = least, most
        else:
            low, _, high = span.partition("-")
            first = _number(low, names)
            last = _number(high, names) if high else (most if match[2] else first)
        if not (least <= first <= last <= most and step >= 1):
            raise Malformed(f"{part[:20]} is not from {least} to {most}")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(text: str, names: dict[str, int] | None) -> int:
    if names and text in names:
        return names[text]
    if not text.isdecimal():
        raise Malformed(f"{text[:20]} is no number")
    return int(text)
