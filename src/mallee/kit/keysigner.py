"""Signatures over SSH keys that a guest's `ec2-instance-connect` package checks.

A *signer* is an RSA key with a certificate under a name that the guest expects, from an authority
made for this alone. The package wants the chain, the signature (PSS, SHA-256, a salt of 32 bytes)
and, as a stapled OCSP answer, the authority's word that the certificate is not revoked.
Called by `cloud.instanceconnect`. Not its business: who may push a key, and how it travels.
"""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from mallee.kit import clock, pki

RSA_BITS = 2048
SALT_BYTES = 32
STAPLE_LIFE_S = 3600.0
LIFE_S = pki.AUTHORITY_LIFE_S - pki.DAY_S
_SEPARATOR = b"-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """The key that signs, its certificate, and the authority that vouches for it."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    authority: pki.Authority

    @property
    def name(self) -> str:
        """The common name of the certificate."""
        return str(self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)

    @property
    def chain_pem(self) -> str:
        """The certificate and its authority's, in this order."""
        own = self.certificate.public_bytes(Encoding.PEM)
        return (own + self.authority.certificate_pem).decode().strip()


def create(name: str, authority_name: str, now: float) -> Signer:
    """Make a signer under that name with an authority of its own; takes a tenth of a second."""
    authority = pki.create_authority(authority_name, now)
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    begins = datetime.fromtimestamp(int(now - clock.DIFFER_S), UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(seconds=LIFE_S))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(issuer, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return Signer(key, certificate, authority)


def encode(signer: Signer) -> bytes:
    """Return the signer with its keys: keep it in a file of mode 0600."""
    key = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    own = signer.certificate.public_bytes(Encoding.PEM) + key
    return own + signer.authority.certificate_pem + signer.authority.key_pem


def load(text: bytes) -> Signer:
    """Read a signer back; raise `pki.BadCertificate`."""
    parts = [_SEPARATOR + part for part in text.split(_SEPARATOR)[1:]]
    try:
        own, authority = parts
        key = load_pem_private_key(own, None)
        certificate = x509.load_pem_x509_certificate(own)
    except (ValueError, TypeError) as error:
        raise pki.BadCertificate(f"the signer of SSH keys cannot be read: {error}") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise pki.BadCertificate("the key of the signer of SSH keys is not RSA")
    return Signer(key, certificate, pki.load_authority(authority, authority))


def sign(signer: Signer, data: bytes) -> str:
    """Return the signature over the data in base64, on one line."""
    scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=SALT_BYTES)
    return base64.b64encode(signer.key.sign(data, scheme, hashes.SHA256())).decode()


def staple(signer: Signer, now: float) -> tuple[str, str]:
    """Return the certificate's SHA-1 fingerprint and the word that it is not revoked, in base64."""
    began = datetime.fromtimestamp(int(now - clock.DIFFER_S), UTC)
    authority = signer.authority.certificate
    # OpenSSL asks by SHA-1; nothing rests on it.
    answer = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=signer.certificate,
            issuer=authority,
            algorithm=hashes.SHA1(),
            cert_status=ocsp.OCSPCertStatus.GOOD,
            this_update=began,
            next_update=began + timedelta(seconds=STAPLE_LIFE_S),
            revocation_time=None,
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, authority)
        .sign(signer.authority.key, hashes.SHA256())
    )
    fingerprint = signer.certificate.fingerprint(hashes.SHA1()).hex().upper()
    return fingerprint, base64.b64encode(answer.public_bytes(Encoding.DER)).decode()
