"""What every test of EC2 gets: a fresh world, clients of two accounts, a host with room."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mallee.cloud.trail import journal
from mallee.model.settings import Network, Settings
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import BIG, FakeHost, Front, World


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with journal.Journal(tmp_path_factory.mktemp("trail"), bytes(32), Settings()) as trail:
        front = Front(trail)
        yield front
        front.close()


@pytest.fixture
def settings() -> Settings:
    return Settings(network=Network(public_range="203.0.113.0/24"))


@pytest.fixture
def world(front: Front, settings: Settings, tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, settings, front.trail)
    front.world = world
    yield world
    front.world = None
    world.close()
    # A law of every change there is: whom it concerns is told.
    assert not world.untold


@pytest.fixture
def alice(front: Front, world: World) -> Any:
    return front.client("alice")


@pytest.fixture
def bob(front: Front, world: World) -> Any:
    return front.client("bob")


@pytest.fixture
def host(world: World) -> FakeHost:
    return FakeHost(world, "hut", BIG, world.settings.zone)


@pytest.fixture
def administration(front: Front, world: World) -> Administration:
    return Administration(front, world)


@pytest.fixture
def iam(front: Front, world: World) -> Any:
    return front.client("bob", "iam")
