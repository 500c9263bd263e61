"""The conversation with the cloud on a host that is itself in trouble: it goes on."""

import asyncio
import errno
from pathlib import Path
from typing import Any, cast

import pytest

from mallee.kit import clock
from mallee.model.hosts.hosts import HostWanted, SyncAnswer, SyncRequest
from mallee.model.layout import Layout
from mallee.node import ledger, sync
from tests.node import wants

WITHIN_S = 60.0
CALLS = 5


class Door:
    """A cloud that has something newer."""

    other_urls: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.calls = asyncio.Semaphore(0)

    async def renew_if_due(self, now: float) -> None:
        """It is not."""

    async def sync(self, _request: SyncRequest, _known: HostWanted | None) -> SyncAnswer:
        self.calls.release()
        return SyncAnswer(wanted=wants.make_host(1))

    def learn_urls(self, urls: tuple[str, ...]) -> None:
        """There is one."""

    def learn_authorities(self, ids: tuple[str, ...]) -> None:
        """There is one."""


class Full:
    """A reconciler whose disk takes nothing."""

    version = 0
    leftovers: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.volumes = self

    def seen(self) -> dict[str, Any]:
        return {}

    async def wait_changed(self, version: int) -> int:
        await asyncio.Event().wait()
        return version

    async def want(self, wanted: HostWanted) -> bool:
        raise OSError(errno.ENOSPC, "no space left on the disk")


async def test_a_disk_that_takes_nothing_ends_no_conversation(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "FIRST_RETRY_S", 0.01)
    monkeypatch.setattr(sync, "LAST_RETRY_S", 0.01)
    door = Door()
    talk = sync.Sync(
        door=cast("Any", door),
        reconciler=cast("Any", Full()),
        ledger=ledger.Ledger(Layout(root_dir)),
        clock=clock.SYSTEM,
        questions=cast("Any", None),
        facts=lambda: cast("Any", None),
    )
    running = asyncio.create_task(talk.run())
    try:
        async with asyncio.timeout(WITHIN_S):
            for _ in range(CALLS):
                await door.calls.acquire()
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
