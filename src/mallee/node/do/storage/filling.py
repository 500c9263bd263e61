"""Fills a volume that no guest has with all that it lies on, until it lies on nothing.

`qemu-io` reads with copy-on-read, so what is read is in the face from then on, and what it has
already stays. Whoever is killed meanwhile leaves a face that lies on what it lay on, with more of
it; so what cannot be read now hinders nothing else. A running guest's volume is filled by its
hypervisor (`do.livedisks`).
"""

import asyncio
import itertools
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from mallee.kit import process
from mallee.model.storage.datakeys import OpenedKey
from mallee.node.do.storage import disks, layers

BATCH_S = 600.0
"""So long may a program take that fills a batch: the object store may be away for a while."""
_BATCH_BYTES = 64 << 20
_CLUSTER_BYTES = 128 << 10
_STEPS_BYTES = (1 << 20, _CLUSTER_BYTES)
"""What cannot be read at once is read in pieces."""

Stretch = tuple[int, int]
"""Offset and length."""


class Unfilled(OSError):
    """Some of what a volume lies on cannot be read now."""


async def fill(path: Path, mib_per_s: int, key: OpenedKey | None = None) -> None:
    """Fill a face, and have it lie on nothing. Raises `Unfilled`, `OSError`, `process.TimedOut`.

    Cancelled, it goes on another time where it was.
    """
    for step_bytes in _STEPS_BYTES:
        for batch in batches(await asyncio.to_thread(missing, path, key), step_bytes):
            began_at = time.monotonic()
            try:
                await process.run_async(*_command(path, batch, key), user=disks.QEMU_USER)
            except process.Failed:
                # Others are filled all the same; what is left is seen in the end.
                await asyncio.sleep(0)
            took_s = time.monotonic() - began_at
            await asyncio.sleep(max(0.0, _length(batch) / (mib_per_s << 20) - took_s))
    await asyncio.to_thread(_finish, path, key)


def fill_now(path: Path, key: OpenedKey | None = None) -> None:
    """Do the same at once; blocks. Raises `process.Failed` too."""
    for batch in batches(missing(path, key), _STEPS_BYTES[0]):
        process.run(*_command(path, batch, key), user=disks.QEMU_USER)
    _finish(path, key)


def missing(path: Path, key: OpenedKey | None = None) -> list[Stretch]:
    """Return what a face does not have itself, of what is no hole; raises `process.Failed`."""
    how = layers.opening(path, key)
    argv = ("qemu-img", "map", "--output=json", "-U", *how.words, how.file)
    told = process.run(argv, how.stdin, timeout_s=layers.MERGE_S, user=disks.QEMU_USER).text
    return [
        (extent["start"], extent["length"])
        for extent in json.loads(told)
        if extent["depth"] > 0 and extent.get("present", True) and not extent["zero"]
    ]


def batches(stretches: Iterable[Stretch], step_bytes: int) -> Iterator[tuple[Stretch, ...]]:
    """Yield stretches in steps, as many together as are done by one program.

    They are whole clusters: QEMU 7.2 ends by an assertion of its own when it copies on reading
    behind the beginning of a cluster of which it has a part.
    """
    steps = (
        (at, min(step_bytes, end - at))
        for offset, end in _whole_clusters(stretches)
        for at in range(offset, end, step_bytes)
    )
    while batch := tuple(itertools.islice(steps, _BATCH_BYTES // step_bytes)):
        yield batch


def _whole_clusters(stretches: Iterable[Stretch]) -> Iterator[tuple[int, int]]:
    """Yield where the clusters begin and end of which stretches are parts, in order, once each."""
    done = 0
    for offset, length in stretches:
        begin = max(done, offset // _CLUSTER_BYTES * _CLUSTER_BYTES)
        done = -(-(offset + length) // _CLUSTER_BYTES) * _CLUSTER_BYTES
        if begin < done:
            yield begin, done


def _command(
    path: Path, batch: tuple[Stretch, ...], key: OpenedKey | None
) -> tuple[tuple[str, ...], bytes, float]:
    how = layers.opening(path, key)
    reads = itertools.chain.from_iterable(("-c", f"read -q {at} {n}") for at, n in batch)
    return ("qemu-io", "-C", *how.words, *reads, "-c", "flush", how.file), how.stdin, BATCH_S


def _length(batch: tuple[Stretch, ...]) -> int:
    return sum(length for _, length in batch)


def _finish(path: Path, key: OpenedKey | None) -> None:
    """Have a face lie on nothing that has all it needs."""
    if left := missing(path, key):
        offset, length = left[0]
        raise Unfilled(f"{len(left)} stretches cannot be read, first {length} bytes at {offset}")
    how = layers.opening_alone(path, key)
    argv = ("qemu-img", "rebase", "-q", "-u", "-b", "", *how.words, how.file)
    process.run(argv, how.stdin, timeout_s=layers.MERGE_S, user=disks.QEMU_USER)
