"""What every engine promises of uploads in parts, listings, notes and marks."""

import os
from collections.abc import Callable, Sequence

import pytest

from mallee.walrus.errors import BucketClosed
from mallee.walrus.pages import Question
from mallee.walrus.records import Blob, Part, Upload, UploadPart, Usage, Version
from mallee.walrus.seam import Engine, Tx
from tests.walrus.stores import BUCKET, get, put, put_marker, put_version


def put_part(engine: Engine, upload: str, number: int, data: bytes) -> None:
    receiver = engine.receive()
    receiver.write(data)

    def work(tx: Tx, blobs: Sequence[Blob]) -> None:
        kept = tuple(tx.keep(blob) for blob in blobs)
        part = UploadPart(number=number, size=len(data), etag="", modified_ms=1, parts=kept)
        tx.put_part(BUCKET, upload, part)

    engine.commit(work, [receiver.finish()]).result()


def begin(engine: Engine, id: str, key: bytes = b"k") -> None:
    upload = Upload(id=id, key=key, started_ms=1, about=b"about")
    engine.commit(lambda tx, _: tx.begin_upload(BUCKET, upload)).result()


def test_parts_become_one_object_and_the_rest_is_given_back(
    engine: Engine, settle: Callable[[], None]
) -> None:
    begin(engine, "u")
    data = {number: os.urandom(300_000) for number in (1, 2, 3)}
    for number in (2, 1, 3, 2):
        put_part(engine, "u", number, data[number])
    settle()
    assert [part.number for part in engine.reader.upload_parts("u")] == [1, 2, 3]
    assert [part.number for part in engine.reader.upload_parts("u", 1, 1)] == [2]

    def complete(tx: Tx, _: Sequence[Blob]) -> None:
        blobs: tuple[Part, ...] = tuple(
            one for part in tx.upload_parts("u")[:2] for one in part.parts
        )
        tx.add(BUCKET, b"k", Version(id="null", modified_ms=2, size=600_000, parts=blobs))
        tx.end_upload(BUCKET, b"k", "u")

    engine.commit(complete).result()
    settle()
    assert get(engine, b"k") == data[1] + data[2]
    assert engine.reader.upload(BUCKET, b"k", "u") is None
    assert engine.reader.usage(BUCKET) == Usage(1, 600_000)


def test_an_upload_that_is_given_up_leaves_nothing(engine: Engine) -> None:
    begin(engine, "u")
    put_part(engine, "u", 1, b"part")
    found = engine.reader.upload(BUCKET, b"k", "u")
    assert found is not None
    assert found.about == b"about"
    assert engine.reader.usage(BUCKET).parts == 1
    engine.commit(lambda tx, _: tx.end_upload(BUCKET, b"k", "u")).result()
    assert engine.reader.upload_parts("u") == []
    assert engine.reader.usage(BUCKET) == Usage(0, 0)


def test_listings_come_in_pages_in_the_order_of_bytes(engine: Engine) -> None:
    for key in (b"b", b"a/2", b"a/1", b"a", b"\xff"):
        put(engine, key, b"x")
    put_marker(engine, b"gone")
    page = engine.reader.list_objects(BUCKET, Question(delimiter=b"/", limit=2))
    assert [key for key, _ in page.entries] == [b"a", b"a/"]
    assert page.is_truncated
    rest = engine.reader.list_objects(BUCKET, Question(delimiter=b"/", after=b"a/"))
    assert [key for key, _ in rest.entries] == [b"b", b"\xff"]
    assert not rest.is_truncated


def test_versions_are_listed_from_the_newest(engine: Engine) -> None:
    made = [put_version(engine, b"k", b"%d" % n).id for n in range(3)]
    page = engine.reader.list_versions(BUCKET, Question(prefix=b"k"))
    found = [listed for _, listed in page.entries if listed is not None]
    assert [one.version.id for one in found] == made[::-1]
    assert [one.is_current for one in found] == [True, False, False]


def test_uploads_are_listed_by_key_and_id(engine: Engine) -> None:
    for id, key in (("2", b"a"), ("1", b"a"), ("3", b"b")):
        begin(engine, id, key)
    page = engine.reader.list_uploads(BUCKET, Question(limit=2))
    assert [(key, upload.id) for key, upload in page.entries if upload] == [
        (b"a", "1"),
        (b"a", "2"),
    ]
    assert page.is_truncated


def test_marks_and_notes_are_there_with_their_change(engine: Engine) -> None:
    def change(tx: Tx, _: Sequence[Blob]) -> None:
        tx.mark(BUCKET, "name", b"value")
        tx.note("target", BUCKET, b"told", 10)

    def refused(tx: Tx, blobs: Sequence[Blob]) -> None:
        change(tx, blobs)
        raise LookupError

    with pytest.raises(LookupError):
        engine.commit(refused).result()
    assert engine.reader.notes("target", 10) == []
    engine.commit(change).result()
    assert engine.reader.marked(BUCKET, "name") == b"value"
    assert [note.body for note in engine.reader.notes("target", 10)] == [b"told"]


def test_nothing_comes_into_a_bucket_that_is_closed(engine: Engine) -> None:
    assert engine.commit(lambda tx, _: tx.close_bucket(BUCKET)).result()
    with pytest.raises(BucketClosed):
        put(engine, b"k", b"v")
    with pytest.raises(BucketClosed):
        begin(engine, "u")
