"""Signature Version 4A: a key pair in place of a shared key, and a set of regions in place of one.

The pair follows from an access key's id and secret alone, so both sides can make it; what is signed
is as in version 4, save that the scope names no region: the signed `x-amz-region-set` does. Called
by `s3` and `streaming`. Not its business: what is signed (`canonical`), and which regions there are
(this cloud has one, and whoever signs for others as well may use it).
"""

import hmac
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from mallee.aws import errors

ALGORITHM = "AWS4-ECDSA-P256-SHA256"
REGIONS = "x-amz-region-set"

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve: secret numbers are less, and not zero."""
_TRIES = 254
_KEY_BITS = 256
_ONCE = ec.ECDSA(hashes.SHA256())

PublicKey = ec.EllipticCurvePublicKey


@lru_cache(maxsize=1024)
def public_key(access_key_id: str, secret: str) -> PublicKey:
    """Return the key that signatures of an access key are verified with."""
    return ec.derive_private_key(secret_number(access_key_id, secret), ec.SECP256R1()).public_key()


def secret_number(access_key_id: str, secret: str) -> int:
    """Return the private key of an access key, as NIST SP 800-108 makes one in counter mode."""
    for count in range(1, _TRIES + 1):
        text = b"".join(
            (
                (1).to_bytes(4, "big"),
                ALGORITHM.encode(),
                b"\0",
                access_key_id.encode("utf-8", "surrogateescape"),
                bytes((count,)),
                _KEY_BITS.to_bytes(4, "big"),
            )
        )
        found = int.from_bytes(hmac.digest(f"AWS4A{secret}".encode(), text, "sha256"), "big")
        if found <= _ORDER - 2:
            return found + 1
    raise AssertionError("no key follows: one chance in two to the power of eight thousand")


def holds(key: PublicKey, signature: str, text: bytes) -> bool:
    """Tell whether a signature, in hexadecimal, is of this text. Raises nothing."""
    try:
        key.verify(bytes.fromhex(signature), text, _ONCE)
    except (InvalidSignature, ValueError):
        return False
    return True


def check_regions(said: str | None) -> None:
    """Raise unless a request says for which regions it is signed, as it must."""
    if said is None or not all(part.strip() for part in said.split(",")):
        raise errors.IncompleteSignature(
            f"A request signed with {ALGORITHM} must name its regions in {REGIONS}."
        )
