"""Flow logs on a host: the kernel's counts are read, summed up, written as lines, and brought.

Every few seconds the counts of each VPC that a log watches are read; a minute of them becomes a
file of lines for each log, which is kept until the cloud has taken it (at least once). An agent
that ends in order writes what it has, and what it has read; one that is killed loses the minute
that it was summing up, and what came before its successor's first reading. Packets wait for none
of this. Called by `daemon`. What is counted says `plan/flowcounts`; lines are `plan/flowlines`'.
"""

import asyncio
import contextlib
import gzip
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from mallee.kit import files, logs
from mallee.kit.clock import Clock
from mallee.model.hosts.hosts import HostWanted, VpcWanted
from mallee.model.layout import Layout
from mallee.model.network.flowlogs import WINDOW_S, Parcel, parse_parcel
from mallee.model.network.watching import FlowLogWanted
from mallee.node import cloud
from mallee.node.do.network import flowcounts as counts
from mallee.node.plan.network import flowcounts, flowlines, flowsums
from mallee.node.plan.network.flowcounts import Card
from mallee.node.plan.network.flowlines import Watched
from mallee.node.plan.network.flowsums import Between, Read, Window

READ_S = 5.0
RETRY_S = 5.0
OUTBOX_BYTES_MAX = 256 << 20
"""Of lines that the cloud has not taken; what comes then is not written, and lines say so."""
_LINES_MAX = 100_000
"""Of one file."""

log = logs.get(__name__)


class Taker(Protocol):
    """Who takes lines: the cloud."""

    async def deliver_flows(self, name: str, lines: bytes) -> None:
        """Take lines; raises `CloudAway` and `Refused`."""
        ...


@dataclass(slots=True)
class _Counted:
    """A VPC whose flows are counted, with what was true of it in the present window."""

    window: Window
    vpc: VpcWanted
    read: Read | None
    """What was read last; None: what stands was counted before us, and told."""
    read_at: float
    cards: dict[int, Card] = field(default_factory=dict[int, Card])
    those: dict[str, Watched] = field(default_factory=dict[str, Watched])
    logs: dict[str, FlowLogWanted] = field(default_factory=dict[str, FlowLogWanted])

    def learn(self, layout: Layout, vpc: VpcWanted) -> None:
        """Take what is wanted now; what was wanted in this window is not forgotten."""
        self.vpc = vpc
        self.cards |= {card.number: card for card in flowcounts.cards(layout, vpc)}
        self.those |= flowlines.watched(vpc)
        for one in vpc.flow_logs:
            before = self.logs.get(one.id)
            ids = {*one.interface_ids, *(before.interface_ids if before else ())}
            self.logs[one.id] = msgspec.structs.replace(one, interface_ids=tuple(sorted(ids)))

    def begin(self, layout: Layout, at: float, lost: set[str]) -> None:
        """Begin a new window."""
        self.window = Window(at, lost=lost)
        self.cards, self.those, self.logs = {}, {}, {}
        self.learn(layout, self.vpc)


