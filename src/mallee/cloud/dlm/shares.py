"""Event based policies: what other accounts share with this one is copied, and kept for a while.

A policy names the accounts, and which descriptions it means, by a regular expression. What was
shared before it began to act is not copied; what is shared once more later, is once more. There is
one event (`shareSnapshot`), one action, and one region to copy to. Called by `policies` and
`reconcile.lifecycles`. Pure but for reading.
"""

import re
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.call import Request
from mallee.cloud.dlm import details
from mallee.cloud.dlm.naming import PolicyRecord
from mallee.cloud.state import records, store
from mallee.model.storage.lifecycles import (
    CreateRule,
    Keep,
    OnShared,
    Policy,
    Schedule,
    Target,
    Type,
)

_PARAMETERS = ("EventType", "SnapshotOwner", "DescriptionRegex")
_COPY = "PolicyDetails.Actions.CrossRegionCopy"
HONOURS = frozenset(
    {
        "PolicyDetails.EventSource.Type",
        *(f"PolicyDetails.EventSource.Parameters.{name}" for name in _PARAMETERS),
        "PolicyDetails.Actions.Name",
        f"{_COPY}.Target",
        f"{_COPY}.EncryptionConfiguration.Encrypted",
        f"{_COPY}.EncryptionConfiguration.CmkArn",
        f"{_COPY}.RetainRule.Interval",
        f"{_COPY}.RetainRule.IntervalUnit",
    }
)
_MEANT = {"PolicyType", "EventSource", "Actions", "PolicyLanguage"}
_ATOM = r"(?:\\[^a-zA-Z0-9]|\\[dwsDWS]|\[\^?(?:\\.|[^\]\\])+\]|[^\\\[\](){}*+?|^$])"
_PLAIN = re.compile(rf"\^?(?:{_ATOM}[*+?]?)*\$?")
"""Expressions that are looked for in a time that can be told: no groups, and no choices."""
_REPEATED = re.compile(rf"{_ATOM}(?=[*+?])")
"""Some of `a?a?a?aaa` take as long as all others together."""
_REPEATED_MAX = 3

Reader = store.View | store.Tx


def apply(policy: Policy, said: Request, region: str) -> Policy:
    """Return the policy with what a request says of it; raise `InvalidRequestException`."""
    if strange := said.keys() - _MEANT:
        raise errors.dlm.InvalidRequestException(
            f"{min(strange)} is not for policies of the type {Type.EVENTS.value}."
        )
    source, actions = said.get("EventSource"), said.get("Actions") or ()
    if not source or not source.get("Parameters") or len(actions) != 1:
        raise errors.dlm.InvalidRequestException(
            "An event based policy has an EventSource with its Parameters, and one of Actions."
        )
    (action,) = actions
    copies: list[Request] = action["CrossRegionCopy"]
    if len(copies) != 1 or copies[0]["Target"] != region:
        raise errors.UnsupportedOperation(
            f"This cloud has one region: an action copies to {region}, and nowhere else."
        )
    (copy,) = copies
    if not action["Name"]:
        raise errors.dlm.InvalidRequestException("An action has a Name.")
    return replace(
        policy,
        type=Type.EVENTS,
        target=Target.VOLUME,
        schedules=(Schedule(name=action["Name"], create=CreateRule(), keep=_keep(copy)),),
        on_shared=_on_shared(source["Parameters"], copy["EncryptionConfiguration"]),
    )


def _on_shared(parameters: Request, encryption: Request) -> OnShared:
    owners: tuple[str, ...] = tuple(parameters["SnapshotOwner"])
    if not owners:
        raise errors.dlm.InvalidRequestException("SnapshotOwner must be given.")
    key: str = encryption.get("CmkArn") or ""
    if key and not encryption["Encrypted"]:
        raise errors.dlm.InvalidRequestException("CmkArn is for copies that are Encrypted.")
    description: str = parameters["DescriptionRegex"]
    _check_expression(description)
    return OnShared(
        owners=owners,
        description=description,
        encrypts=encryption["Encrypted"],
        kms_key=key,
    )


def _check_expression(text: str) -> None:
    """Raise for what may take forever, or is no expression."""
    if not _PLAIN.fullmatch(text) or len(_REPEATED.findall(text)) > _REPEATED_MAX:
        raise errors.UnsupportedOperation(
            "DescriptionRegex is not supported by this cloud with groups, choices, or more than "
            f"{_REPEATED_MAX} repetitions."
        )
    try:
        re.compile(text)
    except re.error as error:
        raise errors.dlm.InvalidRequestException(f"Invalid DescriptionRegex: {error}") from error


def _keep(copy: Request) -> Keep:
    rule: Request | None = copy.get("RetainRule")
    if not rule:
        raise errors.dlm.InvalidRequestException("A copy has a RetainRule.")
    return details.keep_of(rule)


def shown(policy: Policy, region: str) -> dict[str, Any]:
    """Return what an event based policy says, as it is shown."""
    wanted, (schedule,) = policy.on_shared, policy.schedules
    assert wanted is not None
    encryption: dict[str, Any] = {"Encrypted": wanted.encrypts}
    if wanted.kms_key:
        encryption["CmkArn"] = wanted.kms_key
    keep = schedule.keep
    return {
        "PolicyType": policy.type.value,
        "EventSource": {
            "Type": "MANAGED_CWE",
            "Parameters": {
                "EventType": "shareSnapshot",
                "SnapshotOwner": list(wanted.owners),
                "DescriptionRegex": wanted.description,
            },
        },
        "Actions": [
            {
                "Name": schedule.name,
                "CrossRegionCopy": [
                    {
                        "Target": region,
                        "EncryptionConfiguration": encryption,
                        "RetainRule": {"Interval": keep.interval, "IntervalUnit": keep.unit},
                    }
                ],
            }
        ],
    }


# --- what it is about ---


def now(view: Reader, policy: PolicyRecord) -> tuple[str, ...]:
    """Return the ids of all that is shared now of what a policy means."""
    wanted = policy.doc.on_shared
    assert wanted is not None
    expression = re.compile(wanted.description)
    found = (
        one.id
        for one in view.by(records.SNAPSHOT, "shared", policy.account)
        if one.account in wanted.owners
        and one.doc.binned is None
        and expression.fullmatch(one.doc.description)
    )
    return tuple(sorted(found))


def due(view: Reader, policy: PolicyRecord) -> tuple[str, ...]:
    """Return the ids of what is to be copied, and can be: all of it is there."""
    had = set(policy.seen.shared if policy.seen is not None else ())
    found = (view.get(records.SNAPSHOT, id) for id in now(view, policy) if id not in had)
    return tuple(one.id for one in found if one is not None and one.doc.content is not None)


def request(policy: PolicyRecord, snapshot_id: str, region: str) -> dict[str, Any]:
    """Return what is asked to have a snapshot copied."""
    wanted, (schedule,) = policy.doc.on_shared, policy.doc.schedules
    assert wanted is not None
    asked: dict[str, Any] = {
        "SourceSnapshotId": snapshot_id,
        "SourceRegion": region,
        "Description": f"Copied of {snapshot_id} for policy: {policy.id} action: {schedule.name}",
    }
    if wanted.encrypts:
        asked["Encrypted"] = True
    if wanted.kms_key:
        asked["KmsKeyId"] = wanted.kms_key
    return asked
