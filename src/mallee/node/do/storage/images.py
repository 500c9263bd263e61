"""The host's image cache: blobs by content, fetched once from the cloud and verified.

A blob is in the cache whole and verified, or not at all: it grows as `SHA256.part`, which a fetch
that was broken off is resumed from. Several instances that need a blob at once share one fetch.
A disk in qcow2 may name further files that QEMU would open for it, of the host or of another
guest: one that does is no image, whatever its hash.
Not its business: which blobs are needed, and giving up (the reconciler counts tries).
"""

import asyncio
import errno
import hashlib
import os
import struct
from collections.abc import AsyncIterator, Callable
from io import BufferedWriter
from pathlib import Path
from typing import Protocol

from mallee.kit import files, logs
from mallee.model.images.images import Blob
from mallee.model.layout import Layout
from mallee.node.do.storage import disks

CHUNK_BYTES = 1 << 20
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What a file system says that has no room."""
ROOM_TO_SPARE_BYTES = 256 << 20

QCOW2_MAGIC = b"QFI\xfb"
_QCOW2_HEAD = struct.Struct(">4sIQ")
"""Magic, version, and where the name of the backing file is: 0 when there is none."""
_QCOW2_FEATURES_AT = 72
_QCOW2_DATA_ELSEWHERE = 1 << 2
"""The feature of version 3 that keeps a disk's data in another file."""

log = logs.get(__name__)


class FetchFailed(Exception):
    """The blob could not be fetched, or was not what its name says."""


class SourceAway(FetchFailed):
    """The cloud does not answer, which says nothing of the blob: ask again when it is back."""


class BlobSource(Protocol):
    """Where blobs come from: the cloud."""

    def read_blob(self, sha256: str, offset: int) -> AsyncIterator[bytes]:
        """Return the blob's bytes from `offset` on; raises `FetchFailed`, `SourceAway`."""
        ...


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


class ImageCache:
    """The blobs under `layout.node_images`."""

    def __init__(
        self,
        layout: Layout,
        source: BlobSource,
        make_room: Callable[[int], None] = lambda needed_bytes: None,
    ) -> None:
        """`make_room` gives up what nobody needs, as far as so many bytes ask for it; it blocks."""
        self._directory = layout.node_images
        self._source = source
        self._make_room = make_room
        self._fetches: dict[str, asyncio.Task[None]] = {}

    async def ensure(self, blob: Blob) -> None:
        """Have the blob in the cache; raises `FetchFailed`, `disks.DiskFull`, `OSError`.

        When all who wait for a fetch are cancelled it goes on: what it brought is kept.
        """
        if (self._directory / blob.sha256).exists():
            return
        task = self._fetches.get(blob.sha256)
        if task is None:
            task = asyncio.create_task(self._fetch(blob), name=f"fetch {blob.sha256}")
            self._fetches[blob.sha256] = task
            task.add_done_callback(lambda done: self._finished(blob.sha256, done))
        await asyncio.shield(task)

    async def close(self) -> None:
        """Break off all fetches; what they brought is resumed from."""
        tasks = tuple(self._fetches.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finished(self, sha256: str, task: asyncio.Task[None]) -> None:
        self._fetches.pop(sha256, None)
        # Read here too, so that a failure nobody waits for any more is not a surprise.
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("fetch failed", sha256=sha256, error=str(error))

    async def _fetch(self, blob: Blob) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o711)
        part = self._directory / f"{blob.sha256}.part"
        digest, offset = await asyncio.to_thread(_resume, part)
        await asyncio.to_thread(self._make_room, blob.size_bytes - offset)
        disks.check_room(self._directory, blob.size_bytes - offset + ROOM_TO_SPARE_BYTES)
        log.info("fetching", sha256=blob.sha256, offset=offset, size_bytes=blob.size_bytes)
        try:
            offset = await self._receive(blob, part, digest, offset)
        except OSError as error:
            if error.errno in FULL:
                # Half an image is no use on a full disk.
                part.unlink(missing_ok=True)
            raise
        if offset > blob.size_bytes or digest.hexdigest() != blob.sha256:
            part.unlink()
            raise FetchFailed(
                f"the blob {blob.sha256} of {blob.size_bytes} bytes came as {offset} bytes with "
                f"the hash {digest.hexdigest()}; it was thrown away"
            )
        if blob.format == "qcow2" and not await asyncio.to_thread(stands_alone, part):
            part.unlink()
            raise FetchFailed(
                f"the blob {blob.sha256} is no disk in qcow2, or one that keeps its content in "
                "another file; make it whole: qemu-img convert -O qcow2"
            )
        os.chmod(part, files.READABLE)
        os.rename(part, self._directory / blob.sha256)

    async def _receive(self, blob: Blob, part: Path, digest: _Digest, offset: int) -> int:
        """Append what comes, to the end or one chunk beyond it; return how long `part` is."""
        with part.open("ab") as file:
            async for chunk in self._source.read_blob(blob.sha256, offset):
                await asyncio.to_thread(_take, chunk, file, digest)
                offset += len(chunk)
                if offset > blob.size_bytes:
                    break
            await asyncio.to_thread(os.fsync, file.fileno())
        return offset


def stands_alone(disk: Path) -> bool:
    """Tell whether the file is a disk in qcow2 that names no other file."""
    with disk.open("rb") as file:
        head = file.read(_QCOW2_FEATURES_AT + 8)
    if len(head) < _QCOW2_FEATURES_AT:
        return False
    magic, version, backing_at = _QCOW2_HEAD.unpack_from(head)
    if magic != QCOW2_MAGIC or version not in (2, 3) or backing_at != 0:
        return False
    features = int.from_bytes(head[_QCOW2_FEATURES_AT:], "big") if version == 3 else 0
    return not features & _QCOW2_DATA_ELSEWHERE


def _resume(part: Path) -> tuple[_Digest, int]:
    """Digest what an earlier fetch brought; return the digest so far, and how long that is."""
    digest = hashlib.sha256()
    try:
        with part.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
            return digest, file.tell()
    except FileNotFoundError:
        return digest, 0


def _take(chunk: bytes, file: BufferedWriter, digest: _Digest) -> None:
    file.write(chunk)
    digest.update(chunk)
