"""Volumes as their layers: cut for snapshots, merged when these are gone, left for those that stay.

Called by `volumes`, which works on one volume at a time, in worker threads: all calls block. What
layers are is `do.layers`' business, which are merged `plan.layering`'s.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TypeVar

from mallee.kit import logs, process
from mallee.model.layout import Layout
from mallee.model.storage.datakeys import OpenedKey
from mallee.model.storage.snapshots import LAYERS_MAX, Cut, CutAsked, CutsMade
from mallee.model.storage.volumes import VolumeWanted
from mallee.node.do.guests.hypervisor import HypervisorFailed, Merge
from mallee.node.do.storage import cuts, disks, filling, grounds, layers, volumes
from mallee.node.host import Host
from mallee.node.nbd import contents
from mallee.node.plan.guests.disks import Disk
from mallee.node.plan.storage import layering
from mallee.node.volumes.volumekeys import VolumeKeys

MERGE_MIB_PER_S = 200
"""A merge beside a running guest takes no more of the disk."""

FILL_MIB_PER_S = 64
"""Nor does filling a volume."""

T = TypeVar("T")

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Guest:
    """A running guest that has a volume."""

    uuid: str
    disk: Disk

    @property
    def writes(self) -> int:
        """The layer that it writes."""
        return int(self.disk.path.stem)


@dataclass(frozen=True, slots=True)
class Standing:
    """A volume that is to be tended."""

    wanted: VolumeWanted
    lying_on: frozenset[int]
    """Its layers on which other volumes lie."""
    guests: list[Guest]
    may_fill: bool = True
    """Whether somebody may begin to fill it with what it lies on."""


def cut(host: Host, asked: CutAsked, guests: Mapping[str, Guest]) -> CutsMade:
    """Cut volumes for snapshots, those of one guest at one instant; return where.

    Raises `HypervisorFailed`, `OSError`, `disks.DiskFull`, `process.Failed` and `NoKey`.
    """
    made: dict[str, Cut] = {}
    keys: dict[str, OpenedKey] = {}
    by_guest: dict[str, dict[Disk, Path]] = {}
    for volume_id, snapshot_id in asked.snapshots.items():
        directory = volumes.directory_of(host.layout, volume_id)
        guest = guests.get(volume_id)
        number = layers.face(directory) if guest is None else guest.writes
        if number is None:
            raise FileNotFoundError(f"there is no volume {volume_id}")
        if guest is not None:
            _forget_unused(host, guest, directory)
        below = layers.chain(directory, number)
        if len(below) >= LAYERS_MAX:
            raise HypervisorFailed(f"{volume_id} has {len(below)} layers, and takes no more")
        if below[0].is_encrypted:
            keys[volume_id] = host.keys.opened(volume_id)
        above = layers.prepare_cut(directory, number, keys.get(volume_id))
        if guest is not None:
            by_guest.setdefault(guest.uuid, {})[guest.disk] = above
        made[volume_id] = Cut(
            snapshot_id=snapshot_id,
            number=number,
            size_bytes=below[0].size_bytes,
            written_bytes=layers.taken_bytes(below),
            asked_at=asked.asked_at,
        )
    # It is noted first: a cut that is noted and not made is taken back, one that is made and not
    # noted would be merged under a snapshot.
    for volume_id, one in made.items():
        cuts.note(volumes.directory_of(host.layout, volume_id), one)
    for uuid, paths in by_guest.items():
        needed = {it.volume_id: keys[it.volume_id] for it in paths if it.volume_id in keys}
        host.hypervisor.cut_disks(uuid, paths, needed)
    return CutsMade(made)


def _forget_unused(host: Host, guest: Guest, directory: Path) -> None:
    """Remove the layers of cuts that were never made; raises `HypervisorFailed` while one may still
    be made: the guest would write a file that has no name any more."""
    if max(layers.numbers(directory), default=0) <= guest.writes:
        return
    host.hypervisor.check_done(guest.uuid)
    seen = host.hypervisor.read(guest.uuid)
    if seen is None or guest.disk not in seen.disks:
        raise HypervisorFailed(f"the guest writes another layer of {directory.name} by now")
    layers.forget_unused(directory, guest.writes)


class Fill(Enum):
    """What is done to have a volume lie on nothing but itself."""

    DUE = "due"
    """It is to be filled, and no guest has it."""
    BEGUN = "begun"
    """Its guest's QEMU has begun."""
    GOES_ON = "goes on"
    """Its guest's QEMU is at it, or at something else."""


@dataclass(frozen=True, slots=True)
class Tended:
    """What is to be said and done of a volume's layers."""

    loose_cuts: dict[str, float]
    """By snapshot: when unconfirmed cuts were asked for."""
    merge: int | None = None
    """The layer that shall be taken down in a volume that no guest has."""
    fill: Fill | None = None
    is_whole: bool = True
    """Whether it lies on nothing but layers of its own."""


