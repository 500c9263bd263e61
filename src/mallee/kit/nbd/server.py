"""A server of disks that can be read: exports, named as clients ask for them, over a unix socket.

An export says how large it is, where it has nothing but zeros, and gives bytes; where they come
from is its own business, and it may take its time. Each connection has many requests under way at
once and is answered out of order. Writing is refused. Belongs to one event loop.
"""

import asyncio
import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import structlog

from mallee.kit.nbd import wire

UNDER_WAY_MAX = 32
"""Requests of one connection that are worked on at once; the next is read when one is answered."""
_FLAGS = (
    wire.Transmission.HAS_FLAGS
    | wire.Transmission.READ_ONLY
    | wire.Transmission.SEND_FLUSH
    | wire.Transmission.SEND_DF
    | wire.Transmission.CAN_MULTI_CONN
)
_CONTEXT_ID = 1
_OPTION_MAX_BYTES = 1 << 14

_log = structlog.get_logger()


class Unreadable(Exception):
    """An export cannot give bytes that it should have; the message says why, for the log."""


class Export(Protocol):
    """A disk that can be read."""

    @property
    def size_bytes(self) -> int:
        """How large it is; it stays so."""
        ...

    async def read(self, offset: int, length: int) -> bytes:
        """Return a stretch that lies within the disk; raise `Unreadable`."""
        ...

    async def holes(self, offset: int, length: int) -> Iterable[tuple[int, bool]]:
        """Return the lengths of pieces, in order and not empty, and whether each is zeros; what
        they do not reach is asked again."""
        ...


@dataclass(slots=True)
class _Session:
    """What one connection has agreed on."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    holes_are: int
    export: Export | None = None
    has_structure: bool = False
    has_context: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while an answer is written: its pieces are not mixed with another's."""


