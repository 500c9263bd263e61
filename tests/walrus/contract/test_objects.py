"""What every engine promises of objects, whichever it is."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent import futures

import pytest

from mallee.walrus import seam
from mallee.walrus.errors import Closed, Gone, NoSpace
from mallee.walrus.records import Blob, Content, Usage, Version
from mallee.walrus.seam import Engine, Tx
from tests.walrus import stores
from tests.walrus.stores import BUCKET, get, put, put_marker, put_version, remove

SIZES = (0, 1, 4096, seam.SMALL_MAX, seam.SMALL_MAX + 1, 1 << 20, 3_500_000)


@pytest.mark.parametrize("size", SIZES)
def test_what_was_put_is_got(engine: Engine, size: int) -> None:
    data = os.urandom(size)
    put(engine, b"k", data)
    assert get(engine, b"k") == data


@pytest.mark.parametrize("size", [5000, 3_500_000])
@pytest.mark.parametrize(("start", "end"), [(0, 1), (1, 4999), (4999, 5000), (0, 5000)])
def test_any_range_can_be_read(engine: Engine, size: int, start: int, end: int) -> None:
    data = os.urandom(size)
    version = put(engine, b"k", data)
    assert stores.read(engine, version, start, end) == data[start:end]


def test_a_range_across_parts_is_read_in_order(engine: Engine) -> None:
    pieces = [os.urandom(size) for size in (100, 2_000_000, 1, 300_000)]
    versions = [put(engine, b"p%d" % n, piece) for n, piece in enumerate(pieces)]
    whole = b"".join(pieces)
    joined = Version(
        id="null",
        modified_ms=0,
        size=len(whole),
        parts=tuple(part for version in versions for part in version.parts),
    )
    engine.commit(lambda tx, _: tx.add(BUCKET, b"whole", joined)).result()
    for start, end in ((0, len(whole)), (50, 150), (99, 2_000_102), (2_000_100, 2_000_101)):
        assert stores.read(engine, joined, start, end) == whole[start:end]


def test_a_copy_of_what_is_gone_is_refused_whole(engine: Engine) -> None:
    source = put(engine, b"a", b"x")
    remove(engine, b"a")
    with pytest.raises(Gone):
        engine.commit(lambda tx, _: tx.add(BUCKET, b"b", source)).result()
    assert get(engine, b"b") is None


def test_who_stops_waiting_takes_nothing_back_and_holds_nobody_up(engine: Engine) -> None:
    busy = threading.Event()
    first = engine.commit(lambda tx, _: busy.wait(60))
    second = stores.begin_put(engine, b"k", b"kept")
    assert not second.cancel()
    busy.set()
    assert first.result(60)
    put(engine, b"l", b"later")
    assert get(engine, b"k") == b"kept"


def test_versions_are_kept_and_the_newest_left_becomes_current(engine: Engine) -> None:
    first, second = put_version(engine, b"k", b"1"), put_version(engine, b"k", b"2")
    marker = put_marker(engine, b"k")
    assert get(engine, b"k") is None
    assert get(engine, b"k", first.id) == b"1"
    remove(engine, b"k", marker.id)
    assert get(engine, b"k") == b"2"
    remove(engine, b"k", second.id)
    assert get(engine, b"k") == b"1"
    remove(engine, b"k", first.id)
    assert engine.reader.current(BUCKET, b"k") is None
    assert engine.reader.usage(BUCKET) == Usage(0, 0)


def test_there_is_one_null_version_and_others_stay(engine: Engine) -> None:
    put(engine, b"k", b"null 1")
    kept = put_version(engine, b"k", b"kept")
    put(engine, b"k", b"null 2")
    assert get(engine, b"k") == b"null 2"
    assert get(engine, b"k", kept.id) == b"kept"
    put_version(engine, b"k", b"newest")
    put(engine, b"k", b"null 3")
    assert get(engine, b"k", "null") == b"null 3"
    assert engine.reader.usage(BUCKET).versions == 3


def test_what_a_version_is_about_can_be_replaced(engine: Engine) -> None:
    former, current = put_version(engine, b"k", b"1"), put_version(engine, b"k", b"2")
    for version in (former, current):
        assert engine.commit(
            lambda tx, _, v=version: tx.describe(BUCKET, b"k", v.id, b"new")
        ).result()
        found = engine.reader.version(BUCKET, b"k", version.id)
        assert found is not None
        assert found.about == b"new"
    assert not engine.commit(lambda tx, _: tx.describe(BUCKET, b"k", "nobody", b"")).result()


def test_a_closed_engine_takes_nothing(engine: Engine) -> None:
    engine.close()
    engine.close()
    with pytest.raises(Closed):
        engine.commit(lambda _tx, _: None)


def test_readers_and_writers_may_be_many(engine: Engine) -> None:
    """Readers find each object whole, in one state or the next, while it is replaced."""
    states = [bytes([n]) * (n * 30_000 + 1) for n in range(8)]
    put(engine, b"k", states[0])
    seen: list[bytes | None] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            try:
                seen.append(get(engine, b"k"))
            except Gone:
                continue

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(5):
        for state in states:
            put(engine, b"k", state)
    over.set()
    for reader in readers:
        reader.join()
    assert set(seen) <= set(states)


def test_everything_is_there_when_the_engine_has_settled(
    engine: Engine, settle: Callable[[], None]
) -> None:
    data = {b"%d" % size: os.urandom(size) for size in SIZES}
    for key, body in data.items():
        put(engine, key, body)
    settle()
    assert {key: get(engine, key) for key in data} == data
    report, losers = engine.scrub()
    assert (report.damages, losers) == ((), [])
    assert report.bytes == sum(SIZES)


def test_what_is_replaced_or_removed_leaves_the_rest(
    engine: Engine, settle: Callable[[], None]
) -> None:
    for n in range(12):
        put(engine, b"%d" % n, bytes([n]) * (n * 30_000))
    settle()
    for n in range(0, 12, 2):
        remove(engine, b"%d" % n)
    put(engine, b"1", b"new")
    settle()
    assert get(engine, b"1") == b"new"
    for n in range(3, 12, 2):
        assert get(engine, b"%d" % n) == bytes([n]) * (n * 30_000)
    assert engine.reader.usage(BUCKET).versions == 6


def test_pieces_are_stretches_of_open_files(engine: Engine, settle: Callable[[], None]) -> None:
    data = os.urandom(3_000_000)
    version = put(engine, b"k", data)
    settle()
    pieces = engine.reader.pieces(version.parts, 100, 2_500_000)
    got = [os.pread(one.descriptor, one.end - one.start, one.start) for one in pieces]
    assert b"".join(got) == data[100:2_500_000]
    assert len(got) > 1
    closed = engine.reader.pieces(version.parts, 0, 10)
    next(closed)
    closed.close()


def test_what_is_at_hand_is_right_or_not_told(engine: Engine, settle: Callable[[], None]) -> None:
    version = put(engine, b"k", b"0123456789")
    assert engine.reader.at_hand(version.parts, 2, 5) in (b"234", None)
    settle()
    assert engine.reader.at_hand(version.parts, 2, 5) in (b"234", None)
    assert engine.reader.read(version.parts, 2, 5) == b"234"


def test_what_raises_is_undone_and_others_are_not(engine: Engine) -> None:
    def fail(tx: Tx, blobs: Sequence[Blob]) -> None:
        tx.add(BUCKET, b"bad", Version(id="null", modified_ms=0, parts=(tx.keep(blobs[0]),)))
        raise KeyError("no")

    failing = engine.commit(fail, [received(engine, os.urandom(500_000))])
    fine = stores.begin_put(engine, b"good", b"fine")
    with pytest.raises(KeyError):
        failing.result()
    assert fine.result().size == 4
    assert get(engine, b"bad") is None
    assert engine.reader.usage(BUCKET) == Usage(1, 4)


def test_what_is_abandoned_costs_nothing(engine: Engine) -> None:
    receiver = engine.receive()
    receiver.write(os.urandom(500_000))
    assert receiver.size == 500_000
    receiver.abandon()
    receiver.abandon()
    assert engine.reader.usage(BUCKET) == Usage(0, 0)


def test_more_than_there_is_room_for_is_refused(engine: Engine) -> None:
    with pytest.raises(NoSpace):
        engine.check_room(1 << 60)
    engine.check_room(1)


def test_one_commit_sees_what_the_one_before_has_done(engine: Engine) -> None:
    """So conditions hold: of many who put only where nothing is, one succeeds."""
    contents = [received(engine, b"%d" % n) for n in range(8)]

    def if_absent(tx: Tx, blobs: Sequence[Blob]) -> bool:
        if tx.current(BUCKET, b"k") is not None:
            return False
        parts = tuple(tx.keep(blob) for blob in blobs)
        tx.add(BUCKET, b"k", Version(id="null", modified_ms=tx.now_ms, size=1, parts=parts))
        return True

    tried = [engine.commit(if_absent, [content]) for content in contents]
    assert [one.result() for one in futures.as_completed(tried)].count(True) == 1
    assert get(engine, b"k") in {b"%d" % n for n in range(8)}


def received(engine: Engine, data: bytes) -> Content:
    """Return a content that waits for its commit."""
    receiver = engine.receive()
    receiver.write(data)
    return receiver.finish()
