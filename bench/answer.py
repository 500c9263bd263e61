"""How long RunInstances takes to answer, against the emptiest request of the same server: `GET /`.

The cloud is idle: each instance is gone, and what that took is done, before the next is asked for.
Only the answer counts; that the host then does its work is measured by `launch`. A launch is kept
before it is answered, so on a disk that others keep busy the ratio says more about the disk.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import cloud, report, sealed

PINGS = 50
FLUSHES = 5


def measure(runs: int) -> list[report.Finding]:
    """Ask both kinds of request in turns."""
    ours: list[float] = []
    theirs: list[float] = []
    flushes: list[float] = []
    with cloud.running() as running:
        for _ in range(runs + 1):
            running.wait_idle()
            theirs += [_took_ms(running.client.get_root) for _ in range(PINGS)]
            flushes += _flush_ms(running.layout.root, FLUSHES)
            wish = running.sign_launch()
            began = time.monotonic()
            answer = running.client.send(wish)
            ours.append((time.monotonic() - began) * 1000)
            running.end(cloud.id_in(answer))
    return [
        report.Finding(
            promise="RunInstances answers, against GET /",
            unit="ms",
            ours=tuple(ours[1:]),
            theirs=tuple(theirs[PINGS:]),
            bar_ratio_max=30,
        ),
        report.Finding(
            promise="for comparison: one flush of this disk (the answer waits for one)",
            unit="ms",
            ours=tuple(flushes[FLUSHES:]),
        ),
    ]


def _flush_ms(folder: Path, count: int) -> list[float]:
    """How long the disk under the cloud's root takes to keep a few bytes for good."""
    with tempfile.TemporaryFile(dir=folder) as file:
        took: list[float] = []
        for _ in range(count):
            file.write(b"x" * 4096)
            file.flush()
            took.append(_took_ms(lambda: os.fdatasync(file.fileno())))
        return took


def _took_ms(do: Callable[[], object]) -> float:
    began = time.monotonic()
    do()
    return (time.monotonic() - began) * 1000


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
