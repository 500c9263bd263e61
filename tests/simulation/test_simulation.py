"""A thousand lives of the control plane, each with another luck: no law is broken in any of them.

A life that fails is told with its seed: `PYTHONHASHSEED=0 python -m tests.simulation.simulation
SEED`, from the root of the source, lives it again.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LIVES = 1000
TOGETHER = 250
"""Lives of one process; the workers of a test run share them."""
ROOT = Path(__file__).parents[2]


def live(*seeds: int) -> subprocess.CompletedProcess[str]:
    """Live the lives of these seeds: from the first up to the second."""
    line = (sys.executable, "-m", "tests.simulation.simulation", *map(str, seeds))
    # The order of what is in sets follows from it.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    return subprocess.run(
        line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("first", range(0, LIVES, TOGETHER))
def test_no_law_is_broken(first: int) -> None:
    done = live(first, first + TOGETHER)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


def test_a_seed_is_one_life() -> None:
    first, second = live(7), live(7)
    assert first.stdout
    assert first.stdout.rpartition("lives")[0] == second.stdout.rpartition("lives")[0]
