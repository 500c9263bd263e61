"""Delivering: events of buckets are brought to webhooks and to the trail, at least once, in order.

Each target has its queue in the engine (`walrus.notes`), emptied from its oldest end: what was not
taken is tried again, after longer and longer pauses, and nothing overtakes it. A note is forgotten
when its target has taken it; one that waited longer than a day, or whose webhook is gone, is
dropped and counted. A task of one process of S3; a kill at any moment makes some events come twice.
Not its business: which events there are (`notices`), reaching servers (`kit.httppost`).
"""

import asyncio
import hmac
import sqlite3
from collections.abc import Sequence
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any

import msgspec

from mallee.cloud.s3.events import notices
from mallee.cloud.state import records, store
from mallee.cloud.trail import events, forward
from mallee.kit import clock as clocks
from mallee.kit import httppost, httpsfetch, logs, secretbox
from mallee.model.configuration.settings import Settings
from mallee.model.storage import webhooks
from mallee.model.storage.webhooks import WebhookSeen
from mallee.walrus.errors import BrokenIndex, Closed, NoSpace
from mallee.walrus.records import Note, Queue
from mallee.walrus.seam import Engine

LOOK_EVERY_S = 0.25
TELL_EVERY_S = 5.0
"""How often the administration is told how delivering goes."""
TOGETHER_MAX = 50
"""Events in one message; one alone after a failure."""
TURN = 20
"""Messages to one target before another one has its turn."""
PAUSE_MIN_S = 1.0
PAUSE_MAX_S = 300.0
AGE_MAX_S = 24 * 3600.0
TARGETS_AT_ONCE = 16
FAILURES = (store.Unavailable, NoSpace, BrokenIndex, Closed, sqlite3.DatabaseError, OSError)

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What delivering needs; all of it outlives it."""

    store: store.Store
    engine: Engine
    key_file: secretbox.KeyFile
    trail: forward.Forwarder
    settings: Settings
    clock: clocks.Clock = clocks.SYSTEM


@dataclass(slots=True)
class _Progress:
    """How delivering to one target goes."""

    pause_s: float = 0.0
    """Before the next try; 0: the last one went well."""
    not_before: float = 0.0
    """Monotonic."""
    delivered_at: float = 0.0
    problem: str = ""
    begun_at: float = float("-inf")
    """Monotonic: its last turn."""


@dataclass(slots=True)
class _State:
    progress: dict[str, _Progress] = field(default_factory=dict[str, _Progress])
    under_way: dict[str, "asyncio.Task[None]"] = field(
        default_factory=dict[str, "asyncio.Task[None]"]
    )
    told_at: float = float("-inf")


async def keep_delivering(means: Means) -> None:
    """Deliver until cancelled."""
    state = _State()
    threads = futures.ThreadPoolExecutor(TARGETS_AT_ONCE, "webhooks")
    try:
        while True:
            try:
                await _look(means, state, threads)
            except FAILURES as error:
                _log.error("events wait", error=str(error))
            await asyncio.sleep(LOOK_EVERY_S)
    finally:
        for task in state.under_way.values():
            task.cancel()
        # What is being sent to a slow server is not waited for: it is sent again.
        threads.shutdown(wait=False, cancel_futures=True)


async def _look(means: Means, state: _State, threads: futures.Executor) -> None:
    """Begin with every target for which something waits, and which may be tried."""
    queues = await asyncio.to_thread(means.engine.reader.queues)
    now = means.clock.monotonic()
    full = {one.target for one in queues if one.waiting}
    known = {target: state.progress.setdefault(target, _Progress()) for target in full}
    for target in sorted(full, key=lambda one: known[one].begun_at):
        progress = known[target]
        is_busy = target in state.under_way and not state.under_way[target].done()
        if is_busy or now < progress.not_before or len(state.under_way) >= TARGETS_AT_ONCE:
            continue
        progress.begun_at = now
        work = _deliver(means, target, progress, threads)
        state.under_way[target] = asyncio.create_task(work)
    for target in [name for name, task in state.under_way.items() if task.done()]:
        task = state.under_way.pop(target)
        if task.exception() is not None:
            _log.error("events wait", target=target, error=repr(task.exception())[:300])
            _fail(state.progress[target], "the events could not be read", now)
    if now - state.told_at >= TELL_EVERY_S:
        state.told_at = now
        await _tell(means, state, queues)


async def _deliver(
    means: Means, target: str, progress: _Progress, threads: futures.Executor
) -> None:
    """Empty a target's queue, until something is not taken, or it is another target's turn."""
    for _ in range(TURN):
        waiting = await asyncio.to_thread(means.engine.reader.notes, target, TOGETHER_MAX)
        if not waiting:
            return
        over = [one for one in waiting if _is_over(means, target, one)]
        if over:
            _log.warning("events dropped", target=target, events=len(over))
            await _settle(means, target, over[-1].id, are_told=False)
            continue
        together = _first_of_a_kind(waiting[:1] if progress.pause_s else waiting)
        try:
            await _bring(means, target, together, threads)
        except httppost.Failed as error:
            _fail(progress, str(error)[:300], means.clock.monotonic())
            return
        await _settle(means, target, together[-1].id, are_told=True)
        progress.pause_s, progress.problem = 0.0, ""
        progress.delivered_at = means.clock.now()


def _first_of_a_kind(waiting: Sequence[Note]) -> Sequence[Note]:
    """Return the notes that one message can hold: a test event is alone in its own."""
    for position, note in enumerate(waiting):
        if b'"s3:TestEvent"' in note.body[:80]:
            return waiting[: position or 1]
    return waiting


def _is_over(means: Means, target: str, note: Note) -> bool:
    """Tell whether nobody shall be told any more; what waited longest comes first."""
    is_there = target == notices.TRAIL or _webhook(means, target) is not None
    return not is_there or note.at_ms / 1000 + AGE_MAX_S < means.clock.now()


def _webhook(means: Means, target: str) -> Any:
    return means.store.view.get(records.WEBHOOK, target.removeprefix(notices.WEBHOOK))


def _fail(progress: _Progress, problem: str, now: float) -> None:
    progress.problem = problem
    progress.pause_s = min(max(2 * progress.pause_s, PAUSE_MIN_S), PAUSE_MAX_S)
    progress.not_before = now + progress.pause_s


async def _settle(means: Means, target: str, through: int, *, are_told: bool) -> None:
    await asyncio.wrap_future(
        means.engine.commit(lambda tx, _: tx.settle_notes(target, through, are_told=are_told))
    )


# --- what is told ---


async def _bring(
    means: Means, target: str, together: Sequence[Note], threads: futures.Executor
) -> None:
    """Bring notes to a target. Raises `Failed`."""
    if target == notices.TRAIL:
        for note in together:
            if not await means.trail.add(_line(note), at_once=True):
                raise httppost.Failed("who writes the trail is away")
        return
    if not means.settings.webhooks.send:
        raise httppost.Failed("this cloud sends nothing to webhooks (webhooks.send)")
    record = _webhook(means, target)
    means.key_file.look()
    secret = means.key_file.box.open(record.doc.sealed_secret)
    body = message(means.settings.region, together)
    headers = signed(secret, body, int(means.clock.now()))
    headers["X-Mallee-Delivery"] = f"{together[0].id:018X}"
    reach = _reach(means.settings)
    run = asyncio.get_running_loop().run_in_executor
    await run(threads, httppost.post, record.doc.url, body, headers, reach)


def message(region: str, together: Sequence[Note]) -> bytes:
    """Return what a webhook is sent: events as AWS sends them, or a test event."""
    if b'"s3:TestEvent"' in together[0].body[:80]:
        return together[0].body
    told: list[dict[str, Any]] = []
    for note in together:
        event = msgspec.json.decode(note.body)
        del event[notices.ACCOUNT]
        event["awsRegion"] = region
        event["s3"]["object"]["sequencer"] = sequencer(note)
        told.append(event)
    return msgspec.json.encode({"Records": told})


def sequencer(note: Note) -> str:
    """Return what says which of two events of a key came later: the longer or greater one."""
    return f"{note.id:018X}"


def signed(secret: bytes, body: bytes, now: int) -> dict[str, str]:
    """Return the headers of a message, with its signature: HMAC-SHA256 of time, dot and body."""
    mac = hmac.digest(secret, b"%d." % now + body, "sha256").hex()
    return {
        "Content-Type": "application/json",
        "User-Agent": "mallee-s3",
        "X-Mallee-Signature": f"t={now},v1={mac}",
    }


def _reach(settings: Settings) -> httpsfetch.Reach:
    own = settings.webhooks
    return httpsfetch.Reach(
        is_allowed=own.send,
        may_be_local=own.local,
        may_be_private=own.private or own.local,
        ca_file=own.ca_file,
    )


def _line(note: Note) -> events.Event:
    """Return the line of the trail that an event is."""
    told = msgspec.json.decode(note.body)
    who, peer = told["userIdentity"]["principalId"], told["requestParameters"]["sourceIPAddress"]
    thing = {"bucketName": told["s3"]["bucket"]["name"], **told["s3"]["object"]}
    return events.of_object(
        told["eventName"],
        (told[notices.ACCOUNT], who, peer),
        note.at_ms / 1000,
        {**thing, "sequencer": sequencer(note)},
    )


async def _tell(means: Means, state: _State, queues: Sequence[Queue]) -> None:
    """Write down how delivering goes, where that has changed."""
    for record in means.store.view.list(records.WEBHOOK):
        target = notices.WEBHOOK + record.id
        own = [one for one in queues if one.target == target]
        progress = state.progress.get(target, _Progress())
        before = record.seen or WebhookSeen()
        seen = WebhookSeen(
            delivered_at=progress.delivered_at or before.delivered_at,
            problem=progress.problem,
            waiting=sum(one.waiting for one in own),
            dropped=sum(one.dropped for one in own),
        )
        if seen != before:
            id = record.id
            await means.store.run(lambda tx, id=id, seen=seen: _observe(tx, id, seen))


def _observe(tx: store.Tx, id: str, seen: webhooks.WebhookSeen) -> None:
    found = tx.get(records.WEBHOOK, id)
    if found is not None:
        tx.observe(found, seen)
