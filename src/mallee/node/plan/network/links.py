"""Links, addresses, routes and policy rules of one namespace as values, and the `ip` text that
makes them so.

*Wiring* is what is to stand in a namespace; *seen* is what stands. `plan_batch` closes the
difference: from nothing it makes everything, from the wanted state it makes nothing.
Called by `do/links`; which wiring each namespace has is `network`'s and `routing`'s business. Pure.
"""

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

MAIN_TABLE = 254
_OTHER_TABLE = 0
_KERNEL_RULES = frozenset({0, 32766, 32767})
"""Priorities of the policy rules that every namespace begins with."""
_EVERYTHING6 = "::/0"
_METRIC6 = 1024
"""What the kernel makes of no metric in IPv6."""


@dataclass(frozen=True, slots=True, order=True)
class Veth:
    """A pair of links: `name` here, `peer` in the namespace `peer_namespace`."""

    name: str
    peer: str
    peer_namespace: str
    peer_mac: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """An address on a device. It brings no route: the wiring names each route itself; only what is
    link-local on a device is reached there without being named."""

    device: str
    cidr: str


@dataclass(frozen=True, slots=True, order=True)
class Route:
    """A route; `kind` is `unicast`, `blackhole`, `unreachable` or `throw` (ask the next table)."""

    destination: str
    kind: str = "unicast"
    device: str = ""
    via: str = ""
    metric: int = 0
    table: int = MAIN_TABLE

    @property
    def place(self) -> tuple[str, int, int]:
        """Where it stands: one route has room there."""
        return self.destination, self.metric, self.table


