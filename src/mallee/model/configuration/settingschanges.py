"""What a change of the settings takes: which daemons read them anew, what stands against it.

Pure: two documents and what is known of the running cloud make a plan, which is shown before it is
carried out. A setting that no rule names cannot be changed, so a new one is never forgotten here.
Called by `box.configuring` and, on each front end, by what tries it (`box.rollouts`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import cast

import msgspec

from mallee.model.configuration import cutoffs, modechanges, settings, sharing
from mallee.model.configuration.settings import Settings

CLOUD, OBJECTS, BLOCKS, AGENT = "cloud", "s3", "blocks", "node"
_ORDER = (CLOUD, OBJECTS, BLOCKS, AGENT)
_HIDDEN = "(not shown)"
_NOTHING = "nothing changes"
_SECRET = frozenset({"database_url"})
"""Settings whose values may hold passwords."""


@dataclass(frozen=True, slots=True)
class HostStanding:
    """A host of the cloud as it is before the change."""

    id: str
    name: str
    is_up: bool
    is_own: bool
    """Whether it is the machine on which the settings are."""
    calls: str = ""
    """The address at which it calls the cloud, or a name; empty: it is not known."""


@dataclass(frozen=True, slots=True)
class FrontEndStanding:
    """One of several front ends of the cloud, as it is before the change."""

    name: str
    is_up: bool
    is_own: bool
    """Whether it is the one where the change is asked for."""
    document: str
    """What all have the same of their settings, as this one has it; empty: not known."""


@dataclass(frozen=True, slots=True)
class CloudStanding:
    """What of a running cloud bears on what may be changed."""

    hosts: tuple[HostStanding, ...]
    instances: int
    public_addresses_used: int
    in_networks: tuple[str, ...] = ()
    """What belongs to the network mode as it is, in words."""
    ports: tuple[tuple[str, int], ...] = ()
    """At which the cloud listens now, by the settings' names."""
    front_ends: tuple[FrontEndStanding, ...] = ()
    """Empty: there is one, and can be no other."""


@dataclass(frozen=True, slots=True)
class Change:
    """One setting and its values, as the document has them."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a new document would do."""

    changes: tuple[Change, ...]
    restarts: tuple[str, ...]
    """The daemons of the cloud's machine that start anew, in their order."""
    hosts: tuple[tuple[str, str], ...]
    """By name: what becomes of each host."""
    front_ends: tuple[tuple[str, str], ...]
    """By name: what becomes of each of several front ends."""
    meanings: tuple[str, ...]
    """What else it means, in words."""
    obstacles: tuple[str, ...]
    """Why it cannot be done now, with cures; empty: it can."""
    is_for_all: bool
    """Whether it is to be brought to several front ends: what they have the same changes."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a change of a setting takes."""

    readers: tuple[str, ...]
    stands_against: Callable[[CloudStanding], str] = lambda _: ""
    """Why the setting cannot be changed while the cloud is so; empty: it can."""


def _unused(standing: CloudStanding) -> str:
    if standing.instances:
        return f"there are {standing.instances} instances: terminate them first"
    if standing.public_addresses_used:
        return f"{standing.public_addresses_used} public addresses are allocated: release them"
    return ""


def _idle(standing: CloudStanding) -> str:
    if standing.in_networks:
        return f"it belongs to the network as it is: {'; '.join(standing.in_networks)}"
    return ""


def _no_hosts(standing: CloudStanding) -> str:
    if standing.hosts:
        return f"{len(standing.hosts)} hosts call there: it is chosen when a cloud is made"
    return ""


def _told_at_join(standing: CloudStanding) -> str:
    if standing.hosts:
        return "hosts have been told another: mallee hosts change HOST --address ADDRESS"
    return ""


def _never(_: CloudStanding) -> str:
    return "it is chosen when a cloud is made: what is kept would not be found any more"


_EVERYWHERE = (CLOUD, OBJECTS, AGENT)
_RULES: dict[str, Rule] = {
    "region": Rule(_EVERYWHERE, _never),
    "zone": Rule(_EVERYWHERE, _never),
    "database_url": Rule(_EVERYWHERE, _never),
    "listen": Rule((CLOUD, OBJECTS)),
    "address": Rule((CLOUD, AGENT), _told_at_join),
    "network.public_range": Rule(_EVERYWHERE, _unused),
    "network.private_range": Rule(_EVERYWHERE, _unused),
    "network.ipv6_range": Rule(_EVERYWHERE, _unused),
    "network.public_addresses": Rule((CLOUD, OBJECTS)),
    "network.egress": Rule(_EVERYWHERE),
    "network.landmarks": Rule((CLOUD,)),
    "network.mode": Rule(_EVERYWHERE, _idle),
    "network.classic.switch": Rule(_EVERYWHERE, _idle),
    "network.classic.device": Rule(_EVERYWHERE, _idle),
    "network.classic.subnet": Rule(_EVERYWHERE, _idle),
    "network.classic.addresses_per_network": Rule(_EVERYWHERE, _idle),
    "network.classic.vlans": Rule(_EVERYWHERE, _idle),
    "network.classic": Rule(_EVERYWHERE),
    "ports.services": Rule((CLOUD, OBJECTS)),
    "ports.agents": Rule((CLOUD, OBJECTS), _no_hosts),
    "ports.hosts": Rule((AGENT,)),
    "capacity": Rule((AGENT,)),
    "volumes": Rule((BLOCKS, AGENT)),
    "deadlines": Rule((CLOUD, OBJECTS)),
    "openid": Rule((CLOUD, OBJECTS)),
    "mail": Rule((CLOUD, OBJECTS)),
    "registration": Rule((CLOUD, OBJECTS)),
    "trail": Rule((CLOUD, OBJECTS)),
    "webhooks": Rule((CLOUD, OBJECTS)),
    "objects.processes": Rule((OBJECTS,)),
    "objects.credentials": Rule((OBJECTS,)),
    "objects": Rule((CLOUD, OBJECTS), _never),
}


