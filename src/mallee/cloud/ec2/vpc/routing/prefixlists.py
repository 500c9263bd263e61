"""Managed prefix lists: made, changed version by version, restored, deleted, shown.

Called through the action table. Rules of security groups and routes name a list; what they mean
follows its entries within moments, because hosts are told of the ranges. A list that something
names is not deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import arns, resources, tagset
from mallee.cloud.ec2.vpc import ranges
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.prefixlists import PrefixEntry, PrefixList, PrefixVersion

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_ACCOUNT = 100
MAX_ENTRIES = 1000
MAX_AT_ONCE = 100
MAX_WORDS_LENGTH = 255
RESERVED = "com.amazonaws."
"""How the names begin that AWS gives lists of its own."""

ListRecord = Record[PrefixList, None]


@dataclass(frozen=True, slots=True)
class User:
    """What names a list."""

    id: str
    owner: str


def create_list(
    call: WriteCall, request: shapes.CreateManagedPrefixListRequest
) -> shapes.CreateManagedPrefixListResult:
    """Make a list, with its first entries."""
    family = request["AddressFamily"]
    if family not in ("IPv4", "IPv6"):
        raise errors.InvalidParameterValue(
            f"Value ({family}) for parameter AddressFamily is invalid. It is IPv4 or IPv6."
        )
    if len(call.tx.list(records.PREFIX_LIST, call.account)) >= MAX_PER_ACCOUNT:
        raise errors.PrefixListLimitExceeded(MAX_PER_ACCOUNT)
    most = _check_most(request["MaxEntries"])
    entries = _parse(request.get("Entries") or (), family)
    made = PrefixList(
        id=ids.make("pl", call.entropy(ids.ID_BYTES)),
        name=_check_name(request["PrefixListName"]),
        family=family,
        max_entries=most,
        entries=_fitting(tuple(entries.values()), most),
        tags=tagset.of_new(request, records.PREFIX_LIST.name),
    )
    record = call.tx.insert(records.PREFIX_LIST, call.account, made.id, made)
    return {"PrefixList": _render(call, record)}


def _check_name(name: str) -> str:
    if not name or len(name) > MAX_WORDS_LENGTH or name.startswith(RESERVED):
        raise errors.InvalidParameterValue(
            f"Value ({name}) for parameter PrefixListName is invalid. It has up to "
            f"{MAX_WORDS_LENGTH} characters and does not begin with {RESERVED}"
        )
    return name


def _check_most(most: int) -> int:
    if not 1 <= most <= MAX_ENTRIES:
        raise errors.InvalidParameterValue(
            f"Value ({most}) for parameter MaxEntries is invalid. It ranges from 1 to "
            f"{MAX_ENTRIES}."
        )
    return most


def _parse(given: Iterable[Mapping[str, Any]], family: str) -> dict[str, PrefixEntry]:
    """Return entries by range; raise for a range twice, or of the other family."""
    entries: dict[str, PrefixEntry] = {}
    for item in given:
        parse = ranges.parse4 if family == "IPv4" else ranges.parse6
        cidr = str(parse(item.get("Cidr", ""), "cidr"))
        if cidr in entries:
            raise errors.InvalidParameterValue(f"The CIDR {cidr} is given twice.")
        entries[cidr] = PrefixEntry(cidr, item.get("Description", ""))
    if len(entries) > MAX_AT_ONCE:
        raise errors.InvalidParameterValue(f"One request names at most {MAX_AT_ONCE} entries.")
    return entries


def _fitting(entries: tuple[PrefixEntry, ...], most: int) -> tuple[PrefixEntry, ...]:
    if len(entries) > most:
        raise errors.PrefixListMaxEntriesExceeded(most)
    return entries


def modify_list(
    call: WriteCall, request: shapes.ModifyManagedPrefixListRequest
) -> shapes.ModifyManagedPrefixListResult:
    """Change a list's name, how many entries it may have, or its entries."""
    record = resources.one(call, records.PREFIX_LIST, request["PrefixListId"])
    added = _parse(request.get("AddEntries") or (), record.doc.family)
    removed = _parse(request.get("RemoveEntries") or (), record.doc.family)
    if (added or removed) and "MaxEntries" in request:
        raise errors.InvalidParameterCombination(
            "MaxEntries and entries may not be changed in the same request."
        )
    doc = record.doc
    if "PrefixListName" in request:
        doc = replace(doc, name=_check_name(request["PrefixListName"]))
    if "MaxEntries" in request:
        most = _check_most(request["MaxEntries"])
        _fitting(doc.entries, most)
        doc = replace(doc, max_entries=most)
    if "IpamPrefixListResolverSyncEnabled" in request:
        doc = replace(doc, is_synced=request["IpamPrefixListResolverSyncEnabled"])
    if added or removed:
        _check_own(call, doc)
        _check_version(request, doc)
        doc = next_version(doc, _changed(doc, added, removed))
    return {"PrefixList": _render(call, call.tx.write(record, doc))}


