"""A cloud with both processes, its administrator's clients, and a stranger."""

from collections.abc import Generator
from typing import Any

import pytest

from tests.cloud.s3 import running
from tests.cloud.signing import Sender


@pytest.fixture(scope="module")
def cloud() -> Generator[running.RunningS3]:
    with running.fresh() as cloud:
        yield cloud


@pytest.fixture
def ebs(cloud: running.RunningS3) -> Any:
    return cloud.client("ebs")


@pytest.fixture
def ec2(cloud: running.RunningS3) -> Any:
    return cloud.client("ec2")


@pytest.fixture(scope="module")
def stranger(cloud: running.RunningS3) -> dict[str, str]:
    """The key of another account's administrator."""
    made = Sender(cloud.port, cloud.admin).ask("mallee", "CreateAccount", AccountName="stranger")
    return {
        "account": made.element("AccountId"),
        "access_key_id": made.element("AccessKeyId"),
        "secret_access_key": made.element("SecretAccessKey"),
    }
