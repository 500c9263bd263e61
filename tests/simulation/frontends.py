"""Front ends of a simulation: the cloud's own parts on the shared memory, without sockets.

Each is a process that may be killed: what it had in memory is lost, and its calls have no end that
anybody hears of. Requests go through the pipeline from where the caller is known.
"""

import asyncio
import random
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mallee.cloud import actions, http, pipeline, services
from mallee.cloud.call import Agents, Principal
from mallee.cloud.gateways import leases
from mallee.cloud.hosts import hearing, refusals
from mallee.cloud.hosts.doors import asks, held
from mallee.cloud.hosts.moves import passes
from mallee.cloud.hosts.slices import slices
from mallee.cloud.identity import authenticate, authorize
from mallee.cloud.reconcile import gateways, instances, migrations, runner
from mallee.cloud.reconcile.storage import snapshots, volumes
from mallee.cloud.state import records
from mallee.kit import secretbox
from mallee.kit.clock import Clock
from mallee.model.configuration.settings import Settings
from mallee.model.hosts.hosts import AsksAnswer, SyncAnswer, SyncRequest
from mallee.model.network.gateways import LeaseAsked, LeaseTold
from mallee.model.storage.passes import Pass, PassRequest
from mallee.node import cloud
from tests.simulation import blocks, memory
from tests.simulation.presence import Board, Presence

LOOK_EVERY_S = 4.0
"""How often reconcilers look though nothing has changed: most of a life would be such looks."""
BOX = secretbox.SecretBox(bytes(32))


@dataclass(frozen=True, slots=True)
class World:
    """What all front ends have in common."""

    memory: memory.Memory
    clock: Clock
    settings: Settings
    rng: random.Random
    board: Board
    shelf: blocks.Shelf
    keeper: str
    """The front end that has the object store, and sweeps it."""


class FrontEnd:
    """A process of the cloud; it runs from when it is made until it is killed."""

    def __init__(self, name: str, world: World) -> None:
        self.name = name
        self._world = world
        self.store = store = memory.SharedStore(world.memory)
        opened = memory.as_store(store)
        questions = self._asks = asks.Asks()
        present = Presence(world.board, name)
        self._hearing = hearing.Hearing(opened, world.clock, name, present)
        self._calls = held.Calls(opened, slices.Slices(world.settings), questions)
        region = world.settings.region
        self._passes = passes.Passes(opened, BOX, region, port=1, now=world.clock.now)
        self._cloud = pipeline.Cloud(
            settings=world.settings,
            clock=world.clock,
            trail=_no_trail(),
            store=opened,
            box=BOX,
            keys=authenticate.Keys(store.view, BOX),
            judge=authorize.judge(store.view, BOX),
            asks=questions,
            agents=Agents(),
            table=actions.TABLE,
        )
        reconcilers = (
            instances.reconciler(opened, world.clock, world.settings),
            migrations.reconciler(opened, world.clock),
            volumes.reconciler(opened, world.clock),
            snapshots.reconciler(opened, world.clock),
            gateways.reconciler(opened, world.clock),
        )
        if name == world.keeper:
            sweeps = blocks.reconciler(opened, world.shelf, world.clock, world.rng)
            reconcilers = (*reconcilers, sweeps)
        rarer = tuple(replace(one, every_s=LOOK_EVERY_S) for one in reconcilers)
        loops = (
            self._hearing.watch(),
            self._calls.watch(),
            runner.run(opened, rarer, present),
        )
        self._tasks = [asyncio.ensure_future(loop) for loop in loops]

    def kill(self) -> None:
        """End it at once."""
        for task in self._tasks:
            task.cancel()
        self.store.close()

    async def sync(self, host_id: str, report: SyncRequest) -> SyncAnswer:
        """Serve an agent's call, as `hosts.door` does."""
        host = self.store.view.get(records.HOST, host_id)
        assert host is not None
        await self._hearing.observe(host, report)
        return await self._calls.answer(host_id, report)

    async def lease(self, host_id: str, asked: LeaseAsked) -> LeaseTold:
        """Serve a host's question for a lease, as `hosts.door` does."""
        self._hearing.note(host_id)
        if not self._hearing.may_promise():
            return LeaseTold(is_granted=False)
        own = self._hearing.own
        is_granted = await self.store.run(lambda tx: leases.ask(tx, host_id, own, asked))
        return LeaseTold(is_granted and self._hearing.may_promise())

    async def asks(self, host_id: str) -> AsksAnswer:
        """Serve an agent that reports to another front end."""
        return await self._calls.asks(host_id)

    def answer(self, host_id: str, ask_id: str, answer: bytes | None) -> None:
        """Take an agent's answer to a question; None: it has none."""
        if answer is None:
            self._asks.refuse(host_id, ask_id, "It cannot be done now.")
        else:
            self._asks.answer(host_id, ask_id, answer)

    async def fetch_pass(self, host_id: str, asked: PassRequest) -> Pass:
        """Serve a host's question for a pass to an account's blocks."""
        try:
            return await self._passes.give(host_id, asked)
        except refusals.Refused as error:
            raise cloud.Refused(str(error)) from error

    async def ask(
        self, who: Principal, operation: str, asked: dict[str, Any], service: str = "ec2"
    ) -> str:
        """Do what somebody asks; return the result, encoded, or raise `AwsError`."""
        await self.store.catch_up()
        request = http.Request(
            method="POST", path="/", query="", headers={}, body=b"", peer="192.0.2.1"
        )
        exchange = pipeline.begin(self._cloud, request)
        exchange.service, exchange.operation = services.SERVICES[service], operation
        exchange.principal, exchange.asked = who, asked
        exchange.row = services.find_action(self._cloud.table, exchange.service, operation)
        return await pipeline.perform(self._cloud, exchange, self._world.clock.now())


def _no_trail() -> Any:
    def add(event: object, *, at_once: bool) -> None:
        """Forget it."""

    return SimpleNamespace(add=add, directory=Path())
