"""A network namespace of this process's own: no benchmark touches the machine's network."""

import ctypes
import os
import socket
import subprocess

_CLONE_NEWNET = 0x40000000


def enter() -> None:
    """Move this process into a fresh network namespace with a loopback and nothing else.

    Needs root; raises `OSError`. Call it before anything opens a socket.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot make a network namespace: {os.strerror(number)}")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def free_port() -> int:
    """A TCP port that nobody listens on; nobody else is here to take it."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def answers(port: int) -> bool:
    """Tell whether something listens on the port of this host."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
