"""The simulator tells the truth: what it says of a user is what happens when he asks."""

from typing import Any

import pytest

from mallee.cloud import actions
from mallee.cloud.action import Action
from mallee.cloud.call import Call, Principal
from tests.cloud import samples
from tests.cloud.alice import DENIALS, USER, Alice, allow, deny

ROWS = [
    row
    for row in actions.TABLE.values()
    if row.service in ("ec2", "iam")
    and not (row.is_everyones or row.is_unsigned or row.also or row.passes or row.waives)
    # The first always asks about a key too (the others that use keys do not, as they are asked
    # here), the rest about an object in a bucket.
    and row.name
    not in ("ModifyEbsDefaultKmsKeyId", "CreateStoreImageTask", "CreateRestoreImageTask")
]
POLICIES: dict[str, list[dict[str, Any]]] = {
    "everything": [allow("*")],
    "looking": [allow("ec2:Describe*", "iam:Get*", "iam:List*")],
    "all but one kind": [allow("*"), deny("*", resource="arn:aws:iam::*:user/*")],
    "own team": [
        allow("ec2:*"),
        deny("ec2:*", Condition={"StringNotEquals": {"aws:PrincipalTag/Team": "red"}}),
    ],
    "by name": [allow("iam:*", resource="arn:aws:iam::*:group/${aws:username}*")],
}


@pytest.mark.parametrize("name", POLICIES)
def test_what_is_simulated_is_what_happens(alice: Alice, name: str) -> None:
    alice.may(*POLICIES[name])
    asked = [(row, samples.request(row.service, row.name)) for row in ROWS]
    simulated = _simulated(alice, asked)
    for row, request in asked:
        code = alice.asks(row, request)
        found = simulated[row.service, row.name]
        is_allowed = all(one["EvalDecision"] == "allowed" for one in found)
        assert (code not in DENIALS) is is_allowed, (row.permission, code, found)


def _simulated(alice: Alice, asked: list[tuple[Action, dict[str, Any]]]) -> dict[Any, list[Any]]:
    """Ask of all rows that are about the same things at once; return what is said of each row."""
    about: dict[tuple[str, ...], list[Action]] = {}
    for row, request in asked:
        about.setdefault(_resources(alice, row, request), []).append(row)
    simulator = alice.cloud.client("iam").get_paginator("simulate_principal_policy")
    said: dict[Any, list[Any]] = {}
    for resources, rows in about.items():
        pages = simulator.paginate(
            PolicySourceArn=f"arn:aws:iam::{alice.key['account_id']}:user/staff/alice",
            ActionNames=sorted({row.permission for row in rows}),
            ResourceArns=list(resources),
            PaginationConfig={"PageSize": 1000},
        )
        found = pages.build_full_result()["EvaluationResults"]
        for row in rows:
            mine = [one for one in found if one["EvalActionName"] == row.permission]
            assert len(mine) == len(set(resources)), (row.permission, resources, mine)
            said[row.service, row.name] = mine
    return said


def _resources(alice: Alice, row: Action, asked: dict[str, Any]) -> tuple[str, ...]:
    account = alice.key["account_id"]
    who = Principal(
        account=account,
        user_id=USER,
        user_name="alice",
        arn=f"arn:aws:iam::{account}:user/staff/alice",
        access_key_id="",
        is_cloud_admin=True,
    )
    call = Call(
        principal=who,
        action=row.name,
        request_id="",
        now=0.0,
        settings=alice.cloud.settings,
        view=alice.cloud.store.view,
    )
    return (row.resources(call, asked) if row.resources else ()) or ("*",)
