"""Session tokens of IMDSv2: values that only this host can make, each for one instance and a time.

Nothing is remembered: a token says until when it holds and is signed with the instance's id, so
that no flood of PUTs costs memory, and tokens survive a restart of the agent with its key.
Called by `answers`. Pure: time and randomness come in.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass

TTL_S_MAX = 21600
NONCE_BYTES = 8

_HEAD = struct.Struct(">Q8s")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes and checks tokens under one key (32 random bytes)."""

    key: bytes

    def issue(self, instance_id: str, expires_at: int, nonce: bytes) -> str:
        """Return a token of the instance that holds until `expires_at` (seconds, epoch)."""
        head = _HEAD.pack(expires_at, nonce)
        return base64.urlsafe_b64encode(head + self._sign(instance_id, head)).decode()

    def read_expiry(self, instance_id: str, token: str) -> int | None:
        """Return until when the token holds, None when it is not one of this instance."""
        try:
            raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            return None
        head, signature = raw[: _HEAD.size], raw[_HEAD.size :]
        if not hmac.compare_digest(self._sign(instance_id, head), signature):
            return None
        return _HEAD.unpack(head)[0]

    def _sign(self, instance_id: str, head: bytes) -> bytes:
        return hmac.digest(self.key, instance_id.encode() + b"\0" + head, hashlib.sha256)[:26]
