"""Sends frames with VLAN tags to whoever listens, and reads them.

Of the type for experiments, so that nobody else minds them; with a nonce, by which they are told
from those of another check. The kernel needs no VLANs of its own for it. Called by
`checks.answers` in a worker thread, and by `listening`.
"""

import socket
import struct
import time
from collections.abc import Collection, Sequence

from mallee.model.hosts.checks import CALL_S, TUNNEL_PORT
from mallee.node.checks import sieves

_EVERYBODY = b"\xff" * 6
_ALL = 0x0003
_SOL_PACKET, _AUXDATA = 263, 8
_HAS_TAG = 1 << 4
_AUX = struct.Struct("IIIHHHH")
_TYPE = struct.pack("!H", sieves.EXPERIMENT)
_FRAME_BYTES_MIN = 60
_BURST, _BURST_PAUSE_S = 32, 0.004
_FRAMES_MAX = 4096
"""So many are sent again and again; of more VLANs each has its turn twice."""
_RECEIVE_BYTES = 16 << 20
_SO_RCVBUFFORCE = 33


def call(device: str, nonce: str, vlans: Collection[int], addresses: Collection[str]) -> None:
    """Send a frame for each VLAN to everybody, and a packet by the tunnels' port to each address,
    several times."""
    times = max(2, min(5, _FRAMES_MAX // max(1, len(vlans))))
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as mouth,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tunnel,
    ):
        mouth.bind((device, 0))
        mac = mouth.getsockname()[4]
        for _ in range(times):
            for number, vlan in enumerate(sorted(vlans)):
                if number % _BURST == _BURST - 1:
                    time.sleep(_BURST_PAUSE_S)
                send(mouth, tagged(mac, vlan, _TYPE + sieves.MARK + nonce.encode()))
            for address in addresses:
                _dig(tunnel, address, nonce)
            time.sleep(CALL_S / times)


def send(mouth: socket.socket, frame: bytes) -> None:
    """Send a frame, or lose it."""
    try:
        mouth.send(frame)
    except OSError:
        # The card's queue is full.
        time.sleep(_BURST_PAUSE_S)


def _dig(tunnel: socket.socket, address: str, nonce: str) -> None:
    """Send what looks like a tunnel's packet and is none: its header says so (RFC 7348, 5)."""
    try:
        tunnel.sendto(bytes(8) + sieves.MARK + nonce.encode(), (address, TUNNEL_PORT))
    except OSError:
        # No way there, or our own rules forbid it: whoever listens there will not have heard it.
        return


def tagged(mac: bytes, vlan: int, said: bytes) -> bytes:
    """Return a frame to everybody, of a type and what is in it; 0: without a tag."""
    tag = struct.pack("!HH", sieves.TAG, vlan) if vlan else b""
    return (_EVERYBODY + mac + tag + said).ljust(_FRAME_BYTES_MIN, b"\0")


def open_link(device: str, sieve: Sequence[sieves.Instruction]) -> socket.socket:
    """Return a socket that gets and sends a card's frames, those that pass the sieve."""
    ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        sieves.put(ear, sieve)
        ear.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BYTES)
        ear.setsockopt(_SOL_PACKET, _AUXDATA, 1)
        ear.setblocking(False)
        ear.bind((device, _ALL))
    except OSError:
        ear.close()
        raise
    return ear


def read(ear: socket.socket, nonce: str) -> tuple[str, int] | None:
    """Return whose frame waits at a socket, and of which VLAN; None: none of ours."""
    frame, vlan = receive(ear)
    if not frame[12:].startswith(_TYPE + sieves.MARK + nonce.encode()):
        return None
    return frame[6:12].hex(":"), vlan


def receive(ear: socket.socket) -> tuple[bytes, int]:
    """Return a frame that waits at a socket without its tag, and which VLAN it was of; an empty
    one when none waits."""
    try:
        frame, told, _, _ = ear.recvmsg(2048, 256)
    except OSError:
        return b"", 0
    vlan = 0
    for level, kind, data in told:
        if (level, kind) == (_SOL_PACKET, _AUXDATA) and len(data) >= _AUX.size:
            status, _, _, _, _, tag, _ = _AUX.unpack(data[: _AUX.size])
            vlan = tag & 0xFFF if status & _HAS_TAG else 0
    if frame[12:14] == struct.pack("!H", sieves.TAG):
        # Of a frame that ends here it is no number, and nothing else is in it.
        vlan = int.from_bytes(frame[14:16]) & 0xFFF
        frame = frame[:12] + frame[16:]
    return frame, vlan
