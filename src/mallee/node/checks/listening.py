"""Listens on a host's network for what other hosts send while the doctor looks, in the background.

An *ear* is begun by one question and asked by the next, so that any number of hosts can call
meanwhile; it ends by itself. It hears frames and tunnels' packets that bear its nonce, echoes to
public addresses, which it answers as if they were lent, and whoever speaks of the cloud's ranges.
All of it is sockets, so nothing is left when the agent is killed. Used by `checks.answers`.
"""

import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network

from mallee.model.hosts.checks import HEAR_S_MAX, HEARD_MAX, Announced, Heard, spans_of
from mallee.node.checks import announcements, echoes, frames, sieves

EARS_MAX = 2
_IP, _ARP = 0x0800, 0x0806
_LOOK_S = 0.1
_REST_S = 1.0
_SOL_PACKET, _ADD_MEMBERSHIP, _ALL_MULTICAST = 263, 1, 2
_ARRIVED_MAX, _ANNOUNCED_MAX = 1024, 64


class Busy(Exception):
    """Too much is listened for already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What shall be listened for."""

    nonce: str
    device: str
    """Where frames and announcements are heard."""
    held: frozenset[str] = frozenset()
    """Public addresses whose echoes are answered."""
    uplink: str = ""
    """Where ARP is answered for them; empty: nowhere, as they are led here by routes."""
    ranges: tuple[IPv4Network, ...] = ()
    """Of the cloud: of whoever speaks of them, or from them, note is taken."""


@dataclass(slots=True)
class Ear:
    """What was heard so far."""

    wish: Wish
    until: float
    vlans: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    tunnels: set[str] = field(default_factory=set[str])
    arrived: set[str] = field(default_factory=set[str])
    announced: set[Announced] = field(default_factory=set[Announced])
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def heard(self) -> tuple[Heard, ...]:
        """Whose frames came, in which VLANs."""
        return tuple(Heard(mac=mac, vlans=spans_of(it)) for mac, it in sorted(self.vlans.items()))


class Ears:
    """The ears of a host: so many and no more."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[Ear, threading.Thread]] = {}
        self._lock = threading.Lock()

    def begin(self, wish: Wish) -> None:
        """Begin to listen. Raises `Busy` and `OSError`."""
        with self._lock:
            self._open = {key: one for key, one in self._open.items() if one[1].is_alive()}
            if len(self._open) >= EARS_MAX or wish.nonce in self._open:
                raise Busy("others are listening on this host already; try again in some seconds")
            ear = Ear(wish, time.monotonic() + HEAR_S_MAX)
            links = _open(ear)
            thread = threading.Thread(target=_listen, args=(ear, links), daemon=True)
            self._open[wish.nonce] = ear, thread
            thread.start()

    def look(self, nonce: str) -> Ear | None:
        """Return what was heard so far, and go on; None: nobody listens for that."""
        found = self._open.get(nonce)
        return found[0] if found else None

    def end(self, nonce: str) -> Ear | None:
        """Stop listening, and return what was heard; None: nobody listens for that."""
        with self._lock:
            found = self._open.pop(nonce, None)
        if found is None:
            return None
        ear, thread = found
        ear.over.set()
        thread.join()
        return ear


_Links = dict[socket.socket, Callable[[socket.socket], None]]


def _open(ear: Ear) -> _Links:
    """Open all sockets, each with what is done about what it gets."""
    links: _Links = {}
    try:
        links[frames.open_link(ear.wish.device, sieves.FRAMES)] = lambda link: _note_frame(
            ear, link
        )
        tunnel = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        links[tunnel] = lambda link: _note_tunnel(ear, link)
        sieves.put(tunnel, sieves.TUNNELS)
        if ear.wish.held:
            answering = echoes.Answering(ear.wish.nonce, ear.wish.held)
            links[answering.link] = lambda link: answering.take(link, ear.arrived, _ARRIVED_MAX)
        if ear.wish.held and ear.wish.uplink:
            links[_packets(_ARP, ear.wish.uplink, raw=True)] = lambda link: echoes.answer_arp(
                link, ear.wish.held
            )
        if ear.wish.ranges:
            links[_packets(_ARP, ear.wish.device)] = lambda link: _note(
                ear, announcements.read_arp(link, ear.wish.ranges)
            )
            routes = _packets(_IP, ear.wish.device)
            links[routes] = lambda link: _note(ear, announcements.read_route(link, ear.wish.ranges))
            _hear_multicast(routes, ear.wish.device)
            sieves.put(routes, sieves.ROUTES)
        for link in links:
            link.setblocking(False)
    except OSError:
        _close(links)
        raise
    return links


def _packets(kind: int, device: str, *, raw: bool = False) -> socket.socket:
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW if raw else socket.SOCK_DGRAM, 0)
    try:
        link.bind((device, kind))
    except OSError:
        link.close()
        raise
    return link


def _hear_multicast(link: socket.socket, device: str) -> None:
    """Have the card take what routers say to each other; it ends with the socket."""
    told = struct.pack("=iHH8s", socket.if_nametoindex(device), _ALL_MULTICAST, 0, b"")
    link.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, told)


def _listen(ear: Ear, links: _Links) -> None:
    try:
        with selectors.DefaultSelector() as ready:
            for link, take in links.items():
                ready.register(link, selectors.EVENT_READ, (take, link))
            while not ear.over.is_set() and time.monotonic() < ear.until:
                _take(ready, _LOOK_S)
            # What had come by then is heard by who is late too; floods have no end.
            until = time.monotonic() + _REST_S
            while _take(ready, 0) and time.monotonic() < until:
                pass
    finally:
        _close(links)


def _take(ready: selectors.BaseSelector, within_s: float) -> bool:
    """Take something of what comes within the time; tell whether there was anything."""
    found = ready.select(within_s)
    for key, _ in found:
        take, link = key.data
        take(link)
    return bool(found)


def _close(links: _Links) -> None:
    for link in links:
        link.close()


_AT_ONCE = 256


def _note_frame(ear: Ear, link: socket.socket) -> None:
    for _ in range(_AT_ONCE):
        one = frames.read(link, ear.wish.nonce)
        if one is None:
            return
        mac, vlan = one
        if mac in ear.vlans or len(ear.vlans) < HEARD_MAX:
            ear.vlans.setdefault(mac, set()).add(vlan)


def _note_tunnel(ear: Ear, link: socket.socket) -> None:
    try:
        packet, (address, _) = link.recvfrom(256)
    except OSError:
        return
    if sieves.MARK + ear.wish.nonce.encode() in packet and len(ear.tunnels) < HEARD_MAX:
        ear.tunnels.add(address)


def _note(ear: Ear, found: Announced | None) -> None:
    if found is not None and len(ear.announced) < _ANNOUNCED_MAX:
        ear.announced.add(found)
