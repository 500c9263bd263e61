"""Which security groups may be worn in a VPC, and which rules point to groups beyond it.

Called through the action table. A rule may name a group of a peered VPC; it is *stale* when that
group is gone, or the peering connection over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mallee.cloud.action import Action, Listing, Read
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.vpc.groups import permissions
from mallee.cloud.ec2.vpc.groups.securitygroups import Group
from mallee.cloud.state import records
from mallee.model.network.networks import Direction, Rule
from mallee.model.network.peerings import PeeringStatus

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


@dataclass(frozen=True, slots=True)
class Stale:
    """A group with its stale rules."""

    group: Group
    rules: tuple[Rule, ...]

    @property
    def id(self) -> str:
        """The group's id."""
        return self.group.id


def _is_stale(call: Call, group: Group, rule: Rule) -> bool:
    if rule.group_id is None or rule.peering_id is None:
        return False
    peering = call.view.get(records.PEERING, rule.peering_id)
    is_active = peering is not None and peering.doc.status is PeeringStatus.ACTIVE
    return not is_active or call.view.get(records.SECURITY_GROUP, rule.group_id) is None


def _find_stale(call: Call, request: shapes.DescribeStaleSecurityGroupsRequest) -> Iterable[Stale]:
    vpc = resources.one(call, records.VPC, request["VpcId"])
    found: list[Stale] = []
    for group in call.view.by(records.SECURITY_GROUP, "vpc", vpc.id):
        stale = tuple(rule for rule in group.doc.rules if _is_stale(call, group, rule))
        if stale:
            found.append(Stale(group, stale))
    return sorted(found, key=lambda one: one.id)


def _render_stale(call: Call, stale: Stale) -> shapes.StaleSecurityGroup:
    group = stale.group
    return {
        "GroupId": group.id,
        "GroupName": group.doc.name,
        "Description": group.doc.description,
        "VpcId": group.doc.vpc_id,
        "StaleIpPermissions": [
            _stale_permission(one) for one in permissions.shown(stale.rules, Direction.INGRESS)
        ],
        "StaleIpPermissionsEgress": [
            _stale_permission(one) for one in permissions.shown(stale.rules, Direction.EGRESS)
        ],
    }


def _stale_permission(shown: shapes.IpPermission) -> shapes.StaleIpPermission:
    return {
        "IpProtocol": shown.get("IpProtocol"),
        "FromPort": shown.get("FromPort"),
        "ToPort": shown.get("ToPort"),
        "IpRanges": [],
        "PrefixListIds": [],
        "UserIdGroupPairs": shown.get("UserIdGroupPairs"),
    }


def describe_references(
    call: Call, request: shapes.DescribeSecurityGroupReferencesRequest
) -> shapes.DescribeSecurityGroupReferencesResult:
    """Show the peered VPCs in which a rule names one of the caller's groups."""
    found: dict[tuple[str, str, str], None] = {}
    for group in resources.several(call, records.SECURITY_GROUP, request["GroupId"]):
        for other in call.view.by(records.SECURITY_GROUP, "source-group", group.id):
            for rule in other.doc.rules:
                if rule.group_id == group.id and rule.peering_id is not None:
                    found[group.id, other.doc.vpc_id, rule.peering_id] = None
    return {
        "SecurityGroupReferenceSet": [
            {
                "GroupId": group_id,
                "ReferencingVpcId": vpc_id,
                "VpcPeeringConnectionId": peering_id,
            }
            for group_id, vpc_id, peering_id in found
        ]
    }


def _find_for_vpc(call: Call, request: shapes.GetSecurityGroupsForVpcRequest) -> Iterable[Group]:
    vpc = resources.one(call, records.VPC, request["VpcId"])
    found = [
        *call.view.by(records.SECURITY_GROUP, "vpc", vpc.id),
        *call.view.by(records.SECURITY_GROUP, "associated-vpc", vpc.id),
    ]
    return sorted(found, key=lambda group: group.id)


def _render_for_vpc(call: Call, group: Group) -> shapes.SecurityGroupForVpc:
    return {
        "GroupId": group.id,
        "GroupName": group.doc.name,
        "Description": group.doc.description,
        "OwnerId": group.account,
        "PrimaryVpcId": group.doc.vpc_id,
        "Tags": tagset.shown(group.doc.tags),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeStaleSecurityGroups",
        does=Listing(
            find=_find_stale,
            render=_render_stale,
            member="StaleSecurityGroupSet",
            filters={},
            max_results=(5, 255),
        ),
        honours=frozenset({"VpcId"}),
    ),
    Action(
        service="ec2",
        name="DescribeSecurityGroupReferences",
        does=Read(handle=describe_references),
        honours=frozenset({"GroupId"}),
    ),
    Action(
        service="ec2",
        name="GetSecurityGroupsForVpc",
        does=Listing(
            find=_find_for_vpc,
            render=_render_for_vpc,
            member="SecurityGroupForVpcs",
            filters={
                "description": lambda call, it: (it.doc.description,),
                "group-id": lambda call, it: (it.id,),
                "group-name": lambda call, it: (it.doc.name,),
                "owner-id": lambda call, it: (it.account,),
                "primary-vpc-id": lambda call, it: (it.doc.vpc_id,),
            },
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"VpcId"}),
    ),
)
