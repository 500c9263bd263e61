"""Making accounts and access keys: the one place where both come into being.

Called by `bootstrap` for the first account, by the administration's CreateAccount and by IAM's
CreateAccessKey. A secret key leaves this file once, in the answer that made it; the store has it
sealed. Not its business: who may call, and the answers' shapes.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass

from mallee.cloud.ec2 import vpcs
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit import secretbox
from mallee.model.accounts import AccessKey, Account
from mallee.model.settings import Settings

NAMES = "account-name"
"""Claim space: account id by account name."""

Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Means:
    """What making an account takes besides a transaction."""

    settings: Settings
    entropy: Entropy
    box: secretbox.SecretBox


@dataclass(frozen=True, slots=True, repr=False)
class NewKey:
    """An access key with its secret, which is shown once."""

    key: AccessKey
    secret: str


def create(
    tx: store.Tx, name: str, means: Means, *, is_cloud_admin: bool = False
) -> Record[Account, None]:
    """Make an account with its administrator and its default VPC, without an access key.

    Raises `Taken` when another account has the name.
    """
    id = _free_id(tx, means.entropy)
    tx.claim(NAMES, name, id)
    account = Account(
        id=id,
        name=name,
        is_cloud_admin=is_cloud_admin,
        created_at=tx.now,
        admin_user_id=f"AIDA{_letters(means.entropy, 17)}",
    )
    record = tx.insert(records.ACCOUNT, id, id, account)
    vpcs.create_default(tx, id, means.settings, means.entropy)
    return record


def create_key(tx: store.Tx, account: Account, means: Means) -> NewKey:
    """Make an access key of the account's administrator."""
    secret = base64.b64encode(means.entropy(30)).decode()
    key = AccessKey(
        id=f"AKIA{_letters(means.entropy, 16)}",
        sealed_secret=means.box.seal(secret.encode()),
        user_id=account.admin_user_id,
        created_at=tx.now,
    )
    tx.insert(records.ACCESS_KEY, account.id, key.id, key)
    return NewKey(key, secret)


def _free_id(tx: store.Tx, entropy: Entropy) -> str:
    while True:
        id = f"{int.from_bytes(entropy(8), 'big') % 10**12:012d}"
        if id[0] != "0" and tx.get(records.ACCOUNT, id) is None:
            return id


def _letters(entropy: Entropy, count: int) -> str:
    return base64.b32encode(entropy(count)).decode()[:count]
