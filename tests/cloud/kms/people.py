"""Users and accounts that use keys, and what they are refused."""

import itertools
import json
from dataclasses import dataclass
from typing import Any, cast

import botocore.exceptions
import pytest

from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Person:
    """Somebody with a key of access."""

    arn: str
    account: str
    kms: Any
    key: dict[str, str]


def user(cloud: RunningCloud, *statements: dict[str, Any]) -> Person:
    """Make a user of the first account with these statements."""
    iam, name = cloud.client("iam"), f"user{next(_numbers)}"
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    key = {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}
    return Person(arn, cloud.admin["account_id"], cloud.client("kms", key), key)


def stranger(cloud: RunningCloud) -> Person:
    """Make an account; return its administrator."""
    name = f"account{next(_numbers)}"
    made = Sender(cloud.port, cloud.admin).ask("mallee", "CreateAccount", AccountName=name)
    key = {
        "access_key_id": made.element("AccessKeyId"),
        "secret_access_key": made.element("SecretAccessKey"),
    }
    arn = cloud.client("sts", key).get_caller_identity()["Arn"]
    return Person(arn, made.element("AccountId"), cloud.client("kms", key), key)


def allow(*actions: str, resource: str = "*", **conditions: Any) -> dict[str, Any]:
    """A statement that allows."""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return {**statement, "Condition": conditions} if conditions else statement


def refusal(function: Any, **asked: Any) -> str:
    """The code with which something is refused."""
    return error(function, **asked)["Code"]


def error(function: Any, **asked: Any) -> dict[str, str]:
    """What something is refused with."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        function(**asked)
    return cast(Any, caught.value).response["Error"]
