"""The new host's part of a move: it copies a volume from the host that has it, or links its files
where both keep volumes on one share (`handing`), and keeps that aside.

What comes is in a directory of its own until the cloud says that the volume is this host's
(`adopt`): before that it is no volume, and no guest can have it. Each file is compared by its
digest with what the other host read, from this host's own disk, and looked at like a stranger's.
Whoever is killed meanwhile goes on where he was; a copy for another move is thrown away.
Called by `volumes`, in its loop; copies are made by threads.
"""

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from mallee.kit import files, logs
from mallee.model.compute.instances import Reason
from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.model.storage.datakeys import OpenedKey
from mallee.model.storage.moves import ArrivalSeen, ArrivingWanted
from mallee.model.storage.snapshots import LAYER_MAX, LAYERS_MAX
from mallee.model.storage.volumes import VolumeWanted
from mallee.node.do import channel
from mallee.node.do.channel import Connection, Hello, Place
from mallee.node.do.storage import disks, filecopies, foreignlayers, layers, volumes
from mallee.node.volumes import departures, handing
from mallee.node.volumes.departures import Fetch, LayerTold, Manifest

AT_ONCE = 2
NOTED_AFTER_S = 1.0
FIRST_RETRY_S = 0.5
LAST_RETRY_S = 15.0
_ASIDE = ".arriving"
_NOTE = "arrival.json"
_FILES_MAX = 2 * LAYERS_MAX
_OVERHEAD_BYTES = 64 << 20
"""What the tables of a layer may take besides what is in it, and a 64th of that."""

log = logs.get(__name__)


class _Note(msgspec.Struct, frozen=True):
    """What is kept of a copy over a restart."""

    seen: ArrivalSeen
    numbers: tuple[int, ...] = ()
    """Of the files that there are, from the lowest layer up."""
    whole: tuple[int, ...] = ()
    """Of those that are there and were compared."""
    begun: dict[int, int] = {}
    """How far others are."""


@dataclass(slots=True)
class _Coming:
    """A volume that is being copied."""

    wanted: VolumeWanted
    arriving: ArrivingWanted
    place: Place
    seen: ArrivalSeen
    thread: threading.Thread | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    connection: Connection | None = None
    retry_s: float = FIRST_RETRY_S
    due_at: float = 0.0


