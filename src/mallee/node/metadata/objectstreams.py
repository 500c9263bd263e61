"""The way of guests to S3: a connection of the guest's, byte for byte, to the process of S3.

Objects are of any size, so what is for S3 is not read whole (`gateway`): the first head tells that
it is S3's, and from then on the connection is S3's until it ends. It goes over the host's own
connection to the cloud, beside the name of the instance that the tap told. S3 has the patience and
the bounds; here nothing is kept but what one read brings. Called by `gateway`.
"""

import asyncio
from http import HTTPStatus
from typing import Protocol

import aiohttp

from mallee.kit import bytestreams, logs
from mallee.model.compute.guestrequests import STREAMS_PER_HOST, Whence
from mallee.node import cloud

STREAMS_PER_GUEST = 24
"""Connections of one guest to S3 at once; further ones are told to wait."""

_BUSY = "<Error><Code>{code}</Code><Message>{message}</Message></Error>"

log = logs.get(__name__)


class Door(Protocol):
    """Where streams are brought: the cloud."""

    async def open_stream(self, whence: Whence) -> aiohttp.ClientWebSocketResponse:
        """Return a stream to S3; raises `CloudAway` and `Refused`."""
        ...


class Streams:
    """The streams of this host's guests; lives in the agent's loop."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._by_guest: dict[str, int] = {}

    async def carry(
        self,
        whence: Whence,
        first: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Let a guest talk with S3, beginning with these bytes, until either ends it."""
        count = self._by_guest.get(whence.name, 0)
        if count >= STREAMS_PER_GUEST or sum(self._by_guest.values()) >= STREAMS_PER_HOST:
            await _refuse(writer, "SlowDown", "Please reduce your request rate.")
            return
        self._by_guest[whence.name] = count + 1
        try:
            stream = await self._door.open_stream(whence)
            async with stream:
                await bytestreams.exchange(stream, first, (reader, writer))
        except (cloud.CloudAway, cloud.Refused) as error:
            log.warning("stream not brought", guest=whence.name, error=str(error))
            await _refuse(writer, "ServiceUnavailable", "S3 cannot be reached at the moment.")
        finally:
            self._by_guest[whence.name] -= 1
            if not self._by_guest[whence.name]:
                del self._by_guest[whence.name]


async def _refuse(writer: asyncio.StreamWriter, code: str, message: str) -> None:
    status = HTTPStatus.SERVICE_UNAVAILABLE
    body = _BUSY.format(code=code, message=message).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/xml\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
