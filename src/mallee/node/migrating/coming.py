"""The new host's part of a migration: takes in a guest's disks and memory, and lets it run when it
is given.

The other host is heard as far as the slice names it, for one guest; what it says of disks is held
to what the cloud wants the guest to have, and its layers to what ours look like. Until the guest is
given nothing here is anybody's: it is thrown away when the other host begins anew, or the cloud
wants it no more. Called by `do.channel`, in the connections' threads.
"""

import contextlib
import hmac
import os
import socket
import threading
import weakref
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mallee.kit import files, logs, process
from mallee.model.hosts.hosts import HostWanted, InstanceWanted, InterfaceWanted
from mallee.model.storage.datakeys import OpenedKey
from mallee.model.storage.volumes import VolumeWanted
from mallee.node import apply
from mallee.node.do.channel import Connection, Hello, Welcome
from mallee.node.do.guests import incoming
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.do.storage import disks, filecopies, foreignlayers, layers, volumes
from mallee.node.host import Host
from mallee.node.migrating import book, laps, linking, making, messages
from mallee.node.migrating.messages import DiskTold, DiskWish, GuestTold
from mallee.node.migrating.whereabouts import Whereabouts
from mallee.node.plan.guests import domain
from mallee.node.plan.guests.instances import blobs_of
from mallee.node.plan.network.conversations import Conversation

MACHINE_S = 120.0
Spoken = Mapping[str, tuple[Conversation, ...]]
"""By interface: with whom a guest spoke where it was."""
log = logs.get(__name__)


class Refused(Exception):
    """The other host gets nothing; the message says why."""


class TooEarly(Refused):
    """It may ask again: what is missing is on its way to here."""


@dataclass(slots=True)
class _Guest:
    """A guest that comes."""

    wanted: InstanceWanted
    migration_id: str
    volumes: Mapping[str, VolumeWanted]
    interfaces: tuple[InterfaceWanted, ...]
    turn: threading.Lock
    """Held while its files are taken or its machine is made; announced anew it has the same."""
    control: Connection
    """By which it was announced; ended when somebody else throws it away, so nobody goes on."""
    paths: dict[str, Path] = field(default_factory=dict[str, Path])
    """Of volumes: the file that is written."""
    handed: dict[str, Path] = field(default_factory=dict[str, Path])
    """Of volumes whose files were handed over: the file that is written."""
    is_told: bool = False
    """Whether its old host has said what was handed over: nothing more is."""
    awaited: set[int] = field(default_factory=set[int])
    """The disks that are to be mirrored, and of which nothing has come."""
    is_led: bool = False
    """Whether it is led to here already, or was about to be."""
    is_plugged: bool = False
    exports: incoming.Exports | None = None
    machine: incoming.Machine | None = None


