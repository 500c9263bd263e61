"""Rotates the master key when that is wanted, and forgets the old one when nothing needs it.

The order is what makes it safe to be killed anywhere: the new key is in the key file before
anything is sealed under it; an old key leaves the file only when nothing kept is sealed under it
and no session can live whose token is. A rotation that ends sessions does not wait for these.
Of several front ends all have the new key before any seals under it, and all seal under it before
the old one is done with: one that is away is waited for. Each sees to its own file
(`cloud.frontends.keys`); the store says who has which key.
Called by the runner; `cloud.admin.masterkeys` writes what is wanted.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from msgspec.structs import replace

from mallee.cloud.identity import sealed
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit import clock, logs, secretbox
from mallee.model.identity import masterkeys
from mallee.model.identity.masterkeys import Rotation, RotationSeen
from mallee.model.layout import Layout

RECORDS_AT_ONCE = 50
"""How many records are sealed anew in one transaction: others wait for it."""

EVERY_S = 5.0

RotationRecord = Record[Rotation, RotationSeen]

_log = logs.get(__name__)


class Step(Enum):
    """What a rotation needs next."""

    MAKE = "make"
    """A fresh key in the key file."""
    OFFER = "offer"
    """A fresh key in this front end's key file, for the others to take."""
    USE = "use"
    """To be written down: all front ends have the fresh key, and may seal under it."""
    BEGIN = "begin"
    """To be written down: the fresh key is in its place."""
    RESEAL = "reseal"
    """Sealing anew what is sealed under older keys."""
    WAIT = "wait"
    """Nothing, until all front ends are as far, or the last session under an older key is over."""
    FORGET = "forget"
    """Taking the older keys out of the key file."""
    DONE = "done"
    """Nothing any more."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """The master key's file, and the box that everybody uses."""

    layout: Layout
    box: secretbox.SecretBox


def reconciler(opened: store.Store, ring: Keyring, clock: clock.Clock) -> Reconciler:
    """Return the reconciler; its keys are rotations with something to do now."""

    def step(rotation: RotationRecord) -> Step:
        rings = rings_of(opened.view) if opened.is_shared else None
        return plan_step(rotation, ring.box.key_ids, clock.now(), rings)

    def keys() -> tuple[str, ...]:
        # One at a time, the oldest first: a later one begins where this one has its key in place.
        due = [one for one in _by_age(opened.view) if step(one) not in (Step.WAIT, Step.DONE)]
        return tuple(one.id for one in due[:1])

    async def settle(id: str) -> None:
        rotation = opened.view.get(records.KEY_ROTATION, id)
        while rotation is not None and (next_ := step(rotation)) not in (Step.WAIT, Step.DONE):
            await _apply(opened, ring, rotation, next_)
            rotation = opened.view.get(records.KEY_ROTATION, id)

    return Reconciler(name="master keys", keys=keys, settle=settle, every_s=EVERY_S)


def rings_of(view: store.View | store.Tx) -> dict[str, tuple[str, ...]]:
    """Return the ids of each front end's keys, that which seals first, by the front end's name."""
    found = view.list(records.FRONT_END)
    return {one.doc.name: one.seen.key_ids if one.seen else () for one in found}


def plan_step(
    rotation: RotationRecord,
    key_ids: Sequence[str],
    now: float,
    rings: Mapping[str, tuple[str, ...]] | None = None,
) -> Step:
    """Return what comes next, given the ids of the keys that there are, the newest first.

    `rings`: the keys of all front ends; None where there can be only one.
    """
    seen = rotation.seen
    if seen is None:
        if rings is not None:
            return Step.OFFER
        return Step.MAKE if key_ids[0] == rotation.doc.replaces else Step.BEGIN
    if seen.ended_at:
        return Step.DONE
    if not seen.began_at:
        if waits_for(rotation, rings or {}):
            return Step.WAIT
        return Step.BEGIN if seen.spread_at else Step.USE
    if not seen.resealed_at:
        return Step.RESEAL
    # A later rotation may have forgotten the older keys of this one too.
    is_over = now >= masterkeys.forgets_at(rotation.doc, seen)
    return Step.FORGET if is_over or not set(seen.retired) & set(key_ids) else Step.WAIT


