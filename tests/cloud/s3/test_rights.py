"""Who may do what: users of the bucket's account, other accounts, and nobody in particular."""

import json
from collections.abc import Generator
from concurrent import futures
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from mallee.model.identity import quotas
from tests.cloud.s3 import running
from tests.cloud.signing import Sender

ARN = "arn:aws:s3:::shared"


@dataclass(frozen=True)
class World:
    """An owner's bucket `shared` with an object in it, and others who would like to have it."""

    cloud: running.RunningS3
    owner: Any
    user: Any
    """Of the owner's account, with no policy but what `grant` gives him."""
    stranger: Any
    stranger_account: str

    def grant(self, *statements: dict[str, Any]) -> None:
        """Give the user these statements, and no others."""
        iam = self.cloud.client("iam")
        if not statements:
            iam.delete_user_policy(UserName="user", PolicyName="only")
        else:
            iam.put_user_policy(
                UserName="user", PolicyName="only", PolicyDocument=document(*statements)
            )


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def code(operation: Any, **asked: Any) -> str:
    """The code of a refusal; empty when there is none."""
    try:
        operation(**asked)
    except ClientError as error:
        answer: Any = error.response
        return answer["Error"]["Code"]
    return ""


@pytest.fixture(scope="module")
def world() -> Generator[World]:
    """A cloud with two accounts."""
    with running.fresh() as cloud:
        iam = cloud.client("iam")
        iam.create_user(UserName="user")
        made = iam.create_access_key(UserName="user")["AccessKey"]
        key = {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}
        other = Sender(cloud.port, cloud.admin).ask("mallee", "CreateAccount", AccountName="other")
        strange = {
            "access_key_id": other.element("AccessKeyId"),
            "secret_access_key": other.element("SecretAccessKey"),
        }
        owner = cloud.s3()
        owner.create_bucket(Bucket="shared")
        yield World(cloud, owner, cloud.s3(key), cloud.s3(strange), other.element("AccountId"))


@pytest.fixture(autouse=True)
def fresh(world: World) -> None:
    """The object is there; nobody has been given anything."""
    world.owner.put_object(Bucket="shared", Key="k", Body=b"x")
    world.owner.put_object(Bucket="shared", Key="own/k", Body=b"x")
    world.owner.delete_bucket_policy(Bucket="shared")
    world.grant(allow("s3:ListAllMyBuckets", "*"))


K = {"Bucket": "shared", "Key": "k"}
OWN = {"Bucket": "shared", "Key": "own/k"}


def test_a_user_may_what_his_policy_says(world: World) -> None:
    user = world.user
    assert code(user.get_object, **K) == "AccessDenied"
    world.grant(allow(["s3:GetObject", "s3:PutObject"], f"{ARN}/own/*"))
    assert code(user.get_object, **OWN) == ""
    assert code(user.put_object, **OWN, Body=b"y") == ""
    assert code(user.get_object, **K) == "AccessDenied"
    assert code(user.delete_object, **OWN) == "AccessDenied"
    assert code(user.list_objects_v2, Bucket="shared") == "AccessDenied"
    assert code(user.put_object, **OWN, Body=b"y", Tagging="a=b") == "AccessDenied"
    assert code(user.get_object, **OWN, VersionId="null") == "AccessDenied"


def test_a_list_is_as_wide_as_its_condition(world: World) -> None:
    prefix = {"StringLike": {"s3:prefix": "own/*"}}
    world.grant(allow("s3:ListBucket", ARN, Condition=prefix))
    assert code(world.user.list_objects_v2, Bucket="shared", Prefix="own/") == ""
    assert code(world.user.list_objects_v2, Bucket="shared") == "AccessDenied"


def test_what_is_not_there_is_only_told_to_who_may_list(world: World) -> None:
    world.grant(allow("s3:GetObject", f"{ARN}/*"))
    assert code(world.user.get_object, Bucket="shared", Key="none") == "AccessDenied"
    assert code(world.user.head_object, Bucket="shared", Key="none") == "403"
    world.grant(allow("s3:GetObject", f"{ARN}/*"), allow("s3:ListBucket", ARN))
    assert code(world.user.get_object, Bucket="shared", Key="none") == "NoSuchKey"


