"""Clouds in which decisions on gateways fall when a test asks for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.model.network.gateways import STAYS_S
from tests.cloud import clouds
from tests.cloud.gateways.charged import HOSTS, Cloud
from tests.handclock import HandClock


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    time = HandClock()
    for opened in clouds.open_store(tmp_path, time):
        yield Cloud(opened, time)


@pytest.fixture
def old(cloud: Cloud) -> Cloud:
    """A cloud of three whose host in charge has been that for long."""
    cloud.join(*HOSTS)
    cloud.settle()
    cloud.time.time += STAYS_S
    return cloud
