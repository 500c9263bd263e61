"""Who is in charge of the world: chosen once, and again only when it has to be another.

`plan_charge` says what the record should be. Invariants: (1) while the host in charge may hold a
lease of its standby's, nobody but that standby takes over: it alone knows what it has promised;
(2) who comes back does not take back: a term ends for a cause, never for a preference. A dead way
of its own to the world is a cause, as long as its standby's is well.
Called by `reconcile.gateways`. How leases are given is `leases`' business. Pure.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from mallee.cloud.hosts import standings
from mallee.cloud.hosts.standings import HostRecord
from mallee.model.hosts.standing import Role, Standing
from mallee.model.network.gateways import HANDED_OVER_S, STAYS_S, Charge, WayState

_OUT = (Standing.MAINTENANCE, Standing.RETIRED)


def fitting(hosts: Sequence[HostRecord]) -> list[HostRecord]:
    """Return the hosts that can lead to the world, in the order in which they are asked to."""
    found = [
        host
        for host in hosts
        if Role.GATEWAY in host.doc.roles and host.doc.address and host.doc.standing not in _OUT
    ]
    return sorted(found, key=lambda host: (host.doc.joined_at, host.id))


def plan_charge(now: Charge | None, hosts: Sequence[HostRecord], at: float) -> Charge | None:
    """Return who shall be in charge; the same value when nothing is to change."""
    fit = fitting(hosts)
    if now is None:
        return _first(fit, at)
    by_id = {host.id: host for host in hosts}
    charged = by_id.get(now.host_id)
    heard = [host for host in fit if _is_heard(host) and host.id != now.host_id]
    if charged is None or charged not in fit:
        return _replaced(now, hosts, heard, at)
    if not _is_heard(charged):
        return _taken_over(now, charged, heard, at)
    if _way(charged) is WayState.DEAD:
        return _relieved(now, charged, heard, at)
    return _attended(now, _promising(hosts, heard))


def is_forsaken(now: Charge, hosts: Sequence[HostRecord]) -> bool:
    """Tell whether the host in charge is silent, and nobody takes over before an administrator has
    said that it is off."""
    fit = fitting(hosts)
    charged = next((host for host in fit if host.id == now.host_id), None)
    is_silent = charged is not None and charged.seen is not None and charged.seen.is_silent
    return is_silent and _heir(now, [host for host in fit if _is_heard(host)]) is None


def declared_off(now: Charge, hosts: Sequence[HostRecord], at: float) -> Charge | None:
    """Return who takes the place of the host in charge, which an administrator says is off; None:
    nobody can."""
    charged = next((host for host in hosts if host.id == now.host_id), None)
    heard = [one for one in fitting(hosts) if _is_heard(one) and one.id != now.host_id]
    preferred = [one for one in heard if one.id in now.standbys]
    heir = next(iter((*preferred, *heard)), None)
    if charged is None or heir is None:
        return None
    why = f"It takes the place of {charged.doc.name}, which is off, as its administrator says."
    # Who is off goes on by nobody's promise, and promises nobody.
    promising = (id for id in now.former_standbys if id != charged.id)
    return replace(_handed_over(now, heir, why, at), former_standbys=tuple(promising))


def _first(fit: list[HostRecord], at: float) -> Charge | None:
    if not fit:
        return None
    # An agent of before there were leases may lead to the world: until it is heard to know them
    # nobody takes over from it.
    known = None if fit[0].seen is None else ""
    return Charge(
        host_id=fit[0].id,
        term=1,
        since=at,
        why="It is the first that joined of those with the role gateway.",
        known_standby_id=known,
    )


def _attended(now: Charge, heard: list[HostRecord], *, is_cut_off: bool = False) -> Charge:
    """See that the host in charge has a standby, one at a time: each is known to it first."""
    if not now.is_known or now.former_id:
        return now
    standby = _standby(now, heard, is_cut_off=is_cut_off)
    standby_id = standby.id if standby is not None else ""
    port = standby.seen.facts.channel_port if standby is not None and standby.seen else 0
    if standby_id != now.standby_id:
        return replace(
            now, term=now.term + 1, standby_id=standby_id, standby_port=port, is_known=False
        )
    return replace(now, standby_port=port) if port not in (0, now.standby_port) else now


def _promising(hosts: Sequence[HostRecord], heard: list[HostRecord]) -> list[HostRecord]:
    """Return whose promise the host in charge could go on by when the cloud is away.

    A machine with the only front end is lost together with the cloud: by its promise nobody could
    go on then, and without a standby the host in charge needs none.
    """
    beside = [one for one in hosts if standings.is_member(one) and _is_with_cloud(one)]
    return [one for one in heard if len(beside) != 1 or one.id != beside[0].id]


def _standby(now: Charge, heard: list[HostRecord], *, is_cut_off: bool) -> HostRecord | None:
    """Choose who takes over; it is another one than before for a cause only."""
    opened = [one for one in heard if _way(one) is WayState.OPEN]
    usable = [one for one in heard if _way(one) is not WayState.DEAD]
    standby = next((one for one in heard if one.id == now.standby_id), None)
    if standby is not None and is_cut_off and standby not in opened and opened:
        return opened[0]
    if standby is None or standby not in usable:
        return next(iter((*usable, *heard)), None)
    return standby


def _relieved(now: Charge, charged: HostRecord, heard: list[HostRecord], at: float) -> Charge:
    """Let the standby take over from a host that is heard, and leads nobody anywhere."""
    attended = _attended(now, heard, is_cut_off=True)
    if attended is not now or not now.is_known or now.former_id or at < now.since + STAYS_S:
        return attended
    heir = next((one for one in heard if one.id == now.standby_id), None)
    if heir is None or _way(heir) is not WayState.OPEN:
        return now
    why = f"It takes the place of {charged.doc.name}, whose way to the world was dead."
    return _handed_over(now, heir, why, at)


def _taken_over(now: Charge, charged: HostRecord, heard: list[HostRecord], at: float) -> Charge:
    """Let the standby take over from a host that is silent; it has no lease of the cloud's."""
    heir = _heir(now, heard)
    if heir is None:
        return now
    why = f"It was the standby of {charged.doc.name}, which was not heard any more."
    return _after_former(now, Charge(host_id=heir.id, term=now.term + 1, since=at, why=why))


