"""Turns in an account's blocks: many write at once, the sweep alone; neither meets the other.

What writes enters before it looks what is there, and leaves when a snapshot names its tree, or it
is given up. A sweep begins when nobody is in, and with it another *epoch*: a tree that was begun in
an earlier one may count on blocks that are gone, and is not taken (`reconcile.snapshots`). So a
writer that is late, or was thought to be dead, spoils nothing. Every function is part of its
caller's transaction.
"""

from msgspec.structs import replace

from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.storage.passes import BlockSpace

EVERY_S = 7 * 86_400.0
"""Blocks are swept so often though nobody said that there is garbage: whatever made some."""
PATIENCE_S = 3600.0
"""A sweep that has waited so long lets nobody new in."""
BRIEF_PATIENCE_S = PATIENCE_S / 2
"""One that has waited so long lets nobody stay who need not: long before others are kept out."""

Space = Record[BlockSpace, None]


class Swept(Exception):
    """The account's blocks are being swept, or will be as soon as those in them are done."""


def enter(tx: store.Tx, account: str, who: str, until: float) -> int:
    """Let somebody write until a time, or longer than he was; return the epoch. Raises `Swept`."""
    space = _space(tx, account)
    doc = space.doc
    is_new = who not in doc.uses
    if doc.is_sweeping or (is_new and _is_due(doc, tx.now)):
        raise Swept(f"the blocks of {account} are being swept")
    if doc.uses.get(who, 0.0) < until:
        uses = {**_living(doc, tx.now), who: until}
        tx.write(space, replace(doc, uses=uses))
    return doc.epoch


def enter_briefly(tx: store.Tx, account: str, who: str, until: float) -> int:
    """Enter as one who can stay out for a while at any time: what he has written is among what a
    sweep finds needed. So he gives way to one that waits, also when he is in. Raises `Swept`."""
    doc = _space(tx, account).doc
    if doc.waits_since and tx.now > doc.waits_since + BRIEF_PATIENCE_S:
        raise Swept(f"the blocks of {account} will be swept")
    return enter(tx, account, who, until)


def leave(tx: store.Tx, account: str, who: str, *, is_garbage: bool = False) -> None:
    """Let somebody's turn end; tell whether what he wrote may be for nothing."""
    space = tx.get(records.BLOCK_SPACE, account)
    if space is None:
        return
    uses = {one: until for one, until in space.doc.uses.items() if one != who}
    doc = replace(space.doc, uses=uses)
    if is_garbage and not doc.waits_since:
        doc = replace(doc, waits_since=tx.now)
    if doc != space.doc:
        tx.write(space, doc)


def note_garbage(tx: store.Tx, account: str) -> None:
    """Say that something of an account's is named by one less."""
    leave(tx, account, "", is_garbage=True)


def is_current(tx: store.Tx, account: str, epoch: int) -> bool:
    """Tell whether what was begun in an epoch may count on all that was there."""
    space = tx.get(records.BLOCK_SPACE, account)
    return space is not None and space.doc.epoch == epoch and not space.doc.is_sweeping


def may_sweep(view: store.View | store.Tx, account: str, now: float) -> bool:
    """Tell whether there may be something to sweep, and nobody is in."""
    space = view.get(records.BLOCK_SPACE, account)
    if space is None:
        return False
    doc = space.doc
    is_due = doc.waits_since > 0 or now > doc.swept_at + EVERY_S
    return doc.is_sweeping or (is_due and not _living(doc, now))


def begin_sweep(tx: store.Tx, account: str) -> bool:
    """Begin a sweep, or go on with one that was cut off; tell whether it may be."""
    space = tx.get(records.BLOCK_SPACE, account)
    if space is None or not may_sweep(tx, account, tx.now):
        return False
    doc = space.doc
    if not doc.is_sweeping:
        swept = replace(doc, epoch=doc.epoch + 1, uses={}, is_sweeping=True, waits_since=0.0)
        tx.write(space, swept)
    return True


def end_sweep(tx: store.Tx, account: str, *, is_empty: bool = False) -> None:
    """Let others in again; where nothing is left of an account that is gone, forget it."""
    space = tx.get(records.BLOCK_SPACE, account)
    if space is None or not space.doc.is_sweeping:
        return
    if is_empty and tx.get(records.ACCOUNT, account) is None:
        tx.delete(space)
        return
    tx.write(space, replace(space.doc, is_sweeping=False, swept_at=tx.now))


def _space(tx: store.Tx, account: str) -> Space:
    found = tx.get(records.BLOCK_SPACE, account)
    if found is not None:
        return found
    fresh = BlockSpace(id=account, swept_at=tx.now)
    return tx.insert(records.BLOCK_SPACE, "", account, fresh)


def _living(doc: BlockSpace, now: float) -> dict[str, float]:
    return {who: until for who, until in doc.uses.items() if now < until}


def _is_due(doc: BlockSpace, now: float) -> bool:
    return bool(doc.waits_since) and now > doc.waits_since + PATIENCE_S
