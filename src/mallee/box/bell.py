"""The bell: how the cloud, who may change nothing of a machine, has root look for something to do.

It is a pipe into which the cloud's user may write. What is written says nothing; it has the
supervisor start one program, the same each time, that looks for itself (`rollouts`). It is started
once at a time and not too often, however often it is rung.
Owned by the supervisor. It imports the standard library only, to stay small.
"""

import contextlib
import os
import pwd
import subprocess
import sys
import time

from mallee.box import status
from mallee.model.layout import Layout

PAUSE_S = 5.0
"""The program is not started again within it."""
_MODE = 0o620
_CLOUD_USER = "mallee"
_READ_BYTES = 4096


class Bell:
    """The pipe of one root, and what it has started."""

    def __init__(self, layout: Layout) -> None:
        """Make the pipe; raises `OSError`."""
        self._layout = layout
        self._errand: status.Process | None = None
        self._started_at = -PAUSE_S
        layout.bell.unlink(missing_ok=True)
        os.mkfifo(layout.bell, 0o600)
        # Held open for writing too: else it would be at its end whenever a writer closes it.
        self.descriptor = os.open(layout.bell, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        os.fchown(self.descriptor, -1, pwd.getpwnam(_CLOUD_USER).pw_gid)
        os.fchmod(self.descriptor, _MODE)

    def answer(self) -> None:
        """Take what was rung, and start the program unless it runs, or did a moment ago."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.descriptor, _READ_BYTES):
                pass
        is_busy = self._errand is not None and self._errand.is_alive()
        if is_busy or time.monotonic() < self._started_at + PAUSE_S:
            return
        self._started_at = time.monotonic()
        self._errand = self._start()

    def _start(self) -> status.Process | None:
        with open(self._layout.log / "settings.log", "ab") as said:
            child = subprocess.Popen(
                (sys.executable, "-m", "mallee.box.rollouts", "--root", str(self._layout.root)),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                # What it tries takes the supervisor's own daemons down and up.
                start_new_session=True,
                cwd="/",
            )
        born = status.read_birth(child.pid)
        return None if born is None else status.Process(child.pid, born)
