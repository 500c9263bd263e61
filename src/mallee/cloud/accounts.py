"""Making accounts, users and access keys: the one place where all three come into being.

Called by `bootstrap` for the first account, by the administration's CreateAccount and by IAM's
CreateUser and CreateAccessKey. A secret key leaves this file once, in the answer that made it; the
store has it sealed. Not its business: who may call, and the answers' shapes.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mallee.cloud.ec2.vpc import vpcs
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Kind, Record
from mallee.kit import secretbox
from mallee.model.configuration.settings import Settings
from mallee.model.identity import identities
from mallee.model.identity.accounts import AccessKey, Account
from mallee.model.identity.identities import User

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
        admin_user_id=new_id("AIDA", means.entropy),
    )
    record = tx.insert(records.ACCOUNT, id, id, account)
    ensure_administrator(tx, record)
    vpcs.create_default(tx, id, means.settings, means.entropy)
    return record


def ensure_administrator(tx: store.Tx, account: Record[Account, None]) -> None:
    """See that the account's first user is there: accounts once had no users of their own."""
    id = account.doc.admin_user_id
    if tx.get(records.USER, id) is None:
        user = User(id=id, name=identities.ADMINISTRATOR, created_at=account.doc.created_at)
        create_user(tx, account.id, user)


def create_user(tx: store.Tx, account: str, user: User) -> Record[User, None]:
    """Make a user, without an access key; raise `Taken` when another one has the name."""
    tx.claim(names_of(records.USER, account), user.name.lower(), user.id)
    return tx.insert(records.USER, account, user.id, user)


def create_key(tx: store.Tx, user: Record[User, None], means: Means) -> NewKey:
    """Make an access key of a user."""
    secret = base64.b64encode(means.entropy(30)).decode()
    key = AccessKey(
        id=new_id("AKIA", means.entropy, 16),
        sealed_secret=means.box.seal(secret.encode()),
        user_id=user.id,
        created_at=tx.now,
    )
    tx.insert(records.ACCESS_KEY, user.account, key.id, key)
    return NewKey(key, secret)


def administrator(tx: store.Tx, account: Record[Account, None]) -> Record[User, None]:
    """Return the account's first user."""
    user = tx.get(records.USER, account.doc.admin_user_id)
    assert user is not None, "every account is made with its administrator"
    return user


def names_of(kind: Kind[Any, Any], account: str) -> str:
    """Return the claim space of the names of a kind in an account: id by name in lower case."""
    return f"name/{kind.name}/{account}"


def new_id(prefix: str, entropy: Entropy, count: int = 17) -> str:
    """Return a new unique id as IAM writes them: a prefix, and letters and digits."""
    return prefix + base64.b32encode(entropy(20)).decode()[:count]


def _free_id(tx: store.Tx, entropy: Entropy) -> str:
    while True:
        id = f"{int.from_bytes(entropy(8), 'big') % 10**12:012d}"
        if id[0] != "0" and tx.get(records.ACCOUNT, id) is None:
            return id
