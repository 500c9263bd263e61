"""What hosts are told of transfers, may touch for them, and say of them.

A host gets credentials for exactly the objects of a transfer that it carries: a session of whoever
asked, or of the role that he named, which may read those, or write below that prefix, and nothing
else. What a host says goes into the task's *seen* column. Called by `door`, which knows the host,
and by `slices`. Not its business: what follows from how a task ended (`reconcile.transfers`).
"""

import asyncio
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from mallee.aws.bundles import Locked
from mallee.aws.signature.sending import Caller
from mallee.cloud.ec2.images import exporting, tasks
from mallee.cloud.ec2.images.tasks import TaskRecord
from mallee.cloud.hosts import refusals
from mallee.cloud.hosts.moves import bundlemanifests
from mallee.cloud.hosts.moves.bundlefiles import BundleFiles
from mallee.cloud.identity import sessions
from mallee.cloud.state import store
from mallee.kit import clock, secretbox
from mallee.model.identity.sessions import CallerKind, Session
from mallee.model.images.images import Blob
from mallee.model.storage import transfers
from mallee.model.storage.passes import PassRequest
from mallee.model.storage.snapshots import Content
from mallee.model.storage.transfers import (
    KeyAsked,
    KeyTold,
    Object,
    Phase,
    Task,
    TransferPass,
    TransferSeen,
    TransferWanted,
    Way,
)

LIFE_S = 3600.0
_DISK_BYTES_MAX = 16384 << 30
_FILE_BYTES_MAX = 1 << 46
_TOLD_MAX = 64
"""Members of what a manifest or a header says; each has `WORDS_MAX` characters at most."""
_FORMAT = re.compile(r"[a-z0-9-]{0,20}", re.ASCII)
_ROOT = re.compile(r"[0-9a-f]{64}", re.ASCII)
_READS = ("s3:GetObject",)
_WRITES = ("s3:PutObject", "s3:AbortMultipartUpload", "s3:PutObjectTagging")


def wanted_of(view: store.View, host_id: str) -> tuple[TransferWanted, ...]:
    """Return the transfers that a host shall carry, the oldest first."""
    found = [
        one for kind in tasks.TASKS for one in view.by(kind, "host", host_id) if is_wanted(one.doc)
    ]
    found.sort(key=lambda one: (one.doc.began_at, one.id))
    return tuple(
        TransferWanted(
            id=one.id,
            account=one.account,
            way=one.doc.way,
            disks=one.doc.disks,
            out=one.doc.out,
            key_id=one.doc.key.id if one.doc.key else "",
            attempt=one.doc.attempt,
        )
        for one in found
    )


def is_wanted(doc: Task) -> bool:
    """Tell whether a host has something to do for a task."""
    has_work = doc.out is None or exporting.has_source(doc.out)
    return doc.ended_at is None and doc.cancelled_at is None and has_work


