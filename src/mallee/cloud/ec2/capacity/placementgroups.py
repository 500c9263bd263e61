"""Placement groups: made, listed and deleted; instances put into them and taken out.

Called through the action table, and by `launch` for instances that are launched into a group
(`given`, `grouping`). What keeps apart is the host: of racks this cloud knows nothing. A stopped
instance keeps its place, since its disk stays on its host.
Which host is chosen is `cloud.hosts.place`'s business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.capacity import tenancies
from mallee.cloud.ec2.instances import power
from mallee.cloud.ec2.instances.power import InstanceRecord
from mallee.cloud.hosts.placing import place, placement, tenancy
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.compute.instances import State
from mallee.model.compute.placementgroups import PlacementGroup, Strategy

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_GROUPS = 500
MAX_PARTITIONS = 7
MAX_NAME_LENGTH = 255
_DEFAULT_PARTITIONS = 2

GroupRecord = Record[PlacementGroup, None]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where in which group instances shall be."""

    group: GroupRecord
    partition: int = 0
    """0: the cloud chooses, for each the partition with the fewest."""


def create_group(
    call: WriteCall, request: shapes.CreatePlacementGroupRequest
) -> shapes.CreatePlacementGroupResult:
    """Make a group; it takes no room before instances are in it."""
    name = request.get("GroupName", "")
    if not name or len(name) > MAX_NAME_LENGTH or not name.isascii():
        raise errors.InvalidParameterValue(
            f"Value ({name}) for parameter groupName is invalid. Names have 1 to "
            f"{MAX_NAME_LENGTH} ASCII characters."
        )
    if len(call.tx.list(records.PLACEMENT_GROUP, call.account)) >= MAX_GROUPS:
        raise errors.PlacementGroupLimitExceeded
    strategy = _strategy(request)
    group = PlacementGroup(
        id=ids.make("pg", call.entropy(ids.ID_BYTES)),
        name=name,
        strategy=strategy,
        partition_count=_partition_count(request, strategy),
        tags=tagset.of_new(request, records.PLACEMENT_GROUP.name),
    )
    try:
        call.tx.claim(_names(call.account), name, group.id)
    except store.Taken as taken:
        raise errors.InvalidPlacementGroupDuplicate(name) from taken
    record = call.tx.insert(records.PLACEMENT_GROUP, call.account, group.id, group)
    return {"PlacementGroup": _render(call, record)}


def _strategy(request: shapes.CreatePlacementGroupRequest) -> Strategy:
    text = request.get("Strategy", Strategy.CLUSTER.value)
    if text not in {strategy.value for strategy in Strategy}:
        raise errors.UnsupportedOperation(f"The strategy {text} is not supported by this cloud.")
    level = request.get("SpreadLevel", "host")
    if "SpreadLevel" in request and text != Strategy.SPREAD.value:
        raise errors.InvalidParameterCombination(
            "SpreadLevel can only be used with the 'spread' strategy."
        )
    if level != "host":
        raise errors.UnsupportedOperation(
            "This cloud knows of hosts, not of racks: SpreadLevel can only be 'host'."
        )
    return Strategy(text)


def _partition_count(request: shapes.CreatePlacementGroupRequest, strategy: Strategy) -> int:
    count = request.get("PartitionCount")
    if strategy is not Strategy.PARTITION:
        if count is not None:
            raise errors.InvalidParameterCombination(
                "PartitionCount can only be used with the 'partition' strategy."
            )
        return 0
    count = _DEFAULT_PARTITIONS if count is None else count
    if not 1 <= count <= MAX_PARTITIONS:
        raise errors.InvalidParameterValue(
            f"Value ({count}) for parameter partitionCount is invalid. It ranges from 1 to "
            f"{MAX_PARTITIONS}."
        )
    return count


def delete_group(call: WriteCall, request: shapes.DeletePlacementGroupRequest) -> Result:
    """Delete a group that no instance is in, and in which no capacity is reserved."""
    # The name may also be an id, as everywhere where a group is named for deletion.
    name = request["GroupName"]
    group = by_name(call, name) or call.tx.get(records.PLACEMENT_GROUP, name)
    if group is None or group.account != call.account:
        raise errors.InvalidPlacementGroupUnknown(name)
    reserved = call.tx.by(records.CAPACITY_RESERVATION, "placement-group", group.id)
    if members(call, group) or any(it.doc.ended_at is None for it in reserved):
        raise errors.InvalidPlacementGroupInUse(group.doc.name)
    call.tx.delete(group)
    call.tx.release(_names(call.account), group.doc.name)
    return {}


