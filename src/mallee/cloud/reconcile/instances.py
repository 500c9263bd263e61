"""Puts instances right: launches given up with their cause, guests that powered themselves off,
room and addresses given back, records forgotten.

Hosts do what is wanted and report what they see; this reconciler changes what is wanted when that
cannot be, or is no longer what the owner chose. No wait is without an end: each deadline ends in a
state that a user sees, with a reason that names the host and its last step.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from mallee.cloud.ec2.instances import power, release
from mallee.cloud.hosts import standings
from mallee.cloud.hosts.placing import placement
from mallee.cloud.modes import lanleases
from mallee.cloud.reconcile import restless
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.cloud.state.view import News
from mallee.kit import clock
from mallee.model.compute import instances
from mallee.model.compute.instances import Instance, InstanceSeen, Phase, Power, Reason
from mallee.model.configuration.settings import Deadlines, Settings

KEPT_TERMINATED_S = 3600.0
"""How long a terminated instance stays visible."""

STOP_GRACE_S = 30.0
"""How long after its own deadline for a stop a host may be late before the user is told."""

COPY_S_PER_GIB = 60.0
"""So much longer may a launch take for what has to be copied from another host first."""

BY_GUEST = power.Why(
    Reason("Client.InstanceInitiatedShutdown", "Instance initiated shutdown"), "Instance initiated"
)
BY_SERVER = "Server initiated"
INTERNAL_ERROR = "Server.InternalError"

NOT_YET = " Not done yet: "
"""Stands in a reason before what it waits for, as long as it does."""

InstanceRecord = Record[Instance, InstanceSeen]


@dataclass(frozen=True, slots=True)
class Standing:
    """An instance's host, as far as it matters here."""

    name: str
    is_there: bool = True
    silent_since: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What `fetch` finds: the instance and its surroundings."""

    instance: InstanceRecord
    host: Standing
    holds_room: bool
    """Whether it holds what only a running instance needs."""
    coming_gib: int = 0
    """How much of its volumes is on its way from another host."""
    came_at: float = 0.0
    """When the last of its volumes came to its host, in seconds since the epoch; 0: none came."""
    conflict: str = ""
    """Why it cannot have an address that the LAN gave it; empty: it can."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Want it off, keeping its disk."""

    why: power.Why


@dataclass(frozen=True, slots=True)
class Terminate:
    """Want it gone."""

    why: power.Why


@dataclass(frozen=True, slots=True)
class GiveBack:
    """It is gone: give back everything it held."""


@dataclass(frozen=True, slots=True)
class Pause:
    """It is off: give back the room that only a running instance needs."""


@dataclass(frozen=True, slots=True)
class Explain:
    """Tell its owner why nothing happens; None: the reason holds no more."""

    reason: Reason | None


@dataclass(frozen=True, slots=True)
class Forget:
    """It has been gone for long: remove its record."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan is measured by."""

    deadlines: Deadlines
    began_at: float
    """Seconds since the epoch when this process began: nobody could report to it before, so no
    deadline counts the time until then."""


Step = Stop | Terminate | GiveBack | Pause | Explain | Forget


def reconciler(store: store.Store, clock: clock.Clock, settings: Settings) -> Reconciler:
    """Return the reconciler of all instances."""

    terms = Terms(settings.deadlines, began_at=clock.now())
    known = restless.Restless(records.INSTANCE, concerned)

    def keys() -> tuple[str, ...]:
        now, view = clock.now(), store.view
        due: list[str] = []
        for id in known.candidates(view):
            seen = fetch(view, id)
            is_due = seen is not None and plan(seen, terms, now) is not None
            known.note(id, is_restless=seen is not None and (is_due or not _is_steady(seen)))
            if is_due:
                due.append(id)
        return tuple(due)

    async def settle(id: str) -> None:
        await store.run(lambda tx: settle_one(tx, id, terms))

    return Reconciler(name="instances", keys=keys, settle=settle)


def concerned(view: store.View, item: News) -> Iterator[str]:
    """Yield the instances for which a change may have made something to do."""
    record = item.either
    if record.kind is records.INSTANCE:
        yield record.id
    elif record.kind is records.HOST and _silence_of(item.before) != _silence_of(item.after):
        yield from (one.id for one in view.by(records.INSTANCE, "host", record.id))


