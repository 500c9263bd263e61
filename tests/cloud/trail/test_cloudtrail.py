"""CloudTrail by an unmodified client: an account's own calls, and nobody else's."""

import datetime
import json
import time
from typing import Any

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender

ClientError = botocore.exceptions.ClientError


@pytest.fixture(scope="module")
def tenant(cloud: RunningCloud) -> dict[str, str]:
    answer = Sender(cloud.port, cloud.admin).ask("mallee", "CreateAccount", AccountName="tenant")
    return {
        "account_id": answer.element("AccountId"),
        "access_key_id": answer.element("AccessKeyId"),
        "secret_access_key": answer.element("SecretAccessKey"),
    }


def history(cloud: RunningCloud, key: dict[str, str] | None = None) -> Any:
    """A client that asks again when it asked too often."""
    who = key or cloud.admin
    return boto3.client(
        "cloudtrail",
        endpoint_url=cloud.url,
        region_name="us-east-1",
        aws_access_key_id=who["access_key_id"],
        aws_secret_access_key=who["secret_access_key"],
        config=Config(retries={"max_attempts": 10, "mode": "standard"}, parameter_validation=False),
    )


def attribute(key: str, value: str) -> list[dict[str, str]]:
    return [{"AttributeKey": key, "AttributeValue": value}]


def lookup(client: Any, key: str, value: str, **more: Any) -> list[dict[str, Any]]:
    pages = client.get_paginator("lookup_events").paginate(
        LookupAttributes=attribute(key, value), **more
    )
    return [event for page in pages for event in page["Events"]]


def wait_event(client: Any, request_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while not (found := lookup(client, "EventId", request_id)):
        assert time.monotonic() < deadline
    return found[0]


def id_of(answer: dict[str, Any]) -> str:
    return answer["ResponseMetadata"]["RequestId"]


def test_a_call_is_told_as_it_was(cloud: RunningCloud) -> None:
    answer = cloud.client("ec2").create_key_pair(KeyName="told", KeyType="ed25519")
    event = wait_event(history(cloud), id_of(answer))
    assert event["EventName"] == "CreateKeyPair"
    assert event["EventSource"] == "ec2.amazonaws.com"
    assert event["ReadOnly"] == "false"
    assert event["Username"] == "admin"
    assert event["AccessKeyId"] == cloud.admin["access_key_id"]
    kinds = {(one["ResourceType"], one["ResourceName"]) for one in event["Resources"]}
    assert ("AWS::EC2::KeyPair", "told") in kinds
    assert ("AWS::EC2::KeyPair", answer["KeyPairId"]) in kinds
    record = json.loads(event["CloudTrailEvent"])
    assert record["userIdentity"]["type"] == "IAMUser"
    assert record["userIdentity"]["arn"].endswith(":user/admin")
    assert record["requestParameters"] == {"keyName": "told", "keyType": "ed25519"}
    assert record["sourceIPAddress"] == "127.0.0.1"
    assert record["userAgent"].startswith("Boto3/")
    assert "errorCode" not in record


def test_what_changed_something_is_there_at_once(cloud: RunningCloud) -> None:
    for number in range(5):
        answer = cloud.client("ec2").create_key_pair(KeyName=f"at-once-{number}")
        assert lookup(history(cloud), "EventId", id_of(answer))


def test_a_refused_call_is_told_with_its_error(cloud: RunningCloud) -> None:
    ec2 = cloud.client("ec2")
    with pytest.raises(ClientError) as error:
        ec2.terminate_instances(InstanceIds=["i-0123456789abcdef0"])
    event = wait_event(history(cloud), id_of(error.value.response))
    record = json.loads(event["CloudTrailEvent"])
    assert record["errorCode"] == "Client.InvalidInstanceID.NotFound"
    assert event["Resources"] == [
        {"ResourceType": "AWS::EC2::Instance", "ResourceName": "i-0123456789abcdef0"}
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("EventName", "CreateUser"),
        ("ResourceName", "looked-up"),
        ("ResourceType", "AWS::IAM::User"),
        ("EventSource", "iam.amazonaws.com"),
        ("ReadOnly", "false"),
        ("Username", "admin"),
    ],
)
def test_every_attribute_finds(cloud: RunningCloud, key: str, value: str) -> None:
    iam, trail = cloud.client("iam"), history(cloud)
    made = id_of(iam.create_user(UserName="looked-up"))
    iam.delete_user(UserName="looked-up")
    assert made in [event["EventId"] for event in lookup(trail, key, value)]
    if key == "ReadOnly":
        with pytest.raises(ClientError, match="InvalidLookupAttributesException"):
            lookup(trail, key, "nothing")
    else:
        assert lookup(trail, key, "nothing") == []


def test_pages_join_without_gap_or_double(cloud: RunningCloud) -> None:
    ec2, trail = cloud.client("ec2"), history(cloud)
    ids = [id_of(ec2.create_key_pair(KeyName=f"paged-{number}")) for number in range(9)]
    found = lookup(trail, "EventName", "CreateKeyPair", PaginationConfig={"PageSize": 2})
    assert [event["EventId"] for event in found][:9] == ids[::-1]
    assert len({event["EventId"] for event in found}) == len(found)


