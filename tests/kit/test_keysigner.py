"""What a signer says is what OpenSSL, asked as a guest's ec2-instance-connect asks it, believes."""

import base64
import subprocess
from pathlib import Path

import pytest

from mallee.kit import clock, keysigner, pki

NAME = "managed-ssh-signer.us-east-1.mallee.internal"


@pytest.fixture(scope="module")
def signer() -> keysigner.Signer:
    return keysigner.create(NAME, "mallee-key-signer-0", clock.SYSTEM.now())


@pytest.fixture
def chain(signer: keysigner.Signer, tmp_path: Path) -> Path:
    """A directory with the chain in pieces, and the signer's public key."""
    end = "-----END CERTIFICATE-----\n"
    own, authority, _ = (signer.chain_pem + "\n").split(end)
    (tmp_path / "cert.pem").write_text(own + end)
    (tmp_path / "authority.pem").write_text(authority + end)
    public = openssl(tmp_path, "x509", "-pubkey", "-noout", "-in", "cert.pem")
    (tmp_path / "public").write_text(public)
    return tmp_path


def openssl(where: Path, *words: str) -> str:
    done = subprocess.run(
        ["openssl", *words], cwd=where, capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else f"refused: {done.stderr}"


def verify(where: Path, said: bytes, signature: str) -> str:
    (where / "said").write_bytes(said)
    (where / "signature").write_bytes(base64.b64decode(signature))
    scheme = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32")
    return openssl(
        where, "dgst", "-sha256", *scheme, "-verify", "public", "-signature", "signature", "said"
    )


def test_the_chain_holds_under_strict_rules(chain: Path) -> None:
    told = openssl(chain, "verify", "-x509_strict", "-CAfile", "authority.pem", "cert.pem")
    assert told == "cert.pem: OK\n"
    assert NAME in openssl(chain, "x509", "-noout", "-subject", "-in", "cert.pem")


def test_the_certificate_is_not_revoked(signer: keysigner.Signer, chain: Path) -> None:
    fingerprint, word = keysigner.staple(signer, clock.SYSTEM.now())
    (chain / fingerprint).write_bytes(base64.b64decode(word))
    asked = ("-issuer", "authority.pem", "-cert", "cert.pem", "-VAfile", "authority.pem")
    told = openssl(chain, "ocsp", "-no_nonce", *asked, "-respin", fingerprint)
    assert told.startswith("cert.pem: good")
    shown = openssl(chain, "x509", "-noout", "-fingerprint", "-sha1", "-in", "cert.pem")
    assert shown.partition("=")[2].strip().replace(":", "") == fingerprint


def test_a_signature_holds_for_what_was_said_alone(signer: keysigner.Signer, chain: Path) -> None:
    signature = keysigner.sign(signer, b"#Timestamp=1\nssh-rsa A\n")
    assert verify(chain, b"#Timestamp=1\nssh-rsa A\n", signature) == "Verified OK\n"
    assert verify(chain, b"#Timestamp=9\nssh-rsa A\n", signature).startswith("refused")


def test_it_is_read_back_as_it_was(signer: keysigner.Signer) -> None:
    read = keysigner.load(keysigner.encode(signer))
    assert (read.name, read.chain_pem) == (NAME, signer.chain_pem)
    assert read.key.public_key() == signer.key.public_key()
    for wrong in (b"", b"-----BEGIN CERTIFICATE-----\n", keysigner.encode(signer)[:-300]):
        with pytest.raises(pki.BadCertificate):
            keysigner.load(wrong)
