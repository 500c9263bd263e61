"""Copies of snapshots: an own snapshot with what another one has.

A copy names the same content as its source (`model.snapshots.Content`), so it is complete at once,
costs nothing, and stays when its source goes; of an encrypted one it has the data key too, wrapped
for itself. Where it shall be encrypted and its source is not, or under another key of the key
store, it has a data key of its own, and is `pending` until its blocks are sealed with that
(`s3.resealing`). Called through the action table. There is one region: who names another is
refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib import parse

from mallee.aws import errors
from mallee.cloud.action import Action, KeyUse, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import tagset
from mallee.cloud.ec2.storage import ebskeys, snapshotsharing
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.storage.snapshots import NO_VOLUME, Resealing, Snapshot, SnapshotSeen

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

SnapshotRecord = Record[Snapshot, SnapshotSeen]


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of a copy."""

    encryption: ebskeys.Wanted
    description: str
    tags: dict[str, str]


def copy_snapshot(
    call: WriteCall, request: shapes.CopySnapshotRequest
) -> shapes.CopySnapshotResult:
    """Make a snapshot of the caller's of one that he may use."""
    _check_place(call, request)
    source = snapshotsharing.usable(call, request["SourceSnapshotId"])
    words = Words(
        encryption(request),
        request.get("Description", ""),
        tagset.of_new(request, records.SNAPSHOT.name),
    )
    made = insert(call, source, words)
    return {"SnapshotId": made.id, "Tags": tagset.shown(made.tags)}


def insert(call: WriteCall, source: SnapshotRecord, words: Words) -> Snapshot:
    """Put a copy of a snapshot that the caller may use into the store; it may use the keys that
    `uses_keys` tells."""
    content = source.doc.content
    if content is None:
        raise errors.IncorrectState(
            f"Snapshot is in invalid state - pending: what {source.id} has is being brought to the "
            "object store. Wait until it is completed."
        )
    id = ids.make("snap", call.entropy(ids.ID_BYTES))
    made_of = ebskeys.Source(source.account, source.doc.key)
    key = ebskeys.for_copy(call, id, words.encryption, made_of)
    is_same = (key.id if key else "") == content.key_id
    snapshot = Snapshot(
        id=id,
        volume_id=NO_VOLUME,
        size_gib=source.doc.size_gib,
        description=words.description,
        content=content if is_same else None,
        resealing=None if is_same else Resealing(source=content, key=source.doc.key),
        boot=source.doc.boot,
        key=key,
        started_at=call.now,
        made_by=call.principal.issuer_id,
        tags=words.tags,
    )
    call.tx.insert(records.SNAPSHOT, call.account, id, snapshot)
    return snapshot


def encryption(request: Request) -> ebskeys.Wanted:
    """Return what is said of encryption; that a copy shall have none means nothing, as in AWS."""
    said = ebskeys.wanted(request)
    return ebskeys.Wanted(said.encrypted or None, said.kms_key)


def _uses_keys(call: Call, request: shapes.CopySnapshotRequest) -> Iterable[KeyUse]:
    """Return what a copy takes of the key store."""
    source = snapshotsharing.usable(call, request["SourceSnapshotId"])
    return ebskeys.uses_of_new(call, encryption(request), ebskeys.source_of(source))


def _check_place(call: WriteCall, request: shapes.CopySnapshotRequest) -> None:
    """Refuse what is about another region; SDKs say twice which one they mean."""
    here = call.settings.region
    for member in ("SourceRegion", "DestinationRegion"):
        region: str = request.get(member, here)
        if region != here:
            raise errors.InvalidParameterValue(
                f"Invalid region: {region}. This cloud has one region, {here}."
            )
    url = request.get("PresignedUrl")
    if url is not None:
        said = dict(parse.parse_qsl(parse.urlsplit(url).query))
        # It says for another region what is asked for here: it must be the same.
        if said.get("SourceSnapshotId", "") != request["SourceSnapshotId"]:
            raise errors.InvalidParameterValue("PresignedUrl is of another copy than the request.")


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CopySnapshot",
        does=Write(handle=copy_snapshot),
        honours=frozenset(
            {
                "Description",
                "DestinationRegion",
                "Encrypted",
                "KmsKeyId",
                "PresignedUrl",
                "SourceRegion",
                "SourceSnapshotId",
            }
        ),
        uses_keys=_uses_keys,
        creates=(records.SNAPSHOT.name,),
    ),
)
