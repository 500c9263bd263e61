"""What a request is about without naming its id: by another name, or by leaving it out.

An address has an association and an IP, a group and a key pair have a name, and a launch that names
no subnet or group gets the default ones. A policy that forbids a thing forbids it by whatever name.
Called by `arns`. Where the choice among several falls only later (the zone of a launch), all of
them are meant.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mallee.cloud.call import Call, Request
from mallee.cloud.ec2 import resources
from mallee.cloud.state import records
from mallee.cloud.state.records import Kind
from mallee.model import ids

Thing = tuple[Kind[Any, Any], str]
"""A kind and an id."""

_MAKES_A_NAME = frozenset({"CreateLaunchTemplate", "CreateSecurityGroup"})
OF_PLACEMENT = frozenset(
    {"CreatePlacementGroup", "DeletePlacementGroup", "ModifyInstancePlacement"}
)
"""Whose `GroupName` and `GroupId` are of a placement group, not of a security group."""


def things(name: str, call: Call, request: Request) -> Iterator[Thing]:
    """Yield what an action's request is about besides the ids in it."""
    yield from _placed(name, request)
    if name in OF_PLACEMENT:
        return
    for member, find in _NAMED.items():
        value = request.get(member)
        if value and name not in _MAKES_A_NAME:
            yield from find(call, (value,) if isinstance(value, str) else value)
    if name == "RunInstances":
        yield from _launched_into(call, request)
    if name == "CreateSnapshots":
        yield from _cut(call, request)
    if name == "CreateReplaceRootVolumeTask":
        yield records.VOLUME, "*"
    yield from _transferred(name, request)
    if name == "AcceptVpcPeeringConnection":
        yield from _accepting(call, request)


_BROUGHT: Mapping[str, tuple[Kind[Any, Any], ...]] = {
    "ImportImage": (records.IMAGE,),
    "ImportSnapshot": (records.SNAPSHOT,),
    "ImportVolume": (records.VOLUME,),
    "ImportInstance": (records.INSTANCE, records.VOLUME),
}
"""What will come of a task, by the action that begins it."""
_TASKS: Mapping[str, Kind[Any, Any]] = {
    "import-ami": records.IMPORT_IMAGE_TASK,
    "import-snap": records.IMPORT_SNAPSHOT_TASK,
    "export-ami": records.EXPORT_IMAGE_TASK,
    "export-i": records.EXPORT_INSTANCE_TASK,
}
"""By the prefix of the id."""


def _transferred(name: str, request: Request) -> Iterator[Thing]:
    """Yield what an import will make, and which task is called off."""
    for kind in _BROUGHT.get(name, ()):
        yield kind, "*"
    if name in ("CancelExportTask", "CancelImportTask"):
        id: str = request.get("ImportTaskId") or request.get("ExportTaskId") or ""
        kind = _TASKS.get(ids.prefix_of(id))
        if kind is not None:
            yield kind, id


def _placed(name: str, request: Request) -> Iterator[Thing]:
    """Yield the placement group that a request names; its ARN has its name."""
    places: Mapping[str, Any] = {
        "RunInstances": request.get("Placement") or {},
        "DeletePlacementGroup": request,
        "ModifyInstancePlacement": request,
    }
    given: Mapping[str, Any] = places.get(name, {})
    if name == "RunInstances" and given.get("HostId"):
        yield records.DEDICATED_HOST, given["HostId"]
    specification: Mapping[str, Any] = request.get("CapacityReservationSpecification") or {}
    target: Mapping[str, str] = specification.get("CapacityReservationTarget") or {}
    if target.get("CapacityReservationId"):
        yield records.CAPACITY_RESERVATION, target["CapacityReservationId"]
    named = given.get("GroupName") or given.get("GroupId")
    if named:
        yield records.PLACEMENT_GROUP, named


def _by(kind: Kind[Any, Any], index: str) -> Callable[[Call, Sequence[str]], Iterator[Thing]]:
    def find(call: Call, values: Sequence[str]) -> Iterator[Thing]:
        for value in values:
            for record in call.view.by(kind, index, value):
                if record.account == call.account:
                    yield kind, record.id

    return find


