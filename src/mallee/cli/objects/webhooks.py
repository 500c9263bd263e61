"""`mallee webhooks list|create|rotate|delete`: programs that are told of changes in buckets."""

from typing import Any

from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout

_SERVICE = "mallee"


def list_webhooks(account: str | None = None, *, root: Root = DEFAULT) -> None:
    """Show webhooks, and how delivering to them goes.

    Parameters
    ----------
    account
        Name or id of the account; the cloud's own when it is left out.
    """
    found = client.call(Layout(root), _SERVICE, "DescribeWebhooks", _of(account))["Webhooks"]
    words.table(
        ("webhook", "url", "waiting", "dropped", "last took", "problem"),
        [
            (
                each["Arn"],
                each["Url"],
                str(each["Waiting"]),
                str(each["Dropped"]),
                str(each.get("DeliveredAt", "never")),
                each.get("Problem", ""),
            )
            for each in found
        ],
    )


def create(name: str, url: str, *, account: str | None = None, root: Root = DEFAULT) -> None:
    """Register an address that events of buckets are sent to; its secret is shown once.

    Parameters
    ----------
    name
        How it is called in its ARN.
    url
        Where events are sent to: http or https.
    account
        Name or id of the account whose buckets may name it; the cloud's own when it is left out.
    """
    asked = {"Name": name, "Url": url, **_of(account)}
    made = client.call(Layout(root), _SERVICE, "CreateWebhook", asked)
    words.give(f"arn: {made['Webhook']['Arn']}")
    words.give(f"secret: {made['Secret']}")


def rotate(name: str, *, account: str | None = None, root: Root = DEFAULT) -> None:
    """Give a webhook a fresh secret, which is shown once.

    Parameters
    ----------
    name
        The webhook.
    account
        Name or id of its account.
    """
    asked = {"Name": name, **_of(account)}
    made = client.call(Layout(root), _SERVICE, "RotateWebhookSecret", asked)
    words.give(f"secret: {made['Secret']}")


def delete(name: str, *, account: str | None = None, root: Root = DEFAULT) -> None:
    """Forget a webhook; what waits for it is dropped.

    Parameters
    ----------
    name
        The webhook.
    account
        Name or id of its account.
    """
    client.call(Layout(root), _SERVICE, "DeleteWebhook", {"Name": name, **_of(account)})


def _of(account: str | None) -> dict[str, Any]:
    return {"AccountName": account} if account else {}
