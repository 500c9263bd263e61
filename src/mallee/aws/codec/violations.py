"""Violations of the model's constraints in the words of AWS's Java framework, all of them at once.

The query, json and cbor protocols share these sentences under different codes.
"""

import re
from collections.abc import Sequence

from mallee.aws.codec.fault import Fault, Kind

VALUE_LENGTH_MAX = 1000
TOLD_MAX = 20
"""Of more violations than these only the count is told."""
_CONSTRAINTS = {
    Kind.MISSING: "Member must not be null",
    Kind.TOO_SHORT: "Member must have length greater than or equal to {}",
    Kind.TOO_LONG: "Member must have length less than or equal to {}",
    Kind.TOO_SMALL: "Member must have value greater than or equal to {}",
    Kind.TOO_LARGE: "Member must have value less than or equal to {}",
    Kind.NOT_IN_PATTERN: "Member must satisfy regular expression pattern: {}",
    Kind.NOT_IN_ENUM: "Member must satisfy enum value set: [{}]",
}


def is_violation(fault: Fault) -> bool:
    """Tell whether the value could be read and only breaks a constraint."""
    return fault.kind in _CONSTRAINTS


def sentence(faults: Sequence[Fault]) -> str:
    """Return the message of a validation error; every fault must be a violation."""
    many = "validation error" if len(faults) == 1 else "validation errors"
    told = "; ".join(map(_violation, faults[:TOLD_MAX]))
    return f"{len(faults)} {many} detected: {told}"


def _violation(fault: Fault) -> str:
    constraint = _CONSTRAINTS[fault.kind].format(fault.expected)
    return (
        f"Value{_shown(fault)} at '{_place(fault.path)}' failed to satisfy constraint: {constraint}"
    )


def _shown(fault: Fault) -> str:
    if fault.kind is Kind.MISSING:
        return " null"
    if fault.is_sensitive:
        return ""
    return f" '{str(fault.value)[:VALUE_LENGTH_MAX]}'"


def _place(path: str) -> str:
    """Turn `Tags.member.1.Key` into AWS's `tags.1.member.key`."""
    turned = re.sub(r"\.(member|entry)\.(\d+)", r".\2.\1", path)
    return ".".join(segment[:1].lower() + segment[1:] for segment in turned.split("."))
