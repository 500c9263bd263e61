"""Block tokens: that somebody was told of a block of a snapshot, and may read it for a week.

A token is bound by an HMAC to the snapshot, its content and the block, so that nobody can make one
up. Made by listings, asked for by `GetSnapshotBlock`. Not its business: whether the caller may.
"""

import base64
import binascii
import hmac
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from mallee.aws import errors

LIFE_S = 7 * 86_400
PURPOSE = b"ebs block tokens"
_MAC_BYTES = 24
_EXPIRY = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Place:
    """Which block a token is for."""

    snapshot_id: str
    root: str
    """Of the snapshot's content."""
    index: int


def encode(key: bytes, place: Place, expires_at: float) -> str:
    """Return the token."""
    expiry = _EXPIRY.pack(int(expires_at))
    return base64.b64encode(expiry + _mac(key, place, expiry)).decode()


def check(keys: Sequence[bytes], place: Place, token: str, now: float) -> None:
    """Raise `InvalidBlockToken` unless it is a token for the place, made with one of the keys."""
    try:
        data = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError) as error:
        raise errors.ebs.InvalidBlockToken from error
    expiry, mac = data[: _EXPIRY.size], data[_EXPIRY.size :]
    if len(expiry) < _EXPIRY.size:
        raise errors.ebs.InvalidBlockToken
    holds = [hmac.compare_digest(mac, _mac(key, place, expiry)) for key in keys]
    (expires_at,) = _EXPIRY.unpack(expiry)
    if not any(holds) or now >= expires_at:
        raise errors.ebs.InvalidBlockToken


def _mac(key: bytes, place: Place, expiry: bytes) -> bytes:
    text = f"{place.snapshot_id} {place.root} {place.index} ".encode()
    return hmac.digest(key, text + expiry, "sha256")[:_MAC_BYTES]
