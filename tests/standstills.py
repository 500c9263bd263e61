"""Processes that stand still for a while, as on a machine whose disk does not answer."""

import contextlib
import os
import signal
from collections.abc import Generator
from pathlib import Path


@contextlib.contextmanager
def standing_still(first: int) -> Generator[None]:
    """Have a process and its children stand still meanwhile."""
    # The first one first: it makes others.
    os.kill(first, signal.SIGSTOP)
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    processes = (first, *map(int, children))
    try:
        for one in processes[1:]:
            os.kill(one, signal.SIGSTOP)
        yield
    finally:
        for one in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGCONT)
