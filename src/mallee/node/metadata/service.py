"""What a guest finds at 169.254.169.254: sockets in the VPC namespaces, two per tap, in the agent's
loop: the metadata service, and the way to the cloud's API.

Who asks is known by the socket, which the kernel bound to one tap: no address, header or name that
a guest can forge takes part. `node/do/network.py` says which taps there are and whose they are;
what is answered is `answers`' business, how it is written on the wire `wire`'s, and what becomes of
a request to the API `gateway`'s.
"""

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus

from mallee.kit import clock as clocks
from mallee.kit import openfiles
from mallee.model.hosts import InstanceWanted
from mallee.node.do import namespaces
from mallee.node.metadata import answers, gateway, tokens, wire
from mallee.node.plan import network

CONNECTIONS_MAX = 32
"""Connections that one guest may hold at once to one port; further ones are closed at once."""
IDLE_TIMEOUT_S = 15.0
_APPLY_TIMEOUT_S = 5.0
_USUAL_HOP_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Offers:
    """What is offered beside what the cloud told of an instance."""

    paths: tuple[Callable[[InstanceWanted], Mapping[str, str]], ...] = ()
    """Tell metadata paths that this host knows by itself: credentials, keys that were pushed."""
    api: gateway.Gateway | None = None
    """The way to the API; None: there is none."""


NOTHING_MORE = Offers()


@dataclass(frozen=True, slots=True)
class Listener:
    """A tap as it stands in the kernel, and the instance that speaks on it."""

    namespace: str
    tap: str
    ifindex: int
    """Changes when the tap is made anew under its old name: the socket is then bound again."""
    instance: InstanceWanted


@dataclass(slots=True)
class _Served:
    """A tap that is listened on."""

    listener: Listener
    doors: list["_Door"] = field(default_factory=list["_Door"])
    turns: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(gateway.IN_FLIGHT_PER_GUEST)
    )
    """The share of the API that its guest has."""


AnswerOne = Callable[
    [_Served, asyncio.StreamReader, asyncio.StreamWriter, asyncio.Timeout], Awaitable[bool]
]


@dataclass(slots=True)
class _Door:
    """A port of a tap."""

    answer_one: AnswerOne
    """Reads one request and answers it; tells whether another may follow."""
    patience_s: float
    """How long that may take."""
    server: asyncio.Server | None = None
    connections: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])


