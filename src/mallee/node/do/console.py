"""The serial console's log: read its end, and keep it from growing without bound.

QEMU appends to the log for as long as the guest talks. A guest could fill the host's disk with it,
so a log that has grown too long is cut: QEMU writes with O_APPEND and goes on at the new end.
"""

import os
from pathlib import Path

from mallee.node.plan import domain

TAIL_BYTES = 64 << 10
"""What `GetConsoleOutput` shows, as in EC2."""
LOG_BYTES_MAX = 4 << 20


def read_tail(path: Path) -> bytes:
    """Return the last 64 KiB of the log; empty when nothing was written yet."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - TAIL_BYTES))
            return log.read()
    except FileNotFoundError:
        return b""


def bound_all(instances: Path) -> None:
    """Bound the logs of all instances in that directory, whether they are known or not."""
    for path in instances.glob(f"*/{domain.CONSOLE_LOG}"):
        bound(path)


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