def _heir(now: Charge, heard: list[HostRecord]) -> HostRecord | None:
    """Return who takes over from a host that is silent."""
    # It may have taken the newest term or the one before it, for all that is known.
    heirs = [one for one in heard if now.standbys <= {one.id}]
    # The silent one may lead by its promise: who could not do better leaves it that.
    return next((one for one in heirs if _way(one) is not WayState.DEAD), None)


def _replaced(
    now: Charge, hosts: Sequence[HostRecord], heard: list[HostRecord], at: float
) -> Charge:
    """Let another host take over from one that shall not be in charge, by its administrator."""
    charged = next((host for host in hosts if host.id == now.host_id), None)
    is_member = charged is not None and standings.is_member(charged)
    is_heard = charged is not None and is_member and _is_heard(charged)
    if charged is not None and is_member and not is_heard:
        # It may lead all the same: only who retires it says that it does not.
        return _taken_over(now, charged, heard, at)
    if is_heard and now.standbys:
        attended = _attended(now, _promising(hosts, heard))
        if attended.term != now.term or not now.is_known:
            return attended
    preferred = [one for one in heard if one.id in now.standbys]
    heir = next(iter((*preferred, *heard)), None)
    if heir is None:
        return now
    name = charged.doc.name if charged is not None else now.host_id
    return _handed_over(
        now, heir, f"It takes the place of {name}, by its administrator's wish.", at
    )


def _handed_over(now: Charge, heir: HostRecord, why: str, at: float) -> Charge:
    """Return that another host is in charge as soon as the one before has ended."""
    new = Charge(
        host_id=heir.id,
        term=now.term + 1,
        since=at,
        why=why,
        former_id=now.host_id,
        free_at=at + HANDED_OVER_S,
        former_standbys=tuple(sorted(now.standbys - {""})),
    )
    return _after_former(now, new)


def _after_former(now: Charge, new: Charge) -> Charge:
    """Return who shall be in charge instead of a host that may still wait for one before it.

    As long as that waits it has led nobody, and whoever leads is the one before it.
    """
    if not now.former_id:
        return new
    if now.former_id == new.host_id:
        return replace(new, former_id="", free_at=0.0, former_standbys=())
    return replace(
        new,
        former_id=now.former_id,
        free_at=max(now.free_at, new.free_at),
        former_standbys=now.former_standbys,
    )


def _is_heard(host: HostRecord) -> bool:
    return host.seen is not None and not host.seen.is_silent


def _is_with_cloud(host: HostRecord) -> bool:
    return host.seen is not None and host.seen.facts.with_cloud


def _way(host: HostRecord) -> WayState:
    return host.seen.facts.way.state if host.seen is not None else WayState.UNKNOWN
