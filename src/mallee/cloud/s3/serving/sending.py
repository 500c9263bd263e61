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

from mallee.walrus.records import Part
from mallee.walrus.seam import Piece, Reader

STALLED_S = 60.0
"""How long a client may take nothing of an answer."""
TURN_BYTES = 16 << 20
"""After so many bytes a thread lets others have a turn."""


class Stalled(Exception):
    """The client takes nothing any more."""


@dataclass(slots=True)
class _Progress:
    """Where sending stands: the pieces yet to verify, and the rest of the one at hand."""

    pieces: Generator[Piece]
    head: bytes = b""
    """What of the answer's head has not left."""
    sent: int = 0
    """Bytes behind the head that have left."""
    descriptor: int = -1
    offset: int = 0
    end: int = 0
    is_over: bool = False


def open_stream(reader: Reader, parts: Sequence[Part], start: int, end: int) -> "Stream":
    """Return what sends many bytes, the first of them verified; blocks. Raises the same."""
    stream = Stream(reader, parts, start, end)
    stream.begin()
    return stream


class Stream:
    """The bytes of one answer, opened and their first piece verified before the head is sent."""

    def __init__(self, reader: Reader, parts: Sequence[Part], start: int, end: int) -> None:
        self._progress = _Progress(reader.pieces(parts, start, end))

    def begin(self) -> None:
        """Open the first stretch and verify its first piece; blocks. Raises `Corrupt`, `Gone`."""
        _advance(self._progress)

    @property
    def sent(self) -> int:
        """How many bytes have left."""
        return self._progress.sent

    async def send(self, out: socket.socket, head: bytes, threads: futures.Executor) -> None:
        """Send the head and everything behind it.

        Raises `Stalled`, `OSError`, `Corrupt` when it ends before the end.
        """
        loop = asyncio.get_running_loop()
        self._progress.head = head
        while not self._progress.is_over:
            is_full = await loop.run_in_executor(threads, _send, out, self._progress)
            if is_full:
                await _wait_writable(out)

    def close(self) -> None:
        """Let go of the files."""
        self._progress.pieces.close()


def _advance(progress: _Progress) -> None:
    found = next(progress.pieces, None)
    if found is None:
        progress.is_over = True
    else:
        progress.descriptor = found.descriptor
        progress.offset, progress.end = found.start, found.end


def _send(out: socket.socket, progress: _Progress) -> bool:
    """Send until all is sent, the socket is full (True), or others want the thread."""
    stop = progress.sent + TURN_BYTES
    try:
        while progress.head:
            # The first bytes of the object go with it.
            progress.head = progress.head[out.send(progress.head, socket.MSG_MORE) :]
        while not progress.is_over and progress.sent < stop:
            if progress.offset == progress.end:
                _advance(progress)
            else:
                _send_piece(out.fileno(), progress)
    except BlockingIOError:
        return True
    return False


def _send_piece(out: int, progress: _Progress) -> None:
    size = progress.end - progress.offset
    sent = os.sendfile(out, progress.descriptor, progress.offset, size)
    if sent == 0:
        raise OSError("a file became shorter while it was sent")
    progress.offset += sent
    progress.sent += sent


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
