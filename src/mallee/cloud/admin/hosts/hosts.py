"""Hosts, as the cloud's administration sees them: who has joined, what each carries, how it is, and
how far it shall take part.

Called through the action table. How hosts join is the business of `joining`, what states mean is
`model.standing`'s, and what is lost with a host `retiring`'s.
"""

import datetime
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.admin import rows
from mallee.cloud.admin.hosts import retiring
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.gateways import charge
from mallee.cloud.hosts import refusals, standings
from mallee.cloud.hosts.doors import joining
from mallee.cloud.hosts.moves import migrating
from mallee.cloud.hosts.placing import placement, reserved, tenancy
from mallee.cloud.hosts.standings import HostRecord
from mallee.cloud.state import records
from mallee.cloud.state.records import HostSeen, Record
from mallee.cloud.state.store import Tx, View
from mallee.kit import clock
from mallee.model.compute.instances import Instance, InstanceSeen, Power
from mallee.model.hosts import standing
from mallee.model.hosts.hosts import Capacity, Host
from mallee.model.hosts.standing import HostEvent, Role, Standing
from mallee.model.network import classic
from mallee.model.network.gateways import WORLD

_SHOWN = 5
"""So many things are named where more of them stand against something."""
_FORSAKEN = (
    "It is silent and nobody takes over by itself, for it may lead all the same: when you have "
    "seen that its machine is off, say `mallee hosts change {name} --is-off`, and another host "
    "with the role gateway leads."
)


def create_join_token(call: WriteCall, request: Request) -> Result:
    """Make a token with which one host may join within the hour."""
    return {
        "Token": joining.create_token(call.tx, call.entropy),
        "CaCertificate": call.agents.ca_pem,
        "Port": call.agents.port,
    }


def describe_hosts(call: Call, request: Request) -> Result:
    """Describe the hosts asked for, or all that are part of the cloud, by name."""
    ids: Iterable[str] = request.get("HostIds") or ()
    shows_all = bool(ids) or request.get("IncludeRetired", False)
    found = sorted(_asked(call, ids), key=lambda host: host.doc.name)
    return {"Hosts": [_render(call, it) for it in found if shows_all or standings.is_member(it)]}


def modify_host(call: WriteCall, request: Request) -> Result:
    """Change where a host is reached, what it does, and how far it takes part."""
    tx, host = call.tx, _one(call.tx, request["HostId"])
    if not standings.is_member(host):
        raise errors.IncorrectState(f"The host {host.doc.name} is retired: it takes part no more.")
    doc = host.doc
    if "Address" in request:
        try:
            guests = joining.guests_ranges(call.settings)
            address = joining.check_address(tx, guests, request["Address"], host)
        except refusals.Refused as refused:
            raise errors.InvalidInput(str(refused)) from refused
        doc = replace(doc, address=address)
    if "Roles" in request:
        doc = replace(doc, roles=_roles(tx, host, request["Roles"]))
    if "Standing" in request:
        doc = replace(doc, standing=_standing(tx, host, request["Standing"]))
    if request.get("IsOff", False):
        _declare_off(tx, host)
    host = tx.write(host, doc)
    standings.note(tx, host.id)
    return {"Host": _render(call, host)}


def _declare_off(tx: Tx, host: HostRecord) -> None:
    """Take the world from a host of which nobody but its administrator knows that it is off."""
    name = host.doc.name
    if host.seen is None or not host.seen.is_silent:
        raise errors.IncorrectState(f"The host {name} is heard, or soon noticed: it is not off.")
    charged = tx.get(records.GATEWAY, WORLD)
    if charged is None or charged.doc.host_id != host.id:
        raise errors.IncorrectState(
            f"The host {name} does not lead guests to the world: nothing can be taken from it."
        )
    planned = charge.declared_off(charged.doc, tx.list(records.HOST), tx.now)
    if planned is None:
        raise errors.IncorrectState(
            "No other host that is heard has the role gateway and an address: nobody can lead."
        )
    tx.write(charged, planned)


