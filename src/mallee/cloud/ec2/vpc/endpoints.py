"""Gateway endpoints: the way from a VPC to S3 without an internet gateway.

Called through the action table. An endpoint puts a route to its service's prefix list into the
tables that it names, and takes it out again. Interface endpoints, and policies that allow less than
everything, are refused: nothing would enforce them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.vpc import servicelists
from mallee.cloud.ec2.vpc.servicelists import ServiceList
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.endpoints import Endpoint
from mallee.model.routing import Route, TargetKind

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_ACCOUNT = 20
GATEWAY = "Gateway"
EVERYTHING = {
    "Version": "2008-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
}
"""The policy of an endpoint, as AWS gives it where nobody says another."""

EndpointRecord = Record[Endpoint, None]


def create_endpoint(
    call: WriteCall, request: shapes.CreateVpcEndpointRequest
) -> shapes.CreateVpcEndpointResult:
    """Make an endpoint, and lead the tables that it names to it."""
    vpc = resources.one(call, records.VPC, request["VpcId"])
    if request.get("VpcEndpointType", GATEWAY) != GATEWAY:
        raise errors.UnsupportedOperation("VpcEndpointType has only the value 'Gateway' here.")
    name = request.get("ServiceName", "")
    service = servicelists.by_service(call.settings.region, name)
    if service is None:
        raise errors.InvalidVpcEndpointServiceNotFound(name)
    _check_policy(request)
    if len(call.tx.list(records.ENDPOINT, call.account)) >= MAX_PER_ACCOUNT:
        raise errors.VpcEndpointLimitExceeded(MAX_PER_ACCOUNT)
    made = Endpoint(
        id=ids.make("vpce", call.entropy(ids.ID_BYTES)),
        vpc_id=vpc.id,
        service=service.service,
        policy=json.dumps(EVERYTHING),
        created_at=call.now,
        tags=tagset.of_new(request, records.ENDPOINT.name),
    )
    record = call.tx.insert(records.ENDPOINT, call.account, made.id, made)
    record = _lead(call, record, request.get("RouteTableIds") or ())
    return {"VpcEndpoint": _render(call, record), "ClientToken": request.get("ClientToken")}


def _check_policy(request: Request) -> None:
    """Refuse a policy that allows less than everything."""
    text: str = request.get("PolicyDocument") or ""
    if not text:
        return
    try:
        statements: Any = json.loads(text).get("Statement")
    except (ValueError, AttributeError) as error:
        raise errors.InvalidParameterValue("The policy is no JSON document.") from error
    open_ones = [{k: v for k, v in one.items() if k != "Sid"} for one in _listed(statements)]
    if open_ones != EVERYTHING["Statement"]:
        raise errors.UnsupportedOperation(
            "A policy that allows less than everything is not supported: say it in the policies "
            "of users and buckets."
        )


def _listed(value: Any) -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], value) if isinstance(value, list) else [value]


def _lead(call: WriteCall, record: EndpointRecord, table_ids: Sequence[str]) -> EndpointRecord:
    """Lead tables to the endpoint, that are not led there yet."""
    service = _service(call, record)
    tables = resources.several(call, records.ROUTE_TABLE, table_ids)
    for table in tables:
        if table.id in record.doc.route_table_ids:
            continue
        if table.doc.vpc_id != record.doc.vpc_id:
            raise errors.InvalidParameterValue(
                f"Route table {table.id} and endpoint {record.id} belong to different networks"
            )
        if any(route.prefix_list_id == service.id for route in table.doc.routes):
            raise errors.RouteAlreadyExists(service.id)
        route = Route(prefix_list_id=service.id, target=TargetKind.ENDPOINT, target_id=record.id)
        call.tx.write(table, replace(table.doc, routes=(*table.doc.routes, route)))
    led = dict.fromkeys((*record.doc.route_table_ids, *(table.id for table in tables)))
    return call.tx.write(record, replace(record.doc, route_table_ids=tuple(led)))


def _leave(call: WriteCall, record: EndpointRecord, table_ids: Iterable[str]) -> EndpointRecord:
    """Take the endpoint's route out of tables."""
    gone = set(table_ids)
    for id in gone:
        table = call.tx.get(records.ROUTE_TABLE, id)
        if table is not None and id in record.doc.route_table_ids:
            left = tuple(it for it in table.doc.routes if it.target_id != record.id)
            call.tx.write(table, replace(table.doc, routes=left))
    left_ids = tuple(id for id in record.doc.route_table_ids if id not in gone)
    return call.tx.write(record, replace(record.doc, route_table_ids=left_ids))


