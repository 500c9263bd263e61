"""Availability zones: that of the settings, those that were made, and those in which hosts are.

Called through the action table, and by `vpcs` and `launch` to know which zones there are.
`verbose`, as Eucalyptus had it, adds a table of what still fits into each zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mallee.aws import errors
from mallee.cloud import instancetypes
from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call
from mallee.cloud.hosts import standings
from mallee.cloud.hosts.placing import placement, tenancy
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.compute.instancetypes import InstanceType
from mallee.model.configuration.settings import Settings
from mallee.model.hosts import zones as model
from mallee.model.hosts.hosts import Capacity, Host
from mallee.model.hosts.standing import Role, State

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

VERBOSE = "verbose"
"""As a zone's name: show the table too."""
_AILING = frozenset({State.NOTREADY, State.BROKEN})
NO_ROOM = Capacity(vcpus=0, memory_mib=0, disk_gib=0)

_DIRECTIONS = re.compile(r"north|south|east|west|central|gov")


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone to be described, or a row of the verbose table below one."""

    name: str
    state: str = "available"
    id: str = ""
    messages: tuple[str, ...] = ()


def names(view: store.View | store.Tx, settings: Settings) -> list[str]:
    """Return the names of all zones, sorted."""
    joined = {host.doc.zone for host in view.list(records.HOST) if standings.is_member(host)}
    return sorted({settings.zone, *joined, *(zone.id for zone in view.list(records.ZONE))})


def ensure(tx: store.Tx, name: str) -> None:
    """Have a zone be there, also when no host is in it any more; twice is once."""
    if tx.get(records.ZONE, name) is None:
        tx.insert(records.ZONE, "", name, model.Zone(name=name, created_at=tx.now))


@dataclass(frozen=True, slots=True)
class ZoneState:
    """How a zone is: EC2's word, and what stands against a better one, in sentences."""

    name: str
    messages: tuple[str, ...] = ()


def state_of(view: store.View | store.Tx, name: str) -> ZoneState:
    """Return how a zone is; no host is named, for whoever reads it may be anybody."""
    in_zone = view.by(records.HOST, "zone", name)
    able = [standings.judged(host).state for host in in_zone if Role.COMPUTE in host.doc.roles]
    if not able:
        return ZoneState("unavailable", ("No host of the zone runs instances.",))
    there, ailing = able.count(State.ENABLED), sum(one in _AILING for one in able)
    if not there:
        return ZoneState("unavailable", ("No host of the zone takes instances at the moment.",))
    if not ailing:
        return ZoneState("available")
    said = f"{ailing} of the zone's {len(able)} hosts cannot be used at the moment."
    return ZoneState("impaired" if 2 * ailing > len(able) else "available", (said,))


def id_of(name: str, region: str) -> str:
    """Return the zone's id as AWS writes them: `us-east-1a` in `us-east-1` is `use1-az1`.

    A zone that is not named after its region keeps its name as its id.
    """
    letter = name.removeprefix(region)
    if not name.startswith(region) or not re.fullmatch("[a-z]", letter):
        return name
    area, *words = region.split("-")
    directions = (_DIRECTIONS.findall(word) or [word] for word in words)
    short = area + "".join(part[0] for parts in directions for part in parts)
    return f"{short}-az{ord(letter) - ord('a') + 1}"


def _find(call: Call, request: shapes.DescribeAvailabilityZonesRequest) -> Iterable[Zone]:
    asked: list[str] = request.get("ZoneNames") or []
    found = _narrowed(call, request, [name for name in asked if name != VERBOSE])
    if VERBOSE not in asked:
        return found
    return [row for zone in found for row in (zone, *_table(call, zone.name))]