def waits_for(rotation: RotationRecord, rings: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the names of the front ends that a rotation waits for before anything is sealed."""
    seen = rotation.seen
    if seen is None or seen.began_at:
        return ()
    if not seen.spread_at:
        return tuple(sorted(name for name, ids in rings.items() if seen.key_id not in ids))
    return tuple(sorted(name for name, ids in rings.items() if ids[:1] != (seen.key_id,)))


async def _apply(opened: store.Store, ring: Keyring, rotation: RotationRecord, step: Step) -> None:
    """Take one step. Each may be taken twice: it looks at what it finds."""
    path, box = ring.layout.master_key, ring.box
    match step:
        case Step.MAKE:
            secretbox.rotate(path, box)
            _log.info("master key made", rotation=rotation.id, key=box.newest)
        case Step.OFFER:
            offered = secretbox.add(path, box)
            await opened.run(lambda tx: _offer(tx, rotation.id, offered))
            _log.info("master key offered", rotation=rotation.id, key=offered)
        case Step.USE:
            await opened.run(lambda tx: _observe(tx, rotation, spread_at=tx.now))
        case Step.BEGIN:
            newest, *retired = box.key_ids
            await opened.run(lambda tx: _begin(tx, rotation.id, newest, tuple(retired)))
        case Step.RESEAL:
            if not await _reseal(opened, box):
                await opened.run(lambda tx: _observe(tx, rotation, resealed_at=tx.now))
        case Step.FORGET:
            if await _reseal(opened, box) or await opened.run(lambda tx: _needs_older(tx, box)):
                return
            retired_ids = rotation.seen.retired if rotation.seen else ()
            # Of several front ends each forgets by itself what the store says is over.
            if not opened.is_shared:
                secretbox.forget(path, box, retired_ids)
            await opened.run(lambda tx: _observe(tx, rotation, ended_at=tx.now))
            _log.info("master keys forgotten", rotation=rotation.id, keys=retired_ids)
        case Step.WAIT | Step.DONE:
            return


async def _reseal(opened: store.Store, box: secretbox.SecretBox) -> int:
    """Seal anew what the view has under older keys; return how many records that were."""
    found = sealed.sealing(opened.view)
    older = await asyncio.to_thread(sealed.older, found, box)
    for start in range(0, len(older), RECORDS_AT_ONCE):
        some = older[start : start + RECORDS_AT_ONCE]
        await opened.run(lambda tx, some=some: sealed.reseal(tx, box, some))
    return len(older)


def _needs_older(tx: store.Tx, box: secretbox.SecretBox) -> bool:
    return bool(sealed.older(sealed.sealing(tx), box))


def _offer(tx: store.Tx, id: str, key_id: str) -> None:
    """Say which key is the new one, unless another front end was first."""
    current = tx.get(records.KEY_ROTATION, id)
    if current is not None and current.seen is None:
        tx.observe(current, RotationSeen(key_id=key_id, retired=(), began_at=0.0))


def _begin(tx: store.Tx, id: str, newest: str, retired: tuple[str, ...]) -> None:
    current = tx.get(records.KEY_ROTATION, id)
    if current is None or (current.seen is not None and current.seen.key_id != newest):
        return
    seen = current.seen or RotationSeen(key_id=newest, retired=(), began_at=0.0)
    if not seen.began_at:
        tx.observe(current, replace(seen, retired=retired, began_at=tx.now))


def _observe(tx: store.Tx, rotation: RotationRecord, **facts: float) -> None:
    current = tx.get(records.KEY_ROTATION, rotation.id)
    if current is not None and current.seen is not None:
        tx.observe(current, replace(current.seen, **facts))


def _by_age(view: store.View) -> list[RotationRecord]:
    return sorted(view.list(records.KEY_ROTATION), key=lambda one: one.doc.requested_at)