class Server:
    """The exports of one socket. `exports` may change while it runs."""

    def __init__(
        self, exports: Mapping[str, Export], holes_are: int = wire.STATE_HOLE | wire.STATE_ZERO
    ) -> None:
        """`holes_are` is what clients are told of holes: where QEMU copies a disk to put it under
        nothing else, those that are not called zeros need not be copied."""
        self._exports = exports
        self._holes_are = holes_are

    async def start(self, where: Path | socket.socket) -> asyncio.Server:
        """Listen at a path that is free, for whoever may open it, or at a socket; close what is
        returned to end."""
        if isinstance(where, Path):
            return await asyncio.start_unix_server(self._serve, str(where))
        return await asyncio.start_unix_server(self._serve, sock=where)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(reader, writer, self._holes_are)
        try:
            await self._negotiate(session)
            if session.export is not None:
                await _transmit(session, session.export)
        except (asyncio.IncompleteReadError, ConnectionError):
            # The client is gone; what it asked for last is nobody's.
            return
        finally:
            writer.close()

    async def _negotiate(self, session: _Session) -> None:
        """Agree on an export; `session.export` stays None when the client wants none."""
        flags = wire.Handshake.FIXED_NEWSTYLE | wire.Handshake.NO_ZEROES
        session.writer.write(wire.GREETING.pack(wire.MAGIC, wire.OPTION_MAGIC, flags))
        (client_flags,) = wire.NUMBER.unpack(await session.reader.readexactly(4))
        while session.export is None:
            head = await session.reader.readexactly(wire.OPTION.size)
            magic, option, size = wire.OPTION.unpack(head)
            if magic != wire.OPTION_MAGIC or size > _OPTION_MAX_BYTES:
                _log.warning("a client does not speak NBD as it should", option=option)
                return
            data = await session.reader.readexactly(size)
            if option == wire.Option.EXPORT_NAME:
                session.export = self._exports.get(data.decode(errors="replace"))
                if session.export is None:
                    return
                session.writer.write(struct.pack(">QH", session.export.size_bytes, _FLAGS))
                if not client_flags & wire.Handshake.NO_ZEROES:
                    session.writer.write(bytes(124))
            elif option == wire.Option.ABORT:
                _reply(session, option, wire.Reply.ACK)
                return
            else:
                self._answer(session, option, data)
            await session.writer.drain()

    def _answer(self, session: _Session, option: int, data: bytes) -> None:
        try:
            match option:
                case wire.Option.LIST:
                    # Who may read an export knows its name.
                    _reply(session, option, wire.Reply.ERR_POLICY)
                case wire.Option.STRUCTURED_REPLY:
                    session.has_structure = True
                    _reply(session, option, wire.Reply.ACK)
                case wire.Option.LIST_META_CONTEXT | wire.Option.SET_META_CONTEXT:
                    self._answer_context(session, option, data)
                case wire.Option.INFO | wire.Option.GO:
                    self._answer_go(session, option, data)
                case _:
                    _reply(session, option, wire.Reply.ERR_UNSUP)
        except (struct.error, UnicodeDecodeError):
            _reply(session, option, wire.Reply.ERR_INVALID)

    def _answer_go(self, session: _Session, option: int, data: bytes) -> None:
        name, _ = _take_string(data, 0)
        export = self._exports.get(name)
        if export is None:
            _reply(session, option, wire.Reply.ERR_UNKNOWN, b"there is no such export")
            return
        about = wire.INFO_EXPORT.pack(wire.Info.EXPORT, export.size_bytes, _FLAGS)
        _reply(session, option, wire.Reply.INFO, about)
        sizes = wire.INFO_BLOCK_SIZE.pack(wire.Info.BLOCK_SIZE, 1, 4096, wire.PAYLOAD_MAX_BYTES)
        _reply(session, option, wire.Reply.INFO, sizes)
        _reply(session, option, wire.Reply.ACK)
        if option == wire.Option.GO:
            session.export = export

    def _answer_context(self, session: _Session, option: int, data: bytes) -> None:
        name, place = _take_string(data, 0)
        (count,) = wire.NUMBER.unpack_from(data, place)
        place += 4
        queries: list[str] = []
        for _ in range(count):
            query, place = _take_string(data, place)
            queries.append(query)
        if name not in self._exports:
            _reply(session, option, wire.Reply.ERR_UNKNOWN, b"there is no such export")
            return
        is_set = option == wire.Option.SET_META_CONTEXT
        wanted = {wire.BASE_ALLOCATION} if is_set else {wire.BASE_ALLOCATION, "base:"}
        has = bool(wanted & set(queries)) or (not is_set and not queries)
        if has:
            packed = wire.NUMBER.pack(_CONTEXT_ID) + wire.BASE_ALLOCATION.encode()
            _reply(session, option, wire.Reply.META_CONTEXT, packed)
        if is_set:
            session.has_context = has and session.has_structure
        _reply(session, option, wire.Reply.ACK)


@dataclass(frozen=True, slots=True)
class _Request:
    flags: int
    command: int
    cookie: int
    offset: int
    length: int


async def _transmit(session: _Session, export: Export) -> None:
    """Answer requests until the client has no more, or is gone."""
    room = asyncio.Semaphore(UNDER_WAY_MAX)
    under_way: set[asyncio.Task[None]] = set()
    async with asyncio.TaskGroup() as group:
        while (request := await _next(session.reader)) is not None:
            await room.acquire()
            task = group.create_task(_respond(session, export, request))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            task.add_done_callback(lambda _: room.release())
        for task in under_way:
            task.cancel()


async def _next(reader: asyncio.StreamReader) -> _Request | None:
    """Return the next request; None when there is none, or it is not one."""
    try:
        magic, *rest = wire.REQUEST.unpack(await reader.readexactly(wire.REQUEST.size))
        request = _Request(*rest)
        is_skipped = request.command == wire.Command.WRITE
        if magic != wire.REQUEST_MAGIC or (is_skipped and request.length > wire.PAYLOAD_MAX_BYTES):
            _log.warning("a client does not speak NBD as it should", command=request.command)
            return None
        if is_skipped:
            await reader.readexactly(request.length)
    except (asyncio.IncompleteReadError, ConnectionError):
        # The client is gone; what it asked for last is nobody's.
        return None
    return None if request.command == wire.Command.DISC else request


async def _respond(session: _Session, export: Export, request: _Request) -> None:
    try:
        await _write(session, await _answer_to(session, export, request))
    except ConnectionError:
        # The reader's loop hears of it as well, and ends the session.
        return


