"""A short storm over a real lab breaks no law; many and longer ones are `tests.storms.storm`'s."""

import subprocess
import sys
from pathlib import Path

import pytest

from mallee.lab.rooms import Place
from tests.storms import clocks, schedule, storm

SEED = 11
SECONDS = 12.0


def test_a_seed_is_one_schedule() -> None:
    assert schedule.of(SEED, SECONDS) == schedule.of(SEED, SECONDS)
    assert str(schedule.of(SEED, SECONDS)) != str(schedule.of(SEED + 1, SECONDS))


def test_storms_have_all_kinds_of_wishes_and_faults() -> None:
    plans = [schedule.of(seed, 60.0) for seed in range(50)]
    assert {one.kind for plan in plans for one in plan.wishes} == set(schedule.WISHES)
    kinds = {one.kind for plan in plans for one in plan.faults}
    assert kinds == {*schedule.FAULTS, schedule.PART}
    assert {len(plan.front_ends) for plan in plans} == {1, 2, 3}
    at_database = [one for plan in plans for one in plan.faults if one.host == schedule.DATABASE]
    assert {one.kind for one in at_database} == set(schedule.OF_DATABASES)


def test_the_daemons_of_a_host_go_by_its_clock(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.root("n1").mkdir()
    with clocks.settable():
        for host, ahead_s in (("n1", 900.0), ("n1", -900.0), ("n2", 0.0)):
            if ahead_s:
                clocks.step(place, host, ahead_s)
            line = "import time; print(time.time() - time.clock_gettime(time.CLOCK_REALTIME))"
            command = (sys.executable, "-c", line, "--root", str(place.root(host)))
            told = subprocess.run(command, capture_output=True, check=True).stdout
            assert float(told) == pytest.approx(ahead_s, abs=1.0)


@pytest.mark.machine
def test_a_storm_breaks_no_law() -> None:
    plan = schedule.of(SEED, SECONDS)
    # Shown only of a storm that broke something: how it went, and how to have it again.
    print(f"{plan}\n{storm.again(plan)}")
    told = storm.live(plan)
    assert f"{len(plan.faults)} faults" in told
