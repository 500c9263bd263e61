"""Lifecycle policies: made, shown, listed, changed, deleted.

Called through the action table. What a policy says is read by `details`, `everything` (default
policies) and `shares` (event based ones); that it is done is the business of
`reconcile.lifecycles`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import things
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.dlm import details, everything, naming, shares, tags
from mallee.cloud.dlm.naming import PolicyRecord
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.identity import identities
from mallee.model.storage.lifecycles import Policy, PolicySeen, Target, Type

if TYPE_CHECKING:
    from mallee.aws.types import dlm as shapes

POLICIES_MAX = 100
"""Of an account."""
ENABLED, DISABLED, ERROR = "ENABLED", "DISABLED", "ERROR"


def create(call: WriteCall, asked: shapes.CreateLifecyclePolicyRequest) -> Result:
    """Make a policy; its first run is at its next time."""
    if len(call.tx.list(records.LIFECYCLE_POLICY, call.account)) >= POLICIES_MAX:
        raise errors.dlm.LimitExceededException(f"An account has {POLICIES_MAX} policies at most.")
    blank = Policy(
        id=ids.make("policy", call.entropy(ids.ID_BYTES)),
        description=asked["Description"],
        is_enabled=asked["State"] == ENABLED,
        role_arn=_role(call, asked["ExecutionRoleArn"]),
        type=Type.SNAPSHOTS,
        target=Target.VOLUME,
        target_tags=(),
        schedules=(),
        created_at=call.now,
        modified_at=call.now,
        enabled_at=call.now,
        tags=tags.checked({}, asked.get("Tags") or {}),
    )
    policy = _said(call, blank, asked)
    made = call.tx.insert(records.LIFECYCLE_POLICY, call.account, policy.id, policy)
    if policy.on_shared is not None:
        call.tx.observe(made, PolicySeen(shared=shares.now(call.tx, made)))
    return {"PolicyId": policy.id}


def _said(call: WriteCall, blank: Policy, asked: shapes.CreateLifecyclePolicyRequest) -> Policy:
    """Return a new policy with what a request says of it."""
    if "DefaultPolicy" in asked:
        policy = everything.apply(blank, asked)
        others = (one.doc for one in call.tx.list(records.LIFECYCLE_POLICY, call.account))
        if any(one.default is not None and one.target is policy.target for one in others):
            raise errors.dlm.LimitExceededException(
                f"An account has one default policy for {policy.target.value}."
            )
        return policy
    everything.check_unsaid(asked)
    if "PolicyDetails" not in asked:
        raise errors.dlm.InvalidRequestException("PolicyDetails must be given.")
    said = asked["PolicyDetails"]
    if said.get("PolicyType") == Type.EVENTS.value:
        return shares.apply(blank, said, call.settings.region)
    return details.apply(blank, said)


def _role(call: WriteCall, arn: str) -> str:
    """Return a role's ARN; raise unless it is one that the caller's account has."""
    if things.account_of(arn) != call.account or things.kind_of(arn) != "role":
        raise errors.dlm.InvalidRequestException(
            f"The role {arn} is none of this account. Name one that {naming.SERVICE} may assume."
        )
    own = (role.doc for role in call.tx.list(records.ROLE, call.account))
    if all(identities.arn(call.account, "role", role.path, role.name) != arn for role in own):
        raise errors.dlm.InvalidRequestException(
            f"There is no role {arn}. Make it, or name one that {naming.SERVICE} may assume."
        )
    return arn


def get(call: Call, asked: shapes.GetLifecyclePolicyRequest) -> Result:
    """Show a policy."""
    record = naming.find(call, asked["PolicyId"])
    policy = record.doc
    return {
        "Policy": {
            "PolicyId": record.id,
            "Description": policy.description,
            "State": state_of(record),
            "StatusMessage": record.seen.trouble if record.seen and policy.is_enabled else "",
            "ExecutionRoleArn": policy.role_arn,
            "DateCreated": policy.created_at,
            "DateModified": policy.modified_at,
            "PolicyDetails": _shown(call, policy),
            "Tags": policy.tags,
            "PolicyArn": naming.arn(call, record.id),
            "DefaultPolicy": policy.default is not None,
        }
    }


def _shown(call: Call, policy: Policy) -> dict[str, Any]:
    if policy.default is not None:
        return everything.shown(policy)
    if policy.on_shared is not None:
        return shares.shown(policy, call.settings.region)
    return details.shown(policy)


def state_of(record: PolicyRecord) -> str:
    """Return the state that is shown: of one that acts, whether it could."""
    if not record.doc.is_enabled:
        return DISABLED
    return ERROR if record.seen is not None and record.seen.trouble else ENABLED


def list_policies(call: Call, asked: shapes.GetLifecyclePoliciesRequest) -> Result:
    """List policies, all or those that are asked for."""
    wanted = asked.get("PolicyIds") or []
    found = (
        [naming.find(call, id) for id in dict.fromkeys(wanted)]
        if wanted
        else sorted(
            call.view.list(records.LIFECYCLE_POLICY, call.account), key=lambda record: record.id
        )
    )
    return {"Policies": [_summary(record) for record in found if _is_asked(record, asked)]}


def _is_asked(record: PolicyRecord, asked: shapes.GetLifecyclePoliciesRequest) -> bool:
    policy = record.doc
    if "State" in asked and state_of(record) != asked["State"]:
        return False
    if "ResourceTypes" in asked and (
        policy.on_shared is not None or policy.target.value not in asked["ResourceTypes"]
    ):
        return False
    kind = asked.get("DefaultPolicyType")
    if kind and (policy.default is None or kind not in ("ALL", policy.target.value)):
        return False
    given = {f"{tag.key}={tag.value}" for tag in policy.target_tags}
    added = {f"{tag.key}={tag.value}" for one in policy.schedules for tag in one.tags}
    targets, adds = asked.get("TargetTags") or (), asked.get("TagsToAdd") or ()
    return given.issuperset(targets) and added.issuperset(adds)


def _summary(record: PolicyRecord) -> dict[str, Any]:
    return {
        "PolicyId": record.id,
        "Description": record.doc.description,
        "State": state_of(record),
        "Tags": record.doc.tags,
        "PolicyType": record.doc.type.value,
        "DefaultPolicy": record.doc.default is not None,
    }


def update(call: WriteCall, asked: shapes.UpdateLifecyclePolicyRequest) -> Result:
    """Change what is given of a policy; it begins anew from its next time on."""
    record = naming.find(call, asked["PolicyId"])
    policy = record.doc
    if policy.default is not None:
        policy = everything.changed(policy, asked)
    else:
        everything.check_unsaid(asked)
        policy = _changed(call, policy, asked)
    if "ExecutionRoleArn" in asked:
        policy = replace(policy, role_arn=_role(call, asked["ExecutionRoleArn"]))
    if "Description" in asked:
        policy = replace(policy, description=asked["Description"])
    if "State" in asked:
        policy = replace(policy, is_enabled=asked["State"] == ENABLED)
    if policy != record.doc:
        written = call.tx.write(record, replace(policy, modified_at=call.now, enabled_at=call.now))
        seen = record.seen or PolicySeen()
        # What was shared while it did not act, or was not meant, is not copied.
        shared = shares.now(call.tx, written) if policy.on_shared is not None else ()
        call.tx.observe(written, replace(seen, trouble="", shared=shared))
    return {}


def _changed(call: Call, policy: Policy, asked: shapes.UpdateLifecyclePolicyRequest) -> Policy:
    """Return a policy that is no default one with what a request says of it."""
    if "PolicyDetails" not in asked:
        return policy
    kind = asked["PolicyDetails"].get("PolicyType", policy.type.value)
    if kind != policy.type.value:
        raise errors.dlm.InvalidRequestException("The type of a policy cannot be changed.")
    said: dict[str, Any] = {**_shown(call, policy), **asked["PolicyDetails"]}
    if policy.on_shared is not None:
        return shares.apply(policy, said, call.settings.region)
    return details.apply(policy, said)


def delete(call: WriteCall, asked: shapes.DeleteLifecyclePolicyRequest) -> Result:
    """Delete a policy; what it made stays, and nobody deletes it any more."""
    call.tx.delete(naming.find(call, asked["PolicyId"]))
    return {}


_HONOURS = details.HONOURS | everything.HONOURS | shares.HONOURS

ACTIONS: tuple[Action, ...] = (
    Action(
        service="dlm",
        name="CreateLifecyclePolicy",
        does=Write(handle=create),
        honours=_HONOURS | {"DefaultPolicy", "Description", "ExecutionRoleArn", "State", "Tags"},
        passes=naming.passed,
    ),
    naming.of_policy("GetLifecyclePolicy", Read(handle=get), "PolicyId"),
    Action(
        service="dlm",
        name="GetLifecyclePolicies",
        does=Read(handle=list_policies),
        honours=frozenset(
            {
                "DefaultPolicyType",
                "PolicyIds",
                "ResourceTypes",
                "State",
                "TagsToAdd",
                "TargetTags",
            }
        ),
    ),
    naming.of_policy(
        "UpdateLifecyclePolicy",
        Write(handle=update),
        *_HONOURS,
        *("Description", "ExecutionRoleArn", "PolicyId", "State"),
        passes=naming.passed,
    ),
    naming.of_policy("DeleteLifecyclePolicy", Write(handle=delete), "PolicyId"),
)
