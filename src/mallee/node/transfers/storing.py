"""Stores images: the contents of an image's disks become one object in a bucket.

Called by `transfers` for one transfer at a time. What the image is, the cloud has written
(`FileOut.header`); the format is `model.storedimages`. The object is put when it is whole: whoever
is killed before leaves none.
"""

import asyncio
from collections.abc import Callable
from concurrent import futures

from mallee.model.images.storedimages import Writer
from mallee.model.storage import blocktrees
from mallee.model.storage.passes import PassRequest
from mallee.model.storage.snapshots import Content
from mallee.model.storage.transfers import DiskSeen, TransferWanted
from mallee.node.do.storage import disks
from mallee.node.do.storage.blockstore import BlockMissing, Blockstore
from mallee.node.transfers.importing import Brought, Means, Tell

IN_FLIGHT = 6
_AT_ONCE = 64
_MADE_PERCENT = 50


async def store_image(means: Means, wanted: TransferWanted, tell: Tell) -> Brought:
    """Make an object of an image. Raises as `importing.bring_disks` does."""
    out = wanted.out
    assert out is not None

    def say(words: str, percent: int) -> None:
        means.check()
        tell(0, DiskSeen(words=words, percent=percent))

    def make() -> int:
        means.work.make()
        total = max(1, sum(blocktrees.block_count(one.size_bytes) for one in out.contents))
        done = 0

        def told(blocks: int) -> None:
            disks.check_room(means.work.directory)
            say("storing", _MADE_PERCENT * (done + blocks) // total)

        with means.work.source.open("wb") as file:
            writer = Writer(file, out.header.encode())
            for content in out.contents:
                _write_disk(means, content, writer, told)
                done += blocktrees.block_count(content.size_bytes)
            writer.end()
        return means.work.source.stat().st_size

    try:
        size = await asyncio.to_thread(make)

        def put(done: int) -> None:
            say("uploading", _MADE_PERCENT + (99 - _MADE_PERCENT) * done // max(1, size))

        await asyncio.to_thread(means.objects.put_file, out.object, means.work.source, put)
    finally:
        await asyncio.to_thread(means.work.remove)
    return Brought([DiskSeen(file_bytes=size, percent=100)])


def _write_disk(
    means: Means, content: Content, writer: Writer, told: Callable[[int], None]
) -> None:
    store = Blockstore(means.access(PassRequest(account=content.account)))
    try:
        root = blocktrees.decode(store.get(bytes.fromhex(content.root)))
        with futures.ThreadPoolExecutor(IN_FLIGHT, "blocks") as threads:
            waiting: list[tuple[int, futures.Future[bytes]]] = []
            for index, name in blocktrees.blocks(root, store.get):
                waiting.append((index, threads.submit(store.get, name)))
                if len(waiting) >= _AT_ONCE:
                    told(index)
                    _write(writer, waiting)
            _write(writer, waiting)
        writer.end_disk()
    except blocktrees.NotATree as error:
        raise BlockMissing(str(error)) from error
    finally:
        store.close()


def _write(writer: Writer, waiting: list[tuple[int, futures.Future[bytes]]]) -> None:
    for index, future in waiting:
        writer.block(index, future.result())
    waiting.clear()
