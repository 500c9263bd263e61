"""Attributes of interfaces: description, groups, the check of senders, and of their attachment.

Called through the action table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.vpc.groups import securitygroups
from mallee.cloud.ec2.vpc.interfaces import interfacelisting, interfaces
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.network.networks import Interface

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

InterfaceRecord = Record[Interface, None]

_CHANGEABLE = ("Groups", "Description", "SourceDestCheck", "Attachment")


def modify_attribute(
    call: WriteCall, request: shapes.ModifyNetworkInterfaceAttributeRequest
) -> Result:
    """Change one attribute of an interface."""
    interface = resources.one(call, records.INTERFACE, request["NetworkInterfaceId"])
    asked = [name for name in _CHANGEABLE if name in request]
    if len(asked) != 1:
        raise errors.InvalidParameterCombination(
            f"Exactly one of {', '.join(_CHANGEABLE)} must be given."
        )
    if interface.doc.requester:
        raise errors.OperationNotPermitted(
            f"The network interface {interface.id} is requester-managed."
        )
    if "Groups" in request:
        if not request["Groups"]:
            raise errors.InvalidParameterValue("An interface wears at least one security group.")
        interfaces.set_groups(call, interface, list(request["Groups"]))
    elif "Description" in request:
        words = request["Description"].get("Value", "")
        call.tx.write(interface, replace(interface.doc, description=words))
    elif "SourceDestCheck" in request:
        value = request["SourceDestCheck"].get("Value")
        if value is None:
            raise errors.MissingParameter("SourceDestCheck")
        call.tx.write(interface, replace(interface.doc, source_dest_check=value))
    else:
        _change_attachment(call, interface, request)
    return {}


def _change_attachment(
    call: WriteCall,
    interface: InterfaceRecord,
    request: shapes.ModifyNetworkInterfaceAttributeRequest,
) -> None:
    asked = request.get("Attachment") or {}
    own = interfacelisting.attachment_id(interface)
    if interface.doc.instance_id is None or asked.get("AttachmentId") != own:
        raise errors.InvalidAttachmentIDNotFound(asked.get("AttachmentId", ""))
    value = asked.get("DeleteOnTermination")
    if value is None:
        raise errors.MissingParameter("DeleteOnTermination")
    call.tx.write(interface, replace(interface.doc, delete_on_termination=value))


def reset_attribute(
    call: WriteCall, request: shapes.ResetNetworkInterfaceAttributeRequest
) -> Result:
    """Let only packets from and to its own addresses pass the interface again."""
    interface = resources.one(call, records.INTERFACE, request["NetworkInterfaceId"])
    if "SourceDestCheck" not in request:
        raise errors.MissingParameter("SourceDestCheck")
    call.tx.write(interface, replace(interface.doc, source_dest_check=True))
    return {}


def describe_attribute(
    call: Call, request: shapes.DescribeNetworkInterfaceAttributeRequest
) -> shapes.DescribeNetworkInterfaceAttributeResult:
    """Show one attribute of an interface."""
    interface = resources.one(call, records.INTERFACE, request["NetworkInterfaceId"])
    attribute: str = request.get("Attribute", "")
    answer: shapes.DescribeNetworkInterfaceAttributeResult = {"NetworkInterfaceId": interface.id}
    if attribute == "description":
        answer["Description"] = {"Value": interface.doc.description}
    elif attribute == "groupSet":
        answer["Groups"] = securitygroups.identifiers(call.view, interface.doc.group_ids)
    elif attribute == "sourceDestCheck":
        answer["SourceDestCheck"] = {"Value": interface.doc.source_dest_check}
    elif attribute == "attachment":
        answer["Attachment"] = interfacelisting.attachment(call, interface)
    else:
        raise errors.InvalidParameterValue(
            f"Invalid attribute '{attribute}'. Give description, groupSet, sourceDestCheck or "
            "attachment."
        )
    return answer


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeNetworkInterfaceAttribute",
        does=Read(handle=describe_attribute),
        honours=frozenset({"NetworkInterfaceId", "Attribute"}),
    ),
    Action(
        service="ec2",
        name="ModifyNetworkInterfaceAttribute",
        does=Write(handle=modify_attribute),
        honours=frozenset(
            {
                "NetworkInterfaceId",
                "Groups",
                "Description",
                "SourceDestCheck",
                "Attachment.AttachmentId",
                "Attachment.DeleteOnTermination",
            }
        ),
    ),
    Action(
        service="ec2",
        name="ResetNetworkInterfaceAttribute",
        does=Write(handle=reset_attribute),
        honours=frozenset({"NetworkInterfaceId", "SourceDestCheck"}),
    ),
)
