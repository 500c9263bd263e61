"""Looks at a file that is said to hold a disk: what it is, and whether all of it is in it.

Runs shut in, before QEMU opens anything: a file is opened as what its first bytes say, never as
what QEMU would guess, and one that leans on other files, or is encrypted, is refused here. Output
is one JSON document: the disks in the file, or what is wrong with it.
"""

import json
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from mallee.node.sandboxed import ova, vmdk
from mallee.node.sandboxed.refusals import Refused

DISK_BYTES_MAX = 16384 << 30
"""As large as the largest volume."""
_HEAD_BYTES = 4096
_QCOW2_MIN = 72
_DIRTY, _CORRUPT, _EXTERNAL, _COMPRESSION, _EXTENDED_L2 = 1, 2, 4, 8, 16
_FOOTER_BYTES = _SECTOR_BYTES = 512
_TAR_MAGIC_AT = 257
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")

Disk = dict[str, Any]
"""Where it is in the file (`offset`, `size_bytes`), its `format`, and its `name` if it has one."""


def main() -> None:
    """Look at the file that the command line names, which is said to be of a format, or of none."""
    path, said = sys.argv[1], sys.argv[2].lower()
    try:
        with open(path, "rb") as file:
            found: Mapping[str, Any] = look(file, said)
    except Refused as error:
        found = {"refused": str(error)}
    except (OSError, struct.error, ValueError, MemoryError, RecursionError, EOFError) as error:
        found = {"refused": f"The file cannot be read: it is damaged or cut off ({error})."}
    print(json.dumps(found))


def look(file: BinaryIO, said: str) -> Mapping[str, Any]:
    """Return what there is in a file. Raises `Refused`."""
    size_bytes = file.seek(0, 2)
    if size_bytes == 0:
        raise Refused("The file is empty.")
    format = told_by_bytes(file, size_bytes)
    if said and said != format and not (said == "vhd" and format == "raw"):
        raise Refused(f"The file was said to be {said.upper()}, and it is {format.upper()}.")
    if said == "vhd" and format == "raw":
        raise Refused("The file was said to be VHD, and has no footer of one: is it cut off?")
    if format == "ova":
        disks = ova.disks(file, size_bytes)
        for disk in disks:
            check(file, disk)
        return {"format": "ova", "disks": disks}
    disk = {"offset": 0, "size_bytes": size_bytes, "format": format, "name": ""}
    check(file, disk)
    return {"format": format, "disks": [disk]}


