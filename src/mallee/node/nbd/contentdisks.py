"""A volume's content as a disk that QEMU reads over NBD: a tree of blocks, looked up on demand.

Nothing is loaded when it is opened: its size is known, its root comes with the first read. Holes
cost nothing, whole pages of them not even a look. A block that cannot be read is an error of that
stretch alone, and is told (`told`) with its place until it can be read. Used by `exports`.
"""

import asyncio
from collections.abc import Callable, Iterable

from mallee.kit.nbd import server
from mallee.model.storage import blocktrees
from mallee.model.storage.blocktrees import BLOCK_BYTES, HOLE, PAGE_BLOCKS, Root
from mallee.node.nbd.blockreader import BlockReader, Origin

AHEAD_BLOCKS = 16
"""As many blocks are fetched ahead of somebody who reads in order: 2 MiB."""
PIECES_MAX = 256
"""An answer about holes says no more: who asks, asks on."""

Told = Callable[[int, str], None]
"""Called with a block's number, and why it cannot be read; empty words: it can be."""


class ContentDisk:
    """One content, served under a volume's name."""

    def __init__(self, pages: Origin, blocks: BlockReader, told: Told) -> None:
        """`pages` is of which content the disk is; its blocks may be sealed besides."""
        self._content = content = pages.content
        self._pages = pages
        self._data = Origin(pages.volume_id, content, is_sealed=bool(content.key_id))
        self._blocks = blocks
        self._told = told
        self._root: Root | None = None
        self._next_block = -1
        """The one after what was read last."""

    @property
    def size_bytes(self) -> int:
        """How large it is."""
        return self._content.size_bytes

    async def read(self, offset: int, length: int) -> bytes:
        """Return a stretch; raise `server.Unreadable`."""
        if not length:
            return b""
        first, last = offset // BLOCK_BYTES, (offset + length - 1) // BLOCK_BYTES
        is_in_order = first in (self._next_block, self._next_block - 1)
        self._next_block = last + 1
        reads = [self._read_block(number) for number in range(first, last + 1)]
        data = await asyncio.gather(*reads)
        if is_in_order:
            await self._expect(last + 1)
        start = offset - first * BLOCK_BYTES
        if first == last:
            return data[0][start : start + length]
        return b"".join(data)[start : start + length]

    async def holes(self, offset: int, length: int) -> Iterable[tuple[int, bool]]:
        """Return the lengths of pieces, in order, and whether each is zeros; the last ones may be
        left out."""
        root = await self._tree()
        end = offset + length
        found: list[tuple[int, bool]] = []
        at = offset
        while at < end and len(found) < PIECES_MAX:
            number = at // BLOCK_BYTES // PAGE_BLOCKS
            page_end = min(end, (number + 1) * PAGE_BLOCKS * BLOCK_BYTES)
            if root.pages[number] == HOLE:
                _add(found, page_end - at, is_hole=True)
            else:
                page = await self._page(root, number)
                _add_blocks(found, page, (at, page_end))
            at = page_end
        return found

    async def _read_block(self, number: int) -> bytes:
        size = min(BLOCK_BYTES, self.size_bytes - number * BLOCK_BYTES)
        try:
            name = await self._name(number)
            if name == HOLE:
                return bytes(size)
            data = await self._blocks.read(self._data, name)
            if len(data) != size:
                raise server.Unreadable(f"the block {name.hex()} has {len(data)} bytes")
        except server.Unreadable as error:
            self._told(number, str(error))
            raise
        self._told(number, "")
        return data

    async def _expect(self, first: int) -> None:
        """Have the next blocks come, of those whose names are known without waiting long."""
        count = blocktrees.block_count(self.size_bytes)
        for number in range(first, min(count, first + AHEAD_BLOCKS)):
            try:
                self._blocks.expect(self._data, await self._name(number))
            except server.Unreadable:
                # Whoever reads it will be told.
                return

    async def _name(self, number: int) -> bytes:
        root = await self._tree()
        page_number, place = divmod(number, PAGE_BLOCKS)
        if root.pages[page_number] == HOLE:
            return HOLE
        page = await self._page(root, page_number)
        at = place * blocktrees.NAME_BYTES
        return page[at : at + blocktrees.NAME_BYTES]

    async def _page(self, root: Root, number: int) -> bytes:
        page = await self._blocks.read(self._pages, root.pages[number])
        if len(page) != PAGE_BLOCKS * blocktrees.NAME_BYTES:
            raise server.Unreadable(f"a page has {len(page)} bytes")
        return page

    async def _tree(self) -> Root:
        if self._root is None:
            data = await self._blocks.read(self._pages, bytes.fromhex(self._content.root))
            try:
                root = blocktrees.decode(data)
            except blocktrees.NotATree as error:
                raise server.Unreadable(str(error)) from error
            if root.size_bytes != self.size_bytes:
                raise server.Unreadable(f"its root is that of a disk of {root.size_bytes} bytes")
            self._root = root
        return self._root


def _add_blocks(found: list[tuple[int, bool]], page: bytes, within: tuple[int, int]) -> None:
    """Add the pieces of a stretch that lies within one page."""
    at, end = within
    while at < end:
        number = at // BLOCK_BYTES
        place = number % PAGE_BLOCKS * blocktrees.NAME_BYTES
        piece_end = min(end, (number + 1) * BLOCK_BYTES)
        is_hole = page[place : place + blocktrees.NAME_BYTES] == HOLE
        _add(found, piece_end - at, is_hole=is_hole)
        at = piece_end


def _add(found: list[tuple[int, bool]], length: int, *, is_hole: bool) -> None:
    if found and found[-1][1] == is_hole:
        found[-1] = (found[-1][0] + length, is_hole)
    else:
        found.append((length, is_hole))
