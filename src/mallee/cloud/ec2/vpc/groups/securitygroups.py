"""Security groups: made, described and deleted here; their rules change in `securitygrouprules`.

Called through the action table, by `vpcs` for the default group, and by `interfaces` to find the
groups that an interface shall wear. A VPC's default group cannot be deleted and admits its own
members; every group admits all traffic outwards until those rules are revoked, IPv6 too where its
VPC has any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import codec, errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import arns, kept, resources, tagset
from mallee.cloud.ec2.vpc.groups import permissions
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.networks import Direction, Rule, SecurityGroup, Vpc

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

DEFAULT_NAME = "default"
MAX_PER_INTERFACE = 16
ANYWHERE, ANYWHERE6 = "0.0.0.0/0", "::/0"

Group = Record[SecurityGroup, None]
Entropy = Callable[[int], bytes]


def create_default(tx: store.Tx, vpc: Record[Vpc, None], entropy: Entropy) -> Group:
    """Give the VPC its default group: members reach each other, and everything outside."""
    id = ids.make("sg", entropy(ids.ID_BYTES))
    within = Rule(
        id=rule_id(entropy),
        direction=Direction.INGRESS,
        protocol=permissions.ALL,
        group_id=id,
        group_owner=vpc.account,
    )
    group = SecurityGroup(
        id=id,
        vpc_id=vpc.id,
        name=DEFAULT_NAME,
        description="default VPC security group",
        rules=(within, *_everything_outwards(vpc, entropy)),
    )
    tx.claim(_name_space(vpc.id), group.name, id)
    return tx.insert(records.SECURITY_GROUP, vpc.account, id, group)


def rule_id(entropy: Entropy) -> str:
    """Return a new rule's id."""
    return ids.make("sgr", entropy(ids.ID_BYTES))


def admit_ipv6(tx: store.Tx, vpc: Record[Vpc, None], entropy: Entropy) -> None:
    """Let IPv6 out of the VPC's default group too, as on AWS when the VPC gets its first range of
    it; a group that admits something else by now is left as it is.
    """
    id = tx.owner_of(_name_space(vpc.id), DEFAULT_NAME)
    group = tx.get(records.SECURITY_GROUP, id) if id else None
    if group is None or not vpc.doc.ipv6_cidrs:
        return
    old, new = _everything_outwards(vpc, entropy)
    outwards = [rule for rule in group.doc.rules if rule.direction is Direction.EGRESS]
    if [replace(rule, id=old.id, tags={}) for rule in outwards] == [old]:
        tx.write(group, replace(group.doc, rules=(*group.doc.rules, new)))


def _everything_outwards(vpc: Record[Vpc, None], entropy: Entropy) -> tuple[Rule, ...]:
    """What a new group of a VPC admits: IPv6 where the VPC has any."""
    ipv4 = Rule(
        id=rule_id(entropy),
        direction=Direction.EGRESS,
        protocol=permissions.ALL,
        cidr=ANYWHERE,
    )
    if not vpc.doc.ipv6_cidrs:
        return (ipv4,)
    return ipv4, replace(ipv4, id=rule_id(entropy), cidr=None, cidr6=ANYWHERE6)


def _name_space(vpc_id: str) -> str:
    return f"name/security-group/{vpc_id}"


def create_security_group(
    call: WriteCall, request: shapes.CreateSecurityGroupRequest
) -> shapes.CreateSecurityGroupResult:
    """Make a group that admits nothing inwards and everything outwards."""
    name = _check_name(request["GroupName"])
    description = permissions.check_words(request["Description"], "security group description")
    vpc = (
        resources.one(call, records.VPC, request["VpcId"])
        if "VpcId" in request
        else resources.default_vpc(call)
    )
    id = ids.make("sg", call.entropy(ids.ID_BYTES))
    try:
        call.tx.claim(_name_space(vpc.id), name, id)
    except store.Taken as taken:
        raise errors.InvalidGroupDuplicate(name, vpc.id) from taken
    group = SecurityGroup(
        id=id,
        vpc_id=vpc.id,
        name=name,
        description=description,
        rules=_everything_outwards(vpc, call.entropy),
        made_by=call.principal.issuer_id,
        tags=tagset.of_new(request, records.SECURITY_GROUP.name),
    )
    call.tx.insert(records.SECURITY_GROUP, call.account, id, group)
    return {
        "GroupId": id,
        "SecurityGroupArn": arns.of(call, records.SECURITY_GROUP, id),
        "Tags": tagset.shown(group.tags),
    }


