"""IPAM policies: from which pools elastic addresses come that nobody asks a pool for.

Called through the action table, and by `vpc.addresspools` when an address is allocated. An account
enables a policy for itself; an administrator of the cloud enables one of the cloud's own account
for any account, by its id, and that one goes first. When a policy's pools have no address left, the
cloud's own range gives one, as in AWS. Elastic addresses are all that a policy can be about here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.ec2 import arns, resources, tagset
from mallee.cloud.ec2.ipam import given, ipams, publicpools, shownfilters
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.ipam import Policy, PolicyRule

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_IPAM, MAX_POOLS = 10, 10
ADDRESSES = "eip"

PolicyRecord = Record[Policy, None]


def create_policy(
    call: WriteCall, request: shapes.CreateIpamPolicyRequest
) -> shapes.CreateIpamPolicyResult:
    """Make a policy, which is enabled for nobody yet."""
    ipam = resources.one(call, records.IPAM, request["IpamId"])
    if len(call.tx.by(records.IPAM_POLICY, "ipam", ipam.id)) >= MAX_PER_IPAM:
        raise errors.IpamLimitExceeded("policies of an IPAM", MAX_PER_IPAM)
    made = Policy(
        id=ids.make("ipam-policy", call.entropy(ids.ID_BYTES)),
        ipam_id=ipam.id,
        tags=tagset.of_new(request, records.IPAM_POLICY.name),
    )
    record = call.tx.insert(records.IPAM_POLICY, call.account, made.id, made)
    return {"IpamPolicy": _render(call, record)}


def modify_rules(
    call: WriteCall, request: shapes.ModifyIpamPolicyAllocationRulesRequest
) -> shapes.ModifyIpamPolicyAllocationRulesResult:
    """Set from which pools things of a type get their addresses; from none: the cloud's own."""
    policy = resources.one(call, records.IPAM_POLICY, request["IpamPolicyId"])
    named: list[Any] = [*request.get("AllocationRules", ())]
    pools = [given.usable(call, it.get("SourceIpamPoolId", "")) for it in named]
    kind, locale = request["ResourceType"], request["Locale"]
    if kind != ADDRESSES:
        raise errors.UnsupportedOperation(
            f"ResourceType has only the value '{ADDRESSES}': this cloud has no {kind}."
        )
    if locale != call.settings.region:
        raise errors.InvalidParameterValue(
            f"Value ({locale}) for parameter Locale is invalid. It is {call.settings.region}."
        )
    if len(pools) > MAX_POOLS:
        raise errors.InvalidParameterValue(f"A policy names at most {MAX_POOLS} pools.")
    for pool in pools:
        publicpools.check_source(call, pool)
    rule = PolicyRule(locale=locale, resource_type=kind, pool_ids=tuple(pool.id for pool in pools))
    policy = call.tx.write(policy, replace(policy.doc, rules=(rule,), is_modified=True))
    return {"IpamPolicyDocument": _document(policy.id, rule)}


def enable(
    call: WriteCall, request: shapes.EnableIpamPolicyRequest
) -> shapes.EnableIpamPolicyResult:
    """Let a policy decide for the caller's account, or for the one that an administrator names."""
    policy = resources.one(call, records.IPAM_POLICY, request["IpamPolicyId"])
    account = _target(call, request)
    for other in call.tx.by(records.IPAM_POLICY, "target", account):
        if other.account == call.account and other.id != policy.id:
            left = tuple(it for it in other.doc.targets if it != account)
            call.tx.write(other, replace(other.doc, targets=left))
    targets = dict.fromkeys((*policy.doc.targets, account))
    call.tx.write(policy, replace(policy.doc, targets=tuple(targets)))
    return {"IpamPolicyId": policy.id}


def disable(
    call: WriteCall, request: shapes.DisableIpamPolicyRequest
) -> shapes.DisableIpamPolicyResult:
    """Let a policy no longer decide for an account; addresses that it has stay."""
    policy = resources.one(call, records.IPAM_POLICY, request["IpamPolicyId"])
    account = _target(call, request)
    if account not in policy.doc.targets:
        raise errors.IncorrectState(f"The policy {policy.id} is not enabled for {account}.")
    left = tuple(it for it in policy.doc.targets if it != account)
    call.tx.write(policy, replace(policy.doc, targets=left))
    return {"Return": True}


def _target(call: WriteCall, request: Request) -> str:
    """Return the account that is meant: an administrator of the cloud may name another."""
    account: str = request.get("OrganizationTargetId", call.account)
    if account != call.account:
        if not call.principal.is_cloud_admin:
            raise errors.AuthFailure("Administrators of the cloud enable policies for others.")
        if call.tx.get(records.ACCOUNT, account) is None:
            raise errors.InvalidParameterValue(f"There is no account {account}.")
    return account


def delete_policy(
    call: WriteCall, request: shapes.DeleteIpamPolicyRequest
) -> shapes.DeleteIpamPolicyResult:
    """Delete a policy that is enabled for nobody."""
    policy = resources.one(call, records.IPAM_POLICY, request["IpamPolicyId"])
    if policy.doc.targets:
        raise errors.DependencyViolation(
            f"The policy '{policy.id}' is enabled for {', '.join(policy.doc.targets)}."
        )
    call.tx.delete(policy)
    return {"IpamPolicy": {**_render(call, policy), "State": "delete-complete"}}


def enabled(call: Call) -> PolicyRecord | None:
    """Return the policy that decides for the caller's account: an administrator's goes first."""
    found = resources.reader(call).by(records.IPAM_POLICY, "target", call.account)
    return min(found, key=lambda it: (it.account == call.account, it.id), default=None)


