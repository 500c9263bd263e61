"""A file tree as a value: what goes into a ramdisk or a file system, before it is written.

Owner is always root and times are fixed, so that equal trees become equal images. `cpio` and
`disk` write trees; `tiny` puts them together.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

DIRECTORY = stat.S_IFDIR | 0o755
PROGRAM = stat.S_IFREG | 0o755
FILE = stat.S_IFREG | 0o644
SECRET = stat.S_IFREG | 0o600
CONSOLE = stat.S_IFCHR | 0o600


@dataclass(frozen=True, slots=True)
class Node:
    """A file, directory, symbolic link or character device."""

    mode: int
    """Type and permission bits, as in `st_mode`."""
    data: bytes = b""
    """A file's content, or where a symbolic link points."""
    device: tuple[int, int] = (0, 0)
    """Major and minor number of a device."""


Tree = dict[str, Node]
"""Nodes by path, relative to the root, without a leading slash."""


def directory(mode: int = 0o755) -> Node:
    """A directory with those permissions."""
    return Node(stat.S_IFDIR | mode)


def link(target: str) -> Node:
    """A symbolic link to `target`."""
    return Node(stat.S_IFLNK | 0o777, target.encode())


def read(folder: Path) -> Tree:
    """Read a folder; of the permissions only whether a file is executable counts."""
    tree: Tree = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            tree[name] = directory()
        else:
            executable = path.stat().st_mode & stat.S_IXUSR
            tree[name] = Node(PROGRAM if executable else FILE, path.read_bytes())
    return tree


def complete(tree: Tree) -> Tree:
    """Return the tree sorted, with a directory for every path that needs one."""
    whole = dict(tree)
    for name in tree:
        for parent in Path(name).parents:
            if parent != Path("."):
                whole.setdefault(parent.as_posix(), directory())
    return dict(sorted(whole.items()))


def write(tree: Tree, root: Path, owner: int) -> None:
    """Write a tree's directories, files and links below a directory; all belong to `owner`."""
    for name, node in complete(tree).items():
        path = root / name
        if stat.S_ISDIR(node.mode):
            path.mkdir(exist_ok=True)
        elif stat.S_ISLNK(node.mode):
            path.symlink_to(node.data.decode())
        else:
            path.write_bytes(node.data)
        os.chown(path, owner, owner, follow_symlinks=False)
        if not stat.S_ISLNK(node.mode):
            path.chmod(stat.S_IMODE(node.mode))
