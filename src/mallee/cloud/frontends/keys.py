"""The master keys of one of several front ends: its file follows what the store says of rotations.

A key goes from one front end to another over mutual TLS, sealed to the key that the other alone
has, and is written nowhere but in the files of both; the store knows ids alone. Each front end
takes a new key, seals under it when all have it, forgets what is older when the rotation is over,
and says what it has. After any kill it finds what is left to do in its file and in the store.
A reconciler of each front end. Not its business: when that is due (`reconcile.masterkeys`).
"""

import asyncio

import msgspec

from mallee.cloud.frontends import fellows
from mallee.cloud.frontends.fellows import Fellows
from mallee.cloud.reconcile.identity.masterkeys import Keyring, RotationRecord
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.kit import logs, secretbox
from mallee.model.hosts.frontends import FrontEndSeen
from mallee.model.identity.masterkeys import RotationSeen

PATH = "/v1/frontends/keys"
EVERY_S = 2.0

_log = logs.get(__name__)


def reconciler(opened: store.Store, ring: Keyring, others: Fellows) -> Reconciler:
    """Return the reconciler; its one key is this front end's id."""

    async def settle(_: str) -> None:
        newest = _newest(opened.view)
        if newest is not None:
            await _follow(opened, ring, others, newest)
        await opened.run(lambda tx: _tell(tx, others.own, ring.box.key_ids))

    def keys() -> tuple[str, ...]:
        record = opened.view.get(records.FRONT_END, others.own)
        if record is None:
            return ()
        is_told = record.seen is not None and record.seen.key_ids == ring.box.key_ids
        newest = _newest(opened.view)
        is_followed = newest is None or is_as_told(ring.box.key_ids, newest)
        return () if is_told and is_followed else (others.own,)

    return Reconciler(
        name="keys of this front end",
        keys=keys,
        settle=settle,
        every_s=EVERY_S,
        is_local=True,
    )


def is_as_told(key_ids: tuple[str, ...], seen: RotationSeen) -> bool:
    """Tell whether a key file is what the newest rotation wants of it."""
    if seen.ended_at:
        return key_ids == (seen.key_id,)
    if seen.spread_at or seen.began_at:
        return key_ids[0] == seen.key_id
    return seen.key_id in key_ids


async def _follow(opened: store.Store, ring: Keyring, others: Fellows, seen: RotationSeen) -> None:
    path, box = ring.layout.master_key, ring.box
    if seen.key_id not in box.key_ids:
        key = await asyncio.to_thread(_fetch, opened.view, others, seen.key_id)
        if key is None:
            return
        secretbox.add(path, box, key)
        _log.info("master key taken", key=seen.key_id)
    if (seen.spread_at or seen.began_at) and box.newest != seen.key_id:
        secretbox.promote(path, box, seen.key_id)
        _log.info("sealed from now on under another master key", key=seen.key_id)
    if seen.ended_at and len(box.key_ids) > 1:
        gone = box.key_ids[1:]
        secretbox.forget(path, box, gone)
        _log.info("master keys forgotten", keys=gone)


def _fetch(view: store.View, others: Fellows, key_id: str) -> bytes | None:
    """Return a key that another front end has, if one that has it answers; blocks."""
    for whom in others.others():
        record = view.get(records.FRONT_END, whom.id)
        if record is None or record.seen is None or key_id not in record.seen.key_ids:
            continue
        try:
            return others.ask_sealed(whom, PATH, key_id)
        except (fellows.Away, fellows.Refused) as error:
            _log.warning("master key not got", key=key_id, why=str(error))
    return None


def _newest(view: store.View) -> RotationSeen | None:
    """Return how far the newest rotation is that has a key."""
    found: list[RotationRecord] = [one for one in view.list(records.KEY_ROTATION) if one.seen]
    found.sort(key=lambda one: one.doc.requested_at)
    return found[-1].seen if found else None


def _tell(tx: store.Tx, id: str, key_ids: tuple[str, ...]) -> None:
    record = tx.get(records.FRONT_END, id)
    if record is not None:
        seen = record.seen or FrontEndSeen()
        if seen.key_ids != key_ids:
            tx.observe(record, msgspec.structs.replace(seen, key_ids=key_ids))
