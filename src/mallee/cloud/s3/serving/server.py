"""S3's connections, all of them: how many, how long, and the answers as they are sent.

Hands each request's head to `answer` with its body as a `Source`, and sends the `Outgoing` that
comes back: small ones in one write, stored bytes by the kernel (`sending`). Called by `daemon`. Not
its business: one connection's bytes (`connections`, `framing`), what a request means.
"""

import asyncio
import os
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent import futures
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

from mallee.aws import errors
from mallee.cloud import http
from mallee.cloud.s3.exchange import Made
from mallee.cloud.s3.serving import framing, sending
from mallee.cloud.s3.serving.bodies import Source
from mallee.cloud.s3.serving.connections import WRITE_BUFFER_BYTES, Body, Connection
from mallee.cloud.s3.serving.ways import Ways
from mallee.kit import logs, openfiles
from mallee.walrus.errors import Corrupt, Gone

MAX_IN_FLIGHT = 2048
"""Requests between their head and the end of their answer; beyond it clients are told to wait."""
OF_PEER = 0.75
"""The part of the process's descriptors that the connections of one address may be."""
SWEEP_S = 1.0
"""How often connections are looked at whose time may be over."""
ENDING_S = 5.0
"""How long requests in flight may take to end when the server does."""
_BODILESS = frozenset({204, 304})
_REASONS = {status.value: status.phrase for status in HTTPStatus}

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An answer to be sent."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    payload: "bytes | sending.Stream | Made" = b""
    size: int = 0
    """Of the payload."""
    sent: Callable[[int], None] | None = None
    """Told, once, how many bytes of the payload have left when the answer is over."""


Answer = Callable[[http.Request, Source], Awaitable[Outgoing]]


