"""Which operation of S3 a request asks for, of which bucket and key: method, host, path, query.

Compiled from the model's addresses. Among the operations of a method on a bucket or an object that
one is meant whose marks (`?acl`, `list-type=2`, `uploadId`, `x-amz-copy-source`) are all there and
are the most. A mark that no operation accounts for is refused, so that a misspelt request never
becomes another one: `DELETE /bucket?versioning` does not delete the bucket.
Called by S3's pipeline first of all. Not its business: parameters, and who may.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from mallee.aws import errors, model
from mallee.aws.codec.s3 import names
from mallee.aws.signature import canonical, hoisted, wire

POST_OBJECT = "PostObject"
"""A form in a browser that uploads a file: an operation without a name in the model."""
PREFLIGHT = "OptionsObject"
"""A browser's question whether a page of another origin may ask."""
KEY_BYTES_MAX = 1024

_OLD_PATH = re.compile(r"/services/(?:objectstorage|walrus)(?=/|$)", re.IGNORECASE)
"""Before the bucket, as Eucalyptus had it; anywhere else it is a part of a key."""
_PORT = re.compile(r":[0-9]*$")
_S3_LABEL = re.compile(r"s3(?:-[a-z]{2}(?:-[a-z]+)+-[0-9])?|objectstorage|walrus")
"""What stands behind a bucket in a host: also with a region, as was usual once, and Eucalyptus'."""
_ENDPOINT_LABEL = re.compile(r"vpce-[0-9a-f]{8,17}(?:-[0-9a-z]+)+")
"""What stands between the two in a name of a VPC endpoint's own."""


@dataclass(frozen=True, slots=True)
class Address:
    """What a host and a path name."""

    bucket: str
    """Empty: the service itself."""
    key: str
    """Empty: the bucket itself."""
    host_bucket: str
    """The bucket as far as the host names it: what old signatures put before the path."""


@dataclass(frozen=True, slots=True)
class Routed:
    """What a request is about."""

    operation: str
    address: Address

    @property
    def bucket(self) -> str:
        """The bucket's name; empty when the request is about none."""
        return self.address.bucket

    @property
    def key(self) -> str:
        """The object's key, character for character; empty when the request is about none."""
        return self.address.key


@dataclass(frozen=True, slots=True)
class _Candidate:
    operation: str
    marks: tuple[tuple[str, str | None], ...]
    """Names in the query that must be there, with this value (None: any)."""
    headers: tuple[str, ...]

    @property
    def weight(self) -> int:
        return len(self.marks) + len(self.headers)


def route(head: wire.Head, domains: Sequence[str] = ()) -> Routed:
    """Return what the request asks for; raise `errors.s3.S3Error`.

    `domains`: the names of the endpoint; `bucket.DOMAIN` is a bucket's. A host with the label `s3`
    (`bucket.s3.region.example.org`), or one like it, is understood without being among them.
    """
    where = address(head, domains)
    level = _level(where)
    if head.method == "OPTIONS":
        return Routed(PREFLIGHT, where)
    query = dict(canonical.split_query(head.query))
    if head.method == "POST" and level == "bucket" and _is_form(head):
        return Routed(POST_OBJECT, where)
    headers = hoisted.headers_of(head)
    tables = _tables()
    if tables.marks.isdisjoint(query) and tables.headers.isdisjoint(headers):
        plain = tables.plain.get((head.method, level))
        if plain is not None:
            return Routed(plain, where)
    candidates = tables.candidates.get((head.method, level), ())
    fitting = [candidate for candidate in candidates if _fits(candidate, query, headers)]
    if not fitting:
        raise _nothing_fits(head, query, where)
    best = max(fitting, key=lambda candidate: candidate.weight)
    left = (marks() & query.keys()) - {name for name, _ in best.marks} - _known(best.operation)
    if left and best.marks:
        conflicting = ", ".join(sorted({*left, *(name for name, _ in best.marks)}))
        raise errors.s3.InvalidArgument(
            f"Conflicting query string parameters: {conflicting}", argument="ResourceType"
        )
    if "list-type" in left:
        raise errors.s3.InvalidArgument(
            "Invalid List Type specified in Request",
            argument="list-type",
            value=query["list-type"][:100],
        )
    if left:
        raise errors.s3.MethodNotAllowed(method=head.method, resource_type=min(left).upper())
    return Routed(best.operation, where)


def address(head: wire.Head, domains: Sequence[str] = ()) -> Address:
    """Return which bucket and key host and path name; raise `InvalidURI`, `KeyTooLongError`."""
    host_bucket = _bucket_of_host(head.headers.get("host", ""), tuple(domains))
    if host_bucket:
        return Address(host_bucket, _decoded_key(head.path.removeprefix("/")), host_bucket)
    old = _OLD_PATH.match(head.path)
    path = head.path[old.end() :] if old else head.path
    raw_bucket, _, key = path.removeprefix("/").partition("/")
    bucket = _decoded(raw_bucket)
    if "/" in bucket:
        # Signatures know no difference between a slash and its escape.
        raise errors.s3.InvalidBucketName(bucket=bucket)
    return Address(bucket, _decoded_key(key), "")


