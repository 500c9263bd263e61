"""Accounts, and the access keys that speak for their users."""

from collections.abc import Mapping
from enum import Enum

import msgspec


class Standing(Enum):
    """Whether an account's users may do anything at all."""

    ACTIVE = "active"
    """They may, as far as policies allow."""
    SUSPENDED = "suspended"
    """The cloud's administration has closed it for a while; what runs goes on running."""
    CLOSING = "closing"
    """It is being deleted, with everything in it; there is no way back."""


class Account(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A tenant: nothing of one account is visible to another."""

    id: str
    """Twelve decimal digits."""
    name: str
    is_cloud_admin: bool = False
    """Whether its users may be allowed Mallee's own administration API."""
    created_at: float
    alias: str | None = None
    admin_user_id: str = ""
    """The id of the account's first user (`AIDA…`), who may do everything in it."""
    policies: Mapping[str, str] = {}
    """Account policies: document by name. Set by the cloud's administration; their denials and
    limits hold for everybody in the account, its administrator too."""
    standing: Standing = Standing.ACTIVE
    standing_since: float = 0.0
    email: str | None = None
    """Where the person who answers for the account is reached."""

    @property
    def is_active(self) -> bool:
        """Whether keys, passwords and sessions of its users and roles are good for anything."""
        return self.standing is Standing.ACTIVE


SYSTEM = Account(id="000000000000", name="mallee", created_at=0.0)
"""The cloud's own, which has what no account shall see. No other's id begins with a zero, and it is
in no list: it has no record."""


class AccessKey(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An access key of a user; the secret is sealed under the master key."""

    id: str
    sealed_secret: bytes
    user_id: str
    status: str = "Active"
    created_at: float
