"""Plans of imports: only the source's own is touched, and what was done is not done again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mallee.cloud import imports
from mallee.cloud.imports import Document, Person, Seen, Wish
from mallee.model.identity.identities import Group, User

LDAP = Wish(source="ldap")
ADOPTING = Wish(source="ldap", adopts=True, disables_missing=True)


def person(name: str, *groups: str, **more: Any) -> Person:
    return Person(user_name=name, groups=groups, **more)


def user(name: str, *groups: str, **more: Any) -> User:
    ids = tuple(f"AGPA-{group.lower()}" for group in groups)
    settled = {"id": f"AIDA-{name.lower()}", "created_at": 0.0, "source": "ldap", **more}
    return User(name=name, group_ids=ids, **settled)


def group(name: str, source: str = "ldap") -> Group:
    return Group(id=f"AGPA-{name.lower()}", name=name, created_at=0.0, source=source)


def seen(*things: User | Group) -> Seen:
    boss = user("admin", source="")
    users = [thing for thing in (*things, boss) if isinstance(thing, User)]
    return Seen(
        users={one.name.lower(): one for one in users},
        groups={one.name.lower(): one for one in things if isinstance(one, Group)},
        administrator_id=boss.id,
    )


def told(document: Document, there: Seen, wish: Wish = LDAP) -> list[str]:
    steps = imports.plan(document, there, wish)
    lines = [line for step in steps for line in imports.describe(step)]
    return [f"{line.kind} {line.subject}: {line.change} {line.detail}".strip() for line in lines]


def doc(*people: Person, groups: tuple[str, ...] = ()) -> Document:
    return Document(people=people, groups=groups)


def test_people_and_groups_come_into_being() -> None:
    document = doc(person("ann", "dev", email="a@b.c"), groups=("empty",))
    assert told(document, seen()) == [
        "group dev: create",
        "group empty: create",
        "user ann: create a@b.c",
        "user ann: join dev",
    ]


def test_what_is_as_it_should_be_stays() -> None:
    there = seen(user("ann", "dev", email="a@b.c"), group("dev"))
    assert told(doc(person("Ann", "DEV", email="a@b.c")), there) == []


def test_what_was_made_here_is_adopted_only_when_asked() -> None:
    there = seen(user("ann", source=""), group("dev", source=""))
    document = doc(person("ann", "dev"))
    why = "conflict was made here: adopt it, or rename one"
    assert told(document, there) == [f"group dev: {why}", f"user ann: {why}"]
    assert told(document, there, ADOPTING) == [
        "group dev: adopt",
        "user ann: adopt",
        "user ann: join dev",
    ]


def test_what_another_source_has_is_never_touched() -> None:
    there = seen(user("ann", source="csv"), group("dev", source="csv"), user("bob"))
    document = doc(person("ann"), person("bob", "dev"))
    why = "conflict is of the source csv"
    assert told(document, there, ADOPTING) == [f"group dev: {why}", f"user ann: {why}"]


def test_the_administrator_is_left_alone() -> None:
    document = doc(person("admin", is_enabled=False))
    expected = ["user admin: conflict is the administrator of the account"]
    assert told(document, seen(), ADOPTING) == expected


def test_who_left_is_disabled_and_out_of_his_groups_and_comes_back() -> None:
    there = seen(user("ann", "dev", "own"), group("dev"), group("own", source=""))
    assert told(doc(), there) == [
        "user ann: conflict is no longer in the directory, and stays enabled"
    ]
    assert told(doc(), there, ADOPTING) == [
        "user ann: disable no longer in the directory",
        "user ann: leave dev",
    ]
    left = seen(user("ann", is_enabled=False, has_left=True))
    assert told(doc(), left, ADOPTING) == []
    assert told(doc(person("ann")), left) == ["user ann: enable"]


def test_whom_an_administrator_disabled_stays_disabled() -> None:
    there = seen(user("ann", is_enabled=False))
    assert told(doc(person("ann")), there) == []
    assert told(doc(person("ann", is_enabled=False)), there) == []


def test_disabled_in_the_directory_is_disabled_here_and_never_made() -> None:
    document = doc(person("ann", is_enabled=False))
    assert told(document, seen(user("ann"))) == ["user ann: disable disabled in the directory"]
    assert told(document, seen()) == []


def test_membership_of_other_groups_is_left_alone() -> None:
    there = seen(user("ann", "dev", "own"), group("dev"), group("own", source=""))
    assert told(doc(person("ann")), there) == ["user ann: leave dev"]


def test_nobody_is_in_too_many_groups() -> None:
    names = tuple(f"g{number}" for number in range(11))
    assert told(doc(person("ann", *names)), seen())[-1] == (
        "user ann: conflict would be in more than 10 groups"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"people": [{"user_name": "a b"}]}',
        '{"people": [{"user_name": "a"}, {"user_name": "A"}]}',
        '{"people": [{"user_name": "a", "email": "nope"}]}',
        '{"people": [{"user_name": "a", "groups": ["x/y"]}]}',
        '{"people": [{"user_name": "a", "full_name": "x\\ny"}]}',
        '{"people": [{"user_name": "a", "rank": 1}]}',
        '{"people": [{"user_name": "' + "a" * 65 + '"}]}',
    ],
)
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(imports.BadDocument):
        imports.parse(text)


# --- the plan, done to values, leaves nothing to do ---

NAMES = st.sampled_from(["ann", "bob", "Cid", "admin"])
GROUPS = st.sampled_from(["dev", "Ops", "qa"])
PEOPLE = st.builds(
    lambda name, groups, email, on: Person(
        user_name=name, groups=tuple(dict.fromkeys(groups)), email=email, is_enabled=on
    ),
    NAMES,
    st.lists(GROUPS, max_size=3),
    st.sampled_from([None, "a@b.c"]),
    st.booleans(),
)
DOCUMENTS = st.builds(
    lambda people, groups: Document(people=tuple(people), groups=tuple(groups)),
    st.lists(PEOPLE, unique_by=lambda one: one.user_name, max_size=4),
    st.lists(GROUPS, max_size=2),
)
USERS = st.builds(
    lambda name, source, groups, on, left: user(
        name, *groups, source=source, is_enabled=on and not left, has_left=left
    ),
    st.sampled_from(["ann", "bob", "cid", "dan"]),
    st.sampled_from(["", "ldap", "csv"]),
    st.lists(st.sampled_from(["dev", "Ops", "own"]), unique=True, max_size=3),
    st.booleans(),
    st.booleans(),
)
ACCOUNTS = st.builds(
    lambda users, dev, ops: seen(*users, group("dev", dev), group("Ops", ops), group("own", "")),
    st.lists(USERS, unique_by=lambda one: one.name, max_size=4),
    st.sampled_from(["", "ldap", "csv"]),
    st.sampled_from(["", "ldap", "csv"]),
)
WISHES = st.builds(
    lambda adopts, disables: Wish(source="ldap", adopts=adopts, disables_missing=disables),
    st.booleans(),
    st.booleans(),
)


def done(steps: tuple[imports.Step, ...], there: Seen) -> Seen:
    users, groups = dict(there.users), dict(there.groups)
    for step in steps:
        match step:
            case imports.CreateGroup(name):
                groups[name.lower()] = group(name)
            case imports.AdoptGroup(name):
                groups[name.lower()] = replace(groups[name.lower()], source="ldap")
            case imports.CreateUser(who):
                made = user(who.user_name, full_name=who.full_name, email=who.email)
                users[made.name.lower()] = made
            case imports.ChangeUser(name, members):
                users[name.lower()] = replace(users[name.lower()], **dict(members))
            case imports.SetGroups(name, joins, leaves):
                left = {groups[one.lower()].id for one in leaves}
                had = [id for id in users[name.lower()].group_ids if id not in left]
                ids = (*had, *(groups[one.lower()].id for one in joins))
                users[name.lower()] = replace(users[name.lower()], group_ids=ids)
            case imports.Conflict():
                pass
    return Seen(users=users, groups=groups, administrator_id=there.administrator_id)


@given(DOCUMENTS, ACCOUNTS, WISHES)
def test_doing_it_twice_is_doing_it_once(document: Document, there: Seen, wish: Wish) -> None:
    after = done(imports.plan(document, there, wish), there)
    again = imports.plan(document, after, wish)
    assert all(isinstance(step, imports.Conflict) for step in again), again


@given(DOCUMENTS, ACCOUNTS, WISHES)
def test_nothing_of_others_changes(document: Document, there: Seen, wish: Wish) -> None:
    after = done(imports.plan(document, there, wish), there)
    for name, before in there.users.items():
        is_adopted = wish.adopts and not before.source and before.id != there.administrator_id
        if before.source != "ldap" and not is_adopted:
            assert after.users[name] == before
    assert set(there.users) <= set(after.users)
    assert set(there.groups) <= set(after.groups)