def _table(call: Call, zone: str) -> Iterable[Zone]:
    """Return the rows below a zone: how many of each type still fit, and would if it were empty."""
    yield Zone(name="|- vm types", state="free / max   cpu   ram  disk")
    hosts = [
        host
        for host in call.view.by(records.HOST, "zone", zone)
        if _takes_instances(call.view, host)
    ]
    for kind in instancetypes.all_types(call.view):
        free = most = 0
        for host in hosts:
            capacity = host.seen.facts.capacity if host.seen else NO_ROOM
            most += _fits(kind, capacity, NO_ROOM)
            free += _fits(kind, capacity, placement.used(call.view, host.id))
        size = f"{kind.vcpus:2}   {kind.memory_mib:5}  {kind.disk_gib:4}"
        yield Zone(name=f"|- {kind.name}", state=f"{free:04} / {most:04}  {size}")


def _takes_instances(view: store.View | store.Tx, host: Record[Host, records.HostSeen]) -> bool:
    is_everybodys = tenancy.allocated_as(view, host.id) is None
    return is_everybodys and standings.takes(host, Role.COMPUTE)


def _fits(kind: InstanceType, capacity: Capacity, used: Capacity) -> int:
    """Return how many instances of the type have room."""
    return max(
        0,
        min(
            (capacity.vcpus - used.vcpus) // kind.vcpus,
            (capacity.memory_mib - used.memory_mib) // kind.memory_mib,
            (capacity.disk_gib - used.disk_gib) // kind.disk_gib,
        ),
    )


def _narrowed(
    call: Call, request: shapes.DescribeAvailabilityZonesRequest, wanted: list[str]
) -> list[Zone]:
    known: dict[str, Zone] = {}
    for name in names(call.view, call.settings):
        state = state_of(call.view, name)
        id = id_of(name, call.settings.region)
        known[name] = Zone(name=name, id=id, state=state.name, messages=state.messages)
    wanted_ids: list[str] = request.get("ZoneIds") or []
    strangers = [name for name in wanted if name not in known]
    strangers += [id for id in wanted_ids if id not in {zone.id for zone in known.values()}]
    if strangers:
        raise errors.InvalidZoneNotFound(", ".join(strangers))
    return [
        zone
        for zone in known.values()
        if (not wanted and not wanted_ids) or zone.name in wanted or zone.id in wanted_ids
    ]


def free_for(view: store.View | store.Tx, zone: str, kind: InstanceType) -> int:
    """Return how many more instances of the type have room in the zone now."""
    return sum(
        _fits(kind, host.seen.facts.capacity, placement.used(view, host.id))
        for host in view.by(records.HOST, "zone", zone)
        if host.seen is not None and _takes_instances(view, host)
    )


def capacity_for(call: Call, kind: InstanceType) -> int:
    """Return how many instances of the type all hosts together carry when nothing else runs."""
    return sum(
        _fits(kind, host.seen.facts.capacity, NO_ROOM)
        for host in call.view.list(records.HOST)
        if host.seen is not None and standings.is_member(host) and Role.COMPUTE in host.doc.roles
    )


def _render(call: Call, zone: Zone) -> shapes.AvailabilityZone:
    region = call.settings.region
    return {
        "ZoneName": zone.name,
        "ZoneId": zone.id,
        "State": zone.state,
        "RegionName": region,
        "GroupName": region,
        "NetworkBorderGroup": region,
        "ZoneType": "availability-zone",
        "OptInStatus": "opt-in-not-required",
        "Messages": [{"Message": text} for text in zone.messages],
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeAvailabilityZones",
        does=Listing(
            find=_find,
            render=_render,
            member="AvailabilityZones",
            filters={
                "message": lambda call, zone: zone.messages,
                # A local zone has a parent; here are none.
                "parent-zone-id": lambda call, zone: (),
                "parent-zone-name": lambda call, zone: (),
                "zone-name": lambda call, zone: (zone.name,),
                "zone-id": lambda call, zone: (zone.id,),
                "state": lambda call, zone: (zone.state,),
                "region-name": lambda call, zone: (call.settings.region,),
                "group-name": lambda call, zone: (call.settings.region,),
                "zone-type": lambda call, zone: ("availability-zone",),
                "opt-in-status": lambda call, zone: ("opt-in-not-required",),
            },
            key=lambda zone: zone.name,
        ),
        honours=frozenset({"ZoneNames", "ZoneIds", "AllAvailabilityZones"}),
    ),
)
