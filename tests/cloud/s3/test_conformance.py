"""Every operation of S3, from the model: who may not, what is not there, what cannot be read.

For each row of the table one small valid request is sent as somebody, or changed a little; code,
status, shape and headers of the answer are those of S3. A row that is added is asked all of it.
"""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore import UNSIGNED
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from mallee.cloud.s3 import table
from tests.cloud.s3 import running, samples
from tests.cloud.s3.running import RunningS3
from tests.cloud.s3.test_rights import allow, document
from tests.cloud.signing import Sender

NAMES = sorted(row.name for row in table.ROWS)
ROWS = {row.name: row for row in table.ROWS}
ABSENT = "absent-bucket-absent"
ANSWERS_EACH = frozenset({"DeleteObjects"})
"""Operations that are everyone's, and answer for each key by itself."""
ID = re.compile(r"[0-9A-Z]{16}")


def input_of(name: str) -> Any:
    return samples.operation(name).input_shape


OF_BUCKETS = [
    name
    for name in NAMES
    if "Bucket" in getattr(input_of(name), "members", {}) and name != "CreateBucket"
]
OF_OBJECTS = [name for name in OF_BUCKETS if "Key" in input_of(name).members]
OF_UPLOADS = [name for name in OF_OBJECTS if "UploadId" in input_of(name).members]
MAKES = frozenset({"PutObject", "CreateMultipartUpload"})
"""Operations on keys that nothing need be at."""
OF_KEPT = [name for name in OF_OBJECTS if name not in (*OF_UPLOADS, *MAKES, "DeleteObject")]
OF_LOCKS = frozenset(
    f"{verb}Object{noun}" for verb in ("Get", "Put") for noun in ("Retention", "LegalHold")
)
"""Of these it is said first that such a bucket locks nothing."""
WITH_DOCUMENT = [name for name in OF_BUCKETS if samples.has_document(name)]


@dataclass
class Refusal:
    """What a request was answered."""

    code: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""

    @property
    def elements(self) -> dict[str, str]:
        """The children of `<Error>`."""
        root = ElementTree.fromstring(self.body)
        assert root.tag == "Error"
        return {child.tag: child.text or "" for child in root}


@dataclass(frozen=True)
class World:
    cloud: RunningS3
    owner: Any
    nobody: Any
    stranger: Any
    user: Any
    """Of the owner's account; may what his one policy says."""

    def grant(self, *statements: dict[str, Any]) -> None:
        """Let the user do this and nothing else."""
        self.cloud.client("iam").put_user_policy(
            UserName="user", PolicyName="only", PolicyDocument=document(*statements)
        )


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
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
        owner.create_bucket(Bucket=samples.BUCKET)
        owner.put_object(Bucket=samples.BUCKET, Key=samples.KEY, Body=b"x")
        config = Config(
            signature_version=UNSIGNED, parameter_validation=False, retries={"max_attempts": 0}
        )
        make: Any = boto3.client
        nobody = make("s3", endpoint_url=cloud.url, region_name="us-east-1", config=config)
        yield World(cloud, owner, nobody, cloud.s3(strange), cloud.s3(key))


def ask(client: Any, name: str, **changes: Any) -> Refusal:
    """Send the operation's small request, changed; return how it was answered."""
    found = Refusal()

    def note(response_dict: dict[str, Any], **_: Any) -> None:
        found.status = response_dict["status_code"]
        found.headers = {key.lower(): value for key, value in response_dict["headers"].items()}
        body = response_dict["body"]
        found.body = body if isinstance(body, bytes) else b""

    client.meta.events.register("before-parse.s3", note, unique_id="note")
    try:
        client._make_api_call(name, {**samples.request(name), **changes})
    except ClientError as error:
        answer: Any = error.response
        found.code = answer["Error"]["Code"]
    finally:
        client.meta.events.unregister("before-parse.s3", unique_id="note")
    return found


def check_refusal(name: str, refusal: Refusal, code: str, status: int) -> None:
    """The refusal is this one, and looks as S3's do."""
    assert refusal.status == status, (name, refusal)
    assert ID.fullmatch(refusal.headers["x-amz-request-id"])
    assert refusal.headers["x-amz-id-2"]
    if samples.operation(name).http["method"] == "HEAD":
        assert refusal.body == b""
        assert refusal.code == str(status)
        return
    assert refusal.code == code, (name, refusal)
    assert refusal.headers["content-type"] == "application/xml"
    elements = refusal.elements
    assert elements["Code"] == code
    assert elements["Message"]
    assert elements["RequestId"] == refusal.headers["x-amz-request-id"]
    assert elements["HostId"] == refusal.headers["x-amz-id-2"]