class Server:
    """Serves S3's connections. Belongs to one event loop."""

    def __init__(
        self,
        answer: Answer,
        busy: Callable[[], Outgoing],
        threads: futures.Executor,
        ways: Ways,
    ) -> None:
        """Answer with `answer`, or with `busy` when too much is in flight."""
        self._answer = answer
        self._busy = busy
        self._threads = threads
        self._ways = ways
        self._connections: set[Connection] = set()
        self._by_peer: Counter[str] = Counter()
        self._of_peer_max = int(openfiles.limit() * OF_PEER)
        self._in_flight = 0
        self._is_closing = False
        self._sweeping: asyncio.TimerHandle | None = None

    async def take(
        self, connection: socket.socket, given: bytes, sender: http.Sender | None = None
    ) -> None:
        """Serve a connection, and first of all these bytes of it; a sender's, if it has one."""
        loop = asyncio.get_running_loop()
        if self._sweeping is None:
            self._sweeping = loop.call_later(SWEEP_S, self._sweep)
        connection.setblocking(False)
        await loop.connect_accepted_socket(lambda: Connection(self, given, sender), connection)

    async def close(self) -> None:
        """Let requests in flight end, and close every connection."""
        self._is_closing = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        for one in tuple(self._connections):
            if not one.is_busy:
                one.end()
        deadline = asyncio.get_running_loop().time() + ENDING_S
        while self._in_flight and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)
        for one in tuple(self._connections):
            one.expire()

    # --- for connections ---

    def opened(self, connection: Connection) -> bool:
        """Note a connection; tell whether it may stay."""
        self._connections.add(connection)
        self._by_peer[connection.peer] += 1
        self._ways.note(len(self._connections))
        if self._by_peer[connection.peer] > self._of_peer_max:
            _log.warning("too many connections", peer=connection.peer, most=self._of_peer_max)
            return False
        return True

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        if connection in self._connections:
            self._connections.discard(connection)
            self._by_peer[connection.peer] -= 1
            if not self._by_peer[connection.peer]:
                del self._by_peer[connection.peer]
            self._ways.note(len(self._connections))

    def give(self, transport: asyncio.Transport, data: bytes) -> bool:
        """Hand a connection over if another process is to serve it; tell whether it was."""
        return self._ways.give(transport, data)

    def refused(self, error: errors.AwsError) -> bytes:
        """Return the whole answer to what is no request."""
        text = f"<Error><Code>{error.code}</Code><Message>{error.message}</Message></Error>"
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
        headers = {"Content-Type": "application/xml"}
        outgoing = Outgoing(status=error.status, headers=headers, payload=body, size=len(body))
        return _head(outgoing, "close", size=len(body)) + body

    async def serve(self, connection: Connection, head: framing.Head, body: Body) -> None:
        """Answer a request."""
        self._in_flight += 1
        outgoing: Outgoing | None = None
        try:
            if self._in_flight > MAX_IN_FLIGHT:
                outgoing = self._busy()
            else:
                outgoing = await self._answer(head.request, body)
            await self._send(connection, head, outgoing)
        except BadHeader as error:
            _log.error("answer not sent", peer=connection.peer, problem=str(error))
            connection.transport.write(self.refused(errors.s3.InternalError()))
            connection.end()
        except (sending.Stalled, TimeoutError, Corrupt, Gone, OSError) as error:
            if not isinstance(error, ConnectionError):
                _log.warning("answer cut off", peer=connection.peer, problem=repr(error)[:200])
            connection.expire()
        finally:
            self._in_flight -= 1
            if outgoing is not None and isinstance(outgoing.payload, sending.Stream):
                outgoing.payload.close()

    # --- sending ---

    async def _send(self, connection: Connection, head: framing.Head, outgoing: Outgoing) -> None:
        sent = _Count()
        try:
            await self._send_answer(connection, head, outgoing, sent)
        finally:
            if outgoing.sent is not None:
                outgoing.sent(sent.bytes)

    async def _send_answer(
        self, connection: Connection, head: framing.Head, outgoing: Outgoing, sent: "_Count"
    ) -> None:
        payload, keeps = outgoing.payload, head.keeps and not self._is_closing
        keeps = keeps and connection.is_reusable
        said = "close" if not keeps else "keep-alive" if head.is_old else ""
        is_bodiless = head.request.method == "HEAD" or outgoing.status in _BODILESS
        first = _head(outgoing, said, size=None if is_bodiless else outgoing.size)
        # Whoever does not read what he was answered gets no more.
        await connection.drained(sending.STALLED_S)
        if isinstance(payload, bytes):
            connection.transport.write(first if is_bodiless else first + payload)
            sent.bytes = len(payload)
            await connection.drained(sending.STALLED_S)
        elif isinstance(payload, Made):
            connection.transport.write(first)
            async for piece in payload.pieces:
                await connection.drained(sending.STALLED_S)
                connection.transport.write(piece)
                sent.bytes += len(piece)
            await connection.drained(sending.STALLED_S)
        else:
            try:
                await self._send_stored(connection, first, payload)
            finally:
                sent.bytes = payload.sent
        if not keeps:
            connection.end()

    async def _send_stored(
        self, connection: Connection, first: bytes, stream: sending.Stream
    ) -> None:
        transport = connection.transport
        if transport.is_closing():
            raise ConnectionResetError("the client is gone")
        if transport.get_write_buffer_size():
            # What was answered before leaves before the kernel sends what follows it.
            transport.set_write_buffer_limits(high=0)
            await connection.drained(sending.STALLED_S)
            transport.set_write_buffer_limits(WRITE_BUFFER_BYTES)
        # A descriptor of our own, which stays what it is if the connection ends meanwhile.
        copy = os.dup(transport.get_extra_info("socket").fileno())
        with socket.socket(fileno=copy) as out:
            out.setblocking(False)
            await stream.send(out, first, self._threads)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for one in tuple(self._connections):
            if 0 < one.deadline < now:
                one.expire()
        self._sweeping = loop.call_later(SWEEP_S, self._sweep)


@dataclass(slots=True)
class _Count:
    """How much of an answer has left."""

    bytes: int = 0


class BadHeader(ValueError):
    """A header would end its line, and begin another."""


def _head(outgoing: Outgoing, connection: str, *, size: int | None) -> bytes:
    """Return an answer's head. `size`: of the payload that follows; None: none can."""
    status, headers = outgoing.status, outgoing.headers
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, '')}", "Server: mallee", _dates.line()]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if connection:
        lines.append(f"Connection: {connection}")
    if size is not None and "Content-Length" not in headers:
        lines.append(f"Content-Length: {size}")
    text = "\r\n".join(lines)
    if text.count("\n") + 1 != len(lines) or text.count("\r") + 1 != len(lines):
        raise BadHeader(repr(text[:200]))
    return f"{text}\r\n\r\n".encode("utf-8", "surrogateescape")


class _Dates:
    """The header of the time, made once a second."""

    __slots__ = ("_at", "_line")

    def __init__(self) -> None:
        self._at, self._line = 0, ""

    def line(self) -> str:
        """Return the header for now."""
        now = int(time.time())
        if now != self._at:
            self._at, self._line = now, f"Date: {formatdate(now, usegmt=True)}"
        return self._line


_dates = _Dates()
