"""Consoles of a real guest through the public API: a shell at a terminal, and the screen by VNC."""

import asyncio
import contextlib
import os
import pty
import select
import struct
import subprocess
import sys
import time
from collections.abc import Generator, Iterator

import aiohttp
import pytest

from mallee.box import client as api
from tests import wholecloud
from tests.clients import programs
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

WITHIN_S = wholecloud.GUEST_S


class Terminal:
    """A person's terminal with `mallee console` in it."""

    def __init__(self, cloud: Cloud, instance: str) -> None:
        self._person, there = pty.openpty()
        self.program = subprocess.Popen(
            (sys.executable, "-m", "mallee.cli.main", "console", instance),
            env={**cloud.environment(), "MALLEE_ROOT": str(cloud.layout.root)},
            stdin=there,
            stdout=there,
            stderr=there,
        )
        os.close(there)
        self.shown = ""

    def type(self, keys: bytes) -> None:
        os.write(self._person, keys)

    def wait_for(self, text: str) -> None:
        ends_at = time.monotonic() + WITHIN_S
        while text not in self.shown:
            assert time.monotonic() < ends_at, self.shown
            self._read()

    def _read(self) -> None:
        if select.select([self._person], [], [], 1.0)[0]:
            # A terminal whose program has ended gives an error, not an end.
            with contextlib.suppress(OSError):
                self.shown += os.read(self._person, 65536).decode(errors="replace")

    def type_until(self, keys: bytes, text: str) -> None:
        """Type again and again: a guest that is not there yet hears nothing."""
        ends_at = time.monotonic() + WITHIN_S
        while text not in self.shown:
            assert time.monotonic() < ends_at, self.shown
            self.type(keys)
            self._read()

    def close(self) -> None:
        self.program.kill()
        self.program.wait()
        os.close(self._person)


@contextlib.contextmanager
def console(cloud: Cloud, instance: str) -> Generator[Terminal]:
    terminal = Terminal(cloud, instance)
    try:
        yield terminal
    finally:
        terminal.close()


@pytest.fixture(scope="module")
def guest(cloud: Cloud) -> Iterator[str]:
    """A guest that has come up."""
    instance = cloud.run()
    cloud.wait_console(instance, "mallee-tiny: ssh ready")
    yield instance
    cloud.terminate(instance)


def test_a_console_stays_shut_until_the_account_opens_it(cloud: Cloud, guest: str) -> None:
    cloud.ec2.disable_serial_console_access()
    with console(cloud, guest) as terminal:
        terminal.wait_for("EnableSerialConsoleAccess")
        assert terminal.program.wait(WITHIN_S) == 1


def test_a_shell_on_the_serial_line(cloud: Cloud, guest: str) -> None:
    for program in programs.CLIS:
        programs.aws(cloud, program, "ec2", "enable-serial-console-access")
    with console(cloud, guest) as terminal:
        terminal.wait_for("mallee-tiny: ssh ready")
        terminal.wait_for("connected; leave with Ctrl-]")
        terminal.type_until(b"\r", "# ")
        terminal.type(b"expr 6 \\* 7\r")
        terminal.wait_for("\n42\r\n")
        with console(cloud, guest) as second:
            second.wait_for("already has one active console session")
        terminal.type(b"\x1d")
        assert terminal.program.wait(WITHIN_S) == 0
    # The line is free again, and the guest as it was left.
    with console(cloud, guest) as terminal:
        terminal.wait_for("connected; leave with Ctrl-]")
        terminal.type(b"expr 7 \\* 7\r")
        terminal.wait_for("\n49\r\n")


def test_vnc_reaches_the_screen(cloud: Cloud, guest: str) -> None:
    programs.aws(cloud, programs.CLIS[0], "ec2", "enable-serial-console-access")
    opened = api.call(cloud.access, "mallee", "OpenScreen", {"InstanceId": guest})
    width, height = asyncio.run(size_by_vnc(cloud.access.endpoint + opened["Path"]))
    assert width >= 640
    assert height >= 400


async def size_by_vnc(url: str) -> tuple[int, int]:
    """The size of a screen, as a client of VNC (RFC 6143) asks for it."""
    async with (
        asyncio.timeout(WITHIN_S),
        aiohttp.ClientSession() as session,
        session.ws_connect(url) as line,
    ):
        said = bytearray()

        async def hear(count: int) -> bytes:
            while len(said) < count:
                said.extend(await line.receive_bytes())
            heard = bytes(said[:count])
            del said[:count]
            return heard

        assert await hear(12) == b"RFB 003.008\n"
        await line.send_bytes(b"RFB 003.008\n")
        (kinds,) = await hear(1)
        assert b"\x01" in await hear(kinds)
        # No password: the line is what is guarded.
        await line.send_bytes(b"\x01")
        assert await hear(4) == bytes(4)
        await line.send_bytes(b"\x01")
        width, height = struct.unpack(">HH", await hear(4))
        return width, height
