"""Connections that change hands between the cloud's process and that of S3.

Both serve one address. Whoever holds a connection looks at each request that begins on it; one for
the other is handed over with the connection itself: its descriptor and the bytes that were read
of it go through the other's *door*, a socket in the root directory that only our own user may use.
So bodies never pass through a process that does not want them, and a request costs one look.
A guest's connection, which ends at its host, and that of a client of another front end come by the
same door with their sender's name before their first bytes. Whoever brings a connection says first
whether a name comes, so nothing that a client sends can be taken for one.
Invariants: (1) a connection changes hands only between two requests; (2) who got it serves at
least the request that came with it, so it never goes back and forth for one; (3) when the other
does not answer, the client is told so, and nothing of its request was done.
Called by the servers of both. Not its business: which request is whose (`dispatch`), and what a
connection is besides (`connections` of each).
"""

import asyncio
import contextlib
import os
import re
import socket
import struct
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from mallee.cloud import http
from mallee.kit import logs

HEAD_BYTES_MAX = 64 << 10
"""So much of a request is waited for before it is said whose it is; a head may be longer."""
EARLY_BYTES_MAX = 1 << 20
"""What a connection may bring along of its request."""
DOOR_TIMEOUT_S = 10.0
"""How long the other process may take to take a connection: a moment after a start it is busy."""
BACKLOG = 4096
AWAY = (
    b"HTTP/1.1 503 Service Unavailable\r\nServer: mallee\r\nContent-Type: application/xml\r\n"
    b"Retry-After: 1\r\nConnection: close\r\nContent-Length: 140\r\n\r\n"
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>ServiceUnavailable</Code>'
    b"<Message>Service is unable to handle request.</Message></Error>"
)
"""What a client is told while the process that it needs is away."""
_FIRST_BYTES = 32 << 10
END = b"\r\n\r\n"
"""Of a head."""
_LINE = re.compile(rb"[A-Z]{1,20} [!-~\x80-\xff]+ HTTP/1\.[01]\r?")
"""The first line of a head."""
_BEGINNING = re.compile(rb"[A-Z]{1,20}(?: [!-~\x80-\xff]*(?: [HTP/1.0]*\r?)?)?")
"""What it looks like while it comes."""
_CREDENTIALS = struct.Struct("3i")
_NAMED, _STRANGER = b"\0", b"\1"
"""What stands before a sender's name, and before what came of a connection that has none."""
_NAME_BYTES = struct.Struct(">I")

_log = logs.get(__name__)

IsForOther = Callable[[bytes], bool]


class Taker(Protocol):
    """Serves connections that come by a door."""

    async def take(
        self, connection: socket.socket, given: bytes, sender: http.Sender | None
    ) -> None:
        """Serve a connection, and first of all these bytes of it; a sender's, if it has one."""
        ...


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The other side: one process, or several that do the same."""

    doors: tuple[Path, ...]
    """Their sockets; connections go to each in turn, past those where nobody is."""
    is_its: IsForOther
    """Tells whether a request is the other's, by its first bytes."""
    unavailable: bytes
    """What a client is told, byte for byte, while the other does not take connections."""


class Passage:
    """The way next door. Belongs to one event loop."""

    def __init__(self, neighbour: Neighbour | None, *, is_in_turn: bool = True) -> None:
        """Bring what is the neighbour's to it; without one everything stays here.

        `is_in_turn`: all doors are as good; else the first is always tried first.
        """
        self._neighbour = neighbour
        self._is_in_turn = is_in_turn
        self._turn = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def give(self, transport: Any, data: bytes) -> bool:
        """Give the connection away when the request is the other's; tell whether it was."""
        neighbour = self._neighbour
        if neighbour is None or transport is None or not neighbour.is_its(data):
            return False
        if transport.get_write_buffer_size():
            # Its client asks without having read: what was answered before goes out from here.
            return False
        transport.pause_reading()
        copy = os.dup(transport.get_extra_info("socket").fileno())
        if self._is_in_turn:
            self._turn = (self._turn + 1) % len(neighbour.doors)
        doors = (*neighbour.doors[self._turn :], *neighbour.doors[: self._turn])
        task = asyncio.ensure_future(_give(neighbour, doors, socket.socket(fileno=copy), data))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True


