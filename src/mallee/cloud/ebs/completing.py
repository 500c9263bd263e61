"""Completing snapshots: of what was written a tree is made, and nothing more is taken.

Called through `table`. Doing it again changes nothing; who was killed between does it again.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Serve
from mallee.cloud.blocks import stored, turns
from mallee.cloud.call import Call, Request
from mallee.cloud.ebs import drafts, exchange, writing
from mallee.cloud.ebs.drafts import Drafted
from mallee.cloud.ebs.exchange import PIECES, BlockCall, SnapshotRecord
from mallee.cloud.ec2.storage import snapshotstates
from mallee.cloud.s3.exchange import Answer
from mallee.cloud.state import records, store
from mallee.model.storage import blockobjects, blocktrees
from mallee.model.storage.snapshots import NO_VOLUME, Content


async def complete(call: BlockCall, asked: Request) -> Answer:
    """Make the snapshot of what was written; doing it again changes nothing."""
    there = exchange.snapshot(call, asked["SnapshotId"])
    if there.account == call.account and there.doc.volume_id == NO_VOLUME and there.doc.content:
        return Answer(result={"Status": snapshotstates.COMPLETED})
    record = writing.pending(call, asked["SnapshotId"])
    await writing.hear(call, record)
    content = await call.in_thread(lambda: _closed(call, record, asked))

    def finish(tx: store.Tx) -> None:
        found = tx.get(records.SNAPSHOT, record.id)
        if found is None:
            raise errors.ebs.ResourceNotFoundException(record.id)
        if found.doc.content is not None:
            return
        doing = writing.check_open(found.doc, tx.now, record.id)
        if not turns.is_current(tx, record.account, doing.epoch):
            # Its pages may be gone again. Asked once more, it goes on.
            raise errors.ebs.ServiceUnavailableException
        turns.leave(tx, record.account, record.id)
        done = replace(found.doc, content=content, writing=None, completed_at=tx.now)
        tx.write(found, done)

    await call.store.run(finish)
    await call.in_thread(lambda: drafts.forget(call.engine, record.id))
    return Answer(result={"Status": snapshotstates.COMPLETED})


def _closed(call: BlockCall, record: SnapshotRecord, asked: Request) -> Content:
    """Take no more blocks, and return the tree of those that came; go on when there is none."""
    drafts.close(call.engine, record.id)
    try:
        return _content(call, record, asked)
    except errors.AwsError:
        drafts.reopen(call.engine, record.id)
        raise


def _content(call: BlockCall, record: SnapshotRecord, asked: Request) -> Content:
    """Put the tree of what was written, and return it; raise when that is not what was said."""
    doing = record.doc.writing
    assert doing is not None
    count, total = 0, hashlib.sha256()
    written: dict[int, bytes] = {}
    for one in drafts.all_of(call.engine.reader, record.id):
        count += 1
        total.update(one.draft.sha256)
        _check_there(call, record, one)
        for place, name in enumerate(one.draft.names):
            written[one.index * PIECES + place] = name
    if count != asked["ChangedBlocksCount"]:
        raise errors.ebs.InvalidParameter(f"{count} blocks were written to {record.id}.")
    _check_total(asked, base64.b64encode(total.digest()).decode())
    size_bytes = record.doc.size_gib << 30
    try:
        root = call.trees.root(doing.parent) if doing.parent else blocktrees.empty(0)
        load = call.trees.load(record.account)
        built = blocktrees.rebuild(root, size_bytes, written, load)
        full_bytes = _full_bytes(doing.parent, root, built, load)
    except exchange.UNREADABLE as error:
        raise errors.ebs.InternalServerException from error
    return replace(_kept(call, record, built), full_bytes=full_bytes)


def _full_bytes(
    parent: Content | None, root: blocktrees.Root, built: blocktrees.Rebuilt, load: blocktrees.Load
) -> int:
    """Return how much of a tree is no zeros, told from its parent where that was counted."""
    known = parent.full_bytes if parent else 0
    before = root if known else blocktrees.empty(0)

    def load_both(name: bytes) -> bytes:
        return built.pages.get(name) or load(name)

    return known + blocktrees.count_more(before, built.root, load_both) * blocktrees.BLOCK_BYTES


def _check_there(call: BlockCall, record: SnapshotRecord, one: Drafted) -> None:
    """Raise when a block is not there that was put while a sweep ran: nobody acknowledged it."""
    for name in one.draft.names:
        if name != blocktrees.HOLE and not stored.has(call.engine.reader, record.account, name):
            raise errors.ebs.InvalidBlock(f"The block {one.index} has to be written again.")


def _check_total(asked: Request, total: str) -> None:
    said: str | None = asked.get("Checksum")
    method = asked.get("ChecksumAggregationMethod")
    if (said is None) is not (method is None):
        raise errors.ebs.InvalidParameter(
            "Checksum and ChecksumAggregationMethod are said together, or neither is."
        )
    if said is not None and said != total:
        raise errors.ebs.InvalidParameter("The checksum is not that of what was written.")


def _kept(call: BlockCall, record: SnapshotRecord, built: blocktrees.Rebuilt) -> Content:
    plain = blockobjects.PLAIN
    for some in _batches(built.pages.items()):
        objects = {name: plain.encode(page) for name, page in some}
        stored.put(call.engine, record.account, objects).result()
    data = blocktrees.encode(built.root)
    name = plain.name_of(data)
    stored.put(call.engine, record.account, {name: plain.encode(data)}).result()
    key = record.doc.key
    return Content(
        account=record.account,
        root=name.hex(),
        size_bytes=built.root.size_bytes,
        key_id=key.id if key else "",
    )


def _batches(
    pages: Iterable[tuple[bytes, bytes]], most: int = 256
) -> Iterator[list[tuple[bytes, bytes]]]:
    some: list[tuple[bytes, bytes]] = []
    for page in pages:
        some.append(page)
        if len(some) == most:
            yield some
            some = []
    if some:
        yield some


def _of_snapshot(call: Call, asked: Request) -> tuple[str, ...]:
    return (exchange.snapshot_arn(call, asked),)


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ebs",
        name="CompleteSnapshot",
        does=Serve(handle=complete, changes=True),
        honours=frozenset(
            {
                "ChangedBlocksCount",
                "Checksum",
                "ChecksumAggregationMethod",
                "ChecksumAlgorithm",
                "SnapshotId",
            }
        ),
        resources=_of_snapshot,
    ),
)
