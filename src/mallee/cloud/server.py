"""The public socket: bytes in, bytes out, within bounds. Like `connections`, it knows aiohttp.

Reads a request under limits (size, time, number at once, bytes held at once), hands it to
`answer` as an `http.Request`, and sends the `http.Response` that comes back. What is too large is
refused by its length, before a byte of it is read. Called by `daemon`. Not its business: what a
request means.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import http_exceptions, web

from mallee.aws import errors
from mallee.cloud import connections, handover, http
from mallee.cloud.hosts.doors import lines
from mallee.kit import logs, openfiles

MAX_BODY_BYTES = 1 << 20
MAX_BODIES_BYTES = 128 << 20
"""Bytes of bodies that may be held at once by all requests together."""
MAX_LINE_BYTES = 64 << 10
"""The request line: signed URLs and queries with many parameters are long."""
MAX_FIELD_BYTES = 8 << 10
MAX_HEADERS = 48
"""Nobody knows who sends a head before it is there whole: what all its headers may take of memory
is these two multiplied, for each connection."""
MAX_IN_FLIGHT = 4096
"""Requests between their first byte and their answer; beyond it clients are told to slow down."""
BODY_TIMEOUT_S = 20.0
SEND_TIMEOUT_S = 60.0
SENT_AT_ONCE_BYTES = 32 << 10
"""What fits into the buffers below us is sent without waiting for the client."""
IDLE_TIMEOUT_S = 60.0
"""How long a connection may keep the server waiting for a whole head of a request."""
LINGER_S = 2.0
"""How long unread bytes of a refused request are thrown away, so that its client, still sending,
gets to read the refusal."""
BACKLOG = 4096

_log = logs.get(__name__)

Answer = Callable[[http.Request], Awaitable[http.Response]]


class CannotListen(Exception):
    """The address is not there, or taken; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Front:
    """What answers: `answer` for whole requests, `refuse` for those that were not read."""

    answer: Answer
    refuse: Callable[[http.Request, errors.AwsError], http.Response]
    consoles: lines.Lines | None = None
    """Where clients get lines to guests' consoles, if they do here."""
    tunnels: Callable[[http.Request], Awaitable[str | http.Response]] | None = None
    """Gives the ticket of a line to whoever asks for a tunnel, or refuses."""


class _Complaints(logging.Handler):
    """Brings what the library complains about into our log: strangers' garbage in one line."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is None or isinstance(error, http_exceptions.HttpProcessingError):
            _log.warning("not understood", complaint=record.getMessage(), error=repr(error)[:200])
        else:
            _log.error("server broke", complaint=record.getMessage(), exc_info=error)


def complaints() -> logging.Logger:
    """Return the logger for a server of the library."""
    logger = logging.getLogger(__name__)
    logger.propagate = False
    logger.handlers = [_Complaints()]
    return logger


def allow_connections() -> None:
    """Raise the process's limit of open files: a connection is one."""
    openfiles.raise_limit()


async def listen(
    runner: web.BaseRunner, address: tuple[str, int], tls: ssl.SSLContext | None
) -> int:
    """Listen on host and port; return the port, a free one where it is 0. Raises `CannotListen`."""
    host, port = address
    await runner.setup()
    site = web.TCPSite(runner, host, port, ssl_context=tls, backlog=BACKLOG, reuse_address=True)
    try:
        await site.start()
    except OSError as error:
        raise CannotListen(
            f"cannot listen on {host} port {port}: {error.strerror}. Stop what uses it "
            f"(`ss -lptn sport = :{port}`), or set [ports] or listen in mallee.toml."
        ) from error
    return runner.addresses[0][1]


