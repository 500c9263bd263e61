"""The canonical text of a request: what signer and verifier must build alike, byte for byte.

Built from the bytes that came over the wire, never from what a web framework made of them.
Used by `claims` (to read parameters) and `check` (to build the strings that are signed).
"""

import functools
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote, unquote_to_bytes

from mallee.aws.signature.wire import Request

FORM = "application/x-www-form-urlencoded"
_SAFE = "-_.~"
_SIGNATURE = "X-Amz-Signature"
_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*", re.ASCII)
_PART = (
    r"(?:[A-Za-z0-9_.~-]"
    r"|%(?:[01][0-9A-F]|2[0-9A-CF]|3[A-F]|40|5[B-E]|60|7[B-DF]|[89A-F][0-9A-F]))*"
)
_IN_ONE_WAY = re.compile(f"{_PART}(?:={_PART})?(?:&{_PART}(?:={_PART})?)*", re.ASCII)
"""Queries that RFC 3986 writes as they are: escaped is what must be, in upper case."""
_REMEMBERED_MAX = 4096
"""Characters of a query that is remembered: one request asks for it several times."""

Pairs = tuple[tuple[str, str], ...]


def split_query(raw: str) -> Pairs:
    """Return names and values of a raw query or form, decoded, in their order."""
    if not raw:
        return ()
    return _split_again(raw) if len(raw) <= _REMEMBERED_MAX else _split(raw)


def form_of(request: Request) -> Pairs:
    """Return the parameters of a form body; of any other body none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM or not request.body:
        return ()
    return split_query(request.body.decode("utf-8", "surrogateescape"))


def v4_path(raw: str, service: str) -> str:
    """Return the canonical path: without dot segments, its percent signs encoded once more.

    S3 alone takes the path as it was sent.
    """
    if service == "s3":
        return quote(raw, safe="/%" + _SAFE) or "/"
    if raw == "/":
        return raw
    segments: list[str] = []
    for segment in raw.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    last = "/" if raw.endswith("/") and segments else ""
    return quote("/" + "/".join(segments) + last, safe="/" + _SAFE)


def queries(raw: str) -> tuple[str, ...]:
    """Return the canonical queries that will do: as it was sent, and as RFC 3986 encodes it."""
    as_sent = raw_query(raw)
    if _IN_ONE_WAY.fullmatch(raw):
        return (as_sent,)
    return tuple(dict.fromkeys((as_sent, encoded_query(raw))))


def raw_query(raw: str) -> str:
    """Return the parts of a query as they were sent, sorted, without the signature."""
    parts = [part.partition("=") for part in raw.split("&") if part]
    return "&".join([f"{name}={value}" for name, _, value in sorted(parts) if name != _SIGNATURE])


def encoded_query(raw: str) -> str:
    """Return the query decoded, encoded as RFC 3986 has it, sorted, without the signature."""
    pairs = [(encode(name), encode(value)) for name, value in split_query(raw)]
    return "&".join([f"{name}={value}" for name, value in sorted(pairs) if name != _SIGNATURE])


def v4_headers(names: Iterable[str], headers: Mapping[str, str]) -> str:
    """Return the signed headers, a line each, their white space folded."""
    return "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in names)


def v4_request(request: Request, parts: Sequence[str]) -> bytes:
    """Return the canonical request of path, query, headers, header names and payload hash."""
    text = "\n".join((request.method.upper(), *parts))
    return text.encode("utf-8", "surrogateescape")


def v2_request(request: Request) -> bytes:
    """Return the string that SigV2 signs: method, host, path, and every parameter sorted."""
    parameters = split_query(request.query) + form_of(request)
    pairs = sorted(
        (encode(name), encode(value)) for name, value in parameters if name != "Signature"
    )
    query = "&".join(f"{name}={value}" for name, value in pairs)
    host = request.headers.get("host", "").strip().lower()
    text = "\n".join((request.method.upper(), host, request.path or "/", query))
    return text.encode("utf-8", "surrogateescape")


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def encode(text: str) -> str:
    """Percent-encode all but the unreserved characters of RFC 3986."""
    if _UNRESERVED.fullmatch(text):
        return text
    return quote(text, safe=_SAFE, errors="surrogateescape")


def _split(raw: str) -> Pairs:
    parts = [part.partition("=") for part in raw.split("&") if part]
    if "%" not in raw and "+" not in raw:
        return tuple([(name, value) for name, _, value in parts])
    return tuple([(_decode(name), _decode(value)) for name, _, value in parts])


_split_again = functools.lru_cache(maxsize=16)(_split)


def _decode(text: str) -> str:
    if "%" not in text and "+" not in text:
        return text
    raw = unquote_to_bytes(text.replace("+", " ").encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "surrogateescape")
