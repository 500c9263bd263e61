"""Brings a disk's content to the object store: what differs from a tree that is there already.

A *source* is a disk, and the stretches of it that may differ from its parent tree. They are read in
order, and put, several blocks at once, page by page; last goes the root, which names it all. What
was done is said after each page (`Progress`), so that whoever was cut off goes on there. Called by
`node.uploads`, and by whoever has made a disk. Everything blocks. Not its business: where the
disk comes from, and whose turn it is in the account's blocks (`model.passes`).
"""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from dataclasses import dataclass, replace
from typing import Protocol

from mallee.model.storage import blocktrees
from mallee.model.storage.blocktrees import BLOCK_BYTES, HOLE, NAME_BYTES, PAGE_BLOCKS, Root
from mallee.node.do.storage.blockstore import Blockstore

IN_FLIGHT = 16
"""Blocks that are put at once."""
MIB_PER_S = 200
"""The most that is read of a disk: guests use it too."""
_READ_BLOCKS = 8


class Source(Protocol):
    """A disk that nobody writes."""

    size_bytes: int

    def stretches(self) -> Iterable[tuple[int, int]]:
        """Return offset and length of what may differ from the parent, in order of offset."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the disk."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an upload is; also where a new one may go on."""

    pages: tuple[bytes, ...] = ()
    """The names of the new tree's pages, as far as they are done, and the parent's."""
    next_page: int = 0
    """All pages below are done."""
    done_bytes: int = 0
    """Of what is to be looked at."""
    total_bytes: int = 0
    sent_blocks: int = 0
    """Blocks and pages that were not there before."""
    sent_bytes: int = 0
    more_blocks: int = 0
    """Blocks that are no zeros any more, less those that are now."""


@dataclass(frozen=True, slots=True)
class Means:
    """What an upload needs besides a disk."""

    store: Blockstore
    told: Callable[[Progress], None] = lambda _: None
    """Hears at the beginning, and of every page that is done; it ends the upload by raising."""
    check: Callable[[], None] = lambda: None
    """Called before each look at the disk; it ends the upload by raising."""
    mib_per_s: int = MIB_PER_S


def upload(means: Means, source: Source, parent: bytes | None, begun: Progress | None) -> bytes:
    """Bring a disk to the object store; return the name of its root.

    `parent` is the root of a tree from which it differs in its stretches only; None: they have all
    that is no zeros. `begun` is what an upload of the same disk over the same parent said last.
    Raises what the source and `told` raise, and `blockstore`'s errors.
    """
    ranges = _ranges(source)
    state = _Upload(means, source, _parent(means.store, source, parent))
    total_bytes = sum(len(one) for one in ranges) * BLOCK_BYTES
    state.go_on(begun or Progress(total_bytes=total_bytes))
    means.told(state.progress)
    with futures.ThreadPoolExecutor(IN_FLIGHT, "blocks") as threads:
        for number, indexes in _by_page(ranges):
            if number >= state.progress.next_page:
                state.do_page(threads, number, indexes)
    root = blocktrees.encode(Root(source.size_bytes, state.progress.pages))
    name = blocktrees.name_of(root)
    means.store.put_page(name, root)
    return name


