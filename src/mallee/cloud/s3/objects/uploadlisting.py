"""What is on its way: the uploads of a bucket, and the parts of one of them.

Called by the pipeline. Not its business: uploads themselves (`uploads`).
"""

from mallee.cloud.action import Serve
from mallee.cloud.s3 import rows
from mallee.cloud.s3.access import acls
from mallee.cloud.s3.buckets import buckets, lifecycle
from mallee.cloud.s3.exchange import Answer, ObjectCall
from mallee.cloud.s3.objects import about, conditions, listing, objects, uploads, versions
from mallee.cloud.s3.objects.listing import Text
from mallee.cloud.s3.rows import Asked
from mallee.cloud.s3.sealing import encryption
from mallee.walrus.records import Upload, UploadPart


async def list_parts(call: ObjectCall, asked: Asked) -> Answer:
    """List the parts of an upload that have arrived."""
    where = versions.place(call, asked)
    upload = await uploads.look(call, where, asked["UploadId"])
    kept = about.of_upload(upload)
    await uploads.check_key(call, where, asked)
    limit = listing.limit_of(asked, "MaxParts", "max-parts")
    after = listing.after_part(asked)
    reader = call.engine.reader
    found = await call.in_thread(lambda: reader.upload_parts(upload.id, after, limit + 1))
    shown = found[:limit]
    result: dict[str, object] = {
        "Bucket": call.bucket,
        "Key": asked["Key"],
        "UploadId": upload.id,
        "PartNumberMarker": after,
        "MaxParts": limit,
        "IsTruncated": len(found) > limit and bool(shown),
        "Parts": [_part(part, kept.algorithm) for part in shown],
        "Owner": acls.owner(call.view, kept.about.owner),
        "Initiator": {"ID": kept.initiator, "DisplayName": kept.initiator.rpartition("/")[2]},
        "StorageClass": kept.about.storage_class,
        **lifecycle.shown_abort(where.bucket, upload),
    }
    if shown:
        result["NextPartNumberMarker"] = shown[-1].number
    if kept.algorithm:
        result["ChecksumAlgorithm"] = kept.algorithm
        result["ChecksumType"] = kept.checksum_type
    return Answer(result=result)


def _part(part: UploadPart, algorithm: str) -> dict[str, object]:
    checksums = about.of_part(part).checksums
    return {
        "PartNumber": part.number,
        "LastModified": conditions.at(part.modified_ms),
        "ETag": objects.quoted(part.etag),
        "Size": part.size,
        **objects.shown_checksums(
            {name: value for name, value in checksums.items() if name == algorithm}
        ),
    }


async def list_uploads(call: ObjectCall, asked: Asked) -> Answer:
    """List the uploads under way."""
    record = buckets.asked_for(call.view, asked)
    text = listing.text_of(asked)
    limit = listing.limit_of(asked, "MaxUploads", "max-uploads")
    key: str = asked.get("KeyMarker") or ""
    id: str = (asked.get("UploadIdMarker") or "") if key else ""
    asks = listing.question(asked, key.encode() if key else None, limit, id)
    page = await call.in_thread(lambda: call.engine.reader.list_uploads(record.doc.number, asks))
    is_truncated = page.is_truncated and bool(page.entries)
    result: dict[str, object] = {
        "Bucket": record.id,
        **listing.echoed(asked, text),
        "KeyMarker": text(key.encode()),
        "UploadIdMarker": id,
        "MaxUploads": limit,
        "IsTruncated": is_truncated,
        "Uploads": [_upload(call, text, item) for _, item in page.entries if item is not None],
        "CommonPrefixes": listing.prefixes(text, page.entries),
    }
    if is_truncated:
        last, item = page.entries[-1]
        result["NextKeyMarker"] = text(last)
        if item is not None:
            result["NextUploadIdMarker"] = item.id
    return Answer(result=result)


def _upload(call: ObjectCall, text: Text, upload: Upload) -> dict[str, object]:
    kept = about.of_upload(upload)
    result: dict[str, object] = {
        "Key": text(upload.key),
        "UploadId": upload.id,
        "Initiated": conditions.at(upload.started_ms),
        "StorageClass": kept.about.storage_class,
        "Owner": acls.owner(call.view, kept.about.owner),
        "Initiator": {"ID": kept.initiator, "DisplayName": kept.initiator.rpartition("/")[2]},
    }
    if kept.algorithm:
        result["ChecksumAlgorithm"] = kept.algorithm
        result["ChecksumType"] = kept.checksum_type
    return result


ACTIONS = (
    rows.of_object(
        "ListParts",
        Serve(handle=list_parts, changes=False),
        rows.on_object("s3:ListMultipartUploadParts"),
        ("UploadId", "MaxParts", "PartNumberMarker", *encryption.OF_CUSTOMER),
    ),
    rows.of_bucket(
        "ListMultipartUploads",
        Serve(handle=list_uploads, changes=False),
        "s3:ListBucketMultipartUploads",
        ("Delimiter", "EncodingType", "KeyMarker", "MaxUploads", "Prefix", "UploadIdMarker"),
    ),
)
