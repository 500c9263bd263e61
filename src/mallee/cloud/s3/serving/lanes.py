"""One body's bytes on their way to everything that takes them: the disk, and each hash.

A *lane* takes all pieces in order, in a thread, beside the others; so a slow hash does not wait
for the disk, nor the connection for either. Invariants: (1) no more than
`AHEAD_BYTES_MAX` and one batch are held; (2) after `finish` or `abandon` no thread touches the
sinks any more. Called by `bodies`. Not its business: what is computed.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent import futures
from dataclasses import dataclass, field

AHEAD_BYTES_MAX = 512 << 10
"""Bytes that lanes may have yet to take before more are asked for."""
TURN_BYTES = 4 << 20
"""After so many bytes a lane lets others have its thread."""

Data = bytes | memoryview
Work = Callable[[Data], None]


@dataclass(slots=True)
class _Batch:
    """Pieces that all lanes are to take."""

    pieces: Sequence[Data]
    length: int
    lanes_left: int


@dataclass(slots=True)
class _Lane:
    """One taker, and what it has yet to take."""

    work: Work
    waiting: deque[_Batch] = field(default_factory=deque[_Batch])
    is_running: bool = False


class Lanes:
    """The lanes of one body. Belongs to the event loop's thread."""

    def __init__(self, works: Iterable[Work], threads: futures.Executor) -> None:
        """Have each of `works` called with all pieces in order, in threads."""
        self._lanes = [_Lane(work) for work in works]
        self._threads = threads
        self._loop = asyncio.get_running_loop()
        self._gate = threading.Lock()
        self._held = 0
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def give(self, pieces: Sequence[Data], length: int) -> None:
        """Have some bytes taken, soon; raise what a lane raised."""
        await self._wait_until(AHEAD_BYTES_MAX)
        if self._error is not None:
            raise self._error
        batch = _Batch(pieces, length, len(self._lanes))
        with self._gate:
            self._held += length
            for lane in self._lanes:
                lane.waiting.append(batch)
                if not lane.is_running:
                    lane.is_running = True
                    self._threads.submit(self._run, lane)

    async def finish(self) -> None:
        """Wait until everything was taken; raise what a lane raised."""
        await self._wait_until(0)
        if self._error is not None:
            raise self._error

    async def abandon(self) -> None:
        """Wait until no lane is at work; nothing more is taken."""
        with self._gate:
            self._error = self._error or asyncio.CancelledError()
        waiting = asyncio.ensure_future(self._wait_until(0))
        while not waiting.done():
            try:
                await asyncio.shield(waiting)
            except asyncio.CancelledError:
                # Whoever owns the sinks closes them after this: it takes as long as it takes.
                continue

    async def _wait_until(self, held: int) -> None:
        while self._held > held:
            self._waiter = self._loop.create_future()
            if self._held > held:
                await self._waiter

    # --- in threads ---

    def _run(self, lane: _Lane) -> None:
        taken = 0
        while True:
            with self._gate:
                if not lane.waiting:
                    lane.is_running = False
                    return
                if taken >= TURN_BYTES:
                    self._threads.submit(self._run, lane)
                    return
                batch = lane.waiting.popleft()
            self._take(lane, batch)
            taken += batch.length

    def _take(self, lane: _Lane, batch: _Batch) -> None:
        try:
            if self._error is None:
                for piece in batch.pieces:
                    lane.work(piece)
        except BaseException as error:  # noqa: BLE001 - it is raised to whoever gives
            self._error = error
        finally:
            with self._gate:
                batch.lanes_left -= 1
                if not batch.lanes_left:
                    self._held -= batch.length
                    self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
