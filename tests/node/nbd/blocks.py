"""A block server over a store in memory, and contents to put into that."""

import asyncio
import random
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mallee.model.layout import Layout
from mallee.model.storage import blockobjects, blocktrees
from mallee.model.storage.blockobjects import PLAIN, Plain
from mallee.model.storage.blocktrees import BLOCK_BYTES
from mallee.model.storage.snapshots import Content
from mallee.node.do.storage.blockstore import BlockMissing, StoreAway
from mallee.node.nbd import contents, daemon, serving
from mallee.node.nbd.blockreader import Origin, Patience

ACCOUNT = "000000000001"
OTHER_ACCOUNT = "000000000002"
LONG = Patience(20.0, 0.02)


@dataclass(slots=True)
class Memory:
    """What the object store keeps, and what was got of it."""

    kept: dict[tuple[str, bytes], bytes] = field(default_factory=dict[tuple[str, bytes], bytes])
    got: list[bytes] = field(default_factory=list[bytes])
    is_away: threading.Event = field(default_factory=threading.Event)
    sealed: set[bytes] = field(default_factory=set[bytes])
    """Names of what is given as it is."""

    def of(self, origin: Origin) -> "Account":
        """Return one account's blocks."""
        return Account(self, origin.content.account)

    def put(self, data: bytes, account: str = ACCOUNT) -> Content:
        """Keep a disk; return its content."""
        written: dict[int, bytes] = {}
        for number in range(blocktrees.block_count(len(data))):
            block = data[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES]
            name = blocktrees.name_of(block)
            if name != blocktrees.HOLE:
                written[number] = name
                self.kept[account, name] = block
        return self.put_tree(written, len(data), account)

    def put_tree(self, written: dict[int, bytes], size: int, account: str = ACCOUNT) -> Content:
        """Keep a tree of blocks that are kept already; return its content."""

        def none(name: bytes) -> bytes:
            raise KeyError(name)

        built = blocktrees.rebuild(blocktrees.empty(size), size, written, none)
        self.kept |= {(account, name): page for name, page in built.pages.items()}
        root = blocktrees.encode(built.root)
        name = blocktrees.name_of(root)
        self.kept[account, name] = root
        return Content(account=account, root=name.hex(), size_bytes=size)


@dataclass(frozen=True, slots=True)
class Account:
    """One account's blocks: a `blockreader.Store`."""

    memory: Memory
    account: str

    @property
    def coder(self) -> Plain:
        return PLAIN

    def fetch(self, name: bytes) -> bytes:
        if name in self.memory.sealed:
            return self.memory.kept[self.account, name]
        return PLAIN.encode(self.get(name))

    def get(self, name: bytes) -> bytes:
        if self.memory.is_away.is_set():
            raise StoreAway("nobody answers")
        self.memory.got.append(name)
        data = self.memory.kept.get((self.account, name))
        if data is None:
            raise BlockMissing(f"the block {name.hex()} is not in the object store")
        try:
            return blocktrees.verified(name, data)
        except blockobjects.NotATree as error:
            raise BlockMissing(f"the block {name.hex()} is damaged: {error}") from error


def disk_bytes(seed: int, blocks: int, tail: int = 0) -> bytes:
    """A disk with data and holes, alike for a seed; its last block may be short."""
    chance = random.Random(seed)
    pieces = [
        chance.randbytes(BLOCK_BYTES)
        if number == 0 or chance.random() < 0.5
        else bytes(BLOCK_BYTES)
        for number in range(blocks)
    ]
    return b"".join((*pieces, chance.randbytes(tail)))


@contextmanager
def serving_blocks(
    layout: Layout, memory: Memory, patience: Patience = LONG
) -> Generator[Callable[[], contents.Troubles]]:
    """A block server in a thread of its own; gives what it says it cannot read."""
    listener = daemon.listen(layout)
    ends = threading.Event()

    async def serve() -> None:
        running = asyncio.create_task(serving.serve(layout, listener, memory.of, patience))
        await asyncio.to_thread(ends.wait)
        running.cancel()
        await asyncio.wait([running])

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        yield lambda: contents.read_troubles(layout)
    finally:
        ends.set()
        thread.join()
        listener.close()
