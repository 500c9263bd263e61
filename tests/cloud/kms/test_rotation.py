"""A key gets new materials in time or when asked, and opens what older ones sealed."""

from typing import Any

from tests.cloud.kms.people import refusal


def test_what_was_sealed_before_opens_after(kms: Any, key: str) -> None:
    blobs = [kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]]
    for _ in range(3):
        kms.rotate_key_on_demand(KeyId=key)
        blobs.append(kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"])
    opened = [kms.decrypt(CiphertextBlob=blob) for blob in blobs]
    assert [one["Plaintext"] for one in opened] == [b"x"] * 4
    assert len({one["KeyMaterialId"] for one in opened}) == 4
    current = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert opened[-1]["KeyMaterialId"] == current
    found = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert {one["RotationType"] for one in found} == {"ON_DEMAND"}
    assert [one["KeyMaterialId"] for one in found] == [one["KeyMaterialId"] for one in opened[1:]]
    every = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    states = [one["KeyMaterialState"] for one in every]
    assert states == ["NON_CURRENT"] * 3 + ["CURRENT"]
    assert "RotationDate" not in every[0]


def test_a_key_is_rotated_on_demand_so_often(kms: Any, key: str) -> None:
    for _ in range(25):
        kms.rotate_key_on_demand(KeyId=key)
    assert refusal(kms.rotate_key_on_demand, KeyId=key) == "LimitExceededException"


def test_when_it_rotates_next_is_told(kms: Any, key: str) -> None:
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    kms.enable_key_rotation(KeyId=key)
    told = kms.get_key_rotation_status(KeyId=key)
    assert (told["KeyRotationEnabled"], told["RotationPeriodInDays"]) == (True, 365)
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    sooner = kms.get_key_rotation_status(KeyId=key)
    assert sooner["RotationPeriodInDays"] == 90
    assert sooner["NextRotationDate"] < told["NextRotationDate"]
    kms.disable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    for days in (89, 2561):
        asked = {"KeyId": key, "RotationPeriodInDays": days}
        assert refusal(kms.enable_key_rotation, **asked) == "ValidationException"
