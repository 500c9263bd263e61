"""What tests of several front ends share: PostgreSQL, and two of them for a test alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgresql
from tests.cloud.frontends import standing
from tests.cloud.frontends.standing import FrontEnd

postgresql_socket = postgresql.postgresql_socket
postgresql_url = postgresql.postgresql_url


@pytest.fixture(scope="session", autouse=True)
def _outside() -> Iterator[None]:
    """Front ends are reached at an address that is told to others, whichever test begins first."""
    with standing.reached():
        yield


@pytest.fixture
def two(root_dir: Path, postgresql_url: str) -> Iterator[list[FrontEnd]]:
    """Two front ends that run, for a test alone."""
    with standing.two(root_dir, postgresql_url) as all:
        yield all
