"""Who may use a snapshot besides its owner: by name, or everybody; and what stops the latter.

A shared snapshot is seen, made into volumes and copied by those with whom it is shared, and
changed by nobody but its owner. An account may block that its snapshots are everybody's: newly, or
at all. Called through the action table, and by whoever makes something of a snapshot.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.ec2 import accountsettings, binned, resources
from mallee.cloud.ec2.storage import ebskeys
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.storage.snapshots import Sharing, Snapshot, SnapshotSeen

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

SnapshotRecord = Record[Snapshot, SnapshotSeen]
Reader = store.View | store.Tx

EVERYBODY = "all"
OWN = "self"
ADD, REMOVE = "add", "remove"
UNBLOCKED = "unblocked"
BLOCK_ALL = "block-all-sharing"
PERMISSION = "createVolumePermission"
ACCOUNTS_MAX = 500
"""With whom a snapshot is shared by name: what is asked about each is looked at each time."""
_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)


# --- whose it is to use ---


def usable(call: Call, text: str) -> SnapshotRecord:
    """Return a snapshot of which the caller may make volumes and copies.

    Raises `InvalidSnapshotID.Malformed`, or `InvalidSnapshot.NotFound` also for what is not his.
    """
    return _seen(call, (text,))[0]


def may_use(reader: Reader, record: SnapshotRecord, account: str) -> bool:
    """Tell whether an account may make volumes and copies of a snapshot."""
    if binned.is_binned(record):
        return False
    if record.account == account or account in record.doc.sharing.accounts:
        return True
    return is_everybodys(reader, record)


def is_everybodys(reader: Reader, record: SnapshotRecord) -> bool:
    """Tell whether everybody may use it: it is shared so, and its account does not block that."""
    return (
        record.doc.sharing.is_public
        and accountsettings.of(reader, record.account).snapshot_sharing != BLOCK_ALL
    )


def _seen(call: Call, texts: Iterable[str]) -> list[SnapshotRecord]:
    asked = list(dict.fromkeys(resources.check_form(records.SNAPSHOT, text) for text in texts))
    reader = resources.reader(call)
    found = [reader.get(records.SNAPSHOT, id) for id in asked]
    seen = [one for one in found if one is not None and may_use(reader, one, call.account)]
    there = {one.id for one in seen}
    if missing := [id for id in asked if id not in there]:
        raise resources.not_found(records.SNAPSHOT, missing)
    return seen


# --- what is described ---


class _Ordered:
    """An account's own snapshots, and those that others let it see."""

    def __init__(self, call: Call, others: list[SnapshotRecord]) -> None:
        self._own = binned.Shown(call.view.ordered(records.SNAPSHOT, call.account))
        self._others = sorted(others, key=lambda one: one.id)

    def __iter__(self) -> Iterator[SnapshotRecord]:
        yield from self._own
        yield from self._others

    def after(self, key: str) -> Iterator[SnapshotRecord]:
        """Return those whose id comes after."""
        others = (one for one in self._others if one.id > key)
        return heapq.merge(self._own.after(key), others, key=lambda one: one.id)


def find(call: Call, request: shapes.DescribeSnapshotsRequest) -> Iterable[SnapshotRecord]:
    """Return the snapshots that the caller asks for, of those that he may see.

    Tags are their owner's: others are neither shown them nor find by them.
    """
    owners: list[str] = request.get("OwnerIds") or []
    users: list[str] = request.get("RestorableByUserIds") or []
    if ids := request.get("SnapshotIds"):
        found: Iterable[SnapshotRecord] = [_shown(call, one) for one in _seen(call, ids)]
    elif owners and not users and set(owners) <= {OWN, call.account}:
        return binned.Shown(call.view.ordered(records.SNAPSHOT, call.account))
    else:
        found = _Ordered(call, [_shown(call, one) for one in _of_others(call)])
    if not owners and not users:
        return found
    return [
        one
        for one in sorted(found, key=lambda one: one.id)
        if (not owners or _is_of(call, one, owners))
        and (not users or _is_restorable(call, one, users))
    ]


