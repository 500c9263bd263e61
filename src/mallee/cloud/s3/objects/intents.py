"""What a request wants kept with the object that it makes: headers, metadata, tags, lock.

The same of PutObject, CreateMultipartUpload and CopyObject. Called by their handlers, before any
byte is read. Not its business: the object's bytes and checksums.
"""

from collections.abc import Iterable

from mallee.aws import errors
from mallee.cloud.call import Call
from mallee.cloud.s3 import rows, tags
from mallee.cloud.s3.access import acls, owning
from mallee.cloud.s3.objects import locks
from mallee.cloud.s3.objects.about import About
from mallee.cloud.s3.objects.versions import Place
from mallee.cloud.s3.rows import Asked

METADATA_MAX = 2048
"""Bytes of names and values together."""
DEFAULT_TYPE = "binary/octet-stream"

HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "WebsiteRedirectLocation",
)
"""Members that are kept as they came, and come back in headers."""
HONOURS = (*HEADERS, "Metadata", "StorageClass", "Tagging", *acls.OBJECT, *locks.HONOURS)

STORAGE_CLASSES = frozenset(
    {
        "STANDARD",
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER_IR",
    }
)
"""Those from which an object can be read at once: a label, for all of them are kept alike."""


def read(call: Call, where: Place, asked: Asked) -> About:
    """Return what is to be kept with an object that the request makes."""
    storage_class: str = asked.get("StorageClass") or "STANDARD"
    if storage_class not in STORAGE_CLASSES:
        raise errors.s3.InvalidStorageClass(value=storage_class[:100])
    owner, grants = owning.of_new_object(call, where, asked)
    return About(
        owner=owner,
        grants=grants,
        headers=read_headers(asked),
        metadata=read_metadata(asked),
        tags=tags.parse_header(asked.get("Tagging") or ""),
        storage_class=storage_class,
        lock=locks.of_new(where.bucket, asked, call.now),
    )


def read_headers(asked: Asked) -> dict[str, str]:
    """Return the headers that are to come back as they came."""
    found = {name: str(asked[name]) for name in HEADERS if asked.get(name)}
    encoding = _without_chunks(found.pop("ContentEncoding", ""))
    if encoding:
        found["ContentEncoding"] = encoding
    if found.get("ContentType", DEFAULT_TYPE) == DEFAULT_TYPE:
        found.pop("ContentType", None)
    redirect = found.get("WebsiteRedirectLocation")
    if redirect is not None and not redirect.startswith(("/", "http://", "https://")):
        raise errors.s3.InvalidRedirectLocation()
    return found


def read_metadata(asked: Asked) -> dict[str, str]:
    """Return the user's own metadata; names are in lower case."""
    given: dict[str, str] = asked.get("Metadata") or {}
    found = {name.lower(): value for name, value in given.items()}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in found.items())
    if size > METADATA_MAX:
        raise errors.s3.MetadataTooLarge(size=size, most=METADATA_MAX)
    return found


def needs(asked: Asked) -> Iterable[tuple[str, str]]:
    """Return the permissions that making the object takes."""
    arn = rows.object_arn(asked)
    yield "s3:PutObject", arn
    if asked.get("Tagging"):
        yield "s3:PutObjectTagging", arn
    if any(asked.get(member) for member in acls.OBJECT):
        yield "s3:PutObjectAcl", arn
    if asked.get("ObjectLockMode"):
        yield "s3:PutObjectRetention", arn
    if asked.get("ObjectLockLegalHoldStatus"):
        yield "s3:PutObjectLegalHold", arn


def _without_chunks(encoding: str) -> str:
    """Return a Content-Encoding without the one that was only for the way here."""
    parts = [part.strip() for part in encoding.split(",")]
    return ",".join(part for part in parts if part and part.lower() != "aws-chunked")
