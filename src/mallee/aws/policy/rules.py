"""Policies as functions: each statement becomes a *rule*, found by the action it speaks of.

`compiled` is the one door: from the text of a policy to its functions, remembered while it is among
the last used, so that a decision reads no JSON. A policy finds its rules by the action's service
first and remembers what it found for an action. Nothing here changes after it was made but these
memories; they are shared by all threads.
Not its business: which policies count, and in what order (`decision`).
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from types import MappingProxyType
from typing import NamedTuple

from mallee.aws.policy import conditions, parser, principals, texts, wildcards
from mallee.aws.policy.document import Document, Effect, Kind, Statement
from mallee.aws.policy.principals import Closeness, Principal
from mallee.aws.policy.texts import Context, Style, TextTest

_HIMSELF = Closeness.HIMSELF
_NOT_AT_ALL = Closeness.NOT_AT_ALL

MEMORY_MAX = 2_000_000
"""Characters of policies that are kept compiled. A compiled one takes about thirty times as much
memory as its text."""
ACTIONS_MAX = 512
"""For how many actions a policy remembers its rules."""


class Request(NamedTuple):
    """What is asked for."""

    principal: Principal
    action: str
    """`ec2:RunInstances`."""
    resource: str = "*"
    """An ARN; `*` for an action that has no resource."""
    resource_account: str = ""
    """Whose the resource is; empty: the principal's."""
    context: Context = MappingProxyType({})
    """By key in lower case (`context.fold`)."""


class Rule(NamedTuple):
    """A statement as a function."""

    position: int
    """Of the statement in its document, from zero."""
    sid: str | None
    effect: Effect
    matches: Callable[[Request], Closeness]
    """How closely the statement means the request; its action is taken for granted. A statement
    that names no principal means whoever asks."""


class Rules(NamedTuple):
    """The rules of a policy that speak of one action."""

    denials: tuple[Rule, ...]
    allowances: tuple[Rule, ...]


class Compiled:
    """A policy, ready to be asked."""

    __slots__ = ("_by_service", "_of_all", "_remembered", "document", "keys", "wildcards")

    document: Document
    keys: frozenset[str]
    """The context keys that the policy asks for, in lower case."""
    wildcards: int
    """How many there are: what makes a decision slow, if anything does."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.keys = frozenset(_keys(document))
        self.wildcards = sum(statement.wildcards for statement in document.statements)
        self._remembered: dict[str, Rules] = {}
        self._by_service: dict[str, list[tuple[wildcards.Matcher, Rule]]] = {}
        self._of_all: list[tuple[wildcards.Matcher, Rule]] = []
        for position, statement in enumerate(document.statements):
            if statement.effect is not Effect.LIMIT:
                self._add(statement, _rule(document, position, statement))

    def rules(self, action: str) -> Rules:
        """Return the rules that speak of an action."""
        found = self._remembered.get(action)
        return found if found is not None else self._find(action)

    @property
    def remembered(self) -> int:
        """For how many actions the rules are remembered."""
        return len(self._remembered)

    def _add(self, statement: Statement, rule: Rule) -> None:
        speaks = _actions(statement)
        services = {_service(action) for action in statement.actions}
        if statement.but_actions or None in services:
            self._of_all.append((speaks, rule))
            return
        for service in services:
            self._by_service.setdefault(str(service), []).append((speaks, rule))

    def _find(self, action: str) -> Rules:
        folded = action.lower()
        listed = (*self._of_all, *self._by_service.get(folded.partition(":")[0], ()))
        spoken = sorted((rule for speaks, rule in listed if speaks(folded)), key=_position)
        found = Rules(
            denials=tuple(rule for rule in spoken if rule.effect is Effect.DENY),
            allowances=tuple(rule for rule in spoken if rule.effect is Effect.ALLOW),
        )
        if len(self._remembered) >= ACTIONS_MAX:
            self._remembered.clear()
        self._remembered[action] = found
        return found


def compiled(text: str, kind: Kind) -> Compiled:
    """Return a policy's functions. Raises MalformedPolicyDocument."""
    return _memory.get(text, kind)


