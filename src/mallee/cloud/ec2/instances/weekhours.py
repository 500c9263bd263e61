"""Hours of the week in which something may happen: from time ranges or a cron expression.

Pure. Hour 0 is Sunday's first, in UTC. Called by `eventwindows`; `next_open` by whoever schedules.
"""

from collections.abc import Iterable

from mallee.aws import errors
from mallee.model.compute.events import EventWindow, TimeRange

DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
HOURS_PER_WEEK = 168
LEAST_AT_ONCE_H = 2
LEAST_PER_WEEK_H = 4
_HOUR_S = 3600
_EPOCH_HOUR = 4 * 24
"""The epoch began on a Thursday."""
_SHORT = {name[:3].upper(): str(number) for number, name in enumerate(DAYS)}

Hours = frozenset[int]


def of_window(window: EventWindow) -> Hours:
    """Return the hours in which the window is open; a window that says none is always open."""
    if window.cron:
        return of_cron(window.cron)
    return of_ranges(window.ranges) if window.ranges else frozenset(range(HOURS_PER_WEEK))


def of_ranges(ranges: Iterable[TimeRange]) -> Hours:
    """Return the hours of time ranges; raise for one that is too short, and for too few in all."""
    found: set[int] = set()
    for each in ranges:
        start = DAYS.index(each.start_day) * 24 + each.start_hour
        length = (DAYS.index(each.end_day) * 24 + each.end_hour - start) % HOURS_PER_WEEK
        if length < LEAST_AT_ONCE_H:
            raise errors.InvalidParameterValue(
                f"A time range of an event window has at least {LEAST_AT_ONCE_H} hours."
            )
        found |= {(start + hour) % HOURS_PER_WEEK for hour in range(length)}
    return _enough(found)


def of_cron(text: str) -> Hours:
    """Return the hours of `* 0-4,20-23 * * 1,5`: hours and weekdays, of which the rest is `*`."""
    fields = text.split()
    if len(fields) != 5 or (fields[0], fields[2], fields[3]) != ("*", "*", "*"):
        raise _malformed(text)
    hours = _numbers(fields[1], 24, text)
    days = _numbers(fields[4], 7, text)
    found = {day * 24 + hour for day in days for hour in hours}
    for hour in found:
        if _length(found, hour) < LEAST_AT_ONCE_H:
            raise errors.InvalidParameterValue(
                f"The cron expression {text} opens a window for less than {LEAST_AT_ONCE_H} hours."
            )
    return _enough(found)


def next_open(hours: Hours, at: float) -> float:
    """Return the first moment from `at` on that is within the hours."""
    hour = int(at // _HOUR_S)
    for ahead in range(HOURS_PER_WEEK + 1):
        if (hour + ahead + _EPOCH_HOUR) % HOURS_PER_WEEK in hours:
            return at if ahead == 0 else float((hour + ahead) * _HOUR_S)
    raise ValueError("no hours")


def _length(hours: set[int], hour: int) -> int:
    """Return for how many hours together it is open around an hour, as far as that matters."""
    before, after = (hour - 1) % HOURS_PER_WEEK, (hour + 1) % HOURS_PER_WEEK
    return 1 + (before in hours) + (after in hours)


def _numbers(text: str, most: int, whole: str) -> set[int]:
    if text == "*":
        return set(range(most))
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = (_SHORT.get(it.upper(), it) for it in part.partition("-"))
        if not first.isdecimal() or bool(dash) != last.isdecimal():
            raise _malformed(whole)
        low, high = int(first), int(last or first)
        if not low <= high < most:
            raise _malformed(whole)
        found.update(range(low, high + 1))
    return found


def _enough(found: set[int]) -> Hours:
    if len(found) < LEAST_PER_WEEK_H:
        raise errors.InvalidParameterValue(
            f"An event window is open for at least {LEAST_PER_WEEK_H} hours a week."
        )
    return frozenset(found)


def _malformed(text: str) -> errors.AwsError:
    return errors.InvalidParameterValue(
        f"Value ({text}) for parameter cronExpression is invalid. Give hours and weekdays, as in "
        "'* 0-4,20-23 * * 1,5'."
    )
