"""The network of a simulation: calls that are lost, late, or made twice.

A call is a request that travels, is served, and an answer that travels back; each way may be cut or
lose it. Whoever calls gives up after a while, and what he sent may still arrive.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

LATE_S = 15.0
"""How late messages are that are late, in the mean."""
LATE_S_MAX = 40.0


class Lost(Exception):
    """The call came to nothing, as far as its caller knows."""


@dataclass(slots=True)
class Weather:
    """How bad the network is: parts of all messages."""

    lost: float = 0.0
    late: float = 0.0
    """Of those that come late."""
    twice: float = 0.0


class Cables:
    """All of the network."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.weather = Weather()
        self.cut: set[str] = set()
        """Names of those that nobody reaches, and that reach nobody."""
        self._serving: set[asyncio.Task[None]] = set()

    async def call(
        self, ends: tuple[str, str], serve: Callable[[], Awaitable[T]], timeout_s: float
    ) -> T:
        """Have a call served at the other end; raise `Lost`, or what serving raises."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._spawn(self._carry(ends, serve, answer))
        if self.rng.random() < self.weather.twice:
            self._spawn(self._carry(ends, serve, asyncio.get_running_loop().create_future()))
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError as error:
            raise Lost from error

    def end(self) -> None:
        """End whatever is on its way."""
        for task in self._serving:
            task.cancel()

    async def _carry(
        self,
        ends: tuple[str, str],
        serve: Callable[[], Awaitable[T]],
        answer: "asyncio.Future[T]",
    ) -> None:
        if not await self._travel(ends):
            return
        try:
            value = await serve()
        except Exception as error:  # noqa: BLE001 - what serving raises is the caller's
            if await self._travel(ends) and not answer.done():
                answer.set_exception(error)
                answer.exception()
            return
        if await self._travel(ends) and not answer.done():
            answer.set_result(value)

    async def _travel(self, ends: tuple[str, str]) -> bool:
        """Let a message travel; tell whether it arrives."""
        rng = self.rng
        if self.cut.intersection(ends) or rng.random() < self.weather.lost:
            return False
        late = rng.random() < self.weather.late
        late_s = min(rng.expovariate(1 / LATE_S), LATE_S_MAX)
        await asyncio.sleep(late_s if late else rng.random() * 0.02)
        return not self.cut.intersection(ends)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
