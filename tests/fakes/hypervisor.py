"""A whole hypervisor in memory, held to the same contract tests as libvirt.

Domains are what their XML says; guests do what a test tells them (`guest_powers_off`, `crash`), and
`press` says whether they listen to their power button.
"""

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

from mallee.model.compute.instances import Halt
from mallee.model.hosts.cpus import Cpu
from mallee.model.storage.datakeys import OpenedKey
from mallee.model.storage.volumes import Limits
from mallee.node.do.guests.hypervisor import AgentSilent, HypervisorAway, HypervisorFailed, Merge
from mallee.node.do.storage import filling, layers, volumes
from mallee.node.plan.guests import disks, domain
from mallee.node.plan.guests.disks import Disk
from mallee.node.plan.guests.seen import DomainState, Ended, SeenDomain

SCREEN = b"P6 2 1 255 \xff\x00\x00\x00\x00\xff"
"""What every screen shows: a red dot and a blue one."""
VNC_GREETING = b"RFB 003.008\n"
"""All that a screen's VNC server says, before it hangs up."""


@dataclass(slots=True)
class _Domain:
    seen: SeenDomain
    cloud: str
    xml: str
    is_rebooting: bool = False


class FakeHypervisor:
    """Domains of several clouds; this client is of the cloud `cloud`."""

    def __init__(self, cloud: str = "fake") -> None:
        self._cloud = cloud
        self._domains: dict[str, _Domain] = {}
        self._lock = threading.RLock()
        self._changed: Callable[[str], None] = lambda _: None
        self.is_away = False
        self.guests_listen = True
        """Whether guests power off when their button is pressed."""
        self.starts: list[str] = []
        """The instance of each start, in order."""
        self._keys: dict[str, OpenedKey] = {}
        """Those of volumes that guests had: QEMU has them in its memory."""
        self.fills: list[str] = []
        """The volume of each filling that was asked for."""
        self.has_room = True
        """Whether what guests write finds room; without, those stand again that are resumed."""
        self.keys_pressed = 0
        self.interrupts = 0
        self.agent: Callable[[str], str | None] | None = None
        """Answers as every guest's agent, nothing where it is silent; None: no guest has one."""

    # What the agent asks

    def version(self) -> str:
        self._check_here()
        return "fake 1.0"

    def cpu(self, acceleration: str) -> Cpu | None:
        self._check_here()
        return Cpu("fake", {"qemu64": 1})

    def read(self, uuid: str) -> SeenDomain | None:
        self._check_here()
        with self._lock:
            found = self._domains.get(uuid)
            return found.seen if found and found.cloud == self._cloud else None

    def list(self) -> tuple[SeenDomain, ...]:
        self._check_here()
        with self._lock:
            return tuple(d.seen for d in self._domains.values() if d.cloud == self._cloud)

    def define(self, xml: str) -> None:
        self._check_here()
        root = ElementTree.fromstring(xml)
        element = root.find(f"metadata/{{{domain.NAMESPACE}}}instance")
        uuid = root.findtext("uuid")
        assert uuid is not None
        mark = None if element is None else domain.decode_mark(ElementTree.tostring(element))
        with self._lock:
            old = self._domains.get(uuid)
            seen = SeenDomain(
                uuid=uuid,
                instance_id=mark.instance_id if mark else "",
                launch=mark.launch if mark else 0,
                state=old.seen.state if old else DomainState.OFF,
                ended=old.seen.ended if old else Ended.UNKNOWN,
                resets=old.seen.resets if old else 0,
                nics=domain.decode_nics(xml),
                disks=disks.decode(xml),
            )
            self._domains[uuid] = _Domain(seen, mark.cloud if mark else "", xml)
        self._tell(uuid)

    def start_paused(self, uuid: str) -> None:
        with self._lock:
            found = self._find(uuid)
            if found.seen.is_active:
                return
            self.starts.append(found.seen.instance_id)
            self._become(uuid, state=DomainState.PAUSED, ended=Ended.UNKNOWN)

    def resume(self, uuid: str) -> None:
        with self._lock:
            if not self._find(uuid).seen.is_active:
                raise HypervisorFailed("domain is not running")
            if self.has_room:
                self._become(uuid, state=DomainState.RUNNING, halt=None)

    def attach_nic(self, uuid: str, mac: str, xml: str) -> None:
        with self._lock:
            seen = self._find(uuid).seen
            if not seen.is_active:
                raise HypervisorFailed("domain is not running")
            new = domain.decode_nics(f"<domain><devices>{xml}</devices></domain>")
            if all(nic.mac != mac for nic in seen.nics):
                self._become(uuid, nics=seen.nics | new)

    def detach_nic(self, uuid: str, mac: str) -> None:
        with self._lock:
            seen = self._find(uuid).seen
            if not seen.is_active:
                raise HypervisorFailed("domain is not running")
            if self.guests_listen:
                self._become(uuid, nics=frozenset(nic for nic in seen.nics if nic.mac != mac))

    def attach_disk(
        self, uuid: str, disk: Disk, limits: Limits, key: OpenedKey | None = None
    ) -> None:
        with self._lock:
            self._check_on(uuid)
            assert disk.is_encrypted is (key is not None)
            if key is not None:
                self._keys[disk.volume_id] = key
            had = self._find(uuid).seen.disks
            if disk not in had:
                self._become(uuid, disks={**had, disk: limits})

    def detach_disk(self, uuid: str, disk: Disk) -> None:
        with self._lock:
            self._check_on(uuid)
            seen = self._find(uuid).seen
            had = dict(seen.disks)
            if self.guests_listen and (had.pop(disk, None) is not None or disk in seen.torn):
                self._become(uuid, disks=had, torn=seen.torn - {disk})

    def tear_out_disk(self, uuid: str, disk: Disk) -> None:
        with self._lock:
            self._check_on(uuid)
            seen = self._find(uuid).seen
            had = dict(seen.disks)
            if had.pop(disk, None) is not None:
                self._become(uuid, disks=had, torn=seen.torn | {disk})

    def resize_disk(self, uuid: str, target: str, size_bytes: int) -> None:
        with self._lock:
            disk = self._disk(uuid, target)
            volumes.enlarge(disk.path, size_bytes >> 30, self._keys.get(disk.volume_id))

    def limit_disk(self, uuid: str, target: str, limits: Limits) -> None:
        with self._lock:
            disk = self._disk(uuid, target)
            self._become(uuid, disks={**self._find(uuid).seen.disks, disk: limits})

    def cut_disks(
        self, uuid: str, cuts: Mapping[Disk, Path], keys: Mapping[str, OpenedKey]
    ) -> None:
        with self._lock:
            self._check_on(uuid)
            assert {disk.volume_id for disk in cuts if disk.is_encrypted} == keys.keys()
            had = self._find(uuid).seen.disks
            paths = {disk.target: path for disk, path in cuts.items()}
            now = {replace(it, path=paths.get(it.target, it.path)): n for it, n in had.items()}
            self._become(uuid, disks=now)

    def merge_layer(self, uuid: str, disk: Disk, merge: Merge) -> bool:
        with self._lock:
            self._check_on(uuid)
            if merge.top.exists():
                key = self._keys.get(disk.volume_id)
                layers.merge_down(merge.top.parent, int(merge.top.stem), key)
            return False

    def fill_disk(self, uuid: str, disk: Disk, mib_per_s: int, *, may_begin: bool) -> bool:
        with self._lock:
            self._check_on(uuid)
            if not may_begin:
                return False
            self.fills.append(disk.volume_id)
            filling.fill_now(disk.path, self._keys.get(disk.volume_id))
            return False

    def _disk(self, uuid: str, target: str) -> Disk:
        self._check_on(uuid)
        for disk in self._find(uuid).seen.disks:
            if disk.target == target:
                return disk
        raise HypervisorFailed(f"invalid path {target} not assigned to domain")

    def shut_down(self, uuid: str) -> None:
        with self._lock:
            if self.read(uuid) is None:
                return
            self._domains[uuid].is_rebooting = False
            if self.guests_listen:
                self.guest_powers_off(uuid)

    def reboot(self, uuid: str) -> None:
        with self._lock:
            if not self._find(uuid).seen.is_active:
                raise HypervisorFailed("domain is not running")
            self._domains[uuid].is_rebooting = True
            if self.guests_listen:
                self.guest_powers_off(uuid)

    def reset(self, uuid: str) -> None:
        with self._lock:
            found = self._find(uuid)
            if not found.seen.is_active:
                raise HypervisorFailed("domain is not running")
            self._become(uuid, resets=found.seen.resets + 1)

    def destroy(self, uuid: str) -> None:
        with self._lock:
            found = self.read(uuid)
            if found is not None and found.is_active:
                self._become(uuid, state=DomainState.OFF, ended=Ended.SWITCHED_OFF)

    def undefine(self, uuid: str) -> None:
        with self._lock:
            found = self.read(uuid)
            if found is None:
                return
            if found.is_active:
                raise HypervisorFailed("domain is running")
            del self._domains[uuid]
        self._tell(uuid, found.instance_id)

    def ask_monitor(self, uuid: str, command: str, arguments: Mapping[str, object]) -> object:
        """It has no QEMU."""
        self._check_on(uuid)
        raise HypervisorFailed(f"nobody here knows {command} {arguments}")

    def silent(self) -> tuple[str, ...]:
        return ()

    def check_done(self, uuid: str) -> None:
        self._check_on(uuid)

    def press_key(self, uuid: str) -> None:
        self._check_on(uuid)
        self.keys_pressed += 1

    def interrupt(self, uuid: str) -> None:
        self._check_on(uuid)
        self.interrupts += 1

    def ask_agent(self, uuid: str, command: str, timeout_s: int) -> str | None:
        self._check_on(uuid)
        if self.agent is None:
            return None
        answer = self.agent(command)
        if answer is None:
            raise AgentSilent("the guest's agent says nothing")
        return answer

    def fetch_screen(self, uuid: str) -> bytes:
        self._check_on(uuid)
        return SCREEN

    def open_screen(self, uuid: str) -> socket.socket:
        self._check_on(uuid)
        ours, its = socket.socketpair()
        with its:
            its.sendall(VNC_GREETING)
        return ours

    def watch(self, changed: Callable[[str], None]) -> None:
        self._changed = changed

    def close(self) -> None:
        self._changed = lambda _: None

    # What guests and people do

    def guest_powers_off(self, uuid: str) -> None:
        """The guest ends in order; when a reboot was asked for, it comes up again."""
        with self._lock:
            found = self._domains[uuid]
            if not found.seen.is_active:
                return
            if found.is_rebooting:
                found.is_rebooting = False
                self._become(uuid, resets=found.seen.resets + 1)
            else:
                self._become(uuid, state=DomainState.OFF, ended=Ended.BY_GUEST)

    def crash(self, uuid: str) -> None:
        """The guest's process dies."""
        self._become(uuid, state=DomainState.OFF, ended=Ended.CRASHED)

    def suspend(self, uuid: str) -> None:
        """Somebody pauses the guest."""
        self._become(uuid, state=DomainState.PAUSED)

    def fill_disk_up(self, uuid: str) -> None:
        """What the guest writes finds no room."""
        self.has_room = False
        self._become(uuid, state=DomainState.PAUSED, halt=Halt.NO_ROOM)

    def forget_ends(self) -> None:
        """The hypervisor, or the machine, is restarted: guests that were off tell no reason."""
        with self._lock:
            for uuid, found in list(self._domains.items()):
                if not found.seen.is_active:
                    self._become(uuid, ended=Ended.UNKNOWN)

    def restart_machine(self) -> None:
        """Every guest is off and nobody knows why; definitions are on disk."""
        with self._lock:
            for uuid in list(self._domains):
                self._become(uuid, state=DomainState.OFF, ended=Ended.UNKNOWN, resets=0)

    def _become(self, uuid: str, **changes: object) -> None:
        with self._lock:
            found = self._domains[uuid]
            found.seen = replace(found.seen, **changes)
        self._tell(uuid)

    def _check_on(self, uuid: str) -> None:
        if not self._find(uuid).seen.is_active:
            raise HypervisorFailed("domain is not running")

    def _find(self, uuid: str) -> _Domain:
        self._check_here()
        try:
            return self._domains[uuid]
        except KeyError:
            raise HypervisorFailed(f"no domain with UUID {uuid}") from None

    def _tell(self, uuid: str, instance_id: str = "") -> None:
        found = self._domains.get(uuid)
        self._changed(found.seen.instance_id if found else instance_id)

    def _check_here(self) -> None:
        if self.is_away:
            raise HypervisorAway("the fake hypervisor is away")
