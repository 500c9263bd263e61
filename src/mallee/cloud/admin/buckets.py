"""Buckets of all accounts, what they hold, and scrubs of what they hold.

Called through the action table. A scrub is done by the process that has the objects
(`cloud.s3.scrubbing`). Not its business: objects themselves, which are their owners'.
"""

import datetime
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.admin import rows
from mallee.cloud.admin.people import accounts
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.quotas import Quota
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.identity import quotas
from mallee.model.identity.accounts import SYSTEM
from mallee.model.storage import buckets, scrubs
from mallee.model.storage.buckets import Quota as BucketQuota
from mallee.model.storage.scrubs import Scrub, ScrubSeen
from mallee.walrus.records import Usage

_MIB = 1 << 20

ScrubRecord = Record[Scrub, ScrubSeen]


def describe_buckets(call: Call, request: Request) -> Result:
    """Describe the buckets of an account, or of all, with what they hold."""
    account: str | None = None
    if "AccountName" in request:
        account = accounts.named(call, request["AccountName"]).id
    held = call.holdings()
    there = (one for one in call.view.list(records.BUCKET, account) if one.account != SYSTEM.id)
    found = sorted(there, key=lambda one: one.id)
    shown: list[dict[str, Any]] = []
    for record in found:
        owner = call.view.get(records.ACCOUNT, record.account)
        usage = held.get(record.doc.number, Usage(0, 0))
        shown.append(
            {
                **_quota(record.doc.quota or BucketQuota()),
                "BucketName": record.id,
                "AccountId": record.account,
                "AccountName": owner.doc.name if owner else "",
                "CreatedAt": _time(record.doc.created_at),
                "Versions": usage.versions,
                "Bytes": usage.bytes,
                "Parts": usage.parts,
                "PartBytes": usage.part_bytes,
                "Versioning": record.doc.versioning.value,
                "IsEncrypted": buckets.ENCRYPTION in record.doc.documents,
            }
        )
    return {"Buckets": shown}


def used(call: Call, account: str, quota: Quota) -> int:
    """Return how much of an account's, or of what a user made, a quota of objects counts: of the
    fullest bucket, or of all together."""
    held = call.holdings()
    maker = quota.share.maker
    found = [
        held.get(record.doc.number, Usage(0, 0))
        for record in call.view.list(records.BUCKET, account)
        if maker in (None, record.doc.made_by)
    ]
    if quota.key == quotas.BUCKET_OBJECTS:
        return max((one.versions for one in found), default=0)
    sizes = [one.stored for one in found]
    size = sum(sizes) if quota.key == quotas.BUCKETS_SIZE else max(sizes, default=0)
    return -(-size // _MIB)


def put_quota(call: WriteCall, request: Request) -> Result:
    """Set the most that a bucket may hold; what is not named is not limited."""
    record = call.tx.get(records.BUCKET, request["BucketName"])
    if record is None:
        raise errors.NoSuchEntity("bucket", request["BucketName"])
    quota = BucketQuota(bytes=request.get("Bytes"), objects=request.get("Objects"))
    if any(most is not None and most < 0 for most in (quota.bytes, quota.objects)):
        raise errors.InvalidInput("A quota is zero or more.")
    is_any = quota != BucketQuota()
    call.tx.write(record, replace(record.doc, quota=quota if is_any else None))
    return {}


def start_scrub(call: WriteCall, request: Request) -> Result:
    """Want a scrub; one that has not begun is the one that is wanted."""
    found = _by_age(call.tx.list(records.SCRUB))
    for scrub in found:
        if scrub.seen is None:
            return {"Scrub": _render(scrub)}
    ended = [one for one in found if one.seen is not None and one.seen.ended_at]
    for scrub in ended[scrubs.KEPT - 1 :]:
        call.tx.delete(scrub)
    wanted = Scrub(id=ids.make("scrub", call.entropy(ids.ID_BYTES)), requested_at=call.tx.now)
    return {"Scrub": _render(call.tx.insert(records.SCRUB, "", wanted.id, wanted))}


def describe_scrubs(call: Call, request: Request) -> Result:
    """Describe the scrubs, newest first, and what they found."""
    return {"Scrubs": [_render(one) for one in _by_age(call.view.list(records.SCRUB))]}


def _quota(quota: BucketQuota) -> dict[str, Any]:
    shown = {"BytesQuota": quota.bytes, "ObjectsQuota": quota.objects}
    return {name: most for name, most in shown.items() if most is not None}


def _by_age(found: "list[ScrubRecord]") -> list[ScrubRecord]:
    return sorted(found, key=lambda one: one.doc.requested_at, reverse=True)


def _render(scrub: ScrubRecord) -> dict[str, Any]:
    doc, seen = scrub.doc, scrub.seen
    shown: dict[str, Any] = {
        "ScrubId": doc.id,
        "RequestedAt": _time(doc.requested_at),
        "State": "requested",
    }
    if seen is None:
        return shown
    if not seen.ended_at:
        return {**shown, "State": "reading"}
    return {
        **shown,
        "State": "ended",
        "EndedAt": _time(seen.ended_at),
        "Blobs": seen.blobs,
        "Bytes": seen.bytes,
        "Damaged": seen.damaged,
        "LostObjects": [
            {"BucketName": one.bucket, "Key": one.key, "VersionId": one.version}
            for one in seen.lost
        ],
    }


def _time(at: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at, datetime.UTC)


ACTIONS: tuple[Action, ...] = (
    rows.of_administrators("DescribeBuckets", Read(handle=describe_buckets), "AccountName"),
    rows.of_administrators(
        "PutBucketQuota", Write(handle=put_quota), "BucketName", "Bytes", "Objects"
    ),
    rows.of_administrators("StartScrub", Write(handle=start_scrub)),
    rows.of_administrators("DescribeScrubs", Read(handle=describe_scrubs)),
)
