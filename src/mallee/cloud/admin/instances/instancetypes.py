"""Instance types, as the cloud's administration makes, changes and removes them.

Called through the action table. What users see is `ec2/instancetypes.py`; what there is,
`cloud/instancetypes.py`. Instances that are there keep what they were launched with.
"""

from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import instancetypes
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.admin import rows
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.state import records
from mallee.model.compute import instancetypes as presets
from mallee.model.compute.instancetypes import DefinedType, InstanceType


def create_type(call: WriteCall, request: Request) -> Result:
    """Make a type; the name of a preset that was removed may be given to another one."""
    name: str = request["TypeName"]
    if instancetypes.find(call.tx, name) is not None:
        raise errors.InstanceTypeAlreadyExists(name)
    kind = InstanceType(
        name=name,
        vcpus=request["Vcpus"],
        memory_mib=request["MemoryMib"],
        disk_gib=request.get("DiskGib", presets.DEFAULT_DISK_GIB),
        is_burstable=request.get("IsBurstable", False),
        network_mbps=request.get("NetworkMbps", 0),
    )
    _define(call, name, kind)
    return {"InstanceType": _render(call, kind)}


def modify_type(call: WriteCall, request: Request) -> Result:
    """Change what instances of a type will get from their next launch on."""
    kind = _known(call, request["TypeName"])
    changed = replace(
        kind,
        vcpus=request.get("Vcpus", kind.vcpus),
        memory_mib=request.get("MemoryMib", kind.memory_mib),
        disk_gib=request.get("DiskGib", kind.disk_gib),
        is_burstable=request.get("IsBurstable", kind.is_burstable),
        network_mbps=request.get("NetworkMbps", kind.network_mbps),
    )
    _define(call, kind.name, changed)
    return {"InstanceType": _render(call, changed)}


def delete_type(call: WriteCall, request: Request) -> Result:
    """Take a type away; what runs with it goes on and may be stopped and started."""
    name = _known(call, request["TypeName"]).name
    if name == presets.DEFAULT_NAME:
        raise errors.DeleteConflict(
            f"{name} is what a launch gets that names no type: it can be changed, not removed."
        )
    _define(call, name, None)
    return {}


def reset_type(call: WriteCall, request: Request) -> Result:
    """Make a preset again what it is without the administration's changes."""
    name: str = request["TypeName"]
    if name not in presets.BY_NAME:
        raise errors.NoSuchResource("preset instance type", name)
    record = call.tx.get(records.INSTANCE_TYPE, name)
    if record is not None:
        call.tx.delete(record)
    return {"InstanceType": _render(call, presets.BY_NAME[name])}


def list_types(call: Call, request: Request) -> Result:
    """List all types, and presets that were removed."""
    there = instancetypes.all_types(call.view)
    names = {kind.name for kind in there}
    removed = [preset for preset in presets.PRESETS if preset.name not in names]
    return {"InstanceTypes": [_render(call, kind) for kind in (*there, *removed)]}


def _known(call: WriteCall, name: str) -> InstanceType:
    kind = instancetypes.find(call.tx, name)
    if kind is None:
        raise errors.NoSuchResource("instance type", name)
    return kind


def _define(call: WriteCall, name: str, kind: InstanceType | None) -> None:
    """Let the name mean that type; a record says only what differs from the presets."""
    record = call.tx.get(records.INSTANCE_TYPE, name)
    if kind == presets.BY_NAME.get(name):
        if record is not None:
            call.tx.delete(record)
    elif record is None:
        call.tx.insert(records.INSTANCE_TYPE, "", name, DefinedType(type=kind))
    else:
        call.tx.write(record, DefinedType(type=kind))


def _render(call: Call, kind: InstanceType) -> dict[str, Any]:
    view = getattr(call, "tx", None) or call.view
    return {
        "TypeName": kind.name,
        "Vcpus": kind.vcpus,
        "MemoryMib": kind.memory_mib,
        "DiskGib": kind.disk_gib,
        "NetworkMbps": kind.network_mbps,
        "IsBurstable": kind.is_burstable,
        "State": _state(instancetypes.find(view, kind.name), kind.name),
    }


def _state(now: InstanceType | None, name: str) -> str:
    if now is None:
        return "removed"
    preset = presets.BY_NAME.get(name)
    if preset is None:
        return "defined"
    return "preset" if now == preset else "changed"


_SIZES = frozenset({"TypeName", "Vcpus", "MemoryMib", "DiskGib", "NetworkMbps", "IsBurstable"})

ACTIONS: tuple[Action, ...] = (
    rows.of_administrators("CreateInstanceType", Write(handle=create_type), *_SIZES),
    rows.of_administrators("ModifyInstanceType", Write(handle=modify_type), *_SIZES),
    rows.of_administrators("DeleteInstanceType", Write(handle=delete_type), "TypeName"),
    rows.of_administrators("ResetInstanceType", Write(handle=reset_type), "TypeName"),
    rows.of_administrators("ListInstanceTypes", Read(handle=list_types)),
)
