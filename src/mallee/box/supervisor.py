"""The supervisor: keeps libvirtd, the cloud and the agent running, with or without systemd.

`python -m mallee.box.supervisor --root DIR`. A daemon that ends is started again, at first at once,
then after ever longer pauses. Invariants: (1) one supervisor per root, by a lock; (2) it finds
daemons that an earlier supervisor left and takes them over; (3) on SIGTERM it stops the daemons, in
the opposite order, each with a deadline, and never a guest: guests are libvirtd's children no more
and are in sessions of their own. It imports the standard library only, to stay small.
Not its business: what must be there before the daemons start (`up`).
"""

import argparse
import contextlib
import ctypes
import fcntl
import json
import os
import pwd
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from mallee.box import status
from mallee.box.bell import Bell
from mallee.kit import files
from mallee.model.layout import Layout

PAUSE_S_MIN = 0.1
PAUSE_S_MAX = 10.0
STEADY_AFTER_S = 20.0
"""A daemon that ran for so long starts again at once when it ends."""
STOP_S_MAX = 10.0
"""A daemon that has not ended so long after SIGTERM is killed."""
PROOF_S_MAX = 60.0
NOTE_AGAIN_S = 1.0
"""A pid file that could not be written is tried again so often."""
_PR_SET_CHILD_SUBREAPER = 36
LOG_MODE = 0o640


@dataclass(frozen=True, slots=True)
class Program:
    """What a daemon runs, and as whom (None: root)."""

    name: str
    argv: tuple[str, ...]
    user: str | None = None
    logs: tuple[str, ...] = ()
    """Log files that are made for it: only root may make any."""


@dataclass(slots=True)
class Daemon:
    """A daemon under watch."""

    program: Program
    process: status.Process | None = None
    is_noted: bool = False
    """Whether its pid file is written: without room on the disk it is written later."""
    child: subprocess.Popen[bytes] | None = None
    """None for a daemon that was taken over."""
    watch: int = -1
    """A descriptor that becomes readable when the process ends."""
    started_at: float = 0.0
    starts: int = 0
    pause_s: float = 0.0
    next_start_at: float = 0.0
    last_end: str = ""

    @property
    def name(self) -> str:
        """The daemon's name in files and reports."""
        return self.program.name


def programs(layout: Layout) -> tuple[Program, ...]:
    """Return what is run, in the order of the start; it is stopped in the opposite order."""
    root = ("--root", str(layout.root))
    python = (sys.executable, "-m")
    known = (
        Program("libvirtd", (*python, "mallee.box.libvirtd", *root)),
        Program(
            "cloud",
            (*python, "mallee.cloud.daemon", *root),
            user="mallee",
            logs=("cloud.log",),
        ),
        Program(
            "s3",
            (*python, "mallee.cloud.s3.daemon", *root),
            user="mallee",
            logs=("s3.log",),
        ),
        Program("blocks", (*python, "mallee.node.nbd.daemon", *root)),
        Program("node", (*python, "mallee.node.daemon", *root)),
    )
    wanted = status.daemons(layout)
    return tuple(program for program in known if program.name in wanted)


