"""A device on the administrator's LAN, spoken and listened to frame by frame.

A *link* hears ARP and what DHCP servers say to clients, whoever that is for: what a server sends to
a guest's MAC before it has an address is for us to hear. Nothing of the device is changed, but that
it hears all while the link is open. Called by `leasekeeper` and `duplicates`.
"""

import ctypes
import socket
import struct
from collections.abc import Iterator

from mallee.node.do.network import namespaces
from mallee.node.modes import lanframes

_ALL, _OUTGOING = 0x0003, 4
_SOL_PACKET, _ADD_MEMBERSHIP, _PROMISCUOUS = 263, 1, 1
_ATTACH_FILTER = 26
_FRAME_BYTES_MAX = 2048
FRAMES_AT_ONCE = 256
"""Who floods the LAN must not keep whoever listens from everything else."""
_TAGGED = 0xFFFFF000 + 48
_FILTER = (
    # Frames of a VLAN are other networks'.
    (0x30, 0, 0, _TAGGED), (0x15, 0, 11, 0),
    (0x28, 0, 0, 12), (0x15, 8, 0, 0x0806), (0x15, 0, 8, 0x0800),
    # UDP, whole, for port 68.
    (0x30, 0, 0, 23), (0x15, 0, 6, 17),
    (0x28, 0, 0, 20), (0x45, 4, 0, 0x1FFF),
    (0xB1, 0, 0, 14), (0x48, 0, 0, 16), (0x15, 0, 1, 68),
)  # fmt: skip
"""What the kernel lets through, as its classic filter: behind it follow *take* and *drop*."""
_TAKE, _DROP = (0x06, 0, 0, _FRAME_BYTES_MAX), (0x06, 0, 0, 0)


class Link:
    """A socket on a device of a namespace. Never waits."""

    def __init__(self, namespace: str, device: str) -> None:
        """Open it. Raises `OSError` where there is no such device."""
        self.device = device
        self._socket = namespaces.run_inside(namespace, lambda: _opened(device))
        self.mac = self._socket.getsockname()[4].hex(":")

    def fileno(self) -> int:
        """The descriptor that shows when something has come."""
        return self._socket.fileno()

    def send(self, frame: bytes) -> None:
        """Send a frame. Raises `OSError` where the device is down or gone."""
        self._socket.send(frame)

    def received(self) -> Iterator[lanframes.Came | lanframes.Claim]:
        """Yield what has come from others, but not without end: what is left shows as more. Raises
        `OSError` where the device is down or gone."""
        for _ in range(FRAMES_AT_ONCE):
            try:
                frame, sender = self._socket.recvfrom(_FRAME_BYTES_MAX)
            except BlockingIOError:
                return
            heard = lanframes.read(frame) if sender[2] != _OUTGOING else None
            if heard is not None and heard.mac != self.mac:
                yield heard

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


def _opened(device: str) -> socket.socket:
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC)
    try:
        _attach(link)
        link.bind((device, _ALL))
        index = socket.if_nametoindex(device)
        everything = struct.pack("iHH8s", index, _PROMISCUOUS, 0, b"")
        link.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, everything)
        link.setblocking(False)
    except OSError:
        link.close()
        raise
    return link


def _attach(link: socket.socket) -> None:
    """Have the kernel let through only what `lanframes` reads."""
    lines = b"".join(struct.pack("HBBI", *one) for one in (*_FILTER, _TAKE, _DROP))
    held = ctypes.create_string_buffer(lines)
    count = len(_FILTER) + 2
    program = struct.pack("HL", count, ctypes.addressof(held))
    link.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)