def _silence_of(host: Record[Any, Any] | None) -> tuple[bool, bool]:
    """Return what matters of a host: whether it is there, and whether it is silent."""
    seen: records.HostSeen | None = host.seen if host else None
    return host is not None, seen is not None and seen.is_silent


def _is_steady(seen: Seen) -> bool:
    """Tell whether nothing becomes due for what there is nothing to do, but for `Forget`."""
    doc = seen.instance.doc
    phase = instances.phase_of(doc, seen.instance.seen)
    return (
        doc.gone_at is not None
        or (doc.power is Power.RUNNING and phase is Phase.RUNNING)
        or (doc.power is Power.STOPPED and phase is Phase.OFF)
    )


def settle_one(tx: store.Tx, id: str, terms: Terms) -> None:
    """Put one instance right in a transaction."""
    seen = fetch(tx, id)
    step = plan(seen, terms, tx.now) if seen else None
    if seen is not None and step is not None:
        apply(tx, seen.instance, step)


def fetch(view: store.View | store.Tx, id: str) -> Seen | None:
    """Read an instance and its surroundings; None when there is none of that id."""
    instance = view.get(records.INSTANCE, id)
    if instance is None:
        return None
    host = view.get(records.HOST, instance.doc.host_id)
    standing = Standing(instance.doc.host_id, is_there=False)
    if host is not None and standings.is_member(host):
        is_silent = host.seen is not None and host.seen.is_silent
        standing = Standing(
            host.doc.name,
            silent_since=host.seen.heard_at if host.seen and is_silent else None,
        )
    worn = [one.doc for one in view.by(records.VOLUME, "instance", id)]
    return Seen(
        instance,
        standing,
        placement.holds_room(view, instance.doc.host_id, id),
        coming_gib=sum(one.size_gib for one in worn if one.move is not None),
        came_at=max((one.moved_at for one in worn), default=0.0),
        conflict=lanleases.conflict(view, instance),
    )


def plan(seen: Seen, terms: Terms, now: float) -> Step | None:
    """Decide the one thing to do next; None when all is as it should be."""
    doc = seen.instance.doc
    phase = instances.phase_of(doc, seen.instance.seen)
    if doc.gone_at is not None:
        return Forget() if now - doc.gone_at > KEPT_TERMINATED_S else None
    match doc.power:
        case Power.TERMINATED:
            return _plan_terminated(seen, phase, terms, now)
        case _ if phase is Phase.GONE:
            return Terminate(_why(f"Host {seen.host.name} no longer has the instance's disk."))
        case Power.STOPPED:
            return _plan_stopped(seen, phase, terms, now)
        case Power.RUNNING:
            return _plan_running(seen, phase, terms, now)


def _plan_running(seen: Seen, phase: Phase, terms: Terms, now: float) -> Step | None:
    doc, observed = seen.instance.doc, seen.instance.seen
    if phase is Phase.FAILED:
        cause = observed.cause if observed else None
        reason = cause or Reason(INTERNAL_ERROR, f"Host {seen.host.name} could not start it.")
        return _give_up(seen, power.Why(reason, BY_SERVER))
    if phase is Phase.OFF and observed is not None and observed.ended_by_guest:
        return Terminate(BY_GUEST) if doc.shutdown_behavior == "terminate" else Stop(BY_GUEST)
    if seen.conflict:
        return _give_up(seen, _why(seen.conflict))
    within_s = terms.deadlines.launch_s
    # What is on its way from another host takes as long as there is of it.
    within_s += seen.coming_gib * COPY_S_PER_GIB
    is_late = now - max(doc.launched_at, terms.began_at, seen.came_at) > within_s
    if is_late and phase in (Phase.UNKNOWN, Phase.PREPARING):
        last = _last_heard(seen, phase)
        return _give_up(seen, _why(f"The launch was given up after {within_s:.0f} s: {last}"))
    return _plan_reason(seen)


