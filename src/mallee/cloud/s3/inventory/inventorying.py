"""Inventorying: lists of buckets' objects are made, once a day or week, in the UTC day's beginning.

A bucket is read a page at a time and the list compressed on its way to the engine, so memory does
not grow with it. List, manifest and its checksum become objects in one transaction, which also
remembers that this day's (or week's) list is made: a kill before it leaves nothing, and the list is
made anew; none is made twice. A list may tell of no single moment, as on AWS. A task of one process
of S3. Not its business: what is in a line (`inventoryrows`).
"""

import asyncio
import gzip
import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import IO, Any, cast

import msgspec

from mallee.cloud.s3 import drafts
from mallee.cloud.s3.access import services
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.buckets.buckets import BucketRecord
from mallee.cloud.s3.drafts import Draft, Finished, Means, Name
from mallee.cloud.s3.inventory import inventories, inventoryrows
from mallee.cloud.state import records
from mallee.kit import logs
from mallee.walrus.pages import Listed, Question
from mallee.walrus.seam import Engine

LOOK_EVERY_S = 5.0
AGAIN_S = 3600.0
"""After a list could not be written."""
PAGE = 1000
FILE_BYTES_MAX = 1 << 30
"""Of lines, compressed: then another file begins."""
SERVICE = "s3.amazonaws.com"
_SUNDAY = 6
_PAUSE_S = 0.002
"""Between two pages, for requests that want the interpreter."""

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """A list that is to be made."""

    source: BucketRecord
    target: BucketRecord
    wanted: Any
    period: str
    """Of which day it is; the week's first for one that is made weekly."""
    at: float


async def keep_inventories(means: Means) -> None:
    """Make lists until cancelled."""
    not_before: dict[tuple[str, str], float] = {}
    while True:
        for record in means.store.view.list(records.BUCKET):
            for id in tuple(inventories.of(record)):
                if not_before.get((record.id, id), 0.0) > means.clock.monotonic():
                    continue
                try:
                    is_made = await asyncio.to_thread(make_due, means, record, id)
                except drafts.FAILURES as error:
                    is_made = False
                    _log.error("no inventory", bucket=record.id, inventory=id, error=str(error))
                if not is_made:
                    not_before[record.id, id] = means.clock.monotonic() + AGAIN_S
        await asyncio.sleep(LOOK_EVERY_S)


def make_due(means: Means, record: BucketRecord, id: str) -> bool:
    """Make a list if it is due; blocks. Tells whether all is as it shall be."""
    wanted = inventories.of(record)[id]
    now = means.clock.now()
    period = period_of(now, wanted["Schedule"]["Frequency"])
    made = means.engine.reader.marked(record.doc.number, _mark(id))
    if not wanted["IsEnabled"] or (made is not None and made.decode() >= period):
        return True
    name = wanted["Destination"]["S3BucketDestination"]["Bucket"].removeprefix(inventories.ARN)
    target = buckets.find(means.store.view, name)
    if target is None or not _may(means, record, target, wanted):
        _log.warning("an inventory may not be delivered", bucket=record.id, target=name)
        return False
    _make(means, Due(record, target, wanted, period, now))
    _log.info("inventory made", bucket=record.id, inventory=id)
    return True


def period_of(now: float, frequency: str) -> str:
    """Return the day whose list is due; weeks begin on Sundays, as AWS's."""
    day = datetime.fromtimestamp(now, UTC).date()
    if frequency == "Weekly":
        day -= timedelta(days=(day.weekday() - _SUNDAY) % 7)
    return day.isoformat()


def _mark(id: str) -> str:
    return f"inventory {id}"


def _folder(source: BucketRecord, wanted: Any) -> str:
    prefix: str = wanted["Destination"]["S3BucketDestination"].get("Prefix") or ""
    return "/".join(part for part in (prefix.strip("/"), source.id, wanted["Id"]) if part)


def _may(means: Means, source: BucketRecord, target: BucketRecord, wanted: Any) -> bool:
    key = f"{_folder(source, wanted)}/data/list.csv.gz"
    return drafts.may_write(means.store.view, target, key, services.of_bucket(SERVICE, source))


