"""Looks at layers that came from another host, before any QEMU opens one.

A layer's head names files, and whoever sent it could name one of another guest's: QEMU's user may
read them all. So heads are held to what our own layers have: each lies on the next one below by its
plain name, nothing is kept in a file beside, nothing is unknown. What the lowest one says that it
lies on is replaced by the caller. Called by `volumes.arrivals`. All calls block.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mallee.kit import files
from mallee.node.do.storage import layers

_HEAD = struct.Struct(">4sI")
_FEATURES_AT = 72
_SNAPSHOTS_AT = 60
_DIRTY, _EXTENDED_L2 = 1, 1 << 4
_VERSION = 3
_EXTERNAL_FILE = 0x44415441
_EXTENSIONS = frozenset({0xE2792ACA, 0x6803F857, 0x0537BE77, 0x23852875})
"""Backing format, names of features, LUKS, bitmaps."""
_EXTENSION = struct.Struct(">II")
_HEAD_BYTES_MAX = 128 << 10
_LENGTH_AT = 100


class NotOurs(OSError):
    """No layer of ours looks so; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What layers must be of."""

    size_bytes_max: int
    is_encrypted: bool


def check(directory: Path, numbers: Sequence[int], expected: Expected) -> layers.Layer:
    """Return the lowest of layers, named by their numbers from the lowest up; raise `NotOurs`."""
    below: layers.Layer | None = None
    lowest: layers.Layer | None = None
    for number in numbers:
        path = layers.path_of(directory, number)
        _check_head(path)
        found = layers.read_file(path)
        if not 0 < found.size_bytes <= expected.size_bytes_max:
            raise NotOurs(f"layer {number} has {found.size_bytes} bytes")
        if below is not None and (found.ground, found.ground_form) != (below.path.name, "qcow2"):
            raise NotOurs(f"layer {number} does not lie on layer {below.number}")
        if expected.is_encrypted and below is not None and not found.is_encrypted:
            raise NotOurs(f"layer {number} is not encrypted, and its volume is")
        if found.is_encrypted and not expected.is_encrypted:
            raise NotOurs(f"layer {number} is encrypted, and its volume is not")
        below, lowest = found, lowest or found
    if lowest is None:
        raise NotOurs("there is no layer")
    return lowest


def _check_head(path: Path) -> None:
    with files.open_own(path) as file:
        head = file.read(_HEAD_BYTES_MAX)
    if len(head) < _LENGTH_AT + 4 or _HEAD.unpack_from(head) != (b"QFI\xfb", _VERSION):
        raise NotOurs(f"{path.name} is no layer")
    (features,) = struct.unpack_from(">Q", head, _FEATURES_AT)
    if features & ~(_DIRTY | _EXTENDED_L2):
        raise NotOurs(f"{path.name} has the features {features:#x}, which no layer of ours has")
    (snapshots,) = struct.unpack_from(">I", head, _SNAPSHOTS_AT)
    if snapshots:
        raise NotOurs(f"{path.name} has snapshots of its own")
    (at,) = struct.unpack_from(">I", head, _LENGTH_AT)
    while at + _EXTENSION.size <= len(head):
        kind, length = _EXTENSION.unpack_from(head, at)
        if not kind:
            return
        if kind == _EXTERNAL_FILE or kind not in _EXTENSIONS:
            raise NotOurs(f"{path.name} has an extension {kind:#x}, which no layer of ours has")
        at += _EXTENSION.size + length + -length % 8
    raise NotOurs(f"{path.name} has a head without an end")
