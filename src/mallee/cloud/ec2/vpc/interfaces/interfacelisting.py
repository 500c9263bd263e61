"""Interfaces as users see them: described and filtered, with every address that they have.

Called through the action table, and by whoever shows an interface or needs to know under which
public addresses it is reached. Pure reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources, tagset, zones
from mallee.cloud.ec2.vpc import dhcpoptions
from mallee.cloud.ec2.vpc.groups import securitygroups
from mallee.cloud.ec2.vpc.interfaces import privatenames
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.hosts import hosts
from mallee.model.network.networks import Address, Interface, private_ips

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

InterfaceRecord = Record[Interface, None]
AddressRecord = Record[Address, None]
Reader = store.View | store.Tx

AMAZON = "amazon"
"""As the owner of an address: the pool's own, lent."""
OWNERS = {
    "nat_gateway": "amazon-nat-gateway",
    "transit_gateway": "amazon-aws",
    "vpc_endpoint": "amazon-aws",
}
"""To whom an interface is attached that the cloud made for a service of its own."""


def elastics(view: Reader, interface: InterfaceRecord) -> dict[str, AddressRecord]:
    """Return the interface's elastic addresses by the private ones that they stand for."""
    return {
        address.doc.private_ip or interface.doc.private_ip: address
        for address in view.by(records.ADDRESS, "interface", interface.id)
    }


def elastic(view: Reader, interface: InterfaceRecord) -> AddressRecord | None:
    """Return the elastic address of the interface's primary one."""
    return elastics(view, interface).get(interface.doc.private_ip)


def public_ip(view: Reader, interface: InterfaceRecord) -> str | None:
    """Return the address under which the world reaches it: the elastic one, or the lent one."""
    address = elastic(view, interface)
    return address.doc.public_ip if address else interface.doc.public_ip


def public_ips(view: Reader, interface: InterfaceRecord) -> dict[str, str]:
    """Return every public address by the private one that it stands for."""
    found = {ip: it.doc.public_ip for ip, it in elastics(view, interface).items()}
    if interface.doc.public_ip is not None:
        found.setdefault(interface.doc.private_ip, interface.doc.public_ip)
    return found


def private_dns_name(region: str, private_ip: str) -> str:
    """Return the host name that an interface's address gives, as AWS forms it."""
    return f"ip-{private_ip.replace('.', '-')}.{dhcpoptions.domain(region)}"


def own_name(call: Call, interface: InterfaceRecord, private_ip: str) -> str:
    """Return the name of one of an interface's addresses; an instance's first may be its id.
    Empty while the address is not known."""
    if not private_ip:
        return ""
    if private_ip != interface.doc.private_ip:
        return private_dns_name(call.settings.region, private_ip)
    return privatenames.of(resources.reader(call), call.settings.region, interface.doc)


def public_dns_name(region: str, public: str) -> str:
    """Return the name of a public address, as AWS forms it, but in a domain of ours."""
    return f"ec2-{public.replace('.', '-')}.{region}.compute.{hosts.SERVICES_DOMAIN}"


def attachment_id(interface: InterfaceRecord) -> str:
    """Return the id of its attachment."""
    return interface.doc.attachment_id or "eni-attach-" + interface.id.removeprefix("eni-")


def association(
    call: Call, interface: InterfaceRecord, private_ip: str | None = None
) -> shapes.NetworkInterfaceAssociation | None:
    """Return how one of its private addresses, the primary one, has its public one; or None."""
    wanted = private_ip or interface.doc.private_ip
    address = elastics(resources.reader(call), interface).get(wanted)
    if address is not None:
        return {
            "PublicIp": address.doc.public_ip,
            "PublicDnsName": public_name(call, interface, address.doc.public_ip),
            "IpOwnerId": address.account,
            "AllocationId": address.id,
            "AssociationId": address.doc.association_id,
        }
    lent = interface.doc.public_ip or of_lan(resources.reader(call), interface)
    if lent is not None and wanted == interface.doc.private_ip:
        name = public_name(call, interface, lent)
        return {"PublicIp": lent, "PublicDnsName": name, "IpOwnerId": AMAZON}
    return None


def of_lan(view: Reader, interface: InterfaceRecord) -> str | None:
    """Return its address where the world knows it by that too: it is one of the LAN's."""
    subnet = view.get(records.SUBNET, interface.doc.subnet_id)
    shared = subnet.doc.shared if subnet is not None else None
    if shared is None or shared.is_managed:
        return None
    return interface.doc.private_ip or None


