"""Writing snapshots: started, and written block by block in any order.

What is written is in the object store when it is acknowledged, as blocks of a tree that does not
exist yet (`drafts`), which sweeps leave alone. While one runs nothing is taken. Where nothing was
written, the parent's blocks are, or zeros. A snapshot of which nothing is heard for its timeout is
given up (`abandoned`). Called through `table`. Not its business: who may (`pipeline`), and making
the tree (`completing`).
"""

import base64
import hashlib
from collections.abc import Iterator

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, KeyUse, Serve, Write
from mallee.cloud.blocks import stored, turns
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.ebs import coders, drafts, exchange
from mallee.cloud.ebs.drafts import Draft
from mallee.cloud.ebs.exchange import BLOCK_BYTES, BlockCall, SnapshotRecord
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.storage import ebskeys, snapshotstates
from mallee.cloud.s3.exchange import Answer
from mallee.cloud.state import records, store
from mallee.model import ids
from mallee.model.storage import blocktrees
from mallee.model.storage.blockobjects import Coder
from mallee.model.storage.blocktrees import BLOCK_BYTES as PIECE_BYTES
from mallee.model.storage.snapshots import NO_VOLUME, Snapshot, Writing

TIMEOUT_MINUTES = 60
WRITING_MAX = 100
"""Snapshots of an account that are being written."""
SIZE_GIB_MAX = 65_536
HEARD_S = 60.0
"""How exactly it is written down when something was last heard of a snapshot."""
TURN_S = 2 * HEARD_S
"""So long a writer is believed to be at it: a sweep waits for no one who only began."""
SHA256 = "SHA256"


# --- starting ---


def start(call: WriteCall, asked: Request) -> Result:
    """Make a snapshot that is to be written."""
    parent = _parent(call, asked)
    source = ebskeys.Source(parent.account, parent.doc.key) if parent else None
    others = call.tx.by(records.SNAPSHOT, "writing", "yes")
    if sum(one.account == call.account for one in others) >= WRITING_MAX:
        raise errors.ebs.ConcurrentLimitExceededException(WRITING_MAX)
    id = ids.make("snap", call.entropy(ids.ID_BYTES))
    timeout_s = 60.0 * asked.get("Timeout", TIMEOUT_MINUTES)
    try:
        epoch = turns.enter_briefly(call.tx, call.account, id, call.now + TURN_S)
    except turns.Swept as error:
        raise errors.ebs.ServiceUnavailableException from error
    snapshot = Snapshot(
        id=id,
        volume_id=NO_VOLUME,
        size_gib=asked["VolumeSize"],
        description=asked.get("Description", ""),
        writing=Writing(
            parent=parent.doc.content if parent else None,
            parent_id=parent.id if parent else "",
            timeout_s=timeout_s,
            heard_at=call.now,
            epoch=epoch,
        ),
        key=ebskeys.for_new(call, id, _wanted(asked), source),
        started_at=call.now,
        made_by=call.principal.issuer_id,
        tags=_tags(asked),
    )
    return _started(call.tx.insert(records.SNAPSHOT, call.account, id, snapshot))


def _wanted(asked: Request) -> ebskeys.Wanted:
    return ebskeys.Wanted(asked.get("Encrypted"), asked.get("KmsKeyArn") or "")


def _tags(asked: Request) -> dict[str, str]:
    try:
        return tagset.checked(asked.get("Tags") or ())
    except (errors.InvalidParameterValue, errors.TagLimitExceeded) as error:
        raise errors.ebs.InvalidTag(error.message) from error


def _parent(call: Call, asked: Request) -> SnapshotRecord | None:
    """Return the snapshot whose blocks are there where none are written; raise if it cannot be."""
    size_gib: int = asked["VolumeSize"]
    if size_gib > SIZE_GIB_MAX:
        raise errors.ebs.InvalidVolumeSize(f"A snapshot has {SIZE_GIB_MAX} GiB at most.")
    id: str | None = asked.get("ParentSnapshotId")
    if id is None:
        return None
    if asked.get("Encrypted") is not None or asked.get("KmsKeyArn"):
        raise errors.ebs.InvalidParameter(
            "A snapshot with a parent is encrypted as its parent is: leave out Encrypted and "
            "KmsKeyArn."
        )
    found = resources.reader(call).get(records.SNAPSHOT, id)
    if found is None or found.account != call.account or found.doc.binned is not None:
        raise errors.ebs.ResourceNotFoundException(id)
    content = exchange.content_of(found)
    if content.account != call.account:
        raise errors.ebs.InvalidSnapshot(
            f"The blocks of {id} are another account's. Make a volume of it, and a snapshot of "
            "that, which can be a parent."
        )
    if size_gib < found.doc.size_gib:
        raise errors.ebs.InvalidVolumeSize(
            f"A snapshot is not smaller than its parent, which has {found.doc.size_gib} GiB."
        )
    return found


def _started(record: SnapshotRecord) -> Result:
    doc = record.doc
    told: dict[str, object] = {
        "SnapshotId": record.id,
        "OwnerId": record.account,
        "Status": snapshotstates.PENDING,
        "StartTime": doc.started_at,
        "VolumeSize": doc.size_gib,
        "BlockSize": BLOCK_BYTES,
        "SseType": "sse-kms" if doc.key else "none",
    }
    if doc.description:
        told["Description"] = doc.description
    if doc.tags:
        told["Tags"] = tagset.shown(doc.tags)
    if doc.writing is not None and doc.writing.parent_id:
        told["ParentSnapshotId"] = doc.writing.parent_id
    if doc.key is not None:
        told["KmsKeyArn"] = doc.key.kms_key
    return told


