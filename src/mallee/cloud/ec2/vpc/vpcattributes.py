"""Attributes of VPCs: names inside and outside, and tenancy.

Called through the action table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.state import records

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def describe_vpc_attribute(
    call: Call, request: shapes.DescribeVpcAttributeRequest
) -> shapes.DescribeVpcAttributeResult:
    """Show one attribute."""
    vpc = resources.one(call, records.VPC, request["VpcId"])
    match request["Attribute"]:
        case "enableDnsSupport":
            return {"VpcId": vpc.id, "EnableDnsSupport": {"Value": vpc.doc.dns_support}}
        case "enableDnsHostnames":
            return {"VpcId": vpc.id, "EnableDnsHostnames": {"Value": vpc.doc.dns_hostnames}}
        case "enableNetworkAddressUsageMetrics":
            return {"VpcId": vpc.id, "EnableNetworkAddressUsageMetrics": {"Value": False}}
        case other:
            raise errors.InvalidParameterValue(f"Invalid attribute '{other}'.")


def modify_vpc_attribute(call: WriteCall, request: shapes.ModifyVpcAttributeRequest) -> Result:
    """Set one attribute."""
    vpc = resources.one(call, records.VPC, request["VpcId"])
    names = ("EnableDnsSupport", "EnableDnsHostnames", "EnableNetworkAddressUsageMetrics")
    given = [name for name in names if name in request]
    if len(given) != 1:
        raise errors.InvalidParameterCombination("Exactly one attribute must be given.")
    asked: Request = request
    value: bool | None = asked[given[0]].get("Value")
    if value is None:
        raise errors.MissingParameter("Value")
    if given[0] == "EnableDnsSupport":
        call.tx.write(vpc, replace(vpc.doc, dns_support=value))
    elif given[0] == "EnableDnsHostnames":
        if value and not vpc.doc.dns_support:
            raise errors.InvalidParameterValue(
                "enableDnsHostnames needs enableDnsSupport: names are served by the VPC's own "
                "name server."
            )
        call.tx.write(vpc, replace(vpc.doc, dns_hostnames=value))
    elif value:
        raise errors.UnsupportedOperation("EnableNetworkAddressUsageMetrics=true is not supported.")
    return {}


def modify_vpc_tenancy(
    call: WriteCall, request: shapes.ModifyVpcTenancyRequest
) -> shapes.ModifyVpcTenancyResult:
    """Leave the tenancy at `default`, the only one that there is."""
    resources.one(call, records.VPC, request["VpcId"])
    if request["InstanceTenancy"] != "default":
        raise errors.InvalidParameterValue("The tenancy of a VPC can only become 'default'.")
    return {"ReturnValue": True}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeVpcAttribute",
        does=Read(handle=describe_vpc_attribute),
        honours=frozenset({"VpcId", "Attribute"}),
    ),
    Action(
        service="ec2",
        name="ModifyVpcAttribute",
        does=Write(handle=modify_vpc_attribute),
        honours=frozenset(
            {
                "VpcId",
                "EnableDnsSupport",
                "EnableDnsHostnames",
                "EnableNetworkAddressUsageMetrics",
            }
        ),
    ),
    Action(
        service="ec2",
        name="ModifyVpcTenancy",
        does=Write(handle=modify_vpc_tenancy),
        honours=frozenset({"VpcId", "InstanceTenancy"}),
    ),
)
