"""Root directories to build under, with the tiny guest's packages and nothing else."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mallee.model.layout import Layout
from tests import tinyimages


@pytest.fixture(scope="session")
def fresh_layout() -> Iterator[Callable[[], Layout]]:
    """Makes places to build at; everyone may pass to them, as a jail's root must."""
    made: list[Path] = []

    def make() -> Layout:
        layout = Layout(Path(tempfile.mkdtemp(prefix="m-")))
        made.append(layout.root)
        layout.root.chmod(0o755)
        layout.packages.mkdir(parents=True)
        (layout.packages / "tiny").symlink_to(tinyimages.layout().packages / "tiny")
        return layout

    yield make
    for root in made:
        shutil.rmtree(root)


@pytest.fixture(scope="session")
def layout(fresh_layout: Callable[[], Layout]) -> Layout:
    """Where the builds of all tests lie: what one has made, the next finds."""
    return fresh_layout()
