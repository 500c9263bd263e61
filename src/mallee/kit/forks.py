"""One program as several processes that share its memory: a parent keeps copies of itself running.

What the program has loaded is loaded once, before they are forked. As many run as are of use
(`Need`). A copy that ends is started again, at first at once, then after ever longer pauses; one
that says that it cannot start (`CANNOT_START`) ends them all. Invariants: (1) no copy outlives the
parent, however that ends; (2) SIGTERM ends the copies, each with a deadline, and then the parent.
Called by daemons' `main`. Not its business: what the copies do, and how they share their work.
"""

import ctypes
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, Protocol

from mallee.kit import logs

CANNOT_START = 78
"""The status of a copy that would end in the same way again (`EX_CONFIG`)."""
PAUSE_S_MIN = 0.05
PAUSE_S_MAX = 5.0
STEADY_AFTER_S = 20.0
"""A copy that ran for so long starts again at once when it ends."""
STOP_S_MAX = 8.0
"""A copy that has not ended so long after SIGTERM is killed."""
ASK_AGAIN_S = 0.5
"""How often it is asked how many copies are to run."""
_PR_SET_PDEATHSIG = 1
_WATCHED = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})

_log = logs.get(__name__)

Work = Callable[[int], None]
"""What a copy does, by its number from 0 on."""


class Need(Protocol):
    """Knows how many copies are of use."""

    def wanted(self) -> int:
        """Return how many are to run now, the first ones."""
        ...

    def ended(self, number: int) -> None:
        """Hear that a copy does not run any more."""
        ...


@dataclass(slots=True)
class _Copy:
    number: int
    pid: int = 0
    """0: it does not run."""
    started_at: float = 0.0
    pause_s: float = 0.0
    next_start_at: float = 0.0
    is_ending: bool = False
    """Whether it was told to, for it is not wanted."""


def keep(count: int, work: Work, need: Need) -> int:
    """Run `work` in at most so many processes until SIGTERM; return the status to end with.

    Where one is the most, it is this process itself.
    """
    if count == 1:
        work(0)
        return 0
    # What is there now stays shared: the collector must not write into it.
    gc.collect()
    gc.freeze()
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    copies = [_Copy(number) for number in range(count)]
    while True:
        _settle(copies, work, need.wanted())
        if _wait_for_signal() in (signal.SIGTERM, signal.SIGINT):
            return _stop(copies)
        if not _reap(copies, need):
            _stop(copies)
            return 1


def _settle(copies: list[_Copy], work: Work, wanted: int) -> None:
    """Start those that are wanted and may start, and have those end that are not."""
    for copy in copies:
        if copy.number >= wanted:
            if copy.pid and not copy.is_ending:
                copy.is_ending = True
                os.kill(copy.pid, signal.SIGTERM)
        elif not copy.pid and time.monotonic() >= copy.next_start_at:
            _start(copy, work)


def _start(copy: _Copy, work: Work) -> None:
    parent = os.getpid()
    copy.started_at = time.monotonic()
    copy.pid = os.fork()
    if copy.pid == 0:
        _be(copy.number, work, parent)


def _be(number: int, work: Work, parent: int) -> NoReturn:
    """Be a copy, from its first moment to its last."""
    status = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
        if os.getppid() == parent:
            work(number)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - nothing above may run on in a copy
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _wait_for_signal() -> int:
    """Sleep until a signal comes (return it), or for a moment (0)."""
    found = signal.sigtimedwait(_WATCHED, ASK_AGAIN_S)
    return found.si_signo if found else 0


def _reap(copies: list[_Copy], need: Need) -> bool:
    """Take the leave of copies that have ended; tell whether they may be started again."""
    for copy in copies:
        if not copy.pid:
            continue
        pid, how = os.waitpid(copy.pid, os.WNOHANG)
        if not pid:
            continue
        code, now = os.waitstatus_to_exitcode(how), time.monotonic()
        copy.pid = 0
        need.ended(copy.number)
        if code == CANNOT_START:
            return False
        if copy.is_ending:
            copy.is_ending = False
            continue
        if now - copy.started_at > STEADY_AFTER_S:
            copy.pause_s = 0.0
        copy.next_start_at = now + copy.pause_s
        copy.pause_s = min(PAUSE_S_MAX, max(PAUSE_S_MIN, copy.pause_s * 2))
        _log.error("process ended", number=copy.number, status=code)
    return True


def _stop(copies: list[_Copy]) -> int:
    """End all copies; return 0 when each ended well."""
    running = [copy for copy in copies if copy.pid]
    for copy in running:
        os.kill(copy.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S_MAX
    is_well = True
    for copy in running:
        is_well &= _wait_for_end(copy, deadline) == 0
    return 0 if is_well else 1


def _wait_for_end(copy: _Copy, deadline: float) -> int:
    while True:
        pid, how = os.waitpid(copy.pid, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(how)
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            _log.error("process killed: it did not end", number=copy.number)
            os.kill(copy.pid, signal.SIGKILL)
            return os.waitstatus_to_exitcode(os.waitpid(copy.pid, 0)[1])
        signal.sigtimedwait({signal.SIGCHLD}, left_s)
