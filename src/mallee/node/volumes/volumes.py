"""Keeps the volumes of this host as they are wanted: there, as large and as fast, or gone.

Part of the reconciler, which tells it what is wanted (`want`) and puts volumes into guests by the
instances' plans (`plan.instances`). What a guest has is never deleted, and made larger through its
QEMU. Not its business: how a volume is made (`do.volumes`).
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from mallee.kit import logs
from mallee.model.compute.instances import Power, Reason
from mallee.model.hosts.hosts import HostWanted, InstanceWanted
from mallee.model.storage.blocktrees import BLOCK_BYTES
from mallee.model.storage.datakeys import OpenedKey
from mallee.model.storage.snapshots import CutAsked, CutsMade
from mallee.model.storage.volumes import (
    ROOT_SLOT,
    DiskWanted,
    Limits,
    Phase,
    VolumeSeen,
    VolumeWanted,
)
from mallee.node import apply, rebooting
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.do.storage import grounds, volumes
from mallee.node.host import Host
from mallee.node.nbd import contents
from mallee.node.plan.guests import domain as domains
from mallee.node.plan.guests.disks import Disk
from mallee.node.plan.guests.seen import SeenInstance
from mallee.node.plan.trust import trustedvolumes
from mallee.node.volumes import arrivals, departures, giving, layeredvolumes, volumeworks
from mallee.node.volumes.layeredvolumes import Fill, Tended

LOOK_AFTER_S = 3.0
FILLS_MAX = 2
"""Volumes that guests' QEMUs fill at the same time."""

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class _Held:
    """A running guest that has a volume."""

    uuid: str
    disk: Disk
    limits: Limits


@dataclass(frozen=True, slots=True)
class _Found:
    """How things stand with a volume."""

    held: list[_Held]
    may_fill: bool