def _of_others(call: Call) -> list[SnapshotRecord]:
    by_name = call.view.by(records.SNAPSHOT, "shared", call.account)
    public = call.view.by(records.SNAPSHOT, "shared", EVERYBODY)
    found = {one.id: one for one in (*by_name, *public) if one.account != call.account}
    return [one for one in found.values() if may_use(call.view, one, call.account)]


def _shown(call: Call, record: SnapshotRecord) -> SnapshotRecord:
    if record.account == call.account:
        return record
    return replace(record, doc=replace(record.doc, tags={}))


def _is_of(call: Call, record: SnapshotRecord, owners: list[str]) -> bool:
    return record.account in owners or (OWN in owners and record.account == call.account)


def _is_restorable(call: Call, record: SnapshotRecord, users: list[str]) -> bool:
    """Tell whether one of those named may use it: the caller by `self`, everybody by `all`."""
    if EVERYBODY in users and is_everybodys(call.view, record):
        return True
    named = {call.account if user == OWN else user for user in users} - {EVERYBODY}
    return record.account in named or not named.isdisjoint(record.doc.sharing.accounts)


# --- the attribute ---


def modify_attribute(call: WriteCall, request: shapes.ModifySnapshotAttributeRequest) -> Result:
    """Share a snapshot with accounts or everybody, or share it no longer."""
    record = resources.one(call, records.SNAPSHOT, request["SnapshotId"])
    if request.get("Attribute", PERMISSION) != PERMISSION:
        raise errors.UnsupportedOperation("Snapshots have no product codes here.")
    added, removed = _changes(request)
    before = record.doc.sharing
    if added:
        ebskeys.check_shareable(call, record.doc.key, is_public=EVERYBODY in added)
    if EVERYBODY in added and not before.is_public:
        _check_may_be_public(call)
    is_public = (before.is_public or EVERYBODY in added) and EVERYBODY not in removed
    accounts = {*before.accounts, *added} - {*removed, EVERYBODY}
    if len(accounts) > ACCOUNTS_MAX:
        raise errors.InvalidParameterValue(
            f"A snapshot is shared with {ACCOUNTS_MAX} accounts at most."
        )
    sharing = Sharing(is_public=is_public, accounts=tuple(sorted(accounts)))
    if sharing != before:
        call.tx.write(record, replace(record.doc, sharing=sharing))
    return {}


def _changes(request: shapes.ModifySnapshotAttributeRequest) -> tuple[set[str], set[str]]:
    """Return who shall be added and who removed, in whichever of two ways it is said."""
    said = [*(request.get("UserIds") or []), *(request.get("GroupNames") or [])]
    wanted = request.get("CreateVolumePermission") or {}
    operation = request.get("OperationType")
    if wanted and (said or operation):
        raise errors.InvalidParameterCombination(
            "CreateVolumePermission cannot be used with OperationType, UserIds and GroupNames."
        )
    if said and operation is None:
        raise errors.MissingParameter("OperationType")
    added = said if operation == ADD else []
    removed = said if operation == REMOVE else []
    changes = (
        {*added, *_named(wanted.get("Add") or [])},
        {*removed, *_named(wanted.get("Remove") or [])},
    )
    if not any(changes):
        raise errors.MissingParameter("CreateVolumePermission, or UserIds or GroupNames")
    for text in sorted(changes[0] | changes[1]):
        if text != EVERYBODY and not _ACCOUNT.fullmatch(text):
            raise errors.InvalidUserIDMalformed(text)
    return changes


def _named(permissions: list[shapes.CreateVolumePermission]) -> Iterator[str]:
    for one in permissions:
        group, user = one.get("Group"), one.get("UserId")
        if (group is None) is (user is None):
            raise errors.InvalidParameterCombination(
                "A permission has either Group or UserId, and not both."
            )
        yield group or user or ""


