"""Datagrams between sockets that stand in a lab's namespaces."""

import socket

from tests.node import lab


def exchange(mouth: socket.socket, ear: socket.socket, address: str) -> None:
    """Have a datagram go from one to the other at this address, and its answer come back."""
    mouth.sendto(b"said", (address, ear.getsockname()[1]))
    said, sender = ear.recvfrom(100)
    ear.sendto(said, sender)
    assert mouth.recv(100) == said


def is_deaf(ear: socket.socket) -> bool:
    """Whether nothing comes, of what must not."""
    ear.settimeout(lab.REFUSED_AFTER_S)
    try:
        ear.recv(100)
    except TimeoutError:
        return True
    finally:
        ear.settimeout(lab.ARRIVES_WITHIN_S)
    return False
