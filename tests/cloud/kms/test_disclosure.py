"""Refusals tell nobody of another account's keys what he did not say himself."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.cloud.kms.people import Person, allow, error, stranger
from tests.cloud.running import RunningCloud

UNTOLD = (
    "because the resource does not exist in this Region, no resource-based policies allow access, "
    "or a resource-based policy explicitly denies access"
)


@pytest.fixture(scope="module")
def other(cloud: RunningCloud) -> Person:
    return stranger(cloud)


def test_a_foreign_ciphertext_does_not_say_its_key(kms: Any, key: str, other: Person) -> None:
    blob = kms.encrypt(KeyId=key, Plaintext=b"data")["CiphertextBlob"]
    own = other.kms.create_key()["KeyMetadata"]["Arn"]
    for function, asked in (
        (other.kms.decrypt, {"CiphertextBlob": blob}),
        (other.kms.re_encrypt, {"CiphertextBlob": blob, "DestinationKeyId": own}),
    ):
        told = error(function, **asked)
        assert told["Code"] == "AccessDeniedException"
        assert key.rpartition("/")[2] not in told["Message"]
        assert told["Message"].endswith(f"on the resource associated with this ciphertext {UNTOLD}")


def test_a_foreign_alias_does_not_say_its_key_nor_whether_it_is_there(
    kms: Any, key: str, other: Person
) -> None:
    kms.create_alias(AliasName="alias/hidden", TargetKeyId=key)
    there = key.rpartition(":")[0] + ":alias/hidden"
    told = [
        error(other.kms.encrypt, KeyId=name, Plaintext=b"data")["Message"].replace(name, "NAME")
        for name in (there, there + "-not")
    ]
    assert told[0] == told[1]
    assert told[0].endswith(f"on resource: NAME {UNTOLD}")


def test_ones_own_keys_are_told(key: str, kms: Any, user: Callable[..., Person]) -> None:
    blob = kms.encrypt(KeyId=key, Plaintext=b"data")["CiphertextBlob"]
    nobody = user(allow("kms:Encrypt"))
    assert f"resource: {key} because" in error(nobody.kms.decrypt, CiphertextBlob=blob)["Message"]


def test_a_foreign_key_that_is_named_is_told_as_it_was_named(key: str, other: Person) -> None:
    assert key in error(other.kms.encrypt, KeyId=key, Plaintext=b"data")["Message"]