def test_of_many_those_are_deleted_that_he_may(world: World) -> None:
    world.grant(allow("s3:DeleteObject", f"{ARN}/own/*"))
    wanted = {"Objects": [{"Key": "k"}, {"Key": "own/k"}]}
    done = world.user.delete_objects(Bucket="shared", Delete=wanted)
    assert [one["Key"] for one in done["Deleted"]] == ["own/k"]
    assert [(one["Key"], one["Code"]) for one in done["Errors"]] == [("k", "AccessDenied")]
    assert code(world.owner.get_object, **K) == ""


def test_a_copy_needs_the_source_too(world: World) -> None:
    world.grant(allow("s3:PutObject", f"{ARN}/own/*"))
    asked = {**OWN, "CopySource": "shared/k"}
    assert code(world.user.copy_object, **asked) == "AccessDenied"
    world.grant(allow("s3:PutObject", f"{ARN}/own/*"), allow("s3:GetObject", f"{ARN}/k"))
    assert code(world.user.copy_object, **asked) == ""


def test_a_denial_of_the_bucket_holds_for_its_owner(world: World) -> None:
    denial = {**allow("s3:GetObject", f"{ARN}/*"), "Effect": "Deny", "Principal": "*"}
    world.owner.put_bucket_policy(Bucket="shared", Policy=document(denial))
    assert code(world.owner.get_object, **K) == "AccessDenied"
    assert code(world.owner.delete_bucket_policy, Bucket="shared") == ""
    assert code(world.owner.get_object, **K) == ""


def test_another_account_gets_what_the_bucket_says_and_no_more(world: World) -> None:
    stranger = world.stranger
    for operation, asked in (
        (stranger.get_object, K),
        (stranger.put_object, {**K, "Body": b"mine"}),
        (stranger.delete_object, K),
        (stranger.list_objects_v2, {"Bucket": "shared"}),
        (stranger.get_bucket_policy, {"Bucket": "shared"}),
        (stranger.put_bucket_policy, {"Bucket": "shared", "Policy": document()}),
        (stranger.delete_bucket, {"Bucket": "shared"}),
        (stranger.create_multipart_upload, K),
        (stranger.put_bucket_versioning, {"Bucket": "shared"}),
    ):
        assert code(operation, **asked) == "AccessDenied"
    assert code(stranger.head_bucket, Bucket="shared") == "403"
    assert code(stranger.create_bucket, Bucket="shared") == "BucketAlreadyExists"
    who = {"AWS": world.stranger_account}
    shared = allow("s3:GetObject", f"{ARN}/own/*", Principal=who)
    world.owner.put_bucket_policy(Bucket="shared", Policy=document(shared))
    assert code(stranger.get_object, **OWN) == ""
    assert code(stranger.get_object, **K) == "AccessDenied"
    assert code(stranger.delete_object, **OWN) == "AccessDenied"
    stranger.create_bucket(Bucket="strangers")
    asked = {"Bucket": "strangers", "Key": "c", "CopySource": "shared/k"}
    assert code(stranger.copy_object, **asked) == "AccessDenied"
    assert code(stranger.copy_object, **{**asked, "CopySource": "shared/own/k"}) == ""
    assert [one["Name"] for one in stranger.list_buckets()["Buckets"]] == ["strangers"]


def test_nobody_in_particular_gets_nothing(world: World) -> None:
    client: Any = world.cloud.s3()
    session_client: Any = running.boto3.client
    nobody = session_client(
        "s3",
        endpoint_url=world.cloud.url,
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}),
    )
    for operation, asked in (
        (nobody.get_object, K),
        (nobody.put_object, {**K, "Body": b"mine"}),
        (nobody.delete_object, K),
        (nobody.list_objects_v2, {"Bucket": "shared"}),
        (nobody.create_bucket, {"Bucket": "nobodys"}),
        (nobody.delete_bucket, {"Bucket": "shared"}),
        (nobody.list_buckets, {}),
    ):
        assert code(operation, **asked) == "AccessDenied"
    done = nobody.delete_objects(Bucket="shared", Delete={"Objects": [{"Key": "k"}]})
    assert [one["Code"] for one in done["Errors"]] == ["AccessDenied"]
    assert code(client.get_object, **K) == ""


