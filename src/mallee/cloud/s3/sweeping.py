"""Sweeps accounts' blocks of those that nothing needs, in the process that has the objects.

First all that is needed is marked, from every tree that any record names (`blocks.needed`), and
from what users have written of snapshots (`ebs.drafts`); then the rest goes. Nobody writes
meanwhile (`blocks.turns`), so nothing can be counted on and swept. A sweep that was cut off begins
anew. What cannot be marked, because a page is damaged, is not swept at all. Called by the runner.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mallee.cloud.blocks import needed, shelf, stored, turns
from mallee.cloud.ebs import drafts
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.kit import clock as clocks
from mallee.kit import logs
from mallee.model.storage import blockobjects
from mallee.walrus.errors import Closed, Corrupt, Gone, Unreachable
from mallee.walrus.pages import Question
from mallee.walrus.records import NULL, Blob
from mallee.walrus.seam import Engine, Tx

EVERY_S = 5.0
GATHERED_S = 30.0
"""Deletions come in swarms: a sweep waits so long for more of them."""
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """What a sweep leaves."""

    roots: set[str]
    """All that these trees need."""
    written: tuple[str, ...] = ()
    """All that was written of these snapshots, which have no trees yet."""


_UNKNOWN = (stored.Missing, Corrupt, Gone, blockobjects.NotATree)
_log = logs.get(__name__)


def reconciler(
    opened: store.Store, engine: Engine, clock: clocks.Clock = clocks.SYSTEM
) -> Reconciler:
    """Return the reconciler; its keys are the accounts that may have something to sweep."""

    def keys() -> tuple[str, ...]:
        view, now = opened.view, clock.now()
        return tuple(one.id for one in view.list(records.BLOCK_SPACE) if _is_due(view, one.id, now))

    async def settle(account: str) -> None:
        if not await opened.run(lambda tx: turns.begin_sweep(tx, account)):
            return
        await opened.catch_up()
        left = 1
        try:
            roots = needed.roots(opened.view, account)
            written = _written(opened.view, account)
            count, left = await asyncio.to_thread(sweep, engine, account, Kept(roots, written))
            if count:
                _log.info("swept", account=account, blocks=count)
        except Closed:
            return
        except (*_UNKNOWN, Unreachable) as error:
            _log.error("not swept", account=account, why=str(error))
        await opened.run(lambda tx: turns.end_sweep(tx, account, is_empty=not left))

    return Reconciler(name="blocks", keys=keys, settle=settle, every_s=EVERY_S)


def _is_due(view: store.View, account: str, now: float) -> bool:
    if not turns.may_sweep(view, account, now):
        return False
    space = view.get(records.BLOCK_SPACE, account)
    assert space is not None
    return space.doc.is_sweeping or now >= space.doc.waits_since + GATHERED_S


def _written(view: store.View, account: str) -> tuple[str, ...]:
    """Return the snapshots of an account that are being written block by block."""
    found = view.by(records.SNAPSHOT, "writing", "yes")
    return tuple(one.id for one in found if one.account == account)


def sweep(engine: Engine, account: str, kept: Kept) -> tuple[int, int]:
    """Remove what of an account's blocks is not kept; return how many objects went, and how many
    are left. Blocks.

    Raises `Missing`, `Corrupt`, `Gone` and `NotATree` when it cannot be known what is needed.
    """

    def load(name: bytes) -> bytes:
        return blockobjects.PLAIN.decode(name, stored.get(engine.reader, account, name))

    marked = needed.names(set(kept.roots), load)
    for id in kept.written:
        for one in drafts.all_of(engine.reader, id):
            marked.update(one.draft.names)
    count = left = 0
    for keys in _pages(engine, account):
        victims = [key for key in keys if _name_in(key) not in marked]
        remove(engine, victims)
        count += len(victims)
        left += len(keys) - len(victims)
    return count, left


def remove(engine: Engine, keys: Sequence[bytes]) -> None:
    """Remove objects of the bucket of blocks; such as are not there: nothing. Blocks."""

    def work(tx: Tx, _: Sequence[Blob]) -> None:
        for key in keys:
            tx.remove(shelf.NUMBER, key, NULL)

    if keys:
        engine.commit(work).result()


def _pages(engine: Engine, account: str) -> Iterator[list[bytes]]:
    """Yield the keys of all objects of an account, some at a time."""
    after: bytes | None = None
    while True:
        asked = Question(prefix=f"{account}/".encode(), after=after, limit=AT_ONCE)
        page = engine.reader.list_objects(shelf.NUMBER, asked)
        keys = [key for key, _ in page.entries]
        if keys:
            yield keys
        if not page.is_truncated:
            return
        after = keys[-1]


def _name_in(key: bytes) -> bytes:
    """Return the name in a key; what is no name is nobody's."""
    try:
        return bytes.fromhex(key.decode().rpartition("/")[2])
    except ValueError:
        return b""
