"""Certificates and keys as people would upload them."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
DAY = datetime.timedelta(days=1)


class Paper:
    """A certificate with its key, signed by itself or by another."""

    def __init__(self, name: str, issuer: "Paper | None" = None, *, days: int = 30) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(issuer.subject if issuer else self.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 60 * DAY)
            .not_valid_after(now + days * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(issuer.key if issuer else self.key, hashes.SHA256())
        )

    @property
    def body(self) -> str:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def private(self) -> str:
        """The key as PEM."""
        return private(self.key)


def private(key: Key, password: bytes | None = None) -> str:
    """A key as PEM, encrypted when there is a password."""
    cipher = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, cipher)
    return key.private_bytes(*form).decode()


def ssh(bits: int = 2048) -> str:
    """A public key of RSA, as SSH has it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
    form = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return key.public_bytes(*form).decode()
