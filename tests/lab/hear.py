"""Prints the VLAN tag of each broadcast that a NIC hears, 0 for none, until its input ends.

Run in a lab's host: `python hear.py NIC`. The kernel takes tags off before programs see frames, and
tells them beside.
"""

import select
import socket
import struct
import sys

_ALL = 0x0003
_SOL_PACKET, _PACKET_AUXDATA = 263, 8
_HAS_TAG = 1 << 4


def main() -> None:
    """Listen until standard input ends."""
    heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
    heard.bind((sys.argv[1], 0))
    heard.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
    print("listening", flush=True)
    while heard in select.select((heard, sys.stdin), (), ())[0]:
        frame, told, _, _ = heard.recvmsg(2048, 256)
        for level, kind, data in told:
            if (level, kind) != (_SOL_PACKET, _PACKET_AUXDATA) or frame[:6] != b"\xff" * 6:
                continue
            status, _, _, _, _, tag, _ = struct.unpack("IIIHHHH", data)
            print(tag & 0xFFF if status & _HAS_TAG else 0, flush=True)


main()
