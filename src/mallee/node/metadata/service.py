"""What a guest finds at 169.254.169.254: sockets in the VPC namespaces, two per tap, in the agent's
loop: the metadata service, and the way to the cloud's API.

Who asks is known by the socket, which the kernel bound to one tap: no address, header or name that
a guest can forge takes part. `node/do/network` says which taps there are and whose they are;
what is answered is `answers`' business, how it is written on the wire `wire`'s, and what becomes of
a request to the API `gateway`'s.
"""

import asyncio
import secrets
import socket
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from ipaddress import ip_address, ip_network

from mallee.kit import clock as clocks
from mallee.model.compute.guestrequests import Whence
from mallee.model.hosts.hosts import InstanceWanted
from mallee.node.do.network import namespaces
from mallee.node.metadata import answers, doors, endpoints, gateway, tokens, wire
from mallee.node.plan.network import network

IDLE_TIMEOUT_S = 15.0
_APPLY_TIMEOUT_S = 5.0
_USUAL_HOP_LIMIT = 64
_ORIGINAL_DESTINATION = 80
"""The kernel's `SO_ORIGINAL_DST`, which Python has no name for."""


@dataclass(frozen=True, slots=True)
class Offers:
    """What is offered beside what the cloud told of an instance."""

    paths: tuple[Callable[[InstanceWanted], Mapping[str, str]], ...] = ()
    """Tell metadata paths that this host knows by itself: credentials, keys that were pushed."""
    api: gateway.Gateway | None = None
    """The way to the API; None: there is none."""


NOTHING_MORE = Offers()


@dataclass(frozen=True, slots=True)
class Place:
    """A tap as it stands in the kernel."""

    namespace: str
    tap: str
    ifindex: int
    """Changes when the tap is made anew under its old name: the socket is then bound again."""
    has_ipv6: bool = False
    """Whether the instance asks its metadata over IPv6 too."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A tap, and the instance that speaks on it."""

    place: Place
    instance: InstanceWanted
    led: tuple[tuple[str, str], ...] = ()
    """Ranges that gateway endpoints lead its subnet to, each with the endpoint's id."""

    def endpoint_to(self, address: str) -> str:
        """The gateway endpoint by which the guest speaks to an address; empty: none."""
        if not self.led or not address:
            return ""
        asked = ip_address(address)
        return next((id for cidr, id in self.led if asked in ip_network(cidr)), "")


@dataclass(slots=True)
class _Served:
    """A tap that is listened on."""

    listener: Listener
    open: tuple[doors.Door, doors.Door] | None = None
    """Of metadata, and of the API."""
    turns: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(gateway.IN_FLIGHT_PER_GUEST)
    )
    """The share of the API that its guest has."""


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
        self._doors = doors.Doors(loop)
        self._endpoints = (
            endpoints.Endpoints(self._doors, offers.api) if offers.api is not None else None
        )
        self._clock = clock
        self._served: dict[str, _Served] = {}
        """By tap. Only `apply` changes it; connections read it."""

    def apply(self, listeners: Iterable[Listener]) -> tuple[str, ...]:
        """Serve exactly these taps; called twice = once; from any thread but the loop's own.

        Returns problems in words (a tap whose socket could not be bound).
        """
        wanted = {listener.place.tap: listener for listener in listeners}
        problems: list[str] = []
        for tap, served in list(self._served.items()):
            if tap not in wanted or wanted[tap].place != served.listener.place:
                del self._served[tap]
                self._in_loop(self._stop(served))
        for tap, listener in wanted.items():
            if tap in self._served:
                self._served[tap].listener = listener
                continue
            try:
                bound = namespaces.run_inside(
                    listener.place.namespace, partial(_bind, tap, self._places(listener))
                )
            except OSError as error:
                problems.append(f"no metadata for {listener.instance.id} on {tap}: {error}")
                continue
            served = self._served[tap] = _Served(listener)
            self._in_loop(self._start(served, bound))
        return tuple(problems)

    def apply_endpoints(self, listeners: Iterable[endpoints.EndpointListener]) -> tuple[str, ...]:
        """Serve exactly these interfaces of endpoints, as `apply` does taps."""
        if self._endpoints is None:
            return ()
        return self._endpoints.apply(listeners, self._in_loop)

    def close(self) -> None:
        """Close every socket; from any thread but the loop's own."""
        self.apply(())
        self.apply_endpoints(())

    def _in_loop(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_APPLY_TIMEOUT_S)

    def _places(self, listener: Listener) -> tuple[tuple[str, int], ...]:
        """Where a tap is listened on: address and port."""
        found = [(network.METADATA_ADDRESS, network.METADATA_PORT)]
        if self._offers.api:
            found.append((network.METADATA_ADDRESS, network.API_PORT))
        if listener.place.has_ipv6:
            found.append((network.METADATA_ADDRESS6, network.METADATA_PORT))
        return tuple(found)

    async def _start(self, served: _Served, bound: list[socket.socket]) -> None:
        metadata, api = served.open = (
            doors.Door(
                answer_one=partial(self._answer_one, served),
                patience_s=IDLE_TIMEOUT_S,
                head_bytes_max=wire.HEAD_BYTES_MAX,
            ),
            doors.Door(
                answer_one=partial(self._pass_on, served),
                patience_s=gateway.PATIENCE_S,
                head_bytes_max=gateway.HEAD_BYTES_MAX,
            ),
        )
        for listening in bound:
            is_api = listening.getsockname()[1] == network.API_PORT
            await self._doors.open(api if is_api else metadata, listening)

    async def _stop(self, served: _Served) -> None:
        for door in served.open or ():
            self._doors.close(door)

    async def _pass_on(
        self,
        served: _Served,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        deadline: asyncio.Timeout,
    ) -> bool:
        """Pass a request on to the API; tell whether another may follow."""
        assert self._offers.api is not None
        listener = served.listener
        endpoint_id = listener.endpoint_to(_asked_for(writer))
        whence = Whence(instance_id=listener.instance.id, endpoint_id=endpoint_id)
        caller = gateway.Caller(whence, served.turns)
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


def _bind(tap: str, places: Iterable[tuple[str, int]]) -> list[socket.socket]:
    """Listen on the tap of the namespace that the thread is in: nothing else can reach it."""
    bound: list[socket.socket] = []
    try:
        for address, port in places:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            one = socket.socket(family, socket.SOCK_STREAM)
            bound.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, tap.encode())
            one.bind((address, port))
            one.listen(doors.CONNECTIONS_MAX)
            one.setblocking(False)
    except OSError:
        for one in bound:
            one.close()
        raise
    return bound


def _asked_for(writer: asyncio.StreamWriter) -> str:
    """Return the address that the guest spoke to, before it was translated; empty: as it is."""
    connection = writer.get_extra_info("socket")
    try:
        told = connection.getsockopt(socket.IPPROTO_IP, _ORIGINAL_DESTINATION, 16)
    except OSError:
        return ""
    return socket.inet_ntoa(told[4:8])


def _limit_hops(writer: asyncio.StreamWriter, hops: int) -> None:
    connection = writer.get_extra_info("socket")
    if connection.family == socket.AF_INET6:
        connection.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops)
    else:
        connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
