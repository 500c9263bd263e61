"""Sends frames with VLAN tags to whoever listens, and listens for them.

Of the type for experiments (IEEE 802: 0x88B5), so that nobody else minds them; with a nonce, by
which they are told from those of another check. The kernel needs no VLANs of its own for it.
Called by `checks.answers` in a worker thread.
"""

import selectors
import socket
import struct
import time
from collections.abc import Sequence

from mallee.model.checks import CALL_S, HEAR_S, HEARD_MAX, Heard

_TYPE = 0x88B5
_TAG = 0x8100
_MARK = b"mallee-check "
_EVERYBODY = b"\xff" * 6
_ALL = 0x0003
_SOL_PACKET, _AUXDATA = 263, 8
_HAS_TAG = 1 << 4
_AUX = struct.Struct("IIIHHHH")
_ROUNDS = 5
_FRAME_BYTES_MIN = 60


def call(device: str, nonce: str, vlans: Sequence[int]) -> None:
    """Send a frame for each VLAN to everybody, several times."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as mouth:
        mouth.bind((device, 0))
        mac = mouth.getsockname()[4]
        for _ in range(_ROUNDS):
            for vlan in vlans:
                mouth.send(_frame(mac, vlan, nonce))
            time.sleep(CALL_S / _ROUNDS)


def _frame(mac: bytes, vlan: int, nonce: str) -> bytes:
    tag = struct.pack("!HH", _TAG, vlan) if vlan else b""
    frame = _EVERYBODY + mac + tag + struct.pack("!H", _TYPE) + _MARK + nonce.encode()
    return frame.ljust(_FRAME_BYTES_MIN, b"\0")


def hear(device: str, nonce: str) -> tuple[Heard, ...]:
    """Listen for frames with the nonce for some seconds; return whose were heard in which VLAN."""
    heard: set[Heard] = set()
    until = time.monotonic() + HEAR_S
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL)) as ear,
        selectors.DefaultSelector() as ready,
    ):
        ear.bind((device, _ALL))
        ear.setsockopt(_SOL_PACKET, _AUXDATA, 1)
        ear.setblocking(False)
        mine = ear.getsockname()[4]
        ready.register(ear, selectors.EVENT_READ)
        while len(heard) < HEARD_MAX and (left_s := until - time.monotonic()) > 0:
            for _ in ready.select(left_s):
                one = read(ear, nonce)
                if one is not None and one.mac != mine.hex(":"):
                    heard.add(one)
    return tuple(sorted(heard, key=lambda one: (one.mac, one.vlan)))


def read(ear: socket.socket, nonce: str) -> Heard | None:
    """Return whose frame waits at a socket, and of which VLAN; None: none of ours."""
    try:
        frame, told, _, _ = ear.recvmsg(128, 256)
    except BlockingIOError:
        return None
    vlan, at = 0, 12
    for level, kind, data in told:
        if (level, kind) == (_SOL_PACKET, _AUXDATA) and len(data) >= _AUX.size:
            status, _, _, _, _, tag, _ = _AUX.unpack(data[: _AUX.size])
            vlan = tag & 0xFFF if status & _HAS_TAG else 0
    if frame[at : at + 2] == struct.pack("!H", _TAG):
        # Of a frame that ends here it is no number, and nothing else is in it.
        vlan = int.from_bytes(frame[at + 2 : at + 4]) & 0xFFF
        at += 4
    if not frame[at:].startswith(struct.pack("!H", _TYPE) + _MARK + nonce.encode()):
        return None
    return Heard(mac=frame[6:12].hex(":"), vlan=vlan)
