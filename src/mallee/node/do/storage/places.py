"""Where this host's volumes lie: `node/volumes`, or a directory that the settings name.

Such a directory may be another disk's or a share's mount point. Each host has a subdirectory of its
own in it, by its id, so no two hosts ever write the same file. At first use a *marker* is written
there, and the same as a *record* under the root; from then on only a place with that marker is it.
All calls block. What follows from a place that is not well is `volumeplace`'s business.

Invariant: nothing is made on the way to the subdirectory but at first use, and then through the
opened directory that was seen to be a mount point. So nothing is ever written below the mount point
of a disk that is not mounted: the subdirectory is on the disk.
"""

import contextlib
import errno
import fcntl
import mmap
import os
import secrets
import shutil
import stat
import struct
from dataclasses import replace
from pathlib import Path

import msgspec

from mallee.kit import files, process
from mallee.model.configuration.settings import Volumes
from mallee.model.layout import Layout
from mallee.node.do.storage import disks

_MARKER = "mallee.json"
_VOLUMES = "volumes"
_PROBE = "probe"
_PASSABLE = 0o711
_PROBE_BYTES = 4096
_RECORD_BYTES_MAX = 64 << 10
_LOCKED_AT = 100
"""Where QEMU locks a file that it writes."""
_FLOCK = struct.Struct("hhqqi4x")


class Away(Exception):
    """The place cannot be used; the message says why, and what to do."""


class Taken(Exception):
    """There are volumes in another place; the message says where, and what to do."""


class Record(msgspec.Struct, frozen=True):
    """Which place was used first."""

    directory: str
    """As the settings named it."""
    host_id: str
    cloud: str
    """The tag of the cloud on this host."""
    mark: str
    """Random: another disk, mounted in its place, has another one."""


def read_record(layout: Layout) -> Record | None:
    """Return which place was used; None: only `node/volumes`. Raises `Away`."""
    return _read(layout.volumes_record)


def located(layout: Layout) -> Layout:
    """Return the layout with the volumes where they were put. Raises `Away`."""
    record = read_record(layout)
    return layout if record is None else _placed(layout, record)


def choose(layout: Layout, wanted: Volumes, host_id: str) -> Layout:
    """Return the layout with the volumes where the settings want them; nothing is made.

    Raises `Taken` when there are volumes in another place, or may be, and `Away`.
    """
    record = read_record(layout)
    if record is not None and (record.directory, record.host_id) != (wanted.directory, host_id):
        _check_empty(_placed(layout, record).volumes, layout)
        layout.volumes_record.unlink()
        record = None
    if not wanted.directory:
        return layout
    if record is None:
        if layout.volumes.is_dir():
            _check_empty(layout.volumes, layout)
        record = Record(wanted.directory, host_id, layout.tag, "")
    return _placed(layout, record)


def _placed(layout: Layout, record: Record) -> Layout:
    return replace(layout, placed=Path(record.directory, record.host_id, _VOLUMES))


def _check_empty(before: Path, layout: Layout) -> None:
    try:
        count = len(os.listdir(before))
    except OSError as error:
        raise Taken(
            f"Volumes of this host may lie in {before}, which cannot be looked at "
            f"({error.strerror}): `volumes.directory` is not followed. Bring that place back; or, "
            f"when it is lost for good, remove {layout.volumes_record} and start the agent anew."
        ) from error
    if count:
        raise Taken(
            f"{count} volumes lie in {before}, and the settings want them elsewhere: they stay, "
            "and no new ones are placed here. Take the setting back; or delete them (what is to be "
            "kept: by a snapshot, of which a volume can be made anywhere) and start the agent anew."
        )


