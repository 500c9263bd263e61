"""A connection's bytes, brought both ways over a WebSocket: frames of bytes, and an empty text.

The empty text says that the sender says no more, and still listens. Memory is bounded by the
buffers of the sockets: a side that does not read stops the other.
Called by hosts, for their guests, and by front ends, for their clients. Not its business: who the
other side is, and what the bytes mean.
"""

import asyncio
import contextlib

import aiohttp

READ_BYTES = 128 << 10
STALLED_S = 90.0
"""How long a client may take nothing of what comes for it; who serves it is less patient."""

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def exchange(stream: aiohttp.ClientWebSocketResponse, first: bytes, client: Client) -> None:
    """Pass bytes both ways, first of all these of the client's, until either side ends it.

    What came for the client has left when this returns.
    """
    reader, writer = client
    outward = asyncio.ensure_future(_bring_out(stream, first, reader))
    try:
        async for message in stream:
            if message.type is not aiohttp.WSMsgType.BINARY:
                break
            writer.write(message.data)
            async with asyncio.timeout(STALLED_S):
                await writer.drain()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(STALLED_S):
                writer.close()
                await writer.wait_closed()
    finally:
        outward.cancel()
        await asyncio.gather(outward, return_exceptions=True)


async def _bring_out(
    stream: aiohttp.ClientWebSocketResponse, first: bytes, reader: asyncio.StreamReader
) -> None:
    """Bring what the client says; one that is gone ends the stream, one that is silent not."""
    try:
        data = first
        while data:
            for start in range(0, len(data), READ_BYTES):
                await stream.send_bytes(data[start : start + READ_BYTES])
            data = await reader.read(READ_BYTES)
        await stream.send_str("")
    except OSError:
        with contextlib.suppress(OSError):
            await stream.close()
