"""Account attributes: what an account may have here, as old clients ask before they begin.

Called through the action table. What limits an account is its quota, or else the cloud's own size:
the lower of them is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mallee.aws import errors
from mallee.cloud import instancetypes, quotas
from mallee.cloud.action import Action, Read
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources, zones
from mallee.cloud.ec2.vpc.addresses import publicpool
from mallee.cloud.ec2.vpc.groups import securitygroups
from mallee.model.identity import quotas as keys

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def _default_vpc(call: Call) -> str:
    try:
        return resources.default_vpc(call).id
    except errors.VPCIdNotSpecified:
        return "none"


def _max_instances(call: Call) -> str:
    smallest = min(
        instancetypes.all_types(call.view),
        key=lambda kind: (kind.vcpus, kind.memory_mib, kind.disk_gib),
    )
    return _most(call, keys.INSTANCES, zones.capacity_for(call, smallest))


def _addresses(call: Call) -> str:
    return _most(call, keys.ADDRESSES, publicpool.size(call.settings))


def _most(call: Call, key: str, size: int) -> str:
    quota = quotas.most(call.view, call.account, key)
    return str(size if quota is None else min(quota, size))


ATTRIBUTES: dict[str, Callable[[Call], str]] = {
    "supported-platforms": lambda call: "VPC",
    "default-vpc": _default_vpc,
    "max-instances": _max_instances,
    "max-elastic-ips": _addresses,
    "vpc-max-elastic-ips": _addresses,
    "vpc-max-security-groups-per-interface": lambda call: str(securitygroups.MAX_PER_INTERFACE),
}


def describe_account_attributes(
    call: Call, request: shapes.DescribeAccountAttributesRequest
) -> shapes.DescribeAccountAttributesResult:
    """Show the attributes asked for, or all."""
    asked: list[str] = request.get("AttributeNames") or list(ATTRIBUTES)
    shown: list[shapes.AccountAttribute] = []
    for name in asked:
        if name not in ATTRIBUTES:
            raise errors.InvalidParameterValue(
                f"Value ({name}) for parameter attributeName is invalid. Invalid attribute name."
            )
        value = ATTRIBUTES[name](call)
        shown.append({"AttributeName": name, "AttributeValues": [{"AttributeValue": value}]})
    return {"AccountAttributes": shown}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeAccountAttributes",
        does=Read(handle=describe_account_attributes),
        honours=frozenset({"AttributeNames"}),
    ),
)
