"""A short storm over a real lab breaks no law; many and longer ones are `tests.storms.storm`'s."""

import pytest

from tests.storms import schedule, storm

SEED = 11
SECONDS = 12.0


def test_a_seed_is_one_schedule() -> None:
    assert schedule.of(SEED, SECONDS) == schedule.of(SEED, SECONDS)
    assert str(schedule.of(SEED, SECONDS)) != str(schedule.of(SEED + 1, SECONDS))


def test_storms_have_all_kinds_of_wishes_and_faults() -> None:
    plans = [schedule.of(seed, 60.0) for seed in range(50)]
    assert {one.kind for plan in plans for one in plan.wishes} == set(schedule.WISHES)
    assert {one.kind for plan in plans for one in plan.faults} == set(schedule.FAULTS)


@pytest.mark.machine
def test_a_storm_breaks_no_law() -> None:
    plan = schedule.of(SEED, SECONDS)
    # Shown only of a storm that broke something: how it went, and how to have it again.
    print(f"{plan}\n{storm.again(plan)}")
    told = storm.live(plan)
    assert f"{len(plan.faults)} faults" in told
