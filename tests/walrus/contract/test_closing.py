"""A bucket that is deleted takes nothing any more, and one that holds something is not closed."""

import pytest

from mallee.walrus.errors import BucketClosed
from mallee.walrus.records import Upload
from mallee.walrus.seam import Engine
from tests.walrus import stores


def close(engine: Engine) -> bool:
    return engine.commit(lambda tx, _: tx.close_bucket(stores.BUCKET)).result()


def test_a_bucket_that_holds_something_stays_open(engine: Engine) -> None:
    stores.put(engine, b"k", b"v")
    assert not close(engine)
    stores.put(engine, b"k2", b"v")


def test_a_marker_is_something(engine: Engine) -> None:
    stores.put_marker(engine, b"k")
    assert not close(engine)


def test_nothing_comes_into_a_closed_bucket(engine: Engine) -> None:
    assert close(engine)
    assert close(engine)
    with pytest.raises(BucketClosed):
        stores.put(engine, b"k", b"v")
    upload = Upload(id="u", key=b"k", started_ms=0)
    with pytest.raises(BucketClosed):
        engine.commit(lambda tx, _: tx.begin_upload(stores.BUCKET, upload)).result()
    assert engine.reader.is_closed(stores.BUCKET)


def test_closing_ends_uploads(engine: Engine) -> None:
    upload = Upload(id="u", key=b"k", started_ms=0)
    engine.commit(lambda tx, _: tx.begin_upload(stores.BUCKET, upload)).result()
    assert close(engine)
    assert engine.reader.upload(stores.BUCKET, b"k", "u") is None