class FlowLogs:
    """The flow logs of one host."""

    def __init__(
        self, layout: Layout, wanted: Callable[[], HostWanted | None], taker: Taker, clock: Clock
    ) -> None:
        """Read what an earlier agent left."""
        self._layout = layout
        self._wanted = wanted
        self._taker = taker
        self._clock = clock
        self._counted: dict[str, _Counted] = {}
        self._written = asyncio.Event()
        self._turns = threading.Lock()
        self._region = ""
        self._left = _read_left(self._left_path)
        before = wanted()
        self._former = {vpc.id for vpc in before.vpcs if vpc.flow_logs} if before else set[str]()

    @property
    def _left_path(self) -> Path:
        return self._layout.node / "flowcounts.read"

    async def run(self) -> None:
        """Count and bring until cancelled; then write what there is."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._count())
            group.create_task(self._bring())

    async def _count(self) -> None:
        try:
            while True:
                await asyncio.to_thread(self.turn)
                self._written.set()
                await asyncio.sleep(READ_S)
        finally:
            await asyncio.shield(asyncio.to_thread(self.end))

    def turn(self) -> None:
        """Read all counts; write the lines of windows that are over. Blocks."""
        # Cancelling does not end a thread: the end of all waits for the turn before it.
        with self._turns:
            self._turn()

    def _turn(self) -> None:
        now, wanted = self._clock.now(), self._wanted()
        if wanted is None:
            return
        self._region = wanted.region
        vpcs = {vpc.id: vpc for vpc in wanted.vpcs if vpc.flow_logs}
        for id in self._counted.keys() - vpcs.keys():
            self._write(self._counted.pop(id), now)
        for vpc in vpcs.values():
            self._read(vpc, now)
        for held in self._counted.values():
            if now // WINDOW_S > held.window.began_at // WINDOW_S:
                held.begin(self._layout, now, self._write(held, now))

    def end(self) -> None:
        """Write what was summed up, and what was read, for the agent that comes next. Blocks."""
        with self._turns:
            self._turn()
            now = self._clock.now()
            for held in self._counted.values():
                if held.window.flows or held.window.lost:
                    self._write(held, now)
        left = {id: held.read for id, held in self._counted.items()}
        try:
            files.write_atomically(self._left_path, msgspec.msgpack.encode(left))
        except OSError as error:
            log.warning("what was counted is not known to the next agent", error=str(error))

    def _read(self, vpc: VpcWanted, now: float) -> None:
        held = self._counted.get(vpc.id)
        if held is None:
            read = self._left.pop(vpc.id, None if vpc.id in self._former else {})
            held = self._counted[vpc.id] = _Counted(Window(now), vpc, read, now)
        if held.vpc is not vpc or not held.logs:
            held.learn(self._layout, vpc)
        try:
            found = counts.fetch(self._layout.vpc_namespace(vpc.id))
        except OSError as error:
            # It is not there yet, or somebody holds the kernel up: it is read the next time.
            log.info("flows not read", vpc=vpc.id, error=str(error))
            return
        read = {
            name: {key: (one.packets, one.bytes, one.left_ms) for key, one in there.items()}
            for name, there in found.items()
        }
        if held.read is not None:
            held.window.add(flowsums.steps(held.read, read), held.cards, Between(held.read_at, now))
        held.read, held.read_at = read, now

    # Lines

    def _write(self, held: _Counted, now: float) -> set[str]:
        """Write the lines of a window; return the interfaces whose lines found no room."""
        lost: set[str] = set()
        for one in held.logs.values():
            writer = flowlines.Writer(one, self._region, held.window, now)
            if not self._keep(one, writer.lines(held.those), held.window.began_at):
                lost.update(one.interface_ids)
        return lost

    def _keep(self, one: FlowLogWanted, lines: Iterator[str], began_at: float) -> bool:
        """Put lines where the cloud is brought them from; tell whether there was room."""
        outbox = self._layout.flow_outbox
        try:
            outbox.mkdir(exist_ok=True, mode=0o700)
            while batch := _some(lines):
                if sum(path.stat().st_size for path in outbox.iterdir()) > OUTBOX_BYTES_MAX:
                    log.warning("lines of a flow log are lost", log=one.id)
                    return False
                parcel = Parcel(one.id, int(began_at), secrets.token_hex(8))
                packed = gzip.compress("".join(batch).encode(), 6, mtime=0)
                files.write_atomically(outbox / parcel.name, packed)
        except OSError as error:
            log.warning("lines of a flow log are lost", log=one.id, error=str(error))
            return False
        return True

    # Bringing

    async def _bring(self) -> None:
        while True:
            await self._written.wait()
            self._written.clear()
            for path in await asyncio.to_thread(self._waiting):
                try:
                    await self.bring(path)
                except cloud.CloudAway as error:
                    log.info("lines of flow logs wait", error=str(error))
                    await asyncio.sleep(RETRY_S)
                    self._written.set()
                    break
                except OSError as error:
                    log.warning("lines of a flow log stay", path=str(path), error=str(error))

    async def bring(self, path: Path) -> None:
        """Hand a file over and forget it; raises `CloudAway` and `OSError`."""
        try:
            lines = await asyncio.to_thread(path.read_bytes)
            await self._taker.deliver_flows(path.name, lines)
        except cloud.Refused as error:
            # The log is gone, or nobody's any more: nobody waits for them.
            log.warning("lines of a flow log refused", file=path.name, error=str(error))
        path.unlink(missing_ok=True)

    def _waiting(self) -> list[Path]:
        """The files that wait, the oldest first."""
        found = {path: parse_parcel(path.name) for path in self._layout.flow_outbox.glob("fl-*")}
        parcels = [(one.began_at, path) for path, one in found.items() if one is not None]
        return [path for _, path in sorted(parcels)]


def _some(lines: Iterator[str]) -> list[str]:
    return [f"{line}\n" for _, line in zip(range(_LINES_MAX), lines, strict=False)]


def _read_left(path: Path) -> dict[str, Read | None]:
    """Return what an agent that ended in order had read, once: a later end says it anew."""
    try:
        found = msgspec.msgpack.decode(path.read_bytes(), type=dict[str, Read | None])
    except (FileNotFoundError, msgspec.DecodeError):
        found = {}
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    return found
