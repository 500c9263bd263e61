"""When a schedule is due: intervals, cron expressions, and what is none."""

from datetime import UTC, datetime

import pytest

from mallee.cloud.dlm import times
from mallee.model.storage.lifecycles import CreateRule


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def due(rule: CreateRule, after: str, now: str) -> str | None:
    found = times.latest(rule, at(after), at(now))
    return None if found is None else datetime.fromtimestamp(found, UTC).isoformat()[:16]


def cron(fields: str) -> CreateRule:
    return CreateRule(cron=f"cron({fields})")


NIGHTLY = CreateRule(hours=24, at="03:00")


@pytest.mark.parametrize(
    ("rule", "after", "now", "expected"),
    [
        (NIGHTLY, "2026-03-01T00:00", "2026-03-01T02:59", None),
        (NIGHTLY, "2026-03-01T00:00", "2026-03-01T03:00", "2026-03-01T03:00"),
        (NIGHTLY, "2026-03-01T03:00", "2026-03-02T02:00", None),
        (NIGHTLY, "2026-03-01T03:00", "2026-03-09T02:00", "2026-03-08T03:00"),
        (
            CreateRule(hours=6, at="09:30"),
            "2026-03-01T00:00",
            "2026-03-01T04:00",
            "2026-03-01T03:30",
        ),
        (CreateRule(hours=1, at="09:05"), "2026-03-01T00:00", "2026-03-01T00:04", None),
        (
            CreateRule(hours=1, at="09:05"),
            "2026-03-01T00:00",
            "2026-03-01T23:59",
            "2026-03-01T23:05",
        ),
        (cron("0 9 * * ? *"), "2026-03-01T09:00", "2026-03-03T08:00", "2026-03-02T09:00"),
        (
            cron("15 9-17/4 ? * MON-FRI *"),
            "2026-02-20T00:00",
            "2026-03-01T12:00",
            "2026-02-27T17:15",
        ),
        (cron("0 0 L * ? *"), "2026-01-31T00:00", "2026-03-15T00:00", "2026-02-28T00:00"),
        (cron("0 0 1 JAN,JUL ? *"), "2025-12-31T00:00", "2026-06-30T00:00", "2026-01-01T00:00"),
        (cron("0 0 1 1 ? 2027"), "2026-01-01T00:00", "2026-12-31T00:00", None),
        (cron("0 12 ? * 1 *"), "2026-02-23T00:00", "2026-03-01T13:00", "2026-03-01T12:00"),
    ],
)
def test_the_last_time_that_is_due(
    rule: CreateRule, after: str, now: str, expected: str | None
) -> None:
    assert due(rule, after, now) == expected


def test_a_time_is_due_once() -> None:
    now, seen = at("2026-03-01T00:00"), at("2026-03-01T00:00")
    found: list[float] = []
    for _ in range(3 * 24 * 4):
        now += 900
        one = times.latest(CreateRule(hours=8, at="01:00"), seen, now)
        if one is not None:
            found.append(one)
            seen = one
    assert len(found) == len(set(found)) == 9


@pytest.mark.parametrize(
    "text",
    [
        "cron(* 9 * * ? *)",
        "cron(0,30 9 * * ? *)",
        "cron(60 9 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 9 * * * *)",
        "cron(0 9 ? * ? *)",
        "cron(0 9 32 * ? *)",
        "cron(0 9 0 * ? *)",
        "cron(0 9 5-2 * ? *)",
        "cron(0 9 * FOO ? *)",
        "cron(0 9 */0 * ? *)",
        "cron(0 9 15W * ? *)",
        "cron(0 9 * * ?)",
        "rate(1 hour)",
        "",
    ],
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(times.Malformed):
        times.parse(text)
