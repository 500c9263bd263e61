"""The old host's part of a move: it lets one other host have a volume that nobody here uses, by a
copy, or its files themselves where both keep volumes on one share (`handing`).

What may go to whom is in the slice (`VolumeWanted.leaving`): the agent obeys it before it answers,
so a volume that is asked for is in no guest's plan here. That nobody writes it all the same, a
guest that the agent lost sight of, a merge, is made sure of by QEMU's own locks, which are held
until the connection ends. Called by `do.channel`, in the connection's thread.
Not its business: when the copy is the volume (the store says so), and the deletion of what is here.
"""

import contextlib
import hmac
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from mallee.kit import files, logs
from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.model.storage.volumes import Phase, VolumeSeen, VolumeWanted
from mallee.node.do.channel import Connection, Hello, Welcome
from mallee.node.do.storage import filecopies, imagelocks, layers, volumes
from mallee.node.volumes import handing

WHAT, SHARE = "volume", "volume on a share"
"""A connection by which files are copied; and one by which they are handed over."""

log = logs.get(__name__)


class Refused(Exception):
    """The other host gets nothing; the message says why."""


class LayerTold(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the volume."""

    number: int
    """Of the layer; 0: the one file of a volume that guests share."""
    file_bytes: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a volume."""

    layers: tuple[LayerTold, ...]


class Fetch(msgspec.Struct, frozen=True, kw_only=True):
    """The wish for a file."""

    number: int
    begin: int = 0
    """From where on; what is before has come already."""


class Departures:
    """Serves volumes that are on their way to other hosts."""

    def __init__(
        self,
        layout: Layout,
        wanted: Callable[[], HostWanted | None],
        is_idle: Callable[[str], bool],
    ) -> None:
        """`wanted` gives the newest slice; `is_idle` tells whether nothing is done to a volume."""
        self._layout = layout
        self._wanted = wanted
        self._is_idle = is_idle

    def serve(self, connection: Connection, hello: Hello) -> None:
        """Serve one connection to its end."""
        with contextlib.ExitStack() as held:
            try:
                self._check(connection.peer, hello)
                opened = self._open(hello.id, held)
                # Somebody may have begun with it before it was held.
                self._check(connection.peer, hello)
            except (Refused, OSError) as error:
                log.warning(
                    "volume refused", volume=hello.id[:32], to=connection.peer, why=str(error)
                )
                connection.send(Welcome(refusal=str(error)))
                return
            log.info("volume leaves", volume=hello.id, to=connection.peer, move=hello.move_id)
            connection.send(Welcome())
            if hello.what == SHARE:
                self._offer(connection, hello.id, tuple(opened))
                return
            sizes = {number: os.fstat(file).st_size for number, file in opened.items()}
            told = (LayerTold(number=number, file_bytes=size) for number, size in sizes.items())
            connection.send(Manifest(layers=tuple(told)))
            while True:
                wish = connection.receive(Fetch)
                if wish.number not in opened:
                    return
                self._check(connection.peer, hello)
                filecopies.send(connection, opened[wish.number], wish.begin)

    def _offer(self, connection: Connection, volume_id: str, numbers: tuple[int, ...]) -> None:
        """Hand the files over; the one of a volume that guests share is copied."""
        those = {volume_id: numbers} if numbers[0] else {}
        if handing.offer(connection, self._layout, those):
            log.info("volume handed over", volume=volume_id, to=connection.peer)

    def _check(self, peer: str, hello: Hello) -> None:
        """Raise `Refused` unless the cloud wants just this to go to just this host now."""
        wanted = self._wanted()
        found = () if wanted is None else wanted.volumes
        volume = next((one for one in found if one.id == hello.id), None)
        leaving = None if volume is None else volume.leaving
        if (
            leaving is None
            or leaving.to_host_id != peer
            or leaving.move_id != hello.move_id
            or not hmac.compare_digest(leaving.word.encode(), hello.word.encode())
        ):
            # To whom it is not: as if there were none.
            raise Refused("no such volume goes to this host")
        if not self._is_idle(hello.id):
            raise Refused("it is still being worked on")

    def _open(self, volume_id: str, held: contextlib.ExitStack) -> dict[int, int]:
        """Open a volume's files and keep others from writing them; return them by number."""
        directory = volumes.directory_of(self._layout, volume_id)
        paths = _paths(directory)
        if not paths:
            raise Refused(f"{directory} is missing")
        opened: dict[int, int] = {}
        for number, path in paths.items():
            file = held.enter_context(files.open_own(path))
            imagelocks.forbid_writing(file.fileno())
            opened[number] = file.fileno()
        return opened


def look(layout: Layout, wanted: VolumeWanted, before: VolumeSeen | None) -> VolumeSeen:
    """Return what is seen of a volume to which nothing is done, as another host copies it.

    Raises `FileNotFoundError` when it is not there.
    """
    size_gib = volumes.size_gib(layout, wanted.id, is_shared=wanted.is_shared)
    if size_gib is None:
        directory = volumes.directory_of(layout, wanted.id)
        raise FileNotFoundError(f"{directory} is missing: somebody removed it; put it back")
    is_whole = before is not None and before.is_whole
    return VolumeSeen(phase=Phase.READY, size_gib=size_gib, limits=wanted.limits, is_whole=is_whole)


def _paths(directory: Path) -> dict[int, Path]:
    shared = volumes.shared_path(directory)
    if shared.exists():
        return {0: shared}
    face = layers.face(directory)
    if face is None:
        return {}
    return {one.number: one.path for one in reversed(layers.chain(directory, face))}
