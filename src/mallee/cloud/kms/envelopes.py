"""Ciphertexts of symmetric keys: what says of itself which key opens it, and in which context.

Bytes: a version, the key's id, the beginning of its material's, a salt, then AES-256-GCM under a
key of this ciphertext alone (from the material and the salt), with all before it and the encryption
context as associated data. So no nonce is ever used twice, and nothing opens in another context.
Called by KMS's actions and by S3. Not its business: who may (`rows`).
"""

import hmac
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mallee.aws import errors
from mallee.cloud.kms import materials
from mallee.kit import secretbox
from mallee.model.identity.kmskeys import Key, Material

Context = Mapping[str, str]
"""An encryption context."""

_VERSION = b"\x01"
_MARK_BYTES = 8
_SALT_BYTES = 32
_HEAD_BYTES = len(_VERSION) + 16 + _MARK_BYTES
_ONCE = bytes(12)
"""The nonce of a key that is derived for one use."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a ciphertext says of itself."""

    key_id: str
    mark: bytes
    """The beginning of the material's id."""


def seal(box: secretbox.SecretBox, key: Key, plain: bytes, context: Context) -> bytes:
    """Return the ciphertext of some bytes, by the key's newest material."""
    material = key.newest
    mark = bytes.fromhex(material.id)[:_MARK_BYTES]
    head = _VERSION + uuid.UUID(key.id).bytes + mark + os.urandom(_SALT_BYTES)
    secret = materials.opened(box, key, material)
    return head + _cipher(secret, head).encrypt(_ONCE, plain, head + _told(context))


def read(blob: bytes) -> Head | None:
    """Return what a ciphertext says of itself; None for what was not made here."""
    if len(blob) <= _HEAD_BYTES + _SALT_BYTES or blob[:1] != _VERSION:
        return None
    key_id = str(uuid.UUID(bytes=blob[1:17]))
    return Head(key_id, blob[17:_HEAD_BYTES])


def open_(
    box: secretbox.SecretBox, key: Key, blob: bytes, context: Context
) -> tuple[bytes, Material]:
    """Return what was sealed, and by which material; raise `InvalidCiphertextException`."""
    head = read(blob)
    if head is None:
        raise errors.kms.InvalidCiphertextException
    if head.key_id != key.id:
        raise errors.kms.IncorrectKeyException
    material = next((one for one in key.materials if _marks(one, head.mark)), None)
    if material is None:
        raise errors.kms.InvalidCiphertextException
    start, data = blob[: _HEAD_BYTES + _SALT_BYTES], blob[_HEAD_BYTES + _SALT_BYTES :]
    secret = materials.opened(box, key, material)
    try:
        return _cipher(secret, start).decrypt(_ONCE, data, start + _told(context)), material
    except (InvalidTag, ValueError) as error:
        raise errors.kms.InvalidCiphertextException from error


def _marks(material: Material, mark: bytes) -> bool:
    return bytes.fromhex(material.id)[:_MARK_BYTES] == mark


def _cipher(secret: bytes, head: bytes) -> AESGCM:
    return AESGCM(hmac.digest(secret, b"mallee kms" + head, "sha256"))


def _told(context: Context) -> bytes:
    return msgspec.json.encode(sorted(context.items())) if context else b""
