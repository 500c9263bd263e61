"""A simulation of the control plane: `python -m tests.simulation.simulation SEED [SEED]`.

Front ends, hosts, customers and a network live through some minutes of bad luck on a virtual clock,
then some of peace, and then everything is given back. All luck comes from the seed: the same seed
is the same life, if `PYTHONHASHSEED` is 0. What must hold is in `laws`.
"""

import asyncio
import gc
import logging
import os
import random
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from unittest import mock

import structlog

from mallee.cloud import accounts
from mallee.cloud.call import Principal
from mallee.cloud.hosts import hearing
from mallee.cloud.reconcile import runner
from mallee.cloud.state import records
from mallee.cloud.state.index import Index
from mallee.cloud.state.tx import Tx
from mallee.cloud.state.view import View
from mallee.model.configuration.settings import Deadlines, Network, Settings
from mallee.model.hosts.hosts import AsksAnswer, Host, SyncAnswer, SyncRequest
from mallee.model.images.images import Blob, Image
from mallee.model.network.gateways import LeaseAsked, LeaseTold
from mallee.model.storage import passes
from mallee.model.storage.passes import Pass, PassRequest
from mallee.node import sync
from tests.simulation import laws
from tests.simulation.administrators import Administrator
from tests.simulation.blocks import Shelf
from tests.simulation.cables import Cables, Weather
from tests.simulation.customers import Customer
from tests.simulation.frontends import BOX, FrontEnd, World
from tests.simulation.loop import VirtualClock, VirtualLoop
from tests.simulation.machines import Machine
from tests.simulation.memory import Memory
from tests.simulation.presence import Board
from tests.simulation.truth import Truth

SETTINGS = Settings(
    deadlines=Deadlines(launch_s=60.0, stop_s=10.0, terminate_s=5.0),
    network=Network(public_range="198.51.100.0/26"),
)
IMAGE_ID = "ami-00000000000000001"
STORM_S = 45.0
QUIET_S = 45.0
"""How long it is quiet before all is mended: what is late arrives."""
PEACE_S = 180.0
RARER = (
    (runner, "LOOK_AGAIN_S", 5.0),
    (runner, "PAUSE_S", 0.25),
    (hearing, "LOOK_EVERY_S", 2.0),
    (sync, "LOOK_AGAIN_S", 4.0),
    (passes, "PASS_LIFE_S", 20.0),
)
"""How often is looked whether anything is new: most of a life would be such looks. Passes end
sooner, so that some do while they are used."""
QUOTAS = {
    "ec2:quota-vminstancenumber": 8,
    "ec2:quota-addressnumber": 3,
    "ec2:quota-snapshotnumber": 5,
}


@dataclass(slots=True)
class Size:
    """How large a life is."""

    front_ends: int
    machines: int
    customers: int
    weather: tuple[float, ...]
    """How bad the network may be."""

    @classmethod
    def of(cls, rng: random.Random) -> "Size":
        """Choose one."""
        front_ends = rng.choice((1, 2, 2, 3))
        weather = rng.choice(((0.0, 0.1, 0.4), (0.0, 0.5), (0.0,)))
        return cls(front_ends, rng.choice((1, 2, 3)), rng.choice((1, 2)), weather)


