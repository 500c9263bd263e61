"""Looks at the next hops to the world: by carrier, ARP (IPv4) and neighbour solicitation (IPv6).

Which they are follows from the kernel's default routes. What is asked stays on the wire: nothing is
sent beyond the next hop, and nothing of the host is changed. Called by `lookout` and by the doctor
(`checks.host`) in worker threads; what a look means is `outlook`'s.
"""

import json
import selectors
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from typing import Any

from mallee.kit import clock, process
from mallee.node.gateways.outlook import Hop, Look
from mallee.node.modes import lanframes

TRIES = 3
TRY_S = 0.4
"""How long an answer is waited for before the question is asked again."""
_ARP_TYPE = 0x0806
_SOLICIT, _ADVERT = 135, 136
_ICMP6_FILTER = 1
_NEIGHBOUR = struct.Struct("!BBHI16s")
_OWN_MAC = struct.Struct("!BB6s")

Links = Mapping[str, dict[str, Any]]
Answers = Callable[[socket.socket], bool]


def fetch() -> tuple[Hop, ...]:
    """Return where packets to the world go first, by the best of the default routes; none: there is
    no such route. IPv6 counts where there is no way of IPv4."""
    return _fetch("-4") or _fetch("-6")


def _fetch(family: str) -> tuple[Hop, ...]:
    listed = process.run(("ip", family, "-json", "route", "show", "default")).text
    return read_routes(json.loads(listed or "[]"))


def read_routes(routes: Iterable[dict[str, Any]]) -> tuple[Hop, ...]:
    """Return the hops of the routes with the best metric."""
    usable = [one for one in routes if one.get("type", "unicast") == "unicast"]
    best = min((one.get("metric", 0) for one in usable), default=0)
    hops = [
        Hop(way.get("dev", ""), way.get("gateway") or way.get("via", {}).get("host", ""))
        for one in usable
        if one.get("metric", 0) == best
        for way in one.get("nexthops", (one,))
    ]
    return tuple(sorted({hop for hop in hops if hop.device}))


def fetch_links() -> Links:
    """Return the devices of the host's own namespace as the kernel tells of them, by name."""
    listed = json.loads(process.run(("ip", "-json", "link", "show")).text)
    return {one["ifname"]: one for one in listed}


def look(hop: Hop, links: Links) -> Look:
    """Look at a hop; blocks for at most about a second."""
    device = links.get(hop.device)
    if device is None or not _has_carrier(device):
        return Look.CUT
    # On tunnels neighbours are not asked for.
    is_asked = device.get("link_type") == "ether" and "NOARP" not in device["flags"]
    if not hop.address or not is_asked:
        return Look.WELL
    ask = _ask6 if ip_address(hop.address).version == 6 else _ask4
    try:
        return Look.WELL if ask(hop) else Look.SILENT
    except OSError:
        # The device went away, or has just been switched off.
        return Look.CUT


def ailing_ports(device: str, links: Links) -> tuple[str, ...]:
    """Return the ports of a bridge, or the members of a bond, that have no carrier."""
    ports = (name for name, one in links.items() if one.get("master") == device)
    return tuple(sorted(name for name in ports if not _has_carrier(links[name])))


def _has_carrier(device: dict[str, Any]) -> bool:
    return "LOWER_UP" in device["flags"]


def _ask4(hop: Hop) -> bool:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ARP_TYPE)) as wire:
        wire.bind((hop.device, _ARP_TYPE))
        mac = wire.getsockname()[4].hex(":")
        question = lanframes.who_has(mac, _own_address(hop), hop.address)

        def is_answer(link: socket.socket) -> bool:
            said = lanframes.read(link.recv(256))
            if not isinstance(said, lanframes.Claim):
                return False
            return said.address == hop.address and said.mac != mac

        return _asked(wire, lambda: wire.send(question), is_answer)


def _own_address(hop: Hop) -> str:
    """Return under which address of its own the host would speak to the hop; nothing is sent."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, hop.device.encode())
        link.connect((hop.address, 9))
        return link.getsockname()[0]
    return ""


def _ask6(hop: Hop) -> bool:
    index = socket.if_nametoindex(hop.device)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as wire:
        wire.bind((hop.device, 0))
        mac = wire.getsockname()[4]
    target = IPv6Address(hop.address).packed
    question = _NEIGHBOUR.pack(_SOLICIT, 0, 0, 0, target) + _OWN_MAC.pack(1, 1, mac)
    everybody = str(IPv6Address(IPv6Address("ff02::1:ff00:0").packed[:13] + target[13:]))
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as wire:
        wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, hop.device.encode())
        wire.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, _only(_ADVERT))

        def is_answer(link: socket.socket) -> bool:
            said = link.recv(256)
            return len(said) >= _NEIGHBOUR.size and said[0] == _ADVERT and said[8:24] == target

        return _asked(wire, lambda: wire.sendto(question, (everybody, 0, 0, index)), is_answer)


def _only(kind: int) -> bytes:
    """Return the kernel's filter that lets one kind of ICMPv6 through."""
    blocked = ~(1 << kind) & ((1 << 256) - 1)
    return struct.pack("=8I", *(blocked >> 32 * at & 0xFFFFFFFF for at in range(8)))


def _asked(wire: socket.socket, ask: Callable[[], object], is_answer: Answers) -> bool:
    """Ask until an answer comes; tell whether one did."""
    wire.setblocking(False)
    with selectors.DefaultSelector() as ready:
        ready.register(wire, selectors.EVENT_READ)
        for _ in range(TRIES):
            ask()
            for left_s in clock.looks(TRY_S):
                for _ in ready.select(left_s):
                    with suppress(BlockingIOError):
                        if is_answer(wire):
                            return True
    return False