@dataclass(frozen=True, slots=True, order=True)
class PolicyRule:
    """Which table is asked for packets with a mark, or by a device; the lowest priority first."""

    priority: int
    table: int
    is_ipv6: bool = False
    mark: int = 0
    device: str = ""
    destination: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What is to stand in a namespace.

    Devices and routes not named here are left alone, unless they are on one of `devices`.
    """

    veths: tuple[Veth, ...] = ()
    devices: tuple[str, ...] = ()
    """All devices that are ours here: they are up, and carry exactly what is said here."""
    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()
    rules: tuple[PolicyRule, ...] = ()
    mtus: tuple[tuple[str, int], ...] = ()
    """How long packets by these devices may be, where that is not as the kernel has it."""
    is_whole: bool = False
    """Whether the namespace is ours altogether: then routes and rules not named here go."""
    outdated: tuple[Route, ...] = ()
    """Routes that were ours and go, on no device."""
    kinds: tuple[str, ...] = ()
    """Beginnings of the names of devices that go when they are not among `devices`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What stands in a namespace."""

    indices: dict[str, int] = field(default_factory=dict[str, int])
    """The index of each device by name."""
    up: frozenset[str] = frozenset()
    addresses: frozenset[tuple[str, str]] = frozenset()
    """(device, cidr) of each IPv4 address."""
    address6s: frozenset[tuple[str, str]] = frozenset()
    """(device, cidr) of each IPv6 address."""
    routes: frozenset[Route] = frozenset()
    """Routes of IPv4 but those that the kernel made for addresses."""
    route6s: frozenset[Route] = frozenset()
    """The same of IPv6."""
    rules: frozenset[PolicyRule] = frozenset()
    """Policy rules but those that every namespace begins with."""
    mtus: dict[str, int] = field(default_factory=dict[str, int])
    """How long a packet by each device may be."""


LOOK = "address show\nroute show table all\nrule show\n"
"""The batch for `ip -json -batch -` whose output `parse_seen` reads, and for `ip -6` too."""


def parse_seen(text: str, text6: str = "") -> Seen:
    """Read the output of `LOOK` for IPv4, and for IPv6 where the kernel has it."""
    devices, routes, rules = _arrays(text)
    _, route6s, rule6s = _arrays(text6) if text6 else ([], [], [])
    held = [
        (device["ifname"], address["family"], f"{address['local']}/{address['prefixlen']}")
        for device in devices
        for address in device["addr_info"]
    ]
    return Seen(
        indices={device["ifname"]: device["ifindex"] for device in devices},
        mtus={device["ifname"]: device["mtu"] for device in devices if "mtu" in device},
        up=frozenset(device["ifname"] for device in devices if "UP" in device["flags"]),
        addresses=frozenset((name, cidr) for name, family, cidr in held if family == "inet"),
        address6s=frozenset((name, cidr) for name, family, cidr in held if family == "inet6"),
        routes=frozenset(_routes(routes, "0.0.0.0/0")),
        route6s=frozenset(_routes(route6s, _EVERYTHING6)),
        rules=frozenset(_rules(rules, is_ipv6=False)) | frozenset(_rules(rule6s, is_ipv6=True)),
    )


def _arrays(text: str) -> list[list[dict[str, Any]]]:
    decoder, values, at = json.JSONDecoder(), list[list[dict[str, Any]]](), 0
    while text[at:].strip():
        value, end = decoder.raw_decode(text, at + len(text[at:]) - len(text[at:].lstrip()))
        values.append(value)
        at = end
    return values


def _routes(found: list[dict[str, Any]], everything: str) -> list[Route]:
    return [
        _route(route, hop, everything)
        for route in found
        if route.get("protocol") != "kernel" and route.get("table") != "local"
        # Asked for all tables, `ip` tells of both families; only routes of IPv6 have a preference.
        if ("pref" in route) is (everything == _EVERYTHING6)
        # A label of MPLS is a destination too.
        if route["dst"] == "default" or "." in route["dst"] or ":" in route["dst"]
        for hop in route.get("nexthops", [route])
    ]


def _route(found: dict[str, Any], hop: dict[str, Any], everything: str) -> Route:
    destination = everything if found["dst"] == "default" else found["dst"]
    kind = found.get("type", "unicast")
    metric = found.get("metric", 0)
    return Route(
        destination=str(ipaddress.ip_network(destination)),
        kind=kind,
        # The kernel says `lo` of IPv6 routes that lead nowhere.
        device=hop.get("dev", "") if kind == "unicast" else "",
        via=hop.get("gateway", ""),
        metric=0 if everything == _EVERYTHING6 and metric == _METRIC6 else metric,
        table=_table(found),
    )


def _rules(found: list[dict[str, Any]], *, is_ipv6: bool) -> list[PolicyRule]:
    return [
        PolicyRule(
            priority=rule["priority"],
            table=_table(rule),
            is_ipv6=is_ipv6,
            mark=int(rule.get("fwmark", "0"), 16),
            device=rule.get("iif", ""),
            destination=_destination(rule),
        )
        for rule in found
        if rule["priority"] not in _KERNEL_RULES
    ]


def _destination(rule: dict[str, Any]) -> str:
    if "dst" not in rule:
        return ""
    return str(
        ipaddress.ip_network(f"{rule['dst']}/{rule['dstlen']}" if "dstlen" in rule else rule["dst"])
    )


def _table(found: dict[str, Any]) -> int:
    """A table's number; those with names of others' choice are all one to us."""
    name = found.get("table", "main")
    return MAIN_TABLE if name == "main" else int(name) if name.isdecimal() else _OTHER_TABLE


def without_ipv6(wiring: Wiring) -> Wiring:
    """The part of a wiring that a kernel without IPv6 can carry."""
    return replace(
        wiring,
        addresses=tuple(one for one in wiring.addresses if ":" not in one.cidr),
        routes=tuple(one for one in wiring.routes if ":" not in one.destination),
        rules=tuple(one for one in wiring.rules if not one.is_ipv6),
    )


def plan_batch(wanted: Wiring, seen: Seen) -> tuple[str, ...]:
    """Return the lines of `ip -batch` that turn what is seen into what is wanted."""
    standing = seen.routes | seen.route6s
    missing = sorted(route for route in wanted.routes if route not in standing)
    # Blocking routes stand before there is any way for a packet to take.
    lines = [f"route replace {_route_text(route)}" for route in missing if not route.device]
    lines += [_veth_text(veth) for veth in sorted(wanted.veths) if veth.name not in seen.indices]
    gone = [
        name
        for name in sorted(seen.indices.keys() - set(wanted.devices))
        if wanted.kinds and name.startswith(wanted.kinds)
    ]
    lines += [f"link delete {name}" for name in gone]
    lines += _unwanted(wanted, seen, [one for one in standing if one.device not in gone])
    held = seen.addresses | seen.address6s
    lines += [
        f"address add {_address_text(address)}"
        for address in sorted(wanted.addresses)
        if (address.device, address.cidr) not in held
    ]
    lines += [
        f"link set {name} mtu {mtu}" for name, mtu in wanted.mtus if seen.mtus.get(name) != mtu
    ]
    lines += [f"link set {device} up" for device in wanted.devices if device not in seen.up]
    direct_first = sorted(missing, key=lambda route: (route.via != "", route))
    lines += [f"route replace {_route_text(route)}" for route in direct_first if route.device]
    return tuple(lines) + _rule_lines(wanted, seen, is_ipv6=False)


def plan_batch6(wanted: Wiring, seen: Seen) -> tuple[str, ...]:
    """Return the lines for `ip -6 -batch` that belong behind the others: IPv6's policy rules."""
    return _rule_lines(wanted, seen, is_ipv6=True)


