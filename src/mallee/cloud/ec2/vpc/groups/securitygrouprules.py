"""The rules of security groups: authorized, revoked, changed, described, each under its own id.

Called through the action table. What a rule may say is `permissions`' business, enforcing it the
hosts'. A rule lives in its group's document, so every change of a group is one write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.vpc.groups import permissions, rulepeers, securitygroups
from mallee.cloud.ec2.vpc.groups.securitygroups import Group
from mallee.cloud.ec2.vpc.routing import servicelists
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.network.networks import Direction, Rule

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

RULE = "security-group-rule"
MAX_RULES = 1000
"""Most rules of one group in one direction."""

_FLAT = frozenset({"IpProtocol", "FromPort", "ToPort", "CidrIp"})
_FLAT_SOURCE = frozenset({"SourceSecurityGroupName", "SourceSecurityGroupOwnerId"})
NAMED = frozenset({"GroupId", "GroupName"})
PERMISSIONS = frozenset(
    {
        "IpPermissions.IpProtocol",
        "IpPermissions.FromPort",
        "IpPermissions.ToPort",
        "IpPermissions.IpRanges",
        "IpPermissions.Ipv6Ranges",
        "IpPermissions.PrefixListIds.Description",
        "IpPermissions.PrefixListIds.PrefixListId",
        "IpPermissions.UserIdGroupPairs.Description",
        "IpPermissions.UserIdGroupPairs.UserId",
        "IpPermissions.UserIdGroupPairs.GroupName",
        "IpPermissions.UserIdGroupPairs.GroupId",
        "IpPermissions.UserIdGroupPairs.VpcId",
        "IpPermissions.UserIdGroupPairs.VpcPeeringConnectionId",
    }
)


_PEERS = ("CidrIpv4", "CidrIpv6", "PrefixListId", "ReferencedGroupId")


@dataclass(frozen=True, slots=True)
class GroupRule:
    """A rule with the group that it belongs to."""

    group: Group
    rule: Rule

    @property
    def id(self) -> str:
        """The rule's own id."""
        return self.rule.id


def authorize_ingress(
    call: WriteCall, request: shapes.AuthorizeSecurityGroupIngressRequest
) -> shapes.AuthorizeSecurityGroupIngressResult:
    """Add rules for traffic to the group's members."""
    return _authorize(call, request, Direction.INGRESS)


def authorize_egress(
    call: WriteCall, request: shapes.AuthorizeSecurityGroupEgressRequest
) -> shapes.AuthorizeSecurityGroupEgressResult:
    """Add rules for traffic from the group's members."""
    return _authorize(call, request, Direction.EGRESS)


def _authorize(
    call: WriteCall, request: Request, direction: Direction
) -> shapes.AuthorizeSecurityGroupIngressResult:
    group = securitygroups.named(call, request)
    parsed = parse(call, request, group, direction)
    if not parsed:
        raise errors.MissingParameter("IpPermissions")
    existing = {permissions.identity(rule) for rule in group.doc.rules}
    for rule in parsed:
        if permissions.identity(rule) in existing:
            raise errors.InvalidPermissionDuplicate(permissions.in_words(rule))
    own_tags = tagset.of_new(request, RULE)
    added = tuple(
        msgspec.structs.replace(rule, id=securitygroups.rule_id(call.entropy), tags=own_tags)
        for rule in parsed
    )
    group = write(call, group, (*group.doc.rules, *added))
    return {
        "Return": True,
        "SecurityGroupRules": [render(call, GroupRule(group, rule)) for rule in added],
    }


def write(call: WriteCall, group: Group, rules: Sequence[Rule]) -> Group:
    """Let the group have exactly these rules; raise when they are too many."""
    for direction in Direction:
        if sum(_weight(call, rule) for rule in rules if rule.direction is direction) > MAX_RULES:
            raise errors.RulesPerSecurityGroupLimitExceeded
    return call.tx.write(group, msgspec.structs.replace(group.doc, rules=tuple(rules)))


