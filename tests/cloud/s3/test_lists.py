"""Lists as clients use them: strangers who put, hand over, take back; nobody in particular."""

import json
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from mallee.cloud.s3.access import acls
from tests.cloud.s3 import running
from tests.cloud.s3.wire import Wire
from tests.cloud.signing import Sender

NAME = "lists"
K = {"Bucket": NAME, "Key": "k"}
DENIED = "AccessDenied"


@dataclass(frozen=True)
class World:
    """An owner's bucket with lists, a stranger, and nobody in particular."""

    cloud: running.RunningS3
    owner: Any
    stranger: Any
    nobody: Any
    stranger_key: dict[str, str]
    owner_account: str
    stranger_account: str

    def own(self, ownership: str) -> None:
        """Say whose objects are."""
        rules = {"Rules": [{"ObjectOwnership": ownership}]}
        self.owner.put_bucket_ownership_controls(Bucket=NAME, OwnershipControls=rules)

    def policy(self, **statement: Any) -> None:
        """Give the bucket a policy of one statement."""
        document = {"Version": "2012-10-17", "Statement": [statement]}
        self.owner.put_bucket_policy(Bucket=NAME, Policy=json.dumps(document))


def code(operation: Any, **asked: Any) -> str:
    """The code of a refusal; empty when there is none."""
    try:
        operation(**asked)
    except ClientError as error:
        answer: Any = error.response
        return answer["Error"]["Code"]
    return ""


@pytest.fixture(scope="module")
def served() -> Generator[World]:
    with running.fresh() as cloud:
        other = Sender(cloud.port, cloud.admin).ask("mallee", "CreateAccount", AccountName="other")
        strange = {
            "access_key_id": other.element("AccessKeyId"),
            "secret_access_key": other.element("SecretAccessKey"),
        }
        make: Any = boto3.client
        nobody = make(
            "s3",
            endpoint_url=cloud.url,
            region_name="us-east-1",
            config=Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}),
        )
        owner = cloud.s3()
        owner.create_bucket(Bucket=NAME, ObjectOwnership="ObjectWriter")
        owner.delete_public_access_block(Bucket=NAME)
        account = cloud.client("sts").get_caller_identity()["Account"]
        stranger = cloud.s3(strange)
        yield World(cloud, owner, stranger, nobody, strange, account, other.element("AccountId"))


@pytest.fixture
def world(served: World) -> World:
    """The bucket is empty, private, and its objects are theirs who put them."""
    served.owner.delete_bucket_policy(Bucket=NAME)
    served.owner.delete_public_access_block(Bucket=NAME)
    served.own("ObjectWriter")
    served.owner.put_bucket_acl(Bucket=NAME, ACL="private")
    for one in served.owner.list_objects_v2(Bucket=NAME).get("Contents", []):
        served.owner.delete_object(Bucket=NAME, Key=one["Key"])
    return served


def _let_in(world: World) -> None:
    grantee = f'id="{acls.canonical_id(world.stranger_account)}"'
    world.owner.put_bucket_acl(Bucket=NAME, GrantWrite=grantee, GrantRead=grantee)


def test_a_list_that_was_shown_can_be_set_again(world: World) -> None:
    _let_in(world)
    shown = world.owner.get_bucket_acl(Bucket=NAME)
    policy = {name: shown[name] for name in ("Owner", "Grants")}
    world.owner.put_bucket_acl(Bucket=NAME, ACL="private")
    world.owner.put_bucket_acl(Bucket=NAME, AccessControlPolicy=policy)
    assert world.owner.get_bucket_acl(Bucket=NAME)["Grants"] == shown["Grants"]
    resource: Any = boto3.resource
    bucket = resource(
        "s3",
        endpoint_url=world.cloud.url,
        region_name="us-east-1",
        aws_access_key_id=world.cloud.admin["access_key_id"],
        aws_secret_access_key=world.cloud.admin["secret_access_key"],
    ).Bucket(NAME)
    assert bucket.Acl().grants == shown["Grants"]


