"""OVA archives: a tar with a description (OVF), checksums, and the disks that it refers to.

Nothing is taken out of it: a disk is a stretch of the archive. What names a member may be is told
by OVF: plain names in one directory, so whatever is a link, a device or a path is refused.
"""

import hashlib
import io
import posixpath
import re
import struct
import tarfile
from typing import Any, BinaryIO
from xml.etree import ElementTree

from mallee.node.sandboxed.refusals import Refused

MEMBERS_MAX = 256
_TEXT_BYTES_MAX = 4 << 20
_DISKS_MAX = 16
_CHUNK_BYTES = 1 << 20
_CHECKSUM = re.compile(r"^(SHA1|SHA256|SHA512)\s*\(([^)]+)\)\s*=\s*([0-9a-fA-F]+)\s*$", re.I)
_OVF = re.compile(r"http://schemas\.dmtf\.org/ovf/envelope/\d")
_FORMATS = (("vmdk", "vmdk"), ("vhdx", "vhdx"), ("vhd", "vhd"), ("qcow2", "qcow2"), ("raw", "raw"))

Member = tarfile.TarInfo


def disks(file: BinaryIO, size_bytes: int) -> list[dict[str, Any]]:
    """Return the disks of an archive in the order of its description. Raises `Refused`."""
    members = _members(file, size_bytes)
    described = [name for name in members if name.lower().endswith(".ovf")]
    if len(described) != 1:
        raise Refused(f"The archive has {len(described)} descriptions (.ovf), and one is needed.")
    text = _text(file, members[described[0]])
    for name in members:
        if name.lower().endswith(".mf"):
            _check_sums(file, members, _text(file, members[name]))
    found = _disks(text, members)
    if not found:
        raise Refused("The description (.ovf) names no disk.")
    return found


def _members(file: BinaryIO, size_bytes: int) -> dict[str, Member]:
    members: dict[str, Member] = {}
    file.seek(0)
    try:
        # Extended headers would be read whole before their size is known to be any good.
        with tarfile.TarFile(fileobj=_Bounded(file), mode="r") as archive:
            for member in archive:
                _check_member(member, size_bytes)
                if member.name in members:
                    raise Refused(f"The archive has {member.name[:60]!r} twice.")
                members[member.name] = member
                if len(members) > MEMBERS_MAX:
                    raise Refused("The archive has too many members.")
    except (tarfile.TarError, struct.error) as error:
        raise Refused(f"The archive is damaged or cut off: {error}.") from error
    return members


class _Bounded:
    """A file of which no more is read at once than any description is long."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, count: int = -1, /) -> bytes:
        """Read; raises `Refused` when somebody asks for more than there may be."""
        if not 0 <= count <= _TEXT_BYTES_MAX:
            raise Refused("The archive has a header longer than any header is.")
        return self._file.read(count)

    def write(self, data: bytes, /) -> object:
        """Nobody writes: it is there because archives may be written as well."""
        raise io.UnsupportedOperation("write")

    def close(self) -> None:
        """Leave the file open for whoever has it."""

    def seek(self, at: int, whence: int = 0, /) -> int:
        """Go to a place."""
        return self._file.seek(at, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()


def _check_member(member: Member, size_bytes: int) -> None:
    name = member.name
    if not member.isreg() or member.issparse():
        raise Refused(f"{name[:60]!r} in the archive is no plain file: links have no place there.")
    if name != posixpath.basename(name) or name in ("", ".", "..") or "\\" in name:
        raise Refused(f"{name[:60]!r} in the archive is a path, and only names are taken.")
    if member.offset_data + member.size > size_bytes:
        raise Refused(f"The archive ends within {name[:60]!r}: it is cut off.")


def _text(file: BinaryIO, member: Member) -> str:
    if member.size > _TEXT_BYTES_MAX:
        raise Refused(f"{member.name[:60]!r} is too long.")
    file.seek(member.offset_data)
    return file.read(member.size).decode("utf-8", "replace")


def _check_sums(file: BinaryIO, members: dict[str, Member], text: str) -> None:
    for line in text.splitlines():
        said = _CHECKSUM.match(line.strip())
        if said is None or said[2].strip() not in members:
            continue
        member, digest = members[said[2].strip()], hashlib.new(said[1].lower())
        file.seek(member.offset_data)
        left = member.size
        while left and (piece := file.read(min(left, _CHUNK_BYTES))):
            digest.update(piece)
            left -= len(piece)
        if digest.hexdigest() != said[3].lower():
            raise Refused(f"The checksum of {member.name[:60]!r} is wrong: the file is damaged.")


def _disks(text: str, members: dict[str, Member]) -> list[dict[str, Any]]:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise Refused("The description (.ovf) has a document type, and no description needs one.")
    try:
        envelope = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise Refused(f"The description (.ovf) cannot be read: {error}.") from error
    files = {_said(one, "id"): one for one in _all(envelope, "File")}
    found: list[dict[str, Any]] = []
    for disk in _all(envelope, "Disk"):
        file = files.get(_said(disk, "fileRef"))
        if file is None:
            # A disk without a file is an empty one, which the machine would have got besides.
            continue
        found.append(_disk(disk, file, members))
        if len(found) > _DISKS_MAX:
            raise Refused("The description (.ovf) names too many disks.")
    return found


def _disk(
    disk: ElementTree.Element, file: ElementTree.Element, members: dict[str, Member]
) -> dict[str, Any]:
    name = _said(file, "href")
    if _said(file, "compression") not in ("", "identity"):
        raise Refused(f"{name[:60]!r} is packed within the archive: unpack it before.")
    if _said(disk, "parentRef"):
        raise Refused(f"{name[:60]!r} is only what differs from another disk.")
    member = members.get(name)
    if member is None:
        raise Refused(f"The description (.ovf) names {name[:60]!r}, which is not in the archive.")
    told = f"{_said(disk, 'format')} {name}".lower()
    format = next((ours for word, ours in _FORMATS if word in told), "")
    if not format:
        raise Refused(f"{name[:60]!r} is of a format that is not known.")
    return {
        "offset": member.offset_data,
        "size_bytes": member.size,
        "format": format,
        "name": name,
    }


def _all(envelope: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [
        one
        for one in envelope.iter()
        if one.tag.rpartition("}")[2] == name and _OVF.match(one.tag.partition("}")[0].lstrip("{"))
    ]


def _said(element: ElementTree.Element, name: str) -> str:
    return next(
        (value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), ""
    )
