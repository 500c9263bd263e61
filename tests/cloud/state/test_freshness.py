"""A process that only reads hears of others' commits when it asks, not a quarter second later."""

import asyncio
import contextlib
from pathlib import Path

import psycopg
import pytest

from mallee.cloud.state import database, postgresql, records, store, writer
from mallee.kit import clock
from mallee.model.identity.accounts import Account
from tests import postgresql as servers


def _add(tx: store.Tx, number: int) -> None:
    account = Account(id=f"{number:012}", name=f"n{number}", created_at=0.0)
    tx.insert(records.ACCOUNT, account.id, account.id, account)


def test_who_caught_up_has_what_others_committed_before(url: str) -> None:
    async def check() -> None:
        writer = store.Store.open(url, clock=clock.SYSTEM)
        reader = store.Store.open(url, clock=clock.SYSTEM)
        for number in range(1, 30):
            await writer.run(lambda tx, number=number: _add(tx, number))
            await asyncio.gather(*(reader.catch_up() for _ in range(3)))
            assert reader.view.get(records.ACCOUNT, f"{number:012}") is not None
            await reader.catch_up()
        for opened in (writer, reader):
            opened.close()

    asyncio.run(check())


@pytest.mark.postgres
def test_who_lost_the_database_catches_up_when_it_is_back(postgresql_url: str) -> None:
    async def check() -> None:
        with contextlib.ExitStack() as stack:
            writer, reader = (
                store.Store.open(postgresql_url, clock=clock.SYSTEM) for _ in range(2)
            )
            for opened in (writer, reader):
                stack.callback(opened.close)
            for number in range(1, 4):
                await writer.run(lambda tx, number=number: _add(tx, number))
                _end_connections(postgresql_url)
                await reader.catch_up()
                assert reader.view.get(records.ACCOUNT, f"{number:012}") is not None

    asyncio.run(check())


def test_who_cannot_look_does_not_say_that_he_has(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise store.Unavailable("the database is away")

    async def check() -> None:
        with contextlib.closing(store.Store.open(url, clock=clock.SYSTEM)) as reader:
            with monkeypatch.context() as patched:
                patched.setattr(database.Database, "poll", away)
                with contextlib.closing(store.Store.open(url, clock=clock.SYSTEM)) as writer:
                    await writer.run(lambda tx: _add(tx, 1))
                with pytest.raises(store.Unavailable):
                    await reader.catch_up()
            await reader.catch_up()
            assert reader.view.get(records.ACCOUNT, "000000000001") is not None

    asyncio.run(check())


@pytest.mark.postgres
def test_nobody_waits_without_end_for_a_server_that_stands_still(
    postgresql_socket: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "USUAL", postgresql.Patience(connect_s=2, answer_s=1))

    async def check() -> None:
        with contextlib.closing(store.Store.open(postgresql_url, clock=clock.SYSTEM)) as reader:
            await reader.catch_up()
            with monkeypatch.context() as patched, servers.standing_still(postgresql_socket):
                patched.setattr(writer, "RETRY_FOR_S", 0.0)
                with pytest.raises(store.Unavailable):
                    await reader.catch_up()
            await reader.catch_up()

    asyncio.run(check())


def _end_connections(url: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as to:
        to.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
