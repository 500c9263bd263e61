"""Asks guests on their taps whether they are there, by ARP, as any neighbour would.

Called by `network` from a worker thread. The question is the probe of RFC 5227: it
has no sender address, so nobody's table learns anything from it, and the answer comes back to the
tap alone. It is heard before any firewall: what a guest forbids by rules is not what is asked.
"""

import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address

from mallee.kit import process
from mallee.node.do.network import namespaces

WITHIN_S = 1.0
"""How long an answer is waited for."""
_ETHERTYPE_ARP = 0x0806
_ARP = struct.Struct("!6s6sHHHBBH6s4s6s4s")
_ETHERNET, _IPV4, _REQUEST, _REPLY = 1, 0x0800, 1, 2
_EVERYBODY, _NOBODY, _NO_ADDRESS = b"\xff" * 6, bytes(6), bytes(4)
AT_ONCE = 200
"""Sockets that are open at the same time."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A guest as it is asked for: which answer, by which tap, is its."""

    id: str
    namespace: str
    tap: str
    mac: str
    ip: str


def answering(
    neighbours: Iterable[Neighbour], clock: Callable[[], float] = time.monotonic
) -> frozenset[str]:
    """Return the ids of those that answer; blocks up to `WITHIN_S` per namespace and batch."""
    by_namespace: dict[str, list[Neighbour]] = {}
    for one in neighbours:
        by_namespace.setdefault(one.namespace, []).append(one)
    found: set[str] = set()
    for namespace, those in by_namespace.items():
        for first in range(0, len(those), AT_ONCE):
            batch = those[first : first + AT_ONCE]
            try:
                found |= namespaces.run_inside(namespace, partial(_ask_all, batch, clock))
            except OSError:
                # The namespace is gone: so is whoever was in it.
                continue
    return frozenset(found)


def introduce(namespace: str, tap: str, mac: str, ips: Iterable[str]) -> None:
    """Have a namespace know at once who is behind a tap: a guest that goes on here would be asked
    first, and a question that is lost is asked again a second later. Raises `process.Failed`."""
    # Not for ever: whoever does not answer to it is asked for again.
    lines = (f"neighbour replace {ip} lladdr {mac} dev {tap} nud stale\n" for ip in ips)
    text = "".join(lines).encode()
    namespaces.run_inside(namespace, lambda: process.run(("ip", "-batch", "-"), text))


def _ask_all(those: list[Neighbour], clock: Callable[[], float]) -> set[str]:
    found: set[str] = set()
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for one in those:
            opened = _ask(one)
            if opened is not None:
                selector.register(stack.enter_context(opened), selectors.EVENT_READ, one)
        ends_at, is_over = clock() + WITHIN_S, False
        while selector.get_map() and not is_over:
            left_s = ends_at - clock()
            # What has come by then is heard, however late we are.
            is_over = left_s <= 0
            for key, _ in selector.select(max(0.0, left_s)):
                asked: Neighbour = key.data
                if isinstance(key.fileobj, socket.socket) and _is_answer(asked, key.fileobj):
                    found.add(asked.id)
                    selector.unregister(key.fileobj)
    return found


def _ask(one: Neighbour) -> socket.socket | None:
    """Send the question; None: there is no such tap, or nobody holds its other end."""
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK)
    try:
        opened.bind((one.tap, _ETHERTYPE_ARP))
        ours = opened.getsockname()[4]
        wanted = IPv4Address(one.ip).packed
        head = (_EVERYBODY, ours, _ETHERTYPE_ARP, _ETHERNET, _IPV4, 6, 4, _REQUEST)
        opened.send(_ARP.pack(*head, ours, _NO_ADDRESS, _NOBODY, wanted))
    except OSError:
        opened.close()
        return None
    return opened


def _is_answer(one: Neighbour, opened: socket.socket) -> bool:
    try:
        frame = opened.recv(_ARP.size)
    except OSError:
        return False
    if len(frame) < _ARP.size:
        return False
    _, _, ethertype, _, _, _, _, operation, mac, ip, _, _ = _ARP.unpack(frame)
    return (
        (ethertype, operation) == (_ETHERTYPE_ARP, _REPLY)
        and mac == bytes.fromhex(one.mac.replace(":", ""))
        and ip == IPv4Address(one.ip).packed
    )
