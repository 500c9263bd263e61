"""A disk for each host of a lab, so that one may be slow or full and no other.

Each is a file with a file system, mounted where the host's root will be, before the lab is made.
A frozen disk answers nobody who writes, until it is thawed; a slow one is frozen for a good part of
each second; a full one has not a block left.
"""

import subprocess
import tempfile
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from mallee.lab.rooms import Place
from tests.storms.schedule import HOSTS

SIZE_GIB = 24
_FILLER = ".filler"
_STANDS_S = 0.4
"""So long a slow disk answers nobody."""
_ANSWERS_S = 0.05
"""And so long it answers between."""


class Disks:
    """The disks of a lab's hosts."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._frozen: set[str] = set()
        self._slow: dict[str, tuple[threading.Thread, threading.Event]] = {}

    def settle(self) -> None:
        """Bring all that was written to the disks, so that nobody waits for it later."""
        for root in (self._place.root(host) for host in HOSTS):
            _run("sync", "--file-system", str(root))

    def freeze(self, host: str) -> None:
        """Have all that write to a host's disk wait."""
        self._quicken(host)
        if host not in self._frozen:
            _run("fsfreeze", "--freeze", str(self._place.root(host)))
            self._frozen.add(host)

    def thaw(self, host: str) -> None:
        """Let them go on, as fast as they can."""
        self._quicken(host)
        if host in self._frozen:
            _run("fsfreeze", "--unfreeze", str(self._place.root(host)))
            self._frozen.discard(host)

    def slow(self, host: str) -> None:
        """Have whoever writes to a host's disk wait now and then, until it is thawed."""
        if host in self._frozen or host in self._slow:
            return
        end = threading.Event()
        thread = threading.Thread(target=self._stutter, args=(host, end), daemon=True)
        self._slow[host] = thread, end
        thread.start()

    def _stutter(self, host: str, end: threading.Event) -> None:
        root = str(self._place.root(host))
        while not end.is_set():
            _run("fsfreeze", "--freeze", root)
            end.wait(_STANDS_S)
            _run("fsfreeze", "--unfreeze", root)
            end.wait(_ANSWERS_S)

    def _quicken(self, host: str) -> None:
        thread, end = self._slow.pop(host, (None, None))
        if thread is not None and end is not None:
            end.set()
            thread.join()

    def fill(self, host: str) -> None:
        """Leave no room on a host's disk."""
        if host in self._frozen or host in self._slow:
            return
        filler = self._place.root(host) / _FILLER
        for size in ("1G", "16M", "1M", "64K", "4K"):
            # Each takes what is left of its size; the last one fails when nothing is.
            line = f"while fallocate -l {size} {filler}-{size}-$((n=n+1)); do :; done"
            subprocess.run(("sh", "-c", line), capture_output=True, check=False)

    def empty(self, host: str) -> None:
        """Give the room back."""
        for path in self._place.root(host).glob(f"{_FILLER}*"):
            path.unlink()

    def thaw_all(self) -> None:
        """Let everybody go on."""
        for host in (*self._frozen, *self._slow):
            self.thaw(host)


@contextmanager
def mounted(place: Place, hosts: Iterable[str]) -> Generator[Disks]:
    """The disks of these hosts, there before the lab is and gone after it."""
    disks = Disks(place)
    files = Path(tempfile.mkdtemp(prefix="d-", dir="/tmp"))
    done: list[Path] = []
    try:
        for host in hosts:
            root, file = place.root(host), files / f"{host}.img"
            root.mkdir(parents=True)
            _run("truncate", "-s", f"{SIZE_GIB}G", str(file))
            _run("mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", str(file))
            _run("mount", "-o", "loop,noatime", str(file), str(root))
            done.append(root)
            (root / "lost+found").rmdir()
        yield disks
    finally:
        disks.thaw_all()
        for root in done:
            _run("umount", str(root))
        for file in files.iterdir():
            file.unlink()
        files.rmdir()


def _run(*line: str) -> None:
    subprocess.run(line, check=True, capture_output=True)
