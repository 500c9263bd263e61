"""A client's connections to the cloud's own services: whose each request is, and serving ours.

Where a request begins on a connection, its first bytes say whether it is for S3; then the
connection goes there (`handover`), and else aiohttp reads on. What came from next door is served
first of all. Made by `server`. Not its business: limits and answers (`server`), the way next door.
"""

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

from aiohttp import web, web_protocol, web_server

from mallee.cloud import handover, http
from mallee.cloud.handover import Neighbour, Passage


class Handler(web_protocol.RequestHandler):
    """A connection that is looked at whenever a request begins on it."""

    __slots__ = ("_answered", "_early", "_is_body_over", "_is_given", "_server")

    def __init__(self, server: "Connections", given: bytes, options: Mapping[str, Any]) -> None:
        super().__init__(server, **options)
        self._server = server
        self._early = bytearray()
        self._answered = 0
        """How many requests of this connection were answered."""
        self._is_body_over = True
        """Whether all bytes of the last of them had come by then."""
        self._is_given = given

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; what came along with a connection from next door is the first that is served."""
        super().connection_made(transport)
        if self._is_given:
            super().data_received(self._is_given)
            self._is_given = b""

    def data_received(self, data: bytes) -> None:
        """Take bytes; where a request begins, see whose it is."""
        if not self._is_between():
            super().data_received(data)
            return
        if self._early or handover.END not in data:
            searched = max(0, len(self._early) - len(handover.END))
            self._early += data
            is_open = len(self._early) < handover.HEAD_BYTES_MAX
            is_open = is_open and handover.END not in self._early[searched:]
            if is_open and handover.may_be_awaited(self._early):
                return
            data = bytes(self._early)
            self._early.clear()
        if self._server.give(self.transport, data):
            self.force_close()
        else:
            super().data_received(data)

    def _is_between(self) -> bool:
        """Tell whether the next byte is the first of a request, or of its head's rest."""
        waiter = self._waiter
        is_waiting = waiter is not None and not waiter.done()
        # A quick client's next request comes before the library waits for it.
        is_done = self._answered == self._request_count and self._is_body_over
        return not self._messages and (is_waiting or is_done)

    async def _handle_request(
        self, request: web.BaseRequest, start_time: float | None, request_handler: Any
    ) -> tuple[web.StreamResponse, bool]:
        """Deal with a request as the library does, and note that it is over."""
        done = await super()._handle_request(request, start_time, request_handler)
        self._answered += 1
        self._is_body_over = request.content.is_eof()
        return done


class Connections(web_server.Server):
    """Makes the handlers of a server's connections, and gives away those that are not its own."""

    def __init__(self, handle: Any, neighbour: Neighbour | None, **options: Any) -> None:
        super().__init__(handle, **options)
        self._options = options
        self._passage = Passage(neighbour)

    def __call__(self) -> Handler:
        """Return the handler of a connection that was accepted."""
        return self.handler(b"")

    def handler(self, given: bytes) -> Handler:
        """Return the handler of a connection that came with these bytes."""
        return Handler(self, given, {"loop": self._loop, **self._options})

    def give(self, transport: Any, data: bytes) -> bool:
        """Give the connection away when the request is the other's; tell whether it was."""
        return self._passage.give(transport, data)

    async def take(
        self, connection: socket.socket, given: bytes, sender: http.Sender | None
    ) -> None:
        """Serve a connection that came from next door; guests' requests come to us as values."""
        if sender is not None:
            raise OSError("a guest's connection came to the wrong door")
        connection.setblocking(False)
        await self._loop.connect_accepted_socket(lambda: self.handler(given), connection)
