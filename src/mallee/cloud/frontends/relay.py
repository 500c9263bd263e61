"""S3 at a front end that does not have the objects: its connections go to the one that has them.

The objects, and the index that says which there are, lie on one front end's machine (or, their
bytes, in a bucket of another S3, and the index there), or in a directory that front ends share and
one leads. Every other front end takes S3's requests at its own address, and brings the connection,
byte for byte, over mutual TLS, with its client's name before it. What its hosts have brought for
S3, lines of flow logs, it brings as well. When another begins to lead, connections to the former
one are broken off: it may never answer.
Invariants: (1) a connection that could not be brought is answered 503, and nothing of its request
was done; (2) lines leave this machine when the other has them on its disk.
Runs in the process of S3, in the place of the engine. Not its business: what the bytes mean.
"""

import asyncio
import contextlib
import socket
from pathlib import Path
from urllib.parse import quote, urlencode

import aiohttp
import msgspec

from mallee.cloud import handover, http
from mallee.cloud.frontends import fellows
from mallee.cloud.frontends.fellows import Fellows
from mallee.kit import bytestreams, logs
from mallee.kit import clock as clocks
from mallee.model.compute.guestrequests import STREAM_BYTES_MAX
from mallee.model.hosts.frontends import FrontEnd
from mallee.model.hosts.hosts import CLOUD_NAME

CONNECT_S = 5.0
PATIENCE_S = 20.0
"""How long a client waits for S3 to come back: a lease that runs out, and a start of it."""
AGAIN_S = 0.25
CONNECTIONS_MAX = 2000
LOOK_EVERY_S = 2.0
FLOW_BYTES_MAX = 64 << 20

_log = logs.get(__name__)


class _NotTaken(Exception):
    """Nobody took the connection; the message says why."""


class Relay:
    """Brings connections to the front end that serves S3. Belongs to one event loop."""

    def __init__(self, others: Fellows, clock: clocks.Clock = clocks.SYSTEM) -> None:
        self._others = others
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._brought: dict[asyncio.Task[None], str] = {}
        """To which front end those go that are on their way."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True)
        )

    async def close(self) -> None:
        """End all connections."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    async def take(
        self, connection: socket.socket, given: bytes, sender: http.Sender | None
    ) -> None:
        """Bring a connection, and first of all these bytes of it."""
        connection.setblocking(False)
        if len(self._tasks) >= CONNECTIONS_MAX:
            with contextlib.suppress(OSError):
                connection.send(handover.AWAY)
            connection.close()
            return
        named = sender or http.Sender(_peer(connection))
        task = asyncio.ensure_future(self._carry(connection, given, named))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def leave_former(self) -> None:
        """Break off what goes to a front end that serves S3 no more."""
        leader = self._others.leader()
        for task, id in tuple(self._brought.items()):
            if leader is not None and id != leader.id:
                task.cancel()

    async def keep_leaving_former(self) -> None:
        """Look after that, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.leave_former()

    async def _carry(self, connection: socket.socket, given: bytes, sender: http.Sender) -> None:
        reader, writer = await asyncio.open_connection(
            sock=connection, limit=bytestreams.READ_BYTES
        )
        try:
            stream, whom = await self._connect(sender)
            self._note(whom)
            async with stream:
                await bytestreams.exchange(stream, given, (reader, writer))
        except _NotTaken as error:
            _log.warning("connection not brought to S3", why=str(error))
            await _refuse(writer)
        except (OSError, TimeoutError, aiohttp.ClientError) as error:
            _log.info("connection to S3 broken", why=repr(error)[:200])
        finally:
            writer.transport.abort()

    def _note(self, whom: str) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._brought[task] = whom
        task.add_done_callback(lambda ended: self._brought.pop(ended, None))

    async def _connect(self, sender: http.Sender) -> tuple[aiohttp.ClientWebSocketResponse, str]:
        """Return a stream to S3 as soon as it takes one, and whose it is. Raises `_NotTaken`."""
        give_up_at = self._clock.monotonic() + PATIENCE_S
        while True:
            try:
                return await self._try(sender)
            except _NotTaken:
                if self._clock.monotonic() >= give_up_at:
                    raise
                await asyncio.sleep(AGAIN_S)

    async def _try(self, sender: http.Sender) -> tuple[aiohttp.ClientWebSocketResponse, str]:
        # This one too: it may lead, and have begun to while this connection waited.
        whom = self._others.leader()
        if whom is None or not whom.agents_url:
            raise _NotTaken("no front end serves S3 that others can reach")
        told = urlencode({"sender": msgspec.json.encode(sender).decode()})
        try:
            async with asyncio.timeout(CONNECT_S):
                stream = await self._session.ws_connect(
                    f"{whom.agents_url}/v1/frontends/objects?{told}",
                    ssl=self._others.tls(),
                    server_hostname=CLOUD_NAME,
                    max_msg_size=STREAM_BYTES_MAX,
                    compress=0,
                )
                return stream, whom.id
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _NotTaken(f"{whom.name}: {error!r}") from error


async def keep_bringing_flows(others: Fellows, inbox: Path) -> None:
    """Bring lines of flow logs to where they become objects, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        whom = others.server()
        if whom is None:
            continue
        try:
            await asyncio.to_thread(bring_flows, others, whom, inbox)
        except (OSError, fellows.Away) as error:
            _log.warning("flow logs wait", why=str(error))


def bring_flows(others: Fellows, whom: FrontEnd, inbox: Path) -> None:
    """Bring every file that waits; blocks. One that is refused stays for whoever looks."""
    if not inbox.is_dir():
        return
    for path in sorted(inbox.iterdir()):
        if "~" not in path.name or path.stat().st_size > FLOW_BYTES_MAX:
            continue
        try:
            others.ask(whom, f"/v1/frontends/flows/{quote(path.name)}", path.read_bytes())
        except fellows.Refused as error:
            _log.warning("lines of a flow log are not taken", file=path.name, why=str(error))
            continue
        path.unlink(missing_ok=True)


async def _refuse(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, TimeoutError):
        writer.write(handover.AWAY)
        async with asyncio.timeout(CONNECT_S):
            await writer.drain()
            writer.close()
            await writer.wait_closed()


def _peer(connection: socket.socket) -> str:
    if connection.family == socket.AF_UNIX:
        return ""
    try:
        return connection.getpeername()[0]
    except OSError:
        return ""
