"""Encrypted bytes: frames of AES-256-GCM, of which any range can be opened alone.

A *sealed content* is a salt and then frames: `FRAME_BYTES` of the object each, the last one what is
left, each with its tag. Invariants:
1. Every content has a key of its own, from the object's data key, a fresh salt and the content's
   place in the object; so no two frames ever share a key and a nonce.
2. A frame's nonce is its number and whether it is the last. A frame that was altered, moved, left
   out, or cut off is refused, and nothing of a frame is given out before it was found to be right.
3. At most two frames are in memory, however large the content.
Pure: bytes in, bytes out. Called by `encryption`. Not its business: whose key, and where from.
"""

import hmac
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mallee.cloud.s3.exchange import Sink

FRAME_BYTES = 1 << 20
TAG_BYTES = 16
SALT_BYTES = 32
KEY_BYTES = 32

Read = Callable[[int, int], Iterable[bytes]]
"""Gives the sealed content's bytes from one offset up to another, in pieces of any size."""


class Altered(Exception):
    """The bytes are not what was sealed with this key for this place."""


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """What seals and opens one content."""

    data_key: bytes
    """The object's."""
    place: int
    """0 for an object that came whole, else the number of the part."""

    def cipher(self, salt: bytes) -> AESGCM:
        """Return the cipher of the content that begins with the salt."""
        told = b"mallee object frames" + self.place.to_bytes(4, "big") + salt
        return AESGCM(hmac.digest(self.data_key, told, "sha256"))


def sealed_size(size: int) -> int:
    """Return how many bytes so many bytes take when they are sealed."""
    return SALT_BYTES + size + _count(size) * TAG_BYTES


class Sealer:
    """Seals what it is given on its way to a sink. Call `finish` when all has come."""

    __slots__ = ("_cipher", "_number", "_pending", "_sink")

    def __init__(self, key: Key, sink: Sink) -> None:
        salt = os.urandom(SALT_BYTES)
        self._cipher = key.cipher(salt)
        self._sink = sink
        self._number = 0
        self._pending = bytearray()
        sink.write(salt)

    def write(self, data: bytes | memoryview) -> None:
        """Take some bytes. Raises what the sink raises."""
        rest = memoryview(data)
        while rest:
            if len(self._pending) == FRAME_BYTES:
                self._seal(is_last=False)
            room = FRAME_BYTES - len(self._pending)
            self._pending += rest[:room]
            rest = rest[room:]

    def finish(self) -> None:
        """Seal what is left as the last frame."""
        self._seal(is_last=True)

    def _seal(self, *, is_last: bool) -> None:
        frame, self._pending = self._pending, bytearray()
        self._sink.write(self._cipher.encrypt(_nonce(self._number, is_last), frame, None))
        self._number += 1


def opened(key: Key, size: int, stretch: tuple[int, int], read: Read) -> Iterator[bytes]:
    """Yield the bytes of a stretch (start, end) of a content of so many bytes, frame by frame.

    Reads what holds them and no more. Raises `Altered` before the first byte that is not right.
    """
    start, end = stretch
    if start >= end:
        return
    salt = b"".join(read(0, SALT_BYTES))
    if len(salt) != SALT_BYTES:
        raise Altered("the content has no salt")
    cipher = key.cipher(salt)
    first, last = start // FRAME_BYTES, (end - 1) // FRAME_BYTES
    sealed = _regrouped(read(_offset(first), min(_offset(last + 1), sealed_size(size))))
    for number in range(first, last + 1):
        nonce = _nonce(number, number == _count(size) - 1)
        try:
            frame = cipher.decrypt(nonce, next(sealed, b""), None)
        except (InvalidTag, ValueError) as error:
            raise Altered(f"frame {number} is not what was sealed") from error
        base = number * FRAME_BYTES
        if len(frame) != min(size - base, FRAME_BYTES):
            raise Altered(f"frame {number} is not as long as it must be")
        yield frame[max(start - base, 0) : end - base]


def _regrouped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pieces again as sealed frames, the last one what is left."""
    pending = bytearray()
    wanted = FRAME_BYTES + TAG_BYTES
    for piece in pieces:
        pending += piece
        while len(pending) >= wanted:
            yield bytes(pending[:wanted])
            del pending[:wanted]
    if pending:
        yield bytes(pending)


def _count(size: int) -> int:
    """Return how many frames hold so many bytes; nothing has an empty one."""
    return max(1, -(-size // FRAME_BYTES))


def _offset(number: int) -> int:
    return SALT_BYTES + number * (FRAME_BYTES + TAG_BYTES)


def _nonce(number: int, is_last: bool) -> bytes:
    return bytes((is_last,)) + number.to_bytes(11, "big")