def members(call: Call, group: GroupRecord) -> list[InstanceRecord]:
    """Return the instances that hold a place in the group: all that are not gone."""
    found = resources.reader(call).by(records.INSTANCE, "placement-group", group.id)
    return [record for record in found if record.doc.gone_at is None]


def by_name(call: Call, name: str) -> GroupRecord | None:
    """Return the caller's group of that name."""
    looked_at = resources.reader(call)
    id = looked_at.owner_of(_names(call.account), name)
    return looked_at.get(records.PLACEMENT_GROUP, id) if id else None


def given(call: Call, placement: Mapping[str, Any]) -> Spot | None:
    """Return the place in a group that a `Placement` names; raise where it names none truly."""
    name, id = placement.get("GroupName"), placement.get("GroupId")
    partition: int = placement.get("PartitionNumber", 0)
    if name and id:
        raise errors.InvalidParameterCombination(
            "The parameters GroupName and GroupId may not be used together."
        )
    if not name and not id:
        if partition:
            raise errors.InvalidParameterCombination(
                "PartitionNumber needs a placement group with the 'partition' strategy."
            )
        return None
    group = by_name(call, name) if name else resources.one(call, records.PLACEMENT_GROUP, id or "")
    if group is None:
        raise errors.InvalidPlacementGroupUnknown(name)
    if "PartitionNumber" in placement and not 1 <= partition <= group.doc.partition_count:
        raise errors.InvalidParameterValue(
            f"Value ({partition}) for parameter partitionNumber is invalid. The placement group "
            f"'{group.doc.name}' has {group.doc.partition_count} partitions."
        )
    return Spot(group, partition)


def partitions(call: Call, spot: Spot | None, count: int) -> tuple[int, ...]:
    """Return the partition of each of so many new instances; 0 where there are none."""
    if spot is None or spot.group.doc.strategy is not Strategy.PARTITION:
        return (0,) * count
    if spot.partition:
        return (spot.partition,) * count
    held = dict.fromkeys(range(1, spot.group.doc.partition_count + 1), 0)
    for record in members(call, spot.group):
        held[record.doc.partition] += 1
    chosen: list[int] = []
    for _ in range(count):
        emptiest = min(held, key=lambda number: (held[number], number))
        held[emptiest] += 1
        chosen.append(emptiest)
    return tuple(chosen)


def grouping(call: Call, spot: Spot | None, chosen: tuple[int, ...]) -> place.Grouping:
    """Return what the group asks of the hosts of new instances, whose partitions are `chosen`."""
    if spot is None:
        return place.ANYWHERE
    held = members(call, spot.group)
    match spot.group.doc.strategy:
        case Strategy.CLUSTER:
            return place.Grouping(near=frozenset(record.doc.host_id for record in held))
        case Strategy.SPREAD:
            return place.Grouping(
                colours=tuple(f"new {index}" for index in range(len(chosen))),
                coloured={record.doc.host_id: record.id for record in held},
            )
        case Strategy.PARTITION:
            return place.Grouping(
                colours=tuple(str(number) for number in chosen),
                coloured={record.doc.host_id: str(record.doc.partition) for record in held},
            )


def policy(spot: Spot | None) -> place.Policy:
    """Return how the choice among hosts falls: a cluster is packed, all else is spread."""
    is_cluster = spot is not None and spot.group.doc.strategy is Strategy.CLUSTER
    return place.Policy.PACK if is_cluster else place.Policy.SPREAD


def modify_placement(
    call: WriteCall, request: shapes.ModifyInstancePlacementRequest
) -> shapes.ModifyInstancePlacementResult:
    """Put a stopped instance into a group, into another partition, or into none (an empty name)."""
    record = resources.one(call, records.INSTANCE, request["InstanceId"])
    if power.state_of(record) is not State.STOPPED:
        raise errors.IncorrectInstanceStateNotStopped(record.id)
    changes_tenancy = bool({"Tenancy", "HostId", "Affinity"} & request.keys())
    if changes_tenancy:
        record = _change_tenancy(call, record, request)
    if "GroupName" not in request and "GroupId" not in request:
        if "PartitionNumber" not in request:
            if not changes_tenancy:
                raise errors.InvalidParameterCombination("Nothing of the placement shall change.")
            return {"Return": True}
        spot = given(call, {"GroupId": record.doc.placement_group_id, **request})
    else:
        spot = given(call, request)
    # Out of its present group first: it is in nobody's way where it stands itself.
    record = call.tx.write(record, replace(record.doc, placement_group_id="", partition=0))
    if spot is not None:
        (number,) = partitions(call, spot, 1)
        _check_host(record, grouping(call, spot, (number,)))
        changed = replace(record.doc, placement_group_id=spot.group.id, partition=number)
        call.tx.write(record, changed)
    return {"Return": True}