class Memory:
    """The policies last used, together no longer than so many characters."""

    def __init__(self, length_max: int) -> None:
        self.length_max = length_max
        self.length = 0
        self._kept: OrderedDict[tuple[str, Kind], Compiled] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, text: str, kind: Kind) -> Compiled:
        """Return a policy's functions. Raises MalformedPolicyDocument."""
        with self._lock:
            found = self._kept.get((text, kind))
            if found is not None:
                self._kept.move_to_end((text, kind))
                return found
        made = Compiled(parser.parse(text, kind))
        with self._lock:
            if (text, kind) not in self._kept:
                self._kept[text, kind] = made
                self.length += len(text)
            while self.length > self.length_max:
                (old, _), _ = self._kept.popitem(last=False)
                self.length -= len(old)
        return made


_memory = Memory(MEMORY_MAX)


def _position(rule: Rule) -> int:
    return rule.position


def _service(action: str) -> str | None:
    """Return the service that a pattern of actions is about; None: any."""
    service = action.partition(":")[0].lower()
    return None if "*" in service else service


def _actions(statement: Statement) -> wildcards.Matcher:
    """Return what tells whether the statement speaks of an action, given in lower case."""
    exact = {action.lower() for action in statement.actions if not _is_wild(action)}
    wild = [
        wildcards.matcher(wildcards.parse_glob(action.lower()))
        for action in statement.actions
        if _is_wild(action)
    ]
    but = statement.but_actions
    return lambda action: (action in exact or any(fits(action) for fits in wild)) is not but


def _is_wild(text: str) -> bool:
    return "*" in text or "?" in text


def _rule(document: Document, position: int, statement: Statement) -> Rule:
    tests = tuple(
        conditions.compile_condition(
            condition, document.has_variables, statement.effect is Effect.DENY
        )
        for condition in statement.conditions
    )
    matches = _matching(statement, _resources(document, statement), tests)
    return Rule(position, statement.sid, statement.effect, matches)


def _matching(
    statement: Statement, fits: TextTest | None, tests: Sequence[conditions.Test]
) -> Callable[[Request], Closeness]:
    """Put the tests of a statement together, the cheap ones first."""
    meaning = _meaning(statement)

    def matches(request: Request) -> Closeness:
        closeness = _HIMSELF if meaning is None else meaning(request.principal)
        if not closeness:
            return closeness
        context = request.context
        if fits is not None and not fits(request.resource, context):
            return _NOT_AT_ALL
        for test in tests:
            if not test(context):
                return _NOT_AT_ALL
        return closeness

    return matches


def _meaning(statement: Statement) -> principals.Meaning | None:
    if not statement.principals:
        return None
    if not statement.but_principals:
        return principals.compile_principals(statement.principals)
    means = principals.compile_exceptions(statement.principals)
    return lambda who: _HIMSELF if means(who) else _NOT_AT_ALL


def _resources(document: Document, statement: Statement) -> TextTest | None:
    """Return the test of a resource's ARN; None where every resource is meant."""
    if not statement.resources or (statement.resources == ("*",) and not statement.but_resources):
        return None
    style = Style(variables=document.has_variables, wildcards=True, arn=True)
    tests = [texts.compile_text(text, style) for text in statement.resources]
    return _either(tests, statement.but_resources)


def _either(tests: Sequence[TextTest], but: bool) -> TextTest:
    if len(tests) == 1 and not but:
        return tests[0]

    def fits(resource: str, context: Context) -> bool:
        for test in tests:
            if test(resource, context):
                return not but
        return but

    return fits


def _keys(document: Document) -> Iterable[str]:
    for statement in document.statements:
        for condition in statement.conditions:
            yield condition.key.lower()
        if not document.has_variables:
            continue
        for text in statement.resources:
            yield from texts.variables(text)
        for condition in statement.conditions:
            name = conditions.split(condition.operator)[1]
            if name != "Null" and conditions.OPERATORS[name].takes_variables:
                for value in condition.values:
                    yield from texts.variables(value)
