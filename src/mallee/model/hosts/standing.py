"""How far a host takes part: its roles, its standing, and the state that is shown of it.

*Roles* say what a host is there for, its *standing* how far its administrator wants it to take
part; both are wanted. The *state*, in Eucalyptus' words, follows from the standing and from what is
seen (`judge`), with its causes; it is stored nowhere. Pure.
"""

from dataclasses import dataclass
from enum import Enum

import msgspec


class Role(Enum):
    """What a host does for the cloud."""

    COMPUTE = "compute"
    """Runs instances."""
    GATEWAY = "gateway"
    """Carries packets between instances and the world for hosts that do not."""
    STORAGE = "storage"
    """Keeps volumes."""


ALL_ROLES = tuple(Role)


class Standing(Enum):
    """How far a host takes part, as its administrator wants it."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    """Takes no new instance or volume; what it has goes on."""
    DRAINING = "draining"
    """Like disabled, and its guests are moved away."""
    MAINTENANCE = "maintenance"
    """No guest runs there and none starts: its administrator works on it."""
    RETIRED = "retired"
    """Is not part of the cloud any more; its certificate is refused, its record is history."""


class State(Enum):
    """What is shown of a host, and of a service."""

    ENABLED = "ENABLED"
    """Does its work."""
    DISABLED = "DISABLED"
    """Is in order, and takes nothing new: its administrator wants it so."""
    NOTREADY = "NOTREADY"
    """Cannot be told to do anything now; that may pass without anybody."""
    BROKEN = "BROKEN"
    """Needs somebody: it says itself what it cannot put right."""
    STOPPED = "STOPPED"
    """Its administrator has taken it out."""


class HostEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That a host came to be in another state, or in the same for other causes."""

    host_id: str
    number: int
    """Counts the host's events."""
    at: float
    """Seconds since the epoch."""
    state: State
    causes: tuple[str, ...]


EVENTS_KEPT = 100
"""So many events of a host are kept."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A state, and why it is not a better one: sentences, none where it is `ENABLED`."""

    state: State
    causes: tuple[str, ...] = ()


SILENT = "Its agent is not heard any more: see whether the machine runs, and its agent there."
UNHEARD = "It has joined, and its agent has not reported yet."

_WANTED: dict[Standing, tuple[State, str]] = {
    Standing.DISABLED: (State.DISABLED, "Its administrator wants it to take nothing new."),
    Standing.DRAINING: (State.DISABLED, "It is drained: its guests are moved to other hosts."),
    Standing.MAINTENANCE: (State.STOPPED, "Its administrator works on it."),
    Standing.RETIRED: (State.STOPPED, "It is retired: no part of the cloud any more."),
}

_CLOSED: dict[Standing, str] = {
    Standing.DISABLED: "takes nothing new: its administrator wants it so",
    Standing.DRAINING: "is drained, and takes nothing",
    Standing.MAINTENANCE: "is in maintenance, and takes nothing",
    Standing.RETIRED: "is retired",
}


def judge(standing: Standing, *, is_heard: bool | None, problems: tuple[str, ...] = ()) -> Judged:
    """Return the state of a host; `is_heard` is None where its agent has never reported."""
    state, why = _WANTED.get(standing, (State.ENABLED, ""))
    causes = (why,) if why else ()
    if state is State.STOPPED:
        return Judged(state, causes)
    if is_heard is None:
        return Judged(State.NOTREADY, (UNHEARD, *causes))
    if not is_heard:
        return Judged(State.NOTREADY, (SILENT, *causes))
    if problems:
        return Judged(State.BROKEN, (*problems, *causes))
    return Judged(state, causes)


def closed(standing: Standing) -> str:
    """Return why a host takes nothing new, as words after its name; empty: it does."""
    return _CLOSED.get(standing, "")


def closed_to_starts(standing: Standing) -> str:
    """The same of instances that are on it already, and would start again."""
    return "" if standing is Standing.DISABLED else closed(standing)


def lacks(roles: tuple[Role, ...], role: Role) -> str:
    """Return that a host does not do something, as words after its name; empty: it does."""
    return "" if role in roles else f"has not the role {role.value}"


def parse_roles(names: tuple[str, ...]) -> tuple[Role, ...]:
    """Return the roles of these names, in their own order; raise `ValueError` with words."""
    known = {role.value: role for role in Role}
    for name in names:
        if name not in known:
            raise ValueError(f"'{name[:80]}' is no role; there are {', '.join(known)}")
    return tuple(role for role in Role if role.value in names)
