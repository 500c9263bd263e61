"""X.509 certificates as people upload them: PEM text, parsed and believed no further than checked.

Called by signing certificates and server certificates. Not its business: the cloud's own authority
(`kit.pki`).
"""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from mallee.aws import errors

CHAIN_MAX = 10
"""Certificates of a chain."""

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def parse(text: str) -> x509.Certificate:
    """Return the one certificate of a PEM text; raise `MalformedCertificate`."""
    found = parse_chain(text)
    if len(found) != 1:
        raise errors.MalformedCertificate("There must be one certificate, and its chain apart.")
    return found[0]


def parse_chain(text: str) -> list[x509.Certificate]:
    """Return the certificates of a PEM text, as they stand; raise `MalformedCertificate`."""
    try:
        found = x509.load_pem_x509_certificates(text.encode())
        # What is read lazily may be wrong too.
        for one in found:
            one.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise errors.MalformedCertificate("Invalid Certificate Body.") from error
    if len(found) > CHAIN_MAX:
        raise errors.MalformedCertificate(f"A chain has at most {CHAIN_MAX} certificates.")
    return found


def check_chain(certificate: x509.Certificate, chain: list[x509.Certificate]) -> None:
    """Raise `MalformedCertificate` unless each certificate was signed by the one after it."""
    for issued, issuer in zip([certificate, *chain], chain, strict=False):
        try:
            issued.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm) as error:
            raise errors.MalformedCertificate(
                "Unable to validate certificate chain. The certificate chain must start with the "
                "immediate signing certificate, followed by any intermediaries in order. The "
                "index within the chain of the invalid certificate is: "
                f"{chain.index(issuer)}"
            ) from error


def parse_key(text: str) -> PrivateKey:
    """Return the private key of a PEM text without a passphrase; raise `MalformedCertificate`.

    It is not to be used: whether the numbers of an RSA key are primes is not looked at.
    """
    try:
        # The library looks for seconds, or minutes, and lets nothing of the process run meanwhile.
        key = serialization.load_pem_private_key(
            text.encode(), password=None, unsafe_skip_rsa_key_validation=True
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise errors.MalformedCertificate(
            "Invalid Private Key. It must be PEM, without a passphrase."
        ) from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise errors.MalformedCertificate("Invalid Private Key. It must be of RSA or ECDSA.")
    if isinstance(key, rsa.RSAPrivateKey) and not _fits_together(key.private_numbers()):
        raise errors.MalformedCertificate("Invalid Private Key. Its numbers do not fit together.")
    return key


def _fits_together(key: rsa.RSAPrivateNumbers) -> bool:
    """Tell whether the private half undoes what the public half does, if p and q are primes."""
    public = key.public_numbers
    return (
        min(key.p, key.q) > 1
        and key.p * key.q == public.n
        and all(key.d * public.e % (prime - 1) == 1 for prime in (key.p, key.q))
    )


def is_pair(certificate: x509.Certificate, key: PrivateKey) -> bool:
    """Tell whether the certificate is about the private key's public half."""
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return certificate.public_key().public_bytes(*form) == key.public_key().public_bytes(*form)


def is_valid(certificate: x509.Certificate, now: float) -> bool:
    """Tell whether the certificate holds at a time, in seconds since the epoch."""
    at = datetime.fromtimestamp(now, UTC)
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc
