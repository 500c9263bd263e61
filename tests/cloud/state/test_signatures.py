"""What all front ends remember of signatures: each is used first once."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from mallee.cloud.state import database, signatures

pytestmark = pytest.mark.postgres

SOON_S = 120.0
THREADS = 64
"""More than an event loop has for whatever blocks."""


@pytest.fixture
def used(postgresql_url: str) -> Iterator[signatures.Used]:
    database.Database(postgresql_url).migrate()
    made = signatures.Used(postgresql_url)
    yield made
    made.close()


async def test_the_age_of_a_signature_counts_from_when_it_was_used_first(
    used: signatures.Used,
) -> None:
    first = await used.use("one")
    later = [await used.use("one") for _ in range(2)]
    assert 0 <= first < later[0] < later[1]


async def test_who_asks_waits_for_no_thread_of_others(used: signatures.Used) -> None:
    over = threading.Event()
    waiting = [asyncio.create_task(asyncio.to_thread(over.wait)) for _ in range(THREADS)]
    try:
        async with asyncio.timeout(SOON_S):
            assert await used.use("one") >= 0
    finally:
        over.set()
        await asyncio.gather(*waiting)
