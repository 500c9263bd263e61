"""What is really there in a lab: processes, files, links, libvirt, and the rows of the store.

Nothing here asks a daemon of the cloud. Everything may be looked at while it changes.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mallee.cloud.state.database import Database
from mallee.cloud.state.view import View
from mallee.kit import process
from mallee.lab import rooms
from tests.labs import Lab
from tests.storms import frontends

_GUEST = re.compile(rb"guest=(i-[0-9a-f]{17})")
_WRITES = os.O_WRONLY | os.O_RDWR


@dataclass(frozen=True, slots=True)
class Guest:
    """A QEMU that runs a guest, or waits for one."""

    id: str
    host: str
    pid: int
    is_incoming: bool
    """Whether it was made to take a guest in that comes from another host."""
    volumes: frozenset[str]
    """Those whose files it has open for writing."""


@dataclass(frozen=True, slots=True)
class Host:
    """What lies on a host, and how its network is."""

    name: str
    domains: frozenset[str]
    taps: frozenset[str]
    vpcs: frozenset[str]
    """The VPCs that have a namespace here."""
    addresses: tuple[tuple[str, str, str], ...]
    """VPCs, private addresses in them, and the taps that they lead to."""
    rules: str
    """All rulesets."""
    publics: frozenset[str]
    """Public addresses that the edge leads on."""
    files: tuple[str, ...]
    """Of instances, volumes and what was lost, below the agent's directory."""


def fetch_guests(lab: Lab) -> list[Guest]:
    """Return all guests of the lab's hosts."""
    place = os.fsencode(lab.place.path)
    at = re.compile(re.escape(place) + rb"/([a-z0-9]+)/node/")
    found: list[Guest] = []
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            line = (directory / "cmdline").read_bytes()
            name, where = _GUEST.search(line), at.search(line)
            if name and where:
                volumes = frozenset(_written(directory))
                is_incoming = b"-incoming" in line
                host, id = os.fsdecode(where[1]), os.fsdecode(name[1])
                found.append(Guest(id, host, int(directory.name), is_incoming, volumes))
    return found


def _written(directory: Path) -> Iterator[str]:
    for link in (directory / "fd").iterdir():
        with contextlib.suppress(OSError):
            parts = Path(os.readlink(link)).parts
            if "volumes" not in parts:
                continue
            told = (directory / "fdinfo" / link.name).read_text()
            flags = int(re.search(r"flags:\s+(\d+)", told)[1], 8)  # type: ignore[index]
            if flags & _WRITES:
                yield parts[parts.index("volumes") + 1]


def is_running(lab: Lab, guest: Guest) -> bool:
    """Tell whether a guest's processors run."""
    said = _try(lab, guest.host, *_virsh(lab, guest.host), "domstate", guest.id)
    return said.strip() == "running"


def fetch_host(lab: Lab, name: str) -> Host:
    """Return what a host has."""
    layout = lab.layout(name)
    prefix = f"mallee-{layout.tag}-"
    spaces = [line.split()[0] for line in _try(lab, name, "ip", "netns").splitlines()]
    vpcs = [one for one in spaces if one.startswith(f"{prefix}vpc-")]
    links = [link for one in spaces for link in _json(lab, name, one, "link")]
    ways = [(one, way) for one in vpcs for way in _json(lab, name, one, "route")]
    rules = [
        _try(lab, name, "ip", "netns", "exec", one, "nft", "-s", "list", "ruleset") for one in vpcs
    ]
    edge = _json(lab, name, layout.edge_namespace, "route")
    said = _try(lab, name, *_virsh(lab, name), "list", "--all", "--name")
    return Host(
        name=name,
        domains=frozenset(said.split()),
        taps=frozenset(link["ifname"] for link in links if link["ifname"].startswith("mt")),
        vpcs=frozenset(one.removeprefix(prefix) for one in vpcs),
        addresses=tuple(
            (vpc.removeprefix(prefix), way["dst"], way["dev"])
            for vpc, way in ways
            if way.get("dev", "").startswith("mt")
        ),
        rules="\n".join(rules),
        publics=frozenset(
            way["dst"] for way in edge if way.get("dev", "").startswith("mv") and "gateway" in way
        ),
        files=tuple(_files(layout.node)),
    )


def _virsh(lab: Lab, host: str) -> tuple[str, ...]:
    return ("virsh", "-q", "-c", lab.layout(host).libvirt_uri)


def _files(node: Path) -> Iterator[str]:
    for kind in ("instances", "volumes", "progress", "lost", "uploads"):
        with contextlib.suppress(FileNotFoundError):
            for path in sorted((node / kind).iterdir()):
                # A directory with a dot is no thing itself, and may hold some.
                is_aside = path.name.startswith(".") and path.is_dir()
                found = sorted(path.iterdir()) if is_aside else [path]
                yield from (str(one.relative_to(node)) for one in found)


def _json(lab: Lab, host: str, namespace: str, *words: str) -> list[dict[str, Any]]:
    said = _try(lab, host, "ip", "-j", "-n", namespace, *words)
    return json.loads(said) if said.strip() else []


def _try(lab: Lab, host: str, *line: str) -> str:
    """Return what a command prints; nothing when what it asks about has just gone."""
    try:
        return rooms.run(lab.place, host, line)
    except (process.Failed, process.TimedOut):
        return ""


def read_store(lab: Lab) -> View:
    """Return what the store has, as its database says; raise `Unavailable`."""
    database = Database(frontends.store_url(lab))
    try:
        return View(database.load())
    finally:
        database.disconnect()
