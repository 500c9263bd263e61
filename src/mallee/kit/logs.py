"""Logs: one JSON object per line, one file per daemon, the same keys everywhere.

`configure` is called once by each daemon's `main`; everybody else calls `get` at import time.
Keys: `at` (ISO 8601, UTC), `level`, `daemon`, `of` (the logger's name), `event`, and what the
caller adds. Not its business: rotation (the file is opened for appending, `copytruncate` works),
and who called what, which is the trail's (`cloud/trail`).
"""

import io
import logging
import sys
from pathlib import Path
from typing import TextIO

from mallee.kit import lean

with lean.without("rich"):
    # For coloured tracebacks, which no daemon shows, structlog would take 5 MB in each.
    import structlog
    from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

LOG_FILE_MODE = 0o640


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
        logger_factory=structlog.WriteLoggerFactory(_open(path)),
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


def _open(path: Path | None) -> TextIO:
    if path is None:
        return sys.stderr
    path.parent.mkdir(parents=True, exist_ok=True)
    # Unbuffered bytes below a write-through text layer: a line is in the file when logged.
    raw = open(path, "ab", buffering=0)  # noqa: SIM115 - it stays open as long as the process
    path.chmod(LOG_FILE_MODE)
    return io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