def ensure(layout: Layout, wanted: Volumes, host_id: str) -> None:
    """See that the place is the one that was used before, or use it for the first time.

    Raises `Away`. Doing it twice is safe: what is there stays.
    """
    directory = Path(wanted.directory)
    try:
        opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Away(
            f"{directory}, where volumes shall lie, cannot be opened ({error.strerror}): make it, "
            "and mount there what it is meant for."
        ) from error
    try:
        if wanted.mount and not _is_mount_point(opened):
            raise Away(
                f"Nothing is mounted at {directory}, where volumes lie: mount it (`mount "
                f"{directory}`); if it is meant to be no mount point, set `volumes.mount = false`."
            )
        if not _is_roots_alone(os.fstat(opened)):
            raise Away(
                f"{directory}, where volumes lie, may be written by others than root: chown root "
                f"{directory} && chmod go-w {directory}."
            )
        _ensure_marked(layout, opened, Record(wanted.directory, host_id, layout.tag, ""))
    except OSError as error:
        raise Away(
            f"{directory}, where volumes lie, cannot be used ({error.strerror}): root of this "
            "host must be able to write there (NFS: no_root_squash), and the disk be mounted "
            "for writing."
        ) from error
    finally:
        os.close(opened)


def check(layout: Layout, wanted: Volumes) -> None:
    """See that the place which was used is the one that is wanted, and there.

    Raises `Away` and `Taken`.
    """
    record = read_record(layout)
    if record is None:
        return
    if record.directory != wanted.directory:
        raise Taken(
            f"Volumes lie in {record.directory}, and the settings want them in "
            f"{wanted.directory or layout.volumes}: the agent says whether it may follow."
        )
    ensure(layout, wanted, record.host_id)


def _is_roots_alone(about: os.stat_result) -> bool:
    return about.st_uid == 0 and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _is_mount_point(opened: int) -> bool:
    above = os.open("..", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=opened)
    try:
        # Bind mounts of one file system too have numbers of their own.
        return _mount_of(opened) != _mount_of(above)
    finally:
        os.close(above)


def _mount_of(opened: int) -> str:
    lines = Path(f"/proc/self/fdinfo/{opened}").read_text().splitlines()
    return next(line for line in lines if line.startswith("mnt_id:"))


def _ensure_marked(layout: Layout, opened: int, meant: Record) -> None:
    record = read_record(layout)
    if record is None:
        with contextlib.suppress(FileExistsError):
            os.mkdir(meant.host_id, _PASSABLE, dir_fd=opened)
    try:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        own = os.open(meant.host_id, flags, dir_fd=opened)
    except FileNotFoundError:
        raise _not_ours(layout, meant, "not there") from None
    try:
        # By the opened directory, whatever is mounted over its path meanwhile.
        through = Path(f"/proc/self/fd/{own}")
        marker = _read(through / _MARKER)
        if record is not None and marker != record:
            raise _not_ours(layout, meant, "not there" if marker is None else "of another use")
        if marker is None:
            marker = msgspec.structs.replace(meant, mark=secrets.token_hex(16))
            files.write_atomically(through / _MARKER, msgspec.json.encode(marker))
        if (marker.directory, marker.host_id) != (meant.directory, meant.host_id):
            raise Away(
                f"{through.readlink()} is marked as {marker.directory} of {marker.host_id}: mount "
                "it where it was, or give this host another directory."
            )
        os.fchmod(own, _PASSABLE)
        (through / _VOLUMES).mkdir(exist_ok=True)
        (through / _VOLUMES).chmod(_PASSABLE)
    finally:
        os.close(own)
    if record is None:
        files.write_atomically(layout.volumes_record, msgspec.json.encode(marker))


def _not_ours(layout: Layout, meant: Record, what: str) -> Away:
    own = Path(meant.directory, meant.host_id)
    return Away(
        f"{own} has not the volumes that this host put there (its {_MARKER} is {what}): mount the "
        f"disk that has them; or, when they are lost for good, remove {layout.volumes_record} and "
        "start the agent anew."
    )


def _read(path: Path) -> Record | None:
    try:
        with files.open_own(path) as file:
            return msgspec.json.decode(file.read(_RECORD_BYTES_MAX), type=Record)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise Away(f"{path}, which says whose volumes are there, cannot be read: {error}") from None


