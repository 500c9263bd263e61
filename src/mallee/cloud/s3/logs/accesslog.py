"""The access log: a line for each request to a bucket that wants them, in AWS's exact form.

A line is made when the answer has left, since it says how many bytes did, and is kept in memory
until it is delivered (`logdelivery`). As on AWS that is best effort: a kill loses the lines of the
last minutes, an orderly end none. What a client sends cannot make a second line, or leave its
quotes. Called by the pipeline. Not its business: which buckets want it (`accesslogging`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, quote, unquote
from xml.etree import ElementTree

from mallee.cloud.call import Principal
from mallee.cloud.s3.access import acls
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.logs import operationnames
from mallee.cloud.s3.serving.server import Outgoing
from mallee.cloud.s3.visits import Visit
from mallee.cloud.state import store
from mallee.kit import clock as clocks
from mallee.model.identity.sessions import CallerKind
from mallee.model.storage.buckets import LOGGING

BATCH_BYTES = 1 << 20
"""Of one bucket's lines: so many are delivered at once."""
KEPT_BYTES_MAX = 64 << 20
"""Of all lines that wait; beyond it the newest are lost, and counted."""
_NOTHING = "-"
_DELETES_MANY = "DeleteObjects"
_DONE = 200
_STATUSES = {"": "204", "AccessDenied": "403", "PreconditionFailed": "412"}
"""Of one key among many, by the code of its error."""
_OPERATION, _BYTES_SENT, _VERSION = 6, 11, 17
"""Places of fields."""
_UNSAFE = re.compile('[\\x00-\\x1f\\x7f"\\\\\\ud800-\\udfff]')
"""What would leave the quotes, or is no text: bytes of a header that are not UTF-8."""
_KEYS = frozenset(f"x-amz-{of}server-side-encryption-customer-key" for of in ("", "copy-source-"))
"""Parameters of links whose value nobody keeps."""
_TOTAL = re.compile(r"bytes [^/]*/(\d+)")


@dataclass(slots=True)
class Batch:
    """Lines of one bucket that wait."""

    lines: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    """Each with the time of its request."""
    size: int = 0


@dataclass(slots=True)
class Log:
    """The lines of one process. Belongs to its event loop."""

    batches: dict[str, Batch] = field(default_factory=dict[str, Batch])
    """By bucket."""
    size: int = 0
    lost: int = 0

    def add(self, bucket: str, at: float, line: str) -> None:
        """Keep a line."""
        size = len(line) + 1
        if self.size + size > KEPT_BYTES_MAX:
            self.lost += 1
            return
        batch = self.batches.setdefault(bucket, Batch())
        batch.lines.append((at, line))
        batch.size += size
        self.size += size

    def take(self, *, least: int = 0) -> dict[str, Batch]:
        """Take away the batches that have so many bytes."""
        taken = {name: batch for name, batch in self.batches.items() if batch.size >= least}
        for name, batch in taken.items():
            del self.batches[name]
            self.size -= batch.size
        return taken


def logged(
    log: Log, place: tuple[store.View, clocks.Clock], visit: Visit, outgoing: Outgoing
) -> Outgoing:
    """Return the answer, which is logged when it has left, if its bucket wants that."""
    view, clock = place
    record = buckets.find(view, visit.bucket) if visit.bucket else None
    if record is None or LOGGING not in record.doc.documents:
        return outgoing
    answered_at = clock.monotonic()

    def sent(size: int) -> None:
        took_s = clock.monotonic() - visit.began_at
        at = clock.now() - took_s
        ended = _End(at, took_s, answered_at - visit.began_at, size)
        for told in lines(visit, outgoing, record.account, ended):
            log.add(record.id, at, told)

    return replace(outgoing, sent=sent)


@dataclass(frozen=True, slots=True)
class _End:
    at: float
    """When the request came."""
    took_s: float
    """Until the last byte left."""
    thought_s: float
    """Until the first could."""
    sent: int


def lines(visit: Visit, outgoing: Outgoing, owner: str, ended: _End) -> Iterator[str]:
    """Yield the line of a request, and one for each key of a request that deletes many."""
    fields = _fields(visit, outgoing, owner, ended)
    yield " ".join(fields)
    if visit.operation == _DELETES_MANY and outgoing.status == _DONE:
        refused = _refused(outgoing)
        for one in visit.asked["Delete"].get("Objects") or ():
            key, version = one["Key"], one.get("VersionId") or ""
            code = refused.get((key, version), "")
            batch = list(fields)
            batch[_OPERATION:_BYTES_SENT] = (
                *("BATCH.DELETE.OBJECT", _key(key), _NOTHING),
                *(_status_of(code), code or _NOTHING),
            )
            batch[_BYTES_SENT : _BYTES_SENT + 2] = (_NOTHING, _NOTHING)
            batch[_VERSION] = _plain(version)
            yield " ".join(batch)


