"""A process that only reads hears of others' commits when it asks, not a quarter second later."""

import asyncio

from mallee.cloud.state import records, store
from mallee.kit import clock
from mallee.model.identity.accounts import Account


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
