"""The patterns of Describe filters: `*` is any text, `?` any one character, a backslash takes both
their meaning. Matching is case-sensitive, as in EC2.

Patterns are compiled once per request and then asked for every thing, so that a filter of two
hundred values costs no more than one. Called by the pipeline for every filter of every Listing.
Not its business: which filters a noun has, where their values come from (the action's row), and how
much may be asked at once (`cloud.listing`).
"""

import re
from collections.abc import Callable, Iterable, Sequence

Test = Callable[[Iterable[str]], bool]
"""Tells whether any of the values fits any of the patterns."""

_TOKEN = re.compile(r"(\*+)|(\?)|\\(.)|([^*?\\]+|\\)", re.DOTALL)
"""Stars, a question mark, a character without its meaning, plain text. A backslash at the end
stands for itself."""


def matches(values: Iterable[str], patterns: Sequence[str]) -> bool:
    """Tell whether any of the values fits any of the patterns."""
    return compile_patterns(patterns)(values)


def compile_patterns(patterns: Sequence[str]) -> Test:
    """Return the test for the patterns; it takes time in proportion to value and patterns."""
    exact = frozenset(pattern for pattern in patterns if not is_wild(pattern))
    wild = [_expression(pattern) for pattern in patterns if is_wild(pattern)]
    if not wild:
        return lambda values: not exact.isdisjoint(values)
    fits = re.compile("|".join(wild), re.DOTALL).fullmatch
    return lambda values: any(value in exact or fits(value) is not None for value in values)


def is_wild(pattern: str) -> bool:
    """Tell whether the pattern stands for more than itself."""
    return "*" in pattern or "?" in pattern or "\\" in pattern


def _expression(pattern: str) -> str:
    """Return the regular expression of a pattern: only its last star is ever tried again.

    What stands between two stars is taken where it comes first, for good: tried again with every
    star, a pattern of many would take exponential time.
    """
    parts = [""]
    for match in _TOKEN.finditer(pattern):
        stars, one, escaped, plain = match.groups()
        if stars:
            parts.append("")
        else:
            parts[-1] += "." if one else re.escape(escaped or plain)
    first, *between = parts
    if not between:
        return first
    *between, last = between
    return first + "".join(f"(?>.*?{part})" for part in between if part) + ".*" + last
