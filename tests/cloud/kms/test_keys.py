"""Keys are made, described, switched off and on, named, tagged and deleted as on AWS."""

from typing import Any

import pytest

from mallee.model.identity import quotas
from tests.cloud.kms.people import error, refusal, stranger
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender

SORTS = [
    ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "EncryptionAlgorithms"),
    ("HMAC_256", "GENERATE_VERIFY_MAC", "MacAlgorithms"),
    ("RSA_2048", "SIGN_VERIFY", "SigningAlgorithms"),
    ("RSA_2048", "ENCRYPT_DECRYPT", "EncryptionAlgorithms"),
    ("ECC_NIST_P256", "SIGN_VERIFY", "SigningAlgorithms"),
    ("ECC_NIST_P256", "KEY_AGREEMENT", "KeyAgreementAlgorithms"),
]


@pytest.mark.parametrize(("spec", "usage", "algorithms"), SORTS)
def test_a_key_is_described_as_it_was_wanted(
    kms: Any, spec: str, usage: str, algorithms: str
) -> None:
    made = kms.create_key(KeySpec=spec, KeyUsage=usage, Description="d")["KeyMetadata"]
    told = kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"]
    assert told == made
    assert (told["KeySpec"], told["KeyUsage"], told["KeyState"]) == (spec, usage, "Enabled")
    assert (told["KeyManager"], told["Origin"], told["MultiRegion"]) == (
        "CUSTOMER",
        "AWS_KMS",
        False,
    )
    assert told[algorithms]
    assert told["Arn"].endswith(f":key/{told['KeyId']}")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"KeySpec": "SM2"}, "UnsupportedOperationException"),
        ({"KeySpec": "RSA_2048"}, "ValidationException"),
        ({"KeySpec": "HMAC_256", "KeyUsage": "SIGN_VERIFY"}, "ValidationException"),
        ({"KeySpec": "RSA_1"}, "ValidationException"),
        ({"MultiRegion": True}, "UnsupportedOperationException"),
        ({"Origin": "EXTERNAL_KEY_STORE"}, "UnsupportedOperationException"),
        ({"CustomKeyStoreId": "cks-1"}, "UnsupportedOperationException"),
        ({"Policy": "nonsense"}, "MalformedPolicyDocumentException"),
        ({"Tags": [{"TagKey": "aws:x", "TagValue": "y"}]}, "TagException"),
    ],
)
def test_a_key_that_cannot_be_is_refused(kms: Any, asked: dict[str, Any], code: str) -> None:
    assert refusal(kms.create_key, **asked) == code


