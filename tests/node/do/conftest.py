"""Hosts on one switch, for tests of what passes between them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node import manyhosts
from tests.node.manyhosts import Cluster


@pytest.fixture
def two(root_dir: Path) -> Iterator[Cluster]:
    """Two hosts."""
    with manyhosts.opened(manyhosts.roots(root_dir, 2)) as opened:
        yield opened


@pytest.fixture
def three(root_dir: Path) -> Iterator[Cluster]:
    """Three hosts."""
    with manyhosts.opened(manyhosts.roots(root_dir, 3)) as opened:
        yield opened
