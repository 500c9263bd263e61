"""Every call leaves its line, with who made it and why it ended as it did."""

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import botocore.exceptions
import pytest

from mallee.cloud.trail import events
from tests.cloud.running import RunningCloud
from tests.cloud.signing import FORM, Sender

ClientError = botocore.exceptions.ClientError

WITHIN_S = 60.0


def line_of(cloud: RunningCloud, request_id: str) -> dict[str, Any]:
    """The line of a call; one that only looked is written a moment later."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        for path in cloud.layout.trail.glob("*.jsonl"):
            for text in path.read_text().splitlines(keepends=True):
                # The last one may be written just now.
                if request_id in text and text.endswith("\n"):
                    return json.loads(text)
        assert time.monotonic() < deadline


def test_a_forged_signature_is_told_without_a_caller(sender: Sender, cloud: RunningCloud) -> None:
    asked = {"Action": "DescribeVpcs"}
    answer = sender.send(sender.signed("ec2", asked, secret="x" * 40))
    line = line_of(cloud, answer.headers["x-amzn-requestid"])
    assert (line["service"], line["action"]) == ("ec2", "DescribeVpcs")
    assert (line["error"], line["status"]) == ("AuthFailure", 401)
    assert line["peer"] == "127.0.0.1"
    assert "account" not in line
    assert "user" not in line


def test_garbage_is_told_too(sender: Sender, cloud: RunningCloud) -> None:
    answer = sender.send_raw("POST", "/", {"Content-Type": FORM}, "%%%=&&&")
    line = line_of(cloud, answer.headers["x-amzn-requestid"])
    assert line["status"] == answer.status
    assert line["error"]


def test_a_greeting_is_no_call(sender: Sender, cloud: RunningCloud) -> None:
    assert sender.send_raw("GET", "/", {}).status == 200
    answer = sender.ask("sts", "GetCallerIdentity")
    line_of(cloud, answer.headers["x-amzn-requestid"])
    texts = [path.read_text() for path in cloud.layout.trail.glob("*.jsonl")]
    assert not any('"status":200' in one and '"action"' not in one for one in _lines(texts))


def _lines(texts: list[str]) -> Iterator[str]:
    for text in texts:
        yield from (line for line in text.splitlines() if '"chain"' not in line)


def test_a_temporary_caller_is_told_with_who_is_behind_him(cloud: RunningCloud) -> None:
    account = cloud.admin["account_id"]
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": statement})
    cloud.client("iam").create_role(RoleName="behind", AssumeRolePolicyDocument=trust)
    assumed = cloud.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/behind",
        RoleSessionName="in-front",
        SourceIdentity="somebody",
    )["Credentials"]
    key = {
        "access_key_id": assumed["AccessKeyId"],
        "secret_access_key": assumed["SecretAccessKey"],
    }
    client = cloud.client("ec2", key, aws_session_token=assumed["SessionToken"])
    with pytest.raises(ClientError) as error:
        client.describe_vpcs()
    line = line_of(cloud, error.value.response["ResponseMetadata"]["RequestId"])
    assert line["user"] == f"arn:aws:sts::{account}:assumed-role/behind/in-front"
    assert line["issuer"] == f"arn:aws:iam::{account}:role/behind"
    assert (line["kind"], line["source_identity"]) == ("role", "somebody")
    assert line["access_key"] == assumed["AccessKeyId"]
    assert line["refused"] is True
    assert line["judged"][0][2] == "implicitDeny"
    for path in cloud.layout.trail.glob("*.jsonl"):
        text = path.read_text()
        assert assumed["SessionToken"] not in text
        assert assumed["SecretAccessKey"] not in text


def test_a_launch_is_told_with_what_it_made(cloud: RunningCloud) -> None:
    answer = cloud.client("ec2").create_security_group(GroupName="made", Description="by a test")
    line = line_of(cloud, answer["ResponseMetadata"]["RequestId"])
    assert line["made"] == [answer["GroupId"]]
    assert line["asked"] == {"GroupName": "made", "Description": "by a test"}
    assert line["waiver"] == "administrator"


@pytest.mark.parametrize(
    ("action", "is_read"),
    [
        ("DescribeInstances", True),
        ("GetUser", True),
        ("AssumeRole", True),
        ("AssumeRoleWithWebIdentity", True),
        ("SimulatePrincipalPolicy", True),
        ("RunInstances", False),
        ("CreateUser", False),
        ("Gettysburg", False),
        ("", False),
    ],
)
def test_what_only_looks_is_known_by_its_name(action: str, is_read: bool) -> None:
    assert events.is_read(action) is is_read


def test_signing_in_is_shown_to_whose_account_it_was(cloud: RunningCloud, sender: Sender) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName="signer")
    iam.create_login_profile(UserName="signer", Password="Correct horse 1!")
    asked = {"AccountName": cloud.admin["account_id"], "UserName": "signer"}
    stranger = Sender(cloud.port, {})
    ids: list[str] = []
    for password in ("wrong horse 1!", "Correct horse 1!"):
        body = urlencode(
            {"Action": "SignIn", "Version": "2026-11-21", **asked, "Password": password}
        )
        headers = {"Content-Type": FORM, "Host": "mallee.cloud"}
        answer = stranger.send_raw("POST", "/", headers, body)
        ids.append(answer.headers["x-amzn-requestid"])
    failed, done = (line_of(cloud, id) for id in ids)
    assert failed["error"]
    assert "error" not in done
    for line in (failed, done):
        assert line["recipient"] == cloud.admin["account_id"]
        assert "account" not in line
        assert line["asked"]["UserName"] == "signer"
        assert line["asked"]["Password"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    shown = [event["EventId"] for event in cloud.client("cloudtrail").lookup_events()["Events"]]
    assert set(ids) <= set(shown)


def test_an_assumed_role_is_shown_to_both_accounts(cloud: RunningCloud, sender: Sender) -> None:
    made = sender.ask("mallee", "CreateAccount", AccountName="elsewhere")
    other = {
        "account_id": made.element("AccountId"),
        "access_key_id": made.element("AccessKeyId"),
        "secret_access_key": made.element("SecretAccessKey"),
    }
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": other["account_id"]},
        "Action": "sts:AssumeRole",
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": statement})
    cloud.client("iam").create_role(RoleName="lent", AssumeRolePolicyDocument=trust)
    arn = f"arn:aws:iam::{cloud.admin['account_id']}:role/lent"
    answer = cloud.client("sts", other).assume_role(RoleArn=arn, RoleSessionName="guest")
    id = answer["ResponseMetadata"]["RequestId"]
    line_of(cloud, id)
    for key in (cloud.admin, other):
        trail = cloud.client("cloudtrail", key)
        found = trail.lookup_events(
            LookupAttributes=[{"AttributeKey": "EventId", "AttributeValue": id}]
        )["Events"]
        record = json.loads(found[0]["CloudTrailEvent"])
        assert record["recipientAccountId"] == key["account_id"]
        assert record["userIdentity"]["accountId"] == other["account_id"]


@pytest.mark.parametrize("agent", ["\udcff\udc80", "é" * 300, '"},{"x":"', "a" * 4000])
def test_no_client_calls_himself_what_cannot_be_written(
    cloud: RunningCloud, sender: Sender, agent: str
) -> None:
    request = sender.signed("sts", {"Action": "GetCallerIdentity"}).prepare()
    head = f"User-Agent: {agent}\r\nAuthorization: {request.headers['Authorization']}{agent[:9]}"
    raw = (
        f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{cloud.port}\r\n{head}\r\nConnection: close\r\n"
        f"X-Amz-Date: {request.headers['X-Amz-Date']}\r\nContent-Type: {FORM}\r\n"
        f"Content-Length: {len(request.body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=WITHIN_S) as link:
        link.sendall((raw + request.body).encode("utf-8", "surrogateescape"))
        answer = b"".join(iter(lambda: link.recv(65536), b"")).decode()
    assert answer.startswith("HTTP/1.1 4")
    found = re.search(r"x-amzn-RequestId: (\S+)", answer, re.IGNORECASE)
    assert found is not None, answer
    line = line_of(cloud, found.group(1))
    assert line["error"]
    assert len(line["agent"]) <= 256


def test_what_was_still_asked_for_at_the_end_is_told(
    cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, store_run = threading.Event(), type(cloud.store).run

    async def run(store: Any, fn: Any) -> Any:
        if not fn.__module__.startswith("mallee.cloud.pipeline"):
            return await store_run(store, fn)
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(type(cloud.store), "run", run)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(cloud.client("ec2").create_key_pair, KeyName="unanswered")
        assert asked.wait(WITHIN_S)
        cloud.stop()
        with pytest.raises(Exception, match=r"closed|onnection|Unavailable"):
            call.result()
    monkeypatch.undo()
    cloud.start()
    texts = [path.read_text() for path in cloud.layout.trail.glob("*.jsonl")]
    (line,) = [json.loads(text) for text in _lines(texts) if '"unanswered"' in text]
    assert (line["action"], line["error"]) == ("CreateKeyPair", "Unavailable")
