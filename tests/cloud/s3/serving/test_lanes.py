"""Lanes: each taker gets every piece in order, none gets far behind, and an error ends them all."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent import futures

import pytest

from mallee.cloud.s3.serving import lanes

PIECE = 64 << 10


@pytest.fixture
def threads() -> Iterator[futures.ThreadPoolExecutor]:
    with futures.ThreadPoolExecutor(4) as made:
        yield made


def piece(number: int) -> bytes:
    return number.to_bytes(2, "big") * (PIECE // 2)


def test_every_lane_takes_every_piece_in_order(threads: futures.Executor) -> None:
    taken: list[list[lanes.Data]] = [[], [], []]

    async def run() -> None:
        beside = lanes.Lanes([one.append for one in taken], threads)
        for number in range(200):
            await beside.give((piece(number),), PIECE)
        await beside.finish()

    asyncio.run(run())
    assert taken == [[piece(number) for number in range(200)]] * 3


def test_what_is_given_waits_for_the_slowest(threads: futures.Executor) -> None:
    gate, quick, slow = threading.Event(), list[lanes.Data](), list[lanes.Data]()

    def take_slowly(data: lanes.Data) -> None:
        gate.wait()
        slow.append(data)

    async def run() -> None:
        beside = lanes.Lanes([quick.append, take_slowly], threads)
        given = 0

        async def give() -> None:
            nonlocal given
            for number in range(100):
                await beside.give((piece(number),), PIECE)
                given += 1

        giving = asyncio.create_task(give())
        while len(quick) * PIECE <= lanes.AHEAD_BYTES_MAX:
            await asyncio.sleep(0)
        assert given * PIECE <= lanes.AHEAD_BYTES_MAX + PIECE
        gate.set()
        await giving
        await beside.finish()

    asyncio.run(run())
    assert slow == quick


def test_an_error_of_one_is_raised_and_ends_all(threads: futures.Executor) -> None:
    def fail(data: lanes.Data) -> None:
        raise OSError("no room")

    def take(data: lanes.Data) -> None:
        pass

    async def give(beside: lanes.Lanes) -> None:
        for number in range(100):
            await beside.give((piece(number),), PIECE)

    async def run() -> None:
        beside = lanes.Lanes([fail, take], threads)
        with pytest.raises(OSError, match="no room"):
            await give(beside)
        await beside.abandon()

    asyncio.run(run())


def test_after_the_end_no_thread_is_at_work(threads: futures.Executor) -> None:
    began, gate, over = threading.Event(), threading.Event(), list[int]()

    def work(data: lanes.Data) -> None:
        began.set()
        gate.wait()
        over.append(len(data))

    async def run() -> None:
        beside = lanes.Lanes([work], threads)
        await beside.give((piece(1),), PIECE)
        await beside.give((piece(2),), PIECE)
        began.wait()
        ending = asyncio.create_task(beside.abandon())
        await asyncio.sleep(0)
        ending.cancel()
        await asyncio.sleep(0)
        assert not ending.done()
        gate.set()
        await ending

    asyncio.run(run())
    assert over == [PIECE]
