"""A directory that several machines have: what a term did that is over does not count later."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mallee.kit import clock
from mallee.walrus import engine, terms, usages
from mallee.walrus.engine import Engine
from mallee.walrus.errors import BrokenIndex, Fenced
from mallee.walrus.terms import Term
from tests.walrus import stores

LARGE = b"x" * (1 << 20)


class Lease:
    """Until when it holds."""

    def __init__(self) -> None:
        self.until = float("inf")

    def held_until(self) -> float:
        return self.until


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def begin(root: Path, opened: ExitStack, lease: Lease | None = None) -> Engine:
    """A machine's engine in a term of its own."""
    made = Engine(root, term=terms.begin(root, (lease or Lease()).held_until))
    opened.callback(made.close)
    return made


def _keep(path: Path, *, ignore_errors: bool) -> None:
    """Remove nothing."""


def test_a_term_has_what_the_one_before_had_acknowledged(tmp_path: Path, opened: ExitStack) -> None:
    former = begin(tmp_path, opened)
    stores.put(former, b"small", b"1")
    stores.put(former, b"large", LARGE)
    now = begin(tmp_path, opened)
    assert stores.get(now, b"small") == b"1"
    assert stores.get(now, b"large") == LARGE
    assert terms.read_number(tmp_path) == 2
    assert usages.read(tmp_path)[stores.BUCKET].versions == 2


def test_what_a_former_term_does_is_refused_and_seen_by_nobody(
    tmp_path: Path, opened: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its index stays, so that it can do all that it would.
    monkeypatch.setattr("mallee.walrus.terms.shutil.rmtree", _keep)
    former = begin(tmp_path, opened)
    stores.put(former, b"k", LARGE)
    stores.put(former, b"gone", LARGE)
    now = begin(tmp_path, opened)
    with pytest.raises(Fenced):
        stores.put(former, b"k", b"late")
    with pytest.raises(Fenced):
        stores.remove(former, b"gone")
    # It has taken the object from its own index; the bytes are the other's.
    with pytest.raises(Fenced):
        former.collect()
    assert stores.get(now, b"k") == LARGE
    assert stores.get(now, b"gone") == LARGE


def test_a_lease_that_ran_out_is_the_end_of_it(tmp_path: Path, opened: ExitStack) -> None:
    lease = Lease()
    term = terms.begin(tmp_path, lease.held_until)
    made = Engine(tmp_path, term=term)
    opened.callback(made.close)
    stores.put(made, b"k", b"1")
    assert term.holds()
    lease.until = clock.SYSTEM.monotonic()
    assert not term.holds()
    with pytest.raises(Fenced):
        stores.put(made, b"k", b"2")
    with pytest.raises(Fenced):
        terms.begin(tmp_path, lease.held_until)
    # What was in doubt may be there or not; what was acknowledged is.
    assert stores.get(begin(tmp_path, opened), b"k") in (b"1", b"2")


def test_numbers_of_writers_are_never_given_twice(tmp_path: Path, opened: ExitStack) -> None:
    former = begin(tmp_path, opened)
    now = begin(tmp_path, opened)
    with pytest.raises(Fenced):
        Engine(tmp_path, term=Term(tmp_path, 1, Lease().held_until))
    third = Engine(tmp_path, term=Term(tmp_path, 2, Lease().held_until))
    opened.callback(third.close)
    ids = {one.receive().finish().id for one in (former, now, third)}
    assert len(ids) == 3


def test_a_term_that_was_killed_before_its_index_was_whole_is_passed_over(
    tmp_path: Path, opened: ExitStack
) -> None:
    former = begin(tmp_path, opened)
    stores.put(former, b"k", b"1")
    half = tmp_path / "terms" / "2"
    half.mkdir()
    (half / "index.new").write_bytes(b"half")
    (half / "index.db-wal").write_bytes(b"half")
    assert stores.get(begin(tmp_path, opened), b"k") == b"1"
    assert terms.read_number(tmp_path) == 3
    # It is removed aside: nobody waits for that.
    deadline = clock.SYSTEM.monotonic() + 60.0
    while half.exists():
        assert clock.SYSTEM.monotonic() < deadline


def test_a_store_that_was_one_machine_s_is_taken_over(tmp_path: Path, opened: ExitStack) -> None:
    with ExitStack() as before:
        alone = Engine(tmp_path)
        before.callback(alone.close)
        stores.put(alone, b"k", LARGE)
    assert stores.get(begin(tmp_path, opened), b"k") == LARGE
    # Nobody opens it as one machine's any more, by mistake.
    with pytest.raises(BrokenIndex, match="is gone"):
        Engine(tmp_path)


def test_an_index_that_is_lost_is_not_taken_for_an_empty_one(
    tmp_path: Path, opened: ExitStack
) -> None:
    former = begin(tmp_path, opened)
    stores.put(former, b"k", LARGE)
    shutil.rmtree(tmp_path / "terms")
    with pytest.raises(BrokenIndex, match=str(tmp_path / "index.copy")):
        begin(tmp_path, opened)


def test_what_killed_writers_left_is_swept_by_a_later_term(
    tmp_path: Path, opened: ExitStack
) -> None:
    former = Engine(tmp_path, term=terms.begin(tmp_path, Lease().held_until))
    receiver = former.receive()
    receiver.write(LARGE)
    assert list((tmp_path / "incoming").iterdir())
    former.close()
    # As a machine that went down leaves it.
    (tmp_path / "writers" / "1").touch()
    begin(tmp_path, opened)
    assert list((tmp_path / "incoming").iterdir()) == []


def test_the_module_says_how_long_a_reader_goes_by_the_clock() -> None:
    assert terms.LOOK_EVERY_S < engine.TIDY_EVERY_S


def test_who_leads_proves_that_its_files_can_be_written(tmp_path: Path) -> None:
    lease = Lease()
    term = terms.begin(tmp_path, lease.held_until)
    term.prove()
    term.prove()
    home = tmp_path / "terms" / "1"
    home.rename(home.with_name("away"))
    with pytest.raises(FileNotFoundError):
        term.prove()
    home.with_name("away").rename(home)
    term.prove()
    lease.until = 0.0
    with pytest.raises(Fenced):
        term.prove()
    lease.until = float("inf")
    terms.begin(tmp_path, Lease().held_until)
    with pytest.raises(Fenced):
        term.prove()
