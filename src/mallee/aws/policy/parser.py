"""From a policy's text to a document: all that IAM would refuse is refused, in IAM's words.

Where IAM says no more than `Syntax errors in policy.`, what is wrong and where follows it.
Called through `rules` for every policy that is stored or handed over. Not its business: what is
in single texts (`elements`), quotas on sizes, whether principals and roles exist (IAM's).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from mallee.aws import errors
from mallee.aws.policy import elements, grammar, wildcards
from mallee.aws.policy.document import Condition, Document, Effect, Kind, PrincipalEntry, Statement
from mallee.aws.policy.grammar import GRAMMARS, Grammar, Need

_TOP = {"Version", "Id", "Statement"}
_STATEMENT = {
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction"),
    *("Resource", "NotResource", "Condition"),
}
_Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a document one is, and what its kind allows there."""

    grammar: Grammar
    number: int
    """Of the statement, from one."""
    has_variables: bool

    def refuse(self, why: str) -> NoReturn:
        _syntax(f"Statement {self.number}: {why}")


def parse(source: str | bytes | Mapping[str, Any], kind: Kind) -> Document:
    """Return the document that a text (or JSON already read) holds.

    Raises MalformedPolicyDocument.
    """
    written = _read(source)
    _refuse_unknown(written, _TOP, "")
    version = written.get("Version", grammar.OLDEST)
    if version not in grammar.VERSIONS:
        _syntax(f"There is no version {version!r}.")
    name = written.get("Id")
    if name is not None and not isinstance(name, str):
        _syntax("Id must be a text.")
    listed = _list(written.get("Statement"))
    if not listed or len(listed) > grammar.STATEMENTS_MAX:
        _syntax(f"There must be 1 to {grammar.STATEMENTS_MAX} statements.")
    newest = version == grammar.NEWEST
    statements = tuple(
        _statement(_Place(GRAMMARS[kind], number, newest), one)
        for number, one in enumerate(listed, 1)
    )
    _check_version(GRAMMARS[kind], "Version" in written and newest, statements)
    _check_whole(statements)
    # What is older than the newest is one dialect, whatever it is called.
    version = version if newest else grammar.OLDEST
    return Document(kind=kind, version=version, id=name, statements=statements)


def _read(source: str | bytes | Mapping[str, Any]) -> _Object:
    if isinstance(source, Mapping):
        try:
            source = json.dumps(source)
        except (TypeError, ValueError, RecursionError):
            _syntax("It is no JSON.")
    try:
        text = source.decode() if isinstance(source, bytes) else source
        if len(text) > grammar.TEXT_MAX or grammar.size(text) > grammar.SIZE_MAX:
            _malformed(f"The policy is longer than {grammar.SIZE_MAX} characters.")
        written = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
        _refuse_halves(text, written)
    except RecursionError:
        _syntax("It is nested too deep.")
    except ValueError as error:
        _syntax(f"It is no JSON: {error}.")
    if not isinstance(written, dict):
        _syntax("A policy is a JSON object.")
    return cast(_Object, written)


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        _syntax(f"{twice!r} is there twice in one object.")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _refuse_halves(text: str, written: Any) -> None:
    """Refuse an escape that is half a character: nobody could store or send it. ValueError."""
    if "\\ud" in text.lower():
        json.dumps(written, ensure_ascii=False).encode()


def _statement(place: _Place, written: Any) -> Statement:
    if not isinstance(written, dict):
        place.refuse("A statement is a JSON object.")
    written = cast(_Object, written)
    _refuse_unknown(written, _STATEMENT, f"Statement {place.number}: ")
    sid = written.get("Sid")
    if sid is not None and not isinstance(sid, str):
        place.refuse("Sid must be a text.")
    if sid and place.grammar.plain_sids and not (sid.isascii() and sid.isalnum()):
        _malformed(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the "
            "regular expression [0-9A-Za-z]*"
        )
    effect = _effect(place, written.get("Effect"))
    principals, but_principals = _principals(place, written)
    if but_principals and not (place.grammar.not_principal and effect is Effect.DENY):
        _malformed("Has prohibited field NotPrincipal.")
    actions, but_actions = _texts(place, written, "Action")
    resources, but_resources = _texts(place, written, "Resource")
    _check_actions(place, actions)
    _check_resources(place, resources)
    conditions = _conditions(place, written.get("Condition", {}))
    if effect is Effect.LIMIT:
        _check_limit(place, conditions)
    return Statement(
        effect=effect,
        sid=sid,
        actions=actions,
        but_actions=but_actions,
        resources=resources,
        but_resources=but_resources,
        principals=principals,
        but_principals=but_principals,
        conditions=conditions,
    )


def _effect(place: _Place, written: Any) -> Effect:
    allowed = sorted(effect.value for effect in place.grammar.effects)
    if not isinstance(written, str) or written not in allowed:
        place.refuse(f"Effect must be one of {', '.join(allowed)}.")
    return Effect(written)


def _texts(place: _Place, written: _Object, name: str) -> tuple[tuple[str, ...], bool]:
    """Return the texts of an element, and whether it was written with Not."""
    negated = f"Not{name}"
    if name in written and negated in written:
        place.refuse(f"{name} and {negated} exclude each other.")
    found = _list(written.get(negated, written.get(name)))
    for text in found:
        if not isinstance(text, str) or not 0 < len(text) <= grammar.VALUE_MAX:
            place.refuse(f"{name} must be texts of 1 to {grammar.VALUE_MAX} characters.")
    return tuple(found), negated in written