def public_name(call: Call, interface: InterfaceRecord, public: str) -> str:
    """Return the name of a public address; empty where the VPC gives none."""
    vpc = resources.reader(call).get(records.VPC, interface.doc.vpc_id)
    if vpc is None or not (vpc.doc.dns_hostnames and vpc.doc.dns_support):
        return ""
    return public_dns_name(call.settings.region, public)


def attachment(call: Call, interface: InterfaceRecord) -> shapes.NetworkInterfaceAttachment | None:
    """Return how the interface is attached; None when it is not."""
    doc = interface.doc
    if doc.requester:
        return {
            "AttachmentId": attachment_id(interface),
            "AttachTime": doc.attached_at,
            "DeleteOnTermination": False,
            "DeviceIndex": 1,
            "InstanceOwnerId": OWNERS.get(doc.requester, AMAZON),
            "Status": "attached",
        }
    if doc.instance_id is None:
        return None
    return {
        "AttachmentId": attachment_id(interface),
        "AttachTime": doc.attached_at,
        "DeleteOnTermination": doc.delete_on_termination,
        "DeviceIndex": doc.device_index,
        "NetworkCardIndex": 0,
        "InstanceId": doc.instance_id,
        "InstanceOwnerId": interface.account,
        "Status": attachment_status(call, interface),
    }


def attachment_status(call: Call, interface: InterfaceRecord) -> str:
    """Return `attached`, or `attaching` while the guest runs and has it not yet."""
    view = resources.reader(call)
    instance = view.get(records.INSTANCE, interface.doc.instance_id or "")
    seen = instance.seen if instance else None
    if instance is None or seen is None or seen.launch != instance.doc.launch:
        return "attached"
    has = seen.interface_ids
    return "attaching" if has and interface.id not in has else "attached"


def private_addresses(
    call: Call, interface: InterfaceRecord
) -> list[shapes.NetworkInterfacePrivateIpAddress]:
    """Return the private IPv4 addresses as the API lists them, the primary one first."""
    doc = interface.doc
    return [
        {
            "PrivateIpAddress": ip,
            "PrivateDnsName": own_name(call, interface, ip),
            "Primary": ip == doc.private_ip,
            "Association": association(call, interface, ip),
        }
        for ip in private_ips(doc)
    ]


def _find(
    call: Call, request: shapes.DescribeNetworkInterfacesRequest
) -> Iterable[InterfaceRecord]:
    asked: list[str] = request.get("NetworkInterfaceIds") or []
    if asked:
        return resources.several(call, records.INTERFACE, asked)
    return call.view.ordered(records.INTERFACE, call.account)


def _zone(call: Call, interface: InterfaceRecord) -> str:
    subnet = resources.reader(call).get(records.SUBNET, interface.doc.subnet_id)
    return subnet.doc.zone if subnet else ""


def status(interface: InterfaceRecord) -> str:
    """Return `in-use` of what is attached to something, else `available`."""
    return "in-use" if interface.doc.instance_id or interface.doc.requester else "available"


def render(call: Call, interface: InterfaceRecord) -> shapes.NetworkInterface:
    """Return an interface as the API shows it."""
    doc = interface.doc
    zone = _zone(call, interface)
    public = association(call, interface)
    return {
        "NetworkInterfaceId": interface.id,
        "InterfaceType": doc.requester or "interface",
        "SubnetId": doc.subnet_id,
        "VpcId": doc.vpc_id,
        "AvailabilityZone": zone,
        "AvailabilityZoneId": zones.id_of(zone, call.settings.region),
        "Description": doc.description,
        "OwnerId": interface.account,
        "RequesterId": AMAZON if doc.requester else None,
        "RequesterManaged": bool(doc.requester),
        "Status": status(interface),
        "MacAddress": doc.mac,
        "PrivateIpAddress": doc.private_ip or None,
        "PrivateDnsName": own_name(call, interface, doc.private_ip),
        "SourceDestCheck": doc.source_dest_check,
        "Groups": securitygroups.identifiers(resources.reader(call), doc.group_ids),
        "Attachment": attachment(call, interface),
        "Association": public,
        "PrivateIpAddresses": private_addresses(call, interface),
        "Ipv4Prefixes": [{"Ipv4Prefix": prefix} for prefix in doc.prefixes],
        "Ipv6Addresses": [{"Ipv6Address": ip, "IsPrimaryIpv6": False} for ip in doc.ipv6s],
        "Ipv6Address": doc.ipv6s[0] if doc.ipv6s else None,
        "Ipv6Prefixes": [{"Ipv6Prefix": prefix} for prefix in doc.prefixes6],
        "Ipv6Native": False,
        "TagSet": tagset.shown(doc.tags),
    }