@dataclass(slots=True)
class Transfers:
    """Answers hosts about transfers."""

    store: store.Store
    box: secretbox.SecretBox
    region: str
    port: Callable[[], int]
    """Where the API answers; 0 while the cloud is starting."""
    files: BundleFiles
    now: Callable[[], float] = clock.SYSTEM.now
    address: str = "127.0.0.1"
    """Where this machine reaches the API."""
    read_key: Callable[[Caller, Object], Locked] = bundlemanifests.key_in
    """Reads the key in a bundle's manifest; raises `Refused`, and blocks."""

    def give(self, host_id: str, id: str) -> TransferPass:
        """Return credentials for a transfer's objects; raise `Refused`."""
        record = carried(self.store.view, host_id, id)
        if not self.port():
            raise refusals.Refused(503, "the cloud is starting")
        if 0 < record.doc.access_ends_at <= self.now():
            raise refusals.Refused(403, "the upload policy has expired")
        made = sessions.issue(self.box, os.urandom, self._session(record))
        return TransferPass(
            port=self.port(),
            region=self.region,
            access_key_id=made.access_key_id,
            secret_access_key=made.secret,
            token=made.token,
            expires_at=made.expires_at,
            certificate=self._certificate(record),
        )

    def _certificate(self, record: TaskRecord) -> str:
        if record.doc.way is not Way.BUNDLE_OUT:
            return ""
        return self.files.certificate().decode()

    async def hear(self, host_id: str, id: str, seen: TransferSeen) -> None:
        """Store what a host says of a transfer; raise `Refused` for what cannot be believed."""
        record = carried(self.store.view, host_id, id)
        if record.seen == seen or seen.attempt != record.doc.attempt:
            return
        if not is_sound(record, seen) or not self._is_brought(record, seen):
            raise refusals.Refused(400, f"what is said of {id} is not to be believed")

        def observe(tx: store.Tx) -> None:
            now = tasks.find(tx, id)
            if now is not None and now.doc.host_id == host_id and is_wanted(now.doc):
                tx.observe(now, seen)

        await self.store.run(observe)

    def _is_brought(self, record: TaskRecord, seen: TransferSeen) -> bool:
        """Tell whether a bundle's file, if it is done, is one that was brought for it."""
        if record.doc.way is not Way.BUNDLE_IN or seen.phase is not Phase.DONE:
            return all(disk.blob is None for disk in seen.disks)
        blobs = [disk.blob for disk in seen.disks]
        return len(blobs) == 1 and all(
            blob is not None and self.files.has_brought(record.id, blob) for blob in blobs
        )

    def check_bundle(self, host_id: str, id: str) -> None:
        """Raise `Refused` unless the host carries a bundle in."""
        if carried(self.store.view, host_id, id).doc.way is not Way.BUNDLE_IN:
            raise refusals.Refused(403, f"the transfer {id} has no bundle")

    async def unlock(self, host_id: str, id: str, asked: KeyAsked) -> KeyTold:
        """Return the key of the bundle that the host carries in; raise `Refused`."""
        self.check_bundle(host_id, id)
        record = carried(self.store.view, host_id, id)
        given, place = self.give(host_id, id), record.doc.disks[0].object
        assert place is not None, "its manifest is an object"
        caller = Caller(
            host=self.address,
            port=given.port,
            region=given.region,
            access_key_id=given.access_key_id,
            secret_access_key=given.secret_access_key,
            token=given.token,
        )
        return await asyncio.to_thread(self._unlock, caller, place, asked)

    def _unlock(self, caller: Caller, place: Object, asked: KeyAsked) -> KeyTold:
        if self.read_key(caller, place) != Locked(asked.key, asked.iv):
            raise refusals.Refused(403, "that is not the key of this bundle")
        return self.files.unlock(asked)

    def _session(self, record: TaskRecord) -> Session:
        access, now = record.doc.access, self.now()
        is_role = access.issuer_id.startswith("AROA")
        return Session(
            kind=CallerKind.ROLE if is_role else CallerKind.FEDERATED,
            account=access.account,
            issuer_id=access.issuer_id,
            # Names of sessions have thirty-two letters at most.
            name=record.id[:32],
            issued_at=now,
            expires_at=min(now + LIFE_S, record.doc.access_ends_at or now + LIFE_S),
            policies=(rights(record.doc),),
        )


def carried(view: store.View, host_id: str, id: str) -> TaskRecord:
    """Return the task that a host carries; raise `Refused` when it is not its own."""
    record = tasks.find(view, id)
    if record is None or record.doc.host_id != host_id or not is_wanted(record.doc):
        raise refusals.Refused(404, f"host {host_id} has no transfer {id[:40]}")
    return record


def rights(doc: Task) -> str:
    """Return the most that a transfer's credentials are good for, as a policy."""
    read = [_literal(tasks.arn_of(one.object)) for one in doc.disks if one.object is not None]
    if doc.way in (Way.BUNDLE_IN, Way.PARTS_IN):
        # The parts are beside the manifest.
        read += [f"{arn.rpartition('/')[0]}/*" for arn in read]
    statements: list[Mapping[str, object]] = []
    if read:
        statements.append(_allowing(_READS, read))
    if doc.out is not None:
        put = _literal(tasks.arn_of(doc.out.object))
        is_bundle = doc.way is Way.BUNDLE_OUT
        arns = [f"{put}.part.*", f"{put}.manifest.xml"] if is_bundle else [put]
        statements.append(_allowing(_WRITES, arns))
    if not statements:
        return '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}'
    document = {"Version": "2012-10-17", "Statement": statements}
    return msgspec.json.encode(document).decode()


