"""Mails on their way out: kept in the store until they lie in the outbox directory.

Written in the transaction that is their cause, so there is no mail about what did not happen.
"""

import msgspec


class Mail(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One mail to one address."""

    id: str
    recipient: str
    subject: str
    sealed_body: bytes
    """Its text, sealed under the master key: it may hold a token."""
    created_at: float
