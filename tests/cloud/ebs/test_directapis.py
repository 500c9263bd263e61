"""EBS direct APIs by boto3, over both processes of a cloud: written, read, compared, refused."""

import contextlib
from concurrent import futures
from typing import Any

import botocore.exceptions
import pytest
from msgspec.structs import replace

from mallee.cloud.blocks import turns
from mallee.cloud.ebs import writing
from mallee.cloud.state import records, store
from tests import wholecloud
from tests.cloud.ebs.writers import (
    BLOCK,
    checksum,
    linear,
    listed,
    put,
    read,
    refusal,
    written,
)
from tests.cloud.s3 import running

ONE, TWO, THREE = (bytes([number]) * BLOCK for number in (1, 2, 3))
MIXED = bytes(range(256)) * (BLOCK // 256)
HALF = bytes(BLOCK // 2) + ONE[: BLOCK // 2]


def test_what_was_written_is_read(ebs: Any, ec2: Any) -> None:
    made = ebs.start_snapshot(
        VolumeSize=2, Description="by hand", Tags=[{"Key": "a", "Value": "b"}]
    )
    id = made["SnapshotId"]
    assert (made["Status"], made["BlockSize"], made["VolumeSize"]) == ("pending", BLOCK, 2)
    (shown,) = ec2.describe_snapshots(SnapshotIds=[id])["Snapshots"]
    assert (shown["State"], shown["Description"], shown["VolumeSize"]) == ("pending", "by hand", 2)
    blocks = {0: ONE, 7: MIXED, 4095: HALF}
    for index in (4095, 0, 7):
        assert put(ebs, id, index, blocks[index])["Checksum"] == checksum(blocks[index])
    put(ebs, id, 7, TWO)
    put(ebs, id, 7, MIXED)
    done = ebs.complete_snapshot(
        SnapshotId=id,
        ChangedBlocksCount=3,
        Checksum=linear(blocks),
        ChecksumAlgorithm="SHA256",
        ChecksumAggregationMethod="LINEAR",
    )
    assert done["Status"] == "completed"
    (shown,) = ec2.describe_snapshots(SnapshotIds=[id])["Snapshots"]
    assert (shown["State"], shown["Progress"]) == ("completed", "100%")
    assert shown["Tags"] == [{"Key": "a", "Value": "b"}]
    page = ebs.list_snapshot_blocks(SnapshotId=id)
    assert (page["VolumeSize"], page["BlockSize"]) == (2, BLOCK)
    assert read(ebs, id) == blocks
    again = ebs.complete_snapshot(SnapshotId=id, ChangedBlocksCount=3)
    assert again["Status"] == "completed"


def test_a_child_has_what_its_parent_has_where_nothing_was_written(ebs: Any) -> None:
    parent = written(ebs, {0: ONE, 1: TWO, 2000: THREE})
    child = written(ebs, {1: MIXED, 2047: ONE, 2000: bytes(BLOCK)}, ParentSnapshotId=parent)
    assert read(ebs, child) == {0: ONE, 1: MIXED, 2047: ONE}
    changed = ebs.list_changed_blocks(FirstSnapshotId=parent, SecondSnapshotId=child)
    found = {
        one["BlockIndex"]: ("FirstBlockToken" in one, "SecondBlockToken" in one)
        for one in changed["ChangedBlocks"]
    }
    assert found == {1: (True, True), 2000: (True, False), 2047: (False, True)}
    tokens = {one["BlockIndex"]: one for one in changed["ChangedBlocks"]}
    for id, name, data in ((parent, "FirstBlockToken", TWO), (child, "SecondBlockToken", MIXED)):
        got = ebs.get_snapshot_block(SnapshotId=id, BlockIndex=1, BlockToken=tokens[1][name])
        assert got["BlockData"].read() == data
    alone = ebs.list_changed_blocks(SecondSnapshotId=child)["ChangedBlocks"]
    assert [one["BlockIndex"] for one in alone] == [0, 1, 2047]
    grown = written(ebs, {4095: TWO}, ParentSnapshotId=parent, VolumeSize=2)
    assert read(ebs, grown) == {0: ONE, 1: TWO, 2000: THREE, 4095: TWO}


def test_a_block_that_changed_in_part_is_told_with_both_tokens(ebs: Any) -> None:
    parent = written(ebs, {3: HALF})
    child = written(ebs, {3: ONE}, ParentSnapshotId=parent)
    (block,) = ebs.list_changed_blocks(FirstSnapshotId=parent, SecondSnapshotId=child)[
        "ChangedBlocks"
    ]
    assert block.keys() == {"BlockIndex", "FirstBlockToken", "SecondBlockToken"}


def test_pages_begin_where_the_one_before_ended(ebs: Any) -> None:
    blocks = {number * 7: ONE for number in range(250)}
    id = written(ebs, blocks)
    page = ebs.list_snapshot_blocks(SnapshotId=id, MaxResults=100)
    assert len(page["Blocks"]) == 100
    assert list(listed(ebs, id, MaxResults=100)) == sorted(blocks)
    assert list(listed(ebs, id, MaxResults=100, StartingBlockIndex=1200)) == [
        index for index in sorted(blocks) if index >= 1200
    ]
    token = page["NextToken"]
    invalid = ("ValidationException", "INVALID_PAGE_TOKEN")
    other = written(ebs, {0: TWO})
    ask = ebs.list_snapshot_blocks
    assert refusal(ask, SnapshotId=other, NextToken=token) == invalid
    assert refusal(ask, SnapshotId=id, NextToken="abcd") == invalid


def test_an_empty_snapshot_has_no_blocks(ebs: Any) -> None:
    id = written(ebs, {})
    assert listed(ebs, id) == {}


def test_a_token_is_for_one_block_of_one_snapshot(ebs: Any) -> None:
    id, other = written(ebs, {0: ONE, 1: ONE}), written(ebs, {0: ONE, 1: ONE})
    token = listed(ebs, id)[0]
    invalid = ("ValidationException", "INVALID_BLOCK_TOKEN")
    ask = ebs.get_snapshot_block
    assert refusal(ask, SnapshotId=id, BlockIndex=1, BlockToken=token) == invalid
    assert refusal(ask, SnapshotId=other, BlockIndex=0, BlockToken=token) == invalid
    assert refusal(ask, SnapshotId=id, BlockIndex=0, BlockToken="AAAA") == invalid
    behind = {"SnapshotId": id, "BlockIndex": 2048, "BlockToken": token}
    assert refusal(ask, **behind) == ("ValidationException", "INVALID_BLOCK")


def test_what_is_no_block_is_refused(ebs: Any) -> None:
    id = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    invalid = ("ValidationException", "INVALID_BLOCK")
    for index, data, more in (
        (0, ONE[1:], {}),
        (0, b"", {}),
        (0, ONE + ONE, {}),
        (0, ONE, {"DataLength": 5}),
        (0, ONE, {"Checksum": checksum(TWO)}),
        (2048, ONE, {}),
    ):
        assert refusal(put, ebs=ebs, id=id, index=index, data=data, **more) == invalid
    done = ebs.complete_snapshot(SnapshotId=id, ChangedBlocksCount=0)
    assert done["Status"] == "completed"


def test_what_was_not_written_is_not_completed(ebs: Any) -> None:
    id = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    put(ebs, id, 0, ONE)
    ask = ebs.complete_snapshot
    invalid = ("ValidationException", "INVALID_PARAMETER_VALUE")
    total = {"ChecksumAlgorithm": "SHA256", "ChecksumAggregationMethod": "LINEAR"}
    wrong = {**total, "Checksum": linear({0: TWO})}
    assert refusal(ask, SnapshotId=id, ChangedBlocksCount=2) == invalid
    assert refusal(ask, SnapshotId=id, ChangedBlocksCount=1, **wrong) == invalid
    unread = ("ValidationException", "INVALID_SNAPSHOT_ID")
    assert refusal(ebs.list_snapshot_blocks, SnapshotId=id) == unread
    right = {**total, "Checksum": linear({0: ONE})}
    assert ask(SnapshotId=id, ChangedBlocksCount=1, **right)["Status"] == "completed"
    assert refusal(put, ebs=ebs, id=id, index=0, data=TWO) == unread
    assert read(ebs, id) == {0: ONE}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"VolumeSize": 65537}, "INVALID_VOLUME_SIZE"),
        ({"VolumeSize": 0}, "INVALID_PARAMETER_VALUE"),
        ({"Timeout": 9}, "INVALID_PARAMETER_VALUE"),
        ({"KmsKeyArn": "nothing"}, "INVALID_PARAMETER_VALUE"),
        ({"Tags": [{"Key": "aws:a", "Value": "b"}]}, "INVALID_TAG"),
    ],
    ids=str,
)
def test_what_cannot_be_started_is_refused(ebs: Any, more: dict[str, Any], reason: str) -> None:
    assert refusal(ebs.start_snapshot, **{"VolumeSize": 1, **more}) == (
        "ValidationException",
        reason,
    )


