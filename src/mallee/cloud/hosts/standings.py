"""What hosts take and what they do not: by their administrator's wish, their roles, what is heard.

Called wherever something comes to a host: by `placement` and `diskroom`, by the nouns that choose
hosts, and by what describes them. What each standing means is `model.standing`'s; whose a host is,
`tenancy`'s.
"""

from mallee.cloud.state import records, store
from mallee.cloud.state.records import HostSeen, Record
from mallee.model.hosts import standing
from mallee.model.hosts.hosts import Host
from mallee.model.hosts.standing import HostEvent, Judged, Role, Standing, State

HostRecord = Record[Host, HostSeen]
Reader = store.View | store.Tx


def judged(host: HostRecord) -> Judged:
    """Return a host's state with its causes."""
    seen = host.seen
    if seen is None:
        return standing.judge(host.doc.standing, is_heard=None)
    # Where a host leads nobody to the world, its own way there is nobody's concern.
    way = seen.facts.way.why if Role.GATEWAY in host.doc.roles else ""
    problems = (*seen.facts.problems, *((way,) if way else ()))
    return standing.judge(host.doc.standing, is_heard=not seen.is_silent, problems=problems)


def note(tx: store.Tx, host_id: str) -> None:
    """Write down what has become of a host, if its state or the causes are others; twice is once.

    Called in every transaction that changes what is wanted or seen of one.
    """
    host = tx.get(records.HOST, host_id)
    if host is None:
        return
    found, now = events(tx, host_id), judged(host)
    last = found[-1].doc if found else None
    if last is not None and Judged(last.state, last.causes) == now:
        return
    event = HostEvent(
        host_id=host_id,
        number=last.number + 1 if last else 1,
        at=tx.now,
        state=now.state,
        causes=now.causes,
    )
    tx.insert(records.HOST_EVENT, "", f"{host_id}/{event.number}", event)
    for old in found[: max(0, len(found) + 1 - standing.EVENTS_KEPT)]:
        tx.delete(old)


def events(view: Reader, host_id: str) -> list[Record[HostEvent, None]]:
    """Return what became of a host, the latest last."""
    return sorted(view.by(records.HOST_EVENT, "host", host_id), key=lambda one: one.doc.number)


def closed(host: HostRecord, *roles: Role) -> str:
    """Return why a host takes nothing new that needs these roles, as words after its name."""
    missing = (standing.lacks(host.doc.roles, role) for role in roles)
    return standing.closed(host.doc.standing) or next(filter(None, missing), "")


def closed_to_starts(host: HostRecord) -> str:
    """Return why instances that are on a host do not start again; empty: they do."""
    return standing.closed_to_starts(host.doc.standing)


def is_ailing(host: HostRecord) -> bool:
    """Tell whether a host is broken: what is new comes there when no other has room for it.

    It is not closed: what ails it may be one guest's, or over before another is there.
    """
    return judged(host).state is State.BROKEN


def takes(host: HostRecord, *roles: Role) -> bool:
    """Tell whether a host is heard, and takes something new that needs these roles."""
    return host.seen is not None and not host.seen.is_silent and not closed(host, *roles)


def is_retired(view: Reader, host_id: str) -> bool:
    """Tell whether a host was part of the cloud once and is not any more."""
    host = view.get(records.HOST, host_id)
    return host is not None and host.doc.standing is Standing.RETIRED


def is_member(host: HostRecord | None) -> bool:
    """Tell whether a host is part of the cloud."""
    return host is not None and host.doc.standing is not Standing.RETIRED
