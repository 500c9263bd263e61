"""Settings that buckets never have here: told truly, taken when they say so, else refused."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud.s3 import running


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """A client with a bucket `bucket` and an object `k`."""
    with running.fresh() as cloud:
        client = cloud.s3()
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="k", Body=b"k")
        yield client


def code(operation: Any, **asked: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        operation(Bucket="bucket", **asked)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("noun", ["analytics", "metrics", "intelligent_tiering"])
def test_there_is_no_document_of_what_is_not_made(s3: Any, noun: str) -> None:
    for verb in ("get", "delete"):
        operation = getattr(s3, f"{verb}_bucket_{noun}_configuration")
        assert code(operation, Id="a") == ("NoSuchConfiguration", 404)
    listed = getattr(s3, f"list_bucket_{noun}_configurations")(Bucket="bucket")
    assert listed["IsTruncated"] is False


def test_what_is_so_already_may_be_said_and_nothing_else(s3: Any) -> None:
    assert s3.get_bucket_abac(Bucket="bucket")["AbacStatus"] == {"Status": "Disabled"}
    s3.put_bucket_abac(Bucket="bucket", AbacStatus={"Status": "Disabled"})
    refused = code(s3.put_bucket_abac, AbacStatus={"Status": "Enabled"})
    assert refused == ("NotImplemented", 501)
    pays = s3.put_bucket_request_payment
    pays(Bucket="bucket", RequestPaymentConfiguration={"Payer": "BucketOwner"})
    refused = code(pays, RequestPaymentConfiguration={"Payer": "Requester"})
    assert refused == ("NotImplemented", 501)
    speeds = s3.put_bucket_accelerate_configuration
    speeds(Bucket="bucket", AccelerateConfiguration={"Status": "Suspended"})
    refused = code(speeds, AccelerateConfiguration={"Status": "Enabled"})
    assert refused == ("NotImplemented", 501)
    s3.delete_bucket_replication(Bucket="bucket")


def test_operations_that_s3_gave_up_are_answered_as_by_it(s3: Any) -> None:
    assert code(s3.get_object_torrent, Key="k") == ("MethodNotAllowed", 405)
    how = {"CSV": {}}
    asked = {"Expression": "select 1", "ExpressionType": "SQL"}
    select = s3.select_object_content
    given = {**asked, "InputSerialization": how, "OutputSerialization": how}
    assert code(select, Key="k", **given) == ("MethodNotAllowed", 405)
    assert code(s3.get_object_annotation, Key="k", AnnotationName="a") == ("NotImplemented", 501)
