"""Policies that are written to hurt hurt their own account, and nobody else."""

from typing import Any

import pytest

from mallee.cloud import authorize, effort
from tests.cloud.alice import Alice, allow, deny

PATTERNS = 190
"""As many as a policy may have with five wildcards each."""


def bomb() -> dict[str, Any]:
    """A statement that is slow to compare with a long value."""
    patterns = [f"*{number:x}?*a?*~~" for number in range(PATTERNS)]
    return deny("*", Condition={"StringLike": {"aws:UserAgent": patterns}})


def test_what_is_quick_is_not_counted() -> None:
    spent = effort.Effort()
    for _ in range(100_000):
        spent.spend("1", effort.COUNTED_S_MIN / 2, 0.0)
    assert spent.debts == {}


def test_an_account_waits_until_its_share_made_it_good() -> None:
    spent = effort.Effort()
    spent.spend("1", effort.BURST_S_MAX + 1.0, 100.0)
    assert not spent.may_begin("1", 100.0)
    assert spent.may_begin("2", 100.0)
    almost = 100.0 + 1.0 / effort.SHARE_MAX
    assert not spent.may_begin("1", almost - 0.01)
    assert spent.may_begin("1", almost + 0.01)
    assert spent.may_begin("1", 1_000.0)
    assert spent.debts == {}


def test_a_clock_that_is_set_back_gives_nothing() -> None:
    spent = effort.Effort()
    spent.spend("1", effort.BURST_S_MAX + 1.0, 100.0)
    assert not spent.may_begin("1", 50.0)


def test_who_keeps_all_waiting_waits_himself(alice: Alice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "COUNTED_S_MIN", 0.0)
    monkeypatch.setattr(effort, "BURST_S_MAX", 0.0)
    alice.may(allow("*"), bomb())
    assert alice.error("DescribeRegions") == {}
    assert alice.asks("DescribeRegions") == "RequestLimitExceeded"
    admin = alice.cloud.client("ec2")
    assert admin.describe_regions()["Regions"], "the administrator can always put it right"
    monkeypatch.undo()
    alice.may(allow("*"))
    assert alice.asks("DescribeRegions") == ""


def test_a_request_about_too_much_ends(alice: Alice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorize, "REQUEST_S_MAX", 0.0)
    alice.may(allow("*"))
    ids = [f"i-{number:017x}" for number in range(50)]
    assert alice.asks("StopInstances", {"InstanceIds": ids}) == "RequestLimitExceeded"


def test_no_policy_is_asked_about_what_is_too_long(alice: Alice) -> None:
    long = "a" * 5000
    alice.may(allow("*"))
    assert alice.asks("StopInstances", {"InstanceIds": [long]}) == "UnauthorizedOperation"
    asking = {"StringNotLike": {"aws:RequestTag/x": "b*"}}
    alice.may(allow("*", Condition=asking))
    tags = [{"Key": "x", "Value": long}]
    asked = {"Resources": ["i-0123456789abcdef0"], "Tags": tags}
    assert alice.asks("CreateTags", asked) == "UnauthorizedOperation"
