"""Hosts in the administrator's own network, for one test or for all of a file."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node.modes import wires
from tests.node.modes.wires import Field


@pytest.fixture
def two(root_dir: Path) -> Iterator[Field]:
    """Two hosts on one wire."""
    with wires.opened(root_dir, 2) as opened:
        yield opened


@pytest.fixture(scope="module")
def lasting() -> Iterator[Field]:
    """The same for all tests of a file, which leave the hosts as they are."""
    root = Path(tempfile.mkdtemp(prefix="m-"))
    root.chmod(0o755)
    with wires.opened(root, 2) as opened:
        yield opened
    shutil.rmtree(root)


@pytest.fixture
def open_two(root_dir: Path) -> Iterator[Field]:
    """Two hosts on one wire, each with an Open vSwitch."""
    with wires.opened(root_dir, 2, "openvswitch") as opened:
        yield opened
