"""Session tokens: made, opened, and nothing kept of them.

A token is its session and its secret, sealed under the master key, so that giving out credentials
writes nothing and any process of the cloud knows them. An id of a temporary key (`ASIA…`) tells its
account; it is bound to its token, which opens for no other. A session ends when its time
is over, and when what it speaks for is gone (`authenticate`). Called by `cloud.sts`, by the
instances' metadata, and by `authenticate`. Not its business: who may have one, and what it may do.
"""

import base64
import binascii
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from mallee.kit import secretbox
from mallee.model.identity.sessions import Session

KEY_PREFIX = "ASIA"
TOKEN_LENGTH_MAX = 7000
"""Characters of a token: it must fit into a header with room to spare."""

_SEAL = b"session token"
_PACKED_MAX = 4096
"""Bytes that a session may take when it is packed."""
_UNPACKED_MAX = 1 << 17
_SEALED_MORE = 32
"""Bytes that sealing adds."""
_ACCOUNT_BITS = 40

Entropy = Callable[[int], bytes]


class TooLarge(Exception):
    """Policies and tags do not fit into a token."""


class Forged(Exception):
    """The token was not made here, or was altered."""


@dataclass(frozen=True, slots=True, repr=False)
class Issued:
    """Temporary credentials, as they are shown once."""

    access_key_id: str
    secret: str
    token: str
    expires_at: float
    """Seconds since the epoch."""
    packed_percent: int
    """How much of the room for policies and tags is taken."""

    @property
    def token_percent(self) -> int:
        """How long the token is, of the longest that there are."""
        return -(-100 * len(self.token) // TOKEN_LENGTH_MAX)


class Opened(msgspec.Struct, frozen=True, array_like=True):
    """What a token holds."""

    access_key_id: str
    secret: str
    session: Session

    def __repr__(self) -> str:
        return f"Opened({self.access_key_id})"


def issue(
    box: secretbox.SecretBox, entropy: Entropy, session: Session, *, token_length_min: int = 0
) -> Issued:
    """Return fresh credentials for a session; raise `TooLarge`."""
    key_id = _new_key_id(session.account, entropy)
    secret = base64.b64encode(entropy(30)).decode()
    packed = zlib.compress(msgspec.json.encode(Opened(key_id, secret, session)), 9)
    if len(packed) > _PACKED_MAX:
        raise TooLarge(f"{len(packed)} bytes of {_PACKED_MAX}")
    # What follows the packed is not read: it makes a token as long as somebody tests with.
    filling = bytes(max(0, token_length_min * 3 // 4 - len(packed) - _SEALED_MORE + 3))
    token = base64.b64encode(box.seal(packed + filling, _SEAL)).decode()
    percent = -(-100 * len(packed) // _PACKED_MAX)
    return Issued(key_id, secret, token, session.expires_at, percent)


def open(box: secretbox.SecretBox, token: str) -> Opened:
    """Return what a token holds, expired or not; raise `Forged`."""
    try:
        if len(token) > TOKEN_LENGTH_MAX:
            raise Forged("longer than any token")
        packed = box.open(base64.b64decode(token, validate=True), _SEAL)
        plain = zlib.decompressobj().decompress(packed, _UNPACKED_MAX)
        return msgspec.json.decode(plain, type=Opened)
    except (ValueError, binascii.Error, secretbox.Unsealable, msgspec.DecodeError) as error:
        raise Forged("not a token of this cloud") from error


def account_of_key(access_key_id: str) -> str | None:
    """Return the account in the id of a temporary key; None when it can be none of ours."""
    letters = access_key_id.removeprefix(KEY_PREFIX)
    if len(letters) != 16 or not access_key_id.startswith(KEY_PREFIX):
        return None
    try:
        number = int.from_bytes(base64.b32decode(letters), "big")
    except (binascii.Error, ValueError):
        return None
    account = number >> (80 - _ACCOUNT_BITS)
    return f"{account:012d}" if account < 10**12 else None


def _new_key_id(account: str, entropy: Entropy) -> str:
    """Return an id for a temporary key: 40 bits of account, 40 of chance, as 16 letters."""
    number = (int(account) << (80 - _ACCOUNT_BITS)) | int.from_bytes(entropy(5), "big")
    return KEY_PREFIX + base64.b32encode(number.to_bytes(10, "big")).decode()