def _change_tenancy(
    call: WriteCall, record: InstanceRecord, request: shapes.ModifyInstancePlacementRequest
) -> InstanceRecord:
    """Change beside whom it may be, as far as the host that has its disk allows it."""
    doc = record.doc
    where = tenancies.parse(call, request, tenancies.of_instance(doc))
    # It is in nobody's way where it stands itself.
    call.tx.release(tenancy.space(doc.host_id), record.id)
    changed = replace(
        doc,
        tenancy=where.tenancy,
        affinity=where.affinity,
        dedicated_host_id=where.dedicated_host_id,
    )
    record = call.tx.write(record, changed)
    closed = tenancy.closed(call.tx, doc.host_id, placement.tenant_of(record))
    if closed:
        raise errors.IncompatibleHostRequirements(
            f"The disk of {record.id} stays on its host, which {closed}."
        )
    if where.tenancy == tenancy.DEDICATED:
        call.tx.claim(tenancy.space(doc.host_id), record.id, record.id)
    return record


def _check_host(record: InstanceRecord, wanted: place.Grouping) -> None:
    """Refuse a group that the host of the instance's disk does not suit."""
    colour = wanted.coloured.get(record.doc.host_id)
    if colour is not None and wanted.colours and colour != wanted.colours[0]:
        raise errors.InsufficientInstanceCapacity(
            f"The disk of {record.id} is on a host that carries another instance from which the "
            "placement group keeps it apart."
        )


def _names(account: str) -> str:
    return f"name/placement-group/{account}"


def _find(call: Call, request: shapes.DescribePlacementGroupsRequest) -> Iterable[GroupRecord]:
    found = resources.several(call, records.PLACEMENT_GROUP, request.get("GroupIds") or ())
    for name in request.get("GroupNames") or ():
        group = by_name(call, name)
        if group is None:
            raise errors.InvalidPlacementGroupUnknown(name)
        found.append(group)
    return found or call.view.list(records.PLACEMENT_GROUP, call.account)


def arn(call: Call, group: PlacementGroup) -> str:
    """Return the ARN of a group: it has the name in it, not the id."""
    return f"arn:aws:ec2:{call.settings.region}:{call.account}:placement-group/{group.name}"


def _render(call: Call, record: GroupRecord) -> shapes.PlacementGroup:
    group = record.doc
    return {
        "GroupName": group.name,
        "GroupId": group.id,
        "GroupArn": arn(call, group),
        "State": "available",
        "Strategy": group.strategy.value,
        "PartitionCount": group.partition_count or None,
        "SpreadLevel": "host" if group.strategy is Strategy.SPREAD else None,
        "Tags": tagset.shown(group.tags),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreatePlacementGroup",
        does=Write(handle=create_group),
        honours=frozenset({"GroupName", "PartitionCount", "SpreadLevel", "Strategy"}),
        creates=(records.PLACEMENT_GROUP.name,),
    ),
    Action(
        service="ec2",
        name="DeletePlacementGroup",
        does=Write(handle=delete_group),
        honours=frozenset({"GroupName"}),
    ),
    Action(
        service="ec2",
        name="ModifyInstancePlacement",
        does=Write(handle=modify_placement),
        honours=frozenset(
            {
                "Affinity",
                "GroupId",
                "GroupName",
                "HostId",
                "InstanceId",
                "PartitionNumber",
                "Tenancy",
            }
        ),
    ),
    Action(
        service="ec2",
        name="DescribePlacementGroups",
        does=Listing(
            find=_find,
            render=_render,
            member="PlacementGroups",
            filters={
                "group-name": lambda call, record: (record.doc.name,),
                "group-arn": lambda call, record: (arn(call, record.doc),),
                "spread-level": lambda call, record: (
                    ("host",) if record.doc.strategy is Strategy.SPREAD else ()
                ),
                "state": lambda call, record: ("available",),
                "strategy": lambda call, record: (record.doc.strategy.value,),
            },
            tags=lambda record: record.doc.tags,
        ),
        honours=frozenset({"GroupIds", "GroupNames"}),
    ),
)