class Arrivals:
    """Copies what is on its way to this host. `settle` and `seen` belong to one thread."""

    def __init__(self, layout: Layout, changed: Callable[[], None]) -> None:
        """`changed` is called from any thread when a copy has come further."""
        self._layout = layout
        self._changed = changed
        self._coming: dict[str, _Coming] = {}
        self._ending: dict[str, threading.Thread] = {}
        """Attempts that are wanted no more, and have not noticed yet: nobody else may write what
        they write."""

    def seen(self, volume_id: str) -> ArrivalSeen | None:
        """Return how far a volume is; None: none comes."""
        one = self._coming.get(volume_id)
        return None if one is None else one.seen

    def settle(self, wanted: HostWanted | None) -> None:
        """Begin with what is on its way, go on with it, and end the rest; blocks for short."""
        those = () if wanted is None else wanted.volumes
        addresses = {peer.id: peer.address for peer in wanted.peers} if wanted else {}
        jobs = {one.id: one for one in those if one.arriving is not None}
        for id in [id for id, one in self._coming.items() if _is_other(one, jobs.get(id))]:
            self._end(self._coming.pop(id))
        self._ending = {id: one for id, one in self._ending.items() if one.is_alive()}
        for id, volume in jobs.items():
            arriving = volume.arriving
            assert arriving is not None
            address = addresses.get(arriving.from_host_id, "")
            place = Place(arriving.from_host_id, address, arriving.port)
            if id not in self._coming:
                note = _read(_aside(self._layout, id), arriving.move_id)
                self._coming[id] = _Coming(volume, arriving, place, note.seen)
            self._coming[id].place = place
        self._begin()

    def stop(self) -> None:
        """End all copying; it goes on at the next start."""
        for one in self._coming.values():
            self._end(one)
        for thread in self._ending.values():
            thread.join()

    def _begin(self) -> None:
        now = time.monotonic()
        free = AT_ONCE - sum(_is_busy(one) for one in self._coming.values())
        for id, one in self._coming.items():
            is_idle = not _is_busy(one) and not one.seen.is_whole
            # Without a port nobody answers yet, or it comes along with its guest.
            is_due = is_idle and bool(one.place.port) and now >= one.due_at
            if free > 0 and is_due and id not in self._ending:
                one.thread = threading.Thread(target=self._bring, args=(one,), daemon=True)
                one.thread.start()
                free -= 1

    def _end(self, one: _Coming) -> None:
        one.stop.set()
        if one.connection is not None:
            one.connection.close()
        if one.thread is not None and one.thread.is_alive():
            self._ending[one.wanted.id] = one.thread

    def _bring(self, one: _Coming) -> None:
        directory = _aside(self._layout, one.wanted.id)
        try:
            if not one.place.address:
                raise channel.ChannelFailed(
                    f"nobody knows at which address host {one.place.host_id} is reached"
                )
            _Copying(self._layout, one, directory, self._changed).run()
            log.info("volume is here", volume=one.wanted.id, move=one.arriving.move_id)
        except (OSError, disks.DiskFull) as error:
            if not one.stop.is_set():
                log.warning("volume not copied", volume=one.wanted.id, error=str(error))
                cause = Reason("Server.InternalError", f"{str(error).rstrip('.')}.")
                one.seen = msgspec.structs.replace(one.seen, cause=cause)
                one.due_at = time.monotonic() + one.retry_s
                one.retry_s = min(one.retry_s * 2, LAST_RETRY_S)
        finally:
            one.connection = None
        self._changed()


