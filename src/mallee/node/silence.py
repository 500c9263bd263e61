"""Since when, and why, this host's agent does not speak with its cloud: for who looks here.

The cloud tells of silent hosts. Who stands before the machine, whose cloud may be gone or may know
it no more, asks `mallee status`. Written by `sync` when it changes. It decides nothing.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from mallee.kit import files
from mallee.model.layout import Layout


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """The cloud is not spoken to."""

    since: float
    """Unix time."""
    why: str
    status: int = 0
    """With which status of HTTP the cloud refuses this host; 0: it does not answer."""


def read(layout: Layout) -> Silence | None:
    """Return what was written last; None while the cloud is spoken to."""
    try:
        return msgspec.json.decode(_path_of(layout).read_bytes(), type=Silence)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def forget(layout: Layout) -> None:
    """Have nothing written down: what was is of no account any more."""
    _path_of(layout).unlink(missing_ok=True)


class Noted:
    """What one agent has written of it."""

    def __init__(self, layout: Layout, now: Callable[[], float]) -> None:
        self._layout = layout
        self._now = now
        self._silence = read(layout)

    def spoken(self) -> None:
        """The cloud was spoken to."""
        if self._silence is not None:
            self._silence = None
            forget(self._layout)

    def failed(self, why: str, status: int = 0) -> None:
        """It was not. A disk that takes nothing keeps what was written before."""
        former = self._silence
        if former is not None and (former.why, former.status) == (why, status):
            return
        since = self._now() if former is None else former.since
        self._silence = Silence(since=since, why=why, status=status)
        with contextlib.suppress(OSError):
            path = _path_of(self._layout)
            files.write_atomically(path, msgspec.json.encode(self._silence), files.READABLE)


def _path_of(layout: Layout) -> Path:
    return layout.run / "silence.json"
