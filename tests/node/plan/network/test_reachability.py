"""What follows from a guest's answers and its silence."""

from hypothesis import given
from hypothesis import strategies as st

from mallee.model.compute.instances import InstanceSeen, Phase, Reach, keep_reach
from mallee.node.plan.network import reachability
from mallee.node.plan.network.reachability import BOOT_PATIENCE_S, PATIENCE_S, Known, observe


def after(*said: tuple[float, bool], launch: int = 1, known: Known | None = None) -> Known:
    """What is known after these answers, each with its time."""
    for now, answered in said:
        known = observe(known, launch, answered, now)
    assert known is not None
    return known


def test_a_guest_that_answers_is_reached_since_it_first_did() -> None:
    assert after((1.0, False), (6.0, True), (11.0, True)).reach == Reach(answers=True, since=6.0)


def test_a_booting_guest_has_time() -> None:
    assert after((0.0, False), (BOOT_PATIENCE_S - 1, False)).reach is None
    known = after((0.0, False), (BOOT_PATIENCE_S, False))
    assert known.reach == Reach(answers=False, since=0.0)


def test_a_reboot_is_no_impairment_and_a_long_silence_is() -> None:
    answered = after((0.0, True), (5.0, False), (30.0, True))
    assert answered.reach == Reach(answers=True, since=0.0)
    silent = after((5.0, False), (5.0 + PATIENCE_S, False), known=after((0.0, True)))
    assert silent.reach == Reach(answers=False, since=5.0)
    assert after((999.0, False), known=silent).reach == silent.reach
    assert after((999.0, True), known=silent).reach == Reach(answers=True, since=999.0)


def test_another_launch_begins_anew() -> None:
    impaired = after((0.0, False), (BOOT_PATIENCE_S, False))
    assert after((500.0, False), launch=2, known=impaired).reach is None


@given(st.lists(st.tuples(st.floats(0.1, 90.0), st.booleans()), max_size=30))
def test_nobody_is_impaired_before_his_time(steps: list[tuple[float, bool]]) -> None:
    now, known, silent_for = 0.0, None, 0.0
    silent_since: float | None = None
    for wait_s, answered in steps:
        now += wait_s
        known = observe(known, 1, answered, now)
        silent_since = None if answered else (silent_since or now)
        silent_for = now - silent_since if silent_since else 0.0
        if known.reach is not None and not known.reach.answers:
            assert silent_for >= reachability.PATIENCE_S
            assert known.reach.since == silent_since
        if answered:
            assert known.reach is not None
            assert known.reach.answers


def test_what_was_known_outlives_the_agent() -> None:
    judged = InstanceSeen(launch=1, phase=Phase.RUNNING, reach=Reach(answers=False, since=7.0))
    fresh = InstanceSeen(launch=1, phase=Phase.RUNNING)
    assert keep_reach(judged, fresh) == judged
    later = InstanceSeen(launch=1, phase=Phase.RUNNING, reach=Reach(answers=False, since=99.0))
    assert keep_reach(judged, later) == judged
    well = InstanceSeen(launch=1, phase=Phase.RUNNING, reach=Reach(answers=True, since=99.0))
    assert keep_reach(judged, well) == well
    again = InstanceSeen(launch=2, phase=Phase.RUNNING)
    assert keep_reach(judged, again) == again
    off = InstanceSeen(launch=1, phase=Phase.OFF)
    assert keep_reach(judged, off) == off
    assert keep_reach(None, fresh) == fresh
