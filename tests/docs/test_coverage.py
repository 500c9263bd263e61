"""docs/coverage.md says what the action table says."""

import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[2]


def test_the_coverage_page_is_the_tables() -> None:
    done = subprocess.run([sys.executable, TOP / "tools/coverage.py", "--check"], check=False)
    assert done.returncode == 0, "run tools/coverage.py"
