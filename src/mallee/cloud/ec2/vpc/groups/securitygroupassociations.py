"""Security groups that interfaces of further VPCs may wear: associated, shown, taken back.

Called through the action table. A group's home is the VPC that it was made in; elsewhere it is
worn like there, and a rule that names it means who wears it in the VPC of the packet. Both are of
one account here: VPCs are not shared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.vpc.groups import securitygroups
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.network.networks import SecurityGroup, Vpc

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

ASSOCIATED = "associated"
MAX_PER_GROUP = 10


@dataclass(frozen=True, slots=True)
class Association:
    """A group and a VPC that is not its home."""

    group: Record[SecurityGroup, None]
    vpc_id: str


def forget_vpc(tx: store.Tx, vpc_id: str) -> None:
    """Take back the associations with a VPC that goes."""
    for group in tx.by(records.SECURITY_GROUP, "associated-vpc", vpc_id):
        _take_back(tx, group, vpc_id)


def _take_back(tx: store.Tx, group: Record[SecurityGroup, None], vpc_id: str) -> None:
    left = tuple(id for id in group.doc.more_vpc_ids if id != vpc_id)
    tx.write(group, replace(group.doc, more_vpc_ids=left))


def _named(
    call: WriteCall, request: shapes.AssociateSecurityGroupVpcRequest
) -> tuple[Record[SecurityGroup, None], Record[Vpc, None]]:
    group = resources.one(call, records.SECURITY_GROUP, request["GroupId"])
    vpc = resources.one(call, records.VPC, request["VpcId"])
    if group.doc.vpc_id == vpc.id:
        raise errors.InvalidParameterValue(
            f"The security group {group.id} was made in {vpc.id} and belongs to it."
        )
    return group, vpc


def associate(
    call: WriteCall, request: shapes.AssociateSecurityGroupVpcRequest
) -> shapes.AssociateSecurityGroupVpcResult:
    """Let interfaces of another VPC wear the group; a second time changes nothing."""
    group, vpc = _named(call, request)
    if group.doc.name == securitygroups.DEFAULT_NAME:
        raise errors.InvalidParameterValue(
            f"The default security group {group.id} cannot be associated with another VPC."
        )
    if vpc.id not in group.doc.more_vpc_ids:
        if len(group.doc.more_vpc_ids) >= MAX_PER_GROUP:
            raise errors.InvalidParameterValue(
                f"A security group is associated with at most {MAX_PER_GROUP} VPCs."
            )
        more = (*group.doc.more_vpc_ids, vpc.id)
        call.tx.write(group, replace(group.doc, more_vpc_ids=more))
    return {"State": "associating"}


def disassociate(
    call: WriteCall, request: shapes.DisassociateSecurityGroupVpcRequest
) -> shapes.DisassociateSecurityGroupVpcResult:
    """Let no interface of the VPC wear the group any more; none may wear it now."""
    group, vpc = _named(call, request)
    if vpc.id not in group.doc.more_vpc_ids:
        raise errors.InvalidParameterValue(
            f"The security group {group.id} is not associated with {vpc.id}."
        )
    worn = call.tx.by(records.INTERFACE, "group", group.id)
    endpoints = call.tx.by(records.ENDPOINT, "group", group.id)
    if any(one.doc.vpc_id == vpc.id for one in (*worn, *endpoints)):
        raise errors.DependencyViolation(f"resource {group.id} has a dependent object")
    _take_back(call.tx, group, vpc.id)
    return {"State": "disassociating"}


def _find(
    call: Call, _: shapes.DescribeSecurityGroupVpcAssociationsRequest
) -> Iterable[Association]:
    own = sorted(call.view.list(records.SECURITY_GROUP, call.account), key=lambda it: it.id)
    return [Association(group, id) for group in own for id in sorted(group.doc.more_vpc_ids)]


def _render(call: Call, it: Association) -> shapes.SecurityGroupVpcAssociation:
    return {
        "GroupId": it.group.id,
        "VpcId": it.vpc_id,
        "VpcOwnerId": it.group.account,
        "GroupOwnerId": it.group.account,
        "State": ASSOCIATED,
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="AssociateSecurityGroupVpc",
        does=Write(handle=associate),
        honours=frozenset({"GroupId", "VpcId"}),
    ),
    Action(
        service="ec2",
        name="DisassociateSecurityGroupVpc",
        does=Write(handle=disassociate),
        honours=frozenset({"GroupId", "VpcId"}),
    ),
    Action(
        service="ec2",
        name="DescribeSecurityGroupVpcAssociations",
        does=Listing(
            find=_find,
            render=_render,
            member="SecurityGroupVpcAssociations",
            filters={
                "group-id": lambda call, it: (it.group.id,),
                "group-owner-id": lambda call, it: (it.group.account,),
                "state": lambda call, it: (ASSOCIATED,),
                "vpc-id": lambda call, it: (it.vpc_id,),
                "vpc-owner-id": lambda call, it: (it.group.account,),
            },
            key=lambda it: f"{it.group.id} {it.vpc_id}",
        ),
        honours=frozenset(),
    ),
)
