"""What is on a disk, as far as it says so itself: partitions, boot loaders, file systems.

Told by the first bytes of each: nothing is mounted. Pure but for the `Read` that it is given;
called by hosts for what comes in, and by the CLI before a file is sent.
"""

import struct
from collections.abc import Callable, Iterator

import msgspec

SECTOR = 512
Read = Callable[[int, int], bytes]
"""Returns bytes of the disk from an offset on, fewer at its end."""

_MBR_AT = 446
_GPT_ENTRY_MIN = 128
_GPT_ENTRIES_MAX = 128
_LOGICAL_MAX = 32
_EFI_SYSTEM = bytes.fromhex("28732ac11ff8d211ba4b00a0c93ec93b")
_BIOS_BOOT = bytes.fromhex("4861682149646f6e744e656564454649")
_EXTENDED = (0x05, 0x0F, 0x85)
_EFI_IN_MBR, _PROTECTIVE = 0xEF, 0xEE
_ROOTS = ("ext4", "ext3", "ext2", "xfs", "btrfs", "ntfs")


class FileSystem(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A file system on a disk."""

    partition: int
    """Its partition's number; 0: it is the whole disk."""
    kind: str
    """`ext4`, `xfs`, `btrfs`, `vfat`, `ntfs`, `swap`, `lvm`, `luks`, `iso9660`, `squashfs`."""
    label: str = ""
    size_bytes: int = 0


class Found(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was found on a disk."""

    table: str = ""
    """`mbr` or `gpt`; empty: there are no partitions."""
    has_bios_loader: bool = False
    has_uefi_loader: bool = False
    file_systems: tuple[FileSystem, ...] = ()

    @property
    def is_root_file_system(self) -> bool:
        """Whether it is a lone file system, which nothing can boot without a kernel aside."""
        return not self.table and any(one.kind in _ROOTS for one in self.file_systems)

    @property
    def boot_mode(self) -> str:
        """What its firmware must be, as EC2 says it; empty: nothing on it can be booted."""
        if self.has_uefi_loader:
            return "uefi-preferred" if self.has_bios_loader else "uefi"
        return "legacy-bios" if self.has_bios_loader else ""

    @property
    def root(self) -> FileSystem | None:
        """Return where the system seems to be: the largest file system that can hold one."""
        able = [one for one in self.file_systems if one.kind in _ROOTS]
        return max(able, key=lambda one: one.size_bytes) if able else None


def find(read: Read, size_bytes: int) -> Found:
    """Return what is on a disk of that size."""
    first = read(0, SECTOR)
    whole = _file_system(read, 0, 0, size_bytes)
    if len(first) < SECTOR or first[510:512] != b"\x55\xaa" or whole is not None:
        return Found(file_systems=(whole,) if whole else ())
    entries = list(_mbr(read, first))
    if any(kind == _PROTECTIVE for _, kind, _, _ in entries):
        return _of_gpt(read, first)
    if not entries:
        return Found()
    found = tuple(
        one
        for number, _, at, length in entries
        if (one := _file_system(read, number, at, length)) is not None
    )
    return Found(
        table="mbr",
        has_bios_loader=any(first[:_MBR_AT]),
        has_uefi_loader=any(kind == _EFI_IN_MBR for _, kind, _, _ in entries),
        file_systems=found,
    )


def _mbr(read: Read, first: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield number, type, offset and length of each partition."""
    for number in range(4):
        kind, start, count = struct.unpack_from("<4xB3xII", first, _MBR_AT + 16 * number)
        if not kind or not count:
            continue
        if kind in _EXTENDED:
            yield from _logical(read, start)
        else:
            yield number + 1, kind, start * SECTOR, count * SECTOR


def _logical(read: Read, base: int) -> Iterator[tuple[int, int, int, int]]:
    at = base
    for number in range(5, 5 + _LOGICAL_MAX):
        table = read(at * SECTOR, SECTOR)
        if len(table) < SECTOR or table[510:512] != b"\x55\xaa":
            return
        kind, start, count = struct.unpack_from("<4xB3xII", table, _MBR_AT)
        if kind and count:
            yield number, kind, (at + start) * SECTOR, count * SECTOR
        more, following = struct.unpack_from("<4xB3xI", table, _MBR_AT + 16)
        if more not in _EXTENDED or not following:
            return
        at = base + following


def _of_gpt(read: Read, first: bytes) -> Found:
    header = read(SECTOR, SECTOR)
    if not header.startswith(b"EFI PART"):
        return Found(table="gpt")
    at, count, size = struct.unpack_from("<QII", header, 72)
    found: list[FileSystem] = []
    has_bios = has_uefi = False
    if not _GPT_ENTRY_MIN <= size <= 4096:
        return Found(table="gpt")
    for index in range(min(count, _GPT_ENTRIES_MAX)):
        entry = read(at * SECTOR + index * size, _GPT_ENTRY_MIN)
        if len(entry) < _GPT_ENTRY_MIN or not any(entry[:16]):
            continue
        start, end = struct.unpack_from("<QQ", entry, 32)
        has_bios |= entry[:16] == _BIOS_BOOT
        has_uefi |= entry[:16] == _EFI_SYSTEM
        length = max(0, end - start + 1) * SECTOR
        one = _file_system(read, index + 1, start * SECTOR, length)
        if one is not None:
            found.append(one)
    return Found(
        table="gpt",
        has_bios_loader=has_bios and any(first[:_MBR_AT]),
        has_uefi_loader=has_uefi,
        file_systems=tuple(found),
    )


def _file_system(read: Read, number: int, at: int, length: int) -> FileSystem | None:
    """Return the file system that begins at an offset."""
    head = read(at, 4096)
    told = _told(read, at, head) if len(head) >= 2048 else None
    if told is None:
        return None
    kind, label = told
    return FileSystem(partition=number, kind=kind, label=label, size_bytes=length)


def _told(read: Read, at: int, head: bytes) -> tuple[str, str] | None:
    if head[1080:1082] == b"\x53\xef":
        (compatible, incompatible) = struct.unpack_from("<II", head, 1024 + 92)
        kind = "ext4" if incompatible & 0x2C0 else "ext3" if compatible & 0x4 else "ext2"
        return kind, _text(head[1144:1160])
    if head.startswith(b"XFSB"):
        return "xfs", _text(head[108:120])
    if head.startswith(b"LUKS\xba\xbe"):
        return "luks", ""
    if head[3:11] == b"NTFS    ":
        return "ntfs", ""
    if head[82:87] == b"FAT32" or head[54:57] == b"FAT":
        return "vfat", _text(head[71:82] if head[82:87] == b"FAT32" else head[43:54])
    if head.startswith((b"hsqs", b"sqsh")):
        return "squashfs", ""
    if head[512:520] == b"LABELONE":
        return "lvm", ""
    if head[4086:4096] in (b"SWAPSPACE2", b"SWAP-SPACE"):
        return "swap", _text(head[1052:1068])
    far = read(at + 0x10000, 0x140)
    if far[0x40:0x48] == b"_BHRfS_M":
        return "btrfs", _text(read(at + 0x1012B, 256))
    if read(at + 0x8001, 5) == b"CD001":
        return "iso9660", _text(read(at + 0x8028, 32))
    return None


def _text(data: bytes) -> str:
    """Return a label: what a user may have written, and nothing that a terminal would obey."""
    text = data.split(b"\0")[0].decode("utf-8", "replace").strip()
    return "".join(one for one in text if one.isprintable())[:64]
