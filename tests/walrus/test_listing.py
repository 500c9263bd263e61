"""A listing tells each key once, in order, whatever the page size, as a plain reference does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mallee.walrus import listing
from mallee.walrus.engine import Engine
from mallee.walrus.pages import Question
from mallee.walrus.records import Upload, Version
from tests.walrus.stores import BUCKET, put, put_marker, put_version, remove

KEYS = st.lists(st.sampled_from(b"a/\xffb"), min_size=1, max_size=6).map(bytes)
PREFIXES = st.sampled_from([b"", b"a", b"a/", b"\xff", b"/", b"ab/"])
DELIMITERS = st.sampled_from([b"", b"/", b"a/"])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(tmp_path_factory.mktemp("walrus"))
    yield engine
    engine.close()


def entries(keys: list[bytes], prefix: bytes, delimiter: bytes) -> list[bytes]:
    """Return what a listing tells, the plain way."""
    told: list[bytes] = []
    for key in sorted(keys):
        if key.startswith(prefix):
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            told.append(key if at < 0 else key[: at + len(delimiter)])
    return list(dict.fromkeys(told))


def pages(engine: Engine, question: Question) -> Iterator[listing.Page[Version]]:
    while True:
        page = engine.reader.list_objects(BUCKET, question)
        yield page
        if not page.is_truncated:
            return
        question = Question(
            prefix=question.prefix,
            delimiter=question.delimiter,
            after=page.entries[-1][0],
            limit=question.limit,
        )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sets(KEYS, max_size=25), PREFIXES, DELIMITERS, st.integers(1, 7))
def test_pages_together_are_the_listing(
    shared: Engine, keys: set[bytes], prefix: bytes, delimiter: bytes, limit: int
) -> None:
    question = Question(prefix=prefix, delimiter=delimiter, limit=limit)
    for key, _ in shared.reader.list_objects(BUCKET, Question()).entries:
        remove(shared, key)
    for key in keys:
        put(shared, key, b"")
    got = [key for page in pages(shared, question) for key, _ in page.entries]
    wanted = entries(list(keys), prefix, delimiter)
    assert got == wanted
    assert all(len(page.entries) == limit for page in list(pages(shared, question))[:-1])


def test_markers_are_not_listed_and_common_prefixes_of_none_neither(engine: Engine) -> None:
    put(engine, b"a/1", b"")
    put(engine, b"b", b"")
    put_marker(engine, b"a/1")
    put_marker(engine, b"b")
    assert engine.reader.list_objects(BUCKET, Question(delimiter=b"/")).entries == ()


def test_another_buckets_keys_are_not_listed(engine: Engine) -> None:
    put(engine, b"k", b"", bucket=2)
    assert engine.reader.list_objects(BUCKET, Question()).entries == ()


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_versions_come_key_by_key_from_the_newest(engine: Engine, limit: int) -> None:
    made: list[tuple[bytes, str, bool]] = []
    for key in (b"a", b"b/c", b"d"):
        ids = [put_version(engine, key, b"x").id for _ in range(3)]
        made += [(key, id, id == ids[-1]) for id in reversed(ids)]
    marker = put_marker(engine, b"d").id
    made = [entry for entry in made if entry[0] != b"d"] + [
        (b"d", marker, True),
        *((key, id, False) for key, id, _ in made if key == b"d"),
    ]
    got: list[tuple[bytes, str, bool]] = []
    question = Question(limit=limit)
    while True:
        page = engine.reader.list_versions(BUCKET, question)
        for key, listed in page.entries:
            assert listed is not None
            got.append((key, listed.version.id, listed.is_current))
        if not page.is_truncated:
            break
        question = Question(limit=limit, after=got[-1][0], after_id=got[-1][1])
    assert got == made
    rolled = engine.reader.list_versions(BUCKET, Question(delimiter=b"/"))
    assert [key for key, listed in rolled.entries if listed is None] == [b"b/"]


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_uploads_are_listed_by_key_and_id(engine: Engine, limit: int) -> None:
    made = [(key, id) for key in (b"a", b"b") for id in ("1", "2", "3")]
    for key, id in reversed(made):
        upload = Upload(id=id, key=key, started_ms=0)
        engine.commit(lambda tx, _, upload=upload: tx.begin_upload(BUCKET, upload)).result()
    got: list[tuple[bytes, str]] = []
    question = Question(limit=limit)
    while True:
        page = engine.reader.list_uploads(BUCKET, question)
        got += [(key, upload.id) for key, upload in page.entries if upload is not None]
        if not page.is_truncated:
            break
        question = Question(limit=limit, after=got[-1][0], after_id=got[-1][1])
    assert got == made


def test_a_page_reads_no_more_than_it_tells(tmp_path: Path) -> None:
    """What lies under a common prefix, or outside the prefix, is not walked through."""
    engine = Engine(tmp_path)
    for folder in (b"a", b"b", b"c"):
        for n in range(300):
            put(engine, b"%s/%04d" % (folder, n), b"")
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection = engine.reader._connection  # pyright: ignore[reportPrivateUsage]
    connection.set_progress_handler(count, 1)
    page = engine.reader.list_objects(BUCKET, Question(delimiter=b"/"))
    assert [key for key, _ in page.entries] == [b"a/", b"b/", b"c/"]
    rolled, steps = steps, 0
    engine.reader.list_objects(BUCKET, Question(prefix=b"b/", limit=5))
    connection.set_progress_handler(None, 0)
    engine.close()
    assert rolled < 300
    assert steps < 300
