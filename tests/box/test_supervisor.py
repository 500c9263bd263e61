"""The supervisor over small daemons of our own: what it promises about real ones."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mallee.box import status, supervisor
from mallee.model.layout import Layout

# A supervisor of two daemons: `good` runs until SIGTERM, `bad` is what the test says.
PROGRAM = """
import sys
from pathlib import Path
from mallee.box import status, supervisor
from mallee.model.layout import Layout
layout = Layout(Path(sys.argv[1]))
supervisor.STOP_S_MAX = 1.0
if supervisor.lock(layout) is None:
    sys.exit(7)
wake = supervisor._catch_signals()
supervisor.adopt_orphans()
programs = [supervisor.Program("cloud", ("sleep", "1000")),
            supervisor.Program("node", ("sh", "-c", sys.argv[2]))]
supervisor.Supervisor(layout, programs).run(wake)
"""
FOREVER = "exec sleep 1000"
WITHIN_S = 120.0
STUBBORN = "trap '' TERM; while :; do sleep 0.05; done"


@pytest.fixture
def layout(root_dir: Path) -> Iterator[Layout]:
    layout = Layout(root_dir)
    layout.run.mkdir()
    layout.log.mkdir()
    yield layout
    for name in status.DAEMONS:
        found = status.find(layout, name)
        if found is not None:
            os.killpg(found.pid, signal.SIGKILL)


@pytest.fixture
def start(layout: Layout) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []

    def start(bad: str = FOREVER) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-c", PROGRAM, str(layout.root), bad]
        running.append(subprocess.Popen(argv, stdout=subprocess.DEVNULL))
        return running[-1]

    yield start
    for one in running:
        one.kill()
        one.wait()


def _until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def _pid(layout: Layout, name: str) -> int:
    found: list[status.Process] = []

    def is_found() -> bool:
        one = status.find(layout, name)
        found.extend([one] if one is not None else [])
        return bool(found)

    _until(is_found)
    return found[0].pid


def test_a_daemon_that_is_killed_is_started_again(layout: Layout, start) -> None:  # type: ignore[no-untyped-def]
    start()
    before = _pid(layout, "cloud")
    os.kill(before, signal.SIGKILL)
    _until(lambda: _pid(layout, "cloud") != before)
    _until(lambda: _report(layout)["cloud"]["last_end"] == "ended by SIGKILL")


def _report(layout: Layout) -> dict[str, dict[str, object]]:
    return json.loads(status.report_file(layout).read_text())["daemons"]


def test_a_daemon_that_cannot_stay_is_tried_ever_more_rarely(layout: Layout, start) -> None:  # type: ignore[no-untyped-def]
    start("exit 3")
    _until(
        lambda: status.read_report(layout).get("daemons", {}).get("node", {}).get("starts", 0) > 3
    )
    assert _report(layout)["node"]["last_end"] == "ended with status 3"
    # 0, 0.1, 0.2, 0.4…: four starts take 0.7 s at least, where none between would be thousands.
    assert _report(layout)["cloud"]["starts"] == 1


def test_on_sigterm_the_daemons_end_and_then_the_supervisor(layout: Layout, start) -> None:  # type: ignore[no-untyped-def]
    supervisor = start()
    pids = [_pid(layout, "cloud"), _pid(layout, "node")]
    supervisor.terminate()
    assert supervisor.wait(WITHIN_S) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert not status.pid_file(layout, "cloud").exists()


def test_a_daemon_that_does_not_end_is_killed_at_the_deadline(layout: Layout, start) -> None:  # type: ignore[no-untyped-def]
    supervisor = start(STUBBORN)
    pid = _pid(layout, "node")
    _until(lambda: b"trap" in Path(f"/proc/{pid}/cmdline").read_bytes())
    supervisor.terminate()
    assert supervisor.wait(WITHIN_S) == 0
    assert status.read_birth(pid) is None


@pytest.mark.host
def test_the_log_of_an_unprivileged_daemon_is_made_for_it(layout: Layout) -> None:
    path = layout.log / "cloud.log"
    supervisor.give_log(path, "nobody")
    path.write_text("a line\n")
    supervisor.give_log(path, "nobody")
    assert (path.owner(), path.read_text()) == ("nobody", "a line\n")
    assert path.stat().st_mode & 0o007 == 0


def test_a_log_is_never_a_link_to_something_else(layout: Layout) -> None:
    (layout.log / "cloud.log").symlink_to(layout.root / "others")
    with pytest.raises(OSError, match="symbolic links"):
        supervisor.give_log(layout.log / "cloud.log", None)
    assert not (layout.root / "others").exists()


def test_nobody_else_may_hold_the_lock(layout: Layout) -> None:
    held = supervisor.lock(layout)
    assert held is not None
    os.close(held)
    assert (layout.run / "supervisor.lock").stat().st_mode & 0o077 == 0


def test_there_is_one_supervisor_per_root(layout: Layout, start) -> None:  # type: ignore[no-untyped-def]
    start()
    before = _pid(layout, "cloud")
    assert start().wait(WITHIN_S) == 7
    assert _pid(layout, "cloud") == before


def test_daemons_outlive_a_killed_supervisor_and_the_next_one_takes_them_over(  # type: ignore[no-untyped-def]
    layout: Layout, start
) -> None:
    first = start()
    pids = (_pid(layout, "cloud"), _pid(layout, "node"))
    first.kill()
    first.wait()
    second = start()
    _until(lambda: status.read_report(layout).get("supervisor") == second.pid)
    assert (_pid(layout, "cloud"), _pid(layout, "node")) == pids
    os.kill(pids[0], signal.SIGKILL)
    _until(lambda: _pid(layout, "cloud") != pids[0])
    second.terminate()
    assert second.wait(WITHIN_S) == 0
    assert status.read_birth(pids[1]) is None


def test_orphans_of_daemons_are_taken_in_and_buried(layout: Layout, start) -> None:  # type: ignore[no-untyped-def]
    # As libvirtd starts a guest: by a process that ends at once and leaves the guest behind.
    pid_file = layout.root / "orphan"
    supervisor = start(f"sh -c 'sleep 1000 & echo $! > {pid_file}'; {FOREVER}")
    _until(lambda: pid_file.exists() and bool(pid_file.read_text().strip()))
    orphan = int(pid_file.read_text())
    _until(lambda: orphan in _children(supervisor.pid))
    os.kill(orphan, signal.SIGKILL)
    _until(lambda: not Path(f"/proc/{orphan}").exists())
    assert supervisor.poll() is None


def test_where_nothing_can_be_written_daemons_are_started_all_the_same(  # type: ignore[no-untyped-def]
    layout: Layout, start
) -> None:
    supervisor = start()
    before = {_pid(layout, "cloud"), _pid(layout, "node")}
    layout.run.rename(layout.root / "gone")
    try:
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        _until(lambda: len(_children(supervisor.pid) - before) == 2)
        assert supervisor.poll() is None
        # When there is room again everybody learns who runs.
        layout.run.mkdir()
        _until(lambda: {_pid(layout, "cloud"), _pid(layout, "node")} <= _children(supervisor.pid))
    finally:
        left = _children(supervisor.pid)
        supervisor.kill()
        for pid in left:
            os.kill(pid, signal.SIGKILL)


def _children(pid: int) -> set[int]:
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
