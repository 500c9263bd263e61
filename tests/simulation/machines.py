"""Hosts of a simulation: the agent's own conversation (`node.sync`) over fake guests and disks.

What is on a machine's disk outlives its agent and itself; guests outlive the agent, not the
machine. The work of `node.reconcile` is played: one step for each thing at a time, after a while,
level by level like the real one, and now and then it fails.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from mallee.kit.clock import Clock
from mallee.model import parts
from mallee.model.hosts import Capacity, HostFacts, HostWanted, SyncAnswer
from mallee.model.hosts import SyncRequest as Request
from mallee.node import cloud, sync
from mallee.node.plan import trust
from tests.simulation import agents
from tests.simulation.cables import Cables, Lost

FACTS = HostFacts(
    capacity=Capacity(vcpus=8, memory_mib=8192, disk_gib=60),
    acceleration="tcg",
    acceleration_reason="a simulation",
    hypervisor="none",
    agent_version="0",
    free_disk_bytes=60 << 30,
)

Serve = Callable[[str, str, Request], Awaitable[SyncAnswer]]
"""Serves a call of a host at a front end."""


class Machine:
    """A host, with or without an agent."""

    def __init__(self, id: str, cables: Cables, clock: Clock, rng: random.Random) -> None:
        self.id = id
        self.disk = agents.Disk()
        self.is_slow = False
        self.fails = 0.0
        """How many of the launches cannot succeed."""
        self._cables = cables
        self._clock = clock
        self._rng = rng
        self._tasks: list[asyncio.Task[None]] = []
        self.on_change: Callable[[], None] = lambda: None
        self.on_fault: Callable[[BaseException], None] = lambda _: None

    def start(self, serve: Serve, front_ends: tuple[str, ...]) -> None:
        """Start the agent."""
        agent: Any = agents.Agent(self.disk, self)
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
        self._tasks = [asyncio.ensure_future(talk.run()), asyncio.ensure_future(agent.run())]
        for task in self._tasks:
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self.on_fault(task.exception() or RuntimeError("the agent has ended"))

    def kill_agent(self) -> None:
        """End the agent; guests go on."""
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    def crash(self) -> None:
        """Lose power."""
        self.kill_agent()
        for guest in self.disk.guests.values():
            guest.is_on, guest.open, guest.answers_since = False, frozenset(), None
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

    def now(self) -> float:
        """Return the time, in seconds since the epoch."""
        return self._clock.now()

    def chance(self, part: float) -> bool:
        """Tell whether something happens."""
        return self._rng.random() < part

    async def call(self, at: str, serve: Serve, request: Request) -> SyncAnswer:
        """Call a front end; raise `CloudAway`."""
        waited_s = request.wait_s + cloud.CALL_S
        try:
            serving = self._cables.call(
                (self.id, at), lambda: serve(at, self.id, request), waited_s
            )
            return await serving
        except Lost as error:
            raise cloud.CloudAway(f"{at} does not answer") from error


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

    async def sync(self, request: Request, known: HostWanted | None = None) -> SyncAnswer:
        at = self._front_ends[self._turn % len(self._front_ends)]
        try:
            answer = await self._machine.call(at, self._serve, request)
        except cloud.CloudAway:
            self._turn += 1
            raise
        try:
            return trust.check_answer(parts.join_parts(answer, known), None)
        except parts.PartsMissing as error:
            raise cloud.CloudAway(str(error)) from error
