"""boto3 uses the key store as it uses AWS's."""

from collections.abc import Generator
from typing import Any, cast

import botocore.exceptions
import pytest

from tests.cloud import running

CONTEXT = {"purpose": "test", "tenant": "7"}


@pytest.fixture(scope="module")
def cloud() -> Generator[running.RunningCloud]:
    with running.fresh() as cloud:
        yield cloud


@pytest.fixture
def kms(cloud: running.RunningCloud) -> Any:
    return cloud.client("kms")


@pytest.fixture
def key(kms: Any) -> str:
    return kms.create_key(Description="of a test")["KeyMetadata"]["KeyId"]


def refusal(function: Any, **asked: Any) -> str:
    with pytest.raises(botocore.exceptions.ClientError) as error:
        function(**asked)
    return cast(Any, error.value).response["Error"]["Code"]


def test_what_is_encrypted_is_decrypted_in_its_context_alone(kms: Any, key: str) -> None:
    sealed = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=CONTEXT)
    blob = sealed["CiphertextBlob"]
    assert b"secret" not in blob
    back = kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
    assert (back["Plaintext"], back["KeyId"]) == (b"secret", sealed["KeyId"])
    for context in ({}, {"purpose": "test"}, {**CONTEXT, "tenant": "8"}):
        code = refusal(kms.decrypt, CiphertextBlob=blob, EncryptionContext=context)
        assert code == "InvalidCiphertextException"


def test_altered_ciphertext_is_not_opened(kms: Any, key: str) -> None:
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    for at in range(len(blob)):
        altered = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
        assert refusal(kms.decrypt, CiphertextBlob=altered) in (
            "InvalidCiphertextException",
            "AccessDeniedException",
        )
    assert refusal(kms.decrypt, CiphertextBlob=b"x") == "InvalidCiphertextException"


def test_another_key_than_the_ciphertexts_is_incorrect(kms: Any, key: str) -> None:
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    assert refusal(kms.decrypt, CiphertextBlob=blob, KeyId=other) == "IncorrectKeyException"
    moved = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], KeyId=other)["Plaintext"] == (
        b"secret"
    )
