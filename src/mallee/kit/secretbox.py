"""Secrets at rest: sealed under a key of this machine, by AES-256-GCM.

A *sealed* value begins with the id of the key that sealed it, so that keys can be rotated: a box
opens what any of its keys has sealed and seals with the newest. The key file has one hexadecimal
key per line, newest first, mode 0600, and is created whole or not at all. A box is changed in place
when its file is, so that whoever holds it has the keys of now.
Not its business: which secrets there are, who may ask for them, and when keys change.
"""

import hashlib
import hmac
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, repr=False)
class _Ring:
    """Keys by their ids, newest first: replaced as one, so that threads see all or nothing."""

    keys: dict[bytes, bytes]
    ciphers: dict[bytes, AESGCM]

    @property
    def newest(self) -> bytes:
        return next(iter(self.keys))


class SecretBox:
    """Seals and opens with a list of keys, newest first."""

    __slots__ = ("_ring",)

    def __init__(self, *keys: bytes) -> None:
        self._ring = _ring(keys)

    def __repr__(self) -> str:
        return f"SecretBox(newest={self.newest})"

    @property
    def newest(self) -> str:
        """The id of the key that seals."""
        return self._ring.newest.hex()

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of all keys, newest first."""
        return tuple(id.hex() for id in self._ring.keys)

    @property
    def ring(self) -> object:
        """Something that is another one after every change of the keys: for who remembers."""
        return self._ring

    def derived(self, purpose: bytes) -> tuple[bytes, ...]:
        """Return a key of 32 bytes for a purpose (a MAC) from each key, newest first.

        Make with the first and accept by any: what an older one made stays good until it is gone.
        """
        told = b"mallee derived key" + purpose
        return tuple(hmac.digest(key, told, "sha256") for key in self._ring.keys.values())

    def seal(self, secret: bytes, context: bytes = b"") -> bytes:
        """Return `secret` sealed; `context` must be given again to open it (not kept in it)."""
        ring = self._ring
        key_id, nonce = ring.newest, os.urandom(_NONCE_BYTES)
        return key_id + nonce + ring.ciphers[key_id].encrypt(nonce, secret, key_id + context)

    def open(self, sealed: bytes, context: bytes = b"") -> bytes:
        """Return the secret; raise `Unsealable`."""
        key_id, nonce = sealed[:_KEY_ID_BYTES], sealed[_KEY_ID_BYTES:][:_NONCE_BYTES]
        cipher = self._ring.ciphers.get(key_id)
        if cipher is None:
            raise Unsealable(f"sealed under key {key_id.hex()}, which is not in the key file")
        try:
            return cipher.decrypt(nonce, sealed[_KEY_ID_BYTES + _NONCE_BYTES :], key_id + context)
        except (InvalidTag, ValueError) as error:
            raise Unsealable(f"sealed under key {key_id.hex()}, but altered since") from error

    def key_of(self, sealed: bytes) -> str:
        """Return the id of the key that sealed the value."""
        return sealed[:_KEY_ID_BYTES].hex()

    def is_newest(self, sealed: bytes) -> bool:
        """Tell whether the value needs no sealing anew after a rotation."""
        return sealed[:_KEY_ID_BYTES] == self._ring.newest

    def resealed(self, sealed: bytes, context: bytes = b"") -> bytes:
        """Return the value sealed under the newest key, itself if it is; raise `Unsealable`."""
        if self.is_newest(sealed):
            return sealed
        return self.seal(self.open(sealed, context), context)

    def replace_keys(self, *keys: bytes) -> None:
        """Have these keys from now on, newest first."""
        self._ring = _ring(keys)


def load_or_create(path: Path) -> SecretBox:
    """Return the box of the key file, made with a fresh key if there is none.

    Raises `BadKeyFile`.
    """
    if not path.exists():
        files.create_atomically(path, _line(os.urandom(KEY_BYTES)))
    return SecretBox(*_read_keys(path))


class KeyFile:
    """A key file that another process may change, and the box of its keys in this one."""

    def __init__(self, path: Path) -> None:
        """Raises `BadKeyFile`, and `OSError` when it is not there."""
        self._path = path
        self._seen = self._state()
        self.box = SecretBox(*_read_keys(path))

    def look(self) -> None:
        """Bring the box up to date: a look at the file's date, when nothing has changed."""
        state = self._state()
        if state != self._seen:
            self.box.replace_keys(*_read_keys(self._path))
            self._seen = state

    def _state(self) -> tuple[int, int]:
        found = self._path.stat()
        return found.st_ino, found.st_mtime_ns


def rotate(path: Path, box: SecretBox) -> None:
    """Put a fresh key before the others of an existing key file, and then into its box."""
    _write_keys(path, box, [os.urandom(KEY_BYTES), *_read_keys(path)])


def add(path: Path, box: SecretBox, key: bytes | None = None) -> str:
    """Put a key, a fresh one unless given, behind the newest: it opens, and seals nothing yet.

    Returns its id; twice is once.
    """
    key = key or os.urandom(KEY_BYTES)
    newest, *older = _read_keys(path)
    if key not in (newest, *older):
        _write_keys(path, box, [newest, key, *older])
    return _key_id(key).hex()


def promote(path: Path, box: SecretBox, key_id: str) -> None:
    """Have a key that is there seal from now on; twice is once."""
    keys = _read_keys(path)
    _write_keys(path, box, sorted(keys, key=lambda key: _key_id(key).hex() != key_id))


def read_key(path: Path, key_id: str) -> bytes | None:
    """Return a key of the key file; None: it is not there."""
    return next((key for key in _read_keys(path) if _key_id(key).hex() == key_id), None)


def forget(path: Path, box: SecretBox, key_ids: Collection[str]) -> None:
    """Take keys out of the key file and then out of its box; the newest one stays in any case."""
    newest, *older = _read_keys(path)
    kept = [newest, *(key for key in older if _key_id(key).hex() not in key_ids)]
    _write_keys(path, box, kept)


def _write_keys(path: Path, box: SecretBox, keys: list[bytes]) -> None:
    files.write_atomically(path, b"".join(map(_line, keys)))
    box.replace_keys(*keys)


def _line(key: bytes) -> bytes:
    return key.hex().encode() + b"\n"


def _ring(keys: Collection[bytes]) -> _Ring:
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise ValueError(f"a secret box takes one or more keys of {KEY_BYTES} bytes")
    by_id = {_key_id(key): key for key in keys}
    return _Ring(by_id, {id: AESGCM(key) for id, key in by_id.items()})


def _read_keys(path: Path) -> list[bytes]:
    if path.stat().st_mode & 0o077:
        raise BadKeyFile(f"{path} can be read by others; set it right: chmod 600 {path}")
    lines = path.read_text("ascii", "replace").split()
    if not lines or any(not re.fullmatch(r"[0-9a-f]{64}", line) for line in lines):
        raise BadKeyFile(f"{path} must hold one key of 64 hexadecimal digits per line")
    return [bytes.fromhex(line) for line in lines]


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"mallee key id" + key).digest()[:_KEY_ID_BYTES]