def _check_name(name: str) -> str:
    permissions.check_words(name, "security group name")
    if not name or name.startswith("sg-"):
        raise errors.InvalidParameterValue(
            f"Value ({name}) for parameter GroupName is invalid. Group names may not be empty or "
            "start with 'sg-'."
        )
    if name.lower() == DEFAULT_NAME:
        raise errors.InvalidParameterValue(f"Cannot use reserved security group name: {name}")
    return name


def delete_security_group(
    call: WriteCall, request: shapes.DeleteSecurityGroupRequest
) -> shapes.DeleteSecurityGroupResult:
    """Delete a group that nothing wears, no other group's rule names and no other VPC may wear."""
    group = named(call, request)
    if group.doc.name == DEFAULT_NAME:
        raise errors.CannotDelete(
            f'the specified group: "{group.id}" name: "{DEFAULT_NAME}" cannot be deleted by a user'
        )
    wearers = [
        *call.tx.by(records.INTERFACE, "group", group.id),
        # One that stands in no subnet yet has no interface.
        *call.tx.by(records.ENDPOINT, "group", group.id),
    ]
    referrers = [
        other
        for other in call.tx.by(records.SECURITY_GROUP, "source-group", group.id)
        # A rule of a peered VPC does not keep a group: it becomes stale.
        if other.id != group.id and other.doc.vpc_id == group.doc.vpc_id
    ]
    if wearers or referrers or group.doc.more_vpc_ids:
        raise errors.DependencyViolation(f"resource {group.id} has a dependent object")
    call.tx.delete(group)
    call.tx.release(_name_space(group.doc.vpc_id), group.doc.name)
    return {"Return": True, "GroupId": group.id}


def named(call: Call, request: Mapping[str, Any]) -> Group:
    """Return the caller's group of `GroupId`, or of `GroupName` in the default VPC."""
    id, name = request.get("GroupId"), request.get("GroupName")
    if id is not None:
        return resources.one(call, records.SECURITY_GROUP, id)
    if name is None:
        raise errors.MissingParameter("GroupName or GroupId")
    return by_name(call, name, resources.default_vpc(call).id)


def by_name(call: Call, name: str, vpc_id: str) -> Group:
    """Return the caller's group of that name in that VPC; raise `InvalidGroup.NotFound`."""
    view = resources.reader(call)
    id = view.owner_of(_name_space(vpc_id), name)
    group = view.get(records.SECURITY_GROUP, id) if id else None
    if group is None or group.account != call.account:
        raise errors.InvalidGroupNotFoundInVpc(name, vpc_id)
    return group


