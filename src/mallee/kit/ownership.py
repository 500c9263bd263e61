"""Directories as they should be: who owns them, and who may do what there.

Looked at and put right by whoever keeps the directories (`box.owners`, `node.checks.machine`).
Which there are is their business.
"""

import grp
import os
import pwd
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory as it should be."""

    path: Path
    owner: str
    group: str
    mode: int
    follows_link: bool = False
    """Whether a link to it will do: only where none but root can have made that link."""


def put_right(wanted: Directory) -> None:
    """Set owner and mode of what was opened, so that nothing can take its place meanwhile.

    Raises `NotADirectoryError` for what is a link or a file.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | (0 if wanted.follows_link else os.O_NOFOLLOW)
    descriptor = os.open(wanted.path, flags)
    try:
        is_now = os.fstat(descriptor)
        owner = _owner(wanted)
        if (is_now.st_uid, is_now.st_gid) != owner:
            os.fchown(descriptor, *owner)
        if stat.S_IMODE(is_now.st_mode) != wanted.mode:
            os.fchmod(descriptor, wanted.mode)
    finally:
        os.close(descriptor)


def fetch_wrong(directories: Iterable[Directory]) -> list[Directory]:
    """Return the directories that are there and have another owner or mode than they should."""
    wrong: list[Directory] = []
    for wanted in directories:
        try:
            # Where it may be a link, what counts is where that leads.
            is_now = wanted.path.stat(follow_symlinks=wanted.follows_link)
        except FileNotFoundError:
            continue
        mode = stat.S_IMODE(is_now.st_mode)
        if (is_now.st_uid, is_now.st_gid) != _owner(wanted) or mode != wanted.mode:
            wrong.append(wanted)
    return wrong


def _owner(wanted: Directory) -> tuple[int, int]:
    return pwd.getpwnam(wanted.owner).pw_uid, grp.getgrnam(wanted.group).gr_gid
