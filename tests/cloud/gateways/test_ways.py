"""Whose own way to the world is dead is relieved, by who has one, and told of."""

import pytest
from msgspec.structs import replace

from mallee.cloud.hosts import standings
from mallee.cloud.state import records
from mallee.model.hosts.standing import Judged, Role, State
from mallee.model.network.gateways import STAYS_S, WayState
from tests.cloud.gateways.charged import Cloud


def test_standby_whose_way_is_open_relieves_one_whose_way_is_dead(old: Cloud) -> None:
    old.hear("host-1", WayState.DEAD)
    after = old.decide()
    assert (after.host_id, after.former_id) == ("host-2", "host-1")
    assert "whose way to the world was dead" in after.why
    # Two never lead: the one before ends first.
    assert not old.ask("host-2")
    assert not old.ask("host-1", holds=False)
    assert old.ask("host-2")
    # Who has a way again does not take back.
    old.hear("host-1")
    assert old.settle().host_id == "host-2"


@pytest.mark.parametrize("way", [WayState.UNKNOWN, WayState.DEAD])
def test_nobody_relieves_who_is_no_better(old: Cloud, way: WayState) -> None:
    for id in ("host-2", "host-3"):
        old.hear(id, way)
    old.hear("host-1", WayState.DEAD)
    assert old.settle().host_id == "host-1"


def test_way_that_nobody_can_tell_of_takes_the_charge_from_nobody(old: Cloud) -> None:
    old.hear("host-1", WayState.UNKNOWN)
    assert old.settle().host_id == "host-1"


def test_another_standby_is_chosen_that_can_relieve_and_is_known_first(old: Cloud) -> None:
    old.hear("host-2", WayState.UNKNOWN)
    old.hear("host-1", WayState.DEAD)
    between = old.decide()
    assert (between.host_id, between.standby_id, between.is_known) == ("host-1", "host-3", False)
    assert old.decide().host_id == "host-1"
    assert old.ask("host-1", taken=between.term)
    assert old.decide().host_id == "host-3"


def test_charge_is_not_passed_to_and_fro(old: Cloud) -> None:
    old.hear("host-3", WayState.DEAD)
    old.hear("host-1", WayState.DEAD)
    assert old.settle().host_id == "host-2"
    old.hear("host-1")
    old.hear("host-2", WayState.DEAD)
    assert old.settle().host_id == "host-2"
    old.time.time += STAYS_S
    assert old.settle().host_id == "host-1"


def test_standby_with_a_dead_way_does_not_take_over_from_one_that_is_silent(old: Cloud) -> None:
    """The one in charge may lead by its promise, and it could lead nobody."""
    old.hear("host-2", WayState.DEAD)
    old.hear("host-1", is_silent=True)
    assert old.decide().host_id == "host-1"
    old.hear("host-2", WayState.UNKNOWN)
    assert old.decide().host_id == "host-2"


def test_standby_with_a_dead_way_is_replaced(old: Cloud) -> None:
    old.hear("host-2", WayState.DEAD)
    assert old.settle().standby_id == "host-3"
    old.hear("host-2")
    assert old.settle().standby_id == "host-3"


def test_administrators_are_told_of_a_dead_way_of_those_that_may_lead(old: Cloud) -> None:
    old.hear("host-2", WayState.DEAD)
    host = old.store.view.get(records.HOST, "host-2")
    assert host is not None
    assert standings.judged(host) == Judged(State.BROKEN, ("eth1 has no carrier.",))
    other = replace(host, doc=replace(host.doc, roles=(Role.COMPUTE,)))
    assert standings.judged(other).state is State.ENABLED