def test_what_a_stranger_puts_is_his_until_he_shares_it(world: World) -> None:
    assert code(world.stranger.put_object, **K, Body=b"x") == DENIED
    _let_in(world)
    world.stranger.put_object(**K, Body=b"x")
    assert code(world.owner.get_object, **K) == DENIED
    assert code(world.owner.get_object_acl, **K) == DENIED
    assert code(world.owner.put_object_acl, **K, ACL="private") == DENIED
    assert code(world.owner.copy_object, Bucket=NAME, Key="c", CopySource=f"{NAME}/k") == DENIED
    assert world.stranger.get_object(**K)["Body"].read() == b"x"
    world.stranger.put_object_acl(**K, ACL="bucket-owner-read")
    assert world.owner.get_object(**K)["Body"].read() == b"x"
    assert code(world.owner.get_object_acl, **K) == DENIED
    world.stranger.put_object_acl(**K, ACL="bucket-owner-full-control")
    world.owner.put_object_acl(**K, GrantRead=f'id="{acls.canonical_id(world.owner_account)}"')
    assert code(world.owner.delete_object, **K) == ""


def test_a_stranger_deletes_only_what_is_his(world: World) -> None:
    _let_in(world)
    world.owner.put_object(**K, Body=b"x")
    assert code(world.stranger.delete_object, **K) == DENIED
    many = {"Objects": [{"Key": "k"}, {"Key": "own"}]}
    world.stranger.put_object(Bucket=NAME, Key="own", Body=b"x")
    done = world.stranger.delete_objects(Bucket=NAME, Delete=many)
    assert [one["Key"] for one in done["Deleted"]] == ["own"]
    assert [(one["Key"], one["Code"]) for one in done["Errors"]] == [("k", DENIED)]


def test_a_denial_holds_for_what_is_anothers_and_an_allowance_does_not(world: World) -> None:
    _let_in(world)
    world.stranger.put_object(**K, Body=b"x")
    everything = {"Action": "s3:*", "Resource": [f"arn:aws:s3:::{NAME}/*"], "Principal": "*"}
    world.policy(Effect="Allow", **everything)
    assert code(world.owner.get_object, **K) == DENIED
    assert code(world.nobody.get_object, **K) == DENIED
    assert code(world.stranger.get_object, **K) == ""
    world.policy(Effect="Deny", **everything)
    assert code(world.stranger.get_object, **K) == DENIED


def test_what_is_handed_over_is_the_bucket_owners(world: World) -> None:
    world.own("BucketOwnerPreferred")
    handed = {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}
    world.policy(
        Effect="Allow",
        Principal={"AWS": world.stranger_account},
        Action="s3:PutObject",
        Resource=f"arn:aws:s3:::{NAME}/*",
        Condition=handed,
    )
    assert code(world.stranger.put_object, **K, Body=b"x") == DENIED
    assert code(world.stranger.put_object, **K, Body=b"x", ACL="public-read") == DENIED
    world.stranger.put_object(**K, Body=b"x", ACL="bucket-owner-full-control")
    assert world.owner.get_object(**K)["Body"].read() == b"x"
    assert code(world.stranger.get_object, **K) == DENIED


def test_who_begins_an_upload_may_give_it_up(world: World) -> None:
    _let_in(world)
    id = world.stranger.create_multipart_upload(**K)["UploadId"]
    world.stranger.upload_part(**K, UploadId=id, PartNumber=1, Body=b"x")
    parts = world.stranger.list_parts(**K, UploadId=id)
    assert parts["Owner"]["ID"] == acls.canonical_id(world.stranger_account)
    own = world.owner.create_multipart_upload(**K)["UploadId"]
    assert code(world.stranger.abort_multipart_upload, **K, UploadId=own) == DENIED
    assert code(world.stranger.list_parts, **K, UploadId=own) == DENIED
    world.stranger.abort_multipart_upload(**K, UploadId=id)
    world.owner.abort_multipart_upload(**K, UploadId=own)


def test_everybody_reads_what_is_public_until_that_is_blocked(world: World) -> None:
    world.owner.put_object(**K, Body=b"x", ACL="public-read")
    world.owner.put_object(Bucket=NAME, Key="signed", Body=b"x", ACL="authenticated-read")
    assert world.nobody.get_object(**K)["Body"].read() == b"x"
    assert code(world.nobody.get_object, Bucket=NAME, Key="signed") == DENIED
    assert code(world.stranger.get_object, Bucket=NAME, Key="signed") == ""
    assert code(world.nobody.get_object, Bucket=NAME, Key="gone") == DENIED
    world.owner.put_bucket_acl(Bucket=NAME, ACL="public-read")
    assert code(world.nobody.get_object, Bucket=NAME, Key="gone") == "NoSuchKey"
    assert len(world.nobody.list_objects_v2(Bucket=NAME)["Contents"]) == 2
    assert code(world.nobody.get_bucket_acl, Bucket=NAME) == DENIED
    block = {"IgnorePublicAcls": True}
    world.owner.put_public_access_block(Bucket=NAME, PublicAccessBlockConfiguration=block)
    for caller in (world.nobody, world.stranger):
        assert code(caller.get_object, **K) == DENIED
        assert code(caller.list_objects_v2, Bucket=NAME) == DENIED


