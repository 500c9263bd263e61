"""Wildcards: `*` is any text, `?` any one character; matched in time that no pattern can blow up.

A pattern is a tuple of *tokens*: characters that stand for themselves, and wildcards. In an ARN the
first five parts are apart: a star that ends its part reaches beyond the colon, any other wildcard
stays within its part. `matcher` turns a pattern into a function of the text. Common shapes (a name,
a prefix, a few stars) become `str`'s own searches; all others an automaton whose states are the
bits of one integer: a step per character of the text, never a second try.
Not its business: variables, and which texts have wildcards at all (`texts`).
"""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from typing import TypeVar

Matcher = Callable[[str], bool]


class Wild(Enum):
    """What stands for other text."""

    TEXT = auto()
    """Any text, also none: `*`."""
    CHARACTER = auto()
    """Any one character: `?`."""
    TEXT_IN_PART = auto()
    """Any text without a colon."""
    CHARACTER_IN_PART = auto()
    """Any one character but a colon."""


Token = str | Wild
"""A single character, or a wildcard."""
Pattern = tuple[Token, ...]

_T = TypeVar("_T")
GLOB: dict[str, Token] = {"*": Wild.TEXT, "?": Wild.CHARACTER}
_PARTS_BEFORE_RESOURCE = 5


def parse_glob(text: str) -> Pattern:
    """Return the pattern of a text in which `*` and `?` are wildcards."""
    return tuple(GLOB.get(character, character) for character in text)


def within_arn(pattern: Sequence[_T]) -> tuple[_T | Wild, ...]:
    """Return a pattern, or a template of one, with the reach of wildcards in an ARN."""
    kept: list[_T | Wild] = []
    colons = 0
    for at, token in enumerate(pattern):
        colons += token == ":"
        apart = colons < _PARTS_BEFORE_RESOURCE
        ends_part = at + 1 == len(pattern) or pattern[at + 1] == ":"
        if token is Wild.CHARACTER and apart:
            kept.append(Wild.CHARACTER_IN_PART)
        elif token is Wild.TEXT and apart and not ends_part:
            kept.append(Wild.TEXT_IN_PART)
        else:
            kept.append(token)
    return tuple(kept)


def matcher(pattern: Pattern) -> Matcher:
    """Return what tells whether a text fits the pattern, with case."""
    if any(token in _NOT_SEARCHED for token in pattern):
        return _automaton(pattern)
    pieces = _pieces(pattern)
    match pieces:
        case [exact]:
            return exact.__eq__
        case ["", ""]:
            return _always
        case [prefix, ""]:
            return lambda text: text.startswith(prefix)
        case _:
            return _search(pieces[0], pieces[1:-1], pieces[-1])


_NOT_SEARCHED = (Wild.CHARACTER, Wild.TEXT_IN_PART, Wild.CHARACTER_IN_PART)


def _always(_text: str) -> bool:
    return True


def _pieces(pattern: Pattern) -> list[str]:
    """Return the texts between the stars; neighbouring stars are one."""
    pieces = [""]
    was_star = False
    for token in pattern:
        is_star = isinstance(token, Wild)
        if not is_star:
            pieces[-1] += token
        elif not was_star:
            pieces.append("")
        was_star = is_star
    return pieces


def _search(prefix: str, middle: Iterable[str], suffix: str) -> Matcher:
    """Find each piece as far left as it is: what follows then has the most room."""
    middle = tuple(middle)

    def fits(text: str) -> bool:
        end = len(text) - len(suffix)
        at = len(prefix)
        if end < at or not text.startswith(prefix) or not text.endswith(suffix):
            return False
        for piece in middle:
            at = text.find(piece, at, end)
            if at < 0:
                return False
            at += len(piece)
        return True

    return fits


def _automaton(pattern: Pattern) -> Matcher:
    """Bit *n* of the state: the first *n* tokens that are no stars fit what was read so far."""
    steps: dict[str, int] = {}
    any_step = part_step = any_loop = part_loop = 0
    bit = 1
    for token in pattern:
        if token is Wild.TEXT:
            any_loop |= bit
        elif token is Wild.TEXT_IN_PART:
            part_loop |= bit
        else:
            if token is Wild.CHARACTER:
                any_step |= bit
            elif token is Wild.CHARACTER_IN_PART:
                part_step |= bit
            else:
                steps[token] = steps.get(token, 0) | bit
            bit <<= 1
    final = bit
    inside, loop = any_step | part_step, any_loop | part_loop
    advance = {token: step | inside for token, step in steps.items()}
    advance[":"] = steps.get(":", 0) | any_step

    def fits(text: str) -> bool:
        state = 1
        for character in text:
            stay = any_loop if character == ":" else loop
            state = ((state & advance.get(character, inside)) << 1) | (state & stay)
            if not state:
                return False
        return bool(state & final)

    return fits
