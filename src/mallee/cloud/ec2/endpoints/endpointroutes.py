"""Gateway endpoints: the routes that lead tables to a service's prefix list, put there and taken.

Called by `endpoints`. Leading packets there is the hosts' business.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.vpc.routing import servicelists
from mallee.cloud.ec2.vpc.routing.servicelists import ServiceList
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.network.endpoints import Endpoint
from mallee.model.network.routing import Route, TargetKind

EndpointRecord = Record[Endpoint, None]


def lead(call: WriteCall, record: EndpointRecord, table_ids: Sequence[str]) -> EndpointRecord:
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


def leave(call: WriteCall, record: EndpointRecord, table_ids: Iterable[str]) -> EndpointRecord:
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
