"""VPC endpoints as users see them, with the names by which an interface endpoint is reached.

Called through the action table, by `endpoints`, and for hosts, who must tell the same names. Pure
reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.endpoints import endpointservices
from mallee.cloud.ec2.vpc.groups import securitygroups
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.network.endpoints import Endpoint, EndpointKind

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

AVAILABLE = "available"
Reader = store.View | store.Tx
EndpointRecord = Record[Endpoint, None]


def own_names(view: Reader, record: EndpointRecord, region: str) -> tuple[str, dict[str, str]]:
    """Return the name of a whole interface endpoint, and its name in each zone by its interface."""
    doc = record.doc
    service = endpointservices.find(region, doc.service, doc.kind)
    base = service.base_name if service else ""
    zonal = {
        one.interface_id: f"{doc.id}-{doc.label}-{zone}.{base}"
        for one, zone in ((one, _zone(view, one.subnet_id)) for one in doc.standings)
    }
    return f"{doc.id}-{doc.label}.{base}", zonal


def private_names(record: EndpointRecord, region: str) -> tuple[str, ...]:
    """Return the service's own names, where they shall mean the endpoint."""
    doc = record.doc
    service = endpointservices.find(region, doc.service, doc.kind)
    return service.private_names if service and doc.private_dns else ()


def _zone(view: Reader, subnet_id: str) -> str:
    subnet = view.get(records.SUBNET, subnet_id)
    return subnet.doc.zone if subnet else ""


def _find(call: Call, request: shapes.DescribeVpcEndpointsRequest) -> Iterable[EndpointRecord]:
    asked: list[str] = request.get("VpcEndpointIds") or []
    if asked:
        return resources.several(call, records.ENDPOINT, asked)
    return sorted(call.view.list(records.ENDPOINT, call.account), key=lambda it: it.id)


def render(call: Call, record: EndpointRecord) -> shapes.VpcEndpoint:
    """Return an endpoint as the API shows it."""
    doc, view = record.doc, resources.reader(call)
    is_interface = doc.kind is EndpointKind.INTERFACE
    shown: shapes.VpcEndpoint = {
        "VpcEndpointId": record.id,
        "VpcEndpointType": doc.kind.value,
        "VpcId": doc.vpc_id,
        "ServiceName": doc.service,
        "ServiceRegion": call.settings.region,
        "State": AVAILABLE,
        "PolicyDocument": doc.policy,
        "RouteTableIds": list(doc.route_table_ids),
        "SubnetIds": [one.subnet_id for one in doc.standings],
        "Groups": [
            {"GroupId": one.get("GroupId", ""), "GroupName": one.get("GroupName", "")}
            for one in securitygroups.identifiers(view, doc.group_ids)
        ],
        "PrivateDnsEnabled": doc.private_dns,
        "RequesterManaged": False,
        "NetworkInterfaceIds": [one.interface_id for one in doc.standings],
        "DnsEntries": [{"DnsName": name} for name in _names(call, record)],
        "CreationTimestamp": doc.created_at,
        "OwnerId": record.account,
        "Tags": tagset.shown(doc.tags),
    }
    if is_interface:
        shown["IpAddressType"] = doc.ip_address_type
        shown["DnsOptions"] = {"DnsRecordIpType": doc.dns_record_ip_type}
    return shown


def _names(call: Call, record: EndpointRecord) -> Iterator[str]:
    """Yield the names that lead to the endpoint; those of the service last, as on AWS."""
    if not record.doc.standings:
        return
    whole, zonal = own_names(resources.reader(call), record, call.settings.region)
    yield whole
    yield from zonal.values()
    yield from private_names(record, call.settings.region)


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeVpcEndpoints",
        does=Listing(
            find=_find,
            render=render,
            member="VpcEndpoints",
            filters={
                "ip-address-type": lambda call, it: (it.doc.ip_address_type,),
                "service-name": lambda call, it: (it.doc.service,),
                "service-region": lambda call, it: (call.settings.region,),
                "vpc-endpoint-id": lambda call, it: (it.id,),
                "vpc-endpoint-state": lambda call, it: (AVAILABLE,),
                "vpc-endpoint-type": lambda call, it: (it.doc.kind.value,),
                "vpc-id": lambda call, it: (it.doc.vpc_id,),
            },
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"VpcEndpointIds"}),
    ),
)
