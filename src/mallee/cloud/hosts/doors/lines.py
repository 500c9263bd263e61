"""Lines to guests' consoles: from a client's WebSocket to the one that the guest's host has opened.

Whoever may open a console asks for it by a signed call; the host is asked for its end (`asks`),
opens a WebSocket to the agents' endpoint (`bring`), and the caller gets a *ticket*, good once and
for half a minute, that stands for the line. Who shows the ticket at the public endpoint is joined
to it (`attach`): bytes go to and fro until either side ends, nobody says anything for a while, or
the caller may no more. Invariants: (1) a guest's console has one line at a time; (2) what is held
of it are the buffers of the sockets: a side that does not read stops the other.
Not its business: who may (`admin.consoles`), what the bytes mean.
"""

import asyncio
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from mallee.cloud.hosts import refusals
from mallee.cloud.hosts.doors import asks
from mallee.kit import clock as clocks
from mallee.kit import logs
from mallee.model.hosts import hosts
from mallee.model.hosts.hosts import LINE_BYTES_MAX

PATH = "/services/Consoles/"
"""Below it are the lines, by ticket."""
TUNNEL_PATH = "/openTunnel"
"""Where clients ask for a tunnel by a signature, and no ticket."""
TICKET_S = 30.0
IDLE_S = 15 * 60.0
"""How long a line may be silent in both directions."""
CHECK_S = 5.0
"""How often it is looked at whether its holder still may."""
HEARTBEAT_S = 20.0
"""How often each end is asked whether it is there."""
LINES_MAX = 256
KINDS = frozenset({hosts.ASK_SERIAL_LINE, hosts.ASK_SCREEN_LINE, hosts.ASK_TUNNEL})
ENDED, IDLE, OVER, NO_MORE = 1000, 4000, 4001, 4003
"""Codes with which a client's WebSocket is closed; what they mean is said with them."""

_log = logs.get(__name__)

May = Callable[[float], bool]
"""Tells whether a line's holder may have it at that moment."""


