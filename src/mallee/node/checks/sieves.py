"""Sieves for sockets: the kernel hands over what a check waits for, and nothing else.

Programs of the classic packet filter (BPF), a few instructions each: a busy host must not hand all
that passes by to Python. They go with their socket. Used by who listens.
"""

import ctypes
import socket
import struct
from collections.abc import Sequence

from mallee.model.hosts.checks import TUNNEL_PORT

_ATTACH = 26
LOAD_WORD, LOAD_HALF, LOAD_BYTE, _LOAD_HEAD = 0x20, 0x28, 0x30, 0xB1
_LOAD_WORD_AT, _LOAD_HALF_AT, _LOAD_BYTE_AT = 0x40, 0x48, 0x50
IS, IS_MORE, MASK, GIVE = 0x15, 0x25, 0x54, 0x06
ALL = 0x40000
_UDP, _ICMP, _ECHO, _REPLY, _OSPF = 17, 1, 8, 0, 89
_RIP, _DHCP_CLIENT = 520, 68
MARK = b"mallee-check "
_MARK = int.from_bytes(MARK[:4])
EXPERIMENT = 0x88B5
"""The type of frames for experiments (IEEE 802): nobody else minds them."""
TAG = 0x8100

Instruction = tuple[int, int, int, int]
"""Code, how many to pass over when true, and when not, and a number."""

FRAMES: tuple[Instruction, ...] = (
    (LOAD_HALF, 0, 0, 12),
    (IS, 3, 0, EXPERIMENT),
    (IS, 0, 3, TAG),
    (LOAD_HALF, 0, 0, 16),
    (IS, 0, 1, EXPERIMENT),
    (GIVE, 0, 0, ALL),
    (GIVE, 0, 0, 0),
)
"""Frames of ours, with a tag and without."""


def _marked(load: Instruction, number: int, at: int) -> tuple[Instruction, ...]:
    """Return the sieve of IPv4 packets that have a number behind their header, and our mark at a
    place there."""
    return (
        (_LOAD_HEAD, 0, 0, 0),
        load,
        (IS, 0, 3, number),
        (_LOAD_WORD_AT, 0, 0, at),
        (IS, 0, 1, _MARK),
        (GIVE, 0, 0, ALL),
        (GIVE, 0, 0, 0),
    )


def _pings(kind: int) -> tuple[Instruction, ...]:
    """Return the same of ICMP of a kind alone."""
    marked = _marked((_LOAD_BYTE_AT, 0, 0, 0), kind, 8)
    return ((LOAD_BYTE, 0, 0, 9), (IS, 0, len(marked) - 1, _ICMP), *marked)


TUNNELS = _marked((_LOAD_HALF_AT, 0, 0, 2), TUNNEL_PORT, 16)
"""Of packets of UDP those to the tunnels' port that bear our mark."""

OFFERS: tuple[Instruction, ...] = (
    (LOAD_HALF, 0, 0, 12),
    (IS, 0, 4, 0x0800),
    (LOAD_BYTE, 0, 0, 23),
    (IS, 0, 9, _UDP),
    (LOAD_HALF, 0, 0, 36),
    (IS, 6, 7, _DHCP_CLIENT),
    (IS, 0, 6, TAG),
    (LOAD_BYTE, 0, 0, 27),
    (IS, 0, 4, _UDP),
    (LOAD_HALF, 0, 0, 40),
    (IS, 1, 2, _DHCP_CLIENT),
    (GIVE, 0, 0, 0),
    (GIVE, 0, 0, ALL),
    (GIVE, 0, 0, 0),
)
"""Frames with what servers of DHCP say to clients, with a tag and without."""

ECHOES = _pings(_ECHO)
"""Of packets of IPv4 the echoes that bear our mark."""

REPLIES = _pings(_REPLY)
"""Of packets of IPv4 the answers to them."""

ROUTES: tuple[Instruction, ...] = (
    (LOAD_BYTE, 0, 0, 9),
    (IS, 4, 0, _OSPF),
    (IS, 0, 4, _UDP),
    (_LOAD_HEAD, 0, 0, 0),
    (_LOAD_HALF_AT, 0, 0, 2),
    (IS, 0, 1, _RIP),
    (GIVE, 0, 0, ALL),
    (GIVE, 0, 0, 0),
)
"""Of packets of IPv4 what routers announce by RIP and OSPF."""


def put(link: socket.socket, sieve: Sequence[Instruction]) -> None:
    """Let a socket have what passes the sieve, and nothing that came before."""

    class _Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("text", ctypes.c_void_p))

    kept = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in sieve))
    program = _Program(len(sieve), ctypes.addressof(kept))
    link.setsockopt(socket.SOL_SOCKET, _ATTACH, bytes(program))
