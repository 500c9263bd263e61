"""HTTP/1.1 as far as guests may speak it: bytes of a request's head to a value, and an answer to
bytes. A machine without I/O; `service` and `gateway` read and write the sockets.

Guests are not trusted: what is too long or not plainly HTTP is refused, never guessed.
"""

import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

HEAD_BYTES_MAX = 8192
BODY_BYTES_MAX = 8192
"""A request's body means nothing here; up to this much is read and forgotten."""

_LENGTH_DIGITS_MAX = 9
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What no line of a head may have, but tabs: others show it to people, in logs and trails."""

_ERROR_BODY = """<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
\t"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>{line}</title>
 </head>
 <body>
  <h1>{line}</h1>
 </body>
</html>
"""


class Malformed(Exception):
    """The bytes are no request that we serve; the connection ends after a 400."""


class TooLong(Malformed):
    """The body is longer than we read; the connection ends after a 413."""


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request."""

    method: str
    path: str
    """Decoded, without the query."""
    headers: Mapping[str, str]
    """By lower-case name; repeated ones are joined by commas."""
    keeps_alive: bool
    body_bytes: int


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request as it was sent, for who passes it on."""

    method: str
    target: str
    headers: Mapping[str, str]
    """By lower-case name; repeated ones are joined by commas."""
    keeps_alive: bool
    body_bytes: int


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, before it is put on the wire."""

    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    hop_limit: int | None = None
    """How many hops the answer's packets may travel; None: as far as usual."""


def decode_head(head: bytes) -> Request:
    """Read a request's head, up to and with its empty line. Raises `Malformed`."""
    read = split_head(head, BODY_BYTES_MAX)
    return Request(
        method=read.method,
        path=_decode_path(read.target),
        headers=read.headers,
        keeps_alive=read.keeps_alive,
        body_bytes=read.body_bytes,
    )


def split_head(head: bytes, body_bytes_max: int) -> Head:
    """Read a request's head without a look at its target. Raises `Malformed`."""
    try:
        start, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        if any(map(_CONTROL.search, (start, *lines))):
            raise Malformed("a control character")
        method, target, version = start.split(" ")
    except ValueError:
        raise Malformed("not a request line") from None
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise Malformed(f"version {version[:20]}")
    headers = _decode_headers(lines)
    if "transfer-encoding" in headers:
        raise Malformed("a body in chunks")
    # Several lengths are joined by commas, and so are none.
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit() and len(length) <= _LENGTH_DIGITS_MAX):
        raise Malformed("not a length of a body")
    if int(length) > body_bytes_max:
        raise TooLong("a body too long")
    connection = headers.get("connection", "").lower()
    return Head(
        method=method,
        target=target,
        headers=headers,
        keeps_alive=connection != "close" if version == "HTTP/1.1" else connection == "keep-alive",
        body_bytes=int(length),
    )


def _decode_headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise Malformed("not a header line")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _decode_path(target: str) -> str:
    if target.lower().startswith("http://"):
        target = "/" + target[len("http://") :].partition("/")[2]
    if not target.startswith("/"):
        raise Malformed("not a path")
    return urllib.parse.unquote(target.partition("?")[0])


def error(status: HTTPStatus, headers: Mapping[str, str] | None = None) -> Answer:
    """Return the answer that says no more than its status, with AWS's page as its body."""
    body = _ERROR_BODY.format(line=f"{status.value} - {status.phrase}")
    return Answer(status, body.encode(), "text/html", headers or {})


def encode(answer: Answer, method: str, *, keeps_alive: bool) -> bytes:
    """Return the answer's bytes; the answer to a HEAD has no body but its length."""
    headers = {
        "Content-Type": answer.content_type,
        "Accept-Ranges": "none",
        "Content-Length": str(len(answer.body)),
        "Server": "EC2ws",
        "Connection": "keep-alive" if keeps_alive else "close",
        **answer.headers,
    }
    lines = [f"HTTP/1.1 {answer.status.value} {answer.status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head if method == "HEAD" else head + answer.body