def _weight(call: WriteCall, rule: Rule) -> int:
    """Return how many rules it counts for: a prefix list for all the entries it may have."""
    if rule.prefix_list_id is None:
        return 1
    found = call.tx.get(records.PREFIX_LIST, rule.prefix_list_id)
    return found.doc.max_entries if found else 1


def parse(call: WriteCall, request: Request, group: Group, direction: Direction) -> list[Rule]:
    """Return the new rules that a request means, nested or flat, without ids."""
    return _parse(request, direction, _peers(call, group.doc.vpc_id))


def parse_present(
    call: WriteCall, request: Request, group: Group, direction: Direction
) -> list[Rule]:
    """Return the rules that a request means of those that there are, stale ones too, without
    ids."""
    peers = _peers(call, group.doc.vpc_id)
    return _parse(request, direction, replace(peers, group=rulepeers.named(group, peers.group)))


def _parse(request: Request, direction: Direction, peers: permissions.Peers) -> list[Rule]:
    given = request.get("IpPermissions")
    flat = permissions.of_flat(request)
    if given and flat:
        raise errors.InvalidParameterCombination(
            "The parameter IpPermissions cannot be used with IpProtocol, FromPort, ToPort, CidrIp "
            "or SourceSecurityGroupName"
        )
    return permissions.parse(given or flat, direction, peers)


def _peers(call: WriteCall, vpc_id: str) -> permissions.Peers:
    def prefix_list(id: str) -> str:
        service = servicelists.by_id(call.settings.region, id)
        if service is not None:
            return service.id
        return resources.one(call, records.PREFIX_LIST, id).id

    return permissions.Peers(rulepeers.finder(call, vpc_id), prefix_list)


def revoke_ingress(
    call: WriteCall, request: shapes.RevokeSecurityGroupIngressRequest
) -> shapes.RevokeSecurityGroupIngressResult:
    """Remove rules for traffic to the group's members."""
    return _revoke(call, request, Direction.INGRESS)


def revoke_egress(
    call: WriteCall, request: shapes.RevokeSecurityGroupEgressRequest
) -> shapes.RevokeSecurityGroupEgressResult:
    """Remove rules for traffic from the group's members."""
    return _revoke(call, request, Direction.EGRESS)


def _revoke(
    call: WriteCall, request: Request, direction: Direction
) -> shapes.RevokeSecurityGroupIngressResult:
    group = securitygroups.named(call, request)
    rule_ids: list[str] = request.get("SecurityGroupRuleIds") or []
    said = parse_present(call, request, group, direction)
    if rule_ids and said:
        raise errors.InvalidParameterCombination(
            "Rules are named by SecurityGroupRuleIds or by what they say, not by both."
        )
    if rule_ids:
        doomed = [own_rule(group, id, direction) for id in dict.fromkeys(rule_ids)]
        unknown: list[Rule] = []
    else:
        doomed, unknown = match(group, said)
    if not doomed and not unknown:
        raise errors.MissingParameter("IpPermissions or SecurityGroupRuleIds")
    vpc = call.tx.get(records.VPC, group.doc.vpc_id)
    # AWS forgives rules that are not there in default VPCs only, and lists them.
    if unknown and not (vpc and vpc.doc.is_default):
        raise errors.InvalidPermissionNotFound
    gone = {rule.id for rule in doomed}
    write(call, group, [rule for rule in group.doc.rules if rule.id not in gone])
    return {
        "Return": True,
        "UnknownIpPermissions": permissions.shown(unknown, direction),
        "RevokedSecurityGroupRules": [_render_revoked(group, rule) for rule in doomed],
    }


def match(group: Group, wanted: Iterable[Rule]) -> tuple[list[Rule], list[Rule]]:
    """Return the group's rules that are wanted, and the wanted ones that it does not have."""
    mine = {permissions.identity(rule): rule for rule in group.doc.rules}
    known: list[Rule] = []
    unknown: list[Rule] = []
    for rule in wanted:
        found = mine.get(permissions.identity(rule))
        (unknown if found is None else known).append(found or rule)
    return known, unknown


