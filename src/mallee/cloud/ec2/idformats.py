"""Formats of ids: every id of this cloud is long and always was.

Called through the action table, by old clients that ask before they begin. What can be chosen is
what is: long ids; short ones are refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mallee.aws import errors
from mallee.cloud import things
from mallee.cloud.action import Action, Listing, Read, Write
from mallee.cloud.call import Call, Result, WriteCall

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

RESOURCES = (
    "bundle",
    "conversion-task",
    "customer-gateway",
    "dhcp-options",
    "elastic-ip-allocation",
    "elastic-ip-association",
    "export-task",
    "flow-log",
    "image",
    "import-task",
    "instance",
    "internet-gateway",
    "network-acl",
    "network-acl-association",
    "network-interface",
    "network-interface-attachment",
    "prefix-list",
    "reservation",
    "route-table",
    "route-table-association",
    "security-group",
    "snapshot",
    "subnet",
    "subnet-cidr-block-association",
    "volume",
    "vpc",
    "vpc-cidr-block-association",
    "vpc-endpoint",
    "vpc-peering-connection",
    "vpn-connection",
    "vpn-gateway",
)
"""As AWS names kinds of things here."""
ALL = "all-current"


def describe_format(
    call: Call, request: shapes.DescribeIdFormatRequest
) -> shapes.DescribeIdFormatResult:
    """Tell that ids of a kind, or of all, are long."""
    return {"Statuses": _long(_asked(request.get("Resource")))}


def describe_of_identity(
    call: Call, request: shapes.DescribeIdentityIdFormatRequest
) -> shapes.DescribeIdentityIdFormatResult:
    """Tell the same to a user or role of the account."""
    _check_principal(call, request["PrincipalArn"])
    return {"Statuses": _long(_asked(request.get("Resource")))}


def describe_in_all(
    call: Call, request: shapes.DescribeAggregateIdFormatRequest
) -> shapes.DescribeAggregateIdFormatResult:
    """Tell that nobody gets short ids."""
    return {"UseLongIdsAggregated": True, "Statuses": _long(RESOURCES)}


def modify_format(call: WriteCall, request: shapes.ModifyIdFormatRequest) -> Result:
    """Take what is so already; refuse short ids."""
    _check_choice(request["Resource"], request["UseLongIds"])
    return {}


def modify_of_identity(call: WriteCall, request: shapes.ModifyIdentityIdFormatRequest) -> Result:
    """Take for a user or role what is so already; refuse short ids."""
    if request["PrincipalArn"] != "all":
        _check_principal(call, request["PrincipalArn"])
    _check_choice(request["Resource"], request["UseLongIds"])
    return {}


def _asked(resource: str | None) -> Iterable[str]:
    if resource is None:
        return RESOURCES
    if resource not in RESOURCES:
        raise errors.InvalidParameterValue(
            f"Value ({resource}) for parameter resource is invalid. It is no kind of resource."
        )
    return (resource,)


def _check_choice(resource: str, is_long: bool) -> None:
    if resource != ALL:
        _asked(resource)
    if not is_long:
        raise errors.UnsupportedOperation("Every id here is long: UseLongIds=false has no effect.")


def _check_principal(call: Call, arn: str) -> None:
    is_root = arn == f"arn:aws:iam::{call.account}:root"
    if not is_root and things.find(call.view, call.account, arn) is None:
        raise errors.InvalidParameterValue(
            f"Value ({arn}) for parameter principalArn is invalid. There is no such principal."
        )


def _long(names: Iterable[str]) -> list[shapes.IdFormat]:
    return [{"Resource": name, "UseLongIds": True} for name in names]


def _find_choices(call: Call, request: shapes.DescribePrincipalIdFormatRequest) -> Iterable[str]:
    """Find who has chosen another format than the account's: nobody can."""
    for resource in request.get("Resources") or ():
        _asked(resource)
    return ()


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeIdFormat",
        does=Read(handle=describe_format),
        honours=frozenset({"Resource"}),
    ),
    Action(
        service="ec2",
        name="DescribeIdentityIdFormat",
        does=Read(handle=describe_of_identity),
        honours=frozenset({"Resource", "PrincipalArn"}),
    ),
    Action(
        service="ec2",
        name="DescribeAggregateIdFormat",
        does=Read(handle=describe_in_all),
        honours=frozenset(),
    ),
    Action(
        service="ec2",
        name="DescribePrincipalIdFormat",
        does=Listing(
            find=_find_choices,
            render=lambda call, arn: {"Arn": arn},
            member="Principals",
            filters={},
            key=lambda arn: arn,
            max_results=(1, 1000),
        ),
        honours=frozenset({"Resources"}),
    ),
    Action(
        service="ec2",
        name="ModifyIdFormat",
        does=Write(handle=modify_format),
        honours=frozenset({"Resource", "UseLongIds"}),
    ),
    Action(
        service="ec2",
        name="ModifyIdentityIdFormat",
        does=Write(handle=modify_of_identity),
        honours=frozenset({"Resource", "UseLongIds", "PrincipalArn"}),
    ),
)