def _service(call: Call, record: EndpointRecord) -> ServiceList:
    found = servicelists.by_service(call.settings.region, record.doc.service)
    if found is None:
        raise errors.InvalidVpcEndpointServiceNotFound(record.doc.service)
    return found


def modify_endpoint(
    call: WriteCall, request: shapes.ModifyVpcEndpointRequest
) -> shapes.ModifyVpcEndpointResult:
    """Lead other tables to the endpoint."""
    record = resources.one(call, records.ENDPOINT, request["VpcEndpointId"])
    _check_policy(request)
    gone = request.get("RemoveRouteTableIds") or ()
    resources.several(call, records.ROUTE_TABLE, gone)
    record = _lead(call, record, request.get("AddRouteTableIds") or ())
    _leave(call, record, gone)
    return {"Return": True}


def delete_endpoints(
    call: WriteCall, request: shapes.DeleteVpcEndpointsRequest
) -> shapes.DeleteVpcEndpointsResult:
    """Delete endpoints; those that are not there are told, and hinder no other."""
    unsuccessful: list[shapes.UnsuccessfulItem] = []
    for id in dict.fromkeys(request["VpcEndpointIds"]):
        resources.check_form(records.ENDPOINT, id)
        record = call.tx.get(records.ENDPOINT, id)
        if record is None or record.account != call.account:
            error = errors.InvalidVpcEndpointIdNotFound(id)
            told: shapes.UnsuccessfulItemError = {"Code": error.code, "Message": error.message}
            unsuccessful.append({"ResourceId": id, "Error": told})
            continue
        record = _leave(call, record, record.doc.route_table_ids)
        call.tx.delete(record)
    return {"Unsuccessful": unsuccessful}


# --- shown ---


def _find(call: Call, request: shapes.DescribeVpcEndpointsRequest) -> Iterable[EndpointRecord]:
    asked: list[str] = request.get("VpcEndpointIds") or []
    if asked:
        return resources.several(call, records.ENDPOINT, asked)
    return sorted(call.view.list(records.ENDPOINT, call.account), key=lambda it: it.id)


def _render(call: Call, record: EndpointRecord) -> shapes.VpcEndpoint:
    return {
        "VpcEndpointId": record.id,
        "VpcEndpointType": GATEWAY,
        "VpcId": record.doc.vpc_id,
        "ServiceName": record.doc.service,
        "State": "available",
        "PolicyDocument": record.doc.policy,
        "RouteTableIds": list(record.doc.route_table_ids),
        "SubnetIds": [],
        "Groups": [],
        "PrivateDnsEnabled": False,
        "RequesterManaged": False,
        "NetworkInterfaceIds": [],
        "DnsEntries": [],
        "CreationTimestamp": record.doc.created_at,
        "OwnerId": record.account,
        "Tags": tagset.shown(record.doc.tags),
    }


def _find_services(
    call: Call, request: shapes.DescribeVpcEndpointServicesRequest
) -> Iterable[ServiceList]:
    known = servicelists.all_of(call.settings.region)
    asked: list[str] = request.get("ServiceNames") or []
    for name in asked:
        if servicelists.by_service(call.settings.region, name) is None:
            raise errors.InvalidVpcEndpointServiceNotFound(name)
    return [one for one in known if not asked or one.service in asked]


