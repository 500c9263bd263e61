"""Routes of a transit gateway's table, written into a bucket as a file of JSON.

Called through the action table. What is exported is found here, at once, and kept until S3 has made
an object of it (`cloud.s3.logs.routedelivery`), moments later: EC2's room writes no objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from mallee.aws import errors
from mallee.cloud import listing
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Request, WriteCall
from mallee.cloud.ec2 import arns
from mallee.cloud.ec2.transit import transitroutes, transittables
from mallee.cloud.s3.access import services
from mallee.cloud.s3.logs import routeobjects
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.network.transit import RouteExport

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_WAITING = 20
"""Of an account, at a time."""


def export(
    call: WriteCall, request: shapes.ExportTransitGatewayRoutesRequest
) -> shapes.ExportTransitGatewayRoutesResult:
    """Take down the routes that fit, for a bucket that may have them; say where they will be."""
    table = transittables.one(call, request["TransitGatewayRouteTableId"])
    if len(call.tx.list(records.ROUTE_EXPORT, call.account)) >= MAX_WAITING:
        raise errors.RequestLimitExceeded
    wanted = RouteExport(
        id=ids.make("tgw-rtb-export", call.entropy(ids.ID_BYTES)),
        table_arn=arns.of(call, records.TRANSIT_TABLE, table.id),
        bucket=request["S3Bucket"],
        key=routeobjects.key(call.account, call.settings.region, table.id, call.now),
        text=_text(call, request),
        made_at=call.now,
    )
    _check_bucket(call, wanted)
    call.tx.insert(records.ROUTE_EXPORT, call.account, wanted.id, wanted)
    return {"S3Location": f"s3://{wanted.bucket}/{wanted.key}"}


def _check_bucket(call: WriteCall, wanted: RouteExport) -> None:
    bucket = call.tx.get(records.BUCKET, wanted.bucket)
    if bucket is None:
        raise errors.InvalidParameterValue(f"The bucket {wanted.bucket[:100]} does not exist.")
    who = routeobjects.service(call.account, wanted)
    if not services.may_deliver(call.view, bucket, wanted.key, who):
        raise errors.OperationNotPermitted(
            f"The policy of the bucket {bucket.id} does not let {who.name} write "
            f"{wanted.key} into it."
        )


def _text(call: WriteCall, request: Request) -> str:
    """Return the file, in AWS's form."""
    asked: list[dict[str, Any]] = [
        {"name": one.get("Name", ""), "values": one.get("Values") or []}
        for one in request.get("Filters") or ()
    ]
    found = listing.fitting(transitroutes.SEARCH, call, request)
    routes = [_small(transitroutes.shown(call, one)) for one in found]
    return msgspec.json.format(msgspec.json.encode({"filter": asked, "routes": routes})).decode()


def _small(shown: Any) -> Any:
    """Return what the API shows with the names that members have in files of AWS."""
    if isinstance(shown, dict):
        held = cast("dict[str, Any]", shown)
        some = {name: value for name, value in held.items() if value is not None}
        return {name[0].lower() + name[1:]: _small(value) for name, value in some.items()}
    if isinstance(shown, list):
        return [_small(one) for one in cast("list[Any]", shown)]
    return shown


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="ExportTransitGatewayRoutes",
        does=Write(handle=export),
        honours=frozenset({"TransitGatewayRouteTableId", "S3Bucket", "Filters"}),
    ),
)
