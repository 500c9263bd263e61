"""Which role credentials an agent shall fetch, which it shall forget, and when to look again.

An instance's credentials are of the role that its profile has now; those of another role are
worth nothing to it. They are fetched anew long before they end, so that guests always have some
that last, and so that a cloud that is away for hours takes none from them.
Called by `node.credentials`. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mallee.model.compute.instances import Power
from mallee.model.hosts.hosts import InstanceWanted, RoleCredentials

RENEW_AFTER_S = 3600.0
"""Credentials are renewed when they are so old: five hours before they end."""
LOOK_AGAIN_S = 30.0
"""How long to wait before asking again for what was refused."""


@dataclass(frozen=True, slots=True)
class Held:
    """What an instance holds, and when it was fetched by this host's clock."""

    credentials: RoleCredentials
    fetched_at: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now."""

    fetch: tuple[str, ...]
    """Ids of instances whose credentials are to be asked for."""
    forget: tuple[str, ...]
    """Ids of instances whose credentials are of no use any more."""
    wake_at: float | None
    """When the plan changes by time alone."""


def plan(instances: Iterable[InstanceWanted], held: Mapping[str, Held], now: float) -> Plan:
    """Return what to do about the credentials of a host's instances."""
    wanted = {
        instance.id: instance.profile.role_id
        for instance in instances
        if instance.profile is not None
        and instance.profile.role_id
        and instance.power is not Power.TERMINATED
    }
    forget = tuple(id for id, one in held.items() if wanted.get(id) != one.credentials.role_id)
    due_at = {id: _due_at(held.get(id), role_id) for id, role_id in wanted.items()}
    later = [at for at in due_at.values() if at > now]
    return Plan(
        fetch=tuple(id for id, at in due_at.items() if at <= now),
        forget=forget,
        wake_at=min(later, default=None),
    )


def _due_at(held: Held | None, role_id: str) -> float:
    if held is None or held.credentials.role_id != role_id:
        return 0.0
    refused = held.credentials.code != "Success"
    return held.fetched_at + (LOOK_AGAIN_S if refused else RENEW_AFTER_S)
