"""Answers as they are sent, whatever they say."""

import asyncio
import socket
from concurrent import futures
from pathlib import Path

import pytest

from mallee.cloud import handover, http
from mallee.cloud.s3.serving.board import Board
from mallee.cloud.s3.serving.bodies import Source
from mallee.cloud.s3.serving.server import Outgoing, Server
from mallee.cloud.s3.serving.ways import Ways


async def answered(outgoing: Outgoing, root: Path) -> bytes:
    """Return all that a client gets of an answer."""

    async def answer(_request: http.Request, _source: Source) -> Outgoing:
        return outgoing

    neighbour = handover.Neighbour((root / "nobody",), lambda _: False, b"")
    ways = Ways(neighbour, Board(1), 0, [root / "nobody"])
    with futures.ThreadPoolExecutor(1) as threads:
        server = Server(answer, lambda: outgoing, threads, ways)
        ours, its = socket.socketpair()
        await server.take(its, b"")
        reader, writer = await asyncio.open_connection(sock=ours)
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(30):
            data = await reader.read()
        writer.close()
        await server.close()
    return data


@pytest.mark.parametrize(
    "headers", [{"a": "1\r\nSet-Cookie: b"}, {"a\nb": "1"}, {"a": "\r1"}, {"a: 1\r\n\r\nb": ""}]
)
async def test_no_header_ends_its_line_and_nobody_waits(
    headers: dict[str, str], tmp_path: Path
) -> None:
    data = await answered(Outgoing(status=200, headers=headers, payload=b"x", size=1), tmp_path)
    assert data.startswith(b"HTTP/1.1 500 ")
    assert b"Set-Cookie" not in data
    assert data.endswith(b"</Error>")


async def test_an_answer_is_sent_as_it_is(tmp_path: Path) -> None:
    data = await answered(Outgoing(status=200, headers={"a": "1"}, payload=b"x", size=1), tmp_path)
    assert data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert data.endswith(b"\r\n\r\nx")
