"""Ports for servers of tests that keep their ports when they start again."""

import random
import socket
from collections.abc import Iterator
from pathlib import Path

from mallee.model.configuration.settings import Ports

_LENT = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""Which ports Linux lends to connections, and to who asks for any."""
_FIRST = 10_000


def ports() -> Ports:
    """Ports for a cloud: see `port`."""
    return Ports(services=port(), agents=port())


def port() -> int:
    """A port of this machine's loopback that nobody listens on now: no two callers have the same,
    and no connection is lent it while who listens is away."""
    return next(_free)


def _find_free() -> Iterator[int]:
    first_lent = int(_LENT.read_text().split()[0])
    for port in random.sample(range(_FIRST, first_lent), first_lent - _FIRST):
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
        yield port


_free = _find_free()
