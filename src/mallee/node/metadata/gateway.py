"""The way of guests to the cloud's API: each request is read whole, and brought to the cloud.

A guest never speaks to the cloud's own sockets: what it sends is read here under limits, taken
apart, and brought as a value over the host's own connection, with the instance that the tap says.
So there is nothing that a guest could say about itself, or smuggle past. What it asks is not looked
at, but for whether it is S3's: that goes on as a stream (`objectstreams`). The cloud checks the
signature over what is passed on unchanged. Called by `service`, one task per connection.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from mallee.aws import dispatch
from mallee.kit import logs
from mallee.model.compute.guestrequests import GuestRequest, GuestResponse, Whence
from mallee.node import cloud
from mallee.node.metadata import objectstreams, wire

HEAD_BYTES_MAX = 64 << 10
"""Signed URLs with many parameters are long."""
BODY_BYTES_MAX = 256 << 10
"""More than the longest policy, encoded."""
PATIENCE_S = 60.0
"""The longest that a request may take, from its first byte to the last of its answer."""
IN_FLIGHT_PER_GUEST = 4
"""Requests of one guest that are read and answered at once; further ones wait their turn."""
IN_FLIGHT = 32
"""Requests that this host brings to the cloud at once, which takes twice as many."""

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "upgrade", "te"})

log = logs.get(__name__)


class Door(objectstreams.Door, Protocol):
    """Where requests are brought: the cloud."""

    async def bring(self, request: GuestRequest) -> GuestResponse:
        """Return the API's answer; raises `CloudAway` and `Refused`."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """A guest, as its tap or the endpoint that it came to tells."""

    whence: Whence
    turns: asyncio.Semaphore
    """What is free of its `IN_FLIGHT_PER_GUEST`."""


class Gateway:
    """Passes requests on; lives in the agent's loop."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._streams = objectstreams.Streams(door)
        self._slots = asyncio.Semaphore(IN_FLIGHT)

    async def pass_on(
        self,
        caller: Caller,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        patience: asyncio.Timeout,
    ) -> bool:
        """Read a request and answer it, for as long as `patience`; tell whether another may follow.

        Raises `ConnectionError`, `IncompleteReadError` when the guest is gone.
        """
        try:
            raw = await reader.readuntil(b"\r\n\r\n")
            if dispatch.is_for_objects(raw):
                patience.reschedule(None)
                await self._streams.carry(caller.whence, raw, reader, writer)
                return False
            head = wire.split_head(raw, BODY_BYTES_MAX)
        except wire.TooLong:
            return await _refuse(writer, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        except (wire.Malformed, asyncio.LimitOverrunError):
            return await _refuse(writer, HTTPStatus.BAD_REQUEST)
        async with caller.turns:
            if head.headers.get("expect", "").lower() == "100-continue":
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = await reader.readexactly(head.body_bytes)
            answer = await self._ask(caller.whence, head, body)
            writer.write(_encode(answer, head))
            await writer.drain()
        return head.keeps_alive

    async def _ask(self, whence: Whence, head: wire.Head, body: bytes) -> GuestResponse:
        path, _, query = head.target.partition("?")
        request = GuestRequest(
            whence=whence,
            method=head.method,
            path=path,
            query=query,
            headers=_passed(head.headers),
            body=body,
        )
        try:
            async with self._slots:
                return await self._door.bring(request)
        except (cloud.CloudAway, cloud.Refused) as error:
            log.warning("request not passed on", guest=whence.name, error=str(error))
            return GuestResponse(
                status=HTTPStatus.SERVICE_UNAVAILABLE,
                content_type="text/plain",
                headers={},
                body=b"The cloud's API cannot be reached at the moment.\n",
            )


def _passed(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers without those that are about this connection alone."""
    return {name: value for name, value in headers.items() if name not in _HOP_BY_HOP}


def _encode(answer: GuestResponse, head: wire.Head) -> bytes:
    status = HTTPStatus(answer.status)
    passed = wire.Answer(status, answer.body, answer.content_type, answer.headers)
    return wire.encode(passed, head.method, keeps_alive=head.keeps_alive)


async def _refuse(writer: asyncio.StreamWriter, status: HTTPStatus) -> bool:
    writer.write(wire.encode(wire.error(status), "GET", keeps_alive=False))
    await writer.drain()
    return False