class _Upload:
    """An upload under way. In one thread."""

    def __init__(self, means: Means, source: Source, before: Root) -> None:
        self._means = means
        self._source = source
        self._before = before
        self._began_at = time.monotonic()
        self._read_bytes = 0
        self.progress = Progress()

    def go_on(self, begun: Progress) -> None:
        """Begin where another one ended, if it was of a disk of this size."""
        is_same = len(begun.pages) == len(self._before.pages)
        self.progress = begun if is_same else replace(begun, pages=self._before.pages, next_page=0)

    def do_page(self, threads: futures.Executor, number: int, indexes: Iterable[range]) -> None:
        """Put the blocks of a page that have changed, then the page."""
        store, had = self._means.store, self._before.pages[number]
        page = (
            bytearray(NAME_BYTES * PAGE_BLOCKS) if had == HOLE else bytearray(store.get_page(had))
        )
        names = list(blocktrees.names_in(bytes(page)))
        waiting: list[tuple[int, futures.Future[tuple[bytes, int]]]] = []
        looked = 0
        for first, data in self._chunks(indexes):
            for place, block in enumerate(_split(data)):
                index = (first + place) % PAGE_BLOCKS
                looked += 1
                waiting.append((index, threads.submit(_put, store, block, names[index])))
            if len(waiting) > 4 * IN_FLIGHT:
                waiting[-4 * IN_FLIGHT][1].result()
        blocks = sent = more = 0
        for index, future in waiting:
            name, size = future.result()
            page[index * NAME_BYTES : (index + 1) * NAME_BYTES] = name
            blocks, sent = blocks + bool(size), sent + size
            more += (name != HOLE) - (names[index] != HOLE)
        name = blocktrees.name_of(bytes(page))
        size = 0 if name in (HOLE, had) else store.put_page(name, bytes(page))
        was = self.progress
        self.progress = Progress(
            pages=(*was.pages[:number], name, *was.pages[number + 1 :]),
            next_page=number + 1,
            done_bytes=was.done_bytes + looked * BLOCK_BYTES,
            total_bytes=was.total_bytes,
            sent_blocks=was.sent_blocks + blocks + bool(size),
            sent_bytes=was.sent_bytes + sent + size,
            more_blocks=was.more_blocks + more,
        )
        self._means.told(self.progress)

    def _chunks(self, indexes: Iterable[range]) -> Iterator[tuple[int, bytes]]:
        """Yield a few blocks at a time, and the index of their first."""
        for blocks in indexes:
            for first in range(blocks.start, blocks.stop, _READ_BLOCKS):
                self._means.check()
                offset = first * BLOCK_BYTES
                end = min(
                    min(first + _READ_BLOCKS, blocks.stop) * BLOCK_BYTES, self._source.size_bytes
                )
                yield first, self._source.read(offset, end - offset)
                self._pace(end - offset)

    def _pace(self, count: int) -> None:
        self._read_bytes += count
        due_s = self._read_bytes / (self._means.mib_per_s << 20)
        ahead_s = due_s - (time.monotonic() - self._began_at)
        if ahead_s > 0:
            time.sleep(ahead_s)


def _put(store: Blockstore, data: bytes, had: bytes) -> tuple[bytes, int]:
    """Put what is not called as what was there; return its name, and how many bytes were new."""
    name = store.coder.name_of(data)
    if name in (HOLE, had):
        return name, 0
    return name, store.put(name, data)


def _parent(store: Blockstore, source: Source, parent: bytes | None) -> Root:
    """Return the tree over which a disk is, as large as the disk."""
    empty = blocktrees.empty(source.size_bytes)
    if parent is None:
        return empty
    root = blocktrees.decode(store.get_page(parent))
    if root.size_bytes > source.size_bytes:
        raise ValueError("a disk does not shrink")
    return Root(source.size_bytes, (*root.pages, *empty.pages[len(root.pages) :]))


def _ranges(source: Source) -> list[range]:
    """Return the blocks that stretches touch, each once, in order."""
    found: list[range] = []
    for offset, length in source.stretches():
        if length <= 0:
            continue
        first, end = offset // BLOCK_BYTES, -(-(offset + length) // BLOCK_BYTES)
        if found and first <= found[-1].stop:
            found[-1] = range(found[-1].start, max(end, found[-1].stop))
        else:
            found.append(range(first, end))
    return found


def _by_page(ranges: Iterable[range]) -> Iterator[tuple[int, list[range]]]:
    """Yield the pages that blocks touch, and which blocks those are."""
    pages: dict[int, list[range]] = {}
    for blocks in ranges:
        for number in range(blocks.start // PAGE_BLOCKS, (blocks.stop - 1) // PAGE_BLOCKS + 1):
            first = max(blocks.start, number * PAGE_BLOCKS)
            end = min(blocks.stop, (number + 1) * PAGE_BLOCKS)
            pages.setdefault(number, []).append(range(first, end))
    yield from pages.items()


def _split(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), BLOCK_BYTES):
        yield data[at : at + BLOCK_BYTES]
