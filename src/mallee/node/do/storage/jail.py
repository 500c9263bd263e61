"""Runs one program shut in: `python -I jail.py SPEC`. `sandbox` starts it as root; nobody imports.

The program gets namespaces of its own (no network, no other processes, no host name, no IPC), a
root of its own with nothing in it but the system's programs, read-only, and the directories that
it shall work in; a user of its own, limits, and no way to new rights. What it may read it may tell
nobody: it has no way out but its output and those directories.

Only the standard library is used: the program starts in a few milliseconds.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

_NEW = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
"""Mounts, control groups, host name, IPC, processes, network."""
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = (
    0x1,
    0x2,
    0x4,
    0x8,
    0x20,
    0x1000,
    0x4000,
    0x40000,
)
_DETACH = 2
_SET_PDEATHSIG, _SET_DUMPABLE, _SET_NO_NEW_PRIVS = 1, 4, 38
_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Where programs and libraries are besides `/usr`: links into it, or directories."""
_DEVICES = ("null", "zero", "urandom")
_LIMITS = {
    "memory_bytes": resource.RLIMIT_AS,
    "cpu_s": resource.RLIMIT_CPU,
    "file_bytes": resource.RLIMIT_FSIZE,
    "open_files": resource.RLIMIT_NOFILE,
    "core_bytes": resource.RLIMIT_CORE,
}
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> int:
    """Shut the program in that the command line describes; return how it ended."""
    spec: dict[str, Any] = json.loads(sys.argv[1])
    _check(_libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    _check(_libc.unshare(_NEW), "unshare")
    child = os.fork()
    if child == 0:
        # It is the first of its processes: whatever it starts ends with it.
        try:
            _check(_libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
            _enter(spec)
            os.execve(spec["argv"][0], spec["argv"], {"PATH": "/usr/bin", "LC_ALL": "C.UTF-8"})
        finally:
            os._exit(127)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _enter(spec: dict[str, Any]) -> None:
    _mount(None, "/", _REC | _PRIVATE)
    root = Path(spec["root"])
    _mount("tmpfs", str(root), _NOSUID | _NODEV, "size=1m,nr_inodes=1k,mode=755")
    _bind(Path("/usr"), root / "usr", _RDONLY | _NOSUID | _NODEV)
    for name in _SYSTEM:
        there = Path("/") / name
        if there.is_symlink():
            (root / name).symlink_to(os.readlink(there))
        elif there.is_dir():
            _bind(there, root / name, _RDONLY | _NOSUID | _NODEV)
    for name in _DEVICES:
        _bind(Path("/dev") / name, root / "dev" / name, _NOSUID | _NOEXEC)
    for outside, inside, is_writable in spec["binds"]:
        flags = _NOSUID | _NODEV | _NOEXEC | (0 if is_writable else _RDONLY)
        _bind(Path(outside), root / inside.lstrip("/"), flags)
    _mount(None, str(root), _REMOUNT | _RDONLY | _NOSUID | _NODEV)
    os.chdir(root)
    _check(_libc.pivot_root(b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _DETACH), "umount2")
    os.chdir("/")
    _become(spec)


def _become(spec: dict[str, Any]) -> None:
    """Take limits and user on; there is no way back."""
    for name, limit in _LIMITS.items():
        most = spec["limits"].get(name)
        if most is not None:
            resource.setrlimit(limit, (most, most))
    os.umask(0o077)
    os.setgroups([])
    os.setresgid(spec["uid"], spec["uid"], spec["uid"])
    os.setresuid(spec["uid"], spec["uid"], spec["uid"])
    _check(_libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    _check(_libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    _check(_libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0), "prctl")


def _bind(outside: Path, inside: Path, flags: int) -> None:
    if outside.is_dir():
        inside.mkdir(parents=True, exist_ok=True)
    else:
        inside.parent.mkdir(parents=True, exist_ok=True)
        inside.touch()
    _mount(str(outside), str(inside), _BIND)
    _mount(None, str(inside), _REMOUNT | _BIND | flags)


def _mount(source: str | None, target: str, flags: int, options: str = "") -> None:
    """Mount, bind or change what is mounted; what has options is a tmpfs."""
    kind = "tmpfs" if options else None
    given = [None if text is None else text.encode() for text in (source, target, kind)]
    _check(_libc.mount(*given, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    sys.exit(main())
