"""The access log: one JSON line per answered request, in a file of its own.

Lines are gathered and written together a moment later, so that a request does not wait for the
file and a busy cloud writes once for many. A killed process loses the last moment of it: it is for
reading, the audit trail is the store's change log. Parameters are never in it, they may be secrets.
Called by the pipeline. Not its business: errors of ours, which go to the process's own log.
"""

import asyncio
from datetime import datetime
from pathlib import Path
from types import TracebackType

import msgspec

from mallee.kit import logs

DELAY_S = 0.05
MODE = 0o640

_log = logs.get(__name__)


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is told of a request; what was not found out about it is left out."""

    at: datetime
    request_id: str
    peer: str
    service: str = ""
    action: str = ""
    account: str = ""
    access_key: str = ""
    status: int
    code: str = ""
    """The error's code."""
    ms: float
    """From its last byte in to its answer made."""


class AccessLog:
    """Appends to the file. Belongs to the event loop's thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - `close` closes it
        path.chmod(MODE)
        self._lines: list[bytes] = []

    def __enter__(self) -> "AccessLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._write()
        self._file.close()

    def add(self, line: Line) -> None:
        """Have the line written within `DELAY_S`."""
        if not self._lines:
            # The timer is not kept: when it fires after `close`, there is nothing left to write.
            asyncio.get_running_loop().call_later(DELAY_S, self._write)
        self._lines.append(msgspec.json.encode(line))

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        if not lines:
            return
        try:
            self._file.write(b"\n".join(lines) + b"\n")
        except OSError as error:
            # A full disk must not keep the cloud from answering.
            _log.error("access log not written", lines=len(lines), problem=str(error))
