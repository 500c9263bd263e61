"""Everything that is sealed in the store is found by its type, and sealed anew whole."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mallee.cloud.identity import sealed
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit import secretbox
from mallee.model.identity.accounts import AccessKey
from tests.cloud import clouds
from tests.handclock import HandClock


class Inner(msgspec.Struct, frozen=True):
    """A part with a secret, or none."""

    sealed_seed: bytes | None = None


class Outer(msgspec.Struct, frozen=True):
    """A document with secrets at several depths."""

    name: str
    sealed_own: bytes
    one: Inner | None = None
    several: tuple[Inner, ...] = ()
    named: Mapping[str, Inner] = {}


class Open(msgspec.Struct, frozen=True):
    """A document without any."""

    texts: tuple[str, ...] = ()
    itself: "Open | None" = None


@pytest.fixture
def opened(root_dir: Path) -> Iterator[store.Store]:
    yield from clouds.open_store(root_dir, HandClock())


def older_and_newer() -> tuple[secretbox.SecretBox, secretbox.SecretBox]:
    older, newer = os.urandom(32), os.urandom(32)
    return secretbox.SecretBox(older), secretbox.SecretBox(newer, older)


def test_a_type_tells_whether_it_can_hold_a_secret() -> None:
    assert sealed.is_sealing(Outer)
    assert sealed.is_sealing(Inner | None)
    assert not sealed.is_sealing(Open)
    assert records.ACCESS_KEY in sealed.kinds()
    assert records.INSTANCE not in sealed.kinds()


def test_no_observation_holds_a_secret() -> None:
    """Only what is wanted is sealed anew."""
    seen = [kind for kind in records.KINDS.values() if kind.seen and sealed.is_sealing(kind.seen)]
    assert seen == []


def test_a_sealed_member_is_bytes_in_every_kind() -> None:
    for kind in sealed.kinds():
        for field in msgspec.structs.fields(kind.doc):
            if field.name.startswith(sealed.PREFIX):
                assert bytes in (field.type, *getattr(field.type, "__args__", ())), field


def test_every_depth_is_sealed_anew_and_nothing_else_changes() -> None:
    older, newer = older_and_newer()
    [a, b, c, d] = (older.seal(text) for text in (b"a", b"b", b"c", b"d"))
    doc = Outer("n", a, Inner(b), (Inner(), Inner(c)), {"x": Inner(d)})
    record: Record[Any, Any] = Record(records.ACCESS_KEY, "", "", 1, doc, None)  # type: ignore
    fresh = sealed._resealed(record, doc, newer)
    assert [newer.open(one) for one in sealed.values_in(fresh)] == [b"a", b"b", b"c", b"d"]
    assert all(map(newer.is_newest, sealed.values_in(fresh)))
    assert (fresh.name, fresh.several[0]) == ("n", Inner())


def test_a_record_that_is_gone_meanwhile_stays_gone(opened: store.Store) -> None:
    older, newer = older_and_newer()
    key = AccessKey(id="AKIA", sealed_secret=older.seal(b"s"), user_id="", created_at=0.0)
    record = opened.transact(lambda tx: tx.insert(records.ACCESS_KEY, clouds.ACCOUNT, key.id, key))
    opened.transact(lambda tx: tx.delete(record))
    opened.transact(lambda tx: sealed.reseal(tx, newer, [record]))
    assert opened.view.get(records.ACCESS_KEY, "AKIA") is None


def test_records_are_sealed_anew_a_few_at_a_time(opened: store.Store) -> None:
    older, newer = older_and_newer()

    def fill(tx: store.Tx) -> None:
        for number in range(5):
            key = AccessKey(
                id=f"AKIA{number}", sealed_secret=older.seal(b"s"), user_id="", created_at=0.0
            )
            tx.insert(records.ACCESS_KEY, clouds.ACCOUNT, key.id, key)

    opened.transact(fill)
    found = sealed.older(sealed.sealing(opened.view), newer)
    assert len(found) == 5
    for some, left in ((found[:2], 3), (found, 0), (found, 0)):
        opened.transact(lambda tx, some=some: sealed.reseal(tx, newer, some))
        assert len(sealed.older(sealed.sealing(opened.view), newer)) == left
    for key in opened.view.list(records.ACCESS_KEY):
        assert newer.open(key.doc.sealed_secret) == b"s"


def test_what_cannot_be_opened_stops_it_and_changes_nothing(opened: store.Store) -> None:
    older, newer = older_and_newer()
    key = AccessKey(id="AKIA", sealed_secret=b"not sealed at all", user_id="", created_at=0.0)
    record = opened.transact(lambda tx: tx.insert(records.ACCESS_KEY, clouds.ACCOUNT, key.id, key))
    with pytest.raises(secretbox.Unsealable):
        opened.transact(lambda tx: sealed.reseal(tx, newer, [record]))
    assert older.key_ids[0] in newer.key_ids
