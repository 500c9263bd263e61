"""Drafts: objects that S3 itself writes into a bucket, logs and lists of objects.

A *draft* takes bytes of any number in bounded memory, sealed as the bucket wants it; several become
objects in one transaction, or none does. Whether S3 may write there says the bucket's policy, or
its list of grants. Called by `logdelivery` and `inventorying`, in threads: everything blocks. Not
its business: what is written.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from concurrent import futures
from dataclasses import dataclass

from mallee.aws import errors, policy
from mallee.cloud.s3.access import acls, services
from mallee.cloud.s3.access.services import Service
from mallee.cloud.s3.buckets import allowances
from mallee.cloud.s3.buckets.buckets import BucketRecord
from mallee.cloud.s3.events import notices
from mallee.cloud.s3.objects import about, locks, versions, wholes
from mallee.cloud.s3.objects.about import About
from mallee.cloud.s3.objects.versions import Place
from mallee.cloud.s3.sealing import encryption, frames
from mallee.cloud.s3.sealing.encryption import Unlocked
from mallee.cloud.state import records, store
from mallee.kit import clock as clocks
from mallee.kit import secretbox
from mallee.model.configuration.settings import Settings
from mallee.walrus.errors import BrokenIndex, BucketClosed, Closed, NoSpace
from mallee.walrus.records import Blob, Content, Version
from mallee.walrus.seam import Engine, Tx

FAILURES = (
    *(errors.AwsError, store.Unavailable, secretbox.Unsealable, OSError, sqlite3.DatabaseError),
    *(NoSpace, BrokenIndex, BucketClosed, Closed),
)
"""Why drafts may not become objects."""
_ENFORCED = "BucketOwnerEnforced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What writing needs; all of it outlives it."""

    store: store.Store
    engine: Engine
    key_file: secretbox.KeyFile
    settings: Settings
    clock: clocks.Clock = clocks.SYSTEM


@dataclass(frozen=True, slots=True)
class Name:
    """What an object will be called, and what it is."""

    key: str
    kind: str
    """Its content type."""
    is_sealed: bool = False
    """Whether it is encrypted although its bucket does not ask for it."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A draft whose bytes are all there."""

    place: Place
    content: Content
    size: int
    md5: bytes
    about: About

    @property
    def etag(self) -> str:
        """The ETag that the object will have."""
        return self.md5.hex()


def may_write(view: store.View, target: BucketRecord, key: str, service: Service) -> bool:
    """Tell whether a service may write an object into a bucket: its policy says so, as on AWS."""
    verdict = services.asked(view, target, key, service)
    if verdict is not policy.Verdict.IMPLICITLY_DENIED:
        return verdict is policy.Verdict.ALLOWED
    is_log = service.name.startswith("logging.") and target.doc.ownership != _ENFORCED
    return is_log and acls.may_deliver_logs(target.doc)


class Draft:
    """An object on its way. Call `finish` or `abandon` in the end."""

    def __init__(self, means: Means, target: BucketRecord, name: Name) -> None:
        """Begin one. Raises `NoSpace`."""
        means.engine.check_room(0)
        watch = notices.of_service(target.account, target.doc)
        self._place = Place(target.doc, target.account, name.key.encode(), watch)
        self._kind = name.kind
        self._now = means.clock.now()
        self._unlocked: Unlocked | None = encryption.of_service(
            means.key_file.box, self._place, always=name.is_sealed
        )
        self._receiver = means.engine.receive()
        key_of = self._unlocked.key() if self._unlocked else None
        self._sealer = frames.Sealer(key_of, self._receiver) if key_of else None
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._checksum = wholes.hasher(wholes.OWN.value)
        self.size = 0

    def write(self, data: bytes) -> int:
        """Take some bytes. Raises `NoSpace`."""
        assert self._checksum is not None
        self._md5.update(data)
        self._checksum.update(data)
        self.size += len(data)
        (self._sealer or self._receiver).write(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: what is written is on its way; compressors ask for it."""

    def finish(self) -> Finished:
        """Return what `commit` makes an object of."""
        assert self._checksum is not None
        if self._sealer is not None:
            self._sealer.finish()
        kept = About(
            owner=self._place.owner,
            headers={"ContentType": self._kind},
            checksums={wholes.OWN.value: self._checksum.digest()},
            lock=locks.of_new(self._place.bucket, {}, self._now),
            sealing=self._unlocked.sealing if self._unlocked else None,
        )
        content = self._receiver.finish()
        return Finished(self._place, content, self.size, self._md5.digest(), kept)

    def abandon(self) -> None:
        """Forget everything; after `finish`: nothing."""
        self._receiver.abandon()


def commit(
    means: Means,
    target: BucketRecord,
    finished: Sequence[Finished],
    also: Callable[[Tx], None] = lambda _: None,
) -> None:
    """Make objects of drafts, all of them or none, durably."""

    def work(tx: Tx, blobs: Sequence[Blob]) -> None:
        for one, blob in zip(finished, blobs, strict=True):
            version = Version(
                id=versions.id_for(target.doc),
                modified_ms=tx.now_ms,
                size=one.size,
                etag=one.etag,
                parts=(tx.keep(blob),) if blob.size else (),
                about=about.encode(one.about),
            )
            versions.add(tx, one.place, version)
        also(tx)

    within = allowances.kept(allowances.of(means.store.view, target), work)
    future: futures.Future[None] = means.engine.commit(within, [one.content for one in finished])
    future.result()


def discard(means: Means, finished: Sequence[Finished]) -> None:
    """Give up drafts that are finished: their bytes are the engine's again."""

    def work(_tx: Tx, _blobs: Sequence[Blob]) -> None:
        raise _Unwanted

    with contextlib.suppress(_Unwanted, *FAILURES):
        means.engine.commit(work, [one.content for one in finished]).result()


class _Unwanted(Exception):
    """Nothing is to come of a commit but the end of its contents."""


def found(view: store.View, name: str, account: str) -> BucketRecord | None:
    """Return a bucket of an account; None when there is none of that name, or it is another's."""
    record = view.get(records.BUCKET, name)
    return record if record is not None and record.account == account else None
