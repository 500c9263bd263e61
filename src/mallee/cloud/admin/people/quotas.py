"""Quotas as people see and set them: every key with its limit, who set it, and what is used.

What is set here is an ordinary policy named `quotas` with nothing but Limits: over an account
(the cloud's administration alone), or inline of one of the caller's own users. So a limit stands in
one place only, and IAM and the account policies show the same. Called through the action table.
Not its business: which quotas hold, and holding them (`cloud.quotas`).
"""

import heapq
import json
from collections.abc import Iterable, Iterator
from typing import Any

from mallee.aws import errors, policy
from mallee.cloud import quotas
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.admin import buckets
from mallee.cloud.admin.people import accountpolicies, accounts
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.ec2 import zones
from mallee.cloud.iam import attachments, entities, users
from mallee.cloud.modes import addresses
from mallee.cloud.quotas import Quota
from mallee.cloud.state import records
from mallee.model.identity.quotas import ADDRESS_BLOCKS, KEYS, OF_OBJECTS, Share

POLICY_NAME = "quotas"
EVERYWHERE = "*"
MAKERS_MAX = 10
"""Of each quota so many are named who used most."""

_Limits = dict[tuple[str, str], int]
"""The most there may be, by resource and quota key."""

_OF_USERS = next(one for one in attachments.HOLDINGS if one.kind is records.USER)


def describe_quotas(call: Call, request: Request) -> Result:
    """Show every key of an account, or of one of the caller's users: limits, and what is used."""
    if "UserName" in request:
        _refuse_both(request)
        user = users.named(call, request["UserName"])
        account, maker = call.account, user.id
        held = quotas.of_maker(call.view, account, maker)
    else:
        account, maker = _account(call, request), None
        held = quotas.of_account(call.view, account)
    rows = _in_order((*held, *_unlimited(held, maker)))
    return {"AccountId": account, "Quotas": [_render(call, account, row) for row in rows]}


def put_quota(call: WriteCall, request: Request) -> Result:
    """Set the most there may be of something, in place of what was set here before."""
    key = _key(call, request)
    limits = _written(call, request)
    limits[_resource(request), key] = request["Limit"]
    _write(call, request, limits)
    return {}


def delete_quota(call: WriteCall, request: Request) -> Result:
    """Take away a limit that was set here."""
    limits = _written(call, request)
    if limits.pop((_resource(request), request["Key"].lower()), None) is None:
        raise errors.NoSuchEntity("quota", request["Key"])
    _write(call, request, limits)
    return {}


def _key(call: Call, request: Request) -> str:
    """Return the key that may be limited as the request asks; raise `InvalidInput`."""
    name: str = request["Key"].lower()
    key = KEYS.get(name)
    if key is None:
        raise errors.InvalidInput(f"There is no quota {request['Key']}.")
    if "UserName" in request and not key.is_of_users:
        raise errors.InvalidInput(f"{name} is a quota of accounts alone.")
    zone: str | None = request.get("Zone")
    if zone is not None and not key.is_of_zones:
        raise errors.InvalidInput(f"{name} is a quota of no zone.")
    if zone is not None and zone not in zones.names(call.view, call.settings):
        raise errors.InvalidInput(f"There is no zone {zone}.")
    return name


# --- where a limit stands ---


def _written(call: WriteCall, request: Request) -> _Limits:
    """Return the limits in the policy that this file writes; raise when somebody else wrote it."""
    if "UserName" in request:
        _refuse_both(request)
        kind = policy.Kind.IDENTITY
        text = users.governed(call, request["UserName"]).doc.inline.get(POLICY_NAME)
    else:
        kind = policy.Kind.ACCOUNT
        tenant = accounts.tenant(call, _account(call, request, is_to_change=True))
        text = tenant.doc.policies.get(POLICY_NAME)
    if text is None:
        return {}
    compiled = policy.compiled(text, kind)
    if any(one.effect is not policy.Effect.LIMIT for one in compiled.document.statements):
        raise errors.InvalidInput(
            f"The policy {POLICY_NAME} holds more than limits: change it where it was written."
        )
    found = policy.limits([policy.Attached(POLICY_NAME, compiled)])
    return {(limit.resource, limit.key): limit.value for limit in found}


def _write(call: WriteCall, request: Request, limits: _Limits) -> None:
    """Set the policy by the actions that are there for it, or remove it when it is empty."""
    named = {"PolicyName": POLICY_NAME, "PolicyDocument": _document(limits)}
    if "UserName" in request:
        change = _OF_USERS.put if limits else _OF_USERS.delete
        change(call, {**named, "UserName": request["UserName"]})
    else:
        account = accounts.tenant(call, request["AccountName"])
        put, delete = accountpolicies.put_account_policy, accountpolicies.delete_account_policy
        change = put if limits else delete
        change(call, {**named, "AccountName": account.id})