class _Copying:
    """One attempt at a copy, in a thread of its own."""

    def __init__(
        self, layout: Layout, one: _Coming, directory: Path, changed: Callable[[], None]
    ) -> None:
        self._layout = layout
        self._one = one
        self._directory = directory
        self._changed = changed
        self._note = _read(directory, one.arriving.move_id)
        self._noted_at = 0.0

    def run(self) -> None:
        """Copy what is missing; raises `OSError` and `disks.DiskFull`."""
        one, arriving = self._one, self._one.arriving
        # What was begun as a copy ends as one: nobody writes a file that is the other host's too.
        is_begun = bool(self._note.begun or self._note.numbers)
        if self._layout.placed is not None and not is_begun and self._take_over():
            return
        with self._calling(departures.WHAT) as connection:
            told = self._checked(connection.receive(Manifest))
            _make_aside(self._layout, self._directory, arriving.move_id)
            self._keep(self._note, total_bytes=sum(it.file_bytes for it in told))
            disks.check_room(self._directory, self._left_bytes(told))
            for layer in told:
                if layer.number not in self._note.whole:
                    self._fetch(connection, layer)
        numbers = tuple(layer.number for layer in told)
        if numbers != (0,):
            wanted = one.wanted
            foreignlayers.check(self._directory, numbers, _expected(wanted))
        files.sync_directory(self._directory)
        self._keep(msgspec.structs.replace(self._note, numbers=numbers), is_whole=True)

    @contextlib.contextmanager
    def _calling(self, what: str) -> Generator[Connection]:
        one, arriving = self._one, self._one.arriving
        hello = Hello(what=what, id=one.wanted.id, move_id=arriving.move_id, word=arriving.word)
        one.connection = channel.connect(self._layout, one.place, hello)
        with contextlib.closing(one.connection) as connection:
            yield connection

    def _take_over(self) -> bool:
        """Have the files of the volume themselves, where both hosts keep them on one share; tell
        whether that came about. Raises `OSError`."""
        wanted = self._one.wanted
        _make_aside(self._layout, self._directory, "")
        self._directory.rmdir()
        wish = handing.Wish(wanted, self._directory)
        try:
            with (
                self._calling(departures.SHARE) as connection,
                handing.taking(connection, self._layout, {wanted.id: wish}) as taken,
            ):
                numbers = taken.get(wanted.id)
        except channel.ChannelFailed as error:
            log.info("volume not handed over", volume=wanted.id, why=str(error))
            return False
        if numbers is None:
            return False
        self._keep(msgspec.structs.replace(self._note, numbers=numbers), is_whole=True)
        return True

    def _checked(self, manifest: Manifest) -> tuple[LayerTold, ...]:
        """Return what the other host has; raise when no volume like the one wanted has that."""
        told, wanted = manifest.layers, self._one.wanted
        numbers = [layer.number for layer in told]
        is_shared = wanted.is_shared and numbers == [0]
        is_layered = not wanted.is_shared and 0 < len(numbers) <= _FILES_MAX
        if not is_shared and (not is_layered or numbers != sorted({*numbers})):
            raise channel.ChannelFailed(f"host {self._one.place.host_id} has no such volume")
        size_bytes = wanted.size_gib * volumes.GIB
        most = size_bytes + size_bytes // 64 + _OVERHEAD_BYTES
        for layer in told:
            is_numbered = is_shared or 0 < layer.number <= LAYER_MAX
            if not is_numbered or not 0 < layer.file_bytes <= most:
                raise channel.ChannelFailed(
                    f"host {self._one.place.host_id} has a layer {layer.number} of "
                    f"{layer.file_bytes} bytes"
                )
        return told

    def _left_bytes(self, told: tuple[LayerTold, ...]) -> int:
        if self._one.wanted.is_shared:
            return disks.FREE_MIN_BYTES
        whole, begun = self._note.whole, self._note.begun
        left = (it.file_bytes - begun.get(it.number, 0) for it in told if it.number not in whole)
        return sum(left) + disks.FREE_MIN_BYTES

    def _fetch(self, connection: Connection, layer: LayerTold) -> None:
        path = _file(self._directory, layer.number)
        # What was noted may be ahead of the file, but for the digest nobody would notice.
        begin = self._note.begun.get(layer.number, 0) if path.exists() else 0
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, files.PRIVATE)
        try:
            os.ftruncate(descriptor, layer.file_bytes)
            connection.send(Fetch(number=layer.number, begin=begin))

            def told(at: int) -> None:
                self._tell(layer.number, at)

            digest = filecopies.receive(connection, descriptor, layer.file_bytes, told)
            try:
                filecopies.check(descriptor, digest)
            except filecopies.Spoilt:
                os.ftruncate(descriptor, 0)
                self._keep(_without(self._note, layer.number))
                raise
        finally:
            os.close(descriptor)
        whole = (*self._note.whole, layer.number)
        begun = {**self._note.begun, layer.number: layer.file_bytes}
        self._keep(msgspec.structs.replace(self._note, whole=whole, begun=begun))

    def _tell(self, number: int, at: int) -> None:
        if self._one.stop.is_set():
            raise channel.ChannelFailed("the move is not wanted any more")
        now = time.monotonic()
        if now >= self._noted_at + NOTED_AFTER_S:
            begun = {**self._note.begun, number: at}
            self._keep(msgspec.structs.replace(self._note, begun=begun))

    def _keep(self, note: _Note, *, total_bytes: int = 0, is_whole: bool = False) -> None:
        """Write down how far it is, and say it."""
        seen = ArrivalSeen(
            move_id=note.seen.move_id,
            done_bytes=sum(note.begun.values()),
            total_bytes=total_bytes or note.seen.total_bytes,
            is_whole=is_whole,
        )
        self._note = msgspec.structs.replace(note, seen=seen)
        self._noted_at = time.monotonic()
        files.write_atomically(self._directory / _NOTE, msgspec.json.encode(self._note))
        self._one.seen = seen
        self._changed()


