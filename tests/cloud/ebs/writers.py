"""Who writes and reads snapshots block by block, as backup programs do it: by boto3."""

import base64
import hashlib
import json
from typing import Any, cast

import botocore.exceptions
import pytest

from tests.cloud.s3 import running

BLOCK = 512 << 10


def checksum(data: bytes) -> str:
    """The checksum of a block."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def linear(blocks: dict[int, bytes]) -> str:
    """The checksum of all blocks, from theirs in order."""
    digests = b"".join(hashlib.sha256(blocks[index]).digest() for index in sorted(blocks))
    return checksum(digests)


def put(ebs: Any, id: str, index: int, data: bytes, **more: Any) -> dict[str, Any]:
    """Write a block."""
    asked = {
        "SnapshotId": id,
        "BlockIndex": index,
        "BlockData": data,
        "DataLength": len(data),
        "Checksum": checksum(data),
        "ChecksumAlgorithm": "SHA256",
    }
    made: dict[str, Any] = ebs.put_snapshot_block(**{**asked, **more})
    return made


def written(ebs: Any, blocks: dict[int, bytes], **more: Any) -> str:
    """Return a completed snapshot of these blocks."""
    id: str = ebs.start_snapshot(**{"VolumeSize": 1, **more})["SnapshotId"]
    for index, data in blocks.items():
        put(ebs, id, index, data)
    done = ebs.complete_snapshot(
        SnapshotId=id,
        ChangedBlocksCount=len(blocks),
        Checksum=linear(blocks),
        ChecksumAlgorithm="SHA256",
        ChecksumAggregationMethod="LINEAR",
    )
    assert done["Status"] == "completed"
    return id


def listed(ebs: Any, id: str, **more: Any) -> dict[int, str]:
    """Return the token of each block that a snapshot has, from all pages."""
    found: dict[int, str] = {}
    token: dict[str, str] = {}
    while True:
        page = ebs.list_snapshot_blocks(SnapshotId=id, **token, **more)
        found.update({one["BlockIndex"]: one["BlockToken"] for one in page["Blocks"]})
        if "NextToken" not in page:
            return found
        token = {"NextToken": page["NextToken"]}


def read(ebs: Any, id: str) -> dict[int, bytes]:
    """Return all blocks of a snapshot."""
    found: dict[int, bytes] = {}
    for index, token in listed(ebs, id).items():
        got = ebs.get_snapshot_block(SnapshotId=id, BlockIndex=index, BlockToken=token)
        data: bytes = got["BlockData"].read()
        assert got["DataLength"] == len(data) == BLOCK
        assert (got["Checksum"], got["ChecksumAlgorithm"]) == (checksum(data), "SHA256")
        found[index] = data
    return found


def refusal(function: Any, **asked: Any) -> tuple[str, str]:
    """Return code and reason of what is answered, which is no success."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        function(**asked)
    response = cast(Any, caught.value).response
    return response["Error"]["Code"], response.get("Reason", "")


def user(cloud: running.RunningS3, name: str, *statements: dict[str, Any]) -> Any:
    """A client of a user with these statements."""
    iam = cloud.client("iam")
    iam.create_user(UserName=name)
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    key = {
        "access_key_id": made["AccessKeyId"],
        "secret_access_key": made["SecretAccessKey"],
    }
    return cloud.client("ebs", key)
