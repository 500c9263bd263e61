"""One client's connection: requests in, one after the other, each answered before the next.

Between two requests it waits for a whole head, and for no longer than `IDLE_TIMEOUT_S`; a head for
the other process is handed over with the connection (`handover`). Invariants: (1) at most
`READ_BUFFER_BYTES` and what one read brings are held of what a client sends; (2) what was sent of a
body that nobody wants is never taken for a request; (3) whoever is to be told something and still
sends gets to read it (`LINGER_S`). Made by `server`. Not its business: what is answered.
"""

import asyncio
import contextlib
from collections import deque
from typing import Protocol, cast

from mallee.aws import dispatch, errors
from mallee.cloud import handover, http
from mallee.cloud.s3.serving import framing

IDLE_TIMEOUT_S = 60.0
"""How long a connection may keep the server waiting for a whole head of a request."""
READ_TIMEOUT_S = 30.0
"""How long a client may send nothing of its body."""
LINGER_S = 2.0
"""How long unread bytes of a refused request are thrown away."""
READ_BUFFER_BYTES = 256 << 10
WRITE_BUFFER_BYTES = 64 << 10
"""What a client has not taken of earlier answers before its next request is looked at."""
EARLY_BYTES_MAX = framing.HEAD_BYTES_MAX
"""What a client may send ahead of its next request."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Body:
    """The body of a request as it comes: a `bodies.Source`."""

    __slots__ = ("_connection", "_dechunker", "_error", "_held", "_left", "_pieces", "_waiter")

    def __init__(self, connection: "Connection", head: framing.Head) -> None:
        self._connection = connection
        self._left = head.length
        self._dechunker = framing.Dechunker() if head.is_chunked else None
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._waiter: asyncio.Future[None] | None = None
        self._error: errors.AwsError | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all of it has come."""
        return self._left == 0 if self._dechunker is None else self._dechunker.is_over

    def feed(self, data: bytes) -> bytes:
        """Take what came; return what is behind the body's end. Raises `framing.Malformed`."""
        if self._dechunker is not None:
            pieces, rest = self._dechunker.feed(data)
            # Chunks of a byte or two would each take many bytes of memory while they wait.
            piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            self._held += len(piece)
            if piece:
                self._pieces.append(piece)
        else:
            piece, rest = (data, b"") if len(data) <= self._left else _cut(data, self._left)
            self._left -= len(piece)
            self._held += len(piece)
            if piece:
                self._pieces.append(piece)
        if self._held >= READ_BUFFER_BYTES and not self.is_whole:
            self._connection.pause()
        self._wake()
        return rest

    def fail(self, error: errors.AwsError) -> None:
        """Say that no more will come."""
        if not self.is_whole:
            self._error = error
            self._wake()

    async def proceed(self) -> None:
        """Tell a client that waits for it to send its body."""
        self._connection.proceed()

    async def read(self) -> bytes:
        """Return what has come; nothing at the end."""
        while not self._pieces:
            if self.is_whole:
                return b""
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(READ_TIMEOUT_S):
                    await self._waiter
            except TimeoutError as error:
                raise errors.s3.RequestTimeout from error
            finally:
                self._waiter = None
        data = self._pieces.popleft()
        self._held -= len(data)
        if self._held < READ_BUFFER_BYTES:
            self._connection.resume()
        return data

    def drop(self) -> None:
        """Let go of what nobody reads."""
        self._pieces.clear()
        self._held = 0

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _cut(data: bytes, at: int) -> tuple[bytes, bytes]:
    return data[:at], data[at:]


class Owner(Protocol):
    """What a connection belongs to."""

    def opened(self, connection: "Connection") -> bool:
        """Note a connection; tell whether it may stay."""
        ...

    def closed(self, connection: "Connection") -> None:
        """Forget a connection."""
        ...

    def give(self, transport: asyncio.Transport, data: bytes) -> bool:
        """Hand the connection over if the request is the other process's; tell whether it was."""
        ...

    def refused(self, error: errors.AwsError) -> bytes:
        """Return the whole answer to what is no request."""
        ...

    async def serve(self, connection: "Connection", head: framing.Head, body: Body) -> None:
        """Answer a request."""
        ...