def test_a_parent_is_complete_ones_own_and_not_larger(
    ebs: Any, cloud: running.RunningS3, stranger: dict[str, str]
) -> None:
    pending = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    large = written(ebs, {0: ONE}, VolumeSize=2)
    ask = ebs.start_snapshot
    assert refusal(ask, VolumeSize=1, ParentSnapshotId=pending)[1] == "INVALID_SNAPSHOT_ID"
    assert refusal(ask, VolumeSize=1, ParentSnapshotId=large)[1] == "INVALID_VOLUME_SIZE"
    theirs = cloud.client("ebs", stranger).start_snapshot
    missing = ("ResourceNotFoundException", "SNAPSHOT_NOT_FOUND")
    assert refusal(theirs, VolumeSize=2, ParentSnapshotId=large) == missing


def test_what_lies_in_the_recycle_bin_is_no_parent(
    ebs: Any, ec2: Any, cloud: running.RunningS3
) -> None:
    parent = written(ebs, {0: ONE}, VolumeSize=1)
    rbin = cloud.client("rbin")
    period = {"RetentionPeriodValue": 1, "RetentionPeriodUnit": "DAYS"}
    rule = rbin.create_rule(ResourceType="EBS_SNAPSHOT", RetentionPeriod=period)["Identifier"]
    ec2.delete_snapshot(SnapshotId=parent)
    rbin.delete_rule(Identifier=rule)
    missing = ("ResourceNotFoundException", "SNAPSHOT_NOT_FOUND")
    asked = {"VolumeSize": 1, "ParentSnapshotId": parent}
    assert refusal(ebs.start_snapshot, **asked) == missing
    ec2.restore_snapshot_from_recycle_bin(SnapshotId=parent)
    assert ebs.start_snapshot(**asked)["ParentSnapshotId"] == parent


