"""Materials that owners bring: wrapped on the way, theirs to take away, never replaced."""

import hmac
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding

from mallee.cloud.kms import specs
from tests.cloud.iam import papers
from tests.cloud.kms.people import refusal

FORM = (
    serialization.Encoding.DER,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
)
STAYS = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}


def make(kms: Any, **asked: Any) -> str:
    return kms.create_key(Origin="EXTERNAL", **asked)["KeyMetadata"]["KeyId"]


def wrapped(
    kms: Any, key: str, material: bytes, algorithm: str = "RSAES_OAEP_SHA_256"
) -> dict[str, Any]:
    """What a material is brought with."""
    told = kms.get_parameters_for_import(
        KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec="RSA_2048"
    )
    public: Any = serialization.load_der_public_key(told["PublicKey"])
    kind = hashes.SHA1() if algorithm.endswith("_1") else hashes.SHA256()
    oaep = padding.OAEP(padding.MGF1(kind), kind, None)
    if algorithm.startswith("RSAES"):
        data = public.encrypt(material, oaep)
    else:
        aes = os.urandom(32)
        data = public.encrypt(aes, oaep) + keywrap.aes_key_wrap_with_padding(aes, material)
    return {"KeyId": key, "ImportToken": told["ImportToken"], "EncryptedKeyMaterial": data}


def test_a_key_waits_for_its_material_and_again_when_that_is_gone(kms: Any) -> None:
    key, material = make(kms), os.urandom(32)
    for function, asked in (
        (kms.encrypt, {"KeyId": key, "Plaintext": b"x"}),
        (kms.enable_key, {"KeyId": key}),
    ):
        assert refusal(function, **asked) == "KMSInvalidStateException"
    kms.import_key_material(**wrapped(kms, key, material), **STAYS)
    told = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (told["KeyState"], told["Origin"]) == ("Enabled", "EXTERNAL")
    assert told["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE"
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.delete_imported_key_material(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"
    assert refusal(kms.decrypt, CiphertextBlob=blob) == "KMSInvalidStateException"
    other = wrapped(kms, key, os.urandom(32))
    assert refusal(kms.import_key_material, **other, **STAYS) == "IncorrectKeyMaterialException"
    kms.import_key_material(**wrapped(kms, key, material), **STAYS)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


@pytest.mark.parametrize(
    "algorithm",
    [
        "RSAES_OAEP_SHA_1",
        "RSAES_OAEP_SHA_256",
        "RSA_AES_KEY_WRAP_SHA_1",
        "RSA_AES_KEY_WRAP_SHA_256",
    ],
)
def test_every_way_of_wrapping_brings_the_same(kms: Any, algorithm: str) -> None:
    key = make(kms, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    kms.import_key_material(**wrapped(kms, key, b"k" * 32, algorithm), **STAYS)
    asked = {"KeyId": key, "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
    assert kms.generate_mac(**asked)["Mac"] == hmac.digest(b"k" * 32, b"m", "sha256")


def test_a_pair_that_was_brought_signs(kms: Any) -> None:
    own = ec.generate_private_key(ec.SECP256R1())
    secret = own.private_bytes(*FORM)
    key = make(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    kms.import_key_material(**wrapped(kms, key, secret, "RSA_AES_KEY_WRAP_SHA_256"), **STAYS)
    asked = {"KeyId": key, "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = kms.sign(**asked)["Signature"]
    own.public_key().verify(signature, b"m", ec.ECDSA(hashes.SHA256()))


def test_a_secret_that_is_too_large_is_refused_at_once() -> None:
    huge = papers.large().private_bytes(*FORM)
    usual, _ = specs.make(specs.SPECS["RSA_2048"])
    looked_s = papers.spent_s(lambda: serialization.load_der_private_key(usual, None))
    assert specs.public_half("RSA_4096", huge) is None
    assert papers.spent_s(lambda: specs.public_half("RSA_4096", huge)) < looked_s
    assert specs.public_half("RSA_2048", usual)


def test_a_secret_of_a_pair_is_used_without_another_look_at_it() -> None:
    secret, _ = specs.make(specs.SPECS["RSA_2048"])
    looked_s = papers.spent_s(lambda: serialization.load_der_private_key(secret, None))
    assert papers.spent_s(lambda: specs.private_key(secret)) < looked_s / 10


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "RSA_2048", "HMAC_256"])
def test_a_secret_of_another_kind_is_none(spec: str) -> None:
    for other in (ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP384R1())):
        assert specs.public_half(spec, other.private_bytes(*FORM)) is None


def test_what_is_brought_wrongly_is_refused(kms: Any, key: str) -> None:
    mine, other = make(kms), make(kms)
    right = wrapped(kms, mine, os.urandom(32))
    bring = kms.import_key_material
    assert refusal(bring, **right) == "ValidationException"
    late = datetime.now(UTC) + timedelta(days=366)
    assert refusal(bring, **right, ValidTo=late) == "ValidationException"
    assert refusal(bring, **{**right, "KeyId": other}, **STAYS) == "InvalidImportTokenException"
    altered = right["ImportToken"][:-1] + bytes([right["ImportToken"][-1] ^ 1])
    assert refusal(bring, **{**right, "ImportToken": altered}, **STAYS) == (
        "InvalidImportTokenException"
    )
    assert refusal(bring, **{**right, "EncryptedKeyMaterial": b"x" * 256}, **STAYS) == (
        "InvalidCiphertextException"
    )
    short = wrapped(kms, mine, os.urandom(16))
    assert refusal(bring, **short, **STAYS) == "IncorrectKeyMaterialException"
    wrapping = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
    code = refusal(kms.get_parameters_for_import, KeyId=key, **wrapping)
    assert code == "UnsupportedOperationException"
    assert refusal(kms.enable_key_rotation, KeyId=mine) == "UnsupportedOperationException"


def test_a_material_says_how_long_it_is_good(kms: Any) -> None:
    key = make(kms)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=7)
    kms.import_key_material(**wrapped(kms, key, os.urandom(32)), ValidTo=until)
    told = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (told["ExpirationModel"], told["ValidTo"]) == ("KEY_MATERIAL_EXPIRES", until)
