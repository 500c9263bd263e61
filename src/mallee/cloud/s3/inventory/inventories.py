"""Inventories: which lists of a bucket's objects are made from time to time, and where they go.

Called by the pipeline. Not its business: making them (`inventorying`), and what is in a line
(`inventoryrows`). Lists are CSV; ORC and Parquet are refused, as are fields that nothing here has.
"""

import re
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Read, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.s3 import rows
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.buckets.buckets import BucketRecord
from mallee.cloud.s3.inventory import inventoryrows
from mallee.cloud.s3.logs import accesslogging
from mallee.cloud.s3.rows import Asked
from mallee.model.storage.buckets import INVENTORY

OF_BUCKET_MAX = 1000
PAGE = 100
ARN = "arn:aws:s3:::"
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FREQUENCIES = ("Daily", "Weekly")
_VERSIONS = ("All", "Current")


def put(call: WriteCall, asked: Asked) -> Result:
    """Set an inventory of a bucket, in the place of one of the same id."""
    record = buckets.asked_for(call.view, asked)
    wanted: Asked = asked["InventoryConfiguration"]
    id: str = asked["Id"]
    if wanted.get("Id") != id or not _ID.fullmatch(id):
        raise errors.s3.InvalidConfigurationId()
    _check(call, wanted)
    kept = dict(of(record))
    kept[id] = wanted
    if len(kept) > OF_BUCKET_MAX:
        raise errors.s3.TooManyConfigurations()
    call.tx.write(record, replace(record.doc, documents={**record.doc.documents, INVENTORY: kept}))
    return {}


def get(call: Call, asked: Asked) -> Result:
    """Return an inventory's configuration."""
    record = buckets.asked_for(call.view, asked)
    return {"InventoryConfiguration": _named(record, asked["Id"])}


def delete(call: WriteCall, asked: Asked) -> Result:
    """Make an inventory no more; its lists stay."""
    record = buckets.asked_for(call.view, asked)
    _named(record, asked["Id"])
    kept = {id: one for id, one in of(record).items() if id != asked["Id"]}
    documents = {name: one for name, one in record.doc.documents.items() if name != INVENTORY}
    if kept:
        documents[INVENTORY] = kept
    call.tx.write(record, replace(record.doc, documents=documents))
    return {}


def list_all(call: Call, asked: Asked) -> Result:
    """List the inventories of a bucket by id."""
    record = buckets.asked_for(call.view, asked)
    after: str = asked.get("ContinuationToken") or ""
    found = sorted(id for id in of(record) if id > after)
    result: dict[str, object] = {"IsTruncated": len(found) > PAGE}
    if after:
        result["ContinuationToken"] = after
    if found:
        result["InventoryConfigurationList"] = [of(record)[id] for id in found[:PAGE]]
    if len(found) > PAGE:
        result["NextContinuationToken"] = found[PAGE - 1]
    return result


def of(record: BucketRecord) -> dict[str, Any]:
    """Return a bucket's inventories by id."""
    found: dict[str, Any] = record.doc.documents.get(INVENTORY) or {}
    return found


def _named(record: BucketRecord, id: str) -> Any:
    found = of(record).get(id)
    if found is None:
        raise errors.s3.NoSuchConfiguration(bucket=record.id)
    return found


def _check(call: Call, wanted: Asked) -> None:
    """Raise unless it is an inventory that can be made."""
    schedule: Any = wanted.get("Schedule")
    is_right = (
        wanted.get("IsEnabled") is not None
        and wanted.get("IncludedObjectVersions") in _VERSIONS
        and schedule is not None
        and schedule.get("Frequency") in _FREQUENCIES
    )
    place: Any = wanted.get("Destination")
    place = place.get("S3BucketDestination") if place else None
    if not is_right or not place:
        raise errors.s3.MalformedXML()
    form: str = place.get("Format") or ""
    if form != "CSV":
        raise errors.s3.NotImplemented(f"Inventories are CSV in this cloud, not {form[:20]}.")
    for name in wanted.get("OptionalFields") or ():
        if name not in inventoryrows.FIELDS:
            raise errors.s3.NotImplemented(f"The field {name[:100]} is not part of inventories.")
    sealed: Any = place.get("Encryption")
    if sealed is not None and sealed.get("SSEKMS") is not None:
        raise errors.s3.NotImplemented("Inventories are encrypted by SSE-S3 or by the bucket.")
    arn: str = place.get("Bucket") or ""
    target = buckets.find(call.view, arn.removeprefix(ARN)) if arn.startswith(ARN) else None
    if target is None or place.get("AccountId") not in (None, target.account):
        raise errors.s3.InvalidS3DestinationBucket()
    prefix: str = place.get("Prefix") or ""
    if len(prefix.encode()) > accesslogging.PREFIX_MAX:
        # Nobody could ask for a longer key, nor delete it.
        raise errors.s3.InvalidArgument("The prefix is too long", argument="Prefix")


ACTIONS = (
    rows.of_bucket(
        "PutBucketInventoryConfiguration",
        Write(handle=put),
        "s3:PutInventoryConfiguration",
        ("Id", "InventoryConfiguration"),
    ),
    rows.of_bucket(
        "GetBucketInventoryConfiguration",
        Read(handle=get),
        "s3:GetInventoryConfiguration",
        ("Id",),
    ),
    rows.of_bucket(
        "DeleteBucketInventoryConfiguration",
        Write(handle=delete),
        "s3:PutInventoryConfiguration",
        ("Id",),
    ),
    rows.of_bucket(
        "ListBucketInventoryConfigurations",
        Read(handle=list_all),
        "s3:GetInventoryConfiguration",
        ("ContinuationToken",),
    ),
)
