"""Hosts of a simulation: the agent's own conversation (`node.sync`) over fake guests and disks.

What is on a machine's disk outlives its agent and itself; guests outlive the agent, not the
machine. The work of `node.reconcile` is played: one step for each thing at a time, after a while,
level by level like the real one, and now and then it fails.
"""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Protocol, TypeVar

from mallee.kit.clock import Clock
from mallee.model.hosts import parts
from mallee.model.hosts.hosts import Capacity, HostFacts, HostWanted, SyncAnswer
from mallee.model.hosts.hosts import SyncRequest as Request
from mallee.model.network.gateways import LeaseAsked, LeaseTold
from mallee.model.storage.volumes import VolumeWanted
from mallee.node import cloud, sync
from mallee.node.gateways import keeper
from mallee.node.plan.trust import trust
from tests.simulation import agents, disks, leading
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


class Machine:
    """A host, with or without an agent."""

    def __init__(self, id: str, cables: Cables, clock: Clock, rng: random.Random) -> None:
        self.id = id
        self.disk = disks.Disk()
        self.is_slow = False
        self.fails = 0.0
        """How many of the launches cannot succeed."""
        self._cables = cables
        self._clock = clock
        self._rng = rng
        self._tasks: list[asyncio.Task[None]] = []
        self.fence = leading.Fence(clock)
        self.keeper: keeper.GatewayKeeper | None = None
        self.agent: agents.Agent | None = None
        self.others: Mapping[str, Machine] = {}
        self.on_change: Callable[[], None] = lambda: None
        self.on_write: Callable[[str, int], int] = lambda _, count: count
        """Told what a guest finds on a volume that it opens; returns what it leaves there."""
        self.on_fault: Callable[[BaseException], None] = lambda _: None

    def start(self, serve: Serve, front_ends: tuple[str, ...]) -> None:
        """Start the agent."""
        agent: Any = agents.Agent(self.disk, self)
        self.agent = agent
        door: Any = _Door(self, serve, front_ends)
        ledger: Any = self.disk
        nobody_asks: Any = None
        talk = sync.Sync(
            door=door,
            reconciler=agent,
            ledger=ledger,
            clock=self._clock,
            questions=nobody_asks,
            facts=lambda: FACTS,
        )
        leads = leading.make(self.id, self.fence, door, self, lambda: self.disk.wanted)
        self.keeper = leads
        loops = (talk.run(), agent.run(), leads.run())
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
        found = self.disk.written.get(volume_id, 0)
        self.disk.written[volume_id] = self.on_write(volume_id, found)

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


class _Door:
    """As `node.cloud.Cloud`, as far as `sync` calls it."""

    other_urls = ()

    def __init__(self, machine: Machine, serve: Serve, front_ends: tuple[str, ...]) -> None:
        self._machine = machine
        self._serve = serve
        self._front_ends = front_ends
        self._turn = 0

    async def renew_if_due(self, now: float) -> None:
        """Certificates are not simulated."""

    def learn_urls(self, urls: tuple[str, ...]) -> None:
        """They are known."""

    def learn_authorities(self, ids: tuple[str, ...]) -> None:
        """There is one."""

    async def sync(self, request: Request, known: HostWanted | None = None) -> SyncAnswer:
        at = self._front_ends[self._turn % len(self._front_ends)]
        try:
            serving = partial(self._serve.sync, at, self._machine.id, request)
            waited_s = request.wait_s + cloud.CALL_S
            answer = await self._machine.call(at, serving, waited_s)
        except cloud.CloudAway:
            self._turn += 1
            raise
        try:
            return trust.check_answer(parts.join_parts(answer, known), None)
        except parts.PartsMissing as error:
            raise cloud.CloudAway(str(error)) from error

    async def ask_lease(self, asked: LeaseAsked) -> LeaseTold:
        at = self._front_ends[self._turn % len(self._front_ends)]
        serving = partial(self._serve.lease, at, self._machine.id, asked)
        return await self._machine.call(at, serving, cloud.CALL_S)
