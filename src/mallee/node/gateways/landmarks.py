"""Asks landmarks, addresses beyond the next hop, whether they answer: by ICMP echoes, of which one
answer is enough.

By the device that leads to the world and by no other, so that an answer shows that way and not
another one that the host has too. Called by `lookout` and by the doctor (`checks.host`) in worker
threads; what silence means is `outlook`'s.
"""

import os
import selectors
import socket
import struct
from collections.abc import Collection, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from ipaddress import ip_address

from mallee.kit import clock
from mallee.node.plan.network import probes

TRIES = 3
TRY_S = 0.5
"""How long answers are waited for before all who are silent are asked again."""
_HEAD = struct.Struct("!BBHHH")
_TOKEN_BYTES = 8


@dataclass(frozen=True, slots=True)
class _Family:
    """How echoes are of a version of IP."""

    family: socket.AddressFamily
    protocol: int
    ask: int
    answer: int
    has_header: bool
    """Whether an answer comes with the packet's header before it."""


_FAMILIES = {
    4: _Family(socket.AF_INET, socket.IPPROTO_ICMP, 8, 0, has_header=True),
    6: _Family(socket.AF_INET6, socket.IPPROTO_ICMPV6, 128, 129, has_header=False),
}


def answering(landmarks: Collection[str], devices: Iterable[str]) -> frozenset[str]:
    """Return which landmarks have answered, at least one where any does; blocks for a second and a
    half at most. Nobody when no device can send."""
    token = os.urandom(_TOKEN_BYTES)
    with ExitStack() as stack, selectors.DefaultSelector() as ready:
        for device in devices:
            for version in {ip_address(one).version for one in landmarks}:
                with suppress(OSError):
                    link = _open(_FAMILIES[version], device)
                    stack.callback(link.close)
                    ready.register(link, selectors.EVENT_READ, _FAMILIES[version])
        if not ready.get_map():
            return frozenset()
        for number in range(TRIES):
            _ask(ready, landmarks, number, token)
            if came := _hear(ready, token) & frozenset(landmarks):
                return came
    return frozenset()


def _open(kind: _Family, device: str) -> socket.socket:
    link = socket.socket(kind.family, socket.SOCK_RAW, kind.protocol)
    try:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        link.setblocking(False)
    except OSError:
        link.close()
        raise
    return link


def _ask(
    ready: selectors.BaseSelector, landmarks: Collection[str], number: int, token: bytes
) -> None:
    for key in ready.get_map().values():
        kind: _Family = key.data
        said = _HEAD.pack(kind.ask, 0, 0, 0, number) + token
        # Of IPv6 the kernel writes the checksum itself.
        whole = said[:2] + struct.pack("!H", probes.checksum(said)) + said[4:]
        for one in landmarks:
            if _FAMILIES[ip_address(one).version] is kind and isinstance(
                key.fileobj, socket.socket
            ):
                # Who cannot be reached is as silent as who does not answer.
                with suppress(OSError):
                    key.fileobj.sendto(whole, (one, 0))


def _hear(ready: selectors.BaseSelector, token: bytes) -> frozenset[str]:
    """Return who has answered first, and who else had by then."""
    came: set[str] = set()
    for left_s in clock.looks(TRY_S):
        if came:
            break
        for key, _ in ready.select(left_s):
            kind: _Family = key.data
            with suppress(OSError):
                assert isinstance(key.fileobj, socket.socket)
                said, (address, *_) = key.fileobj.recvfrom(512)
                begin = (said[0] & 15) * 4 if kind.has_header and said else 0
                echo = said[begin:]
                if echo[:1] == bytes((kind.answer,)) and echo[_HEAD.size :] == token:
                    came.add(str(ip_address(address.partition("%")[0])))
    return frozenset(came)
