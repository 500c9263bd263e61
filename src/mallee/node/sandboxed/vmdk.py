"""VMDK files: taken where one file holds all (`monolithicSparse`, `streamOptimized`).

Of the others a descriptor names further files by path, which did not come along, and are nobody's
to name. QEMU takes the first of several settings, ends at a zero, looks for a parent where it
expects the descriptor, whatever the header says, and takes a file whose header says that its disk
is empty for a descriptor alone. So all that could be read in two ways is refused.
"""

import re
import struct
from typing import Any, BinaryIO

from mallee.node.sandboxed.refusals import Refused

_SECTOR = 512
_DESCRIPTOR_BYTES_MAX = 1 << 20
_DESCRIPTOR_AT = 1
"""The sector: everybody writes it there, and QEMU looks there for a parent."""
_LOOKED_AT_SECTORS = 20
"""So much QEMU looks at there, whatever the header says."""
_PARENT_HINT = b"parentfilenamehint"
_GD_AT_END = 0xFFFFFFFFFFFFFFFF
_TYPES = frozenset({"monolithicsparse", "streamoptimized"})
_SETTING = re.compile(r'^\s*(\w+)\s*=\s*"?([^"\n]*?)"?\s*$', re.MULTILINE)
_EXTENT = re.compile(r"^\s*(?:RW|RDONLY|NOACCESS)\s+\d+\s+(\w+)", re.MULTILINE)
_NO_PARENT = "ffffffff"
_MARKER_EOS = 0
_CAPACITY_AT = 12


def check(file: BinaryIO, disk: dict[str, Any]) -> int:
    """Return how large the disk is that the file at its position holds. Raises `Refused`."""
    head = file.read(_SECTOR)
    if not head.startswith(b"KDMV"):
        raise Refused(
            "The VMDK file only describes a disk whose data is in other files: convert it with "
            "`qemu-img convert -O vmdk -o subformat=streamOptimized`."
        )
    if len(head) < _SECTOR:
        raise Refused("The VMDK file is cut off within its header.")
    version, _, sectors, _, at, count, _, _, directory = struct.unpack_from("<4xIIQQQQIQQ", head)
    if version not in (1, 2, 3):
        raise Refused(f"VMDK of the version {version} is not known.")
    if not sectors:
        raise Refused("The VMDK file says that its disk is empty.")
    if at != _DESCRIPTOR_AT or not count or count * _SECTOR > _DESCRIPTOR_BYTES_MAX:
        raise Refused("The VMDK file has no descriptor within it, behind its header.")
    file.seek(disk["offset"] + at * _SECTOR)
    raw = file.read(max(count, _LOOKED_AT_SECTORS) * _SECTOR)
    _check_descriptor(raw[: count * _SECTOR].rstrip(b"\0"))
    if _PARENT_HINT in raw.lower():
        raise Refused("The VMDK file names a parent, of which it is only what differs: merge them.")
    end = disk["size_bytes"]
    if directory != _GD_AT_END and directory * _SECTOR >= end:
        raise Refused("The VMDK file ends before its directory: it is cut off.")
    if directory == _GD_AT_END:
        _check_footer(file, disk, sectors)
    return sectors * _SECTOR


def _check_descriptor(raw: bytes) -> None:
    if b"\0" in raw:
        raise Refused("The descriptor within the VMDK file has more behind its end.")
    text = raw.decode("utf-8", "replace")
    settings = [(name.lower(), value.lower()) for name, value in _SETTING.findall(text)]
    said = dict(settings)
    if len(said) < len(settings):
        raise Refused("The descriptor within the VMDK file says the same thing twice.")
    if said.get("parentcid", _NO_PARENT) != _NO_PARENT:
        raise Refused(
            "The VMDK file is only what differs from another one, its parent: merge them."
        )
    if said.get("createtype", "") not in _TYPES:
        raise Refused(
            f"A VMDK file of the type {said.get('createtype', '')[:40]!r} is not taken: convert it "
            "with `qemu-img convert -O vmdk -o subformat=streamOptimized`."
        )
    if _EXTENT.findall(text) != ["SPARSE"]:
        raise Refused("The VMDK file names other files as parts of its disk.")


def _check_footer(file: BinaryIO, disk: dict[str, Any], sectors: int) -> None:
    """What is streamed has its directory at its end, where a copy of the header says so."""
    if disk["size_bytes"] < 3 * _SECTOR:
        raise Refused("The VMDK file is cut off.")
    file.seek(disk["offset"] + disk["size_bytes"] - 2 * _SECTOR)
    footer, marker = file.read(_SECTOR), file.read(_SECTOR)
    _, size, kind = struct.unpack_from("<QII", marker)
    if not footer.startswith(b"KDMV") or (size, kind) != (0, _MARKER_EOS):
        raise Refused("The VMDK file has no footer at its end: it is cut off.")
    if struct.unpack_from("<Q", footer, _CAPACITY_AT) != (sectors,):
        raise Refused("The VMDK file says of its disk's size two things.")
