"""The groups that rules of security groups name: of the same VPC, or of one peered with it.

Called by `securitygrouprules`. A group of another account may be named only over an active peering
connection; otherwise it is as if it were not there. What a rule names it names for good, though the
group is gone or the connection over (it is stale then).
"""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.call import WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.vpc.groups import securitygroups
from mallee.cloud.ec2.vpc.groups.securitygroups import Group
from mallee.cloud.ec2.vpc.routing import peerings
from mallee.cloud.state import records
from mallee.model.network.networks import Rule
from mallee.model.network.peerings import PeeringStatus

Find = Callable[[Mapping[str, str], Rule], Rule]


def named(group: Group, find: Find) -> Find:
    """Return what gives a rule the group of a UserIdGroupPair that rules of a group name already,
    or the one that is found."""
    known: dict[tuple[str | None, str | None], Rule] = {}
    for rule in group.doc.rules:
        known.setdefault((rule.group_id, None), rule)
        known[rule.group_id, rule.peering_id] = rule

    def find_named(pair: Mapping[str, str], rule: Rule) -> Rule:
        one = known.get((pair.get("GroupId", ""), pair.get("VpcPeeringConnectionId")))
        is_meant = one is not None and (
            pair.get("UserId", one.group_owner) == one.group_owner
            and pair.get("VpcId", one.group_vpc_id) == one.group_vpc_id
        )
        if one is None or not is_meant:
            return find(pair, rule)
        return replace(
            rule,
            group_id=one.group_id,
            group_owner=one.group_owner,
            group_vpc_id=one.group_vpc_id,
            peering_id=one.peering_id,
        )

    return find_named


def finder(call: WriteCall, vpc_id: str) -> Find:
    """Return what gives a rule of that VPC the group of a UserIdGroupPair as its peer."""

    def find(pair: Mapping[str, str], rule: Rule) -> Rule:
        group = _group(call, vpc_id, pair)
        near = replace(rule, group_id=group.id, group_owner=group.account)
        if "VpcPeeringConnectionId" in pair:
            peerings.one(call, pair["VpcPeeringConnectionId"])
        if group.doc.vpc_id == vpc_id:
            if pair.get("VpcId", vpc_id) != vpc_id:
                raise errors.InvalidGroupNotFoundInVpc(group.id, pair["VpcId"])
            if "VpcPeeringConnectionId" in pair:
                raise errors.InvalidParameterCombination(
                    f"The security group {group.id} is in {vpc_id} itself, behind no peering."
                )
            return near
        peering_id = _peering(call, vpc_id, group, pair)
        return replace(near, group_vpc_id=group.doc.vpc_id, peering_id=peering_id)

    return find


def _group(call: WriteCall, vpc_id: str, pair: Mapping[str, str]) -> Group:
    if "GroupId" not in pair:
        if "GroupName" not in pair:
            raise errors.MissingParameter("GroupId")
        if pair.get("UserId", call.account) != call.account:
            raise errors.InvalidGroupNotFound(pair["GroupName"])
        return securitygroups.by_name(call, pair["GroupName"], vpc_id)
    id = resources.check_form(records.SECURITY_GROUP, pair["GroupId"])
    group = call.tx.get(records.SECURITY_GROUP, id)
    if group is None or group.account != pair.get("UserId", group.account):
        raise errors.InvalidGroupNotFound(id)
    is_near = group.doc.vpc_id == vpc_id and group.account == call.account
    if not is_near and not _active(call, vpc_id, group.doc.vpc_id):
        if group.account != call.account:
            raise errors.InvalidGroupNotFound(id)
        raise errors.InvalidGroupNotFoundInVpc(id, vpc_id)
    return group


def _peering(call: WriteCall, vpc_id: str, group: Group, pair: Mapping[str, str]) -> str:
    found = _active(call, vpc_id, group.doc.vpc_id)
    wanted = pair.get("VpcPeeringConnectionId")
    if wanted not in (None, *found) or pair.get("VpcId", group.doc.vpc_id) != group.doc.vpc_id:
        raise errors.InvalidGroupNotFoundInVpc(group.id, pair.get("VpcId", vpc_id))
    return wanted or found[0]


def _active(call: WriteCall, vpc_id: str, other_id: str) -> list[str]:
    """Return the active peering connections between two VPCs."""
    return [
        peering.id
        for peering in call.tx.by(records.PEERING, "vpc", vpc_id)
        if peering.doc.status is PeeringStatus.ACTIVE
        and {peering.doc.requester.vpc_id, peering.doc.accepter.vpc_id} == {vpc_id, other_id}
    ]
