"""Layers of a volume: qcow2 files over one another, of which the guest writes the uppermost.

They are numbered; the highest is the *face*, those below never change but by a merge. A *cut* puts
a new face on top: what was the face keeps the volume as it was then. Merging takes a layer into the
one below it. Every step may be the last before a crash: an empty layer that nobody writes hides
nothing, and what lies above a layer that is half merged hides what is half merged (design 022).
All calls block; a running guest's part is done by its hypervisor (`do.livedisks`).

Invariant: what is in a layer may be the doing of a guest that broke out of its QEMU. So programs
that open layers run as QEMU's user, who can reach nothing but guests' files.
"""

import json
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mallee.kit import files, process
from mallee.node.do import disks

FORM = "cluster_size=128k,extended_l2=on"
MERGE_S = 3600.0
"""A merge, or a look at all of a layer, may take so long."""
_SUFFIX = ".qcow2"
_PART = "layer.part"
_MAGIC = b"QFI\xfb"
_NAME_MAX_BYTES = 1023
_NAME_AT_MAX = 2 << 20
"""The name of what lies below is in the first cluster, which has 2 MiB at most."""
_SIZE_BYTES_MAX = 64 << 40
_BLOCK_BYTES = 512
_HEAD = struct.Struct(">4sIQIIQ")
"""Magic, version, where the backing file's name is and how long it is, cluster bits, size."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One file of a volume's."""

    number: int
    path: Path
    below: int | None
    """The layer on which it lies; None: on nothing, or on what is no layer of the volume."""
    size_bytes: int


def path_of(directory: Path, number: int) -> Path:
    """Return where a layer is."""
    return directory / f"{number}{_SUFFIX}"


def numbers(directory: Path) -> list[int]:
    """Return the numbers of all layers that are there, in order."""
    if not directory.is_dir():
        return []
    stems = (path.stem for path in directory.glob(f"*{_SUFFIX}"))
    return sorted(int(stem) for stem in stems if stem.isdecimal())


def face(directory: Path) -> int | None:
    """Return the uppermost layer of a volume that no guest runs with; None: it has none."""
    return max(numbers(directory), default=None)


def read(directory: Path, number: int) -> Layer:
    """Return what a layer's own head says. Raises `OSError` when it is none."""
    path = path_of(directory, number)
    with path.open("rb") as file:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size or not head.startswith(_MAGIC):
            raise OSError(f"{path} is no qcow2 file")
        _, _, name_at, name_bytes, _, size_bytes = _HEAD.unpack(head)
        if name_at > _NAME_AT_MAX or size_bytes > _SIZE_BYTES_MAX:
            raise OSError(f"{path} has a head that no layer has")
        file.seek(name_at)
        name = os.fsdecode(file.read(min(name_bytes, _NAME_MAX_BYTES))) if name_at else ""
    stem = name.removesuffix(_SUFFIX)
    below = int(stem) if name.endswith(_SUFFIX) and stem.isdecimal() else None
    if below is not None and below >= number:
        raise OSError(f"{path} lies on a layer that is not below it")
    return Layer(number, path, below, size_bytes)


def chain(directory: Path, number: int) -> list[Layer]:
    """Return a layer and all those that it lies on, the uppermost first. Raises `OSError`."""
    found = [read(directory, number)]
    while (below := found[-1].below) is not None:
        found.append(read(directory, below))
    return found


def taken_bytes(those: Iterable[Layer]) -> int:
    """Return what layers take on the disk."""
    return sum(layer.path.stat().st_blocks for layer in those) * _BLOCK_BYTES


