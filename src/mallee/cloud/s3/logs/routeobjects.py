"""What objects with exported routes are called, and as whom they are written. Pure.

Called by `routedelivery`, which writes them, and by EC2's room, which says at once if it could not.
"""

from datetime import UTC, datetime

from mallee.cloud.s3.access.services import Service
from mallee.model.network.transit import RouteExport

SERVICE = "transitgateway.amazonaws.com"
_FOLDER = "VPCTransitGateway/TransitGatewayRouteTables"


def service(account: str, wanted: RouteExport) -> Service:
    """Return as whom an export of an account is written."""
    return Service(SERVICE, wanted.table_arn, account)


def key(account: str, region: str, table_id: str, now: float) -> str:
    """Return the key of what an account exports at a time."""
    moment = datetime.fromtimestamp(now, UTC)
    stamp = f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03}Z"
    return f"{_FOLDER}/{account}_{region}_{table_id}_{stamp}.json"
