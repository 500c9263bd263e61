"""Volumes of a simulated host as their layers: made, cut for snapshots, filled, and left.

It stands for `node.volumes.layeredvolumes` and what makes volumes. What is to be read and is not
there breaks a law: nobody may have been told that it could go.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from mallee.model.hosts.hosts import HostWanted
from mallee.model.storage.snapshots import Cut, CutAsked, CutsMade, Layered
from mallee.model.storage.volumes import VolumeWanted
from tests.simulation.blocks import Gone, Shelf
from tests.simulation.disks import Disk, Layers

FILLS = 0.3
"""How often a look at a volume that lies on something finds it filled."""


class Refused(Exception):
    """What is asked for cannot be done now."""


class Luck(Protocol):
    """The machine, as far as volumes feel it."""

    shelf: Shelf

    def chance(self, part: float) -> bool:
        """Tell whether something happens."""
        ...

    def note_cut(self, volume_id: str, snapshot_id: str, mark: int) -> None:
        """A volume is cut, which had this mark."""
        ...

    def note_made(self, volume_id: str, mark: int) -> None:
        """A volume is made that begins with this mark."""
        ...


def make(disk: Disk, wanted: VolumeWanted, luck: Luck) -> None:
    """Make a volume; raise `Gone` when that of which it is to be made is not there."""
    ground = wanted.source or wanted.content
    origin = 0 if ground is None else read(disk, wanted, luck)
    luck.note_made(wanted.id, origin)
    disk.volumes[wanted.id] = Layers(wanted.size_gib, origin, origin, ground)


def read(disk: Disk, wanted: VolumeWanted, luck: Luck) -> int:
    """Return the last mark of what a volume lies on; raise `Gone`."""
    if wanted.source is not None:
        return _read_layer(disk, wanted.source)
    return 0 if wanted.content is None else luck.shelf.read(wanted.content)


def _read_layer(disk: Disk, layer: Layered) -> int:
    below = disk.layers(layer.volume_id)
    if below is None or layer.number not in below.there:
        raise Gone(f"the layer {layer}")
    return below.marks[layer.number]


def cut(disk: Disk, detail: str, luck: Luck) -> bytes:
    """Cut volumes at one instant; return the answer to `ASK_CUT`. Raises `Refused`."""
    asked = msgspec.json.decode(detail, type=CutAsked)
    for volume_id in asked.snapshots:
        if volume_id not in disk.volumes or not _may_cut(disk.wanted, volume_id):
            raise Refused(f"{volume_id} is on its way, or not here")
    made: dict[str, Cut] = {}
    for volume_id, snapshot_id in asked.snapshots.items():
        layers = disk.volumes[volume_id]
        number, layers.face = layers.face, layers.face + 1
        layers.marks[number] = layers.mark
        layers.there.add(number)
        layers.loose[snapshot_id] = (number, asked.asked_at)
        luck.note_cut(volume_id, snapshot_id, layers.mark)
        made[volume_id] = Cut(
            snapshot_id=snapshot_id,
            number=number,
            size_bytes=layers.size_gib << 30,
            asked_at=asked.asked_at,
        )
    return msgspec.json.encode(CutsMade(made))


def _may_cut(host: HostWanted | None, volume_id: str) -> bool:
    """Tell whether a volume stays here, and its guest too."""
    if host is None:
        return False
    going = [one for one in host.instances if one.going is not None or one.coming is not None]
    if any(disk.volume_id == volume_id for one in going for disk in one.disks):
        return False
    moves = (one for one in host.volumes if one.id == volume_id)
    return all(one.leaving is None and one.arriving is None for one in moves)


def tend(disk: Disk, wanted: VolumeWanted, lying_on: Mapping[str, set[int]], luck: Luck) -> bool:
    """Forget layers that nobody tells apart, and fill a volume; tell whether there was something.

    Raises `Gone`.
    """
    layers = disk.volumes[wanted.id]
    spoken = wanted.cuts.keys() | {*wanted.dropped_cuts}
    for id in layers.loose.keys() & spoken:
        del layers.loose[id]
    needed = {*wanted.cuts.values(), *(number for number, _ in layers.loose.values())}
    before = len(layers.there)
    layers.there &= needed | lying_on.get(wanted.id, set())
    is_to_fill = layers.ground is not None and not layers.there
    if is_to_fill and luck.chance(FILLS):
        read(disk, wanted, luck)
        layers.ground = None
        return True
    return len(layers.there) != before


def remove(disk: Disk, wanted: VolumeWanted, lying_on: Mapping[str, set[int]]) -> bool:
    """Have nothing left of a volume but the layers that others need; tell whether something
    went."""
    layers = disk.volumes.pop(wanted.id, None)
    is_there = layers is not None
    if layers is not None:
        disk.remains[wanted.id] = layers
    left = disk.remains.get(wanted.id)
    if left is not None:
        left.there &= {*wanted.cuts.values(), *lying_on.get(wanted.id, set())}
        if not left.there:
            del disk.remains[wanted.id]
            return True
    return is_there


def lying_on(host: HostWanted) -> dict[str, set[int]]:
    """Return the layers on which volumes of the host lie, by the volumes whose layers these are."""
    found: dict[str, set[int]] = {}
    for one in host.volumes:
        if one.source is not None:
            found.setdefault(one.source.volume_id, set()).add(one.source.number)
    return found
