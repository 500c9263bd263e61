"""Signatures and codes: those who have the public half agree with the key store about them."""

import hashlib
import hmac
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

from tests.cloud.kms.people import refusal

CURVES = [
    ("ECC_NIST_P256", "ECDSA_SHA_256"),
    ("ECC_NIST_P384", "ECDSA_SHA_384"),
    ("ECC_NIST_P521", "ECDSA_SHA_512"),
    ("ECC_SECG_P256K1", "ECDSA_SHA_256"),
]


def make(kms: Any, spec: str, usage: str = "SIGN_VERIFY") -> str:
    return kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]


@pytest.mark.parametrize(("spec", "algorithm"), CURVES)
def test_a_curve_signs_what_others_verify(kms: Any, spec: str, algorithm: str) -> None:
    key = make(kms, spec)
    asked = {"KeyId": key, "Message": b"message", "SigningAlgorithm": algorithm}
    signature = kms.sign(**asked)["Signature"]
    public: Any = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    kind = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
    public.verify(signature, b"message", ec.ECDSA(kind[algorithm[-3:]]))
    assert kms.verify(**asked, Signature=signature)["SignatureValid"] is True
    asked["Message"] = b"other"
    assert refusal(kms.verify, **asked, Signature=signature) == "KMSInvalidSignatureException"


@pytest.fixture(scope="module")
def rsa(cloud: Any) -> str:
    return make(cloud.client("kms"), "RSA_2048")


@pytest.mark.parametrize("bits", [256, 384, 512])
@pytest.mark.parametrize("scheme", ["PSS", "PKCS1_V1_5"])
def test_rsa_signs_messages_and_digests_alike(kms: Any, rsa: str, scheme: str, bits: int) -> None:
    algorithm = f"RSASSA_{scheme}_SHA_{bits}"
    digest = hashlib.new(f"sha{bits}", b"message").digest()
    asked = {"KeyId": rsa, "SigningAlgorithm": algorithm}
    signature = kms.sign(Message=digest, MessageType="DIGEST", **asked)["Signature"]
    assert kms.verify(Message=b"message", Signature=signature, **asked)["SignatureValid"]
    public: Any = serialization.load_der_public_key(kms.get_public_key(KeyId=rsa)["PublicKey"])
    kind: Any = {256: hashes.SHA256(), 384: hashes.SHA384(), 512: hashes.SHA512()}[bits]
    how = (
        padding.PSS(padding.MGF1(kind), kind.digest_size) if scheme == "PSS" else padding.PKCS1v15()
    )
    public.verify(signature, b"message", how, kind)
    short = {**asked, "Message": digest[1:], "MessageType": "DIGEST"}
    assert refusal(kms.sign, **short) == "ValidationException"


@pytest.mark.parametrize("bits", [224, 256, 384, 512])
def test_codes_are_verified_and_never_told(kms: Any, bits: int) -> None:
    key = make(kms, f"HMAC_{bits}", "GENERATE_VERIFY_MAC")
    asked = {"KeyId": key, "Message": b"message", "MacAlgorithm": f"HMAC_SHA_{bits}"}
    mac = kms.generate_mac(**asked)["Mac"]
    assert len(mac) == bits // 8
    assert kms.verify_mac(**asked, Mac=mac)["MacValid"] is True
    wrong = bytes([mac[0] ^ 1]) + mac[1:]
    assert refusal(kms.verify_mac, **asked, Mac=wrong) == "KMSInvalidMacException"
    assert not hmac.compare_digest(mac, hmac.digest(b"", b"message", f"sha{bits}"))


def test_two_derive_one_secret(kms: Any) -> None:
    key = make(kms, "ECC_NIST_P256", "KEY_AGREEMENT")
    own = ec.generate_private_key(ec.SECP256R1())
    public = own.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    asked = {"KeyId": key, "KeyAgreementAlgorithm": "ECDH", "PublicKey": public}
    derived = kms.derive_shared_secret(**asked)["SharedSecret"]
    theirs: Any = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    assert derived == own.exchange(ec.ECDH(), theirs)
    asked["PublicKey"] = b"nonsense"
    assert refusal(kms.derive_shared_secret, **asked) == "ValidationException"


def test_a_key_does_what_it_is_for_and_nothing_else(kms: Any, rsa: str, key: str) -> None:
    signed = {"KeyId": key, "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    for function, asked in (
        (kms.sign, signed),
        (kms.sign, {**signed, "KeyId": rsa}),
        (kms.encrypt, {"KeyId": rsa, "Plaintext": b"x"}),
        (kms.generate_data_key, {"KeyId": rsa, "KeySpec": "AES_256"}),
        (kms.generate_mac, {"KeyId": key, "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}),
    ):
        assert refusal(function, **asked) == "InvalidKeyUsageException"
    assert refusal(kms.get_public_key, KeyId=key) == "UnsupportedOperationException"
    assert refusal(kms.enable_key_rotation, KeyId=rsa) == "UnsupportedOperationException"
