"""Log delivery: lines of the access log become objects in the buckets that are to have them.

Each process delivers its own lines, every few minutes, sooner where there are many, and what is
left when it ends in order. What may not be written is dropped, as on AWS, and the log of the
process says so. What is delivered is not logged again, so a bucket that logs into itself makes no
loop. A task of every process of S3. Not its business: what lines say (`accesslog`).
"""

import asyncio
import itertools
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from mallee.cloud.s3 import drafts
from mallee.cloud.s3.access import services
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.buckets.buckets import BucketRecord
from mallee.cloud.s3.drafts import Draft, Means, Name
from mallee.cloud.s3.logs import accesslog
from mallee.cloud.s3.logs.accesslog import Batch, Log
from mallee.kit import logs
from mallee.model.storage.buckets import LOGGING

EVERY_S = 300.0
LOOK_EVERY_S = 1.0
SERVICE = "logging.s3.amazonaws.com"
_UNIQUE_BYTES = 8

_log = logs.get(__name__)


async def keep_logging(means: Means, log: Log) -> None:
    """Deliver until cancelled, and then what is left."""
    delivered_at = means.clock.monotonic()
    try:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            is_due = means.clock.monotonic() - delivered_at >= EVERY_S
            if is_due:
                delivered_at = means.clock.monotonic()
            least = 0 if is_due else accesslog.BATCH_BYTES
            await _finish(asyncio.ensure_future(deliver(means, log.take(least=least))))
            if log.lost:
                _log.warning("lines of the access log are lost", lines=log.lost)
                log.lost = 0
    finally:
        await deliver(means, log.take())


async def _finish(delivery: "asyncio.Future[None]") -> None:
    """Wait for a delivery, also when cancelled meanwhile: what was taken is in nobody's hands."""
    try:
        await asyncio.shield(delivery)
    except asyncio.CancelledError:
        await delivery
        raise


async def deliver(means: Means, taken: dict[str, Batch]) -> None:
    """Write batches, each into its bucket's target."""
    view = means.store.view
    for name, batch in taken.items():
        source = buckets.find(view, name)
        wanted: Any = source.doc.documents.get(LOGGING) if source else None
        if source is None or not wanted:
            continue
        target = drafts.found(view, wanted["TargetBucket"], source.account)
        if target is None:
            _log.warning("no target for the access log", bucket=name)
            continue
        for key, lines in _objects(means, source, wanted, batch):
            await _write(means, (source, target), key, lines)


async def _write(
    means: Means, between: tuple[BucketRecord, BucketRecord], key: str, lines: Sequence[str]
) -> None:
    source, target = between
    if not drafts.may_write(means.store.view, target, key, services.of_bucket(SERVICE, source)):
        _log.warning("the access log may not be delivered", bucket=source.id, target=target.id)
        return
    try:
        await asyncio.to_thread(_put, means, target, key, lines)
    except drafts.FAILURES as error:
        _log.error("access log lost", bucket=source.id, target=target.id, error=str(error))


def _put(means: Means, target: BucketRecord, key: str, lines: Sequence[str]) -> None:
    draft = Draft(means, target, Name(key, "text/plain"))
    try:
        draft.write("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
        drafts.commit(means, target, [draft.finish()])
    finally:
        draft.abandon()


def _objects(
    means: Means, source: BucketRecord, wanted: Any, batch: Batch
) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the objects that a batch becomes: one, or one for each day."""
    prefix: str = wanted.get("TargetPrefix") or ""
    form: Any = wanted.get("TargetObjectKeyFormat")
    partitioned: Any = form.get("PartitionedPrefix") if form else None
    now = datetime.fromtimestamp(means.clock.now(), UTC)
    if partitioned is None:
        yield f"{prefix}{now:%Y-%m-%d-%H-%M-%S}-{_unique()}", [one for _, one in batch.lines]
        return
    own = f"{prefix}{source.account}/{means.settings.region}/{source.id}"
    if partitioned["PartitionDateSource"] == "DeliveryTime":
        name = f"{own}/{now:%Y/%m/%d}/{now:%Y-%m-%d-%H-%M-%S}-{_unique()}"
        yield name, [one for _, one in batch.lines]
        return
    ordered = sorted(batch.lines)
    for day, lines in itertools.groupby(ordered, lambda one: int(one[0] // 86_400)):
        date = datetime.fromtimestamp(day * 86_400, UTC)
        name = f"{own}/{date:%Y/%m/%d}/{date:%Y-%m-%d}-00-00-00-{_unique()}"
        yield name, [one for _, one in lines]


def _unique() -> str:
    return secrets.token_hex(_UNIQUE_BYTES).upper()