@dataclass(slots=True)
class _Line:
    instance_id: str
    far: web.WebSocketResponse
    """The host's end."""
    may: May | None = None
    """None: nobody holds its ticket yet."""
    life_s: float = math.inf
    """How long it may last, whoever talks."""
    heard_at: float = 0.0
    """Monotonic seconds of the last byte."""
    joined: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Lines:
    """The lines of this process. Belongs to the event loop's thread."""

    def __init__(self, questions: asks.Asks, clock: clocks.Clock = clocks.SYSTEM) -> None:
        self._asks = questions
        self._clock = clock
        self._by_guest: dict[tuple[str, str, str], _Line] = {}
        self._by_ticket: dict[str, _Line] = {}

    def is_taken(self, kind: str, instance_id: str) -> bool:
        """Tell whether the guest's console has a line already."""
        return (kind, instance_id, "") in self._by_guest

    def guests(self) -> list[str]:
        """Return the instances whose consoles or screens have lines, once for each line."""
        return [id for kind, id, _ in self._by_guest if kind != hosts.ASK_TUNNEL]

    def count(self, kind: str, id: str) -> int:
        """Return how many lines of that kind there are to one thing that somebody holds."""
        return sum(
            guest[:2] == (kind, id) and line.may is not None
            for guest, line in self._by_guest.items()
        )

    def hold(self, ticket: str, may: May, life_s: float = math.inf) -> bool:
        """Make the caller the line's holder; tell whether it was there and nobody's."""
        line = self._by_ticket.get(ticket)
        if line is None or line.may is not None:
            return False
        line.may, line.life_s = may, life_s
        return True

    async def close(self) -> None:
        """End all lines."""
        for line in self._by_guest.values():
            line.joined.set()
            line.ended.set()

    async def bring(self, request: web.Request, host_id: str, ask_id: str) -> web.StreamResponse:
        """Serve the host's end of a line that it was asked for; raise `Refused`."""
        asked = self._asks.opened(host_id, ask_id)
        if asked is None or asked.kind not in KINDS:
            raise refusals.Refused(404, "nobody waits for this line (any more)")
        # A console has one line, an endpoint as many tunnels as were asked for.
        guest = (asked.kind, asked.instance_id, ask_id if asked.kind == hosts.ASK_TUNNEL else "")
        if guest in self._by_guest or len(self._by_guest) >= LINES_MAX:
            raise refusals.Refused(409, "there is such a line already, or too many are open")
        far = web.WebSocketResponse(
            max_msg_size=LINE_BYTES_MAX, compress=False, heartbeat=HEARTBEAT_S
        )
        line = self._by_guest[guest] = _Line(asked.instance_id, far)
        ticket = secrets.token_urlsafe(32)
        try:
            await far.prepare(request)
            self._by_ticket[ticket] = line
            if self._asks.answer(host_id, ask_id, ticket.encode()):
                async with asyncio.timeout(TICKET_S):
                    await line.joined.wait()
                await line.ended.wait()
        except TimeoutError:
            _log.info("nobody came for a console's line", instance=asked.instance_id)
        finally:
            del self._by_guest[guest]
            self._by_ticket.pop(ticket, None)
            line.ended.set()
            await far.close()
        return far

    async def attach(self, request: web.BaseRequest, ticket: str) -> web.StreamResponse:
        """Join a client to the line that its ticket stands for, until it ends."""
        line = self._by_ticket.get(ticket)
        if line is None or not self._may(line):
            return web.Response(status=404, text="This ticket is not, or no longer, good.\n")
        # Programs for VNC in browsers have long asked for this protocol by name.
        near = web.WebSocketResponse(
            max_msg_size=LINE_BYTES_MAX,
            compress=False,
            heartbeat=HEARTBEAT_S,
            protocols=("binary",),
        )
        # Whatever becomes of it, it was shown once.
        del self._by_ticket[ticket]
        line.joined.set()
        try:
            await near.prepare(request)
            _log.info("console opened", instance=line.instance_id, peer=request.remote)
            code, why = await self._relay(near, line)
            await near.close(code=code, message=why.encode())
            _log.info("console closed", instance=line.instance_id, why=why)
        finally:
            line.ended.set()
        return near

    async def _relay(self, near: web.WebSocketResponse, line: _Line) -> tuple[int, str]:
        """Pass bytes both ways until the line ends; return how, as its client is told."""
        line.heard_at = self._clock.monotonic()
        ends = asyncio.ensure_future(self._watch(line))
        ways = [
            asyncio.ensure_future(self._pass(line, near, line.far)),
            asyncio.ensure_future(self._pass(line, line.far, near)),
            asyncio.ensure_future(line.ended.wait()),
        ]
        try:
            await asyncio.wait([ends, *ways], return_when=asyncio.FIRST_COMPLETED)
            return ends.result() if ends.done() else (ENDED, "the line has ended")
        finally:
            for task in (ends, *ways):
                task.cancel()
            await asyncio.gather(ends, *ways, return_exceptions=True)

    async def _pass(
        self, line: _Line, source: web.WebSocketResponse, sink: web.WebSocketResponse
    ) -> None:
        async for message in source:
            if message.type is not WSMsgType.BINARY:
                break
            line.heard_at = self._clock.monotonic()
            await sink.send_bytes(message.data)

    async def _watch(self, line: _Line) -> tuple[int, str]:
        ends_at = line.heard_at + line.life_s
        while True:
            await asyncio.sleep(min(CHECK_S, max(0.0, ends_at - self._clock.monotonic())))
            if self._clock.monotonic() >= ends_at:
                return OVER, "the longest time that was asked for is over"
            if not self._may(line):
                return NO_MORE, "the caller may no more"
            if self._clock.monotonic() - line.heard_at > IDLE_S:
                return IDLE, "nothing was said for a while"

    def _may(self, line: _Line) -> bool:
        return line.may is not None and line.may(self._clock.now())


def is_wanted(request: web.BaseRequest) -> bool:
    """Tell whether a request wants a line, by a ticket or as a tunnel."""
    is_upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
    path = _path(request)
    return is_upgrade and (path.startswith(PATH) or path == TUNNEL_PATH)


def ticket_of(request: web.BaseRequest) -> str:
    """Return the ticket of a request that wants a line; empty: it wants a tunnel."""
    path = _path(request)
    return path.removeprefix(PATH) if path.startswith(PATH) else ""


def _path(request: web.BaseRequest) -> str:
    return request.raw_path.partition("?")[0]
