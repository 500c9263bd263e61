"""Brings disks in: a file is fetched, looked at where it can do no harm, its disks are uploaded.

Called by `transfers` for one transfer at a time, in the agent's loop; what blocks runs in threads.
The file is the only copy on the host, and goes when its disks are in the object store. Whatever is
wrong with it is told in words for its user (`sandbox.Refused`, `objects.ObjectRefused`).
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from mallee.kit.nbd import client, wire
from mallee.model.storage import blocktrees, partitions
from mallee.model.storage.blockobjects import PLAIN
from mallee.model.storage.datakeys import OpenedKey
from mallee.model.storage.passes import PassRequest
from mallee.model.storage.sealedblocks import Sealed
from mallee.model.storage.snapshots import Content
from mallee.model.storage.transfers import DiskIn, DiskSeen, TransferWanted
from mallee.node.do.storage import blockuploads, disks, sandbox
from mallee.node.do.storage.blockstore import Access, Blockstore
from mallee.node.do.storage.objects import Objects
from mallee.node.do.storage.sandbox import Work
from mallee.node.transfers import parts

GIB = 1 << 30
DATA_FREE_BYTES = 64 * GIB
DATA_RATIO_MAX = 200
"""A disk may hold so many times its file's bytes, and so many bytes besides: files that unpack to
more were made to."""
_FETCHED_PERCENT = 45
_LOOKED_PERCENT = 50
_PACKINGS = {".gz": "gz", ".xz": "xz"}
_MAGIC = {"gz": b"\x1f\x8b", "xz": b"\xfd7zXZ\x00"}
_BASE = "base:allocation"
_NO_DATA = 0b10
"""Of a stretch that reads as zeros."""

Tell = Callable[[int, DiskSeen], None]
"""Hears how far the disk of an index is; threads call it."""


class CalledOff(Exception):
    """Nobody wants it any more."""


@dataclass(frozen=True, slots=True)
class Means:
    """What bringing disks in takes."""

    work: Work
    objects: Objects
    access: Callable[[PassRequest], Callable[[], Access]]
    """Gives access to an account's blocks."""
    off: threading.Event
    """Set when nobody wants it any more."""
    key: OpenedKey | None = None
    """What disks are sealed with that come in; None: they are not."""

    def check(self) -> None:
        """Raise `CalledOff` when nobody wants it any more."""
        if self.off.is_set():
            raise CalledOff


@dataclass(slots=True)
class Brought:
    """What has come in."""

    disks: list[DiskSeen] = field(default_factory=list[DiskSeen])
    epoch: int = 0


async def bring_disks(means: Means, wanted: TransferWanted, tell: Tell) -> Brought:
    """Bring all disks of a transfer in.

    Raises `sandbox.Refused`, `objects.ObjectRefused`, `disks.DiskFull`, `CalledOff`, and what is to
    be tried again: `blockstore.StoreAway`, `objects.ObjectsAway`, `parts.NotYet`.
    """
    asked = PassRequest(account=wanted.account, writes_for=wanted.id)
    access = means.access(asked)
    store = Blockstore(access, PLAIN if means.key is None else Sealed(means.key.secret))
    brought = Brought(epoch=(await asyncio.to_thread(access)).given.epoch)
    try:
        for disk in wanted.disks:
            if disk.volume_gib:
                # All of all disks is there before anything of one is brought.
                await asyncio.to_thread(parts.look, means.objects, disk, means.check)
        for disk in wanted.disks:
            if disk.snapshot_id:
                brought.disks.append(DiskSeen(percent=100))
                continue
            await _bring_file(means, (wanted.account, store), disk, (brought, tell))
        if len(brought.disks) > len(wanted.disks) > 1:
            raise sandbox.Refused("An OVA archive holds all disks: name it alone.")
    finally:
        store.close()
        await asyncio.to_thread(means.work.remove)
    if (await asyncio.to_thread(access)).given.epoch != brought.epoch:
        # What was there when it was looked for may have been swept since.
        return await bring_disks(means, wanted, tell)
    return brought


async def _bring_file(
    means: Means, to: tuple[str, Blockstore], disk: DiskIn, told: tuple[Brought, Tell]
) -> None:
    brought, tell = told
    first = len(brought.disks)
    seen = DiskSeen(words="downloading")

    def hear_fetching(one: DiskSeen) -> None:
        means.check()
        tell(first, one)

    if disk.volume_gib:
        held = means.work, means.objects
        file_bytes, file = await parts.fetch(held, disk, hear_fetching, _FETCHED_PERCENT)
    else:
        file_bytes, file = await _fetch(means, disk, hear_fetching)
    seen = replace(seen, file_bytes=file_bytes, percent=_FETCHED_PERCENT, words="validating")
    tell(first, seen)
    format, found = await sandbox.look(means.work, file, disk.format)
    for index, one in enumerate(found):
        seen = DiskSeen(
            format=one.format if format == "ova" else format,
            file_bytes=one.size_bytes if format == "ova" else file_bytes,
            percent=_LOOKED_PERCENT,
            words="converting",
        )
        tell(first + index, seen)

        def hear(now: DiskSeen, at: int = first + index) -> None:
            tell(at, now)

        brought.disks.append(await _bring_disk(means, to, (one, seen), hear))
        hear(brought.disks[-1])