def _changed(
    doc: PrefixList, added: dict[str, PrefixEntry], removed: dict[str, PrefixEntry]
) -> tuple[PrefixEntry, ...]:
    both = added.keys() & removed.keys()
    if both:
        raise errors.InvalidParameterValue(
            f"The CIDR {', '.join(sorted(both))} is to be added and removed."
        )
    entries = {entry.cidr: entry for entry in doc.entries}
    for cidr in removed:
        if entries.pop(cidr, None) is None:
            raise errors.InvalidParameterValue(f"The CIDR {cidr} is not in the list {doc.id}.")
    entries |= added
    return _fitting(tuple(entries.values()), doc.max_entries)


def _check_own(call: WriteCall, doc: PrefixList) -> None:
    """Raise when the entries are a resolver's."""
    for target in call.tx.by(records.RESOLVER_TARGET, "list", doc.id):
        if doc.is_synced:
            raise errors.IncorrectState(
                f"The entries of {doc.id} follow a resolver by {target.id}: disable "
                "IpamPrefixListResolverSyncEnabled first."
            )


def _check_version(request: Request, doc: PrefixList) -> None:
    given: int | None = request.get("CurrentVersion")
    if given is None:
        raise errors.MissingParameter("CurrentVersion")
    if given != doc.version:
        raise errors.PrefixListVersionMismatch(given, doc.version)


def next_version(doc: PrefixList, entries: tuple[PrefixEntry, ...]) -> PrefixList:
    """Return the list's next version, which remembers this one."""
    former = (*doc.former, PrefixVersion(doc.version, doc.entries))
    return replace(doc, version=doc.version + 1, entries=entries, former=former)


def restore_version(
    call: WriteCall, request: shapes.RestoreManagedPrefixListVersionRequest
) -> shapes.RestoreManagedPrefixListVersionResult:
    """Make a new version with the entries of a former one."""
    record = resources.one(call, records.PREFIX_LIST, request["PrefixListId"])
    _check_own(call, record.doc)
    _check_version(request, record.doc)
    entries = _at(record.doc, request["PreviousVersion"])
    doc = next_version(record.doc, _fitting(entries, record.doc.max_entries))
    return {"PrefixList": _render(call, call.tx.write(record, doc))}


def _at(doc: PrefixList, version: int) -> tuple[PrefixEntry, ...]:
    """Return the entries of a version; raise when there is none of that number."""
    if version == doc.version:
        return doc.entries
    for former in doc.former:
        if former.version == version:
            return former.entries
    raise errors.InvalidPrefixListVersion(version, doc.id)


def delete_list(
    call: WriteCall, request: shapes.DeleteManagedPrefixListRequest
) -> shapes.DeleteManagedPrefixListResult:
    """Delete a list that nothing names."""
    record = resources.one(call, records.PREFIX_LIST, request["PrefixListId"])
    if _users(call.tx, record.id) or call.tx.by(records.RESOLVER_TARGET, "list", record.id):
        raise errors.PrefixListInUse(record.id)
    call.tx.delete(record)
    return {"PrefixList": {**_render(call, record), "State": "delete-complete"}}


def _users(view: store.View | store.Tx, id: str) -> list[User]:
    groups = view.by(records.SECURITY_GROUP, "prefix-list", id)
    tables = view.by(records.ROUTE_TABLE, "prefix-list", id)
    transit = view.by(records.TRANSIT_TABLE, "prefix-list", id)
    found = [User(record.id, record.account) for record in (*groups, *tables, *transit)]
    return sorted(found, key=lambda user: user.id)


