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
from mallee.model.identity.accounts import SYSTEM
from mallee.model.storage import blockobjects
from mallee.model.storage.sealedblocks import SEALED
from mallee.walrus.records import NULL, Blob, Content, Version
from mallee.walrus.seam import Engine, Reader, Tx

_ABOUT = about.encode(about.About(owner=SYSTEM.id))
_SEALED_ABOUT = about.encode(
    about.About(owner=SYSTEM.id, headers={"ContentType": "application/x-mallee-sealed"})
)
"""Of what nobody here can tell whether it is what its name promises."""


class Missing(Exception):
    """There is no object of that name."""


def get(reader: Reader, account: str, name: bytes) -> bytes:
    """Return the bytes of an object; raise `Missing`, `Corrupt` or `Gone`."""
    found = _current(reader, account, name)
    if found is None or found.is_marker:
        raise Missing(name.hex())
    return reader.read(found.parts, 0, found.size)


def about_of(data: bytes) -> bytes:
    """Return what is kept beside an object's bytes."""
    return _SEALED_ABOUT if data[:1] == SEALED else _ABOUT


def counts(there: Version | None, data: bytes) -> bool:
    """Tell whether what is there stands for data of the same name: a sealed object does not for
    bytes that were found to be those of the name. Without data: whether it does for any."""
    if there is None or there.is_marker:
        return False
    return there.about != _SEALED_ABOUT or data[:1] == SEALED


def has(reader: Reader, account: str, name: bytes) -> bool:
    """Tell whether there is an object of that name."""
    found = _current(reader, account, name)
    return found is not None and not found.is_marker


def _current(reader: Reader, account: str, name: bytes) -> Version | None:
    return reader.current(shelf.NUMBER, blockobjects.key_of(account, name).encode())


def put(
    engine: Engine,
    account: str,
    objects: Mapping[bytes, bytes],
    also: Callable[[Tx], None] = lambda _: None,
) -> "futures.Future[None]":
    """Put what is not there yet, and do something else in the same transaction.

    Raises `NoSpace`, and so may the future.
    """
    pieces = tuple(objects.values())
    keys = [blockobjects.key_of(account, name).encode() for name in objects]
    versions = [_version(data) for data in pieces]
    contents = _received(engine, pieces)

    def work(tx: Tx, blobs: Sequence[Blob]) -> None:
        for key, data, version, blob in zip(keys, pieces, versions, blobs, strict=True):
            if not counts(tx.current(shelf.NUMBER, key), data):
                tx.add(shelf.NUMBER, key, version(tx, blob))
        also(tx)

    return engine.commit(work, contents)


def put_missing(engine: Engine, account: str, objects: Mapping[bytes, bytes]) -> None:
    """Put what is not there yet, and wait until it is durable; what is there costs a look.

    Raises `NoSpace`.
    """
    missing = {
        name: data
        for name, data in objects.items()
        if not counts(_current(engine.reader, account, name), data)
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
            about=about_of(data),
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
