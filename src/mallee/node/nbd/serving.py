"""The block server at work: wires the socket, the exports, the cache and the object store together.

Called by `daemon` when the first client is there; it holds no rule. It asks the cloud for passes by
itself, with the agent's certificate, so that it needs no agent that runs.
"""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from mallee.kit import clock, logs
from mallee.kit.nbd import server, wire
from mallee.model.layout import Layout
from mallee.model.passes import Pass, PassRequest
from mallee.model.snapshots import Content
from mallee.node import cloud, ending, passes
from mallee.node.do.blockstore import Blockstore
from mallee.node.nbd import blockcache, blockreader, exports
from mallee.node.nbd.blockcache import BlockCache
from mallee.node.nbd.blockreader import BlockReader, Patience

THREADS = 16


class OwnDoor:
    """The cloud's door, opened anew for each question: the agent renews the certificate."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    @property
    def address(self) -> str:
        """The host name or address at which the cloud is reached."""
        return cloud.address_of(self._membership())

    async def fetch_pass(self, asked: PassRequest) -> Pass:
        """Return a pass; raises `CloudAway` and `Refused`."""
        door = cloud.Cloud(self._layout, self._membership())
        try:
            return await door.fetch_pass(asked)
        finally:
            await door.close()

    def _membership(self) -> cloud.Membership:
        found = cloud.read_membership(self._layout)
        if found is None:
            raise cloud.CloudAway("this host has joined no cloud")
        return found


class Stores:
    """The object store, one account after the other."""

    def __init__(self, given: passes.Passes) -> None:
        self._passes = given
        self._stores: dict[str, Blockstore] = {}

    def of(self, content: Content) -> Blockstore:
        """Return the blocks of a content's account; threads may ask at once."""
        found = self._stores.get(content.account)
        if found is None:
            access = self._passes.access(PassRequest(account=content.account))
            found = self._stores.setdefault(content.account, Blockstore(access))
        return found

    def close(self) -> None:
        """Close all connections."""
        for store in self._stores.values():
            store.close()


def main(layout: Layout, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT."""
    logs.configure("blocks", layout.log / "blocks.log")
    asyncio.run(ending.run_until_told(run(layout, listener)))


async def run(layout: Layout, listener: socket.socket) -> None:
    """Serve until cancelled."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, "block"))
    stores = Stores(passes.Passes(OwnDoor(layout), clock.SYSTEM))
    try:
        await serve(layout, listener, stores.of)
    finally:
        stores.close()


async def serve(
    layout: Layout,
    listener: socket.socket,
    store_of: Callable[[Content], blockreader.Store],
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
        await exports.tell_troubles(layout, served, troubles)
    finally:
        listening.close()
        await blocks.close()
