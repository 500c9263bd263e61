"""Restores images: an object that holds a stored image becomes contents in the object store.

Called by `transfers` for one transfer at a time. The object may be anybody's making: it is checked
whole before anything of it is brought, and each block again when it is read (`storedimages`). What
the image is, is told to the cloud as it stands there.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Iterator
from typing import BinaryIO

from msgspec.structs import replace

from mallee.model.images import storedimages
from mallee.model.images.storedimages import NotAnImage, Stored, StoredDisk
from mallee.model.storage import partitions
from mallee.model.storage.blockobjects import PLAIN
from mallee.model.storage.blocktrees import BLOCK_BYTES
from mallee.model.storage.passes import PassRequest
from mallee.model.storage.sealedblocks import Sealed
from mallee.model.storage.snapshots import Content
from mallee.model.storage.transfers import WORDS_MAX, DiskSeen, TransferWanted
from mallee.node.do.storage import blockuploads, disks
from mallee.node.do.storage.blockstore import Blockstore
from mallee.node.do.storage.sandbox import Refused
from mallee.node.transfers.importing import DATA_FREE_BYTES, DATA_RATIO_MAX, Brought, Means, Tell

_FETCHED_PERCENT, _CHECKED_PERCENT = 45, 50
_ZEROS = bytes(BLOCK_BYTES)


async def restore_image(means: Means, wanted: TransferWanted, tell: Tell) -> Brought:
    """Bring the disks of a stored image in. Raises as `importing.bring_disks` does."""
    (asked,) = wanted.disks
    assert asked.object is not None
    access = means.access(PassRequest(account=wanted.account, writes_for=wanted.id))
    brought = Brought(epoch=(await asyncio.to_thread(access)).given.epoch)
    store = Blockstore(access, PLAIN if means.key is None else Sealed(means.key.secret))
    try:
        brought.disks = await asyncio.to_thread(_restore, means, (wanted, store), tell)
    except NotAnImage as error:
        raise Refused(f"The object is no stored image, or a damaged one: {error}.") from error
    finally:
        store.close()
        await asyncio.to_thread(means.work.remove)
    if (await asyncio.to_thread(access)).given.epoch != brought.epoch:
        # What was there when it was looked for may have been swept since.
        return await restore_image(means, wanted, tell)
    return brought


def _restore(means: Means, to: tuple[TransferWanted, Blockstore], tell: Tell) -> list[DiskSeen]:
    wanted, store = to
    size = _fetch(means, wanted, tell)
    with means.work.source.open("rb") as file:

        def look(done: int) -> None:
            means.check()
            share = (_CHECKED_PERCENT - _FETCHED_PERCENT) * done // max(1, size)
            tell(0, DiskSeen(words="validating", percent=_FETCHED_PERCENT + share))

        stored = storedimages.read(file, look)
        return list(_bring(means, (wanted.account, store), (file, size, stored), tell))


def _fetch(means: Means, wanted: TransferWanted, tell: Tell) -> int:
    """Fetch the object; return its size."""
    place = wanted.disks[0].object
    assert place is not None
    size = means.objects.size_of(place)
    means.work.make()
    disks.check_room(means.work.directory, size + disks.FREE_MIN_BYTES)

    def told(done: int) -> None:
        means.check()
        if done > size:
            raise Refused("The object was exchanged for a larger one while it was read.")
        tell(0, DiskSeen(words="downloading", percent=_FETCHED_PERCENT * done // max(1, size)))

    with means.work.source.open("wb") as file:
        means.objects.fetch(place, file, told)
    return size


def _bring(
    means: Means, to: tuple[str, Blockstore], what: tuple[BinaryIO, int, Stored], tell: Tell
) -> Iterator[DiskSeen]:
    (account, store), (file, size, stored) = to, what
    for number, disk in enumerate(stored.disks):
        shown = Shown(file, size, disk)
        seen = DiskSeen(format="image", file_bytes=size, size_bytes=disk.size_bytes)
        if number == 0:
            told = storedimages.told_header(stored.raw_header, WORDS_MAX)
            seen = replace(seen, told=told, found=partitions.find(shown.read, disk.size_bytes))

        last = [blockuploads.Progress()]

        def hear(
            progress: blockuploads.Progress,
            number: int = number,
            seen: DiskSeen = seen,
            last: list[blockuploads.Progress] = last,
        ) -> None:
            means.check()
            last[0] = progress
            share = (99 - _CHECKED_PERCENT) * progress.done_bytes // max(1, progress.total_bytes)
            tell(number, replace(seen, words="restoring", percent=_CHECKED_PERCENT + share))

        root = blockuploads.upload(blockuploads.Means(store, hear), shown, None, None)
        content = Content(
            account=account,
            root=root.hex(),
            size_bytes=disk.size_bytes,
            full_bytes=last[0].more_blocks * BLOCK_BYTES,
            key_id=means.key.id if means.key is not None else "",
        )
        yield replace(seen, percent=100, content=content)


class Shown:
    """A disk in a stored image, as an upload reads it."""

    def __init__(self, file: BinaryIO, file_bytes: int, disk: StoredDisk) -> None:
        self._file = file
        self._disk = disk
        self.size_bytes = disk.size_bytes
        if len(disk.indexes) * BLOCK_BYTES > DATA_FREE_BYTES + DATA_RATIO_MAX * file_bytes:
            raise Refused(
                f"The object says that it holds more than {DATA_RATIO_MAX} times its bytes: that "
                "is not believed."
            )

    def stretches(self) -> Iterator[tuple[int, int]]:
        """Yield where something is written."""
        for index in self._disk.indexes:
            yield index * BLOCK_BYTES, BLOCK_BYTES

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the disk, verified. Raises `NotAnImage`."""
        first, end = offset // BLOCK_BYTES, -(-(offset + length) // BLOCK_BYTES)
        data = b"".join(self._block(index) for index in range(first, end))
        begin = offset - first * BLOCK_BYTES
        return data[begin : begin + length]

    def _block(self, index: int) -> bytes:
        at = bisect_left(self._disk.indexes, index)
        if at == len(self._disk.indexes) or self._disk.indexes[at] != index:
            return _ZEROS
        return storedimages.read_block(self._file, self._disk.places[at])
