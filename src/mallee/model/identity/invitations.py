"""How people come to a cloud: they ask for an account, or are invited to an account or as a user.

A *registration* is somebody's wish for an account, until the cloud's administration approves or
rejects it. An *invitation* is leave to come in once, for whoever shows its token in time; of the
token only a hash is kept. Read and written by the administration service (`cloud.admin`).
"""

from enum import Enum

import msgspec


class State(Enum):
    """Where a registration stands."""

    REQUESTED = "requested"
    """Nobody has decided yet."""
    INVITED = "invited"
    """It may be accepted with its token, until it expires."""
    ACCEPTED = "accepted"
    """The token was used: the account or the user's access is there."""
    REJECTED = "rejected"
    """It was refused, or the invitation withdrawn."""


class Registration(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A wish for an account, or an invitation, or the one that became the other."""

    id: str
    """`reg-…`"""
    email: str
    full_name: str | None = None
    reason: str | None = None
    """What the account is wanted for, in the words of who asked."""
    account_name: str
    """Of the account that is wanted, or that the invited user is in."""
    user_name: str | None = None
    """Of the user who is invited; None: the invitation is to an account of one's own."""
    user_id: str | None = None
    state: State
    created_at: float
    decided_at: float | None = None
    token_hash: str | None = None
    """SHA-256 of the token, hexadecimal."""
    expires_at: float | None = None
    account_id: str | None = None
    """Of the account that was made, or that the invited user is in."""
