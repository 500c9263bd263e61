"""A simulation of changes of settings: `python -m tests.simulation.rollouts SEED [SEED]`.

Two or three front ends, on machines with disks of their own, live through minutes in which
administrators apply settings wherever they like, some of which cut a host off, while programs, the
cloud's processes and whole machines end at any moment and the database is not reached. Then comes
peace, and the law: settings are held by all or by none (`check`). All luck comes from the seed.
"""

import asyncio
import logging
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import structlog

from mallee.box import (
    client,
    configuring,
    owners,
    rollouts,
    settingshistory,
    settingstrial,
    status,
    steps,
)
from mallee.cloud.frontends import rollouts as rolling
from mallee.cloud.reconcile import runner
from mallee.cloud.state import records
from mallee.cloud.state.index import Index
from mallee.cloud.state.view import View
from mallee.kit import files
from mallee.model.configuration import rollouts as rolls
from mallee.model.configuration import settings, sharing
from mallee.model.configuration.rollouts import Known, Word
from mallee.model.configuration.settings import Deadlines
from mallee.model.layout import Layout
from tests.simulation import boxes, errands
from tests.simulation.boxes import FIRST, Box, World
from tests.simulation.laws import Broken
from tests.simulation.loop import VirtualClock, VirtualLoop
from tests.simulation.memory import Memory
from tests.simulation.presence import Board

STORM_S = 240.0
APPLIED_EVERY_S = 25.0
MISHAP_EVERY_S = 15.0
PEACE_S = 900.0
LOOK_S_MIN = 1.5
"""Programs that look more often do so this often: most of a life would be such looks."""
LOOK_AGAIN_S = 4.0
"""So do the cloud's processes."""
STOP_S = (61.0, 62.0, 63.0, 64.0, 65.0)
"""The settings that are applied differ by these."""
HARMFUL = 0.15
"""How many of them cut a machine's host off."""


class Life:
    """One simulation, from its beginning to its end."""

    def __init__(self, seed: int, loop: VirtualLoop, root: Path) -> None:
        self.rng = random.Random(seed)
        self.clock = VirtualClock(loop)
        self.memory = Memory(Index(), self.clock, self.rng)
        self.fault: BaseException | None = None
        world = World(self.memory, self.clock, self.rng, Board(self.clock), self._note)
        names = [f"fe-{number:017x}" for number in range(self.rng.choice((2, 2, 3)))]
        self.boxes = {name: Box(name, root / name, world) for name in names}
        for box in self.boxes.values():
            harmful = (one for one in STOP_S if self.rng.random() < HARMFUL)
            box.cut_off_by = frozenset(harmful)
        self.applied = 0

    async def live(self) -> None:
        """Live it; raise what law was broken."""
        for box in self.boxes.values():
            box.start()
        await asyncio.sleep(15.0)
        fates = [asyncio.ensure_future(one) for one in (self._fate(), self._administer())]
        await asyncio.sleep(STORM_S)
        for fate in fates:
            fate.cancel()
        for end in await asyncio.gather(*fates, return_exceptions=True):
            if isinstance(end, Exception):
                raise end
        await self._make_peace()

    def story(self) -> str:
        """Say what came of it."""
        outcomes = [one.seen.outcome for one in rolling.known(View(self.memory.index))]
        return f"{self.applied} asked for, {len(outcomes)} begun: {outcomes}"

    def box_at(self, path: Path) -> Box:
        """Return the machine on whose disk something lies."""
        return next(one for one in self.boxes.values() if path.is_relative_to(one.layout.root))

    async def _administer(self) -> None:
        while True:
            await asyncio.sleep(self.rng.expovariate(1 / APPLIED_EVERY_S))
            box = self.rng.choice(tuple(self.boxes.values()))
            if box.process is not None:
                self.applied += 1
                wished = Deadlines(stop_s=self.rng.choice(STOP_S))
                box.apply(wished, self.rng.choice((10.0, 30.0)))

    async def _fate(self) -> None:
        while True:
            await asyncio.sleep(self.rng.expovariate(1 / MISHAP_EVERY_S))
            box = self.rng.choice(tuple(self.boxes.values()))
            happening = self.rng.choice((self._crash, self._end, self._cut, self._kill_errand))
            happening(box)

    def _crash(self, box: Box) -> None:
        box.crash()
        self._later(box.start)

    def _end(self, box: Box) -> None:
        box.kill_process()
        self._later(box.start_again)

    def _cut(self, box: Box) -> None:
        box.is_cut = True
        self._later(box.heal)

    def _kill_errand(self, box: Box) -> None:
        """Kill a program, of another machine where none runs on this one."""
        busy = [one for one in self.boxes.values() if one.is_busy]
        if busy:
            (box if box.is_busy else busy[0]).kill_errand()

    def _later(self, what: Callable[[], None]) -> None:
        in_s = self.rng.expovariate(1 / self.rng.choice((5.0, 20.0, 60.0)))
        asyncio.get_running_loop().call_later(in_s, what)

    async def _make_peace(self) -> None:
        """Mend everything, and wait until the law holds."""
        for box in self.boxes.values():
            box.heal()
            box.start_again()
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + PEACE_S
        while True:
            await asyncio.sleep(5.0)
            if self.fault is not None:
                raise self.fault
            try:
                check(View(self.memory.index), tuple(self.boxes.values()))
                return
            except Broken:
                if loop.time() > ends_at:
                    raise

    def _note(self, error: BaseException) -> None:
        self.fault = self.fault or error


