"""Blocks of encrypted disks as objects: named and sealed by their data key.

A block's name is an HMAC of its bytes, so that whoever keeps blocks cannot tell by a name what is
in one, and equal blocks of one family of snapshots are still one. What is sealed is the packed
block, by AES-256-GCM with the name as associated data. There is no nonce to be used twice: each
object has a key of its own, derived from the data key and a *mark*, which is an HMAC of the very
bytes that it seals. So sealing the same block again gives the same object, and other bytes, if only
packed otherwise, have another key. Pages and roots hold nothing but names and are kept unsealed
(`blockobjects.PLAIN`): what is needed still, is found without any key. Pure.
"""

import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mallee.model.storage import blockobjects, blocktrees, datakeys
from mallee.model.storage.blocktrees import NotATree

SEALED = b"\x02"
"""The form: the first byte of an object."""
_MARK_BYTES = 32
_TAG_BYTES = 16
SEALED_MIN_BYTES = 1 + _MARK_BYTES + _TAG_BYTES + 1
SEALED_MAX_BYTES = SEALED_MIN_BYTES + blocktrees.BLOCK_BYTES
"""No sealed block is longer: what is packed is one byte longer than a block at most."""
_ONCE = bytes(12)
"""The nonce of a key that seals one thing."""


class Sealed:
    """Names, seals and opens the blocks of one data key: a `blockobjects.Coder`."""

    __slots__ = ("_marks", "_names", "_seals")

    def __init__(self, secret: bytes) -> None:
        """`secret` is the data key."""
        self._names = datakeys.derived(secret, b"names of blocks")
        self._marks = datakeys.derived(secret, b"marks of blocks")
        self._seals = datakeys.derived(secret, b"seals of blocks")

    def __repr__(self) -> str:
        """Show no secret."""
        return "Sealed()"

    def name_of(self, data: bytes) -> bytes:
        """Return the name; `blocktrees.HOLE` of zeros."""
        if blocktrees.is_hole(data):
            return blocktrees.HOLE
        return hmac.digest(self._names, data, "sha256")

    def encode(self, data: bytes) -> bytes:
        """Return the object's bytes."""
        packed = blockobjects.packed(data)
        name = self.name_of(data)
        mark = hmac.digest(self._marks, name + packed, "sha256")
        return SEALED + mark + self._cipher(mark).encrypt(_ONCE, packed, SEALED + name)

    def decode(self, name: bytes, kept: bytes) -> bytes:
        """Return the data of an object, found to be that of its name; raise `NotATree`."""
        mark, body = kept[1 : 1 + _MARK_BYTES], kept[1 + _MARK_BYTES :]
        if kept[:1] != SEALED or len(mark) < _MARK_BYTES:
            raise NotATree(f"what is kept as {name.hex()} is not sealed")
        try:
            packed = self._cipher(mark).decrypt(_ONCE, body, SEALED + name)
        except (InvalidTag, ValueError) as error:
            raise NotATree(f"what is kept as {name.hex()} does not open with its key") from error
        data = blockobjects.unpacked(packed)
        if not hmac.compare_digest(self.name_of(data), name):
            raise NotATree(f"what is kept as {name.hex()} is something else")
        return data

    def _cipher(self, mark: bytes) -> AESGCM:
        return AESGCM(hmac.digest(self._seals, mark, "sha256"))
