"""Endpoints in a host's slice: interface endpoints once for each subnet, and connect endpoints.

Called by `networkslices`. Names are told where the VPC tells names. Pure reading.
"""

from collections.abc import Iterator

from mallee.cloud.ec2.endpoints import endpointlisting
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.cloud.state.store import View
from mallee.model.network.carried import EndpointWanted
from mallee.model.network.networks import Interface

InterfaceRecord = Record[Interface, None]


def interfaces(view: View, vpc_id: str) -> Iterator[InterfaceRecord]:
    """Yield the interfaces of all endpoints of a VPC."""
    for endpoint in view.by(records.ENDPOINT, "vpc", vpc_id):
        found = (view.get(records.INTERFACE, one.interface_id) for one in endpoint.doc.standings)
        yield from (one for one in found if one is not None)
    for connect in view.by(records.CONNECT_ENDPOINT, "vpc", vpc_id):
        interface = view.get(records.INTERFACE, connect.doc.interface_id)
        yield from (interface,) if interface is not None else ()


def of_vpc(view: View, vpc_id: str, region: str, *, has_names: bool) -> Iterator[EndpointWanted]:
    """Yield all endpoints of a VPC; private names only where it `has_names`."""
    yield from _standing(view, vpc_id, region, has_names=has_names)
    yield from _connecting(view, vpc_id)


def _standing(view: View, vpc_id: str, region: str, *, has_names: bool) -> Iterator[EndpointWanted]:
    for record in sorted(view.by(records.ENDPOINT, "vpc", vpc_id), key=lambda one: one.id):
        whole, zonal = endpointlisting.own_names(view, record, region)
        private = endpointlisting.private_names(record, region) if has_names else ()
        for standing in record.doc.standings:
            interface = view.get(records.INTERFACE, standing.interface_id)
            if interface is None:
                continue
            doc, told = interface.doc, record.doc.dns_record_ip_type
            yield EndpointWanted(
                id=record.id,
                interface_id=interface.id,
                subnet_id=doc.subnet_id,
                mac=doc.mac,
                private_ip=doc.private_ip,
                ipv6s=doc.ipv6s,
                group_ids=tuple(sorted(doc.group_ids)),
                names=(whole, zonal[interface.id], *private),
                named_ips=(
                    *((doc.private_ip,) if told != "ipv6" else ()),
                    *(doc.ipv6s if told != "ipv4" else ()),
                ),
            )


def _connecting(view: View, vpc_id: str) -> Iterator[EndpointWanted]:
    for record in sorted(view.by(records.CONNECT_ENDPOINT, "vpc", vpc_id), key=lambda one: one.id):
        interface = view.get(records.INTERFACE, record.doc.interface_id)
        if interface is not None:
            yield EndpointWanted(
                id=record.id,
                interface_id=interface.id,
                subnet_id=interface.doc.subnet_id,
                mac=interface.doc.mac,
                private_ip=interface.doc.private_ip,
                group_ids=tuple(sorted(interface.doc.group_ids)),
                serves=False,
            )