def _check_actions(place: _Place, actions: Sequence[str]) -> None:
    if not actions:
        _malformed("Policy statement must contain actions.")
    for action in actions:
        _refuse_if(elements.fault_of_action(action))
        only = place.grammar.actions
        means = wildcards.matcher(wildcards.parse_glob(action.lower()))
        if only is not None and not any(map(means, only)):
            _malformed("AssumeRole policy may only specify STS AssumeRole actions.")


def _check_resources(place: _Place, resources: Sequence[str]) -> None:
    if place.grammar.resource is Need.PROHIBITED:
        if resources:
            _malformed("Has prohibited field Resource.")
        return
    if not resources:
        _malformed("Policy statement must contain resources.")
    for resource in resources:
        _refuse_if(elements.fault_of_resource(resource, place.has_variables))


def _principals(place: _Place, written: _Object) -> tuple[tuple[PrincipalEntry, ...], bool]:
    both = ("Principal", "NotPrincipal")
    named = [name for name in both if name in written]
    if place.grammar.principal is Need.PROHIBITED:
        if named:
            _malformed("Policy document should not specify a principal.")
        return (), False
    if not named:
        _malformed("Missing required field Principal.")
    if len(named) > 1:
        place.refuse("Principal and NotPrincipal exclude each other.")
    entries = tuple(_entries(place, written[named[0]]))
    everyone = all("*" in (entry.type, entry.value) for entry in entries)
    if place.grammar.everyone_only and not everyone:
        _malformed("The principal of a resource control policy must be '*'.")
    return entries, named == ["NotPrincipal"]


def _entries(place: _Place, written: Any) -> Iterable[PrincipalEntry]:
    if written == "*":
        yield PrincipalEntry("*", "*")
        return
    if not isinstance(written, dict) or not written:
        _malformed(f"Invalid principal in policy: {json.dumps(written)[:200]}")
    for type, values in cast(_Object, written).items():
        if not (listed := _list(values)):
            place.refuse(f"Principal {type!r} is empty.")
        for value in listed:
            if not isinstance(value, str):
                place.refuse("Principals must be texts.")
            _refuse_if(elements.fault_of_principal(type, value))
            yield PrincipalEntry(type, value)


def _conditions(place: _Place, written: Any) -> tuple[Condition, ...]:
    if not isinstance(written, dict):
        place.refuse("Condition is a JSON object.")
    found: list[Condition] = []
    for operator, keys in cast(_Object, written).items():
        if not isinstance(keys, dict):
            place.refuse(f"{operator} wants a JSON object of keys and values.")
        for key, values in cast(_Object, keys).items():
            condition = Condition(operator, key, _values(place, values))
            _refuse_if(elements.fault_of_condition(condition, place.has_variables))
            found.append(condition)
    return tuple(found)


def _values(place: _Place, written: Any) -> tuple[str, ...]:
    """Return the values of a key as texts: JSON's numbers and truths may stand for theirs."""
    listed = _list(written)
    if not listed:
        place.refuse("A condition key has no value.")
    found: list[str] = []
    for value in listed:
        if not isinstance(value, str | int | float):
            place.refuse("Values of conditions are texts, numbers or truths.")
        text = value if isinstance(value, str) else json.dumps(value)
        if len(text) > grammar.VALUE_MAX:
            place.refuse(f"Values of conditions are {grammar.VALUE_MAX} characters at most.")
        found.append(text)
    return tuple(found)


def _check_limit(place: _Place, conditions: Sequence[Condition]) -> None:
    if not conditions:
        place.refuse("A Limit needs a condition with the quota.")
    for condition in conditions:
        whole = len(condition.values) == 1 and condition.values[0].isdecimal()
        if condition.operator.lower() != "numericlessthanequals" or not whole:
            place.refuse("A Limit's conditions are NumericLessThanEquals with a whole number.")


def _check_version(rules: Grammar, is_newest: bool, statements: Iterable[Statement]) -> None:
    excused = any(statement.effect is Effect.LIMIT for statement in statements)
    if rules.newest_only and not is_newest and not excused:
        _malformed("Policy document must be version 2012-10-17 or greater.")


def _check_whole(statements: Sequence[Statement]) -> None:
    sids = [statement.sid for statement in statements if statement.sid]
    if len(set(sids)) != len(sids):
        _malformed("Statement IDs (SID) in a single policy must be unique.")
    wild = sum(statement.wildcards for statement in statements)
    if wild > grammar.WILDCARDS_MAX:
        _malformed(f"The policy has more than {grammar.WILDCARDS_MAX} wildcards.")


def _list(written: Any) -> list[Any]:
    if isinstance(written, list):
        return cast(list[Any], written)
    return [] if written is None else [written]


def _refuse_unknown(written: _Object, known: set[str], where: str) -> None:
    for name in written:
        if name not in known:
            _syntax(f"{where}{name!r} is not an element of the policy language.")


def _refuse_if(fault: str | None) -> None:
    if fault:
        _malformed(fault)


def _syntax(why: str) -> NoReturn:
    _malformed(f"Syntax errors in policy. {why}")


def _malformed(message: str) -> NoReturn:
    raise errors.MalformedPolicyDocument(message[:1000])
