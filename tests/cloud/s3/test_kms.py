"""Objects under keys of the key store, by boto3: who may put and read them, and when nobody may."""

import io
import json
from collections.abc import Generator
from typing import Any, cast

import boto3
import botocore.exceptions
import pytest
import requests
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from tests.cloud.s3 import running
from tests.cloud.signing import Sender

BIG = bytes(range(251)) * 50_000
IN_PARTS = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)


@pytest.fixture(scope="module")
def cloud() -> Generator[running.RunningS3]:
    with running.fresh() as cloud:
        cloud.s3().create_bucket(Bucket="bbb")
        yield cloud


@pytest.fixture
def s3(cloud: running.RunningS3) -> Any:
    return cloud.s3()


@pytest.fixture
def key(cloud: running.RunningS3) -> str:
    return cloud.client("kms").create_key()["KeyMetadata"]["Arn"]


def under(key: str = "", **more: Any) -> dict[str, Any]:
    return {"ServerSideEncryption": "aws:kms", **({"SSEKMSKeyId": key} if key else {}), **more}


def refusal(function: Any, **asked: Any) -> tuple[str, str]:
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        function(**asked)
    error = cast(Any, caught.value).response["Error"]
    return error["Code"], error.get("Message", "")


def user(cloud: running.RunningS3, name: str, *statements: dict[str, Any]) -> dict[str, str]:
    """Make a user with these statements; return his key."""
    iam = cloud.client("iam")
    iam.create_user(UserName=name)
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return {
        "access_key_id": made["AccessKeyId"],
        "secret_access_key": made["SecretAccessKey"],
    }


def allow(*actions: str, **conditions: Any) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return {**statement, "Condition": conditions} if conditions else statement


def test_an_object_comes_back_and_says_its_key(s3: Any, key: str) -> None:
    put = s3.put_object(Bucket="bbb", Key="one", Body=b"data", **under(key))
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", key)
    assert put["ETag"] != '"8d777f385d3dfec8815d20f7496026dc"'
    for answer in (s3.get_object(Bucket="bbb", Key="one"), s3.head_object(Bucket="bbb", Key="one")):
        assert (answer["ServerSideEncryption"], answer["SSEKMSKeyId"]) == ("aws:kms", key)
        assert answer["ETag"] == put["ETag"]
    assert s3.get_object(Bucket="bbb", Key="one")["Body"].read() == b"data"


def test_without_a_key_it_is_s3s_own_which_nobody_else_uses(
    cloud: running.RunningS3, s3: Any
) -> None:
    own = s3.put_object(Bucket="bbb", Key="own", Body=b"data", **under())["SSEKMSKeyId"]
    assert s3.put_object(Bucket="bbb", Key="own2", Body=b"x", **under())["SSEKMSKeyId"] == own
    assert s3.get_object(Bucket="bbb", Key="own")["Body"].read() == b"data"
    kms = cloud.client("kms")
    told = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    assert (told["Arn"], told["KeyManager"]) == (own, "AWS")
    assert refusal(kms.encrypt, KeyId=own, Plaintext=b"x")[0] == "AccessDeniedException"
    assert refusal(kms.disable_key, KeyId=own)[0] == "AccessDeniedException"


def test_a_transfer_in_parts_comes_back_whole(s3: Any, key: str) -> None:
    s3.upload_fileobj(io.BytesIO(BIG), "bbb", "big", ExtraArgs=under(key), Config=IN_PARTS)
    back = io.BytesIO()
    s3.download_fileobj("bbb", "big", back, Config=IN_PARTS)
    assert back.getvalue() == BIG
    got = s3.get_object(Bucket="bbb", Key="big", Range="bytes=5242870-5242889")
    assert got["Body"].read() == BIG[5_242_870:5_242_890]
    assert s3.head_object(Bucket="bbb", Key="big")["SSEKMSKeyId"] == key


def test_a_bucket_names_the_key_that_its_objects_are_under(
    cloud: running.RunningS3, s3: Any, key: str
) -> None:
    alias = "alias/of-a-bucket"
    cloud.client("kms").create_alias(AliasName=alias, TargetKeyId=key)
    s3.create_bucket(Bucket="sealed")
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": alias}
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket="sealed", ServerSideEncryptionConfiguration={"Rules": [rule]})
    told = s3.get_bucket_encryption(Bucket="sealed")["ServerSideEncryptionConfiguration"]
    assert told["Rules"] == [rule]
    put = s3.put_object(Bucket="sealed", Key="key", Body=b"data")
    assert (put["SSEKMSKeyId"], put["BucketKeyEnabled"]) == (key, True)
    assert s3.head_object(Bucket="sealed", Key="key")["BucketKeyEnabled"] is True
    assert s3.get_object(Bucket="sealed", Key="key")["Body"].read() == b"data"
    other = s3.put_object(Bucket="sealed", Key="plain", Body=b"x", ServerSideEncryption="AES256")
    assert "SSEKMSKeyId" not in other