def _rule_lines(wanted: Wiring, seen: Seen, *, is_ipv6: bool) -> tuple[str, ...]:
    ours = [rule for rule in wanted.rules if rule.is_ipv6 is is_ipv6]
    theirs = [rule for rule in seen.rules if rule.is_ipv6 is is_ipv6]
    added = [f"rule add {_rule_text(one)}" for one in ours if one not in theirs]
    lost = sorted(frozenset(theirs) - frozenset(ours)) if wanted.is_whole else []
    return (*added, *(f"rule delete {_rule_text(one)}" for one in lost))


def _unwanted(wanted: Wiring, seen: Seen, standing: Iterable[Route]) -> list[str]:
    """The lines that take away addresses and routes of ours that are wanted no more."""
    ours = frozenset(wanted.devices)
    addresses = {(address.device, address.cidr) for address in wanted.addresses}
    # A replaced route needs no deletion: there is no moment without it.
    replaced = {route.place for route in wanted.routes}
    lines = [
        f"address delete {cidr} dev {device}"
        for device, cidr in sorted((seen.addresses | seen.address6s) - addresses)
        if device in ours
    ]
    lines += [
        f"route delete {_route_text(route)}"
        for route in sorted(frozenset(standing) - frozenset(wanted.routes))
        if (route.device in ours or wanted.is_whole or route in wanted.outdated)
        and route.place not in replaced
    ]
    return lines


def _veth_text(veth: Veth) -> str:
    mac = f" address {veth.peer_mac}" if veth.peer_mac else ""
    return f"link add {veth.name} type veth peer name {veth.peer}{mac} netns {veth.peer_namespace}"


def _address_text(address: Address) -> str:
    is_local = address.cidr.startswith("fe80:")
    route = "" if is_local else " noprefixroute"
    return f"{address.cidr} dev {address.device}{route}{' nodad' if ':' in address.cidr else ''}"


def _route_text(route: Route) -> str:
    kind = "" if route.kind == "unicast" else f"{route.kind} "
    via = f" via {route.via}" if route.via else ""
    # Which device leads to a next hop is found out in the main table, and said in others.
    onlink = " onlink" if route.via and route.table != MAIN_TABLE else ""
    device = f" dev {route.device}{onlink}" if route.device else ""
    metric = f" metric {route.metric}" if route.metric else ""
    table = f" table {route.table}" if route.table != MAIN_TABLE else ""
    return f"{kind}{route.destination}{via}{device}{metric}{table}"


def _rule_text(rule: PolicyRule) -> str:
    to = f" to {rule.destination}" if rule.destination else ""
    mark = f" fwmark {rule.mark:#x}" if rule.mark else ""
    device = f" iif {rule.device}" if rule.device else ""
    return f"from all{to}{mark}{device} lookup {rule.table} priority {rule.priority}"
