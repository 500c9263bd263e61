"""Puts into the bucket of blocks: nothing is kept under a name that it does not have.

Hosts put blocks that are not there yet (`hosts.passes`), and whoever finds one there counts on it:
a host that put rubbish under a name first would spoil other hosts' snapshots of the account. So
what comes is unpacked, and is refused unless its name is that of its bytes. Of a sealed block
nobody here can tell that. It is marked as such, and what is found to be the bytes of its name takes
its place, so that it stands in nobody's way but that of who has its very data key. Called by
`objects`.
"""

import re
from collections.abc import Sequence

from mallee.aws import errors
from mallee.cloud.blocks import stored
from mallee.cloud.s3.exchange import Answer, ObjectCall
from mallee.cloud.s3.objects import versions
from mallee.cloud.s3.objects.versions import Place
from mallee.model.storage import blockobjects
from mallee.model.storage.blockobjects import OBJECT_MAX_BYTES, PLAIN
from mallee.model.storage.sealedblocks import SEALED, SEALED_MAX_BYTES, SEALED_MIN_BYTES
from mallee.walrus.errors import NoSpace
from mallee.walrus.records import NULL, Blob, Version
from mallee.walrus.seam import Receiver, Tx

_KEY = re.compile(rb"[0-9]{12}/([0-9a-f]{2})/(\1[0-9a-f]{62})")


async def put(call: ObjectCall, where: Place) -> Answer:
    """Keep an object, if nothing is there that counts as it."""
    found = _KEY.fullmatch(where.key)
    if found is None:
        raise errors.s3.InvalidRequest("Blocks are called by the names of their bytes.")
    name = bytes.fromhex(found[2].decode())
    there = call.look(lambda: call.engine.reader.current(where.number, where.key))
    if stored.counts(there, b""):
        raise errors.s3.PreconditionFailed(condition="If-None-Match")
    size = call.body.size or 0
    if size > OBJECT_MAX_BYTES:
        raise errors.s3.EntityTooLarge(size=size, most=OBJECT_MAX_BYTES)
    receiver = call.engine.receive()
    try:
        call.engine.check_room(size)
        both = _Both(receiver)
        taken = await call.body.take(both)
        data = bytes(both.data)
        await call.in_thread(lambda: _check(name, data))
        content = receiver.finish()
    except NoSpace as error:
        raise errors.s3.InsufficientStorage() from error
    finally:
        receiver.abandon()

    def work(tx: Tx, blobs: Sequence[Blob]) -> Version:
        if stored.counts(tx.current(where.number, where.key), data):
            raise errors.s3.PreconditionFailed(condition="If-None-Match")
        version = Version(
            id=NULL,
            modified_ms=tx.now_ms,
            size=taken.size,
            etag=taken.md5.hex(),
            parts=tuple(tx.keep(blob) for blob in blobs if blob.size),
            about=stored.about_of(data),
        )
        versions.add(tx, where, version)
        return version

    version = await versions.commit(call, work, [content])
    return Answer(result={"ETag": f'"{version.etag}"'})


def _check(name: bytes, data: bytes) -> None:
    """Raise unless bytes may be kept under a name."""
    if data[:1] == SEALED:
        if not SEALED_MIN_BYTES <= len(data) <= SEALED_MAX_BYTES:
            raise errors.s3.BadDigest("No sealed block has so many bytes.")
        return
    try:
        PLAIN.decode(name, data)
    except blockobjects.NotATree as error:
        raise errors.s3.BadDigest(f"These are not the bytes of that name: {error}") from error


class _Both:
    """Gives bytes to a receiver, and keeps them to be looked at."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self.data = bytearray()

    def write(self, data: bytes | memoryview) -> None:
        """Take some bytes. Raises `NoSpace`."""
        if len(self.data) + len(data) > OBJECT_MAX_BYTES:
            raise errors.s3.EntityTooLarge(size=len(self.data), most=OBJECT_MAX_BYTES)
        self.data += data
        self._receiver.write(data)
