"""Accounts, and the access keys that speak for their users."""

import msgspec


class Account(msgspec.Struct, frozen=True, kw_only=True):
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


class AccessKey(msgspec.Struct, frozen=True, kw_only=True):
    """An access key of a user; the secret is sealed under the master key."""

    id: str
    sealed_secret: bytes
    user_id: str
    status: str = "Active"
    created_at: float