class Connection(asyncio.Protocol):
    """A connection from its first byte to its last. Belongs to the event loop's thread."""

    __slots__ = (
        "_awaits",
        "_body",
        "_choked",
        "_early",
        "_is_brought",
        "_is_lingering",
        "_is_over",
        "_is_paused",
        "_owner",
        "_sender",
        "_task",
        "deadline",
        "guest",
        "peer",
        "transport",
    )

    def __init__(self, owner: Owner, given: bytes, sender: http.Sender | None = None) -> None:
        self._owner = owner
        self._sender = sender
        """Whose all requests of the connection are; None: it came by the front door."""
        self.guest = sender.guest if sender else None
        self._early = bytearray(given)
        """What has come and belongs to no request yet."""
        self._is_brought = bool(given)
        """Whether what comes first is to be served here, wherever it belongs."""
        self._body: Body | None = None
        self._task: asyncio.Task[None] | None = None
        self._awaits = False
        """Whether the client waits to be told to go on."""
        self._choked: asyncio.Future[None] | None = None
        """Waits until the client takes what was written."""
        self._is_paused = self._is_lingering = self._is_over = False
        self.deadline = 0.0
        """When it is closed unless something happens, on the loop's clock; 0: not at all."""
        self.transport = cast(asyncio.Transport, None)
        self.peer = ""

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered."""
        return self._task is not None

    @property
    def is_reusable(self) -> bool:
        """Whether the next request can follow the answer to this one."""
        return not self._is_over and (self._body is None or self._body.is_whole)

    # --- the transport's calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; what came along from next door is the first that is served."""
        self.transport = cast(asyncio.Transport, transport)
        name = self.transport.get_extra_info("peername")
        self.peer = self._sender.peer if self._sender else name[0] if name else ""
        if not self._owner.opened(self):
            self.transport.abort()
            return
        self.transport.set_write_buffer_limits(WRITE_BUFFER_BYTES)
        self._wait()
        if self._early:
            self._next(0)

    def data_received(self, data: bytes) -> None:
        """Take bytes: of a body, or of the next head."""
        if self._is_lingering or self._is_over:
            return
        if self._body is not None and not self._body.is_whole:
            try:
                data = self._body.feed(data)
            except framing.Malformed as error:
                self._body.fail(error.answer)
                self._is_over = True
                return
            if not data:
                return
        known = len(self._early)
        self._early += data
        if self._task is None:
            self._next(known)
        elif len(self._early) > EARLY_BYTES_MAX:
            self.pause()

    def eof_received(self) -> bool:
        """Let a client that says no more read what it is still told."""
        self._is_over = True
        if self._body is not None:
            self._body.fail(errors.s3.IncompleteBody())
        return self._task is not None and not self._is_lingering

    def connection_lost(self, exc: Exception | None) -> None:
        """End: whoever reads or writes is told."""
        self._is_over = True
        self._owner.closed(self)
        if self._body is not None:
            self._body.fail(errors.s3.IncompleteBody())
        self.resume_writing()

    def pause_writing(self) -> None:
        """Note that the client does not take what is written."""
        if self._choked is None:
            self._choked = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """Note that it does again."""
        if self._choked is not None and not self._choked.done():
            self._choked.set_result(None)
        self._choked = None

    # --- for the server ---

    def proceed(self) -> None:
        """Tell a client that waits for it to send its body, once."""
        if self._awaits and self._body is not None and not self._body.is_whole:
            self.transport.write(_CONTINUE)
        self._awaits = False

    def pause(self) -> None:
        """Take no more of what the client sends."""
        if not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """Take more."""
        if self._is_paused:
            self._is_paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    async def drained(self, timeout_s: float) -> None:
        """Wait until the client has taken nearly all; raise `TimeoutError`, `ConnectionError`."""
        if self._choked is not None:
            async with asyncio.timeout(timeout_s):
                await asyncio.shield(self._choked)
        if self.transport.is_closing():
            raise ConnectionResetError("the client is gone")

    def end(self) -> None:
        """Answer no more: what was written still goes out, what still comes is thrown away."""
        if self._is_lingering or self.transport.is_closing():
            return
        self._is_over = True
        if self._body is None or self._body.is_whole or not self.transport.can_write_eof():
            self.transport.close()
            return
        self._is_lingering = True
        self.deadline = asyncio.get_running_loop().time() + LINGER_S
        self._body.drop()
        with contextlib.suppress(OSError):
            self.transport.write_eof()
        self.resume()

    def expire(self) -> None:
        """Close: its time is over."""
        self.transport.abort()

    # --- one request after the other ---

    def _wait(self) -> None:
        self.deadline = asyncio.get_running_loop().time() + IDLE_TIMEOUT_S

    def _next(self, known: int) -> None:
        """Begin the next request when its head is whole; `known` bytes were looked at before."""
        early = self._early
        while early.startswith(b"\r\n"):
            # Old clients send a line too many behind a body.
            del early[:2]
            known = 0
        end = early.find(framing.END, max(0, known - len(framing.END)))
        if end < 0:
            if len(early) > framing.HEAD_BYTES_MAX:
                self._refuse(errors.s3.RequestHeaderSectionTooLarge())
            elif not handover.may_be_awaited(early):
                self._refuse(errors.s3.BadRequest())
            return
        data = bytes(early)
        early.clear()
        if self._is_elsewhere(data):
            self._is_over = True
            self.deadline = 0.0
            self.transport.abort()
            return
        cut = end + len(framing.END)
        try:
            head = framing.parse(data[:cut] if cut < len(data) else data, self.peer, self.guest)
            self._body = body = Body(self, head)
            early += body.feed(data[cut:]) if cut < len(data) else b""
        except framing.Malformed as error:
            self._refuse(error.answer)
            return
        self.deadline = 0.0
        self._awaits = head.is_awaited
        if head.is_awaited and not head.length and not head.is_chunked:
            # botocore takes what answers such a request at once for the first line of the next
            # answer too, and then waits for the end of a body that has none.
            self.transport.write(_CONTINUE)
        self._task = asyncio.get_running_loop().create_task(self._serve(head, body))

    def _is_elsewhere(self, data: bytes) -> bool:
        """Tell whether the request is not ours; hand it over, unless its sender has a name.

        It would be lost on the way. Who brought the connection brings what is for others elsewhere:
        only who reuses it for another service comes here, and has to open one for that.
        """
        is_brought, self._is_brought = self._is_brought, False
        if self._sender is not None:
            return dispatch.is_for_others(data)
        # What came here is served here, so that no request goes back and forth.
        return not is_brought and self._owner.give(self.transport, data)

    async def _serve(self, head: framing.Head, body: Body) -> None:
        try:
            await self._owner.serve(self, head, body)
        finally:
            self._task = None
            self._served()

    def _served(self) -> None:
        """Go on with what the client has sent meanwhile."""
        if self.transport.is_closing():
            return
        if not self.is_reusable:
            self.end()
            return
        self._body = None
        self.resume()
        self._wait()
        if self._early:
            self._next(0)

    def _refuse(self, error: errors.AwsError) -> None:
        self.transport.write(self._owner.refused(error))
        self._early.clear()
        self._body = None
        self._is_over = self._is_lingering = True
        self.deadline = asyncio.get_running_loop().time() + LINGER_S
        with contextlib.suppress(OSError):
            self.transport.write_eof()
