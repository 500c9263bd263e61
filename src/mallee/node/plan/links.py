"""Links, addresses and routes of one namespace as values, and the `ip` text that makes them so.

*Wiring* is what is to stand in a namespace; *seen* is what stands. `plan_batch` closes the
difference: from nothing it makes everything, from the wanted state it makes nothing.
Called by `do/links`; which wiring each namespace has is `network`'s business. Pure.
"""

import ipaddress
import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Veth:
    """A pair of links: `name` here, `peer` in the namespace `peer_namespace`."""

    name: str
    peer: str
    peer_namespace: str


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """An address on a device. It brings no route: the wiring names each route itself."""

    device: str
    cidr: str


@dataclass(frozen=True, slots=True, order=True)
class Route:
    """A route of the main table; `kind` is `unicast`, `blackhole` or `unreachable`."""

    destination: str
    kind: str = "unicast"
    device: str = ""
    via: str = ""
    metric: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What is to stand in a namespace; devices and routes not named here are left alone, unless
    they are on one of `devices`."""

    veths: tuple[Veth, ...] = ()
    devices: tuple[str, ...] = ()
    """All devices that are ours here: they are up, and carry exactly what is said here."""
    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What stands in a namespace."""

    indices: dict[str, int] = field(default_factory=dict[str, int])
    """The index of each device by name."""
    up: frozenset[str] = frozenset()
    addresses: frozenset[tuple[str, str]] = frozenset()
    """(device, cidr) of each IPv4 address."""
    routes: frozenset[Route] = frozenset()
    """Routes of the main table but those that the kernel made for addresses."""


LOOK = "address show\nroute show\n"
"""The batch for `ip -json -batch -` whose output `parse_seen` reads."""


def parse_seen(text: str) -> Seen:
    """Read the output of `LOOK`: one JSON array per line of it."""
    decoder, values, at = json.JSONDecoder(), list[list[dict[str, Any]]](), 0
    while text[at:].strip():
        value, end = decoder.raw_decode(text, at + len(text[at:]) - len(text[at:].lstrip()))
        values.append(value)
        at = end
    devices, routes = values
    return Seen(
        indices={device["ifname"]: device["ifindex"] for device in devices},
        up=frozenset(device["ifname"] for device in devices if "UP" in device["flags"]),
        addresses=frozenset(
            (device["ifname"], f"{address['local']}/{address['prefixlen']}")
            for device in devices
            for address in device["addr_info"]
            if address["family"] == "inet"
        ),
        routes=frozenset(
            _route(route, hop)
            for route in routes
            if route.get("protocol") != "kernel"
            for hop in route.get("nexthops", [route])
        ),
    )


def _route(found: dict[str, Any], hop: dict[str, Any]) -> Route:
    destination = "0.0.0.0/0" if found["dst"] == "default" else found["dst"]
    return Route(
        destination=str(ipaddress.IPv4Network(destination)),
        kind=found.get("type", "unicast"),
        device=hop.get("dev", ""),
        via=hop.get("gateway", ""),
        metric=found.get("metric", 0),
    )


def plan_batch(wanted: Wiring, seen: Seen) -> tuple[str, ...]:
    """Return the lines of `ip -batch` that turn what is seen into what is wanted."""
    missing = sorted(route for route in wanted.routes if route not in seen.routes)
    ours = frozenset(wanted.devices)
    addresses = {(address.device, address.cidr) for address in wanted.addresses}
    # A replaced route needs no deletion: there is no moment without it.
    replaced = {(route.destination, route.metric) for route in wanted.routes}
    # Blocking routes stand before there is any way for a packet to take.
    lines = [f"route replace {_route_text(route)}" for route in missing if not route.device]
    lines += [
        f"link add {veth.name} type veth peer name {veth.peer} netns {veth.peer_namespace}"
        for veth in sorted(wanted.veths)
        if veth.name not in seen.indices
    ]
    lines += [
        f"address delete {cidr} dev {device}"
        for device, cidr in sorted(seen.addresses - addresses)
        if device in ours
    ]
    lines += [
        f"route delete {_route_text(route)}"
        for route in sorted(seen.routes - frozenset(wanted.routes))
        if route.device in ours and (route.destination, route.metric) not in replaced
    ]
    lines += [
        f"address add {address.cidr} dev {address.device} noprefixroute"
        for address in sorted(wanted.addresses)
        if (address.device, address.cidr) not in seen.addresses
    ]
    lines += [f"link set {device} up" for device in wanted.devices if device not in seen.up]
    direct_first = sorted(missing, key=lambda route: (route.via != "", route))
    lines += [f"route replace {_route_text(route)}" for route in direct_first if route.device]
    return tuple(lines)


def _route_text(route: Route) -> str:
    kind = "" if route.kind == "unicast" else f"{route.kind} "
    via = f" via {route.via}" if route.via else ""
    device = f" dev {route.device}" if route.device else ""
    metric = f" metric {route.metric}" if route.metric else ""
    return f"{kind}{route.destination}{via}{device}{metric}"