def adopt(layout: Layout, wanted: VolumeWanted, key: OpenedKey | None) -> bool:
    """Make a copy the volume, as the cloud now says; tell whether there was one for that.

    Done half, it is done by doing it again. Raises `OSError` and `process.Failed`.
    """
    directory = _aside(layout, wanted.id)
    note = _read(directory, wanted.moved_as)
    if not note.seen.is_whole:
        return False
    if note.numbers != (0,):
        lowest = foreignlayers.check(directory, note.numbers, _expected(wanted))
        # What is to be written to is its own user's from here on.
        for number in note.numbers:
            disks.give_to_qemu(_file(directory, number))
        if lowest.ground:
            below, form = volumes.ground_of(layout, wanted, directory)
            if not below:
                raise foreignlayers.NotOurs("it lies on what this host knows nothing of")
            # Of another form the same file would be read otherwise: what a guest wrote into an
            # image would be taken for the head of a layer, which may name any file.
            if (lowest.ground, lowest.ground_form) != (below, form):
                layers.rebase(lowest, below, key, form)
    else:
        disks.give_to_qemu(_file(directory, 0))
    home = volumes.directory_of(layout, wanted.id)
    os.rename(directory, home)
    files.sync_directory(layout.volumes)
    (home / _NOTE).unlink()
    log.info("volume taken over", volume=wanted.id, move=wanted.moved_as)
    return True


def forget(layout: Layout, volume_id: str) -> None:
    """Delete what has come of a volume; nothing has: nothing."""
    directory = _aside(layout, volume_id)
    if directory.exists():
        shutil.rmtree(directory)


def forget_others(layout: Layout, wanted: Mapping[str, VolumeWanted]) -> None:
    """Delete copies of volumes that neither come nor came."""
    aside = layout.volumes / _ASIDE
    if not aside.is_dir():
        return
    for path in aside.iterdir():
        volume = wanted.get(path.name)
        if volume is None or (volume.arriving is None and not volume.moved_as):
            forget(layout, path.name)


def _expected(wanted: VolumeWanted) -> foreignlayers.Expected:
    return foreignlayers.Expected(wanted.size_gib * volumes.GIB, bool(wanted.key_id))


def _is_other(one: _Coming, wanted: VolumeWanted | None) -> bool:
    return (
        wanted is None
        or wanted.arriving is None
        or (wanted.arriving.move_id != one.arriving.move_id)
    )


def _is_busy(one: _Coming) -> bool:
    return one.thread is not None and one.thread.is_alive()


def _without(note: _Note, number: int) -> _Note:
    begun = {it: at for it, at in note.begun.items() if it != number}
    return msgspec.structs.replace(note, begun=begun)


def _aside(layout: Layout, volume_id: str) -> Path:
    return layout.volumes / _ASIDE / volume_id


def _make_aside(layout: Layout, directory: Path, move_id: str) -> None:
    """Make the directory of a copy, and throw away what is there of another move's."""
    if _read_note(directory, move_id) is None and directory.exists():
        shutil.rmtree(directory)
    if not layout.volumes.parent.is_dir():
        raise FileNotFoundError(f"{layout.volumes.parent} is missing")
    for one in (layout.volumes, directory.parent, directory):
        one.mkdir(exist_ok=True, mode=0o711)
        one.chmod(0o711)


def _file(directory: Path, number: int) -> Path:
    return layers.path_of(directory, number) if number else volumes.shared_path(directory)


def _read(directory: Path, move_id: str) -> _Note:
    """Return what was noted of the copy for a move; nothing was: that of one not begun."""
    return _read_note(directory, move_id) or _Note(ArrivalSeen(move_id=move_id))


def _read_note(directory: Path, move_id: str) -> _Note | None:
    try:
        note = msgspec.json.decode((directory / _NOTE).read_bytes(), type=_Note)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return note if note.seen.move_id == move_id else None
