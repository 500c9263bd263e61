"""Network interfaces: every instance has one, in a subnet, with a private address and a MAC.

Made and removed by `launch` and `release`; shown and changed here through the action table. Its
claims (`private-ip/SUBNET`, `mac`, a lent `public-ip`) are held under the interface's id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Read, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.ec2 import resources, tagset, zones
from mallee.cloud.ec2.vpc import publicpool, securitygroups, subnets
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.networks import Address, Interface, Subnet

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MACS = "mac"
"""Claim space of hardware addresses, unique in the whole cloud."""
MAC_PREFIX = b"\x02"
"""Locally administered, unicast."""

InterfaceRecord = Record[Interface, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInterface:
    """What an instance's interface shall be."""

    instance_id: str
    subnet: Record[Subnet, None]
    group_ids: tuple[str, ...]
    private_ip: str | None = None
    wants_public_ip: bool = False
    description: str = ""
    delete_on_termination: bool = True
    tags: dict[str, str] = field(default_factory=dict)


def create(call: WriteCall, new: NewInterface) -> InterfaceRecord:
    """Make an interface with its addresses; raise when an address is not to be had."""
    id = ids.make("eni", call.entropy(ids.ID_BYTES))
    private_ip = (
        subnets.take_address(call, new.subnet, id, new.private_ip)
        if new.private_ip
        else subnets.take_any_address(call, new.subnet, id)
    )
    interface = Interface(
        id=id,
        vpc_id=new.subnet.doc.vpc_id,
        subnet_id=new.subnet.id,
        mac=_take_mac(call, id),
        private_ip=private_ip,
        group_ids=new.group_ids,
        instance_id=new.instance_id,
        delete_on_termination=new.delete_on_termination,
        attached_at=call.now,
        description=new.description,
        public_ip=publicpool.take_any(call, id) if new.wants_public_ip else None,
        wants_public_ip=new.wants_public_ip,
        tags=new.tags,
    )
    return call.tx.insert(records.INTERFACE, call.account, id, interface)


def _take_mac(call: WriteCall, owner: str) -> str:
    while True:
        mac = (MAC_PREFIX + call.entropy(5)).hex(":")
        if call.tx.owner_of(MACS, mac) is None:
            call.tx.claim(MACS, mac, owner)
            return mac


def lend_public_ip(call: WriteCall, interface: InterfaceRecord) -> InterfaceRecord:
    """Lend it a public address if it wants one and has none; raise when the pool is empty."""
    if not interface.doc.wants_public_ip or public_ip(call.tx, interface) is not None:
        return interface
    address = publicpool.take_any(call, interface.id)
    return call.tx.write(interface, msgspec.structs.replace(interface.doc, public_ip=address))


def elastic(
    view: store.View | store.Tx, interface: InterfaceRecord
) -> Record[Address, None] | None:
    """Return the elastic address that is associated with the interface."""
    found = view.by(records.ADDRESS, "interface", interface.id)
    return found[0] if found else None


def public_ip(view: store.View | store.Tx, interface: InterfaceRecord) -> str | None:
    """Return the address under which the world reaches it: the elastic one, or the lent one."""
    address = elastic(view, interface)
    return address.doc.public_ip if address else interface.doc.public_ip


def private_dns_name(region: str, private_ip: str) -> str:
    """Return the host name that an interface's address gives, as AWS forms it."""
    domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    return f"ip-{private_ip.replace('.', '-')}.{domain}"


def attachment_id(interface: InterfaceRecord) -> str:
    """Return the id of its attachment: an interface is attached once, for its whole life."""
    return "eni-attach-" + interface.id.removeprefix("eni-")


def association(
    call: Call, interface: InterfaceRecord
) -> shapes.NetworkInterfaceAssociation | None:
    """Return how the interface has its public address; None without one."""
    view = resources.reader(call)
    address = elastic(view, interface)
    if address is not None:
        return {
            "PublicIp": address.doc.public_ip,
            "PublicDnsName": "",
            "IpOwnerId": address.account,
            "AllocationId": address.id,
            "AssociationId": address.doc.association_id,
        }
    if interface.doc.public_ip is not None:
        return {"PublicIp": interface.doc.public_ip, "PublicDnsName": "", "IpOwnerId": "amazon"}
    return None


def set_groups(
    call: WriteCall, interface: InterfaceRecord, group_ids: list[str]
) -> InterfaceRecord:
    """Let the interface wear exactly these groups; hosts follow within moments."""
    worn = securitygroups.to_wear(call, interface.doc.vpc_id, group_ids)
    return call.tx.write(interface, msgspec.structs.replace(interface.doc, group_ids=worn))


def modify_attribute(
    call: WriteCall, request: shapes.ModifyNetworkInterfaceAttributeRequest
) -> Result:
    """Change an interface's groups or its description."""
    interface = resources.one(call, records.INTERFACE, request["NetworkInterfaceId"])
    asked = [name for name in ("Groups", "Description") if name in request]
    if len(asked) != 1:
        raise errors.InvalidParameterCombination(
            "Exactly one of Groups and Description must be given."
        )
    if "Groups" in request:
        if not request["Groups"]:
            raise errors.InvalidParameterValue("An interface wears at least one security group.")
        set_groups(call, interface, request["Groups"])
        return {}
    words = request.get("Description", {}).get("Value", "")
    call.tx.write(interface, msgspec.structs.replace(interface.doc, description=words))
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
        answer["SourceDestCheck"] = {"Value": True}
    elif attribute == "attachment":
        answer["Attachment"] = _attachment(call, interface)
    else:
        raise errors.InvalidParameterValue(
            f"Invalid attribute '{attribute}'. Give description, groupSet, sourceDestCheck or "
            "attachment."
        )
    return answer


