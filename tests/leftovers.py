"""What tests leave behind is named, each thing with the test that made it, and fails the run.

Every process of tests looks at its own host (`tests/ownhost.py`) when its last test has ended:
processes, temporary directories, network namespaces, mounts, loop devices, links, routes, rules and
shared memory. Nothing that others have on the machine is blamed: processes are ours by their
namespace of shared memory or by a directory of ours in their command line, directories by Python's
own word when they were made, loop devices by the file that they show.

Workers of a run over several tell the first process, which says it at the end.
"""

import bisect
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import ownhost

ENDS_WITHIN_S = 30.0
"""So long what was asked to end may take."""
NOBODY = "before any test"
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_NETWORK = (
    ("address", ("ip", "-brief", "address", "show")),
    ("route", ("ip", "route", "show", "table", "all")),
    ("rule", ("ip", "rule", "show")),
    ("firewall", ("nft", "list", "tables")),
)


@dataclass(slots=True)
class Journal:
    """Which test ran when, and which temporary files and directories it asked for."""

    since: list[float] = field(default_factory=list[float])
    tests: list[str] = field(default_factory=list[str])
    made: dict[Path, str] = field(default_factory=dict[Path, str])
    stood: dict[str, str] = field(default_factory=dict[str, str])
    """After which test a thing of `_standing` was first there."""

    def begin(self, test: str) -> None:
        """Note that a test begins."""
        self.since.append(time.time())
        self.tests.append(test)

    def hear(self, event: str, told: tuple[Any, ...]) -> None:
        """Hear of what Python does (`sys.addaudithook`)."""
        if event in ownhost.TEMPORARY:
            self.made[Path(told[0]).absolute()] = self.who(time.time())

    def end(self, test: str) -> None:
        """Note what is there when a test ends."""
        for line in _standing():
            self.stood.setdefault(line, test)

    def who(self, at: float) -> str:
        """Return the test that ran at a time as the kernel notes it, in seconds since 1970."""
        index = bisect.bisect_right(self.since, at + 1 / _TICKS_PER_S)
        return self.tests[index - 1] if index else NOBODY

    def maker_of(self, words: str) -> str | None:
        """Return who made the first of our directories that is named there, if any is."""
        return next((who for path, who in self.made.items() if str(path) in words), None)


class Watch:
    """The plugin: one for each process of a run."""

    def __init__(self) -> None:
        self._journal = Journal()
        self._journal.end(NOBODY)
        self._before = Counter(_network())
        self._left: list[str] = []
        sys.addaudithook(self._journal.hear)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note which test runs."""
        self._journal.begin(nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Note what stands since it ran."""
        self._journal.end(nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Look, when all fixtures are gone."""
        mine = self._wait()
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["left"] = mine  # pyright: ignore
            return
        self._left += mine
        if self._left and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Hear what a worker left; one that was killed says nothing, and fails the run as it is."""
        told = getattr(node, "workeroutput", {})
        self._left += [f"{line} [{node.gateway.id}]" for line in told.get("left", ())]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what was left."""
        if self._left:
            terminalreporter.section("left behind", red=True, bold=True)
            for line in sorted(self._left):
                terminalreporter.write_line(line)

    def _wait(self) -> list[str]:
        deadline = time.monotonic() + ENDS_WITHIN_S
        while (left := list(self._look())) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left

    def _look(self) -> Iterator[str]:
        yield from _directories(self._journal)
        yield from _processes(self._journal)
        yield from _loops(self._journal)
        yield from _names(self._journal)
        for line in _standing():
            if (who := self._journal.stood.get(line, "some test")) != NOBODY:
                yield f"{line}, made by {who}"
        for line in Counter(_network()) - self._before:
            yield f"{line}, made by some test"


def _directories(journal: Journal) -> Iterator[str]:
    for path, who in journal.made.items():
        if os.path.lexists(path):
            yield f"{path}, made by {who}"


def _processes(journal: Journal) -> Iterator[str]:
    """Processes that were started here, whatever namespaces they made for themselves since."""
    ours = os.readlink("/proc/self/ns/ipc")
    known = {os.getpid(), *(guard.pid for guard in ownhost.guards)}
    for one in Path("/proc").glob("[0-9]*"):
        pid = int(one.name)
        try:
            line = (one / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            is_ours = _is_apart() and os.readlink(one / "ns/ipc") == ours
            # Past the name, which may have blanks and brackets in it.
            state, *rest = (one / "stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        named = journal.maker_of(line)
        # One that has ended waits for its parent to look: it is nothing but a number.
        if pid not in known and state not in "ZX" and (is_ours or named):
            yield f"process {pid}: {line[:160]}, started by {named or journal.who(_born(rest))}"


def _born(stat: list[str]) -> float:
    """When a process was started, in seconds since 1970; `stat` is what follows its state."""
    boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return boot + int(stat[18]) / _TICKS_PER_S


def _loops(journal: Journal) -> Iterator[str]:
    for path in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            shown = path.read_text().strip()
        except OSError:
            continue
        if who := journal.maker_of(shown):
            yield f"loop device {path.parts[3]} of {shown}, made by {who}"


def _names(journal: Journal) -> Iterator[str]:
    """What has a name in the directories that this process has for itself."""
    kinds = {ownhost.ROOMS: "network namespace", ownhost.MEMORY: "shared memory"}
    for place, kind in kinds.items() if _is_apart() else ():
        for path in place.iterdir():
            yield f"{kind} {path.name}, made by {journal.who(_changed(path))}"


def _changed(path: Path) -> float:
    try:
        return path.lstat().st_ctime
    except FileNotFoundError:
        return 0.0


def _standing() -> Iterator[str]:
    """What the host has that has no name in a directory and is quick to find, a line for each."""
    if not _is_apart():
        return
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        words = line.split()
        end = words.index("-")
        # What comes from the machine has a master there.
        if not any(word.startswith("master:") for word in words[6:end]):
            yield f"mount of {words[end + 2]} at {words[4]}"
    for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]:
        yield f"System V memory of process {line.split()[4]}"
    for line in Path("/proc/self/net/dev").read_text().splitlines()[2:]:
        yield f"link {line.partition(':')[0].strip()}"


def _network() -> Iterator[str]:
    """What else the host's network has."""
    for kind, command in _NETWORK if _is_apart() else ():
        for line in subprocess.run(command, capture_output=True, text=True).stdout.splitlines():
            yield f"{kind} {line.strip()}"


def _is_apart() -> bool:
    """Whether this process has a host of its own: only root's has."""
    return os.geteuid() == 0
