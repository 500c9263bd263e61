"""Keeps the volumes of this host as they are wanted: there, as large and as fast, or gone.

Part of the reconciler, which tells it what is wanted (`want`) and puts volumes into guests by the
instances' plans (`plan.instances`). What a guest has is never deleted, and made larger through its
QEMU. Not its business: how a volume is made (`do.volumes`).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from mallee.kit import logs
from mallee.model.hosts import HostWanted, InstanceWanted
from mallee.model.instances import Power, Reason
from mallee.model.volumes import Limits, Phase, VolumeSeen, VolumeWanted
from mallee.node import apply, layeredvolumes
from mallee.node.do import layers, volumes
from mallee.node.do.hypervisor import HypervisorFailed
from mallee.node.host import Host
from mallee.node.plan import trustedvolumes
from mallee.node.plan.disks import Disk
from mallee.node.plan.seen import SeenInstance

LOOK_AFTER_S = 3.0

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class _Held:
    """A running guest that has a volume."""

    uuid: str
    disk: Disk
    limits: Limits


class VolumeKeeper:
    """Brings volumes to what the newest `HostWanted` says. Lives in the agent's loop."""

    def __init__(self, host: Host, changed: Callable[[str], None]) -> None:
        """`changed` is called with the id of a volume of which something new is seen."""
        self._host = host
        self._changed = changed
        self._wanted: Mapping[str, VolumeWanted] = {}
        self._running: set[str] = set()
        """Volumes that running guests shall have."""
        self._seen: dict[str, VolumeSeen] = {}
        self._poked = asyncio.Event()
        self._turn = asyncio.Lock()
        """Held while volumes are worked on, but for merges that no guest does: those take long."""
        self._merges: dict[str, asyncio.Task[None]] = {}
        """Merges that go on, by volume: it is nobody else's meanwhile."""
        self._one_merge = asyncio.Semaphore(1)
        self.leftovers: tuple[str, ...] = ()

    def want(self, wanted: HostWanted) -> None:
        """Have this applied next."""
        self._wanted = {volume.id: volume for volume in wanted.volumes}
        self._running = {
            disk.volume_id
            for instance in wanted.instances
            if instance.power is Power.RUNNING
            for disk in instance.disks
        }
        for volume_id, merge in self._merges.items():
            volume = self._wanted.get(volume_id)
            if volume_id in self._running or volume is None or volume.is_deleted:
                merge.cancel()
        self._poked.set()

    def poke(self) -> None:
        """Have all volumes looked at: a guest has got one, or let one go."""
        self._poked.set()

    def seen(self) -> dict[str, VolumeSeen]:
        """Return what is seen of every volume that was looked at."""
        return dict(self._seen)

    def joined(self, seen: SeenInstance, wanted: InstanceWanted | None) -> SeenInstance:
        """Return what is seen of an instance with those of its volumes that are there."""
        awaited = [
            self._wanted[disk.volume_id]
            for disk in (wanted.disks if wanted else ())
            if disk.volume_id in self._wanted and disk.volume_id not in self._seen
        ]
        found = {
            Disk(disk.volume_id, path, disk.slot): self._wanted[disk.volume_id].limits
            for disk in (wanted.disks if wanted else ())
            if (path := self._path(disk.volume_id)) is not None
        }
        return replace(
            seen,
            volumes=found,
            is_awaiting_volumes=bool(awaited),
            awaited_blobs=tuple(
                volume.blob for volume in awaited if volume.blob and self._lacks_blob(volume)
            ),
        )

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
        return volumes.path_of(self._host.layout, volume_id, is_shared=wanted.is_shared)

    async def run(self) -> None:
        """Look after volumes until cancelled; they stay."""
        try:
            await self._look_after()
        finally:
            await self._stop_merging(self._merges)

    async def _look_after(self) -> None:
        while True:
            self._poked.clear()
            try:
                async with self._turn:
                    await self._settle()
            except apply.FAILURES as error:
                log.warning("volumes cannot be looked at", error=str(error))
            try:
                async with asyncio.timeout(LOOK_AFTER_S):
                    await self._poked.wait()
            except TimeoutError:
                continue

    async def _settle(self) -> None:
        wanted = self._wanted
        found = await asyncio.to_thread(volumes.there, self._host.layout)
        if not wanted and not found:
            return
        held = await asyncio.to_thread(self._held)
        for volume in wanted.values():
            if volume.id in self._merges or self._lacks_blob(volume):
                continue
            seen, merge = await asyncio.to_thread(self._settle_one, volume, held)
            self._learn(volume.id, seen)
            if merge is not None and volume.id not in self._running:
                self._begin_merge(volume.id, merge)
        for volume_id in self._seen.keys() - wanted.keys():
            del self._seen[volume_id]
        self.leftovers = tuple(
            f"The volume {volume_id} on host {self._host.name} is nobody's; it is kept in "
            f"{volumes.directory_of(self._host.layout, volume_id)}."
            for volume_id in sorted(found - wanted.keys())
        )

    def _held(self) -> dict[str, list[_Held]]:
        held: dict[str, list[_Held]] = {}
        for domain in self._host.hypervisor.list():
            if domain.is_active:
                for disk, limits in domain.disks.items():
                    held.setdefault(disk.volume_id, []).append(_Held(domain.uuid, disk, limits))
        return held

    def _begin_merge(self, volume_id: str, number: int) -> None:
        task = asyncio.create_task(self._merge(volume_id, number))
        self._merges[volume_id] = task
        task.add_done_callback(lambda _: self._merges.pop(volume_id, None))

    async def _merge(self, volume_id: str, number: int) -> None:
        try:
            async with self._one_merge:
                directory = volumes.directory_of(self._host.layout, volume_id)
                await layeredvolumes.merge_off(directory, number)
        except apply.FAILURES as error:
            log.warning("not merged", volume=volume_id, layer=number, error=str(error))
        else:
            self._poked.set()

    async def _stop_merging(self, volume_ids: Iterable[str]) -> None:
        """Have merges end now; what is half merged is hidden by what lies above."""
        ending = [self._merges[id] for id in volume_ids if id in self._merges]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    def _settle_one(
        self, wanted: VolumeWanted, held: Mapping[str, list[_Held]]
    ) -> tuple[VolumeSeen, int | None]:
        """Do what is to be done for one volume; blocks.

        Returns what is seen of it then, and the layer that is to be merged without a guest.
        """
        try:
            if wanted.is_deleted:
                return self._remove(wanted, held), None
            seen = self._keep(wanted, held.get(wanted.id, []))
            if wanted.is_shared:
                return seen, None
            tended = self._tend_layers(wanted, held)
            return msgspec.structs.replace(seen, loose_cuts=tended.loose_cuts), tended.merge
        except apply.FAILURES as error:
            cause = Reason("Server.InternalError", f"Host {self._host.name}: {error}.")
            log.warning("volume not settled", volume=wanted.id, error=str(error))
            before = self._seen.get(wanted.id)
            if before is None or before.phase is Phase.FAILED:
                return VolumeSeen(phase=Phase.FAILED, cause=cause), None
            seen = msgspec.structs.replace(before, phase=Phase.CHANGING, cause=cause)
            return seen, None

    def _remove(self, wanted: VolumeWanted, held: Mapping[str, list[_Held]]) -> VolumeSeen:
        if wanted.id in held:
            return VolumeSeen(phase=Phase.CHANGING)
        remains = layeredvolumes.remove(self._host.layout, wanted, self._lying_on(wanted.id))
        return VolumeSeen(phase=Phase.GONE, remains=remains)

    def _lying_on(self, volume_id: str) -> frozenset[int]:
        """Return the layers of a volume on which others lie."""
        sources = (one.source for one in self._wanted.values() if one.source is not None)
        return frozenset(it.number for it in sources if it.volume_id == volume_id)

    def _tend_layers(
        self, wanted: VolumeWanted, held: Mapping[str, list[_Held]]
    ) -> layeredvolumes.Tended:
        guests = [layeredvolumes.Guest(one.uuid, one.disk) for one in held.get(wanted.id, [])]
        at = layeredvolumes.Standing(wanted, self._lying_on(wanted.id), guests)
        return layeredvolumes.tend(self._host, at)

    async def cut(self, detail: str) -> bytes:
        """Cut volumes for snapshots; return the answer to `ASK_CUT`. Raises `apply.FAILURES`."""
        try:
            asked = trustedvolumes.read_cut(detail)
        except trustedvolumes.NotTrusted as error:
            raise HypervisorFailed(f"nothing is cut by {error}") from error
        async with self._turn:
            await self._stop_merging(asked.snapshots)
            held = await asyncio.to_thread(self._held)
            guests = {
                id: layeredvolumes.Guest(found[0].uuid, found[0].disk)
                for id, found in held.items()
                if id in asked.snapshots
            }
            made = await asyncio.to_thread(layeredvolumes.cut, self._host, asked, guests)
        self._poked.set()
        return msgspec.json.encode(made)

    def _keep(self, wanted: VolumeWanted, held: list[_Held]) -> VolumeSeen:
        layout, is_shared = self._host.layout, wanted.is_shared
        was = self._seen.get(wanted.id)
        size_gib = volumes.size_gib(layout, wanted.id, is_shared=is_shared)
        was_there = wanted.is_made or (was is not None and was.phase is not Phase.FAILED)
        if size_gib is None and was_there:
            directory = volumes.directory_of(layout, wanted.id)
            raise FileNotFoundError(f"{directory} is missing: somebody removed it; put it back")
        if size_gib is None:
            source = self._source(wanted)
            volumes.make(layout, wanted, source)
        elif size_gib < wanted.size_gib:
            if not held:
                path = volumes.path_of(layout, wanted.id, is_shared=is_shared)
                volumes.enlarge(path, wanted.size_gib)
            for one in held:
                size_bytes = wanted.size_gib * volumes.GIB
                self._host.hypervisor.resize_disk(one.uuid, one.disk.target, size_bytes)
        for one in held:
            if one.limits != wanted.limits:
                self._host.hypervisor.limit_disk(one.uuid, one.disk.target, wanted.limits)
        return VolumeSeen(phase=Phase.READY, size_gib=wanted.size_gib, limits=wanted.limits)

    def _source(self, wanted: VolumeWanted) -> Path | None:
        """Return the layer on which a new volume lies."""
        if wanted.source is None:
            return None
        directory = volumes.directory_of(self._host.layout, wanted.source.volume_id)
        return layers.path_of(directory, wanted.source.number)

    def _learn(self, volume_id: str, seen: VolumeSeen) -> None:
        if self._seen.get(volume_id) != seen:
            self._seen[volume_id] = seen
            self._changed(volume_id)
