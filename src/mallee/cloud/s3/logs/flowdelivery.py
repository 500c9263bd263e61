"""Flow log delivery: lines that hosts brought become objects in the buckets of their logs.

Lines lie as files in an inbox (`hosts.flowinbox`), compressed, and stay there until an object with
them is there: several files are one object, one behind the other, under a head of its own, since
compressed files may be joined like that. An object is named after the files in it, so the same ones
make the same object. What may not be written waits for a day, and the log says why.
A task of one process of S3. Not its business: what lines say.
"""

import asyncio
import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mallee.cloud.s3 import drafts
from mallee.cloud.s3.access import services
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.drafts import Draft, Means, Name
from mallee.cloud.s3.logs import flowobjects
from mallee.cloud.state import records, store
from mallee.kit import logs
from mallee.model.network import flowlogs
from mallee.model.network.flowlogs import FlowLogSeen, Parcel

LOOK_EVERY_S = 2.0
GATHER_S = 8.0
"""How long the first file waits for those of other hosts: their minutes end at the same time."""
OBJECT_BYTES_MAX = 75 << 20
"""As on AWS."""
KEPT_S = 86_400.0
"""How long lines wait that cannot be delivered."""
UNKNOWN_S = 8.0
"""How long lines wait whose log is not known."""
ACCESS, UNKNOWN = "Access error", "Unknown error"
"""What a log shows of its last delivery, as on AWS."""
_READ_BYTES = 1 << 20

LogRecord = flowobjects.LogRecord
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file of lines."""

    path: Path
    parcel: Parcel
    size: int
    since: float


async def keep_delivering(means: Means, inbox: Path) -> None:
    """Deliver until cancelled."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            await deliver(means, inbox)
        except (OSError, store.Unavailable) as error:
            _log.error("flow logs not looked at", error=str(error))


async def deliver(means: Means, inbox: Path, *, gather_s: float = GATHER_S) -> None:
    """Deliver what has waited long enough."""
    now = means.clock.now()
    by_log: dict[str, list[Waiting]] = {}
    for one in await asyncio.to_thread(_waiting, inbox):
        by_log.setdefault(one.parcel.log_id, []).append(one)
    for id, those in by_log.items():
        record = means.store.view.get(records.FLOW_LOG, id)
        if record is None:
            # This process may hear of a new log a moment later than its first lines.
            await asyncio.to_thread(_forget, _older(those, now, UNKNOWN_S))
        elif now - min(one.since for one in those) >= gather_s:
            await _deliver(means, record, those)


async def _deliver(means: Means, record: LogRecord, those: Sequence[Waiting]) -> None:
    error = ""
    for folder, held in _folders(record, means.settings.region, those).items():
        for some in _batches(held):
            try:
                error = await asyncio.to_thread(_put, means, record, folder, some)
            except drafts.FAILURES as problem:
                _log.warning("flow log not delivered", log=record.id, error=str(problem))
                error = UNKNOWN
            done = _older(some, means.clock.now(), KEPT_S) if error else some
            await asyncio.to_thread(_forget, done)
    seen = FlowLogSeen(error)
    if record.seen != seen:
        await means.store.run(lambda tx: _observe(tx, record.id, seen))


def _observe(tx: store.Tx, id: str, seen: FlowLogSeen) -> None:
    found = tx.get(records.FLOW_LOG, id)
    if found is not None:
        tx.observe(found, seen)


def _put(means: Means, record: LogRecord, folder: str, those: Sequence[Waiting]) -> str:
    """Write an object; return what stands against it, or nothing."""
    region, view = means.settings.region, means.store.view
    names = sorted(one.path.name for one in those)
    began_at = min(one.parcel.began_at for one in those)
    key = folder + flowobjects.name(record, region, began_at, names)
    target = buckets.find(view, record.doc.bucket)
    who = flowobjects.service(region, record.account, record.id)
    if target is None or not services.may_deliver(view, target, key, who):
        return ACCESS
    draft = Draft(means, target, Name(key, "application/octet-stream"))
    try:
        draft.write(gzip.compress(f"{' '.join(record.doc.fields)}\n".encode(), mtime=0))
        for one in those:
            with one.path.open("rb") as lines:
                while some := lines.read(_READ_BYTES):
                    draft.write(some)
        drafts.commit(means, target, [draft.finish()])
    finally:
        draft.abandon()
    return ""


def _folders(
    record: LogRecord, region: str, those: Iterable[Waiting]
) -> Mapping[str, list[Waiting]]:
    """The files by the folder that their window belongs into."""
    found: dict[str, list[Waiting]] = {}
    for one in those:
        moment = datetime.fromtimestamp(one.parcel.began_at, UTC)
        folder = flowobjects.folder(record.doc, record.account, region, moment)
        found.setdefault(folder, []).append(one)
    return found


# The inbox


def _waiting(inbox: Path) -> list[Waiting]:
    found: list[Waiting] = []
    if not inbox.is_dir():
        return found
    for path in sorted(inbox.iterdir()):
        parcel = flowlogs.parse_parcel(path.name.rpartition("~")[2])
        if parcel is not None:
            about = path.stat()
            found.append(Waiting(path, parcel, about.st_size, about.st_mtime))
    return found


def _batches(those: Iterable[Waiting]) -> Iterable[list[Waiting]]:
    held: list[Waiting] = []
    for one in those:
        if held and sum(it.size for it in held) + one.size > OBJECT_BYTES_MAX:
            yield held
            held = []
        held.append(one)
    yield held


def _older(those: Iterable[Waiting], now: float, age_s: float) -> list[Waiting]:
    return [one for one in those if now - one.since > age_s]


def _forget(those: Iterable[Waiting]) -> None:
    for one in those:
        one.path.unlink(missing_ok=True)
