"""Writes a tree as a cpio archive in the "newc" form, which the Linux kernel unpacks as a ramdisk.

Pure: a tree in, bytes out. See the kernel's `Documentation/driver-api/early-userspace`.
"""

from mallee.images import tree

_MAGIC = "070701"
_TRAILER = "TRAILER!!!"


def encode(files: tree.Tree) -> bytes:
    """Return the archive; all times are 0 and every owner is root."""
    members = [
        _member(name, node, inode)
        for inode, (name, node) in enumerate(tree.complete(files).items(), start=1)
    ]
    members.append(_member(_TRAILER, tree.Node(0), 0))
    return b"".join(members)


def _member(name: str, node: tree.Node, inode: int) -> bytes:
    path = name.encode() + b"\0"
    links, owner, time, checksum = 1, 0, 0, 0
    fields = (inode, node.mode, owner, owner, links, time, len(node.data), 0, 0)
    header = _MAGIC + "".join(f"{field:08X}" for field in (*fields, *node.device, len(path)))
    return _padded(f"{header}{checksum:08X}".encode() + path) + _padded(node.data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
