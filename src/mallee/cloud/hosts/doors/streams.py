"""S3 for guests: connections that their hosts bring, to the process of S3, byte for byte.

What guests ask of S3 is of any size, so it comes as a stream: the host opens a WebSocket under its
certificate and says which guest speaks; that the host carries that instance is checked when the
stream begins. Then bytes go to and fro until either side ends, or the host is retired. S3's process
is told whose connection it is at its door (`cloud.handover`), so nothing in the bytes can say so.
Memory is bounded by the buffers of the sockets: a side that does not read stops the other.
Called by `door`. Not its business: what the bytes mean.
"""

import asyncio
import contextlib
import socket
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import WSMsgType, web

from mallee.cloud import handover, http
from mallee.cloud.hosts import refusals
from mallee.cloud.hosts.doors import guests
from mallee.cloud.state import store
from mallee.model.compute.guestrequests import STREAM_BYTES_MAX, STREAMS_PER_HOST, Whence

READ_BYTES = 128 << 10


@dataclass(slots=True)
class Streams:
    """Brings hosts' streams to S3."""

    view: store.View
    doors: tuple[Path, ...] = ()
    """Those of S3; none while the cloud is starting."""
    _open: Counter[str] = field(default_factory=Counter[str])
    """How many, by host."""
    _turn: int = 0

    async def carry(
        self, request: web.Request, host_id: str, whence: Whence
    ) -> web.WebSocketResponse:
        """Serve a stream until it ends; raise `Refused` when the host has no such guest."""
        guest = guests.known(self.view, host_id, whence)
        if self._open[host_id] >= STREAMS_PER_HOST:
            raise refusals.Refused(503, "S3 takes no more connections of this host's guests now")
        self._open[host_id] += 1
        try:
            return await self.pass_on(request, http.Sender(guest.instance_id, guest))
        finally:
            self._open[host_id] -= 1
            if not self._open[host_id]:
                del self._open[host_id]

    async def pass_on(self, request: web.Request, sender: http.Sender) -> web.WebSocketResponse:
        """Serve a stream that has a sender, until it ends; raise `Refused` when S3 is away."""
        ours = await self._connect(sender)
        reader, writer = await asyncio.open_connection(sock=ours, limit=READ_BYTES)
        try:
            stream = web.WebSocketResponse(max_msg_size=STREAM_BYTES_MAX, compress=False)
            await stream.prepare(request)
            await _exchange(stream, reader, writer)
        finally:
            writer.transport.abort()
        return stream

    async def _connect(self, sender: http.Sender) -> socket.socket:
        """Return our end of a connection to S3, which knows it as the sender's."""
        if not self.doors:
            raise refusals.Refused(503, "S3 is not there yet")
        self._turn = (self._turn + 1) % len(self.doors)
        doors = (*self.doors[self._turn :], *self.doors[: self._turn])
        ours, its = socket.socketpair()
        ours.setblocking(False)
        with its:
            if not await handover.bring(doors, its, sender):
                ours.close()
                raise refusals.Refused(503, "S3 cannot be reached at the moment")
        return ours


async def _exchange(
    stream: web.WebSocketResponse, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Pass bytes both ways until S3 says no more, or the guest is gone."""
    inward = asyncio.ensure_future(_bring_in(stream, writer))
    try:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(READ_BYTES):
                await stream.send_bytes(data)
            await stream.close()
    finally:
        inward.cancel()
        await asyncio.gather(inward, return_exceptions=True)


async def _bring_in(stream: web.WebSocketResponse, writer: asyncio.StreamWriter) -> None:
    try:
        async for message in stream:
            if message.type is WSMsgType.BINARY:
                writer.write(message.data)
                await writer.drain()
            elif message.type is WSMsgType.TEXT:
                # The guest says no more, and still listens.
                writer.write_eof()
            else:
                break
        else:
            # The host has hung up: whatever S3 is still about ends.
            writer.transport.abort()
    except OSError:
        writer.transport.abort()