async def _answer_to(session: _Session, export: Export, request: _Request) -> bytes:
    if error := _mistake(session, export, request):
        return _failed(session, request, error)
    try:
        match request.command:
            case wire.Command.READ:
                return _data(session, request, await export.read(request.offset, request.length))
            case wire.Command.BLOCK_STATUS:
                pieces = await export.holes(request.offset, request.length)
                return _status(session, request, pieces)
            case _:
                return _done(session, request)
    except Unreadable as unreadable:
        _log.error("bytes of an export cannot be read", words=str(unreadable))
        return _failed(session, request, wire.EIO)


def _mistake(session: _Session, export: Export, request: _Request) -> int:
    """Return the protocol's number of what is wrong with a request; 0 for nothing."""
    known = {wire.Command.READ, wire.Command.FLUSH, wire.Command.CACHE, wire.Command.BLOCK_STATUS}
    if request.command in {wire.Command.WRITE, wire.Command.TRIM, wire.Command.WRITE_ZEROES}:
        return wire.EPERM
    if request.command not in known:
        return wire.EINVAL
    if request.command == wire.Command.BLOCK_STATUS and not session.has_context:
        return wire.EINVAL
    if request.offset + request.length > export.size_bytes:
        return wire.EINVAL
    if request.command == wire.Command.READ and request.length > wire.PAYLOAD_MAX_BYTES:
        return wire.EOVERFLOW
    return 0


def _data(session: _Session, request: _Request, data: bytes) -> bytes:
    if not session.has_structure:
        return wire.SIMPLE_REPLY.pack(wire.SIMPLE_REPLY_MAGIC, 0, request.cookie) + data
    if data == bytes(len(data)):
        hole = wire.HOLE.pack(request.offset, request.length)
        return _chunk(request, wire.Chunk.OFFSET_HOLE, hole) if data else _done(session, request)
    return _chunk(request, wire.Chunk.OFFSET_DATA, wire.OFFSET.pack(request.offset) + data)


def _status(session: _Session, request: _Request, pieces: Iterable[tuple[int, bool]]) -> bytes:
    told = session.holes_are
    packed = [wire.DESCRIPTOR.pack(length, told * is_hole) for length, is_hole in pieces]
    if request.flags & wire.CommandFlag.REQ_ONE:
        packed = packed[:1]
    payload = wire.NUMBER.pack(_CONTEXT_ID) + b"".join(packed)
    return _chunk(request, wire.Chunk.BLOCK_STATUS, payload)


def _done(session: _Session, request: _Request) -> bytes:
    if session.has_structure:
        return _chunk(request, wire.Chunk.NONE, b"")
    return wire.SIMPLE_REPLY.pack(wire.SIMPLE_REPLY_MAGIC, 0, request.cookie)


def _failed(session: _Session, request: _Request, error: int) -> bytes:
    if session.has_structure:
        return _chunk(request, wire.Chunk.ERROR, wire.ERROR.pack(error, 0))
    return wire.SIMPLE_REPLY.pack(wire.SIMPLE_REPLY_MAGIC, error, request.cookie)


def _chunk(request: _Request, kind: int, payload: bytes) -> bytes:
    head = (wire.STRUCTURED_REPLY_MAGIC, wire.CHUNK_DONE, kind, request.cookie, len(payload))
    return wire.CHUNK.pack(*head) + payload


async def _write(session: _Session, answer: bytes) -> None:
    async with session.lock:
        session.writer.write(answer)
        await session.writer.drain()


def _reply(session: _Session, option: int, kind: int, data: bytes = b"") -> None:
    head = wire.OPTION_REPLY.pack(wire.OPTION_REPLY_MAGIC, option, kind, len(data))
    session.writer.write(head + data)


def _take_string(data: bytes, place: int) -> tuple[str, int]:
    (length,) = wire.NUMBER.unpack_from(data, place)
    if length > wire.STRING_MAX_BYTES or place + 4 + length > len(data):
        raise struct.error("a string ends within itself")
    return data[place + 4 : place + 4 + length].decode(), place + 4 + length