class Door:
    """Where a process takes connections from its neighbour."""

    def __init__(self, path: Path, connections: Taker) -> None:
        self._path = path
        self._connections = connections
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._tasks: set[asyncio.Task[None]] = set()
        self._file = 0
        """The number of the door's file: another may take its place."""

    def open(self) -> None:
        """Take connections from now on; a door that another process left is replaced.

        Whoever finds the file finds somebody behind it: it is in its place once we listen.
        """
        aside = self._path.with_suffix(".new")
        aside.unlink(missing_ok=True)
        self._listener.bind(str(aside))
        aside.chmod(0o600)
        self._file = aside.stat().st_ino
        self._listener.listen(BACKLOG)
        aside.rename(self._path)
        self._spawn(self._accept())

    async def close(self) -> None:
        """Take no more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listener.close()
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._file:
                self._path.unlink()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            caller, _ = await loop.sock_accept(self._listener)
            self._spawn(self._take(caller))

    async def _take(self, caller: socket.socket) -> None:
        with caller, contextlib.ExitStack() as undo:
            if not is_ours(caller):
                return
            try:
                async with asyncio.timeout(DOOR_TIMEOUT_S):
                    received = await _receive(caller)
                    if received is None:
                        return
                    connection, given = received
                    undo.callback(connection.close)
                    sender, given = _named(given)
                    await self._connections.take(connection, given, sender)
                    undo.pop_all()
            except (OSError, TimeoutError) as error:
                _log.warning("connection lost at the door", problem=repr(error)[:200])

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def is_open(doors: Sequence[Path]) -> bool:
    """Tell whether anybody is behind one of the doors; nothing is brought."""
    return any(map(_is_open, doors))


def _is_open(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.setblocking(False)
        try:
            door.connect(str(path))
        except BlockingIOError:
            # So many wait there that nobody fits behind them.
            return True
        except OSError:
            return False
    return True


async def bring(doors: Sequence[Path], connection: socket.socket, sender: http.Sender) -> bool:
    """Bring a sender's connection to the first door where anybody is; tell whether one took it."""
    name = msgspec.json.encode(sender)
    frame = _NAMED + _NAME_BYTES.pack(len(name)) + name
    for door in doors:
        try:
            if await _knock(door, connection, frame):
                return True
        except (OSError, TimeoutError) as error:
            _log.warning("sender not taken next door", problem=repr(error)[:200])
            return False
    return False


def _named(given: bytes) -> tuple[http.Sender | None, bytes]:
    """Return whose connection it is, if that is said, and what came of it."""
    if given.startswith(_STRANGER):
        return None, given[len(_STRANGER) :]
    if not given.startswith(_NAMED):
        raise OSError("nobody says whose connection is at the door")
    start = len(_NAMED) + _NAME_BYTES.size
    try:
        (size,) = _NAME_BYTES.unpack(given[len(_NAMED) : start])
        sender = msgspec.json.decode(given[start : start + size], type=http.Sender)
    except (struct.error, msgspec.DecodeError) as error:
        raise OSError("a sender without a name is at the door") from error
    return sender, given[start + size :]


async def _give(
    neighbour: Neighbour, doors: Sequence[Path], connection: socket.socket, data: bytes
) -> None:
    """Bring a connection next door; when nobody takes it, tell its client."""
    with connection:
        for door in doors:
            try:
                if await _knock(door, connection, _STRANGER + data):
                    return
            except (OSError, TimeoutError) as error:
                _log.warning("connection not taken next door", problem=repr(error)[:200])
                break
        with contextlib.suppress(OSError):
            connection.send(neighbour.unavailable)


async def _knock(path: Path, connection: socket.socket, data: bytes) -> bool:
    """Bring a connection to a door; tell whether anybody is there."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.setblocking(False)
        async with asyncio.timeout(DOOR_TIMEOUT_S):
            try:
                await loop.sock_connect(door, str(path))
            except FileNotFoundError:
                # Not all that may serve do.
                return False
            except OSError as error:
                _log.warning("nobody is next door", door=path.name, problem=repr(error)[:200])
                return False
            sent = socket.send_fds(door, [data[:_FIRST_BYTES]], [connection.fileno()])
            await loop.sock_sendall(door, data[sent:])
            return True


async def _receive(caller: socket.socket) -> tuple[socket.socket, bytes] | None:
    """Return what a caller at the door brings; None when it brings no connection."""
    loop = asyncio.get_running_loop()
    caller.setblocking(False)
    await _wait_readable(caller)
    first, descriptors, _, _ = socket.recv_fds(caller, _FIRST_BYTES, 1)
    if not descriptors:
        return None
    with contextlib.ExitStack() as undo:
        connection = undo.enter_context(socket.socket(fileno=descriptors[0]))
        given = bytearray(first)
        while more := await loop.sock_recv(caller, _FIRST_BYTES):
            given += more
            if len(given) > EARLY_BYTES_MAX:
                raise OSError("a connection brings too much along")
        undo.pop_all()
    return connection, bytes(given)


def may_be_awaited(early: bytearray) -> bool:
    """Tell whether the rest of a head may still come; garbage is refused at once."""
    end = early.find(b"\n")
    if end < 0:
        return _BEGINNING.fullmatch(early) is not None
    return _LINE.fullmatch(early, 0, end) is not None


async def _wait_readable(caller: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(caller.fileno(), lambda: ready.done() or ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(caller.fileno())


def is_ours(caller: socket.socket) -> bool:
    """Tell whether our own user or root is at the door."""
    raw = caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(raw)
    return user in (0, os.geteuid())
