"""`mallee accounts create|list`: the cloud's tenants, by its own API."""

import dataclasses

from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout

_SERVICE = "mallee"


def create_account(name: str, *, root: Root = DEFAULT) -> None:
    """Make another account and print its access key; the secret is shown this once."""
    layout = Layout(root)
    made = client.call(layout, _SERVICE, "CreateAccount", {"AccountName": name})
    tenant = dataclasses.replace(
        client.taken_away(layout),
        account_id=made["Account"]["AccountId"],
        access_key_id=made["AccessKey"]["AccessKeyId"],
        secret_access_key=made["AccessKey"]["SecretAccessKey"],
    )
    words.tell(f"account {made['Account']['AccountId']} ({name})")
    for variable, value in client.environment(tenant).items():
        words.give(f"export {variable}={value}")


def list_accounts(*, root: Root = DEFAULT) -> None:
    """List the accounts."""
    found = client.call(Layout(root), _SERVICE, "ListAccounts")["Accounts"]
    words.table(
        ("account", "name", "made"),
        [(each["AccountId"], each["AccountName"], str(each["CreateDate"])) for each in found],
    )