class Supervisor:
    """Watches the daemons of one root."""

    def __init__(self, layout: Layout, run: Iterable[Program], bell: Bell | None = None) -> None:
        """`bell`: by which the cloud has something looked for; None where there is none."""
        self.layout = layout
        self.bell = bell
        self.daemons = [Daemon(program) for program in run]
        self.is_stopping = False

    def run(self, wake: int) -> None:
        """Keep the daemons running until SIGTERM; `wake` is readable after a signal."""
        for daemon in self.daemons:
            self._adopt(daemon)
        while not self.is_stopping:
            for daemon in self.daemons:
                if daemon.process is None and time.monotonic() >= daemon.next_start_at:
                    self._start(daemon)
            self._write_pids()
            self._report()
            self._wait(wake)
        for daemon in reversed(self.daemons):
            self._stop(daemon)
        self._report()

    def _adopt(self, daemon: Daemon) -> None:
        found = status.find(self.layout, daemon.name)
        if found is not None:
            self._watch(daemon, found)
            daemon.is_noted = True
            _note(f"{daemon.name} runs already as {found.pid}: taken over")

    def _start(self, daemon: Daemon) -> None:
        user = daemon.program.user
        output = self.layout.log / f"{daemon.name}.err"
        try:
            for name in daemon.program.logs:
                give_log(self.layout.log / name, user)
            with open(output, "ab", opener=_open_closed_to_others) as said:
                child = subprocess.Popen(
                    daemon.program.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    # A session of its own: no terminal's and no supervisor's end reaches it.
                    start_new_session=True,
                    cwd="/",
                    user=user,
                    group=user,
                    extra_groups=[] if user else None,
                    umask=0o022,
                )
        except (OSError, subprocess.SubprocessError) as error:
            self._postpone(daemon, f"cannot be started: {error}")
            return
        daemon.child = child
        daemon.starts += 1
        born = status.read_birth(child.pid)
        if born is None:
            self._ended(daemon)
            return
        daemon.is_noted = False
        self._watch(daemon, status.Process(child.pid, born))
        _note(f"{daemon.name} started as {child.pid}")

    def _write_pids(self) -> None:
        """Note who runs; a full disk must end neither a daemon nor us, so it is tried again."""
        for daemon in self.daemons:
            if daemon.process is not None and not daemon.is_noted:
                with contextlib.suppress(OSError):
                    status.write_pid(self.layout, daemon.name, daemon.process)
                    daemon.is_noted = True

    def _watch(self, daemon: Daemon, process: status.Process) -> None:
        try:
            daemon.watch = os.pidfd_open(process.pid)
        except ProcessLookupError:
            self._ended(daemon)
            return
        daemon.process = process
        daemon.started_at = time.monotonic()

    def _wait(self, wake: int) -> None:
        """Sleep until a daemon ends, a signal comes, or a daemon may be started again."""
        due = [daemon.next_start_at for daemon in self.daemons if daemon.process is None]
        if any(daemon.process and not daemon.is_noted for daemon in self.daemons):
            due.append(time.monotonic() + NOTE_AGAIN_S)
        timeout_s = max(0.0, min(due) - time.monotonic()) if due else None
        watched = {daemon.watch: daemon for daemon in self.daemons if daemon.process}
        rung = () if self.bell is None else (self.bell.descriptor,)
        ready, _, _ = select.select([wake, *rung, *watched], [], [], timeout_s)
        self._reap()
        for descriptor in ready:
            if descriptor == wake:
                self._read_signals(wake)
            elif self.bell is not None and descriptor in rung:
                self._answer(self.bell)
            else:
                self._ended(watched[descriptor])

    def _answer(self, bell: Bell) -> None:
        try:
            bell.answer()
        except OSError as error:
            _note(f"nobody looks what the cloud rings for: {error}")

    def _read_signals(self, wake: int) -> None:
        numbers = os.read(wake, 64)
        if signal.SIGTERM in numbers or signal.SIGINT in numbers:
            self.is_stopping = True

    def _reap(self) -> None:
        """Take the leave of every child that has ended, guests' QEMUs among them."""
        children = {one.child.pid: one.child for one in self.daemons if one.child is not None}
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0] != 0:
                pid, code = ended[0], os.waitstatus_to_exitcode(ended[1])
                if pid in children:
                    children[pid].returncode = code

    def _ended(self, daemon: Daemon) -> None:
        code = daemon.child.wait() if daemon.child is not None else None
        if daemon.watch >= 0:
            os.close(daemon.watch)
        ran_s = time.monotonic() - daemon.started_at if daemon.process else 0.0
        daemon.process, daemon.child, daemon.watch = None, None, -1
        status.pid_file(self.layout, daemon.name).unlink(missing_ok=True)
        if ran_s > STEADY_AFTER_S:
            daemon.pause_s = 0.0
        self._postpone(daemon, "ended" if code is None else _describe(code))

    def _postpone(self, daemon: Daemon, why: str) -> None:
        daemon.last_end = why
        daemon.next_start_at = time.monotonic() + daemon.pause_s
        daemon.pause_s = min(PAUSE_S_MAX, max(PAUSE_S_MIN, daemon.pause_s * 2))
        _note(f"{daemon.name}: {why}")

    def _stop(self, daemon: Daemon) -> None:
        process = daemon.process
        if process is None:
            return
        _note(f"{daemon.name} is asked to end")
        process.signal(signal.SIGTERM)
        if not select.select([daemon.watch], [], [], STOP_S_MAX)[0]:
            _note(f"{daemon.name} did not end within {STOP_S_MAX:g} s: killed")
            process.signal(signal.SIGKILL)
            select.select([daemon.watch], [], [], STOP_S_MAX)
        self._ended(daemon)

    def _report(self) -> None:
        daemons: dict[str, Any] = {}
        for daemon in self.daemons:
            daemons[daemon.name] = {
                "pid": daemon.process.pid if daemon.process else None,
                "starts": daemon.starts,
                "last_end": daemon.last_end,
                "running": daemon.process is not None,
            }
        report = {"supervisor": os.getpid(), "daemons": daemons}
        with contextlib.suppress(OSError):
            # As with pid files; the report is for people.
            files.write_json(status.report_file(self.layout), report, files.READABLE)