def test_the_same_request_with_its_token_is_done_once(ebs: Any) -> None:
    first = ebs.start_snapshot(VolumeSize=1, ClientToken="once")
    again = ebs.start_snapshot(VolumeSize=1, ClientToken="once")
    assert first["SnapshotId"] == again["SnapshotId"]
    conflict = ("ConflictException", "")
    assert refusal(ebs.start_snapshot, VolumeSize=2, ClientToken="once") == conflict


def test_another_accounts_snapshot_is_not_there(
    ebs: Any, ec2: Any, cloud: running.RunningS3, stranger: dict[str, str]
) -> None:
    theirs = cloud.client("ebs", stranger)
    done, pending = written(ebs, {0: ONE}), ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    token = listed(ebs, done)[0]
    missing = ("ResourceNotFoundException", "SNAPSHOT_NOT_FOUND")
    get = {"SnapshotId": done, "BlockIndex": 0, "BlockToken": token}
    assert refusal(theirs.get_snapshot_block, **get) == missing
    assert refusal(theirs.list_snapshot_blocks, SnapshotId=done) == missing
    assert refusal(theirs.list_changed_blocks, SecondSnapshotId=done) == missing
    assert refusal(put, ebs=theirs, id=pending, index=0, data=ONE) == missing
    complete = {"SnapshotId": pending, "ChangedBlocksCount": 0}
    assert refusal(theirs.complete_snapshot, **complete) == missing
    nobody = {"SnapshotId": "snap-0123456789abcdef0"}
    assert refusal(ebs.list_snapshot_blocks, **nobody) == missing
    wanted = {"Add": [{"UserId": stranger["account"]}]}
    for id in (done, pending):
        ec2.modify_snapshot_attribute(SnapshotId=id, CreateVolumePermission=wanted)
    assert read(theirs, done) == {0: ONE}
    assert refusal(put, ebs=theirs, id=pending, index=0, data=ONE) == missing
    assert refusal(theirs.complete_snapshot, **complete) == missing