async def _fetch(means: Means, disk: DiskIn, tell: Callable[[DiskSeen], None]) -> tuple[int, Path]:
    """Fetch a file and take it out of its packing; return its size, and where it is."""
    assert disk.object is not None
    size = await asyncio.to_thread(means.objects.size_of, disk.object)
    await asyncio.to_thread(means.work.make)
    disks.check_room(means.work.directory, size + disks.FREE_MIN_BYTES)

    def told(done: int) -> None:
        if done > size:
            # There is room for what it was when it was looked at, and for no more.
            raise sandbox.Refused("The file was exchanged for a larger one while it was read.")
        percent = _FETCHED_PERCENT * done // max(1, size)
        tell(DiskSeen(file_bytes=size, percent=percent, words="downloading"))

    def fetch() -> None:
        assert disk.object is not None
        with means.work.source.open("wb") as file:
            means.objects.fetch(disk.object, file, told)
        sandbox.give(means.work.source)

    await asyncio.to_thread(fetch)
    packing = _PACKINGS.get(Path(disk.object.key).suffix.lower(), "")
    with means.work.source.open("rb") as file:
        is_packed = bool(packing) and file.read(6).startswith(_MAGIC[packing])
    if not is_packed:
        return size, means.work.source
    most = min(DATA_FREE_BYTES + DATA_RATIO_MAX * size, 1 << 44)
    unpacked = await sandbox.unpack(means.work, packing, most)
    means.work.source.unlink()
    return size, unpacked


async def _bring_disk(
    means: Means,
    to: tuple[str, Blockstore],
    which: tuple[sandbox.Disk, DiskSeen],
    tell: Callable[[DiskSeen], None],
) -> DiskSeen:
    account, store = to
    disk, seen = which
    async with sandbox.serving(means.work, disk) as (path, export):

        def upload() -> DiskSeen:
            try:
                with client.Client(path, export, (_BASE,)) as reader:
                    return _upload(means, (account, store), (Shown(reader, disk), seen), tell)
            except (client.Refused, ConnectionError, EOFError) as error:
                raise sandbox.Refused(
                    f"The disk cannot be read to its end: it is damaged or cut off ({error})."
                ) from error

        return await _whole(asyncio.to_thread(upload), means.off)


async def _whole(work: Awaitable[DiskSeen], off: threading.Event) -> DiskSeen:
    """Wait for work in a thread; cancelled, have it end, and wait until it has."""
    doing = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        off.set()
        await asyncio.wait([doing])
        raise


class Shown:
    """A disk that is shown at a socket, as an upload reads it: rounded up to whole GiB."""

    def __init__(self, reader: client.Client, disk: sandbox.Disk) -> None:
        self._reader = reader
        self._most = DATA_FREE_BYTES + DATA_RATIO_MAX * disk.size_bytes
        self.disk_bytes = reader.size_bytes
        self.size_bytes = max(1, -(-reader.size_bytes // GIB)) * GIB
        if not 0 < reader.size_bytes <= 16384 * GIB:
            raise sandbox.Refused(f"A disk of {reader.size_bytes} bytes is not taken.")

    def stretches(self) -> Iterator[tuple[int, int]]:
        """Yield where something is written. Raises `sandbox.Refused` when it is too much."""
        held = 0
        for extent in self._reader.extents(_BASE):
            if not extent.flags & _NO_DATA:
                held += extent.length
                if held > self._most:
                    raise sandbox.Refused(
                        f"The disk says that it holds more than {self._most // GIB} GiB, which is "
                        f"{DATA_RATIO_MAX} times its file and more: that is not believed."
                    )
                yield extent.offset, extent.length

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes; behind the disk's end there are zeros."""
        there = max(0, min(length, self.disk_bytes - offset))
        data = b"".join(
            self._reader.read(at, min(wire.PAYLOAD_MAX_BYTES, offset + there - at))
            for at in range(offset, offset + there, wire.PAYLOAD_MAX_BYTES)
        )
        return data.ljust(length, b"\0")


def _upload(
    means: Means,
    to: tuple[str, Blockstore],
    which: tuple[Shown, DiskSeen],
    tell: Callable[[DiskSeen], None],
) -> DiskSeen:
    """Upload a disk; return what is to be said of it. Blocks."""
    (account, store), (shown, seen) = to, which
    found = partitions.find(shown.read, shown.disk_bytes)

    last = blockuploads.Progress()

    def told(progress: blockuploads.Progress) -> None:
        nonlocal last
        last = progress
        means.check()
        share = progress.done_bytes * (100 - _LOOKED_PERCENT) // max(1, progress.total_bytes)
        tell(replace(seen, percent=min(99, _LOOKED_PERCENT + share)))

    root = blockuploads.upload(blockuploads.Means(store, told), shown, None, None)
    return replace(
        seen,
        percent=100,
        words="",
        size_bytes=shown.disk_bytes,
        content=Content(
            account=account,
            root=root.hex(),
            size_bytes=shown.size_bytes,
            full_bytes=last.more_blocks * blocktrees.BLOCK_BYTES,
            key_id=means.key.id if means.key is not None else "",
        ),
        found=found,
    )
