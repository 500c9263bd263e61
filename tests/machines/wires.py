"""What passes on a link, seen from the host: packets as they are, for claims about them."""

import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from mallee.node.do.network import namespaces

_EVERY_PROTOCOL = 0x0003


@dataclass(frozen=True, slots=True)
class Packet:
    """An IPv4 packet."""

    source: str
    destination: str
    hops_left: int
    payload: bytes


class Capture:
    """Sees every packet of a device from the moment it is made; close it."""

    def __init__(self, device: str, namespace: str = namespaces.HOST) -> None:
        opened = partial(socket.socket, socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self._socket = namespaces.run_inside(namespace, opened) if namespace else opened()
        self._socket.bind((device, _EVERY_PROTOCOL))

    def __enter__(self) -> "Capture":
        return self

    def __exit__(self, *exception: object) -> None:
        self._socket.close()

    def seen(self) -> list[Packet]:
        """What passed since the last look."""
        packets: list[Packet] = []
        self._socket.setblocking(False)
        while True:
            try:
                data = self._socket.recv(65536)
            except BlockingIOError:
                return packets
            if data[:1] and data[0] >> 4 == 4:
                packets.append(_decode(data))

    def wait(self, is_it: Callable[[Packet], bool], timeout_s: float = 240.0) -> Packet:
        """The first packet that is wanted."""
        deadline = time.monotonic() + timeout_s
        while True:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            data = self._socket.recv(65536)
            if data[0] >> 4 == 4 and is_it(packet := _decode(data)):
                return packet


def _decode(data: bytes) -> Packet:
    header_bytes = 4 * (data[0] & 15)
    source, destination = struct.unpack_from("!4s4s", data, 12)
    return Packet(
        socket.inet_ntoa(source), socket.inet_ntoa(destination), data[8], data[header_bytes:]
    )