def test_what_was_started_survives_a_restart(cloud: running.RunningS3) -> None:
    ebs = cloud.client("ebs")
    id = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    put(ebs, id, 5, MIXED)
    cloud.restart()
    ebs = cloud.client("ebs")
    put(ebs, id, 6, ONE)
    assert ebs.complete_snapshot(SnapshotId=id, ChangedBlocksCount=2)["Status"] == "completed"
    assert read(ebs, id) == {5: MIXED, 6: ONE}


def test_what_is_acknowledged_while_it_is_completed_is_in_it(
    cloud: running.RunningS3, ebs: Any
) -> None:
    id = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    kept: list[int] = []

    def write(client: Any, first: int) -> None:
        for index in range(first, 2000, 2):
            try:
                put(client, id, index, ONE)
            except botocore.exceptions.ClientError:
                if _state(cloud, id) == "completed":
                    return
            else:
                kept.append(index)

    with futures.ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write, cloud.client("ebs"), first) for first in (0, 1)]
        while _state(cloud, id) != "completed":
            with contextlib.suppress(botocore.exceptions.ClientError):
                ebs.complete_snapshot(SnapshotId=id, ChangedBlocksCount=len(kept))
        for writer in writers:
            writer.result()
    assert set(kept) <= listed(ebs, id).keys()


def _state(cloud: running.RunningS3, id: str) -> str:
    (shown,) = cloud.client("ec2").describe_snapshots(SnapshotIds=[id])["Snapshots"]
    state: str = shown["State"]
    return state


def test_a_sweep_waits_for_nobody_who_only_began_and_takes_nothing_of_his(
    cloud: running.RunningS3, ebs: Any, ec2: Any
) -> None:
    gone = written(ebs, {3: MIXED})
    id = ebs.start_snapshot(VolumeSize=1, Timeout=4320)["SnapshotId"]
    put(ebs, id, 3, ONE)
    begun = cloud.store.transact(lambda tx: tx.get(records.SNAPSHOT, id))
    assert begun is not None
    account = begun.account
    ec2.delete_snapshot(SnapshotId=gone)

    def begin(tx: store.Tx) -> int:
        """Have a sweep begin, as soon as the turn is over."""
        space = tx.get(records.BLOCK_SPACE, account)
        assert space is not None
        assert space.doc.uses[id] <= tx.now + writing.TURN_S
        tx.write(space, replace(space.doc, uses={}))
        assert turns.begin_sweep(tx, account)
        return space.doc.epoch + 1

    epoch = cloud.store.transact(begin)

    def is_over() -> bool:
        space = cloud.store.transact(lambda tx: tx.get(records.BLOCK_SPACE, account))
        return space is not None and space.doc.epoch == epoch and not space.doc.is_sweeping

    wholecloud.wait_until(is_over, 120.0, "the sweep to be over")
    put(ebs, id, 4, TWO)
    ebs.complete_snapshot(SnapshotId=id, ChangedBlocksCount=2)
    assert read(ebs, id) == {3: ONE, 4: TWO}


def test_how_much_a_snapshot_has_is_told(ebs: Any, ec2: Any) -> None:
    def full_bytes(id: str) -> int:
        (shown,) = ec2.describe_snapshots(SnapshotIds=[id])["Snapshots"]
        return shown.get("FullSnapshotSizeInBytes", 0)

    parent = written(ebs, {0: ONE, 7: HALF})
    assert full_bytes(parent) == BLOCK + BLOCK // 2
    child = written(ebs, {0: bytes(BLOCK), 2000: TWO}, ParentSnapshotId=parent)
    assert full_bytes(child) == BLOCK + BLOCK // 2