def told_by_bytes(file: BinaryIO, size_bytes: int, offset: int = 0) -> str:
    """Return what a file, or a part of one, begins and ends like; a disk as it is, is `raw`."""
    file.seek(offset)
    head = file.read(min(_HEAD_BYTES, size_bytes))
    if head.startswith(b"QFI\xfb"):
        return "qcow2"
    if head.startswith((b"KDMV", b"COWD", b"# Disk DescriptorFile")):
        return "vmdk"
    if head.startswith(b"vhdxfile"):
        return "vhdx"
    if head.startswith(b"conectix") or _footer(file, size_bytes, offset).startswith(b"conectix"):
        return "vhd"
    if head[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == b"ustar":
        return "ova"
    if head.startswith(b"QED\x00") or head[64:68] == b"\x7f\x10\xda\xbe":
        raise Refused("QED and VDI disks are not taken: convert it with `qemu-img convert`.")
    if head.startswith(b"LUKS\xba\xbe"):
        raise Refused("The disk is encrypted (LUKS), and nobody here has its key.")
    return "raw"


def check(file: BinaryIO, disk: Disk) -> None:
    """Raise `Refused` unless all of a disk is in its part of the file; complete what is said."""
    offset, size_bytes = disk["offset"], disk["size_bytes"]
    found = told_by_bytes(file, size_bytes, offset)
    if found != disk["format"]:
        name = disk["name"] or "The disk"
        raise Refused(f"{name} should be {disk['format'].upper()} and is {found.upper()}.")
    file.seek(offset)
    most = _CHECKS[found](file, disk)
    if most > DISK_BYTES_MAX:
        raise Refused(f"The disk says that it has {most >> 30} GiB, and 16384 GiB are the most.")


def _check_raw(_: BinaryIO, disk: Disk) -> int:
    if disk["size_bytes"] % _SECTOR_BYTES:
        raise Refused(
            f"The file has {disk['size_bytes']} bytes, which are no whole sectors: it is cut off, "
            "or no disk."
        )
    return disk["size_bytes"]


def _check_qcow2(file: BinaryIO, disk: Disk) -> int:
    head = file.read(112)
    if len(head) < _QCOW2_MIN:
        raise Refused("The file is cut off within its header.")
    _, version, backing, _, cluster_bits, size_bytes, crypt = struct.unpack_from(">IIQIIQI", head)
    if version not in (2, 3):
        raise Refused(f"qcow2 of the version {version} is not known.")
    if backing:
        raise Refused(
            "The qcow2 file is only what differs from another file (its backing file), which did "
            "not come along: convert it with `qemu-img convert -O qcow2`."
        )
    if crypt:
        raise Refused("The qcow2 file is encrypted, and nobody here has its key.")
    if not 9 <= cluster_bits <= 21:
        raise Refused("The qcow2 file has clusters of a size that there is not.")
    if version == 3:
        (features,) = struct.unpack_from(">Q", head, 72)
        if features & _EXTERNAL:
            raise Refused("The qcow2 file keeps its data in another file, which is not here.")
        if features & _CORRUPT:
            raise Refused("The qcow2 file is marked as damaged: repair it with `qemu-img check`.")
        if features & ~(_DIRTY | _COMPRESSION | _EXTENDED_L2):
            raise Refused("The qcow2 file uses features that are not known here.")
    _check_within(disk, struct.unpack_from(">Q", head, 40)[0], "table of clusters")
    return size_bytes


def _check_vmdk(file: BinaryIO, disk: Disk) -> int:
    return vmdk.check(file, disk)


def _check_vhd(file: BinaryIO, disk: Disk) -> int:
    footer = _footer(file, disk["size_bytes"], disk["offset"])
    if not footer.startswith(b"conectix"):
        raise Refused("The VHD file has no footer at its end: it is cut off.")
    size_bytes, kind, checksum = struct.unpack_from(">48xQ4xII", footer)
    if ~sum(footer[:64] + bytes(4) + footer[68:]) & 0xFFFFFFFF != checksum:
        raise Refused("The checksum of the VHD file's footer is wrong: the file is damaged.")
    if kind == 4:
        raise Refused("The VHD file is only what differs from another one, its parent: merge them.")
    if kind not in (2, 3):
        raise Refused("The VHD file is neither fixed nor dynamic.")
    if kind == 2 and size_bytes + _FOOTER_BYTES > disk["size_bytes"]:
        raise Refused("The VHD file is shorter than its disk: it is cut off.")
    return size_bytes


def _check_vhdx(file: BinaryIO, disk: Disk) -> int:
    """What else stands against it, a parent among that, QEMU says when it opens it."""
    if disk["size_bytes"] < 1 << 20:
        raise Refused("The VHDX file is cut off within its headers.")
    return 0


def _check_ova(_: BinaryIO, disk: Disk) -> int:
    raise Refused(f"{disk['name']} is an archive within an archive.")


_CHECKS: Mapping[str, Callable[[BinaryIO, Disk], int]] = {
    "raw": _check_raw,
    "qcow2": _check_qcow2,
    "vmdk": _check_vmdk,
    "vhd": _check_vhd,
    "vhdx": _check_vhdx,
    "ova": _check_ova,
}


def _footer(file: BinaryIO, size_bytes: int, offset: int) -> bytes:
    if size_bytes < _FOOTER_BYTES:
        return b""
    file.seek(offset + size_bytes - _FOOTER_BYTES)
    return file.read(_FOOTER_BYTES)


def _check_within(disk: Disk, at: int, what: str) -> None:
    if at >= disk["size_bytes"]:
        raise Refused(f"The file ends before its {what}: it is cut off.")
