import fnmatch
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mallee.aws.policy import wildcards

patterns = st.text("ab:*?", max_size=12)
values = st.text("ab:", max_size=12)


def fits(pattern: str, value: str) -> bool:
    return wildcards.matcher(wildcards.parse_glob(pattern))(value)


def fits_arn(pattern: str, value: str) -> bool:
    return wildcards.matcher(wildcards.within_arn(wildcards.parse_glob(pattern)))(value)


@given(patterns, values)
def test_a_pattern_fits_what_fnmatch_says(pattern: str, value: str) -> None:
    assert fits(pattern, value) == fnmatch.fnmatchcase(value, pattern)


@given(st.text("ab*", max_size=7), st.text("ab", max_size=5))
@example("a*a", "a")
@example("*a*a", "a")
@example("a*a*a", "aa")
def test_no_character_is_counted_twice(pattern: str, value: str) -> None:
    assert fits(pattern, value) == fnmatch.fnmatchcase(value, pattern)


def reference_arn(pattern: str, value: str, colons: int = 0) -> bool:
    """The law word for word, by trying everything."""
    if not pattern:
        return not value
    first, rest = pattern[0], pattern[1:]
    apart = colons < 5
    if first == "*":
        spans = not apart or not rest or rest[0] == ":"
        if reference_arn(rest, value, colons):
            return True
        return (
            bool(value) and (spans or value[0] != ":") and reference_arn(pattern, value[1:], colons)
        )
    if not value:
        return False
    if first == "?":
        return (not apart or value[0] != ":") and reference_arn(rest, value[1:], colons)
    return first == value[0] and reference_arn(rest, value[1:], colons + (first == ":"))


@given(st.text("a:*?", max_size=10), st.text("a:", max_size=10))
def test_an_arn_pattern_fits_what_the_law_says(pattern: str, value: str) -> None:
    assert fits_arn(pattern, value) == reference_arn(pattern, value)


@pytest.mark.parametrize(
    ("pattern", "arn", "expected"),
    [
        ("*", "arn:aws:s3:::b/k", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/k:l/m", True),
        ("arn:aws:s3:::b*m", "arn:aws:s3:::b/k:l/m", True),
        ("arn:aws:s3:::b/?", "arn:aws:s3:::b/k", True),
        ("arn:aws:s3*", "arn:aws:s3:::b/k", True),
        ("arn:aws:s*", "arn:aws:sns:us-east-1:1:t", True),
        ("arn:aws:s3:*b/k", "arn:aws:s3:::b/k", False),
        ("arn:aws:sns:us-*-1:1:t", "arn:aws:sns:us-east-1:1:t", True),
        ("arn:aws:sns:us-*1:t", "arn:aws:sns:us-east-1:1:t", False),
        ("arn:aws:sns:?:1:t", "arn:aws:sns:::1:t", False),
        ("arn:aws:S3:::b/k", "arn:aws:s3:::b/k", False),
    ],
)
def test_a_wildcard_stays_within_its_part_of_an_arn_unless_it_ends_it(
    pattern: str, arn: str, expected: bool
) -> None:
    assert fits_arn(pattern, arn) is expected


def steps(match: wildcards.Matcher, value: str) -> int:
    """How many lines of Python a match takes."""
    count = 0

    def trace(_frame: FrameType, _event: str, _argument: object) -> Callable[..., Any]:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        match(value)
    finally:
        sys.settrace(before)
    return count


@given(st.text("ab:*?", max_size=30), st.text("ab:", min_size=1, max_size=6))
def test_no_pattern_takes_more_than_a_few_steps_per_character(pattern: str, piece: str) -> None:
    for read in (
        wildcards.parse_glob(pattern),
        wildcards.within_arn(wildcards.parse_glob(pattern)),
    ):
        value = piece * 20
        assert steps(wildcards.matcher(read), value) <= 8 * (len(value) + len(pattern)) + 20


@pytest.mark.parametrize("pattern", ["*a" * 500 + "*b", "*?a" * 500 + "*b", "a?" * 700 + "*b"])
def test_a_pattern_that_would_blow_up_does_not(pattern: str) -> None:
    match = wildcards.matcher(wildcards.parse_glob(pattern))
    assert not match("a" * 2_000)
    assert steps(match, "a" * 2_000) <= 8 * (2_000 + len(pattern)) + 20
