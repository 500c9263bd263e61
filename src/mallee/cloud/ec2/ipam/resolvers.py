"""Resolvers of prefix lists: rules that find ranges, and versions of what they found.

Called through the action table. What is found is looked for when a resolver is made or changed, and
after every change of what it looks at (`resolving`). Lists follow by targets (`resolvertargets`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import arns, resources, tagset
from mallee.cloud.ec2.ipam import ipams, resolving, shownfilters
from mallee.cloud.ec2.ipam.resolving import ResolverRecord
from mallee.cloud.ec2.vpc import ranges
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.network.ipam import Condition, Resolver, ResolverRule, ResolverVersion

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_IPAM, MAX_RULES, MAX_CONDITIONS = 50, 99, 10
PREFIX = "ipam-plr"

_MEMBERS = {
    "IpamPoolId": "pool",
    "ResourceId": "resource",
    "ResourceOwner": "owner",
    "ResourceRegion": "region",
    "ResourceTag": "tag",
    "Cidr": "cidr",
}
"""Of a condition: what it may compare, and how we call it."""


def create_resolver(
    call: WriteCall, request: shapes.CreateIpamPrefixListResolverRequest
) -> shapes.CreateIpamPrefixListResolverResult:
    """Make a resolver; its first version is what it finds now."""
    ipam = resources.one(call, records.IPAM, request["IpamId"])
    if len(call.tx.by(records.RESOLVER, "ipam", ipam.id)) >= MAX_PER_IPAM:
        raise errors.IpamLimitExceeded("resolvers of an IPAM", MAX_PER_IPAM)
    made = Resolver(
        id=ids.make(PREFIX, call.entropy(ids.ID_BYTES)),
        ipam_id=ipam.id,
        family=request["AddressFamily"],
        description=request.get("Description", ""),
        rules=_parse(call, request.get("Rules") or (), ipam.id),
        tags=tagset.of_new(request, records.RESOLVER.name),
    )
    record = call.tx.insert(records.RESOLVER, call.account, made.id, made)
    record = resolving.settle(call.tx, record, call.settings.region)
    return {"IpamPrefixListResolver": _render(call, record)}


def _parse(
    call: WriteCall, given: Iterable[Mapping[str, Any]], ipam_id: str
) -> tuple[ResolverRule, ...]:
    rules = tuple(_rule(call, one, ipam_id) for one in given)
    if len(rules) > MAX_RULES:
        raise errors.InvalidParameterValue(f"A resolver has at most {MAX_RULES} rules.")
    return rules


def _rule(call: WriteCall, given: Mapping[str, Any], ipam_id: str) -> ResolverRule:
    type = given.get("RuleType", "")
    if type == resolving.STATIC:
        if given.keys() - {"RuleType", "StaticCidr"} or "StaticCidr" not in given:
            raise errors.InvalidParameterCombination("A rule static-cidr has its StaticCidr alone.")
        cidr = str(ranges.any_family(given["StaticCidr"], "StaticCidr"))
        return ResolverRule(type=type, cidr=cidr)
    if "StaticCidr" in given or "IpamScopeId" not in given:
        raise errors.InvalidParameterCombination(f"A rule {type} has an IpamScopeId.")
    scope = resources.one(call, records.IPAM_SCOPE, given["IpamScopeId"])
    if scope.doc.ipam_id != ipam_id:
        raise errors.InvalidParameterValue(f"The scope {scope.id} is of another IPAM.")
    if type == resolving.OF_POOLS and "ResourceType" in given:
        raise errors.InvalidParameterCombination(f"A rule {type} has no ResourceType.")
    conditions = tuple(_condition(one) for one in given.get("Conditions") or ())
    if len(conditions) > MAX_CONDITIONS:
        raise errors.InvalidParameterValue(f"A rule has at most {MAX_CONDITIONS} conditions.")
    return ResolverRule(
        type=type,
        scope_id=scope.id,
        resource_type=given.get("ResourceType", ""),
        conditions=conditions,
    )


def _condition(given: Mapping[str, Any]) -> Condition:
    named = [name for name in _MEMBERS if name in given]
    operation = given.get("Operation", "")
    if len(named) != 1 or (operation == "subnet-of" and named != ["Cidr"]):
        raise errors.InvalidParameterCombination(
            f"A condition compares one of {', '.join(_MEMBERS)}; by subnet-of the Cidr."
        )
    value: Any = given[named[0]]
    key = ""
    if named[0] == "ResourceTag":
        key, value = value.get("Key", ""), value.get("Value", "")
    if named[0] == "Cidr":
        value = str(ranges.any_family(value, "Cidr"))
    return Condition(operation=operation, member=_MEMBERS[named[0]], value=value, key=key)


def modify_resolver(
    call: WriteCall, request: shapes.ModifyIpamPrefixListResolverRequest
) -> shapes.ModifyIpamPrefixListResolverResult:
    """Change a resolver's words or rules; what they find is looked for at once."""
    resolver = resources.one(call, records.RESOLVER, request["IpamPrefixListResolverId"])
    doc = replace(
        resolver.doc,
        description=request.get("Description", resolver.doc.description),
        is_modified=True,
    )
    if "Rules" in request:
        doc = replace(doc, rules=_parse(call, request["Rules"], doc.ipam_id))
    resolver = call.tx.write(resolver, doc)
    resolver = resolving.settle(call.tx, resolver, call.settings.region)
    return {"IpamPrefixListResolver": _render(call, resolver)}


