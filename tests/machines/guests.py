"""What tests do with guests again and again: launch for a while, stop, start, ask inside."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.wholecloud import Cloud


@contextmanager
def launched(cloud: Cloud, **parameters: Any) -> Generator[str]:
    """An instance that is gone afterwards whatever happens."""
    instance = cloud.run(**parameters)
    try:
        yield instance
    finally:
        cloud.terminate(instance)


def stop(cloud: Cloud, instance: str, **parameters: Any) -> None:
    """Stop an instance and wait until it is off."""
    cloud.ec2.stop_instances(InstanceIds=[instance], **parameters)
    cloud.wait_state(instance, "stopped")


def start(cloud: Cloud, instance: str) -> None:
    """Start an instance and wait until it runs."""
    cloud.ec2.start_instances(InstanceIds=[instance])
    cloud.wait_state(instance, "running")


def code_of(raised: pytest.ExceptionInfo[ClientError]) -> str:
    """The code of an error that the API answered."""
    answer: Any = raised.value.response
    return answer["Error"]["Code"]
