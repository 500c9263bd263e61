"""Lives in which settings change: in all of them they are held by all or by none.

`PYTHONHASHSEED=0 python -m tests.simulation.rollouts SEED`, from the root of the source, lives one
of them again.
"""

import os
import subprocess
import sys
from pathlib import Path

LIVES = 24
"""Enough to notice when one of the rules by which settings come to all is left out."""
ROOT = Path(__file__).parents[2]


def live(*seeds: int) -> subprocess.CompletedProcess[str]:
    """Live the lives of these seeds: from the first up to the second."""
    line = (sys.executable, "-m", "tests.simulation.rollouts", *map(str, seeds))
    # The order of what is in sets follows from it.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    return subprocess.run(
        line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_settings_are_held_by_all_or_by_none() -> None:
    done = live(0, LIVES)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    # A seed is one life, whatever was lived before it.
    (story, _) = live(LIVES - 1).stdout.splitlines()
    assert "begun" in story
    assert story in done.stdout.splitlines()
