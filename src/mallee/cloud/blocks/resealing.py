"""Seals what one tree has for another one: each block is opened, and put under its new name.

A part of a disk at a time: what was done is a tree as well (`snapshots.Resealing.done`), so whoever
is cut off goes on there, and a sweep between two parts spoils nothing. Holes cost nothing. Called
by `s3.resealing`, in a thread: everything blocks. Not its business: whose turn it is in the blocks
(`turns`), and which keys these are.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mallee.cloud.blocks import stored
from mallee.model.storage import blockobjects, blocktrees
from mallee.model.storage.blockobjects import PLAIN, Coder
from mallee.model.storage.blocktrees import BLOCK_BYTES, HOLE, PAGE_BLOCKS, Root
from mallee.model.storage.snapshots import Content
from mallee.walrus.seam import Engine

BLOCKS_AT_ONCE = 4 * PAGE_BLOCKS
"""Blocks of a part: 512 MiB, and any number of holes."""
_PUT_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is to be done next of a disk."""

    source: Content
    opens: Coder
    """How the source's blocks are kept."""
    account: str
    """Under whose prefix the new ones are put."""
    key_id: str
    seals: Coder
    done: Content | None
    pages: int
    check: Callable[[], None] = lambda: None
    """Called before each few blocks; it ends the work by raising."""


@dataclass(frozen=True, slots=True)
class Done:
    """How far it is, then."""

    content: Content
    pages: int
    is_all: bool


def seal(engine: Engine, part: Part) -> Done:
    """Seal the next part; return what there is with it.

    Raises `stored.Missing`, `NotATree`, and what the engine raises.
    """
    source = blocktrees.decode(_loaded(engine, part.source.account, part.source.root))
    names = list(_done_of(engine, part, source).pages)
    full_bytes = part.done.full_bytes if part.done is not None else 0
    number, blocks = part.pages, 0
    while number < len(source.pages) and blocks < BLOCKS_AT_ONCE:
        if source.pages[number] != HOLE:
            names[number], count = _seal_page(engine, part, source.pages[number])
            blocks += count
            full_bytes += count * BLOCK_BYTES
        number += 1
    data = blocktrees.encode(Root(source.size_bytes, tuple(names)))
    root = PLAIN.name_of(data)
    stored.put(engine, part.account, {root: PLAIN.encode(data)}).result()
    content = Content(
        account=part.account,
        root=root.hex(),
        size_bytes=source.size_bytes,
        full_bytes=full_bytes,
        key_id=part.key_id,
    )
    return Done(content, number, number == len(source.pages))


def percent_of(done: Content | None, pages: int) -> int:
    """Return how much of a disk is done when so many pages are."""
    if done is None:
        return 0
    count = -(-blocktrees.block_count(done.size_bytes) // PAGE_BLOCKS)
    return 100 * pages // max(1, count)


def _done_of(engine: Engine, part: Part, source: Root) -> Root:
    if part.done is None:
        return blocktrees.empty(source.size_bytes)
    return blocktrees.decode(_loaded(engine, part.done.account, part.done.root))


def _loaded(engine: Engine, account: str, root: str) -> bytes:
    name = bytes.fromhex(root)
    return PLAIN.decode(name, stored.get(engine.reader, account, name))


def _seal_page(engine: Engine, part: Part, name: bytes) -> tuple[bytes, int]:
    """Seal the blocks of a page, and put the new page; return its name, and how many there are."""
    account = part.source.account

    def load(page: bytes) -> bytes:
        return PLAIN.decode(page, stored.get(engine.reader, account, page))

    names = list(blocktrees.names_in(blocktrees.load_page(name, load)))
    places = [place for place, one in enumerate(names) if one != HOLE]
    for some in _batches(places, _PUT_AT_ONCE):
        part.check()
        objects: dict[bytes, bytes] = {}
        for place in some:
            kept = stored.get(engine.reader, account, names[place])
            data = part.opens.decode(names[place], kept)
            names[place] = part.seals.name_of(data)
            objects[names[place]] = part.seals.encode(data)
        stored.put_missing(engine, part.account, objects)
    page = b"".join(names)
    made = blockobjects.PLAIN.name_of(page)
    stored.put_missing(engine, part.account, {made: PLAIN.encode(page)})
    return made, len(places)


def _batches(places: list[int], most: int) -> Iterator[list[int]]:
    for at in range(0, len(places), most):
        yield places[at : at + most]
