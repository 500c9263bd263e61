"""The old host's part of a migration: brings a running guest away, or leaves it as it was.

A thread for each guest. Until it is written down that the guest is given (`book`), whatever goes
wrong has the guest run on here, as if nothing had been; after that it never runs here again. Called
by `keeper`. Not its business: what the new host does, and what the store says.
"""

import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from mallee.kit import files, logs, process
from mallee.model.compute.migrations import PROOF_BYTES, GoingWanted
from mallee.model.hosts.hosts import InstanceWanted, InterfaceWanted
from mallee.model.storage import volumes as model
from mallee.node.do import channel
from mallee.node.do.channel import ChannelFailed, Connection, Hello, Place
from mallee.node.do.guests import outgoing
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.do.guests.outgoing import Going
from mallee.node.do.storage import disks, filecopies, imagelocks, layers, volumes
from mallee.node.host import Host
from mallee.node.migrating import book, laps, messages, sharing
from mallee.node.migrating.messages import CardTold, DiskTold, DiskWish, GuestTold
from mallee.node.migrating.whereabouts import Whereabouts
from mallee.node.plan.guests import domain
from mallee.node.plan.guests.disks import Disk
from mallee.node.plan.guests.seen import DomainState, SeenDomain
from mallee.node.plan.network import conversations
from mallee.node.plan.network.conversations import Conversation
from mallee.node.volumes.departures import LayerTold

DISKS_S = 3600.0
MEMORY_S = 600.0
STANDS_S = 180.0
"""Longer than the other host waits for its machine."""
_LOOK_S = 0.05
_TELL_S = 0.5
_NEAR_BYTES = 64 << 20
"""With so much left the guest may stand the next moment."""
_PATIENCE = ((30.0, 1000), (120.0, 3000), (300.0, 10000))
"""After so many seconds the guest may stand so many milliseconds, if its memory is not still."""
OWN_SERIAL = "root"

log = logs.get(__name__)

FAILURES = (HypervisorFailed, OSError)


class Cancelled(HypervisorFailed):
    """The cloud does not want it any more."""


