"""S3's sockets: heads in, bodies as streams in and out. Beside `handover` all that knows aiohttp.

Hands each request's head to `answer` with its body as a `Source`, and sends the `Outgoing` that
comes back: small ones at once, stored bytes by the kernel (`sending`). Runs on asyncio's own loop.
Called by `daemon`. Not its business: what a request means.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from concurrent import futures
from dataclasses import dataclass, field

from aiohttp import web

from mallee.aws import errors
from mallee.cloud import handover, http, server
from mallee.cloud.s3 import sending
from mallee.cloud.s3.bodies import Source
from mallee.cloud.s3.exchange import Made
from mallee.kit import logs
from mallee.walrus.errors import Corrupt, Gone

MAX_IN_FLIGHT = 2048
"""Requests between their head and the end of their answer; beyond it clients are told to wait."""
READ_TIMEOUT_S = 30.0
"""How long a client may send nothing of its body."""
MAX_HEADERS = 128
"""Metadata is many headers: 2 KB of it at most, which the handlers see to."""
READ_BUFFER_BYTES = 128 << 10

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An answer to be sent."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    payload: "bytes | sending.Stream | Made" = b""
    size: int = 0
    """Of the payload."""


Answer = Callable[[http.Request, Source], Awaitable[Outgoing]]


class Body:
    """The body of a request as it comes."""

    __slots__ = ("_incoming",)

    def __init__(self, incoming: web.BaseRequest) -> None:
        self._incoming = incoming

    async def proceed(self) -> None:
        """Tell a client that waits for it to send its body."""
        if self._incoming.headers.get("Expect", "").lower() == "100-continue":
            await server.send_continue(self._incoming)

    async def read(self) -> bytes:
        """Return what has come; nothing at the end."""
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                return await self._incoming.content.readany()
        except TimeoutError as error:
            raise errors.s3.RequestTimeout from error
        except (web.PayloadAccessError, web.RequestPayloadError, OSError) as error:
            raise errors.s3.IncompleteBody from error


class Server:
    """Serves S3's connections. Holds the count of requests in flight."""

    def __init__(
        self,
        answer: Answer,
        busy: Callable[[], Outgoing],
        threads: futures.Executor,
        neighbour: handover.Neighbour | None,
    ) -> None:
        """Answer with `answer`, or with `busy` when too much is in flight."""
        self._answer = answer
        self._busy = busy
        self._threads = threads
        self._in_flight = 0
        self.connections = handover.Connections(
            self._handle,
            neighbour,
            access_log=None,
            logger=server.complaints(),
            keepalive_timeout=server.IDLE_TIMEOUT_S,
            lingering_time=server.LINGER_S,
            auto_decompress=False,
            max_line_size=server.MAX_LINE_BYTES,
            max_field_size=server.MAX_FIELD_BYTES,
            max_headers=MAX_HEADERS,
            read_bufsize=READ_BUFFER_BYTES,
        )
        self._runner = web.ServerRunner(self.connections, shutdown_timeout=5.0)

    async def open(self) -> None:
        """Be ready for connections; they come by a door."""
        await self._runner.setup()

    async def listen(self, host: str, port: int) -> int:
        """Listen on an address of its own; return the port. Raises `CannotListen`."""
        return await server.listen(self._runner, (host, port), None)

    async def close(self) -> None:
        """Let requests in flight end, and close every connection."""
        await self._runner.cleanup()

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        self._in_flight += 1
        try:
            if self._in_flight > MAX_IN_FLIGHT:
                outgoing = self._busy()
            else:
                request = server.request_of(incoming, b"")
                outgoing = await self._answer(request, Body(incoming))
            return await self._send(incoming, outgoing)
        finally:
            self._in_flight -= 1

    async def _send(self, incoming: web.BaseRequest, outgoing: Outgoing) -> web.StreamResponse:
        payload = outgoing.payload
        headers = {"Server": "mallee", **outgoing.headers}
        if isinstance(payload, bytes):
            response = web.Response(status=outgoing.status, body=payload, headers=headers)
            if not payload:
                # The library would name a type for nothing.
                response.headers.setdefault("Content-Type", "application/xml")
        else:
            response = web.StreamResponse(status=outgoing.status, headers=headers)
            response.content_length = outgoing.size
        if not incoming.content.is_eof():
            # What was not read of the body must not be taken for the next request.
            response.force_close()
        if isinstance(payload, bytes) and len(payload) <= server.SENT_AT_ONCE_BYTES:
            return response
        try:
            await self._send_long(incoming, response, payload)
        except (sending.Stalled, TimeoutError, Corrupt, Gone, OSError) as error:
            if not isinstance(error, ConnectionError):
                _log.warning("answer cut off", peer=incoming.remote, problem=repr(error)[:200])
            if incoming.transport is not None:
                incoming.transport.abort()
        finally:
            if isinstance(payload, sending.Stream):
                payload.close()
        return response

    async def _send_long(
        self,
        incoming: web.BaseRequest,
        response: web.StreamResponse,
        payload: "bytes | sending.Stream | Made",
    ) -> None:
        """Send an answer that the buffers below us do not hold."""
        async with asyncio.timeout(sending.STALLED_S):
            await response.prepare(incoming)
        if isinstance(payload, sending.Stream):
            await self._send_stored(incoming, payload)
        elif isinstance(payload, Made):
            async for piece in payload.pieces:
                async with asyncio.timeout(sending.STALLED_S):
                    await response.write(piece)
        async with asyncio.timeout(sending.STALLED_S):
            await response.write_eof()

    async def _send_stored(self, incoming: web.BaseRequest, stream: sending.Stream) -> None:
        transport = incoming.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client is gone")
        async with asyncio.timeout(sending.STALLED_S):
            # The head leaves before the kernel sends what follows it.
            transport.set_write_buffer_limits(high=0)
            await incoming.writer.drain()
        # A descriptor of our own, which stays what it is if the connection ends meanwhile.
        copy = os.dup(transport.get_extra_info("socket").fileno())
        with socket.socket(fileno=copy) as out:
            out.setblocking(False)
            await stream.send(out, self._threads)
        transport.set_write_buffer_limits()
