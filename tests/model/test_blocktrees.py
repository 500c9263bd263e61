"""Trees of blocks say of disks what the disks' own bytes say."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mallee.model.storage import blocktrees
from mallee.model.storage.blocktrees import BLOCK_BYTES, HOLE, PAGE_BLOCKS, NotATree, Root

BLOCKS = 3 * PAGE_BLOCKS
"""Of the disks here, which are held as a name for each block."""

PLACES = st.integers(0, BLOCKS - 1)
NAMES = st.sampled_from([HOLE, *(bytes([n]) * 32 for n in range(1, 5))])
WRITES = st.lists(st.dictionaries(PLACES, NAMES, max_size=8), max_size=5)


@dataclass(slots=True)
class Kept:
    """Pages as they are kept somewhere, and which of them were asked for."""

    pages: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    loaded: list[bytes] = field(default_factory=list[bytes])

    def load(self, name: bytes) -> bytes:
        self.loaded.append(name)
        return self.pages[name]

    def write(self, root: Root, written: Mapping[int, bytes]) -> Root:
        rebuilt = blocktrees.rebuild(root, root.size_bytes, written, self.load)
        self.pages.update(rebuilt.pages)
        return rebuilt.root


def disk() -> Root:
    return blocktrees.empty(BLOCKS * BLOCK_BYTES)


def contents(kept: Kept, root: Root) -> dict[int, bytes]:
    return dict(blocktrees.blocks(root, kept.load))


@given(WRITES)
@settings(deadline=None)
def test_a_tree_has_what_was_written_last(writes: list[dict[int, bytes]]) -> None:
    kept, root, plain = Kept(), disk(), dict[int, bytes]()
    for written in writes:
        root = kept.write(root, written)
        plain |= written
    assert contents(kept, root) == {n: name for n, name in plain.items() if name != HOLE}
    for index in plain:
        assert blocktrees.block_name(root, index, kept.load) == plain[index]


@given(WRITES, WRITES)
@settings(deadline=None)
def test_what_two_trees_have_not_in_common_is_found(
    one: list[dict[int, bytes]], other: list[dict[int, bytes]]
) -> None:
    kept, roots = Kept(), list[Root]()
    for writes in (one, other):
        root = disk()
        for written in writes:
            root = kept.write(root, written)
        roots.append(root)
    before, after = roots
    first, second = contents(kept, before), contents(kept, after)
    found = list(blocktrees.changed(before, after, kept.load))
    expected = [
        (n, first.get(n, HOLE), second.get(n, HOLE))
        for n in sorted(first.keys() | second.keys())
        if first.get(n) != second.get(n)
    ]
    assert found == expected
    rest = list(blocktrees.changed(before, after, kept.load, first=1000))
    assert rest == [item for item in found if item[0] >= 1000]


@given(WRITES)
@settings(deadline=None)
def test_equal_contents_are_equal_trees_however_they_came_about(
    writes: list[dict[int, bytes]],
) -> None:
    kept, root = Kept(), disk()
    for written in writes:
        root = kept.write(root, written)
    assert kept.write(disk(), contents(kept, root)) == root


@given(st.lists(WRITES, max_size=4))
@settings(deadline=None)
def test_all_that_any_tree_needs_is_marked_and_nothing_else(
    disks: list[list[dict[int, bytes]]],
) -> None:
    kept, roots = Kept(), list[Root]()
    for writes in disks:
        root = disk()
        for written in writes:
            root = kept.write(root, written)
        roots.append(root)
    named = {name for root in roots for name in contents(kept, root).values()}
    pages = {name for root in roots for name in root.pages} - {HOLE}
    kept.loaded.clear()
    assert blocktrees.mark(roots, kept.load) == named | pages
    assert sorted(kept.loaded) == sorted(pages)


def test_pages_that_are_equal_are_not_looked_at() -> None:
    kept = Kept()
    before = kept.write(disk(), {n * PAGE_BLOCKS: b"a" * 32 for n in range(3)})
    after = kept.write(before, {1: b"b" * 32})
    kept.loaded.clear()
    assert [index for index, _, _ in blocktrees.changed(before, after, kept.load)] == [1]
    assert kept.loaded == [before.pages[0], after.pages[0]]


def test_a_disk_may_grow_and_not_shrink() -> None:
    kept = Kept()
    small = blocktrees.rebuild(
        blocktrees.empty(BLOCK_BYTES), BLOCK_BYTES, {0: b"a" * 32}, kept.load
    )
    kept.pages |= small.pages
    large = blocktrees.rebuild(small.root, disk().size_bytes, {BLOCKS - 1: b"b" * 32}, kept.load)
    kept.pages |= large.pages
    assert contents(kept, large.root) == {0: b"a" * 32, BLOCKS - 1: b"b" * 32}
    assert [n for n, _, _ in blocktrees.changed(small.root, large.root, kept.load)] == [BLOCKS - 1]
    with pytest.raises(ValueError, match="shrink"):
        blocktrees.rebuild(large.root, BLOCK_BYTES, {}, kept.load)
    with pytest.raises(ValueError, match="behind its end"):
        blocktrees.rebuild(small.root, BLOCK_BYTES, {1: HOLE}, kept.load)


@given(st.integers(0, 1 << 50), st.data())
def test_roots_come_back_as_they_were_kept(size_bytes: int, data: st.DataObject) -> None:
    size_bytes %= 2 * PAGE_BLOCKS * BLOCK_BYTES
    pages = blocktrees.empty(size_bytes).pages
    names = data.draw(st.lists(NAMES, min_size=len(pages), max_size=len(pages)))
    root = Root(size_bytes, tuple(names))
    kept = blocktrees.encode(root)
    assert blocktrees.decode(kept) == root
    cut = data.draw(st.integers(0, len(kept) - 1))
    with pytest.raises(NotATree):
        blocktrees.decode(kept[:cut])
    with pytest.raises(NotATree):
        blocktrees.decode(kept + bytes(32))


def test_a_page_that_was_spoilt_is_noticed() -> None:
    kept = Kept()
    root = kept.write(disk(), {5: b"a" * 32})
    (name,) = kept.pages
    kept.pages[name] = kept.pages[name][:-1] + b"x"
    with pytest.raises(NotATree, match=name.hex()):
        contents(kept, root)


def test_zeros_are_holes_at_every_length() -> None:
    for length in (0, 1, 4096, BLOCK_BYTES):
        assert blocktrees.name_of(bytes(length)) == HOLE
    assert blocktrees.name_of(bytes(BLOCK_BYTES - 1) + b"\1") != HOLE
