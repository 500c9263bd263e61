"""Replaces the authority when that is wanted, one step after the other, when all are as far.

The order is what makes it safe to be killed anywhere, and lets nobody be shut out: nobody is shown
a certificate of the new authority before he trusts it, and the old one is trusted until nobody
needs it. Front ends come first in each step, then hosts; each follows what the store says
(`cloud.frontends.authorities`, agents). Of front ends one that is away is waited for until it is
removed; of hosts too, unless they are to be left behind.
Called by the runner; `cloud.admin.authorities` writes what is wanted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from msgspec.structs import replace

from mallee.cloud.hosts import standings
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit import authorities, clock, logs, pki
from mallee.kit.authorities import Authorities
from mallee.model.identity.authorities import Replacement, ReplacementSeen, orders

EVERY_S = 2.0

ReplacementRecord = Record[Replacement, ReplacementSeen]

_log = logs.get(__name__)


class Step(Enum):
    """What a replacement needs next."""

    OFFER = "offer"
    """A new authority in this front end's file, for the others to take."""
    TELL = "tell"
    """To be written down: all front ends are as far, and hosts may follow."""
    GO_ON = "go on"
    """To be written down: all hosts are as far, and front ends may follow the next order."""
    END = "end"
    """To be written down: nobody trusts the former any more."""
    WAIT = "wait"
    """Nothing, until all are as far."""
    DONE = "done"
    """Nothing any more."""


@dataclass(frozen=True, slots=True)
class Means:
    """What it takes."""

    opened: store.Store
    own: Authorities
    clock: clock.Clock


def reconciler(means: Means) -> Reconciler:
    """Return the reconciler; its key is the replacement with something to do now."""
    opened = means.opened

    def keys() -> tuple[str, ...]:
        found = newest(opened.view)
        is_due = found is not None and plan_step(opened.view, found, means.own.ids) not in (
            Step.WAIT,
            Step.DONE,
        )
        return (found.id,) if found is not None and is_due else ()

    async def settle(id: str) -> None:
        found = opened.view.get(records.AUTHORITY, id)
        if found is None:
            return
        step = plan_step(opened.view, found, means.own.ids)
        if step is Step.OFFER:
            seen = _make(means)
            await opened.run(lambda tx: _offer(tx, id, seen))
        elif step not in (Step.WAIT, Step.DONE):
            await opened.run(lambda tx: _advance(tx, id, means.own.ids))

    return Reconciler(name="authority", keys=keys, settle=settle, every_s=EVERY_S)


def newest(view: store.View | store.Tx) -> ReplacementRecord | None:
    """Return the replacement that counts: the last that was asked for."""
    found = sorted(view.list(records.AUTHORITY), key=lambda one: one.doc.requested_at)
    return found[-1] if found else None


def plan_step(view: store.View | store.Tx, found: ReplacementRecord, own: tuple[str, ...]) -> Step:
    """Return what comes next. `own`: what this front end has, where it is the only one."""
    seen = found.seen
    if seen is None:
        return Step.OFFER
    if seen.ended_at:
        return Step.DONE
    if waits_for(view, found, own):
        return Step.WAIT
    if found.doc.told != seen.order:
        return Step.TELL
    return Step.END if seen.order == orders(seen)[-1] else Step.GO_ON


def waits_for(
    view: store.View | store.Tx, found: ReplacementRecord, own: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the names of the front ends, or else of the hosts, that are not as far."""
    seen = found.seen
    if seen is None or seen.ended_at:
        return ()
    late = sorted(name for name, ids in _front_ends(view, own).items() if ids != seen.order)
    if late or found.doc.told != seen.order:
        return tuple(late)
    hosts = filter(standings.is_member, view.list(records.HOST))
    return tuple(
        sorted(
            host.doc.name
            for host in hosts
            if (host.doc.authorities != seen.order or host.doc.former_serial)
            and not (found.doc.leaves_behind and (host.seen is None or host.seen.is_silent))
        )
    )


def _front_ends(view: store.View | store.Tx, own: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    found = view.list(records.FRONT_END)
    told = {one.doc.name: one.seen.authority_ids if one.seen else () for one in found}
    # On SQLite there is one, and no record of it.
    return told or {"this front end": own}


def _make(means: Means) -> ReplacementSeen:
    """Have a new authority beside the one that signs; doing it twice offers another one."""
    own = means.own
    name = f"mallee {means.clock.now():.0f}"
    made = pki.create_authority(name, means.clock.now())
    former, new = own.ids[0], authorities.id_of(made)
    own.choose((former, new), (made,))
    _log.warning("authority offered", authority=new, former=former)
    return ReplacementSeen(former=former, id=new, order=(former, new))


def _offer(tx: store.Tx, id: str, seen: ReplacementSeen) -> None:
    """Say which is the new one, unless another front end was first."""
    current = tx.get(records.AUTHORITY, id)
    if current is not None and current.seen is None:
        tx.observe(current, seen)


def _advance(tx: store.Tx, id: str, own: tuple[str, ...]) -> None:
    current = tx.get(records.AUTHORITY, id)
    if current is None or current.seen is None:
        return
    seen = current.seen
    match plan_step(tx, current, own):
        case Step.TELL:
            tx.write(current, replace(current.doc, told=seen.order))
        case Step.GO_ON:
            all = orders(seen)
            tx.observe(current, replace(seen, order=all[all.index(seen.order) + 1]))
        case Step.END:
            tx.observe(current, replace(seen, ended_at=tx.now))
        case _:
            return
    _log.warning("authority", replacement=id, former=seen.former, new=seen.id, was=seen.order)
