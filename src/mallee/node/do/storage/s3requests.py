"""Signed requests to the object store, over connections that are kept for the next.

Called by `blockstore`, and by what moves users' objects. Threads may share a pool; each request
blocks, on a connection of its own. Not its business: what is kept where, and what an answer means.
"""

import contextlib
import http.client
import threading
import time

from mallee.aws.signature import sending
from mallee.aws.signature.sending import Caller, Request

TIMEOUT_S = 30.0
FAILURES = (OSError, http.client.HTTPException)
"""What a request may raise besides answers."""


class Connections:
    """Connections that wait for their next request. `close` them."""

    def __init__(self) -> None:
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._is_closed = False

    def close(self) -> None:
        """Close all connections; those in use when they are done."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def exchange(self, caller: Caller, request: Request, most: int) -> tuple[int, bytes]:
        """Return an answer's status and body, which has so many bytes at most. Raises `FAILURES`.

        A request is sent again when a kept connection was closed meanwhile: asking for one thing
        twice must be asking for it once.
        """
        connection = self._take(caller)
        is_fresh = connection.sock is None
        with contextlib.ExitStack() as undo:
            undo.callback(connection.close)
            try:
                answer = _exchange(connection, caller, request, most)
            except FAILURES:
                if is_fresh:
                    raise
                connection.close()
                answer = _exchange(connection, caller, request, most)
            undo.pop_all()
        self._give_back(connection)
        return answer

    def _take(self, caller: Caller) -> http.client.HTTPConnection:
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if (connection.host, connection.port) == (caller.host, caller.port):
                    return connection
                connection.close()
        return http.client.HTTPConnection(caller.host, caller.port, timeout=TIMEOUT_S)

    def _give_back(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if not self._is_closed:
                self._idle.append(connection)
                return
        connection.close()


def _exchange(
    connection: http.client.HTTPConnection, caller: Caller, request: Request, most: int
) -> tuple[int, bytes]:
    headers = sending.signed(caller, request, time.time())
    connection.request(request.method, request.path, request.body or None, headers)
    response = connection.getresponse()
    data = response.read(most + 1)
    if len(data) > most:
        raise http.client.HTTPException("the answer is longer than anything that is kept")
    return response.status, data