def check_key(key: str) -> None:
    """Raise `KeyTooLongError` for a key that no object can have."""
    size = len(key) if key.isascii() else len(key.encode("utf-8", "surrogateescape"))
    if size > KEY_BYTES_MAX:
        raise errors.s3.KeyTooLongError(size=size, most=KEY_BYTES_MAX)


def marks() -> frozenset[str]:
    """Return every name in a query by which some operation is told from another."""
    return _tables().marks


@functools.lru_cache(maxsize=64)
def _bucket_of_host(host: str, domains: tuple[str, ...]) -> str:
    name = _PORT.sub("", host.strip().lower()).removesuffix(".")
    for domain in domains:
        if name == domain:
            return ""
        if name.endswith("." + domain):
            return name[: -len(domain) - 1]
    labels = name.split(".")
    for place in range(len(labels) - 1, 0, -1):
        if _S3_LABEL.fullmatch(labels[place]):
            return ".".join(_before_endpoint(labels[:place]))
    return ""


def _before_endpoint(labels: list[str]) -> list[str]:
    """Return the labels without the name of a VPC endpoint: `[BUCKET.]bucket.vpce-….s3.…`."""
    if not labels or not _ENDPOINT_LABEL.fullmatch(labels[-1]):
        return labels
    left = labels[:-1]
    return left[:-1] if left and left[-1] == "bucket" else left


def _decoded_key(raw: str) -> str:
    key = _decoded(raw)
    check_key(key)
    return key


def _decoded(raw: str) -> str:
    if "%" not in raw and raw.isascii():
        return raw
    try:
        return unquote_to_bytes(raw.encode("utf-8", "surrogateescape")).decode()
    except UnicodeDecodeError as error:
        raise errors.s3.InvalidURI from error


def _level(where: Address) -> str:
    if not where.bucket:
        if where.key:
            raise errors.s3.InvalidURI
        return "service"
    return "object" if where.key else "bucket"


def _is_form(head: wire.Head) -> bool:
    kind = head.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "multipart/form-data"


def _fits(candidate: _Candidate, query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    return all(
        name in query and (value is None or query[name] == value) for name, value in candidate.marks
    ) and all(name in headers for name in candidate.headers)


def _nothing_fits(head: wire.Head, query: Mapping[str, str], where: Address) -> errors.AwsError:
    if head.method == "POST" and not where.key and not marks() & query.keys():
        return errors.s3.RequestIsNotMultiPartContent()
    kind = "OBJECT" if where.key else "BUCKET" if where.bucket else "SERVICE"
    return errors.s3.MethodNotAllowed(method=head.method, resource_type=kind)


@dataclass(frozen=True, slots=True)
class _Tables:
    candidates: dict[tuple[str, str], list[_Candidate]]
    marks: frozenset[str]
    headers: frozenset[str]
    """Headers that tell operations from each other."""
    plain: dict[tuple[str, str], str]
    """The operations that are meant where nothing marks another."""


@functools.cache
def _tables() -> _Tables:
    candidates: dict[tuple[str, str], list[_Candidate]] = {}
    marks: set[str] = set()
    headers: set[str] = set()
    for operation in model.load("s3").operations.values():
        if operation.name in names.UNREACHABLE:
            continue
        level, candidate = _candidate(operation)
        candidates.setdefault((operation.http.method, level), []).append(candidate)
        marks |= {name for name, _ in candidate.marks}
        headers.update(candidate.headers)
    plain = {
        where: one.operation for where, some in candidates.items() for one in some if not one.weight
    }
    return _Tables(candidates, frozenset(marks), frozenset(headers), plain)


def _candidate(operation: model.Operation) -> tuple[str, _Candidate]:
    path, _, query = operation.http.request_uri.partition("?")
    level = {"/": "service", "/{Bucket}": "bucket", "/{Bucket}/{Key+}": "object"}[path]
    marks: list[tuple[str, str | None]] = []
    for part in query.split("&") if query else ():
        name, equals, value = part.partition("=")
        marks.append((name, value if equals else None))
    headers: list[str] = []
    shape = operation.input
    required = shape.required if shape else ()
    for name in required:
        assert shape is not None
        member = shape.members[name]
        if member.location == "querystring":
            marks.append((member.location_name or name, None))
        elif member.location == "header" and member.location_name == "x-amz-copy-source":
            headers.append(member.location_name)
    return level, _Candidate(operation.name, tuple(marks), tuple(headers))


@functools.cache
def _known(operation: str) -> frozenset[str]:
    """Return the names in a query that are parameters of the operation."""
    shape = model.load("s3").operations[operation].input
    members = shape.members.items() if shape else ()
    return frozenset(
        member.location_name or name for name, member in members if member.location == "querystring"
    )
