"""The lab's processes: how its hosts are found, entered, and ended.

Each host is what its keeper (`lab.keeper`) is process 1 of. Keepers are known by their command
line, so nothing needs to be written down that a kill could leave wrong. Called by all of `lab`.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mallee.box import status, steps
from mallee.kit import process
from mallee.lab import keeper

_ENDED_S_MAX = 20.0
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Place:
    """The directory of one lab; each host's root is one below it."""

    path: Path

    @property
    def name(self) -> str:
        """The lab's name."""
        return self.path.name

    @property
    def document(self) -> Path:
        """The lab as it was completed, JSON."""
        return self.path / "lab.json"

    @property
    def cables(self) -> Path:
        """How the cables are now, JSON."""
        return self.path / "cables.json"

    @property
    def log(self) -> Path:
        """What the lab's own processes say."""
        return self.path / "lab.log"

    def root(self, host: str) -> Path:
        """Return the root directory of a host's Mallee."""
        return self.path / host

    def called(self, host: str) -> Path:
        """Return what a host itself calls that directory."""
        alike = keeper.own_root(self.path)
        return alike if alike.is_dir() else self.root(host)


@dataclass(frozen=True, slots=True)
class Found:
    """A process of a lab."""

    host: str
    process: status.Process
    is_keeper: bool
    """Whether it is the first process itself, not the one that made its namespaces."""


def fetch(place: Place) -> list[Found]:
    """Return the processes that hold the lab."""
    found: list[Found] = []
    # For each command in a host everything that runs is looked at, so hardly any of it closely.
    mark = os.fsencode(place.path)
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{number}/cmdline", "rb") as file:
                line = file.read()
            if mark not in line or Path(f"/proc/{number}").stat().st_uid != 0:
                continue
        except OSError:
            continue
        words = line.split(b"\0")[:-1]
        host = _host_in(place, [os.fsdecode(word) for word in words])
        born = status.read_birth(int(number)) if host else None
        if born is not None:
            is_keeper = not words[0].endswith(b"unshare")
            found.append(Found(host, status.Process(int(number), born), is_keeper))
    return found


def _host_in(place: Place, words: list[str]) -> str:
    """Return whose keeper a command line is; empty: it is none of this lab."""
    tail = [keeper.MODULE, "--lab", str(place.path), "--name"]
    is_ours = len(words) > len(tail) and words[-5:-1] == tail
    return words[-1] if is_ours else ""


def find(place: Place, host: str) -> status.Process | None:
    """Return the first process of a host that is there."""
    return next((one.process for one in fetch(place) if one.host == host and one.is_keeper), None)


def is_ready(found: status.Process) -> bool:
    """Tell whether a host may be entered."""
    return Path(f"/proc/{found.pid}/root/run/lab-is-ready").exists()


def start(place: Place) -> None:
    """Start the lab's keeper, and it the hosts'; or have it look for hosts that do not run."""
    found = find(place, keeper.LAB)
    if found is not None:
        found.signal(signal.SIGHUP)
        return
    with place.log.open("ab") as said:
        subprocess.Popen(
            keeper.argv(place.path, keeper.LAB),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
            cwd="/",
            env=environment(),
        )


def environment() -> dict[str, str]:
    """Return the environment of what runs in a lab."""
    path = f"{keeper.COMMANDS}:{Path(sys.executable).parent}:{_PATH}"
    names = ("PYTHONPATH", "TERM", "TZ")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8", **kept}


def inside(place: Place, host: str, line: Sequence[str]) -> tuple[str, ...]:
    """Return the command that runs a line in a host; raise `steps.Failed` when it is off."""
    found = find(place, host)
    if found is None:
        raise steps.Failed(
            f"{host} does not run in the lab {place.name}",
            "see what runs: mallee lab status; start what does not: mallee lab up FILE",
        )
    return ("nsenter", "--target", str(found.pid), *keeper.NAMESPACES, "--", *line)


def run(place: Place, host: str, line: Sequence[str], stdin: bytes = b"") -> str:
    """Run a command in a host to its end; return what it printed. Raises `process.Failed`."""
    return process.run(inside(place, host, line), stdin, timeout_s=60).text


def run_all(place: Place, host: str, commands: Iterable[Sequence[str]]) -> None:
    """Run commands in a host one after the other."""
    for command in commands:
        run(place, host, command)


def run_long(
    place: Place, host: str, line: Sequence[str], more: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a host with the terminal and, where the host has it, in the directory that
    the caller has; return how it ended."""
    command = inside(place, host, (*_staying(place, host), *line))
    return subprocess.run(command, env={**environment(), **more}, check=False)


def _staying(place: Place, host: str) -> tuple[str, ...]:
    """Return what goes before a command that shall run in the caller's directory; nothing where
    the host has none of that name."""
    try:
        here = os.getcwd()
    except FileNotFoundError:  # it was removed
        return ()
    found = find(place, host)
    is_there = found is not None and Path(f"/proc/{found.pid}/root{here}").is_dir()
    return ("env", f"--chdir={here}") if is_there else ()


def end(place: Place, host: str = keeper.LAB) -> int:
    """End a host, or the whole lab, at once and with everything in it; return how many hosts."""
    ours = fetch(place)
    found = [one for one in ours if host in (keeper.LAB, one.host)]
    for one in found:
        one.process.signal(signal.SIGKILL)
    failure = steps.Failed(
        f"processes of the lab {place.name} did not end after SIGKILL",
        "look for a stuck disk: dmesg | tail",
    )
    steps.wait_until(
        lambda: not any(one.process.is_alive() for one in found), _ENDED_S_MAX, failure
    )
    return sum(one.is_keeper and one.host != keeper.LAB for one in found)
