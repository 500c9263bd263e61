"""Brings all blocks of the snapshots that shall stay on this host into its cache, and holds them.

Runs in the block server beside its disks. What is to be pinned is looked at every second; each is
walked page by page, and what is not in the cache is fetched as the store keeps it: sealed blocks
stay sealed, no key is needed. Plain ones, pages and roots are verified first. After a restart, and
when a block was lost, the walk is made again, and fetches what is missing. Not its business: what
the cloud wants (`node.volumes.pinkeeper`), and who reads the blocks.
"""

import asyncio
import contextlib
from collections.abc import Callable

from msgspec.structs import replace

from mallee.kit import logs
from mallee.model.compute.instances import Reason
from mallee.model.layout import Layout
from mallee.model.storage import blockobjects, blocktrees
from mallee.model.storage.blockobjects import PLAIN
from mallee.model.storage.blocktrees import BLOCK_BYTES, HOLE, PAGE_BLOCKS, Root
from mallee.model.storage.fastrestores import PinSeen, PinWanted
from mallee.node.do.storage import blockstore
from mallee.node.nbd import pins
from mallee.node.nbd.blockcache import BlockCache, NoRoom
from mallee.node.nbd.blockreader import Origin, StoreOf

LOOK_EVERY_S = 1.0
AGAIN_AFTER_S = 30.0
"""What could not be brought, for another reason than a store that is away, is tried again then."""
AT_ONCE = 4
"""Threads that fetch: guests that read have the others."""

_FAULTS = (blockstore.BlockMissing, blockobjects.NotATree, NoRoom, blockstore.StoreRefused)

Check = Callable[[bytes, bytes], object]
"""Raises `NotATree` when an object is not what its name promises."""

log = logs.get(__name__)


class Pinning:
    """What is pinned now. Lives in one event loop."""

    def __init__(self, layout: Layout, cache: BlockCache, store_of: StoreOf) -> None:
        self._layout = layout
        self._cache = cache
        self._store_of = store_of
        self._wanted: pins.Wanted = ()
        self._seen: pins.Seen = {}
        """What an earlier process said holds until something is found to be missing."""
        self._walked: set[str] = set()
        """Those of which everything was found and held since this process began."""
        self._again_at: dict[str, float] = {}

    async def run(self) -> None:
        """Bring what is wanted until cancelled."""
        with contextlib.suppress(OSError):
            self._seen = await asyncio.to_thread(pins.read_seen, self._layout)
        while True:
            try:
                self._take(await asyncio.to_thread(pins.read_wanted, self._layout))
                for pin in self._wanted:
                    if self._is_due(pin):
                        await self._bring(pin)
                await self._tell()
            except OSError as error:
                log.warning("pins cannot be looked at", error=str(error))
            await asyncio.sleep(LOOK_EVERY_S)

    def _take(self, wanted: pins.Wanted) -> None:
        """Let go of what is not wanted any more, and look again at what lost a block."""
        roots = {one.snapshot_id: one.content.root for one in wanted}
        for id in tuple(self._seen):
            if roots.get(id) != self._seen[id].root:
                self._cache.unpin(id)
                del self._seen[id]
                self._walked.discard(id)
        for id in self._cache.take_shaken() & self._seen.keys():
            self._seen[id] = replace(self._seen[id], is_whole=False)
            self._walked.discard(id)
        self._wanted = wanted

    def _is_due(self, pin: PinWanted) -> bool:
        now = asyncio.get_running_loop().time()
        is_walked = pin.snapshot_id in self._walked
        return not is_walked and now >= self._again_at.get(pin.snapshot_id, 0.0)

    async def _bring(self, pin: PinWanted) -> None:
        id, content = pin.snapshot_id, pin.content
        self._seen.setdefault(id, PinSeen(root=content.root))
        await self._tell()
        try:
            root = await asyncio.to_thread(self._root, pin)
            for number, page in enumerate(root.pages):
                if page != HOLE:
                    await self._bring_page(pin, page)
                done = min(content.size_bytes, (number + 1) * PAGE_BLOCKS * BLOCK_BYTES)
                self._seen[id] = replace(self._seen[id], done_bytes=done)
                await self._tell()
                if pin not in await asyncio.to_thread(pins.read_wanted, self._layout):
                    return
            self._seen[id] = PinSeen(
                root=content.root, done_bytes=content.size_bytes, is_whole=True
            )
            self._walked.add(id)
            log.info("a snapshot is pinned", snapshot=id)
        except blockstore.StoreAway as error:
            self._stands(id, "Server.StoreAway", str(error))
        except _FAULTS as error:
            # Half of it helps nobody, and its room may be another's.
            self._cache.unpin(id)
            code = "Server.InsufficientCapacity" if isinstance(error, NoRoom) else "Server.Blocks"
            self._stands(id, code, str(error))
            self._again_at[id] = asyncio.get_running_loop().time() + AGAIN_AFTER_S

    def _stands(self, id: str, code: str, words: str) -> None:
        log.warning("a snapshot is not pinned", snapshot=id, error=words)
        self._seen[id] = replace(self._seen[id], is_whole=False, cause=Reason(code, words))

    async def _bring_page(self, pin: PinWanted, page: bytes) -> None:
        """Bring the blocks of a page, some at once."""
        data = await asyncio.to_thread(self._hold, pin, page, _verified)
        names = [name for name in dict.fromkeys(blocktrees.names_in(data)) if name != HOLE]
        is_sealed = bool(pin.content.key_id)

        def hold(some: list[bytes]) -> None:
            for name in some:
                self._hold_unread(pin, name, _as_it_is if is_sealed else _verified)

        shares = [names[at::AT_ONCE] for at in range(AT_ONCE)]
        done = await asyncio.gather(
            *(asyncio.to_thread(hold, share) for share in shares if share), return_exceptions=True
        )
        for one in done:
            if isinstance(one, BaseException):
                raise one

    def _root(self, pin: PinWanted) -> Root:
        name = bytes.fromhex(pin.content.root)
        return blocktrees.decode(self._hold(pin, name, _verified))

    def _hold(self, pin: PinWanted, name: bytes, check: Check) -> bytes:
        """Pin a page or a root, and return what it says."""
        self._hold_unread(pin, name, check)
        kept = self._cache.get(pin.content.account, name)
        try:
            if kept is not None:
                return PLAIN.decode(name, kept)
        except blockobjects.NotATree:
            self._cache.drop(pin.content.account, name)
        self._hold_unread(pin, name, check)
        return PLAIN.decode(name, self._cache.get(pin.content.account, name) or b"")

    def _hold_unread(self, pin: PinWanted, name: bytes, check: Check) -> None:
        """Pin an object, got from the store when it is not there."""
        account = pin.content.account
        if self._cache.pin(pin.snapshot_id, account, name):
            return
        self._seen[pin.snapshot_id] = replace(self._seen[pin.snapshot_id], is_whole=False)
        kept = self._store_of(Origin("", pin.content)).fetch(name)
        check(name, kept)
        self._cache.put(account, name, kept)
        if not self._cache.pin(pin.snapshot_id, account, name):
            raise NoRoom("its disk has no room for the block cache")

    async def _tell(self) -> None:
        await asyncio.to_thread(pins.write_seen, self._layout, dict(self._seen))


def _verified(name: bytes, kept: bytes) -> None:
    PLAIN.decode(name, kept)


def _as_it_is(name: bytes, kept: bytes) -> None:
    """Take a sealed block: who has its key finds out at the first read whether it is whole."""
