"""What answers behind interface endpoints: sockets in their namespaces, in the agent's loop.

Nothing comes to these sockets but what the VPC's firewall let through to the endpoint. Whence it
comes is an address that the VPC's namespace has checked; it is told to the cloud as that, and is
no identity. Owned by `service`; `do/network` says which endpoints there are. Which requests may
pass is the cloud's to decide.
"""

import asyncio
import ipaddress
import socket
import weakref
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mallee.model.compute.guestrequests import Whence
from mallee.model.hosts.hosts import VpcWanted
from mallee.model.layout import Layout
from mallee.node.do.network import namespaces
from mallee.node.metadata import doors, gateway
from mallee.node.plan.network import network


@dataclass(frozen=True, slots=True)
class EndpointListener:
    """An interface of an endpoint, as it stands in the kernel."""

    namespace: str
    endpoint_id: str
    ips: tuple[str, ...]


def listeners(layout: Layout, vpcs: Iterable[VpcWanted]) -> tuple[EndpointListener, ...]:
    """Return where something answers behind the endpoints of VPCs."""
    return tuple(
        EndpointListener(
            layout.endpoint_namespace(one.interface_id), one.id, (one.private_ip, *one.ipv6s)
        )
        for vpc in vpcs
        for one in vpc.endpoints
        if one.serves
    )


@dataclass(slots=True)
class _Served:
    listener: EndpointListener
    door: doors.Door | None = None
    turns: weakref.WeakValueDictionary[str, asyncio.Semaphore] = field(
        default_factory=weakref.WeakValueDictionary[str, asyncio.Semaphore]
    )
    """What each address has of the API, while it asks anything."""


class Endpoints:
    """Serves the endpoints of this host. Lives in the agent's loop, but for `apply`."""

    def __init__(self, shared: doors.Doors, api: gateway.Gateway) -> None:
        self._doors = shared
        self._api = api
        self._served: dict[EndpointListener, _Served] = {}

    def apply(
        self,
        listeners: Iterable[EndpointListener],
        in_loop: Callable[[Coroutine[Any, Any, None]], None],
    ) -> tuple[str, ...]:
        """Serve exactly these; called twice = once; from any thread but the loop's own.

        Returns problems in words. `in_loop` runs its argument in the loop and waits for it.
        """
        wanted = set(listeners)
        problems: list[str] = []
        for listener in self._served.keys() - wanted:
            in_loop(self._stop(self._served.pop(listener)))
        for listener in wanted - self._served.keys():
            try:
                bound = namespaces.run_inside(listener.namespace, partial(_bind, listener.ips))
            except OSError as error:
                problems.append(f"{listener.endpoint_id} is not served: {error}")
                continue
            served = self._served[listener] = _Served(listener)
            in_loop(self._start(served, bound))
        return tuple(problems)

    async def _start(self, served: _Served, bound: list[socket.socket]) -> None:
        served.door = doors.Door(
            answer_one=partial(self._pass_on, served),
            patience_s=gateway.PATIENCE_S,
            head_bytes_max=gateway.HEAD_BYTES_MAX,
            whose=_source,
            is_shared=True,
        )
        for listening in bound:
            await self._doors.open(served.door, listening)

    async def _stop(self, served: _Served) -> None:
        if served.door is not None:
            self._doors.close(served.door)

    async def _pass_on(
        self,
        served: _Served,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        deadline: asyncio.Timeout,
    ) -> bool:
        source = _source(writer)
        turns = served.turns.get(source)
        if turns is None:
            turns = served.turns[source] = asyncio.Semaphore(gateway.IN_FLIGHT_PER_GUEST)
        whence = Whence(endpoint_id=served.listener.endpoint_id, source_ip=source)
        return await self._api.pass_on(gateway.Caller(whence, turns), reader, writer, deadline)


def _source(writer: asyncio.StreamWriter) -> str:
    return str(ipaddress.ip_address(writer.get_extra_info("peername")[0]))


def _bind(ips: Iterable[str]) -> list[socket.socket]:
    """Listen in the namespace that the thread is in; its addresses may come a moment later."""
    bound: list[socket.socket] = []
    try:
        for is_ipv6 in sorted({":" in ip for ip in ips}):
            for port in network.SERVICE_PORTS:
                family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
                one = socket.socket(family, socket.SOCK_STREAM)
                bound.append(one)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if is_ipv6:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.bind(("", port))
                one.listen(doors.CONNECTIONS_MAX)
                one.setblocking(False)
    except OSError:
        for one in bound:
            one.close()
        raise
    return bound