def _note(event: str) -> None:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with contextlib.suppress(OSError):
        print(json.dumps({"at": at, "daemon": "supervisor", "event": event}), flush=True)


def _describe(code: int) -> str:
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"ended with status {code}"


def give_log(path: Path, user: str | None) -> None:
    """Make a log file that the user may write; one that is there keeps what is in it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, LOG_MODE)
    try:
        if user is not None:
            found = pwd.getpwnam(user)
            os.fchown(descriptor, found.pw_uid, found.pw_gid)
    finally:
        os.close(descriptor)


def _open_closed_to_others(path: str, flags: int) -> int:
    return os.open(path, flags, LOG_MODE)


def prove_kvm(layout: Layout) -> None:
    """See that the verdict on KVM holds for the kernel that runs now, before libvirtd asks."""
    argv = [sys.executable, "-m", "mallee.node.kvmproof", "--root", str(layout.root)]
    try:
        done = subprocess.run(
            argv, capture_output=True, stdin=subprocess.DEVNULL, timeout=PROOF_S_MAX, check=False
        )
        _note(f"the proof of KVM {_describe(done.returncode)}")
    except subprocess.TimeoutExpired:
        _note(f"the proof of KVM did not end within {PROOF_S_MAX:g} s")


def lock(layout: Layout) -> int | None:
    """Take the root's lock and return it, or None when another supervisor holds it."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    # Whoever may open it may hold it, and keep the cloud from starting.
    descriptor = os.open(layout.run / "supervisor.lock", flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _catch_signals() -> int:
    read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(write)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, _nothing)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return read


def adopt_orphans() -> None:
    """Become the parent of guests, whose own parent ends at their start.

    libvirt waits for a QEMU's very last trace to go; pid 1 may be slow to see to that, or, in a
    container, may never.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        _note(f"guests stay with pid 1: {os.strerror(ctypes.get_errno())}")


def _nothing(number: int, frame: FrameType | None) -> None:
    """Let the signal only wake the select: the wake-up descriptor says which it was."""


def _open_bell(layout: Layout) -> Bell | None:
    """Return the bell of a root with a cloud; without one settings are not brought here."""
    if not layout.settings.exists():
        return None
    try:
        return Bell(layout)
    except (OSError, KeyError) as error:
        _note(f"the cloud has no bell to ring: {error}")
        return None


def main() -> None:
    """Run until SIGTERM; end at once when another supervisor already runs."""
    parser = argparse.ArgumentParser(prog="mallee-supervisor")
    parser.add_argument("--root", type=Path, required=True, help="the cloud's root directory")
    layout = Layout(parser.parse_args().root)
    held = lock(layout)
    if held is None:
        print("another supervisor runs for this root", file=sys.stderr)
        return
    wake = _catch_signals()
    adopt_orphans()
    born = status.read_birth(os.getpid())
    assert born is not None
    status.write_pid(layout, status.SUPERVISOR, status.Process(os.getpid(), born))
    if status.find(layout, "libvirtd") is None:
        prove_kvm(layout)
    Supervisor(layout, programs(layout), _open_bell(layout)).run(wake)
    status.pid_file(layout, status.SUPERVISOR).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
