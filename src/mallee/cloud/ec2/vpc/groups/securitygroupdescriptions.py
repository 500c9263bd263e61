"""Descriptions of security group rules: changed without touching the rules.

Called through the action table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Request, WriteCall
from mallee.cloud.ec2.vpc.groups import permissions, securitygrouprules, securitygroups
from mallee.cloud.ec2.vpc.groups.securitygrouprules import NAMED, PERMISSIONS
from mallee.model.network.networks import Direction

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def update_descriptions_ingress(
    call: WriteCall, request: shapes.UpdateSecurityGroupRuleDescriptionsIngressRequest
) -> shapes.UpdateSecurityGroupRuleDescriptionsIngressResult:
    """Replace the descriptions of ingress rules."""
    return _update_descriptions(call, request, Direction.INGRESS)


def update_descriptions_egress(
    call: WriteCall, request: shapes.UpdateSecurityGroupRuleDescriptionsEgressRequest
) -> shapes.UpdateSecurityGroupRuleDescriptionsEgressResult:
    """Replace the descriptions of egress rules."""
    return _update_descriptions(call, request, Direction.EGRESS)


def _update_descriptions(
    call: WriteCall, request: Request, direction: Direction
) -> shapes.UpdateSecurityGroupRuleDescriptionsIngressResult:
    group = securitygroups.named(call, request)
    words: dict[str, str] = {}
    for item in request.get("SecurityGroupRuleDescriptions") or ():
        id: str = item.get("SecurityGroupRuleId", "")
        description = permissions.check_words(item.get("Description", ""), "rule description")
        words[securitygrouprules.own_rule(group, id, direction).id] = description
    for rule in securitygrouprules.parse_present(call, request, group, direction):
        (found, missing) = securitygrouprules.match(group, [rule])
        if missing:
            raise errors.InvalidPermissionNotFound
        words[found[0].id] = rule.description
    if not words:
        raise errors.MissingParameter("IpPermissions or SecurityGroupRuleDescriptions")
    rules = [
        msgspec.structs.replace(rule, description=words.get(rule.id, rule.description))
        for rule in group.doc.rules
    ]
    securitygrouprules.write(call, group, rules)
    return {"Return": True}


_WORDS = frozenset(
    {
        "SecurityGroupRuleDescriptions.SecurityGroupRuleId",
        "SecurityGroupRuleDescriptions.Description",
    }
)

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="UpdateSecurityGroupRuleDescriptionsIngress",
        does=Write(handle=update_descriptions_ingress),
        honours=NAMED | PERMISSIONS | _WORDS,
    ),
    Action(
        service="ec2",
        name="UpdateSecurityGroupRuleDescriptionsEgress",
        does=Write(handle=update_descriptions_egress),
        honours=NAMED | PERMISSIONS | _WORDS,
    ),
)
