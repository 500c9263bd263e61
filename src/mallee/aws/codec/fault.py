"""What is wrong with a request, before it is said in the words of a service.

Decoding goes on after a fault, since the query services count all of them in one answer; the
dialects (`ec2query`, `query`, `json`) turn faults into AWS errors with their own codes.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class Kind(enum.Enum):
    """How a parameter can be wrong."""

    UNKNOWN = "the operation has no such parameter"
    MISSING = "a required parameter is not there"
    DUPLICATE = "a parameter is given twice"
    CONFLICT = "a parameter is both a value and a structure or list"
    NOT_A_STRUCTURE = "a value stands where a structure or map belongs"
    NOT_A_LIST = "a value stands where a list belongs, or an index is no number"
    NOT_A_VALUE = "a structure or list stands where a value belongs"
    TOO_MANY = "more parameters, or deeper ones, than a request may have"
    MALFORMED = "the text is not a number, boolean, time, base64 or clean text"
    TOO_SHORT = "fewer characters or items than the model asks for"
    TOO_LONG = "more characters or items than the model allows"
    TOO_SMALL = "a number below the least"
    TOO_LARGE = "a number above the greatest"
    NOT_IN_ENUM = "not one of the values that the model lists"
    NOT_IN_PATTERN = "the text does not match the model's pattern"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong."""

    kind: Kind
    path: str
    """The parameter's name as it came, or would have come: `Filter.1.Value.2`."""
    value: Any = None
    expected: str = ""
    """The kind's measure: the limit, the pattern, the values, the type."""
    is_sensitive: bool = False


Check = Callable[[Any, str, list[Fault]], None]
"""Looks at a decoded value under its path and adds what is wrong with it."""