def own_rule(group: Group, id: str, direction: Direction | None = None) -> Rule:
    """Return the group's rule of that id; raise `…Malformed` or `…NotFound`."""
    if not ids.is_well_formed(id, "sgr"):
        raise errors.InvalidSecurityGroupRuleIdMalformed(id)
    for rule in group.doc.rules:
        if rule.id == id and direction in (None, rule.direction):
            return rule
    raise errors.InvalidSecurityGroupRuleIdNotFound(id)


def modify_rules(
    call: WriteCall, request: shapes.ModifySecurityGroupRulesRequest
) -> shapes.ModifySecurityGroupRulesResult:
    """Replace protocol, ports, peer or description of rules, which keep their ids."""
    group = securitygroups.named(call, request)
    rules = {rule.id: rule for rule in group.doc.rules}
    for update in request["SecurityGroupRules"]:
        current = own_rule(group, update["SecurityGroupRuleId"])
        changed = _parse_update(call, group, current, update.get("SecurityGroupRule") or {})
        rules[current.id] = changed
    seen: set[permissions.Identity] = set()
    for rule in rules.values():
        if permissions.identity(rule) in seen:
            raise errors.InvalidPermissionDuplicate(permissions.in_words(rule))
        seen.add(permissions.identity(rule))
    write(call, group, list(rules.values()))
    return {"Return": True}