def plan(before: Settings, after: Settings, standing: CloudStanding) -> Plan:
    """Return what going from one document to another does to a cloud that stands so."""
    changes = tuple(differences(before, after))
    rules = {change.name: rule_of(change.name) for change in changes}
    restarts = _restarts(changes)
    is_for_all = _is_for_all(changes, after, standing)
    stands = {name: rule.stands_against(standing) for name, rule in rules.items()}
    # A port that it has by chance may become one that it has by its settings.
    for name, port in standing.ports:
        if (name, str(port)) in {(change.name, change.after) for change in changes}:
            stands[name] = ""
    if CLOUD in restarts:
        stands |= dict(_lost_ports(after, standing))
    return Plan(
        changes=changes,
        restarts=restarts,
        hosts=tuple((host.name, _becomes(host, changes, after)) for host in standing.hosts),
        front_ends=tuple(
            (one.name, _of_front_end(one, changes, after) if is_for_all or one.is_own else _NOTHING)
            for one in standing.front_ends
        ),
        meanings=tuple(modechanges.meanings(before.network, after.network)),
        obstacles=tuple(f"{name}: {why}" for name, why in stands.items() if why),
        is_for_all=is_for_all,
    )


def _lost_ports(after: Settings, standing: CloudStanding) -> Iterator[tuple[str, str]]:
    """Yield the ports at which nobody would find the cloud after its new start."""
    now = dict(standing.ports)
    for name, port, who in (
        ("ports.services", after.ports.services, "clients"),
        ("ports.agents", after.ports.agents, "hosts"),
    ):
        if not port:
            cure = f"; give it the one that it has now, {now[name]}" if name in now else ""
            why = "it is 0, so a cloud that starts anew has another, and its "
            yield name, f"{why}{who} do not find it{cure}"


def differences(before: Settings, after: Settings) -> Iterator[Change]:
    """Return what differs, in the document's order."""
    old = dict(_flat(before))
    for name, value in _flat(after):
        if old[name] != value:
            shown = (_HIDDEN, _HIDDEN) if name in _SECRET else (old[name], value)
            yield Change(name, *shown)


def names() -> tuple[str, ...]:
    """Return the names of all settings, such as `network.egress`."""
    return tuple(name for name, _ in _flat(Settings()))


def shown(document: Settings, *, with_secrets: bool) -> str:
    """Return a document as text for people, passwords left out unless asked for."""
    if document.database_url and not with_secrets:
        document = msgspec.structs.replace(document, database_url=_HIDDEN)
    return settings.encode(document)


def rule_of(name: str) -> Rule:
    """Return the rule for a setting, or for its table; one that has none cannot be changed."""
    while name not in _RULES and "." in name:
        name = name.rpartition(".")[0]
    return _RULES.get(name) or Rule((), _never)


def _restarts(changes: Iterable[Change]) -> tuple[str, ...]:
    readers = {reader for change in changes for reader in rule_of(change.name).readers}
    return tuple(name for name in _ORDER if name in readers)


def _is_for_all(changes: tuple[Change, ...], after: Settings, standing: CloudStanding) -> bool:
    if changes:
        return any(not sharing.is_own(change.name) for change in changes)
    # What holds here already may be what others are to have again.
    told = sharing.document(after)
    return any(not one.is_own and one.document not in ("", told) for one in standing.front_ends)


def _of_front_end(one: FrontEndStanding, changes: tuple[Change, ...], after: Settings) -> str:
    if one.is_own:
        return _begins_anew(_restarts(changes))
    if not one.is_up:
        return "is away, and gets it when it is back"
    try:
        there = settings.parse(one.document)
    except settings.InvalidSettings:
        return "has settings that are not understood here, and gets these"
    found = tuple(differences(there, sharing.common(after)))
    here = {change.name for change in changes}
    others = [
        f"{it.name} becomes {it.after}, is {it.before} there" for it in found if it.name not in here
    ]
    return "; ".join((_begins_anew(_restarts(found)), *others))


def _begins_anew(restarts: tuple[str, ...]) -> str:
    return f"start anew: {', '.join(restarts)}; guests go on" if restarts else _NOTHING


def _becomes(host: HostStanding, changes: tuple[Change, ...], after: Settings) -> str:
    restarts = _restarts(changes)
    if not restarts:
        return _NOTHING
    if any(change.name == "listen" for change in changes):
        why = cutoffs.cut_off(host.calls, after.listen, is_own=host.is_own)
        if why:
            return f"{why}; the change is undone then" if host.is_up else why
    if host.is_own:
        return _begins_anew(restarts)
    if CLOUD not in restarts:
        return _NOTHING
    return "calls the cloud again" if host.is_up else "is not heard now, and is not waited for"


def _flat(document: Settings) -> Iterator[tuple[str, str]]:
    yield from _flat_table("", msgspec.to_builtins(document))


def _flat_table(name: str, table: dict[str, object]) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        full = f"{name}.{key}".lstrip(".")
        if isinstance(value, dict):
            yield from _flat_table(full, cast(dict[str, object], value))
        else:
            yield full, settings.write_value(value)
