"""Where in a policy's text each statement stands, as IAM's simulator tells it.

Called for a text that `parser` took. Lines count from 1. A statement begins after its opening brace
and ends before its closing one; columns count from 1.
"""

import json
from typing import NamedTuple

_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"


class Position(NamedTuple):
    """A place in a text."""

    line: int
    column: int


class Span(NamedTuple):
    """From where to where a statement reaches."""

    start: Position
    end: Position


def spans(text: str) -> tuple[Span, ...]:
    """Return where the statements of a document stand, in its order."""
    at = _statements_at(text)
    if text[at] == "{":
        return (_span(text, at),)
    found: list[Span] = []
    at = _skip(text, at + 1)
    while text[at] != "]":
        found.append(_span(text, at))
        at = _skip(text, _DECODER.raw_decode(text, at)[1], ",")
    return tuple(found)


def _statements_at(text: str) -> int:
    """Return where the value of `Statement` begins."""
    at = _skip(text, _skip(text, 0) + 1)
    while True:
        name, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at, ":")
        if name == "Statement":
            return at
        at = _skip(text, _DECODER.raw_decode(text, at)[1], ",")


def _skip(text: str, at: int, but: str = "") -> int:
    """Return the next place with something else than white space, and than one `but`."""
    while text[at] in _SPACE or (but and text[at] == but):
        at += 1
    return at


def _span(text: str, at: int) -> Span:
    end = _DECODER.raw_decode(text, at)[1]
    return Span(_position(text, at + 1), _position(text, end - 2))


def _position(text: str, at: int) -> Position:
    line_at = text.rfind("\n", 0, at) + 1
    return Position(text.count("\n", 0, at) + 1, at - line_at + 1)
