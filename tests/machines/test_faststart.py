"""`mallee faststart`, as a new user meets it, and again."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.box import destroy, steps
from mallee.model.layout import Layout
from tests import tinyimages, wholecloud

pytestmark = pytest.mark.machine


@pytest.fixture
def layout() -> Iterator[Layout]:
    """A root with nothing but the packages that images are built from."""
    root = Path(tempfile.mkdtemp(prefix="m-", dir="/tmp"))
    root.chmod(0o755)
    layout = Layout(root)
    shutil.copytree(tinyimages.layout().packages, layout.packages)
    try:
        yield layout
    finally:
        # A root without a cloud in it is refused; then there is only the directory to remove.
        layout.run.mkdir(exist_ok=True)
        steps.run(destroy.plan(layout), wholecloud.Silent())


def _faststart(layout: Layout, *options: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "mallee.cli.main", "faststart", "--root", str(layout.root)]
    return subprocess.run(
        [*line, *options], capture_output=True, text=True, check=False, timeout=900
    )


def test_from_nothing_to_ssh_and_again_at_no_cost(layout: Layout) -> None:
    first = _faststart(layout, "--region", "eu-test-1", "--public-range", "198.51.100.0/24")
    assert first.returncode == 0, first.stderr
    line = re.search(r"ssh -i \S+ .*root@(198\.51\.100\.\d+)", first.stdout)
    assert line is not None, first.stdout
    # The line as printed, and nothing else: the host's key is known already.
    words = [*line[0].split()[:1], "-o", "BatchMode=yes", *line[0].split()[1:], "hostname"]
    shell = subprocess.run(words, capture_output=True, text=True, check=False, timeout=240)
    assert shell.stdout.startswith("ip-"), shell.stderr

    second = _faststart(layout)
    assert second.returncode == 0, second.stderr
    assert line[0] in second.stdout

    other = _faststart(layout, "--region", "eu-test-2")
    assert other.returncode != 0
    assert "--region eu-test-1, not eu-test-2" in other.stderr
