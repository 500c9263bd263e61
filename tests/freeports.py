"""Ports for a cloud of tests that keeps its ports when its daemons start again."""

import socket

from mallee.model.configuration.settings import Ports


def ports() -> Ports:
    """Ports of this machine's loopback that nobody listens on now."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return Ports(services=one.getsockname()[1], agents=other.getsockname()[1])
