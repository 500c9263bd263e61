"""Hosts of a simulation: the agent's own conversation (`node.sync`) over fake guests and disks.

What is on a machine's disk outlives its agent and itself; guests outlive the agent, not the
machine. The work of `node.reconcile` is played: one step for each thing at a time, after a while,
level by level like the real one, and now and then it fails.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Protocol, TypeVar

from mallee.kit.clock import Clock
from mallee.model.hosts import parts
from mallee.model.hosts.hosts import Ask, AsksAnswer, Capacity, HostFacts, HostWanted, SyncAnswer
from mallee.model.hosts.hosts import SyncRequest as Request
from mallee.model.network.gateways import LeaseAsked, LeaseTold
from mallee.model.storage.passes import Pass, PassRequest
from mallee.model.storage.volumes import VolumeWanted
from mallee.node import cloud, sync
from mallee.node.gateways import keeper
from mallee.node.plan.trust import trust
from tests.simulation import agents, disks, layers, leading, uploads
from tests.simulation.blocks import Shelf
from tests.simulation.cables import Cables, Lost

T = TypeVar("T")

FACTS = HostFacts(
    capacity=Capacity(vcpus=8, memory_mib=8192, disk_gib=60),
    acceleration="tcg",
    acceleration_reason="a simulation",
    hypervisor="none",
    agent_version="0",
    free_disk_bytes=60 << 30,
    channel_port=8775,
)


class Serve(Protocol):
    """Serves calls of hosts at front ends."""

    async def sync(self, at: str, host_id: str, request: Request) -> SyncAnswer: ...

    async def lease(self, at: str, host_id: str, asked: LeaseAsked) -> LeaseTold: ...

    async def fetch_pass(self, at: str, host_id: str, asked: PassRequest) -> Pass: ...

    async def asks(self, at: str, host_id: str) -> AsksAnswer: ...

    async def answer(self, at: str, host_id: str, ask_id: str, answer: bytes | None) -> None: ...


class Machine:
    """A host, with or without an agent."""

    def __init__(self, id: str, cables: Cables, clock: Clock, shelf: Shelf) -> None:
        self.id = id
        self.shelf = shelf
        self.disk = disks.Disk()
        self.is_slow = False
        self.fails = 0.0
        """How many of the launches cannot succeed."""
        self._cables = cables
        self._clock = clock
        self._rng = cables.rng
        self._tasks: list[asyncio.Task[None]] = []
        self.fence = leading.Fence(clock)
        self.keeper: keeper.GatewayKeeper | None = None
        self.agent: agents.Agent | None = None
        self.others: Mapping[str, Machine] = {}
        self.on_change: Callable[[], None] = lambda: None
        self.on_write: Callable[[str, int], int] = lambda _, count: count
        """Told what a guest finds on a volume that it opens; returns what it leaves there."""
        self.on_cut: Callable[[str, str, int], None] = lambda volume, snapshot, mark: None
        self.on_made: Callable[[str, int], None] = lambda volume, mark: None
        self.on_fault: Callable[[BaseException], None] = lambda _: None

    def start(self, serve: Serve, front_ends: tuple[str, ...]) -> None:
        """Start the agent."""
        agent: Any = agents.Agent(self.disk, self)
        self.agent = agent
        door: Any = _Door(self, serve, front_ends)
        ledger: Any = self.disk
        questions: Any = Questions(self, door)
        bringing = uploads.Uploads(self.disk, door, self)
        talk = sync.Sync(
            door=door,
            reconciler=agent,
            ledger=ledger,
            clock=self._clock,
            questions=questions,
            facts=lambda: FACTS,
            snapshots=bringing.seen,
            took=(bringing.poke,),
        )
        leads = leading.make(self.id, self.fence, door, self, lambda: self.disk.wanted)
        self.keeper = leads
        loops = (talk.run(), agent.run(), leads.run(), bringing.run(), questions.run())
        self._tasks = [asyncio.ensure_future(loop) for loop in loops]
        for task in self._tasks:
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self.on_fault(task.exception() or RuntimeError("the agent has ended"))

    def kill_agent(self) -> None:
        """End the agent; guests go on."""
        for task in self._tasks:
            task.cancel()
        self._tasks, self.keeper, self.agent = [], None, None

    def crash(self) -> None:
        """Lose power."""
        self.kill_agent()
        for guest in self.disk.guests.values():
            guest.is_on, guest.open, guest.answers_since = False, frozenset(), None
            guest.stands = False
        # Machines that had come, and not begun, were processes.
        self.disk.book.come.clear()
        self.fence.open_until = -math.inf
        self.on_change()

    def end_a_guest(self) -> None:
        """Let one of the guests power itself off."""
        running = [guest for guest in self.disk.guests.values() if guest.is_on]
        if running:
            agents.power_off(self._rng.choice(running))
            self.on_change()

    @property
    def runs(self) -> bool:
        """Whether its agent runs."""
        return bool(self._tasks)

    def pause_s(self) -> float:
        """Return how long a piece of work takes."""
        return self._rng.random() * (8.0 if self.is_slow else 0.5)

    def fetch(self, volume: VolumeWanted) -> disks.Copy | None:
        """Copy a volume from the machine that it leaves, if that lets it go."""
        assert volume.arriving is not None
        from_id, move_id = volume.arriving.from_host_id, volume.arriving.move_id
        other = self.others[from_id]
        if self._cables.cut & {self.id, from_id} or not other.runs or self.loses():
            return None
        return agents.give(other.disk, volume.id, self.id, move_id)

    def write(self, volume_id: str) -> None:
        """Let a guest find what is on a volume, and write it."""
        layers = self.disk.volumes[volume_id]
        layers.mark = self.on_write(volume_id, layers.mark)

    def note_cut(self, volume_id: str, snapshot_id: str, mark: int) -> None:
        """A volume is cut, which had this mark."""
        self.on_cut(volume_id, snapshot_id, mark)

    def note_made(self, volume_id: str, mark: int) -> None:
        """A volume is made that begins with this mark."""
        self.on_made(volume_id, mark)

    def make_proof(self) -> str:
        """Return random digits."""
        return self._rng.randbytes(16).hex()

    def reach(self, host_id: str) -> "Machine | None":
        """Return another machine whose agent is reached; None: it is not."""
        other = self.others[host_id]
        is_cut = self._cables.cut & {self.id, host_id} or not other.runs or self.loses()
        return None if is_cut else other

    def take_in(self, instance_id: str, machine: disks.Come) -> bool:
        """Take a whole machine in that another one brings."""
        assert self.agent is not None
        return self.agent.trips.take_in(instance_id, machine, self.disk.wanted)

    def let_run(self, instance_id: str, migration_id: str) -> None:
        """Hear from another machine that a guest is its own; that may be lost."""
        if self.agent is not None and not self.loses():
            self.agent.trips.let_run(instance_id, migration_id)

    def now(self) -> float:
        """Return the time, in seconds since the epoch."""
        return self._clock.now()

    def chance(self, part: float) -> bool:
        """Tell whether something happens."""
        return self._rng.random() < part

    async def call(self, at: str, serve: Callable[[], Awaitable[T]], waited_s: float) -> T:
        """Call a front end; raise `CloudAway`."""
        try:
            return await self._cables.call((self.id, at), serve, waited_s)
        except Lost as error:
            raise cloud.CloudAway(f"{at} does not answer") from error

    def keeper_of(self, host_id: str) -> keeper.GatewayKeeper | None:
        """Return the one of another machine, where cables lead to it."""
        return None if self._cables.cut & {self.id, host_id} else self.others[host_id].keeper

    def loses(self) -> bool:
        """Tell whether a message to another machine is lost."""
        return self.chance(self._cables.weather.lost)


class Questions:
    """As `node.questions.Questions`, of one agent."""

    def __init__(self, machine: Machine, door: "_Door") -> None:
        self._machine = machine
        self._door = door
        self._asked: asyncio.Queue[Ask] = asyncio.Queue()

    def take(self, ask: Ask) -> None:
        """Answer a question, after those that were asked before."""
        self._asked.put_nowait(ask)

    async def run(self) -> None:
        """Answer until cancelled."""
        while True:
            ask = await self._asked.get()
            await asyncio.sleep(self._machine.pause_s())
            try:
                answer = layers.cut(self._machine.disk, ask.detail, self._machine)
            except layers.Refused:
                answer = None
            try:
                await self._door.answer(ask.id, answer)
            except cloud.CloudAway:
                continue


class _Door:
    """As `node.cloud.Cloud`, as far as `sync` calls it."""

    def __init__(self, machine: Machine, serve: Serve, front_ends: tuple[str, ...]) -> None:
        self._machine = machine
        self._serve = serve
        self._front_ends = front_ends
        self._turn = 0
        self._asked_at: dict[str, str] = {}
        """By question, which front end asked it."""

    @property
    def _own(self) -> str:
        """To which front end the host reports."""
        return self._front_ends[self._turn % len(self._front_ends)]

    @property
    def other_urls(self) -> tuple[str, ...]:
        """Which front ends it reports to not, and yet hears."""
        return tuple(name for name in self._front_ends if name != self._own)

    async def renew_if_due(self, now: float) -> None:
        """Certificates are not simulated."""

    def learn_urls(self, urls: tuple[str, ...]) -> None:
        """They are known."""

    def learn_authorities(self, ids: tuple[str, ...]) -> None:
        """There is one."""

    async def fetch_asks(self, url: str) -> tuple[Ask, ...]:
        serving = partial(self._serve.asks, url, self._machine.id)
        told = await self._machine.call(url, serving, sync.HELD_S + cloud.CALL_S)
        self._asked_at.update((ask.id, url) for ask in told.asks)
        return told.asks

    async def answer(self, ask_id: str, answer: bytes | None) -> None:
        at = self._asked_at.pop(ask_id)
        serving = partial(self._serve.answer, at, self._machine.id, ask_id, answer)
        await self._machine.call(at, serving, cloud.CALL_S)

    async def fetch_pass(self, asked: PassRequest) -> Pass:
        at = self._own
        serving = partial(self._serve.fetch_pass, at, self._machine.id, asked)
        return await self._machine.call(at, serving, cloud.CALL_S)

    async def sync(self, request: Request, known: HostWanted | None = None) -> SyncAnswer:
        at = self._own
        try:
            serving = partial(self._serve.sync, at, self._machine.id, request)
            waited_s = request.wait_s + cloud.CALL_S
            answer = await self._machine.call(at, serving, waited_s)
        except cloud.CloudAway:
            self._turn += 1
            raise
        self._asked_at.update((ask.id, at) for ask in answer.asks)
        try:
            return trust.check_answer(parts.join_parts(answer, known), None)
        except parts.PartsMissing as error:
            raise cloud.CloudAway(str(error)) from error

    async def ask_lease(self, asked: LeaseAsked) -> LeaseTold:
        at = self._own
        serving = partial(self._serve.lease, at, self._machine.id, asked)
        return await self._machine.call(at, serving, cloud.CALL_S)
