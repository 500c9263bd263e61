"""Server access logging: whether a bucket's requests are logged, and into which bucket.

Called by the pipeline. Not its business: what a line says (`accesslog`), and who may be written to
(`drafts`): as on AWS that is asked when logs are delivered, so a policy may come later.
"""

from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Read, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.s3 import rows
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.rows import Asked
from mallee.model.storage.buckets import LOGGING

_ENABLED = "LoggingEnabled"
_FORMATS = ("SimplePrefix", "PartitionedPrefix")
_DATES = ("EventTime", "DeliveryTime")
PREFIX_MAX = 512
"""Bytes: what follows in a key of a log or an inventory fits behind them."""


def put(call: WriteCall, asked: Asked) -> Result:
    """Say where a bucket's requests are logged, or that they are not."""
    record = buckets.asked_for(call.view, asked)
    status: Asked = asked.get("BucketLoggingStatus") or {}
    wanted: Any = status.get(_ENABLED)
    documents = {name: one for name, one in record.doc.documents.items() if name != LOGGING}
    if wanted is not None:
        documents[LOGGING] = _kept(call, record, wanted)
    call.tx.write(record, replace(record.doc, documents=documents))
    return {}


def get(call: Call, asked: Asked) -> Result:
    """Return where a bucket's requests are logged."""
    kept = buckets.asked_for(call.view, asked).doc.documents.get(LOGGING)
    return {} if kept is None else {_ENABLED: kept}


def _kept(call: Call, record: buckets.BucketRecord, wanted: Asked) -> dict[str, Any]:
    name: str = wanted.get("TargetBucket") or ""
    prefix: str = wanted.get("TargetPrefix") or ""
    target = buckets.find(call.view, name)
    if target is None:
        raise errors.s3.InvalidTargetBucketForLogging(
            "The target bucket for logging does not exist", bucket=name[:255]
        )
    if target.account != record.account:
        raise errors.s3.InvalidTargetBucketForLogging(
            "The owner for the bucket to be logged and the target bucket must be the same.",
            bucket=name,
        )
    if target.doc.retention is not None:
        raise errors.s3.InvalidTargetBucketForLogging(
            "The target bucket for logging cannot have a default retention period.", bucket=name
        )
    if len(prefix.encode()) > PREFIX_MAX:
        raise errors.s3.InvalidArgument("The target prefix is too long", argument="TargetPrefix")
    kept = {"TargetBucket": name, "TargetPrefix": prefix}
    form: Any = wanted.get("TargetObjectKeyFormat")
    return kept if form is None else {**kept, "TargetObjectKeyFormat": _format(form)}


def _format(form: Asked) -> dict[str, Any]:
    """Return the form of the keys of logs; raise unless it is one of the two."""
    given = [name for name in _FORMATS if form.get(name) is not None]
    if len(given) != 1:
        raise errors.s3.MalformedXML()
    if given == ["SimplePrefix"]:
        return {"SimplePrefix": {}}
    source: str | None = form["PartitionedPrefix"].get("PartitionDateSource")
    if source not in _DATES:
        raise errors.s3.MalformedXML()
    return {"PartitionedPrefix": {"PartitionDateSource": source}}


_WANTED = f"BucketLoggingStatus.{_ENABLED}"

ACTIONS = (
    rows.of_bucket(
        "PutBucketLogging",
        Write(handle=put),
        "s3:PutBucketLogging",
        (
            *("ChecksumAlgorithm", "ContentMD5"),
            *(
                f"{_WANTED}.{member}"
                for member in ("TargetBucket", "TargetPrefix", "TargetObjectKeyFormat")
            ),
        ),
    ),
    rows.of_bucket("GetBucketLogging", Read(handle=get), "s3:GetBucketLogging"),
)