def test_who_may_not_use_the_key_neither_puts_nor_reads(
    cloud: running.RunningS3, s3: Any, key: str
) -> None:
    s3.put_object(Bucket="bbb", Key="kept", Body=b"data", **under(key))
    ann = cloud.s3(user(cloud, "ann", allow("s3:*")))
    code, why = refusal(ann.get_object, Bucket="bbb", Key="kept")
    assert code == "AccessDenied"
    assert f"kms:Decrypt on resource: {key}" in why
    code, why = refusal(ann.put_object, Bucket="bbb", Key="new", Body=b"x", **under(key))
    assert code == "AccessDenied"
    assert f"kms:GenerateDataKey on resource: {key}" in why
    assert ann.head_object(Bucket="bbb", Key="kept")["SSEKMSKeyId"] == key
    copy = {"Bucket": "bbb", "Key": "copy", "CopySource": "bbb/kept"}
    assert refusal(ann.copy_object, **copy)[0] == "AccessDenied"
    code, _ = refusal(ann.create_multipart_upload, Bucket="bbb", Key="new", **under(key))
    assert code == "AccessDenied"


def test_uploads_take_both_permissions(cloud: running.RunningS3, key: str) -> None:
    makes = cloud.s3(user(cloud, "maker", allow("s3:*", "kms:GenerateDataKey")))
    makes.put_object(Bucket="bbb", Key="made", Body=b"x", **under(key))
    assert refusal(makes.create_multipart_upload, Bucket="bbb", Key="m", **under(key))[0] == (
        "AccessDenied"
    )
    both = cloud.s3(user(cloud, "both", allow("s3:*", "kms:GenerateDataKey", "kms:Decrypt")))
    both.upload_fileobj(io.BytesIO(BIG), "bbb", "both", ExtraArgs=under(key), Config=IN_PARTS)
    upload = both.create_multipart_upload(Bucket="bbb", Key="m", **under(key))["UploadId"]
    assert (
        refusal(makes.upload_part, Bucket="bbb", Key="m", UploadId=upload, PartNumber=1, Body=b"x")[
            0
        ]
        == "AccessDenied"
    )


def test_policies_see_through_whom_and_for_which_object(
    cloud: running.RunningS3, s3: Any, key: str
) -> None:
    through = {
        "kms:ViaService": "s3.us-east-1.amazonaws.com",
        "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::bbb/mine",
    }
    given = user(cloud, "through", allow("s3:*"), allow("kms:*", StringEquals=through))
    mine, kms = cloud.s3(given), cloud.client("kms", given)
    mine.put_object(Bucket="bbb", Key="mine", Body=b"data", **under(key))
    assert mine.get_object(Bucket="bbb", Key="mine")["Body"].read() == b"data"
    assert refusal(mine.put_object, Bucket="bbb", Key="other", Body=b"x", **under(key))[0] == (
        "AccessDenied"
    )
    # With a bucket key the context is the bucket's.
    with_bucket_key = under(key, BucketKeyEnabled=True)
    code, _ = refusal(mine.put_object, Bucket="bbb", Key="mine", Body=b"x", **with_bucket_key)
    assert code == "AccessDenied"
    context = {"aws:s3:arn": "arn:aws:s3:::bbb/mine"}
    code, _ = refusal(kms.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext=context)
    assert code == "AccessDeniedException"


def test_a_context_of_ones_own_is_bound_too(cloud: running.RunningS3, s3: Any, key: str) -> None:
    context = "eyJ0ZW5hbnQiOiAiNyJ9"  # {"tenant": "7"}
    s3.put_object(
        Bucket="bbb", Key="seven", Body=b"x", **under(key, SSEKMSEncryptionContext=context)
    )
    s3.put_object(Bucket="bbb", Key="none", Body=b"x", **under(key))
    seven = allow("kms:Decrypt", StringEquals={"kms:EncryptionContext:tenant": "7"})
    reader = cloud.s3(user(cloud, "seven", allow("s3:*"), seven))
    assert reader.get_object(Bucket="bbb", Key="seven")["Body"].read() == b"x"
    assert refusal(reader.get_object, Bucket="bbb", Key="none")[0] == "AccessDenied"
    for bad in ("!", "e30", "W10=", "eyJhd3M6czM6YXJuIjogIngifQ=="):
        wrong = under(key, SSEKMSEncryptionContext=bad)
        assert refusal(s3.put_object, Bucket="bbb", Key="bad", Body=b"x", **wrong)[0] == (
            "InvalidArgument"
        )


