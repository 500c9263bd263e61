"""Requests are logged in AWS's form into the bucket that is to have them, if its policy lets S3."""

import json
import re
import shlex
import urllib.error
import urllib.request
from collections.abc import Generator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mallee.cli import client
from mallee.cloud.s3.logs import operationnames
from tests.cloud.s3 import running
from tests.cloud.s3.wire import Wire

FIELDS = 26
LINE = re.compile(r'\[[^\]]*\]|"[^"]*"|\S+')


@pytest.fixture
def cloud() -> Generator[running.RunningS3]:
    """A cloud with a bucket that is logged, and one for logs."""
    with running.fresh() as made:
        s3 = made.s3()
        s3.create_bucket(Bucket="logged")
        s3.create_bucket(Bucket="logs")
        yield made


def allow(s3: Any, account: str, **conditions: Any) -> None:
    """Let S3 deliver logs, as AWS's manual writes it."""
    condition = {
        "ArnLike": {"aws:SourceArn": "arn:aws:s3:::logged"},
        "StringEquals": {"aws:SourceAccount": account},
    }
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::logs/*",
        "Condition": {**condition, **conditions},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket="logs", Policy=policy)


def switch_on(s3: Any, target: str = "logs", **more: Any) -> None:
    """Have a bucket logged."""
    wanted = {"TargetBucket": target, "TargetPrefix": "p/", **more}
    s3.put_bucket_logging(Bucket="logged", BucketLoggingStatus={"LoggingEnabled": wanted})


def logged(cloud: running.RunningS3) -> tuple[list[str], list[list[str]]]:
    """Stop and start the cloud, in order; return the keys of logs, and lines by fields."""
    cloud.restart()
    s3 = cloud.s3()
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket="logs").get("Contents", ())]
    bodies = [s3.get_object(Bucket="logs", Key=key)["Body"].read().decode() for key in keys]
    return keys, [LINE.findall(line) for body in bodies for line in body.splitlines()]


def account(cloud: running.RunningS3) -> str:
    found: str = cloud.client("sts").get_caller_identity()["Account"]
    return found


def test_every_request_is_a_line_of_all_fields(cloud: running.RunningS3) -> None:
    s3 = cloud.s3()
    allow(s3, account(cloud))
    switch_on(s3)
    shown = s3.get_bucket_logging(Bucket="logged")["LoggingEnabled"]
    assert shown == {"TargetBucket": "logs", "TargetPrefix": "p/"}
    s3.put_object(Bucket="logged", Key='a "b"\n', Body=b"12345")
    s3.get_object(Bucket="logged", Key='a "b"\n', Range="bytes=1-2")["Body"].read()
    with pytest.raises(ClientError):
        s3.get_object(Bucket="logged", Key="nothing")
    request = urllib.request.Request(f"{cloud.url}/logged/k", headers={"User-Agent": 'x" 200 "'})
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(request)
    keys, lines = logged(cloud)
    assert re.fullmatch(r"p/\d{4}(-\d\d){5}-[0-9A-F]{16}", keys[0])
    assert all(len(line) == FIELDS for line in lines)
    by_operation = {line[6]: line for line in lines}
    put = by_operation["REST.PUT.OBJECT"]
    got, missing, stranger = (line for line in lines if line[6] == "REST.GET.OBJECT")
    assert re.fullmatch(r"[0-9a-f]{64}", put[0])
    assert put[1] == "logged"
    assert re.fullmatch(r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\]", put[2])
    assert put[3] == "127.0.0.1"
    assert put[4].startswith("arn:aws:iam::")
    assert put[7] == "a%20%22b%22%0A"
    assert put[8].startswith('"PUT /logged/a%20%22b%22%0A')
    assert put[9:13] == ["200", "-", "-", "5"]
    assert got[9:13] == ["206", "-", "2", "5"]
    assert (got[19], got[21]) == ("SigV4", "AuthHeader")
    assert missing[9:11] == ["404", "NoSuchKey"]
    assert stranger[4] == "-"
    assert stranger[9:11] == ["403", "AccessDenied"]
    assert stranger[16] == '"x%22 200 %22"'
    assert shlex.split(" ".join(stranger[:2] + stranger[3:]))


@pytest.mark.parametrize(
    "header",
    [
        b"User-Agent: a\xffb",
        b"Referer: \xc3\x28",
        b'User-Agent: a" 200 - "-\t\\',
        b"X-Forwarded-For: 1.2.3.4",
    ],
)
def test_nobody_keeps_requests_out_of_the_log(cloud: running.RunningS3, header: bytes) -> None:
    s3 = cloud.s3()
    allow(s3, account(cloud))
    switch_on(s3)
    s3.get_bucket_location(Bucket="logged")
    hosts = (b"127.0.0.1", b"127.0.0.1\xff")
    for host in hosts:
        with Wire(cloud.port, cloud.admin) as wire:
            wire.send(b"GET /logged/secret HTTP/1.1\r\nHost: %b\r\n%b\r\n\r\n" % (host, header))
            assert wire.reply().status == 403
    with Wire(cloud.port, cloud.admin) as wire:
        length = {"x-amz-decoded-content-length": '5 - "-" "forged" -', "Content-Length": "5"}
        wire.send(wire.head("PUT", "/logged/put", length) + b"12345")
        assert wire.reply().status == 200
    _, lines = logged(cloud)
    assert {len(line) for line in lines} == {FIELDS}
    assert [line[7] for line in lines].count("secret") == len(hosts)
    assert "REST.GET.LOCATION" in {line[6] for line in lines}
    (put,) = [line for line in lines if line[7] == "put"]
    assert put[12] == "5"


def test_a_customers_key_in_a_link_is_not_in_the_log(cloud: running.RunningS3) -> None:
    s3 = cloud.s3()
    allow(s3, account(cloud))
    switch_on(s3)
    name = "x-amz-server-side-encryption-customer-key"
    other = f"a=1&%58{name[1:].title()}"
    for query in (f"{name}=c2VjcmV0", f"{other}=c2VjcmV0&b=2"):
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{cloud.url}/logged/k?{query}&{name}-MD5=bWQ1", timeout=120)
    _, lines = logged(cloud)
    told = [line[8] for line in lines if line[7] == "k"]
    assert len(told) == 2
    assert not any("c2VjcmV0" in one for one in told)
    assert "&b=2" in told[1]


def test_each_key_of_a_deletion_of_many_is_a_line(cloud: running.RunningS3) -> None:
    s3 = cloud.s3()
    allow(s3, account(cloud))
    s3.put_bucket_versioning(Bucket="logged", VersioningConfiguration={"Status": "Enabled"})
    switch_on(s3)
    keys = [{"Key": "a b"}, {"Key": "c", "VersionId": "v1"}, {"Key": "d", "ETag": "wrong"}]
    s3.put_object(Bucket="logged", Key="d")
    s3.delete_objects(Bucket="logged", Delete={"Objects": keys, "Quiet": True})
    _, lines = logged(cloud)
    many = [line for line in lines if line[6] == "BATCH.DELETE.OBJECT"]
    assert [(line[7], line[8], line[9], line[17]) for line in many] == [
        ("a%20b", "-", "204", "-"),
        ("c", "-", "204", "v1"),
        ("d", "-", "412", "-"),
    ]
    assert all(len(line) == FIELDS for line in many)
    assert many[2][10] == "PreconditionFailed"


def test_without_leave_nothing_is_delivered(cloud: running.RunningS3) -> None:
    s3 = cloud.s3()
    switch_on(s3)
    allow(s3, "999999999999")
    s3.put_object(Bucket="logged", Key="k", Body=b"1")
    assert logged(cloud) == ([], [])


def test_days_are_folders_where_that_is_wanted(cloud: running.RunningS3) -> None:
    s3 = cloud.s3()
    own = account(cloud)
    allow(s3, own)
    form = {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}
    switch_on(s3, TargetObjectKeyFormat=form)
    s3.list_objects_v2(Bucket="logged")
    [key], _ = logged(cloud)
    day = r"\d{4}/\d\d/\d\d/\d{4}-\d\d-\d\d-00-00-00-[0-9A-F]{16}"
    assert re.fullmatch(rf"p/{own}/us-east-1/logged/{day}", key)


def test_a_bucket_that_logs_into_itself_comes_to_rest(cloud: running.RunningS3) -> None:
    s3 = cloud.s3()
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::logged/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket="logged", Policy=json.dumps(policy))
    switch_on(s3, "logged")
    s3.put_object(Bucket="logged", Key="k", Body=b"1")
    for _ in range(2):
        cloud.restart()
    # Without a request between them, the second start had nothing to log.
    assert cloud.s3().list_objects_v2(Bucket="logged")["KeyCount"] == 2


def test_another_accounts_bucket_gets_no_logs(cloud: running.RunningS3) -> None:
    asked = {"AccountName": "physics"}
    made = client.call(cloud.layout, "mallee", "CreateAccount", asked)["AccessKey"]
    names = {"access_key_id": "AccessKeyId", "secret_access_key": "SecretAccessKey"}
    theirs = cloud.s3({name: made[member] for name, member in names.items()})
    theirs.create_bucket(Bucket="theirs")
    for target in ("theirs", "nowhere"):
        with pytest.raises(ClientError, match="InvalidTargetBucketForLogging"):
            switch_on(cloud.s3(), target)


def test_a_prefix_leaves_room_for_the_rest_of_a_key(cloud: running.RunningS3) -> None:
    s3 = cloud.s3()
    switch_on(s3, TargetPrefix="é" * 256)
    with pytest.raises(ClientError, match="too long"):
        switch_on(s3, TargetPrefix="é" * 257)


def test_grants_of_targets_are_refused(cloud: running.RunningS3) -> None:
    grant = {"Grantee": {"Type": "CanonicalUser", "ID": "x"}, "Permission": "READ"}
    with pytest.raises(ClientError, match="NotImplemented"):
        switch_on(cloud.s3(), TargetGrants=[grant])


def test_logging_ends_when_it_is_switched_off(cloud: running.RunningS3) -> None:
    s3 = cloud.s3()
    allow(s3, account(cloud))
    switch_on(s3)
    s3.put_bucket_logging(Bucket="logged", BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket="logged")
    s3.put_object(Bucket="logged", Key="k")
    assert logged(cloud) == ([], [])


@pytest.mark.parametrize(
    ("operation", "method", "name"),
    [
        ("GetObject", "GET", "REST.GET.OBJECT"),
        ("CopyObject", "PUT", "REST.COPY.OBJECT"),
        ("ListObjectsV2", "GET", "REST.GET.BUCKET"),
        ("PutBucketLogging", "PUT", "REST.PUT.LOGGING_STATUS"),
        ("GetBucketVersioning", "GET", "REST.GET.VERSIONING"),
        ("PutObjectTagging", "PUT", "REST.PUT.OBJECT_TAGGING"),
        ("GetBucketCors", "GET", "REST.GET.CORS"),
        ("PutPublicAccessBlock", "PUT", "REST.PUT.PUBLIC_ACCESS_BLOCK"),
        ("CompleteMultipartUpload", "POST", "REST.POST.UPLOAD"),
        ("GetBucketInventoryConfiguration", "GET", "REST.GET.INVENTORY"),
        ("PutObjectAcl", "PUT", "REST.PUT.ACL"),
    ],
)
def test_operations_are_called_as_aws_calls_them(operation: str, method: str, name: str) -> None:
    assert operationnames.of(operation, method, is_of_key=True) == name


def test_pages_of_websites_have_names_of_their_own() -> None:
    name = operationnames.of("GetObject", "GET", is_of_key=True, is_page=True)
    assert name == "WEBSITE.GET.OBJECT"