def _parse_update(call: WriteCall, group: Group, current: Rule, given: Mapping[str, Any]) -> Rule:
    peers = [name for name in _PEERS if name in given]
    if len(peers) != 1:
        raise errors.InvalidParameterCombination(
            f"Exactly one of {', '.join(_PEERS)} must be given for {current.id}"
        )
    permission: dict[str, Any] = {
        name: given[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in given
    }
    words = {"Description": given.get("Description", "")}
    if "CidrIpv4" in given:
        permission["IpRanges"] = [{"CidrIp": given["CidrIpv4"], **words}]
    elif "CidrIpv6" in given:
        permission["Ipv6Ranges"] = [{"CidrIpv6": given["CidrIpv6"], **words}]
    elif "PrefixListId" in given:
        permission["PrefixListIds"] = [{"PrefixListId": given["PrefixListId"], **words}]
    else:
        permission["UserIdGroupPairs"] = [{"GroupId": given["ReferencedGroupId"], **words}]
    peers_of = _peers(call, group.doc.vpc_id)
    (parsed,) = permissions.parse([permission], current.direction, peers_of)
    return msgspec.structs.replace(parsed, id=current.id, tags=current.tags)


def _find(call: Call, request: shapes.DescribeSecurityGroupRulesRequest) -> Iterable[GroupRule]:
    asked: list[str] = request.get("SecurityGroupRuleIds") or []
    if not asked:
        return _Rules(call)
    for id in asked:
        if not ids.is_well_formed(id, "sgr"):
            raise errors.InvalidSecurityGroupRuleIdMalformed(id)
    wanted = frozenset(asked)
    by_id = {
        rule.id: GroupRule(group, rule)
        for group in call.view.list(records.SECURITY_GROUP, call.account)
        for rule in group.doc.rules
        if rule.id in wanted
    }
    for id in asked:
        if id not in by_id:
            raise errors.InvalidSecurityGroupRuleIdNotFound(id)
    return [by_id[id] for id in dict.fromkeys(asked)]


@dataclass(frozen=True, slots=True)
class _Rules:
    """All rules of an account, of which a page can be taken."""

    call: Call

    def __iter__(self) -> Iterator[GroupRule]:
        return self._of(self.call.view.ordered(records.SECURITY_GROUP, self.call.account))

    def after(self, key: str, /) -> Iterator[GroupRule]:
        """Return the rest of the group where the last page ended, and the groups after it."""
        begun = self.call.view.get(records.SECURITY_GROUP, key.partition("/")[0])
        if begun is not None and begun.account == self.call.account:
            yield from (item for item in self._of((begun,)) if page_key(item) > key)
        yield from self._of(
            self.call.view.ordered(records.SECURITY_GROUP, self.call.account).after(key)
        )

    def _of(self, groups: Iterable[Group]) -> Iterator[GroupRule]:
        for group in groups:
            for rule in sorted(group.doc.rules, key=lambda rule: rule.id):
                yield GroupRule(group, rule)


def page_key(item: GroupRule) -> str:
    """Order rules so that those of one group stand together."""
    return f"{item.group.id}/{item.id}"


def render(call: Call, item: GroupRule) -> shapes.SecurityGroupRule:
    """Return a rule as the API shows it."""
    rule, owner = item.rule, item.group.account
    source: shapes.ReferencedSecurityGroup | None = None
    if rule.group_id is not None:
        source = {
            "GroupId": rule.group_id,
            "UserId": rule.group_owner,
            "VpcId": rule.group_vpc_id,
            "VpcPeeringConnectionId": rule.peering_id,
        }
    return {
        "SecurityGroupRuleId": rule.id,
        "SecurityGroupRuleArn": f"arn:aws:ec2:{call.settings.region}:{owner}:{RULE}/{rule.id}",
        "GroupId": item.group.id,
        "GroupOwnerId": owner,
        "IsEgress": rule.direction is Direction.EGRESS,
        "IpProtocol": rule.protocol,
        "FromPort": rule.from_port,
        "ToPort": rule.to_port,
        "CidrIpv4": rule.cidr,
        "CidrIpv6": rule.cidr6,
        "PrefixListId": rule.prefix_list_id,
        "ReferencedGroupInfo": source,
        "Description": rule.description or None,
        "Tags": tagset.shown(rule.tags),
    }


def _render_revoked(group: Group, rule: Rule) -> shapes.RevokedSecurityGroupRule:
    return {
        "SecurityGroupRuleId": rule.id,
        "GroupId": group.id,
        "IsEgress": rule.direction is Direction.EGRESS,
        "IpProtocol": rule.protocol,
        "FromPort": rule.from_port,
        "ToPort": rule.to_port,
        "CidrIpv4": rule.cidr,
        "CidrIpv6": rule.cidr6,
        "PrefixListId": rule.prefix_list_id,
        "ReferencedGroupId": rule.group_id,
        "Description": rule.description or None,
    }


def _write_row(
    name: str, handle: Callable[[WriteCall, Request], Result], honours: frozenset[str]
) -> Action:
    creates = (RULE,) if name.startswith("Authorize") else ()
    return Action(
        service="ec2", name=name, does=Write(handle=handle), honours=honours, creates=creates
    )


_IN = NAMED | _FLAT | _FLAT_SOURCE | PERMISSIONS
_OUT = frozenset({"GroupId"}) | _FLAT | PERMISSIONS
_IDS = frozenset({"SecurityGroupRuleIds"})
_UPDATE = frozenset(
    {"GroupId", "SecurityGroupRules.SecurityGroupRuleId"}
    | {
        f"SecurityGroupRules.SecurityGroupRule.{name}"
        for name in (
            "IpProtocol",
            "FromPort",
            "ToPort",
            "CidrIpv4",
            "CidrIpv6",
            "PrefixListId",
            "ReferencedGroupId",
            "Description",
        )
    }
)

ACTIONS: tuple[Action, ...] = (
    _write_row("AuthorizeSecurityGroupIngress", authorize_ingress, _IN),
    _write_row("AuthorizeSecurityGroupEgress", authorize_egress, _OUT),
    _write_row("RevokeSecurityGroupIngress", revoke_ingress, _IN | _IDS),
    _write_row("RevokeSecurityGroupEgress", revoke_egress, _OUT | _IDS),
    _write_row("ModifySecurityGroupRules", modify_rules, _UPDATE),
    Action(
        service="ec2",
        name="DescribeSecurityGroupRules",
        does=Listing(
            find=_find,
            render=render,
            member="SecurityGroupRules",
            filters={
                "group-id": lambda call, item: (item.group.id,),
                "security-group-rule-id": lambda call, item: (item.id,),
            },
            tags=lambda item: item.rule.tags,
            key=page_key,
        ),
        honours=frozenset({"SecurityGroupRuleIds"}),
    ),
)
