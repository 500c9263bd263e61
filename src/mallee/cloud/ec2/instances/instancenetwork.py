"""What an instance shows of its network: its interfaces, and the first one once more.

Called by `instances`. An interface shows here a part of what DescribeNetworkInterfaces shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.vpc.groups import securitygroups
from mallee.cloud.ec2.vpc.interfaces import interfacelisting
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.compute.instances import Instance
from mallee.model.network.networks import Interface, private_ips

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

InterfaceRecord = Record[Interface, None]


def interfaces_of(view: store.View | store.Tx, instance: Instance) -> list[InterfaceRecord]:
    """Return the instance's interfaces, the first one first; none once it is gone."""
    found = (view.get(records.INTERFACE, id) for id in instance.interface_ids)
    return [one for one in found if one is not None and one.doc.instance_id == instance.id]


def render(call: Call, found: list[InterfaceRecord]) -> shapes.Instance:
    """Return what the interfaces add; a terminated instance has none."""
    if not found:
        return {
            "PrivateDnsName": "",
            "PublicDnsName": "",
            "NetworkInterfaces": [],
            "SecurityGroups": [],
        }
    first = found[0]
    doc = first.doc
    public = interfacelisting.association(call, first)
    return {
        "PrivateIpAddress": doc.private_ip or None,
        "PrivateDnsName": interfacelisting.own_name(call, first, doc.private_ip),
        "PublicIpAddress": public.get("PublicIp") if public else None,
        "PublicDnsName": (public.get("PublicDnsName") if public else None) or "",
        "Ipv6Address": doc.ipv6s[0] if doc.ipv6s else None,
        "VpcId": doc.vpc_id,
        "SubnetId": doc.subnet_id,
        "SourceDestCheck": doc.source_dest_check,
        "SecurityGroups": _groups(call, doc.group_ids),
        "NetworkInterfaces": [_interface(call, one) for one in found],
    }


def _interface(call: Call, interface: InterfaceRecord) -> shapes.InstanceNetworkInterface:
    doc = interface.doc
    return {
        "NetworkInterfaceId": interface.id,
        "InterfaceType": "interface",
        "Description": doc.description,
        "OwnerId": interface.account,
        "Status": "in-use",
        "MacAddress": doc.mac,
        "VpcId": doc.vpc_id,
        "SubnetId": doc.subnet_id,
        "SourceDestCheck": doc.source_dest_check,
        "Groups": _groups(call, doc.group_ids),
        "Ipv6Addresses": [{"Ipv6Address": ip, "IsPrimaryIpv6": False} for ip in doc.ipv6s],
        "Ipv4Prefixes": [{"Ipv4Prefix": prefix} for prefix in doc.prefixes],
        "Ipv6Prefixes": [{"Ipv6Prefix": prefix} for prefix in doc.prefixes6],
        "PrivateIpAddress": doc.private_ip or None,
        "PrivateDnsName": interfacelisting.own_name(call, interface, doc.private_ip),
        "Association": _association(call, interface, doc.private_ip),
        "PrivateIpAddresses": [
            {
                "PrivateIpAddress": ip,
                "PrivateDnsName": interfacelisting.own_name(call, interface, ip),
                "Primary": ip == doc.private_ip,
                "Association": _association(call, interface, ip),
            }
            for ip in private_ips(doc)
        ],
        "Attachment": {
            "AttachmentId": interfacelisting.attachment_id(interface),
            "AttachTime": doc.attached_at,
            "DeleteOnTermination": doc.delete_on_termination,
            "DeviceIndex": doc.device_index,
            "NetworkCardIndex": 0,
            "Status": interfacelisting.attachment_status(call, interface),
        },
    }


def _groups(call: Call, group_ids: Iterable[str]) -> list[shapes.GroupIdentifier]:
    return securitygroups.identifiers(resources.reader(call), group_ids)


def _association(
    call: Call, interface: InterfaceRecord, ip: str
) -> shapes.InstanceNetworkInterfaceAssociation | None:
    """Return what an instance shows of an address's association."""
    found = interfacelisting.association(call, interface, ip)
    if found is None:
        return None
    return {
        "PublicIp": found.get("PublicIp"),
        "PublicDnsName": found.get("PublicDnsName"),
        "IpOwnerId": found.get("IpOwnerId"),
    }
