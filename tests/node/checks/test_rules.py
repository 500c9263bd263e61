"""Which rules of others would stop our packets."""

from typing import Any

from mallee.node.checks import rules


def chain(table: str, name: str, **more: Any) -> dict[str, Any]:
    return {"chain": {"family": "ip", "table": table, "name": name, "handle": 1, **more}}


def rule(table: str, chain: str, *steps: dict[str, Any]) -> dict[str, Any]:
    return {
        "rule": {"family": "ip", "table": table, "chain": chain, "handle": 7, "expr": list(steps)}
    }


FORWARD = {"hook": "forward", "type": "filter", "policy": "accept"}


def test_a_policy_that_drops_is_named() -> None:
    ((cause, cure),) = rules.troubles([chain("filter", "F", **FORWARD | {"policy": "drop"})])
    assert cause == "the chain ip filter F drops at forward what no rule of it accepts"
    assert cure.endswith("nft list chain ip filter F")


def test_rules_that_drop_are_named_wherever_they_are_reached() -> None:
    listed = [
        chain("t", "F", **FORWARD),
        chain("t", "own"),
        rule("t", "F", {"jump": {"target": "own"}}),
        rule("t", "own", {"jump": {"target": "F"}}, {"drop": None}),
    ]
    ((cause, _),) = rules.troubles(listed)
    assert cause == "rules of the chain ip t F drop packets at forward: 7"


def test_what_is_ours_or_never_reached_is_no_trouble() -> None:
    listed = [
        chain("mallee-box", "F", **FORWARD | {"policy": "drop"}),
        chain("t", "F", **FORWARD),
        chain("t", "own"),
        rule("t", "own", {"drop": None}),
        rule("t", "F", {"accept": None}),
    ]
    assert rules.troubles(listed) == []
