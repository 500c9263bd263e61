"""The trail has every use of a key with its encryption context, and nothing that was sealed."""

import json
import time
from typing import Any

from tests.cloud import written
from tests.cloud.kms.people import allow, error, stranger
from tests.cloud.running import RunningCloud

SECRET = b"correct horse battery staple"


def events(cloud: RunningCloud, trail: Any, name: str) -> list[dict[str, Any]]:
    """The calls of a name, once they are written."""
    named = [{"AttributeKey": "EventName", "AttributeValue": name}]
    deadline = time.monotonic() + 60
    while True:
        found = trail.lookup_events(LookupAttributes=named)["Events"]
        if found or time.monotonic() > deadline:
            return [json.loads(one["CloudTrailEvent"]) for one in found]
        time.sleep(0.05)


def test_a_use_is_told_with_its_context_and_without_its_secret(
    cloud: RunningCloud, kms: Any, key: str
) -> None:
    context = {"tenant": "7"}
    blob = kms.encrypt(KeyId=key, Plaintext=SECRET, EncryptionContext=context)["CiphertextBlob"]
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context)
    kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
    trail = cloud.client("cloudtrail")
    for name in ("Encrypt", "GenerateDataKey", "Decrypt"):
        told = events(cloud, trail, name)[0]
        assert told["requestParameters"]["encryptionContext"] == context
        assert (told["readOnly"], told["eventSource"]) == (True, "kms.amazonaws.com")
    files = b"".join(written.contents(cloud.layout.trail).values())
    for secret in (SECRET, made["Plaintext"]):
        assert secret not in files
        assert secret.hex().encode() not in files


def test_the_owner_of_a_key_sees_who_else_uses_it(cloud: RunningCloud, kms: Any, key: str) -> None:
    other = stranger(cloud)
    told = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    told["Statement"].append({**allow("kms:Sign", "kms:*"), "Principal": {"AWS": other.account}})
    kms.put_key_policy(KeyId=key, Policy=json.dumps(told))
    other.kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256")
    trail = cloud.client("cloudtrail")
    (seen,) = events(cloud, trail, "GenerateDataKeyWithoutPlaintext")
    assert seen["userIdentity"]["accountId"] == other.account


def test_refusals_tell_nothing_of_what_was_to_be_sealed(kms: Any, key: str) -> None:
    asked = {"KeyId": key, "Plaintext": SECRET, "EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}
    assert error(kms.encrypt, **asked)["Code"] == "InvalidKeyUsageException"
    told = error(kms.encrypt, KeyId=key, Plaintext=SECRET * 200)
    assert told["Code"] == "ValidationException"
    assert "battery" not in told["Message"]
