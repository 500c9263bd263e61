"""Who may use a key: its policy must let him in, and his account's policies say the rest."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cloud.kms.people import Person, allow, error, refusal, stranger
from tests.cloud.running import RunningCloud

User = Callable[..., Person]


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def to(principal: str, *actions: str, **more: Any) -> dict[str, Any]:
    return {**allow(*actions), "Principal": {"AWS": principal}, **more}


def test_the_usual_policy_leaves_it_to_the_account(kms: Any, key: str, user: User) -> None:
    nobody, may = user(), user(allow("kms:Encrypt", resource=key))
    asked = {"KeyId": key, "Plaintext": b"x"}
    refused = error(nobody.kms.encrypt, **asked)
    assert refused["Code"] == "AccessDeniedException"
    assert refused["Message"] == (
        f"User: {nobody.arn} is not authorized to perform: kms:Encrypt on resource: {key} because "
        "no identity-based policy allows the kms:Encrypt action"
    )
    assert may.kms.encrypt(**asked)["KeyId"] == key
    assert refusal(may.kms.decrypt, CiphertextBlob=b"x" * 90, KeyId=key) == "AccessDeniedException"
    told = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    assert told["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{may.account}:root"}
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]


def test_nobody_may_whom_the_keys_policy_does_not_let_in(
    cloud: RunningCloud, key: str, user: User
) -> None:
    admin = cloud.client("sts").get_caller_identity()["Arn"]
    ann, all_rights = user(), user(allow("*"))
    kms = cloud.client("kms")
    text = policy(to(admin, "kms:*"), to(ann.arn, "kms:Encrypt"))
    kms.put_key_policy(KeyId=key, Policy=text, PolicyName="default")
    asked = {"KeyId": key, "Plaintext": b"x"}
    assert ann.kms.encrypt(**asked)["KeyId"] == key
    assert refusal(all_rights.kms.encrypt, **asked) == "AccessDeniedException"
    assert refusal(all_rights.kms.put_key_policy, KeyId=key, Policy=text) == (
        "AccessDeniedException"
    )
    assert json.loads(kms.get_key_policy(KeyId=key)["Policy"]) == json.loads(text)


def test_a_name_given_away_inherits_nothing(cloud: RunningCloud, key: str, user: User) -> None:
    ann, kms, iam = user(), cloud.client("kms"), cloud.client("iam")
    admin = cloud.client("sts").get_caller_identity()["Arn"]
    kms.put_key_policy(KeyId=key, Policy=policy(to(admin, "kms:*"), to(ann.arn, "kms:Encrypt")))
    name = ann.arn.rpartition("/")[2]
    for one in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=one["AccessKeyId"])
    iam.delete_user(UserName=name)
    iam.create_user(UserName=name)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    again = cloud.client(
        "kms",
        {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]},
    )
    assert refusal(again.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    assert "AIDA" in kms.get_key_policy(KeyId=key)["Policy"]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        policy(allow("kms:*")),
        policy(to("arn:aws:iam::000000000000:user/nobody", "kms:*")),
        policy({**to("*", "s3:*")}),
        policy(to("*", "kms:Encrypt")),
    ],
    ids=["empty", "nobody", "unknown", "of another service", "locked out"],
)
def test_a_policy_that_cannot_be_is_refused(kms: Any, key: str, text: str) -> None:
    asked = {"KeyId": key, "Policy": text}
    assert refusal(kms.put_key_policy, **asked) == "MalformedPolicyDocumentException"
    assert refusal(kms.create_key, Policy=text) == "MalformedPolicyDocumentException"


def test_who_knows_what_he_does_may_lock_himself_out(kms: Any, key: str) -> None:
    text = policy(to("*", "kms:Encrypt"))
    kms.put_key_policy(KeyId=key, Policy=text, BypassPolicyLockoutSafetyCheck=True)
    assert refusal(kms.get_key_policy, KeyId=key) == "AccessDeniedException"
    assert kms.encrypt(KeyId=key, Plaintext=b"x")["KeyId"] == key


def test_another_account_uses_a_key_when_both_say_so(
    cloud: RunningCloud, kms: Any, key: str
) -> None:
    other = stranger(cloud)
    asked = {"KeyId": key, "Plaintext": b"x"}
    assert refusal(other.kms.encrypt, **asked) == "AccessDeniedException"
    told = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    told["Statement"].append(to(other.account, "kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"))
    kms.put_key_policy(KeyId=key, Policy=json.dumps(told))
    blob = other.kms.encrypt(**asked)["CiphertextBlob"]
    assert other.kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert other.kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"] == key
    assert refusal(other.kms.disable_key, KeyId=key) == "AccessDeniedException"
    asked["KeyId"] = key.rpartition("/")[2]
    assert refusal(other.kms.encrypt, **asked) == "NotFoundException"
    unknown = key[:-4] + "0000"
    assert refusal(other.kms.describe_key, KeyId=unknown) == "AccessDeniedException"


def test_conditions_ask_about_context_alias_and_tag(kms: Any, user: User) -> None:
    tags = [{"TagKey": "team", "TagValue": "red"}]
    key = kms.create_key(Tags=tags)["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/conditions", TargetKeyId=key)
    context = user(
        allow("kms:Encrypt", StringEquals={"kms:EncryptionContext:Tenant": "7"}),
    )
    asked: dict[str, Any] = {"KeyId": key, "Plaintext": b"x"}
    assert refusal(context.kms.encrypt, **asked) == "AccessDeniedException"
    wrong = {**asked, "EncryptionContext": {"Tenant": "8"}}
    assert refusal(context.kms.encrypt, **wrong) == "AccessDeniedException"
    assert context.kms.encrypt(**{**asked, "EncryptionContext": {"Tenant": "7"}})["KeyId"]
    tagged = user(allow("kms:Encrypt", StringEquals={"aws:ResourceTag/team": "red"}))
    assert tagged.kms.encrypt(**asked)["KeyId"]
    named = user(allow("kms:Encrypt", StringEquals={"kms:RequestAlias": "alias/conditions"}))
    assert refusal(named.kms.encrypt, **asked) == "AccessDeniedException"
    assert named.kms.encrypt(**{**asked, "KeyId": "alias/conditions"})["KeyId"]
    has: dict[str, Any] = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/conditions"}}
    assert user(allow("kms:Encrypt", **has)).kms.encrypt(**asked)["KeyId"]
    through = allow("kms:Encrypt", StringLike={"kms:ViaService": "*"})
    assert refusal(user(through).kms.encrypt, **asked) == "AccessDeniedException"


def test_to_reencrypt_takes_both_keys_and_both_contexts(kms: Any, key: str, user: User) -> None:
    other = kms.create_key()["KeyMetadata"]["Arn"]
    context = {"from": "here"}
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)
    asked = {
        "CiphertextBlob": sealed["CiphertextBlob"],
        "DestinationKeyId": other,
        "SourceEncryptionContext": context,
    }
    come = allow("kms:ReEncryptFrom", StringEquals={"kms:EncryptionContext:from": "here"})
    go = allow("kms:ReEncryptTo", Null={"kms:EncryptionContextKeys": "true"})
    assert user(come, go).kms.re_encrypt(**asked)["KeyId"] == other
    for lacking in ((come,), (go,)):
        assert refusal(user(*lacking).kms.re_encrypt, **asked) == "AccessDeniedException"


def test_to_make_a_key_with_tags_takes_two_permissions(user: User) -> None:
    tags = [{"TagKey": "team", "TagValue": "red"}]
    maker = user(allow("kms:CreateKey"))
    assert refusal(maker.kms.create_key, Tags=tags) == "AccessDeniedException"
    red = allow("kms:TagResource", "kms:CreateKey", StringEquals={"aws:RequestTag/team": "red"})
    assert user(red).kms.create_key(Tags=tags)["KeyMetadata"]["Enabled"]
