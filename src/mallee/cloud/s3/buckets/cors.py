"""CORS: which pages of other origins a browser may let read a bucket's answers.

The rules of a bucket are matched in their order; the first that fits says what the answer carries.
A browser asks beforehand (*preflight*), without a signature; `headers_of` is what any other answer
carries. Called by the pipeline. Not its business: whether the request itself is allowed.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Read, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.s3 import rows
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.rows import Asked
from mallee.cloud.state import store

DOCUMENT = "cors"
RULES_MAX = 100
TEXTS_MAX = 2000
"""Origins, methods and headers of all rules: as many as have room in the 64 KiB that S3 takes."""
ASKED_MAX = 100
"""Headers of one preflight: strangers ask, and each is looked for among all that are allowed."""
METHODS = frozenset({"GET", "PUT", "HEAD", "POST", "DELETE"})

_LISTS = ("AllowedHeaders", "AllowedMethods", "AllowedOrigins", "ExposeHeaders")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"

# --- settings ---


def put(call: WriteCall, asked: Asked) -> Result:
    """Set a bucket's rules."""
    record = buckets.asked_for(call.view, asked)
    rules: list[Any] = asked["CORSConfiguration"].get("CORSRules") or []
    if not 0 < len(rules) <= RULES_MAX:
        raise errors.s3.MalformedXML()
    for rule in rules:
        _check(rule)
    texts = sum(len(rule.get(name) or ()) for rule in rules for name in _LISTS)
    if texts > TEXTS_MAX:
        raise errors.s3.InvalidRequest(
            f"CORS rules have at most {TEXTS_MAX} origins, methods and headers, not {texts}."
        )
    documents = {**record.doc.documents, DOCUMENT: rules}
    call.tx.write(record, replace(record.doc, documents=documents))
    return {}


def get(call: Call, asked: Asked) -> Result:
    """Return a bucket's rules."""
    record = buckets.asked_for(call.view, asked)
    rules = record.doc.documents.get(DOCUMENT)
    if rules is None:
        raise errors.s3.NoSuchCORSConfiguration(bucket=record.id)
    return {"CORSRules": rules}


def delete(call: WriteCall, asked: Asked) -> Result:
    """Take a bucket's rules away."""
    record = buckets.asked_for(call.view, asked)
    documents = {name: one for name, one in record.doc.documents.items() if name != DOCUMENT}
    call.tx.write(record, replace(record.doc, documents=documents))
    return {}


def _check(rule: Any) -> None:
    for method in rule["AllowedMethods"]:
        if method not in METHODS:
            raise errors.s3.InvalidRequest(
                f"Found unsupported HTTP method in CORS config. Unsupported method is {method[:20]}"
            )
    for origin in rule["AllowedOrigins"]:
        if origin.count("*") > 1:
            raise errors.s3.InvalidRequest(
                f'AllowedOrigin "{origin[:200]}" can not have more than one wildcard.'
            )
    for name in rule.get("ExposeHeaders") or ():
        if _HEADER.fullmatch(name) is None:
            raise errors.s3.InvalidRequest(f'ExposeHeader "{name[:200]}" is no name of a header.')
    for header in rule.get("AllowedHeaders") or ():
        if header.count("*") > 1:
            raise errors.s3.InvalidRequest(
                f'AllowedHeader "{header[:200]}" can not have more than one wildcard.'
            )


# --- answers ---


def preflight(view: store.View, bucket: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Return what the answer to a preflight carries; raise `AccessForbidden` when none fits.

    `headers` are those of the request, by lower-case name.
    """
    record = buckets.find(view, bucket)
    if record is None:
        raise errors.s3.NoSuchBucket(bucket=bucket)
    origin = headers.get("origin", "")
    method = headers.get("access-control-request-method", "")
    if not origin or method not in METHODS:
        raise errors.s3.BadRequest(
            "Insufficient information. Origin request header needed."
            if not origin
            else f"Invalid Access-Control-Request-Method: {method[:20]}"
        )
    rules = record.doc.documents.get(DOCUMENT)
    if rules is None:
        raise errors.s3.AccessForbidden("CORSResponse: CORS is not enabled for this bucket.")
    asked = _names(headers.get("access-control-request-headers", ""))
    rule = _fitting(rules, origin, method, asked) if len(asked) <= ASKED_MAX else None
    if rule is None:
        raise errors.s3.AccessForbidden(
            "CORSResponse: This CORS request is not allowed. This is usually because the evalution "
            "of Origin, request method / Access-Control-Request-Method or "
            "Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
        )
    result = _shown(rule, origin)
    if asked:
        result["Access-Control-Allow-Headers"] = ", ".join(asked)
    if rule.get("MaxAgeSeconds") is not None:
        result["Access-Control-Max-Age"] = str(rule["MaxAgeSeconds"])
    return result


def headers_of(
    view: store.View, bucket: str, method: str, headers: Mapping[str, str]
) -> dict[str, str]:
    """Return what the answer to a request from a page carries; nothing where no rule fits."""
    origin = headers.get("origin", "")
    record = buckets.find(view, bucket) if origin and bucket else None
    rules = record.doc.documents.get(DOCUMENT) if record else None
    rule = _fitting(rules, origin, method, ()) if rules else None
    return {} if rule is None else _shown(rule, origin)


def _fitting(rules: Sequence[Any], origin: str, method: str, headers: Sequence[str]) -> Any | None:
    for rule in rules:
        if (
            method in rule["AllowedMethods"]
            and any(_fits(origin, one) for one in rule["AllowedOrigins"])
            and all(
                any(_fits(header, one.lower()) for one in rule.get("AllowedHeaders") or ())
                for header in headers
            )
        ):
            return rule
    return None


def _fits(text: str, pattern: str) -> bool:
    """Tell whether a text is the pattern, which may have one star."""
    before, star, after = pattern.partition("*")
    if not star:
        return text == pattern
    is_long = len(text) >= len(before) + len(after)
    return is_long and text.startswith(before) and text.endswith(after)


def _shown(rule: Any, origin: str) -> dict[str, str]:
    is_anybody = "*" in rule["AllowedOrigins"]
    result = {
        "Access-Control-Allow-Origin": "*" if is_anybody else origin,
        "Access-Control-Allow-Methods": ", ".join(rule["AllowedMethods"]),
        "Vary": _VARY,
    }
    if not is_anybody:
        result["Access-Control-Allow-Credentials"] = "true"
    if rule.get("ExposeHeaders"):
        result["Access-Control-Expose-Headers"] = ", ".join(rule["ExposeHeaders"])
    return result


def _names(header: str) -> list[str]:
    return [name.strip().lower() for name in header.split(",") if name.strip()]


ACTIONS = (
    rows.of_bucket(
        "PutBucketCors",
        Write(handle=put),
        "s3:PutBucketCORS",
        ("CORSConfiguration", "ContentMD5", "ChecksumAlgorithm"),
    ),
    rows.of_bucket("GetBucketCors", Read(handle=get), "s3:GetBucketCORS"),
    rows.of_bucket("DeleteBucketCors", Write(handle=delete), "s3:PutBucketCORS"),
)
