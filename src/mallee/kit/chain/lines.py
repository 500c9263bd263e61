"""One line of a chain: JSON that begins with its number and ends with its code.

The *code* is a keyed BLAKE2b over the code of the line before and the line's own bytes. Whoever has
not the key can make no line, and a line that was changed, removed or put elsewhere fits its
neighbours no longer. A *place* is where a chain stood after a line: whoever noted one can prove
later that the chain still goes through it.
Pure. Not its business: what lines say, and files (`segments`, `writer`, `verify`).
"""

import re
from dataclasses import dataclass
from hashlib import blake2b

KEY_BYTES = 32
CODE_BYTES = 32
_CODE_HEAD = b',"code":"'
_END = b'"}'
_TAIL_BYTES = len(_CODE_HEAD) + 2 * CODE_BYTES + len(_END)
_NUMBER = re.compile(rb'\{"n":([0-9]{1,18}),')
_CODE = re.compile(rb"[0-9a-f]{64}")
_PLACE = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Place:
    """The number and the code of a line; written `NUMBER:CODE`."""

    number: int
    code: bytes

    def __str__(self) -> str:
        return f"{self.number}:{self.code.hex()}"


BEGINNING = Place(0, bytes(CODE_BYTES))
"""Where a chain stands before its first line."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it was read; nothing of it is proved yet."""

    place: Place
    signed: bytes
    """What the code is over."""

    def follows(self, key: bytes, before: bytes) -> bool:
        """Tell whether it was made with the key, right after the line with that code."""
        return _code(key, before, self.signed) == self.place.code


def link(key: bytes, last: Place, body: bytes) -> tuple[bytes, Place]:
    """Return the line, with its line feed, that says `body` after `last`, and the place then.

    `body` is a JSON object with one member at least, on one line.
    """
    signed = b'{"n":%d,%b' % (last.number + 1, body[1:-1])
    code = _code(key, last.code, signed)
    line = b"%b%b%b%b\n" % (signed, _CODE_HEAD, code.hex().encode(), _END)
    return line, Place(last.number + 1, code)


def parse(text: bytes) -> Line | None:
    """Return the line, given without its line feed; None when it does not look like one."""
    found = _NUMBER.match(text)
    signed, tail = text[:-_TAIL_BYTES], text[-_TAIL_BYTES:]
    code = tail[len(_CODE_HEAD) : -len(_END)]
    if found is None or not (tail.startswith(_CODE_HEAD) and tail.endswith(_END)):
        return None
    if _CODE.fullmatch(code) is None or len(signed) < found.end():
        return None
    return Line(Place(int(found.group(1)), bytes.fromhex(code.decode())), signed)


def parse_place(text: str) -> Place:
    """Return the place that was written so; raise `ValueError`."""
    found = _PLACE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text[:100]!r} is no place: it is written NUMBER:CODE")
    return Place(int(found.group(1)), bytes.fromhex(found.group(2)))


def _code(key: bytes, before: bytes, signed: bytes) -> bytes:
    return blake2b(before + signed, key=key, digest_size=CODE_BYTES).digest()
