"""An engine as tests use it: objects put, read and removed in a line each."""

import hashlib
import itertools
from collections.abc import Sequence
from concurrent import futures
from pathlib import Path

from mallee.walrus.pages import Listed, Question
from mallee.walrus.records import NULL, Blob, Version
from mallee.walrus.seam import Engine, Tx

BUCKET = 1

_ids = itertools.count(1)


def begin_put(
    engine: Engine, key: bytes, data: bytes, *, bucket: int = BUCKET, id: str = NULL
) -> "futures.Future[Version]":
    """Store an object; its future says that it is durable."""
    receiver = engine.receive()
    try:
        for start in range(0, len(data), 100_000):
            receiver.write(data[start : start + 100_000])
        content = receiver.finish()
    finally:
        receiver.abandon()

    def work(tx: Tx, blobs: Sequence[Blob]) -> Version:
        version = Version(
            id=id,
            modified_ms=tx.now_ms,
            size=len(data),
            etag=hashlib.md5(data).hexdigest(),
            parts=tuple(tx.keep(blob) for blob in blobs),
        )
        tx.add(bucket, key, version)
        return version

    return engine.commit(work, [content])


def put(
    engine: Engine, key: bytes, data: bytes, *, bucket: int = BUCKET, id: str = NULL
) -> Version:
    """Store an object, durably."""
    return begin_put(engine, key, data, bucket=bucket, id=id).result()


def put_version(engine: Engine, key: bytes, data: bytes) -> Version:
    """Store another version of an object."""
    return put(engine, key, data, id=f"v{next(_ids):08}")


def put_marker(engine: Engine, key: bytes) -> Version:
    """Say that an object is deleted, and keep its versions."""
    marker = Version(id=f"m{next(_ids):08}", is_marker=True, modified_ms=0)
    engine.commit(lambda tx, _: tx.add(BUCKET, key, marker)).result()
    return marker


def remove(engine: Engine, key: bytes, id: str = NULL) -> Version | None:
    """Remove a version for good."""
    return engine.commit(lambda tx, _: tx.remove(BUCKET, key, id)).result()


def get(engine: Engine, key: bytes, id: str | None = None) -> bytes | None:
    """Return an object's bytes, verified; None when there is no such object."""
    look = engine.reader
    version = look.current(BUCKET, key) if id is None else look.version(BUCKET, key, id)
    if version is None or version.is_marker:
        return None
    return read(engine, version, 0, version.size)


def read(engine: Engine, version: Version, start: int, end: int) -> bytes:
    """Return a version's bytes from `start` up to `end`."""
    return engine.reader.read(version.parts, start, end)


def files_of(root: Path) -> list[Path]:
    """Return the files of large blobs."""
    return list(root.rglob("files/*/*"))


def list_versions(engine: Engine) -> list[tuple[bytes, Listed]]:
    """Return all versions of all keys, in order."""
    page = engine.reader.list_versions(BUCKET, Question(limit=1 << 30))
    return [(key, listed) for key, listed in page.entries if listed is not None]
