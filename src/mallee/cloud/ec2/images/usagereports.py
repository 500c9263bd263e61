"""Image usage reports: which accounts have how many instances and templates of an image of one's
own.

Called through the action table. All of it is counted in the transaction that makes the report, so
it is complete at once; it is forgotten after thirty days (`reconcile.imagereports`). Instances that
are terminated are not counted, a template once, if one of its newest versions names the image.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.compute.instances import Power
from mallee.model.images.imagereports import (
    DEPTH,
    DEPTH_MAX,
    INSTANCE,
    KEPT_S,
    TEMPLATE,
    TYPES,
    Counted,
    Entry,
    ImageReport,
)

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

AVAILABLE = "available"
REPORTS_MAX = 100
"""Of an account."""
VERSION_DEPTH = "version-depth"
_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)

ReportRecord = Record[ImageReport, None]


@dataclass(frozen=True, slots=True)
class Line:
    """An entry, and the report that has it."""

    report: ReportRecord
    entry: Entry

    @property
    def id(self) -> str:
        """What lines are ordered by."""
        return f"{self.report.id}/{self.entry.type}/{self.entry.account}"


def create(
    call: WriteCall, request: shapes.CreateImageUsageReportRequest
) -> shapes.CreateImageUsageReportResult:
    """Count who uses an image of the caller's."""
    image = resources.one(call, records.IMAGE, request["ImageId"])
    if len(call.tx.list(records.IMAGE_REPORT, call.account)) >= REPORTS_MAX:
        raise errors.ResourceLimitExceeded(
            f"An account has {REPORTS_MAX} image usage reports at most. Delete one."
        )
    counted = _counted(request["ResourceTypes"])
    accounts = _accounts(request.get("AccountIds") or ())
    report = ImageReport(
        id=ids.make("report", call.entropy(ids.ID_BYTES)),
        image_id=image.id,
        counted=counted,
        accounts=accounts,
        entries=tuple(_entries(call.tx, image.id, counted, accounts)),
        created_at=call.now,
        tags=tagset.of_new(request, records.IMAGE_REPORT.name),
    )
    call.tx.insert(records.IMAGE_REPORT, call.account, report.id, report)
    return {"ReportId": report.id}


def _accounts(asked: Iterable[str]) -> tuple[str, ...]:
    """Return whom it is about; raise for what can be no account."""
    for one in asked:
        if not _ACCOUNT.fullmatch(one):
            raise errors.InvalidParameterValue(
                f"Value ({one[:60]}) for parameter AccountIds is invalid. Expecting twelve digits."
            )
    return tuple(dict.fromkeys(asked))


def _counted(asked: Iterable[Any]) -> tuple[Counted, ...]:
    """Return what shall be counted; raise for what cannot be."""
    found: dict[str, Counted] = {}
    for one in asked:
        kind: str = one.get("ResourceType") or ""
        if kind not in TYPES:
            raise errors.InvalidParameterValue(
                f"Value ({kind[:60]}) for parameter ResourceType is invalid: {', '.join(TYPES)}."
            )
        if kind in found:
            raise errors.InvalidParameterValue(f"The ResourceType {kind} is given twice.")
        options = one.get("ResourceTypeOptions") or ()
        found[kind] = Counted(type=kind, depth=_depth(kind, options))
    if not found:
        raise errors.MissingParameter("ResourceType")
    return tuple(found.values())


def _depth(kind: str, options: Iterable[Any]) -> int:
    depth = DEPTH if kind == TEMPLATE else 0
    for option in options:
        name: str = option.get("OptionName") or ""
        values: list[str] = option.get("OptionValues") or []
        if kind != TEMPLATE or name != VERSION_DEPTH or len(values) != 1:
            raise errors.InvalidParameterValue(
                f"{kind} has no option '{name[:60]}' with {len(values)} values: {TEMPLATE} has "
                f"{VERSION_DEPTH} with one."
            )
        (text,) = values
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= DEPTH_MAX):
            raise errors.InvalidParameterValue(f"{VERSION_DEPTH} is from 1 to {DEPTH_MAX}.")
        depth = int(text)
    return depth


def _entries(
    tx: store.Tx, image_id: str, counted: tuple[Counted, ...], accounts: tuple[str, ...]
) -> Iterator[Entry]:
    for one in counted:
        of = _instances(tx, image_id) if one.type == INSTANCE else _templates(tx, image_id, one)
        for account, count in sorted(Counter(of).items()):
            if not accounts or account in accounts:
                yield Entry(type=one.type, account=account, count=count)


def _instances(tx: store.Tx, image_id: str) -> Iterator[str]:
    """Yield the account of each instance of an image that is not terminated."""
    for instance in tx.by(records.INSTANCE, "image", image_id):
        if instance.doc.gone_at is None and instance.doc.power is not Power.TERMINATED:
            yield instance.account


