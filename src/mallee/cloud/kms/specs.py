"""Kinds of key material: what each can do, and how one is made.

A spec (`SYMMETRIC_DEFAULT`, `RSA_2048`, `HMAC_256`, …) says which algorithms a key has; what a key
is for (`Usage`) chooses among them. Pure but for chance. Called by `keys` and by everything that
uses keys. Not its business: sealed secrets (`materials`).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from mallee.model.identity.kmskeys import Usage

SYMMETRIC = "SYMMETRIC_DEFAULT"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_SIGNED_BY_RSA = tuple(
    f"RSASSA_{padding}_SHA_{bits}" for padding in ("PSS", "PKCS1_V1_5") for bits in (256, 384, 512)
)
_SEALED_BY_RSA = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What keys of a spec are."""

    usages: Mapping[Usage, tuple[str, ...]]
    """The algorithms by what a key is for, the first use being the one that is meant by default."""
    bytes_of_secret: int = 0
    """Of a symmetric key."""
    rsa_bits: int = 0
    curve: ec.EllipticCurve | None = field(default=None)

    @property
    def is_pair(self) -> bool:
        """Whether it has a public half."""
        return not self.bytes_of_secret


def _hmac(bits: int, size: int) -> Spec:
    return Spec(usages={Usage.GENERATE_VERIFY_MAC: (f"HMAC_SHA_{bits}",)}, bytes_of_secret=size)


def _rsa(bits: int) -> Spec:
    usages = {Usage.ENCRYPT_DECRYPT: _SEALED_BY_RSA, Usage.SIGN_VERIFY: _SIGNED_BY_RSA}
    return Spec(usages=usages, rsa_bits=bits)


def _ecc(curve: ec.EllipticCurve, bits: int, *, agrees: bool = True) -> Spec:
    usages = {Usage.SIGN_VERIFY: (f"ECDSA_SHA_{bits}",)}
    if agrees:
        usages[Usage.KEY_AGREEMENT] = ("ECDH",)
    return Spec(usages=usages, curve=curve)


SPECS: Mapping[str, Spec] = {
    SYMMETRIC: Spec(usages={Usage.ENCRYPT_DECRYPT: (SYMMETRIC,)}, bytes_of_secret=32),
    "HMAC_224": _hmac(224, 28),
    "HMAC_256": _hmac(256, 32),
    "HMAC_384": _hmac(384, 48),
    "HMAC_512": _hmac(512, 64),
    "RSA_2048": _rsa(2048),
    "RSA_3072": _rsa(3072),
    "RSA_4096": _rsa(4096),
    "ECC_NIST_P256": _ecc(ec.SECP256R1(), 256),
    "ECC_NIST_P384": _ecc(ec.SECP384R1(), 384),
    "ECC_NIST_P521": _ecc(ec.SECP521R1(), 512),
    "ECC_SECG_P256K1": _ecc(ec.SECP256K1(), 256, agrees=False),
}
"""Every spec that this cloud has."""


def make(spec: Spec) -> tuple[bytes, bytes]:
    """Return a fresh secret and its public half, empty for a symmetric one; may take a second."""
    if spec.bytes_of_secret:
        return os.urandom(spec.bytes_of_secret), b""
    if spec.curve is not None:
        private: PrivateKey = ec.generate_private_key(spec.curve)
    else:
        private = rsa.generate_private_key(public_exponent=65537, key_size=spec.rsa_bits)
    secret = private.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return secret, public_bytes(private.public_key())


def public_half(name: str, secret: bytes) -> bytes | None:
    """Return the public half of a secret that was brought, empty for a symmetric one; None when it
    is no secret of the spec."""
    spec = SPECS[name]
    if spec.bytes_of_secret:
        return b"" if len(secret) == spec.bytes_of_secret else None
    try:
        private = private_key(secret)
        if isinstance(private, rsa.RSAPrivateKey):
            if private.key_size != spec.rsa_bits:
                return None
            # Now that it is known not to take minutes: whether it is sound.
            private = cast(PrivateKey, serialization.load_der_private_key(secret, None))
        elif not _is_of(private, spec.curve):
            return None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return public_bytes(private.public_key())


def _is_of(private: object, curve: ec.EllipticCurve | None) -> bool:
    if not isinstance(private, ec.EllipticCurvePrivateKey) or curve is None:
        return False
    return private.curve.name == curve.name


def private_key(secret: bytes) -> PrivateKey:
    """Return the private key of a pair's secret, which was made here, or looked at when it came.

    The library's look at a key of RSA takes a hundred times as long as a signature, and lets
    nothing of the process run meanwhile.
    """
    return cast(
        PrivateKey,
        serialization.load_der_private_key(secret, None, unsafe_skip_rsa_key_validation=True),
    )


def public_key(data: bytes) -> PublicKey:
    """Return the public key of a pair; raise `ValueError` for what is none."""
    return cast(PublicKey, serialization.load_der_public_key(data))


def public_bytes(key: PublicKey) -> bytes:
    """Return a public key as KMS gives it."""
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