def _make(means: Means, due: Due) -> None:
    """Write the files of a list, and then the one transaction that they appear in."""
    folder = _folder(due.source, due.wanted)
    moment = datetime.fromtimestamp(due.at, UTC)
    open_drafts: list[Draft] = []
    finished: list[Finished] = []
    try:
        for draft in _data(means, due, folder, open_drafts):
            finished.append(_finish(draft, open_drafts))
        files = tuple(finished)
        manifest = _manifest(due, files)
        small = {
            f"{folder}/{moment:%Y-%m-%dT%H-%MZ}/manifest.json": manifest,
            f"{folder}/{moment:%Y-%m-%dT%H-%MZ}/manifest.checksum": _md5(manifest).encode(),
            f"{folder}/hive/dt={moment:%Y-%m-%d-%H-%M}/symlink.txt": _links(due, files),
        }
        for key, data in small.items():
            draft = _draft(means, due, key, "application/octet-stream")
            open_drafts.append(draft)
            draft.write(data)
            finished.append(_finish(draft, open_drafts))
        number, mark = due.source.doc.number, _mark(due.wanted["Id"])
        whole, finished = finished, []
        # From here on the bytes are the engine's, whatever comes of the commit.
        drafts.commit(
            means, due.target, whole, lambda tx: tx.mark(number, mark, due.period.encode())
        )
    finally:
        for draft in open_drafts:
            draft.abandon()
        if finished:
            drafts.discard(means, finished)


def _data(means: Means, due: Due, folder: str, open_drafts: list[Draft]) -> Iterator[Draft]:
    """Yield the files of lines, each when it is full; there is always one."""
    columns = inventoryrows.schema(due.wanted)
    lines = _lines(means.engine, due, columns)
    is_over = False
    number = 0
    while not is_over:
        number += 1
        name = hashlib.sha256(f"{folder} {due.at} {number}".encode()).hexdigest()[:32]
        draft = _draft(means, due, f"{folder}/data/{name}.csv.gz", "application/gzip")
        open_drafts.append(draft)
        out = cast(IO[bytes], draft)
        with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=6, mtime=0) as packed:
            is_over = True
            for page in lines:
                packed.write(page)
                if draft.size >= FILE_BYTES_MAX:
                    is_over = False
                    break
        yield draft


def _lines(engine: Engine, due: Due, columns: tuple[str, ...]) -> Iterator[bytes]:
    """Yield lines, those of a page together."""
    for page in _pages(engine, due):
        found = (inventoryrows.line(due.source.id, columns, key, one) for key, one in page)
        yield "".join(found).encode()
        time.sleep(_PAUSE_S)


def _pages(engine: Engine, due: Due) -> Iterator[list[tuple[bytes, Listed]]]:
    narrowed: Any = due.wanted.get("Filter")
    prefix = ((narrowed.get("Prefix") or "") if narrowed else "").encode()
    number = due.source.doc.number
    question = Question(prefix=prefix, limit=PAGE)
    while True:
        if due.wanted["IncludedObjectVersions"] == "All":
            seen = engine.reader.list_versions(number, question)
            page = [(key, one) for key, one in seen.entries if one is not None]
        else:
            current = engine.reader.list_objects(number, question)
            seen = current
            page = [(key, Listed(one, True)) for key, one in current.entries if one is not None]
        yield page
        if not seen.is_truncated or not page:
            return
        key, last = page[-1]
        is_all = due.wanted["IncludedObjectVersions"] == "All"
        id = last.version.id if is_all else ""
        question = Question(prefix=prefix, after=key, after_id=id, limit=PAGE)


def _draft(means: Means, due: Due, key: str, kind: str) -> Draft:
    sealed: Any = due.wanted["Destination"]["S3BucketDestination"].get("Encryption")
    is_sealed = sealed is not None and sealed.get("SSES3") is not None
    return Draft(means, due.target, Name(key, kind, is_sealed))


def _finish(draft: Draft, open_drafts: list[Draft]) -> Finished:
    finished = draft.finish()
    open_drafts.remove(draft)
    return finished


def _manifest(due: Due, files: Sequence[Finished]) -> bytes:
    """Return the manifest: which files, in which form."""
    return msgspec.json.encode(
        {
            "sourceBucket": due.source.id,
            "destinationBucket": f"{inventories.ARN}{due.target.id}",
            "version": "2016-11-30",
            "creationTimestamp": str(int(due.at * 1000)),
            "fileFormat": "CSV",
            "fileSchema": ", ".join(inventoryrows.schema(due.wanted)),
            "files": [
                {"key": one.place.key.decode(), "size": one.size, "MD5checksum": one.etag}
                for one in files
            ],
        }
    )


def _links(due: Due, files: Sequence[Finished]) -> bytes:
    """Return what Hive reads to find the files."""
    return "".join(f"s3://{due.target.id}/{one.place.key.decode()}\n" for one in files).encode()


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
