"""What a request says about its signature, before anything of it is believed.

A *claim* names an access key, a time, a scope and a signature. `parse` reads it from the
`Authorization` header (SigV4), from the query (SigV4 presigned), or from the parameters of query
or form (SigV2), and refuses a request that says any of it twice or in two ways.
The pipeline calls it first, looks up the key, and lets `check.verify` decide.
Not its business: whether the signature holds, and the parameters that are not about signatures.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

from mallee.aws import errors
from mallee.aws.signature import canonical
from mallee.aws.signature.wire import Request

V4_ALGORITHM = "AWS4-HMAC-SHA256"
V4_TERMINATOR = "aws4_request"
V2_METHODS = frozenset({"HmacSHA256", "HmacSHA1"})
PRESIGNED_LIFE_S_MAX = 7 * 86400

_V4_QUERY = frozenset(
    {
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
        "X-Amz-Security-Token",
        "X-Amz-Region-Set",
    }
)
_V2_QUERY = frozenset(
    {
        "AWSAccessKeyId",
        "Signature",
        "SignatureMethod",
        "SignatureVersion",
        "Timestamp",
        "Expires",
        "SecurityToken",
    }
)
_V2_MARKS = ("AWSAccessKeyId", "SignatureVersion")
AUTH_PARAMETERS = _V4_QUERY | _V2_QUERY
"""Parameters that may belong to a signature; `Claim.own_parameters` tells which do."""

_LIFE = re.compile(r"[0-9]{1,7}")
_BASIC_TIME = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z", re.ASCII
)
_HEADER_NAMES = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+(?:;[!#$%&'*+.^_`|~0-9a-z-]+)*")


_NOT_SIGNED = "'{}' must be a 'SignedHeader' in the AWS Authorization."


class NotSigned(errors.IncompleteSignature):
    """A header that anybody may have added says what is to be done."""

    def __init__(self, header: str) -> None:
        self.header = header
        super().__init__(_NOT_SIGNED.format(header))


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One of those that SigV4 has."""

    name: str
    scope_parts: int
    """How many parts its scope has: date, region, service, terminator."""
    signature: re.Pattern[str]


V4 = Algorithm(V4_ALGORITHM, 4, re.compile(r"[0-9a-f]{64}"))


class Scheme(Enum):
    """How the request is signed."""

    V4_HEADER = "SigV4 in the Authorization header"
    V4_QUERY = "SigV4 in the query (presigned)"
    V2 = "SigV2 in the parameters"
    V2_OF_S3 = "S3's own SigV2, in the Authorization header or the query"


