"""What tests of several front ends share: PostgreSQL, and two of them for a test alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgresql
from tests.cloud.frontends import standing
from tests.cloud.frontends.standing import FrontEnd

postgresql_socket = postgresql.postgresql_socket
postgresql_url = postgresql.postgresql_url


@pytest.fixture
def two(root_dir: Path, postgresql_url: str) -> Iterator[list[FrontEnd]]:
    """Two front ends that run, for a test alone."""
    with standing.two(root_dir, postgresql_url) as all:
        yield all
