import datetime
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallee.aws import errors, paging

KEYS = [b"k" * 32]
ASKED = paging.Question("111122223333", "ec2:DescribeInstances", {"Filters": [{"Name": "a"}]})


@given(st.text(st.characters(codec="utf-8")))
def test_a_token_gives_its_position_back(position: str) -> None:
    assert paging.decode(KEYS, ASKED, paging.encode(KEYS, ASKED, position)) == position


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, account="444455556666"),
        replace(ASKED, action="ec2:DescribeVolumes"),
        replace(ASKED, parameters={"Filters": [{"Name": "b"}]}),
        replace(ASKED, parameters={}),
    ],
)
def test_a_token_is_good_for_its_own_question_only(other: paging.Question) -> None:
    with pytest.raises(errors.InvalidNextToken):
        paging.decode(KEYS, other, paging.encode(KEYS, ASKED, "i-1"))
    with pytest.raises(errors.InvalidNextToken):
        paging.decode([b"x" * 32], ASKED, paging.encode(KEYS, ASKED, "i-1"))


def test_the_size_of_the_page_may_change_and_the_order_of_parameters_too() -> None:
    when = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    parameters: dict[str, Any] = {"A": when, "B": b"\xff"}
    first = replace(ASKED, parameters={**parameters, "MaxResults": 5})
    token = paging.encode(KEYS, first, "i-1")
    later = {"NextToken": token, "MaxResults": 7, **dict(reversed(parameters.items()))}
    assert paging.decode(KEYS, replace(ASKED, parameters=later), token) == "i-1"


def test_a_token_made_under_the_key_before_is_taken() -> None:
    newer = [b"n" * 32, *KEYS]
    assert paging.decode(newer, ASKED, paging.encode(KEYS, ASKED, "i-1")) == "i-1"
    with pytest.raises(errors.InvalidNextToken):
        paging.decode(KEYS, ASKED, paging.encode(newer, ASKED, "i-1"))


@given(st.text(max_size=60))
def test_what_is_made_up_is_refused(token: str) -> None:
    with pytest.raises(errors.InvalidNextToken):
        paging.decode(KEYS, ASKED, token)
