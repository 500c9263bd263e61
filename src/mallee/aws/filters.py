"""The patterns of Describe filters: `*` is any text, `?` any one character, a backslash takes both
their meaning. Matching is case-sensitive, as in EC2.

Called by the pipeline for every filter of every Listing. Not its business: which filters a noun
has, and where their values come from (the action's row).
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

_ANY_TEXT = 0
_ANY_CHARACTER = 1
_Token = int | str
"""One of the two above, or a character that stands for itself."""


def matches(values: Iterable[str], patterns: Sequence[str]) -> bool:
    """Tell whether any of the values fits any of the patterns."""
    exact = {pattern for pattern in patterns if not _is_wild(pattern)}
    wild = [_parse(pattern) for pattern in patterns if _is_wild(pattern)]
    return any(value in exact or any(_fits(value, tokens) for tokens in wild) for value in values)


def _is_wild(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern or "\\" in pattern


@lru_cache(maxsize=4096)
def _parse(pattern: str) -> tuple[_Token, ...]:
    tokens: list[_Token] = []
    characters = iter(pattern)
    for character in characters:
        if character == "*":
            tokens.append(_ANY_TEXT)
        elif character == "?":
            tokens.append(_ANY_CHARACTER)
        elif character == "\\":
            # A backslash at the end stands for itself.
            tokens.append(next(characters, "\\"))
        else:
            tokens.append(character)
    return tuple(tokens)


def _fits(value: str, tokens: tuple[_Token, ...]) -> bool:
    """Match in time value × pattern at worst: only the last star is ever tried again.

    A regular expression would take exponential time for the stars that a caller may send.
    """
    at = token_at = 0
    star_at, star_took = -1, 0
    while at < len(value):
        token = tokens[token_at] if token_at < len(tokens) else None
        if token == _ANY_TEXT:
            star_at, star_took = token_at, at
            token_at += 1
        elif token == _ANY_CHARACTER or token == value[at]:
            at += 1
            token_at += 1
        elif star_at >= 0:
            star_took += 1
            at, token_at = star_took, star_at + 1
        else:
            return False
    return all(token == _ANY_TEXT for token in tokens[token_at:])
