"""The least that taking an object takes: its bytes read off a connection, and their MD5.

S3's clients hold a server to the MD5 of what they sent (it is the ETag), and MD5 cannot be computed
in pieces at once. So whoever stores an object is not faster than this, whatever his disk. Used by
`objects`.
"""

import hashlib
import multiprocessing
import socket
from collections.abc import Generator
from contextlib import contextmanager

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_READ = 1 << 18


@contextmanager
def reading(size: int) -> Generator[int]:
    """Read bodies of that size in a process of its own; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        context = multiprocessing.get_context("fork")
        process = context.Process(target=_serve, args=(listener, size), daemon=True)
        process.start()
        try:
            yield port
        finally:
            process.terminate()
            process.join()


def _serve(listener: socket.socket, size: int) -> None:
    buffer = memoryview(bytearray(_READ))
    while True:
        connection, _ = listener.accept()
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)
            first = head.partition(b"\r\n\r\n")[2]
            taken, md5 = len(first), hashlib.md5(first, usedforsecurity=False)
            while taken < size:
                got = connection.recv_into(buffer)
                md5.update(buffer[:got])
                taken += got
            md5.hexdigest()
            connection.sendall(_ANSWER)
