"""Tokens that continue a listing: opaque to clients, and good for one question only.

A token holds the position after which to go on. It is bound by an HMAC to the account, the action
and its parameters, so that a token of another account, action or filter is refused, and nobody can
make one up. Called by the pipeline for every Listing. Not its business: what a position is.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from mallee.aws import errors

_MAC_BYTES = 16
_UNBOUND = frozenset({"NextToken", "MaxResults", "Marker", "MaxItems", "Limit", "DryRun"})
"""Parameters that may differ from page to page."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a token is good for."""

    account: str
    action: str
    """With its service: `ec2:DescribeInstances`."""
    parameters: Mapping[str, Any]


Keys = Sequence[bytes]
"""Secrets of the cloud, newest first: tokens are made with the first and taken by any."""


def encode(keys: Keys, question: Question, position: str) -> str:
    """Return the token that continues the question's answer after `position`.

    It has the letters that every service's model takes.
    """
    data = position.encode()
    return base64.b64encode(_mac(keys[0], question, data) + data).decode()


def decode(keys: Keys, question: Question, token: str) -> str:
    """Return the position in the token; raise `InvalidNextToken`."""
    try:
        raw = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError) as error:
        raise errors.InvalidNextToken from error
    mac, data = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not any(hmac.compare_digest(mac, _mac(key, question, data)) for key in keys):
        raise errors.InvalidNextToken
    return data.decode()


def _mac(key: bytes, question: Question, data: bytes) -> bytes:
    bound = {name: value for name, value in question.parameters.items() if name not in _UNBOUND}
    text = msgspec.json.encode(
        (question.account, question.action, bound, data), order="deterministic"
    )
    return hmac.new(key, text, hashlib.sha256).digest()[:_MAC_BYTES]