class Server:
    """Listens, and bounds what it takes in. Holds the count of what is in flight."""

    def __init__(self, front: Front, neighbour: handover.Neighbour | None = None) -> None:
        """Answer with the front; what is the neighbour's goes to it."""
        self._front = front
        self._in_flight = 0
        self._bytes_held = 0
        # Compressed bodies stay as they are: nobody signs one way and sends another.
        self.connections = connections.Connections(
            self._handle,
            neighbour,
            access_log=None,
            logger=complaints(),
            keepalive_timeout=IDLE_TIMEOUT_S,
            lingering_time=LINGER_S,
            auto_decompress=False,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_FIELD_BYTES,
            max_headers=MAX_HEADERS,
        )
        self._runner = web.ServerRunner(self.connections, shutdown_timeout=5.0)

    async def listen(self, host: str, port: int) -> int:
        """Listen on the address; return the port. Raises `CannotListen`."""
        return await listen(self._runner, (host, port), None)

    async def close(self) -> None:
        """Stop listening, let requests in flight end, and close every connection."""
        await self._runner.cleanup()

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        self._in_flight += 1
        body = b""
        try:
            if self._front.consoles and lines.is_wanted(incoming):
                return await self._serve_line(incoming, self._front.consoles)
            body = await self._read_body(incoming)
            response = await self._front.answer(request_of(incoming, body))
            return await _send(incoming, _outgoing(response, keep_alive=True))
        except errors.AwsError as error:
            response = self._front.refuse(request_of(incoming, b""), error)
            return await _send(incoming, _outgoing(response, keep_alive=False))
        except ConnectionError:
            # Its client has gone: this is heard by nobody.
            return web.Response(status=HTTPStatus.REQUEST_TIMEOUT)
        finally:
            self._in_flight -= 1
            self._bytes_held -= len(body)

    async def _serve_line(
        self, incoming: web.BaseRequest, consoles: lines.Lines
    ) -> web.StreamResponse:
        ticket: str | http.Response = lines.ticket_of(incoming)
        if not ticket and self._front.tunnels is not None:
            ticket = await self._front.tunnels(request_of(incoming, b""))
        if isinstance(ticket, http.Response):
            return await _send(incoming, _outgoing(ticket, keep_alive=False))
        return await consoles.attach(incoming, ticket)

    async def _read_body(self, incoming: web.BaseRequest) -> bytes:
        """Return the body, counted as held; raise `AwsError` when a bound is reached."""
        announced = incoming.content_length or 0
        if announced > MAX_BODY_BYTES:
            raise errors.RequestEntityTooLarge(MAX_BODY_BYTES)
        if self._in_flight > MAX_IN_FLIGHT or self._bytes_held + announced > MAX_BODIES_BYTES:
            raise errors.RequestLimitExceeded
        if not incoming.body_exists:
            return b""
        if incoming.headers.get("Expect", "").lower() == "100-continue":
            await send_continue(incoming)
        body = bytearray()
        with contextlib.ExitStack() as undo:
            # Whatever ends it: clients go away in the midst of what they send.
            undo.callback(self._release, body)
            await self._fill(incoming, body)
            undo.pop_all()
        return bytes(body)

    def _release(self, body: bytearray) -> None:
        self._bytes_held -= len(body)

    async def _fill(self, incoming: web.BaseRequest, body: bytearray) -> None:
        if incoming.content.is_eof():
            # Small requests come in one piece: there is nothing to wait for.
            self._take(incoming.content.read_nowait(), body)
            return
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                async for chunk in incoming.content.iter_any():
                    self._take(chunk, body)
        except TimeoutError as error:
            raise errors.RequestTimeout(BODY_TIMEOUT_S) from error

    def _take(self, chunk: bytes, body: bytearray) -> None:
        body += chunk
        self._bytes_held += len(chunk)
        if len(body) > MAX_BODY_BYTES:
            raise errors.RequestEntityTooLarge(MAX_BODY_BYTES)
        if self._bytes_held > MAX_BODIES_BYTES:
            raise errors.RequestLimitExceeded


def request_of(incoming: web.BaseRequest, body: bytes) -> http.Request:
    """Return the request with its body as a value."""
    path, _, query = incoming.raw_path.partition("?")
    headers: dict[str, str] = {}
    for name, value in incoming.headers.items():
        name = name.lower()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return http.Request(
        method=incoming.method,
        path=path,
        query=query,
        headers=headers,
        body=body,
        peer=incoming.remote or "",
    )


async def send_continue(incoming: web.BaseRequest) -> None:
    """Tell a client that waits for it to send its body."""
    writer = incoming.writer
    await writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # aiohttp takes an answer that has begun for one that cannot be replaced by an error.
    writer.output_size = 0


async def _send(incoming: web.BaseRequest, outgoing: web.Response) -> web.StreamResponse:
    """Send the answer; a client that does not take a large one in time is cut off."""
    if outgoing.content_length is not None and outgoing.content_length <= SENT_AT_ONCE_BYTES:
        return outgoing
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await outgoing.prepare(incoming)
            await outgoing.write_eof()
    except TimeoutError:
        _log.warning("client cut off", peer=incoming.remote, answer_bytes=outgoing.content_length)
        if incoming.transport is not None:
            incoming.transport.abort()
    return outgoing


def _outgoing(response: http.Response, *, keep_alive: bool) -> web.Response:
    outgoing = web.Response(
        status=response.status,
        body=response.body,
        headers={"Content-Type": response.content_type, "Server": "mallee", **response.headers},
    )
    if not keep_alive:
        outgoing.force_close()
    return outgoing
