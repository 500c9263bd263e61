"""The inside of a jail: the program that becomes nobody of the host and runs one command there.

`jail` starts it (`python -m mallee.images.recipes.cell FD`) and writes its order to that
descriptor. In this order it gives up: the host's users (a user namespace, whose users the parent
maps), its mounts, processes, names and, mostly, its networks; the host's files; capabilities that
a package's installation does not need; ways to win privileges. Then the command runs.

What remains is what the kernel offers to any process without rights: its system calls. A fault of
the kernel's is not contained by this, and memory is limited for each process, not for all.
"""

# All is imported before the host's files are gone.
import contextlib
import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
_ALWAYS = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP

_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 0x1, 0x2, 0x4, 0x8
_MS_REMOUNT, _MS_BIND = 0x20, 0x1000
_MS_REC, _MS_PRIVATE, _MNT_DETACH = 0x4000, 0x40000, 0x2
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 24, 38
_SYS_PIVOT_ROOT = 155
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 0x1
_CAPABILITIES_MAX = 63
_KEPT = frozenset({0, 1, 3, 4, 5, 6, 7, 18, 31})
"""chown, dac_override, fowner, fsetid, kill, setgid, setuid, sys_chroot, setfcap."""
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_FAILED = 125
_PROCESSES_MAX = 4096

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a cell is to do."""

    argv: tuple[str, ...]
    environment: dict[str, str]
    lower: tuple[str, ...] = ()
    """Directories of layers, the lowest first; with none of them nothing is mounted."""
    upper: str = ""
    """Where changes go; without it the layers are only read."""
    work: str = ""
    """An empty directory beside `upper`, for the kernel."""
    mount_point: str = ""
    """Where the layers are put together."""
    brought: dict[str, str] = field(default_factory=dict[str, str])
    """Directories of the host that are read at a place below `/run`, by that place."""
    is_root: bool = True
    """Whether the layers are all that the command sees; otherwise it sees the host's files, as
    somebody without rights, and the layers at `mount_point`."""
    has_network: bool = False
    file_bytes_max: int = 0
    memory_bytes_max: int = 0


class Refused(Exception):
    """The kernel does not grant what a cell needs; the message says what."""


def main() -> None:
    """Do the order that comes on the descriptor in `argv`; end as the command ended."""
    told, asks = int(sys.argv[1]), int(sys.argv[2])
    with os.fdopen(told, "rb", closefd=False) as file:
        order = msgspec.json.decode(file.readline(), type=Order)
        try:
            _unshare(order)
            os.write(asks, b"u")
            if file.read(1) != b"m":
                raise Refused("the jailer is gone")
        except Refused as refused:
            _give_up(refused)
    os.close(asks)
    os.close(told)
    os.setresgid(0, 0, 0)
    os.setgroups([])
    os.setresuid(0, 0, 0)
    _die_with_parent()
    child = os.fork()
    if child == 0:
        _die_with_parent()
        _in_cell(order)
    _, status = os.waitpid(child, 0)
    os._exit(_code(status))


def _unshare(order: Order) -> None:
    wanted = _ALWAYS | (0 if order.has_network else CLONE_NEWNET)
    if _libc.unshare(wanted) != 0:
        raise Refused(f"namespaces: {_reason()}")


def _in_cell(order: Order) -> None:
    """As the first process of the cell: make it, run the command, and end; never returns."""
    os.umask(0)
    try:
        _mount("none", "/", ("", ""), _MS_REC | _MS_PRIVATE)
        if order.lower:
            _put_together(order)
        if order.is_root:
            _furnish(order.mount_point)
            _bring(order)
            _enter(order.mount_point)
        else:
            _mount("proc", "/proc", ("proc", ""), _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
        if not order.has_network:
            _raise_loopback()
        _libc.sethostname(b"build", 5)
        _limit(order)
        _drop_capabilities(order)
    except (Refused, OSError) as error:
        _give_up(error)
    os._exit(_run(order.argv, order.environment))


def _put_together(order: Order) -> None:
    # Layers lie side by side: short names, because all of them must fit into one page.
    above = Path(order.lower[0]).parent
    os.chdir(above)
    lower = ":".join(Path(layer).name for layer in reversed(order.lower))
    options = f"userxattr,lowerdir={lower}"
    if order.upper:
        options += f",upperdir={order.upper},workdir={order.work}"
    elif len(order.lower) == 1:
        _mount(order.lower[0], order.mount_point, ("", ""), _MS_BIND)
        os.chdir("/")
        return
    try:
        _mount("overlay", order.mount_point, ("overlay", options), 0)
    except Refused as refused:
        raise Refused(
            f"{refused}; layers need a file system with extended attributes that is no overlay "
            "itself (ext4, XFS, btrfs)"
        ) from refused
    os.chdir("/")


def _furnish(root: str) -> None:
    """Put into the layers what programs expect of a running system."""
    for name in ("dev", "proc", "sys", "run", "tmp"):
        with contextlib.suppress(FileExistsError):
            os.mkdir(f"{root}/{name}", 0o1777 if name == "tmp" else 0o755)
        if os.path.islink(f"{root}/{name}"):
            raise Refused(f"/{name} is a link in this image")
    _mount("tmpfs", f"{root}/dev", ("tmpfs", "mode=755,size=1m"), _MS_NOSUID | _MS_NOEXEC)
    for name in _DEVICES:
        Path(f"{root}/dev/{name}").touch()
        _mount(f"/dev/{name}", f"{root}/dev/{name}", ("", ""), _MS_BIND)
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(f"/proc/self/{target}", f"{root}/dev/{name}")
    for name in ("shm", "pts"):
        os.mkdir(f"{root}/dev/{name}", 0o1777)
    pts = "newinstance,ptmxmode=0666,mode=620"
    _mount("devpts", f"{root}/dev/pts", ("devpts", pts), _MS_NOSUID | _MS_NOEXEC)
    os.symlink("pts/ptmx", f"{root}/dev/ptmx")
    _mount("proc", f"{root}/proc", ("proc", ""), _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    _mount("tmpfs", f"{root}/sys", ("tmpfs", "size=64k"), _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    for name in ("run", "tmp"):
        mode = "mode=1777" if name == "tmp" else "mode=755"
        _mount("tmpfs", f"{root}/{name}", ("tmpfs", f"{mode},size=512m"), _MS_NOSUID | _MS_NODEV)
    os.mkdir(f"{root}/run/lock", 0o1777)


def _bring(order: Order) -> None:
    for place, folder in order.brought.items():
        target = f"{order.mount_point}/{place.lstrip('/')}"
        os.mkdir(target)
        _mount(folder, target, ("", ""), _MS_BIND)
        _mount("", target, ("", ""), _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NODEV)


def _enter(root: str) -> None:
    """Make the layers the only files there are."""
    os.chdir(root)
    if _libc.syscall(_SYS_PIVOT_ROOT, b".", b".") != 0:
        raise Refused(f"pivot_root: {_reason()}")
    if _libc.umount2(b".", _MNT_DETACH) != 0:
        raise Refused(f"umount: {_reason()}")
    os.chdir("/")


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        fcntl.ioctl(line, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))


def _limit(order: Order) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (_PROCESSES_MAX, _PROCESSES_MAX))
    if order.file_bytes_max:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order.file_bytes_max, order.file_bytes_max))
    if order.memory_bytes_max:
        resource.setrlimit(resource.RLIMIT_AS, (order.memory_bytes_max, order.memory_bytes_max))
    os.umask(0o022)


def _drop_capabilities(order: Order) -> None:
    if not order.is_root:
        # Our own programs, which mount and unmount for themselves.
        return
    for number in range(_CAPABILITIES_MAX + 1):
        if number not in _KEPT:
            _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise Refused(f"no_new_privs: {_reason()}")


def _run(argv: Sequence[str], environment: dict[str, str]) -> int:
    """Run the command, reap whatever it leaves, and return its exit status."""
    main = os.fork()
    if main == 0:
        try:
            os.setsid()
            os.execvpe(argv[0], list(argv), environment)
        except OSError as error:
            _give_up(error)
    while True:
        pid, status = os.wait()
        if pid == main:
            return _code(status)


def _code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _die_with_parent() -> None:
    """Let nothing outlive the builder, however it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _mount(source: str, target: str, kind: tuple[str, str], flags: int) -> None:
    """Mount; `kind` is the file system and its options."""
    system, options = (word.encode() or None for word in kind)
    if _libc.mount(source.encode(), target.encode(), system, flags, options) != 0:
        raise Refused(f"mount {kind[0] or source} at {target}: {_reason()}")


def _reason() -> str:
    return os.strerror(ctypes.get_errno())


def _give_up(error: Exception) -> None:
    os.write(2, f"the jail cannot be made: {error}\n".encode())
    os._exit(_FAILED)


if __name__ == "__main__":
    main()
