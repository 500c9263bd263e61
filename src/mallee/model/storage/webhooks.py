"""Webhooks: addresses of programs outside that are told what happens in an account's buckets.

A *webhook* is registered by the account, has an ARN of Mallee's own kind, by which buckets name it
(`cloud.s3.notifications`), and a secret that signs what it is sent. Not this file's business: what
is sent, and how often it is tried (`cloud.s3.delivering`).
"""

import re

import msgspec

OF_ACCOUNT_MAX = 100
"""How many an account may have."""
URL_LENGTH_MAX = 2048
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ARN = re.compile(r"arn:aws:mallee:[a-z0-9-]*:(\d{12}):webhook/([A-Za-z0-9_-]{1,64})")


class Webhook(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That a program wants to be told."""

    name: str
    url: str
    """`http` or `https`."""
    created_at: float
    """Seconds since the epoch."""
    sealed_secret: bytes
    """Signs what is sent."""


class WebhookSeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was seen of delivering to it, a few seconds old."""

    delivered_at: float = 0.0
    """When it took something last; 0: never."""
    problem: str = ""
    """Why it does not take what is sent; empty when it did last."""
    waiting: int = 0
    """Events that it has not taken yet."""
    dropped: int = 0
    """Events that it will never be told: too many waited, or one waited too long."""


def id_of(account: str, name: str) -> str:
    """Return the id of the record of a webhook."""
    return f"{account}/{name}"


def arn(region: str, id: str) -> str:
    """Return the ARN of a webhook."""
    account, _, name = id.partition("/")
    return f"arn:aws:mallee:{region}:{account}:webhook/{name}"


def id_in(arn: str) -> str:
    """Return the id of the webhook that an ARN names; empty when it names none."""
    found = _ARN.fullmatch(arn)
    return id_of(found[1], found[2]) if found else ""
