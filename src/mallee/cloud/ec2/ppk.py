"""PuTTY's private key format, version 2, without a passphrase: what PuTTY users ask for.

Called by `keypairs` for `KeyFormat=ppk`; version 2 is read by every PuTTY there is. Pure.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

LINE_LENGTH = 64
_ENCRYPTION = "none"
_MAC_KEY = hashlib.sha1(b"putty-private-key-file-mac-key").digest()


def encode(private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, comment: str) -> str:
    """Return the key as the text of a `.ppk` file."""
    line = private.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    algorithm, public = line.split()[0], base64.b64decode(line.split()[1])
    secret = _encode_private(private)
    signed = (algorithm, _ENCRYPTION.encode(), comment.encode(), public, secret)
    mac = hmac.digest(_MAC_KEY, b"".join(_string(part) for part in signed), "sha1")
    return "\r\n".join(
        (
            f"PuTTY-User-Key-File-2: {algorithm.decode()}",
            f"Encryption: {_ENCRYPTION}",
            f"Comment: {comment}",
            *_block("Public-Lines", public),
            *_block("Private-Lines", secret),
            f"Private-MAC: {mac.hex()}",
            "",
        )
    )


def _encode_private(private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    if isinstance(private, ed25519.Ed25519PrivateKey):
        seed = private.private_bytes(
            serialization.Encoding.Raw,
            serialization.PrivateFormat.Raw,
            serialization.NoEncryption(),
        )
        # PuTTY keeps the seed as a little-endian number, so without zeros at its end.
        return _string(seed.rstrip(b"\0"))
    numbers = private.private_numbers()
    # PuTTY wants the inverse of q modulo p, as OpenSSH does.
    return b"".join(_number(it) for it in (numbers.d, numbers.p, numbers.q, numbers.iqmp))


def _number(value: int) -> bytes:
    """Return a positive `mpint` of SSH: its first bit is a sign."""
    return _string(value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _string(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content


def _block(name: str, content: bytes) -> Sequence[str]:
    text = base64.b64encode(content).decode()
    lines = [text[at : at + LINE_LENGTH] for at in range(0, len(text), LINE_LENGTH)]
    return (f"{name}: {len(lines)}", *lines)
