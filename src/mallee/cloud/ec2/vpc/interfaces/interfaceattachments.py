"""Attachments of interfaces to instances: made and undone, also while the guest runs.

Called through the action table, by `launch` for interfaces that a launch names, and by `release`
when an instance is gone. Plugging is the hosts' business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Presumes, Write
from mallee.cloud.call import Result, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.instances import release
from mallee.cloud.ec2.vpc.interfaces import interfaces
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.compute import instancetypes
from mallee.model.compute.instances import Instance, InstanceSeen, Power
from mallee.model.network.networks import Interface

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

PREFIX = "eni-attach"
DEVICES_MAX = 15

InterfaceRecord = Record[Interface, None]
InstanceRecord = Record[Instance, InstanceSeen]


def attach_network_interface(
    call: WriteCall, request: shapes.AttachNetworkInterfaceRequest
) -> shapes.AttachNetworkInterfaceResult:
    """Attach a free interface to an instance, which runs or is stopped."""
    interface = resources.one(call, records.INTERFACE, request["NetworkInterfaceId"])
    instance = resources.one(call, records.INSTANCE, request["InstanceId"])
    if request.get("NetworkCardIndex", 0) != 0:
        raise errors.InvalidParameterValue("An instance has one network card, of index 0.")
    if instance.doc.power is Power.TERMINATED:
        raise errors.IncorrectInstanceState(instance.id, "attached to an interface")
    index = request["DeviceIndex"]
    _check(call, interface, instance, index)
    attached = to_instance(call, interface, instance.id, index)
    worn = [*call.tx.by(records.INTERFACE, "instance", instance.id)]
    in_order = sorted(worn, key=lambda one: (one.doc.device_index, one.id))
    doc = replace(instance.doc, interface_ids=tuple(one.id for one in in_order))
    call.tx.write(instance, doc)
    return {"AttachmentId": attached.doc.attachment_id, "NetworkCardIndex": 0}


def check_free(interface: InterfaceRecord) -> None:
    """Raise `InvalidNetworkInterface.InUse` for an interface that somebody has."""
    if interface.doc.instance_id is not None or interface.doc.requester:
        raise errors.InvalidNetworkInterfaceInUse(f"Interface: [{interface.id}] in use.")


def _check(
    call: WriteCall, interface: InterfaceRecord, instance: InstanceRecord, index: int
) -> None:
    check_free(interface)
    subnet = call.tx.get(records.SUBNET, interface.doc.subnet_id)
    if subnet is None or subnet.doc.zone != instance.doc.zone:
        raise errors.InvalidParameterCombination(
            "You may not attach a network interface to an instance if they are not in the same "
            "availability zone"
        )
    if interface.doc.vpc_id != instance.doc.vpc_id:
        raise errors.InvalidParameterCombination(
            f"The interface {interface.id} is in {interface.doc.vpc_id}, the instance "
            f"{instance.id} in {instance.doc.vpc_id}: they must be in one VPC here."
        )
    worn = call.tx.by(records.INTERFACE, "instance", instance.id)
    if not 0 <= index <= DEVICES_MAX:
        raise errors.InvalidParameterValue(
            f"Value ({index}) for parameter deviceIndex is invalid. It ranges from 0 to "
            f"{DEVICES_MAX}."
        )
    if any(other.doc.device_index == index for other in worn):
        raise errors.InvalidParameterValue(
            f"Instance '{instance.id}' already has an interface attached at device index '{index}'."
        )
    most = instancetypes.interfaces_of(instance.doc.type_name)
    if len(worn) >= most:
        raise errors.AttachmentLimitExceeded(instance.doc.type_name, most)
    own = 1 + len(interface.doc.secondary_ips) + len(interface.doc.prefixes)
    if own > instancetypes.addresses_per_interface(instance.doc.type_name):
        raise errors.PrivateIpAddressLimitExceeded(interface.id)


def to_instance(
    call: WriteCall, interface: InterfaceRecord, instance_id: str, index: int
) -> InterfaceRecord:
    """Let a free interface be that instance's."""
    for address in call.tx.by(records.ADDRESS, "interface", interface.id):
        call.tx.write(address, replace(address.doc, instance_id=instance_id))
    doc = replace(
        interface.doc,
        instance_id=instance_id,
        attachment_id=interfaces.new_attachment(call),
        device_index=index,
        attached_at=call.now,
    )
    return call.tx.write(interface, doc)


def detach_network_interface(
    call: WriteCall, request: shapes.DetachNetworkInterfaceRequest
) -> Result:
    """Take an interface from its instance; the first one stays as long as the instance."""
    interface = of_attachment(call, request["AttachmentId"])
    instance = call.tx.get(records.INSTANCE, interface.doc.instance_id or "")
    if interface.doc.requester:
        raise errors.OperationNotPermitted(
            f"You are not allowed to manage '{interface.doc.requester}' attachments."
        )
    if interface.doc.device_index == 0:
        raise errors.OperationNotPermitted(
            "The network interface at device index 0 cannot be detached."
        )
    release.detach(call.tx, interface)
    if instance is not None:
        left = tuple(id for id in instance.doc.interface_ids if id != interface.id)
        call.tx.write(instance, replace(instance.doc, interface_ids=left))
    return {}


def of_attachment(call: WriteCall, id: str) -> InterfaceRecord:
    """Return the caller's interface of that attachment; raise `InvalidAttachmentID.NotFound`."""
    found = call.tx.by(records.INTERFACE, "attachment", id)
    # Attachments of old have no id of their own, but their interface's digits.
    former = call.tx.get(records.INTERFACE, "eni-" + id.removeprefix(PREFIX + "-"))
    if former is not None and not former.doc.attachment_id:
        found = [*found, former]
    for interface in found:
        if interface.account == call.account and interface.doc.instance_id is not None:
            return interface
    raise errors.InvalidAttachmentIDNotFound(id)


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="AttachNetworkInterface",
        presumes=Presumes.GIVEN_ADDRESSES,
        does=Write(handle=attach_network_interface),
        honours=frozenset({"NetworkInterfaceId", "InstanceId", "DeviceIndex", "NetworkCardIndex"}),
    ),
    Action(
        service="ec2",
        name="DetachNetworkInterface",
        presumes=Presumes.GIVEN_ADDRESSES,
        does=Write(handle=detach_network_interface),
        honours=frozenset({"AttachmentId", "Force"}),
    ),
)
