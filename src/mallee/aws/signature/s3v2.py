"""S3's own Signature Version 2: in the Authorization header, or in the query of a link.

It signs the method, two headers, the date, the `x-amz-` headers, and of the query the parameters in
`SIGNED` alone. What it does not sign can be changed by whoever holds the request, so only
parameters that choose what a list shows may stand beside them (`FREE`); any other is refused.
Called by `s3`. New keys and clients have no need of it; old ones know nothing else.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime

from mallee.aws import errors
from mallee.aws.signature import canonical, hoisted
from mallee.aws.signature.claims import Claim, Scheme
from mallee.aws.signature.wire import Request

SIGNED = frozenset(
    {
        "acl",
        "accelerate",
        "analytics",
        "cors",
        "defaultObjectAcl",
        "delete",
        "inventory",
        "lifecycle",
        "location",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "partNumber",
        "policy",
        "replication",
        "requestPayment",
        "restore",
        "select",
        "select-type",
        "storageClass",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
    }
)
FREE = frozenset(
    {
        "AWSAccessKeyId",
        "Expires",
        "Signature",
        "continuation-token",
        "delimiter",
        "encoding-type",
        "fetch-owner",
        "id",
        "key-marker",
        "list-type",
        "marker",
        "max-keys",
        "max-parts",
        "max-uploads",
        "part-number-marker",
        "prefix",
        "start-after",
        "upload-id-marker",
        "version-id-marker",
        "x-id",
    }
)

_HEADER = re.compile(r"AWS ([^:\s]{1,128}):([A-Za-z0-9+/=]{1,128})")
_EPOCH = re.compile(r"[0-9]{1,11}")


def parse_header(request: Request) -> Claim:
    """Return what an `Authorization: AWS key:signature` claims."""
    match = _HEADER.fullmatch(request.headers["authorization"].strip())
    if match is None:
        raise errors.s3.InvalidArgument(
            "AWS authorization header is invalid. Expected AwsAccessKeyId:signature",
            argument="Authorization",
        )
    date = request.headers.get("x-amz-date") or request.headers.get("date") or ""
    try:
        moment = parsedate_to_datetime(date).astimezone(UTC)
    except (ValueError, TypeError, OverflowError) as error:
        raise errors.s3.AccessDenied(
            "AWS authentication requires a valid Date or x-amz-date header"
        ) from error
    return _claim(request, (match[1], match[2]), signed_at=moment.timestamp(), expires_at=None)


def parse_query(request: Request) -> Claim:
    """Return what `AWSAccessKeyId`, `Signature` and `Expires` of a link claim."""
    values: dict[str, str] = {}
    for name, value in canonical.split_query(request.query):
        if name in ("AWSAccessKeyId", "Signature", "Expires"):
            if name in values:
                raise errors.s3.AccessDenied(f"The parameter {name} is in the request twice.")
            values[name] = value
    if len(values) < 3 or not all(values.values()):
        raise errors.s3.AccessDenied(
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId "
            "parameters"
        )
    if not _EPOCH.fullmatch(values["Expires"]):
        raise errors.s3.AccessDenied(
            f"Invalid date (should be seconds since epoch): {values['Expires'][:40]}"
        )
    key = (values["AWSAccessKeyId"], values["Signature"])
    return _claim(request, key, signed_at=None, expires_at=float(values["Expires"]))


def signatures(claim: Claim, secret: str, host_bucket: str) -> list[str]:
    """Return the signatures that hold; raise for parameters that nobody signs."""
    for name, _ in canonical.split_query(claim.request.query):
        lowered = name.lower()
        is_header = lowered.startswith(hoisted.PREFIX) or lowered in hoisted.OF_BODIES
        if not (is_header or name in SIGNED or name in FREE):
            raise errors.s3.InvalidRequest(
                f"Signature Version 2 does not sign the parameter {name[:100]}; please use "
                "AWS4-HMAC-SHA256."
            )
    return [
        base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha1).digest()).decode()
        for text in _to_sign(claim, host_bucket)
    ]


def _claim(
    request: Request,
    key: tuple[str, str],
    *,
    signed_at: float | None,
    expires_at: float | None,
) -> Claim:
    return Claim(
        request=request,
        service="s3",
        scheme=Scheme.V2_OF_S3,
        access_key_id=key[0],
        signature=key[1],
        signed_at=signed_at,
        expires_at=expires_at,
        session_token=hoisted.headers_of(request).get("x-amz-security-token"),
        algorithm="HmacSHA1",
    )


def _to_sign(claim: Claim, host_bucket: str) -> Iterator[bytes]:
    """Give the strings that will do."""
    headers = hoisted.headers_of(claim.request)
    date = "" if "x-amz-date" in headers else headers.get("date", "")
    if claim.expires_at is not None:
        date = dict(canonical.split_query(claim.request.query))["Expires"]
    own = "".join(
        f"{name}:{headers[name].strip()}\n"
        for name in sorted(headers)
        if name.startswith(hoisted.PREFIX)
    )
    lines = (
        claim.request.method,
        headers.get("content-md5", "").strip(),
        headers.get("content-type", "").strip(),
        date.strip(),
    )
    before = "\n".join(lines) + "\n" + own
    query = _signed_query(claim.request)
    for path in _paths(claim.request.path, host_bucket):
        yield f"{before}{path}{query}".encode("utf-8", "surrogateescape")


def _paths(raw: str, host_bucket: str) -> tuple[str, ...]:
    """Return the paths that will do: some clients end a bucket's own with a slash, some do not."""
    if host_bucket:
        return (f"/{host_bucket}{raw or '/'}",)
    if raw.count("/") == 1 and raw != "/":
        return (raw, f"{raw}/")
    return (raw or "/",)


def _signed_query(request: Request) -> str:
    parts: list[str] = []
    for part in request.query.split("&"):
        name, equals, _ = part.partition("=")
        if name in SIGNED:
            ((_, value),) = canonical.split_query(part)
            parts.append(f"{name}={value}" if equals and value else name)
    return "?" + "&".join(sorted(parts)) if parts else ""