def tend(host: Host, at: Standing) -> Tended:
    """Have a running guest merge what nobody tells apart; say what else is to be done."""
    wanted = at.wanted
    directory = volumes.directory_of(host.layout, wanted.id)
    spoken = frozenset(wanted.cuts) | frozenset(wanted.dropped_cuts)
    loose = cuts.read(directory)
    if loose and spoken & loose.keys():
        cuts.forget(directory, spoken)
        loose = {id: one for id, one in loose.items() if id not in spoken}
    face = at.guests[0].writes if at.guests else layers.face(directory)
    merge: int | None = None
    fill: Fill | None = None
    if face is not None and not at.lying_on:
        needed = {*wanted.cuts.values(), *(one.number for one in loose.values())}
        merge = _merge(host, at, face, needed)
        if merge is None and not needed:
            fill = _fill(host, at, face)
    is_whole = face is None or grounds.is_whole(directory, face)
    if is_whole and not grounds.is_any_layer_on(host.layout, directory):
        contents.forget(directory)
    return Tended({id: one.asked_at for id, one in loose.items()}, merge, fill, is_whole)


def _merge(host: Host, at: Standing, face: int, needed: set[int]) -> int | None:
    """Have a guest do one merge, or see that one goes on; without a guest, return what is due."""
    directory = volumes.directory_of(host.layout, at.wanted.id)
    guest = at.guests[0] if at.guests else None
    if guest is not None:
        _forget_unused(host, guest, directory)
    layers.remove_unreached(directory, [face])
    numbers = [layer.number for layer in reversed(layers.chain(directory, face))]
    top = layering.next_merge(numbers, needed, face if guest else None, at.wanted.base_cut)
    if top is None or guest is None:
        return top
    base = numbers[numbers.index(top) - 1]
    merge = Merge(layers.path_of(directory, top), layers.path_of(directory, base), MERGE_MIB_PER_S)
    host.hypervisor.merge_layer(guest.uuid, guest.disk, merge)
    return None


def _fill(host: Host, at: Standing, face: int) -> Fill | None:
    """Have a guest's volume filled with what it lies on; without a guest, say that it is due.

    Not while a snapshot is one of its layers, for that would keep its own copy of all: a snapshot
    is in the object store before long. What lies on an image's file stays there.
    """
    directory = volumes.directory_of(host.layout, at.wanted.id)
    if at.wanted.blob is not None or grounds.is_whole(directory, face):
        return None
    if not at.guests:
        return Fill.DUE if at.may_fill else None
    if layers.has_subclusters(layers.path_of(directory, face)):
        # Of an older agent: it is filled when no guest has it.
        return None
    guest = at.guests[0]
    fill_disk = host.hypervisor.fill_disk
    if fill_disk(guest.uuid, guest.disk, FILL_MIB_PER_S, may_begin=at.may_fill):
        return Fill.GOES_ON
    return Fill.BEGUN if at.may_fill else None


async def key_of(keys: VolumeKeys, directory: Path) -> OpenedKey | None:
    """Return the key of a volume, if it is encrypted. Raises `NoKey` and `OSError`."""
    face = layers.face(directory)
    if face is None or not layers.read(directory, face).is_encrypted:
        return None
    return await keys.fetch(directory.name)


async def merge_off(directory: Path, number: int, key: OpenedKey | None = None) -> None:
    """Take a layer down in a volume that no guest has. Cancelled, it leaves all as it was to see.

    Raises `process.Failed`, `process.TimedOut`, `OSError`.
    """
    log.info("merging", volume=directory.name, layer=number)
    command = await _whole(asyncio.to_thread(layers.prepare_merge, directory, number, key))
    await process.run_async(
        command.argv, command.stdin, timeout_s=layers.MERGE_S, user=disks.QEMU_USER
    )
    await _whole(asyncio.to_thread(layers.finish_merge, directory, number, key))


async def fill_off(directory: Path, key: OpenedKey | None = None) -> None:
    """Fill a volume that no guest has. Cancelled, it goes on another time where it was.

    Raises `process.Failed`, `process.TimedOut`, `OSError`.
    """
    face = layers.face(directory)
    if face is not None:
        log.info("filling", volume=directory.name)
        await filling.fill(layers.path_of(directory, face), FILL_MIB_PER_S, key)


async def _whole(work: Coroutine[None, None, T]) -> T:
    """Do work in a thread to its end, also when it is wanted no more: threads cannot be stopped."""
    doing = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        raise


def remove(layout: Layout, wanted: VolumeWanted, lying_on: frozenset[int]) -> bool:
    """Delete a volume but for the layers that snapshots and other volumes need; tell whether there
    are such."""
    directory = volumes.directory_of(layout, wanted.id)
    face = layers.face(directory)
    needed = {*wanted.cuts.values(), *lying_on}
    if face is None or not needed:
        volumes.remove(layout, wanted.id)
        return False
    numbers = [layer.number for layer in reversed(layers.chain(directory, face))]
    kept = layering.kept_of_deleted(numbers, needed)
    for number in numbers:
        if number not in kept:
            layers.path_of(directory, number).unlink(missing_ok=True)
    return True