_OWN_PARAMETERS = {
    Scheme.V4_HEADER: frozenset[str](),
    Scheme.V4_QUERY: _V4_QUERY,
    Scheme.V2: _V2_QUERY,
    Scheme.V2_OF_S3: frozenset({"AWSAccessKeyId", "Signature", "Expires"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A signature that is not verified yet. Its `repr` shows no signature."""

    request: Request
    service: str
    """The service that is asked, which a SigV4 scope must name."""
    scheme: Scheme
    access_key_id: str
    signature: str
    signed_at: float | None
    """Seconds since the epoch; None for a SigV2 request that only says when it expires."""
    expires_at: float | None = None
    """Seconds since the epoch, for requests that say so themselves."""
    session_token: str | None = None
    algorithm: str = V4_ALGORITHM
    timestamp: str = ""
    """The time as it is signed, `20261121T080000Z` (SigV4)."""
    scope: tuple[str, ...] = ()
    """Date, region (of SigV4A none), service, terminator (SigV4)."""
    signed_headers: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Claim({self.scheme.name}, {self.access_key_id}, {self.service}, {self.timestamp})"

    @property
    def own_parameters(self) -> frozenset[str]:
        """Parameters of the request that belong to its signature and to no action."""
        return _OWN_PARAMETERS[self.scheme]

    @property
    def region(self) -> str | None:
        """The region in the scope of a SigV4 signature."""
        return self.scope[1] if len(self.scope) == V4.scope_parts else None


def parse(request: Request, service: str) -> Claim:
    """Return what the request claims.

    Raises `MissingAuthenticationToken` for a request without a signature, `IncompleteSignature`
    for one that cannot be understood.
    """
    query = canonical.split_query(request.query)
    in_header = "authorization" in request.headers
    in_query = any(name in _V4_QUERY for name, _ in query)
    parameters = [*query, *canonical.form_of(request)] if _may_be_v2(request) else []
    in_parameters = any(name in _V2_MARKS for name, _ in parameters)
    if in_header + in_query + in_parameters > 1:
        raise errors.IncompleteSignature(
            "Only one auth mechanism is allowed: the Authorization header, the X-Amz- query "
            "parameters, or the parameters of Signature Version 2."
        )
    if in_header:
        return parse_header(request, service)
    if in_query:
        return parse_query(request, service)
    if in_parameters:
        return _parse_v2(request, service, parameters)
    raise errors.MissingAuthenticationToken


def first_label(host: str) -> str:
    """Return the first part of a host's name: `127` of `127.0.0.1:8773`."""
    return host.partition(":")[0].partition(".")[0].lower()


def _may_be_v2(request: Request) -> bool:
    """Tell cheaply whether the parameters may be signed: SigV2's own names need no encoding."""
    return any(mark in request.query or mark.encode() in request.body for mark in _V2_MARKS)


def parse_header(request: Request, service: str, algorithm: Algorithm = V4) -> Claim:
    """Return what a SigV4 `Authorization` header claims; raise `IncompleteSignature`."""
    text = request.headers["authorization"]
    name, _, rest = text.strip().partition(" ")
    if name != algorithm.name:
        raise errors.IncompleteSignature(
            f"Unsupported AWS 'algorithm': '{name[:40]}'. Use {algorithm.name}."
        )
    parts: dict[str, str] = {}
    for part in rest.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals or name in parts or name not in ("Credential", "SignedHeaders", "Signature"):
            raise errors.IncompleteSignature(
                f"'{part.strip()[:80]}' is not a key=value pair that an Authorization header "
                "holds once (Credential, SignedHeaders, Signature)."
            )
        parts[name] = value
    for name in ("Credential", "Signature", "SignedHeaders"):
        if not parts.get(name):
            raise errors.IncompleteSignature(f"Authorization header requires '{name}' parameter.")
    timestamp = _timestamp_of_headers(request.headers)
    access_key_id, scope = _credential(parts["Credential"], algorithm)
    return Claim(
        request=request,
        service=service,
        scheme=Scheme.V4_HEADER,
        access_key_id=access_key_id,
        signature=_signature(parts["Signature"], algorithm),
        signed_at=_seconds(timestamp),
        session_token=request.headers.get("x-amz-security-token"),
        algorithm=algorithm.name,
        timestamp=timestamp,
        scope=scope,
        signed_headers=_signed_headers(parts["SignedHeaders"], request.headers),
    )


def parse_query(request: Request, service: str, algorithm: Algorithm = V4) -> Claim:
    """Return what the parameters of a presigned SigV4 request claim; raise as `parse_header`."""
    values = _once(canonical.split_query(request.query), _V4_QUERY)
    for name in ("Algorithm", "Credential", "Signature", "SignedHeaders", "Date", "Expires"):
        if not values.get(f"X-Amz-{name}"):
            raise errors.IncompleteSignature(
                f"AWS query-string parameters must include 'X-Amz-{name}'."
            )
    if values["X-Amz-Algorithm"] != algorithm.name:
        raise errors.IncompleteSignature(f"X-Amz-Algorithm only supports {algorithm.name}.")
    timestamp = values["X-Amz-Date"]
    signed_at = _seconds(timestamp)
    access_key_id, scope = _credential(values["X-Amz-Credential"], algorithm)
    return Claim(
        request=request,
        service=service,
        scheme=Scheme.V4_QUERY,
        access_key_id=access_key_id,
        signature=_signature(values["X-Amz-Signature"], algorithm),
        signed_at=signed_at,
        expires_at=signed_at + _life_s(values["X-Amz-Expires"]),
        session_token=values.get("X-Amz-Security-Token"),
        algorithm=algorithm.name,
        timestamp=timestamp,
        scope=scope,
        signed_headers=_signed_headers(values["X-Amz-SignedHeaders"], request.headers),
    )


def _parse_v2(request: Request, service: str, parameters: Sequence[tuple[str, str]]) -> Claim:
    values = _once(parameters, _V2_QUERY)
    for name in ("AWSAccessKeyId", "Signature", "SignatureVersion", "SignatureMethod"):
        if not values.get(name):
            raise errors.IncompleteSignature(f"The request must contain the parameter {name}.")
    if values["SignatureVersion"] != "2":
        raise errors.IncompleteSignature(
            f"Signature version {values['SignatureVersion'][:20]} is not supported; sign with "
            "version 4 (or 2)."
        )
    if values["SignatureMethod"] not in V2_METHODS:
        raise errors.IncompleteSignature("SignatureMethod must be HmacSHA256 or HmacSHA1.")
    if ("Timestamp" in values) == ("Expires" in values):
        raise errors.IncompleteSignature("The request must contain either Timestamp or Expires.")
    moment = _extended_seconds(values.get("Timestamp") or values.get("Expires") or "")
    return Claim(
        request=request,
        service=service,
        scheme=Scheme.V2,
        access_key_id=values["AWSAccessKeyId"],
        signature=values["Signature"],
        signed_at=moment if "Timestamp" in values else None,
        expires_at=moment if "Expires" in values else None,
        session_token=values.get("SecurityToken"),
        algorithm=values["SignatureMethod"],
    )


def _once(parameters: Sequence[tuple[str, str]], names: frozenset[str]) -> dict[str, str]:
    """Return the parameters of those names; one that is there twice makes the request void."""
    values: dict[str, str] = {}
    for name, value in parameters:
        if name not in names:
            continue
        if name in values:
            raise errors.IncompleteSignature(f"The parameter {name} is in the request twice.")
        values[name] = value
    return values


@functools.lru_cache(maxsize=64)
def _credential(text: str, algorithm: Algorithm) -> tuple[str, tuple[str, ...]]:
    parts, most = tuple(text.split("/")), algorithm.scope_parts
    if len(parts) <= most or not all(parts[-most:]) or not parts[0]:
        example = (
            "keyid/date/region/service/term"
            if most == V4.scope_parts
            else "keyid/date/service/term"
        )
        raise errors.IncompleteSignature(
            f"Credential must have at least {most + 1} slash-delimited elements, e.g. "
            f"{example}, got '{text[:120]}'"
        )
    return "/".join(parts[:-most]), parts[-most:]


def _signature(text: str, algorithm: Algorithm) -> str:
    if not algorithm.signature.fullmatch(text):
        raise errors.IncompleteSignature("A signature has 64 lower-case hexadecimal digits.")
    return text


def _signed_headers(text: str, headers: Mapping[str, str]) -> tuple[str, ...]:
    names = tuple(text.split(";"))
    if not _HEADER_NAMES.fullmatch(text) or len(set(names)) < len(names):
        raise errors.IncompleteSignature(
            "SignedHeaders must be lower-case names, each once, separated by semicolons."
        )
    if "host" not in names:
        raise errors.IncompleteSignature(_NOT_SIGNED.format("host"))
    for name in headers:
        if name not in names and name.startswith("x-amz-"):
            raise NotSigned(name)
    for name in names:
        if name not in headers:
            raise errors.IncompleteSignature(f"The signed header '{name}' is not in the request.")
    return names


def _timestamp_of_headers(headers: Mapping[str, str]) -> str:
    if "x-amz-date" in headers:
        return headers["x-amz-date"].strip()
    if "date" not in headers:
        raise errors.IncompleteSignature(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    text = headers["date"].strip()
    if _BASIC_TIME.fullmatch(text):
        return text
    try:
        moment = parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise errors.IncompleteSignature(f"The Date header '{text[:60]}' is no date.") from error
    return moment.strftime("%Y%m%dT%H%M%SZ")


@functools.lru_cache(maxsize=64)
def _seconds(timestamp: str) -> float:
    match = _BASIC_TIME.fullmatch(timestamp)
    try:
        if match is None:
            raise ValueError(timestamp)
        year, month, day, hour, minute, second = map(int, match.groups())
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise errors.IncompleteSignature(
            f"Date must be in ISO-8601 'basic format'. Got '{timestamp[:60]}'. "
            "See http://en.wikipedia.org/wiki/ISO_8601"
        ) from error
    return moment.timestamp()


def _extended_seconds(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise errors.IncompleteSignature(
            f"Timestamp and Expires must be ISO-8601 times such as 2026-11-21T08:00:00Z, not "
            f"'{text[:60]}'."
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _life_s(text: str) -> int:
    if not _LIFE.fullmatch(text) or not 1 <= int(text) <= PRESIGNED_LIFE_S_MAX:
        raise errors.IncompleteSignature(
            f"X-Amz-Expires must be between 1 and {PRESIGNED_LIFE_S_MAX} seconds (a week)."
        )
    return int(text)
