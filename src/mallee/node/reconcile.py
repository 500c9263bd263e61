"""Makes the host what is wanted of it: `seen = fetch(...)`, `plan(...)`, apply, per instance.

Each instance has a worker that runs when it is poked: by a newer generation, by the hypervisor's
events, by a step that was done, by time, and by the sweep that looks at everything every few
seconds. A poke carries a key and no news: the worker looks for itself, so nothing is missed by a
crash or a lost event. Instances are worked on at the same time, the steps of one in their order.

Called by `daemon` (`run`), `sync` (`want`, `seen`, `wait_changed`) and the hypervisor (`poke`).
Not its business: what to do (`plan`), how it is done (`apply`), and talking to the cloud (`sync`).
"""

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from mallee.kit import logs
from mallee.model.compute.instances import Halt, InstanceSeen, Phase
from mallee.model.hosts.hosts import HostWanted, InstanceWanted
from mallee.model.hosts.plans import HostPlan
from mallee.node import apply, explain, fetch, network, reachability
from mallee.node.do.guests import console
from mallee.node.do.guests.hypervisor import HypervisorAway, HypervisorFailed
from mallee.node.do.storage import images
from mallee.node.host import Host
from mallee.node.ledger import Ledger
from mallee.node.migrating import keeper
from mallee.node.modes import addresses
from mallee.node.plan.guests import instances, progress, steps
from mallee.node.plan.guests.progress import Progress, Situation, Stage
from mallee.node.plan.guests.seen import SeenInstance
from mallee.node.volumes import volumes

SWEEP_S = 3.0
SAME_PLAN_AGAIN_S = 1.0
"""A plan that comes out the same after it was done is not done again at once."""

STEPS_AT_ONCE = 16
"""Of all guests; each keeps a thread, and one whose QEMU does not answer keeps it for minutes."""
STANDING_NAMED = 8
"""Of guests that stand still for one reason."""

SWEEP, LEDGER = "sweep", "ledger"
"""Whose trouble is no single instance's."""

log = logs.get(__name__)


@dataclass(slots=True)
class _Worker:
    """The work on one instance."""

    task: asyncio.Task[None] | None = None
    is_dirty: bool = False
    wanted_changed: asyncio.Event = field(default_factory=asyncio.Event)
    timer: asyncio.TimerHandle | None = None
    done_plan: steps.Plan = ()


