"""Trees of snapshots' blocks, as far as they were looked at lately.

Listing a snapshot, or reading it block by block, asks for the same root and the same pages again
and again: some are kept, decoded. What has a name never changes, so nothing kept is ever old.
Used in threads, all at once. Not its business: blocks themselves, which are read once.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from mallee.cloud.blocks import stored
from mallee.model.storage import blockobjects, blocktrees
from mallee.model.storage.blocktrees import Load, Root
from mallee.model.storage.snapshots import Content
from mallee.walrus.seam import Reader

V = TypeVar("V")

ROOTS_MAX = 32
"""One of a TiB has 256 KiB, the largest sixty-four times as much."""
PAGES_MAX = 512
"""Of 32 KiB each."""


class _Lately(Generic[V]):
    """What was found for names lately, the oldest let go first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[str, bytes], V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, bytes], find: Callable[[], V]) -> V:
        """Return what is kept under a key, or else what is found."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        value = find()
        with self._lock:
            self._kept[key] = value
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return value


class Trees:
    """The trees that one engine keeps."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._roots: _Lately[Root] = _Lately(ROOTS_MAX)
        self._pages: _Lately[bytes] = _Lately(PAGES_MAX)

    def root(self, content: Content) -> Root:
        """Return a content's root; raise `NotATree`, and what `stored.get` raises."""
        name = bytes.fromhex(content.root)
        load = self._read(content.account, name)
        return self._roots.get((content.account, name), lambda: blocktrees.decode(load()))

    def load(self, account: str) -> Load:
        """Return what loads an account's pages."""
        return lambda name: self._pages.get((account, name), self._read(account, name))

    def _read(self, account: str, name: bytes) -> Callable[[], bytes]:
        def read() -> bytes:
            return blockobjects.PLAIN.decode(name, stored.get(self._reader, account, name))

        return read