def delete_resolver(
    call: WriteCall, request: shapes.DeleteIpamPrefixListResolverRequest
) -> shapes.DeleteIpamPrefixListResolverResult:
    """Delete a resolver that no list follows."""
    resolver = resources.one(call, records.RESOLVER, request["IpamPrefixListResolverId"])
    if call.tx.by(records.RESOLVER_TARGET, "resolver", resolver.id):
        raise errors.DependencyViolation(f"The resolver '{resolver.id}' has targets.")
    call.tx.delete(resolver)
    return {"IpamPrefixListResolver": {**_render(call, resolver), "State": "delete-complete"}}


def _find(
    call: Call, request: shapes.DescribeIpamPrefixListResolversRequest
) -> Iterable[ResolverRecord]:
    asked: list[str] = request.get("IpamPrefixListResolverIds") or []
    if asked:
        return resources.several(call, records.RESOLVER, asked)
    return sorted(call.view.list(records.RESOLVER, call.account), key=lambda it: it.id)


def _render(call: Call, resolver: ResolverRecord) -> shapes.IpamPrefixListResolver:
    doc = resolver.doc
    return {
        "OwnerId": resolver.account,
        "IpamPrefixListResolverId": resolver.id,
        "IpamPrefixListResolverArn": arns.of(call, records.RESOLVER, resolver.id),
        "IpamArn": arns.of(call, records.IPAM, doc.ipam_id),
        "IpamRegion": call.settings.region,
        "Description": doc.description or None,
        "AddressFamily": doc.family,
        "State": ipams.state(doc.is_modified),
        "LastVersionCreationStatus": "failure" if doc.problem else "success",
        "LastVersionCreationStatusMessage": doc.problem or None,
        "Tags": tagset.shown(doc.tags),
    }


def _one(call: Call, request: Any) -> Resolver:
    return resources.one(call, records.RESOLVER, request["IpamPrefixListResolverId"]).doc


def _find_rules(
    call: Call, request: shapes.GetIpamPrefixListResolverRulesRequest
) -> Iterable[tuple[int, ResolverRule]]:
    return list(enumerate(_one(call, request).rules))


def _render_rule(
    call: Call, numbered: tuple[int, ResolverRule]
) -> shapes.IpamPrefixListResolverRule:
    rule = numbered[1]
    return {
        "RuleType": rule.type,
        "StaticCidr": rule.cidr or None,
        "IpamScopeId": rule.scope_id or None,
        "ResourceType": rule.resource_type or None,
        "Conditions": [_shown(it) for it in rule.conditions],
    }


