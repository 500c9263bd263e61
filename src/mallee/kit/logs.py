"""Logs: one JSON object per line, one file per daemon, the same keys everywhere.

`configure` is called once by each daemon's `main`; everybody else calls `get` at import time.
Keys: `at` (ISO 8601, UTC), `level`, `daemon`, `of` (the logger's name), `event`, and what the
caller adds. Logging never fails: what a full disk does not take is lost, and a later line says how
much. Not its business: rotation (the file is opened for appending, `copytruncate` works), and who
called what, which is the trail's (`cloud/trail`).
"""

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TextIO, cast

from mallee.kit import lean

with lean.without("rich"), lean.without("colorama"):
    # For coloured tracebacks, which no daemon shows, structlog would take 5 MB in each.
    import structlog
    from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

LOG_FILE_MODE = 0o640


class File(Protocol):
    """What takes bytes, perhaps not all of them."""

    def write(self, data: bytes, /) -> int | None:
        """Return how many bytes were taken; raise `OSError` where none were."""
        ...


class Lines:
    """Lines at the end of a file, each whole or lost: who logs goes on in either case."""

    def __init__(self, file: File, daemon: str) -> None:
        self._file = file
        self._daemon = daemon
        self._lost = 0
        self._is_torn = False

    def write(self, line: str) -> int:
        """Write a line, if the disk takes it."""
        whole = b"\n" * self._is_torn + self._notice() + line.encode("utf-8", "replace")
        try:
            taken = self._file.write(whole) or 0
        except OSError:
            taken = 0
        if taken == len(whole):
            self._lost, self._is_torn = 0, False
        else:
            self._lost, self._is_torn = self._lost + 1, self._is_torn or taken > 0
        return len(line)

    def flush(self) -> None:
        """Nothing to do: a line is in the file when logged."""

    def _notice(self) -> bytes:
        if not self._lost:
            return b""
        told = {
            **{"of": "kit.logs", "event": "lines could not be written", "lines": self._lost},
            **{"daemon": self._daemon, "level": "error"},
            "at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        }
        return json.dumps(told).encode() + b"\n"


def configure(daemon: str, path: Path | None, level: int = logging.INFO) -> None:
    """Send all log lines of this process to `path`, or to standard error when it is None."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _names_daemon(daemon),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.ExceptionRenderer(),
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(_open(daemon, path)),
        cache_logger_on_first_use=True,
    )


def get(name: str) -> FilteringBoundLogger:
    """Return the logger of a module; it may be asked before `configure`."""
    return structlog.get_logger(of=name.removeprefix("mallee."))


def _names_daemon(daemon: str) -> Processor:
    # A processor and not a context variable, because threads start with an empty context.
    def add(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["daemon"] = daemon
        return event

    return add


def _open(daemon: str, path: Path | None) -> TextIO:
    if path is None:
        return sys.stderr
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = open(path, "ab", buffering=0)  # noqa: SIM115 - it stays open as long as the process
    path.chmod(LOG_FILE_MODE)
    return cast(TextIO, Lines(raw, daemon))