def retire_host(call: WriteCall, request: Request) -> Result:
    """Take a host out of the cloud for good; what it carried is lost, and must be said to be."""
    host = _one(call.tx, request["HostId"])
    coming, lost = retiring.coming(call.tx, host.id), retiring.carried(call.tx, host.id)
    if coming:
        raise errors.IncorrectState(
            f"{_some(coming)} is on its way to the host {host.doc.name}. Wait until it has come, "
            "or stays where it is."
        )
    if lost and not request.get("Force", False) and standings.is_member(host):
        raise errors.IncorrectState(
            f"The host {host.doc.name} keeps {_some(lost)}, which would be lost. Drain it first, "
            "or force it."
        )
    if standings.is_member(host):
        retiring.retire(call.tx, host)
    return {"Host": _render(call, _one(call.tx, host.id)), "Lost": list(lost)}


def list_events(call: Call, request: Request) -> Result:
    """List what became of a host, or of all, the latest first."""
    view = call.view
    if "HostId" in request:
        found = standings.events(view, _one(view, request["HostId"]).id)
    else:
        found = view.list(records.HOST_EVENT)
    latest = sorted(found, key=lambda one: (one.doc.at, one.doc.number), reverse=True)
    return {"Events": [_render_event(view, one.doc) for one in latest]}


def _render_event(view: View, event: HostEvent) -> dict[str, Any]:
    host = view.get(records.HOST, event.host_id)
    return {
        "HostId": event.host_id,
        "Name": host.doc.name if host else "",
        "At": datetime.datetime.fromtimestamp(event.at, datetime.UTC),
        "State": event.state.value,
        "Causes": list(event.causes),
    }


def _roles(tx: Tx, host: HostRecord, names: Iterable[str]) -> tuple[Role, ...]:
    """Return the roles of these names; raise `IncorrectState` while one is needed that goes."""
    roles = standing.parse_roles(tuple(names))
    kept: dict[Role, tuple[str, ...]] = {
        Role.COMPUTE: tuple(one.id for one in _instances(tx, host.id)),
        Role.STORAGE: tuple(one.id for one in tx.by(records.VOLUME, "host", host.id)),
    }
    for role, ids in kept.items():
        if ids and role not in roles:
            raise errors.IncorrectState(
                f"The host {host.doc.name} keeps {_some(ids)}: while it does, it has the role "
                f"{role.value}."
            )
    return roles


def _standing(tx: Tx, host: HostRecord, name: str) -> Standing:
    wanted = Standing(name)
    running = [it.id for it in _instances(tx, host.id) if it.doc.power is Power.RUNNING]
    if wanted is Standing.MAINTENANCE and running:
        raise errors.IncorrectState(
            f"On the host {host.doc.name} {_some(running)} shall run. Drain it first, or stop "
            "what it carries."
        )
    return wanted


def _instances(tx: Tx, host_id: str) -> list[Record[Instance, InstanceSeen]]:
    return [one for one in tx.by(records.INSTANCE, "host", host_id) if one.doc.gone_at is None]


def _some(ids: Sequence[str]) -> str:
    """Return the first of many ids, in words."""
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    return ", ".join(ids[:_SHOWN]) + more


def _one(view: standings.Reader, id: str) -> HostRecord:
    host = view.get(records.HOST, id)
    if host is None:
        raise errors.NoSuchResource("host", id)
    return host


def _asked(call: Call, ids: Iterable[str]) -> list[Record[Host, HostSeen]]:
    return [_one(call.view, id) for id in ids] if ids else call.view.list(records.HOST)