class Life:
    """One simulation, from its beginning to its end."""

    def __init__(self, seed: int, loop: VirtualLoop) -> None:
        self.rng = random.Random(seed)
        self.clock = VirtualClock(loop)
        self.size = Size.of(self.rng)
        self.memory = Memory(Index(), self.clock, self.rng)
        self.front_ends: dict[str, FrontEnd] = {}
        self.names = tuple(f"fe{number}" for number in range(self.size.front_ends))
        self.shelf = Shelf(on_swept=self._check_blocks, on_fault=self._note_fault)
        self.world = World(
            self.memory,
            self.clock,
            SETTINGS,
            self.rng,
            Board(self.clock),
            self.shelf,
            keeper=self.names[0],
        )
        self.cables = Cables(self.rng)
        self.admin = self._make_account("admin", is_admin=True)
        whos = [self._make_account(f"customer{number}") for number in range(self.size.customers)]
        self.memory.transact(lambda tx: _make_image(tx, whos[0].account))
        self.machines = [self._make_machine(number) for number in range(self.size.machines)]
        self.customers = [Customer(who, self.cables, self._choose, self.rng) for who in whos]
        self.truth = Truth(self.shelf, self._view, self._note_fault)
        self.law_breaking: BaseException | None = None
        self.administrator = Administrator(self.admin, self._choose, self.rng)

    async def live(self) -> None:
        """Live it; raise what law was broken."""
        for name in self.names:
            self._start_front_end(name)
        for machine in self.machines:
            machine.others = {one.id: one for one in self.machines}
            machine.fence.on_open = self._check_leading
            machine.on_write, machine.on_made = self.truth.write, self.truth.make
            machine.on_cut = self.truth.cut
            machine.start(self, self.names)
            machine.on_change, machine.on_fault = self._check, self._note_fault
        for customer in self.customers:
            await self._limit(customer)
        await asyncio.sleep(5.0)
        self.before = self.memory.index.copy()
        self.memory.on_commit = self._check
        self._change_weather()
        living = [asyncio.ensure_future(one.live(IMAGE_ID, 2.0)) for one in self.customers]
        host_ids = tuple(machine.id for machine in self.machines)
        living.append(asyncio.ensure_future(self.administrator.live(host_ids, 5.0)))
        fate = asyncio.ensure_future(self._fate())
        await asyncio.sleep(STORM_S)
        for task in (fate, *living):
            task.cancel()
        for end in await asyncio.gather(fate, *living, return_exceptions=True):
            if isinstance(end, Exception):
                raise end
        await self._make_peace()
        await self._settle(lambda: laws.check_settled(self._view(), self.machines))
        for customer in self.customers:
            laws.check_promises(self._view(), customer)
        for customer in self.customers:
            await customer.leave(self._view)
        await self._settle(
            lambda: laws.check_nothing_left(self._view(), self.machines, self.before)
        )

    async def _settle(self, law: Callable[[], None]) -> None:
        """Wait until a law holds; raise when it does not come to."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + PEACE_S
        while True:
            await asyncio.sleep(5.0)
            self._raise_broken()
            try:
                law()
                return
            except laws.Broken:
                if loop.time() > ends_at:
                    raise

    def _check(self) -> None:
        """Hold everything to the laws that hold at every moment."""
        if self.law_breaking is not None:
            return
        try:
            view = self._view()
            laws.check_machines(view, self.machines)
            laws.check_store(view, self.customers)
            self.truth.check_complete(view)
        except laws.Broken as error:
            self.law_breaking = error

    def _check_blocks(self) -> None:
        try:
            self.truth.check_blocks(self._view())
        except laws.Broken as error:
            self._note_fault(error)

    def _check_leading(self) -> None:
        try:
            laws.check_leading(self.machines)
        except laws.Broken as error:
            self._note_fault(error)

    def _note_fault(self, error: BaseException) -> None:
        self.law_breaking = self.law_breaking or error

    def _raise_broken(self) -> None:
        if self.law_breaking is not None:
            raise self.law_breaking

    # What happens

    async def _fate(self) -> None:
        while True:
            await asyncio.sleep(self.rng.expovariate(1 / 6.0))
            self._raise_broken()
            happening = self.rng.choice(
                (
                    self._change_weather,
                    self._cut,
                    self._cut,
                    self._stop_front_end,
                    self._stop_agent,
                    self._crash_machine,
                    self._end_guest,
                    self._slow_down,
                )
            )
            happening()

    def _change_weather(self) -> None:
        bad = self.rng.choice(self.size.weather)
        self.cables.weather = Weather(lost=bad / 2, late=bad / 2, twice=bad)

    def _cut(self) -> None:
        name = self.rng.choice((*self.names, *(machine.id for machine in self.machines)))
        self.cables.cut.add(name)
        self._later(lambda: self.cables.cut.discard(name))

    def _stop_front_end(self) -> None:
        name = self.rng.choice(self.names)
        front_end = self.front_ends.pop(name, None)
        if front_end is not None:
            front_end.kill()
            self._later(lambda: self._start_front_end(name))

    def _stop_agent(self) -> None:
        machine = self.rng.choice(self.machines)
        if machine.runs:
            machine.kill_agent()
            self._later(lambda: self._start_machine(machine))

    def _crash_machine(self) -> None:
        machine = self.rng.choice(self.machines)
        machine.crash()
        self._later(lambda: self._start_machine(machine))

    def _end_guest(self) -> None:
        self.rng.choice(self.machines).end_a_guest()

    def _slow_down(self) -> None:
        machine = self.rng.choice(self.machines)
        machine.is_slow = not machine.is_slow
        machine.fails = self.rng.choice((0.0, 0.0, 0.3))

    def _later(self, what: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(self.rng.expovariate(1 / 12.0), what)

    async def _make_peace(self) -> None:
        """Mend everything, and let what is on its way arrive."""
        self.cables.weather = Weather()
        await asyncio.sleep(QUIET_S)
        self._raise_broken()
        self.cables.cut.clear()
        for name in self.names:
            self._start_front_end(name)
        for machine in self.machines:
            machine.is_slow, machine.fails = False, 0.0
            self._start_machine(machine)
        await self.administrator.mend(tuple(machine.id for machine in self.machines))

    # Making things

    def _make_account(self, name: str, *, is_admin: bool = False) -> Principal:
        means = accounts.Means(settings=SETTINGS, entropy=self.rng.randbytes, box=BOX)
        made = self.memory.transact(
            lambda tx: accounts.create(tx, name, means, is_cloud_admin=is_admin)
        )
        return Principal(
            account=made.id,
            user_id=made.doc.admin_user_id,
            user_name="admin",
            arn=f"arn:aws:iam::{made.id}:user/admin",
            access_key_id="",
            is_cloud_admin=is_admin,
            is_administrator=True,
        )

    def _make_machine(self, number: int) -> Machine:
        id = f"host-{number:017x}"
        host = Host(
            id=id,
            name=f"host{number}",
            zone=SETTINGS.zone,
            certificate_serial="0",
            joined_at=self.clock.now(),
            address=f"203.0.113.{number + 1}",
        )
        self.memory.transact(lambda tx: tx.insert(records.HOST, "", id, host))
        return Machine(id, self.cables, self.clock, self.shelf)

    async def _limit(self, customer: Customer) -> None:
        for key, most in QUOTAS.items():
            asked = {"AccountName": customer.who.account, "Key": key, "Limit": most}
            await self.front_ends[self.names[0]].ask(self.admin, "PutQuota", asked, "mallee")

    def _start_front_end(self, name: str) -> None:
        if name not in self.front_ends:
            self.front_ends[name] = FrontEnd(name, self.world)

    def _start_machine(self, machine: Machine) -> None:
        if not machine.runs:
            machine.start(self, self.names)

    async def sync(self, at: str, host_id: str, request: SyncRequest) -> SyncAnswer:
        """Serve an agent's call at a front end."""
        return await (await self._served(at)).sync(host_id, request)

    async def lease(self, at: str, host_id: str, asked: LeaseAsked) -> LeaseTold:
        """Serve a question for a lease."""
        return await (await self._served(at)).lease(host_id, asked)

    async def fetch_pass(self, at: str, host_id: str, asked: PassRequest) -> Pass:
        """Serve a host's question for a pass."""
        return await (await self._served(at)).fetch_pass(host_id, asked)

    async def asks(self, at: str, host_id: str) -> AsksAnswer:
        """Serve a host that waits for questions."""
        return await (await self._served(at)).asks(host_id)

    async def answer(self, at: str, host_id: str, ask_id: str, answer: bytes | None) -> None:
        """Take a host's answer."""
        (await self._served(at)).answer(host_id, ask_id, answer)

    async def _served(self, at: str) -> FrontEnd:
        front_end = self.front_ends.get(at)
        if front_end is None:
            # Nobody listens, and nobody says so.
            await asyncio.sleep(3600.0)
            raise AssertionError("somebody waited an hour for an answer")
        return front_end

    def _choose(self) -> FrontEnd | None:
        return self.rng.choice([*self.front_ends.values()]) if self.front_ends else None

    def _view(self) -> View:
        """Return what the database has."""
        return View(self.memory.index)

    def story(self) -> str:
        """Return what became of it, for comparison."""
        # Within a transaction the order may follow from where things lie in memory.
        changes = sorted((one.at, one.op.value) for one in self.memory.log)
        asked = [(one.promises.answered, one.promises.refused) for one in self.customers]
        return f"{self.size}: {len(changes)} changes, {hash(tuple(changes))}; {asked}"

    def end(self) -> None:
        """End all processes."""
        for machine in self.machines:
            machine.kill_agent()
        for front_end in self.front_ends.values():
            front_end.kill()
        self.cables.end()


