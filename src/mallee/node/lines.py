"""A line from the cloud to a guest's serial console or screen: bytes to and fro until an end.

The cloud asks for it by a question; this end opens the WebSocket, for nobody connects to a host.
QEMU serves one at its socket at a time: further ones wait there for the first to end, and a line
that says nothing is no fault. Called by `questions`. Not its business: who may (the cloud's), and
the console's log, which QEMU writes besides.
"""

import asyncio
import contextlib
import socket
from pathlib import Path

import aiohttp

from mallee.kit import logs
from mallee.node import cloud
from mallee.node.do.network import namespaces

CONNECT_S = 5.0
READ_BYTES = 16 << 10

log = logs.get(__name__)


async def connect(path: Path) -> socket.socket:
    """Return a connection to the serial console at a socket; raises `OSError`."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    with contextlib.ExitStack() as undo:
        undo.callback(connection.close)
        async with asyncio.timeout(CONNECT_S):
            await asyncio.get_running_loop().sock_connect(connection, str(path))
        undo.pop_all()
    return connection


async def connect_from(namespace: str, address: tuple[str, int]) -> socket.socket:
    """Return a TCP connection that begins in a network namespace; raises `OSError`."""
    connection = await asyncio.to_thread(namespaces.run_inside, namespace, _tcp)
    with contextlib.ExitStack() as undo:
        undo.callback(connection.close)
        async with asyncio.timeout(CONNECT_S):
            await asyncio.get_running_loop().sock_connect(connection, address)
        undo.pop_all()
    return connection


def _tcp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)


async def carry(door: cloud.Cloud, ask_id: str, guest: socket.socket) -> None:
    """Carry a line to what a connection leads to until it ends; raises `CloudAway`, `Refused`."""
    guest.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=guest, limit=READ_BYTES)
    try:
        async with await door.open_line(ask_id) as line:
            await _exchange(line, reader, writer)
    finally:
        writer.transport.abort()


async def _exchange(
    line: aiohttp.ClientWebSocketResponse,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    outward = asyncio.ensure_future(_bring_out(line, reader))
    try:
        with contextlib.suppress(OSError):
            async for message in line:
                if message.type is not aiohttp.WSMsgType.BINARY:
                    break
                writer.write(message.data)
                await writer.drain()
    finally:
        outward.cancel()
        await asyncio.gather(outward, return_exceptions=True)


async def _bring_out(line: aiohttp.ClientWebSocketResponse, reader: asyncio.StreamReader) -> None:
    """Bring what the guest says; when it is off, the line ends."""
    with contextlib.suppress(OSError):
        while data := await reader.read(READ_BYTES):
            await line.send_bytes(data)
    await line.close()