def _check_may_be_public(call: WriteCall) -> None:
    if accountsettings.of(call.tx, call.account).snapshot_sharing != UNBLOCKED:
        raise errors.OperationNotPermitted(
            "Block public access for snapshots is enabled in this account: no snapshot is shared "
            "with everybody. DisableSnapshotBlockPublicAccess permits it."
        )


def describe_attribute(
    call: Call, request: shapes.DescribeSnapshotAttributeRequest
) -> shapes.DescribeSnapshotAttributeResult:
    """Show with whom a snapshot is shared."""
    record = resources.one(call, records.SNAPSHOT, request["SnapshotId"])
    if request["Attribute"] != PERMISSION:
        return {"SnapshotId": record.id, "ProductCodes": []}
    sharing = record.doc.sharing
    shown: list[shapes.CreateVolumePermission] = [{"UserId": one} for one in sharing.accounts]
    if sharing.is_public:
        shown.insert(0, {"Group": EVERYBODY})
    return {"SnapshotId": record.id, "CreateVolumePermissions": shown}


def reset_attribute(call: WriteCall, request: shapes.ResetSnapshotAttributeRequest) -> Result:
    """Share a snapshot with nobody."""
    record = resources.one(call, records.SNAPSHOT, request["SnapshotId"])
    if request["Attribute"] != PERMISSION:
        raise errors.UnsupportedOperation("Snapshots have no product codes here.")
    if record.doc.sharing != Sharing():
        call.tx.write(record, replace(record.doc, sharing=Sharing()))
    return {}


# --- what an account blocks ---


def enable_block(
    call: WriteCall, request: shapes.EnableSnapshotBlockPublicAccessRequest
) -> shapes.EnableSnapshotBlockPublicAccessResult:
    """Block that snapshots are everybody's: all, or those that are not yet."""
    if request["State"] == UNBLOCKED:
        raise errors.InvalidParameterValue(
            "unblocked is set by DisableSnapshotBlockPublicAccess alone."
        )
    return {"State": _set_block(call, request["State"])}


def disable_block(
    call: WriteCall, _: shapes.DisableSnapshotBlockPublicAccessRequest
) -> shapes.DisableSnapshotBlockPublicAccessResult:
    """Block nothing; what was everybody's before is again."""
    return {"State": _set_block(call, UNBLOCKED)}


def _set_block(call: WriteCall, state: str) -> str:
    before = accountsettings.of(call.tx, call.account)
    accountsettings.write(call.tx, call.account, replace(before, snapshot_sharing=state))
    return state


def get_block(
    call: Call, _: shapes.GetSnapshotBlockPublicAccessStateRequest
) -> shapes.GetSnapshotBlockPublicAccessStateResult:
    """Show what is blocked."""
    state = accountsettings.of(call.view, call.account).snapshot_sharing
    return {"State": state, "ManagedBy": "account"}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="ModifySnapshotAttribute",
        does=Write(handle=modify_attribute),
        honours=frozenset(
            {
                "Attribute",
                "CreateVolumePermission",
                "GroupNames",
                "OperationType",
                "SnapshotId",
                "UserIds",
            }
        ),
    ),
    Action(
        service="ec2",
        name="DescribeSnapshotAttribute",
        does=Read(handle=describe_attribute),
        honours=frozenset({"Attribute", "SnapshotId"}),
    ),
    Action(
        service="ec2",
        name="ResetSnapshotAttribute",
        does=Write(handle=reset_attribute),
        honours=frozenset({"Attribute", "SnapshotId"}),
    ),
    Action(
        service="ec2",
        name="EnableSnapshotBlockPublicAccess",
        does=Write(handle=enable_block),
        honours=frozenset({"State"}),
    ),
    Action(
        service="ec2",
        name="DisableSnapshotBlockPublicAccess",
        does=Write(handle=disable_block),
        honours=frozenset(),
    ),
    Action(
        service="ec2",
        name="GetSnapshotBlockPublicAccessState",
        does=Read(handle=get_block),
        honours=frozenset(),
    ),
)
