"""One whole cloud for all tests of a worker that do it no harm, and two guests to talk together."""

from collections.abc import Iterator

import pytest

from tests import wholecloud
from tests.machines import guests


@pytest.fixture(scope="session")
def cloud() -> Iterator[wholecloud.Cloud]:
    """A cloud that lives as long as the worker; leave no instance behind in it."""
    with wholecloud.fresh() as running:
        yield running


@pytest.fixture(scope="session")
def pair(cloud: wholecloud.Cloud) -> Iterator[guests.Pair]:
    """Two running guests in groups of their own; leave both running and the groups as they were."""
    with guests.launched_pair(cloud) as made:
        yield made
