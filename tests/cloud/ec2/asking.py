"""Short words for what the tests of EC2 do again and again."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.cloud.ec2.world import IMAGE_ID


def refusal(ask: Callable[..., Any], **parameters: Any) -> str:
    """The error code that a call is refused with."""
    return refused(ask, **parameters)[0]


def refused(ask: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    """Code and message of the error that a call is refused with."""
    try:
        answer = ask(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError(f"not refused: {answer}")


def launch(client: Any, count: int = 1, **parameters: Any) -> list[dict[str, Any]]:
    """Launch instances of the tiny image."""
    wanted = {"ImageId": IMAGE_ID, "MinCount": count, "MaxCount": count, **parameters}
    return client.run_instances(**wanted)["Instances"]


def launch_one(client: Any, **parameters: Any) -> dict[str, Any]:
    """Launch one instance."""
    return launch(client, **parameters)[0]


def described(client: Any, instance_id: str) -> dict[str, Any]:
    """One instance as DescribeInstances shows it."""
    answer = client.describe_instances(InstanceIds=[instance_id])
    return answer["Reservations"][0]["Instances"][0]


def state(client: Any, instance_id: str) -> str:
    """The name of its state."""
    return described(client, instance_id)["State"]["Name"]
