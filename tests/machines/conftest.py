"""One whole cloud for all tests of a worker that do it no harm."""

from collections.abc import Iterator

import pytest

from tests import wholecloud


@pytest.fixture(scope="session")
def cloud() -> Iterator[wholecloud.Cloud]:
    """A cloud that lives as long as the worker; leave no instance behind in it."""
    with wholecloud.fresh() as running:
        yield running