# --- shown ---


def _find(call: Call, request: shapes.DescribeManagedPrefixListsRequest) -> Iterable[ListRecord]:
    asked: list[str] = request.get("PrefixListIds") or []
    if asked:
        return resources.several(call, records.PREFIX_LIST, asked)
    return sorted(call.view.list(records.PREFIX_LIST, call.account), key=lambda it: it.id)


def _render(call: Call, record: ListRecord) -> shapes.ManagedPrefixList:
    doc = record.doc
    targets = resources.reader(call).by(records.RESOLVER_TARGET, "list", record.id)
    return {
        "PrefixListId": record.id,
        "PrefixListName": doc.name,
        "PrefixListArn": arns.of(call, records.PREFIX_LIST, record.id),
        "AddressFamily": doc.family,
        "MaxEntries": doc.max_entries,
        "Version": doc.version,
        "State": "create-complete" if doc.version == 1 else "modify-complete",
        "OwnerId": record.account,
        "IpamPrefixListResolverTargetId": targets[0].id if targets else None,
        "IpamPrefixListResolverSyncEnabled": doc.is_synced if targets else None,
        "Tags": tagset.shown(doc.tags),
    }


def _find_entries(
    call: Call, request: shapes.GetManagedPrefixListEntriesRequest
) -> Iterable[PrefixEntry]:
    record = resources.one(call, records.PREFIX_LIST, request["PrefixListId"])
    found = _at(record.doc, request.get("TargetVersion", record.doc.version))
    return sorted(found, key=lambda entry: entry.cidr)


def _render_entry(call: Call, entry: PrefixEntry) -> shapes.PrefixListEntry:
    return {"Cidr": entry.cidr, "Description": entry.description or None}


def _find_users(
    call: Call, request: shapes.GetManagedPrefixListAssociationsRequest
) -> Iterable[User]:
    record = resources.one(call, records.PREFIX_LIST, request["PrefixListId"])
    return _users(call.view, record.id)


def _render_user(call: Call, user: User) -> Any:
    return {"ResourceId": user.id, "ResourceOwner": user.owner}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateManagedPrefixList",
        does=Write(handle=create_list),
        honours=frozenset({"PrefixListName", "Entries", "MaxEntries", "AddressFamily"}),
        creates=(records.PREFIX_LIST.name,),
    ),
    Action(
        service="ec2",
        name="ModifyManagedPrefixList",
        does=Write(handle=modify_list),
        honours=frozenset(
            {
                "PrefixListId",
                "CurrentVersion",
                "PrefixListName",
                "AddEntries",
                "RemoveEntries",
                "MaxEntries",
                "IpamPrefixListResolverSyncEnabled",
            }
        ),
    ),
    Action(
        service="ec2",
        name="RestoreManagedPrefixListVersion",
        does=Write(handle=restore_version),
        honours=frozenset({"PrefixListId", "PreviousVersion", "CurrentVersion"}),
    ),
    Action(
        service="ec2",
        name="DeleteManagedPrefixList",
        does=Write(handle=delete_list),
        honours=frozenset({"PrefixListId"}),
    ),
    Action(
        service="ec2",
        name="DescribeManagedPrefixLists",
        does=Listing(
            find=_find,
            render=_render,
            member="PrefixLists",
            filters={
                "owner-id": lambda call, it: (it.account,),
                "prefix-list-id": lambda call, it: (it.id,),
                "prefix-list-name": lambda call, it: (it.doc.name,),
            },
            tags=lambda it: it.doc.tags,
            max_results=(1, 100),
        ),
        honours=frozenset({"PrefixListIds"}),
    ),
    Action(
        service="ec2",
        name="GetManagedPrefixListEntries",
        does=Listing(
            find=_find_entries,
            render=_render_entry,
            member="Entries",
            filters={},
            key=lambda entry: entry.cidr,
            max_results=(1, 100),
        ),
        honours=frozenset({"PrefixListId", "TargetVersion"}),
    ),
    Action(
        service="ec2",
        name="GetManagedPrefixListAssociations",
        does=Listing(
            find=_find_users,
            render=_render_user,
            member="PrefixListAssociations",
            filters={},
            max_results=(5, 255),
        ),
        honours=frozenset({"PrefixListId"}),
    ),
)
