"""Secrets sealed to one reader: whoever has its public key can seal, only the reader can open.

X25519 with a key made for each message, HKDF, ChaCha20-Poly1305. A reader makes its key at its
first start and never shows it. Called by front ends, which hand each other keys: a certificate that
a thief can forge opens nothing. Not its business: whose a public key is.
"""

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mallee.kit import files

KEY_BYTES = 32
_NONCE = bytes(12)
"""Each message has a key of its own."""


class Unopenable(Exception):
    """It was not sealed to this reader, or not about this, or is damaged."""


def load_or_create(path: Path) -> X25519PrivateKey:
    """Return the reader's key, made at the first start."""
    if not path.exists():
        files.create_atomically(path, os.urandom(KEY_BYTES))
    return X25519PrivateKey.from_private_bytes(path.read_bytes())


def public(key: X25519PrivateKey) -> str:
    """Return what others seal with, in hexadecimal."""
    return key.public_key().public_bytes_raw().hex()


def seal(reader: str, secret: bytes, about: str) -> bytes:
    """Seal a secret to who has this public key; raise `ValueError` when it is none."""
    own = X25519PrivateKey.generate()
    shared = own.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(reader)))
    begun = own.public_key().public_bytes_raw()
    return begun + _box(shared, begun, reader).encrypt(_NONCE, secret, about.encode())


def open_sealed(key: X25519PrivateKey, sealed: bytes, about: str) -> bytes:
    """Return the secret; raise `Unopenable`."""
    begun, rest = sealed[:KEY_BYTES], sealed[KEY_BYTES:]
    try:
        shared = key.exchange(X25519PublicKey.from_public_bytes(begun))
        return _box(shared, begun, public(key)).decrypt(_NONCE, rest, about.encode())
    except (ValueError, InvalidTag) as error:
        raise Unopenable(f"what came is not sealed to this machine: {about}") from error


def _box(shared: bytes, begun: bytes, reader: str) -> ChaCha20Poly1305:
    info = b"mallee sealed to " + bytes.fromhex(reader)
    return ChaCha20Poly1305(HKDF(hashes.SHA256(), KEY_BYTES, begun, info).derive(shared))
