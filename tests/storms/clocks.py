"""Clocks of a lab's hosts that are set: each host's daemons go by their own (`hostclock`).

No namespace gives a host a time of day of its own, so Python's is another one there. The machine's
clock is left alone, and so are guests'.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from mallee.kit import files
from mallee.lab.rooms import Place

_HOOK = Path(__file__).with_name("hostclock")
_VARIABLE = "PYTHONPATH"


@contextmanager
def settable() -> Generator[None]:
    """Have the daemons of labs that are made meanwhile go by their hosts' clocks."""
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = os.pathsep.join(filter(None, (str(_HOOK), before)))
    try:
        yield
    finally:
        del os.environ[_VARIABLE]
        if before is not None:
            os.environ[_VARIABLE] = before


def step(place: Place, host: str, ahead_s: float) -> None:
    """Set a host's clock, that many seconds ahead of what the time is."""
    root = place.root(host)
    path = root.with_name(f"{root.name}.clock")
    files.write_atomically(path, f"{ahead_s:g}".encode(), files.READABLE)
