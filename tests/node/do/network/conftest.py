"""A host's network for a test alone, in namespaces of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node import lab
from tests.node.lab import Lab


@pytest.fixture
def host(root_dir: Path) -> Iterator[Lab]:
    """A host under test, on which no guest is yet."""
    with lab.opened(root_dir) as opened:
        yield opened
