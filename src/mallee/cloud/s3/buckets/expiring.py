"""Expiring: what the lifecycle rules of buckets have ended is removed, every hour.

Looks at every version of a bucket that has rules, a page at a time, and removes what the plan says
(`lifecycle`); each removal looks again in its transaction, so what has changed meanwhile stays, and
so does what is locked. Run twice it is run once. Deletions of buckets that were cut off are
finished too. A task of the process of S3.
"""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from mallee.aws import errors
from mallee.cloud.s3.buckets import buckets, lifecycle
from mallee.cloud.s3.buckets.buckets import BucketRecord
from mallee.cloud.s3.buckets.lifecycle import Ending
from mallee.cloud.s3.events import notices
from mallee.cloud.s3.objects import deleting, versions
from mallee.cloud.s3.objects.deleting import Deletion
from mallee.cloud.s3.objects.versions import Place
from mallee.cloud.state import records, store
from mallee.kit import clock as clocks
from mallee.kit import logs
from mallee.model.storage.buckets import Versioning
from mallee.walrus.errors import BrokenIndex, Closed, NoSpace
from mallee.walrus.pages import Listed, Question
from mallee.walrus.records import Blob
from mallee.walrus.seam import Engine, Tx

EVERY_S = 3600.0
PAGE = 1000
FAILURES = (store.Unavailable, NoSpace, BrokenIndex, Closed, sqlite3.DatabaseError, OSError)
"""What may pass by itself: the next round does what this one could not."""

_log = logs.get(__name__)


async def keep_expiring(opened: store.Store, engine: Engine, clock: clocks.Clock) -> None:
    """Expire in every bucket, every hour, until cancelled."""
    while True:
        try:
            await buckets.finish_deletions(opened, engine)
            for record in opened.view.list(records.BUCKET):
                if record.doc.documents.get(lifecycle.DOCUMENT):
                    ended = await asyncio.to_thread(expire, engine, record, clock.now())
                    _log.info("lifecycle looked after", bucket=record.id, ended=ended)
        except FAILURES as error:
            _log.error("lifecycles stand still until the next round", error=str(error))
        await asyncio.sleep(EVERY_S)


def expire(engine: Engine, record: BucketRecord, now: float) -> int:
    """Remove what is over in a bucket; blocks. Returns how many versions and uploads ended."""
    rules = lifecycle.enabled(record.doc.documents.get(lifecycle.DOCUMENT) or ())
    now_ms = int(now * 1000)
    ended = 0
    batch: list[Ending] = []
    for key, found in _keys(engine, record.doc.number):
        batch.extend(lifecycle.plan_key(rules, key, found, now_ms))
        if len(batch) >= PAGE:
            ended += _remove(engine, record, batch, now)
            batch = []
    return ended + _remove(engine, record, batch, now) + _abort(engine, record, rules, now_ms)


def _keys(engine: Engine, bucket: int) -> Iterator[tuple[bytes, list[Listed]]]:
    """Yield every key with all its versions, from the newest on."""
    key: bytes | None = None
    found: list[Listed] = []
    after, after_id = None, ""
    is_truncated = True
    while is_truncated:
        question = Question(after=after, after_id=after_id, limit=PAGE)
        page = engine.reader.list_versions(bucket, question)
        is_truncated = page.is_truncated
        for name, listed in page.entries:
            assert listed is not None, "nothing is rolled up without a delimiter"
            if name != key:
                if key is not None:
                    yield key, found
                key, found = name, []
            found.append(listed)
            after, after_id = name, listed.version.id
    if key is not None:
        yield key, found


def _remove(engine: Engine, record: BucketRecord, batch: Sequence[Ending], now: float) -> int:
    """Remove a batch in one transaction; what has changed since, or is locked, stays."""
    if not batch:
        return 0

    def work(tx: Tx, _: Sequence[Blob]) -> int:
        return sum(_end(tx, record, one, now) for one in batch)

    return engine.commit(work).result()


def _end(tx: Tx, record: BucketRecord, ending: Ending, now: float) -> bool:
    number, key, version = record.doc.number, ending.key, ending.listed.version
    current = tx.current(number, key)
    is_current = current is not None and current.id == version.id
    if is_current != ending.listed.is_current or tx.version(number, key, version.id) != version:
        return False
    watch = notices.of_service(record.account, record.doc)
    hides = record.doc.versioning is not Versioning.NEVER and not version.is_marker
    deletion = Deletion(
        place=Place(record.doc, record.account, ending.key, watch),
        id=None if is_current and hides else version.id,
        marker=versions.id_for(record.doc),
    )
    try:
        deleting.perform(tx, deletion, now)
    except errors.s3.AccessDenied:
        return False
    return True


def _abort(engine: Engine, record: BucketRecord, rules: Sequence[Any], now_ms: int) -> int:
    """Give up uploads that are to be given up."""
    number = record.doc.number
    question = Question(limit=PAGE)
    ended = 0
    while True:
        page = engine.reader.list_uploads(number, question)
        for key, upload in page.entries:
            if upload is not None and lifecycle.is_stale(rules, upload, now_ms):
                id = upload.id
                engine.commit(lambda tx, _, key=key, id=id: tx.end_upload(number, key, id)).result()
                ended += 1
        if not page.is_truncated or not page.entries:
            return ended
        last, item = page.entries[-1]
        question = Question(after=last, after_id=item.id if item else "", limit=PAGE)
