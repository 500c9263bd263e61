"""Who sets quotas over Bob's account, for the tests that run into them."""

import json
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from mallee.cloud import quotas
from tests.cloud.ec2.world import SECRET, Front, World, key_of
from tests.cloud.signing import Answer, Sender

AT_ONCE = 12
"""How many calls race for what is left."""
ROOM = 5
"""How many of them may win."""


class Administration:
    """The cloud's administrator, and what she sets over Bob's account."""

    def __init__(self, front: Front, world: World) -> None:
        port = urlsplit(front.client("alice").meta.endpoint_url).port
        assert port is not None
        key = {"access_key_id": key_of("alice"), "secret_access_key": SECRET}
        self.sender = Sender(port, key)
        self.bob = Sender(port, {**key, "access_key_id": key_of("bob")})
        self.view = world.store.view
        self.account = world.accounts["bob"]

    def limit(self, key: str, most: int, **more: str) -> None:
        """Set a quota over Bob's account."""
        answer = self.sender.ask(
            "mallee", "PutQuota", AccountName=self.account, Key=key, Limit=str(most), **more
        )
        assert answer.status == 200, answer.text

    def limit_user(self, name: str, key: str, most: int) -> Answer:
        """Let Bob set a quota over a user of his."""
        return self.bob.ask("mallee", "PutQuota", UserName=name, Key=key, Limit=str(most))

    def used(self, key: str) -> int:
        """How much Bob's account has."""
        return quotas.total(self.view, self.account, key)


def allow_all() -> str:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def with_key(front: Front, service: str, key: dict[str, Any]) -> Any:
    """Return a client of that service with that key."""
    return boto3.client(
        service,
        endpoint_url=front.client("bob").meta.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key.get("SessionToken"),
        config=Config(retries={"max_attempts": 0}),
    )
