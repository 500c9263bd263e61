"""The trail of a process that does not write it: its events go to the one that does.

The chain has one writer, the cloud's process; that of S3 brings its events to it through a socket
in the root directory, a line each. A call that changed something waits until its line is in the
trail's file; while the other process is away lines are kept, to a bound, and nobody waits for long.
Not its business: what a line says (`events`), and files (`journal`).
"""

import asyncio
import collections
import contextlib
import itertools
from pathlib import Path

import msgspec

from mallee.cloud import handover
from mallee.cloud.trail.events import Event
from mallee.cloud.trail.journal import Journal
from mallee.kit import logs

KEPT_MAX = 10_000
"""Lines that wait for the other process; beyond it the oldest are dropped, and the log says so."""
WAIT_S = 2.0
"""How long a call waits for its line to be in the trail."""
AGAIN_S = 0.25
TOGETHER_MAX = 64
"""Lines that are sent before the first of them is known to be taken."""
LINE_BYTES_MAX = 4 << 20
_AT_ONCE, _LATER = b"!", b"."
_TAKEN = b"\n"

_log = logs.get(__name__)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)

_Line = tuple[bytes, "asyncio.Future[None]"]


class Forwarder:
    """Brings events to the process that writes the trail. Belongs to one event loop."""

    def __init__(self, inbox: Path) -> None:
        self._inbox = inbox
        self._lines: collections.deque[_Line] = collections.deque()
        self._arrived = asyncio.Event()

    async def add(self, event: Event, *, at_once: bool) -> bool:
        """Have an event written: before this returns, as far as that is quick, or soon.

        Tells whether it is written.
        """
        taken = self.put(event, at_once=at_once)
        if at_once:
            await asyncio.wait([taken], timeout=WAIT_S)
        return taken.done()

    def put(self, event: Event, *, at_once: bool = False) -> "asyncio.Future[None]":
        """Have an event written soon; return what is done once it is."""
        if len(self._lines) >= KEPT_MAX:
            self._lines.popleft()
            _log.error("a line of the trail is lost", why="its writer has been away too long")
        taken = asyncio.get_running_loop().create_future()
        self._lines.append(((_AT_ONCE if at_once else _LATER) + _encoded(event) + b"\n", taken))
        self._arrived.set()
        return taken

    async def run(self) -> None:
        """Bring lines until cancelled."""
        while True:
            await self._arrived.wait()
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._bring()
            await asyncio.sleep(AGAIN_S)

    async def flush(self) -> None:
        """Wait for what is still on its way, but not for long."""
        waiting = [taken for _, taken in self._lines]
        if waiting:
            await asyncio.wait(waiting, timeout=WAIT_S)

    async def _bring(self) -> None:
        reader, writer = await asyncio.open_unix_connection(str(self._inbox))
        try:
            while True:
                while self._lines:
                    together = list(itertools.islice(self._lines, TOGETHER_MAX))
                    writer.writelines(line for line, _ in together)
                    await writer.drain()
                    for _, taken in together:
                        await reader.readexactly(len(_TAKEN))
                        self._end(taken)
                self._arrived.clear()
                await self._arrived.wait()
        finally:
            writer.close()

    def _end(self, taken: "asyncio.Future[None]") -> None:
        """Note that a line is written; it may have been dropped meanwhile."""
        if self._lines and self._lines[0][1] is taken:
            self._lines.popleft()
        if not taken.done():
            taken.set_result(None)


class Inbox:
    """Where the process that writes the trail takes others' events."""

    def __init__(self, path: Path, trail: Journal) -> None:
        self._path = path
        self._trail = trail
        self._server: asyncio.Server | None = None
        self._callers: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Take events from now on."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(
            self._serve, str(self._path), limit=LINE_BYTES_MAX
        )
        self._path.chmod(0o600)

    async def close(self) -> None:
        """Take no more."""
        if self._server is not None:
            self._server.close()
            for caller in self._callers:
                caller.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._callers.add(writer)
        try:
            if not handover.is_ours(writer.get_extra_info("socket")):
                return
            while line := await reader.readline():
                self._take(line)
                writer.write(_TAKEN)
        except (OSError, ValueError) as error:
            _log.warning("events not taken", problem=repr(error)[:200])
        finally:
            self._callers.discard(writer)
            writer.close()

    def _take(self, line: bytes) -> None:
        try:
            event = _decoder.decode(line[1:])
        except msgspec.MsgspecError as error:
            _log.error("event not understood", problem=str(error)[:200])
            return
        self._trail.add(event, at_once=line.startswith(_AT_ONCE))


def _encoded(event: Event) -> bytes:
    try:
        return _encoder.encode(event)
    except (UnicodeEncodeError, TypeError, ValueError) as error:
        # Whatever a client got in there: who it was and what was answered is told all the same.
        _log.error("call not told whole", request_id=event.request_id, problem=repr(error)[:200])
        rest = {"asked": {"omitted": "cannot be written"}, "agent": "", "message": ""}
        return _encoder.encode(msgspec.structs.replace(event, **rest))
