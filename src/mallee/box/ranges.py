"""Which address ranges a new cloud takes: the first candidates that nothing on this host uses.

A range that overlaps a route of the host would cut the host off from something real. Called by
`faststart` before the first start, and by `doctor` to see whether a clash has come since.
"""

import ipaddress
import json
from collections.abc import Iterable, Sequence

from mallee.box import steps
from mallee.kit import process
from mallee.model.configuration import settings
from mallee.model.network import classic

PUBLIC = (
    "203.0.113.0/24",
    "198.51.100.0/24",
    "192.0.2.0/24",
    "198.18.0.0/24",
    "198.19.255.0/24",
    "10.203.113.0/24",
)
"""Ranges kept for documentation and benchmarks are nobody's on the Internet."""
PRIVATE = ("172.31.0.0/16", "172.30.0.0/16", "10.31.0.0/16", "10.131.0.0/16", "192.168.192.0/20")

Network = ipaddress.IPv4Network


def fetch_routes() -> list[tuple[Network, str]]:
    """Return all IPv4 destinations that this host has routes for, with the way in words.

    The default route is none of them: it is not about any address in particular.
    """
    text = process.run(["ip", "-j", "-4", "route", "show", "table", "all"]).text
    routes: list[tuple[Network, str]] = []
    for route in json.loads(text or "[]"):
        if route["dst"] == "default" or route.get("type") in ("broadcast", "multicast"):
            continue
        way = route.get("dev") or route.get("type") or "somewhere"
        routes.append((Network(route["dst"], strict=False), f"{route['dst']} by {way}"))
    return routes


def fetch_routers() -> list[tuple[Network, str]]:
    """Return the routers that this host knows, each with what it is in words."""
    text = process.run(["ip", "-j", "-4", "route", "show"]).text
    hops = sorted({one["gateway"] for one in json.loads(text or "[]") if "gateway" in one})
    return [(Network(hop), f"{hop}, a router of this host") for hop in hops]


def lendable(range: str, routes: Iterable[tuple[Network, str]]) -> list[tuple[Network, str]]:
    """Return what of routes stands against lending that range as public addresses: not the networks
    in which the host itself stands, of which a part may be the cloud's."""
    text = process.run(["ip", "-j", "-4", "route", "show", "scope", "link"]).text
    wires = {
        Network(one["dst"], strict=False)
        for one in json.loads(text or "[]")
        if one["dst"] != "default" and "gateway" not in one
    }
    wanted = Network(range)
    return [
        (network, way)
        for network, way in [*routes, *fetch_routers()]
        if not (network in wires and network != wanted and wanted.subnet_of(network))
    ]


def own(network: settings.Network) -> dict[str, str]:
    """Return which ranges must be nobody else's on this host, by name. In the classic modes public
    addresses may be some of the network that the host stands in, and `static` and `system` are
    that network altogether."""
    if network.mode == "vpc":
        return {"public": network.public_range, "private": network.private_range}
    if network.mode in classic.MANAGED:
        return {"private": network.classic.subnet}
    return {}


def clash(range: str, routes: Iterable[tuple[Network, str]]) -> str | None:
    """Return the first route that overlaps the range, in words."""
    wanted = Network(range)
    return next((way for network, way in routes if network.overlaps(wanted)), None)


def choose(candidates: Sequence[str], routes: Sequence[tuple[Network, str]], option: str) -> str:
    """Return the first candidate without a clash; raise `steps.Failed`."""
    for candidate in candidates:
        if clash(candidate, routes) is None:
            return candidate
    raise steps.Failed(
        f"this host has routes into all of {', '.join(candidates)}",
        f"give a range that it does not use: {option} 10.250.0.0/16",
    )
