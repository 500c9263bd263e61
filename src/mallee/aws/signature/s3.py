"""Signatures of S3: over the head alone, with what the head says of the body.

Differs from `claims` and `check` in that paths are signed as they were sent, that the body is
vouched for by `x-amz-content-sha256` (`Payload`) and read later, that Signature Version 2 is S3's
own, that a request may have no signature at all, and in the words of its refusals.
Called by S3's pipeline: `parse`, look up the key, `verify`, then `payload_of` for who reads the
body. Not its business: whose key it is, session tokens, forms (`postpolicy`).
"""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, unquote_to_bytes

from mallee.aws import errors
from mallee.aws.signature import canonical, check, claims, hoisted, s3v2, wire
from mallee.aws.signature.claims import Claim, Scheme

UNSIGNED = "UNSIGNED-PAYLOAD"
SHA256_HEADER = "x-amz-content-sha256"

_V4_MARKS = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature")
_V2_MARKS = ("AWSAccessKeyId", "Signature")
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)
_TRAILER = re.compile(r"[a-z0-9-]{1,100}")


class Mode(enum.Enum):
    """How a body is sent; the value is what `x-amz-content-sha256` says."""

    UNSIGNED = UNSIGNED
    SHA256 = "the SHA-256 of the body, in hexadecimal"
    CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    CHUNKS_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

    @property
    def is_chunked(self) -> bool:
        """Whether the body is wrapped into chunks."""
        return self not in (Mode.UNSIGNED, Mode.SHA256)

    @property
    def is_signed(self) -> bool:
        """Whether each chunk carries a signature."""
        return self in (Mode.CHUNKS, Mode.CHUNKS_TRAILER)

    @property
    def has_trailer(self) -> bool:
        """Whether headers may follow the last chunk."""
        return self in (Mode.CHUNKS_TRAILER, Mode.UNSIGNED_TRAILER)


_CHUNKED = {mode.value: mode for mode in Mode if mode.is_chunked}


@dataclass(frozen=True, slots=True)
class Payload:
    """What a head says of the body that follows."""

    mode: Mode
    sha256: str = ""
    """In lower case, for `Mode.SHA256`."""
    decoded_length: int | None = None
    """Bytes without the wrapping of chunks; None when the body is not chunked."""
    trailers: tuple[str, ...] = ()
    """Headers, in lower case, that are to follow the body."""


@dataclass(frozen=True, slots=True)
class Seed:
    """What the signatures of chunks go on from."""

    key: bytes = field(repr=False)
    timestamp: str
    scope: str
    signature: str


@dataclass(frozen=True, slots=True)
class _Bodiless:
    """A head in the place of a request."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""


def parse(head: wire.Head) -> Claim | None:
    """Return what the request claims; None when it has no signature at all.

    Raises `errors.s3.S3Error` when it cannot be understood, or says it twice.
    """
    names = {name for name, _ in canonical.split_query(head.query)}
    authorization = head.headers.get("authorization", "").strip()
    in_v4_query = any(name in names for name in _V4_MARKS)
    in_v2_query = any(name in names for name in _V2_MARKS)
    if bool(authorization) + in_v4_query + in_v2_query > 1:
        raise errors.s3.InvalidArgument(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature "
            "query string parameter or the Authorization header should be specified",
            argument="Authorization",
        )
    request = _Bodiless(head.method, head.path, head.query, head.headers)
    if in_v2_query:
        return s3v2.parse_query(request)
    if authorization.startswith("AWS "):
        return s3v2.parse_header(request)
    if authorization:
        return _parse_v4_header(request, authorization)
    return _parse_v4_query(request) if in_v4_query else None


def verify(claim: Claim, secret: str, now: float, host_bucket: str = "") -> None:
    """Raise unless `secret` made the claim's signature over its head, at about `now`.

    `host_bucket`: the bucket that the host names, which Signature Version 2 puts before the path.
    """
    if claim.scheme is Scheme.V2_OF_S3:
        expected = s3v2.signatures(claim, secret, host_bucket)
    else:
        _check_scope(claim)
        key = check.signing_key(secret, *claim.scope[:3])
        payload = hoisted.headers_of(claim.request).get(SHA256_HEADER, UNSIGNED)
        expected = check.v4_signatures(claim, key, _paths(claim.request.path), payload)
    if not check.is_among(claim.signature, expected):
        raise errors.s3.SignatureDoesNotMatch(access_key=claim.access_key_id)
    _check_time(claim, now)


def payload_of(head: wire.Head, claim: Claim | None) -> Payload:
    """Return how the body is vouched for; raise when the head does not say it as it must."""
    headers = hoisted.headers_of(head)
    said = headers.get(SHA256_HEADER)
    if said is None:
        if claim is not None and claim.scheme is Scheme.V4_HEADER:
            raise errors.s3.InvalidRequest(
                "Missing required header for this request: x-amz-content-sha256"
            )
        said = UNSIGNED
    if said == UNSIGNED:
        # Who signs nothing of the body has no place to say how it is wrapped but here.
        said = Mode.UNSIGNED_TRAILER.value if _is_wrapped(headers) else said
    if said == UNSIGNED:
        return Payload(Mode.UNSIGNED)
    if _HEX.fullmatch(said):
        return Payload(Mode.SHA256, sha256=said.lower())
    mode = _CHUNKED.get(said)
    if mode is None:
        if said.startswith("STREAMING-AWS4-ECDSA-"):
            raise errors.s3.NotImplemented(header=SHA256_HEADER)
        raise errors.s3.InvalidArgument(
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, or "
            "a valid sha256 value.",
            argument=SHA256_HEADER,
            value=said[:100],
        )
    if mode.is_signed and (claim is None or claim.scheme is Scheme.V2_OF_S3):
        raise errors.s3.InvalidRequest("Signed chunks need a signature of version 4.")
    return Payload(mode, decoded_length=_decoded_length(headers), trailers=_trailers(headers, mode))


def seed_of(claim: Claim, secret: str) -> Seed:
    """Return what the signatures of the body's chunks go on from."""
    return Seed(
        key=check.signing_key(secret, *claim.scope[:3]),
        timestamp=claim.timestamp,
        scope="/".join(claim.scope),
        signature=claim.signature,
    )


