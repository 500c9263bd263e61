"""The screen of a running domain, by libvirt: what it shows.

Called by `libvirt` alone, with a domain of its connection; its errors are libvirt's own.
"""
# libvirt's Python module is generated and carries no types.
# pyright: reportUnknownMemberType=false

from typing import Any

BYTES_MAX = 12 << 20


def fetch(domain: Any) -> bytes:
    """Return what the screen shows, as PNG or PPM."""
    stream = domain.connect().newStream()
    domain.screenshot(stream, 0)
    shown = bytearray()
    stream.recvAll(_take, shown)
    stream.finish()
    return bytes(shown)


def _take(_: Any, data: bytes, taken: bytearray) -> int:
    """Take what comes by a stream; what is too much ends it."""
    if len(taken) + len(data) > BYTES_MAX:
        return -1
    taken += data
    return len(data)
