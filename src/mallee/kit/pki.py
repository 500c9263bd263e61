"""A small certificate authority: keys, requests, certificates for servers and clients.

The cloud holds the *authority*; an agent makes its own key and a request, and receives a
short-lived client certificate. Keys are EC P-256, times are seconds since the epoch.
Not its business: who may have a certificate (join tokens, `cloud.hosts`), and where the files lie.
"""

import functools
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mallee.kit import clock

DAY_S = 86400.0
AUTHORITY_LIFE_S = 3650 * DAY_S
READ_KEPT = 2048
"""So many certificates are read once: agents show theirs with each request."""


class BadRequest(Exception):
    """The certificate request cannot be read, or its signature is not that of its key."""


class BadCertificate(Exception):
    """The certificate or key cannot be read."""


@dataclass(frozen=True, slots=True, repr=False)
class Authority:
    """The authority's certificate and key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """The certificate, for those who shall trust it."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key, unencrypted: keep it in a file of mode 0600."""
        return _key_pem(self.key)


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """A fresh key and the request for a certificate over it."""

    key_pem: bytes
    csr_pem: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a certificate says, whatever its request asked for."""

    name: str
    """The subject's common name."""
    now: float
    life_s: float
    hosts: Sequence[str] = ()
    """Names and addresses of a server; without any the certificate is a client's."""
    is_both: bool = False
    """Whether the certificate of a server is a client's too."""


@dataclass(frozen=True, slots=True)
class Issued:
    """What a certificate says of itself."""

    serial: str
    """Hexadecimal, without leading zeros."""
    name: str
    begins_at: float
    ends_at: float
    is_server: bool = False
    """Whether its owner may answer others with it."""

    @property
    def issued_at(self) -> float:
        """When it was made, by the clock of whoever made it."""
        return self.begins_at + clock.DIFFER_S


def create_authority(name: str, now: float) -> Authority:
    """Make an authority with a fresh key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(name)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_time(now - clock.DIFFER_S))
        .not_valid_after(_time(now + AUTHORITY_LIFE_S))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def load_authority(certificate_pem: bytes, key_pem: bytes) -> Authority:
    """Read an authority back; raise `BadCertificate`."""
    try:
        key = load_pem_private_key(key_pem, None)
        certificate = x509.load_pem_x509_certificate(certificate_pem)
    except (ValueError, TypeError) as error:
        raise BadCertificate(f"the authority cannot be read: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != (
        certificate.public_key()
    ):
        raise BadCertificate("the authority's key is not that of its certificate")
    return Authority(certificate, key)


def make_request(name: str) -> Request:
    """Make a key and a request for a certificate in that name."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(_subject(name))
    request = builder.sign(key, hashes.SHA256())
    return Request(_key_pem(key), request.public_bytes(Encoding.PEM))


def issue(authority: Authority, csr_pem: bytes, grant: Grant) -> bytes:
    """Return a certificate (PEM) over the request's key; raise `BadRequest`.

    Name and hosts come from `grant` alone: a request cannot ask for another's.
    """
    key = _key_of_request(csr_pem)
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH] if grant.hosts else []
    if grant.is_both or not grant.hosts:
        purposes.append(ExtendedKeyUsageOID.CLIENT_AUTH)
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(_subject(grant.name))
        .issuer_name(authority.certificate.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_time(grant.now - clock.DIFFER_S))
        .not_valid_after(_time(grant.now + grant.life_s))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(issuer_key, critical=False)
    )
    if grant.hosts:
        names = x509.SubjectAlternativeName([_host(host) for host in grant.hosts])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.PEM)


@functools.lru_cache(maxsize=READ_KEPT)
def read_certificate(certificate: bytes) -> Issued:
    """Return what a certificate (PEM or DER) says; raise `BadCertificate`."""
    try:
        if certificate.startswith(b"-----"):
            parsed = x509.load_pem_x509_certificate(certificate)
        else:
            parsed = x509.load_der_x509_certificate(certificate)
    except ValueError as error:
        raise BadCertificate(f"the certificate cannot be read: {error}") from error
    names = parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Issued(
        serial=f"{parsed.serial_number:x}",
        name=str(names[0].value) if names else "",
        begins_at=parsed.not_valid_before_utc.timestamp(),
        ends_at=parsed.not_valid_after_utc.timestamp(),
        is_server=_serves(parsed),
    )


def check_issued(certificate_pem: bytes, key_pem: bytes, trusted_pem: bytes) -> Issued:
    """Return what a certificate says that is this key's, and of an authority that is trusted.

    Raises `BadCertificate`.
    """
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        trusted = x509.load_pem_x509_certificates(trusted_pem)
        key = load_pem_private_key(key_pem, None).public_key()
    except (ValueError, TypeError) as error:
        raise BadCertificate(f"the certificate cannot be read: {error}") from error
    if key != certificate.public_key():
        raise BadCertificate("the certificate is another key's")
    if not any(_is_of(certificate, authority) for authority in trusted):
        raise BadCertificate("the certificate is of none of its authorities")
    return read_certificate(certificate_pem)


def _is_of(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _serves(certificate: x509.Certificate) -> bool:
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return ExtendedKeyUsageOID.SERVER_AUTH in purposes


def _key_of_request(csr_pem: bytes) -> ec.EllipticCurvePublicKey:
    try:
        request = x509.load_pem_x509_csr(csr_pem)
        signed = request.is_signature_valid
        key = request.public_key()
    except ValueError as error:
        raise BadRequest(f"the certificate request cannot be read: {error}") from error
    if not signed:
        raise BadRequest("the certificate request is not signed by its own key")
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise BadRequest("the certificate request's key is not on the curve P-256")
    return key


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
