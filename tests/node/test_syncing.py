"""The conversation with the cloud on a host that is itself in trouble: it goes on."""

import asyncio
import errno
from pathlib import Path
from typing import Any, cast

import pytest

from mallee.kit import clock
from mallee.model.hosts.hosts import HostWanted, SyncAnswer, SyncRequest
from mallee.model.layout import Layout
from mallee.node import cloud, ledger, silence, sync
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


class Taking(Full):
    """One whose disk takes it."""

    async def want(self, wanted: HostWanted) -> bool:
        return True


def made(root: Path, door: Door, reconciler: Full, noted: silence.Noted | None = None) -> sync.Sync:
    return sync.Sync(
        door=cast("Any", door),
        reconciler=cast("Any", reconciler),
        ledger=ledger.Ledger(Layout(root)),
        clock=clock.SYSTEM,
        questions=cast("Any", None),
        facts=lambda: cast("Any", None),
        noted=noted,
    )


async def test_a_disk_that_takes_nothing_ends_no_conversation(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "FIRST_RETRY_S", 0.01)
    monkeypatch.setattr(sync, "LAST_RETRY_S", 0.01)
    door = Door()
    talk = made(root_dir, door, Full())
    running = asyncio.create_task(talk.run())
    try:
        async with asyncio.timeout(WITHIN_S):
            for _ in range(CALLS):
                await door.calls.acquire()
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class Away(Door):
    """A cloud that refuses this host, twice in other words, and then speaks with it."""

    def __init__(self) -> None:
        super().__init__()
        self.words = ["host is retired", "host is retired", "no authority of its own"]

    async def sync(self, request: SyncRequest, known: HostWanted | None) -> SyncAnswer:
        if self.words:
            self.calls.release()
            raise cloud.Refused(self.words.pop(0))
        return await super().sync(request, known)


async def test_why_the_cloud_is_not_spoken_to_is_written_down_until_it_is(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "FIRST_RETRY_S", 0.01)
    layout = Layout(root_dir)
    layout.run.mkdir()
    times = iter((1000.0, 2000.0))
    noted = silence.Noted(layout, lambda: next(times))
    noted.failed("host is retired")
    noted.failed("host is retired")
    assert silence.read(layout) == silence.Silence(since=1000.0, why="host is retired")
    # An agent that begins anew knows since when it was.
    noted = silence.Noted(layout, lambda: next(times))
    noted.failed("nobody answers")
    assert silence.read(layout) == silence.Silence(since=1000.0, why="nobody answers")
    door = Away()
    talk = made(root_dir, door, Taking(), silence.Noted(layout, clock.SYSTEM.now))
    running = asyncio.create_task(talk.run())
    try:
        async with asyncio.timeout(WITHIN_S):
            for _ in range(CALLS):
                await door.calls.acquire()
            while silence.read(layout) is not None:
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
