"""Bytes of objects on their way out: verified, then sent from the page cache by the kernel.

A stretch is verified and sent piece by piece in a thread, without blocking: when the client's
socket is full the thread is given back, and taken again when there is room. So slow clients cost a
descriptor each, no thread and no memory. Called by `server` once the head of the answer is sent.
Not its business: which bytes (`exchange.Stored`), and the head.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Generator, Sequence
from concurrent import futures
from dataclasses import dataclass

from mallee.walrus import crc, reader
from mallee.walrus.engine import Engine
from mallee.walrus.records import Part

STALLED_S = 60.0
"""How long a client may take nothing of an answer."""
TURN_BYTES = 16 << 20
"""After so many bytes a thread lets others have a turn."""


class Stalled(Exception):
    """The client takes nothing any more."""


@dataclass(slots=True)
class _Progress:
    """Where sending stands: the pieces yet to verify, and the rest of the one at hand."""

    pieces: Generator[tuple[int, int, int]]
    """(descriptor, offset in the file, end) of bytes that are right."""
    descriptor: int = -1
    offset: int = 0
    end: int = 0
    is_over: bool = False


def read_small(engine: Engine, parts: Sequence[Part], start: int, end: int) -> bytes:
    """Return few bytes of an object, verified; blocks. Raises `Corrupt` and `Gone`."""
    stretches = engine.reader.stretches(parts, start, end)
    return b"".join(reader.read(stretch) for stretch in stretches)


def read_at_hand(engine: Engine, parts: Sequence[Part], start: int, end: int) -> bytes | None:
    """Return few bytes of an object that are in memory, verified; None: a thread must read them.

    Never waits for the disk, save for the index. Raises `Corrupt` and `Gone`.
    """
    found: list[bytes] = []
    for stretch in engine.reader.stretches(parts, start, end):
        blob = stretch.blob
        if blob.blocks:
            return None
        data = bytearray(blob.size)
        try:
            got = os.preadv(stretch.descriptor, [data], blob.offset, os.RWF_NOWAIT)
        except OSError:
            # Not in memory, or a file system that cannot tell.
            return None
        if got != blob.size:
            return None
        if crc.crc64(data) != blob.crc:
            raise reader.Corrupt(blob.id, "is not what was stored")
        found.append(bytes(memoryview(data)[stretch.start : stretch.end]))
    return b"".join(found)


def open_stream(engine: Engine, parts: Sequence[Part], start: int, end: int) -> "Stream":
    """Return what sends many bytes, the first of them verified; blocks. Raises the same."""
    stream = Stream(engine, parts, start, end)
    stream.begin()
    return stream


class Stream:
    """The bytes of one answer, opened and their first piece verified before the head is sent."""

    def __init__(self, engine: Engine, parts: Sequence[Part], start: int, end: int) -> None:
        self._progress = _Progress(_pieces(engine, parts, start, end))

    def begin(self) -> None:
        """Open the first stretch and verify its first piece; blocks. Raises `Corrupt`, `Gone`."""
        _advance(self._progress)

    async def send(self, out: socket.socket, threads: futures.Executor) -> None:
        """Send everything; raise `Stalled`, `OSError`, `Corrupt` when it ends before the end."""
        loop = asyncio.get_running_loop()
        while not self._progress.is_over:
            is_full = await loop.run_in_executor(threads, _send, out.fileno(), self._progress)
            if is_full:
                await _wait_writable(out)

    def close(self) -> None:
        """Let go of the files."""
        self._progress.pieces.close()


def _pieces(
    engine: Engine, parts: Sequence[Part], start: int, end: int
) -> Generator[tuple[int, int, int]]:
    for stretch in engine.reader.stretches(parts, start, end):
        base = stretch.blob.offset
        for first, last in reader.verified(stretch):
            yield stretch.descriptor, base + first, base + last


def _advance(progress: _Progress) -> None:
    found = next(progress.pieces, None)
    if found is None:
        progress.is_over = True
    else:
        progress.descriptor, progress.offset, progress.end = found


def _send(out: int, progress: _Progress) -> bool:
    """Send until all is sent, the socket is full (True), or others want the thread."""
    left = TURN_BYTES
    while not progress.is_over and left > 0:
        if progress.offset == progress.end:
            _advance(progress)
            continue
        try:
            sent = os.sendfile(
                out, progress.descriptor, progress.offset, progress.end - progress.offset
            )
        except BlockingIOError:
            return True
        if sent == 0:
            raise OSError("a file became shorter while it was sent")
        progress.offset += sent
        left -= sent
    return False


async def _wait_writable(out: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(out.fileno(), lambda: ready.done() or ready.set_result(None))
    try:
        async with asyncio.timeout(STALLED_S):
            await ready
    except TimeoutError as error:
        raise Stalled from error
    finally:
        with contextlib.suppress(OSError, ValueError):
            loop.remove_writer(out.fileno())
