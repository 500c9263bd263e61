"""Two guests that talk to each other, for all tests of a worker."""

from collections.abc import Iterator

import pytest

from tests.machines import guests
from tests.wholecloud import Cloud


@pytest.fixture(scope="session")
def pair(cloud: Cloud) -> Iterator[guests.Pair]:
    """Two running guests in groups of their own; leave both running and the groups as they were."""
    with guests.launched_pair(cloud) as made:
        yield made
