"""Bodies of S3 in signed or unsigned chunks: a machine without I/O, bytes in, bytes of object out.

A body is `SIZE;chunk-signature=…\\r\\n`, so many bytes, `\\r\\n`, again and again, and ends with a
chunk of no bytes, after which headers (trailers) may follow. Each signature goes on from the one
before, the first from the request's. Invariants:
1. `finish` returns only when every byte was there, and every signature held.
2. Bytes are given out before their chunk's signature is known to hold, so whoever takes them keeps
   nothing until `finish` has returned.
3. Memory does not grow with the size of a chunk or of the body.
Called by the reader of S3's bodies. Not its business: what the trailers say (`checksums`).
"""

import enum
import hashlib
import re
from collections.abc import Mapping

from mallee.aws import errors
from mallee.aws.signature import check
from mallee.aws.signature.s3 import Payload, Seed

LINE_BYTES_MAX = 1024
"""Of a chunk's head; and of a trailer's line."""
TRAILERS_MAX = 16
CHUNK_BYTES_MAX = 5 << 30
"""S3's largest body of one request."""
SIGNATURE_TRAILER = "x-amz-trailer-signature"

_HEAD = re.compile(rb"([0-9a-fA-F]{1,16})((?:;[^;\r\n]*)*)")
_SIGNATURE = re.compile(rb";chunk-signature=([0-9a-f]{16,144})\**")
"""Signatures by a pair of keys have no fixed length, and are filled up with stars."""
_TRAILER = re.compile(rb"([A-Za-z0-9-]{1,100}):[ \t]*([\x20-\x7e]*)")
_EMPTY = check.EMPTY_SHA256

Piece = bytes | memoryview


class _State(enum.Enum):
    HEAD = "a chunk's head follows"
    DATA = "bytes of a chunk follow"
    DATA_END = "the line end after a chunk's bytes follows"
    TRAILERS = "the last chunk was there; trailers or the end follow"
    DONE = "nothing may follow"


