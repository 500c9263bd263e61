"""A cloud with S3 for the tests of blocks: one per module."""

from collections.abc import Iterator

import pytest

from tests.cloud.blocks.stand import Stand
from tests.cloud.s3 import running


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with running.fresh() as cloud:
        yield Stand(cloud)
