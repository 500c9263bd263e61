"""Attributes of an instance, shown and changed one at a time.

Called through the action table. Type and user data change only while the instance is stopped:
they take effect with the next start, and whether its host then has room is told there.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

import msgspec

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.capacity import instancetypes
from mallee.cloud.ec2.instances import instances, launchrequest, power
from mallee.cloud.ec2.instances.power import InstanceRecord
from mallee.cloud.ec2.storage import mappings
from mallee.cloud.ec2.vpc.groups import securitygroups
from mallee.cloud.ec2.vpc.interfaces import interfaces
from mallee.cloud.hosts.placing import placement
from mallee.cloud.state import records
from mallee.model.compute.instances import Instance, State
from mallee.model.images import images

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

RESETTABLE = ("kernel", "ramdisk", "sourceDestCheck")
SHUTDOWN_BEHAVIORS = ("stop", "terminate")


def describe_attribute(
    call: Call, request: shapes.DescribeInstanceAttributeRequest
) -> shapes.InstanceAttribute:
    """Show one attribute."""
    record = resources.one(call, records.INSTANCE, request["InstanceId"])
    member, show = _SHOWN[request["Attribute"]]
    answer: dict[str, Any] = {"InstanceId": record.id, member: show(call, record)}
    return cast("shapes.InstanceAttribute", answer)


def _value(
    of: Callable[[Instance], str | bool | None],
) -> Callable[[Call, InstanceRecord], dict[str, Any]]:
    """Return how an attribute with a `Value` is shown; an absent one has none."""

    def show(call: Call, record: InstanceRecord) -> dict[str, Any]:
        value = of(record.doc)
        return {} if value is None else {"Value": value}

    return show


def _groups(call: Call, record: InstanceRecord) -> list[shapes.GroupIdentifier]:
    interface = call.view.get(records.INTERFACE, record.doc.interface_ids[0])
    return securitygroups.identifiers(call.view, interface.doc.group_ids if interface else ())


def _source_check(call: Call, record: InstanceRecord) -> dict[str, Any]:
    interface = call.view.get(records.INTERFACE, record.doc.interface_ids[0])
    return {"Value": interface.doc.source_dest_check if interface else True}


def _user_data(doc: Instance) -> str | None:
    return base64.b64encode(doc.user_data).decode() if doc.user_data else None


_SHOWN: dict[str, tuple[str, Callable[[Call, InstanceRecord], Any]]] = {
    "blockDeviceMapping": (
        "BlockDeviceMappings",
        lambda call, record: mappings.shown(call.view, record.id),
    ),
    "disableApiStop": ("DisableApiStop", _value(lambda doc: doc.api_stop_protected)),
    "disableApiTermination": (
        "DisableApiTermination",
        _value(lambda doc: doc.api_termination_protected),
    ),
    "ebsOptimized": ("EbsOptimized", _value(lambda doc: False)),
    "enaSupport": ("EnaSupport", _value(lambda doc: False)),
    "enclaveOptions": ("EnclaveOptions", lambda call, record: {"Enabled": False}),
    "groupSet": ("Groups", _groups),
    "instanceInitiatedShutdownBehavior": (
        "InstanceInitiatedShutdownBehavior",
        _value(lambda doc: doc.shutdown_behavior),
    ),
    "instanceType": ("InstanceType", _value(lambda doc: doc.type_name)),
    "kernel": ("KernelId", _value(lambda doc: doc.kernel_id)),
    "productCodes": ("ProductCodes", lambda call, record: []),
    "ramdisk": ("RamdiskId", _value(lambda doc: doc.ramdisk_id)),
    "rootDeviceName": ("RootDeviceName", _value(lambda doc: doc.root_device or images.ROOT_DEVICE)),
    "sourceDestCheck": ("SourceDestCheck", _source_check),
    "sriovNetSupport": ("SriovNetSupport", _value(lambda doc: None)),
    "userData": ("UserData", _value(_user_data)),
}


def modify_attribute(call: WriteCall, request: shapes.ModifyInstanceAttributeRequest) -> Result:
    """Change one attribute."""
    record = resources.one(call, records.INSTANCE, request["InstanceId"])
    name, value = _parse_change(request)
    if power.state_of(record) in (State.TERMINATED, State.SHUTTING_DOWN):
        raise errors.IncorrectInstanceState(record.id, "modified")
    _CHANGES[name](call, record, value)
    return {}


def _parse_change(request: shapes.ModifyInstanceAttributeRequest) -> tuple[str, Any]:
    """Return which attribute shall be what, from either form of the request."""
    given = cast("Mapping[str, Any]", request)
    changes: dict[str, Any] = {
        attribute: _given(given[member])
        for member, attribute in _MEMBERS.items()
        if member in given
    }
    if "Attribute" in request:
        attribute: str = request["Attribute"]
        if attribute not in _CHANGES or attribute in _LISTS:
            raise errors.UnsupportedOperation(
                f"The attribute {attribute} cannot be changed by Attribute and Value here."
            )
        if "Value" not in request:
            raise errors.MissingParameter("Value")
        changes[attribute] = _from_text(attribute, request["Value"])
    if not changes:
        raise errors.InvalidParameterCombination("No attributes specified.")
    if len(changes) > 1:
        raise errors.InvalidParameterCombination("Fields for multiple attribute types specified.")
    return next(iter(changes.items()))


_LISTS = frozenset({"blockDeviceMapping", "groupSet"})
"""Attributes that are more than one value."""


def _given(value: Mapping[str, Any] | list[Any]) -> Any:
    return value if isinstance(value, list) else value.get("Value")


def _from_text(attribute: str, text: str) -> str | bool | bytes:
    if attribute == "userData":
        return launchrequest.parse_user_data(text)
    if attribute in ("disableApiStop", "disableApiTermination", "sourceDestCheck"):
        if text.lower() not in ("true", "false"):
            raise errors.InvalidParameterValue(
                f"Value ({text}) for attribute {attribute} is invalid. Give true or false."
            )
        return text.lower() == "true"
    return text


def _check_stopped(record: InstanceRecord) -> None:
    if power.state_of(record) is not State.STOPPED:
        raise errors.IncorrectInstanceStateNotStopped(record.id)


def _change_type(call: WriteCall, record: InstanceRecord, name: str | None) -> None:
    _check_stopped(record)
    kind = instancetypes.by_name(call.tx, name or "")
    # What it holds of its host was measured by the old type; a start takes the new measure.
    placement.pause(call.tx, record.doc.host_id, record.id)
    changed = msgspec.structs.replace(
        record.doc,
        type_name=kind.name,
        vcpus=kind.vcpus,
        memory_mib=kind.memory_mib,
        network_mbps=kind.network_mbps,
    )
    call.tx.write(record, changed)


def _change_user_data(call: WriteCall, record: InstanceRecord, data: bytes | None) -> None:
    _check_stopped(record)
    checked = launchrequest.check_user_data(data or b"")
    call.tx.write(record, msgspec.structs.replace(record.doc, user_data=checked))


def _change_shutdown(call: WriteCall, record: InstanceRecord, behavior: str | None) -> None:
    if behavior not in SHUTDOWN_BEHAVIORS:
        raise errors.InvalidParameterValue(
            f"Value ({behavior}) for attribute instanceInitiatedShutdownBehavior is invalid. "
            f"Give {' or '.join(SHUTDOWN_BEHAVIORS)}."
        )
    call.tx.write(record, msgspec.structs.replace(record.doc, shutdown_behavior=behavior))


def _change_termination(call: WriteCall, record: InstanceRecord, value: bool | None) -> None:
    doc = msgspec.structs.replace(record.doc, api_termination_protected=bool(value))
    call.tx.write(record, doc)


def _change_stop(call: WriteCall, record: InstanceRecord, value: bool | None) -> None:
    call.tx.write(record, msgspec.structs.replace(record.doc, api_stop_protected=bool(value)))


def _change_source_check(call: WriteCall, record: InstanceRecord, value: bool | None) -> None:
    own = call.tx.by(records.INTERFACE, "instance", record.id)
    if len(own) > 1:
        raise errors.InvalidInstanceID(
            f"There are multiple interfaces attached to instance '{record.id}'. Please specify an "
            "interface ID for the operation instead."
        )
    for interface in own:
        doc = msgspec.structs.replace(interface.doc, source_dest_check=bool(value))
        call.tx.write(interface, doc)


def _change_groups(call: WriteCall, record: InstanceRecord, group_ids: list[str]) -> None:
    if not group_ids:
        raise errors.InvalidParameterValue("An instance wears at least one security group.")
    own = call.tx.by(records.INTERFACE, "instance", record.id)
    for interface in own:
        # As on AWS it is the first interface that "the instance" means.
        if interface.doc.device_index == 0:
            interfaces.set_groups(call, interface, group_ids)


def _change_mappings(call: WriteCall, record: InstanceRecord, wanted: Any) -> None:
    mappings.change(call, record.id, wanted)


_CHANGES: dict[str, Callable[[WriteCall, InstanceRecord, Any], None]] = {
    "blockDeviceMapping": _change_mappings,
    "disableApiStop": _change_stop,
    "disableApiTermination": _change_termination,
    "groupSet": _change_groups,
    "instanceInitiatedShutdownBehavior": _change_shutdown,
    "instanceType": _change_type,
    "sourceDestCheck": _change_source_check,
    "userData": _change_user_data,
}

_MEMBERS = {
    "BlockDeviceMappings": "blockDeviceMapping",
    "DisableApiStop": "disableApiStop",
    "DisableApiTermination": "disableApiTermination",
    "Groups": "groupSet",
    "InstanceInitiatedShutdownBehavior": "instanceInitiatedShutdownBehavior",
    "InstanceType": "instanceType",
    "SourceDestCheck": "sourceDestCheck",
    "UserData": "userData",
}


def reset_attribute(call: WriteCall, request: shapes.ResetInstanceAttributeRequest) -> Result:
    """Make kernel or ramdisk again what the image says, or have sources checked again."""
    record = resources.one(call, records.INSTANCE, request["InstanceId"])
    name = request["Attribute"]
    if name not in RESETTABLE:
        raise errors.InvalidParameterValue(
            f"Value ({name}) for parameter attribute is invalid. Only {', '.join(RESETTABLE)} can "
            "be reset."
        )
    if power.state_of(record) in (State.TERMINATED, State.SHUTTING_DOWN):
        raise errors.IncorrectInstanceState(record.id, "modified")
    if name == "sourceDestCheck":
        _change_source_check(call, record, value=True)
        return {}
    _check_stopped(record)
    image = call.tx.get(records.IMAGE, record.doc.image_id)
    if image is None:
        raise errors.UnsupportedOperation(
            f"The image {record.doc.image_id} of {record.id} is gone, and with it what it said."
        )
    changed = (
        msgspec.structs.replace(record.doc, kernel_id=image.doc.kernel_id)
        if name == "kernel"
        else msgspec.structs.replace(record.doc, ramdisk_id=image.doc.ramdisk_id)
    )
    if changed.kernel_id is None and (image.doc.is_root_file_system or changed.ramdisk_id):
        raise errors.InvalidParameterCombination(
            f"{record.id} cannot start without a kernel, and its image names none."
        )
    call.tx.write(record, changed)
    return {}


def modify_metadata_options(
    call: WriteCall, request: shapes.ModifyInstanceMetadataOptionsRequest
) -> shapes.ModifyInstanceMetadataOptionsResult:
    """Change how the instance may ask the metadata service; its host follows within moments."""
    record = resources.one(call, records.INSTANCE, request["InstanceId"])
    if power.state_of(record) in (State.TERMINATED, State.SHUTTING_DOWN):
        raise errors.IncorrectInstanceState(record.id, "modified")
    options = launchrequest.parse_metadata(request, record.doc.metadata)
    call.tx.write(record, msgspec.structs.replace(record.doc, metadata=options))
    return {
        "InstanceId": record.id,
        "InstanceMetadataOptions": instances.shown_metadata(options, "pending"),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeInstanceAttribute",
        does=Read(handle=describe_attribute),
        honours=frozenset({"InstanceId", "Attribute"}),
    ),
    Action(
        service="ec2",
        name="ModifyInstanceAttribute",
        does=Write(handle=modify_attribute),
        honours=frozenset({"InstanceId", "Attribute", "Value", *_MEMBERS}),
    ),
    Action(
        service="ec2",
        name="ResetInstanceAttribute",
        does=Write(handle=reset_attribute),
        honours=frozenset({"InstanceId", "Attribute"}),
    ),
    Action(
        service="ec2",
        name="ModifyInstanceMetadataOptions",
        does=Write(handle=modify_metadata_options),
        honours=frozenset(
            {
                "InstanceId",
                "HttpEndpoint",
                "HttpProtocolIpv6",
                "HttpPutResponseHopLimit",
                "HttpTokens",
                "InstanceMetadataTags",
            }
        ),
    ),
)