class VolumeKeeper:
    """Brings volumes to what the newest `HostWanted` says. Lives in the agent's loop."""

    def __init__(self, host: Host, changed: Callable[[str], None]) -> None:
        """`changed` is called with the id of a volume of which something new is seen."""
        self._host = host
        self._changed = changed
        self._wanted: Mapping[str, VolumeWanted] = {}
        self._slice: HostWanted | None = None
        self._running: set[str] = set()
        """Volumes that running guests shall have."""
        self._seen: dict[str, VolumeSeen] = {}
        self._poked = asyncio.Event()
        self._turn = asyncio.Lock()
        """Held while volumes are worked on, but for works that no guest does: those take long."""
        self.giving = giving.Giving()
        self._works = volumeworks.Works(host.layout, host.keys, self._poked.set)
        self._loop = asyncio.get_running_loop()
        self._arrivals = arrivals.Arrivals(host.layout, self._poke_from_thread)
        self._troubles: contents.Troubles = {}
        self.leftovers: tuple[str, ...] = ()
        self.rounds = 0
        """How often the volumes have been looked at."""

    def want(self, wanted: HostWanted) -> None:
        """Have this applied next."""
        before, self._slice = self._wanted, wanted
        self._wanted = {volume.id: volume for volume in wanted.volumes}
        self._running = {
            disk.volume_id
            for instance in wanted.instances
            if instance.power is Power.RUNNING
            for disk in instance.disks
        }
        for volume_id in self._works.under_way():
            was, now = before.get(volume_id), self._wanted.get(volume_id)
            is_as_large = was is not None and now is not None and was.size_gib == now.size_gib
            is_still = now is not None and not now.is_deleted and now.leaving is None
            if volume_id in self._running or not is_as_large or not is_still:
                self._works.end(volume_id)
        self._poked.set()

    def poke(self) -> None:
        """Have all volumes looked at: a guest has got one, or let one go."""
        self._poked.set()

    def _poke_from_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._poked.set)

    def seen(self) -> dict[str, VolumeSeen]:
        """Return what is seen of every volume that was looked at."""
        return dict(self._seen)

    def is_idle(self, volume_id: str) -> bool:
        """Tell whether nothing is being done to a volume beside guests."""
        return volume_id not in self._works

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences about where volumes lie, and about those that cannot be read whole."""
        unreadable = (
            f"{volume_id}: {seen.cause.message}"
            for volume_id, seen in sorted(self._seen.items())
            if seen.phase is Phase.READY and seen.cause is not None
        )
        place = self._host.place.problem
        return (place, *unreadable) if place else tuple(unreadable)

    def joined(self, seen: SeenInstance, wanted: InstanceWanted | None) -> SeenInstance:
        """Return what is seen of an instance with those of its volumes that are there."""
        awaited = [
            self._wanted[disk.volume_id]
            for disk in (wanted.disks if wanted else ())
            if disk.volume_id in self._wanted and self._is_awaited(disk.volume_id)
        ]
        found = {
            self._disk(disk, path): self._wanted[disk.volume_id].limits
            for disk in (wanted.disks if wanted else ())
            if (path := self._path(disk.volume_id)) is not None
        }
        return replace(
            seen,
            volumes=found,
            is_awaiting_volumes=bool(awaited),
            root_failure=next(
                (
                    self._seen[disk.volume_id].cause
                    for disk in (wanted.disks if wanted else ())
                    if disk.slot == ROOT_SLOT
                    and disk.volume_id in self._seen
                    and self._seen[disk.volume_id].phase is Phase.FAILED
                ),
                None,
            ),
            awaited_blobs=tuple(
                volume.blob for volume in awaited if volume.blob and self._lacks_blob(volume)
            ),
        )

    def _is_awaited(self, volume_id: str) -> bool:
        return volume_id not in self._seen or self._wanted[volume_id].arriving is not None

    def _disk(self, wanted: DiskWanted, path: Path) -> Disk:
        is_encrypted = bool(self._wanted[wanted.volume_id].key_id)
        return Disk(wanted.volume_id, path, wanted.slot, is_encrypted)

    def _lacks_blob(self, wanted: VolumeWanted) -> bool:
        """Tell whether the image's file on which a volume lies has still to be fetched, which its
        instance does."""
        path = volumes.blob_path(self._host.layout, wanted)
        return path is not None and not wanted.is_deleted and not path.exists()

    def _path(self, volume_id: str) -> Path | None:
        """Return where a volume is that may be given to a guest; None while there is none."""
        wanted, seen = self._wanted.get(volume_id), self._seen.get(volume_id)
        is_there = seen is not None and seen.phase in (Phase.READY, Phase.CHANGING)
        if wanted is None or wanted.is_deleted or not is_there:
            return None
        if wanted.leaving is not None or wanted.arriving is not None:
            return None
        return volumes.path_of(self._host.layout, volume_id, is_shared=wanted.is_shared)

    async def run(self) -> None:
        """Look after volumes until cancelled; they stay."""
        try:
            await self._look_after()
        finally:
            await self._works.stop(self._works.under_way())
            await asyncio.to_thread(self._arrivals.stop)

    async def _look_after(self) -> None:
        while True:
            self._poked.clear()
            try:
                async with self._turn:
                    await self._settle()
            except apply.FAILURES as error:
                log.warning("volumes cannot be looked at", error=str(error))
            self.rounds += 1
            try:
                async with asyncio.timeout(LOOK_AFTER_S):
                    await self._poked.wait()
            except TimeoutError:
                continue

    async def _settle(self) -> None:
        wanted = self._wanted
        if not await asyncio.to_thread(self._host.place.look):
            self._forget_seen()
            return
        await asyncio.to_thread(self._arrivals.settle, self._slice)
        await asyncio.to_thread(arrivals.forget_others, self._host.layout, wanted)
        found = await asyncio.to_thread(volumes.there, self._host.layout)
        if not wanted and not found:
            return
        held = await asyncio.to_thread(self._held)
        self._troubles = await asyncio.to_thread(contents.read_troubles, self._host.layout)
        fills = 0
        for volume in wanted.values():
            if volume.arriving is not None:
                arrival = self._arrivals.seen(volume.id)
                self._learn(volume.id, VolumeSeen(phase=Phase.CHANGING, arrival=arrival))
                continue
            if volume.id in self._works or self._lacks_blob(volume):
                continue
            may_fill = fills < FILLS_MAX and self._may_fill(volume.id, is_held=volume.id in held)
            seen, tended = await asyncio.to_thread(
                self._settle_one, volume, _Found(held.get(volume.id, []), may_fill)
            )
            self._learn(volume.id, seen)
            fills += tended.fill in (Fill.BEGUN, Fill.GOES_ON)
            self._begin_work(volume, tended)
        for volume_id in self._seen.keys() - wanted.keys():
            del self._seen[volume_id]
        self.leftovers = tuple(
            f"The volume {volume_id} on host {self._host.name} is nobody's; it is kept in "
            f"{volumes.directory_of(self._host.layout, volume_id)}."
            for volume_id in sorted(found - wanted.keys())
        )

    def _forget_seen(self) -> None:
        """See nothing of any volume, so that all that needs one waits."""
        for volume_id in tuple(self._seen):
            del self._seen[volume_id]
            self._changed(volume_id)

    def _held(self) -> dict[str, list[_Held]]:
        held: dict[str, list[_Held]] = {}
        for domain in self._host.hypervisor.list():
            if domain.is_active:
                for disk, limits in domain.disks.items():
                    held.setdefault(disk.volume_id, []).append(_Held(domain.uuid, disk, limits))
        return held

    def _may_fill(self, volume_id: str, *, is_held: bool) -> bool:
        """Tell whether a volume may be filled now; not one that a guest is about to let go."""
        return is_held is (volume_id in self._running) and self._works.may_begin(volume_id)

    def _begin_work(self, volume: VolumeWanted, tended: Tended) -> None:
        if tended.fill is Fill.BEGUN:
            self._works.put_off(volume.id)
        # What was wanted anew meanwhile would wait for a work's end: it is looked at first.
        if volume.id in self._running or self._wanted.get(volume.id) != volume:
            return
        if tended.merge is not None and self._works.may_begin(volume.id):
            self._works.begin_merge(volume.id, tended.merge)
        elif tended.fill is Fill.DUE:
            self._works.begin_fill(volume.id)

    def _settle_one(self, wanted: VolumeWanted, found: _Found) -> tuple[VolumeSeen, Tended]:
        """Do what is to be done for one volume; blocks.

        Returns what is seen of it then, and what is to be done without a guest.
        """
        nothing = Tended({})
        try:
            if wanted.is_deleted:
                return self._remove(wanted, found.held), nothing
            if wanted.leaving is not None:
                return departures.look(
                    self._host.layout, wanted, self._seen.get(wanted.id)
                ), nothing
            seen = self._keep(wanted, found.held)
            if wanted.is_shared:
                return seen, nothing
            tended = self._tend_layers(wanted, found)
            told = msgspec.structs.replace(
                seen,
                loose_cuts=tended.loose_cuts,
                is_whole=tended.is_whole,
                cause=None if tended.is_whole else self._unreadable(wanted),
            )
            return told, tended
        except apply.FAILURES as error:
            cause = Reason(apply.code_of(error), f"Host {self._host.name}: {error}.")
            log.warning("volume not settled", volume=wanted.id, error=str(error))
            before = self._seen.get(wanted.id)
            if before is None or before.phase is Phase.FAILED:
                return VolumeSeen(phase=Phase.FAILED, cause=cause), nothing
            seen = msgspec.structs.replace(before, phase=Phase.CHANGING, cause=cause)
            return seen, nothing

    def _unreadable(self, wanted: VolumeWanted) -> Reason | None:
        """Say what cannot be read of what a volume lies on."""
        path = volumes.path_of(self._host.layout, wanted.id, is_shared=False)
        told = self._troubles.get(grounds.served(self._host.layout, path) or "", {})
        if not told:
            return None
        number = min(told)
        words = (
            f"Host {self._host.name}: {len(told)} blocks of what it was made of cannot be read, "
            f"and are errors to its guest until it has written them; the first one is at byte "
            f"{number * BLOCK_BYTES}: {told[number]}."
        )
        return Reason("Server.InternalError", words)

    def _remove(self, wanted: VolumeWanted, held: list[_Held]) -> VolumeSeen:
        if held:
            return VolumeSeen(phase=Phase.CHANGING)
        arrivals.forget(self._host.layout, wanted.id)
        remains = layeredvolumes.remove(self._host.layout, wanted, self._lying_on(wanted.id))
        return VolumeSeen(phase=Phase.GONE, remains=remains)

    def _lying_on(self, volume_id: str) -> frozenset[int]:
        """Return the layers of a volume on which others lie."""
        sources = (one.source for one in self._wanted.values() if one.source is not None)
        return frozenset(it.number for it in sources if it.volume_id == volume_id)

    def _tend_layers(self, wanted: VolumeWanted, found: _Found) -> Tended:
        guests = [layeredvolumes.Guest(one.uuid, one.disk) for one in found.held]
        lying_on = self._lying_on(wanted.id)
        at = layeredvolumes.Standing(wanted, lying_on, guests, found.may_fill)
        return layeredvolumes.tend(self._host, at)

    async def cut(self, detail: str) -> bytes:
        """Cut volumes for snapshots; return the answer to `ASK_CUT`. Raises `apply.FAILURES`."""
        try:
            asked = trustedvolumes.read_cut(detail)
        except trustedvolumes.NotTrusted as error:
            raise HypervisorFailed(f"nothing is cut by {error}") from error
        if asked.reboot:
            await rebooting.reboot(self._host.hypervisor, domains.uuid_of(asked.reboot))
        try:
            async with self.giving.cut(asked.snapshots), self._turn:
                made = await self._cut(asked)
        except giving.StillGiven as error:
            raise HypervisorFailed(str(error)) from error
        self._poked.set()
        return msgspec.json.encode(made)

    async def _cut(self, asked: CutAsked) -> CutsMade:
        if not await asyncio.to_thread(self._host.place.look):
            raise HypervisorFailed(self._host.place.problem)
        leaving = [id for id in asked.snapshots if not self._may_cut(id)]
        if leaving:
            raise HypervisorFailed(f"{leaving[0]} is on its way to another host, or not here")
        await self._works.stop(asked.snapshots)
        held = await asyncio.to_thread(self._held)
        guests = {
            id: layeredvolumes.Guest(found[0].uuid, found[0].disk)
            for id, found in held.items()
            if id in asked.snapshots
        }
        return await asyncio.to_thread(layeredvolumes.cut, self._host, asked, guests)

    def _may_cut(self, volume_id: str) -> bool:
        wanted = self._wanted.get(volume_id)
        return wanted is None or (wanted.leaving is None and wanted.arriving is None)

    def _keep(self, wanted: VolumeWanted, held: list[_Held]) -> VolumeSeen:
        layout, is_shared = self._host.layout, wanted.is_shared
        was = self._seen.get(wanted.id)
        size_gib = volumes.size_gib(layout, wanted.id, is_shared=is_shared)
        was_there = wanted.is_made or (was is not None and was.phase is not Phase.FAILED)
        is_copied = size_gib is None and bool(wanted.moved_as)
        if is_copied and arrivals.adopt(layout, wanted, self._key(wanted)):
            size_gib = volumes.size_gib(layout, wanted.id, is_shared=is_shared)
        if size_gib is None and was_there:
            directory = volumes.directory_of(layout, wanted.id)
            raise FileNotFoundError(f"{directory} is missing: somebody removed it; put it back")
        if size_gib is None:
            volumes.make(layout, wanted, self._key(wanted))
        elif size_gib < wanted.size_gib:
            if not held:
                path = volumes.path_of(layout, wanted.id, is_shared=is_shared)
                volumes.enlarge(path, wanted.size_gib, self._key(wanted))
            for one in held:
                size_bytes = wanted.size_gib * volumes.GIB
                self._host.hypervisor.resize_disk(one.uuid, one.disk.target, size_bytes)
        for one in held:
            if one.limits != wanted.limits:
                self._host.hypervisor.limit_disk(one.uuid, one.disk.target, wanted.limits)
        return VolumeSeen(phase=Phase.READY, size_gib=wanted.size_gib, limits=wanted.limits)

    def _key(self, wanted: VolumeWanted) -> OpenedKey | None:
        """Return what a volume is encrypted with; blocks. Raises `NoKey`."""
        return self._host.keys.opened(wanted.id) if wanted.key_id else None

    def _learn(self, volume_id: str, seen: VolumeSeen) -> None:
        if self._seen.get(volume_id) != seen:
            self._seen[volume_id] = seen
            self._changed(volume_id)