class Service:
    """Serves the metadata of this host's instances. Made in the agent's loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        key: bytes,
        offers: Offers = NOTHING_MORE,
        clock: clocks.Clock = clocks.SYSTEM,
    ) -> None:
        """`key` signs session tokens; kept over a restart, tokens stay valid."""
        self._loop = loop
        self._sessions = tokens.Tokens(key)
        self._offers = offers
        self._connections = 0
        # Half of what the process may have open is left to its own work.
        self._connections_max = openfiles.limit() // 2
        self._clock = clock
        self._served: dict[str, _Served] = {}
        """By tap. Only `apply` changes it; connections read it."""

    def apply(self, listeners: Iterable[Listener]) -> tuple[str, ...]:
        """Serve exactly these taps; called twice = once; from any thread but the loop's own.

        Returns problems in words (a tap whose socket could not be bound).
        """
        wanted = {listener.tap: listener for listener in listeners}
        problems: list[str] = []
        for tap, served in list(self._served.items()):
            if tap not in wanted or _place(wanted[tap]) != _place(served.listener):
                del self._served[tap]
                self._in_loop(self._stop(served))
        for tap, listener in wanted.items():
            if tap in self._served:
                self._served[tap].listener = listener
                continue
            try:
                bound = namespaces.run_inside(listener.namespace, partial(_bind, tap, self._ports))
            except OSError as error:
                problems.append(f"no metadata for {listener.instance.id} on {tap}: {error}")
                continue
            served = self._served[tap] = _Served(listener)
            self._in_loop(self._start(served, bound))
        return tuple(problems)

    def close(self) -> None:
        """Close every socket; from any thread but the loop's own."""
        self.apply(())

    def _in_loop(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_APPLY_TIMEOUT_S)

    @property
    def _ports(self) -> tuple[int, ...]:
        return (network.METADATA_PORT, *((network.API_PORT,) if self._offers.api else ()))

    async def _start(self, served: _Served, bound: list[socket.socket]) -> None:
        doors = (
            (_Door(self._answer_one, IDLE_TIMEOUT_S), wire.HEAD_BYTES_MAX),
            (_Door(self._pass_on, gateway.PATIENCE_S), gateway.HEAD_BYTES_MAX),
        )
        # There are as many sockets as `_ports`.
        for one, (door, head_bytes_max) in zip(bound, doors, strict=False):
            served.doors.append(door)
            door.server = await asyncio.start_server(
                partial(self._converse, served, door), sock=one, limit=head_bytes_max
            )

    async def _stop(self, served: _Served) -> None:
        for door in served.doors:
            assert door.server is not None
            door.server.close()
            for writer in door.connections:
                writer.transport.abort()

    async def _converse(
        self,
        served: _Served,
        door: _Door,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Answer one connection's requests, one after the other."""
        if len(door.connections) >= CONNECTIONS_MAX or self._connections >= self._connections_max:
            writer.transport.abort()
            return
        door.connections.add(writer)
        self._connections += 1
        try:
            async with asyncio.timeout(None) as deadline:
                keeps_alive = True
                while keeps_alive:
                    deadline.reschedule(self._loop.time() + door.patience_s)
                    keeps_alive = await door.answer_one(served, reader, writer, deadline)
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
            # The guest went away or fell silent: what it did not fetch is dropped, not kept.
            writer.transport.abort()
        finally:
            door.connections.discard(writer)
            self._connections -= 1
            writer.close()

    async def _pass_on(
        self,
        served: _Served,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        deadline: asyncio.Timeout,
    ) -> bool:
        """Pass a request on to the API; tell whether another may follow."""
        assert self._offers.api is not None
        caller = gateway.Caller(served.listener.instance.id, served.turns)
        return await self._offers.api.pass_on(caller, reader, writer, deadline)

    async def _answer_one(
        self,
        served: _Served,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        _deadline: asyncio.Timeout,
    ) -> bool:
        """Read a request and answer it; tell whether another may follow."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            request = wire.decode_head(head)
            await reader.readexactly(request.body_bytes)
        except (wire.Malformed, asyncio.LimitOverrunError):
            refusal = wire.error(HTTPStatus.BAD_REQUEST)
            writer.write(wire.encode(refusal, "GET", keeps_alive=False))
            await writer.drain()
            return False
        nonce = secrets.token_bytes(tokens.NONCE_BYTES)
        instance = served.listener.instance
        paths = dict(instance.metadata)
        for told in self._offers.paths:
            paths |= told(instance)
        asked = answers.Asked(instance, paths, self._clock.now(), nonce)
        answer = answers.answer(request, asked, self._sessions)
        _limit_hops(writer, answer.hop_limit or _USUAL_HOP_LIMIT)
        writer.write(wire.encode(answer, request.method, keeps_alive=request.keeps_alive))
        await writer.drain()
        return request.keeps_alive


def _place(listener: Listener) -> tuple[str, int]:
    return listener.namespace, listener.ifindex


def _bind(tap: str, ports: Iterable[int]) -> list[socket.socket]:
    """Listen on the tap of the namespace that the thread is in: nothing else can reach it."""
    bound: list[socket.socket] = []
    try:
        for port in ports:
            one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            bound.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, tap.encode())
            one.bind((network.METADATA_ADDRESS, port))
            one.listen(CONNECTIONS_MAX)
            one.setblocking(False)
    except OSError:
        for one in bound:
            one.close()
        raise
    return bound


def _limit_hops(writer: asyncio.StreamWriter, hops: int) -> None:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