def test_no_more_buckets_are_made_at_once_than_the_quota_leaves(world: World) -> None:
    sender = Sender(world.cloud.port, world.cloud.admin)
    name = "crowded"
    made = sender.ask("mallee", "CreateAccount", AccountName=name)
    key = {
        "access_key_id": made.element("AccessKeyId"),
        "secret_access_key": made.element("SecretAccessKey"),
    }
    answer = sender.ask("mallee", "PutQuota", AccountName=name, Key=quotas.BUCKETS, Limit="3")
    assert answer.status == 200, answer.text
    crowd = world.cloud.s3(key)
    with futures.ThreadPoolExecutor(8) as pool:
        codes = pool.map(lambda n: code(crowd.create_bucket, Bucket=f"crowd-{n}"), range(8))
        assert sorted(codes) == [""] * 3 + ["TooManyBuckets"] * 5
    assert len(crowd.list_buckets()["Buckets"]) == 3


def test_a_former_version_is_copied_by_its_own_tags(world: World) -> None:
    """Those of the current one, which he may read, do not speak for it."""
    enabled = {"Status": "Enabled"}
    world.owner.put_bucket_versioning(Bucket="shared", VersioningConfiguration=enabled)
    put = {"Bucket": "shared", "Key": "tagged", "Body": b"data"}
    former = world.owner.put_object(**put, Tagging="secret=yes")["VersionId"]
    current = world.owner.put_object(**put, Tagging="secret=no")["VersionId"]
    open_ones = {"StringEquals": {"s3:ExistingObjectTag/secret": "no"}}
    world.grant(
        allow(["s3:GetObjectVersion", "s3:PutObject", "s3:PutObjectTagging"], "*"),
        allow("s3:GetObjectVersionTagging", "*", Condition=open_ones),
    )
    for id, refusal in ((former, "AccessDenied"), (current, "")):
        source = {"Bucket": "shared", "Key": "tagged", "VersionId": id}
        assert code(world.user.copy_object, Bucket="shared", Key="c", CopySource=source) == refusal
    world.grant()
    world.owner.put_bucket_versioning(
        Bucket="shared", VersioningConfiguration={"Status": "Suspended"}
    )


def test_a_strangers_list_of_keys_is_short(world: World) -> None:
    """Nobody has strangers' documents of megabytes read for nothing."""
    body = b"<Delete>" + b"<Object><Key>a</Key></Object>" * 900
    for size, status in ((0, 200), (128 << 10, 400)):
        data = body + b" " * size + b"</Delete>"
        answer = requests.post(f"{world.cloud.url}/shared?delete", data=data, timeout=120)
        assert answer.status_code == status
        assert "<Deleted>" not in answer.text


def test_a_policy_gives_itself_to_nobody_else(world: World) -> None:
    """However wide it is: who may do everything in a bucket shall not say who else may."""
    everything = allow("s3:*", [ARN, f"{ARN}/*"], Principal={"AWS": world.stranger_account})
    world.owner.put_bucket_policy(Bucket="shared", Policy=document(everything))
    stranger = world.stranger
    assert code(stranger.put_object, **OWN, Body=b"y") == ""
    wider = document({**everything, "Principal": "*"})
    assert code(stranger.put_bucket_policy, Bucket="shared", Policy=wider) == "MethodNotAllowed"
    assert code(stranger.get_bucket_policy, Bucket="shared") == "MethodNotAllowed"
    assert code(stranger.delete_bucket_policy, Bucket="shared") == "MethodNotAllowed"
    world.owner.put_public_access_block(Bucket="shared", PublicAccessBlockConfiguration={})
    world.owner.put_bucket_policy(Bucket="shared", Policy=wider)
    url = f"{world.cloud.url}/shared?policy"
    assert requests.delete(url, timeout=120).status_code == 405
    assert world.owner.get_bucket_policy(Bucket="shared")["Policy"] == wider
    world.owner.delete_public_access_block(Bucket="shared")