def _associated(call: Call, ids: Sequence[str]) -> Iterator[Thing]:
    """An association is of an address, a subnet, a VPC, or of an instance with its profile."""
    yield from _by(records.ADDRESS, "association")(call, ids)
    yield from _by(records.INSTANCE, "profile-association")(call, ids)
    yield from _by(records.VPC, "association")(call, ids)
    for kind, subnet_id in _by(records.SUBNET, "association")(call, ids):
        yield kind, subnet_id
        subnet = call.view.get(records.SUBNET, subnet_id)
        if subnet is not None and subnet.doc.route_association_id in ids:
            yield records.ROUTE_TABLE, subnet.doc.route_table_id or ""


def _attached(call: Call, ids: Sequence[str]) -> Iterator[Thing]:
    """An attachment is of an interface and an instance."""
    for kind, id in _by(records.INTERFACE, "attachment")(call, ids):
        yield kind, id
        interface = call.view.get(records.INTERFACE, id)
        if interface is not None and interface.doc.instance_id is not None:
            yield records.INSTANCE, interface.doc.instance_id


def _accepting(call: Call, request: Request) -> Iterator[Thing]:
    """Who accepts a peering connection lends it his VPC."""
    peering = call.view.get(records.PEERING, request["VpcPeeringConnectionId"])
    own = peering is not None and peering.doc.accepter.account == call.account
    yield records.VPC, peering.doc.accepter.vpc_id if peering and own else "*"


def _cut(call: Call, request: Request) -> Iterator[Thing]:
    """Yield the volumes of an instance that get snapshots."""
    specification: Mapping[str, Any] = request["InstanceSpecification"]
    excluded: Sequence[str] = specification.get("ExcludeDataVolumeIds") or ()
    found = _by(records.VOLUME, "instance")(call, (specification["InstanceId"],))
    meant = [thing for thing in found if thing[1] not in excluded]
    yield from meant or [(records.VOLUME, "*")]


def _filters_of_rules(call: Call, ids: Sequence[str]) -> Iterator[Thing]:
    """A rule of a traffic mirror filter is changed by who may change the filter."""
    for id in ids:
        record = call.view.get(records.MIRROR_RULE, id)
        if record is not None and record.account == call.account:
            yield records.MIRROR_FILTER, record.doc.filter_id


def _key_pairs(call: Call, ids: Sequence[str]) -> Iterator[Thing]:
    """A key pair's ARN has its name."""
    for id in ids:
        record = call.view.get(records.KEY_PAIR, id)
        if record is not None and record.account == call.account:
            yield records.KEY_PAIR, record.doc.name


_NAMED: Mapping[str, Callable[[Call, Sequence[str]], Iterator[Thing]]] = {
    "AssociationId": _associated,
    "AssociationIds": _by(records.ADDRESS, "association"),
    "AttachmentId": _attached,
    "PublicIp": _by(records.ADDRESS, "public-ip"),
    "TrafficMirrorFilterRuleId": _filters_of_rules,
    "GroupName": _by(records.SECURITY_GROUP, "name"),
    "SecurityGroups": _by(records.SECURITY_GROUP, "name"),
    "KeyPairId": _key_pairs,
    "LaunchTemplateName": _by(records.LAUNCH_TEMPLATE, "name"),
}


def _launched_into(call: Call, request: Request) -> Iterator[Thing]:
    """Yield the subnets and groups that a launch gets because it names none."""
    nics: Sequence[Mapping[str, Any]] = request.get("NetworkInterfaces") or ({},)
    for nic in nics:
        if not nic.get("NetworkInterfaceId"):
            yield from _launched_with(call, request, nic)


def _launched_with(call: Call, request: Request, nic: Mapping[str, Any]) -> Iterator[Thing]:
    subnet_id: str | None = nic.get("SubnetId") or request.get("SubnetId")
    subnets = [
        subnet
        for subnet in resources.reader(call).list(records.SUBNET, call.account)
        if (subnet.id == subnet_id if subnet_id else subnet.doc.is_default)
    ]
    placement: Mapping[str, Any] = request.get("Placement") or {}
    zone = placement.get("AvailabilityZone")
    for subnet in subnets:
        if zone in (None, "", subnet.doc.zone):
            yield records.SUBNET, subnet.id
    if nic.get("Groups") or request.get("SecurityGroupIds") or request.get("SecurityGroups"):
        return
    vpcs = {subnet.doc.vpc_id for subnet in subnets}
    for group in call.view.by(records.SECURITY_GROUP, "name", "default"):
        if group.account == call.account and group.doc.vpc_id in vpcs:
            yield records.SECURITY_GROUP, group.id
