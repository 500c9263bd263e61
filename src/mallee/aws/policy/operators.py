"""The operators of conditions, as a table: what each compares, and what a value must look like.

An operator without its prefix (`ForAnyValue:`) and suffix (`IfExists`) is a row of `OPERATORS`. Its
`compile` turns one value of the policy into a test of one value of the request; a negated operator
is the complement of the other. Raises ValueError for a value that the operator cannot take.
Not its business: several values, and keys that are not there (`conditions`).
"""

import base64
import binascii
import functools
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple, TypeVar

from mallee.aws.policy import texts
from mallee.aws.policy.texts import Context, Style, TextTest

_T = TypeVar("_T")
Compile = Callable[[str, bool], TextTest]
"""From a value in a policy, and whether variables mean something in it, to its test."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One row."""

    compile: Compile
    is_negated: bool = False
    takes_variables: bool = False


_REMEMBERED = 4096
"""How many values of requests are kept parsed: the same few come again and again."""


@functools.lru_cache(maxsize=_REMEMBERED)
def parse_moment(text: str) -> datetime:
    """Return a moment written as ISO 8601, or in seconds since 1970. Raises ValueError."""
    try:
        if re.fullmatch(r"-?\d+(\.\d+)?", text, re.ASCII) and len(text.lstrip("-")) != 4:
            return datetime.fromtimestamp(float(text), UTC)
        if re.fullmatch(r"\d{4}(-\d\d)?", text, re.ASCII):
            text = f"{text}-01-01"[:10]
        moment = datetime.fromisoformat(text)
        # Moments near the ends of the calendar cannot be told in UTC.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{text} is not a date") from error


@functools.lru_cache(maxsize=_REMEMBERED)
def parse_number(text: str) -> Decimal:
    """Return a number. Raises ValueError."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text} is not a number")
    return Decimal(text)


_NUMBER = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?", re.ASCII)


class Range(NamedTuple):
    """A range of addresses of one IP version, both ends included."""

    version: int
    first: int
    last: int


@functools.lru_cache(maxsize=_REMEMBERED)
def parse_range(text: str) -> Range:
    """Return a range of addresses; a lone address is a range of one. Raises ValueError."""
    network = ipaddress.ip_network(text, strict=False)
    return Range(network.version, int(network.network_address), int(network.broadcast_address))


def parse_truth(text: str) -> bool:
    """Return what `true` or `false` says, in any case. Raises ValueError."""
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text} is neither true nor false")
    return text.lower() == "true"


def parse_binary(text: str) -> bytes:
    """Return what base64 stands for. Raises ValueError."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"{text} is not base64") from error


def _text(style: Style) -> Compile:
    with_variables = Style(
        variables=True, wildcards=style.wildcards, arn=style.arn, folded=style.folded
    )
    return lambda value, variables: texts.compile_text(
        value, with_variables if variables else style
    )


def _arn(value: str, variables: bool) -> TextTest:
    """All parts of an ARN fit, each by itself; `*` alone is any ARN."""
    fits = texts.compile_text(value, Style(variables=variables, wildcards=True, arn=True))
    whole = value == "*" or value.count(":") >= _COLONS_IN_ARN

    def test(found: str, context: Context) -> bool:
        return whole and _is_arn(found) and fits(found, context)

    return test


_COLONS_IN_ARN = 5


def _is_arn(text: str) -> bool:
    return text.startswith("arn:") and text.count(":") >= _COLONS_IN_ARN


def _typed(parse: Callable[[str], _T], holds: Callable[[_T, _T], bool]) -> Compile:
    """Compare values of a type; what the request has must be of it too."""

    def compile_value(value: str, _variables: bool) -> TextTest:
        wanted = parse(value)

        def test(found: str, _: Context) -> bool:
            try:
                return holds(parse(found), wanted)
            except ValueError:
                return False

        return test

    return compile_value


def _lies_in(one: Range, other: Range) -> bool:
    return one.version == other.version and other.first <= one.first and one.last <= other.last


def _equals(one: object, other: object) -> bool:
    return one == other


_exact = _text(Style())
_folded = _text(Style(folded=True))
_like = _text(Style(wildcards=True))
_range = _typed(parse_range, _lies_in)
_number = _typed(parse_number, _equals)
_moment = _typed(parse_moment, _equals)

OPERATORS: dict[str, Operator] = {
    "StringEquals": Operator(_exact, takes_variables=True),
    "StringNotEquals": Operator(_exact, is_negated=True, takes_variables=True),
    "StringEqualsIgnoreCase": Operator(_folded, takes_variables=True),
    "StringNotEqualsIgnoreCase": Operator(_folded, is_negated=True, takes_variables=True),
    "StringLike": Operator(_like, takes_variables=True),
    "StringNotLike": Operator(_like, is_negated=True, takes_variables=True),
    "NumericEquals": Operator(_number),
    "NumericNotEquals": Operator(_number, is_negated=True),
    "NumericLessThan": Operator(_typed(parse_number, Decimal.__lt__)),
    "NumericLessThanEquals": Operator(_typed(parse_number, Decimal.__le__)),
    "NumericGreaterThan": Operator(_typed(parse_number, Decimal.__gt__)),
    "NumericGreaterThanEquals": Operator(_typed(parse_number, Decimal.__ge__)),
    "DateEquals": Operator(_moment),
    "DateNotEquals": Operator(_moment, is_negated=True),
    "DateLessThan": Operator(_typed(parse_moment, datetime.__lt__)),
    "DateLessThanEquals": Operator(_typed(parse_moment, datetime.__le__)),
    "DateGreaterThan": Operator(_typed(parse_moment, datetime.__gt__)),
    "DateGreaterThanEquals": Operator(_typed(parse_moment, datetime.__ge__)),
    "Bool": Operator(_typed(parse_truth, _equals)),
    "BinaryEquals": Operator(_typed(parse_binary, _equals)),
    "IpAddress": Operator(_range),
    "NotIpAddress": Operator(_range, is_negated=True),
    "ArnEquals": Operator(_arn, takes_variables=True),
    "ArnLike": Operator(_arn, takes_variables=True),
    "ArnNotEquals": Operator(_arn, is_negated=True, takes_variables=True),
    "ArnNotLike": Operator(_arn, is_negated=True, takes_variables=True),
}
"""All but `Null`, which asks only whether there is a value."""
