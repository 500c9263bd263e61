"""One key that fails does not stop the others; a change wakes, and the clock does as well."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.cloud.reconcile import runner
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import store
from tests.cloud import clouds
from tests.handclock import HandClock


@pytest.fixture
def opened(root_dir: Path) -> Iterator[store.Store]:
    yield from clouds.open_store(root_dir, HandClock())


async def test_a_key_that_fails_stops_no_other() -> None:
    settled: list[str] = []

    async def settle(key: str) -> None:
        if key == "bad":
            raise ValueError("on purpose")
        settled.append(key)

    await runner.settle_all(
        Reconciler(name="test", keys=lambda: ("one", "bad", "two"), settle=settle)
    )
    assert settled == ["one", "two"]


@pytest.mark.parametrize(("every_s", "waits"), [(3600.0, True), (0.001, False)])
async def test_a_change_or_the_clock_wakes_it(
    opened: store.Store, every_s: float, waits: bool
) -> None:
    rounds: asyncio.Queue[int] = asyncio.Queue()

    def keys() -> tuple[str, ...]:
        rounds.put_nowait(opened.view.rev)
        return ()

    async def settle(key: str) -> None:
        raise AssertionError(key)

    reconciler = Reconciler(
        name="test", keys=keys, settle=settle, every_s=every_s, waits_for_change=waits
    )
    running = asyncio.create_task(runner.run(opened, (reconciler,)))
    before = await rounds.get()
    await opened.run(lambda tx: clouds.add_host(tx, "host-1"))
    while await rounds.get() == before:
        continue
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_keys_that_cannot_be_told_are_told_again(opened: store.Store) -> None:
    told = asyncio.Event()
    calls = 0

    def keys() -> tuple[str, ...]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise OSError("on purpose")
        told.set()
        return ()

    async def settle(key: str) -> None:
        raise AssertionError(key)

    reconciler = Reconciler(name="test", keys=keys, settle=settle, every_s=0.001)
    running = asyncio.create_task(runner.run(opened, (reconciler,)))
    await told.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
