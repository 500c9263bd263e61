"""What state a snapshot is in, and how far it is: never stored, told from what is wanted and seen.

Called by the rows of snapshots and by whatever explains them. A snapshot whose content is not in
the object store yet is `pending`, and can be used all the same, where its cut is. Pure.
"""

from mallee.cloud.blocks import resealing
from mallee.cloud.state.records import Record
from mallee.model.storage.snapshots import NO_VOLUME, Snapshot, SnapshotSeen

PENDING, COMPLETED, ERROR = "pending", "completed", "error"

SnapshotRecord = Record[Snapshot, SnapshotSeen]


def of(record: SnapshotRecord) -> str:
    """Return the state that EC2 shows."""
    doc, seen = record.doc, record.seen
    if doc.content is not None:
        return COMPLETED
    if doc.writing is not None and doc.writing.failed_at is not None:
        return ERROR
    if doc.resealing is not None and doc.resealing.failed_at is not None:
        return ERROR
    if doc.stranded is not None:
        return ERROR
    is_failed = seen is not None and seen.is_failed and seen.attempt == doc.attempt
    return ERROR if is_failed else PENDING


def progress(record: SnapshotRecord) -> str:
    """Return how much of its content is there, as EC2 shows it."""
    if record.doc.content is not None:
        return "100%"
    copy = record.doc.resealing
    if copy is not None:
        return f"{min(99, resealing.percent_of(copy.done, copy.pages))}%"
    seen = record.seen
    if seen is None or not seen.total_bytes or seen.attempt != record.doc.attempt:
        return "0%"
    return f"{min(99, 100 * max(0, seen.done_bytes) // seen.total_bytes)}%"


def message(record: SnapshotRecord) -> str:
    """Return what stands against it: why it is not complete, or what of it is lost; empty:
    nothing."""
    doc, seen = record.doc, record.seen
    if doc.lost_blocks:
        return f"{doc.lost_blocks} of its blocks are lost in the object store."
    if doc.resealing is not None:
        return doc.resealing.cause
    if doc.content is None and doc.stranded is not None:
        return doc.stranded.message
    if doc.content is not None or seen is None or seen.cause is None:
        return ""
    return seen.cause.message


def told(doc: Snapshot) -> str:
    """Say in words whence what a snapshot has comes."""
    if doc.volume_id == NO_VOLUME:
        return "was copied, imported, or written to it block by block"
    return f"{doc.volume_id} held at the moment of the cut"
