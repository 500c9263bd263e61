"""Availability zones: the one of the settings, and those of the hosts that have joined.

Called through the action table, and by `vpcs` and `launch` to know which zones there are.
`verbose`, as Eucalyptus had it, adds a table of what still fits into each zone.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mallee.aws import errors
from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call, Request
from mallee.cloud.state import records, store
from mallee.model.settings import Settings

_DIRECTIONS = re.compile(r"north|south|east|west|central|gov")


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone to be described, or a row of the verbose table below one."""

    name: str
    state: str = "available"
    id: str = ""


def names(view: store.View | store.Tx, settings: Settings) -> list[str]:
    """Return the names of all zones, sorted."""
    return sorted({settings.zone} | {host.doc.zone for host in view.list(records.HOST)})


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


def _find(call: Call, request: Request) -> Iterable[Zone]:
    known = {
        name: Zone(name=name, id=id_of(name, call.settings.region))
        for name in names(call.view, call.settings)
    }
    wanted: list[str] = request.get("ZoneNames") or []
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


def _render(call: Call, zone: Zone) -> dict[str, Any]:
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
        "Messages": [],
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