def make(directory: Path, number: int, size_bytes: int, below: str = "") -> Path:
    """Make an empty layer, whole or not at all, unless it is there; return its path.

    `below` is what it lies on: a file's name beside it, or anything that QEMU opens. Raises
    `disks.DiskFull` and `process.Failed`.
    """
    path = path_of(directory, number)
    if path.exists():
        return path
    directory.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
    directory.mkdir(exist_ok=True)
    directory.chmod(0o711)
    disks.check_room(directory)
    aside = directory / _PART
    aside.unlink(missing_ok=True)
    # The file below may be in use, or far away: it is not opened, its form is known.
    form = "raw" if "://" in below else "qcow2"
    backing = ("-u", "-F", form, "-b", below) if below else ()
    command = ("qemu-img", "create", "-q", "-f", "qcow2", "-o", FORM, *backing)
    process.run((*command, str(aside), str(size_bytes)))
    aside.chmod(files.PRIVATE)
    disks.give_to_qemu(aside)
    os.rename(aside, path)
    files.sync_directory(directory)
    return path


def prepare_cut(directory: Path, number: int) -> Path:
    """Make the layer that is to lie on a face; it is the face when its guest has switched to it."""
    under = read(directory, number)
    return make(directory, number + 1, under.size_bytes, below=under.path.name)


def forget_unused(directory: Path, in_use: int) -> None:
    """Remove layers above the one that a running guest writes: cuts that were never finished."""
    for number in numbers(directory):
        if number > in_use:
            path_of(directory, number).unlink()
    files.sync_directory(directory)


def merge_down(directory: Path, number: int) -> None:
    """Take a layer, and what lies on it, one lower, in a volume that no guest runs with.

    The layer below gets what this one has, and the layer above is told to lie on that; then this
    one goes. Twice is once.
    """
    process.run(prepare_merge(directory, number), timeout_s=MERGE_S, user=disks.QEMU_USER)
    finish_merge(directory, number)


def prepare_merge(directory: Path, number: int) -> tuple[str, ...]:
    """Make the layer below large enough; return the command that copies a layer into it.

    The command is for QEMU's user, and may be killed at any moment.
    """
    layer = read(directory, number)
    if layer.below is None:
        raise ValueError(f"{layer.path} lies on no layer")
    below = read(directory, layer.below)
    if below.size_bytes < layer.size_bytes:
        enlarge(below.path, layer.size_bytes)
    return ("qemu-img", "commit", "-q", "-d", "-b", str(below.path), str(layer.path))


def finish_merge(directory: Path, number: int) -> None:
    """Take a layer away whose bytes the one below it has."""
    layer = read(directory, number)
    if layer.below is None:
        raise ValueError(f"{layer.path} lies on no layer")
    for above in _lying_on(directory, number):
        rebase(above, path_of(directory, layer.below).name)
    layer.path.unlink()
    files.sync_directory(directory)


def rebase(layer: Layer, below: str) -> None:
    """Have a layer lie on another file that has the same bytes; nothing is copied."""
    _image("rebase", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", below, str(layer.path))


def remove_unreached(directory: Path, tops: Iterable[int]) -> None:
    """Remove layers that none of these lies on: what a merge left when it was stopped."""
    kept = {layer.number for top in tops for layer in chain(directory, top)}
    for number in numbers(directory):
        if number not in kept:
            path_of(directory, number).unlink()
    files.sync_directory(directory)


def enlarge(path: Path, size_bytes: int) -> None:
    """Enlarge a layer that no guest has. Raises `process.Failed`, also when a guest has it."""
    _image("resize", "-q", "-f", "qcow2", str(path), str(size_bytes))


def written(path: Path) -> list[tuple[int, int]]:
    """Return offset and length of the stretches that a layer itself has, zeros among them."""
    return [
        (extent["start"], extent["length"])
        for extent in json.loads(_image("map", "--output=json", "-U", "-f", "qcow2", str(path)))
        if extent["depth"] == 0 and extent.get("present", True)
    ]


def _image(*words: str) -> str:
    """Run qemu-img as QEMU's user; return what it said. Raises `process.Failed`."""
    return process.run(("qemu-img", *words), timeout_s=MERGE_S, user=disks.QEMU_USER).text


def _lying_on(directory: Path, number: int) -> list[Layer]:
    found = (read(directory, other) for other in numbers(directory))
    return [layer for layer in found if layer.below == number]
