"""Packs: files in which many small blobs lie one after the other, synced together.

Each blob has a head that tells its id and checksum to whoever must look without an index.
A pack has one writer, is only ever appended to, and is sealed when it is full or its writer gone;
after that it is read, and removed once nobody refers to anything in it. Called by `committer`. Not
its business: which blobs still matter (`garbage`).
"""

import os
import struct
from collections.abc import Sequence
from contextlib import ExitStack

from awscrt import checksums

from mallee.walrus.contents import Means
from mallee.walrus.records import Blob, Content

PACK_MAX = 64 << 20
"""Bytes at which a pack is sealed."""

_HEAD = struct.Struct(">4sQIQI")
"""Magic, blob id, size, CRC64NVME of the bytes, CRC32C of the head before it."""
HEAD_BYTES = _HEAD.size
_MAGIC = b"MLP1"


class PackWriter:
    """Appends to this process's pack. Used by one thread."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._descriptor: int | None = None
        self.id = 0
        self.size = 0

    @property
    def is_full(self) -> bool:
        """Whether the next batch wants a pack of its own."""
        return self.size >= PACK_MAX

    def append(self, contents: Sequence[Content]) -> list[Blob]:
        """Write small contents one after the other and make them durable; raise `NoSpace`.

        What a failed write has left behind in the pack is nobody's, and is overwritten by the next.
        """
        if self._descriptor is None:
            self._begin()
        assert self._descriptor is not None
        pieces: list[bytes] = []
        blobs: list[Blob] = []
        offset = self.size
        for content in contents:
            assert content.data is not None
            pieces += (_head(content), content.data)
            offset += _HEAD.size
            blobs.append(Blob(content.id, content.size, content.crc, self.id, offset))
            offset += content.size
        self._means.disk.write(self._descriptor, (b"".join(pieces),), self.size)
        self._means.disk.sync(self._descriptor)
        self.size = offset
        return blobs

    def close(self) -> None:
        """Append no more to this pack."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor, self.id, self.size = None, 0, 0

    def _begin(self) -> None:
        id, disk = self._means.names.next(), self._means.disk
        path = self._means.places.pack(id)
        with ExitStack() as undo:
            descriptor = disk.create(path)
            # A pack whose name may be lost is none.
            undo.callback(disk.unlink, path)
            undo.callback(os.close, descriptor)
            disk.sync_directory(path.parent)
            undo.pop_all()
        self._descriptor, self.id, self.size = descriptor, id, 0


def _head(content: Content) -> bytes:
    head = _HEAD.pack(_MAGIC, content.id, content.size, content.crc, 0)[:-4]
    return head + checksums.crc32c(head).to_bytes(4, "big")
