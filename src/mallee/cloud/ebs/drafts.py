"""What was written of snapshots that are not complete: by block, its names and its checksum.

A *draft* is an entry beside the blocks in the engine, made in the very transaction that puts them,
so a block that was acknowledged is known after every kill. It has no bytes of its own: what it says
stands in the version's `about`. While a snapshot is being completed it is closed: what comes then
is refused, so that none is acknowledged that the tree has not. Called by `writing` and
`completing`; swept by `abandoned`. Everything here blocks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from mallee.cloud.blocks import shelf
from mallee.walrus.pages import Question
from mallee.walrus.records import NULL, Blob, Version
from mallee.walrus.seam import Engine, Reader, Tx

PREFIX = b"writing/"
"""No account's id begins like this."""
_CLOSED = b"~"
"""In the place of a block: that no more are taken."""
_AT_ONCE = 1000


class Closed(Exception):
    """The snapshot is being completed."""


class Draft(msgspec.Struct, frozen=True, array_like=True):
    """One written block."""

    names: tuple[bytes, ...]
    """Of the four blocks of the tree that it is."""
    sha256: bytes
    """Of its bytes."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft, and of which block it is."""

    index: int
    draft: Draft


def note(tx: Tx, snapshot_id: str, index: int, draft: Draft) -> None:
    """Keep a draft, in the place of an earlier one of the block; raise `Closed`."""
    if tx.current(shelf.NUMBER, _prefix(snapshot_id) + _CLOSED) is not None:
        raise Closed(snapshot_id)
    about = msgspec.msgpack.encode(draft)
    version = Version(id=NULL, modified_ms=tx.now_ms, about=about)
    tx.add(shelf.NUMBER, _key(snapshot_id, index), version)


def close(engine: Engine, snapshot_id: str) -> None:
    """Take no more drafts of a snapshot."""

    def work(tx: Tx, _: Sequence[Blob]) -> None:
        version = Version(id=NULL, modified_ms=tx.now_ms)
        tx.add(shelf.NUMBER, _prefix(snapshot_id) + _CLOSED, version)

    engine.commit(work).result()


def reopen(engine: Engine, snapshot_id: str) -> None:
    """Take drafts again."""

    def work(tx: Tx, _: Sequence[Blob]) -> None:
        tx.remove(shelf.NUMBER, _prefix(snapshot_id) + _CLOSED, NULL)

    engine.commit(work).result()


def all_of(reader: Reader, snapshot_id: str) -> Iterator[Drafted]:
    """Yield a snapshot's drafts, ordered by block."""
    prefix = _prefix(snapshot_id)
    for key, version in _listed(reader, prefix):
        assert version is not None, "nothing is rolled up without a delimiter"
        if key.endswith(_CLOSED):
            continue
        draft = msgspec.msgpack.decode(version.about, type=Draft)
        yield Drafted(int(key[len(prefix) :], 16), draft)


def snapshots(reader: Reader) -> list[str]:
    """Return the ids of the snapshots that have drafts."""
    return [key[len(PREFIX) : -1].decode() for key, _ in _listed(reader, PREFIX, b"/")]


def forget(engine: Engine, snapshot_id: str) -> None:
    """Forget a snapshot's drafts; what is cut off is gone on with by a second call."""
    question = Question(prefix=_prefix(snapshot_id), limit=_AT_ONCE)
    while entries := engine.reader.list_objects(shelf.NUMBER, question).entries:
        keys = [key for key, _ in entries]

        def remove(tx: Tx, _: Sequence[Blob], keys: Sequence[bytes] = keys) -> None:
            for key in keys:
                tx.remove(shelf.NUMBER, key, NULL)

        engine.commit(remove).result()


def _listed(
    reader: Reader, prefix: bytes, delimiter: bytes = b""
) -> Iterator[tuple[bytes, Version | None]]:
    after: bytes | None = None
    while True:
        question = Question(prefix=prefix, delimiter=delimiter, after=after, limit=_AT_ONCE)
        page = reader.list_objects(shelf.NUMBER, question)
        yield from page.entries
        if not page.is_truncated or not page.entries:
            return
        after = page.entries[-1][0]


def _key(snapshot_id: str, index: int) -> bytes:
    return _prefix(snapshot_id) + b"%08x" % index


def _prefix(snapshot_id: str) -> bytes:
    return PREFIX + snapshot_id.encode() + b"/"
