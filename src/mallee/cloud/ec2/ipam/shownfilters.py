"""Filters by what is shown: a member of a row, under its name with hyphens.

AWS documents no list of filters for IPAM and takes the names of members; so do the listings here.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources

Finder = Callable[[Call, Any], Iterable[str]]

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def of(render: Callable[[Call, Any], Any], *members: str) -> dict[str, Finder]:
    """Return a filter for each of the members: `ipam-pool-id` for `IpamPoolId`."""
    return {_WORD.sub("-", member).lower(): _by(render, member) for member in members}


def _by(render: Callable[[Call, Any], Any], member: str) -> Finder:
    def values(call: Call, item: Any) -> Iterable[str]:
        row: Mapping[str, Any] = render(call, item)
        value = row.get(member)
        if value is None:
            return ()
        return (resources.boolean(value) if isinstance(value, bool) else str(value),)

    return values
