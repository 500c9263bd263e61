"""Files of strangers, opened where they can do no harm: looked at, unpacked, and read as disks.

What opens them runs shut in (`jail`): as a user of its own, without network, seeing nothing but the
system's programs and the file. A disk is not converted into another file: `qemu-storage-daemon`
shows it at a socket, as what it was found to be, and whoever needs it reads it there.
Called by `node.transfers`, in the agent's loop.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mallee.kit import files, process

UID = 65210
"""Nobody else's: Debian gives out no such number, nor does systemd."""
LOOK_S = 3600.0
MEMORY_BYTES = 2 << 30
_OUT_BYTES = 64 << 20
SPARE_BYTES = 1 << 30
"""What is left free of a disk, whatever a file unpacks to: guests' volumes are there too."""
_CPU_S = 24 * 3600
_OPEN_FILES = 64
_READY_S = 60.0
_SEEN_AT = "/in"
_OUT_AT = "/out"
_CODE_AT = "/code/mallee/node/sandboxed"
_CODE = Path(__file__).parents[2] / "sandboxed"
_JAIL = Path(__file__).parent / "jail.py"
_SECTOR = 512
_EXPORT = "disk"
_SOCKET = "disk.sock"
_SOURCE = "source"
_UNPACKED = "unpacked"
_PYTHON = (
    "-I",
    "-c",
    "import sys;sys.path[:0]=['/code'];from mallee.node.sandboxed import {0};{0}.main()",
)
_MADE_AS = {
    "raw": ("-O", "raw"),
    "qcow2": ("-O", "qcow2"),
    "vmdk": ("-O", "vmdk", "-o", "subformat=streamOptimized"),
    "vhd": ("-O", "vpc", "-o", "subformat=dynamic,force_size=on"),
}
_DRIVERS = {"vhd": "vpc"}
"""As QEMU calls formats, where it calls them otherwise."""


class Refused(Exception):
    """The file is not taken; the message says why, to its user."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk in a file: where it is, and what."""

    file: Path
    offset: int
    size_bytes: int
    """Of the stretch of the file, not of the disk."""
    format: str
    name: str


@dataclass(frozen=True, slots=True)
class Work:
    """The directory of one file that is worked on: root's, but for what comes out."""

    directory: Path

    @property
    def source(self) -> Path:
        """The file, as it came."""
        return self.directory / "in" / _SOURCE

    @property
    def out(self) -> Path:
        """Where the shut in may write."""
        return self.directory / "out"

    @property
    def unpacked(self) -> Path:
        """The file without its packing."""
        return self.out / _UNPACKED

    def make(self) -> None:
        """Make it, empty."""
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True, mode=0o700)
        (self.directory / "root").mkdir()
        self.source.parent.mkdir()
        self.out.mkdir(mode=0o700)
        os.chown(self.out, UID, UID)

    def remove(self) -> None:
        """Delete all of it; links in it lead nobody anywhere."""
        shutil.rmtree(self.directory, ignore_errors=True)


async def look(work: Work, file: Path, said: str) -> tuple[str, tuple[Disk, ...]]:
    """Return what a file is, and the disks in it. Raises `Refused` and `process.TimedOut`."""
    inside = _inside(work, file)
    found = await _run_python(work, "look", (inside, said), LOOK_S)
    disks = tuple(
        Disk(file, one["offset"], one["size_bytes"], one["format"], one["name"])
        for one in found["disks"]
    )
    return found["format"], disks


async def unpack(work: Work, packing: str, size_max: int) -> Path:
    """Take a file out of its packing (`gz`, `xz`). Raises `Refused` and `process.TimedOut`."""
    await _run_python(work, "unpack", (f"{_SEEN_AT}/{_SOURCE}", packing, str(size_max)), LOOK_S)
    return _plain(work.unpacked)


def _plain(path: Path) -> Path:
    """Return a file that the shut in made; raise `Refused` when it is a link, or anything else."""
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        raise Refused("What came out is no plain file.")
    return path


async def take_out(work: Work, size_max: int) -> Path:
    """Take the one file out of a bundle. Raises `Refused` and `process.TimedOut`."""
    inside = f"{_SEEN_AT}/{_SOURCE}"
    await _run_python(work, "bundled", (inside, str(size_max)), LOOK_S)
    return _plain(work.out / "disk")


@asynccontextmanager
async def serving(work: Work, disk: Disk) -> AsyncGenerator[tuple[Path, str]]:
    """Show a disk at a socket while the context lasts: gives the socket and the export's name.

    Raises `Refused` when QEMU cannot open it.
    """
    place = work.out / _SOCKET
    place.unlink(missing_ok=True)
    program = ("/usr/bin/qemu-storage-daemon", *_qsd_options(_inside(work, disk.file), disk))
    child = await _start(work, program, _OUT_BYTES)
    try:
        fd = await _wait_ready(child, place)
        try:
            yield Path(f"/proc/self/fd/{fd}"), _EXPORT
        finally:
            os.close(fd)
    finally:
        if child.returncode is None:
            os.killpg(child.pid, signal.SIGKILL)
            await child.wait()