def _document(limits: _Limits) -> str:
    """Return a policy that says these limits: a statement per resource."""
    by_resource: dict[str, dict[str, str]] = {}
    for (resource, key), most in sorted(limits.items()):
        by_resource.setdefault(resource, {})[key] = str(most)
    statements = [
        {
            "Effect": "Limit",
            "Action": "*",
            "Resource": resource,
            "Condition": {"NumericLessThanEquals": conditions},
        }
        for resource, conditions in by_resource.items()
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _resource(request: Request) -> str:
    return quotas.ZONE_ARN.format(request["Zone"]) if "Zone" in request else EVERYWHERE


def _account(call: Call, request: Request, *, is_to_change: bool = False) -> str:
    """Return the id of the account that is meant: the caller's own, save for administrators."""
    name: str | None = request.get("AccountName")
    if name is None and not is_to_change:
        return call.account
    who = call.principal
    own = call.view.get(records.ACCOUNT, who.account)
    is_own = own is not None and name in (own.id, own.doc.name) and not is_to_change
    if not is_own and not who.is_cloud_admin:
        raise errors.AccessDenied(who.arn, f"mallee:{call.action}", name or who.account)
    if name is None:
        raise errors.InvalidInput("One of AccountName and UserName must be given.")
    return accounts.named(call, name).id


def _refuse_both(request: Request) -> None:
    if "AccountName" in request:
        raise errors.InvalidInput(
            "AccountName and UserName exclude each other: a user's quotas are his own account's."
        )


# --- what is shown ---


def _unlimited(held: Iterable[Quota], maker: str | None) -> Iterator[Quota]:
    """Yield the keys without a limit, as quotas of no value."""
    known = {quota.key for quota in held if quota.share.zone is None}
    for name, key in KEYS.items():
        if name not in known and (maker is None or key.is_of_users):
            yield Quota(key=name, most=-1, share=Share(None, maker))


def _in_order(rows: Iterable[Quota]) -> list[Quota]:
    places = {name: place for place, name in enumerate(KEYS)}
    return sorted(rows, key=lambda row: (places[row.key], row.share.zone or ""))


def _render(call: Call, account: str, quota: Quota) -> dict[str, Any]:
    key = KEYS[quota.key]
    return {
        "Key": quota.key,
        "Means": key.means,
        "Unit": key.unit or None,
        "IsCounted": key.is_counted,
        "Zone": quota.share.zone,
        "Limit": quota.most if quota.most >= 0 else None,
        "Usage": _used(call, account, quota) if key.is_counted else None,
        "SetBy": _source(quota) if quota.most >= 0 else None,
        "UsedBy": _makers(call, account, quota) if key.is_counted and key.is_of_users else None,
    }


def _used(call: Call, account: str, quota: Quota) -> int:
    if quota.key in OF_OBJECTS:
        return buckets.used(call, account, quota)
    if quota.key == ADDRESS_BLOCKS:
        return addresses.blocks_of(call.view, account)
    return quotas.used(call.view, account, quota)


def _makers(call: Call, account: str, quota: Quota) -> list[dict[str, Any]] | None:
    """Return who made most of what is counted, most first; None where nobody in particular did."""
    if quota.share.maker is not None:
        return None
    made = [
        (amounts[quota.key], share.maker)
        for share, amounts in call.view.usage(account).items()
        if share.maker and share.zone == quota.share.zone and quota.key in amounts
    ]
    most = heapq.nlargest(MAKERS_MAX, made)
    return [{"Id": id, "Name": _name(call, id), "Usage": amount} for amount, id in most] or None


def _name(call: Call, id: str) -> str | None:
    """Return the name of a user or role; None for one who is gone."""
    found = call.view.get(records.USER, id) or call.view.get(records.ROLE, id)
    return f"{found.kind.name}/{found.doc.name}" if found is not None else None


def _source(quota: Quota) -> dict[str, Any]:
    if quota.set_by is None:
        return {"Kind": "AWS's own quota"}
    return {
        "Kind": quota.set_by.kind.value,
        "PolicyName": quota.set_by.policy,
        "Sid": quota.set_by.sid,
    }


def _user(call: Call, request: Request) -> tuple[str, ...]:
    """Return the ARN of the user whose quota it is; of an account's, the whole."""
    if "UserName" not in request:
        return ("*",)
    found = entities.find_or_none(call, records.USER, request["UserName"])
    return (entities.arn(found),) if found is not None else ("*",)


def _also(_call: Call, request: Request) -> tuple[str, ...]:
    """A user's quotas are a policy of his, which is IAM's to put and to take."""
    return ("iam:PutUserPolicy", "iam:DeleteUserPolicy") if "UserName" in request else ()


ACTIONS: tuple[Action, ...] = (
    Action(
        service="mallee",
        name="DescribeQuotas",
        does=Read(handle=describe_quotas),
        honours=frozenset({"AccountName", "UserName"}),
        resources=_user,
    ),
    Action(
        service="mallee",
        name="PutQuota",
        does=Write(handle=put_quota),
        honours=frozenset({"AccountName", "UserName", "Key", "Limit", "Zone"}),
        resources=_user,
        also=_also,
    ),
    Action(
        service="mallee",
        name="DeleteQuota",
        does=Write(handle=delete_quota),
        honours=frozenset({"AccountName", "UserName", "Key", "Zone"}),
        resources=_user,
        also=_also,
    ),
)
