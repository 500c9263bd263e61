"""Writes disks: an ext4 file system from a tree, and a whole disk that boots by itself.

No loop device and no mount is needed: mke2fs and debugfs write the file system, GRUB's two parts
are put in front of it byte by byte. Equal inputs give equal bytes. Called by the recipes.
"""

import stat
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mallee.images import packages, tree

SECTOR = 512
BLOCK = 4096
PARTITION_START = 1 << 20
"""Where the only partition begins, in bytes; GRUB's second part lies before it."""

_PARTITION_ENTRY_AT = 446
_LINUX = 0x83
_ACTIVE = 0x80
FEATURES = (
    "none,has_journal,resize_inode,64bit,dir_index,ext_attr,filetype,extent,flex_bg,sparse_super,"
    "large_file,huge_file,dir_nlink,extra_isize,metadata_csum"
)
_FIRST_FREE_INODE = 12
_ROOT_INODE = 2


@dataclass(frozen=True, slots=True)
class FileSystem:
    """What an ext4 file system is to be."""

    label: str
    uuid: str
    size_bytes: int
    inodes: int


def write_file_system(
    files: tree.Tree, kind: FileSystem, to: Path, tools: packages.Unpacked
) -> None:
    """Write an ext4 file system with those files to the path; raises `process.Failed`.

    It reserves room in its descriptors to grow a thousandfold, and has few inodes per byte, so that
    growing it is quick.
    """
    fixed = ("E2FSPROGS_FAKE_TIME=1", f"MKE2FS_CONFIG={tools.find('etc/mke2fs.conf')}")
    to.write_bytes(b"")
    shape = ["-t", "ext4", "-O", FEATURES, "-b", str(BLOCK), "-I", "256", "-m", "1"]
    identity = ["-L", kind.label, "-U", kind.uuid, "-N", str(kind.inodes)]
    extended = ["-E", f"hash_seed={kind.uuid},lazy_itable_init=1,nodiscard,root_owner=0:0"]
    size = str(kind.size_bytes // BLOCK)
    journal = ["-J", "size=4"]
    tools.run(
        "mke2fs", ["-q", *shape, *identity, *extended, *journal, str(to), size], variables=fixed
    )
    with tempfile.TemporaryDirectory(dir=to.parent) as scratch:
        script = Path(scratch) / "script"
        script.write_text("\n".join(_debugfs_lines(tree.complete(files), Path(scratch))) + "\n")
        tools.run("debugfs", ["-w", "-f", str(script), str(to)], variables=fixed)
    tools.run("e2fsck", ["-f", "-n", str(to)], variables=fixed)


def write_bootable(
    file_system: Path, to: Path, boot_commands: str, tools: packages.Unpacked
) -> None:
    """Write a disk with an MBR, GRUB and the file system as its one, active partition.

    `boot_commands` are GRUB's, run as they stand; the partition is its `(hd0,msdos1)`.
    """
    content = file_system.read_bytes()
    to.write_bytes(front(len(content), boot_commands, tools, to.parent) + content)


def front(size_bytes: int, boot_commands: str, tools: packages.Unpacked, scratch: Path) -> bytes:
    """Return what stands before a disk's one, active partition of that size: MBR and GRUB."""
    modules = tools.find("usr/lib/grub/i386-pc/boot.img").parent
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        commands, core = Path(folder) / "commands", Path(folder) / "core"
        commands.write_text(boot_commands)
        options = ["-O", "i386-pc", "-d", str(modules), "-p", "(hd0,msdos1)/boot"]
        needed = ["biosdisk", "part_msdos", "ext2", "linux"]
        if "configfile" in boot_commands:
            needed += ["normal", "configfile"]
        tools.run("grub-mkimage", [*options, "-c", str(commands), "-o", str(core), *needed])
        loader = core.read_bytes()
    if SECTOR + len(loader) > PARTITION_START:
        raise ValueError(f"GRUB's {len(loader)} bytes do not fit before the partition")
    first = bytearray((modules / "boot.img").read_bytes())
    first[_PARTITION_ENTRY_AT:] = _partition_table(size_bytes)
    written = bytes(first) + loader
    return written + b"\0" * (PARTITION_START - len(written))


def _partition_table(size_bytes: int) -> bytes:
    """The MBR's last 66 bytes. Cylinders, heads and sectors are left to nobody: all ones."""
    anywhere = b"\xfe\xff\xff"
    place = struct.pack("<II", PARTITION_START // SECTOR, size_bytes // SECTOR)
    entry = bytes([_ACTIVE]) + anywhere + bytes([_LINUX]) + anywhere + place
    return entry + b"\0" * 48 + b"\x55\xaa"


def _debugfs_lines(files: tree.Tree, scratch: Path) -> list[str]:
    """The commands that write the tree; file contents go to numbered files in `scratch`."""
    lines = ["set_current_time @1"]
    for number, (name, node) in enumerate(files.items()):
        kind = stat.S_IFMT(node.mode)
        if kind == stat.S_IFDIR:
            lines.append(f'mkdir "/{name}"')
        elif kind == stat.S_IFLNK:
            lines.append(f'symlink "/{name}" {node.data.decode()}')
        elif kind == stat.S_IFREG:
            content = scratch / str(number)
            content.write_bytes(node.data)
            lines.append(f'write {content} "/{name}"')
        else:
            raise ValueError(f"{name}: a file system's devices are made by the kernel")
        lines.append(f'set_inode_field "/{name}" mode 0{node.mode:o}')
        lines.append(f'set_inode_field "/{name}" uid 0')
        lines.append(f'set_inode_field "/{name}" gid 0')
    times = ("atime", "ctime", "mtime", "crtime")
    inodes = (_ROOT_INODE, *range(_FIRST_FREE_INODE, _FIRST_FREE_INODE + len(files)))
    lines += [f"set_inode_field <{inode}> {time} @1" for inode in inodes for time in times]
    return lines