async def convert(work: Work, source: Path, format: str, of: str = "raw") -> Path:
    """Make a file of one format of a disk in another; return it. Raises `process.Failed`."""
    made = work.out / f"disk.{format}"
    program = ("/usr/bin/qemu-img", "convert", "-q", "-f", of, *_MADE_AS[format])
    inside = (_inside(work, source), f"{_OUT_AT}/{made.name}")
    # It is as large as the disk at most, and what describes it.
    argv = command(work, (*program, *inside), room_of(work))
    await process.run_async(argv, timeout_s=_CPU_S)
    return _plain(made)


def _qsd_options(inside: str, disk: Disk) -> tuple[str, ...]:
    # Every layer is named, so that nothing is guessed; what could lean on another file may not.
    file: dict[str, Any] = {"driver": "file", "filename": inside, "locking": "off"}
    part: dict[str, Any] = {"driver": "raw", "file": file}
    if disk.offset:
        # A member of an archive is padded to whole sectors.
        sectors = -(-disk.size_bytes // _SECTOR)
        part |= {"offset": disk.offset, "size": sectors * _SECTOR}
    node: dict[str, Any] = dict(part)
    if disk.format != "raw":
        node = {"driver": _DRIVERS.get(disk.format, disk.format), "file": part}
    if disk.format in ("qcow2", "vmdk"):
        node["backing"] = None
    node |= {"node-name": "disk", "read-only": True}
    return (
        "--blockdev",
        json.dumps(node),
        "--nbd-server",
        f"addr.type=unix,addr.path={_OUT_AT}/{_SOCKET}",
        "--export",
        f"type=nbd,id=export,node-name=disk,name={_EXPORT},writable=off",
    )


async def _wait_ready(child: asyncio.subprocess.Process, place: Path) -> int:
    """Wait until somebody listens at the socket; return it, opened as a place to connect to.

    Raises `Refused` with what the program said instead.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _READY_S
    ended = asyncio.ensure_future(child.wait())
    try:
        while (fd := _listening(place)) is None:
            await asyncio.wait([ended], timeout=0.02)
            if ended.done():
                assert child.stderr is not None
                said = (await child.stderr.read(_OUT_BYTES)).decode(errors="replace")
                raise Refused(f"The disk cannot be opened: {_last_words(said)}")
            if loop.time() > deadline:
                raise Refused("The disk cannot be opened: that takes too long.")
    finally:
        ended.cancel()
    return fd


def _listening(place: Path) -> int | None:
    """Return a socket at which somebody listens, opened as a place; None: there is none yet.

    The shut in may write there: what is opened is a socket, and no link to another one.
    """
    try:
        fd = os.open(place, os.O_PATH | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    with contextlib.ExitStack() as undo:
        undo.callback(os.close, fd)
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            raise Refused("The disk cannot be opened: there is no socket.")
        with socket.socket(socket.AF_UNIX) as trying:
            try:
                trying.connect(f"/proc/self/fd/{fd}")
            except ConnectionRefusedError:
                return None
        undo.pop_all()
    return fd


def _last_words(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    words = lines[-1].rpartition("storage-daemon: ")[2] if lines else "the program ended"
    return "".join(one for one in words if one.isprintable())[:300]


async def _run_python(
    work: Work, module: str, arguments: Sequence[str], timeout_s: float
) -> dict[str, Any]:
    code = _PYTHON[2].format(module)
    python = str(Path(sys.executable).resolve())
    argv = (python, *_PYTHON[:2], code, *arguments)
    # What is unpacked may be as large as its directory has room for.
    try:
        ended = await process.run_async(command(work, argv, room_of(work)), timeout_s=timeout_s)
        found: dict[str, Any] = json.loads(ended.stdout)
    except (process.Failed, ValueError) as error:
        raise Refused("The file cannot be read: whatever looked at it gave up.") from error
    if "refused" in found:
        raise Refused(str(found["refused"])[:500])
    return found


async def _start(work: Work, argv: Sequence[str], size_max: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command(work, argv, size_max),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


def command(work: Work, argv: Sequence[str], size_max: int) -> tuple[str, ...]:
    """Return the command line that runs a program shut in; no file of its may get larger."""
    spec = {
        "root": str(work.directory / "root"),
        "binds": [
            [str(work.source.parent), _SEEN_AT, False],
            [str(work.out), _OUT_AT, True],
            [str(_CODE), _CODE_AT, False],
        ],
        "uid": UID,
        "limits": {
            "memory_bytes": MEMORY_BYTES,
            "cpu_s": _CPU_S,
            "file_bytes": size_max,
            "open_files": _OPEN_FILES,
            "core_bytes": 0,
        },
        "argv": list(argv),
    }
    return (sys.executable, "-I", str(_JAIL), json.dumps(spec))


def room_of(work: Work) -> int:
    """Return how large a file may get that is made of what came."""
    return max(_OUT_BYTES, shutil.disk_usage(work.directory).free - SPARE_BYTES)


def _inside(work: Work, file: Path) -> str:
    """Return where the shut in see a file."""
    return (
        f"{_SEEN_AT}/{file.name}" if file.parent == work.source.parent else f"{_OUT_AT}/{file.name}"
    )


def give(path: Path) -> None:
    """Let the shut in read a file that root has written."""
    path.chmod(0o644)
    files.sync_directory(path.parent)
