"""Signatures of S3: over the head alone, with what the head says of the body.

Differs from `claims` and `check` in that paths are signed as they were sent, that the body is
vouched for by `x-amz-content-sha256` (`Payload`) and read later, that Signature Version 2 is S3's
own, that a request may have no signature at all, and in the words of its refusals.
Called by S3's pipeline: `parse`, look up the key, `verify`, then `payload_of` for who reads the
body. Not its business: whose key it is, session tokens, forms (`postpolicy`).
"""

import enum
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, unquote_to_bytes

from mallee.aws import errors
from mallee.aws.signature import asymmetric, canonical, check, claims, hoisted, s3v2, wire
from mallee.aws.signature.claims import Claim, Scheme

UNSIGNED = "UNSIGNED-PAYLOAD"
SHA256_HEADER = "x-amz-content-sha256"

_V4_MARKS = frozenset({"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"})
_V2_MARKS = frozenset({"AWSAccessKeyId", "Signature"})
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9/_.~-]*", re.ASCII)
"""Paths that are written in one way only."""
_TRAILER = re.compile(r"[a-z0-9-]{1,100}")
_V4A = claims.Algorithm(asymmetric.ALGORITHM, 3, re.compile(r"(?:[0-9a-f]{2}){8,72}"))
_ALGORITHMS = {one.name: one for one in (claims.V4, _V4A)}


class Mode(enum.Enum):
    """How a body is sent; the value is what `x-amz-content-sha256` says."""

    UNSIGNED = UNSIGNED
    SHA256 = "the SHA-256 of the body, in hexadecimal"
    CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    CHUNKS_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    ECDSA_CHUNKS = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
    ECDSA_CHUNKS_TRAILER = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"
    UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

    @property
    def is_chunked(self) -> bool:
        """Whether the body is wrapped into chunks."""
        return self not in (Mode.UNSIGNED, Mode.SHA256)

    @property
    def is_signed(self) -> bool:
        """Whether each chunk carries a signature."""
        return bool(self.algorithm)

    @property
    def algorithm(self) -> str:
        """What signs each chunk; empty when nothing does."""
        match self:
            case Mode.CHUNKS | Mode.CHUNKS_TRAILER:
                return claims.V4_ALGORITHM
            case Mode.ECDSA_CHUNKS | Mode.ECDSA_CHUNKS_TRAILER:
                return asymmetric.ALGORITHM
            case _:
                return ""

    @property
    def has_trailer(self) -> bool:
        """Whether headers may follow the last chunk."""
        return self.value.endswith("-TRAILER")


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

    key: bytes | asymmetric.PublicKey = field(repr=False)
    """A public key where the algorithm is one of pairs of keys."""
    timestamp: str
    scope: str
    signature: str

    def holds(self, signature: str, text: bytes) -> bool:
        """Tell whether a signature is of this text."""
        if isinstance(self.key, bytes):
            return check.is_among(signature, (hmac.digest(self.key, text, "sha256").hex(),))
        return asymmetric.holds(self.key, signature, text)


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
    said = dict(canonical.split_query(head.query))
    authorization = head.headers.get("authorization", "").strip()
    in_v4_query = not _V4_MARKS.isdisjoint(said)
    in_v2_query = not _V2_MARKS.isdisjoint(said)
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
    return _parse_v4_query(request, said) if in_v4_query else None


def verify(claim: Claim, secret: str, now: float, host_bucket: str = "") -> None:
    """Raise unless `secret` made the claim's signature over its head, at about `now`.

    `host_bucket`: the bucket that the host names, which Signature Version 2 puts before the path.
    """
    if claim.scheme is Scheme.V2_OF_S3:
        holds = check.is_among(claim.signature, s3v2.signatures(claim, secret, host_bucket))
    else:
        _check_scope(claim)
        seed = seed_of(claim, secret)
        payload = hoisted.headers_of(claim.request).get(SHA256_HEADER, UNSIGNED)
        texts = check.v4_texts(claim, _paths(claim.request.path), payload)
        # Every candidate is compared, so that the time taken does not tell which came close.
        holds = bool(sum([seed.holds(claim.signature, text) for text in texts]))
    if not holds:
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
        raise errors.s3.InvalidArgument(
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, or "
            "a valid sha256 value.",
            argument=SHA256_HEADER,
            value=said[:100],
        )
    if mode.is_signed and (claim is None or claim.algorithm != mode.algorithm):
        raise errors.s3.InvalidRequest(
            f"Chunks as {mode.value} need a request that is signed with {mode.algorithm}."
        )
    return Payload(mode, decoded_length=_decoded_length(headers), trailers=_trailers(headers, mode))


def seed_of(claim: Claim, secret: str) -> Seed:
    """Return what the signatures of the body's chunks go on from."""
    key: bytes | asymmetric.PublicKey
    if claim.algorithm == asymmetric.ALGORITHM:
        key = asymmetric.public_key(claim.access_key_id, secret)
    else:
        key = check.signing_key(secret, *claim.scope[:3])
    return Seed(
        key=key,
        timestamp=claim.timestamp,
        scope="/".join(claim.scope),
        signature=claim.signature,
    )


def _parse_v4_header(request: _Bodiless, authorization: str) -> Claim:
    algorithm = _ALGORITHMS.get(authorization.partition(" ")[0])
    if algorithm is None:
        raise errors.s3.InvalidArgument("Unsupported Authorization Type", argument="Authorization")
    try:
        if algorithm is _V4A:
            asymmetric.check_regions(request.headers.get(asymmetric.REGIONS))
        return claims.parse_header(request, "s3", algorithm)
    except claims.NotSigned as error:
        raise _not_signed(error) from error
    except errors.IncompleteSignature as error:
        raise errors.s3.AuthorizationHeaderMalformed(error.message) from error


def _parse_v4_query(request: _Bodiless, said: Mapping[str, str]) -> Claim:
    algorithm = _ALGORITHMS.get(said.get("X-Amz-Algorithm", ""), claims.V4)
    try:
        if algorithm is _V4A:
            asymmetric.check_regions(said.get("X-Amz-Region-Set"))
        return claims.parse_query(request, "s3", algorithm)
    except claims.NotSigned as error:
        raise _not_signed(error) from error
    except errors.IncompleteSignature as error:
        raise errors.s3.AuthorizationQueryParametersError(error.message) from error


def _not_signed(error: claims.NotSigned) -> errors.AwsError:
    return errors.s3.AccessDenied(
        "There were headers present in the request which were not signed", unsigned=error.header
    )


def _check_scope(claim: Claim) -> None:
    date, *_, service, terminator = claim.scope
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
    if _PLAIN_PATH.fullmatch(raw):
        return (raw,)
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
    if "x-amz-decoded-content-length" not in headers:
        return False
    codings = headers.get("content-encoding", "").lower().split(",")
    return "aws-chunked" in map(str.strip, codings)


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
