"""Zones, as the cloud's administration makes, shows and removes them.

Called through the action table. What a zone's state means to its users is `ec2.zones`' business.
"""

from collections.abc import Iterator
from typing import Any

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.admin import rows
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.ec2 import zones
from mallee.cloud.ec2.vpc import subnets, vpcs
from mallee.cloud.hosts import standings
from mallee.cloud.modes import settling
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.cloud.state.store import Tx
from mallee.model.hosts.zones import NAME

_SHOWN = 5


def create_zone(call: WriteCall, request: Request) -> Result:
    """Make a zone, with a default subnet in each default VPC; hosts may join in it from now on."""
    name: str = request["ZoneName"]
    if not NAME.fullmatch(name):
        raise errors.InvalidInput(
            "A zone's name begins with a letter, and has letters, digits and hyphens, 63 at most."
        )
    if why := settling.refuses_zone(call.tx, name):
        raise errors.IncorrectState(f"A zone cannot be made: {why}.")
    region = call.settings.region
    known = zones.names(call.tx, call.settings)
    if name in known:
        raise errors.EntityAlreadyExists("Zone", name)
    ids = {zones.id_of(one, region) for one in known}
    if name in ids or zones.id_of(name, region) in {*ids, *known}:
        raise errors.InvalidInput(f"{name} is, or has, the id of another zone.")
    zones.ensure(call.tx, name)
    vpcs.extend_to_zone(call.tx, name, call.entropy)
    return {"Zone": _render(call, name)}


def delete_zone(call: WriteCall, request: Request) -> Result:
    """Remove a zone in which nothing is, with the default subnets that nobody uses."""
    name: str = request["ZoneName"]
    tx = call.tx
    if name not in zones.names(tx, call.settings):
        raise errors.NoSuchResource("zone", name)
    if name == call.settings.zone:
        raise errors.IncorrectState(f"{name} is the zone of the cloud's settings.")
    own = tuple(one for one in tx.list(records.SUBNET) if one.doc.zone == name)
    idle = [it for it in own if it.doc.is_default and not tx.by(records.INTERFACE, "subnet", it.id)]
    found = [*_in_zone(tx, name), *(it.id for it in own if it not in idle)]
    if found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise errors.IncorrectState(f"In {name} there are {', '.join(found[:_SHOWN])}{more}.")
    for subnet in idle:
        subnets.remove(tx, subnet)
    record = tx.get(records.ZONE, name)
    if record is not None:
        tx.delete(record)
    return {}


def list_zones(call: Call, request: Request) -> Result:
    """List the zones: how each is, and what there is in it."""
    return {
        "Zones": [_render(call, name) for name in zones.names(call.view, call.settings)],
        "NetworkMode": call.settings.network.mode,
    }


_ALWAYS_THERE = frozenset({records.ZONE.name, records.SUBNET.name})


def _in_zone(tx: Tx, name: str) -> Iterator[str]:
    """Yield what is in a zone besides subnets, by id."""
    for kind in records.KINDS.values():
        if kind.name not in _ALWAYS_THERE and "zone" in kind.doc.__struct_fields__:
            yield from (one.id for one in tx.list(kind) if _is_there(one, name))


def _is_there(record: Record[Any, Any], zone: str) -> bool:
    doc = record.doc
    if doc.zone != zone:
        return False
    if record.kind is records.HOST:
        return standings.is_member(record)
    ended = ("gone_at", "released_at", "ended_at", "deleted_at")
    return all(getattr(doc, name, None) is None for name in ended)


def _render(call: Call, name: str) -> dict[str, Any]:
    view = call.tx if isinstance(call, WriteCall) else call.view
    state = zones.state_of(view, name)
    hosts = view.by(records.HOST, "zone", name)
    return {
        "ZoneName": name,
        "ZoneId": zones.id_of(name, call.settings.region),
        "State": state.name,
        "Messages": list(state.messages),
        "HostIds": sorted(host.id for host in hosts),
        "SubnetCount": sum(one.doc.zone == name for one in view.list(records.SUBNET)),
        "VolumeCount": sum(one.doc.zone == name for one in view.list(records.VOLUME)),
    }


ACTIONS: tuple[Action, ...] = (
    rows.of_administrators("CreateZone", Write(handle=create_zone), "ZoneName"),
    rows.of_administrators("DeleteZone", Write(handle=delete_zone), "ZoneName"),
    rows.of_administrators("ListZones", Read(handle=list_zones)),
)
