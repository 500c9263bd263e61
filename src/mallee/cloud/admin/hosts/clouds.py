"""The cloud as a whole: its version, where it is, its ranges, and how much there is of everything.

Called through the action table.
"""

from typing import Any

import mallee
from mallee.cloud.action import Action, Read
from mallee.cloud.admin import rows
from mallee.cloud.call import Call, Request, Result
from mallee.cloud.ec2 import zones
from mallee.cloud.ec2.vpc.addresses import publicpool
from mallee.cloud.modes import settling
from mallee.cloud.state import records
from mallee.cloud.state.records import Kind

_COUNTED: tuple[Kind[Any, Any], ...] = (
    records.ACCOUNT,
    records.HOST,
    records.IMAGE,
    records.INSTANCE,
    records.VPC,
    records.SUBNET,
    records.INTERFACE,
    records.ADDRESS,
    records.SECURITY_GROUP,
    records.KEY_PAIR,
)


def describe_cloud(call: Call, request: Request) -> Result:
    """Describe the cloud."""
    network = call.settings.network
    return {
        "Version": mallee.VERSION,
        "Region": call.settings.region,
        "Zones": sorted(zones.names(call.view, call.settings)),
        "PublicRange": network.public_range,
        "PrivateRange": network.private_range,
        "PublicAddressesUsed": len(call.view.held(publicpool.SPACE)),
        "PublicAddressesTotal": publicpool.size(call.settings),
        "NetworkMode": network.mode,
        "NetworkHindrances": list(settling.in_the_way(call.view)),
        "Counts": {kind.name: len(call.view.list(kind)) for kind in _COUNTED},
    }


ACTIONS: tuple[Action, ...] = (
    rows.of_administrators("DescribeCloud", Read(handle=describe_cloud)),
)
