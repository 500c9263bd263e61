"""Machines of front ends in a simulation of rollouts: real programs and files, a cloud in memory.

A box has its settings and their history on a disk, a process of the cloud that reads them when it
starts, and the programs of root that try others: `mallee config apply`, and what the bell starts.
All of that is Mallee's own code; sockets, processes and time are the simulation's.
"""

import asyncio
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from msgspec.structs import replace

from mallee.aws.errors.answer import AwsError
from mallee.box import bell, client, configuring, rollouts, settingshistory, steps
from mallee.cloud.admin.hosts import rollouts as admin
from mallee.cloud.frontends import presence
from mallee.cloud.frontends import rollouts as rolling
from mallee.cloud.reconcile import runner
from mallee.cloud.state import errors
from mallee.cloud.state.tx import Tx
from mallee.kit.clock import Clock
from mallee.model.configuration import settings
from mallee.model.configuration.settings import Deadlines, Objects, Settings
from mallee.model.layout import Layout
from tests.simulation import errands, memory
from tests.simulation.errands import Errand, Work
from tests.simulation.presence import Board, Presence

T = TypeVar("T")

START_S = 2.0
"""How long a process of the cloud takes to start."""
PIDS = 100_000
FIRST = Settings(objects=Objects(engine="elsewhere"))
"""What a box has at the beginning."""


@dataclass(frozen=True, slots=True)
class World:
    """What all boxes have in common."""

    memory: memory.Memory
    clock: Clock
    rng: random.Random
    board: Board
    on_fault: Callable[[BaseException], None]


class _Store(memory.SharedStore):
    """A front end's store, which may be cut off from the database."""

    def __init__(self, box: "Box", shared: memory.Memory) -> None:
        self._box = box
        super().__init__(shared)

    def transact(self, fn: Callable[[Tx], T]) -> T:
        """Run it, if the database is reached."""
        if self._box.is_cut:
            raise errors.Unavailable("the database is not reached")
        return super().transact(fn)

    async def catch_up(self) -> None:
        """Do so, if the database is reached."""
        if self._box.is_cut:
            raise errors.Unavailable("the database is not reached")
        await super().catch_up()

    def learn(self) -> None:
        """Hear of others' commits, if anything is heard."""
        if self._box.is_cut:
            self._is_due = False
        else:
            super().learn()


class _Present(Presence):
    """A front end's leases, which it cannot renew while it is cut off."""

    def __init__(self, box: "Box", board: Board) -> None:
        super().__init__(board, box.id)
        self._box = box

    def alive(self) -> frozenset[str]:
        return frozenset(self._alive) if self._box.is_cut and self._alive else super().alive()


