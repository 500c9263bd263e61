"""Looks at the ways to other hosts by ICMP echo: loss, time, and how large packets may be.

Every machine answers echoes by itself, so nobody has to wait at the other end. Packets bear the
mark *do not fragment*: what is too large for the way is lost, or refused by our own network card.
Called by `checks.answers` in a worker thread. Bounded: some hundred packets to each address.
"""

import os
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from mallee.model.hosts.checks import ECHOES, Path

_ECHO, _REPLY = 8, 0
_ICMP = struct.Struct("!BBHHH")
_HEADERS = 28
"""Of IPv4 and ICMP."""
_MTU_DISCOVER, _PROBE = 10, 3
"""IP_MTU_DISCOVER, IP_PMTUDISC_PROBE."""
_PAUSE_S = 0.01
_WAIT_S = 1.0
"""How long the last answers are waited for."""
_SIZES = (8000, 6000, 4000, 2000, 1500, 1492, 1480, 1450, 1420, 1400, 1350, 1280, 1000, 576)
_TRIES = 4
_USUAL = 84
_FIRST, _AGAIN = 3, 120
"""So many echoes go before those that count, and so many are counted where some were lost: a busy
machine loses one now and then."""
_STEP_MAX = 48
"""At most so many sizes are tried between one that passes and one that does not."""


@dataclass(slots=True)
class _Way:
    """What is known of the way to an address."""

    address: str
    sent: int = 0
    came: int = 0
    took_s: float = float("inf")
    passed: set[int] = field(default_factory=set[int])
    """Sizes of packets that came back."""
    mtu: int = 0


class Echoes:
    """Sends echoes and hears their answers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._id = int.from_bytes(os.urandom(2))
        self._number = 0
        self._open: dict[tuple[str, int], tuple[float, int]] = {}
        """By address and number: when it was sent, and how large it was."""
        self._link = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._link.setblocking(False)
        self._link.setsockopt(socket.IPPROTO_IP, _MTU_DISCOVER, _PROBE)
        self._ready = selectors.DefaultSelector()
        self._ready.register(self._link, selectors.EVENT_READ)

    def close(self) -> None:
        """Let go of the socket."""
        self._ready.close()
        self._link.close()

    def send(self, way: _Way, size: int) -> None:
        """Send an echo of that size to an address; one that cannot leave is lost."""
        self._number = (self._number + 1) & 0xFFFF
        data = bytes(size - _HEADERS)
        head = _ICMP.pack(_ECHO, 0, 0, self._id, self._number)
        packet = head[:2] + struct.pack("!H", checksum(head + data)) + head[4:] + data
        self._open[way.address, self._number] = self._clock(), size
        try:
            self._link.sendto(packet, (way.address, 0))
        except OSError:
            # No way there, or too large for our own network card.
            return

    def hear(self, ways: dict[str, _Way], for_s: float) -> None:
        """Take answers for so long, or until none is missing."""
        until = self._clock() + for_s
        while self._open and (left_s := until - self._clock()) > 0:
            for _ in self._ready.select(left_s):
                self._take(ways)

    def forget(self) -> None:
        """Await none of the answers that are missing."""
        self._open.clear()

    def _take(self, ways: dict[str, _Way]) -> None:
        try:
            packet, (address, _) = self._link.recvfrom(65535)
        except OSError:
            return
        number = read_reply(packet, self._id)
        if number is None:
            return
        sent_at, size = self._open.pop((address, number), (0.0, 0))
        way = ways.get(address)
        if way is None or not size:
            return
        way.came += size == _USUAL
        way.passed.add(size)
        way.took_s = min(way.took_s, self._clock() - sent_at)


def read_reply(packet: bytes, id: int) -> int | None:
    """Return the number of an echo's answer; None: it is none to ours, or none at all."""
    icmp = packet[(packet[0] & 15) * 4 :] if packet else b""
    if len(icmp) < _ICMP.size:
        return None
    kind, _, _, found, number = _ICMP.unpack_from(icmp)
    return number if (kind, found) == (_REPLY, id) else None


def look(addresses: Sequence[str], mtu: int) -> tuple[Path, ...]:
    """Look at the ways to the addresses; `mtu` is that of the network card. Blocks for seconds."""
    ways = {address: _Way(address, mtu=mtu) for address in addresses}
    echoes = Echoes()
    try:
        # Neighbours are found and switches learn by the first packets, which may be lost.
        _count(echoes, ways, _FIRST)
        _count(echoes, ways, ECHOES)
        lossy = {one: way for one, way in ways.items() if 0 < way.came < way.sent}
        _count(echoes, lossy, _AGAIN)
        _find_sizes(echoes, {one: way for one, way in ways.items() if way.came})
    finally:
        echoes.close()
    return tuple(_told(way) for way in ways.values())


def _count(echoes: Echoes, ways: dict[str, _Way], number: int) -> None:
    """Send so many echoes to each address, and count the answers anew."""
    for way in ways.values():
        way.sent = way.came = 0
    for _ in range(number if ways else 0):
        for way in ways.values():
            echoes.send(way, _USUAL)
            way.sent += 1
        echoes.hear(ways, _PAUSE_S)
    echoes.hear(ways, _WAIT_S)
    echoes.forget()


def _find_sizes(echoes: Echoes, ways: dict[str, _Way]) -> None:
    """Find how large packets may be, first roughly, then to the byte."""
    _try_sizes(echoes, ways, lambda way: (way.mtu,))
    short = {one: way for one, way in ways.items() if way.mtu not in way.passed}
    _try_sizes(echoes, short, lambda way: [size for size in _SIZES if size < way.mtu])
    _try_sizes(echoes, short, _between)


def _between(way: _Way) -> Sequence[int]:
    """Return the sizes between the largest that passed and the next one that was tried."""
    low = max(way.passed)
    high = min((size for size in (*_SIZES, way.mtu) if size > low), default=way.mtu)
    step = max(1, (high - low) // _STEP_MAX)
    return range(low + step, high, step)


def _try_sizes(
    echoes: Echoes, ways: dict[str, _Way], sizes: Callable[[_Way], Iterable[int]]
) -> None:
    tried = {one: tuple(sizes(way)) for one, way in ways.items()}
    for _ in range(_TRIES):
        for one, way in ways.items():
            for size in tried[one]:
                if size not in way.passed:
                    echoes.send(way, size)
        echoes.hear(ways, _PAUSE_S)
    slowest_s = max((way.took_s for way in ways.values()), default=0.0)
    echoes.hear(ways, min(_WAIT_S, 0.2 + 2 * slowest_s))
    echoes.forget()


def _told(way: _Way) -> Path:
    return Path(
        address=way.address,
        sent=way.sent,
        answered=way.came,
        took_ms=round(way.took_s * 1000, 2) if way.came else 0.0,
        packet_max=max(way.passed, default=0),
        mtu=way.mtu,
    )


def checksum(data: bytes) -> int:
    """Return the Internet's checksum of data (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