def test_a_key_that_is_off_does_nothing_until_it_is_on(kms: Any, key: str) -> None:
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    for _ in range(2):
        kms.disable_key(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    for function, asked in (
        (kms.encrypt, {"KeyId": key, "Plaintext": b"x"}),
        (kms.decrypt, {"CiphertextBlob": blob}),
        (kms.generate_data_key, {"KeyId": key, "KeySpec": "AES_256"}),
        (kms.rotate_key_on_demand, {"KeyId": key}),
    ):
        assert refusal(function, **asked) == "DisabledException"
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_a_key_is_deleted_later_and_may_be_kept_meanwhile(kms: Any, key: str) -> None:
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    told = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert (told["KeyState"], told["PendingWindowInDays"]) == ("PendingDeletion", 7)
    shown = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (shown["KeyState"], shown["DeletionDate"]) == ("PendingDeletion", told["DeletionDate"])
    for function, asked in (
        (kms.decrypt, {"CiphertextBlob": blob}),
        (kms.enable_key, {"KeyId": key}),
        (kms.schedule_key_deletion, {"KeyId": key}),
        (kms.create_alias, {"AliasName": "alias/late", "TargetKeyId": key}),
        (kms.tag_resource, {"KeyId": key, "Tags": [{"TagKey": "a", "TagValue": "b"}]}),
    ):
        assert error(function, **asked) == {
            "Code": "KMSInvalidStateException",
            "Message": f"{key} is pending deletion.",
        }
    kms.cancel_key_deletion(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert refusal(kms.cancel_key_deletion, KeyId=key) == "KMSInvalidStateException"
    for days in (6, 31):
        asked = {"KeyId": key, "PendingWindowInDays": days}
        assert refusal(kms.schedule_key_deletion, **asked) == "ValidationException"


def test_a_key_has_four_names(kms: Any, key: str) -> None:
    kms.create_alias(AliasName="alias/named", TargetKeyId=key)
    id, prefix = key.rpartition("/")[2], key.rpartition("key/")[0]
    for name in (id, key, "alias/named", f"{prefix}alias/named"):
        assert kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] == key
        assert kms.encrypt(KeyId=name, Plaintext=b"x")["KeyId"] == key
    for name in ("0000", "alias/other", f"{key}0", key.replace("us-east-1", "eu-west-1")):
        assert refusal(kms.describe_key, KeyId=name) == "NotFoundException"


def test_an_alias_moves_among_keys_of_a_sort(kms: Any, key: str) -> None:
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    signs = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/moves", TargetKeyId=key)
    asked = {"AliasName": "alias/moves", "TargetKeyId": other}
    assert refusal(kms.create_alias, **asked) == "AlreadyExistsException"
    kms.update_alias(**asked)
    assert kms.list_aliases(KeyId=other)["Aliases"][0]["AliasName"] == "alias/moves"
    assert kms.list_aliases(KeyId=key)["Aliases"] == []
    asked["TargetKeyId"] = signs
    assert refusal(kms.update_alias, **asked) == "ValidationException"
    kms.delete_alias(AliasName="alias/moves")
    assert refusal(kms.delete_alias, AliasName="alias/moves") == "NotFoundException"
    for name, code in (
        ("moves", "ValidationException"),
        ("alias/aws/mine", "NotAuthorizedException"),
        ("alias/a:b", "InvalidAliasNameException"),
        ("alias/a b", "ValidationException"),
    ):
        assert refusal(kms.create_alias, AliasName=name, TargetKeyId=key) == code


def test_a_services_own_key_is_there_when_it_is_asked_about(cloud: RunningCloud) -> None:
    kms, name = stranger(cloud).kms, "alias/aws/s3"
    listed = {one["AliasName"]: "TargetKeyId" in one for one in kms.list_aliases()["Aliases"]}
    assert listed == {"alias/aws/ebs": False, name: False}
    made = kms.describe_key(KeyId=name)["KeyMetadata"]
    assert (made["KeyManager"], made["KeyState"]) == ("AWS", "Enabled")
    assert kms.describe_key(KeyId=name)["KeyMetadata"] == made
    found = {one["AliasName"]: one.get("TargetKeyId") for one in kms.list_aliases()["Aliases"]}
    assert found == {"alias/aws/ebs": None, name: made["KeyId"]}
    for function, asked in (
        (kms.disable_key, {"KeyId": made["KeyId"]}),
        (kms.schedule_key_deletion, {"KeyId": made["KeyId"]}),
        (kms.create_alias, {"AliasName": "alias/own", "TargetKeyId": made["KeyId"]}),
        (kms.encrypt, {"KeyId": made["KeyId"], "Plaintext": b"x"}),
    ):
        assert refusal(function, **asked) == "AccessDeniedException"


def test_tags_are_set_and_taken_off(kms: Any) -> None:
    tags = [{"TagKey": name, "TagValue": "1"} for name in "abc"]
    key = kms.create_key(Tags=tags)["KeyMetadata"]["KeyId"]
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "a", "TagValue": "2"}])
    kms.untag_resource(KeyId=key, TagKeys=["b", "none"])
    found = kms.list_resource_tags(KeyId=key)["Tags"]
    assert found == [{"TagKey": "a", "TagValue": "2"}, {"TagKey": "c", "TagValue": "1"}]
    many = [{"TagKey": str(number), "TagValue": ""} for number in range(49)]
    assert refusal(kms.tag_resource, KeyId=key, Tags=many) == "LimitExceededException"


def test_lists_come_in_pages(cloud: RunningCloud) -> None:
    kms = stranger(cloud).kms
    made = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(5)}
    first = kms.list_keys(Limit=2)
    assert (len(first["Keys"]), first["Truncated"]) == (2, True)
    pages = kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2})
    assert {key["KeyId"] for page in pages for key in page["Keys"]} == made
    assert kms.list_keys()["Truncated"] is False
    assert refusal(kms.list_keys, Marker="nonsense") == "InvalidMarkerException"
    other = stranger(cloud).kms
    marker = first["NextMarker"]
    assert refusal(other.list_keys, Marker=marker) == "InvalidMarkerException"
    assert other.list_keys()["Keys"] == []


def test_an_account_has_no_more_keys_than_its_quota(cloud: RunningCloud) -> None:
    other = stranger(cloud)
    asked = {"AccountName": other.account, "Key": quotas.STORED_KEYS, "Limit": "1"}
    assert Sender(cloud.port, cloud.admin).ask("mallee", "PutQuota", **asked).status == 200
    other.kms.create_key()
    assert refusal(other.kms.create_key) == "LimitExceededException"


def test_a_key_has_fifty_aliases_at_most(kms: Any, key: str) -> None:
    for number in range(50):
        kms.create_alias(AliasName=f"alias/many-{number}", TargetKeyId=key)
    asked = {"AliasName": "alias/many-50", "TargetKeyId": key}
    assert refusal(kms.create_alias, **asked) == "LimitExceededException"
