"""GetObjectAttributes: what is known of an object, asked for by name, without its bytes.

Called by the pipeline. Not its business: headers of a get (`objects`).
"""

from mallee.aws import errors
from mallee.cloud.action import Serve
from mallee.cloud.s3 import rows
from mallee.cloud.s3.exchange import Answer, ObjectCall
from mallee.cloud.s3.objects import conditions, listing, objects, versions
from mallee.cloud.s3.objects.about import Found
from mallee.cloud.s3.rows import Asked
from mallee.cloud.s3.sealing import encryption

_NAMES = frozenset({"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"})


async def get(call: ObjectCall, asked: Asked) -> Answer:
    """Return those attributes that the request names."""
    named: set[str] = set(asked["ObjectAttributes"])
    if not named or named - _NAMES:
        raise errors.s3.InvalidArgument(
            "Invalid attribute name specified.", argument="x-amz-object-attributes"
        )
    where = versions.place(call, asked)
    found = await versions.look(call, where, asked.get("VersionId"))
    encryption.unlock(call, where, found.about.sealing, asked)
    result: dict[str, object] = {
        "LastModified": conditions.modified(found.version),
        **versions.shown_id(where.bucket, found.version),
    }
    if "ETag" in named:
        result["ETag"] = found.version.etag
    if "Checksum" in named and found.about.checksums:
        result["Checksum"] = objects.checksums_shown(found)
    if "ObjectParts" in named and found.about.pieces:
        result["ObjectParts"] = _parts(found, asked)
    if "StorageClass" in named:
        result["StorageClass"] = found.about.storage_class
    if "ObjectSize" in named:
        result["ObjectSize"] = found.version.size
    return Answer(result=result)


def _parts(found: Found, asked: Asked) -> dict[str, object]:
    parts = found.about.pieces
    after = listing.after_part(asked)
    limit = listing.limit_of(asked, "MaxParts", "x-amz-max-parts")
    rest = [part for part in parts if part.number > after]
    shown = rest[:limit]
    return {
        "TotalPartsCount": len(parts),
        "PartNumberMarker": after,
        "NextPartNumberMarker": shown[-1].number if shown else 0,
        "MaxParts": limit,
        "IsTruncated": len(rest) > limit,
        "Parts": [
            {
                "PartNumber": part.number,
                "Size": part.size,
                **objects.shown_checksums(part.checksums),
            }
            for part in shown
        ],
    }


ACTIONS = (
    rows.of_object(
        "GetObjectAttributes",
        Serve(handle=get, changes=False),
        rows.on_version("s3:GetObject", "s3:GetObjectVersion"),
        (
            "VersionId",
            "MaxParts",
            "PartNumberMarker",
            "ObjectAttributes",
            *encryption.OF_CUSTOMER,
        ),
    ),
)