def _uses_of_start(call: Call, asked: Request) -> Iterator[KeyUse]:
    parent = _parent(call, asked)
    source = ebskeys.Source(parent.account, parent.doc.key) if parent else None
    yield from ebskeys.uses_of_new(call, _wanted(asked), source)


# --- writing ---


async def put_block(call: BlockCall, asked: Request) -> Answer:
    """Keep a block, in the place of what was written there before."""
    record = pending(call, asked["SnapshotId"])
    index: int = asked["BlockIndex"]
    exchange.check_index(record, index)
    data = call.body
    if asked["DataLength"] != BLOCK_BYTES or len(data) != BLOCK_BYTES:
        raise errors.ebs.InvalidBlock(f"A block has {BLOCK_BYTES} bytes.")
    coder = coders.of_snapshot(call, record)
    checksum: str = asked["Checksum"]

    def keep() -> None:
        digest = hashlib.sha256(data).digest()
        if base64.b64encode(digest).decode() != checksum:
            raise errors.ebs.InvalidBlock("The checksum is not the block's.")
        names, objects = _encoded(coder, data)
        draft = Draft(names, digest)
        done = stored.put(
            call.engine,
            record.account,
            objects,
            lambda tx: drafts.note(tx, record.id, index, draft),
        )
        done.result()

    await hear(call, record)
    try:
        await call.in_thread(keep)
    except drafts.Closed as error:
        raise _not_pending(record.id) from error
    # What was completed meanwhile may not have it, and a sweep may have taken what it counts on.
    await call.store.catch_up()
    if not is_in_turn(call.view, pending(call, record.id)):
        raise errors.ebs.ServiceUnavailableException
    return Answer(result={"Checksum": checksum, "ChecksumAlgorithm": SHA256})


def pending(call: BlockCall, id: str) -> SnapshotRecord:
    """Return a snapshot of the caller's that is being written; raise when it is not any more."""
    found = call.view.get(records.SNAPSHOT, id)
    if found is None or found.account != call.account or found.doc.binned is not None:
        raise errors.ebs.ResourceNotFoundException(id)
    check_open(found.doc, call.now, id)
    return found


def check_open(doc: Snapshot, now: float, id: str) -> Writing:
    """Return how a snapshot is being written; raise when it is not any more."""
    writing = doc.writing
    if writing is None:
        raise _not_pending(id)
    if writing.failed_at is not None or is_late(writing, now):
        raise errors.ebs.WriteRequestTimeout
    return writing


def _not_pending(id: str) -> errors.AwsError:
    return errors.ebs.InvalidSnapshot(f"The snapshot {id} is not pending.")


def is_late(writing: Writing, now: float) -> bool:
    """Tell whether nothing has come for longer than was agreed."""
    return now > writing.heard_at + writing.timeout_s + HEARD_S


def is_in_turn(view: store.View, record: SnapshotRecord) -> bool:
    """Tell whether nothing was swept since a snapshot's writer was last heard."""
    space, doing = view.get(records.BLOCK_SPACE, record.account), record.doc.writing
    if space is None or doing is None or space.doc.is_sweeping:
        return False
    return space.doc.epoch == doing.epoch


async def hear(call: BlockCall, record: SnapshotRecord) -> None:
    """Write down that something came, if that was not just done, and see that no sweep runs."""
    writing = record.doc.writing
    if writing is None:
        return
    if call.now < writing.heard_at + HEARD_S and is_in_turn(call.view, record):
        return

    def note(tx: store.Tx) -> None:
        found = tx.get(records.SNAPSHOT, record.id)
        if found is None:
            raise errors.ebs.ResourceNotFoundException(record.id)
        now = check_open(found.doc, tx.now, record.id)
        try:
            epoch = turns.enter_briefly(tx, record.account, record.id, tx.now + TURN_S)
        except turns.Swept as error:
            raise errors.ebs.ServiceUnavailableException from error
        heard = replace(now, heard_at=tx.now, epoch=epoch)
        tx.write(found, replace(found.doc, writing=heard))

    await call.store.run(note)


def _encoded(coder: Coder, data: bytes) -> tuple[tuple[bytes, ...], dict[bytes, bytes]]:
    """Return the names of a block's four, and what is to be kept under them."""
    names: list[bytes] = []
    objects: dict[bytes, bytes] = {}
    for at in range(0, BLOCK_BYTES, PIECE_BYTES):
        piece = data[at : at + PIECE_BYTES]
        name = coder.name_of(piece)
        names.append(name)
        if name != blocktrees.HOLE and name not in objects:
            objects[name] = coder.encode(piece)
    return tuple(names), objects


def _of_new(call: Call, asked: Request) -> tuple[str, ...]:
    return (exchange.snapshot_arn(call, {}),)


def _of_snapshot(call: Call, asked: Request) -> tuple[str, ...]:
    return (exchange.snapshot_arn(call, asked),)


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ebs",
        name="StartSnapshot",
        does=Write(handle=start),
        honours=frozenset(
            {
                "Description",
                "Encrypted",
                "KmsKeyArn",
                "ParentSnapshotId",
                "Tags",
                "Timeout",
                "VolumeSize",
            }
        ),
        resources=_of_new,
        uses_keys=_uses_of_start,
    ),
    Action(
        service="ebs",
        name="PutSnapshotBlock",
        does=Serve(handle=put_block, changes=True),
        honours=frozenset(
            {
                "BlockData",
                "BlockIndex",
                "Checksum",
                "ChecksumAlgorithm",
                "DataLength",
                "Progress",
                "SnapshotId",
            }
        ),
        resources=_of_snapshot,
        uses_keys=coders.uses,
    ),
)
