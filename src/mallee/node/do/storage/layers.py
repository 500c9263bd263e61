"""Layers of a volume: qcow2 files over one another, of which the guest writes the uppermost.

They are numbered; the highest is the *face*, those below never change but by a merge. A *cut* puts
a new face on top: what was the face keeps the volume as it was then. Merging takes a layer into the
one below it. Every step may be the last before a crash: an empty layer that nobody writes hides
nothing, and what lies above a layer that is half merged hides what is half merged (design 022).
All calls block; a running guest's part is done by its hypervisor (`do.livedisks`).

The layers of an encrypted volume are LUKS inside qcow2. The key is told to the programs that open
them through memory (`image`); what such a layer lies on may be plain.

Invariant: what is in a layer may be the doing of a guest that broke out of its QEMU. So programs
that open layers run as QEMU's user, who can reach nothing but guests' files.
"""

import json
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mallee.kit import files, process
from mallee.model.storage import datakeys
from mallee.model.storage.datakeys import OpenedKey
from mallee.node.do.storage import disks, emptylayers

FORM = "cluster_size=64k"
"""Without subclusters: QEMU 7.2 ends by an assertion of its own, and its guest with it, when it
copies up behind the beginning of a cluster of which it has a part, as it does when a guest writes
to a volume that is being filled. (QEMU 8.1 does not.)"""
MERGE_S = 3600.0
"""A merge, or a look at all of a layer, may take so long."""
_SUFFIX = ".qcow2"
_PART = "layer.part"
_MAGIC = b"QFI\xfb"
_NAME_MAX_BYTES = 1023
_CHAIN_MAX = 256
_NAME_AT_MAX = 2 << 20
"""The name of what lies below is in the first cluster, which has 2 MiB at most."""
_SIZE_BYTES_MAX = 64 << 40
_BLOCK_BYTES = 512
_HEAD = struct.Struct(">4sIQIIQI")
"""Magic, version, where the backing file's name is and how long it is, cluster bits, size, how it
is encrypted."""
_FEATURES = struct.Struct(">Q")
_FEATURES_AT = 72
"""Where a head says what whoever opens the file must understand."""
_SUBCLUSTERS = 1 << 4
_LENGTH_AT = 100
"""Where a head says how long it is; what follows are extensions."""
_EXTENSION = struct.Struct(">II")
_EXTENSIONS_MAX = 16
_SECRET_ID = "key"
_SECRET = ("--object", f"secret,id={_SECRET_ID},format=raw,file=/dev/stdin")


@dataclass(frozen=True, slots=True)
class Layer:
    """One file of a volume's."""

    number: int
    path: Path
    below: int | None
    """The layer on which it lies; None: on nothing, or on what is no layer of the volume."""
    size_bytes: int
    ground: str
    """What it lies on as its head says it; empty: nothing."""
    is_encrypted: bool
    ground_form: str = ""
    """`raw` or `qcow2`, as its head says it."""


@dataclass(frozen=True, slots=True)
class Empty:
    """A layer to be made, with nothing in it."""

    size_bytes: int
    below: str = ""
    """What it lies on: a file's name beside it, or anything that QEMU opens."""
    key: OpenedKey | None = None
    """What it is encrypted with."""
    form: str = ""
    """Of what it lies on; empty: as layers are, or raw if that is far away."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How a program of QEMU's is told of a layer that it shall open, with all below."""

    words: tuple[str, ...]
    """Before the file on its command line."""
    file: str
    stdin: bytes = b""
    """What opens the layer, where it is encrypted."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program to be run as QEMU's user."""

    argv: tuple[str, ...]
    stdin: bytes


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
    found = read_file(path_of(directory, number))
    if found.below is not None and found.below >= number:
        raise OSError(f"{found.path} lies on a layer that is not below it")
    return found


def read_file(path: Path) -> Layer:
    """Return what the head of a layer says, of whichever volume it is. Raises `OSError`."""
    with files.open_own(path) as file:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size or not head.startswith(_MAGIC):
            raise OSError(f"{path} is no qcow2 file")
        _, _, name_at, name_bytes, _, size_bytes, crypt = _HEAD.unpack(head)
        if name_at > _NAME_AT_MAX or size_bytes > _SIZE_BYTES_MAX:
            raise OSError(f"{path} has a head that no layer has")
        file.seek(name_at)
        name = os.fsdecode(file.read(min(name_bytes, _NAME_MAX_BYTES))) if name_at else ""
        form = _read_form(file) if name else ""
    stem = name.removesuffix(_SUFFIX)
    below = int(stem) if name.endswith(_SUFFIX) and stem.isdecimal() else None
    number = int(path.stem) if path.stem.isdecimal() else 0
    is_encrypted = crypt == emptylayers.LUKS
    return Layer(number, path, below, size_bytes, name, is_encrypted, form)