def _allowing(actions: Iterable[str], arns: Iterable[str]) -> Mapping[str, object]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(arns)}


def _literal(arn: str) -> str:
    """Return an ARN as policies write it: in a name a star means itself."""
    return "".join({"*": "${*}", "?": "${?}", "$": "${$}"}.get(one, one) for one in arn)


def is_sound(record: TaskRecord, seen: TransferSeen) -> bool:
    """Tell whether what a host says can be: other hosts are told of it, and shall not choke."""
    disks = seen.disks
    brings_disks = record.doc.way in transfers.BRINGS
    most = transfers.DISKS_MAX if brings_disks else 1
    if len(disks) > most or len(seen.words) > transfers.WORDS_MAX or not 0 <= seen.percent <= 100:
        return False
    if seen.phase is Phase.DONE and brings_disks and not _is_whole(record, seen):
        return False
    return seen.epoch >= 0 and all(_is_sound_disk(record, one) for one in disks)


def _is_whole(record: TaskRecord, seen: TransferSeen) -> bool:
    """Tell whether each disk that was to be brought is there; an archive may have had more."""
    asked = record.doc.disks
    is_one_each = record.doc.way is Way.PARTS_IN
    if len(seen.disks) < len(asked) or (is_one_each and len(seen.disks) != len(asked)):
        return False
    are_there = [bool(one.snapshot_id) for one in asked] + [False] * len(seen.disks)
    return all(
        (one.content is None) is is_there
        for one, is_there in zip(seen.disks, are_there, strict=False)
    )


def _is_sound_disk(record: TaskRecord, disk: transfers.DiskSeen) -> bool:
    sizes = (disk.file_bytes, disk.size_bytes)
    return (
        (disk.content is None or _is_sound_content(record, disk.content))
        and (disk.blob is None or _is_sound_blob(disk.blob, disk.format))
        and all(0 <= size <= _FILE_BYTES_MAX for size in sizes)
        and _FORMAT.fullmatch(disk.format) is not None
        and len(disk.words) <= transfers.WORDS_MAX
        and 0 <= disk.percent <= 100
        and len(disk.told) <= _TOLD_MAX
        and all(len(text) <= transfers.WORDS_MAX for it in disk.told.items() for text in it)
    )


def _is_sound_content(record: TaskRecord, content: Content) -> bool:
    return (
        content.account == record.account
        and _ROOT.fullmatch(content.root) is not None
        and content.size_bytes % (1 << 30) == 0
        and 0 < content.size_bytes <= _DISK_BYTES_MAX
        and 0 <= content.full_bytes <= content.size_bytes
        and content.key_id == (record.doc.key.id if record.doc.key else "")
    )


def _is_sound_blob(blob: Blob, kind: str) -> bool:
    format = "qcow2" if kind == "machine" else kind
    return blob.format == format and 0 <= blob.size_bytes <= _FILE_BYTES_MAX


def may_write(view: store.View, host_id: str, asked: PassRequest) -> bool:
    """Tell whether a host may write an account's blocks for a transfer that it carries."""
    record = tasks.find(view, asked.writes_for)
    return (
        record is not None
        and record.account == asked.account
        and record.doc.host_id == host_id
        and record.doc.out is None
        and is_wanted(record.doc)
    )


def may_read(view: store.View, host_id: str, account: str) -> bool:
    """Tell whether a host carries out a disk whose content is an account's."""
    return any(
        one.doc.out is not None
        and account in {it.account for it in (one.doc.out.content, *one.doc.out.contents) if it}
        and is_wanted(one.doc)
        for kind in tasks.TASKS
        for one in view.by(kind, "host", host_id)
    )
