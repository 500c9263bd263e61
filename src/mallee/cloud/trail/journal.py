"""The trail as the pipeline writes it: when lines go to the kernel, and when to the disk.

1. A call that changed something is in the file before its answer leaves, so a killed process owes
   no line of what its clients know. Calls that only looked are gathered for `DELAY_S`.
2. What is in the file is on the disk within `SYNC_S`, by a thread, so no call waits for the disk.
3. A disk that takes nothing keeps no call from its answer; what could not be kept the chain tells.
4. A stranger, who has no account, cannot drive others' lines out: beyond a budget his refused calls
   are counted and told together.

Belongs to the event loop's thread. Not its business: what a line says (`events`).
"""

import asyncio
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import msgspec

from mallee.cloud.identity import strangers
from mallee.cloud.trail import events
from mallee.kit import clock as clocks
from mallee.kit import logs
from mallee.kit.chain import writer
from mallee.model.configuration.settings import Settings

DELAY_S = 0.05
SYNC_S = 1.0
PEERS_MAX = 1000
"""Of so many strangers at once each is told by name, of the others how many calls they were."""

_log = logs.get(__name__)
_encoder = msgspec.json.Encoder()


@dataclass(slots=True)
class _Uncounted:
    """Refused calls of strangers that are not told one by one."""

    gate: strangers.Gate = field(default_factory=strangers.Gate)
    last: dict[str, events.Event] = field(default_factory=dict[str, events.Event])
    counts: dict[str, int] = field(default_factory=dict[str, int])

    def swallow(self, event: events.Event) -> bool:
        """Count the event instead of telling it, where its peer's budget is used up."""
        if event.account or not event.error or self.gate.admit(event.peer, event.at.timestamp()):
            return False
        peer = event.peer if event.peer in self.last or len(self.last) < PEERS_MAX else ""
        self.last[peer] = event
        self.counts[peer] = self.counts.get(peer, 0) + 1
        return True

    def take(self) -> Iterator[events.Event]:
        """Yield an event for each peer, with how many it stands for; forget them."""
        last, counts = self.last, self.counts
        self.last, self.counts = {}, {}
        for peer, event in last.items():
            yield msgspec.structs.replace(event, peer=peer, more=counts[peer])


class Journal:
    """Writes the trail, from when it is made until the end of the `with` block."""

    def __init__(
        self, directory: Path, key: bytes, settings: Settings, clock: clocks.Clock = clocks.SYSTEM
    ) -> None:
        """Go on where the trail ends; raises `writer.Held` and `OSError`."""
        self.directory = directory
        self._clock = clock
        bounds = writer.Bounds(
            kept_bytes=settings.trail.kept_gib << 30, kept_s=settings.trail.kept_days * 86400.0
        )
        self._writer = writer.Writer(directory, key, bounds, clock.now())
        self._uncounted = _Uncounted()
        self._is_waiting = False
        self._is_syncing = False
        self._is_closed = False
        self._write()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._is_closed = True
        self._tell_uncounted()
        with self._complaining():
            self._writer.close(self._clock.now())

    def add(self, event: events.Event, *, at_once: bool) -> None:
        """Have the event written: before this returns, or within `DELAY_S`."""
        if self._is_closed:
            return
        if not self._uncounted.swallow(event):
            self._writer.add(_encode(event))
        if at_once:
            self._write()
            self._sync_soon()
        elif not self._is_waiting:
            self._is_waiting = True
            asyncio.get_running_loop().call_later(DELAY_S, self._write_gathered)

    def _write_gathered(self) -> None:
        self._is_waiting = False
        if not self._is_closed:
            self._write()
            self._sync_soon()

    def _write(self) -> None:
        if self._writer.is_dirty:
            with self._complaining():
                self._writer.write(self._clock.now())

    def _sync_soon(self) -> None:
        if not self._is_syncing:
            self._is_syncing = True
            asyncio.get_running_loop().call_later(SYNC_S, self._begin_sync)

    def _begin_sync(self) -> None:
        if self._is_closed:
            return
        self._tell_uncounted()
        try:
            sync = self._writer.begin_sync()
        except OSError as error:
            self._is_syncing = False
            _log.error("trail not synced", problem=str(error))
            return
        done = asyncio.get_running_loop().run_in_executor(None, sync)
        done.add_done_callback(self._end_sync)

    def _end_sync(self, done: "asyncio.Future[None]") -> None:
        self._is_syncing = False
        error = None if done.cancelled() else done.exception()
        if error is not None:
            _log.error("trail not synced", problem=str(error))
        if not self._is_closed and self._writer.is_unsynced:
            self._sync_soon()

    def _tell_uncounted(self) -> None:
        for event in self._uncounted.take():
            self._writer.add(_encode(event))
        self._write()

    @contextmanager
    def _complaining(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            _log.error("trail not written", problem=str(error))


def _encode(event: events.Event) -> bytes:
    try:
        return _encoder.encode(event)
    except (UnicodeEncodeError, TypeError, ValueError) as error:
        # Whatever a client got in there: who it was and what was answered is told all the same.
        _log.error("call not told whole", request_id=event.request_id, problem=repr(error)[:200])
        rest = {"asked": {"omitted": "cannot be written"}, "agent": "", "message": ""}
        return _encoder.encode(msgspec.structs.replace(event, **rest))
