"""Who writes while the database is away is answered in time, and knows what he may rely on."""

import asyncio
import contextlib
import itertools
import sqlite3
import threading
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from mallee.cloud.state import database, records, store, writer
from mallee.kit import clock
from tests.cloud.state import samples

WITHIN_S = 60.0
MANY = 3 * writer.BATCH_MAX


@pytest.fixture
def opened(root_dir: Path) -> Iterator[store.Store]:
    url = f"sqlite:///{root_dir}/state.db"
    with contextlib.closing(store.Store.open(url, clock=clock.SYSTEM)) as found:
        yield found


class Crowd:
    """Writers that wait together; each makes one thing more whenever it is run."""

    def __init__(self, opened: store.Store, count: int) -> None:
        self._opened = opened
        self._numbers = itertools.count()
        self._count = count
        self.told = list[BaseException | None]()

    def _make(self, tx: store.Tx) -> None:
        samples.insert(tx, f"vpc-{next(self._numbers)}")

    @contextlib.asynccontextmanager
    async def waiting(self) -> AsyncGenerator[None]:
        """Have them all wait; they are served at the end of the block."""
        begun, over = threading.Event(), threading.Event()

        def hold(_: store.Tx) -> None:
            begun.set()
            over.wait(WITHIN_S)

        held = asyncio.create_task(self._opened.run(hold))
        assert await asyncio.to_thread(begun.wait, WITHIN_S)
        asked = [asyncio.create_task(self._opened.run(self._make)) for _ in range(self._count)]
        await asyncio.sleep(0)
        yield
        over.set()
        await held
        self.told = await asyncio.gather(*asked, return_exceptions=True)

    async def made(self) -> int:
        """Return how many things there are, by what the database says."""
        await self._opened.run(lambda tx: tx.claim("space", "key", "owner"))
        return len(self._opened.view.list(records.VPC))


async def test_what_may_have_been_kept_is_not_made_again(
    opened: store.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, lock, crowd = database.Database.commit, database.Database.lock, Crowd(opened, 2)
    with monkeypatch.context() as patched:

        def refuse(_: database.Database) -> int:
            patched.setattr(database.Database, "lock", lock)
            raise sqlite3.DatabaseError("this user is not let in")

        def cut_off(its: database.Database) -> None:
            commit(its)
            patched.setattr(database.Database, "lock", refuse)
            raise store.Unsettled("cut off")

        async with crowd.waiting():
            patched.setattr(database.Database, "commit", cut_off)
    assert {type(one) for one in crowd.told} == {store.Unsettled}
    assert await crowd.made() == 2


async def test_what_was_kept_all_the_same_is_said_to_be_done(
    opened: store.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, crowd = database.Database.commit, Crowd(opened, 2)
    with monkeypatch.context() as patched:

        def cut_off(its: database.Database) -> None:
            commit(its)
            patched.setattr(database.Database, "commit", commit)
            raise store.Unsettled("cut off")

        async with crowd.waiting():
            patched.setattr(database.Database, "commit", cut_off)
    assert crowd.told == [None, None]
    assert await crowd.made() == 2


async def test_who_waits_behind_others_that_gave_up_gives_up_with_them(
    opened: store.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd, tries = Crowd(opened, MANY), itertools.count()

    def refuse(_: database.Database) -> int:
        next(tries)
        raise sqlite3.DatabaseError("away")

    def is_passing(_its: database.Database, _error: Exception) -> bool:
        return True

    with monkeypatch.context() as patched:
        async with crowd.waiting():
            patched.setattr(database.Database, "is_passing", is_passing)
            patched.setattr(database.Database, "lock", refuse)
            patched.setattr(writer, "RETRY_FOR_S", 0.0)
    assert {type(one) for one in crowd.told} == {store.Unavailable}
    assert next(tries) == 1
    assert await crowd.made() == 0