def get_enabled(call: Call, request: shapes.GetEnabledIpamPolicyRequest) -> Result:
    """Tell which policy decides for the caller's account, and whose it is."""
    policy = enabled(call)
    if policy is None:
        return {"IpamPolicyEnabled": False}
    is_own = policy.account == call.account
    return {
        "IpamPolicyEnabled": True,
        "IpamPolicyId": policy.id,
        "ManagedBy": "account" if is_own else "delegated-administrator-for-ipam",
    }


def take_address(call: WriteCall, id: str) -> tuple[str, str] | None:
    """Take an address for the allocation `id` as the account's policy says; None: it has none.

    Returns the range of one address, and its pool.
    """
    policy = enabled(call)
    for rule in policy.doc.rules if policy is not None else ():
        for pool_id in rule.pool_ids:
            pool = call.tx.get(records.IPAM_POOL, pool_id)
            if pool is None:
                continue
            wish = given.Wish(length=32, is_ruled=False)
            holder = given.Holder(type=given.ADDRESS, id=id, owner=call.account)
            try:
                return given.take(call, pool, wish, holder).doc.cidr, pool.id
            except (errors.PoolUsedUp, errors.AllocationTooBig):
                continue
    return None


def _find(call: Call, request: shapes.DescribeIpamPoliciesRequest) -> Iterable[PolicyRecord]:
    asked: list[str] = request.get("IpamPolicyIds") or []
    if asked:
        return resources.several(call, records.IPAM_POLICY, asked)
    return sorted(call.view.list(records.IPAM_POLICY, call.account), key=lambda it: it.id)


def _render(call: Call, policy: PolicyRecord) -> shapes.IpamPolicy:
    return {
        "OwnerId": policy.account,
        "IpamPolicyId": policy.id,
        "IpamPolicyArn": arns.of(call, records.IPAM_POLICY, policy.id),
        "IpamPolicyRegion": call.settings.region,
        "State": ipams.state(policy.doc.is_modified),
        "IpamId": policy.doc.ipam_id,
        "Tags": tagset.shown(policy.doc.tags),
    }


def _document(policy_id: str, rule: PolicyRule) -> Any:
    return {
        "IpamPolicyId": policy_id,
        "Locale": rule.locale,
        "ResourceType": rule.resource_type,
        "AllocationRules": [{"SourceIpamPoolId": id} for id in rule.pool_ids],
    }


def _find_rules(
    call: Call, request: shapes.GetIpamPolicyAllocationRulesRequest
) -> Iterable[tuple[str, PolicyRule]]:
    policy = resources.one(call, records.IPAM_POLICY, request["IpamPolicyId"])
    return [
        (policy.id, rule)
        for rule in policy.doc.rules
        if request.get("Locale", rule.locale) == rule.locale
        and request.get("ResourceType", rule.resource_type) == rule.resource_type
    ]


def _find_targets(
    call: Call, request: shapes.GetIpamPolicyOrganizationTargetsRequest
) -> Iterable[str]:
    policy = resources.one(call, records.IPAM_POLICY, request["IpamPolicyId"])
    return sorted(policy.doc.targets)


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateIpamPolicy",
        does=Write(handle=create_policy),
        honours=frozenset({"IpamId"}),
        creates=(records.IPAM_POLICY.name,),
    ),
    Action(
        service="ec2",
        name="ModifyIpamPolicyAllocationRules",
        does=Write(handle=modify_rules),
        honours=frozenset(
            {"IpamPolicyId", "Locale", "ResourceType", "AllocationRules.SourceIpamPoolId"}
        ),
    ),
    Action(
        service="ec2",
        name="EnableIpamPolicy",
        does=Write(handle=enable),
        honours=frozenset({"IpamPolicyId", "OrganizationTargetId"}),
    ),
    Action(
        service="ec2",
        name="DisableIpamPolicy",
        does=Write(handle=disable),
        honours=frozenset({"IpamPolicyId", "OrganizationTargetId"}),
    ),
    Action(
        service="ec2",
        name="DeleteIpamPolicy",
        does=Write(handle=delete_policy),
        honours=frozenset({"IpamPolicyId"}),
    ),
    Action(
        service="ec2",
        name="GetEnabledIpamPolicy",
        does=Read(handle=get_enabled),
        honours=frozenset(),
    ),
    Action(
        service="ec2",
        name="DescribeIpamPolicies",
        does=Listing(
            find=_find,
            render=_render,
            member="IpamPolicies",
            filters=shownfilters.of(
                _render, "IpamId", "IpamPolicyArn", "IpamPolicyId", "OwnerId", "State"
            ),
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"IpamPolicyIds"}),
    ),
    Action(
        service="ec2",
        name="GetIpamPolicyAllocationRules",
        does=Listing(
            find=_find_rules,
            render=lambda call, it: _document(*it),
            member="IpamPolicyDocuments",
            filters={
                "locale": lambda call, it: (it[1].locale,),
                "resource-type": lambda call, it: (it[1].resource_type,),
            },
            key=lambda it: it[1].resource_type,
        ),
        honours=frozenset({"IpamPolicyId", "Locale", "ResourceType"}),
    ),
    Action(
        service="ec2",
        name="GetIpamPolicyOrganizationTargets",
        does=Listing(
            find=_find_targets,
            render=lambda call, it: {"OrganizationTargetId": it},
            member="OrganizationTargets",
            filters={"organization-target-id": lambda call, it: (it,)},
            key=lambda it: it,
        ),
        honours=frozenset({"IpamPolicyId"}),
    ),
)
