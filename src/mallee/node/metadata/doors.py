"""Ports at which guests are answered: connections with their bounds, requests one after the other.

A *door* is one listening socket or several, and what answers there. All doors together take half
of what the process may have open. Called by `service` and `endpoints`, in the agent's loop. Who
speaks at a door, and what is answered, is theirs.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from mallee.kit import openfiles

CONNECTIONS_MAX = 32
"""Connections that one guest may hold at once to one door; further ones are closed at once."""
SHARED_MAX = 256
"""Connections to one door that many addresses speak to: a guest may have any number of these.
All such doors together take half of what doors may, the other half is for guests' own."""

AnswerOne = Callable[[asyncio.StreamReader, asyncio.StreamWriter, asyncio.Timeout], Awaitable[bool]]


def _one_guest(_: asyncio.StreamWriter) -> str:
    return ""


@dataclass(slots=True, kw_only=True)
class Door:
    """A door, open or not yet."""

    answer_one: AnswerOne
    """Reads one request and answers it; tells whether another may follow."""
    patience_s: float
    """How long that may take."""
    head_bytes_max: int
    whose: Callable[[asyncio.StreamWriter], str] = _one_guest
    """Tells guests apart: each has its own share of connections."""
    is_shared: bool = False
    """Whether many addresses speak to it."""
    held: int = 0
    """Its connections."""
    servers: list[asyncio.Server] = field(default_factory=list[asyncio.Server])
    connections: dict[str, set[asyncio.StreamWriter]] = field(
        default_factory=dict[str, set[asyncio.StreamWriter]]
    )


class Doors:
    """All doors of an agent. Lives in its loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._connections = 0
        self._shared = 0
        """Of these, those to doors that are shared."""
        # Half of what the process may have open is left to its own work.
        self._connections_max = openfiles.limit() // 2

    async def open(self, door: Door, listening: socket.socket) -> None:
        """Answer at a door from now on; it may have several sockets."""
        server = await asyncio.start_server(
            partial(self._converse, door), sock=listening, limit=door.head_bytes_max
        )
        door.servers.append(server)

    def close(self, door: Door) -> None:
        """Answer there no more, and break off what is under way."""
        for server in door.servers:
            server.close()
        for held in door.connections.values():
            for writer in held:
                writer.transport.abort()

    async def _converse(
        self, door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer one connection's requests, one after the other."""
        whose = door.whose(writer)
        held = door.connections.setdefault(whose, set())
        if len(held) >= CONNECTIONS_MAX or not self._has_room(door):
            if not held:
                del door.connections[whose]
            writer.transport.abort()
            return
        held.add(writer)
        self._count(door, 1)
        try:
            async with asyncio.timeout(None) as deadline:
                keeps_alive = True
                while keeps_alive:
                    deadline.reschedule(self._loop.time() + door.patience_s)
                    keeps_alive = await door.answer_one(reader, writer, deadline)
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
            # The guest went away or fell silent: what it did not fetch is dropped, not kept.
            writer.transport.abort()
        finally:
            held.discard(writer)
            if not held:
                door.connections.pop(whose, None)
            self._count(door, -1)
            writer.close()

    def _has_room(self, door: Door) -> bool:
        if self._connections >= self._connections_max:
            return False
        is_full = door.held >= SHARED_MAX or self._shared >= self._connections_max // 2
        return not (door.is_shared and is_full)

    def _count(self, door: Door, change: int) -> None:
        door.held += change
        self._connections += change
        if door.is_shared:
            self._shared += change