def _plan_reason(seen: Seen) -> Step | None:
    """A silent host is the reason why nothing is known of what runs there, while it is silent."""
    doc = seen.instance.doc
    silent = Reason(INTERNAL_ERROR, _silence(seen.host)) if _is_silent(seen.host) else None
    if silent is not None:
        return None if doc.reason == silent else Explain(silent)
    was_silent = doc.reason is not None and doc.reason.code == INTERNAL_ERROR
    return Explain(None) if was_silent else None


def _plan_stopped(seen: Seen, phase: Phase, terms: Terms, now: float) -> Step | None:
    if phase in (Phase.OFF, Phase.FAILED):
        if seen.holds_room:
            return Pause()
        reason = seen.instance.doc.reason
        return None if reason == _noted(reason) else Explain(_noted(reason))
    return _plan_overdue(seen, phase, terms, now)


def _plan_terminated(seen: Seen, phase: Phase, terms: Terms, now: float) -> Step | None:
    if phase is Phase.GONE or not seen.host.is_there:
        # While it is not clear where its guest ends, that may be elsewhere, with its addresses.
        return None if seen.instance.doc.migration else GiveBack()
    return _plan_overdue(seen, phase, terms, now)


def _plan_overdue(seen: Seen, phase: Phase, terms: Terms, now: float) -> Step | None:
    doc, deadlines = seen.instance.doc, terms.deadlines
    within_s = deadlines.stop_s if doc.power is Power.STOPPED else deadlines.terminate_s
    if now - max(doc.wanted_since, terms.began_at) <= within_s + STOP_GRACE_S:
        return None
    reason = _noted(doc.reason, _last_heard(seen, phase))
    return None if doc.reason == reason else Explain(reason)


def _noted(reason: Reason | None, note: str = "") -> Reason | None:
    """Return the reason with a note about what it still waits for, or without."""
    if reason is None:
        return Reason(INTERNAL_ERROR, NOT_YET.lstrip() + note) if note else None
    message = reason.message.partition(NOT_YET)[0]
    return Reason(reason.code, message + NOT_YET + note if note else message)


def _give_up(seen: Seen, why: power.Why) -> Step:
    """What never ran is removed; what has run before keeps its disk."""
    observed = seen.instance.seen
    has_run = seen.instance.doc.launch > 1 or (observed is not None and observed.restarts > 0)
    return Stop(why) if has_run else Terminate(why)


def _why(message: str) -> power.Why:
    return power.Why(Reason(INTERNAL_ERROR, message), BY_SERVER)


def _last_heard(seen: Seen, phase: Phase) -> str:
    """Where the host stands, as a sentence."""
    if _is_silent(seen.host):
        return _silence(seen.host)
    if not seen.host.is_there:
        return f"host {seen.host.name} is no longer part of this cloud."
    step = seen.instance.seen.step if seen.instance.seen else ""
    if phase is Phase.UNKNOWN or not step:
        return f"host {seen.host.name} has not reported of it yet; see its agent's log."
    return f"the last step of host {seen.host.name} was: {step}."


def _is_silent(host: Standing) -> bool:
    return host.silent_since is not None


def _silence(host: Standing) -> str:
    since = datetime.datetime.fromtimestamp(host.silent_since or 0.0, datetime.UTC)
    return (
        f"host {host.name} has been silent since {since:%Y-%m-%d %H:%M:%S} GMT; see whether it "
        "runs, and its agent."
    )


def apply(tx: store.Tx, instance: InstanceRecord, step: Step) -> None:
    """Do one step; each is safe to do twice, because the plan after it no longer asks for it."""
    match step:
        case Stop(why):
            power.want_stopped(tx, instance, why)
        case Terminate(why):
            power.want_terminated(tx, instance, why)
        case Pause():
            placement.pause(tx, instance.doc.host_id, instance.id)
        case Explain(reason):
            tx.write(instance, replace(instance.doc, reason=reason))
        case GiveBack():
            _give_back(tx, instance)
        case Forget():
            tx.release_owner(instance.id)
            tx.delete(instance)


def _give_back(tx: store.Tx, instance: InstanceRecord) -> None:
    release.after_termination(tx, instance)
    placement.release(tx, instance.doc.host_id, instance.id)
    tx.release_owner(instance.id)
    doc = instance.doc
    tx.write(instance, replace(doc, gone_at=tx.now, reason=_noted(doc.reason)))
