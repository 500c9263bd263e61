"""Changing a ruleset leaves what loading the new one whole leaves, and names only what differs."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mallee.kit import process
from mallee.node.plan.network import nft

NAMES = ("a", "b", "c")
KEYS = tuple(f"10.0.0.{number}" for number in range(1, 6))
RANGES = ("10.1.0.0/16", "10.2.0.0/16", "10.2.0.0-10.2.255.255", "10.3.0.1", "10.4.0.0/24")


@st.composite
def rulesets(draw: st.DrawFn) -> nft.Ruleset:
    """A table of sets, ranges, verdicts and chains, in which everything that is named is there."""
    chains = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    sets = draw(st.lists(st.sampled_from(NAMES), unique=True))
    ranges = draw(st.lists(st.sampled_from(NAMES), unique=True))
    blocks: list[nft.Block] = [
        nft.set_of(f"set-{name}", "ipv4_addr", draw(st.frozensets(st.sampled_from(KEYS))))
        for name in sets
    ]
    blocks += [
        nft.set_of(f"range-{name}", "ipv4_addr", draw(_ranges()), "interval") for name in ranges
    ]
    blocks += [nft.Chain(f"to-{name}", draw(_rules(sets, ranges))) for name in chains]
    verdicts = draw(st.dictionaries(st.sampled_from(KEYS), st.sampled_from(chains)))
    elements = (f"{key} : goto to-{chain}" for key, chain in verdicts.items())
    blocks.append(nft.map_of("verdicts", "ipv4_addr : verdict", elements))
    blocks.append(
        nft.base("in", "filter hook input priority 0", "drop", ("ip saddr vmap @verdicts",))
    )
    return (nft.Table("inet", "t", tuple(blocks)),)


def _ranges() -> st.SearchStrategy[frozenset[str]]:
    """Ranges of which no two have anything in common."""
    return st.frozensets(st.sampled_from(RANGES)).filter(
        lambda some: not {"10.2.0.0/16", "10.2.0.0-10.2.255.255"} <= some
    )


@st.composite
def _rules(draw: st.DrawFn, sets: list[str], ranges: list[str]) -> tuple[str, ...]:
    places = [f"set-{name}" for name in sets] + [f"range-{name}" for name in ranges]
    looks = [f"ip daddr @{place} accept" for place in places] + ["drop", "tcp dport 22 accept"]
    return tuple(draw(st.lists(st.sampled_from(looks), max_size=3)))


def load(text: str) -> None:
    process.run(("nft", "-f", "-"), text.encode())


def standing() -> dict[str, Any]:
    """What the kernel holds, without the order and numbers that it gave it."""
    listed = json.loads(process.run(("nft", "-j", "list", "ruleset")).stdout)["nftables"]
    found: dict[str, Any] = {}
    for entry in listed:
        ((kind, body),) = entry.items()
        body = {key: value for key, value in body.items() if key != "handle"}
        if kind == "rule":
            found.setdefault(f"rules of {body['chain']}", []).append(body["expr"])
        elif kind != "metainfo":
            body["elem"] = sorted(body.get("elem", ()), key=json.dumps)
            found[f"{kind} {body['name']}"] = body
    return found


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    yield
    process.run(("nft", "flush", "ruleset"))


@pytest.mark.host
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(before=rulesets(), after=rulesets())
def test_a_change_leaves_what_loading_everything_leaves(
    before: nft.Ruleset, after: nft.Ruleset
) -> None:
    load(nft.text(before))
    change = nft.change(before, after)
    if change:
        load(change)
    changed = standing()
    load(nft.text(after))
    assert standing() == changed


@given(rulesets())
def test_what_is_the_same_is_not_named(ruleset: nft.Ruleset) -> None:
    assert nft.change(ruleset, ruleset) == ""
    (table,) = ruleset
    more = nft.Table(table.family, table.name, (*table.blocks, nft.Chain("new", ("drop",))))
    assert nft.change(ruleset, (more,)) == (
        "table inet t {\n    chain new {\n        drop\n    }\n}\n"
    )


def test_a_block_that_becomes_another_kind_of_thing_is_loaded_with_all() -> None:
    before = (nft.Table("inet", "t", (nft.set_of("s", "ipv4_addr", ("10.0.0.1",)),)),)
    after = (nft.Table("inet", "t", (nft.set_of("s", "ipv4_addr", ("10.0.0.0/8",), "interval"),)),)
    assert nft.change(before, after) == nft.text(after)
