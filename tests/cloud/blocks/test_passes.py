"""Passes: a host gets at the blocks of the accounts that it works for, and at nothing else."""

import os
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from mallee.cloud.blocks import turns
from mallee.cloud.state import records
from mallee.model.identity.accounts import SYSTEM
from mallee.model.storage import blockobjects, blocktrees, passes
from mallee.model.storage.sealedblocks import SEALED
from mallee.node.do.storage import blockstore
from tests.cloud.blocks.stand import Stand, content
from tests.cloud.signing import Sender

OTHER = "999999999999"
BLOCK = b"a block" + bytes(blocktrees.BLOCK_BYTES - 7)
NAME = blocktrees.name_of(BLOCK)


def refusal_of(call: Any, **asked: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**asked)
    return str(error.value.response["Error"]["Code"])


def test_what_is_put_is_got_by_its_name(stand: Stand) -> None:
    snapshot = stand.snapshot(stand.volume())
    shelf = stand.shelf(writes_for=snapshot)
    assert not shelf.has(NAME)
    assert 0 < shelf.put(NAME, BLOCK) < len(BLOCK), "zeros take no room"
    assert shelf.put(NAME, BLOCK) == 0, "what is there is not kept twice"
    assert shelf.has(NAME)
    assert shelf.get(NAME) == BLOCK
    noise = os.urandom(blocktrees.BLOCK_BYTES)
    assert shelf.put(blocktrees.name_of(noise), noise) == len(noise) + 1
    assert shelf.get(blocktrees.name_of(noise)) == noise
    with pytest.raises(blockstore.BlockMissing):
        shelf.get(bytes(range(32)))
    shelf.close()


def test_what_is_not_what_its_name_says_is_not_kept(stand: Stand) -> None:
    snapshot = stand.snapshot(stand.volume())
    shelf, client = (
        stand.shelf(writes_for=snapshot),
        _client(stand, stand.ask_pass(writes_for=snapshot)[1]),
    )
    for kept in (blockobjects.PLAIN.encode(BLOCK), b"\x07rubbish", b"", b"\x01no frame", b"\x02"):
        with pytest.raises(blockstore.StoreRefused, match="400"):
            shelf._put(bytes(range(1, 33)), kept)
    assert not shelf.has(bytes(range(1, 33)))
    for key in ("loose", "no/such/name", f"00/{NAME.hex()}"):
        with pytest.raises(ClientError, match="InvalidRequest"):
            client.put_object(
                Bucket=passes.BUCKET, Key=f"{stand.account}/{key}", Body=b"", IfNoneMatch="*"
            )
    shelf.close()


def test_a_sealed_object_stands_in_no_plain_ones_way(stand: Stand) -> None:
    """Nobody but who has the data key can tell what is in it: so under the name of other bytes it
    counts for nothing."""
    snapshot = stand.snapshot(stand.volume())
    shelf, rubbish = stand.shelf(writes_for=snapshot), SEALED + os.urandom(200)
    data = os.urandom(blocktrees.BLOCK_BYTES)
    name = blocktrees.name_of(data)
    assert shelf._put(name, rubbish)
    assert shelf._put(name, SEALED + os.urandom(200)) == 0, "one sealed object counts as another"
    with pytest.raises(blockstore.BlockMissing, match="damaged"):
        shelf.get(name)
    assert shelf.put(name, data)
    assert shelf.get(name) == data
    assert shelf._put(name, rubbish) == 0
    assert shelf.get(name) == data
    with pytest.raises(blockstore.StoreRefused, match="400"):
        shelf._put(bytes(range(1, 33)), SEALED + bytes(2 * blocktrees.BLOCK_BYTES))
    shelf.close()


def test_nothing_else_is_done_with_blocks(stand: Stand) -> None:
    """What is copied, or comes in parts, would not be looked at."""
    _, answer = stand.ask_pass(writes_for=stand.snapshot(stand.volume()))
    key = blockobjects.key_of(stand.account, bytes(range(32)))
    client = _client(stand, answer)

    def begin(request: Any, **_: Any) -> None:
        request.headers["If-None-Match"] = "*"

    client.meta.events.register("before-sign.s3", begin)
    refused = {"Bucket": passes.BUCKET, "Key": key}
    assert refusal_of(client.create_multipart_upload, **refused) == "AccessDenied"
    copied = {"CopySource": f"{passes.BUCKET}/{key}"}
    assert refusal_of(client.copy_object, **refused, **copied) == "AccessDenied"


def test_who_may_read_may_not_write(stand: Stand) -> None:
    stand.volume(content=content(stand.account, NAME))
    shelf = stand.shelf()
    with pytest.raises(blockstore.StoreRefused, match="403"):
        shelf.put(bytes(range(2, 34)), BLOCK)


