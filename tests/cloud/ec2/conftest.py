"""What every test of EC2 gets: a fresh world, clients of two accounts, a host with room."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mallee.cloud.trail import journal
from mallee.model.configuration.settings import Network, Settings
from tests import inmemory
from tests.cloud.ec2.limiting import Administration, with_key
from tests.cloud.ec2.world import BIG, FakeHost, Front, World


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with journal.Journal(tmp_path_factory.mktemp("trail"), bytes(32), Settings()) as trail:
        front = Front(trail)
        yield front
        front.close()


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Every test has a store of its own, made anew."""
    with inmemory.directory() as path:
        yield path


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


@pytest.fixture
def carol(front: Front, world: World, iam: Any) -> Callable[..., Any]:
    """Gives a client of a user of Bob's who may do everything but what these statements deny."""

    def make(*denied: dict[str, Any]) -> Any:
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        statements = [everything, *({"Effect": "Deny", **one} for one in denied)]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.create_user(UserName="carol")
        iam.put_user_policy(UserName="carol", PolicyName="p", PolicyDocument=policy)
        return with_key(front, "ec2", iam.create_access_key(UserName="carol")["AccessKey"])

    return make
