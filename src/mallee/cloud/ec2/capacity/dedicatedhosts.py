"""Dedicated Hosts: real hosts allocated to one account alone, described, changed, released.

Called through the action table. While a host is allocated nobody else is placed on it
(`cloud.hosts.tenancy`). Only a host on which nothing is may be allocated, and released again; a
host that fails is not replaced by another, for disks would stay behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import instancetypes as known
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset, zones
from mallee.cloud.ec2.capacity import capacityreservations, instancetypes
from mallee.cloud.ec2.instances.power import InstanceRecord
from mallee.cloud.hosts import standings
from mallee.cloud.hosts.placing import placement, tenancy
from mallee.cloud.hosts.placing.tenancy import DedicatedRecord
from mallee.cloud.state import records, store
from mallee.cloud.state.records import HostSeen, Record
from mallee.model import ids
from mallee.model.compute.dedicatedhosts import DedicatedHost
from mallee.model.compute.instancetypes import InstanceType
from mallee.model.hosts.hosts import Capacity, Host
from mallee.model.hosts.standing import Role

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_AT_ONCE = 100


def allocate(call: WriteCall, request: shapes.AllocateHostsRequest) -> shapes.AllocateHostsResult:
    """Allocate as many hosts as are asked for, or none."""
    new = _parse(call, request)
    quantity = request.get("Quantity", 1)
    if not 1 <= quantity <= MAX_AT_ONCE:
        raise errors.InvalidParameterValue(
            f"Value ({quantity}) for parameter quantity is invalid. It ranges from 1 to "
            f"{MAX_AT_ONCE}."
        )
    in_zone = call.tx.by(records.HOST, "zone", new.zone)
    reasons = {host.id: _unfit(call.tx, host, new) for host in in_zone}
    free = sorted(id for id, reason in reasons.items() if not reason)
    if len(free) < quantity:
        told = " ".join(
            f"Host {host.doc.name} {reasons[host.id]}." for host in in_zone if reasons[host.id]
        )
        raise errors.InsufficientHostCapacity(
            f"{quantity} hosts for {new.type_name or new.family} were asked for in {new.zone}; "
            f"{len(free)} can be allocated. {told}".rstrip()
        )
    return {"HostIds": [_insert(call, new, id).id for id in free[:quantity]]}


def _parse(call: WriteCall, request: shapes.AllocateHostsRequest) -> DedicatedHost:
    _refuse_what_is_not_there(request)
    type_name, family = _kinds(call, request)
    known_zones = zones.names(call.tx, call.settings)
    return DedicatedHost(
        id="",
        host_id="",
        zone=capacityreservations.zone_of(call, request, known_zones),
        type_name=type_name,
        family=family,
        auto_placement=_is_on(request, "AutoPlacement", "off"),
        allocated_at=call.now,
        client_token=request.get("ClientToken"),
        made_by=call.principal.issuer_id,
        tags=tagset.of_new(request, records.DEDICATED_HOST.name),
    )


def _refuse_what_is_not_there(request: Mapping[str, Any]) -> None:
    if _is_on(request, "HostRecovery", "off"):
        raise errors.UnsupportedOperation(
            "Instances cannot be moved to another host: HostRecovery can only be off."
        )
    if _is_on(request, "HostMaintenance", "off"):
        raise errors.UnsupportedOperation(
            "Instances cannot be moved to another host: HostMaintenance can only be off."
        )


def _is_on(request: Mapping[str, Any], name: str, default: str) -> bool:
    word: str = request.get(name) or default
    if word not in ("on", "off"):
        raise errors.InvalidParameterValue(
            f"Value ({word}) for parameter {name} is invalid. Give on or off."
        )
    return word == "on"


def _kinds(call: WriteCall, request: Mapping[str, Any]) -> tuple[str, str]:
    """Return the one type that a host shall take, or none, and the family."""
    name, family = request.get("InstanceType"), request.get("InstanceFamily")
    if name and family:
        raise errors.InvalidParameterCombination(
            "InstanceType and InstanceFamily may not be used together."
        )
    if name:
        return name, instancetypes.by_name(call.tx, name).family
    if not family:
        raise errors.MissingParameter("InstanceType or InstanceFamily")
    if not any(kind.family == family for kind in known.all_types(call.tx)):
        raise errors.InvalidParameterValue(f"This cloud has no types of family {family}.")
    return "", family


def _unfit(tx: store.Tx, host: Record[Host, HostSeen], new: DedicatedHost) -> str:
    """Return why a host cannot be allocated, as words after its name; empty: it can."""
    if host.seen is None or host.seen.is_silent:
        return "is silent"
    if why := standings.closed(host, Role.COMPUTE):
        return why
    if tenancy.allocated_as(tx, host.id) is not None:
        return "is a Dedicated Host already"
    if tenancy.owners(tx, host.id):
        return "carries instances or volumes, or room that is reserved"
    kinds = (kind for kind in known.all_types(tx) if tenancy.takes_type(new, kind.name))
    whole = host.seen.facts.capacity
    return "" if any(_fits(kind, whole) for kind in kinds) else "is too small for that"


def _insert(call: WriteCall, new: DedicatedHost, host_id: str) -> DedicatedRecord:
    id = ids.make("h", call.entropy(ids.ID_BYTES))
    call.tx.claim(tenancy.ALLOCATED, host_id, id)
    doc = replace(new, id=id, host_id=host_id)
    return call.tx.insert(records.DEDICATED_HOST, call.account, id, doc)


def modify(call: WriteCall, request: shapes.ModifyHostsRequest) -> shapes.ModifyHostsResult:
    """Change what hosts take; each by itself: the answer says which could not be changed."""
    _refuse_what_is_not_there(request)
    wants_kind = "InstanceType" in request or "InstanceFamily" in request
    type_name, family = _kinds(call, request) if wants_kind else ("", "")
    if not wants_kind and "AutoPlacement" not in request:
        raise errors.InvalidParameterCombination("Nothing of the hosts shall change.")

    def change(record: DedicatedRecord) -> None:
        doc = record.doc
        if "AutoPlacement" in request:
            doc = replace(doc, auto_placement=_is_on(request, "AutoPlacement", "off"))
        if wants_kind:
            doc = replace(doc, type_name=type_name, family=family)
            for instance in on(call.tx, record):
                if not tenancy.takes_type(doc, instance.doc.type_name):
                    raise errors.InvalidParameterValue(
                        f"{instance.id} on {record.id} is a {instance.doc.type_name}."
                    )
        call.tx.write(record, doc)

    return _each(call, request["HostIds"], change)


def release(call: WriteCall, request: shapes.ReleaseHostsRequest) -> shapes.ReleaseHostsResult:
    """Give hosts back on which nothing is; the answer says which are kept, and why."""

    def change(record: DedicatedRecord) -> None:
        if on(call.tx, record):
            raise errors.ClientInvalidHostOccupied(record.id)
        call.tx.release(tenancy.ALLOCATED, record.doc.host_id)
        call.tx.write(record, replace(record.doc, released_at=call.now))

    return _each(call, request["HostIds"], change)


def _each(
    call: WriteCall, host_ids: Iterable[str], change: Callable[[DedicatedRecord], None]
) -> shapes.ModifyHostsResult:
    well: list[str] = []
    badly: list[shapes.UnsuccessfulItem] = []
    for id in dict.fromkeys(host_ids):
        try:
            record = resources.one(call, records.DEDICATED_HOST, id)
            if record.doc.released_at is not None:
                raise errors.InvalidHostIDNotFound(id)
            change(record)
        except errors.AwsError as error:
            said: shapes.UnsuccessfulItemError = {"Code": error.code, "Message": error.message}
            badly.append({"ResourceId": id, "Error": said})
        else:
            well.append(record.id)
    return {"Successful": well, "Unsuccessful": badly}


def on(view: store.View | store.Tx, record: DedicatedRecord) -> list[InstanceRecord]:
    """Return the instances on a Dedicated Host; what is stopped has its disk there."""
    found = view.by(records.INSTANCE, "host", record.doc.host_id)
    here = (it for it in found if it.doc.gone_at is None and it.account == record.account)
    return sorted(here, key=lambda it: it.id)


def _fits(kind: InstanceType, room: Capacity) -> int:
    """Return how many instances of the type have room."""
    per = (
        room.vcpus // kind.vcpus,
        room.memory_mib // kind.memory_mib,
        room.disk_gib // kind.disk_gib,
    )
    return max(min(per), 0)


def _find(call: Call, request: shapes.DescribeHostsRequest) -> Iterable[DedicatedRecord]:
    asked = request.get("HostIds") or ()
    if asked:
        return resources.several(call, records.DEDICATED_HOST, asked)
    return call.view.list(records.DEDICATED_HOST, call.account)


def _render(call: Call, record: DedicatedRecord) -> shapes.Host:
    doc, region = record.doc, call.settings.region
    shown: shapes.Host = {
        "HostId": record.id,
        "OwnerId": record.account,
        "AvailabilityZone": doc.zone,
        "AvailabilityZoneId": zones.id_of(doc.zone, region),
        "AutoPlacement": "on" if doc.auto_placement else "off",
        "AllowsMultipleInstanceTypes": "off" if doc.type_name else "on",
        "HostRecovery": "off",
        "HostMaintenance": "off",
        "State": state_of(call.view, record),
        "AllocationTime": doc.allocated_at,
        "ReleaseTime": doc.released_at,
        "ClientToken": doc.client_token,
        "Instances": [],
        "Tags": tagset.shown(doc.tags),
    }
    host = call.view.get(records.HOST, doc.host_id)
    if doc.released_at is None and host is not None and host.seen is not None:
        whole = host.seen.facts.capacity
        shown["HostProperties"] = _properties(doc, whole)
        shown["AvailableCapacity"] = _available(call, doc, whole)
        shown["Instances"] = [
            {
                "InstanceId": it.id,
                "InstanceType": it.doc.type_name,
                "OwnerId": it.account,
            }
            for it in on(call.view, record)
        ]
    return shown


def _properties(doc: DedicatedHost, whole: Capacity) -> shapes.HostProperties:
    # How many sockets it has nobody tells; a virtual processor is a core.
    return {
        "InstanceType": doc.type_name or None,
        "InstanceFamily": None if doc.type_name else doc.family,
        "Cores": whole.vcpus,
        "TotalVCpus": whole.vcpus,
    }


def _available(call: Call, doc: DedicatedHost, whole: Capacity) -> shapes.AvailableCapacity:
    used = placement.used(call.view, doc.host_id)
    free = Capacity(
        vcpus=whole.vcpus - used.vcpus,
        memory_mib=whole.memory_mib - used.memory_mib,
        disk_gib=whole.disk_gib - used.disk_gib,
    )
    rooms: list[shapes.InstanceCapacity] = [
        {
            "InstanceType": kind.name,
            "AvailableCapacity": _fits(kind, free),
            "TotalCapacity": _fits(kind, whole),
        }
        for kind in known.all_types(call.view)
        if tenancy.takes_type(doc, kind.name) and _fits(kind, whole)
    ]
    return {"AvailableInstanceCapacity": rooms, "AvailableVCpus": max(free.vcpus, 0)}


def state_of(view: store.View | store.Tx, record: DedicatedRecord) -> str:
    """Return the state as AWS calls it: a host that says nothing is being looked at."""
    if record.doc.released_at is not None:
        return "released"
    host = view.get(records.HOST, record.doc.host_id)
    is_heard = host is not None and host.seen is not None and not host.seen.is_silent
    return "available" if is_heard else "under-assessment"


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="AllocateHosts",
        does=Write(handle=allocate),
        honours=frozenset(
            {
                "AutoPlacement",
                "AvailabilityZone",
                "AvailabilityZoneId",
                "HostMaintenance",
                "HostRecovery",
                "InstanceFamily",
                "InstanceType",
                "Quantity",
            }
        ),
        creates=(records.DEDICATED_HOST.name,),
    ),
    Action(
        service="ec2",
        name="ModifyHosts",
        does=Write(handle=modify),
        honours=frozenset(
            {
                "AutoPlacement",
                "HostIds",
                "HostMaintenance",
                "HostRecovery",
                "InstanceFamily",
                "InstanceType",
            }
        ),
    ),
    Action(
        service="ec2",
        name="ReleaseHosts",
        does=Write(handle=release),
        honours=frozenset({"HostIds"}),
    ),
    Action(
        service="ec2",
        name="DescribeHosts",
        does=Listing(
            find=_find,
            render=_render,
            member="Hosts",
            filters={
                "auto-placement": lambda call, it: ("on" if it.doc.auto_placement else "off",),
                "availability-zone": lambda call, it: (it.doc.zone,),
                "client-token": lambda call, it: (it.doc.client_token or "",),
                "host-reservation-id": lambda call, it: (),
                "instance-type": lambda call, it: (it.doc.type_name,),
                "state": lambda call, it: (state_of(call.view, it),),
            },
            tags=lambda record: record.doc.tags,
            max_results=(5, 500),
        ),
        honours=frozenset({"HostIds"}),
    ),
)
