"""The model's limits on values: lengths, ranges, patterns, enums, compiled to one check per shape.

The decoders of every protocol call these on values they have decoded. Patterns are Java's: they
match the whole text, and `\\w` and `\\d` are ASCII.
"""

import re
from collections.abc import Callable
from typing import Any

from mallee.aws import model
from mallee.aws.codec.fault import Check, Fault, Kind

_SEPARATORS = r"\x20\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_CATEGORIES = {"L": r"\w", "N": r"\w", "Z": _SEPARATORS, "all": r"\s\S"}
"""Python has no `\\p{…}`. Wherever a model says L or N it says L, N and `_` together, which is
exactly `\\w`; a model that does not is refused when its pattern is compiled."""

_BEYOND_16_BITS = (r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
"""Java writes a character beyond 16 bits as two, Python as one."""


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the Java pattern as Python's; raise `ValueError` for what Python cannot say."""
    pattern = pattern.replace(*_BEYOND_16_BITS)
    categories = set(re.findall(r"\\p\{(\w+)\}", pattern))
    if not categories:
        return re.compile(pattern, re.ASCII)
    letters = categories & {"L", "N"}
    if not categories <= _CATEGORIES.keys() or (letters and letters != {"L", "N"}):
        raise ValueError(f"cannot say {pattern} in Python")
    if letters and "_" not in pattern:
        raise ValueError(f"cannot say {pattern} in Python without also allowing _")
    return re.compile(re.sub(r"\\p\{(\w+)\}", lambda found: _CATEGORIES[found[1]], pattern))


def compile_check(shape: model.Shape) -> Check | None:
    """Return what looks at a value of this shape, or None when anything goes."""
    checks: list[Check] = []
    if shape.type in ("integer", "long", "float", "double"):
        _add_bounds(checks, shape, _itself, (Kind.TOO_SMALL, Kind.TOO_LARGE))
    elif shape.type in ("string", "blob", "list", "map"):
        _add_bounds(checks, shape, len, (Kind.TOO_SHORT, Kind.TOO_LONG))
    if shape.enum:
        checks.append(_enum_check(shape))
    if shape.pattern is not None:
        checks.append(_pattern_check(shape))
    if len(checks) <= 1:
        return checks[0] if checks else None

    def check(value: Any, path: str, faults: list[Fault]) -> None:
        for one in checks:
            one(value, path, faults)

    return check


def _add_bounds(
    checks: list[Check],
    shape: model.Shape,
    measure: Callable[[Any], float],
    kinds: tuple[Kind, Kind],
) -> None:
    below, above = kinds
    sensitive = shape.sensitive
    least, most = shape.min, shape.max

    if least is not None and not (below is Kind.TOO_SHORT and least <= 0):

        def check_least(value: Any, path: str, faults: list[Fault]) -> None:
            if measure(value) < least:
                faults.append(Fault(below, path, value, f"{least:.15g}", sensitive))

        checks.append(check_least)
    if most is not None:

        def check_most(value: Any, path: str, faults: list[Fault]) -> None:
            if measure(value) > most:
                faults.append(Fault(above, path, value, f"{most:.15g}", sensitive))

        checks.append(check_most)


def _itself(value: float) -> float:
    return value


def _enum_check(shape: model.Shape) -> Check:
    values = frozenset(shape.enum)
    expected = ", ".join(shape.enum)
    sensitive = shape.sensitive

    def check(value: Any, path: str, faults: list[Fault]) -> None:
        if value not in values:
            faults.append(Fault(Kind.NOT_IN_ENUM, path, value, expected, sensitive))

    return check


def _pattern_check(shape: model.Shape) -> Check:
    pattern = shape.pattern or ""
    compiled = compile_pattern(pattern)
    sensitive = shape.sensitive

    def check(value: Any, path: str, faults: list[Fault]) -> None:
        if not compiled.fullmatch(value):
            faults.append(Fault(Kind.NOT_IN_PATTERN, path, value, pattern, sensitive))

    return check
