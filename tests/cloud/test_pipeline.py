"""Each stage's law, seen from outside: by unmodified boto3, and by requests made by hand."""

import datetime
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import botocore.exceptions
import pytest

from mallee.cloud import actions, pipeline, server
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.state import records, store
from tests.cloud.journal import of
from tests.cloud.running import RunningCloud
from tests.cloud.signing import FORM, Sender

ClientError = botocore.exceptions.ClientError


def code_of(error: Any) -> str:
    return error.value.response["Error"]["Code"]


def test_a_tenant_is_not_told_where_the_database_lies(
    cloud: RunningCloud, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(fn: Any) -> Any:
        raise store.Unavailable("disk full: /somewhere/state.db; free some room")

    monkeypatch.setattr(type(cloud.store), "run", lambda self, fn: run(fn))
    answer = sender.ask("ec2", "CreateKeyPair", KeyName="x")
    assert answer.status == 503
    assert "somewhere" not in answer.text
    assert "nothing was changed" in answer.message


# --- who calls ---


def test_caller_is_the_owner_of_the_key(cloud: RunningCloud) -> None:
    identity = cloud.client("sts").get_caller_identity()
    account = cloud.admin["account_id"]
    assert identity["Account"] == account
    assert identity["Arn"] == f"arn:aws:iam::{account}:user/admin"


def test_answer_names_its_request_twice(cloud: RunningCloud) -> None:
    answer = cloud.client("sts").get_caller_identity()["ResponseMetadata"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", answer["RequestId"])
    assert answer["HTTPHeaders"]["x-amzn-requestid"] == answer["RequestId"]


def test_get_is_as_good_as_post(sender: Sender) -> None:
    answer = sender.send(sender.presigned("sts", {"Action": "GetCallerIdentity"}, 60))
    assert answer.status == 200, answer.text


def test_old_clients_sign_by_version_2(sender: Sender) -> None:
    asked = {"Action": "DescribeRegions", "Version": "2012-07-20"}
    answer = sender.send(sender.signed_v2(asked, path="/services/Eucalyptus/"))
    assert answer.status == 200, answer.text


def test_nobody_is_anonymous(sender: Sender) -> None:
    body = "Action=GetCallerIdentity&Version=2011-06-15"
    answer = sender.send_raw("POST", "/", {"Content-Type": FORM}, body)
    assert (answer.status, answer.code) == (403, "MissingAuthenticationToken")


def test_wrong_secret_is_refused(sender: Sender) -> None:
    asked = {"Action": "GetCallerIdentity"}
    forged = sender.send(sender.signed("sts", asked, secret="x" * 40))
    assert (forged.status, forged.code) == (403, "SignatureDoesNotMatch")
    forged = sender.send(sender.signed("ec2", {"Action": "DescribeRegions"}, secret="x" * 40))
    assert (forged.status, forged.code) == (401, "AuthFailure")


def test_unknown_key_is_refused(cloud: RunningCloud) -> None:
    stranger = {**cloud.admin, "access_key_id": "AKIAAAAAAAAAAAAAAAAA"}
    with pytest.raises(ClientError) as error:
        cloud.client("sts", stranger).get_caller_identity()
    assert code_of(error) == "InvalidClientTokenId"


def test_altered_request_is_refused(sender: Sender) -> None:
    request = sender.signed("sts", {"Action": "GetCallerIdentity"})
    request.data = request.data.replace("GetCallerIdentity", "GetSessionToken")
    answer = sender.send(request)
    assert answer.status in (400, 403), answer.text
    request = sender.signed("ec2", {"Action": "DescribeRegions", "RegionName.1": "us-east-1"})
    request.data = request.data.replace("us-east-1", "us-east-2")
    assert sender.send(request).code == "AuthFailure"


@pytest.mark.parametrize("minutes", [-16, 16])
def test_wrong_clock_is_refused(sender: Sender, minutes: int) -> None:
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    answer = sender.send(sender.signed("ec2", {"Action": "DescribeRegions"}, at=at))
    assert answer.code == "RequestExpired"
    answer = sender.send(sender.signed("sts", {"Action": "GetCallerIdentity"}, at=at))
    assert answer.code == "SignatureDoesNotMatch"
    assert "20" in answer.message


@pytest.mark.parametrize("minutes", [-14, 14])
def test_clock_may_be_a_little_off(sender: Sender, minutes: int) -> None:
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    assert sender.send(sender.signed("ec2", {"Action": "DescribeRegions"}, at=at)).status == 200


def test_signature_for_another_service_is_refused(sender: Sender) -> None:
    request = sender.signed("sts", {"Action": "GetCallerIdentity"})
    header = request.headers["Authorization"].replace("/sts/", "/iam/")
    request.headers.replace_header("Authorization", header)
    assert sender.send(request).status in (400, 403)


def test_signature_is_checked_before_parameters(sender: Sender) -> None:
    asked = {"Action": "DescribeRegions", "Nonsense": "1"}
    assert sender.send(sender.signed("ec2", asked, secret="x" * 40)).code == "AuthFailure"


def test_session_token_that_was_never_given_out_is_refused(cloud: RunningCloud) -> None:
    with pytest.raises(ClientError) as error:
        cloud.client("sts", aws_session_token="FwoGZXIvYXdzEBY").get_caller_identity()
    assert code_of(error) == "InvalidClientTokenId"


def test_inactive_key_is_nobodys(cloud: RunningCloud) -> None:
    iam = cloud.client("iam")
    made = iam.create_access_key()["AccessKey"]
    key = {
        "access_key_id": made["AccessKeyId"],
        "secret_access_key": made["SecretAccessKey"],
    }
    assert cloud.client("sts", key).get_caller_identity()["Account"]
    iam.update_access_key(AccessKeyId=made["AccessKeyId"], Status="Inactive")
    with pytest.raises(ClientError) as error:
        cloud.client("sts", key).get_caller_identity()
    assert code_of(error) == "InvalidClientTokenId"
    iam.delete_access_key(AccessKeyId=made["AccessKeyId"])


# --- what is asked ---


def test_action_that_no_model_knows_is_invalid(sender: Sender) -> None:
    answer = sender.ask("ec2", "DescribeUnicorns")
    assert (answer.status, answer.code) == (400, "InvalidAction")
    assert "DescribeUnicorns" in answer.message


def test_action_that_is_missing_is_said_to_be_missing(ec2: Any, sender: Sender) -> None:
    with pytest.raises(ClientError) as error:
        ec2.describe_reserved_instances()
    assert code_of(error) == "UnsupportedOperation"
    assert sender.ask("iam", "EnableOrganizationsRootSessions").code == "UnsupportedOperation"


def test_request_without_an_action_is_refused(sender: Sender) -> None:
    assert sender.send(sender.signed("ec2", {})).code == "MissingAction"


def test_version_that_does_not_exist_is_refused(sender: Sender) -> None:
    for version in ("2099-01-01", "yesterday"):
        asked = {"Action": "DescribeRegions", "Version": version}
        assert sender.send(sender.signed("ec2", asked)).code == "NoSuchVersion"


def test_service_that_is_not_here_is_named(sender: Sender) -> None:
    answer = sender.ask("sqs", "ListQueues")
    assert answer.code == "UnsupportedOperation"
    assert "sqs" in answer.message


def test_service_that_is_not_here_is_named_in_its_own_language(cloud: RunningCloud) -> None:
    with pytest.raises(ClientError) as error:
        cloud.client("ssm").describe_parameters()
    assert code_of(error).startswith("UnsupportedOperation")
    assert error.value.response["Error"]["Message"] == "The service ssm is not part of this cloud."


@pytest.mark.parametrize("path", ["/services/Euare", "/services/Euare/"])
def test_eucalyptus_paths_lead_to_their_services(sender: Sender, path: str) -> None:
    request = sender.signed("iam", {"Action": "GetUser"}, path=path)
    assert sender.send(request).status == 200


def test_path_that_is_no_endpoint_is_not_found(sender: Sender) -> None:
    assert sender.send(sender.signed("ec2", {"Action": "X"}, path="/bucket")).status == 404


def test_method_that_no_query_uses_is_refused(sender: Sender) -> None:
    assert sender.send_raw("DELETE", "/", {}).status == 405


def test_greeting_is_small_and_says_nothing(sender: Sender) -> None:
    answer = sender.send_raw("GET", "/", {})
    assert (answer.status, answer.text) == (200, "mallee\n")


# --- how it is asked ---


def test_unknown_parameter_is_refused_by_name(sender: Sender) -> None:
    answer = sender.ask("ec2", "DescribeRegions", Colour="green")
    assert answer.code == "UnknownParameter"
    assert "Colour" in answer.message


def test_parameter_that_would_be_ignored_is_refused_by_name(ec2: Any) -> None:
    with pytest.raises(ClientError) as error:
        ec2.create_vpc(CidrBlock="10.0.0.0/16", InstanceTenancy="dedicated")
    assert code_of(error) == "UnsupportedOperation"


def test_dry_run_does_nothing_and_says_so(ec2: Any) -> None:
    with pytest.raises(ClientError) as error:
        ec2.create_key_pair(KeyName="dry", KeyType="ed25519", DryRun=True)
    assert code_of(error) == "DryRunOperation"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert ec2.describe_key_pairs()["KeyPairs"] == []


def test_tags_are_for_what_the_action_makes(ec2: Any) -> None:
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}]
    with pytest.raises(ClientError) as error:
        ec2.create_key_pair(KeyName="tagged", KeyType="ed25519", TagSpecifications=tags)
    assert code_of(error) == "InvalidParameterValue"