@pytest.mark.parametrize("name", OF_BUCKETS)
def test_a_bucket_that_is_not_there_is_said_so(world: World, name: str) -> None:
    refusal = ask(world.owner, name, Bucket=ABSENT)
    check_refusal(name, refusal, "NoSuchBucket", 404)
    if refusal.body:
        assert refusal.elements["BucketName"] == ABSENT


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ANSWERS_EACH])
@pytest.mark.parametrize("who", ["nobody", "stranger", "user"])
def test_who_was_given_nothing_may_nothing(world: World, name: str, who: str) -> None:
    world.grant(allow("iam:GetUser", "*"))
    changes = {"Bucket": "new-of-somebody"} if name == "CreateBucket" else {}
    if name in ("ListBuckets", "CreateBucket") and who == "stranger":
        # An account's administrator may in his own account.
        return
    check_refusal(name, ask(getattr(world, who), name, **changes), "AccessDenied", 403)


@pytest.mark.parametrize("name", OF_BUCKETS)
def test_a_bucket_that_is_not_whose_the_caller_believes_is_denied(world: World, name: str) -> None:
    if "ExpectedBucketOwner" not in input_of(name).members:
        pytest.skip("the operation has no such parameter")
    refusal = ask(world.owner, name, ExpectedBucketOwner="999999999999")
    check_refusal(name, refusal, "AccessDenied", 403)


@pytest.mark.parametrize("name", OF_KEPT)
def test_a_key_that_is_not_there_is_said_so(world: World, name: str) -> None:
    changes = {"Key": "absent"}
    if "CopySource" in input_of(name).members:
        changes = {"CopySource": f"{samples.BUCKET}/absent"}
    if "RenameSource" in input_of(name).members:
        changes = {"RenameSource": f"{samples.BUCKET}/absent"}
    if name in OF_LOCKS:
        check_refusal(name, ask(world.owner, name, **changes), "InvalidRequest", 400)
    else:
        check_refusal(name, ask(world.owner, name, **changes), "NoSuchKey", 404)


@pytest.mark.parametrize("name", OF_UPLOADS)
def test_an_upload_that_is_not_there_is_said_so(world: World, name: str) -> None:
    check_refusal(name, ask(world.owner, name), "NoSuchUpload", 404)


def with_body(client: Any, name: str, body: bytes) -> Refusal:
    """Send the request with another body in place of its document."""

    def replace(params: dict[str, Any], **_: Any) -> None:
        params["body"] = body
        for header in list(params["headers"]):
            if header.lower().startswith(("content-md5", "x-amz-checksum", "x-amz-sdk-checksum")):
                del params["headers"][header]

    event = f"before-call.s3.{name}"
    client.meta.events.register_last(event, replace, unique_id="body")
    try:
        return ask(client, name)
    finally:
        client.meta.events.unregister(event, unique_id="body")


@pytest.mark.parametrize("name", WITH_DOCUMENT)
@pytest.mark.parametrize(
    "body", [b"<unclosed", b"no XML", b"<Other/>", b"<!DOCTYPE a><a/>", b"\xff\xfe"]
)
def test_a_document_that_cannot_be_read_is_refused(world: World, name: str, body: bytes) -> None:
    check_refusal(name, with_body(world.owner, name, body), "MalformedXML", 400)


def with_query(client: Any, name: str, query: dict[str, str]) -> Refusal:
    """Send the request with more parameters in its address."""

    def add(request: Any, **_: Any) -> None:
        mark = "&" if "?" in request.url else "?"
        request.url += mark + "&".join(f"{key}={value}" for key, value in query.items())

    event = f"before-sign.s3.{name}"
    client.meta.events.register(event, add, unique_id="query")
    try:
        return ask(client, name)
    finally:
        client.meta.events.unregister(event, unique_id="query")


@pytest.mark.parametrize("name", [name for name in OF_BUCKETS if name not in OF_OBJECTS])
def test_a_parameter_that_the_operation_has_not_is_refused(world: World, name: str) -> None:
    refusal = with_query(world.owner, name, {"no-such-parameter": "1"})
    check_refusal(name, refusal, "InvalidArgument", 400)


@pytest.mark.parametrize("name", OF_BUCKETS)
def test_an_address_that_names_two_operations_is_none(world: World, name: str) -> None:
    marks = {"acl", "policy"}
    uri = samples.operation(name).http["requestUri"]
    wanted = next(iter(sorted(mark for mark in marks if mark not in uri)))
    refusal = with_query(world.owner, name, {wanted: "", "versioning": ""})
    assert refusal.status in (400, 405)
    if samples.operation(name).http["method"] != "HEAD":
        assert refusal.code in ("InvalidArgument", "MethodNotAllowed")


@pytest.mark.parametrize("name", OF_BUCKETS)
def test_what_a_row_asks_for_is_all_that_it_takes(world: World, name: str) -> None:
    call: Any = None
    row, asked = ROWS[name], samples.request(name)
    if row.needs is None or row.is_everyones:
        pytest.skip("it asks for each thing by itself")
    beside = [
        allow(["s3:GetObject", "s3:DeleteObject", "s3:GetObjectTagging"], "*"),
        allow("s3:ListBucket", f"arn:aws:s3:::{samples.BUCKET}"),
    ]
    own = [allow(permission, arn) for permission, arn in row.needs(call, asked)]
    world.owner.put_object(Bucket=samples.BUCKET, Key=samples.KEY, Body=b"x")
    world.grant(*beside, *own)
    try:
        refusal = ask(world.user, name, **({"Key": "other"} if name == "RenameObject" else {}))
        if name == "RenameObject":
            assert refusal.code == "AccessDenied"
        else:
            assert refusal.code not in ("AccessDenied", "403"), refusal
    finally:
        _restore(world)


