"""The work of a simulated host's agent: one step for each guest and volume at a time.

It stands for `node.reconcile` and `node.volumes`: after a crash at any step it looks at what is
there and goes on. What is done is what the real one does, in the same order where the order
matters: a guest starts when its volumes are there; a volume goes when no guest has it open.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from msgspec import structs

from mallee.model.compute.instances import InstanceSeen, Phase, Power, Reach, Reason
from mallee.model.hosts.hosts import HostWanted, InstanceWanted
from mallee.model.storage import volumes
from mallee.model.storage.moves import ArrivalSeen
from mallee.model.storage.volumes import VolumeSeen, VolumeWanted
from tests.simulation import layers, trips
from tests.simulation.blocks import Gone
from tests.simulation.disks import Copy, Disk, Guest

SWEEP_S = 3.0


class Luck(trips.Luck, layers.Luck, Protocol):
    """The machine, as its agent feels it."""

    def pause_s(self) -> float:
        """Return how long a piece of work takes."""
        ...

    def fetch(self, volume: VolumeWanted) -> Copy | None:
        """Copy a volume that comes from another machine; None: that does not let it go now."""
        ...

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def on_fault(self, error: BaseException, /) -> None:
        """A law is broken."""
        ...


class Agent:
    """As `node.reconcile.Reconciler`, as far as `sync` calls it."""

    def __init__(self, disk: Disk, luck: Luck) -> None:
        self._disk = disk
        self._luck = luck
        self._poked = asyncio.Event()
        self._news = asyncio.Event()
        self._seen: dict[str, InstanceSeen] = {}
        self.version = 0
        self.leftovers: tuple[str, ...] = ()
        self.volumes = _Volumes()
        self.trips = trips.Trips(disk, luck)

    async def want(self, wanted: HostWanted) -> bool:
        """Take a newer generation; tell whether it was one."""
        if wanted.generation <= self._disk.generation:
            return False
        self._disk.wanted = wanted
        self._poked.set()
        return True

    def seen(self) -> dict[str, InstanceSeen]:
        """Return what is seen of all instances."""
        return self._seen

    async def wait_changed(self, version: int) -> int:
        """Wait until `version` is not the newest; return the newest."""
        while self.version == version:
            await self._news.wait()
        return self.version

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._poked.clear()
            is_busy = self._work()
            self._look()
            if not is_busy:
                try:
                    async with asyncio.timeout(SWEEP_S):
                        await self._poked.wait()
                except TimeoutError:
                    pass
            await asyncio.sleep(self._luck.pause_s())

    def _look(self) -> None:
        wanted = self._disk.wanted
        if wanted is None:
            return
        seen = {one.id: self._report(one) for one in wanted.instances}
        kept = {one.id: _report_volume(one, self._disk) for one in wanted.volumes}
        if (seen, kept) != (self._seen, self.volumes.known):
            self._seen, self.volumes.known = seen, kept
            self.version += 1
            self._news.set()
            self._news = asyncio.Event()

    def _report(self, wanted: InstanceWanted) -> InstanceSeen:
        told = self.trips.told(wanted)
        guest = self._disk.guests.get(wanted.id)
        is_held = wanted.going is not None and not (told and told.failure)
        if guest is None and (wanted.coming is not None or is_held):
            return InstanceSeen(launch=wanted.launch, phase=Phase.PREPARING, migration=told)
        return structs.replace(_report(wanted, guest), migration=told)

    def _work(self) -> bool:
        """Take a step for each; tell whether there was one to take."""
        wanted = self._disk.wanted
        if wanted is None:
            return False
        instances = {one.id: one for one in wanted.instances}
        guests = self._disk.guests
        self.trips.forget(instances)
        steps = 0
        for id in [*guests]:
            if id not in instances:
                del guests[id]
                steps += 1
        for one in wanted.instances:
            steps += self._work_on(one, wanted)
        kept = {one.id: one for one in wanted.volumes}
        under = layers.lying_on(wanted)
        for volume in wanted.volumes:
            try:
                steps += self._keep(volume, under)
            except Gone as error:
                self._luck.on_fault(error)
        for id in [*self._disk.volumes]:
            # Nobody claims it. The real agent puts it aside, and says so.
            if id not in kept and not self._is_open(id):
                del self._disk.volumes[id]
                self._disk.lost.add(id)
        for id in [*self._disk.remains]:
            if id not in kept:
                del self._disk.remains[id]
                self._disk.lost.add(id)
        for id in [*self._disk.coming]:
            if id not in kept:
                del self._disk.coming[id]
        if steps:
            self._luck.on_change()
        return bool(steps)

    def _work_on(self, wanted: InstanceWanted, host: HostWanted) -> bool:
        held = self.trips.hold(wanted, host)
        if held is not None:
            return held
        guest = self._disk.guests.get(wanted.id)
        if wanted.power is Power.TERMINATED:
            return self._end(wanted, guest)
        if guest is None or guest.launch != wanted.launch:
            if guest is not None and guest.is_on:
                _switch_off(guest)
                return True
            if wanted.power is Power.STOPPED and guest is None:
                self._disk.guests[wanted.id] = Guest(wanted.launch, phase=Phase.OFF)
                return True
            self._disk.guests[wanted.id] = Guest(wanted.launch)
            return True
        if wanted.power is Power.STOPPED:
            if guest.is_on or guest.phase not in (Phase.OFF, Phase.FAILED):
                _switch_off(guest)
                return True
            return False
        return self._run(wanted, guest, host)

    def _run(self, wanted: InstanceWanted, guest: Guest, host: HostWanted) -> bool:
        if guest.phase in (Phase.FAILED, Phase.OFF):
            return False
        if guest.is_on:
            return self._plug(wanted, guest)
        disks = frozenset(disk.volume_id for disk in wanted.disks)
        if not disks <= self._disk.volumes.keys():
            return False
        if guest.phase is Phase.PREPARING and self._luck.chance(self._luck.fails):
            guest.phase = Phase.FAILED
            return True
        if guest.phase is Phase.RUNNING:
            guest.restarts += 1
        own = frozenset(wanted.interface_ids)
        guest.ips = frozenset(
            (vpc.id, one.private_ip) for vpc in host.vpcs for one in vpc.interfaces if one.id in own
        )
        guest.is_on, guest.phase, guest.open = True, Phase.RUNNING, disks
        for id in sorted(disks):
            self._luck.write(id)
        guest.answers_since = self._luck.now()
        return True

    def _plug(self, wanted: InstanceWanted, guest: Guest) -> bool:
        disks = {disk.volume_id for disk in wanted.disks}
        new = (disks - guest.open) & self._disk.volumes.keys()
        old = guest.open - disks
        forced = old.intersection(wanted.forced_volumes)
        # A guest lets a volume go when it likes.
        let_go = {id for id in sorted(old) if id in forced or self._luck.chance(0.5)}
        before = guest.open
        guest.open = frozenset((guest.open - let_go) | new)
        for id in sorted(new):
            self._luck.write(id)
        guest.reboots = wanted.reboots
        return before != guest.open or bool(old)

    def _end(self, wanted: InstanceWanted, guest: Guest | None) -> bool:
        if guest is None:
            return False
        if guest.is_on:
            _switch_off(guest)
            return True
        del self._disk.guests[wanted.id]
        return True

    def _keep(self, wanted: VolumeWanted, under: Mapping[str, set[int]]) -> bool:
        there = self._disk.volumes.get(wanted.id)
        if wanted.arriving is not None:
            return self._bring(wanted, wanted.arriving.move_id)
        copy = self._disk.coming.pop(wanted.id, None)
        if wanted.is_deleted:
            if self._is_open(wanted.id):
                return copy is not None
            return layers.remove(self._disk, wanted, under) or copy is not None
        if copy is not None and copy.move_id == wanted.moved_as:
            self._disk.volumes[wanted.id] = copy.layers
            return True
        if there is None and wanted.is_made:
            return False
        if there is None:
            layers.make(self._disk, wanted, self._luck)
            return True
        if there.size_gib != wanted.size_gib:
            there.size_gib = wanted.size_gib
            return True
        return wanted.leaving is None and layers.tend(self._disk, wanted, under, self._luck)

    def _bring(self, wanted: VolumeWanted, move_id: str) -> bool:
        """Have a copy of a volume that comes; the one of another move is none of it."""
        known = self._disk.coming.get(wanted.id)
        if known is not None and known.move_id == move_id:
            return False
        # One that goes along with its guest is brought by that.
        copy = self._luck.fetch(wanted) if wanted.arriving and wanted.arriving.port else None
        if copy is not None:
            self._disk.coming[wanted.id] = copy
        return copy is not None

    def _is_open(self, volume_id: str) -> bool:
        return any(volume_id in guest.open for guest in self._disk.guests.values())


@dataclass(slots=True)
class _Volumes:
    """As `node.volumes.VolumeKeeper`, as far as `sync` asks it."""

    known: dict[str, VolumeSeen] = field(default_factory=dict[str, VolumeSeen])

    def seen(self) -> dict[str, VolumeSeen]:
        """Return what is seen of all volumes."""
        return self.known


def give(disk: Disk, volume_id: str, to_host_id: str, move_id: str) -> Copy | None:
    """Return a copy of a volume that goes to another machine, as `node.volumes.departures`; None:
    it does not, or a guest has it open."""
    wanted = disk.wanted.volumes if disk.wanted is not None else ()
    leaving = next((one.leaving for one in wanted if one.id == volume_id), None)
    is_its = leaving is not None and (leaving.to_host_id, leaving.move_id) == (to_host_id, move_id)
    is_open = any(volume_id in guest.open for guest in disk.guests.values())
    if not is_its or is_open or volume_id not in disk.volumes:
        return None
    return Copy(move_id, disk.volumes[volume_id].copy())


def power_off(guest: Guest) -> None:
    """Let a guest end by itself."""
    _switch_off(guest)
    guest.ended_by_guest = True


def _switch_off(guest: Guest) -> None:
    guest.is_on, guest.open, guest.answers_since = False, frozenset(), None
    guest.phase = Phase.OFF


def _report(wanted: InstanceWanted, guest: Guest | None) -> InstanceSeen:
    if guest is None:
        gone = wanted.power is Power.TERMINATED
        phase = Phase.GONE if gone else Phase.PREPARING
        return InstanceSeen(launch=wanted.launch, phase=phase)
    phase = trips.phase_of(guest)
    reach = Reach(answers=True, since=guest.answers_since) if guest.answers_since else None
    cause = Reason("Server.InternalError", "It failed.") if phase is Phase.FAILED else None
    return InstanceSeen(
        launch=guest.launch,
        phase=phase,
        cause=cause,
        ended_by_guest=guest.ended_by_guest,
        restarts=guest.restarts,
        reboots_done=guest.reboots,
        volume_ids=tuple(sorted(guest.open)),
        reach=reach if guest.is_on else None,
    )


def _report_volume(wanted: VolumeWanted, disk: Disk) -> VolumeSeen:
    there = disk.volumes.get(wanted.id)
    if wanted.arriving is not None:
        copy, move_id = disk.coming.get(wanted.id), wanted.arriving.move_id
        arrival = ArrivalSeen(
            move_id=move_id, is_whole=copy is not None and copy.move_id == move_id
        )
        return VolumeSeen(phase=volumes.Phase.CHANGING, arrival=arrival)
    if there is None:
        if wanted.is_deleted:
            return VolumeSeen(phase=volumes.Phase.GONE, remains=wanted.id in disk.remains)
        if wanted.is_made and wanted.id not in disk.coming:
            lost = Reason("Server.InternalError", "It is lost.")
            return VolumeSeen(phase=volumes.Phase.FAILED, cause=lost)
        return VolumeSeen(phase=volumes.Phase.CHANGING)
    return VolumeSeen(
        phase=volumes.Phase.READY,
        size_gib=there.size_gib,
        limits=wanted.limits,
        is_whole=there.ground is None,
        loose_cuts={id: asked_at for id, (_, asked_at) in there.loose.items()},
    )
