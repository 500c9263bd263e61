"""EBS direct APIs for whom they are: policies, signatures, keys; what strangers get; the trail."""

from typing import Any

import pytest
import requests
from botocore import auth, awsrequest, credentials

from tests import wholecloud
from tests.cloud.ebs.writers import (
    BLOCK,
    checksum,
    listed,
    put,
    read,
    refusal,
    user,
    written,
)
from tests.cloud.s3 import running

ONE, TWO = (bytes([number]) * BLOCK for number in (1, 2))
MIXED = bytes(range(256)) * (BLOCK // 256)


def test_policies_decide(ebs: Any, cloud: running.RunningS3) -> None:
    mine, other = written(ebs, {0: ONE}), written(ebs, {0: TWO})
    arn = "arn:aws:ec2:us-east-1::snapshot/"
    reader = user(
        cloud,
        "reader",
        {"Effect": "Allow", "Action": "ebs:ListSnapshotBlocks", "Resource": f"{arn}{mine}"},
        {
            "Effect": "Allow",
            "Action": "ebs:StartSnapshot",
            "Resource": "*",
            "Condition": {"NumericLessThan": {"ebs:VolumeSize": "4"}},
        },
    )
    token = listed(reader, mine)[0]
    denied = ("AccessDeniedException", "UNAUTHORIZED_ACCOUNT")
    assert refusal(reader.list_snapshot_blocks, SnapshotId=other) == denied
    get = {"SnapshotId": mine, "BlockIndex": 0, "BlockToken": token}
    assert refusal(reader.get_snapshot_block, **get) == denied
    assert refusal(reader.start_snapshot, VolumeSize=4) == denied
    started = reader.start_snapshot(VolumeSize=3)["SnapshotId"]
    assert refusal(put, ebs=reader, id=started, index=0, data=ONE) == denied
    both = {"FirstSnapshotId": mine, "SecondSnapshotId": other}
    assert refusal(reader.list_changed_blocks, **both) == denied


def test_who_is_not_known_is_refused(cloud: running.RunningS3) -> None:
    nobody = {"access_key_id": "AKIANOBODYNOBODYNOBO", "secret_access_key": "x" * 40}
    code, _ = refusal(cloud.client("ebs", nobody).start_snapshot, VolumeSize=1)
    assert code == "UnrecognizedClientException"
    forged = {**cloud.admin, "secret_access_key": "x" * 40}
    code, _ = refusal(cloud.client("ebs", forged).start_snapshot, VolumeSize=1)
    assert code == "InvalidSignatureException"


def signed(
    cloud: running.RunningS3, method: str, path: str, body: bytes, headers: dict[str, str]
) -> requests.Response:
    """Send a request whose body is not signed, as programs do over TLS."""
    request = awsrequest.AWSRequest(method, cloud.url + path, data=body, headers=headers)
    request.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
    key = credentials.Credentials(cloud.admin["access_key_id"], cloud.admin["secret_access_key"])
    signer: Any = _Unsigned(key, "ebs", "us-east-1")
    signer.add_auth(request)
    sent = dict(request.headers.items())
    return requests.request(method, cloud.url + path, data=body, headers=sent, timeout=120)


class _Unsigned(auth.SigV4Auth):
    def payload(self, request: Any) -> str:
        return "UNSIGNED-PAYLOAD"


def test_a_block_may_come_unsigned_with_a_signed_checksum(
    cloud: running.RunningS3, ebs: Any
) -> None:
    id = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    path = f"/snapshots/{id}/blocks/3"
    said = {
        "x-amz-Data-Length": str(BLOCK),
        "x-amz-Checksum": checksum(ONE),
        "x-amz-Checksum-Algorithm": "SHA256",
    }
    assert signed(cloud, "PUT", path, TWO, said).json()["Reason"] == "INVALID_BLOCK"
    assert signed(cloud, "PUT", path, ONE, said).status_code == 201
    started = signed(cloud, "POST", "/snapshots", b'{"VolumeSize": 1}', {})
    assert started.headers["x-amzn-ErrorType"] == "IncompleteSignatureException"
    ebs.complete_snapshot(SnapshotId=id, ChangedBlocksCount=1)
    assert read(ebs, id) == {3: ONE}


@pytest.mark.parametrize(
    ("method", "path", "error"),
    [
        ("POST", "/snapshots", "MissingAuthenticationTokenException"),
        ("PUT", "/snapshots/snap-1/blocks/0", "MissingAuthenticationTokenException"),
        ("GET", "/nothing", "UnknownOperationException"),
        ("DELETE", "/snapshots", "UnknownOperationException"),
    ],
)
def test_who_signs_nothing_is_told_nothing(
    cloud: running.RunningS3, method: str, path: str, error: str
) -> None:
    host = {"Host": "ebs.cloud.internal"}
    body = b"{}" if method == "POST" else b""
    answer = requests.request(method, cloud.url + path, headers=host, data=body, timeout=120)
    assert answer.headers["x-amzn-ErrorType"] == error
    assert answer.status_code in (400, 403, 404)


def test_a_body_that_is_too_long_is_not_read(cloud: running.RunningS3, ebs: Any) -> None:
    id = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    path = f"/snapshots/{id}/blocks/3"
    answer = signed(cloud, "PUT", path, bytes(2 << 20), {"x-amz-Data-Length": str(BLOCK)})
    assert answer.json()["Reason"] == "INVALID_BLOCK"


def test_encrypted_blocks_are_read_by_who_may_use_their_key(
    cloud: running.RunningS3, ebs: Any, ec2: Any
) -> None:
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    id = written(ebs, {1: ONE, 2: MIXED}, Encrypted=True, KmsKeyArn=key)
    (shown,) = ec2.describe_snapshots(SnapshotIds=[id])["Snapshots"]
    assert (shown["Encrypted"], shown["KmsKeyId"]) == (True, key)
    assert read(ebs, id) == {1: ONE, 2: MIXED}
    child = written(ebs, {2: TWO}, ParentSnapshotId=id)
    assert read(ebs, child) == {1: ONE, 2: TWO}
    changed = ebs.list_changed_blocks(FirstSnapshotId=id, SecondSnapshotId=child)
    assert [one["BlockIndex"] for one in changed["ChangedBlocks"]] == [2]
    plain = written(ebs, {1: ONE})
    both = {"FirstSnapshotId": plain, "SecondSnapshotId": child}
    unrelated = ("ValidationException", "UNRELATED_SNAPSHOTS")
    assert refusal(ebs.list_changed_blocks, **both) == unrelated
    keyless = user(cloud, "keyless", {"Effect": "Allow", "Action": "ebs:*", "Resource": "*"})
    token = listed(keyless, id)[1]
    denied = ("AccessDeniedException", "UNAUTHORIZED_ACCOUNT")
    get = {"SnapshotId": id, "BlockIndex": 1, "BlockToken": token}
    assert refusal(keyless.get_snapshot_block, **get) == denied
    asked = {"VolumeSize": 1, "Encrypted": True, "KmsKeyArn": key}
    assert refusal(keyless.start_snapshot, **asked) == denied
    nothing = {"VolumeSize": 1, "ParentSnapshotId": id, "Encrypted": True}
    assert refusal(ebs.start_snapshot, **nothing)[1] == "INVALID_PARAMETER_VALUE"
    cloud.client("kms").disable_key(KeyId=key)
    assert refusal(ebs.get_snapshot_block, **get)[1] == "INVALID_CUSTOMER_KEY"


def test_the_trail_tells_who_wrote_a_snapshot(cloud: running.RunningS3, ebs: Any) -> None:
    id = written(ebs, {0: ONE})
    trail = cloud.client("cloudtrail")

    def told(name: str) -> list[str]:
        asked = [{"AttributeKey": "EventName", "AttributeValue": name}]
        found = trail.lookup_events(LookupAttributes=asked)["Events"]
        return [name for one in found if id in str(one["Resources"])]

    # On a busy machine no call waits for its line for long; they come in the order of the calls.
    wholecloud.wait_until(lambda: bool(told("CompleteSnapshot")), 120.0, "what was done last")
    names = ("StartSnapshot", "CompleteSnapshot", "PutSnapshotBlock")
    assert [told(name) for name in names] == [["StartSnapshot"], ["CompleteSnapshot"], []]
