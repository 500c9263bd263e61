"""Blocks, pages and roots in the engine, put and got by name.

The same objects that hosts put and get through S3 (`node.do.blockstore`), without S3 between: this
process has the engine itself. Nothing is put a second time that is there. Everything here blocks.
Not its business: what is in an object (`model.blockobjects`), and whose turn it is
(`blocks.turns`).
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures

from mallee.cloud.blocks import shelf
from mallee.cloud.s3.objects import about
from mallee.model import blockobjects
from mallee.model.accounts import SYSTEM
from mallee.walrus.records import NULL, Blob, Content, Version
from mallee.walrus.seam import Engine, Reader, Tx

_ABOUT = about.encode(about.About(owner=SYSTEM.id))


class Missing(Exception):
    """There is no object of that name."""


def get(reader: Reader, account: str, name: bytes) -> bytes:
    """Return the bytes of an object; raise `Missing`, `Corrupt` or `Gone`."""
    found = reader.current(shelf.NUMBER, blockobjects.key_of(account, name).encode())
    if found is None or found.is_marker:
        raise Missing(name.hex())
    return reader.read(found.parts, 0, found.size)


def has(reader: Reader, account: str, name: bytes) -> bool:
    """Tell whether there is an object of that name."""
    found = reader.current(shelf.NUMBER, blockobjects.key_of(account, name).encode())
    return found is not None and not found.is_marker


def put(
    engine: Engine,
    account: str,
    objects: Mapping[bytes, bytes],
    also: Callable[[Tx], None] = lambda _: None,
) -> "futures.Future[None]":
    """Put what is not there yet, and do something else in the same transaction.

    Raises `NoSpace`, and so may the future.
    """
    keys = [blockobjects.key_of(account, name).encode() for name in objects]
    versions = [_version(data) for data in objects.values()]
    contents = _received(engine, tuple(objects.values()))

    def work(tx: Tx, blobs: Sequence[Blob]) -> None:
        for key, version, blob in zip(keys, versions, blobs, strict=True):
            if tx.current(shelf.NUMBER, key) is None:
                tx.add(shelf.NUMBER, key, version(tx, blob))
        also(tx)

    return engine.commit(work, contents)


def put_missing(engine: Engine, account: str, objects: Mapping[bytes, bytes]) -> None:
    """Put what is not there yet, and wait until it is durable; what is there costs a look.

    Raises `NoSpace`.
    """
    missing = {
        name: data for name, data in objects.items() if not has(engine.reader, account, name)
    }
    if missing:
        put(engine, account, missing).result()


def _version(data: bytes) -> Callable[[Tx, Blob], Version]:
    etag = hashlib.md5(data, usedforsecurity=False).hexdigest()

    def make(tx: Tx, blob: Blob) -> Version:
        return Version(
            id=NULL,
            modified_ms=tx.now_ms,
            size=len(data),
            etag=etag,
            parts=(tx.keep(blob),),
            about=_ABOUT,
        )

    return make


def _received(engine: Engine, pieces: Sequence[bytes]) -> list[Content]:
    engine.check_room(sum(map(len, pieces)))
    contents: list[Content] = []
    for data in pieces:
        receiver = engine.receive()
        try:
            receiver.write(data)
            contents.append(receiver.finish())
        finally:
            receiver.abandon()
    return contents