def _restore(world: World) -> None:
    """Put back what an operation that was allowed has changed."""
    owner = world.owner
    try:
        owner.create_bucket(Bucket=samples.BUCKET)
    except ClientError as error:
        answer: Any = error.response
        assert answer["Error"]["Code"] == "BucketAlreadyOwnedByYou"
    owner.delete_bucket_policy(Bucket=samples.BUCKET)
    owner.put_object(Bucket=samples.BUCKET, Key=samples.KEY, Body=b"x")


def test_paginators_and_waiters_of_botocore_come_to_an_end(world: World) -> None:
    owner, bucket = world.owner, {"Bucket": samples.BUCKET}
    upload = owner.create_multipart_upload(**bucket, Key="u")["UploadId"]
    for number in range(1, 6):
        owner.upload_part(**bucket, Key="u", UploadId=upload, PartNumber=number, Body=b"x")
    for number in range(5):
        owner.put_object(**bucket, Key=f"page/{number}", Body=b"x")
    asked = {
        "list_objects": ({"Prefix": "page/"}, "Contents", 5),
        "list_objects_v2": ({"Prefix": "page/"}, "Contents", 5),
        "list_object_versions": ({"Prefix": "page/"}, "Versions", 5),
        "list_multipart_uploads": ({"Prefix": "u"}, "Uploads", 1),
        "list_parts": ({"Key": "u", "UploadId": upload}, "Parts", 5),
    }
    for name, (more, member, count) in asked.items():
        pages = owner.get_paginator(name).paginate(
            **bucket, **more, PaginationConfig={"PageSize": 2}
        )
        assert sum(len(page.get(member, [])) for page in pages) == count, name
    for name in ("a-of-pages", "b-of-pages", "c-of-pages"):
        owner.create_bucket(Bucket=name)
    found = owner.get_paginator("list_buckets").paginate(
        Prefix="", PaginationConfig={"PageSize": 2}
    )
    assert len([one for page in found for one in page["Buckets"]]) == 4
    owner.abort_multipart_upload(**bucket, Key="u", UploadId=upload)
    quick = {"Delay": 1, "MaxAttempts": 1}
    owner.get_waiter("bucket_exists").wait(**bucket, WaiterConfig=quick)
    owner.get_waiter("bucket_not_exists").wait(Bucket=ABSENT, WaiterConfig=quick)
    owner.get_waiter("object_exists").wait(**bucket, Key="page/0", WaiterConfig=quick)
    owner.get_waiter("object_not_exists").wait(**bucket, Key="none", WaiterConfig=quick)


@pytest.mark.parametrize(
    "name",
    [
        "ab",
        "a" * 64,
        "Upper",
        "under_score",
        "-a-b",
        "a-b-",
        "a..b",
        "192.168.5.4",
        "xn--abc",
        "a.-b",
        "sthree-abc",
        "abc-s3alias",
        "abc--ol-s3",
        "é-bucket",
        "a b c",
    ],
)
def test_a_name_that_no_bucket_can_have_is_refused(world: World, name: str) -> None:
    found = raw(world.cloud, "PUT", f"/{name}")
    assert found.code == "InvalidBucketName", found
    assert found.status == 400


def raw(cloud: RunningS3, method: str, path: str, **headers: str) -> Refusal:
    """Send what no client would."""
    url = cloud.url + quote(path, safe="/?=&%")
    request: Any = AWSRequest(method, url, headers, b"")
    key = cloud.admin
    who = Credentials(key["access_key_id"], key["secret_access_key"])
    S3SigV4Auth(who, "s3", "us-east-1").add_auth(request)
    sent: Any = URLLib3Session().send(request.prepare())
    found = Refusal("", sent.status_code, {k.lower(): v for k, v in sent.headers.items()})
    found.body = sent.content
    found.code = found.elements["Code"] if sent.status_code >= 300 and found.body else ""
    return found


def test_a_list_that_has_no_such_name_is_refused_where_lists_are(world: World) -> None:
    owner = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    world.owner.put_bucket_ownership_controls(Bucket=samples.BUCKET, OwnershipControls=owner)
    try:
        found = raw(world.cloud, "PUT", f"/{samples.BUCKET}/k", **{"x-amz-acl": "everybody"})
        assert (found.status, found.code) == (400, "InvalidArgument")
    finally:
        owner = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        world.owner.put_bucket_ownership_controls(Bucket=samples.BUCKET, OwnershipControls=owner)


def test_a_key_has_at_most_1024_bytes(world: World) -> None:
    for key, status in (("ü" * 512, 200), ("ü" * 512 + "x", 400)):
        found = raw(world.cloud, "PUT", f"/{samples.BUCKET}/{key}")
        assert (found.status, found.code) == (status, "" if status == 200 else "KeyTooLongError")
