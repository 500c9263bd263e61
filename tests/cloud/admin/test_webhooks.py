"""Accounts register their own webhooks; a secret is shown once, and nobody sees another's."""

import dataclasses
from collections.abc import Generator
from typing import Any

import pytest

from mallee.box import client as plain
from mallee.box import steps
from mallee.cli import client
from mallee.cli.objects import webhooks
from tests.cloud import running, written


@pytest.fixture(scope="module")
def cloud() -> Generator[running.RunningCloud]:
    """A cloud with a tenant."""
    with running.fresh() as made:
        client.call(made.layout, "mallee", "CreateAccount", {"AccountName": "physics"})
        yield made


def ask(cloud: running.RunningCloud, operation: str, **asked: Any) -> dict[str, Any]:
    return client.call(cloud.layout, "mallee", operation, asked)


def refused(cloud: running.RunningCloud, operation: str, **asked: Any) -> str:
    with pytest.raises(steps.Failed) as caught:
        ask(cloud, operation, **asked)
    return str(caught.value)


def test_a_secret_is_shown_once_and_kept_sealed(cloud: running.RunningCloud) -> None:
    made = ask(cloud, "CreateWebhook", Name="first", Url="https://example.org/in")
    assert made["Webhook"]["Arn"].endswith(":webhook/first")
    assert len(made["Secret"]) == 64
    [shown] = ask(cloud, "DescribeWebhooks")["Webhooks"]
    assert (shown["Url"], shown["Waiting"], shown["Dropped"]) == ("https://example.org/in", 0, 0)
    assert made["Secret"] not in str(shown)
    files = written.contents(cloud.layout.root)
    assert not [one for one, data in files.items() if made["Secret"].encode() in data]
    assert ask(cloud, "RotateWebhookSecret", Name="first")["Secret"] != made["Secret"]
    assert "already exists" in refused(cloud, "CreateWebhook", Name="first", Url="http://a/")
    ask(cloud, "DeleteWebhook", Name="first")
    assert "cannot be found" in refused(cloud, "DeleteWebhook", Name="first")


@pytest.mark.parametrize(
    "url",
    ["ftp://a/", "file:///etc/passwd", "http://", "http://u:p@a/", "http://a/#f", "http://a b/"],
)
def test_what_nothing_can_be_sent_to_is_refused(cloud: running.RunningCloud, url: str) -> None:
    assert "URL" in refused(cloud, "CreateWebhook", Name="bad", Url=url)


def test_webhooks_of_an_account_are_its_own(cloud: running.RunningCloud) -> None:
    made = ask(cloud, "CreateWebhook", Name="theirs", Url="http://a/", AccountName="physics")
    assert ask(cloud, "DescribeWebhooks")["Webhooks"] == []
    [shown] = ask(cloud, "DescribeWebhooks", AccountName="physics")["Webhooks"]
    assert shown["Arn"] == made["Webhook"]["Arn"]


def test_a_user_needs_leave_and_reaches_no_other_account(cloud: running.RunningCloud) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}
    wanted = {"Name": "anns", "Url": "http://a/"}
    assert _code(cloud, ann, wanted) == "AccessDenied"
    policy = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
        '"Action":"mallee:CreateWebhook","Resource":"*"}]}'
    )
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy)
    assert _code(cloud, ann, wanted) == ""


def _code(cloud: running.RunningCloud, key: dict[str, str], asked: dict[str, str]) -> str:
    mine = dataclasses.replace(client.access(cloud.layout), **key)
    try:
        plain.call(mine, "mallee", "CreateWebhook", asked)
    except plain.Refused as error:
        return error.code
    return ""


def test_a_program_can_read_the_secret(
    cloud: running.RunningCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    root = cloud.layout.root
    webhooks.create("read", "http://a/", root=root)
    arn, secret = capsys.readouterr().out.splitlines()
    assert arn.startswith("arn: arn:aws:mallee:")
    webhooks.rotate("read", root=root)
    renewed = capsys.readouterr().out.strip()
    assert renewed.startswith("secret: ")
    assert renewed != secret
    webhooks.delete("read", root=root)
