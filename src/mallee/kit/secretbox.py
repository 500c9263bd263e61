"""Secrets at rest: sealed under a key of this machine, by AES-256-GCM.

A *sealed* value begins with the id of the key that sealed it, so that keys can be rotated: a box
opens what any of its keys has sealed and seals with the newest. The key file has one hexadecimal
key per line, newest first, mode 0600, and is created whole or not at all.
Not its business: which secrets there are, and who may ask for them.
"""

import hashlib
import os
import re
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mallee.kit import files

KEY_BYTES = 32
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12


class Unsealable(Exception):
    """The value was sealed under a key that this box has not, or it was altered."""


class BadKeyFile(Exception):
    """The key file is readable by others, or holds no keys."""


class SecretBox:
    """Seals and opens with a list of keys, newest first."""

    __slots__ = ("_ciphers", "_newest")

    def __init__(self, *keys: bytes) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"a secret box takes one or more keys of {KEY_BYTES} bytes")
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._newest = _key_id(keys[0])

    def __repr__(self) -> str:
        return f"SecretBox(newest={self._newest.hex()})"

    def seal(self, secret: bytes, context: bytes = b"") -> bytes:
        """Return `secret` sealed; `context` must be given again to open it (not kept in it)."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._newest].encrypt(nonce, secret, self._newest + context)
        return self._newest + nonce + sealed

    def open(self, sealed: bytes, context: bytes = b"") -> bytes:
        """Return the secret; raise `Unsealable`."""
        key_id, nonce = sealed[:_KEY_ID_BYTES], sealed[_KEY_ID_BYTES:][:_NONCE_BYTES]
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise Unsealable(f"sealed under key {key_id.hex()}, which is not in the key file")
        try:
            return cipher.decrypt(nonce, sealed[_KEY_ID_BYTES + _NONCE_BYTES :], key_id + context)
        except (InvalidTag, ValueError) as error:
            raise Unsealable(f"sealed under key {key_id.hex()}, but altered since") from error

    def is_newest(self, sealed: bytes) -> bool:
        """Tell whether the value needs no sealing anew after a rotation."""
        return sealed[:_KEY_ID_BYTES] == self._newest


def load_or_create(path: Path) -> SecretBox:
    """Return the box of the key file, made with a fresh key if there is none.

    Raises `BadKeyFile`.
    """
    if not path.exists():
        files.create_atomically(path, os.urandom(KEY_BYTES).hex().encode() + b"\n")
    return SecretBox(*_read_keys(path))


def rotate(path: Path) -> SecretBox:
    """Put a fresh key before the others of an existing key file, and return the new box."""
    keys = [os.urandom(KEY_BYTES), *_read_keys(path)]
    files.write_atomically(path, b"".join(key.hex().encode() + b"\n" for key in keys))
    return SecretBox(*keys)


def _read_keys(path: Path) -> list[bytes]:
    if path.stat().st_mode & 0o077:
        raise BadKeyFile(f"{path} can be read by others; set it right: chmod 600 {path}")
    lines = path.read_text("ascii", "replace").split()
    if not lines or any(not re.fullmatch(r"[0-9a-f]{64}", line) for line in lines):
        raise BadKeyFile(f"{path} must hold one key of 64 hexadecimal digits per line")
    return [bytes.fromhex(line) for line in lines]


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"mallee key id" + key).digest()[:_KEY_ID_BYTES]