def _make_image(tx: Tx, account: str) -> None:
    image = Image(
        id=IMAGE_ID,
        name="tiny",
        description="",
        kind="machine",
        location="mallee/tiny",
        is_public=True,
        blob=Blob(sha256="a" * 64, size_bytes=1 << 20, format="qcow2"),
        disk_gib=1,
        created_at=tx.now,
    )
    tx.insert(records.IMAGE, account, image.id, image)


def run(seed: int) -> Life:
    """Live the life of a seed; raise what went wrong."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    luck = random.Random(seed)
    random.seed(seed)
    with ExitStack() as patched:
        patched.enter_context(mock.patch.object(os, "urandom", luck.randbytes))
        for module, name, seconds in RARER:
            patched.enter_context(mock.patch.object(module, name, seconds))
        life = Life(seed, loop)
        try:
            loop.run_until_complete(life.live())
        finally:
            life.end()
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            loop.close()
    return life


def main() -> None:
    """Run one seed, or all from the first up to the second."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    first = int(sys.argv[1])
    last = int(sys.argv[2]) if len(sys.argv) > 2 else first + 1
    failed = 0
    began = time.process_time()
    for seed in range(first, last):
        try:
            life = run(seed)
            if last == first + 1:
                print(life.story())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and counts
            failed += 1
            print(f"seed {seed}: {type(error).__name__}: {error}", flush=True)
            if last == first + 1:
                traceback.print_exc()
    print(f"{last - first} lives, {failed} failed, {time.process_time() - began:.1f} s")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