def test_what_nobody_signed_for_is_anybodys_to_hand_over(world: World) -> None:
    world.owner.put_bucket_acl(Bucket=NAME, ACL="public-read-write")
    world.nobody.put_object(**K, Body=b"x")
    assert code(world.owner.get_object, **K) == DENIED
    assert code(world.stranger.get_object, **K) == DENIED
    shown = world.nobody.get_object_acl(**K)
    assert shown["Owner"]["ID"] == acls.NOBODY_ID
    policy = {name: shown[name] for name in ("Owner", "Grants")}
    world.nobody.put_object_acl(**K, AccessControlPolicy=policy)
    assert code(world.owner.get_object, **K) == DENIED
    world.nobody.put_object_acl(**K, ACL="bucket-owner-full-control")
    assert world.owner.get_object(**K)["Body"].read() == b"x"
    assert code(world.owner.delete_object, **K) == ""


def test_a_policy_may_name_an_account_by_its_canonical_id(world: World) -> None:
    world.owner.put_object(**K, Body=b"x")
    statement = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{NAME}/*",
    }
    id = acls.canonical_id(world.stranger_account)
    world.policy(**statement, Principal={"CanonicalUser": id})
    assert code(world.stranger.get_object, **K) == ""
    with pytest.raises(ClientError, match="Invalid principal"):
        world.policy(**statement, Principal={"CanonicalUser": "0" * 64})


def test_lists_come_in_forms_and_links(world: World) -> None:
    link = world.owner.generate_presigned_url("put_object", {**K, "ACL": "public-read"})
    with Wire(world.cloud.port, world.cloud.admin) as wire:
        path = link.removeprefix(f"http://{wire.host}")
        head = f"PUT {path} HTTP/1.1\r\nHost: {wire.host}\r\nContent-Length: 1\r\n"
        wire.send(f"{head}x-amz-acl: public-read\r\n\r\nx".encode())
        assert wire.reply().status == 200
    assert code(world.nobody.get_object, **K) == ""
    conditions = [{"acl": "public-read"}]
    made = world.owner.generate_presigned_post(
        NAME, "form", Fields={"acl": "public-read"}, Conditions=conditions
    )
    lines = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for name, text in {**made["fields"], "file": "data"}.items()
    ]
    body = "".join((*lines, "--b--\r\n")).encode()
    with Wire(world.cloud.port, world.cloud.admin) as wire:
        head = f"POST /{NAME} HTTP/1.1\r\nHost: {wire.host}\r\nContent-Length: {len(body)}\r\n"
        kind = "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        wire.send(f"{head}{kind}".encode() + body)
        assert wire.reply().status == 204
    assert world.nobody.get_object(Bucket=NAME, Key="form")["Body"].read() == b"data"


def test_what_a_new_bucket_is_to_have_takes_permissions(world: World) -> None:
    iam = world.cloud.client("iam")
    iam.create_user(UserName="maker")
    made = iam.create_access_key(UserName="maker")["AccessKey"]
    maker = world.cloud.s3(
        {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}
    )

    def let(*actions: str) -> None:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        iam.put_user_policy(
            UserName="maker", PolicyName="only", PolicyDocument=json.dumps(document)
        )

    let("s3:CreateBucket")
    assert code(maker.create_bucket, Bucket="plainly", ACL="private") == ""
    for more, permissions in (
        ({"ObjectOwnership": "ObjectWriter"}, ["s3:PutBucketOwnershipControls"]),
        (
            {"ObjectLockEnabledForBucket": True},
            ["s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"],
        ),
        (
            {"ObjectOwnership": "ObjectWriter", "ACL": "log-delivery-write"},
            ["s3:PutBucketOwnershipControls", "s3:PutBucketAcl"],
        ),
    ):
        let("s3:CreateBucket", "s3:DeleteBucket", *permissions[1:])
        assert code(maker.create_bucket, Bucket="more", **more) == DENIED
        let("s3:CreateBucket", "s3:DeleteBucket", *permissions)
        assert code(maker.create_bucket, Bucket="more", **more) == ""
        maker.delete_bucket(Bucket="more")
