"""Accounts and the credentials that speak for them. Until IAM arrives each account has one user,
its administrator."""

import msgspec


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant: nothing of one account is visible to another."""

    id: str
    """Twelve decimal digits."""
    name: str
    is_cloud_admin: bool = False
    """Whether its administrator may use Mallee's own administration API."""
    created_at: float
    alias: str | None = None
    admin_user_id: str = ""
    """IAM's id of the administrator, the account's one user (`AIDA…`)."""


class AccessKey(msgspec.Struct, frozen=True, kw_only=True):
    """An access key of an account's administrator; the secret is sealed under the master key."""

    id: str
    sealed_secret: bytes
    user_id: str
    user_name: str = "admin"
    status: str = "Active"
    created_at: float