class Reconciler:
    """The instances and the network of one host. Lives in one event loop."""

    def __init__(self, host: Host, ledger: Ledger) -> None:
        self._host = host
        self._ledger = ledger
        self._loop = asyncio.get_running_loop()
        self._taking = asyncio.Lock()
        self._workers: dict[str, _Worker] = {}
        self._wanted: dict[str, InstanceWanted] = {}
        self._taps = fetch.Taps()
        self._carried: dict[str, frozenset[str]] = {}
        """The taps that each running guest holds, as was seen last."""
        self._seen: dict[str, InstanceSeen] = {}
        self._version = 0
        self._news = asyncio.Event()
        self.volumes = volumes.VolumeKeeper(host, self._on_volume)
        self.migrations = keeper.Migrations(host, lambda: ledger.wanted, self._poke_from_thread)
        self._addresses = addresses.Addresses(host, self.poke, self.migrations.is_elsewhere)
        self._network = network.NetworkKeeper(host, self._addresses.fitted)
        self._reach = reachability.Reachability(host, ledger)
        self._sweep_asked = asyncio.Event()
        self._turns = asyncio.Semaphore(STEPS_AT_ONCE)
        self._trouble: dict[str, str] = {}
        self._is_ending = False
        self.leftovers: tuple[str, ...] = ()
        self._learn_wanted()

    @property
    def version(self) -> int:
        """Counts changes of what `seen` would say, its steps aside."""
        return self._version

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences with cause and cure of what could not be put right."""
        own = (*self._ledger.problems, *self._trouble.values())
        kept = (*self._network.problems, *self.volumes.problems)
        return (*own, *kept, *self._addresses.problems, *self._standing())

    def _standing(self) -> tuple[str, ...]:
        """Say which guests stand still for want of room."""
        standing = [
            id for id, it in self._seen.items() if it.halted and it.halted.by is Halt.NO_ROOM
        ]
        if not standing:
            return ()
        some, layout = ", ".join(sorted(standing)[:STANDING_NAMED]), self._host.layout
        return (
            f"Guests stand still, for what they write finds no room below {layout.instances} or "
            f"{layout.volumes}: make some, and they go on by themselves. There are "
            f"{len(standing)}: {some}.",
        )

    async def run(self) -> None:
        """Reconcile until cancelled; guests and their network are left as they are."""
        self._host.hypervisor.watch(self._poke_from_thread)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._network.run())
                group.create_task(self._addresses.run())
                group.create_task(self.volumes.run())
                group.create_task(self._sweep_forever())
                group.create_task(self._reach.run(self.seen, self._tell_news))
        finally:
            await asyncio.to_thread(self.migrations.stop)
            await self._stop_workers()

    async def want(self, wanted: HostWanted) -> bool:
        """Take a newer generation; tell whether it was one.

        Raises `OSError` when it cannot be written down: then all stays as it was.
        """
        # Two answers may come at once: an older one must not be written over a newer one.
        async with self._taking:
            before, interfaces = self._wanted, self._network.interfaces
            try:
                is_newer = await asyncio.to_thread(self._ledger.accept, wanted)
            except OSError as error:
                self._note_unwritten(self._host.layout.ledger, error)
                raise
            if not is_newer:
                return False
            self._trouble.pop(LEDGER, None)
            self._learn_wanted()
        for instance_id in before.keys() | self._wanted.keys():
            old, new = before.get(instance_id), self._wanted.get(instance_id)
            if old != new:
                if old is None or new is None or instances.is_turn(old, new):
                    self._worker(instance_id).wanted_changed.set()
                self.poke(instance_id)
        for interface_id in interfaces.keys() ^ self._network.interfaces.keys():
            held = self._network.interfaces.get(interface_id) or interfaces[interface_id]
            self.poke(held.instance_id)
        return True

    def seen(self) -> dict[str, InstanceSeen]:
        """Return what is seen of every instance that was looked at."""
        return self._reach.joined(self._seen)

    async def wait_changed(self, version: int) -> int:
        """Wait until `version` is not the newest; return the newest."""
        while self._version == version:
            await self._news.wait()
        return self._version

    def poke(self, instance_id: str = "") -> None:
        """Have an instance looked at; empty: everything."""
        if not instance_id:
            self._sweep_asked.set()
            return
        if self._is_ending:
            return
        worker = self._worker(instance_id)
        worker.is_dirty = True
        if worker.task is None:
            worker.task = self._loop.create_task(self._work(instance_id, worker))
            worker.task.add_done_callback(lambda task: self._ended(instance_id, task))

    async def explain(self, instance_id: str) -> HostPlan:
        """Return what would be done now for an instance, or for all (empty); nothing is done."""
        at = explain.Standing(
            host=self._host,
            ledger=self._ledger,
            network=self._network,
            volumes=self.volumes,
            wanted=dict(self._wanted),
            taps=fetch.Taps(set(self._taps.names), set(self._taps.unplugged)),
        )
        return await asyncio.to_thread(explain.tell, at, instance_id)

    def _poke_from_thread(self, instance_id: str) -> None:
        self._loop.call_soon_threadsafe(self.poke, instance_id)

    def _learn_wanted(self) -> None:
        wanted = self._ledger.wanted
        if wanted is not None:
            self._wanted = {instance.id: instance for instance in wanted.instances}
            self._network.want(wanted)
            self._addresses.want(wanted)
            self.volumes.want(wanted)
            self.migrations.want(wanted)

    def _worker(self, instance_id: str) -> _Worker:
        return self._workers.setdefault(instance_id, _Worker())

    # The sweep

    async def _sweep_forever(self) -> None:
        while True:
            self._sweep_asked.clear()
            try:
                now = self._host.clock.now()
                await asyncio.to_thread(console.look_after, self._host.layout, now)
                await self._sweep()
            except apply.FAILURES as error:
                self._trouble[SWEEP] = f"Host {self._host.name} cannot be looked at: {error}."
            else:
                self._trouble.pop(SWEEP, None)
            try:
                async with asyncio.timeout(SWEEP_S):
                    await self._sweep_asked.wait()
            except TimeoutError:
                continue

    async def _sweep(self) -> None:
        if self._ledger.wanted is None:
            # Nothing is known to be unclaimed before the cloud has said what it claims.
            return
        self._taps.begin_look()
        self._taps.take(await asyncio.to_thread(fetch.fetch_taps, self._host))
        await self._remove_stray_taps()
        ids = await asyncio.to_thread(fetch.fetch_instance_ids, self._host)
        known = ids | self._wanted.keys() | self._ledger.progress.keys()
        for instance_id in known:
            self.poke(instance_id)
        busy = {id for id, worker in self._workers.items() if worker.task is not None}
        for instance_id in self._trouble.keys() - known - busy - {SWEEP, LEDGER}:
            # Nothing is left of it: nobody would look again, and find that all is well.
            del self._trouble[instance_id]
        lost = await asyncio.to_thread(fetch.fetch_leftovers, self._host)
        self.leftovers = (*lost, *self.volumes.leftovers)

    async def _remove_stray_taps(self) -> None:
        worn = (i for wanted in self._wanted.values() for i in wanted.interface_ids)
        claimed = {self._host.layout.tap(interface_id) for interface_id in worn}
        claimed.update(*self._carried.values())
        for name in sorted(self._taps.names - claimed):
            log.warning("removing a tap that no instance claims", tap=name)
            # A tap's name holds as much of the interface's id as is needed to find it again.
            interface_id = "eni-" + name.removeprefix("mt")
            await self._do(steps.RemoveTap(interface_id))
            self._taps.names.discard(name)

    # The work on one instance

    async def _work(self, instance_id: str, worker: _Worker) -> None:
        while worker.is_dirty:
            worker.is_dirty = False
            worker.wanted_changed.clear()
            try:
                await self._reconcile(instance_id, worker)
            except (HypervisorFailed, OSError) as error:
                # Nothing can be seen: the instance is looked at again with the next sweep.
                self._trouble[instance_id] = (
                    f"{instance_id} cannot be looked at on host {self._host.name}: {error}."
                )
            else:
                self._trouble.pop(instance_id, None)

    async def _reconcile(self, instance_id: str, worker: _Worker) -> None:
        wanted = self._wanted.get(instance_id)
        seen = await asyncio.to_thread(
            fetch.fetch_instance, self._host, instance_id, wanted, self._taps
        )
        self._learn_carried(instance_id, seen)
        carried = {disk.volume_id for disk in seen.disks}
        lacks = {disk.volume_id for disk in (wanted.disks if wanted else ())} - carried
        async with self.volumes.giving.give(lacks):
            seen = self.volumes.joined(seen, wanted)
            await self._settle(instance_id, wanted, seen, worker)

    async def _settle(
        self,
        instance_id: str,
        wanted: InstanceWanted | None,
        seen: SeenInstance,
        worker: _Worker,
    ) -> None:
        if wanted is None:
            await self._clear_away(instance_id, seen)
            return
        if self.migrations.is_held(wanted, seen):
            await self._fetch_ahead(wanted, seen)
            known_seen = self._seen.get(instance_id)
            self._publish(instance_id, self.migrations.report(wanted, known_seen))
            return
        at = Situation(wanted, seen, self._host.clock.now(), self._host.name)
        known = progress.observe(self._ledger.progress.get(instance_id), at)
        why = seen.root_failure or self._addresses.failure(instance_id)
        if why is not None and why.code != apply.INTERNAL and known.stage is Stage.NEW:
            known = progress.after_failure(known, why, at.now, is_final=True)
        plan = instances.plan(at, known, self._network.interfaces, self._host.rules)
        await self._keep(at, known)
        reached = await self._apply(plan, at, known, worker)
        await self._keep(at, reached)
        self._come_back(at, reached, plan, worker)

    async def _fetch_ahead(self, wanted: InstanceWanted, seen: SeenInstance) -> None:
        """Fetch what the disks of a guest lie on that comes from another host."""
        missing = [blob for blob in instances.blobs_of(wanted) if blob.sha256 not in seen.cached]
        for blob in dict.fromkeys((*seen.awaited_blobs, *missing)) if wanted.coming else ():
            try:
                await self._host.images.ensure(blob)
            except apply.FAILURES as error:
                log.warning("image not fetched", blob=blob.sha256, error=str(error))

    def _learn_carried(self, instance_id: str, seen: SeenInstance) -> None:
        """Remember which taps its guest holds: none of them may be taken away under it."""
        self._carried.pop(instance_id, None)
        if seen.domain is not None and seen.domain.is_active:
            self._carried[instance_id] = frozenset(nic.tap for nic in seen.domain.nics)

    async def _apply(
        self, plan: steps.Plan, at: Situation, known: Progress, worker: _Worker
    ) -> Progress:
        """Do the plan as far as it goes; return the progress that was reached."""
        took_ms: dict[str, int] = {}
        for batch in instances.batches(plan):
            self._note_step(at.wanted.id, batch[0])
            began_at = self._loop.time()
            doing = (self._apply_step(step, worker) for step in batch)
            outcomes = await asyncio.gather(*doing, return_exceptions=True)
            for step, error in zip(batch, outcomes, strict=True):
                if error is not None:
                    return self._after_failure(known, at, step, error)
                known = progress.after(known, step, at)
            took_ms[type(batch[0]).__name__] = round((self._loop.time() - began_at) * 1000)
            if worker.wanted_changed.is_set():
                break
        if took_ms:
            log.info("done", instance=at.wanted.id, took_ms=took_ms)
        return known

    def _after_failure(
        self, known: Progress, at: Situation, step: steps.Step, error: BaseException
    ) -> Progress:
        if isinstance(error, HypervisorAway):
            # No fault of the instance: it is looked at again when the hypervisor is back.
            return known
        if not isinstance(error, apply.FAILURES):
            raise error
        log.warning("step failed", instance=at.wanted.id, step=str(step), error=str(error))
        cause = apply.reason_of(self._host, step, error)
        now = self._host.clock.now()
        if isinstance(error, images.SourceAway):
            return progress.after_absence(known, cause, now)
        return progress.after_failure(known, cause, now, is_final=apply.is_final(error))

    async def _apply_step(self, step: steps.Step, worker: _Worker) -> None:
        match step:
            case steps.FetchImage():
                await apply.unless(worker.wanted_changed, apply.apply_step(self._host, step))
                self.volumes.poke()
                return
            case steps.Plug(interface):
                await self._network.wait_applied(self._ledger.generation)
                # Once plugged, the host itself answers for the address.
                if self._host.layout.tap(interface.id) in self._taps.unplugged:
                    await self._addresses.check_free(interface)
            case _:
                pass
        if isinstance(step, steps.CreateTap | steps.Plug | steps.RemoveTap):
            await self._move_tap(step)
        else:
            await self._do(step)

    async def _do(self, step: steps.Step) -> None:
        async with self._turns:
            await apply.apply_step(self._host, step)

    async def _move_tap(self, step: steps.CreateTap | steps.Plug | steps.RemoveTap) -> None:
        id = step.interface_id if isinstance(step, steps.RemoveTap) else step.interface.id
        tap = self._host.layout.tap(id)
        with self._taps.moving(tap):
            if isinstance(step, steps.CreateTap):
                self._taps.names.add(tap)
                self._taps.unplugged.add(tap)
            await self._do(step)
            if isinstance(step, steps.RemoveTap):
                self._taps.names.discard(tap)
            if isinstance(step, steps.Plug):
                self._taps.unplugged.discard(tap)

    async def _keep(self, at: Situation, reached: Progress) -> None:
        """Remember, then tell: what the cloud was told is true after any crash.

        A ledger that cannot be written is a problem to report, not an end.
        """
        instance_id = at.wanted.id
        # A launch at its very beginning is nothing to remember: it is begun again.
        if instance_id in self._ledger.progress or reached != Progress(launch=at.wanted.launch):
            try:
                await asyncio.to_thread(self._ledger.keep, instance_id, reached)
            except OSError as error:
                self._note_unwritten(self._host.layout.progress, error)
            else:
                if self._ledger.is_written:
                    self._trouble.pop(LEDGER, None)
        self._publish(instance_id, instances.report(at.wanted, at.seen, reached))

    def _note_unwritten(self, path: Path, error: OSError) -> None:
        self._trouble[LEDGER] = f"Host {self._host.name} cannot write {path}: {error}."

    def _come_back(
        self, at: Situation, reached: Progress, plan: steps.Plan, worker: _Worker
    ) -> None:
        """Say when to look again: at once after steps, or when time alone changes the plan."""
        has_failed = reached.tries > 0 and reached.stage in (Stage.NEW, Stage.RECOVERING)
        if plan and not has_failed and plan != worker.done_plan:
            worker.is_dirty = True
        worker.done_plan = plan
        wake_at = instances.wake_at(at, reached, self._host.rules)
        if plan and not worker.is_dirty and wake_at is None:
            wake_at = self._host.clock.now() + SAME_PLAN_AGAIN_S
        if worker.timer is not None:
            worker.timer.cancel()
            worker.timer = None
        if wake_at is not None:
            wait_s = max(0.0, wake_at - self._host.clock.now())
            worker.timer = self._loop.call_later(wait_s, self.poke, at.wanted.id)

    async def _clear_away(self, instance_id: str, seen: SeenInstance) -> None:
        """Remove what no one claims; its disk is put aside and reported."""
        if self.migrations.is_elsewhere(instance_id):
            seen = replace(seen, has_disk=False)
        plan = instances.plan_leftover(instance_id, seen)
        for step in plan:
            log.warning("clearing away", instance=instance_id, step=str(step))
            await self._do(step)
        self._ledger.forget(instance_id)
        self.migrations.over(instance_id)
        if self._seen.pop(instance_id, None) is not None:
            self._tell_news()
        self.leftovers = await asyncio.to_thread(fetch.fetch_leftovers, self._host)
        if plan:
            # Its taps are known to the sweep alone.
            self.poke()

    # What is told

    def _publish(self, instance_id: str, seen: InstanceSeen) -> None:
        seen = self._addresses.joined(instance_id, self.migrations.joined(instance_id, seen))
        before = self._seen.get(instance_id)
        if before is not None and msgspec.structs.replace(before, step="") == seen:
            return
        if before is not None and before.volume_ids != seen.volume_ids:
            self.volumes.poke()
        self._seen[instance_id] = seen
        self._tell_news()

    def _tell_news(self) -> None:
        self._version += 1
        self._news.set()
        self._news = asyncio.Event()

    def _on_volume(self, volume_id: str) -> None:
        """Tell what is new of a volume, and have those looked at who wait for it."""
        self._tell_news()
        for instance in self._wanted.values():
            if any(disk.volume_id == volume_id for disk in instance.disks):
                self.poke(instance.id)

    def _note_step(self, instance_id: str, step: steps.Step) -> None:
        """Steps ride along with the next report: they are no news by themselves."""
        seen = self._seen.get(instance_id)
        if seen is not None and seen.phase in (Phase.PREPARING, Phase.RECOVERING, Phase.STOPPING):
            self._seen[instance_id] = msgspec.structs.replace(seen, step=step.words)

    def _ended(self, instance_id: str, task: asyncio.Task[None]) -> None:
        worker = self._workers[instance_id]
        worker.task = None
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.error("worker failed", instance=instance_id, exc_info=error)
            self._trouble[instance_id] = f"Work on {instance_id} met a fault of Mallee's: {error!r}"
        elif worker.is_dirty:
            self.poke(instance_id)
            return
        if instance_id not in self._wanted and worker.timer is None:
            del self._workers[instance_id]

    async def _stop_workers(self) -> None:
        self._is_ending = True
        tasks = [worker.task for worker in self._workers.values() if worker.task is not None]
        for worker in self._workers.values():
            if worker.timer is not None:
                worker.timer.cancel()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
