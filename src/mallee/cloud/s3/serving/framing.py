"""Where a request begins and ends in the bytes of a connection: heads, and bodies in chunks.

Machines without I/O. A head is read by llhttp, as strictly as it can, when it is there whole; so
that no two programs on the way may understand it differently, whatever is doubtful is refused. A
body ends after the length that the head says, or where the chunks of HTTP end. Called by
`connections`. Not its business: S3's own chunks (`aws.signature.streaming`).
"""

import re
from dataclasses import dataclass
from typing import Any

import httptools

from mallee.aws import errors
from mallee.cloud import http

HEAD_BYTES_MAX = 128 << 10
"""Of a head, all of it: 64 KiB may be its first line."""
LINE_BYTES_MAX = 64 << 10
FIELD_BYTES_MAX = 8 << 10
FIELDS_MAX = 128
"""Metadata is many headers: 2 KB of it at most, which the handlers see to."""
END = b"\r\n\r\n"

_ORIGIN = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
"""What stands before the path where a client takes us for a proxy."""
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t -~\x80-\xff]*)?")
_CHUNK_LINE_MAX = 4096
_TRAILER_BYTES_MAX = 16 << 10
_VERSIONS = ("1.0", "1.1")


class Malformed(Exception):
    """The bytes are no request; `answer` is what its sender is told."""

    def __init__(self, answer: errors.AwsError) -> None:
        super().__init__(answer.message)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body, and how that will come."""

    request: http.Request
    length: int
    """Bytes of the body; 0 where it comes in chunks."""
    is_chunked: bool
    is_awaited: bool
    """Whether its sender waits to be told to go on, be it with a body of no bytes."""
    keeps: bool
    """Whether its sender wants to keep the connection."""
    is_old: bool
    """Whether it is of HTTP/1.0, whose clients must be told that a connection stays."""


class _Fields:
    """What llhttp finds."""

    __slots__ = ("headers", "keeps", "parser", "target")

    def __init__(self) -> None:
        self.target = b""
        self.headers: dict[str, str] = {}
        self.keeps = False
        self.parser: Any = httptools.HttpRequestParser(self)

    def on_url(self, data: bytes) -> None:
        """Take the target, or more of it."""
        self.target += data

    def on_headers_complete(self) -> None:
        """Ask what is forgotten once a message is over."""
        self.keeps = self.parser.should_keep_alive()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; one that is there before is joined to it."""
        if len(value) > FIELD_BYTES_MAX:
            raise Malformed(errors.s3.RequestHeaderSectionTooLarge())
        key, text = name.decode().lower(), value.decode("utf-8", "surrogateescape").strip(" \t")
        held = self.headers.get(key)
        if held is not None and key == "host":
            raise Malformed(errors.s3.BadRequest())
        self.headers[key] = text if held is None else f"{held},{text}"


def parse(data: bytes, peer: str, guest: http.Guest | None = None) -> Head:
    """Return the head that these bytes are, its empty line included; raise `Malformed`."""
    if data.count(b"\n") > FIELDS_MAX + 2 or data.find(b"\n") > LINE_BYTES_MAX:
        raise Malformed(errors.s3.RequestHeaderSectionTooLarge())
    found = _Fields()
    parser = found.parser
    try:
        parser.feed_data(_escaped(data))
    except httptools.HttpParserUpgrade:
        # Nothing else is spoken here: what was asked for is answered, and that is all.
        pass
    except httptools.HttpParserCallbackError as error:
        if isinstance(error.__context__, Malformed):
            raise error.__context__ from error
        raise Malformed(errors.s3.BadRequest()) from error
    except httptools.HttpParserError as error:
        raise Malformed(errors.s3.BadRequest()) from error
    headers, version = found.headers, parser.get_http_version()
    if version == "1.0" and "transfer-encoding" in headers:
        # Nobody on the way who speaks that version would know where the body ends.
        raise Malformed(errors.s3.BadRequest())
    # The two know each other: nothing else is to be collected for each request.
    found.parser = None
    if version not in _VERSIONS:
        raise Malformed(errors.s3.BadRequest())
    length, is_chunked = _framing(headers)
    has_expectation = headers.get("expect", "").lower() == "100-continue"
    return Head(
        request=_request(parser.get_method().decode(), found, (peer, guest)),
        length=length,
        is_chunked=is_chunked,
        is_awaited=has_expectation and version != "1.0",
        keeps=found.keeps and "upgrade" not in headers,
        is_old=version == "1.0",
    )


