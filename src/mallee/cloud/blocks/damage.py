"""What of snapshots is lost: blocks that their trees name and the object store has not.

A scrub takes damaged blocks away, so that whoever brings the same bytes again heals them; here is
counted what is missing since, by snapshot. Called by the scrub, in a thread: everything blocks.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from mallee.cloud.blocks import shelf, stored
from mallee.cloud.state import records, store
from mallee.kit import logs
from mallee.model.storage import blockobjects, blocktrees
from mallee.model.storage.snapshots import Content
from mallee.walrus.errors import Corrupt, Gone
from mallee.walrus.seam import Loser, Reader

_LOST = (stored.Missing, Corrupt, Gone, blockobjects.NotATree)

_log = logs.get(__name__)


def keys_of(losers: Sequence[Loser]) -> list[bytes]:
    """Return the keys of those damaged objects that are blocks, pages or roots."""
    return [one.key for one in losers if one.bucket == shelf.NUMBER]


def suspects(view: store.View, keys: Iterable[bytes]) -> dict[str, Content]:
    """Return the snapshots of which something may be lost, with what they have: those of accounts
    that lost something now, and those that had lost something before."""
    accounts = {key.decode(errors="replace").partition("/")[0] for key in keys}
    found: dict[str, Content] = {}
    for record in view.list(records.SNAPSHOT):
        content = record.doc.content
        if content is not None and (content.account in accounts or record.doc.lost_blocks):
            found[record.id] = content
    return found


def count(reader: Reader, content: Content) -> int:
    """Return how many of a tree's objects are missing; below one that is, nobody knows."""
    account = content.account

    def load(name: bytes) -> bytes:
        return blockobjects.PLAIN.decode(name, stored.get(reader, account, name))

    def is_missing(name: bytes) -> bool:
        key = blockobjects.key_of(account, name).encode()
        return reader.current(shelf.NUMBER, key) is None

    try:
        root = blocktrees.decode(load(bytes.fromhex(content.root)))
    except _LOST:
        return 1
    lost = 0
    for page in {name for name in root.pages if name != blocktrees.HOLE}:
        try:
            names = set(blocktrees.names_in(blocktrees.load_page(page, load)))
        except _LOST:
            lost += 1
            continue
        lost += sum(name != blocktrees.HOLE and is_missing(name) for name in names)
    return lost


def note(tx: store.Tx, lost: dict[str, int]) -> None:
    """Write down of how many blocks each snapshot is short."""
    for id, number in lost.items():
        record = tx.get(records.SNAPSHOT, id)
        if record is None or record.doc.lost_blocks == number:
            continue
        if number:
            _log.error("blocks of a snapshot are lost", snapshot=id, blocks=number)
        tx.write(record, replace(record.doc, lost_blocks=number))