class Process:
    """A process of the cloud, with the settings that it read when it began."""

    def __init__(self, box: "Box") -> None:
        self._box, world = box, box.world
        self.configured = settings.parse(box.layout.settings.read_text())
        self.store = _Store(box, world.memory)
        self.present = _Present(box, world.board)
        self.is_ready = False
        self._began_at = world.clock.now()
        self._task = asyncio.ensure_future(self._live())

    def kill(self) -> None:
        """End it at once."""
        self._task.cancel()
        self.store.close()

    def hears_its_host(self) -> bool:
        """Tell whether the host of this machine is heard by what this process read."""
        is_cut_off = self.configured.deadlines.stop_s in self._box.cut_off_by
        return not is_cut_off and self._box.world.clock.now() > self._began_at + START_S + 1.0

    async def serve(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Answer a call of the machine's own programs."""
        if operation == "DescribeCloud":
            return {"PublicAddressesUsed": 0, "NetworkHindrances": []}
        if operation == "DescribeHosts":
            state = {"State": "ENABLED" if self.hears_its_host() else "NOTREADY"}
            none: list[str] = []
            own = {"HostId": f"host-{self._box.id}", "Name": self._box.id, "InstanceIds": none}
            return {"Hosts": [{**own, **state, "SecondsSinceHeard": 0.1}]}
        try:
            await self.store.catch_up()
            return await self._perform(operation, asked)
        except errors.Unavailable as error:
            raise client.Refused("ServiceUnavailable", str(error)) from error
        except AwsError as error:
            raise client.Refused(error.code, error.message) from error

    async def _perform(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        call: dict[str, Any] = {
            "agents": SimpleNamespace(
                present=self.present.alive, fellows=SimpleNamespace(own=self._box.id)
            ),
            "entropy": self._box.world.rng.randbytes,
        }
        if operation == "DescribeRollouts":
            view = self.store.view
            return dict(admin.describe(_as_call(SimpleNamespace(view=view, **call)), asked))
        handle = {"CreateRollout": admin.create, "ReportRollout": admin.report}[operation]
        return dict(
            await self.store.run(
                lambda tx: handle(_as_call(SimpleNamespace(tx=tx, view=tx, **call)), asked)
            )
        )

    async def _live(self) -> None:
        await asyncio.sleep(START_S)
        opened = memory.as_store(self.store)
        place = presence.Place(url="", objects_store="", public_key="")
        who = presence.Identity(self._box.id)
        while not self.is_ready:
            try:
                await self.store.run(lambda tx: presence.register(tx, who, self.configured, place))
                self.is_ready = True
            except errors.Unavailable:
                # The supervisor starts it again.
                await asyncio.sleep(START_S)
        reconcilers = (
            rolling.decider(opened, self._box.world.clock),
            rolling.ringer(opened, self._box.id, self._box.layout.bell),
        )
        await runner.run(opened, reconcilers, self.present)


class Box:
    """A machine of a front end."""

    def __init__(self, id: str, root: Path, world: World) -> None:
        self.id = id
        self.world = world
        self.layout = Layout(root)
        self.process: Process | None = None
        self.is_cut = False
        self.cut_off_by: frozenset[float] = frozenset()
        """By which settings (`deadlines.stop_s`) this machine's host is not heard any more."""
        self._errands: dict[int, Errand] = {}
        self._follows: Errand | None = None
        self._followed_at = -bell.PAUSE_S
        # No two machines have a process id in common.
        self._pids = PIDS * (1 + int(id.partition("-")[2], 16))
        for directory in (self.layout.log, self.layout.run):
            directory.mkdir(parents=True)
        self.layout.settings.write_text(settings.encode(FIRST))

    def start(self) -> None:
        """Do as `mallee up`; nothing where it is up."""
        if self.process is None:
            settingshistory.settle(self.layout, lambda: None)
            self.process = Process(self)

    def crash(self) -> None:
        """Have everything end at once."""
        for errand in tuple(self._errands.values()):
            errand.kill()
        self.kill_process()

    def kill_process(self) -> None:
        """Have the cloud's process end at once."""
        if self.process is not None:
            self.process.kill()
            self.process = None

    def kill_errand(self) -> None:
        """Have one of root's programs end at once."""
        if self._errands:
            self.world.rng.choice(tuple(self._errands.values())).kill()

    @property
    def is_busy(self) -> bool:
        """Whether a program of root's runs."""
        return bool(self._errands)

    def is_alive(self, pid: int) -> bool:
        """Tell whether a program runs."""
        return pid in self._errands

    def heal(self) -> None:
        """Reach the database again."""
        self.is_cut = False
        if self.process is not None:
            self.process.store.learn()

    def ring(self) -> None:
        """Start the program that looks, as the supervisor does."""
        now = self.world.clock.monotonic()
        is_early = now < self._followed_at + bell.PAUSE_S
        if is_early or (self._follows is not None and self.is_alive(self._follows.pid)):
            return
        self._followed_at = now
        self._follows = self.run_program()

    def run_program(self, *words: str) -> Errand:
        """Start what tries settings, with these words."""

        def work() -> None:
            sys.argv = ["rollouts", "--root", str(self.layout.root), *words]
            rollouts.main()

        return self._start(work)

    def apply(self, wished: Deadlines, confirm_s: float) -> None:
        """Do as `mallee config apply` of a document with other deadlines."""

        def work() -> None:
            text = self.layout.settings.read_text()
            after = replace(settings.parse(text), deadlines=wished)
            wish = configuring.Wish(settings.encode(after), "apply cloud.toml", confirm_s=confirm_s)
            try:
                for step in configuring.apply_steps(self.layout, wish):
                    step.do(lambda _: None)
            except steps.Failed:
                # It is told to whoever asked.
                return

        self._start(work)

    async def serve(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Bring a call of the machine's own programs to the cloud's process."""
        await asyncio.sleep(self.world.rng.random() * 0.2)
        process = self.process
        if process is None or not process.is_ready:
            raise client.Unreachable("nobody answers")
        answer = await process.serve(operation, asked)
        await asyncio.sleep(self.world.rng.random() * 0.2)
        if self.process is not process:
            raise client.Unreachable("it ended meanwhile")
        return answer

    async def restart(self) -> None:
        """Have the process end, and start again."""
        self.kill_process()
        await asyncio.sleep(self.world.rng.random())
        self.start_again()

    def start_again(self) -> None:
        """Have the process run, as the supervisor does."""
        if self.process is None:
            self.process = Process(self)

    def _start(self, work: Work) -> Errand:
        self._pids += 1
        pid = self._pids

        def end(error: BaseException | None) -> None:
            self._errands.pop(pid, None)
            if error is not None:
                self.world.on_fault(error)

        made = self._errands[pid] = Errand(pid, work, end)
        return made


def _as_call(call: SimpleNamespace) -> Any:
    return call


def ask(box: Box, operation: str, asked: dict[str, Any] | None) -> Any:
    """Call the cloud, from a program's thread."""
    return errands.ask(lambda: box.serve(operation, asked or {}))
