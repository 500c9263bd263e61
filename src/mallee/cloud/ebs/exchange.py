"""What handlers of the EBS direct APIs are given, and what they have in common.

Rows are `Write` where they change documents alone, `Serve` where blocks are read or written. Made
by `pipeline`. A block here is EBS's, of 512 KiB: four of the tree's.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass
from typing import TypeVar

from mallee.aws import errors
from mallee.cloud.blocks import stored
from mallee.cloud.call import Call, Request
from mallee.cloud.ebs.trees import Trees
from mallee.cloud.ec2.storage import snapshotsharing
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit import secretbox
from mallee.model.storage import blocktrees
from mallee.model.storage.snapshots import Content, Snapshot, SnapshotSeen
from mallee.walrus.errors import Corrupt, Gone
from mallee.walrus.seam import Engine

T = TypeVar("T")
SnapshotRecord = Record[Snapshot, SnapshotSeen]

BLOCK_BYTES = 512 << 10
PIECES = BLOCK_BYTES // blocktrees.BLOCK_BYTES
"""Blocks of the tree in one of EBS's."""
BLOCKS_IN_GIB = (1 << 30) // BLOCK_BYTES
UNREADABLE = (stored.Missing, blocktrees.NotATree, Corrupt, Gone, sqlite3.DatabaseError)
"""Why what a snapshot has cannot be read: a fault of ours, whichever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockCall(Call):
    """The call of a handler that deals with blocks."""

    engine: Engine
    store: store.Store
    trees: Trees
    box: secretbox.SecretBox
    body: bytes
    keys: frozenset[str]
    """The ARNs of keys of the key store that may be used for this call."""
    threads: futures.Executor

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run what blocks in one of a bounded number of threads."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)


def snapshot(call: Call, id: str) -> SnapshotRecord:
    """Return a snapshot that the caller may read: his own, or one that is shared with him."""
    found = call.view.get(records.SNAPSHOT, id)
    if found is None or not snapshotsharing.may_use(call.view, found, call.account):
        raise errors.ebs.ResourceNotFoundException(id)
    return found


def content_of(record: SnapshotRecord) -> Content:
    """Return what a snapshot has; raise while that is not all there."""
    content = record.doc.content
    if content is None:
        raise errors.ebs.InvalidSnapshot(
            f"The snapshot {record.id} is not completed: what it has cannot be read yet."
        )
    return content


def check_index(record: SnapshotRecord, index: int) -> None:
    """Raise when a snapshot has no such block."""
    if index >= record.doc.size_gib * BLOCKS_IN_GIB:
        raise errors.ebs.InvalidBlock(f"The block {index} is behind the end of {record.id}.")


def snapshot_arn(call: Call, asked: Request, member: str = "SnapshotId") -> str:
    """Return the ARN of the snapshot that a request names; of one to be made, `*`."""
    return f"arn:aws:ec2:{call.settings.region}::snapshot/{asked.get(member, '*')}"