def _shown(condition: Condition) -> Any:
    name = next(name for name, ours in _MEMBERS.items() if ours == condition.member)
    value: Any = condition.value
    if condition.member == "tag":
        value = {"Key": condition.key, "Value": condition.value}
    return {"Operation": condition.operation, name: value}


def _find_versions(
    call: Call, request: shapes.GetIpamPrefixListResolverVersionsRequest
) -> Iterable[ResolverVersion]:
    asked: list[int] = request.get("IpamPrefixListResolverVersions") or []
    return [it for it in _one(call, request).versions if not asked or it.version in asked]


def _find_entries(
    call: Call, request: shapes.GetIpamPrefixListResolverVersionEntriesRequest
) -> Iterable[str]:
    wanted = request["IpamPrefixListResolverVersion"]
    resolver = _one(call, request)
    for version in resolver.versions:
        if version.version == wanted:
            return sorted(version.cidrs)
    raise errors.InvalidParameterValue(f"The resolver {resolver.id} has no version {wanted}.")


_RULES = frozenset(
    {
        "Rules.RuleType",
        "Rules.StaticCidr",
        "Rules.IpamScopeId",
        "Rules.ResourceType",
        "Rules.Conditions.Operation",
        "Rules.Conditions.IpamPoolId",
        "Rules.Conditions.ResourceId",
        "Rules.Conditions.ResourceOwner",
        "Rules.Conditions.ResourceRegion",
        "Rules.Conditions.ResourceTag",
        "Rules.Conditions.Cidr",
    }
)

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateIpamPrefixListResolver",
        does=Write(handle=create_resolver),
        honours=_RULES | {"IpamId", "Description", "AddressFamily"},
        creates=(records.RESOLVER.name,),
    ),
    Action(
        service="ec2",
        name="ModifyIpamPrefixListResolver",
        does=Write(handle=modify_resolver),
        honours=_RULES | {"IpamPrefixListResolverId", "Description"},
    ),
    Action(
        service="ec2",
        name="DeleteIpamPrefixListResolver",
        does=Write(handle=delete_resolver),
        honours=frozenset({"IpamPrefixListResolverId"}),
    ),
    Action(
        service="ec2",
        name="DescribeIpamPrefixListResolvers",
        does=Listing(
            find=_find,
            render=_render,
            member="IpamPrefixListResolvers",
            filters=shownfilters.of(
                _render,
                "AddressFamily",
                "Description",
                "IpamArn",
                "IpamPrefixListResolverArn",
                "IpamPrefixListResolverId",
                "LastVersionCreationStatus",
                "OwnerId",
                "State",
            ),
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"IpamPrefixListResolverIds"}),
    ),
    Action(
        service="ec2",
        name="GetIpamPrefixListResolverRules",
        does=Listing(
            find=_find_rules,
            render=_render_rule,
            member="Rules",
            filters={"rule-type": lambda call, it: (it[1].type,)},
            key=lambda it: f"{it[0]:04}",
        ),
        honours=frozenset({"IpamPrefixListResolverId"}),
    ),
    Action(
        service="ec2",
        name="GetIpamPrefixListResolverVersions",
        does=Listing(
            find=_find_versions,
            render=lambda call, it: {"Version": it.version},
            member="IpamPrefixListResolverVersions",
            filters={"version": lambda call, it: (str(it.version),)},
            key=lambda it: f"{it.version:012}",
        ),
        honours=frozenset({"IpamPrefixListResolverId", "IpamPrefixListResolverVersions"}),
    ),
    Action(
        service="ec2",
        name="GetIpamPrefixListResolverVersionEntries",
        does=Listing(
            find=_find_entries,
            render=lambda call, it: {"Cidr": it},
            member="Entries",
            filters={},
            key=lambda it: it,
        ),
        honours=frozenset({"IpamPrefixListResolverId", "IpamPrefixListResolverVersion"}),
    ),
)
