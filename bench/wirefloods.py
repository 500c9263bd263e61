"""Many HTTP requests at once, made beforehand and sent as bytes: what a client costs is not timed.

One process sends and reads on kept connections, as they become ready, and looks at no more of an
answer than its status and its length: 15 µs a request, so that it is never what is measured. To a
server that hangs up after each answer it connects anew. Used by `objects` for ours and theirs.
"""

import multiprocessing
import select
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent import futures
from dataclasses import dataclass, field

_READ = 1 << 20
_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Refused(Exception):
    """An answer is not of the 200s; the message holds its beginning."""


def rate(port: int, lanes: Sequence[Sequence[bytes]]) -> float:
    """Send each lane's requests one after the other, all lanes at once; return answers a second.

    From a process of its own, so that nothing here waits for anything but the server.
    """
    context = multiprocessing.get_context("fork")
    with futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        elapsed_s = pool.submit(_send_lanes, port, lanes).result()
    return sum(map(len, lanes)) / elapsed_s


def elapsed_s(port: int, request: Sequence[bytes | memoryview]) -> float:
    """Send one request, read its whole answer; return the seconds between."""
    with _connected(port) as connection:
        began = time.perf_counter()
        for piece in request:
            connection.sendall(piece)
        _read_answer(connection, bytearray(_READ))
        return time.perf_counter() - began


@dataclass(slots=True)
class _Lane:
    """One client: a connection, what it has yet to ask, and what is left of an answer."""

    requests: Iterator[bytes]
    connection: socket.socket
    head: bytes = b""
    left: int = -1
    """Bytes of the answer that have not come; -1: its head is not whole."""
    keeps: bool = field(default=True)

    def send(self) -> bool:
        """Send the next request; tell whether there was one."""
        request = next(self.requests, None)
        if request is None:
            return False
        self.head, self.left = b"", -1
        self.connection.sendall(request)
        return True

    def receive(self) -> bool:
        """Take what has come; tell whether the answer is whole."""
        got = self.connection.recv(65536)
        if not got:
            raise Refused(f"the connection ended after {self.head[:200]!r}")
        if self.left < 0:
            self.head += got
            end = self.head.find(_END)
            if end < 0:
                return False
            if not self.head.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2")):
                raise Refused(f"{self.head[:1000]!r}")
            head = self.head[:end].lower()
            self.keeps = b"\r\nconnection: close" not in head
            self.left = _length(head) - (len(self.head) - end - len(_END))
        else:
            self.left -= len(got)
        return self.left <= 0


def _send_lanes(port: int, lanes: Sequence[Sequence[bytes]]) -> float:
    """Send all lanes; return how long it took."""
    waiting = {lane.connection.fileno(): lane for lane in _opened(port, lanes)}
    poll = select.epoll()
    began = time.perf_counter()
    for number, lane in waiting.items():
        lane.send()
        poll.register(number, select.EPOLLIN)
    while waiting:
        for number, _ in poll.poll():
            lane = waiting[number]
            if not lane.receive():
                continue
            if not lane.keeps:
                number = _reconnect(port, lane, waiting, poll)
            if not lane.send():
                poll.unregister(number)
                waiting.pop(number).connection.close()
    return time.perf_counter() - began


def _opened(port: int, lanes: Sequence[Sequence[bytes]]) -> list[_Lane]:
    return [_Lane(iter(lane), _connected(port)) for lane in lanes]


def _reconnect(port: int, lane: _Lane, waiting: dict[int, _Lane], poll: select.epoll) -> int:
    number = lane.connection.fileno()
    poll.unregister(number)
    del waiting[number]
    lane.connection.close()
    lane.connection = _connected(port)
    number = lane.connection.fileno()
    waiting[number] = lane
    poll.register(number, select.EPOLLIN)
    return number


def _length(head: bytes) -> int:
    at = head.find(_LENGTH)
    return int(head[at + len(_LENGTH) :].partition(b"\r")[0]) if at >= 0 else 0


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=120)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _read_answer(connection: socket.socket, buffer: bytearray) -> None:
    """Read one answer. Raises `Refused`."""
    head = b""
    while _END not in head:
        got = connection.recv(65536)
        if not got:
            raise Refused(f"the connection ended after {head[:200]!r}")
        head += got
    head, _, rest = head.partition(_END)
    if not head.startswith(b"HTTP/1.1 2"):
        raise Refused(f"{head!r} {rest[:500]!r}")
    left = _length(head.lower()) - len(rest)
    while left > 0:
        got = connection.recv_into(buffer, min(left, len(buffer)))
        if not got:
            raise Refused("the connection ended within a body")
        left -= got
