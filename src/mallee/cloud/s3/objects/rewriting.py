"""Stored bytes read once more: hashed, or written anew under another key.

For copies, which need an ETag and checksums of their own where their source came in parts or has
others. Called by `copying`. Not its business: which bytes, and what they become.
"""

import hashlib
from collections.abc import Callable, Iterator

from mallee.aws import errors
from mallee.cloud.s3.exchange import ObjectCall, T, Taken
from mallee.cloud.s3.objects import objects, wholes
from mallee.cloud.s3.sealing import frames
from mallee.walrus.errors import Corrupt, NoSpace
from mallee.walrus.records import Content
from mallee.walrus.seam import Engine


def check_size(size: int) -> None:
    """Raise when it is more than S3 copies in one request."""
    if size > objects.SIZE_MAX:
        raise errors.s3.InvalidRequest(
            "The specified copy source is larger than the maximum allowable size for a copy "
            f"source: {objects.SIZE_MAX}"
        )


async def hashed(call: ObjectCall, pieces: Iterator[bytes], size: int, algorithm: str) -> Taken:
    """Read bytes and tell what they are; nothing is written. Raises `Gone`."""
    return await _in_thread(call, lambda: _hash(pieces, size, algorithm, lambda _: None))


async def rewritten(
    call: ObjectCall, pieces: Iterator[bytes], size: int, sealed: tuple[str, frames.Key | None]
) -> tuple[Content, Taken]:
    """Write verified bytes anew: with a checksum of their own, and sealed by a key of their own."""
    return await _in_thread(call, lambda: _rewrite(call.engine, pieces, size, sealed))


async def _in_thread(call: ObjectCall, work: Callable[[], T]) -> T:
    try:
        return await call.in_thread(work)
    except NoSpace as error:
        raise errors.s3.InsufficientStorage() from error
    except Corrupt as error:
        raise errors.s3.InternalError() from error


def _rewrite(
    engine: Engine, pieces: Iterator[bytes], size: int, sealed: tuple[str, frames.Key | None]
) -> tuple[Content, Taken]:
    """Do it; blocks for as long as that takes."""
    algorithm, key = sealed
    engine.check_room(size)
    name = algorithm or (wholes.OWN.value if key else "")
    receiver = engine.receive()
    try:
        sealer = frames.Sealer(key, receiver) if key else None
        taken = _hash(pieces, size, name, (sealer or receiver).write)
        if sealer is not None:
            sealer.finish()
        content = receiver.finish()
    finally:
        receiver.abandon()
    return content, taken


def _hash(
    pieces: Iterator[bytes], size: int, algorithm: str, write: Callable[[bytes], None]
) -> Taken:
    md5 = hashlib.md5(usedforsecurity=False)
    other = wholes.hasher(algorithm)
    for data in pieces:
        md5.update(data)
        if other is not None:
            other.update(data)
        write(data)
    checksums = {algorithm: other.digest()} if other is not None else {}
    return Taken(size=size, md5=md5.digest(), checksums=checksums)