def _parse_v4_header(request: _Bodiless, authorization: str) -> Claim:
    if authorization.startswith("AWS4-ECDSA-"):
        raise errors.s3.NotImplemented(header="Authorization")
    if not authorization.startswith(claims.V4_ALGORITHM):
        raise errors.s3.InvalidArgument("Unsupported Authorization Type", argument="Authorization")
    try:
        return claims.parse_header(request, "s3")
    except errors.IncompleteSignature as error:
        raise errors.s3.AuthorizationHeaderMalformed(error.message) from error


def _parse_v4_query(request: _Bodiless) -> Claim:
    try:
        return claims.parse_query(request, "s3")
    except errors.IncompleteSignature as error:
        raise errors.s3.AuthorizationQueryParametersError(error.message) from error


def _check_scope(claim: Claim) -> None:
    date, _, service, terminator = claim.scope
    if terminator != claims.V4_TERMINATOR:
        sentence = f'incorrect terminal "{terminator[:40]}". This endpoint uses "aws4_request".'
    elif service != "s3":
        sentence = f'incorrect service "{service[:40]}". This endpoint belongs to "s3".'
    elif date != claim.timestamp[:8]:
        sentence = f'invalid credential date "{date[:20]}". It must be the date of the request.'
    else:
        return
    if claim.scheme is Scheme.V4_HEADER:
        raise errors.s3.AuthorizationHeaderMalformed(
            f"The authorization header is malformed; {sentence}"
        )
    raise errors.s3.AuthorizationQueryParametersError(
        f"Error parsing the X-Amz-Credential parameter; {sentence}"
    )


def _paths(raw: str) -> tuple[str, ...]:
    """Return the canonical paths that will do: as it was sent, and as RFC 3986 encodes it."""
    decoded = unquote_to_bytes(raw.encode("utf-8", "surrogateescape"))
    return raw or "/", quote(decoded, safe="/-_.~") or "/"


def _check_time(claim: Claim, now: float) -> None:
    limit = check.CLOCKS_DIFFER_S_MAX
    if claim.expires_at is not None:
        if now > claim.expires_at:
            raise errors.s3.AccessDenied("Request has expired", now=_iso(now))
        if claim.signed_at is not None and claim.signed_at > now + limit:
            raise errors.s3.AccessDenied("Request is not yet valid", now=_iso(now))
    elif claim.signed_at is None or abs(claim.signed_at - now) > limit:
        raise errors.s3.RequestTimeTooSkewed(now=_iso(now))


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_wrapped(headers: Mapping[str, str]) -> bool:
    codings = headers.get("content-encoding", "").lower().split(",")
    return "x-amz-decoded-content-length" in headers and "aws-chunked" in map(str.strip, codings)


def _decoded_length(headers: Mapping[str, str]) -> int:
    text = headers.get("x-amz-decoded-content-length", "").strip()
    if not _LENGTH.fullmatch(text):
        raise errors.s3.MissingContentLength(
            "You must provide the x-amz-decoded-content-length HTTP header."
        )
    return int(text)


def _trailers(headers: Mapping[str, str], mode: Mode) -> tuple[str, ...]:
    text = headers.get("x-amz-trailer", "")
    names = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    if len(set(names)) < len(names) or not all(_TRAILER.fullmatch(name) for name in names):
        raise errors.s3.InvalidRequest("The value specified in the x-amz-trailer header is invalid")
    if names and not mode.has_trailer:
        raise errors.s3.InvalidRequest(f"{mode.value} has no trailer.")
    return names
