"""A running cloud for the tests of this room: one per module, because a start costs a second."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud import alice as running_alice
from tests.cloud.alice import Alice
from tests.cloud.running import RunningCloud, fresh
from tests.cloud.signing import Sender


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
