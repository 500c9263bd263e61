"""Certificates and keys as people would upload them."""

import datetime
import time
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
DAY = datetime.timedelta(days=1)


class Paper:
    """A certificate with its key, signed by itself or by another."""

    def __init__(
        self, name: str, issuer: "Paper | None" = None, *, days: int = 30, key: Key | None = None
    ) -> None:
        self.key: Key = key or ec.generate_private_key(ec.SECP256R1())
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


def large(spoilt: int = 0) -> rsa.RSAPrivateKey:
    """A sound key of RSA, of 8,676 bits, of two primes that everybody knows; or a spoilt one."""
    p, q, e = 2**4423 - 1, 2**4253 - 1, 65537
    d = pow(e, -1, (p - 1) * (q - 1)) + spoilt
    return rsa.RSAPrivateNumbers(
        *(p, q, d),
        dmp1=rsa.rsa_crt_dmp1(d, p),
        dmq1=rsa.rsa_crt_dmq1(d, q),
        iqmp=rsa.rsa_crt_iqmp(p, q),
        public_numbers=rsa.RSAPublicNumbers(e, p * q),
    ).private_key(unsafe_skip_rsa_key_validation=True)


def spent_s(do: Callable[[], object]) -> float:
    """How much of the processor's time something takes, in seconds."""
    began_at = time.thread_time()
    do()
    return time.thread_time() - began_at


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
