"""Connections change hands between requests, whole, and no client is left without an answer."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from mallee.cloud import handover, http
from mallee.cloud.connections import Connections
from mallee.cloud.handover import Door, Neighbour

UNAVAILABLE = b"HTTP/1.1 503 Away\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def is_right(head: bytes) -> bool:
    return b" /right" in head


def is_left(head: bytes) -> bool:
    return not is_right(head)


class Side:
    """A process, as far as it serves connections: it answers with its name and the body."""

    def __init__(self, name: str, root: Path, neighbour: Neighbour | None) -> None:
        self.name = name
        self.connections = Connections(self._handle, neighbour, access_log=None)
        self.runner = web.ServerRunner(self.connections)
        self.door = Door(root / f"{name}.door", self.connections)
        self.port = 0

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        return web.Response(body=f"{self.name} {request.remote} ".encode() + await request.read())

    async def __aenter__(self) -> "Side":
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.port = self.runner.addresses[0][1]
        self.door.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.door.close()
        await self.runner.cleanup()


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, path: str, body: bytes = b"") -> str:
        head = f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        return await self.answer()

    async def answer(self) -> str:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r")[0])
        body = await self.reader.readexactly(length)
        return body.decode() if body else head.partition("\r")[0]


@asynccontextmanager
async def pair(root: Path) -> AsyncGenerator[tuple[Side, Side]]:
    left = Side("left", root, Neighbour((root / "right.door",), is_right, UNAVAILABLE))
    right = Side("right", root, Neighbour((root / "left.door",), is_left, UNAVAILABLE))
    async with left, right:
        yield left, right


@asynccontextmanager
async def client(side: Side) -> AsyncGenerator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", side.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()


def test_connection_goes_where_each_of_its_requests_belongs(root_dir: Path) -> None:
    async def check() -> None:
        async with pair(root_dir) as (left, _), client(left) as one:
            for path in ("/left", "/right", "/right", "/left", "/right", "/left", "/left"):
                assert await one.ask(path, b"body") == f"{path[1:]} 127.0.0.1 body"

    asyncio.run(check())


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
def test_no_byte_of_a_body_is_lost_on_the_way(root_dir: Path, size: int) -> None:
    async def check() -> None:
        async with pair(root_dir) as (left, _), client(left) as one:
            body = os.urandom(size // 2).hex().encode()
            answer = await one.ask("/right", body[: 1 << 20])
            assert answer == f"right 127.0.0.1 {body[: 1 << 20].decode()}"

    asyncio.run(check())


def test_head_in_pieces_is_waited_for(root_dir: Path) -> None:
    async def check() -> None:
        async with pair(root_dir) as (left, _), client(left) as one:
            assert await one.ask("/left") == "left 127.0.0.1 "
            for byte in b"POST /right HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok":
                one.writer.write(bytes((byte,)))
                await one.writer.drain()
                await asyncio.sleep(0)
            assert await one.answer() == "right 127.0.0.1 ok"

    asyncio.run(check())


def test_client_is_told_when_nobody_is_next_door(root_dir: Path) -> None:
    async def check() -> None:
        async with pair(root_dir) as (left, right):
            await right.door.close()
            async with client(left) as one:
                assert await one.ask("/left") == "left 127.0.0.1 "
                assert await one.ask("/right") == "http/1.1 503 away"
            async with client(left) as one:
                assert await one.ask("/left") == "left 127.0.0.1 "
            right.door = Door(root_dir / "right.door", right.connections)
            right.door.open()
            async with client(left) as one:
                assert await one.ask("/right") == "right 127.0.0.1 "

    asyncio.run(check())


def test_many_connections_change_hands_at_once(root_dir: Path) -> None:
    async def one_client(side: Side, path: str) -> None:
        async with client(side) as one:
            for _ in range(3):
                assert await one.ask(path) == f"{path[1:]} 127.0.0.1 "

    async def check() -> None:
        async with pair(root_dir) as (left, right):
            paths = ("/left", "/right")
            await asyncio.gather(
                *(one_client((left, right)[n % 3 % 2], paths[n % 2]) for n in range(200))
            )

    asyncio.run(check())


def _no_connection(door: socket.socket) -> None:
    door.send(b"hello")


def _nothing(door: socket.socket) -> None:
    pass


@pytest.mark.parametrize("bring", [_nothing, _no_connection])
def test_whoever_brings_nothing_to_the_door_disturbs_nobody(
    root_dir: Path, bring: Callable[[socket.socket], None]
) -> None:
    async def check() -> None:
        async with pair(root_dir) as (left, _):
            with socket.socket(socket.AF_UNIX) as door:
                door.connect(str(root_dir / "right.door"))
                bring(door)
            async with client(left) as one:
                assert await one.ask("/right") == "right 127.0.0.1 "

    asyncio.run(check())


def test_descriptors_are_not_leaked(root_dir: Path) -> None:
    async def check() -> None:
        async with pair(root_dir) as (left, right):
            async with client(left) as one:
                await one.ask("/right")
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(20):
                async with client(left) as one:
                    await one.ask("/right")
                    await one.ask("/left")
            while left.connections.connections or right.connections.connections:
                await asyncio.sleep(0)
            assert len(os.listdir("/proc/self/fd")) <= before

    asyncio.run(check())


def test_door_is_closed_to_others(root_dir: Path) -> None:
    async def check() -> None:
        async with pair(root_dir):
            assert (root_dir / "right.door").stat().st_mode & 0o777 == 0o600

    asyncio.run(check())


async def test_door_is_there_once_somebody_is_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, was_there = tmp_path / "a.door", list[bool]()
    listen = socket.socket.listen

    def look(listener: socket.socket, backlog: int) -> None:
        was_there.append(path.exists())
        listen(listener, backlog)

    monkeypatch.setattr(socket.socket, "listen", look)
    door = Door(path, Listening())
    door.open()
    assert was_there == [False]
    assert [file.name for file in tmp_path.iterdir()] == ["a.door"]
    assert handover.is_open((path,))
    await door.close()
    assert list(tmp_path.iterdir()) == []


GUEST = http.Sender(
    "i-1", http.Guest(instance_id="i-1", account="1", vpc_id="vpc-1", private_ip="10.0.0.4")
)


class Listening:
    """What takes connections, and notes whose they are."""

    def __init__(self) -> None:
        self.taken: asyncio.Queue[tuple[bytes, http.Sender | None]] = asyncio.Queue()

    async def take(
        self, connection: socket.socket, given: bytes, sender: http.Sender | None
    ) -> None:
        self.taken.put_nowait((given, sender))
        connection.close()


async def test_a_guests_connection_comes_with_its_name(tmp_path: Path) -> None:
    listening = Listening()
    door = Door(tmp_path / "a.door", listening)
    door.open()
    ours, its = socket.socketpair()
    with ours, its:
        nobody = tmp_path / "nobody.door"
        assert not await handover.bring((nobody,), its, GUEST)
        assert await handover.bring((nobody, tmp_path / "a.door"), its, GUEST)
        async with asyncio.timeout(60):
            assert await listening.taken.get() == (b"", GUEST)
    await door.close()


async def test_a_name_that_cannot_be_read_is_nobodys(tmp_path: Path) -> None:
    listening = Listening()
    door = Door(tmp_path / "a.door", listening)
    door.open()
    loop = asyncio.get_running_loop()
    ends = b"GET / HTTP/1.1\r\n\r\n"
    names = (b"", b"\0\0\0\2{}", b"\xff\xff\xff\xff{}", b"\0\0\0\0GET / HTTP/1.1")
    for frame in (ends, *(b"\0" + name for name in names)):
        ours, its = socket.socketpair()
        with ours, its, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
            ours.setblocking(False)
            caller.connect(str(tmp_path / "a.door"))
            socket.send_fds(caller, [frame], [its.fileno()])
            caller.close()
            its.close()
            async with asyncio.timeout(60):
                assert await loop.sock_recv(ours, 100) == b""
    assert listening.taken.empty()
    await door.close()


async def test_the_clouds_own_door_takes_no_guest(tmp_path: Path) -> None:
    async with pair(tmp_path) as (left, _):
        ours, its = socket.socketpair()
        with ours:
            ours.setblocking(False)
            with its:
                assert await handover.bring((tmp_path / f"{left.name}.door",), its, GUEST)
            async with asyncio.timeout(60):
                loop = asyncio.get_running_loop()
                assert await loop.sock_recv(ours, 100) == b""
