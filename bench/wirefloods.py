"""Many HTTP requests at once, made beforehand and sent as bytes: what a client costs is not timed.

Several processes with several kept connections each; an answer is read by its length and thrown
away. Used by `objects`.
"""

import multiprocessing
import socket
import time
from collections.abc import Sequence
from concurrent import futures

PROCESSES = 2
_READ = 1 << 20


class Refused(Exception):
    """An answer is not of the 200s; the message holds its beginning."""


def rate(port: int, lanes: Sequence[Sequence[bytes]]) -> float:
    """Send each lane's requests one after the other, all lanes at once; return answers a second."""
    shares = [lanes[number::PROCESSES] for number in range(PROCESSES)]
    context = multiprocessing.get_context("fork")
    with futures.ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        # Both are there before the clock starts.
        list(pool.map(_connectable, [port] * PROCESSES))
        began = time.perf_counter()
        list(pool.map(_send_lanes, [port] * PROCESSES, shares))
        elapsed_s = time.perf_counter() - began
    return sum(map(len, lanes)) / elapsed_s


def elapsed_s(port: int, request: Sequence[bytes | memoryview]) -> float:
    """Send one request, read its whole answer; return the seconds between."""
    with _connected(port) as connection:
        began = time.perf_counter()
        for piece in request:
            connection.sendall(piece)
        _read_answer(connection, bytearray(_READ))
        return time.perf_counter() - began


def _connectable(port: int) -> None:
    _connected(port).close()


def _send_lanes(port: int, lanes: Sequence[Sequence[bytes]]) -> None:
    def send(lane: Sequence[bytes]) -> None:
        _send_lane(port, lane)

    with futures.ThreadPoolExecutor(max(len(lanes), 1)) as threads:
        list(threads.map(send, lanes))


def _send_lane(port: int, lane: Sequence[bytes]) -> None:
    """Send one request after the other; to a server that hangs up, on a new connection each."""
    buffer = bytearray(_READ)
    connection = _connected(port)
    for request in lane:
        connection.sendall(request)
        if not _read_answer(connection, buffer):
            connection.close()
            connection = _connected(port)
    connection.close()


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=120)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _read_answer(connection: socket.socket, buffer: bytearray) -> bool:
    """Read one answer; tell whether the connection stays. Raises `Refused`."""
    head = b""
    while b"\r\n\r\n" not in head:
        got = connection.recv(65536)
        if not got:
            raise Refused(f"the connection ended after {head[:200]!r}")
        head += got
    head, _, rest = head.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 2"):
        raise Refused(f"{head!r} {rest[:500]!r}")
    left = int(_header(head, b"content-length") or 0) - len(rest)
    while left > 0:
        got = connection.recv_into(buffer, min(left, len(buffer)))
        if not got:
            raise Refused("the connection ended within a body")
        left -= got
    return _header(head, b"connection") != b"close"


def _header(head: bytes, wanted: bytes) -> bytes:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == wanted:
            return value.strip()
    return b""