def _associations(call: Call, interface: InterfaceRecord) -> Iterator[Any]:
    for ip in private_ips(interface.doc):
        found = association(call, interface, ip)
        if found is not None:
            yield found


def _of_association(member: str) -> Callable[[Call, InterfaceRecord], Iterable[str]]:
    """Return a filter by a member of the associations."""

    def values(call: Call, interface: InterfaceRecord) -> Iterable[str]:
        found = (row.get(member) for row in _associations(call, interface))
        return [str(value) for value in found if value]

    return values


def _group_names(call: Call, interface: InterfaceRecord) -> Iterable[str]:
    return securitygroups.names(call.view, interface.doc.group_ids)


def _when_attached(
    value: Callable[[InterfaceRecord], str],
) -> Callable[[Call, InterfaceRecord], Iterable[str]]:
    """Return a filter that only attached interfaces have a value for."""
    return lambda call, it: (value(it),) if it.doc.instance_id else ()


def _private_dns(call: Call, interface: InterfaceRecord) -> Iterable[str]:
    return [own_name(call, interface, ip) for ip in private_ips(interface.doc)]


def _private_ips(call: Call, interface: InterfaceRecord) -> Iterable[str]:
    return private_ips(interface.doc)


def _primaries(call: Call, interface: InterfaceRecord) -> Iterable[str]:
    return ("true", "false") if interface.doc.secondary_ips else ("true",)


def _attach_time(call: Call, interface: InterfaceRecord) -> Iterable[str]:
    if interface.doc.instance_id is None:
        return ()
    return (resources.moment(interface.doc.attached_at),)


def _zone_id(call: Call, interface: InterfaceRecord) -> Iterable[str]:
    return (zones.id_of(_zone(call, interface), call.settings.region),)


FILTERS: dict[str, Callable[[Call, InterfaceRecord], Iterable[str]]] = {
    "network-interface-id": lambda call, it: (it.id,),
    "subnet-id": lambda call, it: (it.doc.subnet_id,),
    "vpc-id": lambda call, it: (it.doc.vpc_id,),
    "availability-zone": lambda call, it: (_zone(call, it),),
    "availability-zone-id": _zone_id,
    "description": lambda call, it: (it.doc.description,),
    "group-id": lambda call, it: it.doc.group_ids,
    "group-name": _group_names,
    "interface-type": lambda call, it: (it.doc.requester or "interface",),
    "ipv6-addresses.ipv6-address": lambda call, it: it.doc.ipv6s,
    "mac-address": lambda call, it: (it.doc.mac,),
    "operator.managed": lambda call, it: ("false",),
    "operator.principal": lambda call, it: (),
    "owner-id": lambda call, it: (it.account,),
    "requester-id": lambda call, it: (AMAZON,) if it.doc.requester else (),
    "requester-managed": lambda call, it: (resources.boolean(bool(it.doc.requester)),),
    "source-dest-check": lambda call, it: (resources.boolean(it.doc.source_dest_check),),
    "status": lambda call, it: (status(it),),
    "private-ip-address": lambda call, it: (it.doc.private_ip,),
    "private-dns-name": _private_dns,
    "addresses.private-ip-address": _private_ips,
    "addresses.primary": _primaries,
    "addresses.association.public-ip": _of_association("PublicIp"),
    "addresses.association.owner-id": _of_association("IpOwnerId"),
    "association.public-ip": _of_association("PublicIp"),
    "association.public-dns-name": _of_association("PublicDnsName"),
    "association.allocation-id": _of_association("AllocationId"),
    "association.association-id": _of_association("AssociationId"),
    "association.ip-owner-id": _of_association("IpOwnerId"),
    "attachment.attach-time": _attach_time,
    "attachment.attachment-id": _when_attached(attachment_id),
    "attachment.instance-id": _when_attached(lambda it: it.doc.instance_id or ""),
    "attachment.instance-owner-id": _when_attached(lambda it: it.account),
    "attachment.device-index": _when_attached(lambda it: str(it.doc.device_index)),
    "attachment.status": lambda call, it: (
        (attachment_status(call, it),) if it.doc.instance_id else ()
    ),
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
            render=render,
            member="NetworkInterfaces",
            filters=FILTERS,
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"NetworkInterfaceIds"}),
    ),
)
