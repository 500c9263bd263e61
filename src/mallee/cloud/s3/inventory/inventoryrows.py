"""Lines of inventories: what is told of each version, in the form and order of AWS.

Every value is in quotes, keys are percent-encoded, what is not known of a version is empty. Pure.
Called by `inventorying`; `inventories` asks which fields there are.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from mallee.cloud.s3.access import acls
from mallee.cloud.s3.events import notices
from mallee.cloud.s3.objects import about, locks
from mallee.cloud.s3.objects.about import About
from mallee.cloud.s3.sealing import encryption, kmskeys
from mallee.walrus.pages import Listed
from mallee.walrus.records import Version

_Teller = Callable[[Version, About], str]

_METHODS = {
    encryption.AES256: "SSE-S3",
    encryption.CUSTOMER: "SSE-C",
    kmskeys.METHOD: "SSE-KMS",
}


def _nothing(_version: Version, _kept: About) -> str:
    return ""


def _encryption(_version: Version, kept: About) -> str:
    return "NOT-SSE" if kept.sealing is None else _METHODS.get(kept.sealing.method, "")


def _until(_version: Version, kept: About) -> str:
    lock = kept.lock
    return notices.time_text(lock.until_ms) if lock.mode else ""


def _hold(_version: Version, kept: About) -> str:
    return "On" if kept.lock.has_legal_hold else "Off" if kept.lock != locks.Lock() else ""


def _bucket_key(_version: Version, kept: About) -> str:
    use = kept.sealing.kms if kept.sealing else None
    return "" if use is None else "ENABLED" if use.has_bucket_key else "DISABLED"


FIELDS: Mapping[str, _Teller] = {
    "Size": lambda version, _: str(version.size),
    "LastModifiedDate": lambda version, _: notices.time_text(version.modified_ms // 1000 * 1000),
    "ETag": lambda version, _: version.etag,
    "StorageClass": lambda _, kept: kept.storage_class,
    "IsMultipartUploaded": lambda _, kept: _truth(bool(kept.parts) and not kept.is_one),
    "ReplicationStatus": _nothing,
    "EncryptionStatus": _encryption,
    "ObjectLockRetainUntilDate": _until,
    "ObjectLockMode": lambda _, kept: kept.lock.mode,
    "ObjectLockLegalHoldStatus": _hold,
    "IntelligentTieringAccessTier": _nothing,
    "BucketKeyStatus": _bucket_key,
    "ChecksumAlgorithm": lambda _, kept: ",".join(kept.checksums),
    "ObjectOwner": lambda _, kept: acls.canonical_id(kept.owner),
}
"""What may be told besides, in AWS's order; nothing here is replicated, or in tiers."""
_OF_MARKERS = frozenset({"LastModifiedDate"})
_FIRST = ("Bucket", "Key")
_OF_VERSIONS = ("VersionId", "IsLatest", "IsDeleteMarker")


def schema(wanted: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of an inventory's columns."""
    chosen = wanted.get("OptionalFields") or ()
    versions = _OF_VERSIONS if wanted["IncludedObjectVersions"] == "All" else ()
    return (*_FIRST, *versions, *(name for name in FIELDS if name in chosen))


def line(bucket: str, columns: Sequence[str], key: bytes, listed: Listed) -> str:
    """Return the line of a version, with its end."""
    version = listed.version
    kept = About(owner="") if version.is_marker else about.of(version)
    values = (_value(column, bucket, key, (listed, kept)) for column in columns)
    return ",".join(f'"{value}"' for value in values) + "\n"


def _value(column: str, bucket: str, key: bytes, found: tuple[Listed, About]) -> str:
    listed, kept = found
    version = listed.version
    match column:
        case "Bucket":
            return bucket
        case "Key":
            return quote(key, safe="/-_.~*'()!")
        case "VersionId":
            return "" if version.id == "null" else version.id
        case "IsLatest":
            return _truth(listed.is_current)
        case "IsDeleteMarker":
            return _truth(version.is_marker)
        case _:
            is_told = not version.is_marker or column in _OF_MARKERS
            return FIELDS[column](version, kept) if is_told else ""


def _truth(value: bool) -> str:
    return "true" if value else "false"
