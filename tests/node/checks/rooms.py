"""Neighbours of a host on one wire: a bridge of the test's own, and namespaces that stand on it.

The host under test hears the wire on the bridge `WIRE`, as one does whose card is a port of it.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mallee.kit import pki, process
from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.node.checks import around, company, voice
from mallee.node.checks.sayings import Saying
from mallee.node.do.network import namespaces

WIRE = "aw0"
CARD = "eth0"
STARTS_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Room:
    """A neighbour."""

    name: str
    port: str
    """Its end on the wire."""

    def ip(self, *words: str) -> str:
        """Change or look at the neighbour's links."""
        return process.run(("ip", "-n", self.name, *words)).text

    def run(self, *argv: str) -> str:
        """Run a program there."""
        return process.run(("ip", "netns", "exec", self.name, *argv)).text

    @contextmanager
    def daemon(self, *argv: str) -> Generator[subprocess.Popen[bytes]]:
        """A program that runs there meanwhile."""
        line = ("ip", "netns", "exec", self.name, *argv)
        with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            try:
                yield child
            finally:
                child.terminate()


@contextmanager
def on_one_wire(count: int) -> Generator[tuple[Room, ...]]:
    """So many neighbours, each with a card `CARD` and the address 192.0.2.(number + 2)."""
    with ExitStack() as stack:
        process.run(("ip", "link", "add", WIRE, "type", "bridge", "mcast_snooping", "0"))
        stack.callback(process.run, ("ip", "link", "delete", WIRE))
        process.run(("ip", "link", "set", WIRE, "up"))
        rooms: list[Room] = []
        for number in range(count):
            room = Room(f"around{number}-{os.getpid()}", f"aw{number + 1}")
            namespaces.ensure(room.name)
            stack.callback(namespaces.remove, room.name)
            ends = ("ip", "link", "add", room.port, "type", "veth", "peer", "name", CARD)
            process.run((*ends, "netns", room.name))
            process.run(("ip", "link", "set", room.port, "master", WIRE, "up"))
            room.ip("address", "add", f"192.0.2.{number + 2}/24", "dev", CARD)
            room.ip("link", "set", CARD, "up")
            rooms.append(room)
        yield tuple(rooms)


def codes(own: company.Own, heard: Sequence[Saying] | frozenset[Saying]) -> set[str]:
    """What is wrong around a host, by what it has heard."""
    found = company.judge(own, frozenset(heard))
    assert all(one.ok or (one.cause and one.cure) for one in found)
    return {one.code for one in found if not one.ok}


def heard_until(own: company.Own, code: str) -> frozenset[Saying]:
    """Listen until what is heard comes to that."""
    return listened(lambda heard: code in codes(own, heard), code)


def listened(is_it: Callable[[frozenset[Saying]], bool], what: str) -> frozenset[Saying]:
    """Listen until it is what was waited for: daemons take their time on a busy machine."""
    for _ in range(int(STARTS_WITHIN_S / around.LISTEN_S) + 1):
        heard = around.listen(WIRE)
        if is_it(heard):
            return heard
    pytest.fail(f"{what} was not heard; last: {heard}")  # pyright: ignore[reportPossiblyUnboundVariable]


def needs(program: str) -> pytest.MarkDecorator:
    """Pass over a test whose daemon is not installed here."""
    return pytest.mark.skipif(not shutil.which(program), reason=f"needs {program}")


def member(root: Path, name: str) -> Layout:
    """The directories of a host that has joined a cloud of its own."""
    layout = Layout(root)
    layout.node_pki.mkdir(parents=True)
    layout.host_authority.write_bytes(pki.create_authority(name, 0.0).certificate_pem)
    return layout


@contextmanager
def speaking(room: Room, layout: Layout, wanted: HostWanted) -> Generator[None]:
    """The voice of another cloud's agent in a room."""
    held: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []
    begun = threading.Event()

    async def live() -> None:
        task = asyncio.create_task(voice.Voice(layout, lambda: wanted).run())
        held.append((asyncio.get_running_loop(), task))
        begun.set()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    thread = threading.Thread(
        target=namespaces.run_inside, args=(room.name, lambda: asyncio.run(live()))
    )
    thread.start()
    assert begun.wait(STARTS_WITHIN_S)
    try:
        yield
    finally:
        loop, task = held[0]
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