def to_wear(
    call: Call, vpc_id: str, group_ids: Sequence[str], group_names: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return the ids of the groups that an interface shall wear; none named: the default one.

    Raises `InvalidGroup.NotFound`, `InvalidParameterValue` for a group of another VPC, and
    `SecurityGroupsPerInterfaceLimitExceeded`.
    """
    groups = resources.several(call, records.SECURITY_GROUP, group_ids)
    groups += [by_name(call, name, vpc_id) for name in group_names]
    if not groups:
        groups = [by_name(call, DEFAULT_NAME, vpc_id)]
    for group in groups:
        if vpc_id not in (group.doc.vpc_id, *group.doc.more_vpc_ids):
            raise errors.InvalidParameterValue(
                f"You have specified two resources that belong to different networks: security "
                f"group {group.id} is in {group.doc.vpc_id}, the interface in {vpc_id}."
            )
    worn = tuple(dict.fromkeys(group.id for group in groups))
    if len(worn) > MAX_PER_INTERFACE:
        raise errors.SecurityGroupsPerInterfaceLimitExceeded
    return worn


def identifiers(
    view: store.View | store.Tx, group_ids: Iterable[str]
) -> list[shapes.GroupIdentifier]:
    """Return ids and names of groups as instances and interfaces list them."""
    groups = (view.get(records.SECURITY_GROUP, id) for id in group_ids)
    return [{"GroupId": group.id, "GroupName": group.doc.name} for group in groups if group]


def names(view: store.View | store.Tx, group_ids: Iterable[str]) -> list[str]:
    """Return the names of groups."""
    groups = (view.get(records.SECURITY_GROUP, id) for id in group_ids)
    return [group.doc.name for group in groups if group]


def _find(call: Call, request: shapes.DescribeSecurityGroupsRequest) -> Iterable[Group]:
    asked: list[str] = request.get("GroupIds") or []
    asked_names = request.get("GroupNames") or []
    found = resources.several(call, records.SECURITY_GROUP, asked)
    if asked_names:
        vpc_id = resources.default_vpc(call).id
        found += [by_name(call, name, vpc_id) for name in asked_names]
    if not asked and not asked_names:
        return call.view.ordered(records.SECURITY_GROUP, call.account)
    return sorted({group.id: group for group in found}.values(), key=lambda group: group.id)


_kept = kept.Kept("SecurityGroup", most_bytes=16 << 20)


def _encoded(call: Call, group: Group) -> codec.Fragment:
    return _kept.get(group.id, (group,), lambda: _render(call, group))


def _render(call: Call, group: Group) -> shapes.SecurityGroup:
    return {
        "GroupId": group.id,
        "GroupName": group.doc.name,
        "Description": group.doc.description,
        "OwnerId": group.account,
        "VpcId": group.doc.vpc_id,
        "SecurityGroupArn": arns.of(call, records.SECURITY_GROUP, group.id),
        "IpPermissions": permissions.shown(group.doc.rules, Direction.INGRESS),
        "IpPermissionsEgress": permissions.shown(group.doc.rules, Direction.EGRESS),
        "Tags": tagset.shown(group.doc.tags),
    }


def _of_rules(
    direction: Direction, value: Callable[[Rule], object]
) -> Callable[[Call, Group], Iterable[str]]:
    """Return a filter that gives a value of each rule of one direction."""

    def values(call: Call, group: Group) -> Iterable[str]:
        found = (value(rule) for rule in group.doc.rules if rule.direction is direction)
        return [str(item) for item in found if item is not None]

    return values


def _filters_of_rules(
    prefix: str, direction: Direction
) -> dict[str, Callable[[Call, Group], Iterable[str]]]:
    def group_names(call: Call, group: Group) -> Iterable[str]:
        sources = [rule.group_id for rule in group.doc.rules if rule.direction is direction]
        return names(call.view, filter(None, sources))

    return {
        f"{prefix}.cidr": _of_rules(direction, lambda rule: rule.cidr),
        f"{prefix}.ipv6-cidr": _of_rules(direction, lambda rule: rule.cidr6),
        f"{prefix}.from-port": _of_rules(direction, lambda rule: rule.from_port),
        f"{prefix}.to-port": _of_rules(direction, lambda rule: rule.to_port),
        f"{prefix}.protocol": _of_rules(direction, lambda rule: rule.protocol),
        f"{prefix}.group-id": _of_rules(direction, lambda rule: rule.group_id),
        f"{prefix}.user-id": _of_rules(direction, lambda rule: rule.group_owner),
        f"{prefix}.group-name": group_names,
        f"{prefix}.prefix-list-id": _of_rules(direction, lambda rule: rule.prefix_list_id),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateSecurityGroup",
        does=Write(handle=create_security_group),
        honours=frozenset({"GroupName", "Description", "VpcId"}),
        creates=(records.SECURITY_GROUP.name,),
    ),
    Action(
        service="ec2",
        name="DeleteSecurityGroup",
        does=Write(handle=delete_security_group),
        honours=frozenset({"GroupId", "GroupName"}),
    ),
    Action(
        service="ec2",
        name="DescribeSecurityGroups",
        does=Listing(
            find=_find,
            render=_encoded,
            member="SecurityGroups",
            filters={
                "group-id": lambda call, group: (group.id,),
                "group-name": lambda call, group: (group.doc.name,),
                "description": lambda call, group: (group.doc.description,),
                "owner-id": lambda call, group: (group.account,),
                "vpc-id": lambda call, group: (group.doc.vpc_id,),
                **_filters_of_rules("ip-permission", Direction.INGRESS),
                **_filters_of_rules("egress.ip-permission", Direction.EGRESS),
            },
            tags=lambda group: group.doc.tags,
        ),
        honours=frozenset({"GroupIds", "GroupNames"}),
    ),
)
