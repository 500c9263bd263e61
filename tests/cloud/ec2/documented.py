"""What AWS documents of EC2's actions, read from the documentation that botocore brings along."""

import functools
import re
from typing import Any

import botocore.loaders

_FILTER = re.compile(r"<(/?ul)>|<li> <p> <code>([^<]+)</code>")


@functools.cache
def _model() -> dict[str, Any]:
    return botocore.loaders.Loader().load_service_model("ec2", "service-2")


def is_known(action: str) -> bool:
    """Whether this botocore knows the action: the vendored model may be newer."""
    return action in _model()["operations"]


def members(action: str) -> dict[str, Any]:
    """The members of the action's request, with their documentation."""
    operation = _model()["operations"][action]
    if "input" not in operation:
        return {}
    return _model()["shapes"][operation["input"]["shape"]]["members"]


def filters(action: str) -> list[str]:
    """The names of filters that AWS documents for an action; `tag:Owner` stands for `tag:<key>`."""
    found = members(action).get("Filters") or members(action).get("Filter") or {}
    names = _outer(found.get("documentation", ""))
    return ["tag:Owner" if name.startswith("tag:") else name for name in names if name != "tag"]


def _outer(documentation: str) -> list[str]:
    """The items of the outer list: in lists within it stand the values of a filter."""
    depth, names = 0, list[str]()
    for tag, name in _FILTER.findall(documentation):
        depth += {"ul": 1, "/ul": -1}.get(tag, 0)
        if name and depth == 1:
            names.append(name.strip())
    return names
