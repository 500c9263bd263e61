"""What keys seal opens under them alone, and in its context alone."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from tests.cloud.kms.people import error, refusal

CONTEXT = {"purpose": "test", "tenant": "7"}


def test_what_is_encrypted_is_decrypted_in_its_context_alone(kms: Any, key: str) -> None:
    sealed = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=CONTEXT)
    blob = sealed["CiphertextBlob"]
    assert b"secret" not in blob
    back = kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
    assert (back["Plaintext"], back["KeyId"]) == (b"secret", key)
    for context in ({}, {"purpose": "test"}, {**CONTEXT, "tenant": "8"}):
        code = refusal(kms.decrypt, CiphertextBlob=blob, EncryptionContext=context)
        assert code == "InvalidCiphertextException"


def test_the_same_bytes_are_never_sealed_alike(kms: Any, key: str) -> None:
    blobs = {kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"] for _ in range(8)}
    assert len(blobs) == 8


def test_altered_ciphertext_is_not_opened(kms: Any, key: str) -> None:
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    for at in range(len(blob)):
        altered = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
        assert refusal(kms.decrypt, CiphertextBlob=altered) == "InvalidCiphertextException"
    for length in (1, 20, len(blob) - 1):
        cut = blob[:length]
        assert refusal(kms.decrypt, CiphertextBlob=cut) == "InvalidCiphertextException"


def test_another_key_than_the_ciphertexts_is_incorrect(kms: Any, key: str) -> None:
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    assert refusal(kms.decrypt, CiphertextBlob=blob, KeyId=other) == "IncorrectKeyException"
    moved = kms.re_encrypt(
        CiphertextBlob=blob, DestinationKeyId=other, DestinationEncryptionContext=CONTEXT
    )
    assert (moved["SourceKeyId"], moved["KeyId"].endswith(other)) == (key, True)
    back = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert back["Plaintext"] == b"secret"


def test_data_keys_come_in_the_clear_and_sealed(kms: Any, key: str) -> None:
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=CONTEXT)
    assert len(made["Plaintext"]) == 32
    back = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert back["Plaintext"] == made["Plaintext"]
    bare = kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=64)
    assert "Plaintext" not in bare
    assert len(kms.decrypt(CiphertextBlob=bare["CiphertextBlob"])["Plaintext"]) == 64
    both = {"KeySpec": "AES_128", "NumberOfBytes": 16}
    for asked in ({}, both):
        assert refusal(kms.generate_data_key, KeyId=key, **asked) == "ValidationException"


@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P384"])
def test_pairs_of_data_keys_belong_together(kms: Any, key: str, spec: str) -> None:
    made = kms.generate_data_key_pair(KeyId=key, KeyPairSpec=spec)
    private: Any = serialization.load_der_private_key(made["PrivateKeyPlaintext"], None)
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert public == made["PublicKey"]
    sealed = made["PrivateKeyCiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == made["PrivateKeyPlaintext"]
    bare = kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec=spec)
    assert "PrivateKeyPlaintext" not in bare


def test_an_rsa_key_opens_what_anybody_sealed_with_its_public_half(kms: Any) -> None:
    made = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]
    told = kms.get_public_key(KeyId=made["KeyId"])
    public: Any = serialization.load_der_public_key(told["PublicKey"])
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    asked = {"KeyId": made["KeyId"], "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    blob = public.encrypt(b"secret", oaep)
    assert kms.decrypt(CiphertextBlob=blob, **asked)["Plaintext"] == b"secret"
    own = kms.encrypt(Plaintext=b"own", **asked)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=own, **asked)["Plaintext"] == b"own"
    assert refusal(kms.encrypt, Plaintext=b"x" * 191, **asked) == "ValidationException"
    code = refusal(kms.encrypt, Plaintext=b"x", EncryptionContext=CONTEXT, **asked)
    assert code == "ValidationException"
    code = refusal(kms.encrypt, KeyId=made["KeyId"], Plaintext=b"x")
    assert code == "InvalidKeyUsageException"


def test_a_dry_run_says_what_would_be_and_does_nothing(kms: Any, key: str) -> None:
    asked = {"KeyId": key, "Plaintext": b"x", "DryRun": True}
    assert refusal(kms.encrypt, **asked) == "DryRunOperationException"
    kms.disable_key(KeyId=key)
    assert error(kms.encrypt, **asked) == {
        "Code": "DisabledException",
        "Message": f"{key} is disabled.",
    }


def test_chance_is_as_long_as_it_is_asked_for(kms: Any) -> None:
    assert len(kms.generate_random(NumberOfBytes=1024)["Plaintext"]) == 1024
    assert refusal(kms.generate_random, NumberOfBytes=1025) == "ValidationException"
    asked = {"NumberOfBytes": 8, "CustomKeyStoreId": "cks-1"}
    assert refusal(kms.generate_random, **asked) == "UnsupportedOperationException"


def test_sealed_things_survive_a_restart(cloud: Any, key: str) -> None:
    blob = cloud.client("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    cloud.restart()
    assert cloud.client("kms").decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