def _templates(tx: store.Tx, image_id: str, wanted: Counted) -> Iterator[str]:
    """Yield the account of each launch template of which a newer version names an image."""
    for template in tx.list(records.LAUNCH_TEMPLATE):
        versions = tx.by(records.TEMPLATE_VERSION, "template", template.id)
        newest = sorted((one.doc for one in versions), key=lambda it: -it.number)[: wanted.depth]
        if any(one.data.get("ImageId") == image_id for one in newest):
            yield template.account


def delete(
    call: WriteCall, request: shapes.DeleteImageUsageReportRequest
) -> shapes.DeleteImageUsageReportResult:
    """Forget a report."""
    call.tx.delete(resources.one(call, records.IMAGE_REPORT, request["ReportId"]))
    return {"Return": True}


def _find(call: Call, request: shapes.DescribeImageUsageReportsRequest) -> Iterable[ReportRecord]:
    """Return the caller's reports: all, or those that are named, or of images that are."""
    asked, images = request.get("ReportIds") or [], request.get("ImageIds") or []
    found = (
        resources.several(call, records.IMAGE_REPORT, asked)
        if asked
        else call.view.ordered(records.IMAGE_REPORT, call.account)
    )
    if not images:
        return found
    wanted = {one.id for one in resources.several(call, records.IMAGE, images)}
    return [one for one in found if one.doc.image_id in wanted]


def _render(_call: Call, record: ReportRecord) -> shapes.ImageUsageReport:
    doc = record.doc
    shown: shapes.ImageUsageReport = {
        "ReportId": record.id,
        "ImageId": doc.image_id,
        "ResourceTypes": [_shown_type(one) for one in doc.counted],
        "State": AVAILABLE,
        "CreationTime": doc.created_at,
        "ExpirationTime": doc.created_at + KEPT_S,
        "Tags": tagset.shown(doc.tags),
    }
    if doc.accounts:
        shown["AccountIds"] = list(doc.accounts)
    return shown


def _shown_type(one: Counted) -> shapes.ImageUsageResourceType:
    shown: shapes.ImageUsageResourceType = {"ResourceType": one.type}
    if one.depth:
        option = {"OptionName": VERSION_DEPTH, "OptionValues": [str(one.depth)]}
        shown["ResourceTypeOptions"] = [option]  # type: ignore[list-item]
    return shown


def _find_entries(
    call: Call, request: shapes.DescribeImageUsageReportEntriesRequest
) -> Iterable[Line]:
    found = _find(call, request)
    lines = [Line(report, entry) for report in found for entry in report.doc.entries]
    return sorted(lines, key=lambda line: line.id)


def _render_entry(_call: Call, line: Line) -> shapes.ImageUsageReportEntry:
    return {
        "ReportId": line.report.id,
        "ImageId": line.report.doc.image_id,
        "ResourceType": line.entry.type,
        "AccountId": line.entry.account,
        "UsageCount": line.entry.count,
        "ReportCreationTime": line.report.doc.created_at,
    }


_FILTERS: dict[str, Callable[[Call, ReportRecord], Iterable[str]]] = {
    "creation-time": lambda call, it: (resources.moment(it.doc.created_at),),
    "state": lambda call, it: (AVAILABLE,),
}
_ENTRY_FILTERS: dict[str, Callable[[Call, Line], Iterable[str]]] = {
    "account-id": lambda call, it: (it.entry.account,),
    "creation-time": lambda call, it: (resources.moment(it.report.doc.created_at),),
    "resource-type": lambda call, it: (it.entry.type,),
}

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateImageUsageReport",
        does=Write(handle=create),
        honours=frozenset(
            {
                "AccountIds",
                "ImageId",
                "ResourceTypes.ResourceType",
                "ResourceTypes.ResourceTypeOptions.OptionName",
                "ResourceTypes.ResourceTypeOptions.OptionValues",
            }
        ),
        creates=(records.IMAGE_REPORT.name,),
    ),
    Action(
        service="ec2",
        name="DeleteImageUsageReport",
        does=Write(handle=delete),
        honours=frozenset({"ReportId"}),
    ),
    Action(
        service="ec2",
        name="DescribeImageUsageReports",
        does=Listing(
            find=_find,
            render=_render,
            member="ImageUsageReports",
            filters=_FILTERS,
            tags=lambda it: it.doc.tags,
            max_results=(1, 500),
        ),
        honours=frozenset({"ImageIds", "ReportIds"}),
    ),
    Action(
        service="ec2",
        name="DescribeImageUsageReportEntries",
        does=Listing(
            find=_find_entries,
            render=_render_entry,
            member="ImageUsageReportEntries",
            filters=_ENTRY_FILTERS,
            max_results=(1, 500),
        ),
        honours=frozenset({"ImageIds", "ReportIds"}),
    ),
)
