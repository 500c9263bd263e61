"""An empty database on each engine for a test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mallee.cloud.state import store
from mallee.kit import clock
from tests import postgresql

postgresql_socket = postgresql.postgresql_socket
postgresql_url = postgresql.postgresql_url

OpenStore = Callable[[], store.Store]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, root_dir: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{root_dir}/state.db"
        return
    yield request.getfixturevalue("postgresql_url")


@pytest.fixture
def open_store(url: str) -> Iterator[OpenStore]:
    """Opens stores on the test's database; they are closed after it."""
    opened: list[store.Store] = []

    def open_one() -> store.Store:
        opened.append(store.Store.open(url, clock=clock.SYSTEM))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def opened(open_store: OpenStore) -> store.Store:
    """A store on the test's database."""
    return open_store()