class Decoder:
    """Takes a body as it comes and gives out the object's bytes."""

    __slots__ = (
        "_claimed",
        "_hash",
        "_left",
        "_line",
        "_payload",
        "_seed",
        "_signature",
        "_size",
        "_state",
        "_trailers",
    )

    def __init__(self, payload: Payload, seed: Seed | None) -> None:
        """`seed`: of the request's signature; None unless the mode signs its chunks."""
        if payload.mode.is_signed and seed is None:
            raise ValueError("signed chunks need a seed")
        self._payload = payload
        self._seed = seed if payload.mode.is_signed else None
        self._signature = seed.signature if seed else ""
        self._state = _State.HEAD
        self._line = bytearray()
        """What came of a line so far."""
        self._left = 0
        """Bytes of this chunk that are still to come."""
        self._size = 0
        """Bytes of the object so far."""
        self._hash = hashlib.sha256()
        self._claimed = ""
        self._trailers: dict[str, str] = {}

    @property
    def is_complete(self) -> bool:
        """Whether the end of the body has come."""
        return self._state is _State.DONE

    def feed(self, data: bytes) -> list[Piece]:
        """Take some bytes of the body; return those of the object. Raises `errors.s3.S3Error`."""
        pieces: list[Piece] = []
        view = memoryview(data)
        while view:
            if self._state is _State.DATA:
                piece = view[: self._left]
                view = view[len(piece) :]
                self._take(piece)
                pieces.append(piece)
            elif self._state is _State.DONE:
                raise errors.s3.InvalidRequest("Bytes follow the end of the body.")
            else:
                view = self._take_line(view)
        return pieces

    def finish(self) -> Mapping[str, str]:
        """Return the trailers, by lower-case name, once all has come; raise `IncompleteBody`…"""
        if self._state is _State.TRAILERS and not self._line:
            # Some clients leave out the empty line at the end.
            self._end()
        if self._state is not _State.DONE:
            raise errors.s3.IncompleteBody()
        return self._trailers

    def _take(self, piece: memoryview) -> None:
        if self._seed is not None:
            self._hash.update(piece)
        self._left -= len(piece)
        if not self._left:
            self._state = _State.DATA_END

    def _take_line(self, view: memoryview) -> memoryview:
        """Take a line, or as much of it as there is; return the rest."""
        wanted = LINE_BYTES_MAX + 1 - len(self._line)
        found = bytes(view[:wanted])
        end = found.find(b"\n")
        if end < 0:
            self._line += found
            if len(self._line) > LINE_BYTES_MAX:
                raise self._malformed()
            return view[len(found) :]
        self._line += found[:end]
        line = bytes(self._line.removesuffix(b"\r"))
        self._line.clear()
        self._on_line(line)
        return view[end + 1 :]

    def _on_line(self, line: bytes) -> None:
        if self._state is _State.HEAD:
            self._on_head(line)
        elif self._state is _State.DATA_END:
            if line:
                raise self._malformed()
            self._check_chunk()
            self._state = _State.HEAD
        elif line:
            self._on_trailer(line)
        else:
            self._end()

    def _on_head(self, line: bytes) -> None:
        match = _HEAD.fullmatch(line)
        if match is None:
            raise self._malformed()
        if self._seed is not None:
            signature = _SIGNATURE.fullmatch(match[2])
            if signature is None:
                raise self._malformed()
            self._claimed = signature[1].decode()
        self._left = int(match[1], 16)
        self._size += self._left
        declared = self._payload.decoded_length
        if self._left > CHUNK_BYTES_MAX or (declared is not None and self._size > declared):
            raise errors.s3.IncompleteBody(
                "The request body is longer than the x-amz-decoded-content-length header says."
            )
        if self._left:
            self._state = _State.DATA
            return
        self._check_chunk()
        self._state = _State.TRAILERS

    def _check_chunk(self) -> None:
        """Verify the chunk that has ended, and go on from its signature."""
        if self._seed is None:
            return
        text = "\n".join(
            (
                f"{self._payload.mode.algorithm}-PAYLOAD",
                self._seed.timestamp,
                self._seed.scope,
                self._signature,
                _EMPTY,
                self._hash.hexdigest(),
            )
        )
        self._hash = hashlib.sha256()
        self._check(self._seed, text)

    def _check(self, seed: Seed, text: str) -> None:
        if not seed.holds(self._claimed, text.encode("utf-8", "surrogateescape")):
            raise errors.s3.SignatureDoesNotMatch()
        self._signature = self._claimed

    def _on_trailer(self, line: bytes) -> None:
        match = _TRAILER.fullmatch(line)
        if match is None:
            raise errors.s3.MalformedTrailerError()
        name, value = match[1].decode().lower(), match[2].decode().rstrip()
        declared = (*self._payload.trailers, SIGNATURE_TRAILER)
        if name in self._trailers or name not in declared or len(self._trailers) >= TRAILERS_MAX:
            raise errors.s3.MalformedTrailerError()
        self._trailers[name] = value

    def _end(self) -> None:
        claimed = self._trailers.pop(SIGNATURE_TRAILER, "")
        if set(self._trailers) != set(self._payload.trailers):
            raise errors.s3.MalformedTrailerError()
        mode = self._payload.mode
        if mode.is_signed and mode.has_trailer and (self._trailers or claimed):
            self._check_trailers(claimed.rstrip("*"))
        if self._payload.decoded_length not in (None, self._size):
            raise errors.s3.IncompleteBody()
        self._state = _State.DONE

    def _check_trailers(self, claimed: str) -> None:
        assert self._seed is not None
        lines = "".join(f"{name}:{self._trailers[name]}\n" for name in sorted(self._trailers))
        text = "\n".join(
            (
                f"{self._payload.mode.algorithm}-TRAILER",
                self._seed.timestamp,
                self._seed.scope,
                self._signature,
                hashlib.sha256(lines.encode()).hexdigest(),
            )
        )
        self._claimed = claimed
        self._check(self._seed, text)

    def _malformed(self) -> errors.AwsError:
        return errors.s3.InvalidRequest("The chunks of the body are not well-formed.")
