"""Rollouts as the cloud's process deals with them: it decides, and rings where something is to do.

What a rollout is stands in `model.configuration.rollouts`. This process may change no settings: it
rings a bell by which the supervisor, who is root, has the machine look what its duty is
(`box.rollouts`). A bell says nothing; it may ring too often.
Called by the administration, and as reconcilers by the daemon.
"""

import contextlib
import errno
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.kit import clock as clocks
from mallee.kit import logs
from mallee.model.configuration import rollouts
from mallee.model.configuration.rollouts import Duty, Known, Report, RolloutSeen

EVERY_S = 2.0
_NOBODY_HEARS = frozenset({errno.ENOENT, errno.ENXIO, errno.EAGAIN})

_log = logs.get(__name__)


def known(view: store.View | store.Tx) -> tuple[Known, ...]:
    """Return all rollouts, in the order of their numbers."""
    found = sorted(view.list(records.ROLLOUT), key=lambda one: one.doc.number)
    return tuple(Known(rollout=one.doc, seen=one.seen or RolloutSeen()) for one in found)


def names(view: store.View | store.Tx) -> Mapping[str, str]:
    """Return the names of the front ends, by id."""
    return {one.id: one.doc.name for one in view.list(records.FRONT_END)}


def duty(view: store.View | store.Tx, own: str) -> tuple[Duty, Known] | None:
    """Return what this front end has to do now; None: nothing."""
    record = view.get(records.FRONT_END, own)
    return None if record is None else rollouts.duty_of(known(view), own, record.doc.joined_at)


def report(tx: store.Tx, id: str, said: Report) -> None:
    """Write down what a front end says, and decide what follows from it."""
    record = tx.get(records.ROLLOUT, id)
    if record is not None:
        seen = record.seen or RolloutSeen()
        told = rollouts.with_report(seen, said)
        if told != seen:
            tx.observe(record, told)
    decide(tx, id)


def decide(tx: store.Tx, id: str) -> None:
    """Decide a rollout that is due."""
    record = tx.get(records.ROLLOUT, id)
    if record is None:
        return
    open = Known(rollout=record.doc, seen=record.seen or RolloutSeen())
    outcome = "" if open.is_decided else rollouts.decide(open, names(tx), tx.now)
    if outcome:
        tx.observe(record, msgspec.structs.replace(open.seen, outcome=outcome, decided_at=tx.now))
        _log.warning(
            "settings of all front ends", rollout=id, what=record.doc.what, outcome=outcome
        )


def decider(opened: store.Store, clock: clocks.Clock) -> Reconciler:
    """Return the reconciler that ends rollouts of which nobody says anything any more."""

    def keys() -> tuple[str, ...]:
        called = names(opened.view)
        return tuple(
            one.rollout.id
            for one in known(opened.view)
            if not one.is_decided and rollouts.decide(one, called, clock.now())
        )

    async def settle(id: str) -> None:
        await opened.run(lambda tx: decide(tx, id))

    return Reconciler(name="rollouts", keys=keys, settle=settle, every_s=EVERY_S)


def ringer(opened: store.Store, own: str, bell: Path) -> Reconciler:
    """Return the reconciler that has this machine look while there is something for it to do."""

    def keys() -> tuple[str, ...]:
        return (own,) if duty(opened.view, own) is not None else ()

    async def settle(_: str) -> None:
        ring(bell)

    return Reconciler(
        name="duty of this front end", keys=keys, settle=settle, every_s=EVERY_S, is_local=True
    )


def ring(bell: Path) -> None:
    """Have the supervisor look; nothing happens where there is none, or where it is rung enough."""
    try:
        descriptor = os.open(bell, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with contextlib.closing(os.fdopen(descriptor, "wb", buffering=0)) as pipe:
            pipe.write(b"\n")
    except OSError as error:
        if error.errno not in _NOBODY_HEARS:
            raise
