"""What the tests of STS share: who calls."""

import pytest

from tests.cloud.running import RunningCloud
from tests.cloud.sts.people import People


@pytest.fixture
def people(cloud: RunningCloud) -> People:
    return People(cloud)
