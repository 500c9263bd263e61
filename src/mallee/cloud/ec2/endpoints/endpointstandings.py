"""Interface endpoints in their subnets: an interface in each, with an address that is kept or any.

Called by `endpoints`. In one zone an endpoint stands at most once. What answers there, and who may
speak to it, is the hosts' business.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.call import WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.vpc.groups import securitygroups
from mallee.cloud.ec2.vpc.interfaces import interfaceaddresses, interfaces
from mallee.cloud.ec2.vpc.interfaces.interfaceaddresses import Some, Wish
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.network.endpoints import Endpoint, Standing
from mallee.model.network.networks import Interface, Subnet

REQUESTER = "vpc_endpoint"
"""The type of its interfaces, in AWS's words."""
DUAL = "dualstack"

EndpointRecord = Record[Endpoint, None]
SubnetRecord = Record[Subnet, None]


@dataclass(frozen=True, slots=True)
class Place:
    """A subnet in which an endpoint shall stand, and at which addresses."""

    subnet: SubnetRecord
    ip: str | None = None
    ipv6: str | None = None


def places(
    call: WriteCall, subnet_ids: Sequence[str], given: Sequence[Mapping[str, Any]], vpc_id: str
) -> list[Place]:
    """Return where a request wants an endpoint to stand (`SubnetIds`, `SubnetConfigurations`)."""
    subnets = resources.several(call, records.SUBNET, subnet_ids)
    for subnet in subnets:
        if subnet.doc.vpc_id != vpc_id:
            raise errors.InvalidParameter(
                f"Subnet {subnet.id} does not belong to the VPC {vpc_id} of the endpoint."
            )
    said: dict[str, Mapping[str, Any]] = {}
    for one in given:
        id = resources.one(call, records.SUBNET, one.get("SubnetId", "")).id
        if id not in {subnet.id for subnet in subnets}:
            raise errors.InvalidParameter(
                f"SubnetConfigurations names {id}, which is not among the subnets to add."
            )
        said[id] = one
    found = [
        Place(one, said.get(one.id, {}).get("Ipv4"), said.get(one.id, {}).get("Ipv6"))
        for one in subnets
    ]
    return found


def stand(call: WriteCall, record: EndpointRecord, wanted: Iterable[Place]) -> EndpointRecord:
    """Let an endpoint stand in more subnets."""
    standings = list(record.doc.standings)
    zones = {_zone(call, one.subnet_id) for one in standings}
    for place in wanted:
        if any(one.subnet_id == place.subnet.id for one in standings):
            raise errors.InvalidParameter(
                f"The endpoint {record.id} is in the subnet {place.subnet.id} already."
            )
        if place.subnet.doc.zone in zones:
            raise errors.DuplicateSubnetsInSameZone(place.subnet.id)
        zones.add(place.subnet.doc.zone)
        standings.append(Standing(place.subnet.id, _interface(call, record, place).id))
    return call.tx.write(record, replace(record.doc, standings=tuple(standings)))


def _zone(call: WriteCall, subnet_id: str) -> str:
    subnet = call.tx.get(records.SUBNET, subnet_id)
    return subnet.doc.zone if subnet else ""


def _interface(call: WriteCall, record: EndpointRecord, place: Place) -> Record[Interface, None]:
    is_dual = record.doc.ip_address_type == DUAL
    if place.ipv6 and not is_dual:
        raise errors.InvalidParameter(
            "An IPv6 address needs the IpAddressType dualstack of the endpoint."
        )
    ipv6s = Some(named=(place.ipv6,)) if place.ipv6 else Some(count=int(is_dual))
    return interfaces.create(
        call,
        interfaces.NewInterface(
            instance_id=None,
            subnet=place.subnet,
            group_ids=record.doc.group_ids,
            wish=Wish(primary_ip=place.ip, ipv6s=ipv6s),
            description=f"VPC Endpoint Interface {record.id}",
            delete_on_termination=False,
            requester=REQUESTER,
        ),
    )


def leave(call: WriteCall, record: EndpointRecord, subnet_ids: Iterable[str]) -> EndpointRecord:
    """Take an endpoint out of subnets, with its interfaces there."""
    gone = set(subnet_ids)
    for one in record.doc.standings:
        interface = call.tx.get(records.INTERFACE, one.interface_id)
        if one.subnet_id in gone and interface is not None:
            interfaces.delete(call.tx, interface)
    left = tuple(one for one in record.doc.standings if one.subnet_id not in gone)
    return call.tx.write(record, replace(record.doc, standings=left))


def wear(call: WriteCall, record: EndpointRecord, group_ids: list[str]) -> EndpointRecord:
    """Let all of an endpoint's interfaces wear exactly these groups."""
    worn = securitygroups.to_wear(call, record.doc.vpc_id, group_ids)
    for interface in _own(call, record):
        call.tx.write(interface, replace(interface.doc, group_ids=worn))
    return call.tx.write(record, replace(record.doc, group_ids=worn))


def speak(call: WriteCall, record: EndpointRecord, ip_address_type: str) -> EndpointRecord:
    """Let an endpoint have addresses of one family, or of both."""
    for interface in _own(call, record):
        if ip_address_type == DUAL and not interface.doc.ipv6s:
            interfaceaddresses.add(call, interface, Wish(ipv6s=Some(count=1)))
        if ip_address_type != DUAL and interface.doc.ipv6s:
            interfaceaddresses.take_away(call, interface, interface.doc.ipv6s)
    return call.tx.write(record, replace(record.doc, ip_address_type=ip_address_type))


def _own(call: WriteCall, record: EndpointRecord) -> list[Record[Interface, None]]:
    found = (call.tx.get(records.INTERFACE, one.interface_id) for one in record.doc.standings)
    return [one for one in found if one is not None]
