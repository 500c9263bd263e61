"""A running cloud for the tests of this room: one per module, because a start costs a second."""

from collections.abc import Iterator
from typing import Any

import argon2
import pytest

from mallee.kit import passwordhash
from tests.cloud import alice as running_alice
from tests.cloud.alice import Alice
from tests.cloud.running import RunningCloud, fresh
from tests.cloud.signing import Sender

_FULL_WORK = passwordhash._hasher


@pytest.fixture(scope="module")
def cloud() -> Iterator[RunningCloud]:
    with fresh() as running:
        yield running


@pytest.fixture(scope="module")
def alice() -> Iterator[Alice]:
    """A user of a cloud of her own, whose policies a test sets."""
    with running_alice.running() as alice:
        yield alice


@pytest.fixture
def ec2(cloud: RunningCloud) -> Any:
    return cloud.client("ec2")


@pytest.fixture
def sender(cloud: RunningCloud) -> Sender:
    """Sends requests that no well-behaved client would."""
    return Sender(cloud.port, cloud.admin)


@pytest.fixture
def little_work(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have passwords hashed with little work, where a test is not about how slow that is."""
    monkeypatch.setattr(passwordhash, "_hasher", argon2.PasswordHasher(1, 8, 1))
    passwordhash.nobodys.cache_clear()
    yield
    passwordhash.nobodys.cache_clear()


@pytest.fixture
def full_work(little_work: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have them hashed as they are hashed where people guess: a test of such a file needs it."""
    monkeypatch.setattr(passwordhash, "_hasher", _FULL_WORK)
