"""The texts of a policy, compiled: wildcards and variables in them, and what they are held against.

A variable `${key}` or `${key, 'default'}` stands for the request's value of that key, character by
character: a star in a user's name is a star. `${*}`, `${?}`, `${$}` stand for the characters. All
this since version 2012-10-17; in older documents `${` is plain text. A variable without a value
fits nothing at all; a key with several values is no variable.
Called by `rules` and `operators`.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from mallee.aws.policy import wildcards
from mallee.aws.policy.wildcards import GLOB, Pattern, Token

Values = str | tuple[str, ...]
"""What a request has under a context key: one value, or several (also none, or one)."""
Context = Mapping[str, Values]
"""The context of a request. Its keys are in lower case."""
TextTest = Callable[[str, Context], bool]
"""Whether a text of the request fits a text of the policy, in a context."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A place in a text where the request's value of a key goes."""

    key: str
    """In lower case."""
    default: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a text is read."""

    variables: bool = False
    wildcards: bool = False
    arn: bool = False
    """Wildcards reach as far as they do in ARNs."""
    folded: bool = False
    """Without regard to case."""


class MalformedVariable(ValueError):
    """A `${` that no variable follows."""


def parse(text: str, style: Style) -> tuple[Token | Variable, ...]:
    """Return the pieces of a text. Raises MalformedVariable."""
    pieces = tuple(_pieces(text.lower() if style.folded else text, style))
    return wildcards.within_arn(pieces) if style.arn else pieces


def compile_text(text: str, style: Style) -> TextTest:
    """Return the test for a text of a policy. Raises MalformedVariable."""
    template = parse(text, style)
    pattern = _constant(template)
    if pattern is None:
        return _folding(_resolving(template, style.folded), style.folded)
    fits = wildcards.matcher(pattern)
    if style.folded:
        return lambda value, _: fits(value.lower())
    return lambda value, _: fits(value)


def variables(text: str) -> frozenset[str]:
    """Return the keys that a text asks the request for, in lower case."""
    pieces = parse(text, Style(variables=True))
    return frozenset(piece.key for piece in pieces if isinstance(piece, Variable))


def _pieces(text: str, style: Style) -> Iterator[Token | Variable]:
    at = 0
    while at < len(text):
        if style.variables and text.startswith("${", at):
            end = text.find("}", at)
            if end < 0:
                raise MalformedVariable(text[at:])
            yield _variable(text[at + 2 : end])
            at = end + 1
        else:
            yield GLOB.get(text[at], text[at]) if style.wildcards else text[at]
            at += 1


def _variable(inside: str) -> Token | Variable:
    if inside in ("*", "?", "$"):
        return inside
    key, comma, rest = inside.partition(",")
    key, rest = key.strip().lower(), rest.strip()
    quoted = len(rest) > 1 and rest[0] == rest[-1] == "'"
    if not key or set(key) & set("${}'\" *?") or (comma and not quoted):
        raise MalformedVariable(inside)
    return Variable(key, rest[1:-1] if comma else None)


def _constant(template: tuple[Token | Variable, ...]) -> Pattern | None:
    """Return the template as a pattern when there is no variable in it."""
    pattern = tuple(piece for piece in template if not isinstance(piece, Variable))
    return pattern if len(pattern) == len(template) else None


def _resolving(template: tuple[Token | Variable, ...], folded: bool) -> TextTest:
    def fits(value: str, context: Context) -> bool:
        pattern: list[Token] = []
        for piece in template:
            if isinstance(piece, Variable):
                found = context.get(piece.key)
                text = found if isinstance(found, str) else piece.default
                if text is None:
                    return False
                pattern += text.lower() if folded else text
            else:
                pattern.append(piece)
        return _matcher(tuple(pattern))(value)

    return fits


_matcher = functools.lru_cache(maxsize=256)(wildcards.matcher)


def _folding(test: TextTest, folded: bool) -> TextTest:
    return (lambda value, context: test(value.lower(), context)) if folded else test