def test_a_host_that_needs_nothing_gets_nothing(stand: Stand) -> None:
    assert stand.ask_pass(OTHER)[0] == 403
    other = stand.joined("host-2")
    snapshot = stand.snapshot(stand.volume())
    assert stand.ask_pass(writes_for=snapshot, agent=other)[0] == 403, "another host's cut"
    assert stand.ask_pass(OTHER, writes_for=snapshot)[0] == 403, "another account's prefix"
    assert stand.ask_pass(writes_for="snap-ffffffffffffffff0")[0] == 403
    assert stand.ask_pass(writes_for="nonsense")[0] == 403
    done = stand.snapshot(stand.volume(), content=content(stand.account, NAME))
    assert stand.ask_pass(writes_for=done)[0] == 403, "it is there already"


def _client(stand: Stand, answer: dict[str, str]) -> Any:
    make: Any = boto3.client
    return make(
        "s3",
        endpoint_url=stand.cloud.url,
        region_name="us-east-1",
        aws_access_key_id=answer["access_key_id"],
        aws_secret_access_key=answer["secret_access_key"],
        aws_session_token=answer["token"],
    )


def test_a_pass_is_good_for_its_prefix_alone(stand: Stand) -> None:
    _, answer = stand.ask_pass(writes_for=stand.snapshot(stand.volume()))
    client = _client(stand, answer)
    mine = {"Bucket": passes.BUCKET, "Key": blockobjects.key_of(stand.account, bytes(32))}
    foreign = {"Bucket": passes.BUCKET, "Key": blockobjects.key_of(OTHER, bytes(32))}
    client.put_object(**mine, Body=blockobjects.PLAIN.encode(bytes(9)), IfNoneMatch="*")
    assert refusal_of(client.put_object, **mine, Body=b"2") == "AccessDenied", "nothing is replaced"
    assert refusal_of(client.put_object, **foreign, Body=b"2", IfNoneMatch="*") == "AccessDenied"
    assert refusal_of(client.get_object, **foreign) == "AccessDenied"
    assert refusal_of(client.delete_object, **mine) == "AccessDenied"
    assert refusal_of(client.list_objects_v2, Bucket=passes.BUCKET) == "AccessDenied"
    assert refusal_of(client.list_buckets) == "AccessDenied"


def test_nobody_sees_the_bucket(stand: Stand) -> None:
    """The administrator of the cloud may do everything in his account, and it is not his."""
    s3 = stand.cloud.s3()
    assert passes.BUCKET not in [one["Name"] for one in s3.list_buckets()["Buckets"]]
    told = Sender(stand.cloud.port, stand.cloud.admin).ask("mallee", "DescribeBuckets")
    assert told.status == 200
    assert passes.BUCKET not in told.text
    assert refusal_of(s3.list_objects_v2, Bucket=passes.BUCKET) == "NoSuchBucket"
    assert refusal_of(s3.get_object, Bucket=passes.BUCKET, Key="x") == "NoSuchBucket"
    assert refusal_of(s3.delete_bucket, Bucket=passes.BUCKET) == "NoSuchBucket"
    assert refusal_of(s3.create_bucket, Bucket=passes.BUCKET) == "InvalidBucketName"
    arn = f"arn:aws:iam::{SYSTEM.id}:role/blocks"
    assume = stand.cloud.client("sts").assume_role
    assert refusal_of(assume, RoleArn=arn, RoleSessionName="x") == "ValidationError"


def test_a_sweep_and_who_writes_take_turns(stand: Stand) -> None:
    snapshot = stand.snapshot(stand.volume())
    status, first = stand.ask_pass(writes_for=snapshot)
    assert status == 200
    stand.transact(lambda tx: turns.note_garbage(tx, stand.account))
    assert not stand.transact(lambda tx: turns.begin_sweep(tx, stand.account))
    for who in list(_uses(stand)):
        stand.transact(lambda tx, who=who: turns.leave(tx, stand.account, who))
    assert stand.transact(lambda tx: turns.begin_sweep(tx, stand.account))
    status, answer = stand.ask_pass(writes_for=snapshot)
    assert status == 503
    assert "swept" in answer["error"]
    stand.transact(lambda tx: turns.end_sweep(tx, stand.account))
    status, second = stand.ask_pass(writes_for=snapshot)
    assert (status, second["epoch"]) == (200, first["epoch"] + 1)


def _uses(stand: Stand) -> dict[str, float]:
    space = stand.cloud.store.view.get(records.BLOCK_SPACE, stand.account)
    assert space is not None
    return space.doc.uses
