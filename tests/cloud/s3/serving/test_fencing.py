"""Who leads is well only while it can use the directory of objects."""

import asyncio
import contextlib
import errno

import pytest

from mallee.cloud.frontends.seats import Seat
from mallee.cloud.s3.serving import fencing
from mallee.walrus.errors import Fenced


@pytest.mark.parametrize("fault", [OSError(errno.ENOTCONN, "cut off"), Fenced("over"), None])
async def test_only_who_can_use_the_directory_says_that_it_is_well(
    fault: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fencing, "WELL_EVERY_S", 0.0)
    seat, asked = Seat(), asyncio.Event()
    loop = asyncio.get_running_loop()
    count = 0

    def prove() -> None:
        nonlocal count
        count += 1
        if count > 2:
            loop.call_soon_threadsafe(asked.set)
        if fault is not None:
            raise fault

    task = asyncio.create_task(fencing.keep_well(seat, prove))
    async with asyncio.timeout(60):
        await asked.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert (seat.well_at == 0.0) == (fault is not None)
