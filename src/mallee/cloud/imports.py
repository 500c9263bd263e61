"""What an import of people would change: a directory's people compared with an account's users.

Pure: a document and what is seen give a plan, the same ones the same plan, and the plan of what was
just done is empty. Rules:
1. Only users and groups of the same *source* are touched. What was made by hand becomes the
   source's only when adopting is asked for; another source's never does.
2. Nobody is deleted: who is no longer in the directory is disabled, and enabled when he is back.
   Whom an administrator disabled stays disabled.
3. Membership of the source's groups is as the directory says; other groups are left alone.
4. The account's administrator is left alone.
Called by `admin.imports`. Not its business: where the document is from (`cli.directories`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import msgspec

from mallee.model.identity.identities import Group, User

GROUPS_PER_USER_MAX = 10
_NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)
_USER_NAME_MAX = 64
_GROUP_NAME_MAX = 128
# Without a question mark: mail programs would read `=?…?=` as another address.
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


class BadDocument(Exception):
    """The document is wrong; the message says where."""


class Person(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One person as the directory has him."""

    user_name: str
    full_name: str | None = None
    email: str | None = None
    groups: tuple[str, ...] = ()
    is_enabled: bool = True


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everybody in the directory, and its groups, the empty ones too."""

    people: tuple[Person, ...]
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is wanted of an import besides the document."""

    source: str
    adopts: bool = False
    disables_missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The account as it is."""

    users: Mapping[str, User]
    """By name in lower case."""
    groups: Mapping[str, Group]
    """By name in lower case."""
    administrator_id: str


@dataclass(frozen=True, slots=True)
class CreateGroup:
    """Make a group of the source."""

    name: str


@dataclass(frozen=True, slots=True)
class AdoptGroup:
    """Make a group that was made by hand the source's."""

    name: str


@dataclass(frozen=True, slots=True)
class CreateUser:
    """Make a user of the source."""

    person: Person


@dataclass(frozen=True, slots=True)
class ChangeUser:
    """Set members of a user's record: what the source says of him, or whose he is."""

    name: str
    members: tuple[tuple[str, object], ...]
    change: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SetGroups:
    """Let a user be in these of the source's groups, and in no others of them."""

    name: str
    joins: tuple[str, ...]
    leaves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conflict:
    """What is left as it is, and why: somebody must decide."""

    kind: str
    subject: str
    why: str


Step = CreateGroup | AdoptGroup | CreateUser | ChangeUser | SetGroups | Conflict


@dataclass(frozen=True, slots=True)
class Difference:
    """A step in words."""

    kind: str
    subject: str
    change: str
    detail: str = ""


def parse(text: str) -> Document:
    """Return the document of a JSON text; raise `BadDocument`."""
    try:
        document = msgspec.json.decode(text, type=Document)
    except msgspec.MsgspecError as error:
        raise BadDocument(str(error)) from error
    _check_names(document)
    return document


def plan(document: Document, seen: Seen, wish: Wish) -> tuple[Step, ...]:
    """Return what is to be done, groups first; nothing when all is as the directory says."""
    groups, closed = _plan_groups(document, seen, wish)
    steps: list[Step] = list(groups)
    seen = _with_adopted(seen, groups, wish)
    for person in sorted(document.people, key=lambda person: person.user_name.lower()):
        steps += _plan_person(person, seen, wish, closed)
    there = {person.user_name.lower() for person in document.people}
    for name, user in sorted(seen.users.items()):
        if user.source == wish.source and name not in there:
            steps += _plan_missing(user, seen, wish)
    return tuple(steps)


def describe(step: Step) -> tuple[Difference, ...]:
    """Return a step in words, a line for each thing that changes."""
    match step:
        case CreateGroup(name):
            return (Difference("group", name, "create"),)
        case AdoptGroup(name):
            return (Difference("group", name, "adopt"),)
        case CreateUser(person):
            detail = ", ".join(filter(None, (person.full_name, person.email)))
            return (Difference("user", person.user_name, "create", detail),)
        case ChangeUser(name, _, change, detail):
            return (Difference("user", name, change, detail),)
        case SetGroups(name, joins, leaves):
            return (
                *(Difference("user", name, "join", group) for group in joins),
                *(Difference("user", name, "leave", group) for group in leaves),
            )
        case Conflict(kind, subject, why):
            return (Difference(kind, subject, "conflict", why),)


def _check_names(document: Document) -> None:
    seen: set[str] = set()
    for person in document.people:
        name = person.user_name
        if not _NAME.fullmatch(name) or len(name) > _USER_NAME_MAX:
            raise BadDocument(f"{name[:80]!r} cannot be a user's name")
        if name.lower() in seen:
            raise BadDocument(f"{name!r} is there twice")
        if person.email is not None and not _EMAIL.fullmatch(person.email):
            raise BadDocument(f"{person.email[:80]!r} of {name!r} is no mail address")
        if person.full_name is not None and not person.full_name.isprintable():
            raise BadDocument(f"the full name of {name!r} cannot be printed")
        seen.add(name.lower())
    for group in (*document.groups, *(one for who in document.people for one in who.groups)):
        if not _NAME.fullmatch(group) or len(group) > _GROUP_NAME_MAX:
            raise BadDocument(f"{group[:80]!r} cannot be a group's name")