@dataclass(slots=True)
class Trip:
    """One guest's way to another host."""

    host: Host
    wanted: InstanceWanted
    going: GoingWanted
    place: Place
    interfaces: tuple[InterfaceWanted, ...] = ()
    """Its interfaces, as the host carries them."""
    proof: str = field(default_factory=lambda: secrets.token_hex(PROOF_BYTES))
    step: str = "it begins"
    done_bytes: int = 0
    total_bytes: int = 0
    told_at: float = 0.0
    """Monotonic seconds when it was told last how far it is."""
    took: laps.Laps = field(default_factory=laps.Laps)
    """Since the guest was seen to stand."""
    whereabouts: Whereabouts = field(default_factory=Whereabouts)
    changed: Callable[[], None] = lambda: None
    """Called when there is something new to say."""
    given: Callable[[], None] = lambda: None
    """Called when the guest is the other host's; does not block."""
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def uuid(self) -> str:
        """The guest's domain."""
        return domain.uuid_of(self.wanted.id)

    def run(self) -> None:
        """Bring the guest there; raises one of `FAILURES` when it is as it was.

        Returns when it is the other host's.
        """
        self.recover()
        machine = Going(self.host.hypervisor, self.uuid)
        machine.rest()
        self._check_memory(machine)
        told, serials = self._look()
        with contextlib.ExitStack() as stack:
            control = self._call(messages.GUEST)
            stack.callback(control.close)
            control.be_patient()
            handed = sharing.hand_over(self.host, told, self._call)
            told = sharing.without(told, handed)
            mirrored = {
                index: serial
                for index, serial in enumerate(serials)
                if told.disks[index].volume_id not in handed
            }
            self._say("its disks' layers are copied")
            control.send(told)
            self._send_layers(control, told)
            messages.expect(control, messages.Ready)
            try:
                if handed:
                    sharing.note(self.host, self.wanted, self.going.migration_id)
                self._bring(machine, control, (mirrored, stack))
            except FAILURES:
                self._put_back(machine)
                raise
            # From here on it is the other host's, whoever hears of it when.
            entry = book.Entry(
                migration_id=self.going.migration_id,
                is_coming=False,
                proof=self.proof,
                is_given=True,
            )
            try:
                book.write(self.host.layout, self.wanted.id, entry)
            except OSError:
                self._put_back(machine)
                raise
            self.took.lap("written down")
            log.info("guest given away", instance=self.wanted.id, to=self.place.host_id)
            with contextlib.suppress(ChannelFailed):
                control.send(messages.Run(proof=self.proof))
                self.given()
                messages.expect(control, messages.Running)
                self.took.lap("resumed there")
                stood_ms, took_ms = self.took.total_ms, self.took.took_ms
                log.info(
                    "guest runs elsewhere",
                    instance=self.wanted.id,
                    stood_ms=stood_ms,
                    took_ms=took_ms,
                )

    def _bring(
        self,
        machine: Going,
        control: Connection,
        means: tuple[Mapping[int, str], contextlib.ExitStack],
    ) -> None:
        serials, stack = means
        directory = domain.directory_of(self.host.layout, self.wanted.id)
        self._say("its disks are mirrored")
        for index, serial in serials.items():
            path = directory / f"going-{index}.sock"
            stack.callback(self._offer(path, messages.DISK, index))
            machine.mirror(index, serial, path)
        self._wait_mirrors(machine, len(serials))
        self._say("its memory is sent")
        path = directory / "going-memory.sock"
        stack.callback(self._offer(path, messages.MEMORY, None))
        machine.send_memory(path)
        self._wait_memory(machine, len(serials))
        self.took = laps.Laps()
        # Its guest stands meanwhile, so a host that says nothing is not waited for.
        control.be_patient(STANDS_S)
        with ThreadPoolExecutor(2) as pool:
            spoken = pool.submit(self._conversations)
            self._say("it stands, and the rest is sent")
            machine.end_mirrors()
            self.took.lap("mirrors ended")
            control.send(messages.CloseDisks(conversations=spoken.result()))
            # Nobody is led to it here any more; if it stays, what was lost meanwhile is sent again.
            self.whereabouts.lead(self.wanted.id, self.going.to_host_id)
            pool.submit(self.host.network.follow)
            messages.expect(control, messages.Closed)
            self.took.lap("disks closed there")
            machine.send_rest()
            self.took.lap("the rest sent")
            messages.expect(control, messages.Restored)
            self.took.lap("whole there")

    def _put_back(self, machine: Going) -> None:
        sharing.take_back(self.host, self.wanted, (machine, self._call))
        self.whereabouts.forget(self.wanted.id)
        self.host.network.follow()

    def recover(self) -> None:
        """Put the guest back if an attempt before left it on its way; it was not given.

        Raises one of `FAILURES` when the other host may have its files, also if it has no machine
        any more.
        """
        seen = self.host.hypervisor.read(self.uuid)
        is_active = seen is not None and seen.is_active
        machine = Going(self.host.hypervisor, self.uuid) if is_active else None
        sharing.take_back(self.host, self.wanted, (machine, self._call))

    def _conversations(self) -> dict[str, tuple[Conversation, ...]]:
        """Return with whom the guest speaks; without that, it is asked for again as it goes on."""
        found: dict[str, tuple[Conversation, ...]] = {}
        left = conversations.TOLD_MAX
        for one in self.interfaces:
            try:
                those = self.host.network.conversations(one)[:left]
            except (OSError, process.Failed) as error:
                log.warning("conversations not read", interface=one.id, error=str(error))
                continue
            left -= len(those)
            found |= {one.id: those} if those else {}
        return found

    def _check_memory(self, machine: Going) -> None:
        """Raise `HypervisorFailed` for a machine whose memory could not go whole (`domain`)."""
        acceleration = self.host.traits.acceleration
        if machine.size_kib() != domain.memory_kib(self.wanted.memory_mib, acceleration):
            raise HypervisorFailed(
                "its machine was begun by an older agent, and what it writes to its memory while "
                "it goes could be lost: stop the instance, and start it"
            )

    def _look(self) -> tuple[GuestTold, list[str]]:
        """Return the guest's disks, and by which serial number its machine knows each; raises
        `HypervisorFailed` when it cannot go as it is."""
        layout = self.host.layout
        seen = self.host.hypervisor.read(self.uuid)
        if seen is None or seen.state is not DomainState.RUNNING:
            raise HypervisorFailed("its guest does not run")
        if seen.torn:
            raise HypervisorFailed("it has the device of a volume that was taken from it")
        told: list[DiskTold] = []
        serials: list[str] = []
        if self.wanted.disk is not None:
            path = domain.directory_of(layout, self.wanted.id) / domain.DISK_FILE
            told.append(DiskTold(size_bytes=layers.read_file(path).size_bytes))
            serials.append(OWN_SERIAL)
        for disk in sorted(seen.disks, key=lambda one: one.slot):
            told.append(_told(disk))
            serials.append(model.serial_of(disk.volume_id))
        self.total_bytes = sum(one.file_bytes for disk in told for one in disk.lower)
        return GuestTold(disks=tuple(told), cards=self._cards(seen)), serials

    def _cards(self, seen: SeenDomain) -> tuple[CardTold, ...]:
        """Return where the guest's network cards sit; raises `HypervisorFailed` while they are not
        those that it shall have."""
        layout = self.host.layout
        worn = {layout.tap(id): id for id in self.wanted.interface_ids}
        if sorted(nic.tap for nic in seen.nics) != sorted(worn):
            raise HypervisorFailed("a network card is being put into it, or taken out of it")
        return tuple(
            CardTold(interface_id=worn[nic.tap], bus=nic.place.bus, slot=nic.place.slot)
            for nic in sorted(seen.nics, key=lambda one: one.tap)
            if nic.place is not None
        )

    def _send_layers(self, control: Connection, told: GuestTold) -> None:
        for disk in told.disks:
            directory = volumes.directory_of(self.host.layout, disk.volume_id)
            for layer in disk.lower:
                self._check()
                with files.open_own(layers.path_of(directory, layer.number)) as file:
                    # The guest only reads it; who merged it would spoil the copy.
                    imagelocks.forbid_writing(file.fileno())
                    filecopies.send(control, file.fileno(), 0)
                self.done_bytes += layer.file_bytes
                self.changed()

    def _wait_mirrors(self, machine: Going, count: int) -> None:
        ends_at = time.monotonic() + DISKS_S
        while True:
            self._check()
            jobs = machine.mirrors()
            self.done_bytes = sum(job.current_progress for job in jobs)
            self.total_bytes = sum(job.total_progress for job in jobs)
            if len(jobs) < count or time.monotonic() > ends_at:
                raise HypervisorFailed("a disk could not be mirrored to the other host")
            if all(job.status == "ready" for job in jobs):
                return
            self._tell()
            time.sleep(_LOOK_S)

    def _wait_memory(self, machine: Going, count: int) -> None:
        """Wait until the guest stands, with all its memory sent but the last of it."""
        began_at = time.monotonic()
        patience = list(_PATIENCE)
        while True:
            seen = machine.memory()
            if seen.status == "pre-switchover":
                if len(machine.mirrors()) < count:
                    raise HypervisorFailed("a disk could not be mirrored to the other host")
                return
            if seen.status not in ("setup", "active", "device"):
                raise HypervisorFailed(f"its memory could not be sent: {seen.words or seen.status}")
            self._check()
            passed_s = time.monotonic() - began_at
            if passed_s > MEMORY_S:
                raise HypervisorFailed("its memory changes faster than it can be sent")
            if patience and passed_s > patience[0][0]:
                machine.allow_downtime(patience.pop(0)[1])
            self.done_bytes = seen.done_bytes
            self.total_bytes = seen.done_bytes + seen.left_bytes
            self._tell()
            # Each look is a question to QEMU, and what the guest stands before one is lost to it.
            is_near = seen.left_bytes < _NEAR_BYTES
            time.sleep(outgoing.LOOK_S if is_near else _LOOK_S)

    def _offer(self, path: Path, what: str, index: int | None) -> Callable[[], None]:
        """Listen for this host's QEMU at a socket, and carry what it says to the other host; return
        what ends that."""
        path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(str(path))
        disks.give_to_qemu(path)
        path.chmod(files.PRIVATE)
        listening.listen(1)

        def carry() -> None:
            with contextlib.suppress(OSError):
                near, _ = listening.accept()
                with contextlib.closing(near), contextlib.closing(self._call(what)) as far:
                    if index is not None:
                        far.send(DiskWish(index=index))
                    far.carry(near)

        threading.Thread(target=carry, daemon=True).start()

        def end() -> None:
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            listening.close()
            path.unlink(missing_ok=True)

        return end

    def _call(self, what: str) -> Connection:
        hello = Hello(
            what=what,
            id=self.wanted.id,
            move_id=self.going.migration_id,
            word=self.going.word,
        )
        return channel.connect(self.host.layout, self.place, hello)

    def _check(self) -> None:
        if self.cancelled.is_set():
            raise Cancelled("the migration was cancelled")

    def _say(self, step: str) -> None:
        self.step, self.done_bytes, self.told_at = step, 0, time.monotonic()
        self.changed()

    def _tell(self) -> None:
        """Have it told how far it is, now and then: whoever tells it has to look at the guest."""
        if time.monotonic() > self.told_at + _TELL_S:
            self.told_at = time.monotonic()
            self.changed()


def _told(disk: Disk) -> DiskTold:
    """Return what is told of a volume. Raises `OSError`."""
    if disk.is_shared:
        return DiskTold(volume_id=disk.volume_id, size_bytes=disk.path.stat().st_size)
    chain = layers.chain(disk.path.parent, int(disk.path.stem))
    lower = tuple(
        LayerTold(number=one.number, file_bytes=one.path.stat().st_size)
        for one in reversed(chain[1:])
    )
    return DiskTold(
        volume_id=disk.volume_id,
        lower=lower,
        face=chain[0].number,
        size_bytes=chain[0].size_bytes,
    )