def _render_service(call: Call, service: ServiceList) -> shapes.ServiceDetail:
    return {
        "ServiceName": service.service,
        "ServiceType": [{"ServiceType": GATEWAY}],
        "ServiceRegion": call.settings.region,
        "Owner": "amazon",
        "VpcEndpointPolicySupported": False,
        "AcceptanceRequired": False,
        "ManagesVpcEndpoints": False,
        "SupportedIpAddressTypes": ["ipv4"],
    }


def _names_too(details: list[Any]) -> Mapping[str, list[Any]]:
    return {"ServiceDetails": details, "ServiceNames": [one["ServiceName"] for one in details]}


def _find_lists(call: Call, request: shapes.DescribePrefixListsRequest) -> Iterable[ServiceList]:
    known = servicelists.all_of(call.settings.region)
    asked: list[str] = request.get("PrefixListIds") or []
    missing = [id for id in asked if servicelists.by_id(call.settings.region, id) is None]
    if missing:
        raise errors.InvalidPrefixListIDNotFound(missing)
    return [one for one in known if not asked or one.id in asked]


def _render_list(call: Call, service: ServiceList) -> shapes.PrefixList:
    return {
        "PrefixListId": service.id,
        "PrefixListName": service.service,
        "Cidrs": list(service.cidrs),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateVpcEndpoint",
        does=Write(handle=create_endpoint),
        honours=frozenset(
            {"VpcId", "VpcEndpointType", "ServiceName", "PolicyDocument", "RouteTableIds"}
        ),
        creates=(records.ENDPOINT.name,),
    ),
    Action(
        service="ec2",
        name="ModifyVpcEndpoint",
        does=Write(handle=modify_endpoint),
        honours=frozenset(
            {
                "VpcEndpointId",
                "AddRouteTableIds",
                "RemoveRouteTableIds",
                "PolicyDocument",
                "ResetPolicy",
            }
        ),
    ),
    Action(
        service="ec2",
        name="DeleteVpcEndpoints",
        does=Write(handle=delete_endpoints),
        honours=frozenset({"VpcEndpointIds"}),
    ),
    Action(
        service="ec2",
        name="DescribeVpcEndpoints",
        does=Listing(
            find=_find,
            render=_render,
            member="VpcEndpoints",
            filters={
                "ip-address-type": lambda call, it: ("ipv4",),
                "service-name": lambda call, it: (it.doc.service,),
                "service-region": lambda call, it: (call.settings.region,),
                "vpc-endpoint-id": lambda call, it: (it.id,),
                "vpc-endpoint-state": lambda call, it: ("available",),
                "vpc-endpoint-type": lambda call, it: (GATEWAY,),
                "vpc-id": lambda call, it: (it.doc.vpc_id,),
            },
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"VpcEndpointIds"}),
    ),
    Action(
        service="ec2",
        name="DescribeVpcEndpointServices",
        does=Listing(
            find=_find_services,
            render=_render_service,
            member="ServiceDetails",
            split=_names_too,
            filters={
                "owner": lambda call, it: ("amazon",),
                "service-name": lambda call, it: (it.service,),
                "service-region": lambda call, it: (call.settings.region,),
                "service-type": lambda call, it: (GATEWAY,),
                "supported-ip-address-types": lambda call, it: ("ipv4",),
            },
            tags=lambda it: {},
            key=lambda it: it.service,
        ),
        honours=frozenset({"ServiceNames"}),
    ),
    Action(
        service="ec2",
        name="DescribePrefixLists",
        does=Listing(
            find=_find_lists,
            render=_render_list,
            member="PrefixLists",
            filters={
                "prefix-list-id": lambda call, it: (it.id,),
                "prefix-list-name": lambda call, it: (it.service,),
            },
        ),
        honours=frozenset({"PrefixListIds"}),
    ),
)