def _plan_groups(
    document: Document, seen: Seen, wish: Wish
) -> tuple[tuple[Step, ...], frozenset[str]]:
    """Return the steps, and the groups (in lower case) that must be left alone."""
    steps: list[Step] = []
    closed: set[str] = set()
    named = (*document.groups, *(group for who in document.people for group in who.groups))
    for folded, name in sorted({name.lower(): name for name in named}.items()):
        group = seen.groups.get(folded)
        if group is None:
            steps.append(CreateGroup(name))
        elif group.source != wish.source:
            if wish.adopts and not group.source:
                steps.append(AdoptGroup(group.name))
            else:
                steps.append(Conflict("group", group.name, _whose(group.source)))
                closed.add(folded)
    return tuple(steps), frozenset(closed)


def _with_adopted(seen: Seen, steps: tuple[Step, ...], wish: Wish) -> Seen:
    """Return what is seen as it is once groups are adopted: their members are judged by that."""
    adopted = {
        step.name.lower(): msgspec.structs.replace(
            seen.groups[step.name.lower()], source=wish.source
        )
        for step in steps
        if isinstance(step, AdoptGroup)
    }
    return replace(seen, groups={**seen.groups, **adopted})


def _plan_person(person: Person, seen: Seen, wish: Wish, closed: frozenset[str]) -> Iterator[Step]:
    user = seen.users.get(person.user_name.lower())
    if user is None:
        if person.is_enabled:
            yield CreateUser(person)
            yield from _plan_membership(
                person, User(id="", name=person.user_name, created_at=0.0), seen, (wish, closed)
            )
        return
    if user.id == seen.administrator_id:
        yield Conflict("user", user.name, "is the administrator of the account")
        return
    if user.source != wish.source:
        if user.source or not wish.adopts:
            yield Conflict("user", user.name, _whose(user.source))
            return
        yield ChangeUser(user.name, (("source", wish.source),), "adopt")
    yield from _plan_attributes(person, user)
    yield from _plan_membership(person, user, seen, (wish, closed))


def _plan_attributes(person: Person, user: User) -> Iterator[Step]:
    changed = tuple(
        (member, getattr(person, member))
        for member in ("full_name", "email")
        if getattr(person, member) != getattr(user, member)
    )
    if changed:
        detail = ", ".join(f"{member} {value or 'none'}" for member, value in changed)
        yield ChangeUser(user.name, changed, "change", detail)
    if person.is_enabled and user.has_left:
        yield ChangeUser(user.name, (("is_enabled", True), ("has_left", False)), "enable")
    elif not person.is_enabled and user.is_enabled:
        yield _leaving(user, "disabled in the directory")


def _plan_membership(
    person: Person, user: User, seen: Seen, how: tuple[Wish, frozenset[str]]
) -> Iterator[Step]:
    wish, closed = how
    wanted = {name.lower(): name for name in person.groups if name.lower() not in closed}
    name_by_id = {group.id: folded for folded, group in seen.groups.items()}
    present = {name_by_id[id] for id in user.group_ids if id in name_by_id}
    own = {
        folded
        for folded in present
        if seen.groups[folded].source == wish.source or folded in wanted
    }
    if len(present - own) + len(wanted) > GROUPS_PER_USER_MAX:
        why = f"would be in more than {GROUPS_PER_USER_MAX} groups"
        yield Conflict("user", user.name, why)
        return
    joins = tuple(wanted[folded] for folded in sorted(set(wanted) - present))
    leaves = tuple(seen.groups[folded].name for folded in sorted(own - set(wanted)))
    if joins or leaves:
        yield SetGroups(user.name, joins, leaves)


def _plan_missing(user: User, seen: Seen, wish: Wish) -> Iterator[Step]:
    own = tuple(
        sorted(
            group.name
            for group in seen.groups.values()
            if group.source == wish.source and group.id in user.group_ids
        )
    )
    if user.is_enabled and not wish.disables_missing:
        yield Conflict("user", user.name, "is no longer in the directory, and stays enabled")
        return
    if user.is_enabled:
        yield _leaving(user, "no longer in the directory")
    if own:
        yield SetGroups(user.name, (), own)


def _leaving(user: User, why: str) -> ChangeUser:
    return ChangeUser(user.name, (("is_enabled", False), ("has_left", True)), "disable", why)


def _whose(source: str) -> str:
    return f"is of the source {source}" if source else "was made here: adopt it, or rename one"