def test_times_bound_what_is_found(cloud: RunningCloud) -> None:
    trail = history(cloud)
    id = id_of(cloud.client("ec2").create_key_pair(KeyName="timed"))
    now = datetime.datetime.now(datetime.UTC)
    hour = datetime.timedelta(hours=1)
    found = trail.lookup_events(StartTime=now - hour, EndTime=now + hour)["Events"]
    assert id in [event["EventId"] for event in found]
    assert trail.lookup_events(StartTime=now + hour)["Events"] == []
    assert trail.lookup_events(EndTime=now - hour)["Events"] == []
    with pytest.raises(ClientError, match="InvalidTimeRangeException"):
        trail.lookup_events(StartTime=now, EndTime=now - hour)


def test_no_account_sees_another_ones_calls(cloud: RunningCloud, tenant: dict[str, str]) -> None:
    mine = id_of(cloud.client("ec2").create_key_pair(KeyName="mine"))
    theirs = id_of(cloud.client("ec2", tenant).create_key_pair(KeyName="theirs"))
    for key, own, other in ((cloud.admin, mine, theirs), (tenant, theirs, mine)):
        trail = history(cloud, key)
        assert lookup(trail, "EventId", own)
        assert lookup(trail, "EventId", other) == []
        accounts = {
            json.loads(event["CloudTrailEvent"])["recipientAccountId"]
            for event in trail.lookup_events()["Events"]
        }
        assert accounts == {key["account_id"]}


def test_a_client_cannot_write_himself_into_anothers_trail(
    cloud: RunningCloud, tenant: dict[str, str]
) -> None:
    victim = cloud.admin["account_id"]
    name = f'x","account":"{victim}","action":"CreateUser'
    with pytest.raises(ClientError) as error:
        cloud.client("iam", tenant).create_user(UserName=name)
    forged = id_of(error.value.response)
    assert wait_event(history(cloud, tenant), forged)["EventName"] == "CreateUser"
    assert lookup(history(cloud), "EventId", forged) == []


def test_a_token_of_another_question_is_refused(cloud: RunningCloud) -> None:
    for number in range(3):
        cloud.client("ec2").create_key_pair(KeyName=f"token-{number}")
    trail = history(cloud)
    token = trail.lookup_events(
        LookupAttributes=attribute("EventName", "CreateKeyPair"), MaxResults=1
    )["NextToken"]
    for wrong in ({"NextToken": token}, {"NextToken": "bm90aGluZw"}, {"NextToken": "é"}):
        with pytest.raises(ClientError, match="InvalidNextTokenException"):
            trail.lookup_events(**wrong)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"LookupAttributes": attribute("EventName", "a") * 2}, "InvalidLookupAttributes"),
        ({"LookupAttributes": attribute("Shoe", "a")}, "ValidationException"),
        ({"MaxResults": 51}, "ValidationException"),
        ({"EventCategory": "insight"}, "UnsupportedOperationException"),
    ],
)
def test_what_cannot_be_looked_up_is_refused(
    cloud: RunningCloud, request_: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError, match=code):
        history(cloud).lookup_events(**request_)


def test_there_are_no_trails_and_none_can_be_made(cloud: RunningCloud) -> None:
    trail = history(cloud)
    assert trail.describe_trails()["trailList"] == []
    assert trail.list_trails()["Trails"] == []
    with pytest.raises(trail.exceptions.TrailNotFoundException, match="trail/mine"):
        trail.get_trail_status(Name="mine")
    with pytest.raises(trail.exceptions.UnsupportedOperationException):
        trail.create_trail(Name="mine", S3BucketName="bucket")


# --- the JSON protocol, seen from outside ---


def test_errors_are_called_as_json_services_call_them(cloud: RunningCloud) -> None:
    forged = {**cloud.admin, "secret_access_key": "x" * 40}
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        history(cloud, forged).lookup_events()
    unknown = {**cloud.admin, "access_key_id": "AKIAAAAAAAAAAAAAAAAA"}
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        history(cloud, unknown).lookup_events()


def test_the_target_is_signed(cloud: RunningCloud) -> None:
    trail = history(cloud)

    def turn(request: Any, **_: Any) -> None:
        name = "X-Amz-Target"
        request.headers[name] = request.headers[name].replace(b"LookupEvents", b"ListTrails")

    trail.meta.events.register("before-send.cloudtrail", turn)
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        trail.lookup_events()


@pytest.mark.parametrize(
    "target", ["", "LookupEvents", "x.LookupEvents", "Nothing", ".", "a" * 5000]
)
def test_a_target_that_nobody_knows_is_refused(cloud: RunningCloud, target: str) -> None:
    trail = history(cloud)

    def turn(params: dict[str, Any], **_: Any) -> None:
        params["headers"]["X-Amz-Target"] = target

    trail.meta.events.register("before-call.cloudtrail", turn)
    with pytest.raises(ClientError, match="UnknownOperationException"):
        trail.lookup_events()