def _render(call: Call, host: Record[Host, HostSeen]) -> dict[str, Any]:
    carried = [record.id for record in call.view.by(records.INSTANCE, "host", host.id)]
    judged = standings.judged(host)
    shown: dict[str, Any] = {
        "HostId": host.id,
        "Name": host.doc.name,
        "Zone": host.doc.zone,
        "State": judged.state.value,
        "Causes": [*judged.causes, *_staying(call, host)],
        "Standing": host.doc.standing.value,
        "Roles": [role.value for role in host.doc.roles],
        "JoinedAt": datetime.datetime.fromtimestamp(host.doc.joined_at, datetime.UTC),
        "Used": _quantity(placement.used(call.view, host.id)),
        "Reserved": _quantity(reserved.held(call.view, host.id)),
        "InstanceIds": sorted(carried),
    }
    if host.doc.address:
        shown["Address"] = host.doc.address
    allocated = tenancy.allocated_as(call.view, host.id)
    if allocated is not None:
        shown["DedicatedHostId"] = allocated.id
        shown["DedicatedAccountId"] = allocated.account
    heard_at = call.agents.heard.get(host.id) or (host.seen.heard_at if host.seen else 0.0)
    # A moment that is yet to come was told by a clock that has been set back: it says nothing.
    if 0.0 < heard_at < call.now + clock.DIFFER_S:
        shown["SecondsSinceHeard"] = round(max(call.now - heard_at, 0.0), 1)
    return {**shown, **_gateway(call, host), **_facts(host.seen)}


def _gateway(call: Call, host: HostRecord) -> dict[str, Any]:
    """Tell whether a host leads guests to the world, or would, and why."""
    if call.settings.network.mode in classic.LAN:
        # The LAN's own router leads.
        return {}
    charged = call.view.get(records.GATEWAY, WORLD)
    if charged is not None and host.id == charged.doc.host_id:
        since = datetime.datetime.fromtimestamp(charged.doc.since, datetime.UTC)
        why = f"Since {since:%Y-%m-%d %H:%M:%S} UTC: {charged.doc.why}"
        if charge.is_forsaken(charged.doc, call.view.list(records.HOST)):
            why += " " + _FORSAKEN.format(name=host.doc.name)
        return {"Gateway": "in charge", "GatewayReason": why}
    # Before the host in charge knows of it, it does not take over.
    if charged is not None and charged.doc.is_known and host.id == charged.doc.standby_id:
        why = "It takes over when the host in charge is not heard any more."
        return {"Gateway": "standby", "GatewayReason": why}
    return {}


def _staying(call: Call, host: HostRecord) -> list[str]:
    """Say which guests stay on a host that is drained, and why."""
    if host.doc.standing is not Standing.DRAINING:
        return []
    there = sorted(call.view.by(records.INSTANCE, "host", host.id), key=lambda one: one.id)
    found = [
        f"The guest of {one.id} stays: {why}."
        for one in there
        if one.doc.gone_at is None and (why := migrating.why_not_drained(call.view, one))
    ]
    left = len(found) - _SHOWN
    return [*found[:_SHOWN], *([f"So do {left} others."] if left > 0 else [])]


def _facts(seen: HostSeen | None) -> dict[str, Any]:
    if seen is None:
        return {}
    facts = seen.facts
    return {
        "Capacity": _quantity(facts.capacity),
        "Acceleration": facts.acceleration,
        "AccelerationReason": facts.acceleration_reason,
        "Hypervisor": facts.hypervisor,
        "AgentVersion": facts.agent_version,
        "FreeDiskBytes": facts.free_disk_bytes,
        "Problems": list(facts.problems),
        "Leftovers": list(seen.leftovers),
    }


def _quantity(capacity: Capacity) -> dict[str, int]:
    return {
        "Vcpus": capacity.vcpus,
        "MemoryMib": capacity.memory_mib,
        "DiskGib": capacity.disk_gib,
    }


ACTIONS: tuple[Action, ...] = (
    rows.of_administrators("CreateJoinToken", Write(handle=create_join_token)),
    rows.of_administrators(
        "DescribeHosts", Read(handle=describe_hosts), "HostIds", "IncludeRetired"
    ),
    rows.of_administrators(
        "ModifyHost", Write(handle=modify_host), "HostId", "Address", "Roles", "Standing", "IsOff"
    ),
    rows.of_administrators("RetireHost", Write(handle=retire_host), "HostId", "Force"),
    rows.of_administrators("ListHostEvents", Read(handle=list_events), "HostId"),
)
