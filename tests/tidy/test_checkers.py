"""The linter, the formatter and the type checker have nothing to say."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tidy.source import TOP

BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("basedpyright", "src"),
    ],
    ids=["lint", "format", "types"],
)
def test_checker_is_content(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=TOP, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:]