@pytest.mark.parametrize(
    "query",
    ["%", "%zz=%", "&&&===&", "a=%ff%fe", "Action", "Action=%00", "A" * 60000, "=&" * 9000],
)
def test_garbage_query_is_refused_in_order(sender: Sender, query: str) -> None:
    answer = sender.send_raw("GET", f"/?{query}", {})
    assert 400 <= answer.status < 500
    assert answer.code
    assert answer.headers["x-amzn-requestid"]


@pytest.mark.parametrize(
    "body",
    [b"<?xml version='1.0'?><a", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"\xff" * 500, b"{}"],
)
@pytest.mark.parametrize("kind", [FORM, "text/xml", "application/json", ""])
def test_garbage_body_is_refused_in_order(sender: Sender, body: bytes, kind: str) -> None:
    answer = sender.send_raw("POST", "/", {"Content-Type": kind}, body)
    assert 400 <= answer.status < 500
    assert answer.code


def test_form_with_bytes_that_are_no_text_is_refused(sender: Sender) -> None:
    request = sender.signed("ec2", {"Action": "DescribeRegions"})
    body = request.data + "&RegionName.1=%ff"
    answer = sender.send_raw("POST", "/", dict(request.headers.items()), body)
    assert answer.code == "MalformedQueryString"


def test_what_takes_long_is_prepared_before_the_transaction_and_not_for_a_dry_run(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared: list[str] = []

    def prepare(call: Call, request: Any, box: Any) -> Callable[[], str]:
        assert call.view.list(records.ACCOUNT)

        def work() -> str:
            prepared.append(threading.current_thread().name)
            return f"vol-{request['Size']}"

        return work

    def create(call: WriteCall, request: Any) -> Any:
        assert threading.current_thread().name not in prepared
        return {"VolumeId": call.prepared}

    row = Action(
        service="ec2",
        name="CreateVolume",
        does=Write(handle=create, prepare=prepare),
        honours=frozenset({"AvailabilityZone", "Size"}),
    )
    monkeypatch.setitem(actions.TABLE, ("ec2", "CreateVolume"), row)
    asked = {"AvailabilityZone": "us-east-1a", "Size": "7"}
    assert sender.ask("ec2", "CreateVolume", **asked, DryRun="true").code == "DryRunOperation"
    assert prepared == []
    assert sender.ask("ec2", "CreateVolume", **asked).element("volumeId") == "vol-7"
    assert len(prepared) == 1


# --- what goes wrong inside ---


def test_mistake_of_ours_shows_an_id_and_no_stack(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(call: object, request: object) -> Any:
        raise RuntimeError("the secret cause")

    journal = of(monkeypatch, pipeline)
    for service, name in (("sts", "GetSessionToken"), ("ec2", "DescribeVolumes")):
        row = Action(service=service, name=name, does=Read(handle=broken), honours=frozenset())
        monkeypatch.setitem(actions.TABLE, (service, name), row)
    assert sender.ask("ec2", "DescribeVolumes").code == "InternalError"
    answer = sender.ask("sts", "GetSessionToken")
    assert (answer.status, answer.code) == (500, "InternalFailure")
    assert "secret cause" not in answer.text
    assert "Traceback" not in answer.text
    broke = [line for line in journal.lines if line["event"] == "request broke"][-1]
    assert broke["request_id"] == answer.headers["x-amzn-requestid"]
    assert "the secret cause" in broke["stack"]


def test_logs_have_no_secrets(
    cloud: RunningCloud, ec2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = of(monkeypatch, pipeline, server)
    made = ec2.create_key_pair(KeyName="logged", KeyType="ed25519")["KeyMaterial"]
    iam = cloud.client("iam")
    key = iam.create_access_key()["AccessKey"]
    last = iam.delete_access_key(AccessKeyId=key["AccessKeyId"])
    access = _trail(cloud, until=last["ResponseMetadata"]["RequestId"])
    assert access.rindex("CreateKeyPair") < access.rindex("CreateAccessKey")
    for secret in (key["SecretAccessKey"], cloud.admin["secret_access_key"], made[100:140]):
        assert secret not in access + journal.text


def _trail(cloud: RunningCloud, until: str) -> str:
    deadline = time.monotonic() + 60
    while True:
        files = sorted(cloud.layout.trail.glob("*.jsonl"))
        text = "".join(path.read_text() for path in files)
        if until in text:
            return text
        assert time.monotonic() < deadline