def _attachment(call: Call, interface: InterfaceRecord) -> shapes.NetworkInterfaceAttachment | None:
    if interface.doc.instance_id is None:
        return None
    return {
        "AttachmentId": attachment_id(interface),
        "AttachTime": interface.doc.attached_at,
        "DeleteOnTermination": interface.doc.delete_on_termination,
        "DeviceIndex": interface.doc.device_index,
        "NetworkCardIndex": 0,
        "InstanceId": interface.doc.instance_id,
        "InstanceOwnerId": interface.account,
        "Status": "attached",
    }


def _find(
    call: Call, request: shapes.DescribeNetworkInterfacesRequest
) -> Iterable[InterfaceRecord]:
    asked: list[str] = request.get("NetworkInterfaceIds") or []
    if asked:
        return resources.several(call, records.INTERFACE, asked)
    return sorted(call.view.list(records.INTERFACE, call.account), key=lambda it: it.id)


def _zone(call: Call, interface: InterfaceRecord) -> str:
    subnet = call.view.get(records.SUBNET, interface.doc.subnet_id)
    return subnet.doc.zone if subnet else ""


def _render(call: Call, interface: InterfaceRecord) -> shapes.NetworkInterface:
    doc = interface.doc
    dns = private_dns_name(call.settings.region, doc.private_ip)
    public = association(call, interface)
    zone = _zone(call, interface)
    return {
        "NetworkInterfaceId": interface.id,
        "InterfaceType": "interface",
        "SubnetId": doc.subnet_id,
        "VpcId": doc.vpc_id,
        "AvailabilityZone": zone,
        "AvailabilityZoneId": zones.id_of(zone, call.settings.region),
        "Description": doc.description,
        "OwnerId": interface.account,
        "RequesterManaged": False,
        "Status": "in-use" if doc.instance_id else "available",
        "MacAddress": doc.mac,
        "PrivateIpAddress": doc.private_ip,
        "PrivateDnsName": dns,
        "SourceDestCheck": True,
        "Groups": securitygroups.identifiers(call.view, doc.group_ids),
        "Attachment": _attachment(call, interface),
        "Association": public,
        "PrivateIpAddresses": [
            {
                "PrivateIpAddress": doc.private_ip,
                "PrivateDnsName": dns,
                "Primary": True,
                "Association": public,
            }
        ],
        "Ipv6Addresses": [],
        "TagSet": tagset.shown(doc.tags),
    }


def _of_association(member: str) -> Callable[[Call, InterfaceRecord], Iterable[str]]:
    """Return a filter by a member of the association."""

    def values(call: Call, interface: InterfaceRecord) -> Iterable[str]:
        value = (association(call, interface) or {}).get(member)
        return () if value is None else (str(value),)

    return values


def _group_names(call: Call, interface: InterfaceRecord) -> Iterable[str]:
    return securitygroups.names(call.view, interface.doc.group_ids)


def _when_attached(
    value: Callable[[InterfaceRecord], str],
) -> Callable[[Call, InterfaceRecord], Iterable[str]]:
    """Return a filter that only attached interfaces have a value for."""
    return lambda call, it: (value(it),) if it.doc.instance_id else ()


def _private_dns(call: Call, interface: InterfaceRecord) -> Iterable[str]:
    return (private_dns_name(call.settings.region, interface.doc.private_ip),)


FILTERS: dict[str, Callable[[Call, InterfaceRecord], Iterable[str]]] = {
    "network-interface-id": lambda call, it: (it.id,),
    "subnet-id": lambda call, it: (it.doc.subnet_id,),
    "vpc-id": lambda call, it: (it.doc.vpc_id,),
    "availability-zone": lambda call, it: (_zone(call, it),),
    "description": lambda call, it: (it.doc.description,),
    "group-id": lambda call, it: it.doc.group_ids,
    "group-name": _group_names,
    "interface-type": lambda call, it: ("interface",),
    "mac-address": lambda call, it: (it.doc.mac,),
    "owner-id": lambda call, it: (it.account,),
    "requester-managed": lambda call, it: ("false",),
    "source-dest-check": lambda call, it: ("true",),
    "status": lambda call, it: ("in-use" if it.doc.instance_id else "available",),
    "private-ip-address": lambda call, it: (it.doc.private_ip,),
    "private-dns-name": _private_dns,
    "addresses.private-ip-address": lambda call, it: (it.doc.private_ip,),
    "addresses.primary": lambda call, it: ("true",),
    "addresses.association.public-ip": _of_association("PublicIp"),
    "addresses.association.owner-id": _of_association("IpOwnerId"),
    "association.public-ip": _of_association("PublicIp"),
    "association.allocation-id": _of_association("AllocationId"),
    "association.association-id": _of_association("AssociationId"),
    "association.ip-owner-id": _of_association("IpOwnerId"),
    "attachment.attachment-id": _when_attached(attachment_id),
    "attachment.instance-id": _when_attached(lambda it: it.doc.instance_id or ""),
    "attachment.instance-owner-id": _when_attached(lambda it: it.account),
    "attachment.device-index": _when_attached(lambda it: str(it.doc.device_index)),
    "attachment.status": _when_attached(lambda it: "attached"),
    "attachment.delete-on-termination": _when_attached(
        lambda it: resources.boolean(it.doc.delete_on_termination)
    ),
}

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeNetworkInterfaces",
        does=Listing(
            find=_find,
            render=_render,
            member="NetworkInterfaces",
            filters=FILTERS,
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"NetworkInterfaceIds"}),
    ),
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
        honours=frozenset({"NetworkInterfaceId", "Groups", "Description"}),
    ),
)
