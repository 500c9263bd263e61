"""A host holds the world by a lease, and two never do."""

import math
from pathlib import Path

import msgspec

from mallee.model.layout import Layout
from mallee.model.network.gateways import LEASE_S, PROMISED_S, GatewayWanted
from mallee.node.gateways import keeper
from mallee.node.gateways.holding import Holding

FIRST, SECOND = "host-1", "host-2"
TOLD = GatewayWanted(host_id=FIRST, term=3, standby_id=SECOND)
NEXT = GatewayWanted(host_id=SECOND, term=4, standby_id="")


def test_lease_counts_from_the_question() -> None:
    holding = Holding(FIRST, promised_until=0.0)
    assert holding.take(TOLD, 100.0, 100.1)
    assert holding.held_s(101.0) == LEASE_S - 1.0
    assert holding.held_s(100.0 + LEASE_S) == 0.0


def test_promise_of_the_standby_keeps_a_lease_alive() -> None:
    holding = Holding(FIRST, promised_until=0.0)
    assert holding.take(TOLD, 100.0, 100.1)
    holding.go_on(108.0)
    assert holding.held_s(109.0) == LEASE_S - 1.0


def test_host_without_a_standby_needs_no_lease() -> None:
    holding = Holding(FIRST, promised_until=0.0)
    assert holding.take(GatewayWanted(FIRST, 1), 100.0, 100.1)
    assert holding.held_s(10_000.0) == math.inf


def test_machine_that_begins_anew_leads_nobody_before_it_was_told_to() -> None:
    """Meanwhile it may have been said to be off, and another host to lead."""
    alone = GatewayWanted(FIRST, 1)
    holding = Holding(FIRST, promised_until=13.0, taken=alone, is_confirmed=False)
    assert holding.held_s(5.0) == 0.0
    assert holding.take(alone, 5.0, 5.1)
    assert holding.held_s(10_000.0) == math.inf


def test_what_was_taken_is_of_a_life_of_the_machine(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.node.mkdir(parents=True)
    book = keeper.Book(layout, "first")
    assert not book.is_of_this_boot()
    book.write(TOLD)
    assert book.is_of_this_boot()
    later = keeper.Book(layout, "second")
    assert later.read() == TOLD
    assert not later.is_of_this_boot()
    # As an older agent wrote it.
    (layout.node / "gateway.json").write_bytes(msgspec.json.encode(TOLD))
    assert later.read() == TOLD
    assert not later.is_of_this_boot()


def test_who_has_promised_begins_after_the_other_has_ended() -> None:
    first, second = Holding(FIRST, 0.0), Holding(SECOND, 0.0)
    assert first.take(TOLD, 100.0, 100.1)
    asked_at = 109.0
    assert second.promise(TOLD, FIRST, "3", 109.5) == ""
    first.go_on(asked_at)
    begins_at = next(at for at in range(110, 200) if second.may_begin(float(at)))
    assert first.held_s(float(begins_at)) == 0.0
    assert begins_at >= 109.5 + PROMISED_S


def test_who_promises_while_his_term_is_written_down_does_not_begin() -> None:
    second = Holding(SECOND, 0.0)
    assert second.may_begin(100.0)
    assert second.promise(TOLD, FIRST, "3", 100.5) == ""
    assert not second.take(NEXT, 100.0, 101.0)
    assert second.held_s(101.0) == 0.0
    assert second.take(NEXT, 100.0, 100.5 + PROMISED_S)


def test_agent_that_begins_anew_waits_as_if_it_had_promised() -> None:
    second = Holding(SECOND, promised_until=50.0 + PROMISED_S)
    assert not second.may_begin(51.0)
    assert second.may_begin(50.0 + PROMISED_S)


def test_agent_that_begins_anew_goes_on_with_what_it_had() -> None:
    first = Holding(FIRST, promised_until=50.0 + PROMISED_S, taken=TOLD)
    assert first.may_begin(51.0)
    assert first.held_s(51.0) == 0.0


def test_nothing_is_promised_to_others() -> None:
    second = Holding(SECOND, 0.0)
    assert second.promise(TOLD, "host-3", "3", 1.0)
    assert second.promise(TOLD, FIRST, "2", 1.0)
    assert second.promise(NEXT, FIRST, "3", 1.0)
    assert second.promise(None, FIRST, "3", 1.0)
    assert Holding("host-3", 0.0).promise(TOLD, FIRST, "3", 1.0)
    assert second.may_begin(1.0)