def test_a_key_that_is_off_or_on_its_way_out_opens_nothing(
    cloud: running.RunningS3, s3: Any, key: str
) -> None:
    kms = cloud.client("kms")
    s3.put_object(Bucket="bbb", Key="off", Body=b"data", **under(key))
    kms.disable_key(KeyId=key)
    assert refusal(s3.get_object, Bucket="bbb", Key="off")[0] == "KMS.DisabledException"
    assert refusal(s3.put_object, Bucket="bbb", Key="off", Body=b"x", **under(key))[0] == (
        "KMS.DisabledException"
    )
    kms.enable_key(KeyId=key)
    assert s3.get_object(Bucket="bbb", Key="off")["Body"].read() == b"data"
    kms.schedule_key_deletion(KeyId=key)
    assert refusal(s3.get_object, Bucket="bbb", Key="off")[0] == "KMS.KMSInvalidStateException"
    kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    assert s3.get_object(Bucket="bbb", Key="off")["Body"].read() == b"data"


def test_keys_that_are_not_there_or_cannot_seal_are_refused(
    cloud: running.RunningS3, s3: Any
) -> None:
    signs = cloud.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    wrong = {
        "0" * 8: "KMS.NotFoundException",
        "alias/nothing": "KMS.NotFoundException",
        signs["KeyMetadata"]["Arn"]: "KMS.InvalidKeyUsageException",
        "no key!": "InvalidArgument",
    }
    for name, code in wrong.items():
        assert refusal(s3.put_object, Bucket="bbb", Key="x", Body=b"x", **under(name))[0] == code
    asked = {"ServerSideEncryption": "aws:kms:dsse"}
    assert refusal(s3.put_object, Bucket="bbb", Key="x", Body=b"x", **asked)[0] == "NotImplemented"
    meaningless: tuple[dict[str, Any], ...] = (
        {"ServerSideEncryption": "AES256", "SSEKMSKeyId": "alias/nothing"},
        {"SSEKMSKeyId": "alias/nothing"},
        {"SSEKMSEncryptionContext": "e30="},
        {"ServerSideEncryption": "AES256", "BucketKeyEnabled": True},
    )
    for one in meaningless:
        code, _ = refusal(s3.put_object, Bucket="bbb", Key="x", Body=b"x", **one)
        assert code == "InvalidArgument"


def test_copies_are_under_the_key_that_they_ask_for(
    cloud: running.RunningS3, s3: Any, key: str
) -> None:
    other = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    s3.put_object(Bucket="bbb", Key="source", Body=BIG, **under(key))
    for name, how in {"same": under(key), "other": under(other), "plain": {}}.items():
        copied = s3.copy_object(Bucket="bbb", Key=name, CopySource="bbb/source", **how)
        assert copied.get("SSEKMSKeyId") == how.get("SSEKMSKeyId")
        assert s3.get_object(Bucket="bbb", Key=name)["Body"].read() == BIG
    s3.copy_object(Bucket="bbb", Key="source", CopySource="bbb/source", **under(other))
    cloud.client("kms").disable_key(KeyId=key)
    assert s3.get_object(Bucket="bbb", Key="source")["Body"].read() == BIG
    assert refusal(s3.get_object, Bucket="bbb", Key="same")[0] == "KMS.DisabledException"


def test_a_grant_lets_somebody_read(cloud: running.RunningS3, s3: Any, key: str) -> None:
    s3.put_object(Bucket="bbb", Key="granted", Body=b"data", **under(key))
    given = user(cloud, "granted", allow("s3:*"))
    asked = {"Bucket": "bbb", "Key": "granted"}
    assert refusal(cloud.s3(given).get_object, **asked)[0] == "AccessDenied"
    arn = cloud.client("sts", given).get_caller_identity()["Arn"]
    context = {"EncryptionContextSubset": {"aws:s3:arn": "arn:aws:s3:::bbb/granted"}}
    cloud.client("kms").create_grant(
        KeyId=key, GranteePrincipal=arn, Operations=["Decrypt"], Constraints=context
    )
    assert cloud.s3(given).get_object(**asked)["Body"].read() == b"data"
    s3.put_object(Bucket="bbb", Key="other", Body=b"data", **under(key))
    assert refusal(cloud.s3(given).get_object, **{**asked, "Key": "other"})[0] == "AccessDenied"


