"""Which policies let somebody use a service at all: what the access advisor reads out of them.

A policy *grants* a service when a statement allows an action of it, whatever the resource and the
conditions, as AWS's advisor has it. Called by `lastaccess`. Not its business: whether a request is
allowed (`rights`, `aws.policy`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from mallee.aws import errors, policy
from mallee.cloud import things
from mallee.cloud.action import Action
from mallee.cloud.call import Call
from mallee.cloud.iam import entities
from mallee.cloud.identity import managedpolicies, rights
from mallee.cloud.state import records
from mallee.cloud.state.records import Kind, Record

Person = Record[Any, None]
"""A user or a role."""

_ALL = "*"
_KINDS: dict[str, Kind[Any, None]] = {
    kind.name: kind for kind in (records.USER, records.GROUP, records.ROLE, records.POLICY)
}


@dataclass(frozen=True, slots=True)
class Thing:
    """What a report is about: a user, group, role or policy."""

    kind: Kind[Any, None]
    arn: str
    doc: Any


@dataclass(frozen=True, slots=True)
class Source:
    """A policy that grants something, and who has it."""

    holder: Thing
    name: str
    policy_arn: str | None
    """None for an inline policy."""


@dataclass(frozen=True, slots=True)
class _Granted:
    """The services that a policy grants."""

    named: frozenset[str]
    """Those of which it allows an action by name; or all."""
    spared: frozenset[str] | None
    """Those that are left out wherever it allows all but some; None: it does so nowhere."""

    def has(self, service: str) -> bool:
        is_named = service in self.named or _ALL in self.named
        return is_named or (self.spared is not None and service not in self.spared)


def find(call: Call, arn: str) -> Thing:
    """Return what an ARN of the caller's account names; raise `NoSuchEntity`."""
    kind = _KINDS.get(things.kind_of(arn))
    if arn in managedpolicies.GIVEN:
        return Thing(records.POLICY, arn, managedpolicies.GIVEN[arn])
    doc = None
    if kind is not None and things.account_of(arn) == call.account:
        doc = things.find(call.view, call.account, arn)
    if kind is None or doc is None:
        raise errors.NoSuchArn(arn)
    record = None if kind is records.POLICY else call.view.get(kind, doc.id)
    if record is not None and entities.arn(record) != arn:
        raise errors.NoSuchArn(arn)
    return Thing(kind, arn, doc)


def arn(person: Person) -> str:
    """Return the ARN of a user or role."""
    return entities.arn(person)


def people(call: Call, thing: Thing) -> list[Person]:
    """Return the users and roles who have what the thing gives."""
    found: dict[str, Person] = {}
    for person in _people(call, thing):
        found[person.id] = person
    return list(found.values())


def _people(call: Call, thing: Thing) -> Iterator[Person]:
    view = call.view
    if thing.kind is records.GROUP:
        yield from view.by(records.USER, "group", thing.doc.id)
    elif thing.kind is records.POLICY:
        holders = (*view.by(records.USER, "policy", thing.arn),)
        for one in (*holders, *view.by(records.ROLE, "policy", thing.arn)):
            if one.account == call.account:
                yield one
        for group in view.by(records.GROUP, "policy", thing.arn):
            if group.account == call.account:
                yield from view.by(records.USER, "group", group.id)
    else:
        person = view.get(thing.kind, thing.doc.id)
        if person is not None:
            yield person


def sources(call: Call, thing: Thing, services: Iterable[str]) -> dict[str, list[Source]]:
    """Return by service the policies of a thing that grant it; of a user, his groups' too."""
    known = [(source, _granted(text)) for source, text in _policies(call, thing)]
    return {
        service: [source for source, granted in known if granted.has(service)]
        for service in services
    }


def actions(call: Call, thing: Thing, service: str) -> tuple[str, ...]:
    """Return the actions of a service that this cloud has and a policy of the thing grants."""
    texts = [text for _, text in _policies(call, thing) if _granted(text).has(service)]
    compiled = [policy.compiled(text, policy.Kind.IDENTITY) for text in texts]
    return tuple(
        row.name
        for row in cast(Iterable[Action], call.rows.values())
        if row.service == service and any(one.rules(row.permission).allowances for one in compiled)
    )


def _policies(call: Call, thing: Thing) -> Iterator[tuple[Source, str]]:
    if thing.kind is records.POLICY:
        yield Source(thing, thing.doc.name, thing.arn), thing.doc.document
        return
    account = call.view.get(records.ACCOUNT, call.account)
    if account is not None and thing.doc.id == account.doc.admin_user_id:
        yield from _managed(call, thing, (rights.ADMINISTRATOR,))
    for name, text in thing.doc.inline.items():
        yield Source(thing, name, None), text
    yield from _managed(call, thing, thing.doc.attached)
    for id in thing.doc.group_ids if thing.kind is records.USER else ():
        group = call.view.get(records.GROUP, id)
        if group is not None:
            yield from _policies(call, Thing(records.GROUP, entities.arn(group), group.doc))


def _managed(call: Call, thing: Thing, arns: tuple[str, ...]) -> Iterator[tuple[Source, str]]:
    for one in arns:
        text = managedpolicies.document_of(call.view, one)
        if text is not None:
            yield Source(thing, one.rpartition("/")[2], one), text


@lru_cache(maxsize=1024)
def _granted(text: str) -> _Granted:
    try:
        document = policy.compiled(text, policy.Kind.IDENTITY).document
    except errors.MalformedPolicyDocument:
        return _Granted(frozenset(), None)
    named: set[str] = set()
    spared: frozenset[str] | None = None
    for statement in document.statements:
        if statement.effect is not policy.Effect.ALLOW:
            continue
        words = {action.lower() for action in statement.actions}
        if not statement.but_actions:
            named |= {word.partition(":")[0] for word in words}
        elif _ALL not in words:
            whole = frozenset(word.removesuffix(":*") for word in words if word.endswith(":*"))
            spared = whole if spared is None else spared & whole
    return _Granted(frozenset(named), spared)
