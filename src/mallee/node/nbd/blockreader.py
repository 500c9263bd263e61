"""Blocks got from the host's cache or the object store: each once, however many want it.

Called by the disks of the block server (`contentdisks`), in its event loop. While the store is away
a reader waits, up to a bound: a guest that sees its disk stand still goes on when it is back, and
one that sees errors takes its file system down. A block that is missing or damaged is said at once:
waiting brings it not back.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mallee.kit.nbd import server
from mallee.model.storage import blockobjects, blocktrees
from mallee.model.storage.blockobjects import Coder
from mallee.model.storage.snapshots import Content
from mallee.node.do.storage import blockstore
from mallee.node.nbd.blockcache import BlockCache

WAIT_S = 60.0
"""A reader waits so long for a store that is away. QEMU stands still meanwhile when it has to
drain a disk, to cut it say, so it is no longer."""
AGAIN_S = 0.5
IN_MEMORY = 64
"""Blocks and pages that are kept at hand: 8 MiB."""
AT_ONCE = 12


class Store(Protocol):
    """The blocks of one account (`do.blockstore`)."""

    @property
    def coder(self) -> Coder:
        """How its blocks are kept."""
        ...

    def get(self, name: bytes) -> bytes:
        """Return the data of a name. Raises `BlockMissing`, `StoreAway`, `StoreRefused`."""
        ...

    def fetch(self, name: bytes) -> bytes:
        """Return what is kept under a name, not verified. Raises as `get`."""
        ...


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Origin:
    """Of which volume's content a block is."""

    volume_id: str
    content: Content
    is_sealed: bool = False
    """Whether the volume's data key opens it; pages and roots are never sealed."""


StoreOf = Callable[[Origin], Store]
"""Called in threads; raises `StoreAway` and `StoreRefused`."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a reader waits for a store that is away, and how often it asks."""

    wait_s: float = WAIT_S
    again_s: float = AGAIN_S


PATIENT = Patience()


class BlockReader:
    """Gives blocks by their names. Lives in one event loop."""

    def __init__(self, cache: BlockCache, store_of: StoreOf, patience: Patience) -> None:
        self._cache = cache
        self._store_of = store_of
        self._patience = patience
        self._at_hand: OrderedDict[tuple[str, bytes], bytes] = OrderedDict()
        self._coming: dict[tuple[str, bytes], asyncio.Task[bytes]] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def read(self, origin: Origin, name: bytes) -> bytes:
        """Return the block, page or root of a name; raise `server.Unreadable`."""
        key = (origin.content.account, name)
        data = self._at_hand.get(key)
        if data is not None:
            self._at_hand.move_to_end(key)
            return data
        return await asyncio.shield(self._come(origin, name))

    def expect(self, origin: Origin, name: bytes) -> None:
        """Have a block come that will soon be read."""
        if name != blocktrees.HOLE and (origin.content.account, name) not in self._at_hand:
            self._come(origin, name)

    async def close(self) -> None:
        """Let go of all that has not come yet."""
        tasks = tuple(self._coming.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _come(self, origin: Origin, name: bytes) -> asyncio.Task[bytes]:
        key = (origin.content.account, name)
        task = self._coming.get(key)
        if task is None:
            task = asyncio.create_task(self._bring(origin, name))
            self._coming[key] = task
            task.add_done_callback(lambda done: self._came(key, done))
        return task

    def _came(self, key: tuple[str, bytes], done: asyncio.Task[bytes]) -> None:
        self._coming.pop(key, None)
        # Looked at here too: a block that was only expected may fail unheard.
        if not done.cancelled() and done.exception() is None:
            self._at_hand[key] = done.result()
            while len(self._at_hand) > IN_MEMORY:
                self._at_hand.popitem(last=False)

    async def _bring(self, origin: Origin, name: bytes) -> bytes:
        ends_at = asyncio.get_running_loop().time() + self._patience.wait_s
        while True:
            try:
                async with self._turns:
                    return await asyncio.to_thread(self._fetch, origin, name)
            except blockstore.BlockMissing as error:
                raise server.Unreadable(str(error)) from error
            except (blockstore.StoreAway, blockstore.StoreRefused) as error:
                if asyncio.get_running_loop().time() > ends_at:
                    raise server.Unreadable(f"not read in time: {error}") from error
            await asyncio.sleep(self._patience.again_s)

    def _fetch(self, origin: Origin, name: bytes) -> bytes:
        store, account = self._store_of(origin), origin.content.account
        kept = self._cache.get(account, name)
        if kept is not None:
            try:
                return store.coder.decode(name, kept)
            except blockobjects.NotATree:
                self._cache.drop(account, name)
        data = store.get(name)
        self._cache.put(account, name, store.coder.encode(data))
        return data
