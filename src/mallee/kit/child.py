"""A program of ours that runs as a child, and no longer than its parent.

Called by who has another process do what may have to end at any moment. Invariant: the child is
killed when the parent ends, however that does: it asks for that itself (`follow`), first of all.
Not its business: what it does, and copies of one program (`forks`).
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


class Child:
    """A child that was started. Doing anything twice is doing it once."""

    def __init__(self, arguments: Sequence[str], descriptors: Sequence[int] = ()) -> None:
        """Start our Python with these arguments; it has these descriptors of ours as well."""
        self._process = subprocess.Popen(
            [sys.executable, *arguments], stdin=subprocess.DEVNULL, pass_fds=tuple(descriptors)
        )

    @property
    def status(self) -> int | None:
        """How it has ended; None: it runs."""
        return self._process.poll()

    def end(self, patience_s: float) -> bool:
        """Have it end, and kill it if it has not within so long; tell whether it ended; blocks."""
        if patience_s:
            self._process.terminate()
            try:
                self._process.wait(patience_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
        else:
            self._process.kill()
        return self._process.wait() == 0


def follow(parent: int) -> None:
    """Be killed when the parent, of this number, ends; called by the child, first of all."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit("the process that started this one has ended")
