"""ModifyVolume: another size, type or speed, also while a guest uses the volume.

Called through the action table. That it is done is what the host says (`reconcile.volumes`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.storage import relocating, states, volumetypes
from mallee.cloud.ec2.storage.states import VolumeRecord
from mallee.cloud.hosts.placing import diskroom
from mallee.model.storage.volumes import Modification, Volume

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MODIFYING, COMPLETED = "modifying", "completed"


def modify_volume(
    call: WriteCall, request: shapes.ModifyVolumeRequest
) -> shapes.ModifyVolumeResult:
    """Want a volume larger, faster or slower."""
    record = states.one(call, request["VolumeId"])
    state = states.of_volume(record)
    if state not in (states.AVAILABLE, states.IN_USE):
        raise errors.IncorrectState(f"Volume '{record.id}' is in the '{state}' state.")
    doc = record.doc
    relocating.check_still(record)
    if doc.modification is not None and doc.modification.done_at is None:
        raise errors.IncorrectModificationState(
            f"Volume {record.id} currently has a modification that is not completed. Wait for it."
        )
    if request.get("MultiAttachEnabled", doc.multi_attach) is not doc.multi_attach:
        raise errors.UnsupportedOperation(
            "Whether a volume is shared is decided when it is made: its form on the disk differs."
        )
    wanted = _wanted(doc, request)
    if wanted.size_gib < doc.size_gib:
        raise errors.InvalidParameterValue("New size cannot be smaller than existing size")
    numbers = volumetypes.checked(wanted)
    changed = replace(
        doc,
        size_gib=wanted.size_gib,
        type=wanted.type,
        iops=numbers.iops,
        throughput=numbers.throughput,
        modification=Modification(
            began_at=call.now,
            size_gib=doc.size_gib,
            type=doc.type,
            iops=doc.iops,
            throughput=doc.throughput,
            multi_attach=doc.multi_attach,
        ),
    )
    diskroom.enlarge(call.tx, doc.host_id, record.id, wanted.size_gib)
    written = call.tx.write(record, changed)
    return {"VolumeModification": _render(call, written)}


def _wanted(doc: Volume, request: shapes.ModifyVolumeRequest) -> volumetypes.Asked:
    """Return what the volume shall be: what is not said stays, where the type has it."""
    type = request.get("VolumeType") or doc.type
    kind = volumetypes.TYPES[type]
    stays = type == doc.type
    return volumetypes.Asked(
        type=type,
        size_gib=request.get("Size") or doc.size_gib,
        iops=request.get("Iops") or (doc.iops if stays and kind.iops else None),
        throughput=request.get("Throughput") or (doc.throughput if stays else None) or None,
        multi_attach=doc.multi_attach,
    )


def _find(
    call: Call, request: shapes.DescribeVolumesModificationsRequest
) -> Iterable[VolumeRecord]:
    asked: list[str] = request.get("VolumeIds") or []
    if asked:
        found = states.several(call, asked)
        for record in found:
            if record.doc.modification is None:
                raise errors.InvalidVolumeModificationNotFound(record.id)
        return found
    return [record for record in states.several(call, []) if record.doc.modification is not None]


def _state(record: VolumeRecord) -> str:
    done = record.doc.modification is None or record.doc.modification.done_at is not None
    return COMPLETED if done else MODIFYING


def _render(call: Call, record: VolumeRecord) -> shapes.VolumeModification:
    doc, was = record.doc, record.doc.modification
    assert was is not None
    shown: shapes.VolumeModification = {
        "VolumeId": record.id,
        "ModificationState": _state(record),
        "Progress": 100 if was.done_at is not None else 0,
        "StartTime": was.began_at,
        "TargetSize": doc.size_gib,
        "TargetVolumeType": doc.type,
        "TargetMultiAttachEnabled": doc.multi_attach,
        "OriginalSize": was.size_gib,
        "OriginalVolumeType": was.type,
        "OriginalMultiAttachEnabled": was.multi_attach,
    }
    if was.done_at is not None:
        shown["EndTime"] = was.done_at
    if doc.iops:
        shown["TargetIops"] = doc.iops
    if doc.throughput:
        shown["TargetThroughput"] = doc.throughput
    if was.iops:
        shown["OriginalIops"] = was.iops
    if was.throughput:
        shown["OriginalThroughput"] = was.throughput
    return shown


def _of_row(member: str) -> Callable[[Call, VolumeRecord], Iterable[str]]:
    """Return a filter by a member of what is shown."""

    def values(call: Call, record: VolumeRecord) -> Iterable[str]:
        value = _render(call, record).get(member)
        if isinstance(value, bool):
            return (resources.boolean(value),)
        return () if value is None else (str(value),)

    return values


FILTERS: dict[str, Callable[[Call, VolumeRecord], Iterable[str]]] = {
    "modification-state": lambda call, it: (_state(it),),
    "original-iops": _of_row("OriginalIops"),
    "original-size": _of_row("OriginalSize"),
    "original-volume-type": _of_row("OriginalVolumeType"),
    "originalMultiAttachEnabled": _of_row("OriginalMultiAttachEnabled"),
    "start-time": lambda call, it: (
        resources.moment(it.doc.modification.began_at if it.doc.modification else 0.0),
    ),
    "target-iops": _of_row("TargetIops"),
    "target-size": _of_row("TargetSize"),
    "target-volume-type": _of_row("TargetVolumeType"),
    "targetMultiAttachEnabled": _of_row("TargetMultiAttachEnabled"),
    "volume-id": lambda call, it: (it.id,),
}

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="ModifyVolume",
        does=Write(handle=modify_volume),
        honours=frozenset(
            {"Iops", "MultiAttachEnabled", "Size", "Throughput", "VolumeId", "VolumeType"}
        ),
    ),
    Action(
        service="ec2",
        name="DescribeVolumesModifications",
        does=Listing(
            find=_find,
            render=_render,
            member="VolumesModifications",
            filters=FILTERS,
            max_results=(1, 500),
        ),
        honours=frozenset({"VolumeIds"}),
    ),
)
