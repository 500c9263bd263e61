"""A cloud for the tests of this folder, its key store as boto3 knows it, and people who use it."""

from collections.abc import Callable, Generator
from typing import Any

import pytest

from tests.cloud import running
from tests.cloud.kms import people
from tests.cloud.kms.people import Person


@pytest.fixture(scope="module")
def cloud() -> Generator[running.RunningCloud]:
    """A cloud."""
    with running.fresh() as cloud:
        yield cloud


@pytest.fixture
def kms(cloud: running.RunningCloud) -> Any:
    """The key store, for the administrator."""
    return cloud.client("kms")


@pytest.fixture
def key(kms: Any) -> str:
    """The ARN of a fresh key that encrypts."""
    return kms.create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def user(cloud: running.RunningCloud) -> Callable[..., Person]:
    """Makes users with the statements that are given."""
    return lambda *statements: people.user(cloud, *statements)