def test_an_object_that_gets_another_name_is_bound_to_that(
    cloud: running.RunningS3, s3: Any, key: str
) -> None:
    s3.put_object(Bucket="bbb", Key="before", Body=b"data", **under(key))
    s3.rename_object(Bucket="bbb", Key="after", RenameSource="/bbb/before")
    assert s3.get_object(Bucket="bbb", Key="after")["Body"].read() == b"data"
    context = {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::bbb/after"}
    after = user(cloud, "after", allow("s3:*"), allow("kms:Decrypt", StringEquals=context))
    assert cloud.s3(after).get_object(Bucket="bbb", Key="after")["Body"].read() == b"data"


def test_another_accounts_key_is_used_when_both_accounts_say_so(
    cloud: running.RunningS3, s3: Any, key: str
) -> None:
    made = Sender(cloud.port, cloud.admin).ask("mallee", "CreateAccount", AccountName="keyless")
    account = made.element("AccountId")
    other = {
        "access_key_id": made.element("AccessKeyId"),
        "secret_access_key": made.element("SecretAccessKey"),
    }
    theirs = cloud.s3(other)
    theirs.create_bucket(Bucket="theirs")
    asked = {"Bucket": "theirs", "Key": "x", "Body": b"data", **under(key)}
    assert refusal(theirs.put_object, **asked)[0] == "AccessDenied"
    kms = cloud.client("kms")
    policy = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    policy["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"AWS": account},
            "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
            "Resource": "*",
        }
    )
    kms.put_key_policy(KeyId=key, Policy=json.dumps(policy))
    assert theirs.put_object(**asked)["SSEKMSKeyId"] == key
    assert theirs.get_object(Bucket="theirs", Key="x")["Body"].read() == b"data"
    assert refusal(theirs.put_object, **{**asked, **under(key.rpartition("/")[2])})[0] == (
        "KMS.NotFoundException"
    )


def test_a_policy_of_a_bucket_can_ask_for_one_key(
    cloud: running.RunningS3, s3: Any, key: str
) -> None:
    s3.create_bucket(Bucket="strict")
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::strict/*",
        "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": key}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": deny})
    s3.put_bucket_policy(Bucket="strict", Policy=document)
    assert refusal(s3.put_object, Bucket="strict", Key="x", Body=b"x", **under())[0] == (
        "AccessDenied"
    )
    s3.put_object(Bucket="strict", Key="x", Body=b"x", **under(key))


def test_strangers_read_nothing_that_is_under_a_key(
    cloud: running.RunningS3, s3: Any, key: str
) -> None:
    s3.create_bucket(Bucket="open")
    s3.delete_public_access_block(Bucket="open")
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
    document = json.dumps(
        {"Version": "2012-10-17", "Statement": {**allowed, "Resource": "arn:aws:s3:::open/*"}}
    )
    s3.put_bucket_policy(Bucket="open", Policy=document)
    s3.put_object(Bucket="open", Key="plain", Body=b"plain")
    s3.put_object(Bucket="open", Key="sealed", Body=b"sealed", **under(key))
    assert requests.get(f"{cloud.url}/open/plain", timeout=120).content == b"plain"
    answer = requests.get(f"{cloud.url}/open/sealed", timeout=120)
    assert (answer.status_code, b"Signature Version 4" in answer.content) == (400, True)


def test_forms_and_links_name_keys_too(cloud: running.RunningS3, s3: Any, key: str) -> None:
    fields = {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": key,
    }
    conditions = [{name: value} for name, value in fields.items()]
    old = s3.generate_presigned_post("bbb", "form", Fields=dict(fields), Conditions=conditions)
    answer = requests.post(old["url"], data=old["fields"], files={"file": b"data"}, timeout=120)
    assert (answer.status_code, b"Signature Version 4" in answer.content) == (400, True)
    s3 = cast(Any, boto3).client(
        "s3",
        endpoint_url=cloud.url,
        region_name="us-east-1",
        aws_access_key_id=cloud.admin["access_key_id"],
        aws_secret_access_key=cloud.admin["secret_access_key"],
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    form = s3.generate_presigned_post("bbb", "form", Fields=dict(fields), Conditions=conditions)
    answer = requests.post(form["url"], data=form["fields"], files={"file": b"data"}, timeout=120)
    assert answer.status_code == 204, answer.text
    assert s3.head_object(Bucket="bbb", Key="form")["SSEKMSKeyId"] == key
    link = s3.generate_presigned_url("get_object", Params={"Bucket": "bbb", "Key": "form"})
    assert requests.get(link, timeout=120).content == b"data"
