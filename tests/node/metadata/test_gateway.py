"""The way to the API: what a guest sends arrives unchanged, under the name that its tap tells."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest

from mallee.model.compute.guestrequests import GuestRequest, GuestResponse, Whence
from mallee.node import cloud
from mallee.node.metadata import gateway

INSTANCE = "i-00000000000000001"


@dataclass
class FakeDoor:
    """A cloud that answers with what it was asked."""

    seen: list[GuestRequest] = field(default_factory=list[GuestRequest])
    is_away: bool = False
    holds: asyncio.Event | None = None

    async def open_stream(self, whence: Whence) -> aiohttp.ClientWebSocketResponse:
        raise cloud.CloudAway(f"no S3 for {whence.name}")

    async def bring(self, request: GuestRequest) -> GuestResponse:
        self.seen.append(request)
        if self.holds is not None:
            await self.holds.wait()
        if self.is_away:
            raise cloud.CloudAway("nobody there")
        return GuestResponse(
            status=200, content_type="text/xml", headers={"x-amzn-RequestId": "1"}, body=b"<a/>"
        )


@asynccontextmanager
async def guest(
    door: FakeDoor,
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A guest's connection to a gateway."""
    passing = gateway.Gateway(door)
    turns = asyncio.Semaphore(gateway.IN_FLIGHT_PER_GUEST)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = gateway.Caller(Whence(instance_id=INSTANCE), turns)
        try:
            async with asyncio.timeout(None) as patience:
                while await passing.pass_on(caller, reader, writer, patience):
                    pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0, limit=gateway.HEAD_BYTES_MAX)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        server.close()
        await server.wait_closed()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lines = dict(line.split(": ", 1) for line in head.strip().split("\r\n")[1:])
    body = await reader.readexactly(int(lines["Content-Length"]))
    return int(head.split()[1]), body


async def test_what_a_guest_sends_arrives_unchanged() -> None:
    door = FakeDoor()
    async with guest(door) as (reader, writer):
        for _ in range(2):
            writer.write(
                b"POST /services/compute?X-Amz-Date=1%2F2 HTTP/1.1\r\n"
                b"Host: 169.254.169.254:8773\r\n"
                b"Authorization: AWS4 x\r\nX-Amz-Meta:  a\r\nx-amz-meta: b\r\n"
                b"Connection: keep-alive\r\nContent-Length: 3\r\n\r\na=b"
            )
            assert await answer(reader) == (200, b"<a/>")
    assert door.seen[1] == GuestRequest(
        whence=Whence(instance_id=INSTANCE),
        method="POST",
        path="/services/compute",
        query="X-Amz-Date=1%2F2",
        headers={
            "host": "169.254.169.254:8773",
            "authorization": "AWS4 x",
            "x-amz-meta": "a,b",
            "content-length": "3",
        },
        body=b"a=b",
    )


async def test_a_client_that_waits_for_leave_gets_it() -> None:
    async with guest(FakeDoor()) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"a=b")
        assert await answer(reader) == (200, b"<a/>")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 999999\r\n\r\n", 413),
        (b"GET /" + b"a" * (65 << 10) + b" HTTP/1.1\r\n\r\n", 400),
    ],
)
async def test_what_is_not_plainly_http_goes_nowhere(sent: bytes, status: int) -> None:
    door = FakeDoor()
    async with guest(door) as (reader, writer):
        writer.write(sent)
        assert (await answer(reader))[0] == status
        assert await reader.read() == b""
    assert door.seen == []


async def test_an_absent_cloud_is_said_so() -> None:
    async with guest(FakeDoor(is_away=True)) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert (await answer(reader))[0] == 503


async def test_what_is_for_s3_is_never_read_whole() -> None:
    door = FakeDoor()
    async with guest(door) as (reader, writer):
        writer.write(b"PUT /bucket/key HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n")
        status, body = await answer(reader)
        assert (status, b"<Code>ServiceUnavailable</Code>" in body) == (503, True)
    assert door.seen == []


async def test_a_guest_has_no_more_under_way_than_its_share() -> None:
    door = FakeDoor(holds=asyncio.Event())
    assert door.holds is not None
    passing = gateway.Gateway(door)
    turns = asyncio.Semaphore(gateway.IN_FLIGHT_PER_GUEST)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = gateway.Caller(Whence(instance_id=INSTANCE), turns)
        await passing.pass_on(caller, reader, writer, asyncio.timeout(None))
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    asking = [await asyncio.open_connection("127.0.0.1", port) for _ in range(8)]
    for _, writer in asking:
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
    async with asyncio.timeout(60):
        while len(door.seen) < gateway.IN_FLIGHT_PER_GUEST:
            await asyncio.sleep(0.001)
    # Whoever came through has had every chance to.
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(door.seen) == gateway.IN_FLIGHT_PER_GUEST
    door.holds.set()
    for reader, writer in asking:
        assert (await answer(reader))[0] == 200
        writer.close()
    server.close()
    await server.wait_closed()
