"""A terminal at one end of a console's line: what is typed goes, what is said is shown.

Called by `instances.console` with the terminal in raw mode. Not its business: how the line came to
be (`OpenConsole`).
"""

import asyncio
import os
import sys

import aiohttp

from mallee.box import steps

LEAVE = b"\x1d"
"""Ctrl-], as in telnet and virsh."""
READ_BYTES = 1024


async def relay(url: str) -> str:
    """Relay until either side ends it; return why it ended. Raises `steps.Failed`."""
    try:
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as line:
            typing = asyncio.ensure_future(_send_typed(line))
            try:
                async for message in line:
                    if message.type is not aiohttp.WSMsgType.BINARY:
                        break
                    _show(message.data)
            finally:
                typing.cancel()
                await asyncio.gather(typing, return_exceptions=True)
            # aiohttp keeps the code of the end, and drops its words.
            return _WHY.get(line.close_code or 0, "the line has ended")
    except (aiohttp.ClientError, OSError) as error:
        raise steps.Failed(f"the console's line broke: {error}", "open it again") from error


_WHY = {
    4000: "the line was closed: nothing was said for a while",
    4003: "the line was closed: you may no more",
}


def _show(said: bytes) -> None:
    while said:
        said = said[os.write(sys.stdout.fileno(), said) :]


async def _send_typed(line: aiohttp.ClientWebSocketResponse) -> None:
    loop = asyncio.get_running_loop()
    typed: asyncio.Queue[bytes] = asyncio.Queue()
    source = sys.stdin.fileno()
    loop.add_reader(source, lambda: typed.put_nowait(os.read(source, READ_BYTES)))
    try:
        while (keys := await typed.get()) and LEAVE not in keys:
            await line.send_bytes(keys)
    finally:
        loop.remove_reader(source)
        await line.close()
