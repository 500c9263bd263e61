"""Worlds one after the other, for laws that are tried on many."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mallee.model.configuration.settings import Settings
from tests.cloud.ec2.world import Front, World


@pytest.fixture(scope="session")
def world_of(front: Front, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Any]]:
    """Return a client of Alice's in a fresh world."""
    made: list[World] = []

    def fresh() -> Any:
        world = World(tmp_path_factory.mktemp("world"), Settings(), front.trail)
        made.append(world)
        front.world = world
        return front.client("alice")

    yield fresh
    front.world = None
    for world in made:
        world.close()
