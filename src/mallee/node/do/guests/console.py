"""The serial console's log: read its end, keep it for a while, bound what it takes of the disk.

QEMU appends to the log for as long as the guest talks. A guest could fill the host's disk with it,
so a log that has grown too long is cut: QEMU writes with O_APPEND and goes on at the new end. Of an
instance that is gone the end of its log stays for an hour: it may say why.
"""

import contextlib
import os
from pathlib import Path

from mallee.kit import files
from mallee.model.layout import Layout
from mallee.node.plan.guests import domain

TAIL_BYTES = 64 << 10
"""What `GetConsoleOutput` shows, as in EC2."""
LOG_BYTES_MAX = 4 << 20
KEPT_S = 3600.0
"""How long the end of a log outlives its instance: as long as the cloud shows the instance."""
KEPT_MAX = 1024
"""Logs of instances that are gone, on one host; of more, those that went last stay."""


def read(layout: Layout, instance_id: str) -> bytes:
    """Return the last 64 KiB that the instance said, be it gone or not."""
    log = domain.directory_of(layout, instance_id) / domain.CONSOLE_LOG
    return read_tail(log if log.exists() else _kept(layout, instance_id))


def keep(layout: Layout, instance_id: str) -> None:
    """Put the end of the log where it outlives the instance's directory.

    Twice is safe: when the log is gone, what was kept of it stays.
    """
    log = domain.directory_of(layout, instance_id) / domain.CONSOLE_LOG
    if log.exists():
        layout.kept_consoles.mkdir(exist_ok=True, mode=0o700)
        files.write_atomically(_kept(layout, instance_id), read_tail(log))


def forget_old(layout: Layout, now: float) -> None:
    """Remove what was kept for longer than an hour, or is more than this host keeps."""
    with contextlib.suppress(FileNotFoundError):
        by_age = sorted(
            ((entry.stat().st_mtime, entry.path) for entry in os.scandir(layout.kept_consoles)),
            reverse=True,
        )
        for number, (kept_at, path) in enumerate(by_age):
            if number >= KEPT_MAX or not now - KEPT_S <= kept_at <= now + KEPT_S:
                os.unlink(path)


def _kept(layout: Layout, instance_id: str) -> Path:
    return layout.kept_consoles / f"{instance_id}.log"


def read_tail(path: Path) -> bytes:
    """Return the last 64 KiB of the log; empty when nothing was written yet."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - TAIL_BYTES))
            return log.read()
    except FileNotFoundError:
        return b""


def look_after(layout: Layout, now: float) -> None:
    """Bound the logs of all instances that are here, known or not, and forget old ones."""
    for path in layout.instances.glob(f"*/{domain.CONSOLE_LOG}"):
        bound(path)
    forget_old(layout, now)


def bound(path: Path) -> None:
    """Cut a log that is longer than 4 MiB to its tail.

    What the guest writes at that very moment may be lost or stand before the tail.
    """
    try:
        if path.stat().st_size <= LOG_BYTES_MAX:
            return
    except FileNotFoundError:
        return
    tail = read_tail(path)
    with path.open("r+b") as log:
        log.truncate(0)
        log.write(tail)
