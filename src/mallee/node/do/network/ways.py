"""Looks at what packets pass in a namespace: devices, routes, rules, each with what it counted.

Called by `tracing` for who asks by what way a packet goes. Changes nothing.
"""

import json
import re
from dataclasses import dataclass
from functools import partial
from typing import Any

from mallee.kit import process
from mallee.node.do.network import namespaces
from mallee.node.plan.network import network

_COUNTED = re.compile(r" ?counter packets (\d+) bytes (\d+)")


@dataclass(frozen=True, slots=True)
class Counted:
    """What is there, and how much of it passed; None: nothing counts."""

    text: str
    packets: int | None = None
    octets: int | None = None


def fetch_device(namespace: str, name: str, *, is_coming: bool) -> Counted | None:
    """Return what came by a device, or left by it; None: it is not there."""
    argv = ("ip", "-json", "-statistics", "link", "show", "dev", name)
    try:
        found = namespaces.run_inside(namespace, partial(process.run, argv))
    except (process.Failed, FileNotFoundError):
        return None
    shown: dict[str, Any] = json.loads(found.stdout)[0]
    counted = shown["stats64"]["rx" if is_coming else "tx"]
    state = "up" if "UP" in shown["flags"] else "down"
    return Counted(state, counted["packets"], counted["bytes"])


def fetch_chain(namespace: str, chain: str) -> list[Counted] | None:
    """Return the rules of a chain of ours, in order; None: it is not there."""
    argv = ("nft", "list", "chain", "inet", network.TABLE, chain)
    try:
        found = namespaces.run_inside(namespace, partial(process.run, argv))
    except (process.Failed, FileNotFoundError):
        return None
    lines = [line.strip() for line in found.text.splitlines()]
    return [_counted(line) for line in lines if line and not _is_frame(line)]


def _is_frame(line: str) -> bool:
    return line.startswith(("table ", "chain ", "type ", "}", "#"))


def _counted(line: str) -> Counted:
    found = _COUNTED.search(line)
    if found is None:
        return Counted(line)
    return Counted(_COUNTED.sub("", line), int(found[1]), int(found[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteQuestion:
    """By which way the kernel would send a packet on."""

    namespace: str
    device: str
    """By which it came."""
    source: str
    destination: str
    mark: int


def fetch_route(asked: RouteQuestion) -> str:
    """Return the kernel's own words for the way that a packet takes now."""
    family = "-6" if ":" in asked.destination else "-4"
    where = ("from", asked.source, "iif", asked.device, "mark", hex(asked.mark))
    argv = ("ip", family, "-oneline", "route", "get", asked.destination, *where)
    try:
        found = namespaces.run_inside(asked.namespace, partial(process.run, argv))
    except process.Failed as error:
        return error.finished.stderr.decode(errors="replace").strip() or "no way"
    except FileNotFoundError:
        return "the namespace is not there"
    return " ".join(found.text.replace("\\", " ").split())