class Comings:
    """Serves the hosts from which guests come."""

    def __init__(
        self,
        host: Host,
        wanted: Callable[[], HostWanted | None],
        changed: Callable[[str], None],
        whereabouts: Whereabouts,
    ) -> None:
        """`changed` is called from any thread with the id of an instance that is now here."""
        self._host = host
        self._whereabouts = whereabouts
        self._wanted = wanted
        self._changed = changed
        self._guests: dict[str, _Guest] = {}
        self._turns = weakref.WeakValueDictionary[str, threading.Lock]()
        self._lock = threading.Lock()

    def serve(self, connection: Connection, hello: Hello) -> None:
        """Serve one connection to its end."""
        try:
            told, wanted = self._find_wanted(connection.peer, hello)
            if hello.what == messages.LET_GO:
                connection.send(Welcome())
                self._let_go(connection, hello.id)
                return
            guest = self._find(connection, (told, wanted), hello)
            if hello.what == messages.GUEST:
                self._check_images(guest.wanted)
        except (Refused, *apply.FAILURES) as error:
            log.warning("guest refused", instance=hello.id[:32], why=str(error))
            is_early = isinstance(error, TooEarly)
            connection.send(Welcome(refusal=str(error), is_early=is_early))
            return
        match hello.what:
            case messages.SHARE:
                connection.send(Welcome())
                self._take_files(connection, guest)
            case messages.GUEST:
                connection.send(Welcome())
                connection.be_patient()
                self._take_in(connection, guest)
            case messages.DISK:
                connection.send(Welcome())
                self._take_disk(connection, guest)
            case _:
                connection.send(Welcome())
                self._take_memory(connection, guest)

    def _find_wanted(self, peer: str, hello: Hello) -> tuple[HostWanted, InstanceWanted]:
        """Return what the cloud wants to come from just this host; raise `Refused`."""
        told = self._wanted()
        found = () if told is None else told.instances
        wanted = next((one for one in found if one.id == hello.id), None)
        coming = None if wanted is None else wanted.coming
        if (
            told is None
            or wanted is None
            or coming is None
            or coming.from_host_id != peer
            or coming.migration_id != hello.move_id
            or not hmac.compare_digest(coming.word.encode(), hello.word.encode())
        ):
            raise Refused("no such guest comes from this host")
        entry = book.read(self._host.layout, hello.id)
        if entry is not None and entry.is_given and entry.migration_id == hello.move_id:
            raise Refused("that guest is here already")
        return told, wanted

    def _find(
        self, connection: Connection, those: tuple[HostWanted, InstanceWanted], hello: Hello
    ) -> _Guest:
        """Return the guest that comes, begun anew if it is announced; raise `Refused`."""
        told, wanted = those
        with self._lock:
            known = self._guests.get(hello.id)
            if hello.what != messages.GUEST:
                if known is None or known.migration_id != hello.move_id:
                    raise Refused("that guest has not been announced")
                return known
            if known is not None:
                known.control.end()
                self._drop(known)
            interfaces = {one.id: one for vpc in told.vpcs for one in vpc.interfaces}
            worn = tuple(interfaces[id] for id in wanted.interface_ids if id in interfaces)
            if len(worn) != len(wanted.interface_ids):
                raise TooEarly("its interfaces are not known here yet")
            mine = {one.id: one for one in told.volumes if one.arriving is not None}
            turn = self._turn(hello.id)
            guest = _Guest(wanted, hello.move_id, mine, worn, turn, connection)
            self._guests[hello.id] = guest
            return guest

    def _turn(self, instance_id: str) -> threading.Lock:
        return self._turns.setdefault(instance_id, threading.Lock())

    def _is_current(self, guest: _Guest) -> bool:
        """Tell whether a guest was neither announced anew meanwhile nor thrown away."""
        return self._guests.get(guest.wanted.id) is guest

    def _check_images(self, wanted: InstanceWanted) -> None:
        """Raise `Refused` while what its disks lie on is not here."""
        told = self._wanted()
        mine = {disk.volume_id for disk in wanted.disks}
        lain_on = [
            one.blob for one in (told.volumes if told else ()) if one.id in mine and one.blob
        ]
        for blob in (*blobs_of(wanted), *lain_on):
            if not (self._host.layout.node_images / blob.sha256).exists():
                raise TooEarly("the image on which it lies is not here yet")

    def _let_go(self, connection: Connection, instance_id: str) -> None:
        """Have nothing here that has files of a guest which its old host puts back.

        A machine of which an agent before was in charge goes too.
        """
        self.forget(instance_id)
        try:
            with self._turn(instance_id):
                making.unmake(self._host, instance_id)
        except HypervisorFailed as error:
            connection.send(messages.Failed(words=str(error)))
            return
        log.info("a guest's files let go", instance=instance_id)
        connection.send(messages.Noted())

    def _take_files(self, connection: Connection, guest: _Guest) -> None:
        with guest.turn:
            if guest.is_told or not self._is_current(guest):
                return
            named = [disk.volume_id for disk in guest.wanted.disks]
            those = [guest.volumes[id] for id in named if id in guest.volumes]
            with linking.taking(self._host.layout, connection, those) as handed:
                # The old host goes on as soon as it hears: what was taken is never made anew.
                guest.handed = handed

    def _take_in(self, connection: Connection, guest: _Guest) -> None:
        try:
            self._prepare(connection, guest)
            connection.send(messages.Ready())
            spoken = messages.expect(connection, messages.CloseDisks).conversations
            self._close_disks(guest)
            if guest.awaited:
                raise HypervisorFailed(f"nothing has come of its disks {sorted(guest.awaited)}")
            connection.send(messages.Closed())
            if guest.machine is None:
                raise HypervisorFailed("no machine has come")
            if guest.machine.is_open:
                # Whatever fails of it is tried again when the guest is given.
                with contextlib.suppress(*apply.FAILURES):
                    self._lead(guest, spoken)
            guest.machine.take(MACHINE_S)
            if guest.handed:
                linking.check_opened(self._host, guest.wanted, guest.handed)
        except apply.FAILURES as error:
            log.warning("guest not taken in", instance=guest.wanted.id, error=str(error))
            self._throw_away(guest)
            with contextlib.suppress(OSError):
                connection.send(messages.Failed(words=str(error)))
            return
        # From here on the guest may be this host's: only the cloud, or the other host that begins
        # anew, says that it is not.
        connection.send(messages.Restored())
        given = messages.expect(connection, messages.Run)
        self._let_run(guest, given.proof, spoken)
        connection.send(messages.Running())

    def _prepare(self, connection: Connection, guest: _Guest) -> None:
        """Have files and a machine to take the guest's disks and memory."""
        told = connection.receive(GuestTold)
        making.check_told(told, guest.wanted)
        with guest.turn:
            if not self._is_current(guest):
                raise HypervisorFailed("it was announced anew, or is not wanted here any more")
            self._agree(guest, told.handed)
            self._make(connection, told, guest)
            if not self._is_current(guest):
                self._drop(guest)
                raise HypervisorFailed("it was announced anew, or is not wanted here any more")

    def _make(self, connection: Connection, told: GuestTold, guest: _Guest) -> None:
        layout, wanted = self._host.layout, guest.wanted
        disks.make_directory(layout, wanted.id)
        targets = self._take_disks(connection, told, guest)
        for interface in guest.interfaces:
            self._host.network.create_tap(interface)
        own = domain.directory_of(layout, wanted.id) / domain.QEMU_DIRECTORY
        if targets:
            guest.awaited = set(targets)
            guest.exports = incoming.Exports(own, targets)
        parts = making.Parts(
            volumes=guest.volumes,
            paths=guest.paths,
            interfaces=guest.interfaces,
            places=making.places_of(told.cards),
        )
        guest.machine = making.make(self._host, making.plan_spec(self._host, wanted, parts))

    @staticmethod
    def _agree(guest: _Guest, handed: Collection[str]) -> None:
        """Have what is handed over be what the old host says: it mirrors all else, which is not
        written into its own files. Raises `HypervisorFailed` when there is less of it here."""
        guest.is_told = True
        guest.handed = {id: face for id, face in guest.handed.items() if id in handed}
        if guest.handed.keys() != {*handed}:
            raise HypervisorFailed("not all of what was handed over is here")

    def _take_disks(
        self, connection: Connection, told: GuestTold, guest: _Guest
    ) -> dict[int, incoming.Target]:
        """Take the layers below those that the guest writes, and make empty ones over them."""
        layout, wanted = self._host.layout, guest.wanted
        targets: dict[int, incoming.Target] = {}
        for index, disk in enumerate(told.disks):
            if disk.volume_id in guest.handed:
                guest.paths[disk.volume_id] = guest.handed[disk.volume_id]
                linking.check_told(disk, guest.handed[disk.volume_id])
            elif disk.volume_id:
                targets[index] = self._take_volume(connection, disk, guest)
            elif wanted.disk is not None:
                path = domain.directory_of(layout, wanted.id) / domain.DISK_FILE
                path.unlink(missing_ok=True)
                size_gib = -(-disk.size_bytes >> 30) or 1
                disks.clone(layout, disks.Clone(wanted.id, wanted.disk, max(1, size_gib)))
                targets[index] = incoming.Target(path)
        return targets

    def _take_volume(
        self, connection: Connection, disk: DiskTold, guest: _Guest
    ) -> incoming.Target:
        volume = guest.volumes.get(disk.volume_id)
        if volume is None:
            raise HypervisorFailed(f"{disk.volume_id} does not come here")
        size_bytes = volume.size_gib * volumes.GIB
        if disk.size_bytes > size_bytes:
            raise HypervisorFailed(f"{disk.volume_id} has {disk.size_bytes} bytes there")
        volumes.remove(self._host.layout, disk.volume_id)
        if volume.is_shared:
            volumes.make(self._host.layout, volume)
            path = volumes.path_of(self._host.layout, volume.id, is_shared=True)
            guest.paths[volume.id] = path
            return incoming.Target(path)
        key = self._host.keys.opened(volume.id) if volume.key_id else None
        path = self._take_layers(connection, disk, (volume, key))
        guest.paths[volume.id] = path
        return incoming.Target(path, key)

    def _take_layers(
        self, connection: Connection, disk: DiskTold, of: tuple[VolumeWanted, OpenedKey | None]
    ) -> Path:
        volume, key = of
        directory = volumes.make_directory(self._host.layout, disk.volume_id)
        size_bytes = volume.size_gib * volumes.GIB
        for layer in disk.lower:
            if not 0 < layer.file_bytes <= size_bytes + size_bytes // 64 + (64 << 20):
                raise HypervisorFailed(f"a layer of {layer.file_bytes} bytes")
            disks.check_room(directory, layer.file_bytes)
            path = layers.path_of(directory, layer.number)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, files.PRIVATE)
            try:
                os.ftruncate(descriptor, layer.file_bytes)
                digest = filecopies.receive(
                    connection, descriptor, layer.file_bytes, lambda at: None
                )
                filecopies.check(descriptor, digest)
            finally:
                os.close(descriptor)
        below, form = volumes.ground_of(self._host.layout, volume, directory)
        numbers = [layer.number for layer in disk.lower]
        if numbers:
            lowest = foreignlayers.check(
                directory, numbers, foreignlayers.Expected(size_bytes, is_encrypted=key is not None)
            )
            for number in numbers:
                disks.give_to_qemu(layers.path_of(directory, number))
            if lowest.ground and not below:
                raise HypervisorFailed("it lies on what this host knows nothing of")
            if lowest.ground:
                layers.rebase(lowest, below, key, form)
            below, form = layers.path_of(directory, numbers[-1]).name, "qcow2"
        return layers.make(directory, disk.face, layers.Empty(disk.size_bytes, below, key, form))

    def _take_disk(self, connection: Connection, guest: _Guest) -> None:
        index = connection.receive(DiskWish).index
        exports = guest.exports
        if exports is None:
            return
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as near:
            near.connect(str(exports.socket))
            guest.awaited.discard(index)
            connection.carry(near)

    def _take_memory(self, connection: Connection, guest: _Guest) -> None:
        if guest.machine is None or guest.machine.is_open:
            return
        try:
            with contextlib.closing(guest.machine.open()) as near:
                connection.carry(near)
        except apply.FAILURES as error:
            # The old host learns it from its own QEMU, that cannot go on.
            log.warning("memory not taken in", instance=guest.wanted.id, error=str(error))

    def _lead(self, guest: _Guest, spoken: Spoken) -> None:
        """Lead to a guest that stands while the rest of it comes; if it does not come after all,
        that is taken back."""
        told = self._wanted()
        if told is None or told.own is None:
            return
        guest.is_led = True
        self._whereabouts.lead(guest.wanted.id, told.own.id)
        for interface in guest.interfaces:
            self._host.network.plug(interface)
            self._adopt(interface, spoken.get(interface.id, ()))
        guest.is_plugged = True

    def _let_run(self, guest: _Guest, proof: str, spoken: Spoken) -> None:
        """Write down that the guest is this host's, and let it run."""
        wanted = guest.wanted
        entry = book.Entry(
            migration_id=guest.migration_id, is_coming=True, proof=proof[:64], is_given=True
        )
        book.write(self._host.layout, wanted.id, entry)
        took = laps.Laps()
        with self._lock:
            self._guests.pop(wanted.id, None)
        try:
            if not guest.is_plugged:
                self._lead(guest, spoken)
                took.lap("plugged")
            self._host.hypervisor.resume(domain.uuid_of(wanted.id))
            took.lap("resumed")
        except apply.FAILURES as error:
            # It is tried again like a launch that stopped half way.
            log.warning("guest not resumed yet", instance=wanted.id, error=str(error))
        log.info("guest taken over", instance=wanted.id, took_ms=took.took_ms)
        self._changed(wanted.id)

    def _adopt(self, interface: InterfaceWanted, spoken: tuple[Conversation, ...]) -> None:
        try:
            self._host.network.adopt(interface, spoken)
        except (OSError, process.Failed) as error:
            # Rules decide again about what the guest speaks of with whom.
            log.warning("conversations not taken up", interface=interface.id, error=str(error))

    def _close_disks(self, guest: _Guest) -> None:
        if guest.exports is not None:
            guest.exports.close()

    def _drop(self, guest: _Guest) -> None:
        """Throw away what came of a guest that was not given."""
        self._close_disks(guest)
        uuid = domain.uuid_of(guest.wanted.id)
        with contextlib.suppress(HypervisorFailed):
            self._host.hypervisor.destroy(uuid)
            self._host.hypervisor.undefine(uuid)
        if guest.is_led:
            self._whereabouts.forget(guest.wanted.id)
            for interface in guest.interfaces:
                self._host.network.unplug(interface.id)
            self._host.network.follow()

    def keep_only(self, coming: Collection[str], own: Collection[str]) -> None:
        """Throw away what came of guests that neither come nor are this host's own by now.

        One that is its own may stand here whole, though nobody could say that it was given.
        """
        with self._lock:
            for id in [id for id in self._guests if id in own]:
                del self._guests[id]
        for id in [id for id in self._guests if id not in coming]:
            self.forget(id)

    def _throw_away(self, guest: _Guest) -> None:
        """Throw away what came of a guest, unless somebody has by now."""
        with self._lock:
            if self._is_current(guest):
                del self._guests[guest.wanted.id]
                self._drop(guest)

    def forget(self, instance_id: str) -> None:
        """Throw away what came of a guest that is not given; none came: nothing."""
        with self._lock:
            guest = self._guests.pop(instance_id, None)
            if guest is not None:
                guest.control.end()
                self._drop(guest)