def _request(method: str, found: _Fields, sender: tuple[str, http.Guest | None]) -> http.Request:
    target = found.target.decode("utf-8", "surrogateescape")
    if not target.startswith("/"):
        target = _ORIGIN.sub("", target, count=1)
        target = target if target.startswith(("/", "*")) else f"/{target}"
    path, _, query = target.partition("?")
    peer, guest = sender
    return http.Request(
        method=method,
        path=path,
        query=query.partition("#")[0],
        headers=found.headers,
        body=b"",
        peer=peer,
        guest=guest,
    )


def _escaped(data: bytes) -> bytes:
    """Return the head with what is not ASCII in its target escaped: some clients do not."""
    if data.isascii():
        return data
    end = data.find(b"\r\n")
    line = data[:end]
    if line.isascii():
        return data
    escaped = b"".join(bytes((one,)) if one < 0x80 else b"%%%02X" % one for one in line)
    return escaped + data[end:]


def _framing(headers: dict[str, str]) -> tuple[int, bool]:
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None:
        if coding.lower() != "chunked" or length is not None:
            raise Malformed(errors.s3.BadRequest())
        return 0, True
    if length is None:
        return 0, False
    if not _LENGTH.fullmatch(length):
        raise Malformed(errors.s3.BadRequest())
    return int(length), False


class Dechunker:
    """Takes the chunks of HTTP off a body. Used up after its end."""

    __slots__ = ("_left", "_line", "_trailer", "is_over")

    def __init__(self) -> None:
        self._left = 0
        """Bytes of the chunk at hand that have not come."""
        self._line = bytearray()
        """A line that is not whole: of a size, or the end of a chunk."""
        self._trailer = -1
        """Bytes of lines after the last chunk; -1 before it."""
        self.is_over = False

    def feed(self, data: bytes) -> tuple[list[bytes], bytes]:
        """Take bytes; return those of the body, and those after its end. Raises `Malformed`."""
        pieces: list[bytes] = []
        at = 0
        while at < len(data) and not self.is_over:
            if self._left > 0:
                piece = data[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                if self._left == 0:
                    # The line that ends the chunk has nothing in it.
                    self._left = -1
                continue
            end = data.find(b"\n", at)
            stop = len(data) if end < 0 else end + 1
            self._line += data[at:stop]
            at = stop
            if len(self._line) > _CHUNK_LINE_MAX:
                raise Malformed(errors.s3.BadRequest())
            if end >= 0:
                self._end_line()
        return pieces, data[at:]

    def _end_line(self) -> None:
        if not self._line.endswith(b"\r\n") or self._line.count(b"\r") > 1:
            raise Malformed(errors.s3.BadRequest())
        line = bytes(self._line[:-2])
        self._line.clear()
        if self._trailer >= 0:
            self._trailer += len(line)
            if self._trailer > _TRAILER_BYTES_MAX:
                raise Malformed(errors.s3.BadRequest())
            self.is_over = not line
        elif self._left < 0:
            if line:
                raise Malformed(errors.s3.BadRequest())
            self._left = 0
        else:
            match = _CHUNK.fullmatch(line)
            if match is None:
                raise Malformed(errors.s3.BadRequest())
            self._left = int(match.group(1), 16)
            self._trailer = -1 if self._left else 0
