"""Labs for tests: several hosts on this machine, with the test itself in the lab's world.

`up(TEXT)` makes a lab of a document under a directory of its own and takes it down at the end. The
thread that asked for it then stands in the lab's world, outside the cloud: what it connects to and
what it starts is reached over the lab's cables.
"""

import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from mallee.box import client, steps
from mallee.lab import document, links, members, rooms
from mallee.lab import up as making
from mallee.lab.document import Cable
from mallee.lab.rooms import Place
from mallee.model.layout import Layout
from mallee.node import membership
from tests import awsclients, libvirtcache, tinyimages, wholecloud
from tests.standby import programs
from tests.wholecloud import Cloud

CLONE_NEWNET = 0x40000000
MALLEE = (sys.executable, "-m", "mallee.cli.main")
CUT = Cable(cut=True)
_started = members.mallee
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab that runs."""

    place: Place
    document: document.Lab

    @property
    def cloud(self) -> Cloud:
        """The front end's cloud, as it is reached from the world."""
        access = members.access(self.place, self.document)
        assert access is not None
        front = document.host_of(self.document, "front")
        assert front is not None
        return Cloud(self.layout(front), access)

    def layout(self, host: str) -> Layout:
        """Where a host's Mallee lies; its process ids are those that the host itself sees."""
        return members.layout(self.place, host)

    def address(self, host: str) -> str:
        """A host's first address."""
        return members.address(self.document, host)

    def host_id(self, host: str) -> str:
        """The id of one of the cloud's hosts."""
        member = membership.read(self.layout(host))
        assert member is not None
        return member.host_id

    def run(self, host: str, *line: str) -> str:
        """Run a command in a host; return what it printed. Raises `process.Failed`."""
        return rooms.run(self.place, host, line)

    def mallee(self, host: str, *words: str) -> str:
        """Run `mallee` in a host as its administrator; raise `steps.Failed` with what it said."""
        return _mallee(self.place, host, "mallee", *words)

    def cut(self, cable: str, bad: Cable = CUT) -> None:
        """Make a cable bad, by its name (`n1.eth0`)."""
        told = links.read_cables(self.place, self.document)
        assert cable in told
        links.write_cables(self.place, told | {cable: bad})
        links.apply_cables(self.place, self.document)

    def mend(self) -> None:
        """Make all cables good."""
        told = links.read_cables(self.place, self.document)
        links.write_cables(self.place, dict.fromkeys(told, document.GOOD))
        links.apply_cables(self.place, self.document)

    def power_off(self, host: str) -> None:
        """Take a host's power away."""
        making.power_off(self.place, host)

    def power_on(self) -> None:
        """Give all hosts their power, and wait until they are there."""
        with mock.patch.object(members, "mallee", _mallee):
            steps.run(making.up_plan(self.place, self.document), wholecloud.Silent())


Ground = Callable[[Lab], AbstractContextManager[None]]
"""What a lab's files lie on: made before anything of the lab, gone when its hosts have ended."""


def bare(lab: Lab) -> AbstractContextManager[None]:
    """No ground of its own: files lie where the lab's directory is."""
    return nullcontext()


@contextmanager
def up(text: str, ground: Ground = bare) -> Generator[Lab]:
    """A lab of that document; the calling thread is in its world meanwhile."""
    # One at the same address is another lab's.
    client.forget_connections()
    try:
        with made(text, ground) as lab, at(lab, _world(lab)):
            if lab.document.image and document.host_of(lab.document, "front"):
                wholecloud.wait_image(lab.cloud)
            yield lab
    finally:
        awsclients.forget()


@contextmanager
def made(text: str, ground: Ground = bare) -> Generator[Lab]:
    """The same, and the calling thread stays where it is."""
    path = Path(tempfile.mkdtemp(prefix="l-", dir="/tmp"))
    path.chmod(0o755)
    lab = Lab(Place(path), document.parse(text))
    try:
        with ground(lab):
            try:
                _prepare(lab)
                lab.power_on()
                for host in lab.document.hosts:
                    libvirtcache.keep(lab.layout(host))
                yield lab
            finally:
                rooms.end(lab.place)
    finally:
        steps.run(making.down_plan(lab.place), wholecloud.Silent())
        shutil.rmtree(path, ignore_errors=True)


def _world(lab: Lab) -> str:
    found = document.host_of(lab.document, "world")
    assert found is not None
    return found


def _prepare(lab: Lab) -> None:
    """Spare the lab what all labs of a run have alike."""
    for host, one in lab.document.hosts.items():
        if one.role not in ("front", "node"):
            continue
        wholecloud.spare(lab.layout(host))
    front = document.host_of(lab.document, "front")
    if front is not None and lab.document.image:
        tinyimages.copy_into(lab.layout(front))


def _mallee(place: Place, host: str, *words: str) -> str:
    """Do what `members.mallee` does with a `mallee` that stands by, which costs a tenth; with the
    host's own where what it imports is other than here (`tests/storms/clocks.py`)."""
    if "PYTHONPATH" in rooms.environment():
        return _started(place, host, *words)
    return _started(place, host, str(programs.mallee()), *words[1:])


@contextmanager
def at(lab: Lab, host: str) -> Generator[None]:
    """Be in a host's network meanwhile, this thread and what it starts."""
    found = rooms.find(lab.place, host)
    assert found is not None
    with open("/proc/thread-self/ns/net") as before:
        _enter(Path(f"/proc/{found.pid}/ns/net"))
        try:
            yield
        finally:
            _set(before.fileno())


def _enter(path: Path) -> None:
    with path.open() as there:
        _set(there.fileno())


def _set(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
