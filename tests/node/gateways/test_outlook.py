"""What a host makes of its looks at the next hops to the world."""

import pytest

from mallee.model.network.gateways import WaySeen, WayState
from mallee.node.gateways.outlook import DEAD_AFTER_S, OPEN_AFTER_S, Hop, Look, Outlook

ROUTER = Hop("eth1", "198.51.100.1")
OTHER = Hop("eth0", "203.0.113.1")


def looked(outlook: Outlook, hop: Hop, look: Look, now: float) -> WaySeen:
    outlook.note({hop: look}, now)
    return outlook.seen


@pytest.fixture
def outlook() -> Outlook:
    made = Outlook()
    assert looked(made, ROUTER, Look.WELL, 0.0) == WaySeen(WayState.OPEN)
    return made


@pytest.mark.parametrize("bad", [Look.SILENT, Look.CUT])
def test_one_look_that_fails_is_no_death_and_nothing_to_take_over_on(
    outlook: Outlook, bad: Look
) -> None:
    assert looked(outlook, ROUTER, bad, 2.0).state is WayState.UNKNOWN
    assert looked(outlook, ROUTER, bad, 1.9 + DEAD_AFTER_S).state is WayState.UNKNOWN
    dead = looked(outlook, ROUTER, bad, 2.0 + DEAD_AFTER_S)
    assert dead.state is WayState.DEAD
    assert "eth1" in dead.why


def test_way_that_comes_and_goes_is_not_open_and_not_dead(outlook: Outlook) -> None:
    for round in range(1, 30):
        look = Look.SILENT if round % 3 else Look.WELL
        assert looked(outlook, ROUTER, look, 2.0 * round).state is WayState.UNKNOWN


def test_way_is_open_again_after_it_was_well_for_a_while(outlook: Outlook) -> None:
    looked(outlook, ROUTER, Look.SILENT, 10.0)
    looked(outlook, ROUTER, Look.SILENT, 40.0)
    assert looked(outlook, ROUTER, Look.WELL, 50.0) == WaySeen()
    assert looked(outlook, ROUTER, Look.WELL, 49.0 + OPEN_AFTER_S) == WaySeen()
    assert looked(outlook, ROUTER, Look.WELL, 50.0 + OPEN_AFTER_S) == WaySeen(WayState.OPEN)


def beyond(outlook: Outlook, answers: dict[str, bool], now: float) -> WaySeen:
    outlook.note({ROUTER: Look.WELL}, now, answers)
    return outlook.seen


FAR, FARTHER = "192.0.2.77", "192.0.2.78"


def test_way_behind_which_nobody_answers_any_more_is_dead(outlook: Outlook) -> None:
    assert beyond(outlook, {FAR: True, FARTHER: False}, 2.0).state is WayState.OPEN
    nobody = {FAR: False, FARTHER: False}
    assert beyond(outlook, nobody, 4.0) == WaySeen()
    assert beyond(outlook, nobody, 3.9 + DEAD_AFTER_S) == WaySeen()
    dead = beyond(outlook, nobody, 4.0 + DEAD_AFTER_S)
    assert dead.state is WayState.DEAD
    assert FAR in dead.why
    assert FARTHER not in dead.why
    back = 20.0 + DEAD_AFTER_S
    assert beyond(outlook, {FAR: True, FARTHER: False}, back) == WaySeen()
    assert beyond(outlook, {FAR: True, FARTHER: False}, back + OPEN_AFTER_S).state is WayState.OPEN


def test_one_landmark_that_answers_is_enough(outlook: Outlook) -> None:
    beyond(outlook, {FAR: True, FARTHER: True}, 2.0)
    for now in range(4, 60, 2):
        assert beyond(outlook, {FAR: now % 4 == 0, FARTHER: now % 4 != 0}, now) == WaySeen(
            WayState.OPEN
        )


def test_landmark_that_never_answered_proves_nothing(outlook: Outlook) -> None:
    for now in (2.0, 100.0, 200.0):
        assert beyond(outlook, {FAR: False}, now) == WaySeen(WayState.OPEN)


def test_landmark_that_is_named_no_more_is_not_missed(outlook: Outlook) -> None:
    beyond(outlook, {FAR: True}, 2.0)
    beyond(outlook, {FAR: False}, 4.0)
    for now in (6.0, 6.0 + OPEN_AFTER_S):
        outlook.note({ROUTER: Look.WELL}, now)
    assert outlook.seen == WaySeen(WayState.OPEN)
    assert beyond(outlook, {FARTHER: False}, 100.0) == WaySeen(WayState.OPEN)


def test_hop_that_never_answered_proves_nothing() -> None:
    outlook = Outlook()
    for now in (0.0, 100.0, 200.0):
        assert looked(outlook, ROUTER, Look.SILENT, now) == WaySeen()


def test_agent_that_begins_anew_knows_what_answered_before() -> None:
    outlook = Outlook(known=frozenset((ROUTER,)))
    looked(outlook, ROUTER, Look.SILENT, 0.0)
    assert looked(outlook, ROUTER, Look.SILENT, DEAD_AFTER_S).state is WayState.DEAD


def test_route_that_is_gone_is_a_dead_way_and_another_route_is_not(outlook: Outlook) -> None:
    outlook.note({}, 2.0)
    outlook.note({}, 2.0 + DEAD_AFTER_S)
    assert "no default route any more; it led by eth1 to 198.51.100.1" in outlook.seen.why
    assert looked(outlook, OTHER, Look.SILENT, 20.0) == WaySeen()
    assert looked(outlook, OTHER, Look.WELL, 30.0).state is WayState.UNKNOWN
    assert outlook.known == {OTHER}


def test_host_without_a_route_from_the_beginning_is_not_blamed() -> None:
    outlook = Outlook()
    outlook.note({}, 0.0)
    outlook.note({}, 100.0)
    assert outlook.seen == WaySeen()


def test_one_of_several_hops_is_enough(outlook: Outlook) -> None:
    both = {ROUTER: Look.WELL, OTHER: Look.WELL}
    outlook.note(both, 2.0)
    outlook.note({**both, ROUTER: Look.CUT}, 4.0)
    assert outlook.seen == WaySeen(WayState.OPEN)


def test_ports_without_a_carrier_are_named(outlook: Outlook) -> None:
    outlook.ailing = {"eth1": ("eth5",)}
    looked(outlook, ROUTER, Look.SILENT, 2.0)
    assert "of eth1 eth5 has no carrier" in looked(outlook, ROUTER, Look.SILENT, 60.0).why
