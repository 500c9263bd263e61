"""The block server at work: wires the socket, the exports, the cache and the object store together.

Called by `daemon` when the first client is there; it holds no rule. It asks the cloud for passes by
itself, with the agent's certificate, so that it needs no agent that runs.
"""

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

from mallee.kit import clock, logs
from mallee.kit.nbd import server, wire
from mallee.model.layout import Layout
from mallee.model.storage.blockobjects import PLAIN, Coder
from mallee.model.storage.datakeys import OpenedKey
from mallee.model.storage.passes import Pass, PassRequest
from mallee.model.storage.sealedblocks import Sealed
from mallee.node import cloud, ending, membership, passes
from mallee.node.do.storage.blockstore import Blockstore, StoreAway, StoreRefused
from mallee.node.nbd import blockcache, blockreader, exports, pinning
from mallee.node.nbd.blockcache import BlockCache
from mallee.node.nbd.blockreader import BlockReader, Origin, Patience
from mallee.node.volumes.volumekeys import KeyRefused, NoKey, VolumeKeys

THREADS = 16


class OwnDoor:
    """The cloud's door, opened anew for each question: the agent renews the certificate."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    @property
    def address(self) -> str:
        """The host name or address at which the cloud is reached."""
        return self._membership().address

    async def fetch_pass(self, asked: PassRequest) -> Pass:
        """Return a pass; raises `CloudAway` and `Refused`."""
        async with self._opened() as door:
            return await door.fetch_pass(asked)

    async def fetch_volume_key(self, volume_id: str) -> OpenedKey:
        """Return a volume's data key; raises `CloudAway` and `Refused`."""
        async with self._opened() as door:
            return await door.fetch_volume_key(volume_id)

    @asynccontextmanager
    async def _opened(self) -> AsyncGenerator[cloud.Cloud]:
        door = cloud.Cloud(self._layout, self._membership())
        try:
            yield door
        finally:
            await door.close()

    def _membership(self) -> membership.Membership:
        found = membership.read(self._layout)
        if found is None:
            raise cloud.CloudAway("this host has joined no cloud")
        return found


class Stores:
    """The object store: as it is, one account after the other, and opened by volumes' keys.

    A key is kept as long as somebody has the disk that it opens, and in memory alone.
    """

    def __init__(self, given: passes.Passes, keys: VolumeKeys) -> None:
        self._passes = given
        self._keys = keys
        self._plain: dict[str, Blockstore] = {}
        self._opened: WeakKeyDictionary[Origin, Blockstore] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def of(self, origin: Origin) -> Blockstore:
        """Return what gives the blocks of a content; threads may ask at once.

        Raises `StoreAway` and `StoreRefused` when there is no key for them.
        """
        if not origin.is_sealed:
            account = origin.content.account
            with self._lock:
                if account not in self._plain:
                    self._plain[account] = self._new(origin, PLAIN)
                return self._plain[account]
        with self._lock:
            found = self._opened.get(origin)
        if found is None:
            try:
                key = self._keys.opened(origin.volume_id)
            except KeyRefused as error:
                raise StoreRefused(str(error)) from error
            except NoKey as error:
                raise StoreAway(str(error)) from error
            with self._lock:
                found = self._opened.setdefault(origin, self._new(origin, Sealed(key.secret)))
        return found

    def _new(self, origin: Origin, coder: Coder) -> Blockstore:
        access = self._passes.access(PassRequest(account=origin.content.account))
        return Blockstore(access, coder)

    def close(self) -> None:
        """Close all connections."""
        for store in (*self._plain.values(), *self._opened.values()):
            store.close()


def main(layout: Layout, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT."""
    logs.configure("blocks", layout.log / "blocks.log")
    asyncio.run(ending.run_until_told(run(layout, listener)))


async def run(layout: Layout, listener: socket.socket) -> None:
    """Serve until cancelled."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, "block"))
    door = OwnDoor(layout)
    stores = Stores(passes.Passes(door, clock.SYSTEM), VolumeKeys(door))
    try:
        await serve(layout, listener, stores.of)
    finally:
        stores.close()


async def serve(
    layout: Layout,
    listener: socket.socket,
    store_of: blockreader.StoreOf,
    patience: Patience = blockreader.PATIENT,
) -> None:
    """Serve blocks from wherever they come, until cancelled."""
    bytes_max = blockcache.bound_of(layout.node)
    cache = await asyncio.to_thread(BlockCache, layout.block_cache, bytes_max)
    blocks = BlockReader(cache, store_of, patience)
    troubles = exports.Troubles()
    served = exports.Exports(layout, blocks, troubles)
    # A hole is nothing that is there: what a volume is filled with leaves it out.
    listening = await server.Server(served, wire.STATE_HOLE).start(listener)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(exports.tell_troubles(layout, served, troubles))
            group.create_task(pinning.Pinning(layout, cache, store_of).run())
    finally:
        listening.close()
        await blocks.close()
