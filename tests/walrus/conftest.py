"""An engine on a fresh directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.walrus.engine import Engine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An open engine, closed at the end."""
    opened = Engine(tmp_path / "walrus")
    yield opened
    opened.close()
