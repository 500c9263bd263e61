"""Why the world may not be reached although every rule says so: who leads there, and how he is.

Told where the way of a packet is explained, beside what rules make of it. Which host it is and what
ails it, administrators of the cloud alone are told. Called by `admin.instances.packets`.
"""

from mallee.cloud.hosts.standings import HostRecord
from mallee.cloud.state import records
from mallee.cloud.state.view import View
from mallee.model.network.gateways import WORLD, Charge, WayState

_UNNAMED = "; an administrator of the cloud sees more (`mallee hosts`)"


def of_world(view: View, *, has_world: bool, is_administrator: bool) -> tuple[str, ...]:
    """Return what stands between guests and the world now, in words; nothing: none that is known.

    `has_world` is the setting `network.egress`.
    """
    if not has_world:
        return (
            "the settings of this cloud lead nobody to the world, nor from there "
            "(network.egress = false)",
        )
    record = view.get(records.GATEWAY, WORLD)
    charged = view.get(records.HOST, record.doc.host_id) if record is not None else None
    if record is None or charged is None:
        # Before anybody is in charge each host leads its own guests.
        return ()
    short, more = _of(record.doc, charged)
    if not short:
        return ()
    return (f"{short}: {more}" if is_administrator else short + _UNNAMED,)


def _of(now: Charge, charged: HostRecord) -> tuple[str, str]:
    """Return what is wrong for everybody's eyes, and the rest of it; empty: nothing."""
    name, seen = charged.doc.name, charged.seen
    if seen is None or seen.is_silent:
        return "the host that leads guests to the world is not heard, and may lead nobody", (
            f"{name}; `mallee hosts` says who takes over, and what to do where nobody does"
        )
    if now.former_id or not now.standbys:
        return "another host is about to lead guests to the world, and does not yet", (
            f"{name} waits until the one before it has ended, or for its first lease"
        )
    way = seen.facts.way
    if way.state is WayState.DEAD:
        return "the way to the world of the host that leads guests there is dead", (
            f"{name}: {way.why}"
        )
    return "", ""
