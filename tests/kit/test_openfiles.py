"""The limit of open files goes up, as far as it may, and never down."""

import resource
from collections.abc import Iterator

import pytest

from mallee.kit import openfiles


@pytest.fixture(autouse=True)
def limits() -> Iterator[int]:
    """A soft limit of 1024; the limits are as they were afterwards."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, before[1]))
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_it_goes_as_far_as_it_may(limits: int) -> None:
    assert openfiles.raise_limit() == limits == openfiles.limit()


def test_it_goes_no_farther_than_asked_and_never_down(limits: int) -> None:
    assert openfiles.raise_limit(1500) == min(1500, limits) == openfiles.limit()
    assert openfiles.raise_limit(100) == min(1500, limits)
