"""Trees of blocks: the content of a disk at one instant, named by what is in it.

A disk is cut into blocks, each named by the SHA-256 of its bytes, or `HOLE` where there are only
zeros. The names of 1,024 blocks are a page; the names of its pages are the root. Equal pieces of
two disks have equal names, so two snapshots share what did not change between them, and what did is
found without looking at the rest. Pages are kept, and fetched, as blocks are; where, is not the
business of this file. Pure.
"""

import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

BLOCK_BYTES = 128 << 10
PAGE_BLOCKS = 1024
"""Blocks that a page names: 128 MiB of a disk."""
NAME_BYTES = 32
HOLE = bytes(NAME_BYTES)
"""The name of a block, and of a page, that has nothing but zeros."""

Load = Callable[[bytes], bytes]
"""Gives the page of a name; it raises what it likes where there is none."""

_ZEROS = bytes(BLOCK_BYTES)
_EMPTY_PAGE = bytes(NAME_BYTES * PAGE_BLOCKS)
_MAGIC = b"mallee tree 1\n"
_SIZE = struct.Struct(">Q")


class NotATree(Exception):
    """The bytes are not what their name or their place promises; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Root:
    """A disk's content: its size, and the names of its pages in order."""

    size_bytes: int
    pages: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A tree made of another one, and those of its pages that may not be kept yet, by name."""

    root: Root
    pages: dict[bytes, bytes]


def name_of(data: bytes) -> bytes:
    """Return the name of a block or a page."""
    return HOLE if is_hole(data) else hashlib.sha256(data).digest()


def is_hole(data: bytes) -> bool:
    """Tell whether there are only zeros."""
    return data == (_ZEROS if len(data) == BLOCK_BYTES else bytes(len(data)))


def verified(name: bytes, data: bytes) -> bytes:
    """Return the data; raise `NotATree` when they are not those of the name."""
    if name_of(data) != name:
        raise NotATree(f"what is kept as {name.hex()} is something else")
    return data


def block_count(size_bytes: int) -> int:
    """Return how many blocks a disk has; the last one may be shorter."""
    return -(-size_bytes // BLOCK_BYTES)


def empty(size_bytes: int) -> Root:
    """Return the tree of a disk of zeros."""
    return Root(size_bytes, (HOLE,) * _page_count(size_bytes))


def encode(root: Root) -> bytes:
    """Return a root as it is kept."""
    return _MAGIC + _SIZE.pack(root.size_bytes) + b"".join(root.pages)


def decode(data: bytes) -> Root:
    """Read a root; raise `NotATree`."""
    head = len(_MAGIC) + _SIZE.size
    if len(data) < head or not data.startswith(_MAGIC):
        raise NotATree("a root does not begin as one")
    (size_bytes,) = _SIZE.unpack_from(data, len(_MAGIC))
    pages = tuple(data[at : at + NAME_BYTES] for at in range(head, len(data), NAME_BYTES))
    if len(pages) != _page_count(size_bytes):
        raise NotATree(f"a root of {size_bytes} bytes has {len(pages)} pages")
    if len(data) != head + len(pages) * NAME_BYTES:
        raise NotATree("a root ends within a name")
    return Root(size_bytes, pages)


def names_in(page: bytes) -> Iterator[bytes]:
    """Yield the names of a page's blocks in order; raise `NotATree`."""
    if len(page) != len(_EMPTY_PAGE):
        raise NotATree(f"a page has {len(page)} bytes")
    for at in range(0, len(page), NAME_BYTES):
        yield page[at : at + NAME_BYTES]


def block_name(root: Root, index: int, load: Load) -> bytes:
    """Return the name of the block at an index below `block_count`."""
    page = load_page(root.pages[index // PAGE_BLOCKS], load)
    at = index % PAGE_BLOCKS * NAME_BYTES
    return page[at : at + NAME_BYTES]


def load_page(name: bytes, load: Load) -> bytes:
    """Return the page of a name, verified; that of `HOLE` is not asked for."""
    if name == HOLE:
        return _EMPTY_PAGE
    page = verified(name, load(name))
    if len(page) != len(_EMPTY_PAGE):
        raise NotATree(f"a page has {len(page)} bytes")
    return page


def blocks(root: Root, load: Load, first: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield index and name of each block from `first` on that is not a hole."""
    for index, _, name in changed(empty(root.size_bytes), root, load, first):
        yield index, name


def changed(
    before: Root, after: Root, load: Load, first: int = 0
) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield index and both names of each block from `first` on that two trees have not in common.

    What one of them is too short for is a hole in it. Equal pages are not loaded.
    """
    count = max(len(before.pages), len(after.pages))
    for number in range(first // PAGE_BLOCKS, count):
        former, latter = _page_name(before, number), _page_name(after, number)
        if former == latter:
            continue
        both = zip(
            names_in(load_page(former, load)), names_in(load_page(latter, load)), strict=True
        )
        for place, (one, other) in enumerate(both):
            index = number * PAGE_BLOCKS + place
            if one != other and index >= first:
                yield index, one, other


def count_more(before: Root, after: Root, load: Load) -> int:
    """Return how many blocks more are no holes in a tree than in another one."""
    return sum((new != HOLE) - (old != HOLE) for _, old, new in changed(before, after, load))


def rebuild(root: Root, size_bytes: int, written: Mapping[int, bytes], load: Load) -> Rebuilt:
    """Return the tree of a disk that grew to `size_bytes` and had blocks written since.

    `written` has the new name of each block by its index. Only pages that it touches are loaded.
    Raises `ValueError` when the disk shrank or a block lies behind its end.
    """
    if size_bytes < root.size_bytes or any(not 0 <= n < block_count(size_bytes) for n in written):
        raise ValueError("a tree does not shrink, and nothing is behind its end")
    names = [*root.pages, *empty(size_bytes).pages[len(root.pages) :]]
    fresh: dict[bytes, bytes] = {}
    for number, places in _by_page(written).items():
        page = bytearray(load_page(names[number], load))
        for place, name in places.items():
            page[place * NAME_BYTES : (place + 1) * NAME_BYTES] = name
        names[number] = name_of(bytes(page))
        if names[number] != HOLE:
            fresh[names[number]] = bytes(page)
    return Rebuilt(Root(size_bytes, tuple(names)), fresh)


def mark(roots: Iterable[Root], load: Load) -> set[bytes]:
    """Return the names of all pages and blocks that some of the trees need.

    A page that several share is loaded once. A set of a million names takes about 100 MB.
    """
    needed: set[bytes] = set()
    for root in roots:
        for name in root.pages:
            if name != HOLE and name not in needed:
                needed.add(name)
                needed.update(names_in(load_page(name, load)))
    needed.discard(HOLE)
    return needed


def _by_page(written: Mapping[int, bytes]) -> dict[int, dict[int, bytes]]:
    pages: dict[int, dict[int, bytes]] = {}
    for index, name in written.items():
        pages.setdefault(index // PAGE_BLOCKS, {})[index % PAGE_BLOCKS] = name
    return pages


def _page_name(root: Root, number: int) -> bytes:
    return root.pages[number] if number < len(root.pages) else HOLE


def _page_count(size_bytes: int) -> int:
    return -(-block_count(size_bytes) // PAGE_BLOCKS)
