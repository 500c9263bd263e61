"""Says on a wire where addresses are, unasked: neighbours who know another place learn the new one.

Called for addresses that have just come to a device, in the namespace where that is. The frame goes
out below any firewall, as ARP's own request for the very address that it is from.
"""

import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from mallee.node.do.network import namespaces

TIMES = 3
"""So often each address is said, once in each pass: a switch that has just got a port may not
listen yet."""
_ETHERTYPE_ARP = 0x0806
_ARP = struct.Struct("!6s6sHHHBBH6s4s6s4s")
_ETHERNET, _IPV4, _REQUEST = 1, 0x0800, 1
_EVERYBODY, _NOBODY = b"\xff" * 6, bytes(6)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """An address on a device; another device of the same name has another index."""

    device: str
    index: int
    ip: str


@dataclass(slots=True)
class Announcer:
    """What has been said in each namespace."""

    _said: dict[str, dict[Place, int]] = field(default_factory=dict[str, dict[Place, int]])

    def announce(self, namespace: str, places: Iterable[Place]) -> None:
        """Say what has not been said often enough; forget places that are not named."""
        before = self._said.get(namespace, {})
        now = {place: before.get(place, 0) for place in places}
        due = sorted(place for place, times in now.items() if times < TIMES)
        self._said[namespace] = now
        if due:
            namespaces.run_inside(namespace, lambda: _say(due))
            now.update({place: now[place] + 1 for place in due})

    def forget(self) -> None:
        """Know nothing any more."""
        self._said.clear()


def _say(places: list[Place]) -> None:
    for place in places:
        # A device that has just gone is nobody's place any more.
        with suppress(OSError), _open(place.device) as wire:
            mac = wire.getsockname()[4]
            ip = IPv4Address(place.ip).packed
            wire.send(
                _ARP.pack(
                    *(_EVERYBODY, mac, _ETHERTYPE_ARP),
                    *(_ETHERNET, _IPV4, 6, 4, _REQUEST),
                    *(mac, ip, _NOBODY, ip),
                )
            )


def _open(device: str) -> socket.socket:
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    try:
        wire.bind((device, _ETHERTYPE_ARP))
    except OSError:
        wire.close()
        raise
    return wire
