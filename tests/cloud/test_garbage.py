"""Who may do nothing gets nothing, and who sends nonsense breaks nothing: every row is tried.

Requests are well-formed on the wire and nonsense in every member. A policy that asks for every
context key there is stands beside, so that every key is looked for in the nonsense.
"""

import os
import random
from typing import Any

import botocore.exceptions
import pytest

from mallee.aws import model
from mallee.cloud import actions
from mallee.cloud.action import Action
from mallee.cloud.identity import context
from tests.cloud import samples
from tests.cloud.alice import DENIALS, Alice, allow, deny
from tests.cloud.signing import Sender

ROWS = [row for row in actions.TABLE.values() if not row.is_everyones]
DEPTH_MAX = 4
SEEDS = int(os.environ.get("MALLEE_GARBAGE_SEEDS", "1"))
"""How many times each row is asked nonsense; a run by hand may ask more."""

WORDS = (
    "",
    " ",
    "*",
    "?",
    "/",
    "${aws:username}",
    "${",
    "..",
    "i-",
    "i-0123456789abcdef0",
    "ami-ffffffffffffffff1",
    "arn:aws:iam::123456789012:role/x",
    "arn:aws:iam::123456789012:policy/",
    "arn:aws:ec2:::instance/*",
    "arn:::::",
    ":" * 40,
    "\u00e4\u00f6\u20ac",
    "a" * 3000,
    "-1",
    "99999999999999999999",
    "{}",
    "null",
)


@pytest.mark.parametrize("row", ROWS, ids=[row.permission for row in ROWS])
def test_nonsense_without_rights_is_refused(alice: Alice, row: Action) -> None:
    alice.may()
    for seed in range(SEEDS):
        status, code = _send(alice, row, random.Random(f"{row.permission} {seed}"))
        assert 400 <= status < 500, (status, code)
        assert code
        assert not code.startswith("Internal")


@pytest.mark.parametrize("row", ROWS, ids=[row.permission for row in ROWS])
def test_no_context_key_breaks_over_nonsense(alice: Alice, row: Action) -> None:
    every = [
        deny("*", Condition={"StringEquals": {key: "no such value"}})
        for key in sorted(context.KEYS | {f"{key}/x" for key in context.KEYS})
    ]
    alice.may(*every)
    for seed in range(SEEDS):
        status, code = _send(alice, row, random.Random(f"{row.permission} {seed}"))
        assert 400 <= status < 500, (status, code)
    alice.may(*every, allow("*"))
    for seed in range(SEEDS):
        status, code = _send(alice, row, random.Random(f"{row.permission} {seed}"))
        assert status < 500, (status, code)


def test_who_may_nothing_is_told_nothing_of_things(alice: Alice) -> None:
    """A refusal is the same whether the thing is there or not."""
    made = alice.cloud.client("ec2").allocate_address()["AllocationId"]
    alice.may()
    told: set[str] = set()
    for id in (made, "eipalloc-ffffffffffffffff1"):
        error = alice.error("ReleaseAddress", {"AllocationId": id})
        assert error["Code"] in DENIALS
        said = error["Message"].replace(id, "").partition("Encoded")[0]
        told.add(said)
    assert len(told) == 1


def _send(alice: Alice, row: Action, dice: random.Random) -> tuple[int, str]:
    shape = model.load(row.service).operations[row.name].input
    if row.service == "mallee":
        flat = {name: dice.choice(WORDS) for name in (shape.members if shape else ())}
        answer = Sender(alice.cloud.port, alice.key).ask("mallee", row.name, **flat)
        return answer.status, answer.code
    known = model.load(row.service)
    request = _junk(known, shape, dice, 0) if shape else {}
    if dice.random() < 0.7:
        # Mostly right, so that it comes further than to be read.
        right = samples.request(row.service, row.name)
        some = dict(dice.sample(sorted(request.items()), min(2, len(request))))
        request = {**some, **right} if dice.random() < 0.5 else {**right, **some}
    try:
        alice.cloud.client(row.service, alice.key)._make_api_call(row.name, request)
    except botocore.exceptions.ClientError as error:
        answer = error.response
        return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]
    return 200, ""


def _junk(known: model.ServiceModel, shape: model.Shape, dice: random.Random, depth: int) -> Any:
    match shape.type:
        case "structure":
            if depth > DEPTH_MAX:
                return {}
            names = [
                name for name in shape.members if name in shape.required or dice.random() < 0.6
            ]
            return {
                name: _junk(known, known.shape(shape.members[name].shape), dice, depth + 1)
                for name in names
            }
        case "list":
            assert shape.member is not None
            one = known.shape(shape.member.shape)
            return [_junk(known, one, dice, depth + 1) for _ in range(dice.randrange(3))]
        case "map":
            return {}
        case "integer" | "long" | "float" | "double":
            return dice.choice((-1, 0, 1, 7, 2**31, 2**63))
        case "boolean":
            return dice.random() < 0.5
        case "timestamp":
            return dice.choice((0, 1_800_000_000))
        case "blob":
            return dice.choice((b"", b"\x00\xff", b"a" * 3000))
        case _:
            enum = shape.enum if dice.random() < 0.5 else ()
            return dice.choice(enum or WORDS)
