"""Rows of the EBS direct APIs against the model and what AWS publishes of their permissions."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from mallee.aws import dispatch, errors, model
from mallee.cloud.action import Action
from mallee.cloud.call import Call
from mallee.cloud.ebs import table, tokens
from mallee.cloud.identity import context
from tests.cloud import published

MODEL = model.load("ebs")
ID = "snap-0123456789abcdef0"
CALL = cast(Call, SimpleNamespace(settings=SimpleNamespace(region="us-east-1")))
PLACE = tokens.Place(ID, "ab" * 32, 7)
KEY = b"k" * 32


def test_there_is_a_row_for_every_operation() -> None:
    assert {row.name for row in table.ROWS} == set(MODEL.operations)


@pytest.mark.parametrize("row", table.ROWS, ids=lambda row: row.name)
def test_a_row_honours_what_its_operation_has(row: Action) -> None:
    shape = MODEL.operations[row.name].input
    assert shape is not None
    assert row.honours | {"ClientToken"} >= set(shape.members)
    assert row.honours <= set(shape.members)


@pytest.mark.skipif(not published.is_there(), reason="AWS's data could not be fetched")
@pytest.mark.parametrize("row", table.ROWS, ids=lambda row: row.name)
def test_a_row_is_about_what_aws_publishes(row: Action) -> None:
    found = published.find("ebs", row.name)
    assert found is not None
    assert row.resources is not None
    asked: dict[str, Any] = {"SnapshotId": ID, "SecondSnapshotId": ID, "FirstSnapshotId": ID}
    for arn in row.resources(CALL, asked):
        assert [kind for kind, arns in found.arns.items() if arns.fullmatch(arn)] == ["snapshot"]
    assert found.keys[""] <= context.KEYS


@pytest.mark.parametrize(
    ("headers", "query", "is_for_blocks"),
    [
        ({"authorization": "AWS4-HMAC-SHA256 Credential=A/20260101/r/ebs/aws4_request"}, "", True),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=A/20260101/r/s3/aws4_request"}, "", False),
        ({}, "X-Amz-Credential=A%2F20260101%2Fr%2Febs%2Faws4_request", True),
        ({"host": "ebs.cloud.internal"}, "", True),
        ({"host": "s3.cloud.internal"}, "", False),
        ({}, "", False),
    ],
    ids=str,
)
def test_requests_are_told_apart(headers: dict[str, str], query: str, is_for_blocks: bool) -> None:
    assert dispatch.is_for_blocks(headers, query) is is_for_blocks


def test_a_block_token_holds_for_a_week_and_one_place() -> None:
    token = tokens.encode(KEY, PLACE, 1000.0)
    tokens.check((b"n" * 32, KEY), PLACE, token, 999.0)
    other = tokens.Place(ID, "cd" * 32, 7)
    for place, keys, now in (
        (PLACE, (KEY,), 1000.0),
        (other, (KEY,), 999.0),
        (PLACE, (b"n" * 32,), 999.0),
    ):
        with pytest.raises(errors.ebs.InvalidBlockToken):
            tokens.check(keys, place, token, now)
    for wrong in ("", "=", "AAAA", token[:-4], "é"):
        with pytest.raises(errors.ebs.InvalidBlockToken):
            tokens.check((KEY,), PLACE, wrong, 999.0)
