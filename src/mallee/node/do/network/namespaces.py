"""Network namespaces by name (`/run/netns/NAME`, as `ip netns` keeps them), and work inside them.

Called by `network`, `dhcp`, the metadata service and whoever starts a process inside one. The name
`""` is the host's own namespace: the one that the agent itself is in.

A name is only a mount that anybody can remove; the namespace lives on as long as something holds
it. `Kept` holds those of this cloud open, so that a name removed by hand can be given back with all
that is inside, guests' taps included.
"""

import ctypes
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from mallee.kit import process

T = TypeVar("T")

HOST = ""
_DIRECTORY = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_MS_BIND = 4096
_libc = ctypes.CDLL(None, use_errno=True)


def ensure(name: str) -> bool:
    """Make the namespace unless it exists; tell whether it was made."""
    if exists(name):
        return False
    # After a hard reset of the machine's mounts the bare file may be left: it is nobody's.
    (_DIRECTORY / name).unlink(missing_ok=True)
    process.run(("ip", "netns", "add", name))
    return True


def exists(name: str) -> bool:
    """Tell whether the name leads to a namespace (a file without its mount does not)."""
    try:
        return (_DIRECTORY / name).stat().st_dev != _DIRECTORY.stat().st_dev
    except FileNotFoundError:
        return False


def remove(name: str) -> None:
    """Remove the namespace's name; processes and sockets inside keep the rest alive."""
    if exists(name):
        process.run(("ip", "netns", "delete", name))


def names(prefix: str) -> frozenset[str]:
    """Fetch the names of existing namespaces that begin with `prefix`."""
    try:
        found = os.listdir(_DIRECTORY)
    except FileNotFoundError:
        return frozenset()
    return frozenset(name for name in found if name.startswith(prefix) and exists(name))


def command(name: str, argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command line that runs `argv` inside the namespace."""
    if name == HOST:
        return argv
    return ("nsenter", f"--net={_DIRECTORY / name}", "--", *argv)


def run_inside(name: str, work: Callable[[], T]) -> T:
    """Run `work` in a thread of its own that has entered the namespace; return what it returns.

    Sockets that it opens, programs that it starts and `/proc/sys/net` are the namespace's.
    Raises what `work` raises, and `FileNotFoundError` when there is no such namespace.
    """
    if name == HOST:
        return work()
    outcome: list[T] = []
    failure: list[BaseException] = []

    def enter_and_work() -> None:
        try:
            _enter(_DIRECTORY / name)
            outcome.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=enter_and_work, name=f"in {name}")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]


def _enter(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.setns(descriptor, _CLONE_NEWNET))
    finally:
        os.close(descriptor)


def _check(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


@dataclass(slots=True)
class Kept:
    """The namespaces that this process holds open, by name."""

    _descriptors: dict[str, int] = field(default_factory=dict[str, int])

    def ensure(self, name: str) -> str | None:
        """Make the namespace or give it back its name; return what had been wrong, in words."""
        descriptor = self._descriptors.get(name)
        if descriptor is None:
            ensure(name)
            self._descriptors[name] = os.open(_DIRECTORY / name, os.O_RDONLY | os.O_CLOEXEC)
            return None
        path = _DIRECTORY / name
        if exists(name) and os.path.samestat(os.fstat(descriptor), path.stat()):
            return None
        remove(name)
        path.touch(mode=0o400)
        _check(_libc.mount(f"/proc/self/fd/{descriptor}".encode(), bytes(path), b"", _MS_BIND, 0))
        return f"the namespace {name} had lost its name; it has it again"

    def remove(self, name: str) -> None:
        """Let the namespace go for good."""
        remove(name)
        descriptor = self._descriptors.pop(name, None)
        if descriptor is not None:
            os.close(descriptor)