def has_subclusters(path: Path) -> bool:
    """Tell whether QEMU must not copy into a layer while a guest writes it: it is an older one.

    Raises `OSError` when it is none.
    """
    with files.open_own(path) as file:
        file.seek(_FEATURES_AT)
        features = file.read(_FEATURES.size)
    if len(features) < _FEATURES.size:
        raise OSError(f"{path} is cut off")
    return bool(_FEATURES.unpack(features)[0] & _SUBCLUSTERS)


def _read_form(file: BinaryIO) -> str:
    """Return the form of what a layer lies on, from the extensions of its head."""
    file.seek(_LENGTH_AT)
    at = int.from_bytes(file.read(4), "big")
    for _ in range(_EXTENSIONS_MAX):
        file.seek(at)
        extension = file.read(_EXTENSION.size)
        if len(extension) < _EXTENSION.size:
            break
        kind, size = _EXTENSION.unpack(extension)
        if kind == 0 or size > _NAME_MAX_BYTES:
            break
        if kind == emptylayers.FORMAT:
            return os.fsdecode(file.read(size))
        at += _EXTENSION.size + size + -size % 8
    return ""


def chain(directory: Path, number: int) -> list[Layer]:
    """Return a layer and all those that it lies on, the uppermost first. Raises `OSError`."""
    found = [read(directory, number)]
    while (below := found[-1].below) is not None:
        found.append(read(directory, below))
    return found


def taken_bytes(those: Iterable[Layer]) -> int:
    """Return what layers take on the disk."""
    return sum(layer.path.stat().st_blocks for layer in those) * _BLOCK_BYTES


def encrypted_chain(path: Path) -> list[Layer]:
    """Return an encrypted layer and the encrypted ones that it lies on, of whichever volume, the
    uppermost first; what the last one lies on is plain. Empty when the first is plain already.

    Raises `OSError`.
    """
    found: list[Layer] = []
    while len(found) <= _CHAIN_MAX:
        layer = read_file(path)
        if not layer.is_encrypted:
            return found
        found.append(layer)
        path = path.parent / layer.ground
        if not layer.ground.endswith(_SUFFIX) or not path.is_file():
            return found
    raise OSError(f"{found[0].path} lies on too many layers")


def opening(path: Path, key: OpenedKey | None) -> Opening:
    """Return how programs are told of a layer. Raises `OSError`, also when a key is missing."""
    is_encrypted = read_file(path).is_encrypted
    return _opening(path, node(path, _SECRET_ID) if is_encrypted else {}, key)


def node(path: Path, secret: str) -> dict[str, object]:
    """Return a layer, with the encrypted ones that it lies on, in the words of QEMU's protocol;
    `secret` is what their key is called there. Raises `OSError`."""
    found: dict[str, object] = {}
    for layer in reversed(encrypted_chain(path)):
        found = _node(layer.path, secret) | ({"backing": found} if found else {})
    return found or _plain_node(path)


def opening_alone(path: Path, key: OpenedKey | None) -> Opening:
    """Return how programs are told of a layer and of nothing that it lies on."""
    if read_file(path).is_encrypted:
        return _opening(path, _node(path, _SECRET_ID) | {"backing": None}, key)
    return Opening((), f"json:{json.dumps(_plain_node(path) | {'backing': None})}")


def _node(path: Path, secret: str) -> dict[str, object]:
    return _plain_node(path) | {"encrypt": {"format": "luks", "key-secret": secret}}


def file_node(path: Path) -> dict[str, object]:
    """Return a file whose freed space is given back, in the words of QEMU's protocol."""
    return {"driver": "file", "filename": str(path), "discard": "unmap"}


def _plain_node(path: Path) -> dict[str, object]:
    return {"driver": "qcow2", "file": {"driver": "file", "filename": str(path)}}


def _opening(path: Path, node: dict[str, object], key: OpenedKey | None) -> Opening:
    if not node:
        return Opening(("-f", "qcow2"), str(path))
    if key is None:
        raise OSError(f"{path} is encrypted, and its key is not there")
    return Opening(_SECRET, f"json:{json.dumps(node)}", process.InMemory(passphrase_of(key)))


def passphrase_of(key: OpenedKey) -> bytes:
    """Return what opens the layers of a data key."""
    return datakeys.derived(key.secret, b"disks").hex().encode()


def make(directory: Path, number: int, wanted: Empty) -> Path:
    """Make an empty layer, whole or not at all, unless it is there; return its path.

    Raises `disks.DiskFull` and `process.Failed`.
    """
    path = path_of(directory, number)
    if path.exists():
        return path
    directory.parent.mkdir(exist_ok=True, mode=0o711)
    directory.mkdir(exist_ok=True)
    directory.chmod(0o711)
    disks.check_room(directory)
    aside = directory / _PART
    aside.unlink(missing_ok=True)
    if wanted.key is None:
        _make_plain(aside, wanted)
    else:
        _make_encrypted(aside, wanted, wanted.key)
    aside.chmod(files.PRIVATE)
    disks.give_to_qemu(aside)
    os.rename(aside, path)
    files.sync_directory(directory)
    return path