def check_seen_by_libvirt(layout: Layout) -> None:
    """Raise `Away` when our libvirtd, which has mounts of its own, sees another place."""
    try:
        pid = int((layout.libvirt / "run" / "libvirtd.pid").read_text())
        ours = layout.volumes.stat()
        path = Path(f"/proc/{pid}/root") / str(layout.volumes).lstrip("/")
        with contextlib.suppress(FileNotFoundError):
            theirs = path.stat()
            if (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino):
                return
        if not process.is_alive(pid):
            return
    except (OSError, ValueError):
        # It does not run: when it starts it gets the mounts that there are.
        return
    raise Away(
        f"libvirtd does not see what is mounted for {layout.volumes}: it was mounted after "
        "libvirtd was started, and mounts are private here. Start the daemons anew: mallee down "
        "&& mallee up (guests go on running)."
    )


def probe(layout: Layout) -> None:
    """Try out what QEMU needs of a place: to pass, to write past the cache, to lock.

    Raises `Away`.
    """
    assert layout.placed is not None
    path = layout.placed.parent / _PROBE
    try:
        path.unlink(missing_ok=True)
        with path.open("xb") as file:
            file.truncate(_PROBE_BYTES)
        disks.give_to_qemu(path)
        path.chmod(files.PRIVATE)
        _try_direct(path)
        _try_locks(path)
        process.run(("test", "-r", str(path), "-a", "-w", str(path)), user=disks.QEMU_USER)
    except process.Failed as failed:
        raise Away(
            f"QEMU's user {disks.QEMU_USER} does not get to {path.parent}: let others pass through "
            "each directory above it (chmod o+x)."
        ) from failed
    except (OSError, process.TimedOut) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return
        raise Away(
            f"{path.parent}, where volumes lie, cannot be written ({error}): mount it for writing, "
            "and let root of this host own files there (NFS: no_root_squash)."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _try_direct(path: Path) -> None:
    try:
        opened = os.open(path, os.O_RDWR | os.O_DIRECT | os.O_CLOEXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise Away(
            f"The file system of {path.parent} does not take O_DIRECT, by which volumes are "
            "written: give volumes another one (ext4, xfs, NFS)."
        ) from error
    try:
        with mmap.mmap(-1, _PROBE_BYTES) as page:
            os.pwritev(opened, [page], 0)
        os.fsync(opened)
    finally:
        os.close(opened)


def _try_locks(path: Path) -> None:
    """See that who opens a file anew does not get the lock that another holds."""
    wanted = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, _LOCKED_AT, 1, 0)
    with path.open("r+b") as first, path.open("r+b") as second:
        try:
            fcntl.fcntl(first, fcntl.F_OFD_SETLK, wanted)
        except OSError as error:
            raise _no_locks(path) from error
        try:
            fcntl.fcntl(second, fcntl.F_OFD_SETLK, wanted)
        except (BlockingIOError, PermissionError):
            return
    raise _no_locks(path)


def _no_locks(path: Path) -> Away:
    return Away(
        f"The file system of {path.parent} does not lock files, so that two guests could write one "
        "volume: mount it with locks (NFS: without nolock, with lockd or by version 4)."
    )


def room_gib(layout: Layout) -> int:
    """Return how much this host's volumes have and may still get. Raises `OSError`."""
    used = sum(path.stat().st_blocks * 512 for path in layout.volumes.rglob("*") if path.is_file())
    return (shutil.disk_usage(layout.volumes).free + used) >> 30


def remove(layout: Layout) -> str:
    """Delete all that this host has in a place outside the root; say what was done.

    What cannot be looked at stays, and is named.
    """
    try:
        record = read_record(layout)
        if record is None:
            return ""
        own = Path(record.directory, record.host_id)
        if _read(own / _MARKER) != record:
            return f"; its volumes in {own} are not mounted, so they stay: remove them by hand"
    except Away as away:
        return f"; volumes elsewhere stay: {away}"
    # The marker goes last: by it a place that was removed half is known.
    shutil.rmtree(own / _VOLUMES)
    shutil.rmtree(own)
    return f"; {own} too"
