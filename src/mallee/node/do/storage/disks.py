"""Instances' directories and disks: made, deleted, put aside.

A disk is a qcow2 overlay on an image of the cache, made in milliseconds. It exists whole or not at
all: it is made under another name and renamed. All calls block.

Invariant: an instance's directory is root's. QEMU's user has the disk in it and a directory of its
own for sockets, so a guest that broke out of its QEMU can put nothing in root's way.
"""

import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from mallee.kit import files, process
from mallee.model.images.images import Blob
from mallee.model.layout import Layout
from mallee.node.plan.guests import domain

QEMU_USER = "libvirt-qemu"
"""Who runs guests (`user` in qemu.conf)."""
FREE_MIN_BYTES = 64 << 20
"""Below so much free space no disk is made: it could not even begin to be written."""

_LEFT_FROM_CLONING = "disk.part"


class DiskFull(Exception):
    """The file system has no room; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Clone:
    """A disk to be made."""

    instance_id: str
    image: Blob
    size_gib: int


def check_room(directory: Path, needed_bytes: int = FREE_MIN_BYTES) -> None:
    """Raise `DiskFull` unless the file system of `directory` has `needed_bytes` to spare."""
    free_bytes = shutil.disk_usage(directory).free
    if free_bytes < needed_bytes:
        raise DiskFull(
            f"the file system of {directory} has {free_bytes >> 20} MiB free and "
            f"{-(-needed_bytes >> 20)} MiB are needed; make room there, then launch again"
        )


def make_directory(layout: Layout, instance_id: str) -> None:
    """Make the instance's directory, and in it the one where QEMU may make sockets."""
    layout.instances.mkdir(parents=True, exist_ok=True, mode=0o711)
    directory = domain.directory_of(layout, instance_id)
    directory.mkdir(exist_ok=True)
    directory.chmod(0o711)
    qemus = directory / domain.QEMU_DIRECTORY
    qemus.mkdir(exist_ok=True, mode=0o700)
    give_to_qemu(qemus)


def clone(layout: Layout, wanted: Clone) -> None:
    """Make the instance's disk over its image, unless it is there.

    Raises `DiskFull`, leaving nothing behind, `process.Failed`, and `FileNotFoundError` without the
    image.
    """
    directory = domain.directory_of(layout, wanted.instance_id)
    disk = directory / domain.DISK_FILE
    if disk.exists():
        return
    # One that was made half, by an agent that was killed, is made whole here.
    make_directory(layout, wanted.instance_id)
    check_room(directory)
    aside = directory / _LEFT_FROM_CLONING
    aside.unlink(missing_ok=True)
    base = layout.node_images / wanted.image.sha256
    if not base.exists():
        raise FileNotFoundError(f"{base} is missing: the disk of {wanted.instance_id} lies on it")
    # A stranger made the image. Root's program does not open it (`-u`): that is for the guest's own
    # QEMU, which may open nothing of the host's.
    form = ("-u", "-f", "qcow2", "-F", wanted.image.format, "-b", str(base))
    try:
        process.run(("qemu-img", "create", "-q", *form, str(aside), f"{wanted.size_gib}G"))
    except process.Failed:
        aside.unlink(missing_ok=True)
        check_room(directory)
        raise
    aside.chmod(files.PRIVATE)
    give_to_qemu(aside)
    os.rename(aside, disk)
    files.sync_directory(directory)


def give_to_qemu(path: Path) -> None:
    """Let QEMU's user own the file or directory, which only root could have put there."""
    user = pwd.getpwnam(QEMU_USER)
    os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def remove_directory(layout: Layout, instance_id: str) -> None:
    """Delete the instance's directory and all that is in it."""
    directory = domain.directory_of(layout, instance_id)
    if directory.exists():
        shutil.rmtree(directory)


def move_to_lost(layout: Layout, instance_id: str) -> None:
    """Put the instance's directory aside, where nothing of the agent deletes it."""
    directory = domain.directory_of(layout, instance_id)
    if not directory.exists():
        return
    layout.lost.mkdir(parents=True, exist_ok=True, mode=0o700)
    number = 0
    while (target := layout.lost / (instance_id + f".{number}" * (number > 0))).exists():
        number += 1
    os.rename(directory, target)


def lost(layout: Layout) -> tuple[Path, ...]:
    """What was put aside and is still there, sorted."""
    if not layout.lost.is_dir():
        return ()
    return tuple(sorted(layout.lost.iterdir()))