def _refused(outgoing: Outgoing) -> dict[tuple[str, str], str]:
    """Return the codes of keys that were not deleted, as the answer tells them."""
    payload = outgoing.payload
    if not isinstance(payload, bytes) or b"<Error>" not in payload:
        return {}
    found: dict[tuple[str, str], str] = {}
    for error in ElementTree.fromstring(payload).iterfind("{*}Error"):
        told = {part.tag.rpartition("}")[2]: part.text or "" for part in error}
        found[told.get("Key", ""), told.get("VersionId", "")] = told.get("Code", "")
    return found


def _status_of(code: str) -> str:
    return _STATUSES.get(code, "400")


def _fields(visit: Visit, outgoing: Outgoing, owner: str, ended: _End) -> tuple[str, ...]:
    """Return AWS's twenty-six fields."""
    request, headers = visit.request, visit.request.headers
    query = parse_qs(request.query, keep_blank_values=True)
    uri = f"{request.path}?{_without_keys(request.query)}" if request.query else request.path
    version, auth = _signed(headers, query)
    is_sent = ended.sent and request.method != "HEAD"
    return (
        acls.canonical_id(owner),
        visit.bucket,
        datetime.fromtimestamp(ended.at, UTC).strftime("[%d/%b/%Y:%H:%M:%S +0000]"),
        request.peer or _NOTHING,
        _requester(visit.principal),
        visit.id,
        operationnames.of(
            visit.operation, request.method, is_of_key=bool(visit.key), is_page=visit.is_page
        ),
        _key(visit.key),
        _quoted(f"{request.method} {uri} HTTP/1.1"),
        str(outgoing.status),
        visit.error or _NOTHING,
        str(ended.sent) if is_sent else _NOTHING,
        _object_size(visit, outgoing),
        str(round(ended.took_s * 1000)),
        str(round(ended.thought_s * 1000)),
        _quoted(headers.get("referer", "")),
        _quoted(headers.get("user-agent", "")),
        _plain(query.get("versionId", [""])[0]),
        visit.id,
        version,
        # The endpoint speaks HTTP; TLS ends before it.
        _NOTHING,
        auth,
        _plain(headers.get("host", "")),
        *(_NOTHING, _NOTHING, _NOTHING),
    )


def _key(key: str) -> str:
    return quote(key, safe="/-_.~*'()!") if key else _NOTHING


def _requester(who: Principal | None) -> str:
    if who is None or who.kind is CallerKind.NOBODY:
        return _NOTHING
    return who.arn


def _signed(headers: Mapping[str, str], query: Mapping[str, list[str]]) -> tuple[str, str]:
    """Return by which signature, and where it stands."""
    text = headers.get("authorization", "")
    if text:
        return ("SigV4" if text.startswith("AWS4-") else "SigV2"), "AuthHeader"
    if "X-Amz-Signature" in query:
        return "SigV4", "QueryString"
    if "Signature" in query:
        return "SigV2", "QueryString"
    return _NOTHING, _NOTHING


def _object_size(visit: Visit, outgoing: Outgoing) -> str:
    """Return the size of the whole object that a request was about, where it tells."""
    if not visit.key or outgoing.status >= 300:
        return _NOTHING
    if visit.operation in ("PutObject", "UploadPart"):
        return _length(visit.request.headers)
    if visit.operation not in ("GetObject", "HeadObject"):
        return _NOTHING
    total = _TOTAL.match(outgoing.headers.get("Content-Range", ""))
    return total[1] if total else outgoing.headers.get("Content-Length", str(outgoing.size))


def _length(headers: Mapping[str, str]) -> str:
    """Return how many bytes an object that was stored has, as far as its head said."""
    codings = headers.get("content-encoding", "").lower()
    mode = headers.get("x-amz-content-sha256", "")
    is_wrapped = mode.startswith("STREAMING-") or "aws-chunked" in codings
    said = headers.get("x-amz-decoded-content-length" if is_wrapped else "content-length", "")
    return said if said.isascii() and said.isdigit() else _NOTHING


def _without_keys(query: str) -> str:
    """Return a query without the keys that customers seal with."""
    if "customer-key" not in unquote(query).lower():
        return query
    parts = (part.partition("=") for part in query.split("&"))
    return "&".join(
        f"{name}={_NOTHING}" if unquote(name).lower() in _KEYS else f"{name}{equals}{value}"
        for name, equals, value in parts
    )


def _quoted(text: str) -> str:
    return f'"{_UNSAFE.sub(_escaped, text)}"' if text else _QUOTED_NOTHING


_QUOTED_NOTHING = '"-"'


def _plain(text: str) -> str:
    return quote(text, safe="/:-_.~=+", errors="surrogateescape") if text else _NOTHING


def _escaped(match: "re.Match[str]") -> str:
    return f"%{ord(match[0]) & 0xFF:02X}"