def _make_plain(path: Path, wanted: Empty) -> None:
    # The file below may be in use, or far away: it is not opened, its form is known.
    form = _form_below(wanted)
    backing = ("-u", "-F", form, "-b", wanted.below) if wanted.below else ()
    command = ("qemu-img", "create", "-q", "-f", "qcow2", "-o", FORM, *backing)
    process.run((*command, str(path), str(wanted.size_bytes)))


def _make_encrypted(path: Path, wanted: Empty, key: OpenedKey) -> None:
    below = emptylayers.Below(wanted.below, _form_below(wanted)) if wanted.below else None
    with path.open("xb") as file:
        file.write(emptylayers.encode(wanted.size_bytes, below, passphrase_of(key)))
        file.truncate(emptylayers.file_bytes(wanted.size_bytes))
        os.fsync(file.fileno())


def _form_below(wanted: Empty) -> str:
    return wanted.form or ("raw" if "://" in wanted.below else "qcow2")


def prepare_cut(directory: Path, number: int, key: OpenedKey | None = None) -> Path:
    """Make the layer that is to lie on a face; it is the face when its guest has switched to it.

    It is encrypted if the face is. Raises `OSError` when the key for that is missing.
    """
    under = read(directory, number)
    if under.is_encrypted and key is None:
        raise OSError(f"{under.path} is encrypted, and its key is not there")
    empty = Empty(under.size_bytes, under.path.name, key if under.is_encrypted else None)
    return make(directory, number + 1, empty)


def forget_unused(directory: Path, in_use: int) -> None:
    """Remove layers above the one that a running guest writes: cuts that were never finished."""
    for number in numbers(directory):
        if number > in_use:
            path_of(directory, number).unlink()
    files.sync_directory(directory)


def merge_down(directory: Path, number: int, key: OpenedKey | None = None) -> None:
    """Take a layer, and what lies on it, one lower, in a volume that no guest runs with.

    The layer below gets what this one has, and the layer above is told to lie on that; then this
    one goes. Twice is once.
    """
    command = prepare_merge(directory, number, key)
    process.run(command.argv, command.stdin, timeout_s=MERGE_S, user=disks.QEMU_USER)
    finish_merge(directory, number, key)


def prepare_merge(directory: Path, number: int, key: OpenedKey | None = None) -> Command:
    """Make the layer below large enough; return the command that copies a layer into it.

    The command is for QEMU's user, and may be killed at any moment.
    """
    layer = read(directory, number)
    if layer.below is None:
        raise ValueError(f"{layer.path} lies on no layer")
    below = read(directory, layer.below)
    if below.size_bytes < layer.size_bytes:
        enlarge(below.path, layer.size_bytes, key)
    how = opening(layer.path, key)
    # It goes into what lies directly below.
    return Command(("qemu-img", "commit", "-q", "-d", *how.words, how.file), how.stdin)


def finish_merge(directory: Path, number: int, key: OpenedKey | None = None) -> None:
    """Take a layer away whose bytes the one below it has."""
    layer = read(directory, number)
    if layer.below is None:
        raise ValueError(f"{layer.path} lies on no layer")
    for above in _lying_on(directory, number):
        rebase(above, path_of(directory, layer.below).name, key)
    layer.path.unlink()
    files.sync_directory(directory)


def rebase(layer: Layer, below: str, key: OpenedKey | None = None, form: str = "qcow2") -> None:
    """Have a layer lie on something else that has the same bytes; nothing is copied."""
    _image(("rebase", "-q", "-u", "-F", form, "-b", below), opening_alone(layer.path, key))


def remove_unreached(directory: Path, tops: Iterable[int]) -> None:
    """Remove layers that none of these lies on: what a merge left when it was stopped."""
    kept = {layer.number for top in tops for layer in chain(directory, top)}
    for number in numbers(directory):
        if number not in kept:
            path_of(directory, number).unlink()
    files.sync_directory(directory)


def enlarge(path: Path, size_bytes: int, key: OpenedKey | None = None) -> None:
    """Enlarge a layer that no guest has. Raises `process.Failed`, also when a guest has it.

    What it lies on is not needed for that, and may be out of reach.
    """
    _image(("resize", "-q"), opening_alone(path, key), str(size_bytes))


def written(path: Path, key: OpenedKey | None = None) -> list[tuple[int, int]]:
    """Return offset and length of the stretches that a layer itself has, zeros among them."""
    return [
        (extent["start"], extent["length"])
        for extent in json.loads(_image(("map", "--output=json", "-U"), opening_alone(path, key)))
        if extent["depth"] == 0 and extent.get("present", True)
    ]


def _image(words: tuple[str, ...], how: Opening, *more: str) -> str:
    """Run qemu-img as QEMU's user; return what it said. Raises `process.Failed`."""
    argv = ("qemu-img", *words, *how.words, how.file, *more)
    return process.run(argv, how.stdin, timeout_s=MERGE_S, user=disks.QEMU_USER).text


def _lying_on(directory: Path, number: int) -> list[Layer]:
    found = (read(directory, other) for other in numbers(directory))
    return [layer for layer in found if layer.below == number]
