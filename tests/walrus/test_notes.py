"""Notes are written with what they tell of, in its order; usage is counted for whoever it is of."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from mallee.walrus import index, places
from mallee.walrus.engine import Engine
from mallee.walrus.records import Blob, Queue, Upload, UploadPart, Usage, Version
from mallee.walrus.tx import Tx
from tests.walrus import stores
from tests.walrus.stores import BUCKET


def note(engine: Engine, body: bytes, *, target: str = "t", most: int = 100) -> None:
    engine.commit(lambda tx, _: tx.note(target, BUCKET, body, most)).result()


def settle(engine: Engine, target: str, through: int, *, are_told: bool) -> None:
    engine.commit(lambda tx, _: tx.settle_notes(target, through, are_told=are_told)).result()


def test_a_note_is_there_with_its_change_or_not_at_all(engine: Engine) -> None:
    def work(tx: Tx, _: Sequence[Blob]) -> None:
        tx.note("t", BUCKET, b"never", 100)
        raise LookupError

    with pytest.raises(LookupError):
        engine.commit(work).result()
    assert engine.reader.notes("t", 10) == []
    assert engine.reader.queues() == []
    note(engine, b"told")
    assert [one.body for one in engine.reader.notes("t", 10)] == [b"told"]


def test_notes_wait_in_the_order_of_commits_through_a_restart(tmp_path: Path) -> None:
    first = Engine(tmp_path)
    for number in range(5):
        note(first, b"%d" % number)
    ids = [one.id for one in first.reader.notes("t", 10)]
    settle(first, "t", ids[1], are_told=True)
    first.close()
    again = Engine(tmp_path)
    assert [one.body for one in again.reader.notes("t", 2)] == [b"2", b"3"]
    settle(again, "t", ids[-1], are_told=True)
    note(again, b"5")
    [last] = again.reader.notes("t", 10)
    assert last.id > max(ids)
    again.close()


def test_a_full_queue_counts_what_it_does_not_keep(engine: Engine) -> None:
    for number in range(5):
        note(engine, b"%d" % number, most=3)
    note(engine, b"another target", target="u", most=3)
    assert engine.reader.queues() == [Queue("t", BUCKET, 3, 2), Queue("u", BUCKET, 1, 0)]
    last = engine.reader.notes("t", 10)[-1].id
    settle(engine, "t", last, are_told=False)
    assert engine.reader.queues()[0] == Queue("t", BUCKET, 0, 5)
    assert len(engine.reader.notes("u", 10)) == 1


def test_a_mark_is_replaced(engine: Engine) -> None:
    assert engine.reader.marked(BUCKET, "m") is None
    for value in (b"1", b"2"):
        engine.commit(lambda tx, _, value=value: tx.mark(BUCKET, "m", value)).result()
    assert engine.reader.marked(BUCKET, "m") == b"2"


def test_usage_is_summed_by_account_and_by_maker(engine: Engine) -> None:
    def own(tx: Tx, _: Sequence[Blob]) -> None:
        tx.belong(1, "a", "ann")
        tx.belong(2, "a", "bob")
        tx.belong(3, "b", "ann")
        tx.belong(1, "thief", "thief")

    stores.put(engine, b"k", b"123", bucket=1)
    engine.commit(own).result()
    for bucket, size in ((2, 5), (3, 7)):
        stores.put(engine, b"k", b"x" * size, bucket=bucket)
    assert engine.reader.usage_of("a") == Usage(2, 8)
    assert engine.reader.usage_of("a", "ann") == Usage(1, 3)
    assert engine.reader.usage_of("thief") == Usage(0, 0)


def part(engine: Engine, number: int, size: int) -> None:
    receiver = engine.receive()
    receiver.write(b"p" * size)

    def work(tx: Tx, blobs: Sequence[Blob]) -> None:
        kept = tuple(tx.keep(blob) for blob in blobs)
        tx.put_part(
            BUCKET,
            "u",
            UploadPart(number=number, size=size, etag="", modified_ms=0, parts=kept),
        )

    engine.commit(work, [receiver.finish()]).result()


def test_parts_under_way_are_counted_until_they_are_an_object(engine: Engine) -> None:
    upload = Upload(id="u", key=b"k", started_ms=0)
    engine.commit(lambda tx, _: tx.begin_upload(BUCKET, upload)).result()
    for number, size in ((1, 10), (2, 20), (2, 30)):
        part(engine, number, size)
    assert engine.reader.usage(BUCKET) == Usage(0, 0, 2, 40)
    assert not engine.check()

    def complete(tx: Tx, _: Sequence[Blob]) -> None:
        parts = tuple(one for each in tx.upload_parts("u") for one in each.parts)
        tx.add(BUCKET, b"k", Version(id="null", modified_ms=0, size=40, parts=parts))
        tx.end_upload(BUCKET, b"k", "u")

    engine.commit(complete).result()
    assert engine.reader.usage(BUCKET) == Usage(1, 40)
    assert not engine.check()


def test_an_index_of_the_first_format_is_taken_over(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    upload = Upload(id="u", key=b"k", started_ms=0)
    engine.commit(lambda tx, _: tx.begin_upload(BUCKET, upload)).result()
    stores.put(engine, b"k", b"123")
    part(engine, 1, 10)
    engine.close()
    with sqlite3.connect(places.Places(tmp_path).index) as connection:
        connection.execute("DROP INDEX usage_account")
        for column in ("parts", "part_bytes", "account", "maker"):
            connection.execute(f"ALTER TABLE usage DROP COLUMN {column}")
        for table in ("note", "queue", "mark"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    assert index.FORMAT == 2
    again = Engine(tmp_path)
    assert again.reader.usage(BUCKET) == Usage(1, 3, 1, 10)
    assert not again.check()
    note(again, b"told")
    again.close()
