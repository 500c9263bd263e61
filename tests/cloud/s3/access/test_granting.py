"""Who may what, of everybody, everywhere: what is decided is what a few plain sentences say.

Every state of a bucket and an object that has to do with lists, against every caller and action.
The sentences (`expected`) know nothing of how it is decided.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud import http
from mallee.cloud.call import NOBODY, Call, Principal
from mallee.cloud.identity import authorize
from mallee.cloud.identity.question import Question
from mallee.cloud.s3.access import deciding
from mallee.cloud.s3.objects import about
from mallee.cloud.s3.objects.sight import Sight
from mallee.cloud.state import records, store
from mallee.model.configuration import settings
from mallee.model.identity.accounts import Account
from mallee.model.identity.identities import User
from mallee.model.storage.buckets import AccessBlock, Bucket, Grant
from mallee.walrus.records import Version
from tests.cloud.s3.desk import BOX, ROWS, Desk
from tests.handclock import NOW

OWNER, STRANGER = "000000000011", "000000000012"
ARN = "arn:aws:s3:::matrix"
NUMBER = 77
EVERYTHING = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
ALL = [ARN, f"{ARN}/*"]
POLICIES = {
    "none": "",
    "shared": {
        "Effect": "Allow",
        "Principal": {"AWS": STRANGER},
        "Action": "s3:*",
        "Resource": ALL,
    },
    "denied": {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ALL},
}
FULL, READ, WRITE, ACP = "FULL_CONTROL", "READ", "WRITE", "READ_ACP"
LISTS: dict[str, tuple[Grant, ...] | None] = {
    "owner": None,
    "empty": (),
    "public": (Grant("AllUsers", READ), Grant("AllUsers", WRITE)),
    "public acl": (Grant("AllUsers", ACP),),
    "signed": (Grant("AuthenticatedUsers", READ), Grant("AuthenticatedUsers", WRITE)),
    "stranger": (Grant(STRANGER, FULL),),
    "owner of bucket": (Grant(OWNER, READ),),
    "logs": (Grant("LogDelivery", FULL),),
}
ACTIONS = {
    "GetObject": READ,
    "GetObjectAcl": ACP,
    "PutObjectAcl": "WRITE_ACP",
    "ListObjectsV2": READ,
    "PutObject": WRITE,
    "DeleteObject": WRITE,
    "GetBucketPolicy": "",
}
OF_OBJECTS = ("GetObject", "GetObjectAcl", "PutObjectAcl")


@dataclass(frozen=True)
class State:
    """A bucket and an object in it."""

    ownership: str
    object_owner: str
    list: str
    """Of both."""
    ignores: bool
    policy: str


@dataclass(frozen=True)
class Caller:
    """Who asks, and whether his own account lets him."""

    who: Principal
    is_let: bool


STATES = [
    State(*one)
    for one in itertools.product(
        ("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter", ""),
        (OWNER, STRANGER, ""),
        LISTS,
        (False, True),
        POLICIES,
    )
]


def expected(state: State, caller: Caller, action: str) -> bool:
    """Say whether he may."""
    account = caller.who.account
    has_lists = state.ownership != "BucketOwnerEnforced"
    is_of_object = action in OF_OBJECTS
    owner = state.object_owner if is_of_object and has_lists else OWNER
    if state.policy == "denied":
        # An administrator can always look at his own bucket's policy.
        return action == "GetBucketPolicy" and caller.who.is_administrator and account == OWNER
    grants = LISTS[state.list] if has_lists else None
    if not owner and (grants is None or action.endswith("Acl")):
        # What nobody signed for is nobody's as an account's things are the account's.
        grants = (Grant("", FULL), *(grants or ()))
    line = ACTIONS[action]
    named: set[str] = {
        one.grantee for one in grants or () if line and one.permission in (line, FULL)
    }
    if action == "DeleteObject" and state.object_owner != account:
        named = set[str]()
    if state.ignores:
        named -= {"AllUsers", "AuthenticatedUsers", ""}
    by_group = "AllUsers" in named or (account != "" and "AuthenticatedUsers" in named)
    if account == "":
        return by_group or "" in named
    if account == owner:
        return by_group or caller.is_let
    by_policy = state.policy == "shared" and account == STRANGER and owner == OWNER
    return caller.is_let and (by_group or account in named or by_policy)


@pytest.fixture
def callers(desk: Desk) -> list[Caller]:
    """Of each account the administrator, one who may everything, one who may nothing; nobody."""
    found = [Caller(NOBODY, is_let=False)]

    def people(tx: store.Tx) -> None:
        for account in (OWNER, STRANGER):
            made = Account(
                id=account, name=account, created_at=NOW, admin_user_id=f"AIDA{account}admin"
            )
            tx.insert(records.ACCOUNT, account, account, made)
            for name in ("admin", "let", "poor"):
                id = f"AIDA{account}{name}"
                inline = {"p": _policy(EVERYTHING)} if name == "let" else {}
                user = User(id=id, name=name, created_at=NOW, inline=inline)
                tx.insert(records.USER, account, id, user)
                who = Principal(
                    account=account,
                    user_id=id,
                    user_name=name,
                    arn=f"arn:aws:iam::{account}:user/{name}",
                    access_key_id="AKIA",
                    is_cloud_admin=False,
                    is_administrator=name == "admin",
                )
                found.append(Caller(who, is_let=name != "poor"))

    desk.store.transact(people)
    return found


def _policy(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class _Reader:
    """An engine in which there is one object."""

    def __init__(self, state: State) -> None:
        kept = about.About(owner=state.object_owner, grants=LISTS[state.list])
        self._version = Version(id="null", modified_ms=0, size=0, about=about.encode(kept))

    def current(self, bucket: int, key: bytes) -> Version | None:
        return self._version if (bucket, key) == (NUMBER, b"k") else None


def _place(desk: Desk, state: State) -> None:
    said = POLICIES[state.policy]
    doc = Bucket(
        name="matrix",
        number=NUMBER,
        created_at=NOW,
        policy=_policy(said) if said else "",
        access_block=AccessBlock(IgnorePublicAcls=state.ignores),
        ownership=state.ownership,
        grants=LISTS[state.list],
    )

    def put(tx: store.Tx) -> None:
        there = tx.get(records.BUCKET, "matrix")
        if there is None:
            tx.insert(records.BUCKET, OWNER, "matrix", doc)
        else:
            tx.write(there, replace(doc))

    desk.store.transact(put)


def _questions(desk: Desk, caller: Caller) -> Iterator[tuple[str, Question]]:
    for action in ACTIONS:
        row = ROWS[action]
        call = Call(
            principal=caller.who,
            action=action,
            request_id="r",
            now=NOW,
            settings=settings.Settings(),
            view=desk.store.view,
        )
        asked = {"Bucket": "matrix", "Key": "k"}
        head = http.Request(method="", path="", query="", headers={}, body=b"", peer="")
        yield action, Question(call=call, row=row, http=head, asked=asked)


async def test_lists_policies_and_owners_together_say_who_may(
    desk: Desk, callers: list[Caller]
) -> None:
    judge = authorize.judge(desk.store.view, BOX)
    wrong: list[tuple[object, ...]] = []
    count = 0
    for state in STATES:
        _place(desk, state)
        reader: Any = _Reader(state)
        for caller in callers:
            for action, question in _questions(desk, caller):
                court = deciding.Court(judge, Sight(reader))
                assert question.row.needs is not None
                needs = tuple(question.row.needs(question.call, question.asked))
                outcome = deciding.decide(court, question, needs)
                may = outcome.refusal is None
                count += 1
                if may != expected(state, caller, action):
                    wrong.append((state, caller.who.arn, action, may))
    assert count == len(STATES) * len(callers) * len(ACTIONS)
    assert not wrong, wrong[:5]


@pytest.mark.parametrize(("grants", "refusal"), [("public", False), ("owner", True)])
async def test_who_may_list_a_bucket_is_told_what_is_not_in_it(
    desk: Desk, grants: str, refusal: bool
) -> None:
    state = State("ObjectWriter", OWNER, grants, False, "none")
    _place(desk, state)
    reader: Any = _Reader(state)
    court = deciding.Court(authorize.judge(desk.store.view, BOX), Sight(reader))
    questions = dict(_questions(desk, Caller(NOBODY, is_let=False)))
    gone = (("s3:GetObject", f"{ARN}/gone"),)
    assert (deciding.decide(court, questions["GetObject"], gone).refusal is not None) is refusal
