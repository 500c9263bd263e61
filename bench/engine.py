"""The engine of objects alone, without HTTP: what its promises leave for the protocol.

Sixteen threads put objects of 4 KiB, each waiting until its own is durable, against a file of its
own per object with a sync each; one puts 64 MiB, against a program that writes and syncs the same
bytes; and what many deletes cost whoever puts meanwhile. `theirs` is what the promise names.
"""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent import futures
from pathlib import Path

from bench import objects, report
from mallee.walrus.engine import Engine
from mallee.walrus.records import Blob, Version
from mallee.walrus.tx import Tx

THREADS = 16
SMALL = 4096
PUTS = 400
"""Each thread's."""
ABOUT = os.urandom(180)
"""As much as S3 keeps with an object that has a few headers."""


def measure(runs: int) -> list[report.Finding]:
    """Measure everything on one store."""
    with tempfile.TemporaryDirectory(prefix="m-", dir="/var/tmp") as folder:
        root = Path(folder)
        engine = Engine(root / "store")
        try:
            return [_small(engine, root, runs), _large(engine, root, runs)]
        finally:
            engine.close()


def _small(engine: Engine, root: Path, runs: int) -> report.Finding:
    body = os.urandom(SMALL)
    plain = root / "plain"
    plain.mkdir()

    def put(run: int) -> float:
        return rate(lambda client, n: put_object(engine, b"%d/%d/%d" % (run, client, n), body))

    def write(run: int) -> float:
        return rate(lambda client, n: objects.write_file(plain / f"{run}-{client}-{n}", body))

    ours, theirs = objects.in_turns(runs, put, write)
    return report.Finding(
        promise="PUT 4 KiB, 16 threads, the engine alone, against a synced file each",
        unit="objects/s",
        ours=tuple(ours),
        theirs=tuple(theirs),
        bar_ratio_min=0.5,
    )


def _large(engine: Engine, root: Path, runs: int) -> report.Finding:
    data = memoryview(os.urandom(objects.LARGE))
    chunk = objects.CHUNK
    pieces = [data[start : start + chunk] for start in range(0, objects.LARGE, chunk)]

    def put(run: int) -> float:
        began = time.perf_counter()
        receiver = engine.receive()
        for piece in pieces:
            receiver.write(piece)
        engine.commit(adding(b"large-%d" % run), [receiver.finish()]).result()
        return time.perf_counter() - began

    ours, theirs = objects.in_turns(runs, put, lambda _: objects.write_s(root / "raw", pieces))
    return report.Finding(
        promise="PUT 64 MiB, the engine alone, against the disk's own write and sync",
        unit="MiB/s",
        ours=objects.per_second(ours),
        theirs=objects.per_second(theirs),
        bar_ratio_min=1,
    )


def put_object(engine: Engine, key: bytes, body: bytes) -> None:
    """Put an object, durably."""
    receiver = engine.receive()
    receiver.write(body)
    engine.commit(adding(key), [receiver.finish()]).result()


def adding(key: bytes) -> Callable[[Tx, Sequence[Blob]], None]:
    """Return what makes contents the object of a key."""

    def add(tx: Tx, blobs: Sequence[Blob]) -> None:
        version = Version(
            id="null",
            modified_ms=tx.now_ms,
            size=sum(blob.size for blob in blobs),
            etag="0" * 32,
            parts=tuple(tx.keep(blob) for blob in blobs),
            about=ABOUT,
        )
        tx.add(1, key, version)

    return add


def rate(do: Callable[[int, int], None]) -> float:
    """Return how often a second 16 threads do it, each so many times."""
    gate = threading.Barrier(THREADS + 1)

    def run(client: int) -> None:
        gate.wait()
        for n in range(PUTS):
            do(client, n)

    with futures.ThreadPoolExecutor(THREADS) as threads:
        running = [threads.submit(run, client) for client in range(THREADS)]
        gate.wait()
        began = time.perf_counter()
        for one in running:
            one.result()
    return THREADS * PUTS / (time.perf_counter() - began)


if __name__ == "__main__":
    report.main(measure, __doc__)