def check(view: View, all: tuple[Box, ...]) -> None:
    """All have what the last rollout that holds says, or what they began with; and know it.

    One that was away when it was decided, and whose host is cut off by it, keeps what it had, and
    is named.
    """
    known = rolling.known(view)
    for one in known:
        if not one.is_decided:
            raise Broken(f"{one.rollout.id} is open for ever: {one.seen}")
    holding = [one for one in known if one.holds]
    held = holding[-1].rollout.document if holding else sharing.document(FIRST)
    for box in all:
        has = settings.parse(box.layout.settings.read_text())
        has_refused = bool(holding) and holding[-1].word_of(box.id) is Word.REFUSED
        is_cut_off = settings.parse(held).deadlines.stop_s in box.cut_off_by
        if has_refused and not (is_cut_off and may_refuse(holding[-1], box)):
            raise Broken(f"{box.id} has refused what all the others have: {holding[-1]}")
        if sharing.document(has) != held and not has_refused:
            raise Broken(f"{box.id} has stop_s {has.deadlines.stop_s}, and not: {held}")
        if box.process is None or box.process.configured != has:
            raise Broken(f"what runs on {box.id} goes by other settings than its own")
        record = view.get(records.FRONT_END, box.id)
        if record is None or record.doc.settings != sharing.document(has):
            raise Broken(f"{box.id} is not known to have what it has")
        duty = rolling.duty(view, box.id)
        if duty is not None or box.is_busy:
            raise Broken(f"{box.id} never comes to its end: {duty}")
        if settingshistory.read_trying(box.layout) is not None:
            raise Broken(f"{box.id} still tries something")
        tried = [one for one in settingshistory.entries(box.layout) if is_open(one)]
        if tried:
            raise Broken(f"the history of {box.id} never says what became of {tried}")


def may_refuse(known: Known, box: Box) -> bool:
    """Tell whether a machine had no part in deciding what it refuses, and is named for it."""
    return box.id not in known.rollout.awaited and box.id in rolls.late(known, {box.id: box.id})


def is_open(entry: settingshistory.Entry) -> bool:
    """Tell whether nobody has said what came of a document."""
    return entry.outcome == settingshistory.TRIED


def patches(life: Life) -> dict[tuple[Any, str], Any]:
    """What stands for sockets, processes and time in the machines' own programs."""

    def call(access: Box, service: str, operation: str, asked: dict[str, Any] | None = None) -> Any:
        return boxes.ask(access, operation, asked)

    def read_access(layout: Layout, held: object) -> Box:
        return life.box_at(layout.root)

    def restart(layout: Layout, daemons: tuple[str, ...]) -> None:
        if daemons:
            errands.ask(life.box_at(layout.root).restart)

    def popen(line: list[str], **_: object) -> Any:
        words = line[line.index("--root") :]
        box = life.box_at(Path(words[1]))

        async def begin() -> errands.Errand:
            return box.run_program(*words[2:])

        child = errands.ask(begin)
        return SimpleNamespace(poll=lambda: None if box.is_alive(child.pid) else 0)

    def sleep(seconds: float) -> None:
        errands.ask(lambda: asyncio.sleep(max(seconds, LOOK_S_MIN)))

    times = SimpleNamespace(sleep=sleep, time=life.clock.now, monotonic=life.clock.monotonic)
    kernel = SimpleNamespace(getpid=errands.own_pid, getuid=lambda: 0, environ={})

    def is_alive(whose: settingshistory.Trying | settingshistory.Entry) -> bool:
        return any(box.is_alive(whose.pid) for box in life.boxes.values())

    def daemons(layout: Layout) -> tuple[str, ...]:
        return ("cloud",)

    def find(layout: Layout, name: str) -> str:
        return name

    def read_birth(pid: int) -> int:
        return 1

    def ring(bell: Path) -> None:
        life.box_at(bell).ring()

    def nothing(_: object) -> None:
        pass

    return {
        (client, "call"): call,
        (client, "read_access"): read_access,
        (settingstrial, "restart"): restart,
        (configuring, "subprocess"): SimpleNamespace(Popen=popen, DEVNULL=None),
        **{(one, "time"): times for one in (rollouts, settingstrial, settingshistory, steps)},
        (configuring, "time"): times,
        (runner, "LOOK_AGAIN_S"): LOOK_AGAIN_S,
        (rolling, "EVERY_S"): LOOK_AGAIN_S,
        (settingshistory, "os"): kernel,
        (settingshistory, "is_alive"): is_alive,
        (owners, "give_settings"): nothing,
        (status, "daemons"): daemons,
        (status, "find"): find,
        (status, "read_birth"): read_birth,
        (rolling, "ring"): ring,
        # A machine that crashes keeps what was written.
        (files, "sync_directory"): nothing,
    }


def run(seed: int) -> Life:
    """Live the life of a seed; raise what went wrong."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    root = Path(tempfile.mkdtemp(prefix="m-rollouts-"))
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, root)
        undo.enter_context(mock.patch.object(sys, "argv", sys.argv))
        life = Life(seed, loop, root)
        for (module, name), instead in patches(life).items():
            undo.enter_context(mock.patch.object(module, name, instead))
        try:
            loop.run_until_complete(life.live())
        finally:
            for box in life.boxes.values():
                box.crash()
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            loop.close()
    return life


def main() -> None:
    """Run one seed, or all from the first up to the second."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    first = int(sys.argv[1])
    last = int(sys.argv[2]) if len(sys.argv) > 2 else first + 1
    failed = 0
    began = time.process_time()
    for seed in range(first, last):
        try:
            print(f"seed {seed}: {run(seed).story()}", flush=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and counts
            failed += 1
            print(f"seed {seed}: {type(error).__name__}: {error}", flush=True)
            if last == first + 1:
                traceback.print_exc()
    print(f"{last - first} lives, {failed} failed, {time.process_time() - began:.1f} s")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
