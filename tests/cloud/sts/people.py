"""Accounts, users and roles for the tests of STS, and clients with temporary credentials."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class People:
    """Makes who calls, and calls as anybody."""

    cloud: RunningCloud

    def account(self) -> dict[str, str]:
        """Make an account; return its administrator's key."""
        name = f"tenant{next(_numbers)}"
        sender = Sender(self.cloud.port, self.cloud.admin)
        answer = sender.ask("mallee", "CreateAccount", AccountName=name)
        assert answer.status == 200, answer.text
        return {
            "account_id": answer.element("AccountId"),
            "access_key_id": answer.element("AccessKeyId"),
            "secret_access_key": answer.element("SecretAccessKey"),
        }

    def user(self, *policies: Mapping[str, Any], of: dict[str, str] | None = None) -> "Key":
        """Make a user with inline policies of one statement each; return his key."""
        iam = self.client("iam", of)
        name = f"user{next(_numbers)}"
        iam.create_user(UserName=name)
        for number, statement in enumerate(policies):
            document = policy(statement)
            iam.put_user_policy(UserName=name, PolicyName=f"p{number}", PolicyDocument=document)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return Key(
            {
                "name": name,
                "account_id": (of or self.cloud.admin)["account_id"],
                "access_key_id": made["AccessKeyId"],
                "secret_access_key": made["SecretAccessKey"],
            }
        )

    def role(
        self,
        trust: Mapping[str, Any],
        *policies: Mapping[str, Any],
        of: dict[str, str] | None = None,
        **more: Any,
    ) -> str:
        """Make a role that trusts as the statement says; return its ARN."""
        iam = self.client("iam", of)
        name = f"role{next(_numbers)}"
        document = policy({"Action": "sts:AssumeRole", **trust})
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, **more)
        for number, statement in enumerate(policies):
            text = policy(statement)
            iam.put_role_policy(RoleName=name, PolicyName=f"p{number}", PolicyDocument=text)
        return made["Role"]["Arn"]

    def client(self, service: str, key: Mapping[str, str] | None = None) -> Any:
        """A client as the owner of a key, or as whom STS gave credentials to."""
        who = key or self.cloud.admin
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self.cloud.url,
            aws_access_key_id=who.get("AccessKeyId") or who["access_key_id"],
            aws_secret_access_key=who.get("SecretAccessKey") or who["secret_access_key"],
            aws_session_token=who.get("SessionToken"),
            config=Config(retries={"max_attempts": 0}, parameter_validation=False),
        )

    def assume(self, arn: str, key: Mapping[str, str] | None = None, **more: Any) -> Any:
        """Take a role on; return its credentials."""
        asked = {"RoleArn": arn, "RoleSessionName": "tests", **more}
        return self.client("sts", key).assume_role(**asked)["Credentials"]

    def arn(self, key: Mapping[str, str] | None = None) -> str:
        """Whom STS takes the owner of a key for."""
        return self.client("sts", key).get_caller_identity()["Arn"]


class Key(dict[str, str]):
    """A user's key, with his name and account."""

    @property
    def arn(self) -> str:
        """The user's ARN."""
        return f"arn:aws:iam::{self['account_id']}:user/{self['name']}"


def policy(*statements: Mapping[str, Any]) -> str:
    """A policy document; a statement allows when it does not say."""
    whole: list[dict[str, Any]] = []
    for statement in statements:
        one = {"Effect": "Allow", **statement}
        if "Principal" not in one:
            one = {"Resource": "*", **one}
        whole.append(one)
    return json.dumps({"Version": "2012-10-17", "Statement": whole})


def refused(call: Any, *arguments: Any, **asked: Any) -> str:
    """The code of the error that a call gets."""
    with pytest.raises(ClientError) as error:
        call(*arguments, **asked)
    return error.value.response["Error"]["Code"]
